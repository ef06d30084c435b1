"""What went wrong, as FHIR tells it: an OperationOutcome with one issue."""

from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

_CODES: Final = MappingProxyType(
    {
        HTTPStatus.BAD_REQUEST: "structure",
        HTTPStatus.UNAUTHORIZED: "login",
        HTTPStatus.FORBIDDEN: "forbidden",
        HTTPStatus.NOT_FOUND: "not-found",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too-long",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "not-supported",
        HTTPStatus.UNPROCESSABLE_ENTITY: "invalid",
        HTTPStatus.SERVICE_UNAVAILABLE: "transient",
    }
)  # IssueType, https://hl7.org/fhir/R4/valueset-issue-type.html


def outcome(status: HTTPStatus, why: str, expression: str = "") -> dict[str, Any]:
    """One error with its place, where there is one."""
    issue: dict[str, Any] = {"severity": "error", "code": _CODES.get(status, "exception"), "diagnostics": why}
    return {"resourceType": "OperationOutcome", "issue": [issue | ({"expression": [expression]} if expression else {})]}
