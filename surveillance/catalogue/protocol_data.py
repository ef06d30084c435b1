"""From the form of a protocol file to a ``Protocol``, and back to data that is itself such a file."""

from datetime import date
from typing import Any

from surveillance.catalogue.protocol_document import ItemPart, PhasePart, ProtocolDocument
from surveillance.catalogue.protocol_source import SourcePart
from surveillance.core.protocols.clocks import Clock
from surveillance.core.protocols.protocol import After, Item, ItemKind, Phase, Protocol, ProtocolEnd
from surveillance.core.protocols.sources import Evidence, Grade, Source


def to_core(document: ProtocolDocument) -> Protocol:
    return Protocol(
        id=document.id,
        version=document.version,
        title=document.title,
        description=document.description,
        items=tuple(map(_item, document.items)),
        tolerance=dict(document.tolerance),
        lead_days=document.lead_days,
        sources=tuple(_source(key, part) for key, part in document.sources.items()),
        end=ProtocolEnd(document.end),
        clock=Clock(document.clock),
        draft=document.status == "draft",
    )


def _source(key: str, part: SourcePart) -> Source:
    values = {name: getattr(part, name) for name in SourcePart.model_fields}
    return Source(key, **values | {"grade": Grade(part.grade) if part.grade else None})


def _item(part: ItemPart) -> Item:
    return Item(
        code=part.code,
        title=part.title,
        modalities=tuple(part.modalities),
        body_region=part.body_region,
        phases=tuple(map(_phase, part.phases)),
        enabled=part.default == "on",
        after=After(part.after.item, *part.after.days) if part.after else None,
        kind=ItemKind(part.kind) if part.kind else None,
    )


def _phase(part: PhasePart) -> Phase:
    return Phase(
        start=part.start,
        end=part.end.default if part.end else None,
        min=part.interval.min,
        max=part.interval.max,
        default=part.interval.default,
        source=part.source,
        evidence=Evidence(part.evidence) if part.evidence else None,
        note=part.note,
        name=part.name,
        ends=tuple(part.end.one_of) if part.end and part.end.one_of != [part.end.default] else (),
    )


def of_core(protocol: Protocol) -> dict[str, Any]:
    """The protocol as the data of a file: keys in the order of the form, tolerances by rising interval."""
    return {
        "id": protocol.id,
        "version": protocol.version,
        **({"status": "draft"} if protocol.draft else {}),
        "title": protocol.title,
        "description": protocol.description,
        "end": protocol.end.value,
        **({"clock": protocol.clock.value} if protocol.clock is not Clock.END_OF_TREATMENT else {}),
        "lead_days": protocol.lead_days,
        "tolerance": dict(sorted(protocol.tolerance.items())),
        "sources": {source.id: _source_data(source) for source in protocol.sources},
        "items": [_item_data(item) for item in protocol.items],
    }


def _source_data(source: Source) -> dict[str, Any]:
    """What is not known is left out: so the text of a version that was frozen before stays as it was."""
    optional = {
        "doi": source.doi or None,
        "edition": source.edition or None,
        "year": source.year,
        "grade": source.grade.value if source.grade else None,
        "read": _iso(source.read),
        "expires": _iso(source.expires),
        "review_by": _iso(source.review_by),
    }
    known = {name: value for name, value in optional.items() if value is not None}
    return {"citation": source.citation, "url": source.url, **known}


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _item_data(item: Item) -> dict[str, Any]:
    after = item.after
    return {
        "code": item.code,
        "title": item.title,
        **({"kind": item.kind.value} if item.kind else {}),
        "modalities": list(item.modalities),
        "body_region": item.body_region,
        "default": "on" if item.enabled else "off",
        **({"after": {"item": after.item, "days": [after.min_days, after.max_days]}} if after else {}),
        "phases": [_phase_data(phase) for phase in item.phases],
    }


def _end_data(phase: Phase) -> Any:
    return {"one_of": list(phase.ends), "default": phase.end} if phase.ends else phase.end


def _phase_data(phase: Phase) -> dict[str, Any]:
    return {
        **({"name": phase.name} if phase.name else {}),
        "from": phase.start,
        **({} if phase.end is None else {"to": _end_data(phase)}),
        "interval": {"min": phase.min, "max": phase.max, "default": phase.default},
        "source": phase.source,
        **({"evidence": phase.evidence.value} if phase.evidence else {}),
        "note": phase.note,
    }
