"""Which day to propose, and which examinations to do on one trip (schedule rule 7)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from surveillance.core.dates import DAY, add_months, clamp, nearest, next_working
from surveillance.core.protocols.protocol import After
from surveillance.core.schedule.examinations import Examination, Key

IsWorking = Callable[[date], bool]


@dataclass(frozen=True, slots=True)
class SiteCalendar:
    """The days on which a site works: ISO weekdays (Monday is 1), without its holidays."""

    working_days: frozenset[int]
    holidays: frozenset[date] = frozenset()

    def is_working(self, day: date) -> bool:
        return day.isoweekday() in self.working_days and day not in self.holidays


class Trip(NamedTuple):
    """One proposed visit. ``outside`` is true if no working day was left in some window."""

    day: date
    examinations: tuple[Key, ...]
    outside: bool


class Preference(NamedTuple):
    """When one examination could be done: its target and the days of its window that are left."""

    key: Key
    target: date
    earliest: date
    latest: date
    outside: bool

    @property
    def width(self) -> int:
        return (self.latest - self.earliest).days


def propose(row: Examination, today: date, is_working: IsWorking) -> tuple[date, bool]:
    """The day to propose for one examination, and whether it lies outside its window.

    The target, moved to the nearest working day that is in the window and after today, ties to the later;
    if there is none, the first working day after both. Where the item is overdue, the first working day there is.
    """
    wanted = preferred(row, today, is_working)
    day = nearest(wanted.target, wanted.earliest, wanted.latest, is_working)
    return (wanted.earliest, True) if day is None else (day, wanted.outside)


def preferred(row: Examination, today: date, is_working: IsWorking) -> Preference:
    """``outside``: no working day of the window is left, so it is the first one after it."""
    earliest = max(min(row.window_start, row.due_from), today + DAY)
    latest = row.window_end
    # Whoever is overdue since an earlier window has no time to wait for this one's target.
    target = earliest if today >= row.overdue_from else row.target
    if nearest(target, earliest, latest, is_working) is not None:
        return Preference(row.key, target, earliest, latest, False)
    day = next_working(max(earliest, latest + DAY), is_working)
    return Preference(row.key, row.target, day, day, True)


def trips(rows: Iterable[Examination], today: date, is_working: IsWorking) -> list[Trip]:
    """Group examinations into trips, greedily by the earliest end of window.

    A trip takes in every examination whose window still shares a working day with all others of the trip; its
    day is the shared day nearest to the target of the narrowest window. Each item is on a trip at most once.
    """
    preferences = [preferred(row, today, is_working) for row in rows]
    preferences.sort(key=lambda preference: (preference.latest, preference.earliest, _order(preference.key)))
    result: list[Trip] = []
    while preferences:
        group, preferences = _group(preferences, is_working)
        earliest, latest = max(w.earliest for w in group), min(w.latest for w in group)
        day = nearest(narrowest(group).target, earliest, latest, is_working)
        keys = tuple(sorted((w.key for w in group), key=_order))
        result.append(Trip(day or earliest, keys, any(w.outside for w in group)))
    return _by_day(result)


def narrowest(preferences: Iterable[Preference]) -> Preference:
    """The one whose window leaves the least choice: its target decides the day of a trip."""
    return min(preferences, key=lambda preference: (preference.width, preference.target))


def _by_day(found: Iterable[Trip]) -> list[Trip]:
    return sorted(found, key=lambda trip: (trip.day, [_order(key) for key in trip.examinations]))


def _order(key: Key) -> tuple[str, int, str]:
    return key.item, key.month or 0, key.extra or ""


def _group(preferences: Sequence[Preference], is_working: IsWorking) -> tuple[list[Preference], list[Preference]]:
    first, *others = preferences
    group, rest = [first], []
    earliest, latest = first.earliest, first.latest
    for preference in others:
        low, high = max(earliest, preference.earliest), min(latest, preference.latest)
        same_item = any(preference.key.item == member.key.item for member in group)
        if not same_item and nearest(clamp(preference.target, low, max(low, high)), low, high, is_working) is not None:
            group.append(preference)
            earliest, latest = low, high
        else:
            rest.append(preference)
    return group, rest


def with_visits(
    imaging: Sequence[Trip],
    visits: Iterable[Examination],
    after: Mapping[str, After],
    today: date,
    is_working: IsWorking,
) -> list[Trip]:
    """Add the clinic visits that follow imaging by some days: on the working day nearest to the visit's target.

    A visit whose imaging is not among the proposed trips is proposed by its own window.
    """
    result = list(imaging)
    for row in visits:
        rule = after[row.item]
        base = next(
            (trip.day for trip in imaging if any(_leads(key, rule.item, row) for key in trip.examinations)), None
        )
        day, outside = propose(row, today, is_working)
        if base is not None:
            earliest, latest = base + timedelta(days=rule.min_days), base + timedelta(days=rule.max_days)
            found = nearest(row.target, earliest, latest, is_working)
            day, outside = found or next_working(latest, is_working), outside or found is None
        result.append(Trip(day, (row.key,), outside))
    return _by_day(result)


def _leads(key: Key, item: str, visit: Examination) -> bool:
    return key.item == item and key.month == visit.month and key.month is not None


def trips_a_year(rows: Sequence[Examination], anchor: date, year: int, is_working: IsWorking) -> int:
    """How often a patient travels in year ``year`` after the anchor (1 is the first), as enrolment shows it.

    Each examination is taken in its own window, as if the one before it will have been done.
    """
    start, end = add_months(anchor, 12 * (year - 1)), add_months(anchor, 12 * year)
    inside = [row._replace(due_from=row.window_start) for row in rows if start < row.target <= end]
    return len(trips(inside, start - timedelta(days=400), is_working))
