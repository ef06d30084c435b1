"""Where a clinician's choice departs from the protocol's own schedule: what it leaves out, and what it adds.

Nobody signs for fewer examinations without having seen which ones.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from surveillance.core.protocols.choices import Choices, item_of
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.schedule.slots import Choice, preview

YEARS = 10


class Departure(NamedTuple):
    """One item: the months of the protocol's own schedule that are left out, and months that it does not have."""

    item: str
    title: str
    left_out: tuple[int, ...]
    added: tuple[int, ...]

    @property
    def said(self) -> str:
        """``MRI of the primary site leaves out months 27, 30 and 33 of the protocol's own schedule``"""
        parts = [f"leaves out {_months(self.left_out)} of the protocol's own schedule"] if self.left_out else []
        parts += [f"adds {_months(self.added)}"] if self.added else []
        return f"{self.title} {' and '.join(parts)}"


def departures(
    protocol: Protocol, anchor: date, choices: Sequence[Choice], since: date | None = None, years: int = YEARS
) -> list[Departure]:
    """What the choices make different, item by item, in the first years after the anchor, or from ``since`` on.

    An item that is off by default is compared with its own schedule once it is switched on. Raises InvalidInputError
    as ``preview`` does.
    """
    on = {item_of(choice.item) for choice in choices if choice.months is not None}
    own = [Choice(item.code, item.phases[0].default) for item in protocol.items if not item.enabled and item.code in on]
    plain, chosen = (_months_of(protocol, anchor, each, since, years) for each in (own, choices))
    found = (
        Departure(item.code, item.title, _without(plain, chosen, item.code), _without(chosen, plain, item.code))
        for item in protocol.items
    )
    return [each for each in found if each.left_out or each.added]


def of_terms(protocol: Protocol, anchor: date, chosen: Choices, since: date | None = None) -> list[Departure]:
    """As ``departures``, of what a plan chose; from the day on which it took effect, if that is not the anchor."""
    return departures(protocol, anchor, [Choice(key, months) for key, months in chosen.items()], since)


def _months_of(
    protocol: Protocol, anchor: date, choices: Sequence[Choice], since: date | None, years: int
) -> dict[str, list[int]]:
    months: dict[str, list[int]] = {}
    for slot in preview(protocol, anchor, choices, years * 12):
        if since is None or slot.target >= since:
            months.setdefault(slot.item, []).append(slot.month)
    return months


def _without(these: dict[str, list[int]], those: dict[str, list[int]], item: str) -> tuple[int, ...]:
    return tuple(sorted({*these.get(item, ())} - {*those.get(item, ())}))


def _months(months: tuple[int, ...]) -> str:
    *first, last = map(str, months)
    return f"months {', '.join(first)} and {last}" if first else f"month {last}"
