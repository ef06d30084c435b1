"""The intervals among which one chooses for an item, and what each makes of the years, in words."""

from itertools import groupby

from surveillance.core import plain
from surveillance.core.protocols.protocol import Item


def choices(item: Item) -> list[int]:
    """The intervals in months that may be chosen; where no phase leaves a choice, there is none to make."""
    return sorted({months for phase in item.phases if len(phase.choices()) > 1 for months in phase.choices()})


def spelled(item: Item, chosen: int | None = None) -> str:
    """What an interval makes of the phases: ``every 3 months, then 6, then 12``."""
    first, *later = (interval for interval, _ in groupby(item.intervals(chosen)))
    return ", then ".join([plain.every(first), *map(str, later)]) + _until(item.phases[-1].end)


def _until(month: int | None) -> str:
    if month is None:
        return ""
    years, rest = divmod(month, 12)
    return f", to month {month}" if rest else f", to year {years}"
