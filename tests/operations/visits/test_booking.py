"""Booking, moving, cancelling and keeping visits (schedule rule 11)."""

from datetime import UTC, date, datetime, time

import pytest
from clinic import (
    ANCHOR,
    CHEST,
    DAY,
    MRI,
    TODAY,
    change,
    findings,
    months,
    proposed,
    row_of,
    rows,
)

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from surveillance.core.schedule.examinations import FindingKind, Key
from surveillance.core.words import AppointmentState, Outcome
from surveillance.operations.care import enrolment, overrides
from surveillance.operations.visits import booking, outcomes
from surveillance.store.tables import OverrideKind

VISIT = date(2026, 12, 1)


def test_a_booking_takes_along_what_falls_to_its_day_and_keeps_the_proposals_id(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        first = min(proposed(work, plan), key=lambda row: row.day)
        visit = clinic.book(work, patient, VISIT)
        assert visit.id == first.id
        assert months(work, visit) == {MRI: 3, CHEST: 3}
        assert row_of(work, plan, MRI, 3).booking == str(visit.id)
        assert change(work, "visit.book")[1]["examinations"] == ["chest_imaging@3", "mri_primary@3"]


REFUSED = {
    "past": ({"day": TODAY - DAY}, InvalidInputError, "is past"),
    "a typing error": ({"day": date(2226, 12, 1)}, InvalidInputError, "check the year"),
    "no time": ({"day": VISIT, "minutes": 0}, InvalidInputError, "at least a minute"),
    "wrong slot": ({"day": VISIT, "keys": [Key(MRI, 6)]}, InvalidInputError, "that day counts for mri_primary@3"),
    "no such slot": ({"day": VISIT, "keys": [Key(MRI, 5)]}, InvalidInputError, "no open examination mri_primary@5"),
    "twice": ({"day": VISIT, "keys": [Key(MRI, 3), Key(MRI, None)]}, InvalidInputError, "an item once"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_booking_that_cannot_be_meant_is_refused_with_its_reason(sqlite_clinic, case):
    values, error, told = REFUSED[case]
    with sqlite_clinic.work() as work:
        patient, _ = sqlite_clinic.enrolled(work)
        with pytest.raises(error, match=told):
            sqlite_clinic.book(work, patient, values["day"], *values.get("keys", ()), minutes=values.get("minutes", 60))


def test_nobody_books_at_another_site_nor_into_its_scanner(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        with pytest.raises(InvalidInputError, match="another site"):
            clinic.book(work, patient, VISIT, place=clinic.scanner(work, "Other scanner"))
        for actor in (clinic.oscar, clinic.ada):
            with pytest.raises(ForbiddenError):
                clinic.book(clinic.by(work, actor), patient, VISIT)


def test_an_examination_is_booked_once(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        clinic.book(work, patient, VISIT, Key(MRI, 3))
        with pytest.raises(ConflictError, match="booked for 2026-12-01"):
            clinic.book(work, patient, VISIT + DAY, Key(MRI, 3))
        assert months(work, clinic.book(work, patient, VISIT + DAY)) == {CHEST: 3}


def test_one_day_may_serve_different_months_of_two_items(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work, intervals={CHEST: 6})
        visit = clinic.book(work, patient, date(2026, 12, 10), Key(MRI, None), Key(CHEST, None))
        assert months(work, visit) == {MRI: 3, CHEST: 6}
        assert not findings(work, plan)


def test_a_booking_beyond_the_horizon_is_placed_although_its_target_lies_later(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        day = date(2029, 5, 21)  # for the slot of 1 June 2029, its cell from 17 April
        visit = clinic.book(work, patient, day, Key(MRI, 33))
        assert row_of(work, plan, MRI, 33).booking == str(visit.id)
        assert not findings(work, plan)


def test_an_extra_examination_goes_along_before_the_slot_and_never_beside_it(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        extra = overrides.extra(work, plan, overrides.NewExtra(CHEST, date(2026, 12, 20), "repeat"))
        key = Key(CHEST, None, str(extra.id))
        with pytest.raises(InvalidInputError, match="from 2026-12-06 on"):
            clinic.book(work, patient, VISIT, key)
        with pytest.raises(InvalidInputError, match="an item once"):
            clinic.book(work, patient, date(2026, 12, 18), key, Key(CHEST, 3))
        visit = clinic.book(work, patient, date(2026, 12, 18))
        assert months(work, visit) == {MRI: 3, CHEST: None}
        assert row_of(work, plan, *key).booking == str(visit.id)
        with pytest.raises(InvalidInputError, match="not on 2026-12-02"):
            clinic.move(work, visit, date(2026, 12, 2))


def test_a_local_time_that_a_clock_change_skips_or_doubles_is_stored_as_meant(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        skipped = clinic.book(work, patient, date(2027, 3, 14), at=time(2, 30))
        assert skipped.starts_at == datetime(2027, 3, 14, 7, tzinfo=UTC)
        doubled = clinic.book(work, patient, date(2027, 11, 7), Key(MRI, 15), at=time(1, 30))
        assert doubled.starts_at == datetime(2027, 11, 7, 5, 30, tzinfo=UTC)


def test_today_is_the_day_at_the_site(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        work.now = datetime(2026, 11, 24, 4, 59, tzinfo=UTC)  # still Monday in Washington
        assert clinic.book(work, patient, TODAY).state is AppointmentState.BOOKED


# -- moving ----------------------------------------------------------------------------------------------------


def test_a_moved_visit_belongs_to_the_slot_of_its_new_day(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, VISIT)
        clinic.move(work, visit, date(2027, 2, 22), reason="abroad")
        assert months(work, visit) == {MRI: 6, CHEST: 6}
        assert row_of(work, plan, MRI, 3).booking is None
        assert row_of(work, plan, MRI, 6).booked_on == date(2027, 2, 22)
        before, after, reason = change(work, "visit.move")
        assert (before["day"], after["day"], reason) == ("2026-12-01", "2027-02-22", "abroad")
        assert after["examinations"] == ["chest_imaging@6", "mri_primary@6"]


def test_a_visit_does_not_move_to_what_is_booked_or_done(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        clinic.book(work, patient, VISIT, Key(MRI, 3))
        later = clinic.book(work, patient, date(2027, 3, 1), Key(MRI, 6))
        with pytest.raises(ConflictError, match="mri_primary@3, which is booked"):
            clinic.move(work, later, VISIT + DAY)
        clinic.scan(work, patient, TODAY, CHEST)
        chest = clinic.book(work, patient, date(2027, 3, 2), Key(CHEST, 6))
        with pytest.raises(InvalidInputError, match="chest_imaging@3, which is done already"):
            clinic.move(work, chest, VISIT)
        assert months(work, later) == {MRI: 6}


def test_a_visit_that_is_recorded_in_part_stays_where_it_was(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        visit = clinic.book(work, patient, TODAY)
        outcomes.record(work, visit, [outcomes.OutcomeOf(MRI, Outcome.PERFORMED)])
        with pytest.raises(ConflictError, match="part of the visit"):
            clinic.move(work, visit, VISIT)


def test_only_a_person_settles_that_a_window_moved_away_from_a_visit(clinic):
    with clinic.work(clinic.helen) as work:
        patient, plan = clinic.enrolled(work, intervals={CHEST: None}, enrolled_on=ANCHOR)
        visit = clinic.book(work, patient, date(2026, 12, 14))
        enrolment.correct_anchor(work, plan, date(2026, 8, 1), "letter of the surgeon")
        assert findings(work, plan) == {FindingKind.BOOKED_OUTSIDE_WINDOW}
        clinic.move(work, visit, visit.day, at=time(8))
        assert findings(work, plan) == {FindingKind.BOOKED_OUTSIDE_WINDOW}
        with pytest.raises(InvalidInputError, match="reason"):
            booking.accept(work, visit, MRI, " ")
        booking.accept(work, visit, MRI, "the only slot")
        assert not findings(work, plan)
        assert change(work, "visit.accept")[2] == "the only slot"


def test_a_visit_for_what_is_skipped_cannot_be_kept_by_accepting_it(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, VISIT, Key(MRI, 3))
        skip = overrides.NewOverride(OverrideKind.SKIP, Key(MRI, 3), "had one elsewhere", date(2027, 1, 1))
        overrides.override(work, plan, skip)
        with pytest.raises(ConflictError, match="booked unwanted"):
            booking.accept(work, visit, MRI, "keep it")


# -- cancelling ------------------------------------------------------------------------------------------------


def test_a_cancelled_visit_is_unbooked_at_once(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, VISIT)
        with pytest.raises(InvalidInputError, match="reason"):
            booking.cancel(work, visit, "  ")
        booking.cancel(work, visit, "scanner broken")
        assert visit.state is AppointmentState.CANCELLED
        assert all(row.booking is None for row in rows(work, plan).values())
        before, after, reason = change(work, "visit.cancel")
        assert (before["state"], after["state"], reason) == ("booked", "cancelled", "scanner broken")
        with pytest.raises(ConflictError, match="cancelled, not booked"):
            booking.cancel(work, visit, "again")


def test_one_examination_of_a_visit_can_be_called_off(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, VISIT)
        with pytest.raises(InvalidInputError, match="no open mri_brain"):
            booking.cancel(work, visit, "why", items=["mri_brain"])
        booking.cancel(work, visit, "CT elsewhere", items=[CHEST])
        assert visit.state is AppointmentState.BOOKED
        assert months(work, visit) == {MRI: 3}
        assert row_of(work, plan, CHEST, 3).booking is None
        clinic.move(work, visit, VISIT + DAY)
        assert months(work, visit) == {MRI: 3}


def test_what_was_performed_outlives_the_cancelling_of_the_rest(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, TODAY)
        outcomes.record(work, visit, [outcomes.OutcomeOf(MRI, Outcome.PERFORMED)])
        booking.cancel(work, visit, "the CT scanner is broken")
        assert visit.state is AppointmentState.FULFILLED
        assert row_of(work, plan, MRI, 3).study
        assert row_of(work, plan, CHEST, 3).open


def test_visits_are_found_by_day_or_first_digits_and_only_the_patients_own(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        other = clinic.patient(work, "002", phone="(202) 555-0102")
        visit = clinic.book(work, patient, VISIT)
        assert booking.visit_named(work, patient, "2026-12-01") is visit
        assert booking.visit_named(work, patient, visit.id.hex[:12]) is visit
        with pytest.raises(NotFoundError):
            booking.visit_named(work, other, visit.id.hex)
        with pytest.raises(NotFoundError, match="active plan"):
            clinic.book(work, other, VISIT)
