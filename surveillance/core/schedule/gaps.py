"""How long a patient goes without imaging: what a person is told before a change is applied (schedule rule 3).

A gap reaches from one examination to the next: from the last one that was done, then from each day on which one is
expected to the one after it. What is overdue is expected today, a booked visit on its day, all else at its target.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from surveillance.core.dates import add_months, days, months_between
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.schedule.facts import Examination, Key, PlanFacts

DAYS_A_MONTH = 365.25 / 12


class Mark(NamedTuple):
    """A day of imaging. Without ``key`` and not ``done`` it is the anchor, from which the first gap counts."""

    day: date
    key: Key | None
    done: bool


class Gap(NamedTuple):
    """From one day of imaging to the next; ``end`` is None where nothing is asked for any more."""

    start: Mark
    end: Mark | None

    @property
    def days(self) -> int | None:
        return (self.end.day - self.start.day).days if self.end else None

    @property
    def months(self) -> float | None:
        """In months of an average year, to one decimal."""
        return None if self.days is None else round(self.days / DAYS_A_MONTH, 1)

    def longer_than(self, other: "Gap") -> bool:
        if other.days is None:
            return False
        return self.days is None or self.days > other.days

    def overlaps(self, other: "Gap") -> bool:
        """Whether the two have a day between examinations in common."""
        own, theirs = (gap.end.day if gap.end else date.max for gap in (self, other))
        return self.start.day < theirs and other.start.day < own


class Limit(NamedTuple):
    """The longest interval that a protocol admits at some time after the anchor: months, and days of tolerance."""

    months: int
    tolerance: int


def gaps(facts: PlanFacts, rows: Iterable[Examination], items: Collection[str], today: date) -> list[Gap]:
    """The gaps in the imaging of ``items`` from the last one done on, as far as there are ``rows``.

    Several items count together: imaging of any of them ends a gap. A plan that ended has none.
    """
    if facts.ended_on is not None:
        return []
    own = [row for row in rows if row.item in items]
    expected = sorted(_expected(own, today), key=_order)
    goes_on = any(code in facts.terms[-1].rhythms for code in items)
    if goes_on:  # an extra examination may lie behind all rows that there are
        known = max((mark.day for mark in expected if mark.key and mark.key.extra is None), default=today)
        expected = [mark for mark in expected if mark.day <= known]
    marks = [_last(facts, own, items, today)]
    for mark in expected:
        if mark.day > marks[-1].day:
            marks.append(mark)
    found = [Gap(one, other) for one, other in pairwise(marks)]
    return found if goes_on else [*found, Gap(marks[-1], None)]


def longest_gap(facts: PlanFacts, rows: Iterable[Examination], items: Collection[str], today: date) -> Gap | None:
    """The longest of the gaps, of equal ones the first; one without an end is the longest. None: there is none."""
    longest: Gap | None = None
    for gap in gaps(facts, rows, items, today):
        if longest is None or gap.longer_than(longest):
            longest = gap
    return longest


def _order(mark: Mark) -> tuple[date, bool]:
    """By day; of one day the protocol's own examination stands for it."""
    return mark.day, mark.key is not None and mark.key.extra is not None


def _last(facts: PlanFacts, rows: Iterable[Examination], items: Collection[str], today: date) -> Mark:
    """The last examination that was done, or the anchor."""
    done = [
        (study.performed_on, study.id)
        for study in facts.studies
        if not study.items.isdisjoint(items) and facts.anchor <= study.performed_on <= today
    ]
    if not done:
        return Mark(facts.anchor, None, False)
    day, id = max(done)
    return Mark(day, next((row.key for row in rows if row.study == id), None), True)


def _expected(rows: Iterable[Examination], today: date) -> Iterator[Mark]:
    for row in rows:
        if row.open and not row.held and today < row.cell_end:
            yield Mark(_day(row, today), row.key, False)


def _day(row: Examination, today: date) -> date:
    if row.booked_on is not None and row.booked_on >= today:
        return row.booked_on
    return today if today >= row.overdue_from else max(row.target, today)


# -- how long one may be -----------------------------------------------------------------------------------------


def limit(facts: PlanFacts, item: str, gap: Gap, protocol_of: Callable[[str], Protocol]) -> Limit:
    """What the protocol in force at the gap's end, or at its start where it has none, admits at the most."""
    end = gap.end or gap.start
    asking = [terms for terms in facts.terms if item in terms.rhythms]
    in_force = [terms for terms in asking if terms.since is None or terms.since <= end.day] or asking
    protocol = protocol_of(in_force[-1].protocol)
    month = end.key.month if end.key and end.key.month is not None else months_between(facts.anchor, end.day)
    phases = protocol.item(item).phases
    longest = next((phase for phase in phases if phase.end is None or month <= phase.end), phases[-1]).max
    return Limit(longest, protocol.tolerance_of(longest))


def exceeds(gap: Gap, allowed: Limit) -> bool:
    """Whether a gap is longer than the longest interval and its tolerance; one without an end is."""
    if gap.end is None:
        return True
    return gap.end.day > add_months(gap.start.day, allowed.months) + days(allowed.tolerance)


def made_longer(after: Iterable[Gap], before: Sequence[Gap]) -> list[Gap]:
    """The gaps that a change made: longer than every one that was there at the same time."""
    return [gap for gap in after if all(gap.longer_than(earlier) for earlier in before if gap.overlaps(earlier))]
