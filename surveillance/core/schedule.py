"""Where the slots of an item lie: targets, windows and the cells between them (schedule rules 1 to 5 and 11).

A slot is ``anchor + month``. What is wanted is a function of the anchor and of the *terms*: protocol versions
and chosen intervals, each with the day from which it holds. What lies before that day is never cut again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import takewhile
from typing import NamedTuple

from surveillance.core.dates import add_months, middle
from surveillance.core.protocol import Protocol

# Follow-up is for life; a hundred years of slots is a bound no patient reaches.
LAST_MONTH = 1200


class Beat(NamedTuple):
    """One slot before it meets an anchor: all in months, the tolerance in days."""

    month: int
    interval: int
    tolerance: int


@dataclass(frozen=True, slots=True)
class Rhythm:
    """All beats of one item under one protocol version and one chosen interval."""

    item: str
    beats: tuple[Beat, ...]
    lead_days: int
    ends: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """The rhythms that hold from ``since`` on; ``None`` for the first terms, which hold from the anchor."""

    since: date | None
    protocol: str
    rhythms: Mapping[str, Rhythm]


class Choice(NamedTuple):
    """A person's choice for one item: every so many months, or ``None`` to switch it off; from a day on."""

    item: str
    months: int | None
    since: date | None = None


class Slot(NamedTuple):
    """One obligation in time. Window days are both inside; ``cell_end`` is the first day of the next cell."""

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


def rhythm(protocol: Protocol, code: str, chosen: int | None = None) -> Rhythm:
    """The beats of item ``code``, every ``chosen`` months where the phases admit it.

    Raises:
        InvalidInputError: the protocol has no such item, or no phase admits the interval.
    """
    item = protocol.item(code)
    beats: list[Beat] = []
    for phase, interval in zip(item.phases, item.intervals(chosen), strict=True):
        tolerance = protocol.tolerance_of(interval)
        months = takewhile(lambda month: month <= LAST_MONTH, phase.months(interval))
        beats.extend(Beat(month, interval, tolerance) for month in months)
    return Rhythm(code, tuple(beats), protocol.lead_days, ends=item.phases[-1].end is not None)


def terms(protocol: Protocol, intervals: Mapping[str, int | None], since: date | None = None) -> Terms:
    """Terms under ``protocol`` with the chosen ``intervals`` in months; ``None`` switches an item off.

    An item that is not named keeps the protocol's default. Raises InvalidInputError as ``rhythm`` does.
    """
    for code in intervals:
        protocol.item(code)
    wanted = {
        item.code: intervals.get(item.code)
        for item in protocol.items
        if (intervals[item.code] is not None if item.code in intervals else item.enabled)
    }
    return Terms(since, protocol.key, {code: rhythm(protocol, code, months) for code, months in wanted.items()})


def terms_of_choices(protocol: Protocol, choices: Sequence[Choice]) -> tuple[Terms, ...]:
    """The successive terms that choices made for different days add up to."""
    days = sorted({choice.since for choice in choices if choice.since is not None})
    standing = {choice.item: choice.months for choice in choices if choice.since is None}
    result = [terms(protocol, standing)]
    for day in days:
        standing = standing | {choice.item: choice.months for choice in choices if choice.since == day}
        result.append(terms(protocol, standing, day))
    return tuple(result)


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
        anchor: the end of definitive treatment; it counts as month 0 when cells are cut.
        succession: terms in the order of their days; the first holds from the anchor.
        until: the last day a target may have (one beat beyond it is looked at, to end the last cell).
        studied: the days on which the item was examined; after a change a first target too near to the last
            examination is left out (rule 3).
        moves: month → day for slots that a person moved; a move that would pass a neighbour is not followed.
    """
    targets = _targets(code, anchor, succession, until, studied)
    if moves:
        targets = _moved(targets, moves, anchor)
    return _cut(code, anchor, targets, until)


class _Target(NamedTuple):
    beat: Beat
    day: date
    lead_days: int
    moved: bool = False


def _targets(
    code: str, anchor: date, succession: Sequence[Terms], until: date, studied: Sequence[date]
) -> list[_Target]:
    found: list[_Target] = []
    before: Rhythm | None = None
    for number, current in enumerate(succession):
        following = succession[number + 1].since if number + 1 < len(succession) else None
        now = current.rhythms.get(code)
        if now is not None:
            fresh = list(_stretch(now, anchor, current.since, following, until))
            if before is not None and now.beats != before.beats:
                fresh = _without_too_near(fresh, found, anchor, current.since, studied)
            found.extend(fresh)
        before = now or before
    return found


def _stretch(rhythm: Rhythm, anchor: date, since: date | None, before: date | None, until: date) -> Iterator[_Target]:
    """The targets in ``since`` … ``before``, and the first one beyond ``until``, which only ends a cell."""
    lead_days = rhythm.lead_days
    for beat in rhythm.beats:
        day = add_months(anchor, beat.month)
        if since is not None and day < since:
            continue
        if before is not None and day >= before:
            return
        yield _Target(beat, day, lead_days)
        if day > until:
            return


def _without_too_near(
    fresh: list[_Target], found: list[_Target], anchor: date, since: date | None, studied: Sequence[date]
) -> list[_Target]:
    """After a change, leave out a first target nearer than half the new interval to the last examination.

    An examination that already lies in the target's own cell fulfils it and is no reason to leave it out.
    """
    last = max((day for day in studied if since is None or day <= since), default=None)
    if not fresh or last is None:
        return fresh
    first = fresh[0]
    cell_start = middle(found[-1].day if found else anchor, first.day)
    half = (add_months(last, first.beat.interval) - last).days / 2
    too_near = last < cell_start and (first.day - last).days < half
    return fresh[1:] if too_near else fresh


def _moved(targets: list[_Target], moves: Mapping[int, date], anchor: date) -> list[_Target]:
    result: list[_Target] = []
    for number, target in enumerate(targets):
        day = moves.get(target.beat.month)
        earliest = result[-1].day if result else anchor
        latest = targets[number + 1].day if number + 1 < len(targets) else None
        if day is not None and earliest < day and (latest is None or day < latest):
            target = target._replace(day=day, moved=True)
        result.append(target)
    return result


def _cut(code: str, anchor: date, targets: list[_Target], until: date) -> list[Slot]:
    result: list[Slot] = []
    previous, cell_start = anchor, None
    for number, (beat, day, lead_days, moved) in enumerate(targets):
        if cell_start is None:
            cell_start = middle(previous, day)
        if day > until:
            break
        if number + 1 < len(targets):
            cell_end = middle(day, targets[number + 1].day)
        else:
            cell_end = middle(day, add_months(day, beat.interval))
        reach = timedelta(days=beat.tolerance)
        result.append(
            Slot(
                code,
                beat.month,
                beat.interval,
                beat.tolerance,
                lead_days,
                day,
                # Where two terms meet, targets may lie nearer than their tolerances: a window stays in its cell.
                max(day - reach, cell_start),
                min(day + reach, cell_end - _DAY),
                cell_start,
                cell_end,
                moved,
            )
        )
        previous, cell_start = day, cell_end
    return result


_DAY = timedelta(days=1)


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
