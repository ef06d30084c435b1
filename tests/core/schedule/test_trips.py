"""Which day to propose, and what to do on one trip."""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_samples import ANCHOR, BASE, BRAIN, CHEST, MRI, months, plan, plans, row_of, scans

from surveillance.core.protocols.protocol import After
from surveillance.core.schedule.examinations import Examination, Key, PlanFacts, derive
from surveillance.core.schedule.matching import Extra
from surveillance.core.schedule.trips import SiteCalendar, Trip, propose, trips, trips_a_year, with_visits

DAY = timedelta(days=1)
WEEKDAYS = SiteCalendar(frozenset({1, 2, 3, 4, 5}))
TODAY = months(1)
SIX = row_of(derive(plan(*scans(3)), months(12)).examinations, 6)  # Wednesday 15 July 2026, from 1 to 29 July


def shifted(row: Examination, days: int, **fields: object) -> Examination:
    """The row with target and window some days later."""
    names = ("target", "window_start", "window_end", "due_from")
    moved = {name: getattr(row, name) + timedelta(days=days) for name in names}
    return row._replace(**(moved | fields))


@pytest.mark.parametrize(
    ("target", "holidays", "expected"),
    [
        (date(2026, 7, 15), [], date(2026, 7, 15)),
        (date(2026, 7, 18), [], date(2026, 7, 17)),  # Saturday
        (date(2026, 7, 19), [], date(2026, 7, 20)),  # Sunday
        (date(2026, 7, 15), [date(2026, 7, 15)], date(2026, 7, 16)),  # equally near: the later
        (
            date(2026, 7, 15),
            [date(2026, 7, d) for d in range(13, 18)],
            date(2026, 7, 20),
        ),  # a whole week: 5 days either way, Friday is the 10th
    ],
)
def test_the_day_proposed_is_the_working_day_nearest_to_the_target(
    target: date, holidays: list[date], expected: date
) -> None:
    site = SiteCalendar(WEEKDAYS.working_days, frozenset(holidays))
    row = shifted(SIX, (target - SIX.target).days)
    assert propose(row, TODAY, site.is_working) == (expected, False)


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2026, 7, 15), (date(2026, 7, 16), False)),
        (date(2026, 7, 28), (date(2026, 7, 29), False)),
        (date(2026, 7, 29), (date(2026, 7, 30), True)),
        (date(2026, 7, 31), (date(2026, 8, 3), True)),
    ],
)
def test_a_day_is_proposed_after_today_and_marked_outside_the_window(today: date, expected: tuple[date, bool]) -> None:
    assert propose(SIX, today, WEEKDAYS.is_working) == expected


def test_a_window_of_holidays_is_left_for_the_next_working_day() -> None:
    closed = frozenset(SIX.window_start + timedelta(days=number) for number in range(32))
    site = SiteCalendar(WEEKDAYS.working_days, closed)
    assert propose(SIX, TODAY, site.is_working) == (date(2026, 8, 3), True)


def test_what_is_due_after_a_missed_one_may_be_proposed_before_its_window() -> None:
    rows = derive(plan(), months(12)).examinations
    six = row_of(rows, 6)
    assert six.due_from == six.cell_start
    assert propose(shifted(six, 0, window_start=six.window_end), TODAY, WEEKDAYS.is_working)[0] == date(2026, 7, 15)


def test_mri_and_chest_are_one_trip_on_the_day_of_the_narrower_window() -> None:
    chest = shifted(SIX, 6, item=CHEST)
    chest = chest._replace(window_start=chest.target - 7 * DAY, window_end=chest.target + 7 * DAY)
    assert trips([SIX, chest], TODAY, WEEKDAYS.is_working) == [
        Trip(date(2026, 7, 21), (Key(CHEST, 6), Key(MRI, 6)), False)
    ]


def test_windows_that_share_no_working_day_are_two_trips() -> None:
    chest = shifted(SIX, 30, item=CHEST)
    assert [len(trip.examinations) for trip in trips([SIX, chest], TODAY, WEEKDAYS.is_working)] == [1, 1]


def test_windows_that_share_only_a_weekend_are_two_trips() -> None:
    late = SIX._replace(
        item=CHEST, window_start=date(2026, 7, 25), due_from=date(2026, 7, 25), target=date(2026, 7, 27)
    )
    early = SIX._replace(window_end=date(2026, 7, 26))
    assert len(trips([early, late], TODAY, WEEKDAYS.is_working)) == 2


def test_a_regular_and_an_extra_examination_of_one_item_are_two_trips_even_on_one_day() -> None:
    again = SIX._replace(month=None, extra="e")
    found = trips([again, SIX], TODAY, lambda day: day == date(2026, 7, 16))
    assert [trip.examinations for trip in found] == [(Key(MRI, None, "e"),), (Key(MRI, 6),)]
    assert {trip.day for trip in found} == {date(2026, 7, 16)}


def test_a_visit_follows_its_imaging_by_some_days() -> None:
    visit = SIX._replace(item="clinic_visit")
    after = {"clinic_visit": After(MRI, 2, 7)}
    imaging = trips([shifted(SIX, 5)], TODAY, WEEKDAYS.is_working)
    found = with_visits(imaging, [visit], after, TODAY, WEEKDAYS.is_working)
    assert [(trip.day, trip.examinations[0].item) for trip in found] == [
        (date(2026, 7, 20), MRI),
        (date(2026, 7, 22), "clinic_visit"),
    ]


def test_a_visit_without_imaging_is_proposed_by_its_own_window() -> None:
    visit = SIX._replace(item="clinic_visit")
    found = with_visits([], [visit], {"clinic_visit": After(MRI, 2, 7)}, TODAY, WEEKDAYS.is_working)
    assert found == [Trip(date(2026, 7, 15), (Key("clinic_visit", 6),), False)]


@pytest.mark.parametrize(("year", "expected"), [(1, 4), (3, 4), (4, 2), (6, 1), (10, 1)])
def test_trips_a_year_fall_from_four_to_one(year: int, expected: int) -> None:
    rows = derive(PlanFacts(ANCHOR, ANCHOR, (BASE,)), months(120)).examinations
    assert trips_a_year(rows, ANCHOR, year, WEEKDAYS.is_working) == expected


calendars = st.builds(
    lambda days, base, holidays: SiteCalendar(days, frozenset(base + n * DAY for n in holidays)),
    st.frozensets(st.integers(1, 7), min_size=1),
    st.dates(date(2015, 1, 1), date(2036, 1, 1)),
    st.frozensets(st.integers(0, 60)),
)


def openings(facts: PlanFacts, today: date) -> list[Examination]:
    rows = derive(facts, today + timedelta(days=400)).examinations
    return [row for row in rows if row.open and today < row.cell_end][:8]


@given(plans(), st.integers(0, 1500), calendars)
def test_proposed_days_are_working_days_after_today_and_in_the_window_or_marked(
    facts: PlanFacts, days: int, site: SiteCalendar
) -> None:
    today = facts.anchor + timedelta(days=days)
    for row in openings(facts, today):
        day, outside = propose(row, today, site.is_working)
        assert today < day
        assert site.is_working(day)
        assert outside or min(row.window_start, row.due_from) <= day <= row.window_end
        window = _span(max(min(row.window_start, row.due_from), today + DAY), row.window_end)
        assert outside is not any(site.is_working(day) for day in window)


@given(plans(), st.integers(0, 1500), calendars, st.randoms(use_true_random=False))
def test_every_examination_is_on_one_trip_and_each_item_at_most_once_on_it(
    facts: PlanFacts, days: int, site: SiteCalendar, random: Random
) -> None:
    today = facts.anchor + timedelta(days=days)
    rows = openings(facts, today)
    found = trips(rows, today, site.is_working)
    assert sorted(repr(key) for trip in found for key in trip.examinations) == sorted(repr(row.key) for row in rows)
    for trip in found:
        items = [key.item for key in trip.examinations]
        assert len(set(items)) == len(items)
        assert site.is_working(trip.day)
        assert today < trip.day
    random.shuffle(rows)
    assert trips(rows, today, site.is_working) == found


def _span(first: date, last: date) -> Sequence[date]:
    return [first + number * DAY for number in range((last - first).days + 1)]


def test_an_extra_examination_is_proposed_like_any_other_even_of_an_item_that_the_plan_does_not_have() -> None:
    extra = Extra("e", BRAIN, months(4), 7, months(3))
    row = derive(PlanFacts(ANCHOR, ANCHOR, (BASE,), extras=(extra,)), months(6)).examinations[-1]
    assert row.key == Key(BRAIN, None, "e")
    assert propose(row, months(3.5), WEEKDAYS.is_working) == (date(2026, 5, 15), False)
