"""Re-planning: from all recorded facts of a plan to its rows, proposals and messages (schedule rules 12 and 13).

The way is the same everywhere: lock the patient, gather, decide in the core, write, and plan the messages.
"""

from collections.abc import Iterable, Mapping
from datetime import date

from surveillance.core.dates import add_months
from surveillance.core.protocols.protocol import After, Protocol
from surveillance.core.schedule.examinations import Derived, Examination, PlanFacts, derive
from surveillance.core.schedule.reconcile import Changes, reconcile
from surveillance.core.schedule.trips import IsWorking, Trip, trips, with_visits
from surveillance.operations.messages import scheduling
from surveillance.operations.messages.patient_context import Course
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
    visits = appointments.visits(work.session, plan.patient_id)
    return gathered.facts(work, recorded, visits, store.studies(work.session, plan.patient_id))


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
    """Make rows, findings, proposals and messages equal to what the recorded facts want.

    ``now`` is what a caller who has locked the patient gathered, and kept in step.
    """
    work.session.flush()
    now = now or gathered.locked(work, plan.patient_id, plan.id)
    changes, derived = _rewrite(work, now)
    course = now.course(work, derived) if plan.ended_on is None else None
    scheduling.renew(work, now.patient, course, now.visits.every())
    return changes


def replan_patient(work: Work, patient: Patient) -> Changes | None:
    """Re-plan after a fact about the patient that is no part of one plan; returns what changed in the active one.

    A study may lie in the time of a plan that has ended: its rows are a projection of the facts, too.
    """
    patient = preconditions.lock(work, patient.id)
    every = gathered.of_plans(work, patient, store.all_plans(work.session, patient.id))
    changes, course = None, Course()
    for now in reversed(every):
        changed, derived = _rewrite(work, now)
        if now.plan.ended_on is None:
            changes, course = changed, now.course(work, derived)
    scheduling.renew(work, patient, course, every[0].visits.every() if every else ())
    return changes


def _rewrite(work: Work, now: Gathered) -> tuple[Changes, Derived]:
    """Everything but the messages; also what the facts give."""
    plan, facts = now.plan, now.facts(work)
    plan.horizon = _until(work, plan, facts)
    derived = derive(facts, plan.horizon)
    changes = reconcile(derived, now.stored.examinations)
    now.stored.write(work.session, changes, derived)
    if facts.skips:
        store.settle_skips(work.session, plan.id)
    targets = {row.key: row.target for row in derived.examinations}
    proposals.write(work, now, wanted_trips(work, now, derived), targets)
    return changes, derived


def wanted_trips(work: Work, now: Gathered, derived: Derived) -> list[Trip]:
    """The visits to propose: every open, unbooked examination inside the horizon, grouped into trips."""
    if now.plan.ended_on is not None:
        return []
    site = work.site(now.plan.site_id)
    today = work.today(site)
    is_working = site_calendar(work.session, site, today).is_working
    after = follow_ups(work.protocol(store.in_force(now.recorded.terms)[-1].protocol_key))
    return propose_trips(derived.examinations, after, today, is_working)


def propose_trips(
    rows: Iterable[Examination], after: Mapping[str, After], today: date, is_working: IsWorking
) -> list[Trip]:
    """Imaging grouped into trips, and the clinic visits that follow it."""
    open_rows = list(proposable(rows, today))
    imaging = trips([row for row in open_rows if row.item not in after], today, is_working)
    visits = [row for row in open_rows if row.item in after]
    return with_visits(imaging, visits, after, today, is_working) if visits else imaging


def proposable(rows: Iterable[Examination], today: date) -> Iterable[Examination]:
    """What a person could book: open, not held, not booked, and its time not over."""
    return (row for row in rows if row.open and not row.held and row.booking is None and row.cell_end > today)


def follow_ups(protocol: Protocol) -> dict[str, After]:
    """Items that follow others by some days."""
    return {item.code: item.after for item in protocol.items if item.after is not None}
