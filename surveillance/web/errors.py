"""Errors become answers here and nowhere else: problem details (RFC 9457) for programs, a short page for people.

What a caller did wrong is told in full. What went wrong inside is told to the log alone.
"""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from surveillance.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    SurveillanceError,
    UnavailableError,
)
from surveillance.web import problems, render
from surveillance.web.api import order as api

log = structlog.get_logger(__name__)

STATUS = {
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    ConflictError: HTTPStatus.CONFLICT,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}
HEADINGS = {
    HTTPStatus.UNPROCESSABLE_ENTITY: "This cannot be done as it was asked",
    HTTPStatus.NOT_FOUND: "There is nothing at this address",
    HTTPStatus.FORBIDDEN: "You may not do this",
    HTTPStatus.CONFLICT: "This contradicts what is recorded",
    HTTPStatus.SERVICE_UNAVAILABLE: "The service does not answer at the moment",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong here",
}
ON_TOP = {"HX-Retarget": "#app-error", "HX-Reswap": "innerHTML"}
INSIDE = "The service could not do this. The log has the reason under this request's number."


class SignInRequiredError(Exception):
    """Nobody is signed in, or the session has ended: the browser is sent to sign in and comes back here."""


class MustChooseError(Exception):
    """Signed in, but something comes first: a second factor or a password of one's own. ``args[0]`` is where."""


def install(app: FastAPI) -> None:
    """Translate every error of the application."""
    app.add_exception_handler(SignInRequiredError, _sign_in)
    app.add_exception_handler(MustChooseError, _must_choose)
    app.add_exception_handler(SurveillanceError, _known)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unknown)


def status_of(error: SurveillanceError) -> HTTPStatus:
    """The status of an error or of the nearest error it is a kind of; 500 for a fault of the configuration."""
    found = (STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return next(found, HTTPStatus.INTERNAL_SERVER_ERROR)


def _sign_in(request: Request, _error: Exception) -> Response:
    """After signing in, a page that was looked at comes again; a form that was sent does not go by itself."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = {"next": here} if request.method == "GET" and here != "/" else {}
    ended = {"ended": "yes"} if request.method != "GET" else {}
    query = urlencode(back | ended)
    return _elsewhere(request, f"/sign-in?{query}" if query else "/sign-in")


def _must_choose(request: Request, error: Exception) -> Response:
    return _elsewhere(request, str(error.args[0]))


def _elsewhere(request: Request, address: str) -> Response:
    if _is_live(request):
        return Response(status_code=200, headers={"HX-Redirect": address})
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


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
    if status is HTTPStatus.METHOD_NOT_ALLOWED and request.url.path.startswith("/api/"):
        answer.headers["Allow"] = ", ".join(api.methods_at(request.url.path))
    return answer


def _invalid(request: Request, error: Exception) -> Response:
    """Names the fields and what is wrong with them; the values given are not repeated, they may be a patient's."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = [{"field": ".".join(map(str, fault["loc"])), "reason": fault["msg"]} for fault in error.errors()]
    detail = "; ".join(f"{fault['field']}: {fault['reason']}" for fault in faults)
    if _wants_page(request) and all(fault["loc"][0] == "path" for fault in error.errors()):
        return _answer(request, HTTPStatus.NOT_FOUND, "")  # an address that no record can have
    return _answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=faults)


def _unknown(request: Request, _error: Exception) -> Response:
    """A mistake of ours. The server logs it with its traceback once this answer is out."""
    return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, INSIDE)


def _answer(request: Request, status: HTTPStatus, detail: str, **more: Any) -> Response:
    number = request.scope.get("request_id", "")
    if _wants_page(request):
        told = {"heading": HEADINGS.get(status, status.phrase), "detail": _sentence(detail), "number": number}
        if _is_live(request):  # a part of a page was asked for: the page stays and says on top what went wrong
            return HTMLResponse(render.render("error-part.html", told), status, headers=ON_TOP)
        # Whoever is signed in keeps the way to everything else.
        return HTMLResponse(
            render.render("error.html", told | {"context": getattr(request.state, "shell", None)}), status
        )
    kind = problems.kind_of(status) if request.url.path.startswith("/api/") else None
    body = problems.body(kind, status, number, detail, **more)
    return JSONResponse(body, status, media_type=problems.MEDIA_TYPE)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}" if text else ""


def _wants_page(request: Request) -> bool:
    is_for_programs = request.url.path.startswith(("/api/", "/webhooks/", "/calendar/"))
    accepts = request.headers.get("accept", "")
    return not is_for_programs and ("text/html" in accepts or _is_live(request))


def _is_live(request: Request) -> bool:
    return request.headers.get("HX-Request") == "true"
