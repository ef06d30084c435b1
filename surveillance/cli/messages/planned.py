"""The messages that a change leaves planned, each at the local hour at which it goes out."""

from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType

from surveillance.cli import show
from surveillance.core.plain import CHANNEL, STEP
from surveillance.core.words import ReminderState
from surveillance.operations.messages import channel_choice
from surveillance.operations.record import conversation
from surveillance.operations.work import Work
from surveillance.store.messages import reminders as store
from surveillance.store.tables import Appointment, Patient

_AHEAD = (ReminderState.PLANNED, ReminderState.CLAIMED, ReminderState.TASK, ReminderState.DROPPED)


@dataclass(frozen=True, slots=True)
class Message:
    """One planned message in words. ``when`` is local to the patient; ``why`` not the first way, or not at all."""

    what: str
    how: str
    when: str
    why: str
    data: dict[str, Any]


def of_visit(work: Work, patient: Patient, visit: Appointment) -> list[Message]:
    """What is planned about a visit: every change of a plan plans the patient's messages anew."""
    zone = patient.time_zone or work.site(patient.site_id).time_zone
    rows = store.of_patient(work.session, patient.id)
    planned = [row for row in rows if row.appointment_id == visit.id and row.state in _AHEAD]
    found, by = [], channel_choice.of_planned(work, patient, planned)
    for row in planned:
        settled = row.state in (ReminderState.DROPPED, ReminderState.TASK)
        how = row.channel if settled else by[row.id].channel
        why = row.reason if settled else ", ".join(by[row.id].why)
        data = {
            "step": row.step,
            "channel": row.channel,
            "due_at": row.due_at,
            "state": row.state,
            "reason": row.reason,
        }
        found.append(Message(STEP[row.step], CHANNEL[how], show.moment(row.due_at, zone), why, data))
    return found


def handed_over(work: Work, patient: Patient) -> list[str]:
    """What went out in the last hour and cannot be taken back (schedule rule 10)."""
    zone = patient.time_zone or work.site(patient.site_id).time_zone
    return [
        f"Handed over at {show.moment(row.sent_at, zone)}: {CHANNEL[row.channel]}, {STEP[row.step]}"
        for row in conversation.handed_over(work, patient)
    ]


def shown(messages: list[Message]) -> RenderableType:
    found = show.table("Messages, in the patient's local time", "When", "What", "How", "")
    for message in messages:
        show.add(found, message.when, message.what, message.how, message.why)
    return show.section(found, "none is planned for this visit.")
