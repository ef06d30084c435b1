"""Which days to offer for a visit, and what each of them would mean for its examinations (schedule rule 7)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import islice, takewhile
from typing import NamedTuple

from surveillance.core.dates import DAY, nearest_days
from surveillance.core.schedule.examinations import Examination, Key
from surveillance.core.schedule.trips import IsWorking, narrowest, preferred

OFFERED = 5  # more days than this nobody compares
_YEAR = 366


class Fit(NamedTuple):
    """A day against the window of one examination: ``days`` before it (negative), after it (positive), or 0 inside.

    ``due``: it is due on that day, though perhaps before its own window. ``overdue_since``: the item is overdue then.
    """

    key: Key
    window_start: date
    window_end: date
    days: int
    due: bool
    overdue_since: date | None

    @property
    def good(self) -> bool:
        """In its window, or due anyway because an earlier examination was missed."""
        return self.days <= 0 and self.due

    @property
    def short(self) -> str:
        """``11 days late``; empty inside the window."""
        if self.days == 0:
            return ""
        number = f"{abs(self.days)} {'day' if abs(self.days) == 1 else 'days'}"
        return f"{number} late" if self.days > 0 else "due already" if self.due else f"{number} before its window"

    @property
    def words(self) -> str:
        """``in its window 3–30 Dec 2026``, ``11 days late (window 3–30 Dec 2026)``"""
        window = span(self.window_start, self.window_end)
        late = f", overdue since {_spelled(self.overdue_since)}" if self.overdue_since else ""
        if self.days > 0:
            return f"{self.short} (window {window})"
        if self.days == 0:
            return f"in its window {window}{late}"
        return f"{self.short}, before its own window {window}{late}" if self.due else f"{self.short} {window}"


class Offer(NamedTuple):
    """A day that could be booked. ``outside``: no working day is left in every window."""

    day: date
    outside: bool
    fits: tuple[Fit, ...]


class LeftOut(NamedTuple):
    """A day that would have been offered if the site worked then."""

    day: date
    why: str


class Offers(NamedTuple):
    """The best days first; none where no single day could serve all examinations."""

    days: tuple[Offer, ...]
    left_out: tuple[LeftOut, ...]


class Span(NamedTuple):
    """Days of which a follow-up must keep to: those after the imaging that it is about."""

    earliest: date
    latest: date


def earliest(row: Examination) -> date:
    """The first day on which a study would count for the row: in the slot's cell, or late enough for an extra one."""
    if row.month is not None:
        return row.cell_start
    tolerance = row.target - row.window_start
    return max(row.cell_start, row.window_start - tolerance)


def serves(row: Examination, day: date) -> bool:
    """Whether a study on ``day`` would count for the row."""
    return earliest(row) <= day < row.cell_end


def fit(row: Examination, day: date) -> Fit:
    """What a day means for an examination."""
    days = min((day - row.window_start).days, 0) + max((day - row.window_end).days, 0)
    since = row.overdue_since if day >= row.overdue_from else None
    return Fit(row.key, row.window_start, row.window_end, days, day >= min(row.due_from, row.window_start), since)


def offers(
    rows: Sequence[Examination],
    today: date,
    is_working: IsWorking,
    closed: Mapping[date, str],
    within: Span | None = None,
) -> Offers:
    """The working days on which all of ``rows`` can be done on one trip.

    In all windows and after today, the nearest to the target of the narrowest window first, ties to the later; if
    none is left, the first working days after, marked. ``closed`` names the holidays and closures, ``within`` bounds
    a visit that follows imaging by some days.
    """
    preferences = [preferred(row, today, is_working) for row in rows]
    if not preferences:
        return Offers((), ())
    low = max([each.earliest for each in preferences] if within is None else [within.earliest, today + DAY])
    high = min([each.latest for each in preferences] if within is None else [within.latest])
    target = narrowest(preferences).target
    outside = any(each.outside for each in preferences)
    days = [day for day in _nearest(target, low, high, is_working) if _all_serve(rows, day)][:OFFERED]
    if outside or not days:
        outside, low, high = True, max(low, high + DAY) if not outside else low, date.max
        target, days = low, list(islice(_after(rows, low, is_working), OFFERED))
    found = tuple(Offer(day, outside, tuple(fit(row, day) for row in rows)) for day in days)
    return Offers(found, tuple(_left_out(days, target, (low, high), is_working, closed)))


def _nearest(target: date, low: date, high: date, is_working: IsWorking) -> Iterator[date]:
    return islice(nearest_days(target, low, high, is_working), _YEAR)


def _all_serve(rows: Sequence[Examination], day: date) -> bool:
    return all(serves(row, day) for row in rows)


def _after(rows: Sequence[Examination], start: date, is_working: IsWorking) -> Iterator[date]:
    """The working days from ``start`` on that still count for every examination."""
    ends = min(row.cell_end for row in rows)
    coming = (start + number * DAY for number in range(_YEAR))
    return (day for day in takewhile(lambda day: day < ends, coming) if is_working(day) and _all_serve(rows, day))


def _left_out(
    days: Sequence[date], target: date, bounds: tuple[date, date], is_working: IsWorking, closed: Mapping[date, str]
) -> Iterator[LeftOut]:
    """Holidays and closures as near to the target as the offered days; the target itself where nobody works on it."""
    if not days:
        return
    farthest = max(abs(day - target) for day in days)
    first, last = max(target - farthest, bounds[0]), min(target + farthest, bounds[1])
    for number in range((last - first).days + 1):
        day = first + number * DAY
        if not is_working(day) and (day in closed or day == target):
            yield LeftOut(day, closed.get(day) or f"nobody works on a {day:%A}")


# -- words -----------------------------------------------------------------------------------------------------


def span(start: date, end: date) -> str:
    """``3–30 Dec 2026``, ``28 Nov – 12 Dec 2026``, ``20 Dec 2026 – 5 Jan 2027``"""
    if (start.year, start.month) == (end.year, end.month):
        return f"{start.day}–{_spelled(end)}"
    first = f"{start.day} {start:%b}" if start.year == end.year else _spelled(start)
    return f"{first} – {_spelled(end)}"


def _spelled(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
