"""Holds, ends, restarts, death, overrides and retractions: what a person decides about a plan (rules 9 to 11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.examinations import Hold, Key, PlanFacts
from surveillance.core.reconcile import Changes
from surveillance.core.words import AppointmentState, EndReason, HoldReason, Outcome, Role
from surveillance.operations import booking, planning
from surveillance.operations.work import Work, found
from surveillance.store import appointments, plans, studies
from surveillance.store.audit import picture
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
    Study,
)

DECIDERS = (Role.COORDINATOR, Role.CLINICIAN)


def _reasoned(reason: str, what: str) -> None:
    if not reason.strip():
        raise InvalidInputError(f"{what} needs a reason")


# -- holds -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewHold:
    """``cancel`` and ``keep`` name the booked visits by id: each must stand in one of the two."""

    reason: HoldReason
    review_on: date
    start: date
    item: str | None = None
    note: str = ""
    cancel: Sequence[UUID] = ()
    keep: Sequence[UUID] = ()


def preview_hold(work: Work, plan: Plan, new: NewHold) -> Changes:
    """What a hold would change; nothing is written."""
    facts = planning.facts_of(work, plan)
    holds = (*facts.holds, Hold(new.item, new.start, None, new.review_on))
    return planning.difference(work, plan, PlanFacts(**(vars(facts) | {"holds": holds})))


def hold(work: Work, plan: Plan, new: NewHold) -> PlanHold:
    """Pause a plan or one item; nothing is due or sent until it is resumed, studies still match.

    Raises:
        InvalidInputError: a review before the start, an unknown item, a start in the future.
        ConflictError: a hold is in force, the plan has ended, or a booked visit is neither kept nor cancelled.
    """
    work.require(plan.site_id, *DECIDERS)
    _must_be_active(plan)
    today = work.today(work.site(plan.site_id))
    if new.review_on < max(new.start, today):
        raise InvalidInputError(f"the review on {new.review_on} must not lie before the start or before today")
    if new.start > today:
        raise InvalidInputError(f"a hold starts today or earlier, not on {new.start}")
    items = planning.facts_of(work, plan).items
    if new.item is not None and new.item not in items:
        raise InvalidInputError(f"the plan has no item {new.item!r}; it has {', '.join(items)}")
    if standing := [
        h for h in plans.holds(work.session, plan.id) if h.resumed_on is None and h.item in (None, new.item)
    ]:
        raise ConflictError(f"a hold since {standing[0].start} is in force; resume it first")
    for visit in _undecided(work, plan, new):
        raise ConflictError(
            f"the visit of {visit.day} ({visit.id.hex[:8]}) is booked: say whether to keep or cancel it"
            " (--keep or --cancel with its id)"
        )
    for appointment_id in new.cancel:
        booking.cancel(work, booking.by_id(work, appointment_id), f"hold: {new.reason}", settle=False)
    row = PlanHold(
        site_id=plan.site_id,
        plan_id=plan.id,
        item=new.item,
        reason=new.reason,
        note=new.note,
        start=new.start,
        review_on=new.review_on,
        recorded_at=work.now,
        recorded_by=work.actor.user_id,
    )
    work.session.add(row)
    work.session.flush()
    work.audit("plan.hold", row, patient_id=plan.patient_id, after=picture(row), reason=new.note)
    planning.replan(work, plan)
    return row


def _undecided(work: Work, plan: Plan, new: NewHold) -> list[Appointment]:
    booked = appointments.of_plan(work.session, plan.id, AppointmentState.BOOKED)
    lines = appointments.lines_of(work.session, [row.id for row in booked])
    touched = [row for row in booked if any(new.item in (None, line.item) for line in lines.get(row.id, []))]
    return [row for row in touched if row.id not in new.cancel and row.id not in new.keep]


def open_hold(work: Work, plan: Plan, item: str | None = None) -> PlanHold:
    """The hold in force, of the plan or of one item. Raises NotFoundError."""
    statement = select(PlanHold).where(
        PlanHold.plan_id == plan.id, col(PlanHold.resumed_on).is_(None), col(PlanHold.retracted_at).is_(None)
    )
    rows = [row for row in work.session.exec(statement) if item is None or row.item == item]
    return found(rows[0] if rows else None, "hold in force", item or "of this plan")


def resume(work: Work, plan: Plan, row: PlanHold, day: date, reason: str = "") -> Changes:
    """End a hold: the slot whose cell holds that day is due. Raises InvalidInputError for an impossible day."""
    work.require(plan.site_id, *DECIDERS)
    today = work.today(work.site(plan.site_id))
    if not row.start <= day <= today:
        raise InvalidInputError(f"a hold is resumed between its start {row.start} and today ({today}), not on {day}")
    before = picture(row, ("resumed_on",))
    row.resumed_on, row.resumed_by = day, work.actor.user_id
    work.session.flush()
    after = picture(row, ("resumed_on",))
    work.audit("plan.resume", row, patient_id=plan.patient_id, before=before, after=after, reason=reason)
    return planning.replan(work, plan)


def review_hold(work: Work, plan: Plan, row: PlanHold, review_on: date, reason: str) -> None:
    """Look at a hold again later. Raises InvalidInputError for a day that is past or no reason."""
    work.require(plan.site_id, *DECIDERS)
    _reasoned(reason, "a longer hold")
    if review_on <= work.today(work.site(plan.site_id)):
        raise InvalidInputError(f"the next review must lie in the future, not on {review_on}")
    before = picture(row, ("review_on",))
    row.review_on = review_on
    after = picture(row, ("review_on",))
    work.audit("plan.review_hold", row, patient_id=plan.patient_id, before=before, after=after, reason=reason)
    planning.replan(work, plan)


# -- ends ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewEnd:
    """A final end, signed by the clinician who acts. ``restart_by`` is asked for after a recurrence."""

    reason: EndReason
    day: date
    note: str = ""
    restart_by: date | None = None


def end(work: Work, plan: Plan, new: NewEnd) -> list[Appointment]:
    """End a plan for good; returns the visits whose scanner slots are to be released.

    Raises:
        InvalidInputError: a day before the anchor or in the future; recurrence without a day to restart by.
        ConflictError: the plan has ended already.
    """
    work.require(plan.site_id, Role.CLINICIAN)
    if new.reason in (EndReason.DEATH, EndReason.RESTARTED):
        raise InvalidInputError(f"an end by {new.reason} is recorded with 'patient died' or 'plan restart'")
    if new.reason is EndReason.RECURRENCE and new.restart_by is None:
        raise InvalidInputError("after a recurrence say by when follow-up should restart (--restart-by)")
    return close(work, plan, new)


def close(work: Work, plan: Plan, new: NewEnd) -> list[Appointment]:
    """Close a plan: cancel what is open, void what is planned, keep history."""
    _must_be_active(plan)
    today = work.today(work.site(plan.site_id))
    if not plan.anchor <= new.day <= today:
        raise InvalidInputError(f"a plan ends between its anchor {plan.anchor} and today ({today}), not on {new.day}")
    released = [
        row for row in appointments.of_plan(work.session, plan.id, AppointmentState.BOOKED) if row.day >= new.day
    ]
    for row in released:
        _cancel_silently(work, row, f"plan ended: {new.reason}")
    plan.ended_on, plan.end_reason, plan.end_note = new.day, new.reason, new.note
    plan.end_signed_by, plan.restart_by = work.actor.user_id, new.restart_by
    work.session.flush()
    work.audit("plan.end", plan, after=picture(plan, ("ended_on", "end_reason", "restart_by")), reason=new.note)
    planning.replan(work, plan)
    return released


def _cancel_silently(work: Work, row: Appointment, reason: str) -> None:
    row.state = AppointmentState.CANCELLED
    row.edited_at = work.now
    appointments.touch(row, work.now, work.actor.user_id)
    for line in appointments.lines(work.session, row.id):
        if line.outcome is None:
            line.outcome, line.outcome_reason, line.outcome_at = Outcome.CANCELLED, reason, work.now
    work.audit("visit.cancel", row, after={"state": row.state}, reason=reason)


def close_for_restart(work: Work, plan: Plan, reason: str) -> None:
    """The old plan ends the day its successor starts."""
    close(work, plan, NewEnd(EndReason.RESTARTED, work.today(work.site(plan.site_id)), reason))


def _must_be_active(plan: Plan) -> None:
    if plan.ended_on is not None:
        raise ConflictError(f"the plan ended on {plan.ended_on} ({plan.end_reason})")


# -- death -----------------------------------------------------------------------------------------------------


def died(work: Work, patient: Patient, day: date, source: str) -> list[Appointment]:
    """Record a death: nothing more is due or sent, feeds and pages close. Returns the visits to release.

    Raises:
        InvalidInputError: a day before birth or in the future.
        ConflictError: the death is recorded already.
    """
    work.require(patient.site_id, *DECIDERS)
    today = work.today(work.site(patient.site_id))
    if not patient.birth_date <= day <= today:
        raise InvalidInputError(f"patient {patient.mrn}: a death on {day} lies before birth or in the future")
    if patient.died_on is not None:
        raise ConflictError(f"patient {patient.mrn}: death on {patient.died_on} is recorded already")
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
    work.audit("patient.died", patient, patient_id=patient.id, after={"died_on": day}, reason=source)
    plan = plans.active_plan(work.session, patient.id)
    if plan is None:
        return []
    return close(work, plan, NewEnd(EndReason.DEATH, max(day, plan.anchor), source))


# -- overrides -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewOverride:
    kind: OverrideKind
    key: Key
    reason: str
    day: date | None = None


def override(work: Work, plan: Plan, new: NewOverride) -> Override:
    """Move or skip one examination, or confirm that no earlier study exists.

    Raises:
        InvalidInputError: no reason, no day, a day that is past, an examination that is not open.
    """
    work.require(plan.site_id, *DECIDERS)
    _must_be_active(plan)
    _reasoned(new.reason, "an override")
    _check_override(work, plan, new)
    row = Override(
        site_id=plan.site_id,
        plan_id=plan.id,
        kind=new.kind,
        item=new.key.item,
        month=new.key.month,
        extra_id=UUID(new.key.extra) if new.key.extra else None,
        day=new.day,
        reason=new.reason,
        recorded_at=work.now,
        recorded_by=work.actor.user_id,
    )
    work.session.add(row)
    work.session.flush()
    work.audit(f"examination.{new.kind}", row, patient_id=plan.patient_id, after=picture(row), reason=new.reason)
    planning.replan(work, plan)
    return row


def _check_override(work: Work, plan: Plan, new: NewOverride) -> None:
    if new.kind is OverrideKind.KNOWN_BLANK:
        return
    today = work.today(work.site(plan.site_id))
    if new.day is None or new.day <= today:
        what = "the day to move to" if new.kind is OverrideKind.MOVE else "the day to look at it again"
        raise InvalidInputError(f"{what} must lie in the future")
    row = appointments.examination_of(work.session, plan.id, new.key)
    if row is None or not row.open:
        raise InvalidInputError(f"{new.key.item}@{new.key.month or 'extra'} is not an open examination of this plan")
    if new.kind is OverrideKind.MOVE:
        _check_move(work, plan, new, new.day)


def _check_move(work: Work, plan: Plan, new: NewOverride, day: date) -> None:
    rows = [
        r for r in plans.projected(work.session, plan.id).values() if r.item == new.key.item and r.month is not None
    ]
    if new.key.month is None:
        raise InvalidInputError("an extra examination has its own target; retract it and ask for another one")
    before = max((r.target for r in rows if (r.month or 0) < new.key.month), default=plan.anchor)
    after = min((r.target for r in rows if (r.month or 0) > new.key.month), default=date.max)
    if not before < day < after:
        raise InvalidInputError(
            f"{day} would pass the examination before ({before}) or after ({after}); skip it instead"
        )


@dataclass(frozen=True, slots=True)
class NewExtra:
    item: str
    target: date
    reason: str
    tolerance: int = 7


def extra(work: Work, plan: Plan, new: NewExtra) -> ExtraExamination:
    """Ask for an examination beside the protocol ("repeat CT in six weeks").

    Raises:
        InvalidInputError: no reason, a target that is past, an unknown item, a tolerance below 0.
    """
    work.require(plan.site_id, *DECIDERS)
    _must_be_active(plan)
    _reasoned(new.reason, "an extra examination")
    today = work.today(work.site(plan.site_id))
    items = planning.facts_of(work, plan).items
    if new.item not in items:
        raise InvalidInputError(f"the plan has no item {new.item!r}; it has {', '.join(items)}")
    if new.target < today or new.tolerance < 0:
        raise InvalidInputError("an extra examination lies today or later, with a tolerance of 0 days or more")
    row = ExtraExamination(
        site_id=plan.site_id,
        plan_id=plan.id,
        item=new.item,
        target=new.target,
        tolerance=new.tolerance,
        requested_on=today,
        reason=new.reason,
        recorded_at=work.now,
        recorded_by=work.actor.user_id,
    )
    work.session.add(row)
    work.session.flush()
    work.audit("examination.extra", row, patient_id=plan.patient_id, after=picture(row), reason=new.reason)
    planning.replan(work, plan)
    return row


# -- retraction ------------------------------------------------------------------------------------------------

Retracted = Study | PlanHold | Override | ExtraExamination | PlanTerms | Death


def retract(work: Work, patient: Patient, row: Retracted, reason: str) -> None:
    """Take a recorded fact back, with a reason: everything is then as if it had never been recorded.

    Raises:
        InvalidInputError: no reason.
        ConflictError: it is retracted already, or it is the first terms of a plan.
    """
    work.require(patient.site_id, *DECIDERS)
    _reasoned(reason, "a retraction")
    if row.retracted_at is not None:
        raise ConflictError(f"this was retracted already: {row.retracted_reason}")
    if isinstance(row, PlanTerms) and row.since is None:
        raise ConflictError("the first terms of a plan cannot be retracted; change them, or end the plan")
    row.retracted_at, row.retracted_by, row.retracted_reason = work.now, work.actor.user_id, reason
    work.session.flush()
    work.audit(f"{row.__tablename__}.retract", row, patient_id=patient.id, before=picture(row), reason=reason)
    if isinstance(row, Study):
        _unrecord(work, row, reason)
    if isinstance(row, Death):
        _undie(work, patient, reason)
    planning.replan_patient(work, patient)


def _unrecord(work: Work, study: Study, reason: str) -> None:
    """The visit line that this study closed is open again: somebody must say what became of it."""
    if study.appointment_id is None:
        return
    row = booking.by_id(work, study.appointment_id)
    items = studies.items(work.session, study.id)
    for line in appointments.lines(work.session, row.id):
        if line.item in items and line.outcome is Outcome.PERFORMED:
            booking.reopen(work, row, line.item, reason)


def _undie(work: Work, patient: Patient, reason: str) -> None:
    patient.died_on, patient.died_recorded_at = None, None
    work.session.flush()
    closed = [plan for plan in plans.all_plans(work.session, patient.id) if plan.end_reason is EndReason.DEATH]
    if closed and plans.active_plan(work.session, patient.id) is None:
        reopen(work, closed[0], reason)


def reopen(work: Work, plan: Plan, reason: str) -> None:
    """An end was recorded wrongly: the plan goes on as if it had never ended. Cancelled visits stay cancelled.

    Raises:
        ConflictError: the plan has not ended, or another plan is active.
    """
    work.require(plan.site_id, *DECIDERS)
    _reasoned(reason, "reopening a plan")
    if plan.ended_on is None:
        raise ConflictError("the plan has not ended")
    if plans.active_plan(work.session, plan.patient_id):
        raise ConflictError("another plan of this patient is active")
    before = picture(plan, ("ended_on", "end_reason", "restart_by"))
    plan.ended_on, plan.end_reason, plan.end_note, plan.end_signed_by, plan.restart_by = None, None, "", None, None
    work.session.flush()
    work.audit("plan.reopen", plan, before=before, after=picture(plan, before), reason=reason)
    planning.replan(work, plan)
