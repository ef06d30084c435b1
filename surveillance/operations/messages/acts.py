"""What a person does about a message: says what became of a task, or has it sent again."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.messages.planned import stem
from surveillance.core.messages.policy import BY_PERSON
from surveillance.core.words import ReminderState, Role, Step
from surveillance.operations.messages.events import turning
from surveillance.operations.messages.patient_context import PatientContext, patient_context
from surveillance.operations.messages.scheduling import planned_of
from surveillance.operations.messages.texts import statement
from surveillance.operations.work import Work, found
from surveillance.store.audit.events import picture
from surveillance.store.messages import reminders as store
from surveillance.store.tables import Reminder

CARERS = (Role.COORDINATOR, Role.CLINICIAN)
_TOLD = ("state", "reason", "resolution")


class TaskOutcome(StrEnum):
    """What became of a task: told the patient; the message in doubt had arrived; not reached; nothing to tell."""

    TOLD = "told"
    RECEIVED = "received"
    NOT_REACHED = "not_reached"
    NOT_NEEDED = "not_needed"


SETTLED = {
    TaskOutcome.TOLD: "the patient was told",
    TaskOutcome.RECEIVED: "the message had arrived",
    TaskOutcome.NOT_REACHED: "nobody was reached",
    TaskOutcome.NOT_NEEDED: "there was nothing to tell any more",
}


def done(work: Work, row: Reminder, outcome: TaskOutcome, note: str = "") -> Reminder:
    """A person dealt with a task. What the patient was told counts from now on, as if a message had said it.

    A message that failed or was not sent is no task, but a person may have told the patient all the same.

    Raises:
        ConflictError: it is no task, or somebody was quicker; the patient has been told.
        InvalidInputError: "received" of a message that was never handed over.
    """
    work.require(row.site_id, *CARERS)
    patient = found(store.lock_patient(work.session, row.patient_id), "patient", str(row.patient_id))
    work.session.refresh(row)
    others = [each for each in on_all_channels(work, row) if each.id != row.id]
    if row.state is not ReminderState.TASK and not (outcome is TaskOutcome.TOLD and may_be_told(row, others)):
        raise ConflictError(f"this message is {row.state}, not a task")
    if outcome is TaskOutcome.RECEIVED and row.sent_at is None:
        raise InvalidInputError("nothing was sent, so nothing can have been received; say 'told' or 'not_reached'")
    before = picture(row, _TOLD)
    if outcome is TaskOutcome.TOLD:
        _told(work, patient_context(work, patient), row)
        _void(work, others, "told by a person")
    reached = outcome in (TaskOutcome.TOLD, TaskOutcome.RECEIVED)
    with turning(work, row, f"settled by {work.actor.name}: {SETTLED[outcome]}{f' ({note})' if note else ''}"):
        row.state = ReminderState.DELIVERED if reached else ReminderState.FAILED
        row.resolved_at, row.resolved_by = work.now, work.actor.user_id
        row.resolution = f"{outcome}: {note}".rstrip(": ")
    work.audit("message.done", row, before=before, after=picture(row, _TOLD), reason=note)
    return row


def may_be_told(row: Reminder, others: Sequence[Reminder]) -> bool:
    """Whether a person may say of a message that did not go out, on whatever channel, that the patient was told.

    Not of one that a person has settled.
    """
    lost = row.state in (ReminderState.FAILED, ReminderState.DROPPED) and row.resolved_by is None
    return lost and all(each.sent_at is None for each in (row, *others))


def _void(work: Work, others: Iterable[Reminder], why: str) -> None:
    """The same message on other channels is not wanted any more."""
    for other in others:
        if other.state in (ReminderState.PLANNED, ReminderState.TASK):
            with turning(work, other):
                other.state, other.reason = ReminderState.VOIDED, why


def _told(work: Work, now: PatientContext, row: Reminder) -> None:
    row.sent_at = work.now
    if row.step is Step.ANSWER:
        return
    try:
        states = statement(now, planned_of(row))
    except InvalidInputError:
        return  # the visit has gone meanwhile; what was told of it is not known
    if states is not None:
        row.told_day, row.told_at, row.told_zone = states.day, states.at, states.zone
        row.told_place_id, row.told_cancelled = states.place_id, states.cancelled


def resend(work: Work, row: Reminder) -> Reminder:
    """Try a message again, which certainly was not sent; everything is read and decided again before it goes out.

    Raises:
        ConflictError: it was sent, or may have been; a person tells it; its useful time has ended.
    """
    work.require(row.site_id, *CARERS)
    store.lock_patient(work.session, row.patient_id)
    work.session.refresh(row)
    siblings = on_all_channels(work, row)
    if fault := not_again(work, row, siblings):
        raise ConflictError(f"this message is not sent again: {fault}")
    before = picture(row, _TOLD)
    with turning(work, row, f"to be tried again, by {work.actor.name}"):
        row.state, row.reason, row.attempts, row.not_before = ReminderState.PLANNED, "", 0, None
        row.resolved_at, row.resolved_by, row.resolution = None, None, ""
    _void(work, [each for each in siblings if each.id != row.id], "sent again on another channel")
    work.audit("message.resend", row, before=before, after=picture(row, _TOLD))
    return row


def on_all_channels(work: Work, row: Reminder) -> list[Reminder]:
    """The same message on all its channels."""
    return [each for each in store.of_patient(work.session, row.patient_id) if stem(each.key) == stem(row.key)]


def not_again(work: Work, row: Reminder, siblings: Sequence[Reminder] | None = None) -> str | None:
    """Why a message is not to be tried again; None where it may be."""
    all_channels = siblings if siblings is not None else on_all_channels(work, row)
    if any(each.sent_at is not None for each in all_channels):
        return "it was sent, or may have been"
    if row.channel in BY_PERSON:
        return f"it is told by {row.channel}; say what became of it"
    if row.state not in (ReminderState.FAILED, ReminderState.DROPPED, ReminderState.TASK):
        return f"it is {row.state}"
    return "its useful time has ended" if row.expires_at <= work.now else None
