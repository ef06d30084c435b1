"""What differs between two versions of a protocol, in the words in which a clinician compares them."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from surveillance.core import plain
from surveillance.core.protocols.protocol import KINDS, Item, Phase, Protocol, ProtocolEnd
from surveillance.core.protocols.sources import GRADES, Source

END: Final = {
    ProtocolEnd.NEVER: "never: follow-up is for life",
    ProtocolEnd.DECIDE: "a clinician decides after the last examination",
}


class Change(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Difference(NamedTuple):
    """One thing that is not the same. ``about`` is an item's title, or empty for the whole protocol."""

    about: str
    what: str
    change: Change
    before: str
    after: str


def compare(before: Protocol, after: Protocol) -> list[Difference]:
    """Everything that differs but the version itself: the protocol's own rules, its items in order, its sources."""
    return [*_rules(before, after), *_items(before, after), *_sources(before, after)]


def _rules(before: Protocol, after: Protocol) -> Iterator[Difference]:
    yield from _differ("", "Title", before.title, after.title)
    yield from _differ("", "Description", before.description, after.description)
    yield from _differ("", "Status", _status(before), _status(after))
    yield from _differ("", "Days count from", before.counts_from, after.counts_from)
    yield from _differ("", "To order", f"{before.lead_days} days ahead", f"{after.lead_days} days ahead")
    yield from _differ("", "Final end", END[before.end], END[after.end])
    for interval in sorted({*before.tolerance, *after.tolerance}):
        spans = [
            f"±{known[interval]} days" if interval in known else "" for known in (before.tolerance, after.tolerance)
        ]
        yield from _differ("", f"On time, every {interval} months", *spans)


def _items(before: Protocol, after: Protocol) -> Iterator[Difference]:
    old, new = ({item.code: item for item in protocol.items} for protocol in (before, after))
    for code in dict.fromkeys([*new, *old]):
        if code not in old:
            yield Difference(new[code].title, "Item", Change.ADDED, "", rhythm(new[code]))
        elif code not in new:
            yield Difference(old[code].title, "Item", Change.REMOVED, rhythm(old[code]), "")
        else:
            yield from _item(old[code], new[code])
            yield from _phases((before, old[code]), (after, new[code]))


def _item(before: Item, after: Item) -> Iterator[Difference]:
    about = after.title
    yield from _differ(about, "Title", before.title, after.title)
    yield from _differ(about, "Kind", KINDS[before.what], KINDS[after.what])
    yield from _differ(about, "Modalities", ", ".join(before.modalities), ", ".join(after.modalities))
    yield from _differ(about, "Body region", before.body_region, after.body_region)
    yield from _differ(about, "At enrolment", _enabled(before), _enabled(after))
    yield from _differ(about, "Follows", _follows(before), _follows(after))


def _phases(before: tuple[Protocol, Item], after: tuple[Protocol, Item]) -> Iterator[Difference]:
    (older, before_item), (newer, after_item) = before, after
    about = after_item.title
    spans = dict.fromkeys((phase.start, phase.end) for phase in (*after_item.phases, *before_item.phases))
    old, new = ({(phase.start, phase.end): phase for phase in item.phases} for item in (before_item, after_item))
    for span in sorted(spans, key=lambda span: (span[0], span[1] or 10_000)):
        what = f"Phase {_span(*span)}"
        was, now = old.get(span), new.get(span)
        yield from _differ(about, what, every(was) if was else "", every(now) if now else "")
        if was and now:
            yield from _differ(about, f"{what}: source", _cited(older, was), _cited(newer, now))
            yield from _differ(about, f"{what}: note", was.note, now.note)
            yield from _differ(about, f"{what}: ends", _ends(was), _ends(now))
            yield from _differ(about, f"{what}: chosen by its name", was.name, now.name)


def _sources(before: Protocol, after: Protocol) -> Iterator[Difference]:
    old, new = ({source.id: source for source in protocol.sources} for protocol in (before, after))
    for name in dict.fromkeys([*new, *old]):
        cited = [_source(known[name]) if name in known else "" for known in (old, new)]
        yield from _differ("", f"Source {name}", *cited)


def _differ(about: str, what: str, before: str, after: str) -> Iterator[Difference]:
    if before != after:
        change = Change.ADDED if not before else Change.REMOVED if not after else Change.CHANGED
        yield Difference(about, what, change, before, after)


# -- the parts of a protocol in words --------------------------------------------------------------------------


def months(item: Item, phase: Phase) -> str:
    """``months 1 to 36``, or ``months 1 to 24 or 36`` where the end is a choice; months count from the anchor."""
    number = item.phases.index(phase)
    before = item.phases[number - 1].ends if number else ()
    start = " or ".join(str(month + 1) for month in before or (phase.start,))
    if phase.end is None:
        return f"from month {start} on"
    return f"months {start} to {' or '.join(map(str, phase.ends or (phase.end,)))}"


def _status(protocol: Protocol) -> str:
    return "draft" if protocol.draft else "ready"


def _span(start: int, end: int | None) -> str:
    return f"months {start + 1} to {end}" if end is not None else f"from month {start + 1} on"


def _ends(phase: Phase) -> str:
    return f"{_or(phase.ends)}, usually {phase.end}" if phase.ends else ""


def every(phase: Phase) -> str:
    """``every 3 to 6 months, usually 3``"""
    choices = phase.choices()
    if len(choices) == 1:
        return plain.every(choices[0])
    run = len(choices) > 2 and choices == list(range(choices[0], choices[-1] + 1))
    named = f"{choices[0]} to {choices[-1]}" if run else _or(choices)
    return f"every {named} months, usually {phase.default}"


def rhythm(item: Item) -> str:
    """All phases in one line: ``months 1 to 36 every 3 to 6 months, usually 3; from month 37 on every 12 months``"""
    return "; ".join(f"{months(item, phase)} {every(phase)}" for phase in item.phases)


def _or(choices: Sequence[int]) -> str:
    return f"{', '.join(map(str, choices[:-1]))} or {choices[-1]}"


def _enabled(item: Item) -> str:
    return "on, unless it is switched off" if item.enabled else "off, unless it is switched on"


def _follows(item: Item) -> str:
    return f"{item.after.item} by {item.after.min_days} to {item.after.max_days} days" if item.after else ""


def _cited(protocol: Protocol, phase: Phase) -> str:
    return f"{phase.source}, {GRADES[protocol.grade_of(phase)]}"


def _source(source: Source) -> str:
    said = [f"{source.cited} {source.address}".rstrip()]
    said += [GRADES[source.grade]] if source.grade else []
    said += [f"read {source.read}"] if source.read else []
    said += [f"expires {source.expires}"] if source.expires else []
    said += [f"to be looked at again by {source.review_by}"] if source.review_by else []
    return "; ".join(said)
