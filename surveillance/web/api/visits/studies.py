"""Studies: performed, reported, reviewed, told; and a person's ruling on one that came too early."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Query
from sqlmodel import col, select

from surveillance.operations.visits import results
from surveillance.operations.visits.results import NewStudy
from surveillance.store.tables import Study
from surveillance.store.visits import studies as store
from surveillance.web.access import Permission
from surveillance.web.api import paging
from surveillance.web.api.call import Call
from surveillance.web.api.models.common import Day
from surveillance.web.api.models.plans import DecisionPublic, RulingCreate
from surveillance.web.api.models.visits import ReviewCreate, StudyCreate, StudyDay, StudyPublic
from surveillance.web.api.paging import Page, PagingDep
from surveillance.web.api.routing import Endpoints

endpoints = Endpoints("Studies")


@endpoints.get("/studies", needs=Permission.VIEW)
def list_studies(
    call: Call,
    page: PagingDep,
    site_id: Annotated[UUID | None, Query(description="Only at this site.")] = None,
    patient_id: Annotated[UUID | None, Query(description="Only of this patient.")] = None,
    first: Annotated[Day | None, Query(alias="from", description="Performed on this day or later.")] = None,
    last: Annotated[Day | None, Query(alias="until", description="Performed on this day or earlier.")] = None,
) -> Page[StudyPublic]:
    """Studies by the day on which they were performed; retracted ones are left out."""
    statement = select(Study).where(col(Study.site_id).in_(call.site_ids(site_id)), col(Study.retracted_at).is_(None))
    if patient_id is not None:
        statement = statement.where(Study.patient_id == call.patient(patient_id).id)
    if first is not None:
        statement = statement.where(col(Study.performed_on) >= first)
    if last is not None:
        statement = statement.where(col(Study.performed_on) <= last)
    keys = [(Study.performed_on, date), (Study.id, UUID)]
    found, following = paging.rows(call, statement, keys, page)
    call.looked(*((row.patient_id, row.site_id) for row in found))
    return Page(items=[public_study(call, row) for row in found], next=following)


@endpoints.post("/patients/{patient_id}/studies", needs=Permission.WORK, created="/studies")
def create_study(call: Call, patient_id: UUID, new: StudyCreate) -> StudyPublic:
    """Record that items were examined. An accession number that the site knows already is a 409."""
    patient = call.patient(patient_id)
    study = NewStudy(
        new.items,
        new.performed_on,
        new.modality,
        new.body_region,
        new.accession,
        reported_on=new.reported_on,
        appointment_id=new.visit_id,
        note=new.note,
    )
    return public_study(call, results.add_study(call.work, patient, study))


@endpoints.get("/studies/{study_id}", needs=Permission.VIEW)
def get_study(call: Call, study_id: UUID) -> StudyPublic:
    """One study, retracted or not."""
    return public_study(call, _study(call, study_id))


@endpoints.post("/studies/{study_id}/report", needs=Permission.WORK)
def report_study(call: Call, study_id: UUID, new: StudyDay) -> StudyPublic:
    """The report has arrived."""
    study = _study(call, study_id)
    return public_study(call, results.report(call.work, study, _day(call, study, new)))


@endpoints.post("/studies/{study_id}/review", needs=Permission.SIGN)
def review_study(call: Call, study_id: UUID, new: ReviewCreate) -> StudyPublic:
    """The clinician whose token it is has read the report. What is not clear needs a next action."""
    study = _study(call, study_id)
    return public_study(call, results.review(call.work, study, _day(call, study, new), new.result, new.next_action))


@endpoints.post("/studies/{study_id}/act", needs=Permission.WORK)
def act_on_study(call: Call, study_id: UUID, new: StudyDay) -> StudyPublic:
    """The next action has been taken."""
    study = _study(call, study_id)
    return public_study(call, results.act(call.work, study, _day(call, study, new)))


@endpoints.post("/studies/{study_id}/tell", needs=Permission.WORK)
def tell_result(call: Call, study_id: UUID, new: StudyDay) -> StudyPublic:
    """The patient was told the result."""
    study = _study(call, study_id)
    return public_study(call, results.tell(call.work, study, _day(call, study, new)))


@endpoints.post("/studies/{study_id}/rulings", needs=Permission.WORK)
def rule_on_study(call: Call, study_id: UUID, new: RulingCreate) -> DecisionPublic:
    """Does a study that came too early count for its slot, or is it extra evidence?"""
    study = _study(call, study_id)
    patient = call.patient_of(study)
    row = results.rule_on(call.work, patient, study, new.item, counts=new.counts, reason=new.reason)
    return DecisionPublic.model_validate(row)


def _study(call: Call, study_id: UUID) -> Study:
    return call.row(Study, study_id, "study")


def _day(call: Call, study: Study, new: StudyDay) -> date:
    return new.day or call.today(study)


def public_study(call: Call, study: Study) -> StudyPublic:
    items = sorted(store.items(call.session, study.id))
    return StudyPublic.model_validate(study.model_dump() | {"items": items}, extra="ignore")
