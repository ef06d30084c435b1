"""A surveillance protocol: versioned rules as data, and the rules that such data must keep.

A protocol says which items are repeated, in which phases, at which interval. Months count from the anchor,
the end of definitive treatment. It is advice to nobody: each site's clinician approves a version before use.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from surveillance.core.dates import fewest_days
from surveillance.core.errors import InvalidInputError
from surveillance.core.words import Flag


class Evidence(StrEnum):
    """How sure the source of an interval is."""

    PRIMARY = "primary"  # read in the guideline itself
    SECONDARY = "secondary"  # read in a source that reports the guideline
    PROPOSED = "proposed"  # this project's choice, to be signed off by a clinician


class ProtocolEnd(StrEnum):
    """What becomes of a patient whose last examination is done."""

    NEVER = "never"  # the last phase has no end
    DECIDE = "decide"  # a clinician signs discharge or continuation


@dataclass(frozen=True, slots=True)
class Source:
    """Where an interval comes from: a short citation, an address where there is one."""

    id: str
    citation: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """Months ``(start, end]`` after the anchor; the interval is chosen between ``min`` and ``max`` months."""

    start: int
    end: int | None
    min: int
    max: int
    default: int
    source: str = ""
    evidence: Evidence = Evidence.PROPOSED
    note: str = ""

    @property
    def length(self) -> int | None:
        return None if self.end is None else self.end - self.start

    def admits(self, interval: int) -> bool:
        """Whether slots every ``interval`` months keep to the range and end exactly where the phase ends."""
        in_range = interval >= 1 and self.min <= interval <= self.max
        return in_range and (self.length is None or self.length % interval == 0)

    def choices(self) -> list[int]:
        """The intervals that a clinician may choose here, in months."""
        return [interval for interval in range(self.min, self.max + 1) if self.admits(interval)]

    def months(self, interval: int) -> Iterator[int]:
        """Offsets from the anchor: ``start + interval``, ``start + 2·interval``, … to ``end``; endless without one."""
        month = self.start + interval
        while self.end is None or month <= self.end:
            yield month
            month += interval


@dataclass(frozen=True, slots=True)
class After:
    """A visit that follows another item's examination by ``min_days``…``max_days``."""

    item: str
    min_days: int
    max_days: int


@dataclass(frozen=True, slots=True)
class Substitute:
    """What may be done instead of an item for patients with one of ``flags``; its study counts for the item.

    ``modality`` is a DICOM code; ``contrast``: whether contrast medium is given.
    """

    code: str
    title: str
    modality: str
    flags: tuple[Flag, ...]
    contrast: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """What a protocol repeats: an examination of one body region, or the visit in clinic."""

    code: str
    title: str
    modalities: tuple[str, ...]  # DICOM modality codes that count as evidence; empty for a visit
    body_region: str
    phases: tuple[Phase, ...]
    enabled: bool = True  # on unless the clinician switches it off; False: off unless switched on
    after: After | None = None
    contrast: tuple[str, ...] | None = None  # the modalities for which contrast medium is given; None: the usual ones
    substitutes: tuple[Substitute, ...] = ()

    def substitute(self, code: str) -> Substitute | None:
        """None where the item itself is done. Raises InvalidInputError where the protocol names no such substitute."""
        if not code:
            return None
        named = {each.code: each for each in self.substitutes}
        if code not in named:
            there = ", ".join(named) or "none"
            raise InvalidInputError(
                f"the protocol names no {code!r} that is done instead of {self.code}; it has {there}"
            )
        return named[code]

    def intervals(self, chosen: int | None) -> tuple[int, ...]:
        """The interval of each phase in months: the chosen one where the phase admits it, else the phase's default.

        Phases that leave no choice do not make an interval choosable: where years 1 to 3 go by 3 to 6 months and
        the later ones by 12, a chosen 12 would else pass and change nothing.

        Raises:
            InvalidInputError: no phase admits the chosen interval.
        """
        if chosen is None:
            return tuple(phase.default for phase in self.phases)
        open_phases = [phase for phase in self.phases if len(phase.choices()) > 1] or self.phases
        if not any(phase.admits(chosen) for phase in open_phases):
            allowed = "; ".join(
                f"months {phase.start}–{phase.end or '…'}: {', '.join(map(str, phase.choices()))}"
                for phase in self.phases
            )
            raise InvalidInputError(
                f"{self.code} cannot be repeated every {chosen} months; the protocol allows {allowed}"
            )
        return tuple(chosen if phase.admits(chosen) else phase.default for phase in self.phases)


@dataclass(frozen=True, slots=True)
class Protocol:
    """One version of a protocol.

    ``tolerance`` maps an interval in months to days on each side of the target; an interval between two
    entries takes the lower one. ``lead_days`` before a target an unbooked examination is to order.
    """

    id: str
    version: str
    title: str
    description: str
    items: tuple[Item, ...]
    tolerance: Mapping[int, int]
    lead_days: int
    sources: tuple[Source, ...]
    end: ProtocolEnd

    @property
    def key(self) -> str:
        return f"{self.id}@{self.version}"

    def item(self, code: str) -> Item:
        """Raises NotFoundError-like InvalidInputError where the protocol has no such item."""
        for item in self.items:
            if item.code == code:
                return item
        known = ", ".join(item.code for item in self.items)
        raise InvalidInputError(f"protocol {self.key} has no item {code!r}; it has {known}")

    def tolerance_of(self, interval: int) -> int:
        """Days on each side of a target whose interval is ``interval`` months."""
        return self.tolerance[
            max((months for months in self.tolerance if months <= interval), default=min(self.tolerance))
        ]


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule that protocol data breaks: the path of keys and indexes to the place, and the reason."""

    path: tuple[str | int, ...]
    reason: str


def faults(protocol: Protocol) -> Iterator[Fault]:
    """Every violation of schedule rule 2: gaps, overlaps, intervals that do not divide, windows that could touch."""
    known = {source.id for source in protocol.sources}
    codes = [item.code for item in protocol.items]
    for number, item in enumerate(protocol.items):
        path: tuple[str | int, ...] = ("items", number)
        if item.code in codes[:number]:
            yield Fault((*path, "code"), f"item {item.code} stands twice")
        if item.after and item.after.item not in codes:
            yield Fault((*path, "after"), f"follows item {item.after.item!r}, which the protocol does not have")
        if item.after and item.after.item == item.code:
            yield Fault((*path, "after"), "an item cannot follow itself")
        if item.after and not 0 <= item.after.min_days <= item.after.max_days:
            yield Fault((*path, "after"), "days must rise from 0: [earliest, latest]")
        yield from _substitute_faults(item, path)
        yield from _phase_faults(item, (*path, "phases"), known)
        if all(phase.choices() for phase in item.phases):
            yield from _window_faults(protocol, item, (*path, "phases"))
    endless = [item.phases[-1].end is None for item in protocol.items if item.phases]
    if protocol.end is ProtocolEnd.NEVER and not all(endless):
        yield Fault(("end",), "end is 'never' but an item's last phase ends; leave its 'to' out or say 'decide'")
    if protocol.end is ProtocolEnd.DECIDE and any(endless):
        yield Fault(("end",), "end is 'decide' but an item's last phase has no end; give it a 'to' or say 'never'")


def _substitute_faults(item: Item, path: tuple[str | int, ...]) -> Iterator[Fault]:
    """A substitute must not be what its own flags speak against."""
    for modality in item.contrast or ():
        if modality not in item.modalities:
            yield Fault((*path, "contrast"), f"contrast is given for {modality}, which {item.code} does not name")
    codes = [each.code for each in item.substitutes]
    for number, each in enumerate(item.substitutes):
        here = (*path, "substitutes", number)
        if each.code in codes[:number]:
            yield Fault((*here, "code"), f"substitute {each.code} stands twice")
        if each.modality == "MR" and Flag.MRI_UNSAFE in each.flags:
            yield Fault((*here, "for"), "an MRI is no substitute for patients who are MRI-unsafe")
        if each.contrast and set(each.flags) - {Flag.MRI_UNSAFE}:
            yield Fault((*here, "contrast"), "a substitute for the sake of the contrast medium is done without it")


def _phase_faults(item: Item, path: tuple[str | int, ...], known: set[str]) -> Iterator[Fault]:
    expected = 0
    for number, phase in enumerate(item.phases):
        here = (*path, number)
        if number == 0 and phase.start > 0:
            yield Fault(
                (*here, "from"), f"gap: the first phase starts at month {phase.start}, not at the anchor, month 0"
            )
        elif phase.start > expected:
            yield Fault(
                (*here, "from"), f"gap: the phase starts at month {phase.start}, the one before ends at {expected}"
            )
        if phase.start < expected:
            yield Fault(
                (*here, "from"), f"overlap: the phase starts at month {phase.start}, the one before ends at {expected}"
            )
        if phase.end is None and number < len(item.phases) - 1:
            yield Fault(here, "only the last phase may be without an end")
        if phase.end is not None and phase.end <= phase.start:
            yield Fault((*here, "to"), f"the phase ends at month {phase.end}, not after its start {phase.start}")
        if not 1 <= phase.min <= phase.max:
            yield Fault((*here, "interval"), f"min {phase.min} and max {phase.max} must rise from 1")
        elif not phase.admits(phase.default):
            yield Fault((*here, "interval"), _why_not(phase))
        if phase.source not in known:
            yield Fault((*here, "source"), f"source {phase.source!r} is not in the list of sources")
        expected = phase.end if phase.end is not None else phase.start


def _why_not(phase: Phase) -> str:
    if not phase.min <= phase.default <= phase.max:
        return f"default {phase.default} lies outside {phase.min}–{phase.max}"
    return f"an interval of {phase.default} months does not divide the {phase.length} months of the phase"


def _window_faults(protocol: Protocol, item: Item, path: tuple[str | int, ...]) -> Iterator[Fault]:
    """Two windows touch if their tolerances together reach the fewest days the months between can have."""
    before: Phase | None = None
    for number, phase in enumerate(item.phases):
        for interval in phase.choices():
            own = protocol.tolerance_of(interval)
            reach = max([own, *(protocol.tolerance_of(i) for i in before.choices())] if before else [own])
            if own + reach >= fewest_days(interval):
                yield Fault(
                    (*path, number, "interval"),
                    f"windows could overlap: ±{own} and ±{reach} days, but {interval} months can have only "
                    f"{fewest_days(interval)}",
                )
        before = phase
