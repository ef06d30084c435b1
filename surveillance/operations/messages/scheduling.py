"""Planning a patient's messages anew: from what is true now to the rows that dispatch works on (section 4)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.messages.caps import apply_caps
from surveillance.core.messages.changes import ReminderChanges, Stored, reconcile_reminders
from surveillance.core.messages.planned import Due, Planned, Recipient, Visit, on_channel
from surveillance.core.messages.policy import BY_PERSON, Policy
from surveillance.core.messages.reminders import wanted_reminders
from surveillance.core.words import Channel, ReminderState, Step
from surveillance.operations.messages.events import Ledger, turning
from surveillance.operations.messages.patient_context import Course, PatientContext, patient_context
from surveillance.operations.work import Work
from surveillance.store.messages import reminders as store
from surveillance.store.tables import Appointment, Patient, Reminder, Site

GOES_ON = "goes on by "
DEAD = "the patient has died"
MOVED = "planned for another moment"
WANTED_AGAIN = "wanted again"


def refresh(work: Work, patient_id: UUID) -> ReminderChanges:
    """Make the stored messages of a patient equal to what the facts want; twice changes nothing.

    Called at the end of every change of a plan, a visit or a patient. What is on its way is left to dispatch, which
    reads everything again before it sends.
    """
    work.session.flush()
    patient = store.lock_patient(work.session, patient_id)
    return ReminderChanges() if patient is None else renew(work, patient)


def renew(
    work: Work, patient: Patient, course: Course | None = None, visits: Sequence[Appointment] | None = None
) -> ReminderChanges:
    """As ``refresh``, for a caller who has locked the patient; ``course`` and ``visits`` as in ``patient_context``."""
    now = patient_context(work, patient, course, visits)
    wanted = apply_caps(now.wanted(), now.sent(), now.policy, now.recipient.zone, work.now)
    changes = reconcile_reminders(wanted, [_stored(row) for row in now.rows if row.step is not Step.ANSWER], work.now)
    _write(work, now, changes)
    work.session.flush()
    return changes


def refresh_site(work: Work, site: Site) -> int:
    """Plan anew for everybody of a site: after its first day of messages, its hours or its zone changed."""
    ids = list(work.session.exec(select(col(Patient.id)).where(Patient.site_id == site.id)))
    for patient_id in ids:
        refresh(work, patient_id)
    return len(ids)


def with_planned(work: Work, site: Site) -> list[UUID]:
    """The patients of a site who have messages that are still to go out."""
    open_states = (ReminderState.PLANNED, ReminderState.DROPPED)
    statement = select(col(Reminder.patient_id)).where(Reminder.site_id == site.id).distinct()
    return sorted(work.session.exec(statement.where(col(Reminder.state).in_(open_states))))


def rows_for_new(
    policy: Policy, site_id: UUID, recipient: Recipient, visits: Sequence[Visit], dues: Iterable[Due], now: datetime
) -> list[Reminder]:
    """The messages of a patient who was told nothing yet, for a bulk insert; nothing is read or written."""
    wanted = wanted_reminders(policy, recipient, visits, dues, ())
    capped = apply_caps(wanted, {}, policy, recipient.zone, now)
    patient_id = UUID(recipient.patient_id)
    return [_row(planned, site_id, patient_id, now) for planned in capped if planned.expires_at > now]


def _stored(row: Reminder) -> Stored:
    """A row as reconciling sees it: what went out, or may have, stays whatever became of it afterwards."""
    state = ReminderState.IN_DOUBT if row.sent_at is not None else row.state
    appointment = str(row.appointment_id) if row.appointment_id else None
    return Stored(row.key, state, row.due_at, row.expires_at, appointment, row.sequence, row.reason)


def _write(work: Work, now: PatientContext, changes: ReminderChanges) -> None:
    rows = {row.key: row for row in now.rows}
    ledger = Ledger(work, _turning(now, changes))
    for planned in changes.add:
        work.session.add(_row(planned, now.site.id, now.patient.id, work.now))
    for planned in changes.reopen:
        with ledger.turning(rows[planned.key], WANTED_AGAIN, planned.due_at):
            _take_up(rows[planned.key], planned, work.now)
    for planned in changes.move:
        _move(work, ledger, rows[planned.key], planned)
    for planned in changes.drop:
        with ledger.turning(rows[planned.key]):
            _set(rows[planned.key], planned, work.now)
    for key, reason in changes.void:
        with ledger.turning(rows[key]):
            rows[key].state, rows[key].reason = ReminderState.VOIDED, reason
    if not now.recipient.alive:
        _close_tasks(ledger, now)


def _turning(now: PatientContext, changes: ReminderChanges) -> list[Reminder]:
    """The messages that take a turn. Nobody calls the dead: what was a task is none any more."""
    moved = {each.key: each.due_at for each in changes.move}
    keys = {*(each.key for each in (*changes.reopen, *changes.drop)), *(key for key, _ in changes.void)}
    return [
        row
        for row in now.rows
        if row.key in keys
        or row.due_at != moved.get(row.key, row.due_at)
        or (row.state is ReminderState.TASK and not now.recipient.alive)
    ]


def _move(work: Work, ledger: Ledger, row: Reminder, planned: Planned) -> None:
    """Other facts of the same message; it is a turn only where it goes out at another moment."""
    if planned.due_at == row.due_at:
        _set(row, planned, work.now)
        return
    with ledger.turning(row, MOVED, planned.due_at):
        _set(row, planned, work.now)


def _take_up(row: Reminder, planned: Planned, now: datetime) -> None:
    """As if it had never been tried."""
    row.attempts, row.not_before, row.resolved_at, row.resolved_by, row.resolution = 0, None, None, None, ""
    _set(row, planned, now)


def _row(planned: Planned, site_id: UUID, patient_id: UUID, now: datetime) -> Reminder:
    row = Reminder(
        site_id=site_id,
        patient_id=patient_id,
        key=planned.key,
        step=planned.step,
        channel=planned.channel,
        subject_day=planned.subject_day,
        due_at=planned.due_at,
        expires_at=planned.expires_at,
        created_at=now,
        changed_at=now,
    )
    _set(row, planned, now)
    return row


def _set(row: Reminder, planned: Planned, now: datetime) -> None:
    """What is planned, in the row. What a person has to tell is work from the moment it is due."""
    row.due_at, row.expires_at, row.subject_day = planned.due_at, planned.expires_at, planned.subject_day
    row.appointment_id = UUID(planned.appointment_id) if planned.appointment_id else None
    row.sequence = planned.sequence
    row.state, row.reason = ReminderState.PLANNED, ""
    if planned.dropped is not None:
        row.state, row.reason = ReminderState.DROPPED, planned.dropped
    elif planned.channel in BY_PERSON and planned.due_at <= now:
        row.state, row.reason = ReminderState.TASK, f"to be told by {planned.channel}"
    row.changed_at = now


def _close_tasks(ledger: Ledger, now: PatientContext) -> None:
    """Nobody calls the dead, not even to ask whether a message arrived."""
    for row in now.rows:
        if row.state is ReminderState.TASK:
            with ledger.turning(row):
                row.state, row.reason = ReminderState.VOIDED, DEAD


def fallback(work: Work, row: Reminder, channel: Channel, reason: str) -> Reminder | None:
    """The same message on another channel, whose row is made or taken up again; None where it went out already.

    The row that failed keeps its reason. It is nobody's work: the other channel's row is, until that one has an end.
    """
    with turning(work, row):
        row.state, row.reason, row.claimed_until = ReminderState.FAILED, reason, None
        row.resolved_at, row.resolution = work.now, f"{GOES_ON}{channel}"
    planned = replace(planned_of(row), key=on_channel(row.key, channel), channel=channel)
    work.session.flush()
    known = store.by_key(work.session, planned.key)
    if known is not None and (known.sent_at is not None or known.state in _TAKEN):
        return None
    other = known or _row(planned, row.site_id, row.patient_id, work.now)
    if known is None:
        other.text, other.to_address, other.language = row.text, row.to_address, row.language
        work.session.add(other)
    instead = f"instead of {row.channel}: {reason}"
    with turning(work, other, instead, planned.due_at, born=known is None):
        _take_up(other, planned, work.now)
        if other.state is ReminderState.TASK:
            other.reason = f"{reason}; to be told by {channel}"
    work.session.flush()
    return other


_TAKEN = (ReminderState.PLANNED, ReminderState.CLAIMED, ReminderState.TASK, ReminderState.DELIVERED)


def planned_of(row: Reminder) -> Planned:
    """A stored message as the core knows it."""
    return Planned(
        key=row.key,
        step=row.step,
        channel=row.channel,
        subject_day=row.subject_day,
        appointment_id=str(row.appointment_id) if row.appointment_id else None,
        sequence=row.sequence,
        due_at=row.due_at,
        expires_at=row.expires_at,
    )
