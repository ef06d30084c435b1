"""Who was up to date on each of many days (schedule rule 14): one look at each examination, however many days.

A database would have to lay every patient beside every day; here a patient's days are the bits of two numbers.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from surveillance.core.schedule.status import up_to_date


class Asked(NamedTuple):
    """What a plan asked of a patient while the cell of one examination lasted; ``patient`` is any key."""

    patient: object
    item: str
    cell_start: date
    cell_end: date
    interval: int
    target: date
    window_end: date
    held_from: date | None
    held_until: date | None
    anchor: date
    enrolled_on: date
    ended_on: date | None


Studies = Mapping[tuple[object, str], Sequence[date]]  # of a patient and an item, in order


def tally(days: Sequence[date], asked: Iterable[Asked], studies: Studies) -> list[tuple[int, int]]:
    """For each of ``days``, which rise: patients of whom something was asked, and those up to date in all of it."""
    counted: dict[object, int] = {}
    stale: dict[object, int] = {}
    for one in asked:
        done = studies.get((one.patient, one.item), ())
        for place in _places(days, one):
            fresh = _fresh(one, done, days[place])
            if fresh is None:
                continue
            counted[one.patient] = counted.get(one.patient, 0) | 1 << place
            if not fresh:
                stale[one.patient] = stale.get(one.patient, 0) | 1 << place
    courses = Counter((bits, stale.get(patient, 0)) for patient, bits in counted.items())
    return [_on(place, courses) for place in range(len(days))]


def _places(days: Sequence[date], one: Asked) -> range:
    """The days that the cell holds while the plan was in force."""
    end = one.cell_end if one.ended_on is None else min(one.cell_end, one.ended_on)
    return range(bisect_left(days, max(one.cell_start, one.enrolled_on)), bisect_left(days, end))


def _fresh(one: Asked, done: Sequence[date], day: date) -> bool | None:
    """Whether the last study was recent enough; None where nothing is asked: on hold, or too early for a first one."""
    if one.held_from is not None and one.held_from <= day and (one.held_until is None or day < one.held_until):
        return None
    number = bisect_right(done, day)
    if number == 0 or done[number - 1] < one.anchor:
        return None if day <= one.window_end else False
    return up_to_date(done[number - 1], one.interval, (one.window_end - one.target).days, day)


def _on(place: int, courses: Mapping[tuple[int, int], int]) -> tuple[int, int]:
    asked = sum(number for (bits, _), number in courses.items() if bits >> place & 1)
    stale = sum(number for (bits, old), number in courses.items() if bits & old & 1 << place)
    return asked, asked - stale
