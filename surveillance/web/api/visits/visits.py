"""Visits: proposed and booked, moved and cancelled, and what became of each examination."""

from collections.abc import Iterable, Sequence
from datetime import date, time
from typing import Annotated
from uuid import UUID

from fastapi import Query
from sqlmodel import col, select

from surveillance.core.errors import ConflictError
from surveillance.core.schedule.examinations import Key
from surveillance.core.words import AppointmentState
from surveillance.operations.messages.patient_context import zone_of
from surveillance.operations.visits import booking, outcomes
from surveillance.operations.visits.booking import Visit
from surveillance.operations.visits.outcomes import OutcomeOf
from surveillance.store.tables import Appointment, AppointmentItem, Place, Reminder, Study
from surveillance.store.visits import appointments as store
from surveillance.web.access import Permission
from surveillance.web.api import paging
from surveillance.web.api.call import Call
from surveillance.web.api.models.common import Day
from surveillance.web.api.models.studies import StudyPublic
from surveillance.web.api.models.visits import (
    ItemAndReason,
    MessageLine,
    OutcomesCreate,
    VisitCancel,
    VisitCreate,
    VisitDetail,
    VisitLine,
    VisitMove,
    VisitPublic,
)
from surveillance.web.api.paging import Page, PagingDep
from surveillance.web.api.routing import Endpoints
from surveillance.web.api.visits.studies import public_study

endpoints = Endpoints("Visits")


@endpoints.get("/visits", needs=Permission.VIEW)
def list_visits(
    call: Call,
    page: PagingDep,
    site_id: Annotated[UUID | None, Query(description="Only at this site.")] = None,
    patient_id: Annotated[UUID | None, Query(description="Only of this patient.")] = None,
    first: Annotated[Day | None, Query(alias="from", description="On this day or later.")] = None,
    last: Annotated[Day | None, Query(alias="until", description="On this day or earlier.")] = None,
    state: Annotated[
        list[AppointmentState] | None,
        Query(description="In one of these states. `proposed`: the days that would suit."),
    ] = None,
) -> Page[VisitPublic]:
    """Visits by day, proposed ones too."""
    statement = select(Appointment).where(col(Appointment.site_id).in_(call.site_ids(site_id)))
    if patient_id is not None:
        statement = statement.where(Appointment.patient_id == call.patient(patient_id).id)
    if first is not None:
        statement = statement.where(col(Appointment.day) >= first)
    if last is not None:
        statement = statement.where(col(Appointment.day) <= last)
    if state:
        statement = statement.where(col(Appointment.state).in_(state))
    found, following = paging.rows(call, statement, [(Appointment.day, date), (Appointment.id, UUID)], page)
    call.looked(*((row.patient_id, row.site_id) for row in found))
    return Page(items=public_visits(call, found), next=following)


@endpoints.get("/visits/{visit_id}", needs=Permission.VIEW)
def get_visit(call: Call, visit_id: UUID) -> VisitDetail:
    """One visit with its examinations and the messages about it."""
    return _detail(call, _visit(call, visit_id))


@endpoints.post("/patients/{patient_id}/visits", needs=Permission.WORK, created="/visits")
def book_visit(call: Call, patient_id: UUID, new: VisitCreate) -> VisitDetail:
    """Book one trip. With `dry_run` it shows which messages would go out when, before anything is saved."""
    patient = call.patient(patient_id)
    keys = [Key(each.item, each.month, str(each.extra_id) if each.extra_id else None) for each in new.examinations]
    visit = Visit(new.day, new.at, _place(call, new.place_id), keys, new.minutes, new.note)
    return _detail(call, booking.book(call.work, patient, visit))


@endpoints.post("/visits/{visit_id}/move", needs=Permission.WORK)
def move_visit(call: Call, visit_id: UUID, new: VisitMove) -> VisitDetail:
    """Put a booked visit on another day, time or place. The patient is told ten minutes after the last edit."""
    row = _visit(call, visit_id)
    place_id = new.place_id or row.place_id
    if place_id is None:
        raise ConflictError(f"the visit of {row.day} is {row.state}, not booked")
    visit = Visit(new.day or row.day, new.at or row.at or time(), _place(call, place_id), (), row.minutes, row.note)
    return _detail(call, booking.move(call.work, row, visit, new.reason))


@endpoints.post("/visits/{visit_id}/cancel", needs=Permission.WORK)
def cancel_visit(call: Call, visit_id: UUID, new: VisitCancel) -> VisitDetail:
    """Cancel a booked visit or some of its examinations, which are to be booked again at once."""
    row = _visit(call, visit_id)
    booking.cancel(call.work, row, new.reason, items=new.items)
    return _detail(call, row)


@endpoints.post("/visits/{visit_id}/accept", needs=Permission.WORK)
def accept_visit(call: Call, visit_id: UUID, new: ItemAndReason) -> VisitDetail:
    """Keep a booking although the window moved away from it: the conflict is settled."""
    row = _visit(call, visit_id)
    booking.accept(call.work, row, new.item, new.reason)
    return _detail(call, row)


@endpoints.post("/visits/{visit_id}/outcomes", needs=Permission.WORK)
def record_outcomes(call: Call, visit_id: UUID, new: OutcomesCreate) -> Page[StudyPublic]:
    """Say what became of each examination. Answers with the studies that prove what was performed."""
    told = [OutcomeOf(**each.model_dump()) for each in new.outcomes]
    made: Sequence[Study] = outcomes.record(call.work, _visit(call, visit_id), told)
    return Page(items=[public_study(call, study) for study in made], next=None)


@endpoints.post("/visits/{visit_id}/reopen", needs=Permission.WORK)
def reopen_visit(call: Call, visit_id: UUID, new: ItemAndReason) -> VisitDetail:
    """A recorded "not done" or "did not come" was wrong. What was performed is taken back by retracting its study."""
    row = _visit(call, visit_id)
    outcomes.reopen(call.work, row, new.item, new.reason)
    return _detail(call, row)


def _visit(call: Call, visit_id: UUID) -> Appointment:
    return call.row(Appointment, visit_id, "visit")


def _place(call: Call, place_id: UUID) -> Place:
    return call.row(Place, place_id, "place")


# -- as they are shown -------------------------------------------------------------------------------------------


def public_visits(call: Call, rows: Sequence[Appointment]) -> list[VisitPublic]:
    lines = store.lines_of(call.session, [row.id for row in rows])
    return [_public(row, lines.get(row.id, [])) for row in rows]


def _public(row: Appointment, lines: Iterable[AppointmentItem]) -> VisitPublic:
    shown = [VisitLine.model_validate(line) for line in lines]
    return VisitPublic.model_validate(row.model_dump() | {"examinations": shown}, extra="ignore")


def _detail(call: Call, row: Appointment) -> VisitDetail:
    visit = _public(row, store.lines(call.session, row.id))
    statement = select(Reminder).where(Reminder.appointment_id == row.id)
    planned = call.session.exec(statement.order_by(col(Reminder.due_at), col(Reminder.key)))
    zone = zone_of(call.patient_of(row), call.work.site(row.site_id))
    messages = [_message(each, zone) for each in planned]
    return VisitDetail(**visit.model_dump(), messages=messages)


def _message(row: Reminder, zone: str) -> MessageLine:
    moment = row.sent_at or max(row.due_at, row.not_before or row.due_at)
    return MessageLine(
        id=row.id, step=row.step, channel=row.channel, state=row.state, at=moment, zone=zone, reason=row.reason
    )
