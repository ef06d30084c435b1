"""Re-planning: from all recorded facts of a plan to its rows, proposals and messages (schedule rules 12 and 13).

The way is the same everywhere: lock the patient, gather, decide in the core, write, and plan the messages.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from surveillance.core.dates import add_months
from surveillance.core.protocols.protocol import After, Protocol
from surveillance.core.schedule.examinations import Derived, Examination, PlanFacts, derive
from surveillance.core.schedule.reconcile import Changes, reconcile
from surveillance.core.schedule.trips import IsWorking, Trip, meeting, outings, with_visits
from surveillance.core.words import AppointmentState
from surveillance.operations.messages import scheduling
from surveillance.operations.messages.patient_context import joined
from surveillance.operations.planning import gathered, preconditions, proposals
from surveillance.operations.planning.gathered import Gathered
from surveillance.operations.registry.working_days import site_calendar
from surveillance.operations.work import Work
from surveillance.store.planning import plans as store
from surveillance.store.tables import Patient, Plan
from surveillance.store.visits import appointments

HORIZON_MONTHS = 24


def facts_of(work: Work, plan: Plan) -> PlanFacts:
    """Everything that is recorded about a plan and not retracted, for whoever only looks."""
    (recorded,) = store.recorded(work.session, [plan])
    visits, patient = appointments.visits(work.session, plan.patient_id), work.session.get_one(Patient, plan.patient_id)
    return gathered.facts(work, patient, recorded, visits, store.studies(work.session, plan.patient_id))


def horizon(today: date, *days: date) -> date:
    """The last target day for which rows exist: 24 months ahead, or as far as somebody booked or moved."""
    return max([add_months(today, HORIZON_MONTHS), *days])


def beyond(facts: PlanFacts, day: date) -> date:
    """A day that no target lies after whose cell holds ``day``: a visit can be booked before its target."""
    rhythms = [rhythm for terms in facts.terms for rhythm in terms.rhythms.values()]
    return add_months(day, max((beat.interval for rhythm in rhythms for beat in rhythm.beats), default=0))


def look_ahead(work: Work, now: Gathered, day: date) -> None:
    """See that rows exist for whatever could be done on ``day``."""
    wanted = beyond(now.facts(work), day)
    if wanted > now.plan.horizon:
        now.plan.horizon = wanted
        replan(work, now.plan, now)


def difference(work: Work, plan: Plan, facts: PlanFacts) -> Changes:
    """What would change if ``facts`` held; nothing is written. Every change of a plan is shown before it is applied."""
    stored = [store.examination(row) for row in store.projected(work.session, plan.id).values()]
    return reconcile(derive(facts, _until(work, plan, facts)), stored)


def _until(work: Work, plan: Plan, facts: PlanFacts) -> date:
    """How far rows are to exist; a horizon never comes nearer."""
    booked = [beyond(facts, booking.day) for booking in facts.bookings]
    today = work.today(work.site(plan.site_id))
    return max(plan.horizon, horizon(today, *booked, *facts.moves.values()))


def replan(work: Work, plan: Plan, now: Gathered | None = None) -> Changes:
    """Make rows, findings, proposals and messages equal to what the recorded facts want; returns what changed in the
    plan. The patient's other active plans go along: a visit may serve them, too, and trips meet.

    ``now`` is what a caller who has locked the patient gathered, and kept in step.
    """
    work.session.flush()
    now = now or gathered.locked(work, plan.patient_id, plan.id)
    return _rewrite(work, now.patient, now.every)[plan.id]


def replan_patient(work: Work, patient: Patient) -> dict[UUID, Changes]:
    """Re-plan after a fact about the patient that is no part of one plan; returns what changed in each.

    A study may lie in the time of a plan that has ended: its rows are a projection of the facts, too.
    """
    patient = preconditions.lock(work, patient.id)
    return _rewrite(work, patient, gathered.of_plans(work, patient, store.all_plans(work.session, patient.id)[::-1]))


def _rewrite(work: Work, patient: Patient, every: Sequence[Gathered]) -> dict[UUID, Changes]:
    """The plans of a patient as they are wanted, by number, then the messages."""
    made = [_project(work, now) for now in every]
    derived = [found for _, found in made]
    for now, trips, found in zip(every, wanted_trips(work, every, derived), derived, strict=True):
        proposals.write(work, now, trips, {row.key: row.target for row in found.examinations})
    active = ((now, found) for now, found in zip(every, derived, strict=True) if now.plan.ended_on is None)
    visits = every[0].visits.every() if every else ()
    scheduling.renew(work, patient, joined(now.course(work, found) for now, found in active), visits)
    return {now.plan.id: changes for now, (changes, _) in zip(every, made, strict=True)}


def _project(work: Work, now: Gathered) -> tuple[Changes, Derived]:
    """Rows and findings of one plan; also what the facts give."""
    plan, facts = now.plan, now.facts(work)
    plan.horizon = _until(work, plan, facts)
    derived = derive(facts, plan.horizon)
    changes = reconcile(derived, now.stored.examinations)
    now.stored.write(work.session, changes, derived)
    if facts.skips:
        store.settle_skips(work.session, plan.id)
    return changes, derived


def wanted_trips(work: Work, every: Sequence[Gathered], derived: Sequence[Derived]) -> list[list[Trip]]:
    """The visits to propose for each plan of a patient: every open, unbooked examination inside the horizon, grouped
    into trips; those of several plans meet."""
    asked = [_asked(work, now, found) for now, found in zip(every, derived, strict=True)]
    if not any(rows for rows, *_ in asked):
        return [[] for _ in every]
    site = work.site(every[0].plan.site_id)
    today = work.today(site)
    return propose_together(asked, today, site_calendar(work.session, site, today).is_working)


class Asked(NamedTuple):
    """What one plan asks for: what can be booked, what of it follows imaging, and the days of its booked visits."""

    rows: Sequence[Examination]
    after: Mapping[str, After]
    booked: Sequence[date] = ()


def _asked(work: Work, now: Gathered, derived: Derived) -> Asked:
    if now.plan.ended_on is not None:
        return Asked((), {})
    today = work.today(work.site(now.plan.site_id))
    after = follow_ups(work.protocol(store.in_force(now.recorded.terms)[-1].protocol_key))
    ahead = [row.day for row in now.visits.of_plan(now.plan.id, AppointmentState.BOOKED) if row.day > today]
    return Asked(list(proposable(derived.examinations, today)), after, ahead)


def propose_together(asked: Sequence[Asked], today: date, is_working: IsWorking) -> list[list[Trip]]:
    """For each plan its imaging grouped into trips, on one day with another plan's where both allow it, and the clinic
    visits that follow it."""
    imaging = [outings([row for row in one.rows if row.item not in one.after], today, is_working) for one in asked]
    met = meeting(imaging, [one.booked for one in asked], is_working)
    return [_followed(one, own, today, is_working) for one, own in zip(asked, met, strict=True)]


def _followed(one: Asked, imaging: list[Trip], today: date, is_working: IsWorking) -> list[Trip]:
    visits = [row for row in one.rows if row.item in one.after]
    return with_visits(imaging, visits, one.after, today, is_working) if visits else imaging


def propose_trips(
    rows: Iterable[Examination], after: Mapping[str, After], today: date, is_working: IsWorking
) -> list[Trip]:
    """As ``propose_together``, for one plan, of which what can be booked is taken."""
    return propose_together([Asked(list(proposable(rows, today)), after)], today, is_working)[0]


def proposable(rows: Iterable[Examination], today: date) -> Iterable[Examination]:
    """What a person could book: open, not held, not booked, and its time not over."""
    return (row for row in rows if row.open and not row.held and row.booking is None and row.cell_end > today)


def follow_ups(protocol: Protocol) -> dict[str, After]:
    """Items that follow others by some days."""
    return {item.code: item.after for item in protocol.items if item.after is not None}
