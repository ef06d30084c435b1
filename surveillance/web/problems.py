"""Problem details (RFC 9457) of the API: each kind has an address that never changes and says what it means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from fastapi import Request
from fastapi.responses import JSONResponse, Response

BASE: Final = "/api/v1/problems"
MEDIA_TYPE: Final = "application/problem+json"


class Kind(StrEnum):
    """What can be wrong, as the last part of the problem's ``type``."""

    MALFORMED = "malformed"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    SCOPE = "insufficient-scope"
    NOT_FOUND = "not-found"
    METHOD = "method-not-allowed"
    CONFLICT = "conflict"
    KEY_IN_USE = "idempotency-key-in-use"
    STALE = "precondition-failed"
    TOO_LARGE = "content-too-large"
    MEDIA = "unsupported-media-type"
    INVALID = "invalid"
    KEY_REUSED = "idempotency-key-reused"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


STATUS: Final[Mapping[Kind, HTTPStatus]] = MappingProxyType(
    {
        Kind.MALFORMED: HTTPStatus.BAD_REQUEST,
        Kind.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
        Kind.FORBIDDEN: HTTPStatus.FORBIDDEN,
        Kind.SCOPE: HTTPStatus.FORBIDDEN,
        Kind.NOT_FOUND: HTTPStatus.NOT_FOUND,
        Kind.METHOD: HTTPStatus.METHOD_NOT_ALLOWED,
        Kind.CONFLICT: HTTPStatus.CONFLICT,
        Kind.KEY_IN_USE: HTTPStatus.CONFLICT,
        Kind.STALE: HTTPStatus.PRECONDITION_FAILED,
        Kind.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        Kind.MEDIA: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        Kind.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
        Kind.KEY_REUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
        Kind.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
        Kind.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
    }
)
MEANING: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.MALFORMED: "The body is no JSON. Send JSON as RFC 8259 writes it.",
        Kind.UNAUTHORIZED: "There is no token, or it is unknown, revoked or expired, or its user was disabled.",
        Kind.FORBIDDEN: "The user whom the token stands for has no role that allows this at the site.",
        Kind.SCOPE: "The token lacks a scope: `read` to look, `write` to change.",
        Kind.NOT_FOUND: "There is nothing at this address, or it belongs to a site at which the user does not work.",
        Kind.METHOD: "The address does not know this method; the header Allow lists those it knows.",
        Kind.CONFLICT: "The change contradicts what is recorded. Read it again, and decide again.",
        Kind.KEY_IN_USE: "A request with this Idempotency-Key is being worked on now. Wait, then send it again.",
        Kind.STALE: "The record has changed since the ETag in If-Match was given. Read it again.",
        Kind.TOO_LARGE: "The body is larger than one mebibyte.",
        Kind.MEDIA: "The body is not of type application/json.",
        Kind.INVALID: "A value cannot be used; `errors` lists what is wrong where, if the form itself is wrong.",
        Kind.KEY_REUSED: "This Idempotency-Key was used for another request. Take a fresh key for each request.",
        Kind.UNAVAILABLE: "Something the service needs does not answer. Send the request again later, with its key.",
        Kind.INTERNAL: "A mistake of the service. Its log has the reason under `request_id`.",
    }
)
_GENERAL: Final = (Kind.SCOPE, Kind.KEY_IN_USE, Kind.KEY_REUSED)  # others answer for their status


@dataclass
class ProblemError(Exception):
    """An answer of the API that no operation raises: about the token, the body, the conditions of a request."""

    kind: Kind
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: list[dict[str, str]] = field(default_factory=list)


def uri(kind: Kind) -> str:
    """The ``type`` of a problem: the same at every installation, resolved against the address of this one."""
    return f"{BASE}/{kind}"


def kind_of(status: HTTPStatus) -> Kind | None:
    """The kind that stands for a status in general."""
    return next((kind for kind, each in STATUS.items() if each == status and kind not in _GENERAL), None)


def body(kind: Kind | None, status: HTTPStatus, request_id: str, detail: str, **more: Any) -> dict[str, Any]:
    """The members of a problem. Without a kind its meaning is that of the status (RFC 9457 section 4.2.1)."""
    found = {"type": uri(kind) if kind else "about:blank", "title": status.phrase, "status": status.value}
    found |= {"detail": detail} if detail else {}
    return found | {"request_id": request_id} | more


def told(request: Request, problem: ProblemError) -> Response:
    """A problem of the API as an answer."""
    status = STATUS[problem.kind]
    more = {"errors": problem.errors} if problem.errors else {}
    found = body(problem.kind, status, request.scope.get("request_id", ""), problem.detail, **more)
    return JSONResponse(found, status, dict(problem.headers), media_type=MEDIA_TYPE)
