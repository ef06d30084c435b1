"""How reports count, as tables of cases; and what a plot must always hold."""

from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.drawings import plots
from surveillance.core.errors import InvalidInputError
from surveillance.core.reports import counting, definitions, sheets
from surveillance.core.reports.counting import Course, Fate, Kind, Period, ReportName, Timing
from surveillance.core.schedule import status
from surveillance.core.schedule.freshness import Asked, tally

TODAY = date(2026, 11, 24)
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))
NOVEMBER = 12 * 2026 + 10


# -- periods ---------------------------------------------------------------------------------------------------


def test_a_period_that_nobody_chose_is_the_last_24_months() -> None:
    found = counting.period(TODAY)
    assert found == Period(date(2024, 12, 1), TODAY)
    assert len(found.points) == 24
    assert found.points[0] == date(2024, 12, 31)
    assert found.points[-2:] == [date(2026, 10, 31), TODAY]


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        (None, date(2026, 11, 25), "looks back"),
        (date(2026, 5, 2), date(2026, 5, 1), "before it begins"),
        (date(2016, 1, 1), None, "120 months at most"),
    ],
)
def test_a_period_that_cannot_be_looked_back_on_is_refused(first: date | None, last: date | None, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        counting.period(TODAY, first, last)


# -- by month, by delay, by age --------------------------------------------------------------------------------


def test_the_share_on_time_leaves_skipped_ones_out() -> None:
    counted = {
        (NOVEMBER, Timing.ON_TIME): 6,
        (NOVEMBER, Timing.EARLY): 1,
        (NOVEMBER, Timing.LATE): 2,
        (NOVEMBER, Timing.MISSED): 1,
        (NOVEMBER, Timing.SKIPPED): 5,
        (NOVEMBER, Timing.LEFT_OUT): 9,
    }
    rows = counting.on_time_rows(Period(date(2026, 10, 15), TODAY), counted)
    assert rows == [(NOVEMBER - 1, 0, 0, 0, 0, 0, None), (NOVEMBER, 6, 1, 2, 1, 5, 0.6)]


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (0, "within 3 days"),
        (-3, "within 3 days"),
        (3, "within 3 days"),
        (4, "1 week late"),
        (10, "1 week late"),
        (11, "2 weeks late"),
        (-4, "1 week early"),
        (-10, "1 week early"),
        (-11, "2 weeks early"),
        (80, "11 weeks late"),
        (81, "12 weeks or more late"),
        (900, "12 weeks or more late"),
        (-300, "6 weeks or more early"),
    ],
)
def test_a_delay_counts_by_the_nearest_week(days: int, name: str) -> None:
    assert counting.week_name(counting.week(days)) == name


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (0, "up to 1 week"),
        (7, "up to 1 week"),
        (8, "1 to 2 weeks"),
        (28, "2 to 4 weeks"),
        (29, "4 to 8 weeks"),
        (91, "8 weeks to 3 months"),
        (92, "3 to 6 months"),
        (365, "6 to 12 months"),
        (366, "over a year"),
        (3000, "over a year"),
    ],
)
def test_what_is_overdue_is_classed_by_its_age(days: int, name: str) -> None:
    assert counting.age_class(days) == name


@given(st.dictionaries(st.integers(-200, 400), st.integers(1, 50), min_size=1))
def test_no_examination_is_lost_between_the_classes(counted: dict[int, int]) -> None:
    total = sum(counted.values())
    rows = counting.delay_rows({(delay, Timing.LATE): number for delay, number in counted.items()})
    assert sum(row[-1] for row in rows) == total  # type: ignore[misc]
    ages = {abs(delay): 0 for delay in counted}
    for delay, number in counted.items():
        ages[abs(delay)] += number
    assert sum(row[1] for row in counting.age_rows(ages, {})) == total  # type: ignore[misc]
    spread = sorted(value for value, number in counted.items() for _ in range(number))
    assert counting.median(counted) == spread[(total - 1) // 2]


def test_messages_stand_by_month_and_channel_with_their_parts() -> None:
    counted = {
        (NOVEMBER, "SMS", Fate.DELIVERED): (3, 4),
        (NOVEMBER, "SMS", Fate.IN_DOUBT): (1, 1),
        (NOVEMBER, "email", Fate.HANDED_OVER): (2, 0),
    }
    rows = counting.message_rows(counted)
    assert rows == [(NOVEMBER, "SMS", 3, 0, 0, 1, 0, 4, 5), (NOVEMBER, "email", 0, 0, 0, 0, 2, 2, 0)]


# -- loss ------------------------------------------------------------------------------------------------------


def test_a_patient_is_followed_in_each_year_and_lost_in_one() -> None:
    courses = [Course(1, 3, False, 10), Course(2, 2, True, 2), Course(4, 4, False, 1)]
    assert counting.loss_rows(courses) == [
        (1, 10, 10, 0, 0.0),
        (2, 12, 10, 2, 2 / 12),
        (3, 10, 10, 0, 0.0),
        (4, 1, 1, 0, 0.0),
    ]


# -- up to date ------------------------------------------------------------------------------------------------

ANCHOR = date(2024, 1, 15)
MONTH_6 = Asked(
    patient="p",
    item="mri",
    cell_start=date(2024, 5, 31),
    cell_end=date(2024, 8, 31),
    interval=3,
    target=date(2024, 7, 15),
    window_end=date(2024, 7, 29),
    held_from=None,
    held_until=None,
    anchor=ANCHOR,
    enrolled_on=ANCHOR,
    ended_on=None,
)
APRIL = date(2024, 4, 15)


@pytest.mark.parametrize(
    ("studies", "changes", "on", "counted"),
    [
        ([APRIL], {}, date(2024, 7, 29), (1, 1)),
        ([APRIL], {}, date(2024, 7, 30), (1, 0)),
        ([APRIL, date(2024, 5, 20)], {}, date(2024, 7, 30), (1, 1)),
        ([APRIL], {}, date(2024, 5, 30), (0, 0)),  # another cell's day
        ([APRIL], {"enrolled_on": date(2024, 8, 1)}, date(2024, 7, 30), (0, 0)),
        ([APRIL], {"ended_on": date(2024, 7, 30)}, date(2024, 7, 30), (0, 0)),
        ([APRIL], {"ended_on": date(2024, 7, 31)}, date(2024, 7, 30), (1, 0)),
        ([APRIL], {"held_from": date(2024, 7, 30)}, date(2024, 7, 30), (0, 0)),
        ([APRIL], {"held_from": date(2024, 7, 1), "held_until": date(2024, 7, 30)}, date(2024, 7, 30), (1, 0)),
        ([], {}, date(2024, 7, 29), (0, 0)),  # never examined, and the window is still open
        ([], {}, date(2024, 7, 30), (1, 0)),
        ([date(2024, 1, 10)], {}, date(2024, 7, 30), (1, 0)),  # before the end of treatment
    ],
)
def test_who_is_up_to_date(studies: list[date], changes: dict[str, date], on: date, counted: tuple[int, int]) -> None:
    assert tally([on], [MONTH_6._replace(**changes)], {("p", "mri"): studies}) == [counted]


def test_a_patient_is_up_to_date_only_with_every_item() -> None:
    other = MONTH_6._replace(item="chest")
    done = {("p", "mri"): [APRIL], ("p", "chest"): [date(2024, 7, 20)]}
    assert tally([date(2024, 7, 29), date(2024, 7, 30)], [MONTH_6, other], done) == [(1, 1), (1, 0)]


@given(st.lists(DAYS, max_size=6).map(sorted), st.integers(1, 12), st.integers(0, 42), st.lists(DAYS, min_size=1))
def test_the_tally_is_the_rule_on_each_day(studies: list[date], interval: int, reach: int, days: list[date]) -> None:
    far = {"cell_start": date(2019, 1, 1), "cell_end": date(2040, 1, 1), "anchor": date(2019, 1, 1)}
    one = MONTH_6._replace(**far, enrolled_on=date(2019, 1, 1), interval=interval)
    one = one._replace(target=date(2019, 6, 1), window_end=date(2019, 6, 1) + timedelta(days=reach))
    points = sorted(set(days))
    wanted = [
        (1, int(status.up_to_date(max((s for s in studies if s <= day), default=None), interval, reach, day)))
        for day in points
    ]
    assert tally(points, [one], {("p", "mri"): studies}) == wanted


# -- what is shown ---------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"
ROWS: dict[ReportName, counting.Row] = {
    ReportName.UP_TO_DATE: (TODAY, 400, 312, 0.78),
    ReportName.ON_TIME: (NOVEMBER, 6, 1, 2, 1, 0, 0.6),
    ReportName.DELAY: ("within 3 days", 0, 5, 0, 5),
    ReportName.OVERDUE: ("over a year", 2, 1),
    ReportName.NO_SHOWS: (NOVEMBER, 12, 11, 1, 1 / 12),
    ReportName.MESSAGES: (NOVEMBER, "SMS", 3, 0, 0, 1, 0, 4, 5),
    ReportName.COSTS: (NOVEMBER, "LDN1", "SMS", "1 day before", "ar", 4, 5, 3, 1, 9, 0.07, 0, 9, 4, 2, "30003 ×1"),
    ReportName.REPLIES: (NOVEMBER, "LDN1", 9, 4, 2, 1, 0, 1, 1, 3, 11, None),
    ReportName.LOSS: (2, 12, 10, 2, 2 / 12),
}


@pytest.mark.parametrize("name", list(ReportName))
@pytest.mark.parametrize("frame", [plots.SHEET, plots.SMALL], ids=["sheet", "small"])
def test_every_report_is_drawn_with_a_title_and_a_description(name: ReportName, frame: plots.Frame) -> None:
    plot = sheets.drawn(name, [ROWS[name]] * 24, "What it says.")
    drawing = ET.fromstring(plots.render(plot, "plot", frame))
    assert drawing.get("aria-labelledby") == "plot-title plot-desc"
    assert drawing.findtext(f"{SVG}title") == definitions.WORDS[name].title
    assert drawing.findtext(f"{SVG}desc") == "What it says."
    assert not any("style" in element.attrib for element in drawing.iter())
    inside = [float(element.get("y", 0)) for element in drawing.iter(f"{SVG}rect")]
    assert all(0 <= y <= frame.height for y in inside)
    assert len({series.pattern for series in plot.series}) == len(plot.series)


@pytest.mark.parametrize("name", list(ReportName))
def test_a_report_without_numbers_is_empty(name: ReportName) -> None:
    assert sheets.drawn(name, [], "").empty
    assert not sheets.drawn(name, [ROWS[name]], "").empty


def test_the_messages_of_a_month_stand_in_one_bar() -> None:
    rows = [(NOVEMBER, "SMS", 3, 0, 0, 1, 0, 4, 5), (NOVEMBER, "email", 0, 0, 0, 0, 2, 2, 0)]
    plot = sheets.drawn(ReportName.MESSAGES, rows, "")
    assert plot.labels == ("Nov 2026",)
    assert {series.title: series.values for series in plot.series}["Handed over"] == (2,)


@pytest.mark.parametrize(
    ("kind", "cell", "shown"),
    [
        (Kind.SHARE, 0.5, "50%"),
        (Kind.SHARE, 0.999, "over 99%"),
        (Kind.SHARE, 0.001, "under 1%"),
        (Kind.SHARE, 1.0, "100%"),
        (Kind.SHARE, None, "–"),
        (Kind.MONTH, NOVEMBER, "Nov 2026"),
        (Kind.DAY, TODAY, "24 Nov 2026"),
        (Kind.COUNT, 12345, "12,345"),
        (Kind.TEXT, "SMS", "SMS"),
    ],
)
def test_cells_are_written_for_people(kind: Kind, cell: counting.Cell, shown: str) -> None:
    assert sheets.written(kind, cell) == shown


@given(st.floats(0.1, 5_000_000))
def test_a_scale_holds_its_largest_value(most: float) -> None:
    top = plots._nice_top(most)
    assert most <= top
    assert top <= max(4, 3 * most)
