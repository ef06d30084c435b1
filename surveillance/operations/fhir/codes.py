"""The codes that FHIR R4 requires, checked here: the library takes any word for a status (facts: interop).

Source: the required bindings of each resource at https://hl7.org/fhir/R4/.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from surveillance.core.errors import InvalidInputError
from surveillance.core.words import AppointmentState, AttemptState, Channel, Result, Sex, Status

IDENTIFIER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
ORDER = frozenset({"proposal", "plan", "order", "option"})

_REQUEST = frozenset({"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"})
_PUBLICATION = frozenset({"draft", "active", "retired", "unknown"})

REQUIRED: Mapping[tuple[str, str], frozenset[str]] = MappingProxyType(
    {
        ("Bundle", "type"): frozenset({"collection", "document", "message", "searchset", "history", "batch"}),
        ("Patient", "gender"): frozenset({"male", "female", "other", "unknown"}),
        ("CarePlan", "status"): _REQUEST,
        ("CarePlan", "intent"): ORDER,
        ("ServiceRequest", "status"): _REQUEST,
        ("ServiceRequest", "intent"): ORDER,
        ("Appointment", "status"): frozenset(
            {"proposed", "pending", "booked", "arrived", "fulfilled", "cancelled", "noshow", "entered-in-error"}
        ),
        ("ImagingStudy", "status"): frozenset({"registered", "available", "cancelled", "entered-in-error", "unknown"}),
        ("DiagnosticReport", "status"): frozenset(
            {"registered", "partial", "preliminary", "final", "amended", "corrected", "cancelled", "unknown"}
        ),
        ("Communication", "status"): frozenset(
            {"preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "unknown"}
        ),
        ("PlanDefinition", "status"): _PUBLICATION,
        ("ActivityDefinition", "status"): _PUBLICATION,
        ("ActivityDefinition", "kind"): frozenset({"ServiceRequest", "Appointment", "CommunicationRequest"}),
        ("ActivityDefinition", "intent"): ORDER,
    }
)

GENDER: Mapping[Sex, str] = MappingProxyType({sex: sex.value for sex in Sex})

APPOINTMENT: Mapping[AppointmentState, str] = MappingProxyType({state: state.value for state in AppointmentState})

_DONE = {Status.PERFORMED, Status.REPORTED, Status.REVIEWED}


def request_status(status: Status) -> str:
    """RequestStatus of an examination: done ones are completed, held ones on hold, whatever else is wanted active."""
    if status in _DONE:
        return "completed"
    return "on-hold" if status is Status.HELD else "active"


COMMUNICATION: Mapping[AttemptState, str] = MappingProxyType(
    {AttemptState.ACCEPTED: "completed", AttemptState.DELIVERED: "completed", AttemptState.UNDELIVERED: "not-done"}
)

MEDIUM: Mapping[Channel, tuple[str, str]] = MappingProxyType(
    {
        Channel.SMS: ("SMSWRIT", "SMS message"),
        Channel.EMAIL: ("EMAILWRIT", "email"),
        Channel.CALL: ("PHONE", "telephone"),
        Channel.LETTER: ("MAILWRIT", "mail"),
    }
)

CONCLUSION: Mapping[Result, str] = MappingProxyType(
    {
        Result.CLEAR: "No sign of recurrence",
        Result.INDETERMINATE: "Indeterminate",
        Result.SUSPICIOUS: "Suspicious for recurrence",
        Result.RECURRENCE: "Recurrence",
        Result.INADEQUATE: "Inadequate study, to be repeated",
    }
)


def checked(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource, if every required code of it is one of FHIR's.

    Raises:
        InvalidInputError: a code is missing or unknown.
    """
    kind = resource["resourceType"]
    for (owner, field), allowed in REQUIRED.items():
        if owner == kind and resource.get(field) not in allowed:
            raise InvalidInputError(f"{kind}.{field}: {resource.get(field)!r} is no code of FHIR R4")
    return resource
