"""A patient's records as FHIR R4 resources, as plain data; ``bundle`` validates them."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from surveillance.core.protocols.fit import modalities
from surveillance.core.protocols.protocol import Item, Protocol
from surveillance.core.schedule.examinations import Examination
from surveillance.core.schedule.status import status
from surveillance.operations.fhir import codes
from surveillance.operations.fhir.codes import checked
from surveillance.operations.fhir.definitions import activity_canonical, canonical
from surveillance.store.tables import (
    Appointment,
    AppointmentItem,
    Attempt,
    Contact,
    ExaminationRow,
    Patient,
    Place,
    Plan,
    Reminder,
    Site,
    Study,
)

Resource = dict[str, Any]


def urn(row_id: UUID) -> str:
    return f"urn:uuid:{row_id}"


def refers(row_id: UUID) -> Resource:
    return {"reference": urn(row_id)}


def _moment(value: datetime) -> str:
    return value.isoformat()


def _day(value: date) -> str:
    return value.isoformat()


def _typed(code: str) -> Resource:
    return {"coding": [{"system": codes.IDENTIFIER_TYPES, "code": code}]}


def organization(site: Site) -> Resource:
    return {
        "resourceType": "Organization",
        "id": str(site.id),
        "identifier": [{"value": site.code}],
        "name": site.name,
        "telecom": [{"system": "phone", "value": site.phone}],
    }


def location(place: Place) -> Resource:
    made = {"resourceType": "Location", "id": str(place.id), "name": place.name}
    return made | ({"address": {"text": place.address}} if place.address else {})


def patient(row: Patient, site: Site, contacts: Iterable[Contact], base: str) -> Resource:
    """The patient with MRN and its issuer; contacts of their own as telecom, a parent or carer as contact."""
    made: Resource = {
        "resourceType": "Patient",
        "id": str(row.id),
        "identifier": [
            {
                "type": _typed("MR"),
                "system": f"{base}/mrn/{site.code}",
                "value": row.mrn,
                "assigner": {"display": site.name},
            }
        ],
        "name": [{"family": row.family_name} | ({"given": [row.given_name]} if row.given_name else {})],
        "gender": codes.GENDER[row.sex],
        "birthDate": _day(row.birth_date),
        "managingOrganization": refers(site.id),
    }
    if row.died_on is not None:
        made["deceasedDateTime"] = _day(row.died_on)
    for contact in contacts:
        telecom = _telecom(contact)
        if telecom and contact.kind == "self":
            made.setdefault("telecom", []).extend(telecom)
        elif telecom:
            named = {"name": {"text": contact.name}} if contact.name else {}
            made.setdefault("contact", []).append(
                {"relationship": [{"text": contact.kind.value}], "telecom": telecom} | named
            )
    return checked(made)


def _telecom(contact: Contact) -> list[Resource]:
    phone = [{"system": "phone", "value": contact.phone, "use": "mobile" if contact.phone_mobile else "home"}]
    return (phone if contact.phone else []) + ([{"system": "email", "value": contact.email}] if contact.email else [])


def care_plan(row: Plan, protocol: Protocol, requests: Iterable[UUID], base: str) -> Resource:
    period = {"start": _day(row.anchor)} | ({"end": _day(row.ended_on)} if row.ended_on else {})
    made: Resource = {
        "resourceType": "CarePlan",
        "id": str(row.id),
        "status": "active" if row.ended_on is None else "completed",
        "intent": "plan",
        "title": protocol.title,
        "instantiatesCanonical": [canonical(protocol, base)],
        "subject": refers(row.patient_id),
        "period": period,
        "created": _moment(row.recorded_at),
    }
    if row.previous_id is not None:
        made["replaces"] = [refers(row.previous_id)]
    activity = [{"reference": refers(request)} for request in requests]
    return checked(made | ({"activity": activity} if activity else {}))


def service_request(
    row: ExaminationRow, examination: Examination, protocol: Protocol, item: Item | None, today: date, base: str
) -> Resource:
    """An examination: wanted in its window, or done."""
    made: Resource = {
        "resourceType": "ServiceRequest",
        "id": str(row.id),
        "status": codes.request_status(status(examination, today)),
        "intent": "plan",
        "code": {"text": item.title if item else row.item},
        "subject": refers(row.patient_id),
        "basedOn": [refers(row.plan_id)],
        "occurrencePeriod": {"start": _day(row.window_start), "end": _day(row.window_end)},
    }
    if item is not None and row.month is not None and item in protocol.items:
        made["instantiatesCanonical"] = [activity_canonical(protocol, item.code, base)]
    if item is not None and item.modalities:
        made["code"]["coding"] = [{"system": codes.DICOM, "code": item.modalities[0]}]
    if item is not None and item.body_region:
        made["bodySite"] = [{"text": item.body_region.replace("_", " ")}]
    return checked(made)


def appointment(row: Appointment, lines: Iterable[AppointmentItem], requests: Iterable[UUID]) -> Resource:
    made: Resource = {
        "resourceType": "Appointment",
        "id": str(row.id),
        "status": codes.APPOINTMENT[row.state],
        "description": ", ".join(line.item.replace("_", " ") for line in lines),
        "participant": [{"actor": refers(row.patient_id), "status": "accepted" if row.was_booked else "needs-action"}],
    }
    if row.starts_at is not None:
        made["start"], made["minutesDuration"] = _moment(row.starts_at), row.minutes
        made["end"] = _moment(row.starts_at + timedelta(minutes=row.minutes))
    else:
        made["requestedPeriod"] = [{"start": _day(row.day), "end": _day(row.day)}]
    if row.place_id is not None:
        made["participant"].append({"actor": refers(row.place_id), "status": "accepted"})
    based_on = [refers(request) for request in requests]
    return checked(made | ({"basedOn": based_on} if based_on else {}))


def study(row: Study, items: Iterable[str], requests: Iterable[UUID]) -> Iterator[Resource]:
    """What was performed and, once there is one, the report as its last version stands: two facts, two resources."""
    identifier = [{"type": _typed("ACSN"), "value": row.accession}] if row.accession else []
    based_on = [refers(request) for request in requests]
    shared: Resource = {"subject": refers(row.patient_id)}
    shared |= ({"identifier": identifier} if identifier else {}) | ({"basedOn": based_on} if based_on else {})
    yield checked(
        shared
        | {
            "resourceType": "ImagingStudy",
            "id": str(row.id),
            "status": "available",
            "started": _day(row.performed_on),
            "modality": [{"system": codes.DICOM, "code": code} for code in sorted(modalities(row.modality))],
            "description": ", ".join(item.replace("_", " ") for item in items),
        }
    )
    if row.report_status is not None:
        yield checked(_report(row, shared, items))


def _report(row: Study, shared: Resource, items: Iterable[str]) -> Resource:
    made = shared | {
        "resourceType": "DiagnosticReport",
        "id": f"{row.id.hex}-report",
        "status": row.report_status.value if row.report_status else "unknown",
        "code": {"text": "Imaging report: " + ", ".join(item.replace("_", " ") for item in items)},
        "effectiveDateTime": _day(row.performed_on),
        "imagingStudy": [refers(row.id)],
    }
    return made | ({"conclusion": codes.CONCLUSION[row.result]} if row.result is not None else {})


def communication(row: Attempt, reminder: Reminder) -> Resource:
    """One message that a provider took. Its text is not exported: it stands in the attempts."""
    code, words = codes.MEDIUM[row.channel]
    made: Resource = {
        "resourceType": "Communication",
        "id": str(row.id),
        "status": codes.COMMUNICATION[row.state],
        "medium": [
            {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode", "code": code}],
                "text": words,
            }
        ],
        "subject": refers(reminder.patient_id),
        "recipient": [refers(reminder.patient_id)],
        "sent": _moment(row.created_at),
        "topic": {"text": reminder.step.value},
    }
    if reminder.appointment_id is not None:
        made["about"] = [refers(reminder.appointment_id)]
    return checked(made)
