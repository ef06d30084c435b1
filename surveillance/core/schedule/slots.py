"""Where the slots of an item lie: targets, windows and the cells between them (schedule rules 1 to 5 and 11).

A slot is ``anchor + month``. What is wanted is a function of the anchor and of the *terms*: protocol versions
and chosen intervals, each with the day from which it holds. What lies before that day is never cut again
(``handover``).
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache, partial
from itertools import repeat
from operator import add
from typing import NamedTuple

from surveillance.core.dates import add_months, day_of_month, middle, month_number
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.schedule.handover import Done, joined, whole
from surveillance.core.schedule.rhythms import (
    LAST_MONTH,
    Beat,
    Place,
    Rhythm,
    Shape,
    Slot,
    Terms,
    cut,
    rhythm,
    terms,
)

__all__ = [
    "LAST_MONTH",
    "Beat",
    "Choice",
    "Rhythm",
    "Slot",
    "Terms",
    "preview",
    "rhythm",
    "slots",
    "terms",
    "terms_of_choices",
]


class Choice(NamedTuple):
    """A person's choice for one item, by its key: so many months, or ``None`` to switch it off; from a day on."""

    item: str
    months: int | None
    since: date | None = None


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


def _examined(studied: Sequence[date], slot: Slot, before: date) -> bool:
    return any(slot.cell_start <= day < min(slot.cell_end, before) for day in studied)


def slots(
    code: str,
    anchor: date,
    succession: Sequence[Terms],
    until: date,
    *,
    studied: Sequence[date] = (),
    done: Done | None = None,
    moves: Mapping[int, date] | None = None,
) -> list[Slot]:
    """The slots of one item whose target is not after ``until``, in order, with cells that divide the time line.

    Args:
        code: the item.
        anchor: the day that the protocol counts from; it counts as month 0 when cells are cut.
        succession: terms in the order of their days; the first holds from the anchor.
        until: the last day a target may have. A later ``until`` only adds slots, it changes none.
        studied: the days on which the item was examined; from the last one a new interval counts (rule 3).
        done: whether a study before a day fulfils a slot; such a slot is never cut again. Left out, every study does.
        moves: month → day for slots that a person moved; a move that would pass a neighbour is not followed.
    """
    if len(succession) == 1:
        wanted = succession[0].rhythms.get(code)
        if wanted is None:
            return []
        if not moves:
            return _placed(anchor, wanted, until)
        line = whole(anchor, wanted, moves)
    else:
        line = joined(code, anchor, succession, studied, done or partial(_examined, studied), moves or {})
    return [slot for slot in line if slot.target <= until]


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
    return cut(middle(anchor, targets[0]), targets, shape.reaches)


def preview(protocol: Protocol, anchor: date, choices: Sequence[Choice], until_month: int) -> list[Slot]:
    """What the protocol asks for up to ``until_month`` months after the anchor, for nobody in particular.

    Sorted by target, then item. Raises InvalidInputError for an unknown item or an interval that is not allowed.
    """
    succession = terms_of_choices(protocol, choices)
    until = add_months(anchor, until_month)
    found = [slot for item in protocol.items for slot in slots(item.code, anchor, succession, until)]
    return sorted(found, key=lambda slot: (slot.target, slot.item))
