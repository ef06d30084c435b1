"""How a new rhythm takes over from the old one on the day of a change (schedule rules 3 and 5).

**What lay before is frozen.** Slots whose target lies before the day of the change, and those that a study before
it fulfils, stay as they were, and each day before it belongs to the slot that it belonged to. What is examined on the
day of the change itself counts as before it. The cell that the change falls into ends in the middle between its old
target and the first new one, but not before that day.

**The new rhythm takes over** at its first target that lies at least half and at most one new interval after the last
examination; one whose window begins in time is pulled forward to the end of the interval. Where it has none:

1. the last old target within the interval stays, if the new rhythm can take over after it;
2. else the last target within the interval stays, although one that is nearer than half goes before or after it;
3. else nothing lies within the interval, and the slot whose time it is has its target pulled forward to the end of
   the interval, or to the day of the change if that is over.

The interval counts from the last target where nothing was examined since, and from the day of the change for whoever
is overdue from a slot before: the slot that took its place stays. A target that both rhythms have at the same interval
stays where it was. An item that was off for long begins with the first target there is: a person is asked for its
baseline.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import takewhile
from typing import NamedTuple

from surveillance.core.dates import DAY, add_months, days, middle
from surveillance.core.schedule.rhythms import Beat, Rhythm, Slot, Terms, Wanted, cut, moved_by_hand

HALF_A_MONTH = days(15)

Moves = Mapping[int, date]
Done = Callable[[Slot, date], bool]  # whether a study before a day fulfils a slot


def whole(anchor: date, rhythm: Rhythm, moves: Moves) -> list[Slot]:
    """All slots of one rhythm, a whole life long, where a person wants them."""
    wanted = _targets(anchor, rhythm)
    targets, moved = moved_by_hand(wanted, moves, anchor)
    return _laid(anchor, wanted, targets, moved, middle(anchor, targets[0]))


def joined(
    code: str, anchor: date, succession: Sequence[Terms], studied: Sequence[date], done: Done, moves: Moves
) -> list[Slot]:
    """All slots of an item that successive terms add up to, a whole life long."""
    line: list[Slot] = []
    before: Rhythm | None = None
    for current in succession:
        now = current.rhythms.get(code)
        if current.since is None:
            line = whole(anchor, now, moves) if now else []
        else:
            first = current.since + DAY if current.since in studied else current.since
            last = max((day for day in studied if day < first), default=None)
            frozen = _frozen(line, anchor, first, done)
            line = _Change(anchor, line, frozen, before, now, first, last, done, moves).line() if now else frozen
        before = now
    return line


def _frozen(line: Sequence[Slot], anchor: date, first: date, done: Done) -> list[Slot]:
    """The slots that lay before ``first``, even where a person has moved them behind it, and those that are done."""

    def stands(slot: Slot) -> bool:
        planned = min(slot.target, add_months(anchor, slot.month)) if slot.moved else slot.target
        return planned < first or done(slot, first)

    return list(takewhile(stands, line))


def _targets(anchor: date, rhythm: Rhythm) -> list[Wanted]:
    return [(beat, add_months(anchor, beat.month)) for beat in rhythm.beats]


def _laid(
    anchor: date, wanted: Sequence[Wanted], targets: Sequence[date], moved: Sequence[bool], start: date
) -> list[Slot]:
    """Slots with cells; the first begins on ``start``, the last ends as if one more followed after its interval."""
    (last, _), target = wanted[-1], targets[-1]
    in_place = target == add_months(anchor, last.month)
    end = add_months(anchor, last.month + last.interval) if in_place else add_months(target, last.interval)
    places = cut(start, [*targets, end], [days(beat.tolerance) for beat, _ in wanted], moved)
    return [Slot._make(beat + place) for (beat, _), place in zip(wanted, places, strict=True)]


def _within_its_cell(slot: Slot) -> Slot:
    """The slot with its window cut to its cell."""
    reach = days(slot.tolerance)
    start, end = max(slot.target - reach, slot.cell_start), min(slot.target + reach, slot.cell_end - DAY)
    return slot._replace(window_start=start, window_end=end)


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of an item's rhythm. ``first`` is the first day that is cut anew, ``last`` the last examination
    before it."""

    anchor: date
    old: list[Slot]
    frozen: list[Slot]
    before: Rhythm | None
    now: Rhythm
    first: date
    last: date | None
    done: Done
    moves: Moves

    def line(self) -> list[Slot]:
        """The slots as they are after the change."""
        if self.before == self.now:
            return self.old
        if self.before is not None and self.before.shape.months == self.now.shape.months:
            return [*self.frozen, *map(self._renewed, self.rest)]
        fresh = [wanted for wanted in _targets(self.anchor, self.now) if self._is_ahead(wanted)]
        if not fresh:
            return self.frozen
        wanted = self._kept(fresh) or self._handed_over(fresh)
        targets, moved = moved_by_hand(wanted, self.moves, self.floor - DAY)
        start = self._start(wanted[0][0].month, targets[0])
        return [*self._closed(start), *_laid(self.anchor, wanted, targets, moved, start)]

    def _renewed(self, slot: Slot) -> Slot:
        """The same slot in the same place, with the tolerance and the lead of the new rhythm."""
        beat = next((beat for beat in self.now.beats if beat.month == slot.month), slot.beat)
        return _within_its_cell(Slot._make(beat + slot[5:]))

    # -- which targets -----------------------------------------------------------------------------------------

    @property
    def rest(self) -> list[Slot]:
        """What the old rhythm would have gone on with."""
        return self.old[len(self.frozen) :]

    @property
    def taken(self) -> int:
        """The last month that has its slot already."""
        return self.frozen[-1].month if self.frozen else 0

    @property
    def floor(self) -> date:
        """The first day on which a new target may lie."""
        return max(self.first, self.frozen[-1].target + DAY) if self.frozen else self.first

    @property
    def running(self) -> bool:
        """The item was asked for until the change, or off for so short a time that its last cell has not ended."""
        return self.before is not None or any(self.first < slot.cell_end for slot in self.frozen[-1:])

    @property
    def unmet(self) -> Slot | None:
        """The last slot before the change, if no study fulfils it."""
        return next((slot for slot in self.frozen[-1:] if not self.done(slot, self.first)), None)

    def _is_ahead(self, wanted: Wanted) -> bool:
        beat, day = wanted
        return day >= self.floor and beat.month > self.taken

    def _kept(self, fresh: list[Wanted]) -> list[Wanted]:
        """A target that both rhythms have at the same interval stays where it was."""
        (beat, _), *later = fresh
        for slot in self.rest[:1]:
            passes = any(target <= slot.target for _, target in later[:1])  # where a person moved it far
            if (slot.month, slot.interval) == (beat.month, beat.interval) and not passes:
                return [(beat, slot.target), *later]
        return []

    def _handed_over(self, fresh: list[Wanted]) -> list[Wanted]:
        """The targets from the change on (rule 3)."""
        unmet, interval = self.unmet, fresh[0][0].interval
        if unmet and self.rest and (self.last or self.anchor) < unmet.cell_end <= self.first:
            return self._caught_up(fresh)
        counted = max(self.last or self.anchor, unmet.target if unmet else self.anchor)
        if add_months(counted, interval) < self.floor and not self.running:
            return fresh
        half = max(self.floor, half_on(self.last, interval)) if self.last else self.floor
        span = Span(self.floor, half, add_months(counted, interval))
        return _taken_over(fresh, span) or _although_near(fresh, self.rest, span) or self._pulled(fresh, span)

    def _caught_up(self, fresh: list[Wanted]) -> list[Wanted]:
        """Who is overdue from a slot before is examined now: in a slot of the new rhythm that was passed over, or in
        the one of the old rhythm that took its place; then the new one goes on from the day of the change."""
        if self._passed_over(fresh):
            return self._pulled(fresh, Span(self.floor, self.floor, self.floor))
        due, interval = self.rest[0], fresh[0][0].interval
        ahead = _behind(due, fresh)
        span = _span(self.first, interval, due.target + DAY)
        later = _taken_over(ahead, span) or (_although_near(ahead, self.rest[1:], span) if ahead else []) or ahead
        return [(due.beat, due.target), *later]

    def _passed_over(self, fresh: list[Wanted]) -> Beat | None:
        """The new beat before the first target that is ahead, unless its month has its slot already."""
        earlier = [beat for beat in self.now.beats if self.taken < beat.month < fresh[0][0].month]
        return earlier[-1] if earlier else None

    def _pulled(self, fresh: list[Wanted], span: "Span") -> list[Wanted]:
        """The slot whose time it is goes to the end of the span: one that was passed over, unless the next is too near.

        Too near does not matter where a longer interval begins, which would else become too long.
        """
        day, passed = max(span.floor, span.end), self._passed_over(fresh)
        (following, target), *later = fresh
        longer = bool(later) and later[0][0].interval > following.interval and _too_far(day, later)
        if passed and (longer or target >= half_on(day, following.interval)):
            return [(passed, day), *fresh]
        return [(following, day), *later]

    # -- which cells -------------------------------------------------------------------------------------------

    def _start(self, month: int, target: date) -> date:
        """The first day of the first new cell; days before the change stay where they were."""
        if any((slot.month, slot.target) == (month, target) for slot in self.rest[:1]):
            return self.rest[0].cell_start
        edge = self.frozen[-1].cell_end if self.frozen else self.old[0].cell_start if self.old else self.anchor + DAY
        if self.running and self.first < edge:
            return max(self.first, middle(self.frozen[-1].target if self.frozen else self.anchor, target))
        return edge if self.running else max(edge, min(self.first, self._own_start(month, target)))

    def _own_start(self, month: int, target: date) -> date:
        """Where the cell would begin if the new rhythm had always held."""
        earlier = [add_months(self.anchor, beat.month) for beat in self.now.beats if beat.month < month]
        return middle(earlier[-1] if earlier else self.anchor, target)

    def _closed(self, start: date) -> list[Slot]:
        """What is frozen; the last cell ends where the first new one begins, unless the item was off between."""
        if not (self.frozen and self.running):
            return self.frozen
        return [*self.frozen[:-1], _within_its_cell(self.frozen[-1]._replace(cell_end=start))]


# -- where the new rhythm takes over -----------------------------------------------------------------------------


class Span(NamedTuple):
    """Where the first target is to lie: not before ``floor``, rather not before ``half``, and by ``end``."""

    floor: date
    half: date
    end: date


def half_on(day: date, months: int) -> date:
    """Half of so many months after ``day``: in calendar months where it is a whole number of them."""
    calendar_months, odd = divmod(months, 2)
    return add_months(day, calendar_months) + odd * HALF_A_MONTH


def _span(day: date, interval: int, floor: date) -> Span:
    return Span(floor, max(floor, half_on(day, interval)), add_months(day, interval))


def _behind(slot: Slot, fresh: Sequence[Wanted]) -> list[Wanted]:
    return [(beat, target) for beat, target in fresh if target > slot.target and beat.month > slot.month]


def _taken_over(fresh: Sequence[Wanted], span: Span) -> list[Wanted]:
    """The new rhythm from its first target after half the interval on, if that lies in the interval or nearly so."""
    left = [(beat, target) for beat, target in fresh if target >= span.half]
    if not left or left[0][1] - days(left[0][0].tolerance) > span.end:
        return []
    (beat, target), *later = left
    day = max(span.floor, min(target, span.end))
    return [] if day < target and _too_far(day, later) else [(beat, day), *later]


def _although_near(fresh: Sequence[Wanted], old: Sequence[Slot], span: Span) -> list[Wanted]:
    """The last target in the interval: an old one that the new rhythm can follow, else a new one, else any old one."""
    bridges = [slot for slot in reversed(old) if span.floor <= slot.target <= span.end]
    for slot in bridges:
        if later := _taken_over(_behind(slot, fresh), _span(slot.target, fresh[0][0].interval, slot.target + DAY)):
            return [(_under(slot, fresh), slot.target), *later]
    near = [(beat, target) for beat, target in fresh if target <= span.end]
    if near:
        beat, target = near[-1]
        same = [_under(slot, fresh) for slot in bridges if (slot.month, slot.target) == (beat.month, target)]
        return [(same[0] if same else beat, target), *fresh[len(near) :]]
    return [wanted for slot in bridges[:1] for wanted in [(_under(slot, fresh), slot.target), *_behind(slot, fresh)]]


def _under(slot: Slot, fresh: Sequence[Wanted]) -> Beat:
    """An old target that stays keeps its window; how long one may wait for it is the new rhythm's to say."""
    return slot.beat._replace(interval=fresh[0][0].interval)


def _too_far(day: date, later: Sequence[Wanted]) -> bool:
    """Whether the next target's window begins more than its interval after ``day``."""
    return any(target - days(beat.tolerance) > add_months(day, beat.interval) for beat, target in later[:1])
