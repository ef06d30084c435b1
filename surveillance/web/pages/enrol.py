"""Enrolling: one form for who it is, how to reach them and what to repeat, with the schedule drawn as it is filled in.

Everything is a plain form first: adding a row and showing the schedule send it and give it back as it was typed.
"""

from typing import Any, Final
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.words import AppointmentState, Role
from surveillance.operations import editing, enrolment, previewing, registry
from surveillance.store import appointments, patients, plans
from surveillance.store.tables import Patient, Plan, Site
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import Form
from surveillance.web.pages import Pages, person_fields, plan_fields
from surveillance.web.pages.enrolling import Enrolling, drawn
from surveillance.web.render import day

pages = Pages(prefix="/patients")

# What the buttons at the end ask for; whatever else a button asks only shows the form again.
ENROL: Final = "enrol"
REGISTER: Final = "register"


def _page(enrolling: Enrolling, status: int | None = None) -> Response:
    template = "enrol/registered.html" if enrolling.patient else "enrol/new.html"
    likely = [] if enrolling.patient else enrolling.likely()
    return _shown(enrolling, template, status, likely=likely, schedule=drawn(enrolling))


def _shown(enrolling: Enrolling, template: str, status: int | None, **values: Any) -> Response:
    return enrolling.desk.page(
        template, form=enrolling.form, status=status, e=enrolling, fields=person_fields, plan=plan_fields, **values
    )


# -- somebody new ----------------------------------------------------------------------------------------------


@pages.get("/new", needs=Permission.RECORD)
def new(desk: Desk) -> Response:
    site = desk.chosen_sites[0]
    mine = any(user.id == desk.user.id for user in previewing.staff(desk.work, site, Role.COORDINATOR))
    form = Form.filled(site=site.code, owner_id=desk.user.id if mine else None)
    return _page(Enrolling(desk, form, site))


@pages.post("/new", needs=Permission.RECORD)
def register(desk: Desk) -> Response:
    """Register, with or without a plan; or show the form again with one row more, or with its schedule."""
    enrolling = Enrolling(desk, desk.form, _site(desk))
    asked = desk.form.value("do")
    if asked not in (ENROL, REGISTER):
        return _shown_again(enrolling, asked)
    person, made, owner = _read(enrolling, with_plan=asked == ENROL)
    if desk.form.ok:
        with desk.form.trying(desk.session):
            patient = registry.add_patient(desk.work, enrolling.site, person)
            if owner is not None:
                editing.edit_patient(desk.work, patient, {"owner_id": owner})
            plan = enrolment.enrol(desk.work, patient, made) if made else None
    if desk.form.errors:
        return _page(enrolling)
    return desk.done(f"/patients/{patient.id}", _enrolled(desk, patient, plan))


def _site(desk: Desk) -> Site:
    code = desk.form.value("site")
    return desk.site(code) if code else desk.sites[0]


def _shown_again(enrolling: Enrolling, asked: str) -> Response:
    if plan_fields.asks_for_rows(asked):
        name = asked.split("-")[1]
        enrolling.form = plan_fields.with_rows(enrolling.form, asked)
        enrolling.opened = f"{name}-{plan_fields.rows(enrolling.form, name)[-1]}"
    return _page(enrolling, 200)


def _read(
    enrolling: Enrolling, *, with_plan: bool
) -> tuple[registry.NewPatient, enrolment.Enrolment | None, UUID | None]:
    """The whole form; every mistake of it stands on the form afterwards, in the order of the page."""
    form, work, site = enrolling.form, enrolling.desk.work, enrolling.site
    taken = patients.by_mrn(work.session, site.id, form.value("mrn"))
    if taken is not None:
        enrolling.desk.looked(taken, action="patient.find")
        form.fault("mrn", f"MRN {taken.mrn} is taken at {site.short_name}: {taken.given_name} {taken.family_name}")
    person = person_fields.identity(form, enrolling.today)
    read = [person_fields.contact(form, f"contact-{row}-", work, site) for row in enrolling.contacts]
    made = plan_fields.draft(form, enrolling.protocols, enrolling.born, enrolling.today) if with_plan else None
    owners = {user.id for user in enrolling.owners}
    owner = form.record("owner_id", "who looks after the patient", required=False)
    if owner is not None and owner not in owners:
        form.fault("owner_id", "Choose who looks after the patient from the list")
    whole = registry.NewPatient(
        **{name: getattr(person, name) for name in person.__slots__} | {"contacts": _some(read)}
    )
    return whole, plan_fields.enrolment(made) if made else None, owner


def _some(read: list[registry.NewContact | None]) -> list[registry.NewContact]:
    return [one for one in read if one is not None]


def _enrolled(desk: Desk, patient: Patient, plan: Plan | None) -> str:
    name = f"{patient.given_name} {patient.family_name}".strip()
    if plan is None:
        return f"{name} is registered. There is no plan yet: that stands on the board."
    visits = appointments.of_plan(desk.session, plan.id, AppointmentState.PROPOSED)
    first = min((visit.day for visit in visits), default=None)
    return f"{name} is enrolled." + (f" The first trip is proposed for {day(first)}." if first else "")


@pages.post("/new/live", needs=Permission.RECORD)
def live(desk: Desk, part: str = "") -> Response:
    """What the form has to say after a change: who may be here already, the phones as understood, the schedule."""
    return _live(Enrolling(desk, desk.form, _site(desk)), part)


def _live(enrolling: Enrolling, part: str) -> Response:
    """``part``: ``who``, ``protocol`` (its examinations and the schedule) or ``schedule``; without one, all."""
    likely = [] if enrolling.patient or part not in ("", "who") else enrolling.likely()
    schedule = None if part == "who" else drawn(enrolling)
    return _shown(enrolling, "enrol/_live.html", 200, part=part, likely=likely, schedule=schedule)


# -- somebody who is registered already ------------------------------------------------------------------------


@pages.get("/{patient_id}/enrol", needs=Permission.RECORD)
def registered(desk: Desk, patient_id: UUID) -> Response:
    return _registered(desk, patient_id, desk.form)


def _registered(desk: Desk, patient_id: UUID, form: Form) -> Response:
    patient = desk.patient(patient_id)
    enrolling = Enrolling(desk, form, desk.work.site(patient.site_id), patient)
    if patient.died_on is not None or plans.all_plans(desk.session, patient.id):
        return desk.page("enrol/planned.html", patient=patient, plans=plans.all_plans(desk.session, patient.id))
    return _page(enrolling)


@pages.post("/{patient_id}/enrol", needs=Permission.RECORD)
def enrol(desk: Desk, patient_id: UUID) -> Response:
    """Give somebody who is registered a plan; or show the form again with one row more, or with its schedule."""
    patient = desk.patient(patient_id)
    enrolling = Enrolling(desk, desk.form, desk.work.site(patient.site_id), patient)
    asked = desk.form.value("do")
    if asked != ENROL:
        return _shown_again(enrolling, asked)
    made = plan_fields.draft(desk.form, enrolling.protocols, patient.birth_date, enrolling.today)
    if desk.form.ok and made is not None:
        with desk.form.trying(desk.session):
            plan = enrolment.enrol(desk.work, patient, plan_fields.enrolment(made))
    if desk.form.errors:
        return _page(enrolling)
    return desk.done(f"/patients/{patient.id}", _enrolled(desk, patient, plan))


@pages.post("/{patient_id}/enrol/live", needs=Permission.RECORD)
def live_registered(desk: Desk, patient_id: UUID, part: str = "") -> Response:
    patient = desk.patient(patient_id)
    return _live(Enrolling(desk, desk.form, desk.work.site(patient.site_id), patient), part)
