"""Holds, overrides, ends, death and retractions (schedule rules 9 to 11)."""

from datetime import date
from uuid import uuid4

import pytest
import sqlalchemy as sa
from clinic import (
    ANCHOR,
    BRAIN,
    CHEST,
    DAY,
    MRI,
    TODAY,
    change,
    events,
    findings,
    months,
    proposed,
    row_of,
    rows,
)
from sqlmodel import select

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from surveillance.core.schedule.examinations import FindingKind, Key
from surveillance.core.schedule.status import Status, status
from surveillance.core.words import AppointmentState, EndReason, HoldReason, Outcome
from surveillance.operations.board.worklist import rows as board
from surveillance.operations.care import enrolment, holds, lifecycle, overrides
from surveillance.operations.planning import preconditions
from surveillance.operations.visits import booking, outcomes, results
from surveillance.store.board.worklist import Worklist
from surveillance.store.tables import Death, OverrideKind, PlanHold

VISIT = date(2026, 12, 1)
REVIEW = date(2027, 2, 1)


def away(start: date = TODAY, **values) -> holds.NewHold:
    return holds.NewHold(HoldReason.AWAY, REVIEW, start, **values)


def skip(key: Key, day: date = REVIEW, reason: str = "had one elsewhere") -> overrides.NewOverride:
    return overrides.NewOverride(OverrideKind.SKIP, key, reason, day)


def move(key: Key, day: date) -> overrides.NewOverride:
    return overrides.NewOverride(OverrideKind.MOVE, key, "holiday", day)


# -- holds -----------------------------------------------------------------------------------------------------


def test_a_hold_of_one_item_calls_off_only_that_examination_of_a_visit(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, VISIT)
        with pytest.raises(ConflictError, match=f"{visit.id.hex[:8]}.*keep or cancel"):
            holds.hold(work, plan, away(item=MRI))
        holds.hold(work, plan, away(item=MRI, cancel=[visit.id]))
        assert visit.state is AppointmentState.BOOKED
        assert months(work, visit) == {CHEST: 3}
        assert row_of(work, plan, MRI, 3).held
        assert not row_of(work, plan, CHEST, 3).held


def test_a_hold_of_the_plan_asks_for_each_visit_to_come_and_leaves_those_that_are_over(clinic):
    with clinic.work(day=TODAY - 3 * DAY) as work:
        patient, _ = clinic.enrolled(work)
        over = clinic.book(work, patient, TODAY - DAY, Key(MRI, 3)).id
        ahead = clinic.book(work, patient, VISIT, Key(CHEST, 3)).id
    with clinic.work() as work:
        plan = preconditions.current_plan(work, patient)
        with pytest.raises(InvalidInputError, match="none of those"):
            holds.hold(work, plan, away(cancel=[over, ahead]))
        with pytest.raises(InvalidInputError, match="kept and cancelled"):
            holds.hold(work, plan, away(cancel=[ahead], keep=[ahead]))
        holds.hold(work, plan, away(cancel=[ahead]))
        assert booking.by_id(work, ahead).state is AppointmentState.CANCELLED
        assert booking.by_id(work, over).state is AppointmentState.BOOKED
        assert not proposed(work, plan)


def test_a_hold_cancels_nobody_elses_visit(clinic):
    with clinic.work() as work:
        _, plan = clinic.enrolled(work)
        other, _ = clinic.enrolled(work, "002")
        visit = clinic.book(work, other, VISIT)
        with pytest.raises(InvalidInputError, match="none of those"):
            holds.hold(work, plan, away(cancel=[visit.id]))


WRONG_HOLDS = {
    "review before today": ({"review_on": TODAY - DAY}, "review"),
    "in the future": ({"start": TODAY + DAY}, "and today"),
    "before the anchor": ({"start": ANCHOR - DAY}, "between the anchor"),
    "unknown item": ({"item": "spleen"}, "no item 'spleen'"),
}


@pytest.mark.parametrize("case", WRONG_HOLDS)
def test_a_hold_needs_days_and_an_item_that_can_be(sqlite_clinic, case):
    values, told = WRONG_HOLDS[case]
    with sqlite_clinic.work() as work:
        _, plan = sqlite_clinic.enrolled(work)
        wanted = {"reason": HoldReason.AWAY, "review_on": REVIEW, "start": TODAY} | values
        with pytest.raises(InvalidInputError, match=told):
            holds.hold(work, plan, holds.NewHold(**wanted))


def test_one_hold_is_in_force_of_the_plan_and_of_each_item(clinic):
    with clinic.work() as work:
        _, plan = clinic.enrolled(work)
        holds.hold(work, plan, away(item=MRI))
        holds.hold(work, plan, away(item=CHEST))
        with pytest.raises(ConflictError, match="in force"):
            holds.hold(work, plan, away(item=MRI))
        with pytest.raises(ConflictError, match="several items are on hold"):
            holds.open_hold(work, plan)
        assert holds.open_hold(work, plan, CHEST).item == CHEST
        whole = holds.hold(work, plan, away())
        assert holds.open_hold(work, plan) is whole


def test_the_database_keeps_a_second_hold_out(clinic):
    with clinic.work() as work:
        _, plan = clinic.enrolled(work)
        first = holds.hold(work, plan, away(item=MRI))
        values = first.model_dump(exclude={"id"})
        with pytest.raises(sa.exc.IntegrityError), work.session.begin_nested():
            work.session.execute(sa.insert(PlanHold).values(**values, id=uuid4()))


def test_a_resumed_hold_makes_the_slot_of_that_day_due_and_cannot_be_resumed_again(clinic):
    with clinic.work() as work:
        _, plan = clinic.enrolled(work)
        holds.hold(work, plan, away())
    with clinic.work(day=date(2027, 2, 8)) as work:
        plan = work.session.merge(plan)
        hold = holds.open_hold(work, plan)
        holds.resume(work, plan, hold, date(2027, 2, 8), "back home")
        assert row_of(work, plan, MRI, 6).due_from == date(2027, 2, 8)
        assert status(row_of(work, plan, MRI, 3), date(2027, 2, 8)) is Status.NOT_DONE_HOLD
        assert change(work, "plan.resume")[1:] == (
            {"resumed_on": "2027-02-08", "resumed_by": str(clinic.grace.user_id)},
            "back home",
        )
        with pytest.raises(ConflictError, match="not in force"):
            holds.resume(work, plan, hold, date(2027, 2, 8))
        with pytest.raises(NotFoundError):
            holds.open_hold(work, plan)


# -- overrides -------------------------------------------------------------------------------------------------


def test_a_later_word_goes_before_an_earlier_one_and_its_retraction_restores_that(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        overrides.override(work, plan, move(Key(MRI, 6), date(2027, 3, 20)))
    with clinic.work(day=TODAY + DAY) as work:
        plan = work.session.merge(plan)
        second = overrides.override(work, plan, move(Key(MRI, 6), date(2027, 4, 1)))
        assert row_of(work, plan, MRI, 6).target == date(2027, 4, 1)
        lifecycle.retract(work, patient, second, "back earlier")
        assert row_of(work, plan, MRI, 6).target == date(2027, 3, 20)
        before, after, reason = change(work, "override.retract")
        assert (before["retracted_at"], after["retracted_reason"], reason) == (None, "back earlier", "back earlier")


def test_a_move_keeps_to_its_neighbours_and_may_go_beyond_the_horizon(clinic):
    with clinic.work(clinic.helen) as work:
        _, plan = clinic.enrolled(work, anchor=date(2016, 10, 1), intervals={CHEST: None})
        with pytest.raises(InvalidInputError, match="would pass"):
            overrides.override(work, plan, move(Key(MRI, 132), date(2028, 10, 2)))
        last = max(row.month for row in rows(work, plan).values())
        far = row_of(work, plan, MRI, last).target.replace(month=12) + 200 * DAY
        overrides.override(work, plan, move(Key(MRI, last), far))
        assert row_of(work, plan, MRI, last).target == far


def test_a_skip_can_be_put_off_and_an_extra_examination_be_skipped(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        overrides.override(work, plan, skip(Key(MRI, 3)))
        extra = overrides.extra(work, plan, overrides.NewExtra(BRAIN, VISIT, "headache"))
        gone = overrides.override(work, plan, skip(Key(BRAIN, None, str(extra.id))))
        assert not row_of(work, plan, BRAIN, None, str(extra.id)).open
        lifecycle.retract(work, patient, gone, "headache is back")
        assert row_of(work, plan, BRAIN, None, str(extra.id)).open
    with clinic.work(day=TODAY + DAY) as work:
        plan = work.session.merge(plan)
        overrides.override(work, plan, skip(Key(MRI, 3), date(2027, 3, 1)))
        assert row_of(work, plan, MRI, 3).skip_review_on == date(2027, 3, 1)
        with pytest.raises(InvalidInputError, match="not an open examination"):
            overrides.override(work, plan, move(Key(MRI, 3), VISIT + DAY))


WRONG_WORDS = {
    "no reason": (skip(Key(MRI, 3), reason=" "), "reason"),
    "past": (skip(Key(MRI, 3), TODAY), "future"),
    "years ahead": (skip(Key(MRI, 3), date(2126, 1, 1)), "check the year"),
    "nothing there": (skip(Key(MRI, 4)), "mri_primary@4 is not an open"),
    "unknown item": (overrides.NewOverride(OverrideKind.KNOWN_BLANK, Key("spleen", None), "asked"), "no item"),
    "a ruling": (overrides.NewOverride(OverrideKind.COUNTS, Key(MRI, 3), "why", VISIT), "study"),
}


@pytest.mark.parametrize("case", WRONG_WORDS)
def test_a_word_that_can_mean_nothing_is_refused(sqlite_clinic, case):
    new, told = WRONG_WORDS[case]
    with sqlite_clinic.work() as work:
        _, plan = sqlite_clinic.enrolled(work)
        with pytest.raises(InvalidInputError, match=told):
            overrides.override(work, plan, new)


# -- ends ------------------------------------------------------------------------------------------------------


def test_an_end_is_signed_by_a_named_clinician_and_releases_the_visits_to_come(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, VISIT)
        new = lifecycle.NewEnd(EndReason.TRANSFER, TODAY, "moved to Leeds")
        for actor in (clinic.grace, clinic.oscar, clinic.system):
            with pytest.raises(ForbiddenError):
                lifecycle.end(clinic.by(work, actor), plan, new)
        assert lifecycle.end(clinic.by(work, clinic.helen), plan, new) == [visit]
        assert plan.end_signed_by == clinic.helen.user_id
        assert visit.state is AppointmentState.CANCELLED
        assert not any(row.open for row in rows(work, plan).values())
        with pytest.raises(ConflictError, match="the plan ended"):
            holds.hold(work, plan, away())


def test_a_recurrence_says_by_when_to_restart(clinic):
    with clinic.work(clinic.helen) as work:
        _, plan = clinic.enrolled(work)
        for restart_by in (None, TODAY - DAY):
            with pytest.raises(InvalidInputError, match="restart"):
                lifecycle.end(work, plan, lifecycle.NewEnd(EndReason.RECURRENCE, TODAY, restart_by=restart_by))


def test_a_reopened_plan_goes_on_and_its_cancelled_visits_are_work(clinic):
    with clinic.work(clinic.helen) as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, VISIT)
        lifecycle.end(work, plan, lifecycle.NewEnd(EndReason.TRANSFER, TODAY))
        lifecycle.reopen(work, plan, "another patient's letter")
        assert visit.state is AppointmentState.CANCELLED
        assert row_of(work, plan, MRI, 3).open
        assert [row.mrn for row in board(work, [clinic.site_id], Worklist.DUE)] == ["001", "001"]
        assert change(work, "plan.reopen")[0]["end_reason"] == "transfer"


def test_a_plan_with_a_successor_is_not_reopened(clinic):
    with clinic.work(clinic.helen) as work:
        patient, plan = clinic.enrolled(work)
        lifecycle.end(work, plan, lifecycle.NewEnd(EndReason.TRANSFER, TODAY))
        again = enrolment.restart(work, patient, enrolment.Enrolment("asps-extremity", TODAY, reason="came back"))
        lifecycle.end(work, again, lifecycle.NewEnd(EndReason.TRANSFER, TODAY))
        with pytest.raises(ConflictError, match="follows"):
            lifecycle.reopen(work, plan, "why not")


def test_a_protocol_that_ends_waits_for_a_clinician_to_discharge_or_to_continue(clinic):
    anchor = date(2016, 11, 1)
    with clinic.work(clinic.helen) as work:
        _, plan = clinic.enrolled(work, anchor=anchor, protocol="norway-sts-high")
        assert FindingKind.PROTOCOL_ENDS in findings(work, plan)
        terms = enrolment.NewTerms(TODAY, "ASPS relapses late", "asps-extremity")
        enrolment.change_terms(work, plan, terms)
        assert FindingKind.PROTOCOL_ENDS not in findings(work, plan)
        assert row_of(work, plan, MRI, 132).open
        _, second = clinic.enrolled(work, "002", anchor=anchor, protocol="norway-sts-high")
        lifecycle.end(work, second, lifecycle.NewEnd(EndReason.COMPLETED, TODAY, "ten years"))
        assert not findings(work, second)


# -- death -----------------------------------------------------------------------------------------------------


def test_a_retracted_death_gives_back_the_plan_and_leaves_its_visits_to_be_booked(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, VISIT)
        assert lifecycle.died(work, patient, TODAY - DAY, "letter") == [visit]
        with pytest.raises(ConflictError, match="retract the death"):
            lifecycle.reopen(work, plan, "why not")
        with pytest.raises(ConflictError, match="recorded already"):
            lifecycle.died(work, patient, TODAY, "again")
        lifecycle.retract(work, patient, work.session.exec(select(Death)).one(), "another patient's letter")
        assert (patient.died_on, plan.ended_on, plan.end_signed_by) == (None, None, None)
        assert visit.state is AppointmentState.CANCELLED
        assert row_of(work, plan, MRI, 3).open
        assert change(work, "patient.alive") == (
            {"died_on": str(TODAY - DAY)},
            {"died_on": None},
            "another patient's letter",
        )


def test_a_death_after_the_end_of_a_plan_changes_nothing_of_that_end(clinic):
    with clinic.work(clinic.helen) as work:
        patient, plan = clinic.enrolled(work)
        lifecycle.end(work, plan, lifecycle.NewEnd(EndReason.TRANSFER, TODAY - DAY))
        assert lifecycle.died(work, patient, TODAY, "letter") == []
        lifecycle.retract(work, patient, work.session.exec(select(Death)).one(), "wrong letter")
        assert (plan.end_reason, plan.ended_on) == (EndReason.TRANSFER, TODAY - DAY)


def test_a_death_before_an_examination_is_somebody_elses(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        study = clinic.scan(work, patient, TODAY)
        with pytest.raises(ConflictError, match="was examined on 2026-11-23"):
            lifecycle.died(work, patient, TODAY - DAY, "letter")
        lifecycle.retract(work, patient, study, "another patient's")
        lifecycle.died(work, patient, TODAY - DAY, "letter")
        assert plan.end_reason is EndReason.DEATH
        with pytest.raises(ConflictError, match="retract the death"):
            clinic.scan(work, patient, TODAY)


# -- retractions -----------------------------------------------------------------------------------------------


def test_a_retracted_study_opens_every_examination_that_only_it_proved(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, TODAY)
        (study,) = outcomes.record(
            work, visit, [outcomes.OutcomeOf(item, Outcome.PERFORMED, accession="A1") for item in (MRI, CHEST)]
        )
        second = clinic.scan(work, patient, TODAY, CHEST, appointment_id=visit.id)
        lifecycle.retract(work, patient, study, "wrong patient")
        assert visit.state is AppointmentState.BOOKED
        assert months(work, visit) == {MRI: 3}
        lifecycle.retract(work, patient, second, "that as well")
        assert months(work, visit) == {MRI: 3, CHEST: 3}
        assert row_of(work, plan, MRI, 3).booking == str(visit.id)


def test_a_study_that_is_retracted_after_the_end_changes_the_ended_plan_and_its_visit(clinic):
    with clinic.work(day=TODAY - 2 * DAY) as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, TODAY - 2 * DAY)
        made = outcomes.record(
            work, visit, [outcomes.OutcomeOf(MRI, Outcome.PERFORMED), outcomes.OutcomeOf(CHEST, Outcome.NOSHOW)]
        )
    with clinic.work(clinic.helen) as work:
        patient, plan, visit, study = (work.session.merge(row) for row in (patient, plan, visit, made[0]))
        lifecycle.end(work, plan, lifecycle.NewEnd(EndReason.TRANSFER, TODAY - DAY))
        lifecycle.retract(work, patient, study, "wrong patient")
        assert row_of(work, plan, MRI, 3).study is None
        assert visit.state is AppointmentState.BOOKED  # somebody must say what became of it
        again = outcomes.record(work, visit, [outcomes.OutcomeOf(MRI, Outcome.PERFORMED)])
        lifecycle.reopen(work, plan, "stays here")
        lifecycle.end(work, plan, lifecycle.NewEnd(EndReason.TRANSFER, TODAY - 2 * DAY))
        lifecycle.retract(work, patient, again[0], "wrong patient, too")
        assert visit.state is AppointmentState.NOSHOW  # the end of that day would have called it off


def test_only_the_patients_own_facts_are_retracted_and_each_once(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        other, _ = clinic.enrolled(work, "002")
        hold = holds.hold(work, plan, away())
        with pytest.raises(InvalidInputError, match="no fact about patient 002"):
            lifecycle.retract(work, other, hold, "why")
        with pytest.raises(InvalidInputError, match="reason"):
            lifecycle.retract(work, patient, hold, " ")
        with pytest.raises(ForbiddenError):
            lifecycle.retract(clinic.by(work, clinic.oscar), patient, hold, "why")
        lifecycle.retract(work, patient, hold, "another patient's")
        assert not row_of(work, plan, MRI, 3).held
        with pytest.raises(ConflictError, match="retracted already"):
            lifecycle.retract(work, patient, hold, "again")
        assert len(events(work, "plan_hold.retract")) == 1


def test_a_retracted_extra_examination_gives_its_visit_to_the_slot_of_the_day(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        extra = overrides.extra(work, plan, overrides.NewExtra(CHEST, date(2026, 12, 20), "repeat"))
        visit = clinic.book(work, patient, date(2026, 12, 18), Key(CHEST, None, str(extra.id)))
        lifecycle.retract(work, patient, extra, "another patient's")
        assert row_of(work, plan, CHEST, 3).booking == str(visit.id)


def test_a_late_study_of_a_restarted_patient_counts_in_the_plan_of_its_time(clinic):
    with clinic.work(clinic.helen) as work:
        patient, plan = clinic.enrolled(work)
        lifecycle.end(work, plan, lifecycle.NewEnd(EndReason.RECURRENCE, TODAY, restart_by=REVIEW))
    with clinic.work(clinic.helen, day=date(2027, 3, 1)) as work:
        patient, plan = work.session.merge(patient), work.session.merge(plan)
        new = enrolment.Enrolment("asps-extremity", date(2027, 1, 10), reason="re-resection")
        second = enrolment.restart(work, patient, new)
        study = results.add_study(work, patient, results.NewStudy([MRI], TODAY - 3 * DAY, source="fhir"))
        assert row_of(work, plan, MRI, 3).study == str(study.id)
        assert all(row.study is None for row in rows(work, second).values())
