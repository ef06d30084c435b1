"""Which days are offered for a visit, and what each of them means for its examinations."""

from datetime import date, timedelta

import pytest
from plan_samples import CHEST, months, plan, row_of, scans

from surveillance.core.calendars.grid import View, days
from surveillance.core.schedule.examinations import Examination, derive
from surveillance.core.schedule.offers import Offers, Span, fit, offers, span
from surveillance.core.schedule.trips import SiteCalendar

DAY = timedelta(days=1)
TODAY = months(1)
WEEKDAYS = frozenset({1, 2, 3, 4, 5})
SIX = row_of(derive(plan(*scans(3)), months(12)).examinations, 6)  # Wednesday 15 July 2026, from 1 to 29 July
JULY = date(2026, 7, 1)


def chest(row: Examination, later: int, tolerance: int = 14) -> Examination:
    """The chest imaging of the same round, some days later."""
    target = row.target + later * DAY
    window = {"window_start": target - tolerance * DAY, "window_end": target + tolerance * DAY}
    return row._replace(item=CHEST, target=target, due_from=window["window_start"], **window)


def offered(
    *rows: Examination, today: date = TODAY, closed: dict[date, str] | None = None, within: Span | None = None
) -> Offers:
    named = closed or {}
    site = SiteCalendar(WEEKDAYS, frozenset(named))
    return offers(rows, today, site.is_working, named, within)


def july(found: Offers) -> list[int]:
    """The offered days, those of July by their number, later ones as in 3 August: 34."""
    return [(offer.day - JULY).days + 1 for offer in found.days]


CASES = {
    "the target's neighbours, ties to the later": ((SIX,), {}, [15, 16, 14, 17, 13]),
    "two on the days that both windows share": ((SIX, chest(SIX, 20)), {}, [21, 22, 23, 24, 27]),
    "the narrowest window's target decides": ((SIX, chest(SIX, 5, 3)), {}, [20, 21, 22, 23, 17]),
    "after today only": ((SIX,), {"today": date(2026, 7, 24)}, [27, 28, 29]),
    "none left: the working days after": ((SIX,), {"today": date(2026, 7, 29)}, [30, 31, 34, 35, 36]),
    "windows apart: after the earlier one": ((SIX, chest(SIX, 31)), {}, [32 + 2, 35, 36, 37, 38]),
    "after imaging": ((SIX,), {"within": Span(date(2026, 7, 17), date(2026, 7, 22))}, [17, 20, 21, 22]),
    "nothing asked": ((), {}, []),
}


@pytest.mark.parametrize("case", CASES)
def test_days_are_offered_by_the_rule(case: str) -> None:
    rows, options, expected = CASES[case]
    found = offered(*rows, **options)
    assert july(found) == expected
    late = {"none left: the working days after", "windows apart: after the earlier one"}
    assert all(offer.outside is (case in late) for offer in found.days)


def test_no_day_is_offered_that_would_count_for_another_slot() -> None:
    later = SIX._replace(item=CHEST, cell_start=SIX.cell_end, window_start=SIX.cell_end, due_from=SIX.cell_end)
    assert offered(SIX, later._replace(window_end=SIX.cell_end + 20 * DAY)) == Offers((), ())


LEFT_OUT = {
    "a holiday": ({date(2026, 7, 15): "Founders' day"}, SIX, [(15, "Founders' day")]),
    "a closure nearby": ({date(2026, 7, 17): "Scanner service"}, SIX, [(17, "Scanner service")]),
    "a closure far away": ({date(2026, 7, 27): "Scanner service"}, SIX, []),
    "a target on a Saturday": ({}, chest(SIX, 3), [(18, "nobody works on a Saturday")]),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_a_day_that_would_have_been_offered_is_left_out_with_its_reason(case: str) -> None:
    closed, row, expected = LEFT_OUT[case]
    found = offered(row, closed=closed)
    assert [(each.day.day, each.why) for each in found.left_out] == expected
    assert not {each.day for each in found.left_out} & {offer.day for offer in found.days}


FITS = {
    date(2026, 7, 1): "in its window 1–29 Jul 2026",
    date(2026, 7, 29): "in its window 1–29 Jul 2026",
    date(2026, 7, 30): "1 day late (window 1–29 Jul 2026), overdue since 30 Jul 2026",
    date(2026, 8, 9): "11 days late (window 1–29 Jul 2026), overdue since 30 Jul 2026",
    date(2026, 6, 28): "3 days before its window 1–29 Jul 2026",
}


@pytest.mark.parametrize("day", FITS)
def test_a_day_is_told_by_what_it_means_for_the_window(day: date) -> None:
    assert fit(SIX, day).words.startswith(FITS[day].split(", overdue")[0])
    assert fit(SIX, day).good is FITS[day].startswith("in its")


def test_what_is_due_because_one_was_missed_says_so_before_its_own_window() -> None:
    row = row_of(derive(plan(), months(12)).examinations, 6)
    told = fit(row, row.window_start - DAY)
    assert told.good
    assert told.words.startswith("due already, before its own window 1–29 Jul 2026, overdue since ")
    assert fit(row, row.target).words.startswith("in its window 1–29 Jul 2026, overdue since ")


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (date(2026, 12, 3), date(2026, 12, 30), "3–30 Dec 2026"),
        (date(2026, 11, 28), date(2026, 12, 12), "28 Nov – 12 Dec 2026"),
        (date(2026, 12, 20), date(2027, 1, 5), "20 Dec 2026 – 5 Jan 2027"),
    ],
)
def test_a_span_of_days_is_short(start: date, end: date, words: str) -> None:
    assert span(start, end) == words


@pytest.mark.parametrize(
    ("view", "day", "first", "last", "before", "after"),
    [
        (View.MONTH, date(2026, 11, 24), date(2026, 10, 26), date(2026, 12, 6), date(2026, 10, 1), date(2026, 12, 1)),
        (View.MONTH, date(2026, 2, 28), date(2026, 1, 26), date(2026, 3, 1), date(2026, 1, 1), date(2026, 3, 1)),
        (View.MONTH, date(2027, 2, 1), date(2027, 2, 1), date(2027, 2, 28), date(2027, 1, 1), date(2027, 3, 1)),
        (View.WEEK, date(2027, 1, 3), date(2026, 12, 28), date(2027, 1, 3), date(2026, 12, 27), date(2027, 1, 10)),
        (View.DAY, date(2027, 1, 1), date(2027, 1, 1), date(2027, 1, 1), date(2026, 12, 31), date(2027, 1, 2)),
    ],
)
def test_a_calendar_shows_whole_weeks(
    view: View, day: date, first: date, last: date, before: date, after: date
) -> None:
    shown = days(view, day)
    assert (shown.first, shown.last, shown.before, shown.after) == (first, last, before, after)
    assert all(len(week) == (1 if view is View.DAY else 7) for week in shown.weeks)
