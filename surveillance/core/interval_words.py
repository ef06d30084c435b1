"""The intervals among which one chooses for an item, and what each makes of the years, in words."""

from itertools import groupby

from surveillance.core import plain
from surveillance.core.protocol import Item, Phase


def choices(item: Item) -> list[int]:
    """The intervals in months that may be chosen; where no phase leaves a choice, there is none to make."""
    return sorted({months for phase in item.phases if len(phase.choices()) > 1 for months in phase.choices()})


def spelled(item: Item, chosen: int | None = None) -> str:
    """What an interval makes of the phases: ``every 3 months; from year 4 every 6; from year 6 every 12``."""
    pairs = zip(item.intervals(chosen), item.phases, strict=True)
    stretches = [(interval, [phase for _, phase in group]) for interval, group in groupby(pairs, lambda pair: pair[0])]
    (first, _), *later = stretches
    words = [plain.every(first), *(f"{_since(phases[0])} every {interval}" for interval, phases in later)]
    return "; ".join(words) + _until(item.phases[-1])


def _since(phase: Phase) -> str:
    years, rest = divmod(phase.start, 12)
    return f"after month {phase.start}" if rest else f"from year {years + 1}"


def _until(phase: Phase) -> str:
    if phase.end is None:
        return ""
    years, rest = divmod(phase.end, 12)
    return f"; until month {phase.end}" if rest else f"; until the end of year {years}"
