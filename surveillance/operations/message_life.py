"""The life of one message: what was planned, each call to a provider with all that came back, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.words import ReminderState
from surveillance.operations.message_lists import Line, line, not_again, text_of
from surveillance.operations.work import Work
from surveillance.store import reminders as store
from surveillance.store.tables import Appointment, Attempt, Callback, Contact, Patient, Place, Reminder, User

_AHEAD = (ReminderState.PLANNED, ReminderState.CLAIMED)
# The words of a provider's reports, which are Twilio's (see core.delivery).
REPORTS: Final[Mapping[str, str]] = {
    "accepted": "taken by the provider",
    "scheduled": "scheduled by the provider",
    "queued": "waiting at the provider",
    "sending": "being handed to the network",
    "sent": "handed to the network",
    "delivered": "arrived at the phone",
    "undelivered": "did not arrive",
    "failed": "could not be sent",
    "canceled": "called off at the provider",
    "read": "read",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call to a provider, whom it was for, and the reports that came back, as they came."""

    attempt: Attempt
    contact: Contact | None
    reports: Sequence[Callback]


@dataclass(frozen=True, slots=True)
class Life:
    """``text`` is what a message that is still ahead would say now; ``not_again`` why it is not sent again."""

    line: Line
    visit: Appointment | None
    place: Place | None
    contact: Contact | None
    calls: Sequence[Call]
    text: str
    settled_by: str
    not_again: str | None


def life(work: Work, row: Reminder) -> Life:
    """Everything that is known of a message."""
    session = work.session
    patient = session.get_one(Patient, row.patient_id)
    visit = session.get(Appointment, row.appointment_id) if row.appointment_id else None
    place = session.get(Place, visit.place_id) if visit and visit.place_id else None
    settled_by = session.get(User, row.resolved_by) if row.resolved_by else None
    text = text_of(work, row, patient) if row.state in _AHEAD else ""
    return Life(
        line(work, row, patient),
        visit,
        place,
        _contact(work, row.contact_id),
        [_call(work, attempt) for attempt in store.attempts(session, row.id)],
        text,
        settled_by.name if settled_by else "",
        not_again(work, row),
    )


def _call(work: Work, attempt: Attempt) -> Call:
    reports = select(Callback).where(Callback.attempt_id == attempt.id).order_by(col(Callback.received_at))
    return Call(attempt, _contact(work, attempt.contact_id), list(work.session.exec(reports)))


def _contact(work: Work, contact_id: UUID | None) -> Contact | None:
    return work.session.get(Contact, contact_id) if contact_id else None
