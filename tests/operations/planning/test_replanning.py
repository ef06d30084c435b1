"""Re-planning: whatever people do, stored rows are those of the facts, and everything that is open is proposed once."""

from datetime import date, time, timedelta
from typing import Any

import pytest
from clinic import CHEST, DAY, MRI, NOW, PROTOCOL, TODAY, Clinic, catalogue, proposed, row_of, rows, sound
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlmodel import Session, col, func, select

from surveillance.core.errors import InvalidInputError, SurveillanceError
from surveillance.core.schedule.examinations import Key
from surveillance.core.schedule.proposals import Proposal, reconcile_proposals
from surveillance.core.schedule.trips import Trip
from surveillance.core.words import AppointmentState, EndReason, HoldReason, Outcome
from surveillance.operations.care import enrolment, holds, lifecycle, overrides
from surveillance.operations.planning import replanning
from surveillance.operations.visits import booking, outcomes, results
from surveillance.operations.work import Work
from surveillance.store.tables import (
    Appointment,
    AuditEvent,
    Death,
    ExtraExamination,
    Override,
    OverrideKind,
    Patient,
    Plan,
    PlanHold,
    PlanTerms,
    Reminder,
    Study,
)
from surveillance.store.visits import appointments

ITEMS = st.sampled_from([MRI, CHEST])
AHEAD = st.integers(0, 400).map(lambda days: days * DAY)
BACK = st.one_of(st.just(0), st.integers(0, 200)).map(lambda days: days * DAY)
FACTS: tuple[Any, ...] = (Study, PlanHold, Override, ExtraExamination, PlanTerms)


def test_planning_anew_changes_nothing_until_a_day_has_passed(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        before = {row.id: (row.day, row.sequence) for row in proposed(work, plan)}
        assert replanning.replan(work, plan).empty
        assert {row.id: (row.day, row.sequence) for row in proposed(work, plan)} == before
        horizon = plan.horizon
    with clinic.work(day=TODAY + 40 * DAY) as work:
        plan = work.session.merge(plan)
        replanning.replan_patient(work, work.session.get_one(Patient, patient.id))
        assert plan.horizon > horizon


def test_a_proposal_keeps_its_identity_while_its_day_moves(clinic):
    with clinic.work() as work:
        _, plan = clinic.enrolled(work)
        before = [row.id for row in proposed(work, plan)]
        enrolment.correct_anchor(work, plan, date(2026, 9, 8), "letter of the surgeon")
        assert [row.id for row in proposed(work, plan)][: len(before) - 1] == before[:-1]
        assert min(row.day for row in proposed(work, plan)) == date(2026, 12, 8)


def test_no_message_hangs_on_a_proposal_that_may_go(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        clinic.site(work).messages_from = TODAY
        visit = clinic.book(work, patient, date(2026, 12, 1))
        booking.cancel(work, visit, "ill")
        lifecycle.end(clinic.by(work, clinic.helen), plan, lifecycle.NewEnd(EndReason.TRANSFER, TODAY))
        named = set(work.session.exec(select(Reminder.appointment_id).where(col(Reminder.appointment_id).is_not(None))))
        assert named <= {visit.id}
        assert not proposed(work, plan)


def test_two_trips_of_one_day_can_be_put_in_order():
    """A slot has a month and no extra, an extra examination the reverse: they cannot be compared as they are."""
    slot, extra = (Trip(TODAY, (key,), False) for key in (Key(CHEST, 3), Key(CHEST, None, "x")))
    stored = [Proposal("1", slot), Proposal("2", extra)]
    assert reconcile_proposals([slot, extra], stored) == reconcile_proposals([extra, slot], stored[::-1])


def test_nobody_moves_a_day_by_centuries(clinic):
    with clinic.work() as work:
        _, plan = clinic.enrolled(work)
        for what in (
            lambda day: overrides.extra(work, plan, overrides.NewExtra(MRI, day, "why")),
            lambda day: holds.hold(work, plan, holds.NewHold(HoldReason.AWAY, day, TODAY)),
            lambda day: enrolment.change_terms(work, plan, enrolment.NewTerms(day, "why", intervals={MRI: 6})),
        ):
            with pytest.raises(InvalidInputError, match="check the year"):
                what(date(9999, 12, 31))
        assert row_of(work, plan, MRI, 3).open


class Days(RuleBasedStateMachine):
    """One patient, whatever a clinic may do in whatever order; what is refused changes nothing."""

    opened: Clinic

    @initialize(back=st.integers(1, 900), brain=st.sampled_from([None, 6, 12]), scanned=st.booleans())
    def enrol(self, back: int, brain: int | None, scanned: bool) -> None:
        self.clinic, self.now = self.opened, NOW
        self.session = Session(self.opened.engine, expire_on_commit=False)
        work = self.work()
        self.patient = self.clinic.patient(work)
        studies = [results.NewStudy([MRI], TODAY - timedelta(days=back // 2))] if scanned else []
        new = enrolment.Enrolment(PROTOCOL, TODAY - timedelta(days=back), {"mri_brain": brain}, studies)
        enrolment.enrol(work, self.patient, new)

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self.session.close()

    def work(self) -> Work:
        return Work(self.session, self.now, self.clinic.helen, catalogue())

    @property
    def today(self) -> date:
        return TODAY + (self.now - NOW)

    def do(self, act: Any) -> None:
        work = self.work()
        self.session.flush()
        before = self.events()
        try:
            with self.session.begin_nested():
                act(work)
        except SurveillanceError:
            self.session.expire_all()
            assert self.events() == before
        else:
            assert self.events() > before

    def events(self) -> int:
        return self.session.exec(select(func.count(AuditEvent.id))).one()

    def plan(self) -> Plan:
        statement = select(Plan).where(Plan.patient_id == self.patient.id).order_by(col(Plan.number).desc())
        return self.session.exec(statement).first()

    def some(self, number: int, *states: AppointmentState) -> Appointment | None:
        found = appointments.of_patient(self.session, self.patient.id, *states)
        return found[number % len(found)] if found else None

    @rule(days=st.sampled_from([1, 7, 30, 100]))
    def days_pass(self, days: int) -> None:
        self.now += timedelta(days=days)
        replanning.replan_patient(self.work(), self.patient)

    @rule(ahead=AHEAD)
    def book(self, ahead: timedelta) -> None:
        self.do(lambda work: self.clinic.book(work, self.patient, self.today + ahead))

    @rule(ahead=AHEAD, item=ITEMS)
    def book_one(self, ahead: timedelta, item: str) -> None:
        self.do(lambda work: self.clinic.book(work, self.patient, self.today + ahead, Key(item, None)))

    @rule(number=st.integers(0, 5), ahead=AHEAD)
    def move_visit(self, number: int, ahead: timedelta) -> None:
        visit = self.some(number, AppointmentState.BOOKED)
        if visit is not None:
            self.do(lambda work: self.clinic.move(work, visit, self.today + ahead, time(9)))

    @rule(number=st.integers(0, 5), item=st.one_of(st.none(), ITEMS))
    def cancel(self, number: int, item: str | None) -> None:
        visit = self.some(number, AppointmentState.BOOKED)
        if visit is not None:
            self.do(lambda work: booking.cancel(work, visit, "why", items=None if item is None else [item]))

    @rule(number=st.integers(0, 5), outcome=st.sampled_from(list(Outcome)), both=st.booleans())
    def record(self, number: int, outcome: Outcome, both: bool) -> None:
        visit = self.some(number, AppointmentState.BOOKED)
        if visit is not None:
            self.days_pass(max(0, (visit.day - self.today).days))
            lines = [line for line in appointments.lines(self.session, visit.id) if line.outcome is None]
            said = [outcomes.OutcomeOf(line.item, outcome, "why") for line in (lines if both else lines[:1])]
            self.do(lambda work: outcomes.record(work, visit, said))

    @rule(number=st.integers(0, 5), item=ITEMS)
    def reopen_visit(self, number: int, item: str) -> None:
        visit = self.some(number, AppointmentState.CANCELLED, AppointmentState.NOSHOW, AppointmentState.FULFILLED)
        if visit is not None:
            self.do(lambda work: outcomes.reopen(work, visit, item, "why"))

    @rule(back=BACK, items=st.lists(ITEMS, min_size=1, max_size=2, unique=True))
    def scan(self, back: timedelta, items: list[str]) -> None:
        self.do(lambda work: self.clinic.scan(work, self.patient, self.today - back, *items))

    @rule(item=st.one_of(st.none(), ITEMS), back=BACK, cancel=st.booleans())
    def hold(self, item: str | None, back: timedelta, cancel: bool) -> None:
        booked = [row.id for row in appointments.of_plan(self.session, self.plan().id, AppointmentState.BOOKED)]
        chosen = {"cancel": booked} if cancel else {"keep": booked}
        new = holds.NewHold(HoldReason.AWAY, self.today + 30 * DAY, self.today - back, item, **chosen)
        self.do(lambda work: holds.hold(work, self.plan(), new))

    @rule(back=BACK)
    def resume(self, back: timedelta) -> None:
        self.do(lambda work: holds.resume(work, self.plan(), holds.open_hold(work, self.plan()), self.today - back))

    @rule(kind=st.sampled_from([OverrideKind.MOVE, OverrideKind.SKIP]), number=st.integers(0, 8), ahead=AHEAD)
    def decide(self, kind: OverrideKind, number: int, ahead: timedelta) -> None:
        work = self.work()
        there = sorted(rows(work, self.plan()), key=str)
        if there:
            new = overrides.NewOverride(kind, there[number % len(there)], "why", self.today + ahead)
            self.do(lambda work: overrides.override(work, self.plan(), new))

    @rule(item=ITEMS, ahead=AHEAD)
    def ask_for_an_extra(self, item: str, ahead: timedelta) -> None:
        self.do(lambda work: overrides.extra(work, self.plan(), overrides.NewExtra(item, self.today + ahead, "why")))

    @rule(months=st.sampled_from([3, 4, 6, None]), item=ITEMS, ahead=AHEAD)
    def change_terms(self, months: int | None, item: str, ahead: timedelta) -> None:
        new = enrolment.NewTerms(self.today + ahead, "why", intervals={item: months})
        self.do(lambda work: enrolment.change_terms(work, self.plan(), new))

    @rule(back=BACK)
    def correct_anchor(self, back: timedelta) -> None:
        self.do(lambda work: enrolment.correct_anchor(work, self.plan(), self.today - back, "why"))

    @rule(back=BACK, restarts=st.booleans())
    def end(self, back: timedelta, restarts: bool) -> None:
        new = lifecycle.NewEnd(EndReason.RECURRENCE, self.today - back, restart_by=self.today + 30 * DAY)
        self.do(lambda work: lifecycle.end(work, self.plan(), new))
        self.is_sound()
        if restarts:
            self.restart(back // 2)
        else:
            self.do(lambda work: lifecycle.reopen(work, self.plan(), "why"))

    @rule(back=BACK)
    def restart(self, back: timedelta) -> None:
        new = enrolment.Enrolment(PROTOCOL, self.today - back, reason="why")
        self.do(lambda work: enrolment.restart(work, self.patient, new))

    @rule(back=BACK)
    def die(self, back: timedelta) -> None:
        self.do(lambda work: lifecycle.died(work, self.patient, self.today - back, "letter"))
        self.is_sound()
        for death in self.session.exec(select(Death).where(col(Death.retracted_at).is_(None))):
            self.do(lambda work: lifecycle.retract(work, self.patient, death, "wrong"))  # noqa: B023

    @rule(table=st.sampled_from(FACTS), number=st.integers(0, 5))
    def retract(self, table: Any, number: int) -> None:
        found = list(self.session.exec(select(table).where(col(table.retracted_at).is_(None)).order_by(table.id)))
        if found:
            row = found[number % len(found)]
            self.do(lambda work: lifecycle.retract(work, self.patient, row, "why"))

    @invariant()
    def is_sound(self) -> None:
        if hasattr(self, "patient"):
            sound(self.work())


def test_whatever_people_do_the_rows_are_those_of_the_facts(clinic_on_sqlite):
    Days.opened = clinic_on_sqlite
    run_state_machine_as_test(
        Days,
        settings=settings(
            max_examples=5, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
