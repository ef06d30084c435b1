"""``POST /fhir/PlanDefinition/{protocol}/$apply``: FHIR in, FHIR out, every refusal an OperationOutcome.

FHIR describes its own operations, so it is not in the OpenAPI document; docs/integration-guide.md has the parameters.
The door is the API's: a token with the scope ``read``.
"""

import json
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from surveillance.bootstrap import App
from surveillance.catalogue import protocols
from surveillance.core.errors import ForbiddenError, InvalidInputError, NotFoundError, SurveillanceError
from surveillance.operations.accounts.tokens import Scope
from surveillance.operations.fhir import applying
from surveillance.operations.fhir.outcomes import outcome
from surveillance.operations.fhir.parameters import ParametersError
from surveillance.web import access, problems
from surveillance.web.access import Permission
from surveillance.web.api.call import admit
from surveillance.web.api.routing import PREFIX
from surveillance.web.problems import ProblemError

MEDIA_TYPE: Final = "application/fhir+json"
ACCEPTED: Final = (MEDIA_TYPE, "application/json")
_STATUS: Final = (
    (ForbiddenError, HTTPStatus.FORBIDDEN),
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (InvalidInputError, HTTPStatus.UNPROCESSABLE_ENTITY),
)

router = APIRouter(prefix=f"{PREFIX}/fhir", include_in_schema=False)


async def apply_protocol(request: Request, protocol: str) -> JSONResponse:
    """What the protocol asks of a patient whose facts are the parameters. Nothing is read from the database or kept."""
    try:
        await run_in_threadpool(admit, request, Permission.VIEW, Scope.READ)
        made = await run_in_threadpool(_applied, request, protocol, await request.body())
        return JSONResponse(made, media_type=MEDIA_TYPE)
    except ProblemError as problem:
        return _told(problems.STATUS[problem.kind], problem.detail, headers=dict(problem.headers))
    except ParametersError as error:
        return _told(HTTPStatus.UNPROCESSABLE_ENTITY, error.why, error.expression)
    except SurveillanceError as error:
        return _told(_status(error), str(error))


access.states(apply_protocol, Permission.VIEW)
router.add_api_route("/PlanDefinition/{protocol}/$apply", apply_protocol, methods=["POST"], response_model=None)


def _applied(request: Request, name: str, body: bytes) -> dict[str, Any]:
    app: App = request.app.state.app
    found = protocols.find(app.catalogue.protocols, name)
    given = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if given not in ACCEPTED:
        raise ProblemError(problems.Kind.MEDIA, f"send the parameters as {MEDIA_TYPE}")
    try:
        parameters = json.loads(body)
    except (ValueError, RecursionError):
        raise ProblemError(problems.Kind.MALFORMED, "the body is no JSON") from None
    today = request.app.state.clock().date()
    return applying.apply(found, parameters, today, app.settings.public_url)


def _status(error: SurveillanceError) -> HTTPStatus:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.SERVICE_UNAVAILABLE)


def _told(status: HTTPStatus, why: str, expression: str = "", headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(outcome(status, why, expression), status, headers, media_type=MEDIA_TYPE)
