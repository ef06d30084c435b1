"""Finding messages among many: by list, patient, step, channel and local day, a page at a time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from surveillance.core.dates import DAY, to_utc
from surveillance.core.words import Channel, ReminderState, Step
from surveillance.operations.messages.lists import STATES, Line, Which, is_of, line
from surveillance.operations.registry.search import matching
from surveillance.operations.work import Work
from surveillance.store.tables import Patient, Reminder, Site

_NEWEST_FIRST = frozenset({Which.SENT, Which.FAILED})
_OPEN = (ReminderState.PLANNED, ReminderState.CLAIMED, ReminderState.IN_DOUBT, ReminderState.TASK)


@dataclass(frozen=True, slots=True)
class Search:
    """``text`` names patients, as wherever patients are looked for; ``day`` is the local day of each site."""

    which: Which = Which.UPCOMING
    text: str = ""
    step: Step | None = None
    channel: Channel | None = None
    day: date | None = None


def search(work: Work, sites: Sequence[Site], wanted: Search, skip: int = 0, limit: int = 50) -> list[Line]:
    """The messages of a list: what goes out next comes first, of what is over the newest."""
    moment = _moment(wanted.which)
    statement = (
        select(Reminder, Patient)
        .join(Patient, col(Patient.id) == col(Reminder.patient_id))
        .where(col(Reminder.site_id).in_([site.id for site in sites]), *_wanted(work, sites, wanted, moment))
    )
    order = moment.desc() if wanted.which in _NEWEST_FIRST else moment.asc()
    rows = work.session.exec(statement.order_by(order, col(Reminder.key)).offset(skip).limit(limit))
    return [line(work, row, patient) for row, patient in rows]


def _wanted(work: Work, sites: Sequence[Site], wanted: Search, moment: sa.ColumnElement[Any]) -> list[Any]:
    # In the words of the index "ix_reminder_sent", which is used only where they stand in the statement itself.
    was_sent = sa.text("reminder.state IN ('sent', 'delivered')")
    found: list[Any] = [was_sent if wanted.which is Which.SENT else is_of(wanted.which, work.now)]
    if wanted.which is Which.DOUBT:
        found.append(col(Reminder.sent_at).is_not(None))
    if wanted.step is not None:
        found.append(Reminder.step == wanted.step)
    if wanted.channel is not None:
        found.append(Reminder.channel == wanted.channel)
    if wanted.day is not None:
        found.append(sa.or_(sa.false(), *(_on(site, wanted.day, moment) for site in sites)))
    if wanted.text:
        found.append(matching(work, sites, wanted.text))
    return found


def _moment(which: Which) -> sa.ColumnElement[Any]:
    """When a message went out, or goes out as things stand. What was sent has an index for it."""
    row = Reminder
    if which is Which.SENT:
        return sa.inspect(row).columns.sent_at
    return sa.case(
        (col(row.sent_at).is_not(None), col(row.sent_at)),
        (col(row.not_before) > col(row.due_at), col(row.not_before)),
        else_=col(row.due_at),
    )


def _on(site: Site, day: date, moment: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    start, end = (to_utc(each, time(0), site.time_zone) for each in (day, day + DAY))
    return sa.and_(col(Reminder.site_id) == site.id, moment >= start, moment < end)


def waiting(work: Work, site_ids: Sequence[UUID]) -> Mapping[Which, int]:
    """How many messages are ahead, in doubt, and a person's to tell."""
    in_doubt = col(Reminder.sent_at).is_not(None)
    statement = (
        select(col(Reminder.state), in_doubt, sa.func.count())
        .where(col(Reminder.site_id).in_(list(site_ids)), col(Reminder.state).in_(_OPEN))
        .group_by(col(Reminder.state), in_doubt)
    )
    counts: Counter[Which] = Counter()
    for state, perhaps_sent, number in work.session.exec(statement):
        for which in (Which.UPCOMING, Which.DOUBT, Which.TASKS):
            if state in STATES[which] and (which is not Which.DOUBT or perhaps_sent):
                counts[which] += number
    return counts
