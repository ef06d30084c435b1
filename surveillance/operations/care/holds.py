"""Holds: a plan or one item pauses, until a person resumes it; it always has a day to be looked at (rule 9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.schedule.reconcile import Changes
from surveillance.core.words import AppointmentState, DeferralKind, HoldReason
from surveillance.operations.deferrals import granting
from surveillance.operations.deferrals.granting import NewDeferral
from surveillance.operations.planning import gathered, preconditions, replanning
from surveillance.operations.planning.gathered import Gathered
from surveillance.operations.planning.preconditions import DECIDERS, reasoned
from surveillance.operations.visits import outcomes
from surveillance.operations.work import Work, found
from surveillance.store.audit.events import picture
from surveillance.store.tables import Appointment, Plan, PlanHold


@dataclass(frozen=True, slots=True)
class NewHold:
    """``cancel`` and ``keep`` name booked visits by id: each that the hold touches must stand in one of the two.

    A hold of one item cancels only that examination of a visit; the others of the visit stay booked.
    """

    reason: HoldReason
    review_on: date
    start: date
    item: str | None = None
    note: str = ""
    cancel: Sequence[UUID] = ()
    keep: Sequence[UUID] = ()


def hold(work: Work, plan: Plan, new: NewHold) -> PlanHold:
    """Pause a plan or one item; nothing is due or sent until it is resumed, studies still match.

    Raises:
        InvalidInputError: a review before the start, an unknown item, a start in the future or before the anchor, or
            a visit to cancel that the hold does not touch.
        ConflictError: a hold is in force, the plan has ended, or a booked visit is neither kept nor cancelled.
        BeyondLimitError: the review lies further ahead than the actor's role may put off.
    """
    work.require(plan.site_id, *DECIDERS)
    now = _gather(work, plan)
    _check_hold(work, now, new)
    for visit in _to_cancel(work, now, new):
        lines, items = now.visits.lines(visit.id), None if new.item is None else [new.item]
        outcomes.call_off(work, visit, lines, f"hold: {new.reason}", items)
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
    now.recorded.keep(now.recorded.holds, row)
    work.audit("plan.hold", row, patient_id=plan.patient_id, after=picture(row), reason=new.note)
    granting.grant(work, plan.patient_id, plan.site_id, _deferral(row, row.review_on, new.note))
    replanning.replan(work, plan, now)
    return row


def _gather(work: Work, plan: Plan) -> Gathered:
    """The plan, read again under its patient's lock. Raises ConflictError where it has ended."""
    now = gathered.locked(work, plan.patient_id, plan.id)
    preconditions.check_active(now.plan)
    return now


def _check_hold(work: Work, now: Gathered, new: NewHold) -> None:
    plan = now.plan
    today = work.today(work.site(plan.site_id))
    if new.review_on < max(new.start, today):
        raise InvalidInputError(f"the review on {new.review_on} must not lie before the start or before today")
    preconditions.check_near(new.review_on, today, "a review")
    granting.allow(work, plan.site_id, _deferral_until(new))
    if not plan.anchor <= new.start <= today:
        raise InvalidInputError(
            f"a hold starts between the anchor {plan.anchor} and today ({today}), not on {new.start}"
        )
    items = now.facts(work).items
    if new.item is not None and new.item not in items:
        raise InvalidInputError(f"the plan has no item {new.item!r}; it has {', '.join(items)}")
    if standing := [h for h in now.recorded.holds if h.resumed_on is None and h.item in (None, new.item)]:
        raise ConflictError(f"a hold since {standing[0].start} is in force; resume it first")


def _deferral_until(new: NewHold) -> NewDeferral:
    return NewDeferral(DeferralKind.HOLD, "", new.review_on, str(new.reason), new.item or "")


def _deferral(row: PlanHold, until: date, why: str) -> NewDeferral:
    """A hold puts off until its review; its reason is a word, and what somebody noted besides."""
    reason = f"{row.reason}: {why.strip()}" if why.strip() else str(row.reason)
    return NewDeferral(DeferralKind.HOLD, str(row.id), until, reason, row.item or "", row.plan_id)


def _to_cancel(work: Work, now: Gathered, new: NewHold) -> list[Appointment]:
    """The visits to cancel. A visit that is over waits for its outcome and is left alone."""
    touched = {row.id: row for row in _touched(work, now, new.item)}
    if strangers := set(new.cancel) - touched.keys():
        raise InvalidInputError(f"visit {min(strangers).hex[:8]} is none of those that this hold touches")
    if both := set(new.cancel) & set(new.keep):
        raise InvalidInputError(f"visit {min(both).hex[:8]} cannot be kept and cancelled")
    for row in touched.values():
        if row.id not in new.cancel and row.id not in new.keep:
            raise ConflictError(
                f"the visit of {row.day} ({row.id.hex[:8]}) is booked: say whether to keep or cancel it"
                " (--keep or --cancel with its id)"
            )
    return [row for row in touched.values() if row.id in new.cancel]


def _touched(work: Work, now: Gathered, item: str | None) -> list[Appointment]:
    """Booked visits from today on with an open examination of the item, or of any."""
    today = work.today(work.site(now.plan.site_id))
    return [
        row
        for row in now.visits.of_plan(now.plan.id, AppointmentState.BOOKED)
        if row.day >= today
        and any(line.outcome is None and item in (None, line.item) for line in now.visits.lines(row.id))
    ]


def open_hold(work: Work, plan: Plan, item: str | None = None) -> PlanHold:
    """The hold in force of one item, or without ``item`` that of the plan, or the only one there is.

    Raises:
        NotFoundError: no such hold is in force.
        ConflictError: several items are on hold, and nobody said which is meant.
    """
    statement = select(PlanHold).where(
        PlanHold.plan_id == plan.id, col(PlanHold.resumed_on).is_(None), col(PlanHold.retracted_at).is_(None)
    )
    standing = {row.item: row for row in work.session.exec(statement)}
    if item is None and None not in standing and len(standing) > 1:
        raise ConflictError(f"several items are on hold, say which: {', '.join(sorted(map(str, standing)))}")
    only = next(iter(standing.values()), None) if item is None else None
    return found(standing.get(item, only), "hold in force", item or "of this plan")


def resume(work: Work, plan: Plan, row: PlanHold, day: date, reason: str = "") -> Changes:
    """End a hold: the slot whose cell holds that day is due.

    Raises:
        InvalidInputError: an impossible day.
        ConflictError: the plan has ended, or the hold is not in force any more.
    """
    work.require(plan.site_id, *DECIDERS)
    now = _gather_in_force(work, plan, row)
    today = work.today(work.site(plan.site_id))
    if not row.start <= day <= today:
        raise InvalidInputError(f"a hold is resumed between its start {row.start} and today ({today}), not on {day}")
    before = picture(row, ("resumed_on", "resumed_by"))
    row.resumed_on, row.resumed_by = day, work.actor.user_id
    work.session.flush()
    after = picture(row, before)
    work.audit("plan.resume", row, patient_id=plan.patient_id, before=before, after=after, reason=reason)
    granting.settle(work, DeferralKind.HOLD, str(row.id), "the hold is over")
    return replanning.replan(work, plan, now)


def review_hold(work: Work, plan: Plan, row: PlanHold, review_on: date, reason: str) -> None:
    """Look at a hold again later.

    Raises:
        InvalidInputError: a day that is past, or no reason.
        ConflictError: the plan has ended, or the hold is not in force any more.
    """
    work.require(plan.site_id, *DECIDERS)
    reasoned(reason, "a longer hold")
    now = _gather_in_force(work, plan, row)
    today = work.today(work.site(plan.site_id))
    preconditions.check_near(review_on, today, "a review")
    if review_on <= today:
        raise InvalidInputError(f"the next review must lie in the future, not on {review_on}")
    before = picture(row, ("review_on",))
    row.review_on = review_on
    after = picture(row, ("review_on",))
    granting.grant(work, plan.patient_id, plan.site_id, _deferral(row, review_on, reason))
    work.audit("plan.review_hold", row, patient_id=plan.patient_id, before=before, after=after, reason=reason)
    replanning.replan(work, plan, now)


def _gather_in_force(work: Work, plan: Plan, row: PlanHold) -> Gathered:
    """As ``_gather``. Raises ConflictError as well where the hold is not in force any more."""
    now = _gather(work, plan)
    if all(each is not row for each in now.recorded.holds) or row.resumed_on is not None:
        raise ConflictError(f"the hold from {row.start} is not in force any more")
    return now
