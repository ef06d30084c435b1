"""What is known about a plan, and what follows from it: the words that ``examinations.derive`` takes and gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from surveillance.core.schedule.matching import Extra, Study
from surveillance.core.schedule.rhythms import Terms


class Hold(NamedTuple):
    """A pause of one item, or of the whole plan (``item`` None), from a day until it is resumed.

    ``resumed_on`` is the first day that is not held any more; None while the hold is in force.
    """

    item: str | None
    start: date
    resumed_on: date | None
    review_on: date


class Booking(NamedTuple):
    """One item of a booked visit whose outcome nobody has recorded yet.

    ``month`` and ``target`` tell the slot it was booked for and where that slot lay then; ``extra`` the extra
    examination it was booked for.
    """

    id: str
    item: str
    day: date
    month: int | None
    target: date
    extra: str | None = None


class Key(NamedTuple):
    """What an examination is known by inside its plan, for ever: item and month offset, or the extra's id."""

    item: str
    month: int | None
    extra: str | None = None


class FindingKind(StrEnum):
    """What a person must look at because the facts do not fit together."""

    STUDY_EARLY = "study_early"  # does it count for the slot, or is it extra evidence?
    BOOKED_OUTSIDE_WINDOW = "booked_outside_window"  # the window moved after the visit was booked
    BOOKED_UNWANTED = "booked_unwanted"  # nothing asks for the booked examination any more
    BOOKED_TWICE = "booked_twice"  # two visits for one examination
    MOVE_NOT_POSSIBLE = "move_not_possible"  # a moved examination would pass its neighbour, or is gone
    LAST_SCAN_UNKNOWN = "last_scan_unknown"  # enrolled mid-way without any earlier study of the item
    PROTOCOL_ENDS = "protocol_ends"  # the last examination is over: discharge or continue
    REPEAT_WANTED = "repeat_wanted"  # a study was inadequate, and no other one or visit for it is there yet


class Finding(NamedTuple):
    """A contradiction or a gap in the facts: shown on the board from ``since`` on until the facts fit.

    A repeat is wanted by ``since`` and shown before it.
    """

    kind: FindingKind
    item: str
    month: int | None
    subject: str  # id of the study or the booking, or empty
    since: date


@dataclass(frozen=True)
class PlanFacts:
    """All that is known about one plan. Retracted facts are left out by whoever gathers them.

    ``moves`` and ``skips`` are a person's overrides: month → new day, examination → day to look at it again.
    ``known_blank`` names items for which a person confirmed that no earlier study exists. ``away_since``: the patient
    was followed elsewhere from this day to the enrolment, so a study from before it is not the last one.
    """

    anchor: date
    enrolled_on: date
    terms: tuple[Terms, ...]
    holds: tuple[Hold, ...] = ()
    studies: tuple[Study, ...] = ()
    bookings: tuple[Booking, ...] = ()
    extras: tuple[Extra, ...] = ()
    moves: Mapping[tuple[str, int], date] = field(default_factory=dict)
    skips: Mapping[Key, date] = field(default_factory=dict)
    known_blank: frozenset[str] = frozenset()
    away_since: date | None = None
    ended_on: date | None = None

    @property
    def items(self) -> tuple[str, ...]:
        """Every item that any terms ever asked for, in the protocol's order, then those of extra examinations."""
        regular = dict.fromkeys(code for terms in self.terms for code in terms.rhythms)
        return (*regular, *sorted({extra.item for extra in self.extras} - regular.keys()))


class Examination(NamedTuple):
    """One obligation with everything that decides where it stands. ``window_end`` is inside, ``cell_end`` is not."""

    item: str
    month: int | None
    extra: str | None
    interval: int
    target: date
    window_start: date
    window_end: date
    cell_start: date
    cell_end: date
    order_from: date
    due_from: date
    overdue_from: date
    overdue_since: date  # the day after the item's first window that nothing met; equals overdue_from without a chain
    study: str | None
    booking: str | None
    booked_on: date | None
    skip_review_on: date | None
    held_from: date | None
    held_until: date | None  # None with held_from set: the hold is in force
    ended: bool
    moved: bool

    @property
    def key(self) -> Key:
        return Key(self.item, self.month, self.extra)

    @property
    def held(self) -> bool:
        """A hold without an end covers it."""
        return self.held_from is not None and self.held_until is None

    @property
    def lost_to_hold(self) -> bool:
        """Its whole time ended inside a hold: not done, and nobody's fault."""
        return self.held_until is not None and self.cell_end <= self.held_until

    @property
    def open(self) -> bool:
        """Still asks for something to happen: not performed, skipped, ended or lost to a hold."""
        return self.study is None and self.skip_review_on is None and not self.ended and not self.lost_to_hold


class Derived(NamedTuple):
    examinations: tuple[Examination, ...]
    findings: tuple[Finding, ...]
