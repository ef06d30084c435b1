"""All that was said with a patient: messages as they went out, replies, calls and notes, in the order of time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from surveillance.core import plain
from surveillance.core.words import AttemptState, ReminderState
from surveillance.operations.board.acts import WorklistAction
from surveillance.operations.messages import channel_choice
from surveillance.operations.registry.phones import readable
from surveillance.operations.work import Work
from surveillance.store.messages import reminders
from surveillance.store.tables import Attempt, BoardAction, Contact, Inbound, Patient, Reminder

LAST_HOUR = timedelta(hours=1)
_AHEAD = (ReminderState.PLANNED, ReminderState.CLAIMED)
_TROUBLE = (AttemptState.REFUSED, AttemptState.UNDELIVERED, AttemptState.IN_DOUBT, AttemptState.ABSENT)
_SAID = (WorklistAction.CALL.value, WorklistAction.NOTE.value)


class Side(StrEnum):
    OUT = "out"  # a message to the patient
    IN = "in"  # a reply
    STAFF = "staff"  # a call, a note, a task that a person took over


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was said. ``at`` in UTC; ``state`` how far it came, ``detail`` why not further.

    ``open`` asks a person for something: a reply to answer, a message to tell. ``user_id`` is who spoke, of the staff.
    """

    at: datetime
    side: Side
    what: str
    text: str = ""
    subject: str = ""
    state: str = ""
    detail: str = ""
    trouble: bool = False
    open: bool = False
    user_id: UUID | None = None
    reply_id: UUID | None = None
    reminder_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said, oldest first; ``ahead`` are the messages that are planned, soonest first."""

    entries: tuple[Entry, ...]
    ahead: tuple[Entry, ...]


def gather(work: Work, patient: Patient) -> Conversation:
    """The conversation with one patient, in few queries whatever its length."""
    rows = reminders.of_patient(work.session, patient.id)
    attempts = _attempts(work, rows)
    entries: list[Entry] = []
    for row in rows:
        entries += _told(row, attempts.get(row.id, []))
    entries += _replies(work, patient)
    entries += _actions(work, patient)
    ahead = sorted(_ahead(work, patient, rows), key=lambda entry: entry.at)
    return Conversation(tuple(sorted(entries, key=_place)), tuple(ahead))


def _ahead(work: Work, patient: Patient, rows: Sequence[Reminder]) -> Iterator[Entry]:
    """What is planned, by the way it would go as things stand."""
    planned = [row for row in rows if row.state in _AHEAD]
    found = channel_choice.of_planned(work, patient, planned)
    for row in planned:
        way = found[row.id]
        what = f"{plain.CHANNEL[way.channel]}, {plain.STEP[row.step]}"
        yield replace(_entry(row, _moment(row)), what=what, detail=", ".join(way.why))


def _place(entry: Entry) -> tuple[datetime, bool]:
    """By time; what the service answers within the same moment stands below the reply."""
    return entry.at, entry.side is not Side.IN


def handed_over(work: Work, patient: Patient) -> list[Reminder]:
    """What went out in the last hour and cannot be taken back (schedule rule 10)."""
    rows = reminders.of_patient(work.session, patient.id)
    return [row for row in rows if row.sent_at is not None and row.sent_at >= work.now - LAST_HOUR]


def _moment(row: Reminder) -> datetime:
    return max(row.due_at, row.not_before or row.due_at)


def _attempts(work: Work, rows: Sequence[Reminder]) -> dict[UUID, list[Attempt]]:
    found: dict[UUID, list[Attempt]] = {}
    statement = select(Attempt).where(col(Attempt.reminder_id).in_([row.id for row in rows]))
    for attempt in work.session.exec(statement.order_by(col(Attempt.ordinal))) if rows else ():
        found.setdefault(attempt.reminder_id, []).append(attempt)
    return found


def _told(row: Reminder, attempts: Sequence[Attempt]) -> Iterator[Entry]:
    """The calls to a provider for one message, then what a person did about it; a void one that never left is none."""
    for attempt in attempts:
        yield _attempt(row, attempt)
    if row.resolved_at is not None:
        what = f"{plain.CHANNEL[row.channel]} ({plain.STEP[row.step]}) settled"
        yield Entry(row.resolved_at, Side.STAFF, what, _resolution(row.resolution), user_id=row.resolved_by)
    elif row.state is ReminderState.TASK:
        yield _entry(row, row.changed_at, detail=row.reason, waits=True, trouble=True)
    elif not attempts and row.state in (ReminderState.FAILED, ReminderState.DROPPED):
        yield _entry(row, _moment(row), detail=row.reason, trouble=row.state is ReminderState.FAILED)


def _attempt(row: Reminder, attempt: Attempt) -> Entry:
    trouble = attempt.state in _TROUBLE
    why = " ".join(part for part in (attempt.error_text or attempt.failure, attempt.error_code) if part)
    return Entry(
        at=attempt.created_at,
        side=Side.OUT,
        what=f"{plain.CHANNEL[attempt.channel]} to {readable(attempt.to_address)}, {plain.STEP[row.step]}",
        text=attempt.body,
        subject=attempt.subject,
        state=plain.ATTEMPT[attempt.state],
        detail=why if trouble else "",
        trouble=trouble,
        reminder_id=row.id,
    )


def _entry(row: Reminder, at: datetime, *, detail: str = "", waits: bool = False, trouble: bool = False) -> Entry:
    what = f"{plain.CHANNEL[row.channel]}, {plain.STEP[row.step]}"
    state = plain.MESSAGE[row.state]
    return Entry(at, Side.OUT, what, row.text, "", state, detail, open=waits, trouble=trouble, reminder_id=row.id)


def _resolution(text: str) -> str:
    """``told: spoke to her mother`` as a sentence; the word before the colon is that of ``TaskOutcome``."""
    outcome, _, note = text.partition(": ")
    said = outcome.replace("_", " ")
    return f"{said}: {note}" if note else said


def _replies(work: Work, patient: Patient) -> Iterator[Entry]:
    """Messages from the numbers that the patient's contacts have, and had while they had them: later they may be
    anybody's. A shared number may be somebody else's."""
    phones = select(col(Contact.phone)).where(Contact.patient_id == patient.id, col(Contact.phone).is_not(None))
    had = (
        phones.where(Contact.phone == Inbound.from_number)
        .where(sa.or_(col(Contact.removed_at).is_(None), col(Inbound.received_at) <= col(Contact.removed_at)))
        .correlate(Inbound)
    )
    statement = select(Inbound).where(col(Inbound.from_number).in_(phones), had.exists())
    statement = statement.order_by(col(Inbound.received_at))
    for row in work.session.exec(statement):
        waits = row.handled_at is None
        yield Entry(
            at=row.received_at,
            side=Side.IN,
            what=f"Reply from {readable(row.from_number)}",
            text=row.body,
            state="waits for an answer" if waits else f"settled: {row.handling}",
            detail=row.why if waits and row.patient_id in (None, patient.id) else "",
            open=waits,
            user_id=row.handled_by,
            reply_id=row.id,
        )


def _actions(work: Work, patient: Patient) -> Iterable[Entry]:
    statement = select(BoardAction).where(BoardAction.patient_id == patient.id, col(BoardAction.kind).in_(_SAID))
    for row in work.session.exec(statement):
        yield Entry(
            row.at, Side.STAFF, "Call" if row.kind == WorklistAction.CALL else "Note", row.text, user_id=row.user_id
        )
