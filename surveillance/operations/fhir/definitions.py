"""A protocol as PlanDefinition with one ActivityDefinition an item (FHIR R4)."""

from collections.abc import Iterator
from typing import Any

from surveillance.core.protocols.protocol import Item, ItemKind, Phase, Protocol
from surveillance.core.protocols.sources import GRADES, Source
from surveillance.operations.fhir.codes import DICOM, checked

Resource = dict[str, Any]
# What an item becomes once it is asked for (FHIR R4, request-resource-types).
REQUESTS = {
    ItemKind.IMAGING: "ServiceRequest",
    ItemKind.TEST: "ServiceRequest",
    ItemKind.VISIT: "Appointment",
    ItemKind.ADVICE: "CommunicationRequest",
}


def definitions(protocol: Protocol, base: str) -> Iterator[Resource]:
    """The protocol and its items; ``base`` is the address that their canonical names begin with."""
    yield checked(_plan(protocol, base))
    for item in protocol.items:
        yield checked(_activity(protocol, item, base))


def canonical(protocol: Protocol, base: str) -> str:
    return f"{base}/PlanDefinition/{protocol.id}|{protocol.version}"


def activity_canonical(protocol: Protocol, item: str, base: str) -> str:
    return f"{base}/ActivityDefinition/{protocol.id}-{resource_id(item)}|{protocol.version}"


def resource_id(code: str) -> str:
    """A FHIR id has letters, digits, '-' and '.' only."""
    return code.replace("_", "-")


def _plan(protocol: Protocol, base: str) -> Resource:
    return {
        "resourceType": "PlanDefinition",
        "id": resource_id(protocol.id),
        "url": f"{base}/PlanDefinition/{protocol.id}",
        "version": protocol.version,
        "name": "".join(part.capitalize() for part in protocol.id.split("-")),
        "title": protocol.title,
        "status": "draft" if protocol.draft else "active",
        "description": protocol.description,
        "relatedArtifact": [_artifact(source) for source in protocol.sources],
        "action": [_action(protocol, item, base) for item in protocol.items],
    }


def _action(protocol: Protocol, item: Item, base: str) -> Resource:
    """One item with an action for each of its phases."""
    return {
        "id": resource_id(item.code),
        "title": item.title,
        "definitionCanonical": activity_canonical(protocol, item.code, base),
        "action": [_phase(protocol, item, phase) for phase in item.phases],
    }


def _artifact(source: Source) -> Resource:
    return {"type": "citation", "citation": source.cited} | ({"url": source.address} if source.address else {})


def _basis(protocol: Protocol, phase: Phase) -> Resource:
    """The source of one interval; its grade is the label."""
    source = protocol.source_of(phase)
    artifact = _artifact(source) if source else {"type": "citation", "citation": phase.source}
    return artifact | {"label": protocol.grade_of(phase).value, "display": GRADES[protocol.grade_of(phase)]}


def _phase(protocol: Protocol, item: Item, phase: Phase) -> Resource:
    choices = phase.choices()
    bounds: Resource = {"low": _months(phase.start)}
    if phase.end is not None:
        bounds["high"] = _months(phase.end)
    repeat: Resource = {"boundsRange": bounds, "frequency": 1, "period": phase.default, "periodUnit": "mo"}
    if choices[-1] > phase.default:
        repeat["periodMax"] = choices[-1]
    span = f"months {phase.start} to {phase.end}" if phase.end is not None else f"from month {phase.start} on"
    return {
        "title": f"{item.title}, {span}",
        "description": (
            f"every {phase.default} months unless another of {', '.join(map(str, choices))} is chosen; months count"
            f" from the {protocol.counts_from}{_end_words(phase)}"
        ),
        "documentation": [_basis(protocol, phase)],
        "timingTiming": {"repeat": repeat},
    }


def _end_words(phase: Phase) -> str:
    return f"; ends with month {' or '.join(map(str, phase.ends))}, as it is chosen" if phase.ends else ""


def _months(value: int) -> Resource:
    return {"value": value, "unit": "months", "system": "http://unitsofmeasure.org", "code": "mo"}


def _activity(protocol: Protocol, item: Item, base: str) -> Resource:
    made: Resource = {
        "resourceType": "ActivityDefinition",
        "id": f"{protocol.id}-{resource_id(item.code)}",
        "url": f"{base}/ActivityDefinition/{protocol.id}-{resource_id(item.code)}",
        "version": protocol.version,
        "title": item.title,
        "status": "draft" if protocol.draft else "active",
        "kind": REQUESTS[item.what],
        "intent": "proposal",
        "code": {"text": item.title},
    }
    if item.modalities:
        made["code"]["coding"] = [{"system": DICOM, "code": modality} for modality in item.modalities]
    if item.body_region:
        made["bodySite"] = [{"text": item.body_region.replace("_", " ")}]
    return made
