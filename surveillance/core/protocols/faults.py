"""The rules that the data of a protocol must keep: schedule rule 2, and honesty about where each number was read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from surveillance.core.dates import fewest_days
from surveillance.core.protocols.protocol import UNTIL, Item, ItemKind, Phase, Protocol, ProtocolEnd
from surveillance.core.protocols.sources import READ, Grade, Source, agrees

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule that protocol data breaks: the path of keys and indexes to the place, and the reason."""

    path: Path
    reason: str


def faults(protocol: Protocol) -> Iterator[Fault]:
    """Every rule that is broken: gaps, overlaps, intervals that do not divide, windows that could touch, sources."""
    known = {source.id: source for source in protocol.sources}
    yield from _source_faults(protocol)
    codes = [item.code for item in protocol.items]
    for number, item in enumerate(protocol.items):
        path: Path = ("items", number)
        yield from _kind_faults(protocol, item, path)
        if item.code in codes[:number]:
            yield Fault((*path, "code"), f"item {item.code} stands twice")
        if item.after and item.after.item not in codes:
            yield Fault((*path, "after"), f"follows item {item.after.item!r}, which the protocol does not have")
        if item.after and item.after.item == item.code:
            yield Fault((*path, "after"), "an item cannot follow itself")
        if item.after and not 0 <= item.after.min_days <= item.after.max_days:
            yield Fault((*path, "after"), "days must rise from 0: [earliest, latest]")
        yield from _phase_faults(item, (*path, "phases"), known)
        yield from _choice_faults(item, (*path, "phases"))
        if all(phase.choices() for phase in item.phases) and item.what is not ItemKind.ADVICE:
            yield from _window_faults(protocol, item, (*path, "phases"))
        yield from _other_ends(protocol, item, (*path, "phases"))
    if protocol.items and not protocol.scheduled:
        yield Fault(("items",), "all items are advice; a plan repeats at least one examination, visit or test")
    endless = [item.phases[-1].end is None for item in protocol.scheduled if item.phases]
    if protocol.end is ProtocolEnd.NEVER and not all(endless):
        yield Fault(("end",), "end is 'never' but an item's last phase ends; leave its 'to' out or say 'decide'")
    if protocol.end is ProtocolEnd.DECIDE and any(endless):
        yield Fault(("end",), "end is 'decide' but an item's last phase has no end; give it a 'to' or say 'never'")


def _kind_faults(protocol: Protocol, item: Item, path: Path) -> Iterator[Fault]:
    """Imaging is known by its modality; a visit and advice have none, and a test may have one."""
    if item.what is ItemKind.IMAGING and not item.modalities:
        yield Fault((*path, "kind"), "imaging needs the modalities that count as having done it")
    if item.what in (ItemKind.VISIT, ItemKind.ADVICE) and item.modalities:
        yield Fault((*path, "modalities"), f"an item of kind {item.what} has no modalities")
    advice = {other.code for other in protocol.items if other.what is ItemKind.ADVICE}
    if item.after and (item.code in advice or item.after.item in advice):
        yield Fault((*path, "after"), "advice has no day: it follows nothing, and nothing follows it")


def _source_faults(protocol: Protocol) -> Iterator[Fault]:
    for source in protocol.sources:
        path: Path = ("sources", source.id)
        if source.grade in READ and source.read is None:
            yield Fault(path, f"a source of grade {source.grade} says on which day it was read: 'read'")
        if source.grade is Grade.UNREAD and source.read is not None:
            yield Fault((*path, "grade"), "grade U is for what was not read, yet 'read' gives a day")
        if source.review_by is not None and source.read is not None and source.review_by <= source.read:
            reason = f"{source.review_by} does not lie after the day of reading, {source.read}"
            yield Fault((*path, "review_by"), reason)


def _phase_faults(item: Item, path: Path, known: Mapping[str, Source]) -> Iterator[Fault]:
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
        yield from _interval_faults(phase, here)
        yield from _reading_faults(phase, here, known)
        expected = phase.end if phase.end is not None else phase.start


def _interval_faults(phase: Phase, path: Path) -> Iterator[Fault]:
    if not 1 <= phase.min <= phase.max:
        yield Fault((*path, "interval"), f"min {phase.min} and max {phase.max} must rise from 1")
    elif not phase.admits(phase.default):
        yield Fault((*path, "interval"), _why_not(phase))


def _choice_faults(item: Item, path: Path) -> Iterator[Fault]:
    """What a clinician may choose has a name of its own, and one end at most."""
    names = [phase.name for phase in item.phases]
    for number, phase in enumerate(item.phases):
        here = (*path, number)
        if phase.name == UNTIL:
            yield Fault((*here, "name"), f"{UNTIL} is what the choice of a phase's end is called; take another name")
        if phase.name and phase.name in names[:number]:
            yield Fault((*here, "name"), f"the name {phase.name} stands twice in item {item.code}")
        if phase.ends and any(before.ends for before in item.phases[:number]):
            yield Fault((*here, "to"), f"only one phase of item {item.code} may leave a choice of its end")
        if phase.ends and phase.end not in phase.ends:
            yield Fault((*here, "to"), f"default {phase.end} is none of {', '.join(map(str, phase.ends))}")
        if list(phase.ends) != sorted(set(phase.ends)):
            yield Fault((*here, "to"), "the months to choose from must rise")
    if item.phases and all(names):
        yield Fault((*path, 0, "name"), "one phase goes without a name: its interval is the item's")


def _other_ends(protocol: Protocol, item: Item, path: Path) -> Iterator[Fault]:
    """Whichever end is chosen, the phases on both sides of it keep the rules."""
    for month in next((phase.ends for phase in item.phases if phase.ends), ()):
        cut = item.ending(month)
        if cut == item or any(fault for fault in _choice_faults(item, path)):
            continue
        found = [fault for number, phase in enumerate(cut.phases) for fault in _length_faults(phase, (*path, number))]
        if not found and item.what is not ItemKind.ADVICE:
            found = list(_window_faults(protocol, cut, path))
        yield from (Fault(fault.path, f"{fault.reason}, where month {month} is chosen") for fault in found)


def _length_faults(phase: Phase, path: Path) -> Iterator[Fault]:
    if phase.end is not None and phase.end <= phase.start:
        yield Fault((*path, "to"), f"the phase ends at month {phase.end}, not after its start {phase.start}")
    else:
        yield from _interval_faults(phase, path)


def _reading_faults(phase: Phase, path: Path, known: Mapping[str, Source]) -> Iterator[Fault]:
    """An interval rests on a source that somebody has read, or says that it is proposed."""
    source = known.get(phase.source)
    if source is None:
        yield Fault((*path, "source"), f"source {phase.source!r} is not in the list of sources")
    elif source.grade is Grade.UNREAD:
        yield Fault((*path, "source"), f"source {source.id!r} was not read (grade U): no interval may rest on it")
    elif source.grade is None and phase.evidence is None:
        yield Fault(path, f"say the evidence, or give source {source.id!r} a grade")
    elif not agrees(phase.evidence, source.grade):
        yield Fault(
            (*path, "evidence"),
            f"{phase.evidence} does not go with source {source.id!r} of grade {source.grade}; leave evidence out, or"
            " say proposed",
        )


def _why_not(phase: Phase) -> str:
    if not phase.min <= phase.default <= phase.max:
        return f"default {phase.default} lies outside {phase.min}–{phase.max}"
    return f"an interval of {phase.default} months does not divide the {phase.length} months of the phase"


def _window_faults(protocol: Protocol, item: Item, path: Path) -> Iterator[Fault]:
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
