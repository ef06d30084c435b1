"""The life of a patient's plan: whatever happens in whatever order, nobody and nothing is silently lost."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from plan_samples import ASPS, BRAIN, CHEST, ENDING, MRI, YEARLY, anchors
from reconciled import applied

from surveillance.core.dates import add_months
from surveillance.core.schedule.examinations import (
    Booking,
    Derived,
    Examination,
    FindingKind,
    Hold,
    Key,
    PlanFacts,
    derive,
)
from surveillance.core.schedule.matching import Extra, Ruling, Study
from surveillance.core.schedule.reconcile import reconcile
from surveillance.core.schedule.slots import Terms, terms
from surveillance.core.schedule.status import current, status
from surveillance.core.words import Status

ITEMS = (MRI, CHEST)
PROTOCOLS = (ASPS, ENDING, YEARLY)
TERMS = {
    (which, interval): terms(protocol, {MRI: interval})
    for which, protocol in enumerate(PROTOCOLS)
    for interval in protocol.item(MRI).phases[0].choices()
}

items = st.sampled_from(ITEMS)
several = st.frozensets(items, min_size=1)
choices = st.sampled_from(sorted(TERMS))
some_days = st.integers(0, 120)


@dataclass(frozen=True)
class Fact:
    """One thing that somebody recorded. ``value`` is what it adds to the facts of the plan."""

    number: int
    kind: str
    value: Any


def gathered(facts: Iterable[Fact]) -> PlanFacts:
    """What a list of recorded facts says about the plan; of anchors and resumptions the last word counts."""

    def of(kind: str) -> list[Any]:
        return [fact.value for fact in facts if fact.kind == kind]

    facts = sorted(facts, key=lambda fact: fact.number)
    resumed = dict(of("resume"))
    noshows = set(of("noshow"))
    rulings = dict(of("ruling"))
    # Sorting keeps the order of recording among those of one day, of which only the last is in force.
    changes = {change.since: change for change in sorted(of("terms"), key=lambda change: change.since)}
    enrolled_on, first = of("enrol")[0]
    return PlanFacts(
        anchor=of("anchor")[-1],
        enrolled_on=enrolled_on,
        terms=(first, *changes.values()),
        holds=tuple(hold._replace(resumed_on=resumed.get(number)) for number, hold in of("hold")),
        studies=tuple(study._replace(rulings=rulings.get(study.id, {})) for study in of("study")),
        bookings=tuple(booking for booking in of("booking") if booking.id not in noshows),
        extras=tuple(of("extra")),
        moves=dict(of("move")),
        skips=dict(of("skip")),
        ended_on=min(of("end"), default=None),
    )


class Life(RuleBasedStateMachine):
    """Facts are recorded and retracted while days pass; what is derived is stored by reconciliation alone."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = itertools.count()
        self.facts: dict[int, Fact] = {}
        self.stored: dict[Key, Examination] = {}
        self.seen: dict[frozenset[int], Derived] = {}
        self.closed: list[PlanFacts] = []
        self.looked: tuple[object, tuple[PlanFacts, Derived]] | None = None

    # -- what is recorded ------------------------------------------------------------------------------------

    def record(self, kind: str, value: Callable[[int], Any]) -> None:
        number = next(self.numbers)
        self.facts[number] = Fact(number, kind, value(number))

    @property
    def plan(self) -> PlanFacts:
        return self._looked_at()[0]

    @property
    def derived(self) -> Derived:
        return self._looked_at()[1]

    def _looked_at(self) -> tuple[PlanFacts, Derived]:
        """The plan and its rows up to the horizon; kept until the next step, as every invariant asks for them."""
        moment = (self.today, frozenset(self.facts))
        if self.looked is None or self.looked[0] != moment:
            plan = gathered(self.facts.values())
            self.looked = (moment, (plan, derive(plan, add_months(self.today, 24))))
        return self.looked[1]

    def rows(self, item: str) -> list[Examination]:
        return [row for row in self.derived.examinations if row.item == item]

    def active(self) -> bool:
        return self.plan.ended_on is None

    def holding(self) -> bool:
        return any(hold.resumed_on is None for hold in self.plan.holds)

    @initialize(anchor=anchors, waited=st.just(0) | some_days, choice=choices)
    def enrol(self, anchor: date, waited: int, choice: tuple[int, int]) -> None:
        self.today = anchor + timedelta(days=waited)
        self._enrol(anchor, TERMS[choice])

    def _enrol(self, anchor: date, first: Terms) -> None:
        self.record("enrol", lambda _: (self.today, first))
        self.record("anchor", lambda _: anchor)

    @rule(days=some_days)
    def days_pass(self, days: int) -> None:
        self.today += timedelta(days=days)

    @rule(which=several, ago=st.integers(0, 30))
    def perform(self, which: frozenset[str], ago: int) -> None:
        day = max(self.today - timedelta(days=ago), self.plan.anchor)
        self.record("study", lambda number: Study(f"s{number}", which, day))

    @precondition(active)
    @rule(item=items, ahead=st.integers(-10, 200))
    def book(self, item: str, ahead: int) -> None:
        row = current(self.rows(item), self.today)
        if row is not None:
            day = self.today + timedelta(days=ahead)
            self.record("booking", lambda number: Booking(f"b{number}", item, day, row.month, row.target))

    @precondition(lambda self: self.plan.bookings)
    @rule(data=st.data(), came=st.booleans())
    def a_visit_is_over(self, data: st.DataObject, came: bool) -> None:
        booking = data.draw(st.sampled_from(self.plan.bookings))
        self.record("noshow", lambda _: booking.id)
        if came and self.plan.anchor <= booking.day <= self.today:
            slots = frozenset({(booking.item, booking.month)} if booking.month else ())
            self.record("study", lambda number: Study(f"s{number}", frozenset({booking.item}), booking.day, slots))

    @precondition(active)
    @rule(item=st.none() | items, ahead=st.integers(-20, 20))
    def hold(self, item: str | None, ahead: int) -> None:
        start = self.today + timedelta(days=ahead)
        self.record("hold", lambda number: (number, Hold(item, start, None, start + timedelta(days=90))))

    @precondition(holding)
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        open_holds = [fact.value[0] for fact in self.facts.values() if fact.kind == "hold"]
        number = data.draw(st.sampled_from(open_holds))
        self.record("resume", lambda _: (number, self.today))

    @precondition(active)
    @rule(item=items, by=st.integers(-60, 60))
    def move(self, item: str, by: int) -> None:
        row = current(self.rows(item), self.today)
        if row is not None:
            self.record("move", lambda _: ((item, row.month), row.target + timedelta(days=by)))

    @precondition(active)
    @rule(item=items)
    def skip(self, item: str) -> None:
        row = current(self.rows(item), self.today)
        if row is not None:
            self.record("skip", lambda _: (row.key, self.today + timedelta(days=60)))

    @precondition(active)
    @rule(choice=choices, ahead=st.integers(0, 30))
    def change_protocol_or_interval(self, choice: tuple[int, int], ahead: int) -> None:
        since = self.today + timedelta(days=ahead)
        self.record("terms", lambda _: replace(TERMS[choice], since=since))

    @precondition(active)
    @rule(item=st.sampled_from([MRI, CHEST, BRAIN]), ahead=st.integers(0, 90))
    def ask_for_an_extra(self, item: str, ahead: int) -> None:
        target = self.today + timedelta(days=ahead)
        self.record("extra", lambda number: Extra(f"e{number}", item, target, 7, self.today))

    @rule(data=st.data(), ruling=st.sampled_from(Ruling))
    def rule_on_an_early_study(self, data: st.DataObject, ruling: Ruling) -> None:
        early = [f for f in self.derived.findings if f.kind is FindingKind.STUDY_EARLY]
        if early:
            finding = data.draw(st.sampled_from(early))
            self.record("ruling", lambda _: (finding.subject, {finding.item: ruling}))

    @rule(by=st.integers(-40, 40))
    def correct_the_anchor(self, by: int) -> None:
        anchor = min(self.plan.anchor + timedelta(days=by), self.plan.enrolled_on)
        self.record("anchor", lambda _: anchor)

    @precondition(active)
    @rule()
    def end(self) -> None:
        self.record("end", lambda _: self.today)

    @precondition(lambda self: not self.active())
    @rule(choice=choices)
    def restart(self, choice: tuple[int, int]) -> None:
        """A new plan from a new anchor; the old one is closed and keeps its history."""
        self.closed.append(self.plan)
        self.facts.clear()
        self.stored.clear()
        self.seen.clear()
        self._enrol(self.today, TERMS[choice])

    @rule(data=st.data())
    def retract(self, data: st.DataObject) -> None:
        """Any fact but enrolment and the first anchor; a retracted hold takes its resumption with it."""
        numbers = sorted(self.facts)[2:]
        if numbers:
            del self.facts[data.draw(st.sampled_from(numbers))]

    # -- what must always hold -------------------------------------------------------------------------------

    @invariant()
    def nobody_is_lost(self) -> None:
        derived, plan = self.derived, self.plan
        if plan.ended_on is not None:
            return
        over = {finding.item for finding in derived.findings if finding.kind is FindingKind.PROTOCOL_ENDS}
        for item in plan.terms[-1].rhythms:
            ahead = [row for row in self.rows(item) if self.today < row.cell_end]
            assert any(row.open or row.skip_review_on for row in ahead) or item in over or _held(plan, item), item

    @invariant()
    def every_extra_examination_stays_until_it_is_settled(self) -> None:
        keys = {row.key for row in self.derived.examinations}
        assert {Key(extra.item, None, extra.id) for extra in self.plan.extras} <= keys

    @invariant()
    def every_study_fulfils_waits_or_is_extra_evidence(self) -> None:
        plan, derived = self.plan, self.derived
        used = {row.study for row in derived.examinations}
        asked = {finding.subject for finding in derived.findings if finding.kind is FindingKind.STUDY_EARLY}
        for study in plan.studies:
            if study.id in used | asked or study.performed_on > (plan.ended_on or date.max):
                continue
            for row in derived.examinations:
                inside = row.item in study.items and row.month and row.cell_start <= study.performed_on < row.cell_end
                ruled_out = study.rulings.get(row.item) is Ruling.EXTRA
                assert not inside or row.study is not None or ruled_out or study.performed_on < plan.anchor

    @invariant()
    def every_booking_is_placed_or_is_work(self) -> None:
        plan = self.plan
        derived = derive(plan, add_months(self.today, 48))
        placed = [row.booking for row in derived.examinations if row.booking]
        assert len(placed) == len(set(placed))
        assert {booking.id for booking in plan.bookings} <= {*placed, *(f.subject for f in derived.findings)}

    @invariant()
    def every_row_has_a_status_on_every_day(self) -> None:
        for row in self.derived.examinations:
            days = {
                row.order_from,
                row.due_from,
                row.overdue_from,
                row.target,
                self.today,
                row.held_from,
                row.held_until,
            }
            for day in days - {None}:
                assert isinstance(status(row, day), Status)  # type: ignore[arg-type]

    @invariant()
    def a_held_patient_is_neither_due_nor_overdue(self) -> None:
        for row in self.derived.examinations:
            if _held(self.plan, row.item, self.today) and row.cell_start <= self.today < row.cell_end:
                assert status(row, self.today) not in {Status.DUE, Status.OVERDUE, Status.TO_ORDER, Status.UPCOMING}

    @invariant()
    def a_retracted_fact_might_never_have_been_recorded(self) -> None:
        """The same facts give the same rows, whatever was recorded and retracted in between."""
        until = self.plan.anchor + timedelta(days=1200)
        derived = derive(self.plan, until)
        assert derive(gathered(reversed(list(self.facts.values()))), until) == derived
        assert self.seen.setdefault(frozenset(self.facts), derived) == derived

    @invariant()
    def reconciling_what_is_stored_gives_what_is_derived(self) -> None:
        derived = self.derived
        self.stored = applied(reconcile(derived, self.stored.values()), self.stored.values())
        assert self.stored == {row.key: row for row in derived.examinations}
        assert reconcile(derived, self.stored.values()).empty

    @invariant()
    def a_closed_plan_asks_for_nothing(self) -> None:
        for plan in self.closed:
            rows = derive(plan, add_months(self.today, 24)).examinations
            assert not any(row.open for row in rows if row.cell_end > (plan.ended_on or date.min))


def _held(plan: PlanFacts, item: str, on: date = date.max) -> bool:
    return any(
        hold.item in (None, item) and hold.start <= on and (hold.resumed_on is None or on < hold.resumed_on)
        for hold in plan.holds
    )


TestLife = Life.TestCase
