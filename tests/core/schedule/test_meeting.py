"""Trips for several diseases of one patient: on one day where all their windows share one (schedule rule 7)."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_samples import MRI, months, plan, row_of

from surveillance.core.schedule.examinations import Booking, FindingKind, Key, derive
from surveillance.core.schedule.trips import Outing, SiteCalendar, Trip, meeting, outings

DAY = timedelta(days=1)
EVERY_DAY = SiteCalendar(frozenset(range(1, 8))).is_working
WEEKDAYS = SiteCalendar(frozenset({1, 2, 3, 4, 5})).is_working
MONDAY = date(2026, 6, 1)


def outing(day: int, before: int, after: int, month: int = 3) -> Outing:
    """A trip on a day of June with so many days of window on each side."""
    on = MONDAY + (day - 1) * DAY
    return Outing(Trip(on, (Key(MRI, month),), False), on - before * DAY, on + after * DAY, on)


def days(found: list[list[Trip]]) -> list[list[int]]:
    return [[(trip.day - MONDAY).days + 1 for trip in own] for own in found]


# the trips of each plan, the booked days of each plan, the days that are proposed
@pytest.mark.parametrize(
    ("plans", "booked", "expected"),
    [
        ([[outing(3, 7, 7)]], [[]], [[3]]),
        (
            [[outing(3, 7, 7)], [outing(8, 7, 7)]],
            [[], []],
            [[3], [3]],
        ),  # as wide: the earlier target
        ([[outing(3, 2, 2)], [outing(8, 7, 7)]], [[], []], [[3], [3]]),  # the narrower window decides
        ([[outing(3, 2, 2)], [outing(20, 3, 3)]], [[], []], [[3], [20]]),  # no day is in both
        (
            [[outing(3, 0, 4)], [outing(8, 3, 0)]],
            [[], []],
            [[7], [7]],
        ),  # neither day is in the other window
        ([[], [outing(8, 7, 7)]], [[4], []], [[], [4]]),  # a booked visit is met
        ([[outing(3, 7, 7)], []], [[], [20]], [[3], []]),
        ([[outing(3, 7, 7)], [outing(4, 7, 7)], [outing(5, 7, 7)]], [[], [], []], [[3], [3], [3]]),
        ([[outing(3, 7, 7), outing(9, 7, 7, 6)], [outing(9, 7, 7)]], [[], []], [[3, 9], [3]]),  # one trip of each plan
    ],
)
def test_trips_of_two_plans_meet(plans, booked, expected) -> None:  # type: ignore[no-untyped-def]
    found = meeting(plans, [[MONDAY + (day - 1) * DAY for day in own] for own in booked], EVERY_DAY)
    assert days(found) == expected


def test_a_day_that_somebody_booked_is_met_though_nobody_works_then() -> None:
    saturday = MONDAY + 5 * DAY
    found = meeting([[], [outing(4, 7, 7)]], [[saturday], []], WEEKDAYS)
    assert found[1][0].day == saturday


@st.composite
def several(draw: st.DrawFn) -> list[list[Outing]]:
    """Up to three plans, each with trips at working days inside their windows."""
    spans = st.tuples(st.integers(1, 60), st.integers(0, 20), st.integers(0, 20))
    found = []
    for _ in range(draw(st.integers(1, 3))):
        own = draw(st.lists(spans, max_size=4))
        found.append([outing(*span, month=3 * n) for n, span in enumerate(own, start=1)])
    return [[each for each in own if WEEKDAYS(each.trip.day)] for own in found]


@given(several(), st.lists(st.integers(1, 60), max_size=3))
def test_meeting_loses_nothing_and_leaves_no_window(plans: list[list[Outing]], booked: list[int]) -> None:
    """Whatever meets: each plan keeps its trips with their examinations, on a working or booked day of their windows;
    one plan alone keeps its days; and never are there more days to travel than before."""
    fixed = [[MONDAY + day * DAY for day in booked], *([] for _ in plans[1:])]
    found = meeting(plans, fixed, WEEKDAYS)
    for own, before in zip(found, plans, strict=True):
        assert Counter(trip.examinations for trip in own) == Counter(o.trip.examinations for o in before)
        spans = {o.trip.examinations: (o.earliest, o.latest) for o in before}
        for trip in own:
            low, high = spans[trip.examinations]
            assert low <= trip.day <= high
            assert WEEKDAYS(trip.day) or trip.day in fixed[0]
    if len(plans) == 1:
        assert found == [sorted((o.trip for o in plans[0]), key=lambda trip: (trip.day, trip.examinations))]


@given(several())
def test_two_trips_that_could_meet_and_nothing_else_do(plans: list[list[Outing]]) -> None:
    """Of two plans with a trip each: one day exactly where a working day lies in both windows."""
    firsts = [own[0] for own in plans if own][:2]
    if len(firsts) < 2:
        return
    low, high = max(o.earliest for o in firsts), min(o.latest for o in firsts)
    shared = any(WEEKDAYS(low + n * DAY) for n in range((high - low).days + 1))
    (one,), (other,) = meeting([[each] for each in firsts], [[], []], WEEKDAYS)
    assert (one.day == other.day) or not shared
    assert shared or (one.day, other.day) == tuple(o.trip.day for o in firsts)


def test_an_outing_is_a_trip_with_the_days_it_could_go_to() -> None:
    row = row_of(derive(plan(), months(12)).examinations, 3)
    (found,) = outings([row], months(1), EVERY_DAY)
    assert (found.trip.day, found.earliest, found.latest) == (row.target, row.window_start, row.window_end)


# -- a visit for another disease ---------------------------------------------------------------------------------


def other(day: date, item: str = MRI) -> Booking:
    return Booking("theirs", item, day, None, day, shared=True)


def test_a_visit_for_another_disease_takes_a_slot_along_inside_its_window_only() -> None:
    row = row_of(derive(plan(), months(12)).examinations, 3)
    for day, taken in [
        (row.window_start, True),
        (row.window_end, True),
        (row.window_start - DAY, False),
        (row.window_end + DAY, False),
    ]:
        derived = derive(plan(bookings=(other(day),)), months(12))
        assert (row_of(derived.examinations, 3).booking == "theirs") is taken
        assert derived.findings == ()


def test_a_visit_of_ones_own_goes_before_and_the_other_one_is_never_a_conflict() -> None:
    row = row_of(derive(plan(), months(12)).examinations, 3)
    own = Booking("mine", MRI, row.target + DAY, 3, row.target)
    derived = derive(plan(bookings=(other(row.target), own, other(row.target, "ct_abdomen"))), months(12))
    assert row_of(derived.examinations, 3).booking == "mine"
    assert derived.findings == ()
    twice = derive(plan(bookings=(own, own._replace(id="again"))), months(12))
    assert [finding.kind for finding in twice.findings] == [FindingKind.BOOKED_TWICE]


def test_nothing_of_another_disease_is_booked_for_a_plan_that_ended() -> None:
    row = row_of(derive(plan(), months(12)).examinations, 3)
    ended = derive(plan(bookings=(other(row.target),), ended_on=row.target - DAY), months(12))
    assert all(each.booking is None for each in ended.examinations)
    assert ended.findings == ()
