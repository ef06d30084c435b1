"""Correcting who somebody is: identity, flags and needs, and who looks after them."""

from typing import Any
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.words import Role
from surveillance.operations.care import corrections
from surveillance.operations.planning import differences, previewing
from surveillance.operations.planning.differences import Difference
from surveillance.store.registry import patients
from surveillance.store.tables import Patient, User
from surveillance.web.access import Permission
from surveillance.web.forms import WHOLE, Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.registry import person_fields
from surveillance.web.pages.routing import Pages
from surveillance.web.render import plural

pages = Pages(prefix="/patients")


@pages.get("/{patient_id}/edit", needs=Permission.RECORD)
def edit_page(context: PageContext, patient_id: UUID) -> Response:
    patient = context.patient(patient_id)
    return _page(context, patient, Form.filled(**person_fields.filled(patient)))


def _page(context: PageContext, patient: Patient, form: Form) -> Response:
    owners = [(str(user.id), user.name) for user in _owners(context, patient)]
    site = context.work.site(patient.site_id)
    return context.page(
        "registry/identity.html", form=form, patient=patient, site=site, owners=owners, fields=person_fields
    )


def _owners(context: PageContext, patient: Patient) -> list[User]:
    """Who may look after the patient, and who does, even where they work here no more."""
    site = context.work.site(patient.site_id)
    found = previewing.staff(context.work, site, Role.COORDINATOR, Role.CLINICIAN)
    owner = context.session.get(User, patient.owner_id) if patient.owner_id else None
    return found if owner is None or owner in found else [*found, owner]


@pages.post("/{patient_id}/edit", needs=Permission.RECORD)
def edit(context: PageContext, patient_id: UUID) -> Response:
    """Save what changed. A name, birth date or MRN changes only with a reason."""
    patient, form = context.patient(patient_id), context.form
    wanted = _read(context, patient)
    changed = {name: value for name, value in wanted.items() if getattr(patient, name) != value}
    reason = form.text("reason", "the reason")
    if not changed:
        form.fault(WHOLE, "Nothing is changed yet")
    if set(changed) & set(corrections.IDENTITY) and not reason:
        form.fault("reason", "Say why the name, the birth date or the MRN changes")
    if form.ok:
        with form.trying(context.session):
            before = differences.picture(context.work, patient)
            corrections.edit_patient(context.work, patient, changed, reason)
            found = differences.since(context.work, patient, before)
    if form.errors:
        return _page(context, patient, form)
    return context.done(f"/patients/{patient.id}", f"Saved. {caused(found)}".strip())


def _read(context: PageContext, patient: Patient) -> dict[str, Any]:
    """Every value of the patient as the form wants it."""
    form = context.form
    mrn = form.value("mrn").strip()
    if mrn and mrn != patient.mrn and patients.by_mrn(context.session, patient.site_id, mrn):
        form.fault("mrn", f"MRN {mrn} is another patient's; one of the two is wrong")
    person = person_fields.identity(form, context.today(patient))
    owner = form.record("owner_id", "who looks after the patient", required=False)
    if owner is not None and owner not in {user.id for user in _owners(context, patient)}:
        form.fault("owner_id", "Choose who looks after the patient from the list")
    names = ("mrn", "family_name", "given_name", "birth_date", "sex", "time_zone")
    return {name: getattr(person, name) for name in names} | person.flags | {"owner_id": owner}


def caused(found: Difference) -> str:
    """What a change brought about, as a person wants to hear it; empty where it brought about nothing."""
    said = []
    if found.lines:
        count = len(found.lines)
        said.append(f"{plural(count, 'examination')} {'is' if count == 1 else 'are'} planned otherwise.")
    if found.voided:
        said.append(f"{plural(found.voided, 'planned message')} will not go out as planned.")
    if found.planned:
        said.append(f"{plural(found.planned, 'message')} {'is' if found.planned == 1 else 'are'} planned instead.")
    return " ".join(said)
