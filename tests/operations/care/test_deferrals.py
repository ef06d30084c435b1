"""One notion of putting off: who may, until when, why, and what becomes of it."""

from datetime import date, timedelta

import pytest
from clinic import ANCHOR, BRAIN, CHEST, DAY, MRI, TODAY, Clinic, change
from sqlmodel import select

from surveillance.core.deferrals import DEFAULT_CAPS
from surveillance.core.errors import BeyondLimitError, ConflictError, InvalidInputError
from surveillance.core.schedule.examinations import Key
from surveillance.core.words import DeferralKind, EndReason, HoldReason, Role
from surveillance.operations.board import acts, worklist
from surveillance.operations.board.acts import WorklistAction
from surveillance.operations.care import enrolment, holds, lifecycle, overrides
from surveillance.operations.care.baselines import Baselines
from surveillance.operations.care.enrolment import Enrolment, NewTerms
from surveillance.operations.deferrals import granting, standing
from surveillance.operations.work import Work
from surveillance.store.tables import Deferral, Override, OverrideKind, Patient, Plan

COORDINATOR = {kind: timedelta(days=caps[Role.COORDINATOR]) for kind, caps in DEFAULT_CAPS.items()}
CLINICIAN = {kind: timedelta(days=caps[Role.CLINICIAN]) for kind, caps in DEFAULT_CAPS.items()}
FAR = date(2046, 1, 1)


def of(work: Work, plan: Plan) -> dict[tuple[DeferralKind, str], Deferral]:
    rows = work.session.exec(select(Deferral).where(Deferral.patient_id == plan.patient_id))
    return {(row.kind, row.item): row for row in rows if row.settled_at is None}


def off(*items: str, since: date = TODAY, **more) -> NewTerms:
    return NewTerms(since, "not wanted", intervals=dict.fromkeys(items), **more)


def hold(work: Work, plan: Plan, until: date, item: str | None = None):
    return holds.hold(work, plan, holds.NewHold(HoldReason.OTHER, until, TODAY, item, note="abroad"))


def overdue(work: Work, clinic: Clinic, patient: Patient) -> worklist.WorklistRow:
    found = worklist.rows(work, [clinic.site_id], worklist.Worklist.OVERDUE)
    return next(row for row in found if row.patient_id == patient.id)


# -- items that are off ----------------------------------------------------------------------------------------


def test_nobody_switches_everything_off_whoever_it_is_and_by_whatever_door(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        patient = clinic.patient(work, "002")
        everything = {MRI: None, CHEST: None}
        with pytest.raises(InvalidInputError, match="every item is off"):
            enrolment.enrol(work, patient, Enrolment("asps-extremity", ANCHOR, everything))
        _, plan = clinic.enrolled(work)
        with pytest.raises(InvalidInputError, match="every item is off"):
            enrolment.change_terms(work, plan, off(MRI, CHEST))
        with pytest.raises(InvalidInputError, match="every item is off"):
            enrolment.restart(
                work, work.session.get_one(Patient, plan.patient_id),
                Enrolment("asps-extremity", TODAY, everything, reason="again"),
            )  # fmt: skip


def test_one_item_is_switched_off_by_a_clinician_until_a_day_and_by_nobody_else(clinic: Clinic) -> None:
    with clinic.work() as work:
        _, plan = clinic.enrolled(work)
        with pytest.raises(BeyondLimitError, match="a coordinator may not, a clinician to 2027-11-24"):
            enrolment.change_terms(work, plan, off(CHEST))
        helen = clinic.by(work, clinic.helen)
        enrolment.change_terms(helen, plan, off(CHEST, off_until=date(2027, 5, 1)))
        row = of(work, plan)[DeferralKind.OFF, CHEST]
        assert (row.role, row.until, row.reason) == (Role.CLINICIAN, date(2027, 5, 1), "not wanted")
        enrolment.change_terms(work, plan, NewTerms(TODAY + DAY, "slower", intervals={MRI: 6}))
        assert of(work, plan)[DeferralKind.OFF, CHEST].id == row.id  # what stays off keeps its day
        none = Baselines({CHEST: None}, "off for a day")
        enrolment.change_terms(work, plan, NewTerms(TODAY + 2 * DAY, "again", intervals={CHEST: 6}, baselines=none))
        assert of(work, plan) == {}


def test_an_item_that_the_protocol_leaves_off_is_no_deferral(clinic: Clinic) -> None:
    with clinic.work() as work:
        _, plan = clinic.enrolled(work)
        now = Baselines({BRAIN: TODAY})
        enrolment.change_terms(work, plan, NewTerms(TODAY, "headache", intervals={BRAIN: 6}, baselines=now))
        enrolment.change_terms(clinic.by(work, clinic.helen), plan, off(BRAIN, since=TODAY + DAY))
        assert of(work, plan) == {}


def test_a_retracted_change_of_terms_settles_what_it_switched_off(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        patient, plan = clinic.enrolled(work)
        enrolment.change_terms(work, plan, off(CHEST))
        assert of(work, plan).keys() == {(DeferralKind.OFF, CHEST)}
        (_, terms) = enrolment.store.terms_in_force(work.session, plan.id)
        lifecycle.retract(work, patient, terms, "wrong patient")
        assert of(work, plan) == {}


# -- holds, moves, skips, rows that are put aside ------------------------------------------------------------------


@pytest.mark.parametrize("kind", [DeferralKind.HOLD, DeferralKind.SKIP, DeferralKind.MOVE, DeferralKind.SNOOZE])
def test_each_kind_has_a_limit_for_a_coordinator_one_for_a_clinician_and_one_for_all(
    clinic: Clinic, kind: DeferralKind
) -> None:
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work, anchor=date(2016, 11, 1), enrolled_on=date(2016, 11, 1))
        helen = clinic.by(work, clinic.helen)

        def put_off(by: Work, until: date) -> None:
            with by.session.begin_nested() as nested:
                if kind is DeferralKind.HOLD:
                    hold(by, plan, until)
                elif kind is DeferralKind.SNOOZE:
                    acts.act(by, overdue(by, clinic, patient), WorklistAction.SNOOZE, until=until, text="away")
                else:
                    word = OverrideKind(kind.value)
                    overrides.override(by, plan, overrides.NewOverride(word, Key(MRI, 132), "asked", until))
                nested.rollback()

        start = date(2027, 11, 1) if kind in (DeferralKind.SKIP, DeferralKind.MOVE) else TODAY
        put_off(work, start + COORDINATOR[kind])
        with pytest.raises(BeyondLimitError, match="let a clinician decide"):
            put_off(work, start + COORDINATOR[kind] + DAY)
        with pytest.raises((InvalidInputError, BeyondLimitError)):
            put_off(work, FAR)
        if kind is not DeferralKind.MOVE:  # a neighbour bounds a move before the limit does
            put_off(helen, start + CLINICIAN[kind])
            with pytest.raises(InvalidInputError, match="nobody may go beyond"):
                put_off(helen, start + CLINICIAN[kind] + DAY)


def test_a_site_sets_limits_of_its_own(clinic: Clinic) -> None:
    with clinic.work() as work:
        _, plan = clinic.enrolled(work)
        clinic.site(work).deferral_caps = {"hold": {"coordinator": 10}}
        with pytest.raises(BeyondLimitError, match="a coordinator may go to 2026-12-03"):
            hold(work, plan, TODAY + 11 * DAY)
        hold(work, plan, TODAY + 10 * DAY)
        assert of(work, plan)[DeferralKind.HOLD, ""].cap == TODAY + 10 * DAY


def test_a_coordinator_opens_no_gap_of_over_one_and_a_half_intervals_by_a_move(clinic: Clinic) -> None:
    with clinic.work() as work:
        _, plan = clinic.enrolled(work)
        day = date(2027, 1, 20)  # month 3 lies on 1 December; half of three months after it is 16 January
        wanted = overrides.NewOverride(OverrideKind.MOVE, Key(MRI, 3), "abroad", day)
        with pytest.raises(BeyondLimitError, match="over one and a half intervals"):
            overrides.override(work, plan, wanted)
    with clinic.work(clinic.helen) as work:
        _, plan = clinic.enrolled(work, "002")
        overrides.override(work, plan, wanted)
        assert of(work, plan)[DeferralKind.MOVE, MRI].until == day


def test_resuming_reviewing_and_retracting_a_hold_settle_and_renew_its_deferral(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        row = hold(work, plan, TODAY + 30 * DAY, MRI)
        assert of(work, plan)[DeferralKind.HOLD, MRI].reason == "other: abroad"
        holds.review_hold(work, plan, row, TODAY + 60 * DAY, "still away")
        assert of(work, plan)[DeferralKind.HOLD, MRI].until == TODAY + 60 * DAY
        with pytest.raises(BeyondLimitError):
            holds.review_hold(work, plan, row, TODAY + 120 * DAY, "still away")
        holds.resume(work, plan, row, TODAY)
        assert of(work, plan) == {}
        again = hold(work, plan, TODAY + 30 * DAY)
        lifecycle.retract(work, patient, again, "wrong patient")
        assert of(work, plan) == {}


def test_a_word_taken_back_lets_the_one_before_it_stand_again(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        for days in (20, 30):
            new = overrides.NewOverride(OverrideKind.SKIP, Key(MRI, 3), "asked", TODAY + days * DAY)
            overrides.override(work, plan, new)
        assert of(work, plan)[DeferralKind.SKIP, MRI].until == TODAY + 30 * DAY
        last = work.session.exec(select(Override).where(Override.day == TODAY + 30 * DAY)).one()
        lifecycle.retract(work, patient, last, "typing error")
        assert of(work, plan)[DeferralKind.SKIP, MRI].until == TODAY + 20 * DAY


def test_a_row_is_put_aside_for_days_without_a_word_and_for_longer_with_one(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work, anchor=date(2024, 11, 1), enrolled_on=date(2024, 11, 1))
        row = overdue(work, clinic, patient)
        acts.act(work, row, WorklistAction.SNOOZE, until=TODAY + 7 * DAY)
        with pytest.raises(InvalidInputError, match="say why"):
            acts.act(work, row, WorklistAction.SNOOZE, until=TODAY + 8 * DAY)
        acts.act(work, row, WorklistAction.CALL, text="will call back", until=TODAY + 9 * DAY)
        assert of(work, plan)[DeferralKind.SNOOZE, ""].until == TODAY + 9 * DAY
        acts.act(work, row, WorklistAction.SNOOZE, until=TODAY)
        assert of(work, plan) == {}


# -- ends ----------------------------------------------------------------------------------------------------------


def test_a_recurrence_puts_off_until_its_restart_and_a_restart_settles_it(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        patient, plan = clinic.enrolled(work)
        end = lifecycle.NewEnd(EndReason.RECURRENCE, TODAY, restart_by=TODAY + 400 * DAY)
        with pytest.raises(InvalidInputError, match="nobody may go beyond"), work.session.begin_nested():
            lifecycle.end(work, plan, end)
        work.session.refresh(plan)
        lifecycle.end(work, plan, lifecycle.NewEnd(EndReason.RECURRENCE, TODAY, restart_by=TODAY + 90 * DAY))
        assert of(work, plan)[DeferralKind.RESTART, ""].until == TODAY + 90 * DAY
        enrolment.restart(work, patient, Enrolment("asps-extremity", TODAY, reason="treated"))
        assert of(work, plan) == {}


def test_a_transfer_waits_until_the_other_clinic_confirms_it(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        _, plan = clinic.enrolled(work)
        lifecycle.end(work, plan, lifecycle.NewEnd(EndReason.TRANSFER, TODAY, "moved to Leeds"))
        assert of(work, plan)[DeferralKind.TRANSFER, ""].until == TODAY + 28 * DAY
        (row,) = worklist.rows(work, [clinic.site_id], worklist.Worklist.HOLDS)
        assert (row.kind, row.why) == ("transfer", "moved to Leeds; nobody there has confirmed it, asked by 2026-12-21")
        with pytest.raises(InvalidInputError):
            lifecycle.confirm_transfer(work, plan, " ")
        lifecycle.confirm_transfer(work, plan, "Dr Hall, Leeds")
        assert change(work, "deferral.settle")[2] == "confirmed by Dr Hall, Leeds"
        assert of(work, plan) == {}
        with pytest.raises(ConflictError):
            lifecycle.confirm_transfer(work, plan, "Dr Hall, Leeds")


def test_an_end_settles_what_was_put_off_in_the_plan_and_taking_it_back_lets_it_stand_again(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        _, plan = clinic.enrolled(work)
        enrolment.change_terms(work, plan, off(CHEST))
        hold(work, plan, TODAY + 30 * DAY)
        before = of(work, plan).keys()
        lifecycle.end(work, plan, lifecycle.NewEnd(EndReason.PATIENT_WISH, TODAY))
        assert of(work, plan) == {}
        lifecycle.reopen(work, plan, "changed her mind")
        assert of(work, plan).keys() == before


def test_who_has_died_is_put_off_by_nothing(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        patient, plan = clinic.enrolled(work)
        lifecycle.end(work, plan, lifecycle.NewEnd(EndReason.TRANSFER, TODAY, "moved"))
        lifecycle.died(work, patient, TODAY, "register")
        assert of(work, plan) == {}


# -- looking again -------------------------------------------------------------------------------------------------


def test_what_is_off_comes_to_the_board_before_its_day_and_is_granted_anew_or_not(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        _, plan = clinic.enrolled(work)
        enrolment.change_terms(work, plan, off(CHEST, off_until=TODAY + 5 * DAY))
        (row,) = worklist.rows(work, [clinic.site_id], worklist.Worklist.HOLDS)
        assert (row.kind, row.what) == ("off", "Chest CT or chest X-ray is switched off")
        deferral = of(work, plan)[DeferralKind.OFF, CHEST]
        with pytest.raises(BeyondLimitError):
            granting.renew(clinic.by(work, clinic.grace), deferral, TODAY + 90 * DAY, "no scanner")
        granting.renew(work, deferral, TODAY + 90 * DAY, "no scanner")
        assert worklist.rows(work, [clinic.site_id], worklist.Worklist.HOLDS) == []
        with pytest.raises(ConflictError):
            granting.renew(work, deferral, TODAY + 95 * DAY, "no scanner")


def test_those_put_off_are_counted_with_the_names_of_who_signed_the_long_ones(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        _, plan = clinic.enrolled(work)
        _, other = clinic.enrolled(work, "002")
        enrolment.change_terms(work, plan, off(CHEST))
        hold(work, other, TODAY + 30 * DAY)
        told = standing.summary(work, [clinic.site(work)])
        assert (told.by_kind, told.patients) == ({DeferralKind.OFF: 1, DeferralKind.HOLD: 1}, 2)
        assert (told.long, told.signed_by) == (1, ["Helen"])
