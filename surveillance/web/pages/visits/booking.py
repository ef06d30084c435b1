"""Booking: which examinations, on which day, when and where, with all that follows from it before it is saved."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.errors import NotFoundError
from surveillance.operations.planning import preconditions
from surveillance.operations.visits import preview_effects
from surveillance.store.planning import plans
from surveillance.store.tables import Appointment, Patient
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages
from surveillance.web.pages.visits import trip_fields
from surveillance.web.pages.visits.booking_form import Booking, ahead, flags
from surveillance.web.pages.visits.trip_fields import listed
from surveillance.web.render import plural

pages = Pages(prefix="/patients")

BOOK: Final = "book"  # what the button that saves asks for; any other only shows what would happen


def _open(context: PageContext, patient: Patient, form: Form, *, strict: bool = False) -> Booking | None:
    plan = plans.active_plan(context.session, patient.id)
    return Booking(context, patient, plan, form, strict) if plan is not None else None


def _page(made: Booking, status: int | None = None) -> Response:
    return made.context.page(
        "visits/book.html",
        form=made.form,
        status=status,
        b=made,
        patient=made.patient,
        ahead=ahead(made),
        flags=flags(made.patient),
        back=made.context.back(""),
        fields=trip_fields,
        words=words,
    )


@pages.get("/{patient_id}/book", needs=Permission.WORK)
def book_form(context: PageContext, patient_id: UUID) -> Response:
    patient = context.patient(patient_id)
    query = context.request.query_params
    given = {name: query.getlist(name) for name in ("all", "trips", "day-0", "other-0")}
    made = _open(context, patient, Form({name: values for name, values in given.items() if values}))
    if made is None:
        return context.page("visits/no-plan.html", patient=patient, plans=plans.all_plans(context.session, patient.id))
    return _page(made, 200)


@pages.post("/{patient_id}/book", needs=Permission.WORK)
def book(context: PageContext, patient_id: UUID) -> Response:
    """Book every trip of the form, or show again what would happen."""
    patient = context.patient(patient_id)
    saving = context.form.value("do") == BOOK
    if saving:  # before anything is read: whoever books the same at this moment comes before or after, never between
        preconditions.lock(context.work, patient.id)
    made = _open(context, patient, context.form, strict=saving)
    if made is None:
        raise NotFoundError("the patient has no active plan any more")
    if not saving:
        return _page(made, 200)
    if meanwhile := made.taken():
        made.form.fault("examination", "; ".join(meanwhile))
    trips = made.read(made.form)
    made.form.text("note", "the note")
    if made.form.ok:
        with made.form.trying(context.session):
            rows = made.book(trips)
    if made.form.errors:
        trip_fields.say_plainly(made.form, made.proposer.titles, made.proposer.name)
        return _page(made)
    said = listed(trip_fields.when(trip) for trip in trips)
    return context.done(context.back(f"/patients/{patient.id}"), f"Booked: {said}.{_waiting(context, rows)}")


def _waiting(context: PageContext, rows: Sequence[Appointment]) -> str:
    number = sum(preview_effects.waiting(context.work, row) for row in rows)
    return f" {plural(number, 'message')} planned." if number else ""


@pages.post("/{patient_id}/book/live", needs=Permission.WORK)
def live(context: PageContext, patient_id: UUID, part: str = "") -> Response:
    """What the form has to say after a change: the days that are offered now, and what would happen."""
    patient = context.row(Patient, patient_id)
    made = _open(context, patient, context.form)
    if made is None:
        raise NotFoundError("the patient has no active plan any more")
    return context.page(
        "visits/_book-live.html",
        status=200,
        form=made.form,
        b=made,
        patient=patient,
        part=part,
        ahead=ahead(made),
        flags=flags(patient),
        fields=trip_fields,
        words=words,
    )
