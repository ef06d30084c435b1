"""Calendar months, working days, and local time on both sides of a clock change."""

from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.relativedelta import relativedelta  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.dates import add_months, fewest_days, local_day, middle, nearest, next_working, to_utc

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Asia/Kolkata",
)
days = st.dates(date(1990, 1, 1), date(2060, 12, 31))
# Every third moment lies in a night in which the clocks of some zone change.
CHANGES = [
    date(2026, 3, 8),
    date(2026, 3, 29),
    date(2026, 4, 5),
    date(2026, 10, 4),
    date(2026, 10, 25),
    date(2018, 11, 4),
]
walls = st.builds(
    datetime.combine,
    st.dates(date(2005, 1, 1), date(2037, 12, 31)) | st.sampled_from(CHANGES),
    st.times() | st.times(time(0), time(3, 59)),
)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2100, 1, 29), 1, date(2100, 2, 28)),
    ],
)
def test_a_month_later_is_the_same_day_or_the_last_of_the_month(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


@given(days, st.integers(-600, 1200))
def test_months_are_those_of_dateutil(day: date, months: int) -> None:
    assert add_months(day, months) == day + relativedelta(months=months)


@given(days, st.integers(1, 100), st.integers(1, 100))
def test_months_from_an_anchor_keep_its_day_where_chained_ones_lose_it(day: date, first: int, second: int) -> None:
    once = add_months(day, first + second)
    chained = add_months(add_months(day, first), second)
    assert chained <= once
    assert once.day == min(day.day, monthrange(once.year, once.month)[1])


@pytest.mark.parametrize(("day", "months"), [(date(9999, 12, 1), 1), (date(1, 1, 1), -1)])
def test_months_outside_the_calendar_are_refused(day: date, months: int) -> None:
    with pytest.raises(OverflowError, match="outside the calendar"):
        add_months(day, months)


@given(days, st.integers(0, 60), st.sampled_from([1, 3, 6, 12]))
def test_no_interval_is_shorter_than_its_fewest_days(anchor: date, first: int, interval: int) -> None:
    assert (add_months(anchor, first + interval) - add_months(anchor, first)).days >= fewest_days(interval)


@given(days, st.integers(0, 800))
def test_the_middle_is_the_first_day_nearer_to_the_later(earlier: date, distance: int) -> None:
    later = earlier + timedelta(days=distance)
    found = middle(earlier, later)
    assert later - found <= found - earlier
    before = found - timedelta(days=1)
    assert before < earlier or later - before > before - earlier


def weekday(day: date) -> bool:
    return day.isoweekday() <= 5


@pytest.mark.parametrize(
    ("target", "earliest", "latest", "expected"),
    [
        (date(2026, 5, 2), date(2026, 4, 20), date(2026, 5, 20), date(2026, 5, 1)),  # Saturday: the Friday is nearer
        (date(2026, 5, 3), date(2026, 4, 20), date(2026, 5, 20), date(2026, 5, 4)),  # Sunday: the Monday is
        (date(2026, 5, 2), date(2026, 5, 2), date(2026, 5, 20), date(2026, 5, 4)),
        (date(2026, 5, 2), date(2026, 5, 2), date(2026, 5, 3), None),
        (date(2026, 5, 6), date(2026, 5, 8), date(2026, 5, 20), date(2026, 5, 8)),
        (date(2026, 5, 6), date(2026, 5, 8), date(2026, 5, 7), None),
    ],
)
def test_the_nearest_working_day(target: date, earliest: date, latest: date, expected: date | None) -> None:
    assert nearest(target, earliest, latest, weekday) == expected


@given(days, st.integers(-30, 30), st.integers(-3, 60), st.sets(st.integers(0, 6)))
def test_the_nearest_working_day_is_what_a_search_of_all_days_finds(
    target: date, start: int, length: int, working: set[int]
) -> None:
    earliest = target + timedelta(days=start)
    span = [earliest + timedelta(days=number) for number in range(length + 1)]
    fit = [day for day in span if day.weekday() in working]
    expected = min(fit, key=lambda day: (abs(day - target), target - day), default=None)
    assert (
        nearest(target, earliest, earliest + timedelta(days=length), lambda day: day.weekday() in working) == expected
    )


@pytest.mark.parametrize(
    ("day", "is_working", "expected"),
    [
        (date(2026, 5, 1), weekday, date(2026, 5, 1)),
        (date(2026, 5, 2), weekday, date(2026, 5, 4)),
        (date(2026, 5, 2), lambda day: day == date(2027, 5, 1), date(2027, 5, 1)),
    ],
)
def test_the_next_working_day(day: date, is_working: Callable[[date], bool], expected: date) -> None:
    assert next_working(day, is_working) == expected


def test_a_site_that_never_works_is_told_so() -> None:
    with pytest.raises(ValueError, match="working days and holidays"):
        next_working(date(2026, 5, 1), lambda day: False)


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        ("Europe/Berlin", "2026-01-15T09:00", "2026-01-15T08:00"),
        ("Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00"),  # skipped: 03:00 is the next valid
        ("Europe/Berlin", "2026-03-29T02:59:59", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30"),  # twice: the first is meant
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30"),  # half an hour skipped
        ("America/Sao_Paulo", "2018-11-04T00:30", "2018-11-04T03:00"),  # midnight skipped
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00"),  # a whole day skipped
        ("Pacific/Kiritimati", "2026-01-01T00:00", "2025-12-31T10:00"),
    ],
)
def test_a_local_time_becomes_one_moment(zone: str, local: str, utc: str) -> None:
    wall = datetime.fromisoformat(local)
    assert to_utc(wall.date(), wall.time(), zone) == datetime.fromisoformat(utc + "+00:00")


@given(walls, st.sampled_from(ZONES))
def test_a_local_time_that_exists_comes_back_from_its_moment(wall: datetime, zone: str) -> None:
    moment = to_utc(wall.date(), wall.time(), zone)
    back = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    before, after = (wall.replace(tzinfo=ZoneInfo(zone), fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    skipped = before < after  # PEP 495
    assert (back > wall) if skipped else (back == wall)
    assert moment.tzinfo is UTC


@given(walls, st.timedeltas(timedelta(0), timedelta(days=2)), st.sampled_from(ZONES))
def test_a_later_local_time_is_never_an_earlier_moment(wall: datetime, ahead: timedelta, zone: str) -> None:
    later = wall + ahead
    assert to_utc(wall.date(), wall.time(), zone) <= to_utc(later.date(), later.time(), zone)


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.sampled_from(ZONES))
def test_noon_lies_on_its_own_local_day(day: date, zone: str) -> None:
    assert local_day(to_utc(day, time(12), zone), zone) == day
