"""Studies: performed, reported, reviewed, told; what follows from a result; and a ruling on one that came too early."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Query
from sqlmodel import col, select

from surveillance.core.words import FollowUp
from surveillance.operations.care import following, reviews
from surveillance.operations.care.following import Follow, GoOn, Link
from surveillance.operations.care.holds import NewHold
from surveillance.operations.care.lifecycle import NewEnd
from surveillance.operations.care.overrides import NewExtra
from surveillance.operations.visits import reports, result_tasks, results
from surveillance.operations.visits.result_tasks import NewTask
from surveillance.operations.visits.results import NewStudy
from surveillance.store.tables import ResultTask, Study
from surveillance.store.visits import obligations
from surveillance.store.visits import studies as store
from surveillance.web.access import Permission
from surveillance.web.api import paging
from surveillance.web.api.call import Call
from surveillance.web.api.models.common import Day, QueryFlag
from surveillance.web.api.models.plans import DecisionPublic, RulingCreate
from surveillance.web.api.models.studies import (
    ActCreate,
    FollowContinue,
    FollowCreate,
    FollowEnd,
    FollowExtra,
    FollowHold,
    FollowLink,
    FollowTask,
    FollowUpPublic,
    ReportCreate,
    ReportPublic,
    ResultPublic,
    ReviewCreate,
    StudyCreate,
    StudyDay,
    StudyPublic,
    TaskDone,
    TaskPublic,
)
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
        ruling=new.ruling,
    )
    return public_study(call, results.add_study(call.work, patient, study))


@endpoints.get("/studies/{study_id}", needs=Permission.VIEW)
def get_study(call: Call, study_id: UUID) -> StudyPublic:
    """One study, retracted or not."""
    return public_study(call, _study(call, study_id))


@endpoints.get("/studies/{study_id}/result", needs=Permission.VIEW)
def get_result(call: Call, study_id: UUID) -> ResultPublic:
    """The versions of the report, what follows from the result, and the tasks that came of it."""
    study = _study(call, study_id)
    row = obligations.follow_up(call.session, study.id)
    return ResultPublic(
        reports=[ReportPublic.model_validate(each) for each in obligations.versions(call.session, study.id)],
        follow_up=FollowUpPublic.model_validate(row) if row else None,
        tasks=[TaskPublic.model_validate(task) for task in obligations.tasks(call.session, [study.id])],
    )


@endpoints.post("/studies/{study_id}/report", needs=Permission.WORK)
def report_study(call: Call, study_id: UUID, new: ReportCreate) -> StudyPublic:
    """A version of the report has arrived. One that no review has seen asks for a review."""
    study = _study(call, study_id)
    day = _day(call, study, new)
    return public_study(call, reports.report(call.work, study, day, new.status, new.note))


@endpoints.post("/studies/{study_id}/review", needs=Permission.SIGN)
def review_study(call: Call, study_id: UUID, new: ReviewCreate) -> StudyPublic:
    """A clinician signs what the report shows. What is not clear needs a next action, a recurrence a decision."""
    study = _study(call, study_id)
    follow = _follow(call, study, new.follow) if new.follow is not None else None
    review = reviews.NewReview(
        _day(call, study, new), new.result, new.next_action, new.preliminary, new.repeat_by, follow
    )
    return public_study(call, reviews.sign(call.work, study, review).study)


@endpoints.post("/studies/{study_id}/act", needs=Permission.WORK)
def act_on_study(call: Call, study_id: UUID, new: ActCreate) -> StudyPublic:
    """What follows from a result that is not clear: a fact that is recorded now, or one on record that is linked."""
    study = _study(call, study_id)
    follow = _follow(call, study, new.follow)
    return public_study(call, following.act(call.work, study, _day(call, study, new), follow).study)


def _follow(call: Call, study: Study, new: FollowCreate) -> Follow:
    today = call.today(study)
    match new:
        case FollowExtra():
            return NewExtra(new.item, new.target, new.reason, new.tolerance)
        case FollowHold():
            start = new.start or today
            return NewHold(new.reason, new.review_on, start, new.item, new.note, new.cancel, new.keep)
        case FollowEnd():
            return NewEnd(new.reason, new.day or today, new.note, new.restart_by)
        case FollowTask():
            return NewTask(new.what, new.owner_id, new.due_on)
        case FollowContinue():
            return GoOn(new.reason)
        case FollowLink():
            return Link(FollowUp(new.to), new.id)


@endpoints.post("/studies/{study_id}/tell", needs=Permission.WORK)
def tell_result(call: Call, study_id: UUID, new: StudyDay) -> StudyPublic:
    """The patient was told the result, as it stands now."""
    study = _study(call, study_id)
    return public_study(call, reports.tell(call.work, study, _day(call, study, new)))


@endpoints.get("/result-tasks", needs=Permission.VIEW)
def list_result_tasks(
    call: Call,
    page: PagingDep,
    site_id: Annotated[UUID | None, Query(description="Only at this site.")] = None,
    done: Annotated[QueryFlag, Query(description="Those that are done, instead of those to do.")] = False,
) -> Page[TaskPublic]:
    """Tasks that came of results, by day."""
    finished = col(ResultTask.done_on).is_not(None) if done else col(ResultTask.done_on).is_(None)
    here = col(ResultTask.site_id).in_(call.site_ids(site_id))
    statement = select(ResultTask).where(here, col(ResultTask.retracted_at).is_(None), finished)
    found, later = paging.rows(call, statement, [(ResultTask.due_on, date), (ResultTask.id, UUID)], page)
    call.looked(*((row.patient_id, row.site_id) for row in found))
    return Page(items=[TaskPublic.model_validate(row) for row in found], next=later)


@endpoints.post("/result-tasks/{task_id}/done", needs=Permission.WORK)
def finish_result_task(call: Call, task_id: UUID, new: TaskDone) -> TaskPublic:
    """A task is done, and this came of it."""
    task = call.row(ResultTask, task_id, "task")
    day = new.day or call.today(task)
    return TaskPublic.model_validate(result_tasks.settle(call.work, task, day, new.outcome))


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
