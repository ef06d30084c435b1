"""Which study fulfils which slot: a function of all studies of an item, in whatever order they arrived (rule 5)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from surveillance.core.schedule.rhythms import Slot


class Ruling(StrEnum):
    """A person's word on a study that came too early to count by itself."""

    COUNTS = "counts"
    EXTRA = "extra"


class Study(NamedTuple):
    """Evidence that an examination took place; one study may serve several items.

    ``booked_for`` holds ``(item, month)`` of the slots that the visit was booked for; ``rulings`` the words of
    persons by item. ``repeat_by``: a clinician found the study inadequate and wants another one by that day; it took
    place and fulfils nothing.
    """

    id: str
    items: frozenset[str]
    performed_on: date
    booked_for: frozenset[tuple[str, int]] = frozenset()
    rulings: Mapping[str, Ruling] = {}
    repeat_by: date | None = None


class Extra(NamedTuple):
    """An examination that a person asked for beside the protocol ("repeat CT in six weeks").

    Open from ``requested_on``; ``tolerance`` in days on each side of its own target.
    """

    id: str
    item: str
    target: date
    tolerance: int
    requested_on: date

    @property
    def window_start(self) -> date:
        return self.target - timedelta(days=self.tolerance)

    @property
    def window_end(self) -> date:
        return self.target + timedelta(days=self.tolerance)


class Matches(NamedTuple):
    """``slots``: month → study; ``extras``: extra id → study; ``waiting``: studies a person must rule on, with
    the month of the slot they may count for."""

    slots: Mapping[int, Study]
    extras: Mapping[str, Study]
    waiting: tuple[tuple[Study, int], ...]


NO_MATCHES = Matches({}, {}, ())


def match(item: str, slots: Sequence[Slot], extras: Iterable[Extra], studies: Iterable[Study]) -> Matches:
    """Let each study of ``item`` fulfil what it can: open extra examinations first, then the slot of its cell.

    In each cell the study nearest to the target counts, of two equally near the earlier one. A study more than
    two tolerances early waits for a person, unless it was booked for that slot or ruled on already; if another
    study fulfils the slot anyway, nobody is asked.
    """
    own = _in_order(item, studies)
    if not own:
        return NO_MATCHES
    for_extras, consumed = _match_extras(item, extras, own)
    left = [study for study in own if study.id not in consumed]
    found: dict[int, Study] = {}
    waiting: list[tuple[Study, int]] = []
    for slot, inside in _by_cell(slots, left):
        eligible = [study for study in inside if _counts(study, slot)]
        if eligible:
            found[slot.month] = min(eligible, key=lambda s: (abs(s.performed_on - slot.target), s.performed_on, s.id))
        else:
            waiting.extend((study, slot.month) for study in inside if slot.item not in study.rulings)
    return Matches(found, for_extras, tuple(waiting))


def left_for_slots(item: str, extras: Iterable[Extra], studies: Iterable[Study]) -> list[Study]:
    """The studies of ``item`` that no extra examination uses up."""
    own = _in_order(item, studies)
    _, consumed = _match_extras(item, extras, own)
    return [study for study in own if study.id not in consumed]


def fulfilled(slot: Slot, before: date, studies: Iterable[Study]) -> bool:
    """Whether one of ``studies``, performed before a day, counts for the slot."""
    end = min(slot.cell_end, before)
    return any(slot.cell_start <= study.performed_on < end and _counts(study, slot) for study in studies)


def _in_order(item: str, studies: Iterable[Study]) -> list[Study]:
    return sorted((study for study in studies if item in study.items), key=lambda s: (s.performed_on, s.id))


def _match_extras(item: str, extras: Iterable[Extra], studies: Sequence[Study]) -> tuple[dict[str, Study], set[str]]:
    """The first study that is late enough closes an extra examination.

    Within the extra's window (and one tolerance after it) the study is used up; a later one was the regular
    scan, which answers the extra question too and still counts for its slot.
    """
    found: dict[str, Study] = {}
    consumed: set[str] = set()
    for extra in sorted((e for e in extras if e.item == item), key=lambda e: (e.target, e.id)):
        earliest = max(extra.requested_on, extra.window_start - timedelta(days=extra.tolerance))
        for study in studies:
            if study.id not in consumed and study.performed_on >= earliest:
                found[extra.id] = study
                if study.performed_on <= extra.window_end + timedelta(days=extra.tolerance):
                    consumed.add(study.id)
                break
    return found, consumed


def _by_cell(slots: Sequence[Slot], studies: Sequence[Study]) -> Iterable[tuple[Slot, list[Study]]]:
    for slot in slots:
        inside = [study for study in studies if slot.cell_start <= study.performed_on < slot.cell_end]
        if inside:
            yield slot, inside


def _counts(study: Study, slot: Slot) -> bool:
    ruling = study.rulings.get(slot.item)
    if ruling is not None:
        return ruling is Ruling.COUNTS
    if (slot.item, slot.month) in study.booked_for:
        return True
    return (slot.target - study.performed_on).days <= 2 * slot.tolerance
