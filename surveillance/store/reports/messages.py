"""What reports count of the price of messages and of replies, grouped by the database, by the site's own months."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col

from surveillance.core.reports.costs import Kindred, Tally
from surveillance.core.words import AttemptState, Channel, Step
from surveillance.store.reports.examinations import number
from surveillance.store.tables import Attempt, Contact, Inbound, Patient, Reminder, Site

Months = Mapping[int, tuple[datetime, datetime]]  # month_number → the moments between which it lies by the site's clock

_NOT_TAKEN = (AttemptState.REFUSED, AttemptState.ABSENT)
_FAILED = (*_NOT_TAKEN, AttemptState.UNDELIVERED)


def costs(session: Session, site: Site, months: Months) -> tuple[dict[Kindred, Tally], dict[tuple[Kindred, str], int]]:
    """Attempts by month, channel, step and language, with the parts that they are billed by; and, by the same and the
    provider's code, how many failed. One look at each attempt gives both.
    """
    billed = sa.case(
        (col(Attempt.state).in_(_NOT_TAKEN), 0), else_=sa.func.coalesce(col(Attempt.parts), col(Attempt.text_parts), 0)
    )
    guessed = sa.and_(col(Attempt.parts).is_(None), col(Attempt.text_parts).is_not(None))
    ucs = sa.and_(col(Attempt.encoding) == "UCS-2", col(Attempt.state).not_in(_NOT_TAKEN))
    sums = (
        _sum(col(Attempt.ordinal) == 1, 1),
        sa.func.count(),
        _sum(col(Attempt.state) == AttemptState.DELIVERED, 1),
        _sum(col(Attempt.state).in_(_FAILED), 1),
        number(sa.func.sum(billed)),
        _sum(guessed, billed),
        _sum(ucs, billed),
        _sum(ucs, col(Attempt.gsm_parts)),
    )
    tallies: dict[Kindred, Tally] = {}
    codes: dict[tuple[Kindred, str], int] = {}
    for month, channel, step, language, code, *counted in _grouped(session, site, months, sums):
        kindred, tally = Kindred(month, site.code, channel, step, language), Tally(*counted)
        before = tallies.get(kindred, Tally(*[0] * len(tally)))
        tallies[kindred] = Tally(*map(sum, zip(before, tally, strict=True)))
        if tally.failed:
            codes[kindred, code] = tally.failed
    return tallies, codes


def _sum(condition: Any, value: Any) -> Any:
    return number(sa.func.sum(sa.case((condition, value), else_=0)))


def _grouped(session: Session, site: Site, months: Months, values: tuple[Any, ...]) -> Iterator[Any]:
    """``values`` of attempts by month, channel, step, language and the provider's code of an error."""
    at = col(Attempt.created_at)
    code = col(Attempt.error_code)
    keys = (_month(at, months), col(Attempt.channel), col(Reminder.step), col(Attempt.language), code)
    first, after = _span(months)
    statement = (
        sa.select(*keys, *values)
        .join(Reminder, col(Reminder.id) == col(Attempt.reminder_id))
        .where(col(Attempt.site_id) == site.id, at >= first, at < after)
        .group_by(*keys)
    )
    yield from session.connection().execute(statement)


def _month(at: Any, months: Months) -> Any:
    return sa.case(*((at < end, key) for key, (_, end) in sorted(months.items())), else_=None).label("month")


def _span(months: Months) -> tuple[datetime, datetime]:
    return min(start for start, _ in months.values()), max(end for _, end in months.values())


def received(session: Session, site: Site, months: Months) -> dict[tuple[int, str, str], tuple[int, int]]:
    """(month, site, meaning) → messages from phones of the site's patients, and their parts (1 where none was told)."""
    month, meaning = _month(col(Inbound.received_at), months), col(Inbound.keyword)
    first, after = _span(months)
    statement = (
        sa.select(month, meaning, sa.func.count(), number(sa.func.sum(sa.func.coalesce(col(Inbound.parts), 1))))
        .select_from(Inbound)
        .outerjoin(Patient, col(Patient.id) == col(Inbound.patient_id))
        .where(col(Inbound.received_at) >= first, col(Inbound.received_at) < after, _of_site(site.id))
        .group_by(month, meaning)
    )
    return {(row[0], site.code, row[1]): (row[2], row[3]) for row in session.connection().execute(statement)}


def _of_site(site_id: UUID) -> Any:
    holder = sa.exists().where(
        col(Contact.phone) == col(Inbound.from_number),
        col(Contact.site_id) == site_id,
        col(Contact.removed_at).is_(None),
    )
    nobody_named = sa.and_(col(Inbound.patient_id).is_(None), holder.correlate(Inbound))
    return sa.or_(col(Patient.site_id) == site_id, nobody_named)


def answers(session: Session, site: Site, months: Months) -> dict[tuple[int, str], int]:
    """(month, site) → answers that were handed over, by the service or by staff."""
    month, (first, after) = _month(col(Reminder.sent_at), months), _span(months)
    statement = (
        sa.select(month, sa.func.count())
        .where(col(Reminder.site_id) == site.id, col(Reminder.step) == Step.ANSWER)
        .where(col(Reminder.channel) == Channel.SMS, col(Reminder.sent_at) >= first, col(Reminder.sent_at) < after)
        .group_by(month)
    )
    return {(row[0], site.code): row[1] for row in session.connection().execute(statement)}
