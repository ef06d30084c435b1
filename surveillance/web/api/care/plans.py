"""Plans: enrolling, changing the terms, ending, restarting, and why an examination is due when it is."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from fastapi import Query

from surveillance.core.schedule.examinations import Key
from surveillance.operations.care import enrolment, lifecycle, returning
from surveillance.operations.care.baselines import Baselines
from surveillance.operations.care.enrolment import Enrolment, NewTerms
from surveillance.operations.care.returning import Return
from surveillance.operations.record.explanation import Explanation, explain
from surveillance.operations.visits.results import NewStudy
from surveillance.store.planning import plans as store
from surveillance.store.tables import Plan
from surveillance.web.access import Permission
from surveillance.web.api.call import Call
from surveillance.web.api.care.plan_reading import difference, plan_detail, plan_public
from surveillance.web.api.models.common import Item, QueryNumber, ReasonGiven
from surveillance.web.api.models.plans import (
    AnchorCorrection,
    DifferencePublic,
    EarlierStudy,
    EndCreate,
    ExplanationPublic,
    PlanCreate,
    PlanDetail,
    PlanPublic,
    ReturnCreate,
    TermsCreate,
)
from surveillance.web.api.models.visits import VisitPublic
from surveillance.web.api.paging import Page
from surveillance.web.api.routing import Endpoints
from surveillance.web.api.visits.visits import public_visits

endpoints = Endpoints("Plans")


@endpoints.get("/patients/{patient_id}/plans", needs=Permission.VIEW)
def list_plans(call: Call, patient_id: UUID) -> Page[PlanPublic]:
    """Every plan of a patient, the newest first; at most that one is active."""
    plans = store.all_plans(call.session, call.patient(patient_id).id)
    return Page(items=[plan_public(plan) for plan in plans], next=None)


@endpoints.post("/patients/{patient_id}/plans", needs=Permission.WORK, created="/plans")
def enrol(call: Call, patient_id: UUID, new: PlanCreate) -> PlanDetail:
    """Enrol a patient on a protocol, with what was examined before; a patient who has a plan already is a 409."""
    return plan_detail(call, enrolment.enrol(call.work, call.patient(patient_id), _enrolment(new)))


@endpoints.post("/patients/{patient_id}/plans/restart", needs=Permission.WORK, created="/plans")
def restart_plan(call: Call, patient_id: UUID, new: PlanCreate) -> PlanDetail:
    """Start over at month 0 from a new anchor, after a recurrence was treated. The old plan stays as history."""
    return plan_detail(call, enrolment.restart(call.work, call.patient(patient_id), _enrolment(new)))


@endpoints.post("/patients/{patient_id}/plans/return", needs=Permission.WORK, created="/plans")
def return_to_plan(call: Call, patient_id: UUID, new: ReturnCreate) -> PlanDetail:
    """A patient who was followed elsewhere comes back: a new plan that counts from the same day as the one before.

    Give the studies that were made elsewhere, as far as they are known; the board asks for what is not.
    """
    found = Return(new.reason, new.day, _studies(new.studies), new.protocol, new.intervals, new.off_until)
    return plan_detail(call, returning.come_back(call.work, call.patient(patient_id), found))


def _studies(given: Iterable[EarlierStudy]) -> list[NewStudy]:
    return [
        NewStudy(each.items, each.performed_on, each.modality, accession=each.accession, reported_on=each.reported_on)
        for each in given
    ]


def _enrolment(new: PlanCreate) -> Enrolment:
    return Enrolment(new.protocol, new.anchor, new.intervals, _studies(new.studies), new.enrolled_on, new.reason)


@endpoints.get("/plans/{plan_id}", needs=Permission.VIEW)
def get_plan(call: Call, plan_id: UUID) -> PlanDetail:
    """A plan with its terms, examinations and where each stands today, holds, decisions and contradictions."""
    return plan_detail(call, call.row(Plan, plan_id, "plan"))


@endpoints.post("/plans/{plan_id}/terms", needs=Permission.WORK)
def change_terms(call: Call, plan_id: UUID, new: TermsCreate) -> DifferencePublic:
    """Other intervals or another protocol version from a day on. Look at the difference first, with `dry_run`.

    An imaging item that is added asks for its baseline in `baselines`. Where the change leaves a gap over the longest
    interval of the protocol and its tolerance, the token must be a clinician's.
    """
    plan = call.row(Plan, plan_id, "plan")
    chosen = Baselines(new.baselines, new.baseline_reason)
    terms = NewTerms(new.since, new.reason, new.protocol, new.intervals, new.off_until, chosen)
    return difference(call, plan, lambda: enrolment.change_terms(call.work, plan, terms))


@endpoints.post("/plans/{plan_id}/anchor", needs=Permission.WORK)
def correct_anchor(call: Call, plan_id: UUID, new: AnchorCorrection) -> DifferencePublic:
    """Compute everything anew from the right anchor. Look at the difference first, with `dry_run`."""
    plan = call.row(Plan, plan_id, "plan")
    return difference(call, plan, lambda: enrolment.correct_anchor(call.work, plan, new.anchor, new.reason))


@endpoints.post("/plans/{plan_id}/end", needs=Permission.SIGN)
def end_plan(call: Call, plan_id: UUID, new: EndCreate) -> Page[VisitPublic]:
    """End a plan for good, signed by the clinician whose token it is. Answers with the visits whose slots are free."""
    plan = call.row(Plan, plan_id, "plan")
    ended = lifecycle.NewEnd(new.reason, new.day or call.today(plan), new.note, new.restart_by, new.accepted_by)
    return Page(items=public_visits(call, lifecycle.end(call.work, plan, ended)), next=None)


@endpoints.post("/plans/{plan_id}/reopen", needs=Permission.WORK)
def reopen_plan(call: Call, plan_id: UUID, why: ReasonGiven) -> PlanDetail:
    """An end was recorded wrongly: the plan goes on. Visits that the end cancelled stay cancelled."""
    plan = call.row(Plan, plan_id, "plan")
    lifecycle.reopen(call.work, plan, why.reason)
    return plan_detail(call, plan)


@endpoints.get("/patients/{patient_id}/explanations", needs=Permission.VIEW)
def explain_examinations(
    call: Call,
    patient_id: UUID,
    item: Annotated[Item | None, Query(description="One item; all of the plan if left out.")] = None,
    month: Annotated[
        QueryNumber | None, Query(ge=0, le=1200, description="One slot of the item; the one whose time it is without.")
    ] = None,
    extra_id: Annotated[UUID | None, Query(description="An extra examination of the item.")] = None,
) -> Page[ExplanationPublic]:
    """Why is this due? The rule, the source, the days, who decided what. Of the newest plan."""
    key = Key(item, month, str(extra_id) if extra_id else None) if item and (month is not None or extra_id) else None
    found = explain(call.work, call.patient(patient_id), item, key)
    return Page(items=[_explanation(each) for each in found], next=None)


def _explanation(each: Explanation) -> ExplanationPublic:
    return ExplanationPublic(
        item=each.key.item,
        month=each.key.month,
        extra_id=UUID(each.key.extra) if each.key.extra else None,
        title=each.title,
        status=each.status,
        sentences=list(each.sentences),
        history=list(each.history),
    )
