"""What a clinician chose of a protocol: how often, until which month the first years go, how often afterwards.

A plan keeps its choices in one mapping. ``mri_primary: 4`` is the interval of the item's phases without a name, and
``None`` in its place switches the item off; ``mri_primary.until: 24`` the month in which the phase ends that leaves a
choice of its end; ``mri_primary.later: 12`` the interval of the phase that is called ``later``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from surveillance.core.errors import InvalidInputError
from surveillance.core.protocols.protocol import UNTIL, Item, ItemKind, Phase, Protocol

Choices = Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class ItemChoice:
    """What was chosen for one item, in months; None and empty where nothing was."""

    interval: int | None = None
    off: bool = False
    until: int | None = None
    named: Mapping[str, int] = field(default_factory=dict)

    def phases(self, item: Item) -> tuple[tuple[Phase, int], ...]:
        """The phases as they were chosen, each with its interval. Raises InvalidInputError for what is not allowed."""
        cut = item if self.until is None else item.ending(self.until)
        return tuple(zip(cut.phases, cut.intervals(self.interval, self.named), strict=True))


def item_of(key: str) -> str:
    """The item that a choice is about."""
    return key.partition(".")[0]


def of_items(protocol: Protocol, choices: Choices) -> dict[str, ItemChoice]:
    """The choices by item. Raises InvalidInputError for an item that there is not, or a month that is none."""
    parts: dict[str, dict[str, int | None]] = {}
    for key, months in choices.items():
        code, _, part = key.partition(".")
        protocol.item(code)
        if part and months is None:
            raise InvalidInputError(f"{key} is a number of months; {code}=off leaves the item out")
        parts.setdefault(code, {})[part] = months
    return {code: _choice(found) for code, found in parts.items()}


def _choice(parts: Mapping[str, int | None]) -> ItemChoice:
    named = {part: months for part, months in parts.items() if part not in ("", UNTIL) and months is not None}
    return ItemChoice(parts.get(""), "" in parts and parts[""] is None, parts.get(UNTIL), named)


def wanted(protocol: Protocol, choices: Choices) -> dict[str, ItemChoice]:
    """The items that are asked for, with what was chosen for each.

    An item is asked for where its interval was chosen, or where it is on by default and nobody switched it off. Raises
    InvalidInputError for a choice that is not allowed, of an item that is off, too.
    """
    found = of_items(protocol, choices)
    for code, choice in found.items():
        choice.phases(protocol.item(code))
    plain = ItemChoice()
    by_item = ((item, found.get(item.code, plain)) for item in protocol.items)
    return {
        item.code: choice
        for item, choice in by_item
        if not choice.off and (item.enabled or choice.interval is not None)
    }


def advice(protocol: Protocol, choices: Choices) -> list[tuple[Item, int]]:
    """What a patient is to be told, and every how many months; what was switched off is left out."""
    asked = wanted(protocol, choices)
    told = (item for item in protocol.items if item.what is ItemKind.ADVICE and item.code in asked)
    return [(item, asked[item.code].phases(item)[0][1]) for item in told]


def fitting(protocol: Protocol, choices: Choices) -> dict[str, int | None]:
    """The choices that a protocol knows at all; what it does not know was made for another one."""
    known = {key for item in protocol.items for key in item.choosable}
    return {key: months for key, months in choices.items() if key in known}


def phase_at(protocol: Protocol, choices: Choices, code: str, month: int) -> Phase | None:
    """The phase, as it was chosen, in which a month of an item lies."""
    item = next((item for item in protocol.items if item.code == code), None)
    if item is None:
        return None
    phases = of_items(protocol, choices).get(code, ItemChoice()).phases(item)
    return next((phase for phase, _ in phases if phase.holds(month)), None)
