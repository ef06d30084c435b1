"""How reports count: pure rules from what the database groups to the rows that people read (schedule rule 14).

The database counts by day, by month or by year since treatment; here such counts become shares, classes and tables.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from surveillance.core.dates import DAY, day_of_month, month_number
from surveillance.core.errors import InvalidInputError

MONTHS = 24  # of a period that nobody chose
LONGEST = 120  # months of a period: more columns than anybody reads
GRACE_DAYS = 90  # overdue for so long without a sign of life is lost to follow-up


class ReportName(StrEnum):
    """The reports, in the order of the page."""

    UP_TO_DATE = "up_to_date"
    ON_TIME = "on_time"
    DELAY = "delay"
    OVERDUE = "overdue"
    NO_SHOWS = "no_shows"
    MESSAGES = "messages"
    COSTS = "costs"
    REPLIES = "replies"
    LOSS = "loss"


class Kind(StrEnum):
    """What stands in a column, and so how it is written."""

    TEXT = "text"
    DAY = "day"
    MONTH = "month"  # a month_number
    COUNT = "count"
    MONEY = "money"
    SHARE = "share"  # 0 to 1; None where there is nothing to divide by


class Column(NamedTuple):
    key: str
    title: str
    kind: Kind = Kind.COUNT


Cell = str | int | float | date | None
Row = tuple[Cell, ...]


class Period(NamedTuple):
    """Days of a report, both inside."""

    first: date
    last: date

    @property
    def months(self) -> range:
        """The ``month_number`` of every month that the period touches."""
        return range(month_number(self.first), month_number(self.last) + 1)

    @property
    def points(self) -> list[date]:
        """The last day of each month, and of the period."""
        return [min(month_start(number + 1) - DAY, self.last) for number in self.months]


def period(today: date, first: date | None = None, last: date | None = None) -> Period:
    """The period that was asked for, or the last 24 months.

    Raises:
        InvalidInputError: it ends before it begins or after today, or is longer than ten years.
    """
    until = last or today
    since = first or month_start(month_number(until) - MONTHS + 1)
    if until > today:
        raise InvalidInputError(f"a report looks back: it ends on {today} at the latest, not on {until}")
    if since > until:
        raise InvalidInputError(f"the period ends on {until}, before it begins on {since}")
    found = Period(since, until)
    if len(found.months) > LONGEST:
        raise InvalidInputError(f"a report covers {LONGEST} months at most, not {len(found.months)}")
    return found


def month(text: str) -> Period:
    """The days of a month that is written like ``2026-11``.

    Raises:
        InvalidInputError: it is no month.
    """
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise InvalidInputError(f"{text!r} is no month; write it like 2026-11") from None
    return Period(first, month_start(month_number(first) + 1) - DAY)


def month_start(number: int) -> date:
    return day_of_month(number, 1)


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


# -- by month --------------------------------------------------------------------------------------------------


class Timing(StrEnum):
    """What became of an examination that was wanted (rule 14)."""

    ON_TIME = "on_time"
    EARLY = "early"
    LATE = "late"
    MISSED = "missed"
    SKIPPED = "skipped"
    LEFT_OUT = "left_out"  # held, ended, examined before the enrolment, or still waiting


def on_time_rows(period: Period, counted: Mapping[tuple[int, Timing], int]) -> list[Row]:
    """By month of the target: in window ÷ (performed + missed), skipped apart."""
    return [
        (month, on_time, early, late, missed, skipped, share(on_time, on_time + early + late + missed))
        for month in period.months
        for on_time, early, late, missed, skipped in [
            [counted.get((month, timing), 0) for timing in Timing if timing is not Timing.LEFT_OUT]
        ]
    ]


def no_show_rows(period: Period, counted: Mapping[int, tuple[int, int]]) -> list[Row]:
    """``counted``: month → visits whose outcome is known, and those to which nobody came."""
    found = ((month, *counted.get(month, (0, 0))) for month in period.months)
    return [(month, visits, visits - missed, missed, share(missed, visits)) for month, visits, missed in found]


# -- by delay and by age ---------------------------------------------------------------------------------------

EARLIEST_WEEK, LATEST_WEEK = -6, 12


def week(delay: int) -> int:
    """Days after the target to the nearest week; what lies far out is one class at either end."""
    return max(EARLIEST_WEEK, min(LATEST_WEEK, (delay + 3) // 7))


def week_name(number: int) -> str:
    if number == 0:
        return "within 3 days"
    weeks = f"{abs(number)} week{'s' * (abs(number) != 1)}"
    more = " or more" if number in (EARLIEST_WEEK, LATEST_WEEK) else ""
    return f"{weeks}{more} {'early' if number < 0 else 'late'}"


def delay_rows(counted: Mapping[tuple[int, Timing], int]) -> list[Row]:
    """``counted``: (days after the target, how it stands to its window) → examinations performed."""
    weeks: Counter[tuple[int, Timing]] = Counter()
    for (delay, timing), number in counted.items():
        weeks[week(delay), timing] += number
    rows = []
    for at in range(EARLIEST_WEEK, LATEST_WEEK + 1):
        early, on_time, late = (weeks[at, timing] for timing in (Timing.EARLY, Timing.ON_TIME, Timing.LATE))
        rows.append((week_name(at), early, on_time, late, early + on_time + late))
    return list(rows)


def median(counted: Mapping[int, int]) -> int | None:
    """The middle value of ``value → how often``; the lower one of two."""
    half = (sum(counted.values()) + 1) // 2
    for value in sorted(counted):
        half -= counted[value]
        if half <= 0:
            return value
    return None


# The first day of each class of age; the names tell the days before the next one.
AGES: Sequence[tuple[int, str]] = (
    (0, "up to 1 week"),
    (8, "1 to 2 weeks"),
    (15, "2 to 4 weeks"),
    (29, "4 to 8 weeks"),
    (57, "8 weeks to 3 months"),
    (92, "3 to 6 months"),
    (183, "6 to 12 months"),
    (366, "over a year"),
)


def age_class(days: int) -> str:
    return next(name for start, name in reversed(AGES) if days >= start)


def age_rows(examinations: Mapping[int, int], patients: Mapping[int, int]) -> list[Row]:
    """``days overdue → examinations``, and ``days → patients`` by their longest overdue examination."""
    classes: dict[str, list[int]] = {name: [0, 0] for _, name in AGES}
    for column, counted in enumerate((examinations, patients)):
        for days, number in counted.items():
            classes[age_class(days)][column] += number
    return [(name, *numbers) for name, numbers in classes.items()]


# -- messages --------------------------------------------------------------------------------------------------


class Fate(StrEnum):
    """What became of a message that was handed to a provider, or was meant to be."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    HANDED_OVER = "handed_over"


def message_rows(counted: Mapping[tuple[int, str, Fate], tuple[int, int]]) -> list[Row]:
    """``(month, channel, fate) → messages, parts``; a month without messages has no row."""
    rows: list[Row] = []
    for month, channel in sorted({(month, channel) for month, channel, _ in counted}):
        numbers = [counted.get((month, channel, fate), (0, 0)) for fate in Fate]
        messages = [number for number, _ in numbers]
        rows.append((month, channel, *messages, sum(messages), sum(parts for _, parts in numbers)))
    return rows


# -- loss to follow-up -----------------------------------------------------------------------------------------


class Course(NamedTuple):
    """Plans that came under observation in one year since treatment and left it in another, lost or not."""

    first_year: int
    last_year: int
    lost: bool
    plans: int


def loss_rows(courses: Iterable[Course]) -> list[Row]:
    """By year since treatment: who was under observation at any time in it, and who was lost in it."""
    followed: Counter[int] = Counter()
    lost: Counter[int] = Counter()
    for course in courses:
        for year in range(course.first_year, course.last_year + 1):
            followed[year] += course.plans
        if course.lost:
            lost[course.last_year] += course.plans
    numbers = ((year, followed[year], lost[year]) for year in _years(followed))
    return [(year, all_, all_ - gone, gone, share(gone, all_)) for year, all_, gone in numbers]


def _years(followed: Mapping[int, int]) -> Iterator[int]:
    """Every year from the first to the last in which anybody was followed."""
    yield from range(min(followed), max(followed) + 1) if followed else ()
