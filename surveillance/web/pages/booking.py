"""Booking: which examinations, on which day, when and where, with all that follows from it before it is saved."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.errors import NotFoundError
from surveillance.operations import planning, rehearsing
from surveillance.store import plans
from surveillance.store.tables import Appointment, Patient
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import Form
from surveillance.web.pages import Pages, trip_fields
from surveillance.web.pages.booking_form import Booking, ahead, flags
from surveillance.web.pages.trip_fields import listed
from surveillance.web.render import plural

pages = Pages(prefix="/patients")

BOOK: Final = "book"  # what the button that saves asks for; any other only shows what would happen


def _open(desk: Desk, patient: Patient, form: Form, *, strict: bool = False) -> Booking | None:
    plan = plans.active_plan(desk.session, patient.id)
    return Booking(desk, patient, plan, form, strict) if plan is not None else None


def _page(made: Booking, status: int | None = None) -> Response:
    return made.desk.page(
        "booking/book.html",
        form=made.form,
        status=status,
        b=made,
        patient=made.patient,
        ahead=ahead(made),
        flags=flags(made.patient),
        back=made.desk.back(""),
        fields=trip_fields,
        words=words,
    )


@pages.get("/{patient_id}/book", needs=Permission.WORK)
def book_form(desk: Desk, patient_id: UUID) -> Response:
    patient = desk.patient(patient_id)
    query = desk.request.query_params
    given = {name: query.getlist(name) for name in ("all", "trips", "day-0", "other-0")}
    made = _open(desk, patient, Form({name: values for name, values in given.items() if values}))
    if made is None:
        return desk.page("booking/no-plan.html", patient=patient, plans=plans.all_plans(desk.session, patient.id))
    return _page(made, 200)


@pages.post("/{patient_id}/book", needs=Permission.WORK)
def book(desk: Desk, patient_id: UUID) -> Response:
    """Book every trip of the form, or show again what would happen."""
    patient = desk.patient(patient_id)
    saving = desk.form.value("do") == BOOK
    if saving:  # before anything is read: whoever books the same at this moment comes before or after, never between
        planning.lock(desk.work, patient.id)
    made = _open(desk, patient, desk.form, strict=saving)
    if made is None:
        raise NotFoundError("the patient has no active plan any more")
    if not saving:
        return _page(made, 200)
    if meanwhile := made.taken():
        made.form.fault("examination", "; ".join(meanwhile))
    trips = made.read(made.form)
    made.form.text("note", "the note")
    if made.form.ok:
        with made.form.trying(desk.session):
            rows = made.book(trips)
    if made.form.errors:
        trip_fields.say_plainly(made.form, made.proposer.titles, made.proposer.name)
        return _page(made)
    said = listed(trip_fields.when(trip) for trip in trips)
    return desk.done(desk.back(f"/patients/{patient.id}"), f"Booked: {said}.{_waiting(desk, rows)}")


def _waiting(desk: Desk, rows: Sequence[Appointment]) -> str:
    number = sum(rehearsing.waiting(desk.work, row) for row in rows)
    return f" {plural(number, 'message')} planned." if number else ""


@pages.post("/{patient_id}/book/live", needs=Permission.WORK)
def live(desk: Desk, patient_id: UUID, part: str = "") -> Response:
    """What the form has to say after a change: the days that are offered now, and what would happen."""
    patient = desk.row(Patient, patient_id)
    made = _open(desk, patient, desk.form)
    if made is None:
        raise NotFoundError("the patient has no active plan any more")
    return desk.page(
        "booking/_live.html",
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
