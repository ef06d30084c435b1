"""A surveillance protocol: versioned rules as data. The rules that such data must keep stand in ``faults``.

A protocol says which items are repeated, in which phases, at which interval. Months count from the anchor, the day
that its clock names. It is advice to nobody: each site's clinician approves a version before use.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from surveillance.core.errors import InvalidInputError
from surveillance.core.protocols.clocks import CLOCKS, Clock
from surveillance.core.protocols.sources import READ, Evidence, Grade, Source, grade_of

UNTIL: Final = "until"  # what the choice of a phase's end is called; no phase may be
NOTHING: Final[Mapping[str, int]] = MappingProxyType({})


class ItemKind(StrEnum):
    """What an item asks for. Only advice asks for nothing that a clinic could book or record."""

    IMAGING = "imaging"
    VISIT = "visit"
    TEST = "test"  # such as echocardiography or a blood count
    ADVICE = "advice"  # what the patient is told to do, such as self-examination


KINDS: Final = MappingProxyType(
    {
        ItemKind.IMAGING: "examination",
        ItemKind.VISIT: "visit",
        ItemKind.TEST: "test",
        ItemKind.ADVICE: "advice to the patient; nothing is booked for it",
    }
)


class ProtocolEnd(StrEnum):
    """What becomes of a patient whose last examination is done."""

    NEVER = "never"  # the last phase has no end
    DECIDE = "decide"  # a clinician signs discharge or continuation


@dataclass(frozen=True, slots=True)
class Phase:
    """Months ``(start, end]`` after the anchor; the interval is chosen between ``min`` and ``max`` months.

    ``ends``: the months that may be chosen for the end, its default among them; the next phase begins where it ends.
    ``name``: its interval is chosen by this name, apart from the interval of the item.
    """

    start: int
    end: int | None
    min: int
    max: int
    default: int
    source: str = ""
    evidence: Evidence | None = Evidence.PROPOSED  # None: as its source was read
    note: str = ""
    name: str = ""
    ends: tuple[int, ...] = ()

    @property
    def length(self) -> int | None:
        return None if self.end is None else self.end - self.start

    def holds(self, month: int) -> bool:
        return self.start < month and (self.end is None or month <= self.end)

    def admits(self, interval: int) -> bool:
        """Whether slots every ``interval`` months keep to the range and end exactly where the phase ends."""
        in_range = interval >= 1 and self.min <= interval <= self.max
        return in_range and (self.length is None or self.length % interval == 0)

    def choices(self) -> list[int]:
        """The intervals that a clinician may choose here, in months."""
        return [interval for interval in range(self.min, self.max + 1) if self.admits(interval)]

    def interval_of(self, chosen: int | None) -> int:
        """The chosen interval where the phase admits it, else its own."""
        return chosen if chosen is not None and self.admits(chosen) else self.default

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
    """What a protocol repeats: an examination of one body region, a visit, a test, or advice.

    ``kind`` None: an examination where there are modalities, else a visit.
    """

    code: str
    title: str
    modalities: tuple[str, ...]  # DICOM modality codes that count as evidence; empty for a visit and for advice
    body_region: str
    phases: tuple[Phase, ...]
    enabled: bool = True  # on unless the clinician switches it off; False: off unless switched on
    after: After | None = None
    kind: ItemKind | None = None

    @property
    def what(self) -> ItemKind:
        return self.kind or (ItemKind.IMAGING if self.modalities else ItemKind.VISIT)

    @property
    def choosable(self) -> tuple[str, ...]:
        """The keys under which a plan may keep a choice for the item; see ``choices``."""
        ends = [f"{self.code}.{UNTIL}" for phase in self.phases if phase.ends]
        return (self.code, *ends, *(f"{self.code}.{phase.name}" for phase in self.phases if phase.name))

    def ending(self, month: int) -> "Item":
        """The item where the phase that leaves a choice of its end ends in ``month``, and the next begins there.

        Raises:
            InvalidInputError: no phase leaves such a choice, or not this month.
        """
        number = next((number for number, phase in enumerate(self.phases) if phase.ends), None)
        if number is None:
            raise InvalidInputError(f"the protocol leaves no choice of when a phase of {self.code} ends")
        if month not in self.phases[number].ends:
            allowed = " or ".join(map(str, self.phases[number].ends))
            raise InvalidInputError(f"{self.code}.{UNTIL} cannot be month {month}; the protocol allows month {allowed}")
        before, (phase, *later) = self.phases[:number], self.phases[number:]
        following = [replace(later[0], start=month), *later[1:]] if later else []
        return replace(self, phases=(*before, replace(phase, end=month), *following))

    def intervals(self, chosen: int | None, named: Mapping[str, int] = NOTHING) -> tuple[int, ...]:
        """The interval of each phase in months: the chosen one where the phase admits it, else the phase's default.

        Phases with a name have their own choice in ``named``. Phases that leave no choice do not make an interval
        choosable: where years 1 to 3 go by 3 to 6 months and the later ones by 12, a chosen 12 would else pass and
        change nothing.

        Raises:
            InvalidInputError: no phase admits the chosen interval, or a named one does not, or there is none so named.
        """
        if unknown := named.keys() - {phase.name for phase in self.phases}:
            raise InvalidInputError(f"{self.code} has no phase {', '.join(sorted(unknown))}")
        for phase in self.phases:
            if phase.name in named and not phase.admits(named[phase.name]):
                raise self._not_every(f"{self.code}.{phase.name}", named[phase.name], [phase])
        unnamed = [phase for phase in self.phases if not phase.name]
        if chosen is not None:
            open_phases = [phase for phase in unnamed if len(phase.choices()) > 1] or unnamed
            if not any(phase.admits(chosen) for phase in open_phases):
                raise self._not_every(self.code, chosen, unnamed)
        return tuple(phase.interval_of(named.get(phase.name) if phase.name else chosen) for phase in self.phases)

    @staticmethod
    def _not_every(what: str, chosen: int, phases: Sequence[Phase]) -> InvalidInputError:
        allowed = "; ".join(
            f"months {phase.start}–{phase.end or '…'}: {', '.join(map(str, phase.choices()))}" for phase in phases
        )
        return InvalidInputError(f"{what} cannot be repeated every {chosen} months; the protocol allows {allowed}")


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
    draft: bool = False  # somebody is still writing it: nobody can approve it

    @property
    def scheduled(self) -> tuple[Item, ...]:
        """The items that ask for something on a day: all but advice."""
        return tuple(item for item in self.items if item.what is not ItemKind.ADVICE)

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
