"""Days, calendar months and the step from local time to UTC.

Clinical dates are days at the site. They are always computed from an anchor (``anchor + n months``), never
from each other: 31 January gives 28 February and then 31 March.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


def add_months(day: date, months: int) -> date:
    """The same day of the month, ``months`` calendar months later; the month's last day where it has no such day.

    Raises:
        OverflowError: the result lies outside the years 1 to 9999.
    """
    return day_of_month(month_number(day) + months, day.day)


def month_number(day: date) -> int:
    """Calendar months since January of the year 0."""
    return 12 * day.year + day.month - 1


def months_between(start: date, end: date) -> int:
    """The fewest calendar months after ``start`` that reach ``end``; 0 if it does not lie after it."""
    if end <= start:
        return 0
    months = month_number(end) - month_number(start)
    return months if add_months(start, months) >= end else months + 1


@lru_cache(maxsize=1 << 15)
def day_of_month(number: int, day: int) -> date:
    """Day ``day`` of the month with this ``month_number``, or its last day where it has no such day.

    Remembered, as all patients share the few thousand days on which anything is ever due.
    """
    year, month = divmod(number, 12)
    if not 1 <= year <= 9999:
        raise OverflowError(f"a day in the year {year} is outside the calendar; check the anchor")
    return date(year, month + 1, min(day, monthrange(year, month + 1)[1]))


@lru_cache(maxsize=1024)
def days(number: int) -> timedelta:
    """A span of days; remembered, since making one takes ten times as long as adding it."""
    return timedelta(days=number)


@lru_cache(maxsize=256)
def fewest_days(months: int) -> int:
    """The fewest days that ``months`` calendar months after any slot of any anchor can have.

    The shortest span is what decides whether two windows could ever touch. Four years show every length of
    month; both ends are counted from one anchor, so the month's end is clamped as in a schedule.
    """
    start = date(2023, 1, 1)
    anchors = [start + timedelta(days=n) for n in range(31)]
    return min(
        (add_months(anchor, first + months) - add_months(anchor, first)).days
        for anchor in anchors
        for first in range(48)
    )


def middle(earlier: date, later: date) -> date:
    """The first day that lies at least as near to ``later`` as to ``earlier`` (ties go to the later)."""
    return date.fromordinal((earlier.toordinal() + later.toordinal() + 1) // 2)


def clamp(day: date, earliest: date, latest: date) -> date:
    """``day``, moved into ``earliest``…``latest``."""
    return max(earliest, min(day, latest))


def nearest_days(target: date, earliest: date, latest: date, is_working: Callable[[date], bool]) -> Iterator[date]:
    """The working days in ``earliest``…``latest``, the nearest to ``target`` first, of two equally near the later."""
    if earliest > latest:
        return
    middle_day = clamp(target, earliest, latest)
    for distance in range((latest - earliest).days + 1):
        for day in dict.fromkeys((middle_day + distance * DAY, middle_day - distance * DAY)):
            if earliest <= day <= latest and is_working(day):
                yield day


def nearest(target: date, earliest: date, latest: date, is_working: Callable[[date], bool]) -> date | None:
    """The working day in ``earliest``…``latest`` that is nearest to ``target``, ties to the later; None if none."""
    return next(nearest_days(target, earliest, latest, is_working), None)


def next_working(day: date, is_working: Callable[[date], bool]) -> date:
    """``day`` itself if it is a working day, else the first one after it.

    Raises:
        ValueError: there is none within a year, so the site's calendar cannot be right.
    """
    for distance in range(367):
        if is_working(day + distance * DAY):
            return day + distance * DAY
    raise ValueError(f"no working day within a year of {day}; check the site's working days and holidays")


def to_utc(day: date, at: time, zone: str) -> datetime:
    """The moment of a local wall-clock time, in UTC.

    A time that a clock change skips becomes the next valid one (02:30 becomes 03:00); of a time that happens
    twice the first is meant.
    """
    tz = ZoneInfo(zone)
    wall = datetime.combine(day, at)
    first = wall.replace(tzinfo=tz, fold=0)
    moment = first.astimezone(UTC)
    if moment.astimezone(tz).replace(tzinfo=None) == wall:
        return moment
    return _end_of_gap(wall, tz)


def _end_of_gap(wall: datetime, tz: ZoneInfo) -> datetime:
    """The moment at which the clocks jumped over ``wall``: found by halving, as zoneinfo tells no transitions."""
    # PEP 495: in a gap fold=1 uses the offset after the jump and so lies before it, fold=0 after it.
    low = wall.replace(tzinfo=tz, fold=1).astimezone(UTC)
    high = wall.replace(tzinfo=tz, fold=0).astimezone(UTC)
    before = low.astimezone(tz).utcoffset()
    while high - low > timedelta(seconds=1):
        half = low + (high - low) // 2
        if half.astimezone(tz).utcoffset() == before:
            low = half
        else:
            high = half
    return high.replace(microsecond=0)


def local_day(moment: datetime, zone: str) -> date:
    """The day on which ``moment`` falls in ``zone``."""
    return moment.astimezone(ZoneInfo(zone)).date()
