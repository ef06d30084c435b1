"""A person's word about one examination: moved, skipped, asked for beside the protocol (rule 11)."""

from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from surveillance.core.dates import add_months
from surveillance.core.deferrals import gap_limit
from surveillance.core.errors import BeyondLimitError, InvalidInputError
from surveillance.core.schedule.examinations import Key, derive
from surveillance.core.words import DeferralKind, Role
from surveillance.operations.deferrals import granting
from surveillance.operations.deferrals.granting import NewDeferral
from surveillance.operations.planning import gathered, preconditions, replanning
from surveillance.operations.planning.gathered import Gathered
from surveillance.operations.planning.preconditions import DECIDERS, reasoned
from surveillance.operations.visits import bookable
from surveillance.operations.work import Work, found
from surveillance.store.audit.events import picture
from surveillance.store.planning import plans
from surveillance.store.tables import ExtraExamination, Override, OverrideKind, Plan


@dataclass(frozen=True, slots=True)
class NewOverride:
    kind: OverrideKind
    key: Key
    reason: str
    day: date | None = None


def override(work: Work, plan: Plan, new: NewOverride) -> Override:
    """Move or skip one examination, or confirm that no earlier study exists. A later word goes before an earlier one.

    Raises:
        InvalidInputError: no reason, no day, a day that is past, an examination that is not open, an unknown item.
        ConflictError: the plan has ended.
    """
    work.require(plan.site_id, *DECIDERS)
    now = gathered.locked(work, plan.patient_id, plan.id)
    preconditions.check_active(plan)
    reasoned(new.reason, "an override")
    _check_override(work, now, new)
    _put_off(work, now, new)
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
    now.recorded.keep(now.recorded.words, row)
    work.audit(f"examination.{new.kind}", row, patient_id=plan.patient_id, after=picture(row), reason=new.reason)
    replanning.replan(work, plan, now)
    return row


def _check_override(work: Work, now: Gathered, new: NewOverride) -> None:
    if new.kind is OverrideKind.KNOWN_BLANK:
        _check_item(new.key.item, _known_items(work, now))
        return
    if new.kind not in (OverrideKind.MOVE, OverrideKind.SKIP):
        raise InvalidInputError("whether a study counts is said about that study ('study count')")
    today = work.today(work.site(now.plan.site_id))
    if new.day is None or new.day <= today:
        what = "the day to move to" if new.kind is OverrideKind.MOVE else "the day to look at it again"
        raise InvalidInputError(f"{what} must lie in the future")
    preconditions.check_near(new.day, today, "this")
    row = next((row for row in now.stored.examinations if row.key == new.key), None)
    again = row is not None and new.kind is OverrideKind.SKIP and row.skip_review_on is not None and not row.study
    if row is None or not (row.open or again):
        raise InvalidInputError(f"{bookable.name(new.key)} is not an open examination of this plan")
    if new.kind is OverrideKind.MOVE:
        _check_move(work, now, new.key, new.day)


def _known_items(work: Work, now: Gathered) -> set[str]:
    return preconditions.items_of(work, plans.in_force(now.recorded.terms))


def subject_of(plan_id: UUID, item: str, month: int | None, extra: UUID | str | None) -> str:
    """What a move or a skip puts off: one examination of one plan, however often somebody decides about it."""
    return f"{plan_id}:{item}:{extra if month is None else month}"


def _put_off(work: Work, now: Gathered, new: NewOverride) -> None:
    """A move is bound by the gap rule (rule 6) and counts from its target, a skip from the day it would be due."""
    if new.day is None or new.kind not in (OverrideKind.MOVE, OverrideKind.SKIP):
        return
    plan, kind = now.plan, DeferralKind(new.kind.value)
    subject = subject_of(plan.id, new.key.item, new.key.month, new.key.extra)
    target = _target(work, plan, new.key)
    if kind is DeferralKind.MOVE and new.day <= target:
        granting.settle(work, kind, subject, "moved to an earlier day")
        return  # nobody is put off by an earlier day
    if kind is DeferralKind.MOVE:
        _within_the_gap(work, now, new.key, new.day, target)
    counted_from = max(target, work.today(work.site(plan.site_id)))
    wanted = NewDeferral(kind, subject, new.day, new.reason, new.key.item, plan.id, counted_from)
    granting.grant(work, plan.patient_id, plan.site_id, wanted)


def _target(work: Work, plan: Plan, key: Key) -> date:
    """The day that the protocol, or whoever asked for an extra one, names; a move does not change it."""
    if key.month is not None:
        return add_months(plan.anchor, key.month)
    row = work.session.get(ExtraExamination, UUID(key.extra)) if key.extra else None
    return row.target if row is not None else plan.anchor


def _within_the_gap(work: Work, now: Gathered, key: Key, day: date, target: date) -> None:
    """Raises BeyondLimitError where a coordinator would open a gap of over one and a half intervals."""
    row = found(now.stored.rows.get(key), "examination", bookable.name(key))
    limit = gap_limit(target, row.interval)
    if day > limit and not work.signs(now.plan.site_id, Role.CLINICIAN):
        raise BeyondLimitError(
            f"{bookable.name(key)} on {day} leaves over one and a half intervals without it;"
            f" a coordinator may go to {limit}, let a clinician decide it"
        )


def _check_item(item: str, known: set[str]) -> None:
    if item not in known:
        raise InvalidInputError(f"the plan has no item {item!r}; it has {', '.join(sorted(known))}")


def _check_move(work: Work, now: Gathered, key: Key, day: date) -> None:
    if key.month is None:
        raise InvalidInputError("an extra examination has its own target; retract it and ask for another one")
    facts, plan = now.facts(work), now.plan
    moved = replace(facts, moves={**facts.moves, (key.item, key.month): day})
    there = {row.key: row for row in derive(moved, max(plan.horizon, replanning.beyond(facts, day))).examinations}
    if key not in there or there[key].target != day:
        raise InvalidInputError(
            f"{day} would pass the examination before or after {bookable.name(key)}; skip it instead"
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
    now = gathered.locked(work, plan.patient_id, plan.id)
    preconditions.check_active(plan)
    row = record_extra(work, now, new)
    replanning.replan(work, plan, now)
    return row


def record_extra(work: Work, now: Gathered, new: NewExtra) -> ExtraExamination:
    """The fact alone, for a change that re-plans by itself. Raises InvalidInputError as ``extra``."""
    plan = now.plan
    reasoned(new.reason, "an extra examination")
    today = work.today(work.site(plan.site_id))
    _check_item(new.item, _known_items(work, now))
    preconditions.check_near(new.target, today, "an extra examination")
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
    now.recorded.keep(now.recorded.extras, row)
    work.audit("examination.extra", row, patient_id=plan.patient_id, after=picture(row), reason=new.reason)
    return row
