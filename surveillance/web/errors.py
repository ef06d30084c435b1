"""Errors become answers here and nowhere else: problem details (RFC 9457) for programs, a short page for people.

What a caller did wrong is told in full. What went wrong inside is told to the log alone.
"""

from html import escape
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from surveillance.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    SurveillanceError,
    UnavailableError,
)
from surveillance.web import page

log = structlog.get_logger(__name__)

STATUS = {
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    ConflictError: HTTPStatus.CONFLICT,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}
INSIDE = "The service could not do this. The log has the reason under this request's number."


def install(app: FastAPI) -> None:
    """Translate every error of the application."""
    app.add_exception_handler(SurveillanceError, _known)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unknown)


def status_of(error: SurveillanceError) -> HTTPStatus:
    """The status of an error or of the nearest error it is a kind of; 500 for a fault of the configuration."""
    found = (STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return next(found, HTTPStatus.INTERNAL_SERVER_ERROR)


def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, SurveillanceError)  # noqa: S101  # it is registered for these alone
    status = status_of(error)
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _answer(request, status, str(error))
    log.error("request failed", why=str(error))
    return _answer(request, status, INSIDE)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    detail = error.detail if error.detail != status.phrase else ""
    answer = _answer(request, status, detail)
    answer.headers.update(error.headers or {})
    return answer


def _invalid(request: Request, error: Exception) -> Response:
    """Names the fields and what is wrong with them; the values given are not repeated, they may be a patient's."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = [{"field": ".".join(map(str, fault["loc"])), "reason": fault["msg"]} for fault in error.errors()]
    detail = "; ".join(f"{fault['field']}: {fault['reason']}" for fault in faults)
    return _answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=faults)


def _unknown(request: Request, _error: Exception) -> Response:
    """A mistake of ours. The server logs it with its traceback once this answer is out."""
    return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, INSIDE)


def _answer(request: Request, status: HTTPStatus, detail: str, **more: Any) -> Response:
    number = request.scope.get("request_id", "")
    if _wants_page(request):
        told = f"<p>{escape(detail)}</p>" if detail else ""
        body = f"{told}<p><a href='/'>Go to the start</a></p><p class='quiet'>Request {escape(number)}</p>"
        return HTMLResponse(page.page(f"{status.phrase}", body), status)
    problem = {"type": "about:blank", "title": status.phrase, "status": status.value, "request_id": number} | more
    if detail:
        problem["detail"] = detail
    return JSONResponse(problem, status, media_type="application/problem+json")


def _wants_page(request: Request) -> bool:
    is_for_programs = request.url.path.startswith(("/api/", "/webhooks/", "/calendar/"))
    return not is_for_programs and "text/html" in request.headers.get("accept", "")
