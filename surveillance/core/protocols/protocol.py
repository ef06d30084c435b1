"""A surveillance protocol: versioned rules as data. The rules that such data must keep stand in ``faults``.

A protocol says which items are repeated, in which phases, at which interval. Months count from the anchor, the day
that its clock names. It is advice to nobody: each site's clinician approves a version before use.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from surveillance.core.errors import InvalidInputError
from surveillance.core.protocols.clocks import CLOCKS, Clock
from surveillance.core.protocols.sources import READ, Evidence, Grade, Source, grade_of


class ProtocolEnd(StrEnum):
    """What becomes of a patient whose last examination is done."""

    NEVER = "never"  # the last phase has no end
    DECIDE = "decide"  # a clinician signs discharge or continuation


@dataclass(frozen=True, slots=True)
class Phase:
    """Months ``(start, end]`` after the anchor; the interval is chosen between ``min`` and ``max`` months."""

    start: int
    end: int | None
    min: int
    max: int
    default: int
    source: str = ""
    evidence: Evidence | None = Evidence.PROPOSED  # None: as its source was read
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
class Item:
    """What a protocol repeats: an examination of one body region, or the visit in clinic."""

    code: str
    title: str
    modalities: tuple[str, ...]  # DICOM modality codes that count as evidence; empty for a visit
    body_region: str
    phases: tuple[Phase, ...]
    enabled: bool = True  # on unless the clinician switches it off; False: off unless switched on
    after: After | None = None

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
    clock: Clock = Clock.END_OF_TREATMENT

    @property
    def counts_from(self) -> str:
        """What its days count from, in words: ``end of treatment``."""
        return CLOCKS[self.clock]

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

    def source_of(self, phase: Phase) -> Source | None:
        """The source that a phase names; None where the list has none of that name."""
        return next((source for source in self.sources if source.id == phase.source), None)

    def grade_of(self, phase: Phase) -> Grade:
        """How the interval of a phase was read."""
        return grade_of(phase.evidence, self.source_of(phase))

    @property
    def cited(self) -> tuple[Source, ...]:
        """The sources on whose text an interval rests; not those of what is proposed, nor background reading."""
        resting = {phase.source for item in self.items for phase in item.phases if self.grade_of(phase) in READ}
        return tuple(source for source in self.sources if source.id in resting)

    @property
    def to_read(self) -> tuple[Source, ...]:
        """What a clinician reads before approving: an interval rests on it, and nobody read a dated edition of it."""
        phases = [phase for item in self.items for phase in item.phases]
        dated = {source.id for source in self.sources if source.year is not None}
        unsure = {
            phase.source
            for phase in phases
            if (grade := self.grade_of(phase)) in READ and (grade is not Grade.ISSUER or phase.source not in dated)
        }
        return tuple(source for source in self.sources if source.id in unsure)

    def tolerance_of(self, interval: int) -> int:
        """Days on each side of a target whose interval is ``interval`` months."""
        return self.tolerance[
            max((months for months in self.tolerance if months <= interval), default=min(self.tolerance))
        ]
