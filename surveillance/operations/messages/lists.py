"""Messages as a person looks at them: in lists, by their ids, and with what each says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import col, select

from surveillance.core.dates import local_day
from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.messages.planned import CAPPED
from surveillance.core.texts.turns import waits
from surveillance.core.words import Channel, ReminderState, Step
from surveillance.operations.messages.patient_context import patient_context, zone_of
from surveillance.operations.messages.scheduling import planned_of
from surveillance.operations.messages.texts import text_for
from surveillance.operations.wording import languages
from surveillance.operations.work import Work, found
from surveillance.store.messages import reminders as store
from surveillance.store.registry import patients
from surveillance.store.tables import Patient, Reminder


class Which(StrEnum):
    """What list of messages somebody looks at."""

    UPCOMING = "upcoming"
    SENT = "sent"
    FAILED = "failed"
    DOUBT = "doubt"
    TASKS = "tasks"


STATES = {
    Which.UPCOMING: (ReminderState.PLANNED, ReminderState.CLAIMED),
    Which.SENT: (ReminderState.SENT, ReminderState.DELIVERED),
    Which.FAILED: (ReminderState.FAILED, ReminderState.DROPPED),
    Which.DOUBT: (ReminderState.IN_DOUBT, ReminderState.TASK),
    Which.TASKS: (ReminderState.TASK,),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One message with the patient it is for. ``at`` is the moment it goes out, in the patient's own zone.

    ``why`` is the reason of its state; of one that waits, until when by the patient's clock, and what for.
    """

    row: Reminder
    patient: Patient
    at: datetime
    zone: str
    why: str


def listed(
    work: Work,
    site_ids: Iterable[UUID],
    which: Which | None = None,
    limit: int = 500,
    after: tuple[datetime, str] | None = None,
) -> list[Line]:
    """Messages of sites by the moment they go out, with the true local time (not the site's, not the server's).

    ``after`` begins behind a message, named by its ``standing``.
    """
    statement_ = (
        select(Reminder, Patient)
        .join(Patient, col(Patient.id) == col(Reminder.patient_id))
        .where(col(Reminder.site_id).in_(list(site_ids)))
    )
    if which is not None:
        statement_ = statement_.where(is_of(which, work.now))
    if which is Which.DOUBT:
        statement_ = statement_.where(col(Reminder.sent_at).is_not(None))
    next_at = sa.func.coalesce(col(Reminder.not_before), col(Reminder.due_at))
    if after is not None:
        moment, key = after
        statement_ = statement_.where(sa.or_(next_at > moment, sa.and_(next_at == moment, col(Reminder.key) > key)))
    rows = work.session.exec(statement_.order_by(next_at, col(Reminder.key)).limit(limit))
    return [line(work, row, patient) for row, patient in rows]


def standing(row: Reminder) -> tuple[datetime, str]:
    """Where a message stands in the list."""
    return row.not_before or row.due_at, row.key


def line(work: Work, row: Reminder, patient: Patient) -> Line:
    """One message at its moment in the patient's own time."""
    zone = zone_of(patient, work.site(row.site_id))
    moment = row.sent_at or max(row.due_at, row.not_before or row.due_at)
    return Line(row, patient, moment.astimezone(ZoneInfo(zone)), zone, _why(work, row, zone))


def _why(work: Work, row: Reminder, zone: str) -> str:
    if row.state is ReminderState.PLANNED and row.not_before and row.reason:
        return waits(row.not_before, row.reason, zone, local_day(work.now, zone))
    return row.reason


def is_of(which: Which, now: datetime) -> sa.ColumnElement[bool]:
    """What belongs to a list. With what goes out stands what a cap keeps from going out."""
    listed_ = col(Reminder.state).in_(STATES[which])
    if which is not Which.UPCOMING:
        return listed_
    kept_back = (col(Reminder.state) == ReminderState.DROPPED, col(Reminder.reason).startswith(CAPPED))
    return sa.or_(listed_, sa.and_(*kept_back, col(Reminder.expires_at) > now))


def upcoming(work: Work, site_ids: Iterable[UUID], limit: int = 500) -> list[Line]:
    """What goes out next: before a site goes live it reads tomorrow's messages here (rule 12)."""
    return listed(work, site_ids, Which.UPCOMING, limit)


def text_of(work: Work, row: Reminder, patient: Patient) -> str:
    """What a planned message would say if it went out now, as SMS; empty where it cannot be made."""
    if row.step is Step.ANSWER:
        return row.text
    now = patient_context(work, patient)
    contact = next(iter(patients.contacts(work.session, patient.id)), None)
    try:
        choice = languages.choose(work, now.site, contact.language if contact else None)
        sms = replace(planned_of(row), channel=Channel.SMS)
        return text_for(work, now, sms, choice.language, choice.locale, "").kept().sms
    except InvalidInputError:
        return ""


def message_named(work: Work, site_ids: Sequence[UUID], prefix: str) -> Reminder:
    """A message by the first digits of its id.

    Raises:
        InvalidInputError: no digits of an id.
        ConflictError: several begin so.
        NotFoundError: none does.
    """
    digits = prefix.replace("-", "").lower()
    if not digits or set(digits) - set("0123456789abcdef") or len(digits) > 32:
        raise InvalidInputError(f"{prefix!r} is no id of a message; 'messages list' shows them")
    rows = store.by_prefix(work.session, digits, site_ids)
    if len(rows) > 1:
        raise ConflictError(f"{prefix!r} names {len(rows)} messages; give more digits")
    return found(rows[0] if rows else None, "message", prefix)
