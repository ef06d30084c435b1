"""A second primary: a plan of its own beside the first, with what counts for both (design sections 2 and 3)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import pytest
from clinic import ANCHOR, CHEST, DAY, MRI, PROTOCOL, TODAY, Clinic, findings, proposed, row_of, rows
from sqlmodel import col, select

from surveillance.core.errors import ConflictError, InvalidInputError, NotFoundError
from surveillance.core.people.care_gaps import GapKind
from surveillance.core.schedule.examinations import FindingKind, Key
from surveillance.core.words import AppointmentState, DeferralKind, EndReason, HoldReason, Outcome, Side
from surveillance.operations.board import worklist
from surveillance.operations.care import diagnoses, enrolment, holds, lifecycle, returning
from surveillance.operations.care.diagnoses import NewCondition
from surveillance.operations.care.enrolment import Enrolment
from surveillance.operations.deferrals import granting
from surveillance.operations.messages.patient_context import patient_context
from surveillance.operations.planning import conditions, replanning
from surveillance.operations.proof import check
from surveillance.operations.record.explanation import explain
from surveillance.operations.visits import booking, outcomes, results
from surveillance.operations.visits.outcomes import OutcomeOf
from surveillance.operations.visits.results import NewStudy
from surveillance.operations.work import Work
from surveillance.store.board.worklist import Worklist
from surveillance.store.planning import conditions as condition_store
from surveillance.store.planning import plans
from surveillance.store.tables import CareGap, Condition, Death, Patient, Plan

LATER_ANCHOR = ANCHOR + 30 * DAY  # month 3 on 1 January (cell 16 November to 14 February)
ARM = NewCondition("osteosarcoma", code="C40.0", body_site="upper arm", side=Side.RIGHT)


class Both:
    """Anna is followed for a sarcoma of the left thigh, and then for an osteosarcoma of the right arm, too."""

    def __init__(self, clinic: Clinic, work: Work, second: NewCondition = ARM) -> None:
        self.clinic, self.work = clinic, work
        self.patient, self.thigh = clinic.enrolled(work)
        first = conditions.of_plan(work, self.thigh)
        diagnoses.describe(work, first, {"diagnosis": "liposarcoma", "body_site": "thigh", "side": Side.LEFT})
        self.arm = enrolment.enrol(work, self.patient, Enrolment(PROTOCOL, LATER_ANCHOR, condition=second))

    def scan(self, plan: Plan, day: date, *items: str, **facts: object) -> None:
        new = NewStudy(items, day, condition_id=plan.condition_id, **facts)  # type: ignore[arg-type]
        results.add_study(self.work, self.patient, new)


@contextmanager
def followed(clinic: Clinic, second: NewCondition = ARM, day: date = TODAY) -> Iterator[Both]:
    with clinic.work(clinic.helen, day) as work:
        yield Both(clinic, work, second)


def done(work: Work, plan: Plan, item: str) -> bool:
    return any(row.study for key, row in rows(work, plan).items() if key.item == item)


def test_each_disease_has_its_own_anchor_protocol_and_plan(clinic: Clinic) -> None:
    with followed(clinic) as both:
        assert (both.thigh.number, both.arm.number) == (1, 2)
        assert both.arm.previous_id is None
        assert (row_of(both.work, both.thigh, MRI, 3).target, row_of(both.work, both.arm, MRI, 3).target) == (
            date(2026, 12, 1), date(2027, 1, 1),
        )  # fmt: skip
        assert len(plans.active_plans(both.work.session, both.patient.id)) == 2
        assert [each for each in check.check(both.work) if each.rule != "the trail is sealed"] == []


def test_a_disease_is_not_enrolled_twice_and_a_third_one_can_be(clinic: Clinic) -> None:
    with followed(clinic) as both:
        work, again = both.work, Enrolment(PROTOCOL, LATER_ANCHOR)
        for condition, why in [
            (None, "say which one, or name a new one"),
            (both.arm.condition_id, "active plan for osteosarcoma, right upper arm"),
            (ARM, "recorded already, as 2"),
        ]:
            with pytest.raises(ConflictError, match=why):
                enrolment.enrol(work, both.patient, replace(again, condition=condition))
        plan = enrolment.enrol(work, both.patient, replace(again, condition=replace(ARM, side=Side.LEFT)))
        assert conditions.of_plan(work, plan).number == 3


# what was examined for the arm, on which day of November; whether it counts for the thigh's first examination
@pytest.mark.parametrize(
    ("items", "facts", "counts"),
    [
        ((CHEST,), {}, True),
        ((CHEST,), {"modality": "CT", "body_region": "CHEST"}, True),
        ((MRI,), {}, False),
        ((MRI,), {"modality": "MR", "body_region": "HUMERUS"}, False),
    ],
)
def test_a_study_counts_for_both_diseases_where_region_and_modality_fit(
    clinic: Clinic, items: tuple[str, ...], facts: dict[str, object], counts: bool
) -> None:
    with followed(clinic) as both:
        both.scan(both.arm, TODAY, *items, **facts)
        assert done(both.work, both.thigh, items[0]) is counts


# where the second primary is; whether one MRI shows both
@pytest.mark.parametrize(
    ("site", "side", "counts"),
    [
        ("thigh", Side.LEFT, True),
        ("Thigh ", Side.LEFT, True),
        ("thigh", Side.RIGHT, False),
        ("thigh", Side.UNKNOWN, False),
    ],
)
def test_an_image_of_the_primary_site_counts_for_both_only_where_both_began_there(
    clinic: Clinic, site: str, side: Side, counts: bool
) -> None:
    with followed(clinic, NewCondition("leiomyosarcoma", body_site=site, side=side)) as both:
        both.scan(both.arm, TODAY, MRI)
        assert done(both.work, both.thigh, MRI) is counts


def test_a_place_that_is_put_right_takes_what_counted_wrongly_away(clinic: Clinic) -> None:
    with followed(clinic, NewCondition("leiomyosarcoma", body_site="thigh", side=Side.LEFT)) as both:
        both.scan(both.arm, TODAY, MRI)
        assert done(both.work, both.thigh, MRI)
        diagnoses.describe(both.work, conditions.of_plan(both.work, both.arm), {"side": Side.RIGHT})
        assert not done(both.work, both.thigh, MRI)


def test_whoever_records_a_study_of_the_primary_site_says_of_which(clinic: Clinic) -> None:
    with followed(clinic) as both:
        with pytest.raises(InvalidInputError, match=r"1 \(liposarcoma, left thigh\), 2 \(osteosarcoma"):
            clinic.scan(both.work, both.patient, TODAY, MRI)
        study = clinic.scan(both.work, both.patient, TODAY, CHEST)
        assert study.condition_id == both.thigh.condition_id
        with pytest.raises(NotFoundError):
            clinic.scan(both.work, both.patient, TODAY, CHEST, condition_id=both.patient.id)


def test_a_booked_visit_covers_what_it_shows_of_the_other_disease(clinic: Clinic) -> None:
    """The chest of 3 December is in both windows: nobody is asked to book it a second time, and one study does both."""
    with followed(clinic) as both:
        visit = clinic.book(both.work, both.patient, date(2026, 12, 3), condition_id=both.thigh.condition_id)
        assert row_of(both.work, both.arm, CHEST, 3).booking is None  # 3 December lies before the arm's window
        booking.cancel(both.work, visit, "another day")
        visit = clinic.book(both.work, both.patient, date(2026, 12, 29), condition_id=both.arm.condition_id)
        assert row_of(both.work, both.arm, CHEST, 3).booking == str(visit.id)
        assert findings(both.work, both.thigh) == set()
    with clinic.work(clinic.helen, date(2026, 12, 29)) as work:
        outcomes.record(
            work, booking.by_id(work, visit.id), [OutcomeOf(item, Outcome.PERFORMED) for item in (MRI, CHEST)]
        )
        assert done(work, work.session.get_one(Plan, both.arm.id), CHEST)


def test_a_visit_inside_both_windows_is_booked_for_both_and_falls_away_for_both(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        patient, first = clinic.enrolled(work)
        second = enrolment.enrol(work, patient, Enrolment(PROTOCOL, ANCHOR + 7 * DAY, condition=ARM))
        visit = clinic.book(work, patient, date(2026, 12, 4), condition_id=first.condition_id)
        assert row_of(work, second, CHEST, 3).booking == str(visit.id)
        assert row_of(work, second, MRI, 3).booking is None  # another arm, another leg
        lines = {row.day for row in proposed(work, second)}
        assert date(2026, 12, 4) in lines  # what is left goes on the same day
        booking.cancel(work, visit, "the scanner is broken")
        assert row_of(work, second, CHEST, 3).booking is None
        assert findings(work, second) == set()


def test_trips_of_both_diseases_meet_where_their_windows_allow(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        patient, first = clinic.enrolled(work)
        second = enrolment.enrol(work, patient, Enrolment(PROTOCOL, ANCHOR + 21 * DAY, condition=ARM))
        days = [[row.day for row in proposed(work, plan)][:3] for plan in (first, second)]
        assert days[0] == days[1]
        assert len(patient_context(work, patient).plans) == 2


def test_several_plans_ask_for_which_one_and_one_asks_nothing(clinic: Clinic) -> None:
    with followed(clinic) as both:
        with pytest.raises(InvalidInputError, match="say for which condition: 1"):
            clinic.book(both.work, both.patient, date(2026, 12, 3))
        arm = conditions.named(both.work, both.patient, "osteosarcoma")
        assert conditions.chosen_plan(both.work, both.patient, arm).id == both.arm.id
        assert conditions.named(both.work, both.patient, "left thigh").number == 1
        lifecycle.end(both.work, both.thigh, lifecycle.NewEnd(EndReason.COMPLETED, TODAY))
        assert conditions.chosen_plan(both.work, both.patient).id == both.arm.id
        assert len(explain(both.work, both.patient, MRI)) == 2


def test_a_hold_of_one_disease_leaves_the_other_due(clinic: Clinic) -> None:
    with followed(clinic) as both:
        holds.hold(both.work, both.thigh, holds.NewHold(HoldReason.OTHER, TODAY + 60 * DAY, TODAY, note="surgery"))
        now = patient_context(both.work, both.patient)
        assert (now.on_hold, now.recipient.active) == (False, True)
        assert not row_of(both.work, both.arm, CHEST, 3).held
        holds.hold(both.work, both.arm, holds.NewHold(HoldReason.OTHER, TODAY + 60 * DAY, TODAY, note="surgery"))
        assert patient_context(both.work, both.patient).on_hold


def test_a_restart_links_inside_its_disease(clinic: Clinic) -> None:
    with followed(clinic) as both:
        new = Enrolment(PROTOCOL, TODAY, reason="resected again")
        with pytest.raises(InvalidInputError, match="say for which one"):
            enrolment.restart(both.work, both.patient, new)
        again = enrolment.restart(both.work, both.patient, replace(new, condition=both.thigh.condition_id))
        assert (again.number, again.previous_id, both.arm.ended_on) == (3, both.thigh.id, None)


def test_a_death_ends_all_plans_and_its_retraction_takes_them_up_again(clinic: Clinic) -> None:
    with followed(clinic) as both:
        released = lifecycle.died(both.work, both.patient, TODAY, "the family")
        assert released == []
        assert {both.thigh.end_reason, both.arm.end_reason} == {EndReason.DEATH}
        death = both.work.session.exec(select(Death)).one()
        lifecycle.retract(both.work, both.patient, death, "a namesake")
        assert (both.thigh.ended_on, both.arm.ended_on) == (None, None)


def test_a_transfer_ends_all_plans_is_confirmed_once_and_is_taken_back_as_a_whole(clinic: Clinic) -> None:
    with followed(clinic) as both:
        lifecycle.end(both.work, both.thigh, lifecycle.NewEnd(EndReason.TRANSFER, TODAY, "moved"))
        assert both.arm.end_reason is EndReason.TRANSFER
        lifecycle.reopen(both.work, both.arm, "the wrong patient")
        assert both.thigh.ended_on is None
        lifecycle.end(both.work, both.arm, lifecycle.NewEnd(EndReason.TRANSFER, TODAY, "moved"))
        lifecycle.confirm_transfer(both.work, both.thigh, "Dr Hall")
        for plan in (both.thigh, both.arm):
            assert not granting.standing(both.work, DeferralKind.TRANSFER, str(plan.id))
    with clinic.work(clinic.helen, TODAY + 400 * DAY) as work:
        patient, arm = work.session.get_one(Patient, both.patient.id), work.session.get_one(Plan, both.arm.id)
        with pytest.raises(ConflictError, match="returns"):
            lifecycle.reopen(work, arm, "back again")
        with pytest.raises(InvalidInputError, match="several conditions"):
            returning.come_back(work, patient, returning.Return("moved back"))
        back = returning.come_back(work, patient, returning.Return("moved back", condition=arm.condition_id))
        assert (back.anchor, back.previous_id, back.away_since) == (arm.anchor, arm.id, TODAY)
        assert FindingKind.LAST_SCAN_UNKNOWN in findings(work, back)


def test_a_disease_without_a_plan_is_work_though_the_other_is_followed(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        patient, plan = clinic.enrolled(work)
        row = diagnoses.add(work, patient, ARM)
        (shown,) = worklist.rows(work, [clinic.site_id], Worklist.WITHOUT_PLAN)
        assert (shown.subject, shown.what) == (row.id.hex, "no plan for osteosarcoma, right upper arm")
        second = enrolment.enrol(work, patient, Enrolment(PROTOCOL, LATER_ANCHOR, condition=row.id))
        assert worklist.rows(work, [clinic.site_id], Worklist.WITHOUT_PLAN) == []
        end = lifecycle.NewEnd(EndReason.RECURRENCE, TODAY, restart_by=TODAY + 80 * DAY)
        lifecycle.end(work, second, end)
        gaps = [
            (gap.kind, gap.number, gap.plan_id)
            for gap in work.session.exec(select(CareGap).order_by(col(CareGap.number)))
        ]
        assert gaps == [(GapKind.RESTART, 2, second.id)]
        lifecycle.end(work, plan, lifecycle.NewEnd(EndReason.RECURRENCE, TODAY, restart_by=TODAY + 50 * DAY))
        assert {gap.number for gap in work.session.exec(select(CareGap).order_by(col(CareGap.number)))} == {1, 2}
        assert [each for each in check.check(work) if each.rule != "the trail is sealed"] == []


def test_rows_of_the_board_say_for_which_disease_they_are(clinic: Clinic) -> None:
    with followed(clinic) as both:
        said = {row.what for row in worklist.rows(both.work, [clinic.site_id], Worklist.TO_ORDER)}
        said |= {row.what for row in worklist.rows(both.work, [clinic.site_id], Worklist.DUE)}
        assert any("(liposarcoma, left thigh)" in what for what in said)
        assert any("(osteosarcoma, right upper arm)" in what for what in said)


def test_a_disease_that_was_recorded_wrongly_is_taken_back_unless_a_plan_follows_it(clinic: Clinic) -> None:
    with followed(clinic) as both:
        with pytest.raises(ConflictError, match="there is a plan for osteosarcoma"):
            diagnoses.take_back(both.work, conditions.of_plan(both.work, both.arm), "typo")
        row = diagnoses.add(both.work, both.patient, NewCondition("melanoma"))
        diagnoses.take_back(both.work, row, "another patient's")
        assert condition_store.of_patient(both.work.session, both.patient.id)[-1].number == 2
        with pytest.raises(ConflictError, match="was taken back"):
            diagnoses.describe(both.work, row, {"diagnosis": "naevus"})
        with pytest.raises(ConflictError, match="recorded already"):
            diagnoses.add(both.work, both.patient, ARM)


def test_an_early_study_is_ruled_on_in_the_plan_that_asks(clinic: Clinic) -> None:
    with followed(clinic) as both:
        both.work.session.flush()
        both.scan(both.thigh, TODAY, CHEST)
        assert FindingKind.STUDY_EARLY in findings(both.work, both.arm)
        study = next(iter(replanning.facts_of(both.work, both.arm).studies))
        row = results.study_named(both.work, both.patient, study.id)
        ruled = results.rule_on(both.work, both.patient, row, CHEST, counts=True, reason="same question")
        assert ruled.plan_id == both.arm.id
        assert row_of(both.work, both.arm, CHEST, 3).study == study.id
        assert FindingKind.STUDY_EARLY not in findings(both.work, both.arm)


@pytest.mark.parametrize("diagnosis", ["", "  "])
def test_a_disease_has_a_name(clinic: Clinic, diagnosis: str) -> None:
    with clinic.work(clinic.helen) as work:
        patient, _ = clinic.enrolled(work)
        with pytest.raises(InvalidInputError, match="diagnosis"):
            diagnoses.add(work, patient, NewCondition(diagnosis))
        with pytest.raises(InvalidInputError, match="after today"):
            diagnoses.add(work, patient, replace(ARM, diagnosed_on=TODAY + DAY))


def test_the_first_plan_of_a_patient_asks_for_no_disease(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        row = work.session.get_one(Condition, plan.condition_id)
        assert (row.number, row.diagnosis, conditions.name(row)) == (1, "", "condition 1")
        visit = clinic.book(work, patient, date(2026, 12, 3), Key(MRI, 3))
        assert visit.state is AppointmentState.BOOKED
