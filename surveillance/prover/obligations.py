"""What is owed by when, from a plan's raw facts (design: schedule rules 1–6, 8–11, 13 and 14). Pure.

Written from the contract and its cases alone: it shares no code with the planner, so that one proves the other. Days
are the site's. The last day of a window is inside; a cell ends before ``cell_end``, a hold before its second day.
"""

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

DAY = timedelta(days=1)
LEAD = 56  # days before its target on which an extra examination is to order
Key = tuple[str, int | None, Any]  # item, and the month of its slot or the id of its extra examination
Rhythm = tuple[tuple[int, int | None, int], ...]  # phases: from, to, interval in months; empty: the item is off
Grid = tuple[tuple[int, int, date], ...]  # month, interval, target
Row = Any  # with the columns of its table


class Term(NamedTuple):
    """A protocol version with the chosen intervals, in force from ``since``."""

    since: date
    rhythms: Mapping[str, Rhythm]
    tolerance: Sequence[tuple[int, int]]  # interval in months, days on each side
    lead: int
    off: Sequence[str]  # items that the protocol has on and a person switched off


@dataclass(frozen=True)
class PlanFacts:
    """All that was said about a plan and not taken back."""

    plan: Row
    terms: Sequence[Term]
    studies: Sequence[Row] = ()  # one for each item, with the month or extra_id that its visit was booked for
    holds: Sequence[Row] = ()
    overrides: Sequence[Row] = ()
    extras: Sequence[Row] = ()
    bookings: Sequence[Row] = ()  # one for each examination of a booked visit without an outcome, with its day


class Finding(NamedTuple):
    """What a person has to look at."""

    kind: str
    item: str
    month: int | None
    subject: str
    since: date


@dataclass(slots=True)
class Obligation:
    """One examination that is owed, and why not if it is not."""

    key: Key
    interval: int
    tolerance: int
    lead: int
    target: date
    planned: date = date.min  # its target before anybody moved it
    begins: date | None = None  # the item was switched on that day, and this is the first one
    start: date | None = None  # of its cell then
    changed: date | None = None  # it is the first one after a change; the one before keeps the days before this
    fixed: date | None = None  # the end of a cell that is not cut again
    cell_start: date = date.min
    cell_end: date = date.max
    window_start: date = date.min
    window_end: date = date.max
    order_from: date = date.max
    due_from: date = date.max
    overdue_from: date = date.max
    overdue_since: date = date.max
    study: Row = None
    booking: Row = None
    skip: date | None = None  # when to look at it again
    hold: tuple[date, date] | None = None
    ended: date | None = None

    def word(self, day: date) -> str:
        """Where it stands on a day (rule 14); what is reported or reviewed is performed here."""
        if self.study and self.study.performed_on <= day:
            return "performed"
        if self.ended and self.ended <= day:
            return "ended"
        if self.skip:
            return "skipped"
        if self.hold and self.hold[0] <= day < self.hold[1]:
            return "held"
        if self.booking and self.booking.day < day:
            return "outcome_unknown"
        if day >= self.cell_end:
            return "not_done_hold" if self.over_held else "missed"
        if self.booking:
            return "booked"
        late = "overdue" if day >= self.overdue_from else "due" if day >= self.due_from else ""
        return late or ("to_order" if day >= self.order_from else "upcoming")

    @property
    def over_held(self) -> bool:
        """Whether its cell ends inside a hold: not done, because of the hold (rule 9)."""
        return self.hold is not None and self.hold[0] < self.cell_end <= self.hold[1]

    def cut(self, start: date, end: date) -> None:
        """Its cell, which its window never leaves (rules 4 and 5)."""
        self.cell_start, self.cell_end = start, end
        self.window_start = max(self.target - self.tolerance * DAY, start)
        self.window_end = min(self.target + self.tolerance * DAY, end - DAY)

    def late(self, back: date) -> tuple[date, date]:
        """Due and overdue for who comes, or comes back, on a day: after the window with one tolerance of grace."""
        if back <= self.window_end:
            return back, self.window_end + DAY
        return back, min(back + (self.tolerance + 1) * DAY, self.cell_end)


def add_months(anchor: date, months: int) -> date:
    """That many calendar months on; a day that the month lacks becomes its last (rule 1)."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return date(year, month + 1, min(anchor.day, monthrange(year, month + 1)[1]))


def middle(one: date, other: date) -> date:
    """The first day that belongs to the later of two targets: the very middle is the later one's (rule 5)."""
    return one + ((other - one).days + 1) // 2 * DAY


def term(since: date, document: Mapping[str, Any], chosen: Mapping[str, int | None]) -> Term:
    """``chosen``: months by item, None for off; what it does not name is as the protocol has it (rules 2 and 3)."""
    rhythms, off = {}, []
    for part in document["items"]:
        default = 0 if part.get("default", "on") == "on" else None
        choice = chosen.get(part["code"], default)
        if choice is None:
            off += [part["code"]] if default == 0 else []
        else:
            phases = [(phase["from"], phase.get("to"), phase["interval"]) for phase in part["phases"]]
            rhythms[part["code"]] = tuple(
                (start, end, choice if allowed["min"] <= choice <= allowed["max"] else allowed["default"])
                for start, end, allowed in phases
            )
    tolerance = sorted((int(months), days) for months, days in document["tolerance"].items())
    return Term(since, rhythms, tolerance, document.get("lead_days", LEAD), off)


@lru_cache(maxsize=4096)
def _grid(rhythm: Rhythm, anchor: date, until: date) -> tuple[Grid, bool]:
    """Month, interval and target of each slot to the second after ``until``; and whether more would follow."""
    found: list[tuple[int, int, date]] = []
    for start, end, interval in rhythm:
        month = start + interval
        while end is None or month <= end:
            if len(found) > 1 and found[-2][2] > until:
                return tuple(found), True
            found.append((month, interval, add_months(anchor, month)))
            month += interval
    return tuple(found), False


class _Line:
    """The obligations of one item, worked out fact by fact."""

    def __init__(self, facts: PlanFacts, item: str, until: date) -> None:
        self.facts, self.plan, self.item, self.until = facts, facts.plan, item, until
        self.last: date = self.plan.ended_on or date.max
        self.findings: set[Finding] = set()
        mine = [row for row in facts.overrides if row.item == item]  # a later word goes before an earlier one
        self.said = {(row.kind, row.month, row.extra_id): row.day for row in mine}
        self.ruled = {row.study_id: row.kind for row in mine if row.study_id}
        mine = [row for row in facts.studies if row.item == item and self.plan.anchor <= row.performed_on <= self.last]
        self.studies = sorted(mine, key=lambda row: (row.performed_on, str(row.id)))
        self.holds = _merged(sorted((h.start, h.resumed_on or date.max) for h in facts.holds if h.item in (None, item)))
        self.extras = [_extra(row) for row in facts.extras if row.item == item]
        self.slots: list[Obligation] = []
        self._lay()
        self._place(date.max)
        for step in (self._settle, self._book, self._owe):
            step()

    def _lay(self) -> None:
        """The slots of one term after the other; what lay before a change is frozen (rule 3)."""
        was, self.goes_on = Grid(), True
        for current in self.facts.terms:
            rhythm, since = current.rhythms.get(self.item, Rhythm()), current.since
            grid, self.goes_on = _grid(rhythm, self.plan.anchor, self.until)
            slots = [self._slot(current, *slot) for slot in grid]
            if slots and not self.goes_on:
                slots[-1].fixed = middle(slots[-1].target, add_months(self.plan.anchor, grid[-1][0] + grid[-1][1]))
            if self.slots or was:
                self._place(since)
            if not slots:
                self.slots, self.goes_on = self.slots[: self._frozen(since, slots)], True
                for slot in self.slots[-1:]:
                    slot.fixed = slot.cell_end
            elif was or (self.slots and since < self.slots[-1].cell_end):
                self._hand_over(slots, since)
            else:
                ahead = [slot for slot in slots if slot.target >= since]
                for slot in ahead[:1] if was or self.slots or since > date.min else []:
                    before = max((old.target for old in slots if old.target < since), default=self.plan.anchor)
                    slot.begins, slot.start = since, min(since, middle(before, slot.target))
                self.slots += ahead
            was = grid

    def _slot(self, current: Term, month: int, interval: int, target: date) -> Obligation:
        """An interval between two entries of the table takes the tolerance below it (rule 2)."""
        tolerance = max(entry for entry in current.tolerance if entry[0] <= interval or entry is current.tolerance[0])
        return Obligation((self.item, month, None), interval, tolerance[1], current.lead, target, target)

    def _frozen(self, since: date, new: list[Obligation]) -> int:
        """How many slots a change leaves: their target lies before it, they were done, or took a missed one's place."""
        kept = 0
        for number, slot in enumerate(self.slots):
            before = self.slots[number - 1].target if number and not self._met(self.slots[number - 1]) else date.max
            passed = any(before < other.target < since for other in new)
            missed = before < slot.target and not passed and slot.cell_start <= since < slot.cell_end
            if min(slot.planned, slot.target) < since or slot.study or missed:
                kept = number + 1
        return kept

    def _met(self, slot: Obligation) -> bool:
        """Whether nobody is overdue for want of it when its cell ends."""
        return bool(slot.study) or ("skip", slot.key[1], None) in self.said

    def _hand_over(self, slots: list[Obligation], since: date) -> None:
        """The new rhythm takes over at least half and at most one interval after the last examination (rule 3)."""
        count = self._frozen(since, slots)
        kept, rest = self.slots[:count], self.slots[count:]
        ahead = [slot for slot in slots if slot.target >= since and slot.key not in {slot.key for slot in kept}]
        while rest and ahead and (rest[0].key, rest[0].interval) == (ahead[0].key, ahead[0].interval):
            kept.append(rest.pop(0))
            ahead.pop(0)
        for slot in kept:
            slot.fixed = slot.cell_end if slot.cell_end <= since else slot.fixed
        if ahead and rest:
            ahead = self._taken_over(kept, rest, ahead, slots, since)
            seen = any(row.performed_on == since for row in self.studies)
            ahead[0].changed = since + seen * DAY
        self.slots = [*kept, *ahead]

    def _taken_over(self, kept, rest, ahead, slots, since):
        seen = [row.performed_on for row in self.studies if row.performed_on <= since]
        lasts = seen[-1:] or [kept[-1].target if kept else self.plan.anchor]
        if kept and not kept[-1].study and kept[-1].cell_end > since:
            missed = len(kept) > 1 and kept[-2].cell_end <= since and not self._met(kept[-2])
            if missed or kept[-1].planned >= since:
                lasts = []
            lasts.append(min(kept[-1].target, since) if missed else kept[-1].target)
        for last in lasts:
            fits = [number for number, slot in enumerate(ahead) if not _near(slot.target, last, slot.interval)]
            if not fits:
                return ahead
            first = ahead[fits[0]]
            end = add_months(last, first.interval)
            if first.target - first.tolerance * DAY <= end:
                first.planned = first.target = min(first.target, max(end, since))
                return ahead[fits[0] :]
        old = [slot for slot in rest if slot.target <= end]
        for slot in old[-1:]:
            later = [new for new in ahead if not _near(new.target, slot.target, new.interval)]
            reach = add_months(slot.target, first.interval)
            if not _near(slot.target, last, first.interval) and later and later[0].target - later[0].tolerance * DAY <= reach:
                slot.interval = first.interval
                return [slot, *later]
        near = [slot for slot in ahead if slot.target <= end]
        if near or old:
            slot = max([*old, *near], key=lambda slot: slot.target)
            slot.interval = first.interval
            return [slot, *(new for new in ahead if new.target > slot.target)]
        if kept and not kept[-1].study and kept[-1].cell_end > since:
            return ahead
        asked = max(end, since)
        cells = zip(slots, [*(middle(one.target, other.target) for one, other in pairwise(slots)), date.max], strict=True)
        slot = next(slot for slot, until in cells if asked < until and slot.key not in {slot.key for slot in kept})
        slot.planned = slot.target = asked
        return [slot, *(new for new in ahead if new.key[1] > slot.key[1])]

    def _place(self, day: date) -> None:
        """Moves, cells and matches as of a day. A moved target has to stay between its neighbours (rule 11).

        Cells meet in the middle between two targets, but no day before a change is cut anew (rules 3 and 5).
        """
        moves = [self.said.get(("move", slot.key[1], None)) for slot in self.slots]
        before = self.plan.anchor
        self.findings.clear()
        for number, (slot, to) in enumerate(zip(self.slots, moves, strict=True)):
            slot.target = slot.planned
            if to:
                later = self.slots[number + 1 :]
                after = (moves[number + 1] or later[0].target) if later else date.max
                if before < to < after:
                    slot.target = to
                else:
                    self._find("move_not_possible", slot, "", to)
            before = slot.target
        start, before = date.min, self.plan.anchor
        for slot, later in zip(self.slots, [*self.slots[1:], None], strict=False):
            start = max(slot.start or start, start) if slot.start or start > date.min else middle(before, slot.target)
            end = slot.fixed or (middle(slot.target, later.target) if later else date.max)
            end = max(end, later.changed) if later and later.changed and not slot.fixed else end
            slot.cut(start, end)
            start = end
        self._match(day)

    def _match(self, day: date) -> None:
        """Extra examinations first, then in each cell the study nearest to the target, the earlier of two (rule 5)."""
        free = [row for row in self.studies if row.performed_on <= day]
        for slot in self.slots:
            slot.study = None
        for extra in sorted(self.extras, key=lambda extra: extra.target):
            if self.said.get(("skip", None, extra.key[2])):
                continue
            reach = 2 * extra.tolerance * DAY
            early = max(extra.target - reach, extra.cell_start)
            extra.study = next((row for row in free if row.extra_id == extra.key[2] or row.performed_on >= early), None)
            if extra.study and extra.study.performed_on <= extra.target + reach:
                free.remove(extra.study)
        starts = [slot.cell_start for slot in self.slots]
        self.early: list[tuple[Obligation, Row]] = []
        for row in free:
            slot = self.slots[bisect_right(starts, row.performed_on) - 1] if starts else None
            ruling = self.ruled.get(row.id)
            if ruling == "extra_evidence" or not slot or not slot.cell_start <= row.performed_on < slot.cell_end:
                continue
            known = row.month == slot.key[1] or ruling == "counts"
            if not known and row.performed_on < slot.target - 2 * slot.tolerance * DAY:
                self.early.append((slot, row))
            elif not slot.study or abs(row.performed_on - slot.target) < abs(slot.study.performed_on - slot.target):
                slot.study = row

    def _settle(self) -> None:
        """Which slots exist (rules 8, 10 and 13), and what of them asks for a person."""
        enrolled, past = (
            self.plan.enrolled_on,
            [slot for slot in self.slots[:1] if slot.window_end < self.plan.enrolled_on],
        )
        ends = [] if self.goes_on else self.slots[-1:]
        self.slots = [
            slot
            for slot in self.slots
            if slot.target <= self.until and slot.cell_start <= self.last and (slot.study or slot.cell_end > enrolled)
        ]
        for row in [*self.slots, *self.extras]:
            row.skip = self.said.get(("skip", row.key[1], row.key[2]))
            row.ended = self.plan.ended_on if row.cell_end > self.last and not row.study else None
        for slot, study in self.early:
            if slot in self.slots and not slot.study:
                self._find("study_early", slot, study.id, study.performed_on)
        if self.plan.ended_on:
            return
        if past and not self.studies and ("known_blank", None, None) not in self.said:
            self.findings.add(Finding("last_scan_unknown", self.item, None, "", enrolled))
        for slot in ends:
            if slot in self.slots:
                self._find("protocol_ends", slot, "", slot.study.performed_on if slot.study else slot.cell_end)

    def _book(self) -> None:
        """A booking counts for the slot whose cell holds its day, or for its extra examination (rule 11)."""
        mine = [row for row in self.facts.bookings if row.item == self.item]
        for booking in sorted(mine, key=lambda row: (row.day, str(row.id))):
            rows = [row for row in self.extras if row.key[2] == booking.extra_id] if booking.extra_id else self.slots
            row = next((row for row in rows if row.cell_start <= booking.day < row.cell_end), None)
            if row is None or row.ended or row.skip or (row.study and row.study.performed_on < booking.day):
                self._find("booked_unwanted", row or booking, booking.id, booking.day)
            elif row.booking:
                self._find("booked_twice", row, booking.id, booking.day)
            elif not row.window_start <= booking.day <= row.window_end:
                if (row.key[1], row.target) != (booking.month, booking.target):
                    self._find("booked_outside_window", row, booking.id, booking.day)
            if row and not row.booking:
                row.booking = booking

    def _owe(self) -> None:
        """From which day each is due and overdue: no day without one between an unmet window and its end (rule 6)."""
        since, before = None, "done"
        self.begins = date.min
        for row in self.slots:
            if row.begins:
                since, before, self.begins = None, "done", row.begins
            since = self._days(row, since, before)
            before = "done" if row.study else "skipped" if row.skip else "held" if row.over_held else "missed"
            since = since if before == "missed" else None
        for row in self.extras:
            self._days(row, None, "none")
            row.order_from = max(row.order_from, row.cell_start)

    def _days(self, row: Obligation, since: date | None, before: str) -> date:
        """Sets the days of an examination; the first day without a break on which its item is overdue."""
        enrolled = self.plan.enrolled_on
        for hold in self.holds:
            if hold[0] < row.cell_end and hold[1] >= row.cell_start:
                row.hold = hold
        if row.hold and row.hold[1] < row.cell_end:
            since, (due, overdue) = None, row.late(row.hold[1])
            due = due if before in ("missed", "held") else max(due, row.window_start)
        elif since and not (row.hold and row.hold[0] <= row.cell_start):
            due = overdue = row.cell_start
        else:
            since = None
            late = row.cell_start <= enrolled and row.window_end < enrolled
            due, overdue = row.late(enrolled) if late else (row.window_start, row.window_end + DAY)
            overdue = min(overdue, self._limit(row)) if before == "done" else overdue
        row.due_from, row.overdue_from, row.overdue_since = min(due, overdue), overdue, since or overdue
        row.order_from = row.due_from if since else min(row.target - row.lead * DAY, row.due_from)
        return row.overdue_since

    def _limit(self, row: Obligation) -> date:
        """The first day over one and a half intervals after the last study, unless a hold lies between (rule 6)."""
        begins = max(self.begins, self.plan.enrolled_on)
        days = [study.performed_on for study in self.studies if self.begins <= study.performed_on < row.cell_start]
        last = days[-1] if days else begins
        limit = last + (add_months(last, row.interval) - last).days * 3 // 2 * DAY + DAY
        if days and any(start < limit and last < end < date.max for start, end in self.holds):
            return date.max
        return max(limit, begins, row.changed or begins)

    def _find(self, kind: str, about: Any, subject: Any, since: date) -> None:
        month = about.key[1] if isinstance(about, Obligation) else about.month
        self.findings.add(Finding(kind, self.item, month, str(subject), since))


def _near(target: date, last: date, interval: int) -> bool:
    """Nearer than half an interval, which is counted in calendar months where it is a whole number of them."""
    if interval % 2 == 0:
        return target < add_months(last, interval // 2)
    return 2 * (target - last) < add_months(last, interval) - last


def _extra(row: Row) -> Obligation:
    extra = Obligation((row.item, None, row.id), 0, row.tolerance, LEAD, row.target)
    extra.cut(row.requested_on, date.max)
    return extra


def _merged(holds: list[tuple[date, date]]) -> list[tuple[date, date]]:
    """Holds that touch or overlap are one, to the later of the two ends; one lifted on its first day is none."""
    merged: list[tuple[date, date]] = []
    for start, end in holds:
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        elif start < end:
            merged.append((start, end))
    return merged


def derive(facts: PlanFacts, until: date) -> tuple[list[Obligation], set[Finding]]:
    """Every obligation of a plan with a target up to ``until``: it does not depend on the day that is asked about."""
    items = {item for current in facts.terms for item in current.rhythms} | {row.item for row in facts.extras}
    lines = [_Line(facts, item, until) for item in sorted(items)]
    rows = [row for line in lines for row in [*line.slots, *line.extras]]
    return rows, set[Finding]().union(*(line.findings for line in lines))
