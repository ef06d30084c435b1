"""The life of one message: what was planned, each call to a provider with all that came back, and what became of it."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.words import ReminderState
from surveillance.operations.csv_text import BOM, safe
from surveillance.operations.messages.acts import may_be_told, not_again, on_all_channels
from surveillance.operations.messages.events import of_message
from surveillance.operations.messages.lists import Line, line, text_of
from surveillance.operations.work import Work
from surveillance.store.audit.events import plain
from surveillance.store.messages import reminders as store
from surveillance.store.tables import (
    Appointment,
    Attempt,
    Callback,
    Contact,
    MessageEvent,
    Patient,
    Place,
    Reminder,
    User,
)

_AHEAD = (ReminderState.PLANNED, ReminderState.CLAIMED)
# The words of a provider's reports, which are Twilio's (see core.messages.delivery).
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

    @property
    def at(self) -> datetime:
        return self.attempt.created_at


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
    may_be_told: bool
    turns: Sequence[MessageEvent]

    @property
    def story(self) -> list[MessageEvent | Call]:
        """The turns and the calls in their order; of one moment, the turn follows from the call."""
        return sorted([*self.turns, *self.calls], key=_place)


def _place(each: MessageEvent | Call) -> tuple[datetime, int]:
    if isinstance(each, Call):
        return each.at, 1
    return each.at, 2 if each.ordinal else 0


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
        may_be_told(row, on_all_channels(work, row)),
        of_message(work, row),
    )


COLUMNS = (
    "at", "what", "channel", "state", "until", "times", "last_at", "reason", "to", "language", "text", "sender",
    "provider", "provider_id", "provider_status", "code", "parts",
)  # fmt: skip


def rows(found: Life) -> Iterator[dict[str, Any]]:
    """The life as lines for a program or a spreadsheet: turns, calls and reports, in their order, in UTC."""
    for each in found.story:
        if isinstance(each, MessageEvent):
            yield _line("turn", at=each.at, state=each.state, until=each.until, times=each.times, last_at=each.last_at,
                        reason=each.reason)  # fmt: skip
        else:
            yield from _of_call(each)


def _of_call(call: Call) -> Iterator[dict[str, Any]]:
    row = call.attempt
    yield _line(
        "call", at=row.created_at, channel=row.channel, state=row.state, reason=row.error_text, to=row.to_address,
        language=row.language, text=f"{row.subject}\n\n{row.body}" if row.subject else row.body, sender=row.sender,
        provider=row.transport, provider_id=row.provider_id, provider_status=row.provider_status, code=row.error_code,
        parts=row.parts if row.parts is not None else row.text_parts,
    )  # fmt: skip
    for report in call.reports:
        yield _line("report", at=report.received_at, channel=row.channel, provider=row.transport,
                    provider_id=report.provider_id, provider_status=report.status, code=report.error_code)  # fmt: skip


def _line(what: str, **values: Any) -> dict[str, Any]:
    return dict.fromkeys(COLUMNS) | {"what": what} | values


def as_csv(found: Life, *, bom: bool = False) -> str:
    """The life as a spreadsheet reads it."""
    out = io.StringIO(newline="")
    if bom:
        out.write(BOM)
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows(found):
        writer.writerow([safe(plain(row[name])) for name in COLUMNS])
    return out.getvalue()


def _call(work: Work, attempt: Attempt) -> Call:
    reports = select(Callback).where(Callback.attempt_id == attempt.id).order_by(col(Callback.received_at))
    return Call(attempt, _contact(work, attempt.contact_id), list(work.session.exec(reports)))


def _contact(work: Work, contact_id: UUID | None) -> Contact | None:
    return work.session.get(Contact, contact_id) if contact_id else None
