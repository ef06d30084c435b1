"""Re-planning: from all recorded facts of a plan to its rows, proposals and messages (schedule rules 12 and 13)."""

from collections.abc import Iterable, Mapping
from datetime import date

from surveillance.core.dates import add_months
from surveillance.core.protocols.protocol import After, Protocol
from surveillance.core.schedule.examinations import Derived, Examination, Key, PlanFacts, derive
from surveillance.core.schedule.reconcile import Changes, reconcile
from surveillance.core.schedule.trips import IsWorking, Trip, trips, with_visits
from surveillance.operations.messages import scheduling
from surveillance.operations.planning import proposals
from surveillance.operations.registry.working_days import site_calendar
from surveillance.operations.work import Work
from surveillance.store.planning import plans as store
from surveillance.store.tables import OverrideKind, Patient, Plan

HORIZON_MONTHS = 24


def facts_of(work: Work, plan: Plan) -> PlanFacts:
    """Everything that is recorded about a plan and not retracted."""
    words = store.overrides(work.session, plan.id)
    return PlanFacts(
        anchor=plan.anchor,
        enrolled_on=plan.enrolled_on,
        terms=tuple(
            work.terms(row.protocol_key, row.intervals, row.since)
            for row in store.terms_in_force(work.session, plan.id)
        ),
        holds=store.holds(work.session, plan.id),
        studies=store.studies(work.session, plan, words),
        bookings=store.bookings(work.session, plan.id),
        extras=store.extras(work.session, plan.id),
        moves={
            (word.item, word.month): word.day
            for word in words
            if word.kind is OverrideKind.MOVE and word.month is not None and word.day is not None
        },
        skips={
            Key(word.item, word.month, str(word.extra_id) if word.extra_id else None): word.day
            for word in words
            if word.kind is OverrideKind.SKIP and word.day is not None
        },
        known_blank=frozenset(word.item for word in words if word.kind is OverrideKind.KNOWN_BLANK),
        ended_on=plan.ended_on,
    )


def horizon(today: date, *days: date) -> date:
    """The last target day for which rows exist: 24 months ahead, or as far as somebody booked or moved."""
    return max([add_months(today, HORIZON_MONTHS), *days])


def beyond(facts: PlanFacts, day: date) -> date:
    """A day that no target lies after whose cell holds ``day``: a visit can be booked before its target."""
    rhythms = [rhythm for terms in facts.terms for rhythm in terms.rhythms.values()]
    return add_months(day, max((beat.interval for rhythm in rhythms for beat in rhythm.beats), default=0))


def look_ahead(work: Work, plan: Plan, day: date) -> None:
    """See that rows exist for whatever could be done on ``day``."""
    wanted = beyond(facts_of(work, plan), day)
    if wanted > plan.horizon:
        plan.horizon = wanted
        replan(work, plan)


def difference(work: Work, plan: Plan, facts: PlanFacts) -> Changes:
    """What would change if ``facts`` held; nothing is written. Every change of a plan is shown before it is applied."""
    stored = [store.examination(row) for row in store.projected(work.session, plan.id).values()]
    return reconcile(derive(facts, _until(work, plan, facts)), stored)


def _until(work: Work, plan: Plan, facts: PlanFacts) -> date:
    """How far rows are to exist; a horizon never comes nearer."""
    booked = [beyond(facts, booking.day) for booking in facts.bookings]
    today = work.today(work.site(plan.site_id))
    return max(plan.horizon, horizon(today, *booked, *facts.moves.values()))


def replan(work: Work, plan: Plan) -> Changes:
    """Make rows, findings and proposals equal to what the recorded facts want."""
    work.session.flush()
    facts = facts_of(work, plan)
    plan.horizon = _until(work, plan, facts)
    derived = derive(facts, plan.horizon)
    stored = store.projected(work.session, plan.id)
    changes = reconcile(derived, [store.examination(row) for row in stored.values()])
    store.write_changes(work.session, plan, changes, stored)
    store.write_findings(work.session, plan, derived)
    if facts.skips:
        store.settle_skips(work.session, plan.id)
    targets = {row.key: row.target for row in derived.examinations}
    proposals.write(work, plan, wanted_trips(work, plan, derived), targets)
    scheduling.refresh(work, plan.patient_id)
    return changes


def replan_patient(work: Work, patient: Patient) -> Changes | None:
    """Re-plan after a fact about the patient that is no part of one plan; returns what changed in the active one.

    A study may lie in the time of a plan that has ended: its rows are a projection of the facts, too.
    """
    changes = None
    for plan in reversed(store.all_plans(work.session, patient.id)):
        changed = replan(work, plan)
        changes = changed if plan.ended_on is None else changes
    if changes is None:
        scheduling.refresh(work, patient.id)
    return changes


def wanted_trips(work: Work, plan: Plan, derived: Derived) -> list[Trip]:
    """The visits to propose: every open, unbooked examination inside the horizon, grouped into trips."""
    if plan.ended_on is not None:
        return []
    site = work.site(plan.site_id)
    today = work.today(site)
    is_working = site_calendar(work.session, site, today).is_working
    after = follow_ups(work.protocol(store.terms_in_force(work.session, plan.id)[-1].protocol_key))
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
