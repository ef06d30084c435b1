"""What a protocol asks of one patient as a CarePlan: an obligation a ServiceRequest, what a person must look at a Task.

Days that FHIR has no element for (to order, due, overdue, the cell) stand in one extension of each request.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from surveillance.core.dates import DAY
from surveillance.core.protocols.protocol import Item, Protocol
from surveillance.core.schedule.examinations import Derived, Examination, Finding, PlanFacts
from surveillance.core.schedule.status import Reading, late, status
from surveillance.core.words import Status
from surveillance.operations.fhir import codes
from surveillance.operations.fhir.codes import checked
from surveillance.operations.fhir.definitions import activity_canonical, canonical, resource_id

Resource = dict[str, Any]
EXTENSION: Final = "StructureDefinition/surveillance-examination"

_REVOKED: Final = frozenset({Status.ENDED, Status.SKIPPED, Status.MISSED, Status.NOT_DONE_HOLD})


@dataclass(frozen=True, slots=True)
class Applied:
    """A protocol applied to the facts about one patient, as it looks on a day."""

    protocol: Protocol
    subject: str
    facts: PlanFacts
    readings: Mapping[str, Reading]
    derived: Derived
    today: date
    base: str

    def status(self, row: Examination) -> Status:
        return status(row, self.today, self.readings.get(row.study or ""))

    @property
    def patient(self) -> Resource:
        return {"reference": self.subject} if "/" in self.subject else {"display": self.subject}


def care_plan(applied: Applied) -> Resource:
    """The whole, with everything that it refers to inside."""
    requests = [_request(applied, row) for row in applied.derived.examinations]
    tasks = [_task(applied, number, each) for number, each in enumerate(applied.derived.findings, start=1)]
    ended = applied.facts.ended_on
    made: Resource = {
        "resourceType": "CarePlan",
        "status": "active" if ended is None else "completed",
        "intent": "proposal",
        "title": applied.protocol.title,
        "instantiatesCanonical": [canonical(applied.protocol, applied.base)],
        "subject": applied.patient,
        "period": {"start": str(applied.facts.anchor)} | ({"end": str(ended)} if ended else {}),
        "created": str(applied.today),
    }
    contained = [*requests, *tasks]
    if contained:
        made["contained"] = contained
        made["activity"] = [{"reference": {"reference": f"#{each['id']}"}} for each in contained]
    return checked(made)


def _request(applied: Applied, row: Examination) -> Resource:
    """One obligation: its window as the period in which it is to occur, its state as FHIR has it and as we have it."""
    item = _item(applied.protocol, row.item)
    made: Resource = {
        "resourceType": "ServiceRequest",
        "id": _id(row),
        "extension": [_extension(applied, row)],
        "status": _state(applied.status(row)),
        "intent": "proposal",
        "code": {"text": item.title if item else row.item},
        "subject": applied.patient,
        "occurrencePeriod": {"start": str(row.window_start), "end": str(row.window_end)},
    }
    if item is not None and row.month is not None:
        made["instantiatesCanonical"] = [activity_canonical(applied.protocol, item.code, applied.base)]
    if item is not None and item.modalities:
        made["code"]["coding"] = [{"system": codes.DICOM, "code": item.modalities[0]}]
    return checked(made)


def _state(word: Status) -> str:
    return "revoked" if word in _REVOKED else codes.request_status(word)


def _extension(applied: Applied, row: Examination) -> Resource:
    return {"url": f"{applied.base}/{EXTENSION}", "extension": list(_details(applied, row))}


def _details(applied: Applied, row: Examination) -> Iterator[Resource]:
    yield {"url": "item", "valueCode": row.item}
    if row.month is not None:
        yield {"url": "month", "valueInteger": row.month}
    if row.extra is not None:
        yield {"url": "extra", "valueId": row.extra}
    yield {"url": "status", "valueCode": applied.status(row).value}
    yield {"url": "late", "valueBoolean": late(row, applied.today)}
    days = {
        "target": row.target,
        "orderFrom": row.order_from,
        "dueFrom": row.due_from,
        "overdueFrom": row.overdue_from,
        "overdueSince": row.overdue_since,
        "cellStart": row.cell_start,
    }
    if row.cell_end != date.max:
        days["cellEnd"] = row.cell_end - DAY
    yield from ({"url": name, "valueDate": str(day)} for name, day in days.items())
    if row.study is not None:
        yield {"url": "fulfilledBy", "valueId": row.study}
    if row.booking is not None:
        yield {"url": "booked", "valueId": row.booking}


def _task(applied: Applied, number: int, finding: Finding) -> Resource:
    """Something that a person must look at, from its day on."""
    inputs = {"item": finding.item, "month": finding.month, "about": finding.subject or None}
    return checked(
        {
            "resourceType": "Task",
            "id": f"look-{number}",
            "status": "requested",
            "intent": "proposal",
            "code": {"text": finding.kind.value},
            "for": applied.patient,
            "executionPeriod": {"start": str(finding.since)},
            "input": [
                {"type": {"text": name}, "valueString": str(value)}
                for name, value in inputs.items()
                if value is not None
            ],
        }
    )


def _item(protocol: Protocol, code: str) -> Item | None:
    return next((item for item in protocol.items if item.code == code), None)


def _id(row: Examination) -> str:
    return f"{resource_id(row.item)}-{row.month if row.month is not None else f'x-{row.extra}'}"[:64]
