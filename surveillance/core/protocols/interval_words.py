"""What one chooses for an item, and what each choice makes of the years, in words."""

from collections.abc import Mapping
from itertools import groupby
from typing import NamedTuple

from surveillance.core import plain
from surveillance.core.protocols.choices import Choices, advice
from surveillance.core.protocols.protocol import UNTIL, Item, Phase, Protocol


def choices(item: Item) -> list[int]:
    """The intervals in months that may be chosen; where no phase leaves a choice, there is none to make.

    A phase with a name has its own choice: see ``further``.
    """
    phases = [phase for phase in item.phases if not phase.name and len(phase.choices()) > 1]
    return sorted({months for phase in phases for months in _anywhere(item, phase)})


def _anywhere(item: Item, phase: Phase) -> set[int]:
    """The intervals of a phase, wherever the choice of an end puts its borders."""
    number = item.phases.index(phase)
    return {months for cut in _cuts(item) for months in cut.phases[number].choices()}


def _cuts(item: Item) -> list[Item]:
    """The item as the protocol has it, then with each other end that may be chosen."""
    ends = next((phase.ends for phase in item.phases if phase.ends), ())
    return [item, *(cut for month in ends if (cut := item.ending(month)) != item)]


def spelled(item: Item, chosen: int | None = None) -> str:
    """What an interval makes of the phases: ``every 3 months, then 6, then 12``.

    An interval that goes with another end of the first years only is told with that end.
    """
    cuts = _cuts(item)
    cut = next((cut for cut in cuts if chosen is None or any(p.admits(chosen) for p in cut.phases if not p.name)), item)
    first, *later = (interval for interval, _ in groupby(cut.intervals(chosen)))
    return ", then ".join([plain.every(first), *map(str, later)]) + _until(item.phases[-1].end)


class Further(NamedTuple):
    """A choice beside the interval: its key in a plan, what it is called, the protocol's own, and all of them."""

    key: str
    title: str
    own: str
    options: tuple[tuple[int, str], ...]


def further(item: Item) -> list[Further]:
    """When a phase ends, and how often after it, where the protocol leaves that to the clinician."""
    found = []
    for phase in item.phases:
        if phase.ends:
            months = tuple((month, f"month {month}") for month in phase.ends)
            found.append(Further(f"{item.code}.{UNTIL}", f"{item.title}: until", f"month {phase.end}", months))
        if phase.name:
            options = tuple((months, plain.every(months)) for months in sorted(_anywhere(item, phase)))
            title = f"{item.title}: {plain.item(phase.name)}"
            found.append(Further(f"{item.code}.{phase.name}", title, plain.every(phase.default), options))
    return found


def advised(protocol: Protocol, chosen: Choices) -> list[str]:
    """What a patient is to be told: ``Self-examination every month``."""
    return [f"{item.title} {plain.every(months)}" for item, months in advice(protocol, chosen)]


def said(chosen: Choices, titles: Mapping[str, str]) -> list[str]:
    """What was chosen, each in words: ``MRI of the primary site every 4 months``, ``… to month 24``."""
    return [_said(key, months, titles) for key, months in chosen.items()]


def _said(key: str, months: int | None, titles: Mapping[str, str]) -> str:
    code, _, part = key.partition(".")
    title = titles.get(code, plain.item(code))
    if part == UNTIL:
        return f"{title} so often until month {months}"
    return f"{title}, {plain.item(part)}, {plain.every(months)}" if part else f"{title} {plain.every(months)}"


def _until(month: int | None) -> str:
    if month is None:
        return ""
    years, rest = divmod(month, 12)
    return f", to month {month}" if rest else f", to year {years}"
