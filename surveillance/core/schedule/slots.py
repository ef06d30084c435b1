"""Where the slots of an item lie: targets, windows and the cells between them (schedule rules 1 to 5 and 11).

A slot is ``anchor + month``. What is wanted is a function of the anchor and of the *terms*: protocol versions
and chosen intervals, each with the day from which it holds. What lies before that day is never cut again.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from itertools import repeat, takewhile, zip_longest
from operator import add
from typing import NamedTuple

from surveillance.core.dates import DAY, add_months, day_of_month, days, middle, month_number
from surveillance.core.protocols.choices import Choices, ItemChoice, wanted
from surveillance.core.protocols.protocol import Protocol

# Follow-up is for life; a hundred years of slots is a bound no patient reaches.
LAST_MONTH = 1200
HALF_A_MONTH = days(15)
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


class Choice(NamedTuple):
    """A person's choice for one item, by its key: so many months, or ``None`` to switch it off; from a day on."""

    item: str
    months: int | None
    since: date | None = None


class Slot(NamedTuple):
    """One obligation in time: a beat and its place. Window days are inside; ``cell_end`` is the next cell's first."""

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


def terms_of_choices(protocol: Protocol, choices: Sequence[Choice]) -> tuple[Terms, ...]:
    """The successive terms that choices made for different days add up to."""
    turns = sorted({choice.since for choice in choices if choice.since is not None})
    later = (terms(protocol, chosen_on(choices, day), day) for day in turns)
    return (terms(protocol, chosen_on(choices, date.min)), *later)


def chosen_on(choices: Iterable[Choice], day: date) -> dict[str, int | None]:
    """What stands on a day: a later choice of the same goes before an earlier one."""
    standing = sorted((choice for choice in choices if (choice.since or date.min) <= day), key=_since)
    return {choice.item: choice.months for choice in standing}


def _since(choice: Choice) -> date:
    return choice.since or date.min


def slots(
    code: str,
    anchor: date,
    succession: Sequence[Terms],
    until: date,
    *,
    studied: Sequence[date] = (),
    moves: Mapping[int, date] | None = None,
) -> list[Slot]:
    """The slots of one item whose target is not after ``until``, in order, with cells that divide the time line.

    Args:
        code: the item.
        anchor: the day that the protocol counts from; it counts as month 0 when cells are cut.
        succession: terms in the order of their days; the first holds from the anchor.
        until: the last day a target may have. A later ``until`` only adds slots, it changes none.
        studied: the days on which the item was examined; after a change a first target too near to the last
            examination is left out (rule 3).
        moves: month → day for slots that a person moved; a move that would pass a neighbour is not followed.
    """
    wanted = succession[0].rhythms.get(code) if len(succession) == 1 else _joined(code, anchor, succession, studied)
    if wanted is None:
        return []
    return _moved(anchor, wanted, moves, until) if moves else _placed(anchor, wanted, until)


def _joined(code: str, anchor: date, succession: Sequence[Terms], studied: Sequence[date]) -> Rhythm | None:
    """The one rhythm that successive terms add up to; None if none of them ever asks for the item."""
    beats: list[Beat] = []
    before: Rhythm | None = None
    for current, following in zip_longest(succession, succession[1:]):
        now = current.rhythms.get(code)
        if now is not None:
            fresh = _stretch(now, anchor, current.since, following.since if following else None)
            if before is not None and now.shape.months != before.shape.months:
                fresh = _without_too_near(fresh, beats, anchor, current.since, studied)
            beats += fresh
        before = now or before
    return Rhythm(code, tuple(beats), before.ends) if beats and before else None


def _stretch(rhythm: Rhythm, anchor: date, since: date | None, before: date | None) -> list[Beat]:
    """The beats whose targets lie in ``since`` … ``before``."""
    return [
        beat for beat in rhythm.beats if (since or date.min) <= add_months(anchor, beat.month) < (before or date.max)
    ]


def _without_too_near(
    fresh: list[Beat], found: list[Beat], anchor: date, since: date | None, studied: Sequence[date]
) -> list[Beat]:
    """After a change, leave out a first target nearer than half the new interval to the last examination.

    An examination that already lies in the target's own cell fulfils it and is no reason to leave it out.
    """
    last = max((day for day in studied if since is None or day <= since), default=None)
    if not fresh or last is None:
        return fresh
    first = add_months(anchor, fresh[0].month)
    cell_start = middle(add_months(anchor, found[-1].month) if found else anchor, first)
    whole, odd = divmod(fresh[0].interval, 2)
    too_near = last < cell_start and first < add_months(last, whole) + odd * HALF_A_MONTH
    return fresh[1:] if too_near else fresh


# target, first and last day of the window, first day of the cell and of the next cell, moved by a person
Place = tuple[date, date, date, date, date, bool]


def _placed(anchor: date, rhythm: Rhythm, until: date) -> list[Slot]:
    """The slots where they lie by themselves; made in one go, as a loop over them would take twice the time."""
    months, start = rhythm.shape.months, month_number(anchor)
    count = bisect_right(months, month_number(until) - start, hi=len(months) - 1)
    if count and day_of_month(start + months[count - 1], anchor.day) > until:
        count -= 1
    return list(map(tuple.__new__, repeat(Slot), map(add, rhythm.beats, _places(rhythm.shape, anchor, count))))


@lru_cache(maxsize=2048)
def _places(shape: Shape, anchor: date, count: int) -> list[Place]:
    """The places of the first ``count`` beats; remembered, as the items of a plan often share their shape."""
    start = month_number(anchor)
    targets = [day_of_month(start + month, anchor.day) for month in shape.months[: count + 1]]
    return _cut(anchor, targets, shape.reaches)


def _cut(
    anchor: date, targets: Sequence[date], reaches: Iterable[timedelta], moved: Iterable[bool] = repeat(False)
) -> list[Place]:
    """The places of all ``targets`` but the last, which only ends the last cell.

    Where two terms meet, targets may lie nearer than their tolerances: a window stays in its cell.
    """
    bounds = list(map(middle, [anchor, *targets], targets))
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


def _moved(anchor: date, rhythm: Rhythm, moves: Mapping[int, date], until: date) -> list[Slot]:
    """The slots where a person wants them; a move that would pass a neighbour is not followed."""
    targets = [add_months(anchor, beat.month) for beat in rhythm.beats]
    moved = [False] * len(targets)
    for number, beat in enumerate(rhythm.beats):
        day = moves.get(beat.month)
        earliest = targets[number - 1] if number else anchor
        latest = targets[number + 1] if number + 1 < len(targets) else date.max
        if day is not None and earliest < day < latest:
            targets[number], moved[number] = day, True
    end = add_months(targets[-1], rhythm.beats[-1].interval)
    places = _cut(anchor, [*targets, end], rhythm.shape.reaches, moved)
    return [Slot._make(beat + place) for beat, place in zip(rhythm.beats, places, strict=True) if place[0] <= until]


def preview(protocol: Protocol, anchor: date, choices: Sequence[Choice], until_month: int) -> list[Slot]:
    """What the protocol asks for up to ``until_month`` months after the anchor, for nobody in particular.

    Sorted by target, then item. Raises InvalidInputError for an unknown item or an interval that is not allowed.
    """
    succession = terms_of_choices(protocol, choices)
    until = add_months(anchor, until_month)
    found = [slot for item in protocol.items for slot in slots(item.code, anchor, succession, until)]
    return sorted(found, key=lambda slot: (slot.target, slot.item))


def renewed(current: Terms, since: date) -> Terms:
    """The same terms, in force from another day."""
    return replace(current, since=since)
