"""The messages that a change leaves planned, each at the local hour at which it goes out."""

from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType

from surveillance.cli import show
from surveillance.core.plain import CHANNEL as CHANNEL
from surveillance.core.plain import STEP as STEP
from surveillance.core.words import ReminderState
from surveillance.operations import conversation
from surveillance.operations.work import Work
from surveillance.store import reminders as store
from surveillance.store.tables import Appointment, Patient

_AHEAD = (ReminderState.PLANNED, ReminderState.CLAIMED, ReminderState.TASK, ReminderState.DROPPED)


@dataclass(frozen=True, slots=True)
class Message:
    """One planned message in words. ``when`` is local to the patient; ``why_not`` tells what a cap dropped."""

    what: str
    how: str
    when: str
    why_not: str
    data: dict[str, Any]


def of_visit(work: Work, patient: Patient, visit: Appointment) -> list[Message]:
    """What is planned about a visit: every change of a plan plans the patient's messages anew."""
    zone = patient.time_zone or work.site(patient.site_id).time_zone
    found = []
    for row in store.of_patient(work.session, patient.id):
        if row.appointment_id != visit.id or row.state not in _AHEAD:
            continue
        why_not = row.reason if row.state in (ReminderState.DROPPED, ReminderState.TASK) else ""
        data = {
            "step": row.step,
            "channel": row.channel,
            "due_at": row.due_at,
            "state": row.state,
            "reason": row.reason,
        }
        found.append(Message(STEP[row.step], CHANNEL[row.channel], show.moment(row.due_at, zone), why_not, data))
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
        show.add(found, message.when, message.what, message.how, message.why_not)
    return show.section(found, "none is planned for this visit.")
