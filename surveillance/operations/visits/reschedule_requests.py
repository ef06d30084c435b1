"""What a patient says of a visit: that they come, or that they need another day. The visit itself stays as it is.

A patient may say so by reply, on their own page or to a person; ``source`` tells which. Who acts was asked before.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.words import AppointmentState, Role, Source
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.tables import Appointment, RescheduleRequest

LONGEST = 1000  # characters of what somebody says
MOST_DAYS = 5
_REQUEST = ("source", "text", "days")
_SETTLED = ("settled_at", "settlement")


def confirm(work: Work, row: Appointment, source: Source) -> bool:
    """The patient says to come; False where that is known already. An open wish for another day is taken back.

    Raises:
        ConflictError: the visit is not booked, or has begun.
    """
    _must_lie_ahead(work, row)
    if row.confirmed_at is not None and open_request(work, row.id) is None:
        return False
    row.confirmed_at, row.confirmed_how = work.now, source
    work.session.flush()
    work.audit("visit.confirm", row, after=picture(row, ("day", "at", "confirmed_how")))
    close_of(work, row.id, "the patient comes on the day that was booked")
    return True


def request_reschedule(
    work: Work,
    row: Appointment,
    source: Source,
    text: str = "",
    days: Sequence[date] = (),
    inbound_id: UUID | None = None,
) -> RescheduleRequest:
    """The patient needs another day: work for the clinic. Asked again, the wish that waits says both.

    Raises:
        ConflictError: the visit is not booked, or has begun.
        InvalidInputError: too long a text, too many days, or a day that is past.
    """
    _must_lie_ahead(work, row)
    _check(work, row, text, days)
    request = open_request(work, row.id)
    before = picture(request, _REQUEST) if request else None
    if request is None:
        request = RescheduleRequest(
            site_id=row.site_id,
            patient_id=row.patient_id,
            appointment_id=row.id,
            source=source,
            inbound_id=inbound_id,
            created_at=work.now,
        )
        work.session.add(request)
    request.source, request.inbound_id = source, inbound_id or request.inbound_id
    request.text = "\n".join(dict.fromkeys(part for part in (request.text, text.strip()) if part))
    request.days = [day.isoformat() for day in dict.fromkeys(days)] or request.days
    row.confirmed_at, row.confirmed_how = None, None
    work.session.flush()
    work.audit("wish.add", request, before=before, after=picture(request, _REQUEST))
    return request


def close(work: Work, request: RescheduleRequest, how: str) -> None:
    """A person dealt with it. Raises ConflictError where somebody was quicker, InvalidInputError without a word."""
    work.require(request.site_id, Role.COORDINATOR, Role.CLINICIAN)
    if request.settled_at is not None:
        raise ConflictError(f"this wish was dealt with already: {request.settlement}")
    if not how.strip():
        raise InvalidInputError("say what became of the wish for another day")
    _close(work, request, how.strip())


def close_of(work: Work, appointment_id: UUID, how: str) -> None:
    """The visit was moved or called off, or the patient comes after all: nothing is left to do about the wish."""
    request = open_request(work, appointment_id)
    if request is not None:
        _close(work, request, how)


def open_request(work: Work, appointment_id: UUID) -> RescheduleRequest | None:
    """The wish for another day of a visit that waits."""
    statement = select(RescheduleRequest).where(
        RescheduleRequest.appointment_id == appointment_id, col(RescheduleRequest.settled_at).is_(None)
    )
    return work.session.exec(statement).first()


def _close(work: Work, request: RescheduleRequest, how: str) -> None:
    request.settled_at, request.settled_by, request.settlement = work.now, work.actor.user_id, how
    work.session.flush()
    work.audit("wish.settle", request, before={"settled_at": None}, after=picture(request, _SETTLED))


def _must_lie_ahead(work: Work, row: Appointment) -> None:
    if row.state is not AppointmentState.BOOKED:
        raise ConflictError("this visit is not booked any more")
    if row.starts_at is not None and row.starts_at <= work.now:
        raise ConflictError("this visit has begun or is over")


def _check(work: Work, row: Appointment, text: str, days: Sequence[date]) -> None:
    if len(text) > LONGEST:
        raise InvalidInputError(f"the text has {len(text)} characters, more than {LONGEST}")
    if len(days) > MOST_DAYS:
        raise InvalidInputError(f"name at most {MOST_DAYS} days")
    today = work.today(work.site(row.site_id))
    if past := [day for day in days if day <= today]:
        raise InvalidInputError(f"{past[0].isoformat()} is not after today")
