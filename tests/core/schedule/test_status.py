"""Where an examination stands on a day: the order of the rules, and every day has an answer."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_samples import ANCHOR, MRI, months, plan, plans, row_of, scan, scans

from surveillance.core.schedule.examinations import Booking, Examination, Hold, Key, PlanFacts, derive
from surveillance.core.schedule.matching import Extra
from surveillance.core.schedule.status import Reading, current, late, status, timing, up_to_date
from surveillance.core.words import Status

DAY = timedelta(days=1)
HORIZON = months(24)


def row(**facts: Any) -> Examination:
    """The slot of month 6 after a study at month 3, under further facts."""
    facts.setdefault("studies", scans(3))
    return row_of(derive(plan(**facts), HORIZON).examinations, 6)


SIX = row()
BOOKING = Booking("b", MRI, months(6), 6, months(6))
HOLD = Hold(MRI, months(5), None, months(8))
SKIPPED = {"skips": {Key(MRI, 6): months(8)}}


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (SIX.order_from - DAY, Status.UPCOMING),
        (SIX.order_from, Status.TO_ORDER),
        (SIX.window_start - DAY, Status.TO_ORDER),
        (SIX.window_start, Status.DUE),
        (SIX.window_end, Status.DUE),
        (SIX.window_end + DAY, Status.OVERDUE),
        (SIX.cell_end - DAY, Status.OVERDUE),
        (SIX.cell_end, Status.MISSED),
        (months(60), Status.MISSED),
    ],
)
def test_an_open_examination_goes_from_upcoming_to_missed(day: date, expected: Status) -> None:
    assert status(SIX, day) is expected


def test_an_unbooked_examination_is_to_order_eight_weeks_before_its_target() -> None:
    assert SIX.order_from == SIX.target - timedelta(days=56)


@pytest.mark.parametrize(
    ("facts", "day", "expected"),
    [
        ({"bookings": (BOOKING,)}, months(4), Status.BOOKED),
        ({"bookings": (BOOKING,)}, BOOKING.day, Status.BOOKED),
        ({"bookings": (BOOKING,)}, BOOKING.day + DAY, Status.OUTCOME_UNKNOWN),
        ({"bookings": (BOOKING,)}, months(9), Status.OUTCOME_UNKNOWN),
        ({"bookings": (BOOKING,), "holds": (HOLD,)}, BOOKING.day + DAY, Status.HELD),
        ({"holds": (HOLD,)}, months(5) - DAY, Status.TO_ORDER),
        ({"holds": (HOLD,)}, months(5), Status.HELD),
        ({"holds": (HOLD._replace(start=months(7)),)}, months(7) - DAY, Status.OVERDUE),
        ({"holds": (HOLD._replace(start=months(7), resumed_on=months(8)),)}, months(7) - DAY, Status.OVERDUE),
        ({"holds": (HOLD._replace(resumed_on=months(8)),)}, months(8) - DAY, Status.HELD),
        ({"holds": (HOLD._replace(resumed_on=months(8)),)}, months(8), Status.NOT_DONE_HOLD),
        ({"holds": (HOLD._replace(resumed_on=months(7)),)}, months(7), Status.DUE),
        ({"holds": (HOLD,), **SKIPPED}, months(6), Status.SKIPPED),
        ({"ended_on": months(5), **SKIPPED}, months(6), Status.ENDED),
        ({"ended_on": months(6.5), "studies": scans(3, 6)}, months(7), Status.PERFORMED),
        ({"studies": scans(3, 6), **SKIPPED}, months(7), Status.PERFORMED),
    ],
)
def test_the_first_rule_that_fits_wins(facts: dict[str, object], day: date, expected: Status) -> None:
    assert status(row(**facts), day) is expected


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (None, Status.PERFORMED),
        (Reading(), Status.PERFORMED),
        (Reading(reported_on=months(6.1)), Status.REPORTED),
        (Reading(reported_on=months(6.1), reviewed_on=months(6.2)), Status.REVIEWED),
        (Reading(reported_on=months(6.1), reviewed_on=months(6.4)), Status.REPORTED),
        (Reading(reported_on=months(6.4)), Status.PERFORMED),
    ],
)
def test_a_performed_examination_shows_how_far_its_study_has_come(reading: Reading | None, expected: Status) -> None:
    assert status(row(studies=scans(3, 6)), months(6.3), reading) is expected


def test_a_visit_booked_after_the_window_is_booked_and_late() -> None:
    booked = row(bookings=(BOOKING._replace(day=months(7)),))
    assert status(booked, months(6.9)) is Status.BOOKED
    assert late(booked, months(6.9))
    assert not late(booked, booked.window_end)


def test_what_a_hold_takes_away_later_was_late_before_it() -> None:
    lost = row(holds=(HOLD._replace(start=months(7), resumed_on=months(8)),))
    assert lost.lost_to_hold
    assert [late(lost, day) for day in (months(7) - DAY, months(7))] == [True, False]


def test_what_is_held_done_skipped_or_over_is_never_late() -> None:
    held = row(holds=(HOLD,))
    for other in (held, row(studies=scans(3, 6)), row(skips={Key(MRI, 6): months(8)}), row(ended_on=months(5))):
        assert not late(other, months(6.9))
    assert not late(SIX, SIX.cell_end)


def test_the_current_examination_is_the_open_one_of_the_day_or_the_next() -> None:
    rows = derive(plan(*scans(3)), HORIZON).examinations
    assert [current(rows, months(at)).key.month for at in (0, 4, 6, 7.4, 7.6)] == [6, 6, 6, 6, 9]  # type: ignore[union-attr]
    assert current(rows, months(60)) is None


def test_an_extra_examination_is_not_the_current_one() -> None:
    extra = Extra("e", MRI, months(4), 7, months(3))
    rows = derive(plan(*scans(3), extras=(extra,)), HORIZON).examinations
    assert current(rows, months(4)) == row_of(rows, 6)


@pytest.mark.parametrize(
    ("last", "day", "expected"),
    [
        (None, months(3), False),
        (months(3), months(6) + 14 * DAY, True),
        (months(3), months(6) + 15 * DAY, False),
    ],
)
def test_up_to_date_means_within_interval_and_tolerance(last: date | None, day: date, expected: bool) -> None:
    assert up_to_date(last, 3, 14, day) is expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (SIX.window_start - DAY, "early"),
        (SIX.window_start, "on_time"),
        (SIX.window_end, "on_time"),
        (SIX.window_end + DAY, "late"),
    ],
)
def test_timing_against_the_window(day: date, expected: str) -> None:
    assert timing(SIX, day) == expected


ORDER = [Status.UPCOMING, Status.TO_ORDER, Status.DUE, Status.OVERDUE, Status.MISSED]


@given(plans(), st.lists(st.integers(0, 3000), min_size=3, max_size=12))
def test_every_row_has_a_status_on_every_day_and_grows_only_older(facts: PlanFacts, days: list[int]) -> None:
    for one in derive(facts, facts.anchor + timedelta(days=900)).examinations:
        seen = [status(one, facts.anchor + timedelta(days=number)) for number in sorted(days)]
        waiting = [ORDER.index(found) for found in seen if found in ORDER]
        assert all(earlier <= later for earlier, later in pairwise(waiting))
        for day in (facts.anchor + timedelta(days=number) for number in days):
            assert late(one, day) or status(one, day) is not Status.OVERDUE


@given(plans())
def test_the_days_of_a_row_are_in_order(facts: PlanFacts) -> None:
    for one in derive(facts, facts.anchor + timedelta(days=1500)).examinations:
        assert one.order_from <= one.due_from <= one.overdue_from <= one.cell_end
        assert one.overdue_since <= one.overdue_from


def test_a_study_named_for_nothing_is_no_study() -> None:
    assert row(studies=(scan("c", ANCHOR, "chest_imaging"),)).study is None
