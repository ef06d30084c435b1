"""Patients: found, registered, corrected, and what happened to them."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from sqlmodel import col, select

from surveillance.operations.care import corrections, lifecycle
from surveillance.operations.record.trail import trail
from surveillance.operations.registry import patients, search
from surveillance.store.tables import Patient
from surveillance.web.access import Permission
from surveillance.web.api import paging
from surveillance.web.api.answering import must_match
from surveillance.web.api.call import Call
from surveillance.web.api.models.common import QueryNumber
from surveillance.web.api.models.patients import (
    DeathCreate,
    HistoryPublic,
    PatientCreate,
    PatientPublic,
    PatientSearch,
    PatientUpdate,
)
from surveillance.web.api.models.visits import VisitPublic
from surveillance.web.api.paging import Page, PagingDep
from surveillance.web.api.routing import Endpoints
from surveillance.web.api.visits.visits import public_visits

endpoints = Endpoints("Patients")

BY_NAME = [(Patient.folded, str), (Patient.id, UUID)]
_NULL_SAYS = frozenset({"time_zone", "owner_id", "egfr", "egfr_on"})  # of these null is a value; else it is left out


@endpoints.get("/patients", needs=Permission.VIEW)
def list_patients(
    call: Call,
    page: PagingDep,
    site_id: Annotated[UUID | None, Query(description="Only at this site.")] = None,
    owner_id: Annotated[UUID | None, Query(description="Only those of this member of staff.")] = None,
) -> Page[PatientPublic]:
    """All patients of the token's sites, by given and family name."""
    statement = select(Patient).where(col(Patient.site_id).in_(call.site_ids(site_id)))
    if owner_id is not None:
        statement = statement.where(Patient.owner_id == owner_id)
    found, following = paging.rows(call, statement, BY_NAME, page)
    call.looked(*found, action="patient.find")
    return Page(items=[_public(row) for row in found], next=following)


@endpoints.look_up("/patients/search", needs=Permission.VIEW)
def search_patients(call: Call, wanted: PatientSearch) -> Page[PatientPublic]:
    """Patients by MRN, name, birth date or telephone, the best match first; narrow the search if there are too many.

    It is a POST, so that no name stands in an address.
    """
    sites = [call.work.site(site_id) for site_id in call.site_ids(wanted.site_id)]
    found = search.find(call.work, sites, wanted.text, wanted.limit).patients
    call.looked(*found, action="patient.find")
    return Page(items=[_public(row) for row in found], next=None)


@endpoints.post("/patients", needs=Permission.RECORD, created="/patients")
def create_patient(call: Call, new: PatientCreate) -> PatientPublic:
    """Register a patient, with contacts and the consents they gave. An MRN that the site has already is a 409."""
    flags = {name: getattr(new, name) for name in patients.FLAGS}
    contacts = [patients.NewContact(**each.model_dump()) for each in new.contacts]
    patient = patients.NewPatient(
        new.mrn, new.family_name, new.given_name, new.birth_date, new.sex, new.time_zone, flags, contacts
    )
    return _public(patients.add_patient(call.work, call.site(new.site_id), patient))


@endpoints.get("/patients/{patient_id}", needs=Permission.VIEW, tagged=True)
def get_patient(call: Call, patient_id: UUID) -> PatientPublic:
    """One patient: identity, flags and needs."""
    return _public(call.patient(patient_id))


@endpoints.patch("/patients/{patient_id}", needs=Permission.RECORD)
def update_patient(call: Call, patient_id: UUID, changes: PatientUpdate) -> PatientPublic:
    """Correct what is recorded; what is left out stays."""
    patient = call.patient(patient_id)
    must_match(call, _public(patient))
    named = changes.model_dump(exclude_unset=True, exclude={"reason"})
    values = {name: value for name, value in named.items() if value is not None or name in _NULL_SAYS}
    corrections.edit_patient(call.work, patient, values, changes.reason)
    return _public(patient)


def _public(patient: Patient) -> PatientPublic:
    return PatientPublic.model_validate(patient)


@endpoints.get("/patients/{patient_id}/history", needs=Permission.VIEW)
def list_history(
    call: Call,
    patient_id: UUID,
    limit: Annotated[QueryNumber, Query(ge=1, le=paging.MOST, description="How many lines at most.")] = 50,
) -> HistoryPublic:
    """Who changed what about the patient, when and why. Who only looked stands in the audit log."""
    return HistoryPublic(lines=list(trail(call.work, call.patient(patient_id), limit=limit)))


@endpoints.post("/patients/{patient_id}/death", needs=Permission.WORK)
def record_death(call: Call, patient_id: UUID, new: DeathCreate) -> Page[VisitPublic]:
    """Record a death: nothing more is due or sent, calendars close. Answers with the visits whose slots are free.

    If it was an error, retract it.
    """
    released = lifecycle.died(call.work, call.patient(patient_id), new.died_on, new.source)
    return Page(items=public_visits(call, released), next=None)
