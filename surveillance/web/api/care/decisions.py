"""What people decide about a plan: holds, moves, skips, extra examinations; and taking back what was wrong."""

from typing import Any
from uuid import UUID

from surveillance.core.errors import NotFoundError
from surveillance.core.schedule.examinations import Key
from surveillance.operations.care import holds, lifecycle
from surveillance.operations.care.holds import NewHold
from surveillance.operations.care.lifecycle import Retracted
from surveillance.operations.care.overrides import NewExtra, NewOverride, extra, override
from surveillance.store.tables import (
    Death,
    ExtraExamination,
    Override,
    OverrideKind,
    Plan,
    PlanHold,
    PlanTerms,
    ResultTask,
    Study,
    StudyReport,
)
from surveillance.web.access import Permission
from surveillance.web.api.call import Call
from surveillance.web.api.care.plan_reading import difference
from surveillance.web.api.models.common import ExaminationRef
from surveillance.web.api.models.plans import (
    BlankCreate,
    DecisionPublic,
    DifferencePublic,
    ExtraCreate,
    ExtraPublic,
    Fact,
    HoldCreate,
    HoldPublic,
    HoldResume,
    HoldReview,
    MoveCreate,
    RetractionCreate,
    RetractionPublic,
    SkipCreate,
)
from surveillance.web.api.routing import Endpoints

endpoints = Endpoints("Decisions")

FACTS: dict[Fact, Any] = {
    Fact.STUDY: Study,
    Fact.HOLD: PlanHold,
    Fact.DECISION: Override,
    Fact.EXTRA: ExtraExamination,
    Fact.TERMS: PlanTerms,
    Fact.DEATH: Death,
    Fact.REPORT: StudyReport,
    Fact.TASK: ResultTask,
}


@endpoints.post("/plans/{plan_id}/holds", needs=Permission.WORK)
def hold_plan(call: Call, plan_id: UUID, new: HoldCreate) -> HoldPublic:
    """Pause the plan or one item: nothing is due or sent until it is resumed. Each booked visit: keep or cancel?"""
    plan = call.row(Plan, plan_id, "plan")
    hold = NewHold(new.reason, new.review_on, new.start or call.today(plan), new.item, new.note, new.cancel, new.keep)
    return HoldPublic.model_validate(holds.hold(call.work, plan, hold))


@endpoints.post("/holds/{hold_id}/resume", needs=Permission.WORK)
def resume_plan(call: Call, hold_id: UUID, new: HoldResume) -> DifferencePublic:
    """End a hold: the examination whose time it is that day is due."""
    hold, plan = _hold(call, hold_id)
    day = new.day or call.today(plan)
    return difference(call, plan, lambda: holds.resume(call.work, plan, hold, day, new.reason))


@endpoints.post("/holds/{hold_id}/review", needs=Permission.WORK)
def review_hold(call: Call, hold_id: UUID, new: HoldReview) -> HoldPublic:
    """Look at a hold again on a later day."""
    hold, plan = _hold(call, hold_id)
    holds.review_hold(call.work, plan, hold, new.review_on, new.reason)
    return HoldPublic.model_validate(hold)


def _hold(call: Call, hold_id: UUID) -> tuple[PlanHold, Plan]:
    hold = call.row(PlanHold, hold_id, "hold")
    return hold, call.row(Plan, hold.plan_id, "plan")


@endpoints.post("/plans/{plan_id}/moves", needs=Permission.WORK)
def move_examination(call: Call, plan_id: UUID, new: MoveCreate) -> DecisionPublic:
    """Move one examination's target. Its window goes along; a later word goes before an earlier one."""
    return _decide(call, plan_id, NewOverride(OverrideKind.MOVE, key_of(new.examination), new.reason, new.day))


@endpoints.post("/plans/{plan_id}/skips", needs=Permission.WORK)
def skip_examination(call: Call, plan_id: UUID, new: SkipCreate) -> DecisionPublic:
    """Skip one examination, with a day to look at that again."""
    return _decide(call, plan_id, NewOverride(OverrideKind.SKIP, key_of(new.examination), new.reason, new.review_on))


@endpoints.post("/plans/{plan_id}/blanks", needs=Permission.WORK)
def confirm_blank(call: Call, plan_id: UUID, new: BlankCreate) -> DecisionPublic:
    """Confirm that no earlier study of an item exists: `last scan unknown` is settled."""
    return _decide(call, plan_id, NewOverride(OverrideKind.KNOWN_BLANK, Key(new.item, None), new.reason))


def _decide(call: Call, plan_id: UUID, new: NewOverride) -> DecisionPublic:
    return DecisionPublic.model_validate(override(call.work, call.row(Plan, plan_id, "plan"), new))


@endpoints.post("/plans/{plan_id}/extras", needs=Permission.WORK)
def add_extra(call: Call, plan_id: UUID, new: ExtraCreate) -> ExtraPublic:
    """Ask for an examination beside the protocol."""
    wanted = NewExtra(new.item, new.target, new.reason, new.tolerance)
    return ExtraPublic.model_validate(extra(call.work, call.row(Plan, plan_id, "plan"), wanted))


def key_of(ref: ExaminationRef) -> Key:
    return Key(ref.item, ref.month, str(ref.extra_id) if ref.extra_id else None)


@endpoints.post("/patients/{patient_id}/retractions", needs=Permission.WORK)
def retract(call: Call, patient_id: UUID, new: RetractionCreate) -> RetractionPublic:
    """Take a recorded fact back: everything is then as if it had never been recorded; the history keeps both."""
    patient = call.patient(patient_id)
    row: Retracted | None = call.session.get(FACTS[new.kind], new.id)
    if row is None or lifecycle.owner_of(call.work, row) != patient.id:
        raise NotFoundError(f"there is no such {new.kind} of this patient")
    lifecycle.retract(call.work, patient, row, new.reason)
    values = row.model_dump(include={"id", "retracted_at", "retracted_by", "retracted_reason"})
    return RetractionPublic.model_validate(values | {"kind": new.kind})
