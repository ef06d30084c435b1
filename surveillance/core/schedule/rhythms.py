"""What a protocol version and a chosen interval ask for: beats, the rhythm that they form, and slots, which are beats
that have met an anchor (schedule rules 1 to 5)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from itertools import repeat, takewhile
from typing import NamedTuple

from surveillance.core.dates import DAY, days, middle
from surveillance.core.protocols.choices import Choices, ItemChoice, wanted
from surveillance.core.protocols.protocol import Protocol

# Follow-up is for life; a hundred years of slots is a bound no patient reaches.
LAST_MONTH = 1200
PLAIN = ItemChoice()


class Beat(NamedTuple):
    """One slot before it meets an anchor: month and interval in months, tolerance and lead in days."""

    item: str
    month: int
    interval: int
    tolerance: int
    lead_days: int


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """When the beats of a rhythm come: one object for all rhythms of one shape, so that it can be a key.

    ``months`` ends with one more, an interval after the last beat, which closes the last cell; ``reaches`` are the
    tolerances.
    """

    months: tuple[int, ...]
    reaches: tuple[timedelta, ...]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """All beats of one item under one protocol version and one chosen interval."""

    item: str
    beats: tuple[Beat, ...]
    ends: bool
    shape: Shape = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _, months, intervals, tolerances, _ = zip(*self.beats, strict=True)
        object.__setattr__(self, "shape", _shape((*months, months[-1] + intervals[-1]), tolerances))


@lru_cache(maxsize=1024)
def _shape(months: tuple[int, ...], tolerances: tuple[int, ...]) -> Shape:
    return Shape(months, tuple(map(days, tolerances)))


@dataclass(frozen=True, slots=True)
class Terms:
    """The rhythms that hold from ``since`` on; ``None`` for the first terms, which hold from the anchor."""

    since: date | None
    protocol: str
    rhythms: Mapping[str, Rhythm]


class Slot(NamedTuple):
    """One obligation in time: a beat and its place. Window days are inside; ``cell_end`` is the next cell's first.

    ``moved``: a person chose the target. A target that lies elsewhere without that was pulled forward by a change.
    """

    item: str
    month: int
    interval: int
    tolerance: int
    lead_days: int
    target: date
    window_start: date
    window_end: date
    cell_start: date
    cell_end: date
    moved: bool

    @property
    def beat(self) -> Beat:
        return Beat(*self[:5])


def rhythm(protocol: Protocol, code: str, chosen: ItemChoice = PLAIN) -> Rhythm:
    """The beats of item ``code`` as they were chosen; without a choice the protocol's own.

    Raises:
        InvalidInputError: the protocol has no such item, or does not allow the choice.
    """
    item = protocol.item(code)
    beats: list[Beat] = []
    for phase, interval in chosen.phases(item):
        tolerance = protocol.tolerance_of(interval)
        months = takewhile(lambda month: month <= LAST_MONTH, phase.months(interval))
        beats.extend(Beat(code, month, interval, tolerance, protocol.lead_days) for month in months)
    return Rhythm(code, tuple(beats), ends=item.phases[-1].end is not None)


def terms(protocol: Protocol, intervals: Choices, since: date | None = None) -> Terms:
    """Terms under ``protocol`` with the chosen ``intervals`` in months; ``None`` switches an item off.

    An item that is not named keeps the protocol's default; advice asks for no day. Raises InvalidInputError as
    ``rhythm`` does.
    """
    asked = wanted(protocol, intervals)
    scheduled = (item.code for item in protocol.scheduled if item.code in asked)
    return Terms(since, protocol.key, {code: rhythm(protocol, code, asked[code]) for code in scheduled})


# -- from targets to cells -------------------------------------------------------------------------------------

# target, first and last day of the window, first day of the cell and of the next cell, moved by a person
Place = tuple[date, date, date, date, date, bool]
Wanted = tuple[Beat, date]  # a beat and its target


def cut(
    start: date, targets: Sequence[date], reaches: Iterable[timedelta], moved: Iterable[bool] = repeat(False)
) -> list[Place]:
    """The places of all ``targets`` but the last, which only ends the last cell; ``start`` begins the first cell.

    Where two terms meet, targets may lie nearer than their tolerances: a window stays in its cell.
    """
    bounds = [start, *map(middle, targets, targets[1:])]
    return [
        (
            target,
            first if (first := target - reach) > start else start,
            last if (last := target + reach) < end else end - DAY,
            start,
            end,
            by_hand,
        )
        for target, reach, start, end, by_hand in zip(targets, reaches, bounds, bounds[1:], moved, strict=False)
    ]


def moved_by_hand(wanted: Sequence[Wanted], moves: Mapping[int, date], after: date) -> tuple[list[date], list[bool]]:
    """The targets where a person wants them, and which of them; a move that would pass a neighbour is not followed.

    ``after``: the first target lies after this day.
    """
    targets = [target for _, target in wanted]
    moved = [False] * len(targets)
    for number, (beat, _) in enumerate(wanted):
        day = moves.get(beat.month)
        earliest = targets[number - 1] if number else after
        latest = targets[number + 1] if number + 1 < len(targets) else date.max
        if day is not None and earliest < day < latest:
            targets[number], moved[number] = day, True
    return targets, moved
