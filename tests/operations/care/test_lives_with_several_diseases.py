"""Random lives of patients with up to three diseases: after every step each plan is sound and nobody is lost."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from random import Random

import pytest
from clinic import CHEST, DAY, MRI, PROTOCOL, TODAY, Clinic
from sqlmodel import col, select

from surveillance.core.errors import SurveillanceError
from surveillance.core.people.care_gaps import FINAL_ENDS
from surveillance.core.words import AppointmentState, EndReason, HoldReason, Outcome, Side
from surveillance.operations.care import diagnoses, enrolment, holds, lifecycle, returning
from surveillance.operations.care.diagnoses import NewCondition
from surveillance.operations.care.enrolment import Enrolment
from surveillance.operations.planning import replanning
from surveillance.operations.proof import check
from surveillance.operations.visits import booking, outcomes
from surveillance.operations.visits.results import NewStudy, add_study
from surveillance.operations.work import Work
from surveillance.store.planning import conditions, plans
from surveillance.store.tables import CareGap, Death, Patient, Plan, PlanHold
from surveillance.store.visits import appointments

STEPS, LIVES = 12, 8
PLACES = (("thigh", Side.LEFT), ("upper arm", Side.RIGHT), ("thigh", Side.LEFT))
SEALING = "the trail is sealed"


@dataclass
class Life:
    clinic: Clinic
    work: Work
    chance: Random
    patient: Patient
    today: date

    def plan(self) -> Plan:
        return self.chance.choice(plans.active_plans(self.work.session, self.patient.id))

    def ended(self) -> Plan:
        every = {plan.condition_id: plan for plan in reversed(plans.all_plans(self.work.session, self.patient.id))}
        return self.chance.choice([plan for plan in every.values() if plan.ended_on is not None])

    def enrol(self) -> None:
        known = conditions.of_patient(self.work.session, self.patient.id)
        site, side = PLACES[len(known)]
        described = NewCondition(f"sarcoma {len(known) + 1}", body_site=site, side=side)
        new = Enrolment(PROTOCOL, self.today - self.chance.randrange(200) * DAY, condition=described)
        enrolment.enrol(self.work, self.patient, new)

    def record(self) -> None:
        day, plan = self.today - self.chance.randrange(20) * DAY, self.plan()
        items = self.chance.choice(((MRI,), (CHEST,), (MRI, CHEST)))
        add_study(self.work, self.patient, NewStudy(items, day, condition_id=plan.condition_id))

    def book(self) -> None:
        plan = self.plan()
        proposed = appointments.of_plan(self.work.session, plan.id, AppointmentState.PROPOSED)
        day = proposed[0].day if proposed else self.today + self.chance.randrange(90) * DAY
        self.clinic.book(self.work, self.patient, day, condition_id=plan.condition_id)

    def cancel(self) -> None:
        booked = appointments.of_patient(self.work.session, self.patient.id, AppointmentState.BOOKED)
        booking.cancel(self.work, self.chance.choice(booked), "the scanner is broken")

    def move(self) -> None:
        booked = appointments.of_patient(self.work.session, self.patient.id, AppointmentState.BOOKED)
        row = self.chance.choice(booked)
        self.clinic.move(self.work, row, row.day + self.chance.randrange(-9, 10) * DAY, time(11))

    def come(self) -> None:
        booked = appointments.of_patient(self.work.session, self.patient.id, AppointmentState.BOOKED)
        row = next(row for row in booked if row.day <= self.today)
        lines = appointments.lines(self.work.session, row.id)
        outcomes.record(self.work, row, [outcomes.OutcomeOf(line.item, Outcome.PERFORMED) for line in lines])

    def hold(self) -> None:
        plan = self.plan()
        booked = [row.id for row in appointments.of_plan(self.work.session, plan.id, AppointmentState.BOOKED)]
        new = holds.NewHold(HoldReason.AWAY, self.today + 50 * DAY, self.today, keep=booked)
        holds.hold(self.work, plan, new)

    def resume(self) -> None:
        standing = select(PlanHold).where(col(PlanHold.resumed_on).is_(None))
        row = next(iter(self.work.session.exec(standing)))
        holds.resume(self.work, self.work.session.get_one(Plan, row.plan_id), row, self.today)

    def end(self) -> None:
        reason = self.chance.choice((EndReason.RECURRENCE, EndReason.TRANSFER, EndReason.COMPLETED))
        by = self.today + 60 * DAY if reason is EndReason.RECURRENCE else None
        lifecycle.end(self.work, self.plan(), lifecycle.NewEnd(reason, self.today, restart_by=by))

    def restart(self) -> None:
        plan = self.chance.choice((self.ended, self.plan))()
        new = Enrolment(PROTOCOL, self.today, reason="resected", condition=plan.condition_id)
        enrolment.restart(self.work, self.patient, new)

    def come_back(self) -> None:
        returning.come_back(self.work, self.patient, returning.Return("back", condition=self.ended().condition_id))

    def reopen(self) -> None:
        lifecycle.reopen(self.work, self.ended(), "a mistake")

    def die(self) -> None:
        lifecycle.died(self.work, self.patient, self.today, "the family")
        death = self.work.session.exec(select(Death).where(col(Death.retracted_at).is_(None))).one()
        if self.chance.random() < 0.8:
            lifecycle.retract(self.work, self.patient, death, "a namesake")

    def describe(self) -> None:
        row = self.chance.choice(conditions.of_patient(self.work.session, self.patient.id))
        diagnoses.describe(self.work, row, {"side": self.chance.choice(list(Side))})


ACTS: list[tuple[Callable[[Life], None], int]] = [
    (Life.enrol, 3), (Life.record, 4), (Life.book, 5), (Life.cancel, 2), (Life.move, 2), (Life.come, 3),
    (Life.hold, 1), (Life.resume, 2), (Life.end, 2), (Life.restart, 2), (Life.come_back, 2), (Life.reopen, 1),
    (Life.die, 1), (Life.describe, 1),
]  # fmt: skip


def lost(work: Work, patient: Patient) -> list[str]:
    """From outside: each disease of the living has an active plan, a signed final end, or stands on the board."""
    listed = {gap.number for gap in work.session.exec(select(CareGap).where(CareGap.patient_id == patient.id))}
    found = []
    for row, own in conditions.with_plans(work.session, patient.id):
        active = [plan for plan in own if plan.ended_on is None]
        signed = own and own[-1].end_reason in FINAL_ENDS and own[-1].end_signed_by is not None
        if len(active) > 1 or not (active or signed or row.number in listed or patient.died_on):
            found.append(f"{row.diagnosis}: {len(active)} active plans")
    return found


@pytest.mark.parametrize("seed", range(LIVES))
def test_whatever_happens_no_disease_is_lost(clinic: Clinic, seed: int) -> None:
    """What an operation refuses is refused; whatever it does leaves every plan of the patient sound."""
    chance, today, done = Random(seed), TODAY, 0
    with clinic.work(clinic.helen) as work:
        patient = clinic.patient(work)
        Life(clinic, work, chance, patient, today).enrol()
        patient_id = patient.id
    acts, weights = zip(*ACTS, strict=True)
    for _ in range(STEPS):
        today += chance.randrange(40) * DAY
        with clinic.work(clinic.helen, today) as work:
            replanning.replan_patient(work, work.session.get_one(Patient, patient_id))  # as the sweep of each day does
            life = Life(clinic, work, chance, work.session.get_one(Patient, patient_id), today)
            savepoint = work.session.begin_nested()
            try:
                chance.choices(acts, weights)[0](life)
                savepoint.commit()
                done += 1
            except (SurveillanceError, IndexError, StopIteration):
                savepoint.rollback()
            assert lost(work, life.patient) == []
            assert [str(each) for each in check.check(work) if each.rule != SEALING] == []
    assert done > 2
