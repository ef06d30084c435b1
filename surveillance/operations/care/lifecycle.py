"""Ends, restarts, death and retractions: how a plan stops and how that is taken back (rule 10).

Holds and overrides stand in modules of their own and are called from here as well.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.schedule.facts import PlanFacts
from surveillance.core.words import AppointmentState, DeferralKind, EndReason, FollowUp, Outcome, Role
from surveillance.operations.care import overrides
from surveillance.operations.deferrals import granting
from surveillance.operations.deferrals.granting import NewDeferral
from surveillance.operations.deferrals.off_items import Off, follow
from surveillance.operations.planning import gathered, imaging_gaps, preconditions, replanning
from surveillance.operations.planning.preconditions import DECIDERS, reasoned
from surveillance.operations.registry import care_gaps
from surveillance.operations.visits import booking, follow_ups, outcomes, reports
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.planning import plans
from surveillance.store.tables import (
    Appointment,
    Death,
    ExtraExamination,
    Override,
    OverrideKind,
    Patient,
    Plan,
    PlanHold,
    PlanTerms,
    ResultTask,
    Study,
    StudyReport,
)
from surveillance.store.visits import appointments, studies

CONFIRM_WITHIN: Final = timedelta(days=28)  # another clinic says within so many that it takes over; proposed
DIED: Final = "the patient died"
ENDS: Final = ("ended_on", "end_reason", "end_note", "end_signed_by", "restart_by")


# -- ends ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewEnd:
    """A final end, signed by the clinician who acts. ``restart_by`` is asked for after a recurrence."""

    reason: EndReason
    day: date
    note: str = ""
    restart_by: date | None = None
    accepted_by: str = ""  # after a transfer: the clinic, and who there confirmed that it takes over


def end(work: Work, plan: Plan, new: NewEnd) -> list[Appointment]:
    """End a plan for good; returns the visits to come, whose scanner slots are to be released.

    Raises:
        InvalidInputError: a day before the anchor or in the future; recurrence without a day to restart by, or
            that day before the end.
        ConflictError: the plan has ended already.
        ForbiddenError: it is not a clinician, or nobody by name, who ends it.
    """
    work.require_person(plan.site_id, Role.CLINICIAN)
    if new.reason in (EndReason.DEATH, EndReason.RESTARTED):
        raise InvalidInputError(f"an end by {new.reason} is recorded with 'patient died' or 'plan restart'")
    if new.reason is EndReason.RECURRENCE and new.restart_by is None:
        raise InvalidInputError("after a recurrence say by when follow-up should restart (--restart-by)")
    if new.restart_by is not None:
        preconditions.check_near(new.restart_by, work.today(work.site(plan.site_id)), "a restart")
        if new.restart_by < new.day:
            raise InvalidInputError(f"follow-up cannot restart by {new.restart_by}, before its end on {new.day}")
    released = close(work, plan, new)
    _put_off(work, plan, new)
    return released


def _put_off(work: Work, plan: Plan, new: NewEnd) -> None:
    """An end that is none yet: follow-up begins again by a day, or another clinic has not said that it takes over."""
    subject, today = str(plan.id), work.today(work.site(plan.site_id))
    wanted = None
    if new.restart_by is not None:
        why = new.note or f"after {new.reason}"
        wanted = NewDeferral(DeferralKind.RESTART, subject, new.restart_by, why, plan_id=plan.id)
    elif new.reason is EndReason.TRANSFER and not new.accepted_by.strip():
        until = min(today + CONFIRM_WITHIN, granting.farthest(work, plan.site_id, DeferralKind.TRANSFER, today))
        why = new.note or "transferred, and nobody has confirmed it"
        wanted = NewDeferral(DeferralKind.TRANSFER, subject, until, why, plan_id=plan.id)
    if wanted is not None:
        granting.grant(work, plan.patient_id, plan.site_id, wanted)


def confirm_transfer(work: Work, plan: Plan, accepted_by: str) -> None:
    """The other clinic said that it takes over; nothing waits any more.

    Raises:
        InvalidInputError: nobody is named.
        ConflictError: no transfer of this plan waits for it.
    """
    work.require(plan.site_id, *DECIDERS)
    reasoned(accepted_by, "a confirmed transfer, by whom,")
    preconditions.lock(work, plan.patient_id)
    if not granting.standing(work, DeferralKind.TRANSFER, str(plan.id)):
        raise ConflictError("no transfer of this plan waits to be confirmed")
    granting.settle(work, DeferralKind.TRANSFER, str(plan.id), f"confirmed by {accepted_by.strip()}")


def close(work: Work, plan: Plan, new: NewEnd) -> list[Appointment]:
    """Close a plan: cancel what is open, void what is planned, keep history. The caller asks who may do that."""
    now = gathered.locked(work, plan.patient_id, plan.id)
    preconditions.check_active(plan)
    today = work.today(work.site(plan.site_id))
    if not plan.anchor <= new.day <= today:
        raise InvalidInputError(f"a plan ends between its anchor {plan.anchor} and today ({today}), not on {new.day}")
    needless = [row for row in now.visits.of_plan(plan.id, AppointmentState.BOOKED) if row.day >= new.day]
    for row in needless:
        outcomes.call_off(work, row, now.visits.lines(row.id), f"plan ended: {new.reason}")
    before = picture(plan, ENDS)
    plan.ended_on, plan.end_reason, plan.end_note = new.day, new.reason, new.note
    plan.end_signed_by, plan.restart_by = work.actor.user_id, new.restart_by
    work.session.flush()
    work.audit("plan.end", plan, before=before, after=picture(plan, ENDS), reason=new.note)
    granting.settle_plan(work, plan, granting.PLAN_ENDED)
    care_gaps.settle_of(work, now.patient)
    replanning.replan(work, plan, now)
    return [row for row in needless if row.day >= today]


def close_for_restart(work: Work, plan: Plan, reason: str) -> None:
    """The old plan ends the day its successor starts."""
    close(work, plan, NewEnd(EndReason.RESTARTED, work.today(work.site(plan.site_id)), reason))


# -- death -----------------------------------------------------------------------------------------------------


def died(work: Work, patient: Patient, day: date, source: str) -> list[Appointment]:
    """Record a death: nothing more is due or sent, feeds and pages close. Returns the visits to release.

    Raises:
        InvalidInputError: a day before birth or in the future.
        ConflictError: the death is recorded already, or the patient was examined after that day: then one of the
            two is another patient's.
    """
    work.require(patient.site_id, *DECIDERS)
    patient = preconditions.lock(work, patient.id)
    today = work.today(work.site(patient.site_id))
    if not patient.birth_date <= day <= today:
        raise InvalidInputError(f"patient {patient.mrn}: a death on {day} lies before birth or in the future")
    if patient.died_on is not None:
        raise ConflictError(f"patient {patient.mrn}: death on {patient.died_on} is recorded already")
    last = max((study.performed_on for study in studies.of_patient(work.session, patient.id)), default=day)
    if last > day:
        raise ConflictError(
            f"patient {patient.mrn} was examined on {last}, after {day}: if the death is right, retract that study"
        )
    row = Death(
        site_id=patient.site_id,
        patient_id=patient.id,
        died_on=day,
        source=source,
        recorded_at=work.now,
        recorded_by=work.actor.user_id,
    )
    work.session.add(row)
    patient.died_on, patient.died_recorded_at = day, work.now
    work.session.flush()
    before, after = {"died_on": None}, {"died_on": day}
    work.audit("patient.died", patient, patient_id=patient.id, before=before, after=after, reason=source)
    care_gaps.settle_of(work, patient)
    plan = plans.active_plan(work.session, patient.id)
    for ended in plans.all_plans(work.session, patient.id):
        granting.settle_plan(work, ended, DIED, (DeferralKind.RESTART, DeferralKind.TRANSFER))
    if plan is None:
        replanning.replan_patient(work, patient)
        return []
    return close(work, plan, NewEnd(EndReason.DEATH, max(day, plan.anchor), source))


# -- retraction ------------------------------------------------------------------------------------------------

Retracted = Study | PlanHold | Override | ExtraExamination | PlanTerms | Death | StudyReport | ResultTask
_OF_PATIENT = (Study, Death, StudyReport, ResultTask)  # the others belong to a plan


def retract(work: Work, patient: Patient, row: Retracted, reason: str) -> None:
    """Take a recorded fact back, with a reason: everything is then as if it had never been recorded.

    A result that the fact carried on asks for its next action again.

    Raises:
        InvalidInputError: no reason, or a fact about somebody else.
        BeyondLimitError: without these terms a gap is over the protocol's longest interval, and no clinician acts.
        ConflictError: it is retracted already, or cannot be without something else.
    """
    work.require(patient.site_id, *DECIDERS)
    reasoned(reason, "a retraction")
    preconditions.lock(work, patient.id)
    work.session.refresh(row)
    if owner_of(work, row) != patient.id:
        raise InvalidInputError(f"this is no fact about patient {patient.mrn}")
    if row.retracted_at is not None:
        raise ConflictError(f"this was retracted already: {row.retracted_reason}")
    if why := _stays(row):
        raise ConflictError(why)
    before, facts = picture(row), _facts(work, row)
    row.retracted_at, row.retracted_by, row.retracted_reason = work.now, work.actor.user_id, reason
    work.session.flush()
    after = picture(row) | _gaps_made(work, row, facts)
    work.audit(f"{row.__tablename__}.retract", row, patient_id=patient.id, before=before, after=after, reason=reason)
    _put_off_no_more(work, row, reason)
    _undo(work, patient, row, reason)
    replanning.replan_patient(work, patient)


def _facts(work: Work, row: Retracted) -> PlanFacts | None:
    """What is known of an active plan whose terms are taken back."""
    if not isinstance(row, PlanTerms):
        return None
    plan = preconditions.plan_of(work, row.plan_id)
    return replanning.facts_of(work, plan) if plan.ended_on is None else None


def _gaps_made(work: Work, row: Retracted, before: PlanFacts | None) -> dict[str, Any]:
    if before is None or not isinstance(row, PlanTerms):
        return {}
    plan = preconditions.plan_of(work, row.plan_id)
    return imaging_gaps.pictured(imaging_gaps.guard(work, plan, before, replanning.facts_of(work, plan)))


def _put_off_no_more(work: Work, row: Retracted, reason: str) -> None:
    """What put somebody off is taken back, and what stood before it stands again."""
    if isinstance(row, PlanHold):
        granting.settle(work, DeferralKind.HOLD, str(row.id), f"taken back: {reason}")
    if isinstance(row, Override) and row.kind in (OverrideKind.MOVE, OverrideKind.SKIP):
        _reinstate_override(work, row, reason)
    if isinstance(row, PlanTerms):
        plan = preconditions.plan_of(work, row.plan_id)
        last = plans.terms_in_force(work.session, plan.id)[-1]
        follow(work, plan, last.protocol_key, last.intervals, Off(last.since, None, last.reason or reason))


def _reinstate_override(work: Work, row: Override, reason: str) -> None:
    """An earlier word about the same examination holds again, with its own deferral."""
    plan, kind = preconditions.plan_of(work, row.plan_id), DeferralKind(row.kind.value)
    subject = overrides.subject_of(plan.id, row.item, row.month, row.extra_id)
    granting.settle(work, kind, subject, f"taken back: {reason}")
    before = [
        word
        for word in plans.overrides(work.session, plan.id)
        if (word.kind, word.item, word.month, word.extra_id) == (row.kind, row.item, row.month, row.extra_id)
    ]
    if before:
        granting.reinstate_until(work, kind, subject, before[-1].day, reason)


def owner_of(work: Work, row: Retracted) -> UUID:
    """The patient whom a fact is about."""
    return row.patient_id if isinstance(row, _OF_PATIENT) else preconditions.plan_of(work, row.plan_id).patient_id


def _stays(row: Retracted) -> str:
    """Why a fact cannot be taken back by itself; empty where it can."""
    if isinstance(row, PlanTerms) and row.since is None:
        return "the first terms of a plan cannot be retracted; change them, or end the plan"
    if isinstance(row, Override) and row.kind is OverrideKind.FITS:
        return "this ruling stands with its study: take the study back and record it again"
    if isinstance(row, StudyReport) and row.read_on is not None:
        return f"the {row.status} report of {row.day} was reviewed; record the one that corrects it instead"
    return ""


def _undo(work: Work, patient: Patient, row: Retracted, reason: str) -> None:
    """What else was as it is because of a fact that was taken back."""
    match row:
        case Study():
            _unrecord(work, row, reason)
            follow_ups.study_is_gone(work, row, reason)
        case Death():
            _undie(work, patient, reason)
        case StudyReport():
            reports.stand_again(work, row)
        case ExtraExamination():
            follow_ups.fact_is_gone(work, FollowUp.EXTRA, row.id, reason)
        case PlanHold():
            follow_ups.fact_is_gone(work, FollowUp.HOLD, row.id, reason)
        case ResultTask():
            follow_ups.fact_is_gone(work, FollowUp.TASK, row.id, reason)


def _unrecord(work: Work, study: Study, reason: str) -> None:
    """The visit lines that only this study proved are open again: somebody must say what became of them.

    A visit that the end of its plan would have cancelled is cancelled now.
    """
    if study.appointment_id is None:
        return
    row = booking.by_id(work, study.appointment_id)
    plan = preconditions.plan_of(work, row.plan_id)
    others = [other for other in studies.of_patient(work.session, study.patient_id) if other.appointment_id == row.id]
    proved = {item for other in others for item in studies.items(work.session, other.id)}
    lines = appointments.lines(work.session, row.id)
    for line in lines:
        served = line.item in studies.items(work.session, study.id) and line.item not in proved
        if served and line.outcome is Outcome.PERFORMED:
            outcomes.restore(work, row, line, reason)
    if row.state is AppointmentState.BOOKED and plan.ended_on is not None and row.day >= plan.ended_on:
        outcomes.call_off(work, row, lines, f"plan ended: {plan.end_reason}")


def _undie(work: Work, patient: Patient, reason: str) -> None:
    before = {"died_on": patient.died_on}
    patient.died_on, patient.died_recorded_at = None, None
    work.session.flush()
    work.audit("patient.alive", patient, patient_id=patient.id, before=before, after={"died_on": None}, reason=reason)
    care_gaps.refresh(work, patient.id)
    closed = [plan for plan in plans.all_plans(work.session, patient.id) if plan.end_reason is EndReason.DEATH]
    if closed and plans.active_plan(work.session, patient.id) is None:
        reopen(work, closed[0], reason)


def reopen(work: Work, plan: Plan, reason: str) -> None:
    """An end was recorded wrongly: the plan goes on as if it had never ended. Cancelled visits stay cancelled.

    Raises:
        ConflictError: the plan has not ended, a later plan follows it, or the patient has died.
    """
    work.require(plan.site_id, *DECIDERS)
    reasoned(reason, "reopening a plan")
    now = gathered.locked(work, plan.patient_id, plan.id)
    if plan.ended_on is None:
        raise ConflictError("the plan has not ended")
    if now.patient.died_on is not None:
        raise ConflictError(f"the patient died on {now.patient.died_on}; retract the death, and the plan goes on")
    if plans.all_plans(work.session, plan.patient_id)[0].id != plan.id:
        raise ConflictError("another plan of this patient follows this one")
    before = picture(plan, ENDS)
    plan.ended_on, plan.end_reason, plan.end_note, plan.end_signed_by, plan.restart_by = None, None, "", None, None
    work.session.flush()
    work.audit("plan.reopen", plan, before=before, after=picture(plan, before), reason=reason)
    follow_ups.fact_is_gone(work, FollowUp.END, plan.id, reason)
    granting.settle_plan(work, plan, "the plan goes on", (DeferralKind.RESTART, DeferralKind.TRANSFER))
    granting.reinstate_plan(work, plan, reason)
    care_gaps.settle_of(work, now.patient)
    replanning.replan(work, plan, now)
