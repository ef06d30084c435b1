"""Enrolling: one form for who it is, how to reach them and what to repeat, with the schedule drawn as it is filled in.

Everything is a plain form first: adding a row and showing the schedule send it and give it back as it was typed.
"""

from typing import Any, Final
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.words import AppointmentState, Role
from surveillance.operations.care import corrections, enrolment
from surveillance.operations.planning import previewing
from surveillance.operations.registry import patients as registry_patients
from surveillance.store.planning import plans
from surveillance.store.registry import patients
from surveillance.store.tables import Patient, Plan, Site
from surveillance.store.visits import appointments
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.care import choice_fields, plan_fields
from surveillance.web.pages.care.enrolment_form import Enrolling, drawn
from surveillance.web.pages.registry import person_fields
from surveillance.web.pages.routing import Pages
from surveillance.web.render import day

pages = Pages(prefix="/patients")

# What the buttons at the end ask for; whatever else a button asks only shows the form again.
ENROL: Final = "enrol"
REGISTER: Final = "register"


def _page(enrolling: Enrolling, status: int | None = None) -> Response:
    template = "care/enrol-registered.html" if enrolling.patient else "care/enrol.html"
    likely = [] if enrolling.patient else enrolling.likely()
    return _shown(enrolling, template, status, likely=likely, schedule=drawn(enrolling))


def _shown(enrolling: Enrolling, template: str, status: int | None, **values: Any) -> Response:
    shared = {"e": enrolling, "fields": person_fields, "plan": plan_fields, "choice": choice_fields}
    return enrolling.context.page(template, form=enrolling.form, status=status, **shared, **values)


# -- somebody new ----------------------------------------------------------------------------------------------


@pages.get("/new", needs=Permission.RECORD)
def new(context: PageContext) -> Response:
    site = context.chosen_sites[0]
    mine = any(user.id == context.user.id for user in previewing.staff(context.work, site, Role.COORDINATOR))
    form = Form.filled(site=site.code, owner_id=context.user.id if mine else None)
    return _page(Enrolling(context, form, site))


@pages.post("/new", needs=Permission.RECORD)
def register(context: PageContext) -> Response:
    """Register, with or without a plan; or show the form again with one row more, or with its schedule."""
    enrolling = Enrolling(context, context.form, _site(context))
    asked = context.form.value("do")
    if asked not in (ENROL, REGISTER):
        return _shown_again(enrolling, asked)
    person, made, owner = _read(enrolling, with_plan=asked == ENROL)
    if context.form.ok:
        with context.form.trying(context.session):
            patient = registry_patients.add_patient(context.work, enrolling.site, person)
            if owner is not None:
                corrections.edit_patient(context.work, patient, {"owner_id": owner})
            plan = enrolment.enrol(context.work, patient, made) if made else None
    if context.form.errors:
        return _page(enrolling)
    return context.done(f"/patients/{patient.id}", _enrolled(context, patient, plan))


def _site(context: PageContext) -> Site:
    code = context.form.value("site")
    return context.site(code) if code else context.sites[0]


def _shown_again(enrolling: Enrolling, asked: str) -> Response:
    if plan_fields.asks_for_rows(asked):
        name = asked.split("-")[1]
        enrolling.form = plan_fields.with_rows(enrolling.form, asked)
        enrolling.opened = f"{name}-{plan_fields.rows(enrolling.form, name)[-1]}"
    return _page(enrolling, 200)


def _read(
    enrolling: Enrolling, *, with_plan: bool
) -> tuple[registry_patients.NewPatient, enrolment.Enrolment | None, UUID | None]:
    """The whole form; every mistake of it stands on the form afterwards, in the order of the page."""
    form, work, site = enrolling.form, enrolling.context.work, enrolling.site
    taken = patients.by_mrn(work.session, site.id, form.value("mrn"))
    if taken is not None:
        enrolling.context.looked(taken, action="patient.find")
        form.fault("mrn", f"MRN {taken.mrn} is taken at {site.short_name}: {taken.given_name} {taken.family_name}")
    person = person_fields.identity(form, enrolling.today)
    read = [person_fields.contact(form, f"contact-{row}-", work, site) for row in enrolling.contacts]
    made = plan_fields.draft(form, enrolling.protocols, enrolling.born, enrolling.today) if with_plan else None
    owners = {user.id for user in enrolling.owners}
    owner = form.record("owner_id", "who looks after the patient", required=False)
    if owner is not None and owner not in owners:
        form.fault("owner_id", "Choose who looks after the patient from the list")
    whole = registry_patients.NewPatient(
        **{name: getattr(person, name) for name in person.__slots__} | {"contacts": _some(read)}
    )
    return whole, plan_fields.enrolment(made) if made else None, owner


def _some(read: list[registry_patients.NewContact | None]) -> list[registry_patients.NewContact]:
    return [one for one in read if one is not None]


def _enrolled(context: PageContext, patient: Patient, plan: Plan | None) -> str:
    name = f"{patient.given_name} {patient.family_name}".strip()
    if plan is None:
        return f"{name} is registered. There is no plan yet: that stands on the board."
    visits = appointments.of_plan(context.session, plan.id, AppointmentState.PROPOSED)
    first = min((visit.day for visit in visits), default=None)
    return f"{name} is enrolled." + (f" The first trip is proposed for {day(first)}." if first else "")


@pages.post("/new/live", needs=Permission.RECORD)
def live(context: PageContext, part: str = "") -> Response:
    """What the form has to say after a change: who may be here already, the phones as understood, the schedule."""
    return _live(Enrolling(context, context.form, _site(context)), part)


def _live(enrolling: Enrolling, part: str) -> Response:
    """``part``: ``who``, ``protocol`` (its examinations and the schedule) or ``schedule``; without one, all."""
    likely = [] if enrolling.patient or part not in ("", "who") else enrolling.likely()
    schedule = None if part == "who" else drawn(enrolling)
    return _shown(enrolling, "care/_enrol-live.html", 200, part=part, likely=likely, schedule=schedule)


# -- somebody who is registered already ------------------------------------------------------------------------


@pages.get("/{patient_id}/enrol", needs=Permission.RECORD)
def registered(context: PageContext, patient_id: UUID) -> Response:
    return _registered(context, patient_id, context.form)


def _registered(context: PageContext, patient_id: UUID, form: Form) -> Response:
    patient = context.patient(patient_id)
    enrolling = Enrolling(context, form, context.work.site(patient.site_id), patient)
    if patient.died_on is not None or plans.all_plans(context.session, patient.id):
        return context.page("care/enrolled.html", patient=patient, plans=plans.all_plans(context.session, patient.id))
    return _page(enrolling)


@pages.post("/{patient_id}/enrol", needs=Permission.RECORD)
def enrol(context: PageContext, patient_id: UUID) -> Response:
    """Give somebody who is registered a plan; or show the form again with one row more, or with its schedule."""
    patient = context.patient(patient_id)
    enrolling = Enrolling(context, context.form, context.work.site(patient.site_id), patient)
    asked = context.form.value("do")
    if asked != ENROL:
        return _shown_again(enrolling, asked)
    made = plan_fields.draft(context.form, enrolling.protocols, patient.birth_date, enrolling.today)
    if context.form.ok and made is not None:
        with context.form.trying(context.session):
            plan = enrolment.enrol(context.work, patient, plan_fields.enrolment(made))
    if context.form.errors:
        return _page(enrolling)
    return context.done(f"/patients/{patient.id}", _enrolled(context, patient, plan))


@pages.post("/{patient_id}/enrol/live", needs=Permission.RECORD)
def live_registered(context: PageContext, patient_id: UUID, part: str = "") -> Response:
    patient = context.patient(patient_id)
    return _live(Enrolling(context, context.form, context.work.site(patient.site_id), patient), part)
