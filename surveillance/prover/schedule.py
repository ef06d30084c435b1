"""What is owed by when, from a plan's raw facts (design: schedule rules 1–6, 8–11, 13 and 14). Pure.

Days are the site's; the last one of a window is inside, ``cell_end`` and a hold's second day are not. An item whose
rhythm never changed is derived whole; where it changed, many ways keep the contract: ``promise`` tries bounds.
"""

import json
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

DAY = timedelta(days=1)
Key = tuple[str, Any, Any]  # item, and the month of its slot or the id of its extra examination
Rhythm = tuple[tuple[int, int | None, int], ...]  # phases: from, to, interval in months; empty: the item is off
Row = Any  # with the columns of its table


class Term(NamedTuple):
    """A protocol version with the chosen intervals, in force from ``since``; ``off``: on in the protocol only."""

    since: date
    rhythms: Mapping[str, Rhythm]
    tolerance: tuple[tuple[int, int], ...]  # interval in months, days on each side
    off: Sequence[str]
    modalities: Mapping[str, Sequence[str]]  # that count for an item; none named: all


@dataclass(frozen=True)
class PlanFacts:
    """All that was said about a plan and not taken back, and its rows as they are stored."""

    plan: Row
    terms: Sequence[Term]
    studies: Sequence[Row] = ()  # one for each item, with the month or extra_id that its visit was booked for
    holds: Sequence[Row] = ()
    overrides: Sequence[Row] = ()  # the later word last
    extras: Sequence[Row] = ()
    bookings: Sequence[Row] = ()  # one for each examination of a booked visit without an outcome, with its day
    shown: Mapping[Key, Row] = field(default_factory=dict)
    over: Collection[str] = ()  # items whose protocol is shown to be at its end


@dataclass(slots=True, eq=False)
class Obligation:
    """One examination that is owed, and why not if it is not."""

    key: Key
    interval: int
    tolerance: int
    target: date
    moved: bool = False  # by a person
    cell_start: date = date.min
    cell_end: date = date.max
    window_end: date = date.max
    overdue_from: date = date.max
    overdue_since: date = date.max
    study: Row = None
    booking: Row = None
    skip: date | None = None  # when to look at it again
    hold: tuple[date, date] | None = None
    over_held: bool = False  # its cell ends inside the hold: not done, because of the hold (rule 9)
    ended: bool = False

    @property
    def closed(self) -> bool:
        """Whether nobody asks for it any more; in the end also because of a hold that is over."""
        return bool(self.study or self.ended or self.skip or (self.over_held and self.hold and self.hold[1] < date.max))

    def cut(self, start: date, end: date) -> "Obligation":
        """Its cell, which its window never leaves (rules 4 and 5)."""
        self.cell_start, self.cell_end = start, end
        self.window_end = min(self.target + self.tolerance * DAY, end - DAY)
        return self

    def late(self, back: date) -> date:
        """When it is overdue for who comes, or comes back, on a day: after the window with one tolerance of grace."""
        grace = min(back + self.tolerance * DAY, self.cell_end - DAY)
        return (self.window_end if back <= self.window_end else grace) + DAY


def add_months(anchor: date, months: int) -> date:
    """That many calendar months on; a day that the month lacks becomes its last (rule 1)."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return date(year, month + 1, min(anchor.day, monthrange(year, month + 1)[1]))


def middle(one: date, other: date) -> date:
    """The first day that belongs to the later of two targets: the very middle is the later one's (rule 5)."""
    return one + ((other - one).days + 1) // 2 * DAY


@lru_cache(maxsize=1024)
def term(since: date, protocol: str, intervals: tuple[tuple[str, int | None], ...]) -> Term:
    """``intervals``: months by item, None for off; what they do not name is as the protocol has it (rules 2 and 3)."""
    document, chosen = json.loads(protocol), dict(intervals)
    parts = {part["code"]: part for part in document["items"] if part.get("kind") != "advice"}
    on = {code for code, part in parts.items() if part.get("default", "on") == "on"}
    followed = [code for code in parts if chosen.get(code, 0 if code in on else None) is not None]
    rhythms = {code: tuple(_phases(parts[code], chosen)) for code in followed}
    tolerance = tuple(sorted((int(months), days) for months, days in document["tolerance"].items()))
    modalities = {code: part.get("modalities", ()) for code, part in parts.items()}
    return Term(since, rhythms, tolerance, sorted(on.difference(followed)), modalities)


def _phases(part: Mapping[str, Any], chosen: Mapping[str, Any]) -> Any:
    """A phase begins where the one before it ends, which may have been chosen."""
    end, code = 0, part["code"]
    for phase in part["phases"]:
        start, end, allowed = end or phase["from"], phase.get("to"), phase["interval"]
        end = chosen.get(f"{code}.until", end["default"]) if isinstance(end, Mapping) else end
        choice = chosen.get(f"{code}.{phase.get('name')}", chosen.get(code)) or 0
        yield start, end, choice if allowed["min"] <= choice <= allowed["max"] else allowed["default"]


class _Line:
    """The obligations of one item, worked out fact by fact."""

    def __init__(self, facts: PlanFacts, item: str, until: date) -> None:
        self.facts, self.plan, self.item = facts, facts.plan, item
        self.last: date = self.plan.ended_on or date.max
        self.extras: list[Obligation] = []
        words = [row for row in facts.overrides if row.item == item]
        self.said = {(row.kind, row.month, row.extra_id): row.day for row in words}
        self.ruled = {row.study_id: row.kind for row in words if row.study_id and row.kind != "fits"}
        self.fits = {row.study_id for row in words if row.kind == "fits"}
        self.holds = _merged(sorted((h.start, h.resumed_on or date.max) for h in facts.holds if h.item in (None, item)))
        self.studies = sorted(filter(self._counts, facts.studies), key=lambda row: (row.performed_on, str(row.id)))
        for row in [row for row in facts.extras if row.item == item]:
            extra = Obligation((item, None, row.id), 0, row.tolerance, row.target)
            self.extras.append(extra.cut(row.requested_on, date.max))
        self.slots = self._lay(until)
        self._match()
        self._settle(until)
        self._owe()

    def _counts(self, row: Row) -> bool:
        """Whether a study is the item's, adequate, of this plan's time, and of a modality that fits or was ruled to."""
        mine = row.item == self.item and not row.repeat_by and self.plan.anchor <= row.performed_on <= self.last
        fit = {each for at in self.facts.terms for each in at.modalities.get(self.item, ())}
        return mine and (not fit or row.modality in fit or not row.modality_stated or row.id in self.fits)

    def _lay(self, until: date) -> list[Obligation]:
        """The slots; between two of the table the lower tolerance holds, and cells meet in the middle (rule 5)."""
        anchor, at, slots = self.plan.anchor, self.facts.terms[0], []
        beyond = (until.year - anchor.year) * 12 + 36  # months; the one after the last that matters cuts its cell
        for start, end, interval in at.rhythms.get(self.item, ()):
            _, days = max(entry for entry in at.tolerance if entry[0] <= interval or entry is at.tolerance[0])
            dated = [
                (month, add_months(anchor, month)) for month in range(start + interval, (end or beyond) + 1, interval)
            ]
            slots += [Obligation((self.item, month, None), interval, days, target) for month, target in dated]
        last = [middle(slot.target, add_months(anchor, slot.key[1] + slot.interval)) for slot in slots[-1:]]
        self._move(slots)
        cuts = [middle(one, other) for one, other in pairwise([anchor, *(slot.target for slot in slots)])]
        return [slot.cut(*cell) for slot, cell in zip(slots, pairwise([*cuts, *last]), strict=True)]

    def _move(self, slots: list[Obligation]) -> None:
        """A moved target has to stay between its neighbours, else it is not moved (rule 11)."""
        moves, before = [self.said.get(("move", slot.key[1], None)) for slot in slots], self.plan.anchor
        after = [*(to or slot.target for to, slot in zip(moves[1:], slots[1:], strict=True)), date.max]
        for slot, to, limit in zip(slots, moves, after, strict=False):
            slot.moved = to is not None and before < to < limit
            slot.target = before = to if to and slot.moved else slot.target

    def _match(self) -> None:
        """Extra examinations first, then in each cell the study nearest to the target, the earlier of two (rule 5)."""
        free, starts = list(self.studies), [slot.cell_start for slot in self.slots]
        for extra in sorted(self.extras, key=lambda extra: extra.target):
            reach = 2 * extra.tolerance * DAY
            early = max(extra.target - reach, extra.cell_start)
            if ("skip", None, extra.key[2]) not in self.said:
                fits = (row for row in free if row.extra_id == extra.key[2] or row.performed_on >= early)
                extra.study = next(fits, None)
            if extra.study and extra.study.performed_on <= extra.target + reach:
                free.remove(extra.study)
        for row in free:
            slot = self.slots[bisect_right(starts, row.performed_on) - 1] if starts else None
            if not slot or not slot.cell_start <= row.performed_on < slot.cell_end:
                continue
            known = row.month == slot.key[1] or self.ruled.get(row.id) == "counts"
            waits = not known and row.performed_on < slot.target - 2 * slot.tolerance * DAY
            near = not slot.study or abs(row.performed_on - slot.target) < abs(slot.study.performed_on - slot.target)
            if self.ruled.get(row.id) != "extra_evidence" and near and not waits:
                slot.study = row

    def _settle(self, until: date) -> None:
        """Which slots exist, and what people said or booked of them (rules 8, 10, 11 and 13)."""
        mine = [slot for slot in self.slots if slot.target <= until and slot.cell_start <= self.last]
        self.slots = [slot for slot in mine if slot.study or slot.cell_end > self.plan.enrolled_on]
        booked = [row for row in self.facts.bookings if row.item == self.item and not self.plan.ended_on]
        booked.sort(key=lambda row: (row.day, str(row.id)))
        for row in [*self.slots, *self.extras]:
            row.skip = self.said.get(("skip", row.key[1], row.key[2]))
            row.ended = row.cell_end > self.last and not row.study
            own = [each for each in booked if each.extra_id == row.key[2]]
            row.booking = next((each for each in own if row.cell_start <= each.day < row.cell_end), None)

    def _owe(self) -> None:
        """From which day each is overdue: no day without one between an unmet window and its end (rules 6, 8 and 9)."""
        since, done, enrolled, days = None, True, self.plan.enrolled_on, [row.performed_on for row in self.studies]
        for row in [*self.slots, *self.extras]:
            for hold in self.holds:
                if hold[0] < row.cell_end and (hold[1] >= row.cell_start or not row.interval):
                    row.hold, row.over_held = hold, hold[0] < row.cell_end <= hold[1]
            if row.hold and row.hold[1] < row.cell_end:
                since, row.overdue_from = None, row.late(row.hold[1])
            elif since and row.interval and not (row.hold and row.hold[0] <= row.cell_start):
                row.overdue_from = row.cell_start
            else:
                since, late = None, row.interval and row.cell_start <= enrolled
                row.overdue_from = row.late(enrolled) if late else row.window_end + DAY
                if done and row.interval and not row.moved:  # no gap over one and a half intervals
                    last = max((day for day in days if day < row.cell_start), default=enrolled)
                    row.overdue_from = min(row.overdue_from, max(longest_gap(last, row.interval), enrolled))
            row.overdue_since, done = since or row.overdue_from, bool(row.study)
            since = None if done or row.skip or row.over_held else row.overdue_since


def longest_gap(last: date, months: int) -> date:
    """The first day on which more than one and a half intervals went by (rule 6)."""
    return last + (add_months(last, months) - last).days * 3 // 2 * DAY + DAY


def _merged(holds: list[tuple[date, date]]) -> list[tuple[date, date]]:
    """Holds that touch or overlap are one, to the later of the two ends; one lifted on its first day is none."""
    merged: list[tuple[date, date]] = []
    for start, end in holds:
        if merged and start <= merged[-1][1]:
            start, end = merged[-1][0], max(merged.pop()[1], end)
        merged += [(start, end)] if start < end else []
    return merged


def changed(facts: PlanFacts, item: str) -> bool:
    """Whether the rhythm of an item was ever changed."""
    return len({(at.rhythms.get(item, ()), at.tolerance) for at in facts.terms}) > 1


def derive(facts: PlanFacts, until: date) -> list[Obligation]:
    """Every obligation with a target up to ``until``, of the items that never changed: on whichever day one asks."""
    items = {item for at in facts.terms for item in at.rhythms} | {row.item for row in facts.extras}
    lines = [_Line(facts, item, until) for item in sorted(items) if not changed(facts, item)]
    return [row for line in lines for row in [*line.slots, *line.extras]]
