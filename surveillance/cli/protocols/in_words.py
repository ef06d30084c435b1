"""A protocol as 'protocol list' and 'protocol show' tell it."""

from datetime import date
from typing import Any

from surveillance import bootstrap
from surveillance.catalogue import protocols
from surveillance.core.protocols.difference import months
from surveillance.core.protocols.protocol import KINDS, Item, ItemKind, Phase, Protocol, ProtocolEnd
from surveillance.core.protocols.sources import GRADES, Source, reviews


def summary(protocol: Protocol) -> dict[str, Any]:
    return {
        "key": protocol.key,
        "id": protocol.id,
        "version": protocol.version,
        "title": protocol.title,
        "end": protocol.end.value,
        "clock": protocol.clock.value,
        "status": "draft" if protocol.draft else "ready",
        "items": [item.code for item in protocol.items],
        "grades": grades(protocol),
        "to_read": [source.id for source in protocol.to_read],
        "reviews": [
            {"source": review.source.id, "since": review.since.isoformat(), "expired": review.expired}
            for review in reviews(protocol.sources, _today())
        ],
        "digest": protocols.digest(protocol),
    }


def name(protocol: Protocol) -> str:
    return f"{protocol.key} (draft)" if protocol.draft else protocol.key


def item_name(item: Item) -> str:
    told = [KINDS[item.what].partition(";")[0]] if item.what in (ItemKind.ADVICE, ItemKind.TEST) else []
    told += [] if item.enabled else ["off by default"]
    return f"{item.title} ({', '.join(told)})" if told else item.title


def grades(protocol: Protocol) -> list[str]:
    """How the intervals were read, each grade once, in the order of the words for them."""
    found = {protocol.grade_of(phase) for item in protocol.items for phase in item.phases}
    return [grade.value for grade in GRADES if grade in found]


def to_look_at(protocol: Protocol) -> str:
    """The sources that somebody has to look at again today."""
    return "; ".join(review.said for review in reviews(protocol.sources, _today()))


def _today() -> date:
    return bootstrap.utc_now().date()


def phase_cells(protocol: Protocol, item: Item, phase: Phase) -> tuple[str, ...]:
    choices = phase.choices()
    is_run = len(choices) > 3 and choices == list(range(choices[0], choices[-1] + 1))
    every = f"{choices[0]}–{choices[-1]}" if is_run else ", ".join(map(str, choices))
    every += f" (default {phase.default})" if len(choices) > 1 else ""
    if phase.name:
        every += f"; {item.code}.{phase.name}"
    span = months(item, phase).removeprefix("months ")
    span += f" (default {phase.end})" if phase.ends else ""
    source = protocol.source_of(phase)
    return span, every, protocol.grade_of(phase).value, phase.source, source.dated if source else "", phase.note


def rules(protocol: Protocol) -> list[str]:
    tolerance = ", ".join(f"every {months} months ±{days} days" for months, days in sorted(protocol.tolerance.items()))
    follows = [
        f"{item.title} follows {item.after.item} by {item.after.min_days}–{item.after.max_days} days."
        for item in protocol.items
        if item.after
    ]
    return [
        f"Months count from the {protocol.counts_from}.",
        f"On time: {tolerance}. To order {protocol.lead_days} days before the target.",
        f"Final end: {end(protocol)}.",
        *follows,
        *map(_source_line, protocol.sources),
        *(f"A clinician reads before approving: {source.cited}." for source in protocol.to_read),
        *(f"To look at again: {review.said}." for review in reviews(protocol.sources, _today())),
    ]


def _source_line(source: Source) -> str:
    parts = [f"{source.id}: {source.cited}{f' <{source.address}>' if source.address else ''}"]
    parts += [GRADES[source.grade]] if source.grade else []
    days = (("read", source.read), ("expires", source.expires), ("to be looked at again by", source.review_by))
    return "; ".join([*parts, *(f"{word} {day}" for word, day in days if day)])


def end(protocol: Protocol) -> str:
    return "never" if protocol.end is ProtocolEnd.NEVER else "a clinician decides"
