"""Enrolling, correcting the anchor, changing terms, restarting (schedule rules 1, 3, 8 and 10)."""

from datetime import date

import pytest
from clinic import (
    ANCHOR,
    BRAIN,
    CHEST,
    DAY,
    MRI,
    PROTOCOL,
    TODAY,
    change,
    findings,
    proposed,
    row_of,
    rows,
)
from sqlmodel import select

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from surveillance.core.schedule.examinations import FindingKind
from surveillance.core.words import AppointmentState, EndReason, HoldReason
from surveillance.operations.care import enrolment, holds, lifecycle
from surveillance.operations.care.enrolment import Enrolment, NewTerms
from surveillance.operations.visits import results
from surveillance.store.planning import plans
from surveillance.store.tables import Reminder


def test_past_slots_exist_only_where_a_study_matches_and_nothing_is_sent_for_them(clinic):
    with clinic.work() as work:
        studies = [results.NewStudy([MRI], date(2026, 4, 3))]
        _, plan = clinic.enrolled(work, anchor=date(2026, 1, 1), studies=studies)
        past = [key for key, row in rows(work, plan).items() if row.cell_end <= TODAY]
        assert [key[:2] for key in past] == [(MRI, 3)]
        assert row_of(work, plan, MRI, 12).due_from <= date(2026, 12, 18)
        assert findings(work, plan) == {FindingKind.LAST_SCAN_UNKNOWN}  # of the chest
        assert not [row for row in work.session.exec(select(Reminder)) if row.subject_day < TODAY]


def test_enrolling_on_a_due_day_skips_nothing(clinic):
    with clinic.work() as work:
        _, plan = clinic.enrolled(work, anchor=date(2026, 8, 23))
        assert row_of(work, plan, MRI, 3).target == TODAY
        assert row_of(work, plan, MRI, 3).open


WRONG = {
    "before birth": (Enrolment(PROTOCOL, date(2000, 12, 31)), InvalidInputError, "before the birth"),
    "anchor ahead": (Enrolment(PROTOCOL, TODAY + DAY), InvalidInputError, "in the future"),
    "enrolled ahead": (Enrolment(PROTOCOL, ANCHOR, enrolled_on=TODAY + DAY), InvalidInputError, "in the future"),
    "enrolled first": (Enrolment(PROTOCOL, ANCHOR, enrolled_on=ANCHOR - DAY), InvalidInputError, "after the day of"),
    "interval": (Enrolment(PROTOCOL, ANCHOR, {MRI: 5}), InvalidInputError, "cannot be repeated every 5"),
    "item": (Enrolment(PROTOCOL, ANCHOR, {"spleen": 3}), InvalidInputError, "no item 'spleen'"),
    "not approved": (Enrolment("nccn-sts-high", ANCHOR), ConflictError, "is not approved at DC1"),
    "no protocol": (Enrolment("astrology", ANCHOR), (NotFoundError, InvalidInputError), "astrology"),
    "study ahead": (
        Enrolment(PROTOCOL, ANCHOR, studies=[results.NewStudy([MRI], TODAY + DAY)]),
        InvalidInputError,
        "after today",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_enrolment_that_cannot_be_right_is_refused_with_its_reason(sqlite_clinic, case):
    new, error, told = WRONG[case]
    with sqlite_clinic.work() as work:
        patient = sqlite_clinic.patient(work)
        with pytest.raises(error, match=told), work.session.begin_nested():
            enrolment.enrol(work, patient, new)


def test_who_has_or_had_a_plan_is_not_enrolled_a_second_time(clinic):
    with clinic.work(clinic.helen) as work:
        patient, plan = clinic.enrolled(work)
        with pytest.raises(ConflictError, match="active plan"):
            enrolment.enrol(work, patient, Enrolment(PROTOCOL, ANCHOR))
        lifecycle.end(work, plan, lifecycle.NewEnd(EndReason.TRANSFER, TODAY))
        with pytest.raises(ConflictError, match="restart it"):
            enrolment.enrol(work, patient, Enrolment(PROTOCOL, ANCHOR))


# -- correcting the anchor -------------------------------------------------------------------------------------


def test_a_corrected_anchor_moves_everything_and_the_enrolment_with_it_if_treatment_ended_later(clinic):
    with clinic.work(day=ANCHOR) as work:
        _, plan = clinic.enrolled(work)
    with clinic.work() as work:
        plan = work.session.merge(plan)
        anchor = date(2026, 10, 1)  # a month after the enrolment
        enrolment.correct_anchor(work, plan, anchor, "radiotherapy ended later")
        assert (plan.anchor, plan.enrolled_on) == (anchor, anchor)
        assert row_of(work, plan, MRI, 3).target == date(2027, 1, 1)
        before, after, reason = change(work, "plan.anchor")
        assert (before["anchor"], after["anchor"], reason) == (
            "2026-09-01",
            "2026-10-01",
            "radiotherapy ended later",
        )
        with pytest.raises(InvalidInputError, match="in the future"):
            enrolment.correct_anchor(work, plan, TODAY + DAY, "still treated")
        with pytest.raises(InvalidInputError, match="needs a reason"):
            enrolment.correct_anchor(work, plan, ANCHOR, "")


# -- terms -----------------------------------------------------------------------------------------------------


def test_new_terms_are_shown_first_and_the_past_is_never_cut_again(clinic):
    with clinic.work(clinic.helen) as work:
        patient, plan = clinic.enrolled(work)
        new = NewTerms(date(2027, 4, 1), "TOSS", intervals={MRI: 6})
        shown = enrolment.preview_terms(work, plan, new)
        assert enrolment.change_terms(work, plan, new) == shown
        assert [key.month for key in rows(work, plan) if key.item == MRI][:4] == [3, 6, 12, 18]
        before, after, reason = change(work, "plan.terms")
        assert (before["intervals"], after["intervals"], reason) == ({}, {MRI: 6}, "TOSS")
        last = plans.terms_in_force(work.session, plan.id)[-1]
        lifecycle.retract(work, patient, last, "decided otherwise")
        assert [key.month for key in rows(work, plan) if key.item == MRI][:4] == [3, 6, 9, 12]


def test_another_protocol_takes_over_the_choices_it_knows(clinic):
    with clinic.work(clinic.helen) as work:
        _, plan = clinic.enrolled(work, intervals={BRAIN: 12})
        enrolment.change_terms(work, plan, NewTerms(date(2027, 1, 1), "second opinion", "norway-sts-high"))
        (_, last) = plans.terms_in_force(work.session, plan.id)
        known = {item.code for item in work.protocol(last.protocol_key).items}
        assert last.intervals == ({BRAIN: 12} if BRAIN in known else {})


def test_terms_need_a_day_after_the_anchor_a_reason_and_somebody_who_may(clinic):
    with clinic.work() as work:
        _, plan = clinic.enrolled(work)
        with pytest.raises(InvalidInputError, match="after the anchor"):
            enrolment.change_terms(work, plan, NewTerms(ANCHOR, "why", intervals={MRI: 6}))
        with pytest.raises(InvalidInputError, match="reason"):
            enrolment.change_terms(work, plan, NewTerms(TODAY, " ", intervals={MRI: 6}))
        for actor in (clinic.ada, clinic.oscar):
            with pytest.raises(ForbiddenError):
                enrolment.change_terms(clinic.by(work, actor), plan, NewTerms(TODAY, "why", intervals={MRI: 6}))


# -- restarting ------------------------------------------------------------------------------------------------


def test_a_restart_on_the_day_of_the_end_starts_over_whatever_hold_the_old_plan_had(clinic):
    with clinic.work(clinic.helen) as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, date(2026, 12, 1))
        holds.hold(work, plan, holds.NewHold(HoldReason.TREATMENT, date(2027, 1, 1), TODAY, keep=[visit.id]))
        with pytest.raises(InvalidInputError, match="needs a reason"):
            enrolment.restart(work, patient, Enrolment(PROTOCOL, TODAY))
        again = enrolment.restart(work, patient, Enrolment(PROTOCOL, TODAY, reason="re-resection"))
        assert (plan.ended_on, plan.end_reason) == (TODAY, EndReason.RESTARTED)
        assert (again.number, again.previous_id, again.anchor) == (2, plan.id, TODAY)
        assert visit.state is AppointmentState.CANCELLED
        assert not row_of(work, again, MRI, 3).held
        assert proposed(work, again)
        assert not proposed(work, plan)


def test_a_restart_keeps_when_it_was_to_be_and_needs_a_later_anchor(clinic):
    with clinic.work(clinic.helen, day=date(2026, 10, 1)) as work:
        patient, plan = clinic.enrolled(work)
        lifecycle.end(work, plan, lifecycle.NewEnd(EndReason.RECURRENCE, date(2026, 10, 1), restart_by=TODAY))
    with clinic.work(clinic.helen) as work:
        patient, plan = work.session.merge(patient), work.session.merge(plan)
        with pytest.raises(InvalidInputError, match="after the old one"):
            enrolment.restart(work, patient, Enrolment(PROTOCOL, ANCHOR, reason="why"))
        enrolment.restart(work, patient, Enrolment(PROTOCOL, ANCHOR + 20 * DAY, reason="re-resection"))
        assert plan.restart_by == TODAY
        with pytest.raises(ConflictError, match="no plan to restart"):
            enrolment.restart(work, clinic.patient(work, "002"), Enrolment(PROTOCOL, ANCHOR))


def test_a_study_between_the_new_anchor_and_the_old_end_is_seen_by_both_plans(clinic):
    with clinic.work(clinic.helen) as work:
        patient, plan = clinic.enrolled(work, anchor=date(2026, 2, 1), intervals={CHEST: None})
        new = Enrolment(
            PROTOCOL, date(2026, 8, 1), reason="re-resection", studies=[results.NewStudy([MRI], date(2026, 11, 2))]
        )
        again = enrolment.restart(work, patient, new)
        assert row_of(work, plan, MRI, 9).study
        assert row_of(work, again, MRI, 3).study == row_of(work, plan, MRI, 9).study
