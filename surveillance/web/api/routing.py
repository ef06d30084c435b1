"""The router of the API: its functions are given a ``Call`` and return a model.

The door stands before everything else: nobody without a token learns what a body must look like. A function that does
not say what it needs cannot be made a route.
"""

import inspect
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, Concatenate, Final, ParamSpec, TypeVar

from fastapi import APIRouter, Header, Query, Request, Response, Security, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import TypeAdapter
from starlette.concurrency import run_in_threadpool

from surveillance.operations.accounts.tokens import Scope
from surveillance.web import access
from surveillance.web.access import Permission
from surveillance.web.api.answering import Order, answer
from surveillance.web.api.call import Call, admit
from surveillance.web.api.models.common import QueryFlag
from surveillance.web.problems import Kind, ProblemError, told

P = ParamSpec("P")
T = TypeVar("T")
Function = Callable[Concatenate[Call, P], T]
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

PREFIX: Final = "/api/v1"
_OURS: Final = "Value error, "  # what pydantic writes before our own words
BEARER: Final = HTTPBearer(
    scheme_name="token",
    description=(
        "A token of this service, made by an administrator. It acts as its user, at that user's sites, within its"
        " scopes: `read` to look, `write` to change."
    ),
    auto_error=False,
)

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description=(
            "A fresh random text, such as a UUID, for each request. The same request with the same key is answered as"
            " the first time and not done again, for 24 hours."
        ),
    ),
]
DryRun = Annotated[QueryFlag, Query(description="Say what would happen, and change nothing.")]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=100,
        description="The ETag of the record as it was read: the change is refused (412) if the record is another now.",
    ),
]


class Endpoints:
    """Routes of one theme; ``router`` is what the application includes."""

    def __init__(self, tag: str) -> None:
        self.router = APIRouter(prefix=PREFIX, tags=[tag], route_class=_Guarded)

    def get(self, path: str, *, needs: Permission, tagged: bool = False) -> Callable[[Function[P, T]], Function[P, T]]:
        """A look. ``tagged`` answers carry an ETag."""
        return self._route(Order("GET", needs, Scope.READ, tagged=tagged), path)

    def look_up(self, path: str, *, needs: Permission) -> Callable[[Function[P, T]], Function[P, T]]:
        """A look that is sent as a POST, as what is looked for should not stand in an address."""
        return self._route(Order("POST", needs, Scope.READ), path)

    def post(self, path: str, *, needs: Permission, created: str = "") -> Callable[[Function[P, T]], Function[P, T]]:
        """A change; ``created`` is the address of what it makes, but for the id: it answers 201 with a Location."""
        location = f"{PREFIX}{created}" if created else ""
        return self._route(Order("POST", needs, Scope.WRITE, location=location), path)

    def patch(self, path: str, *, needs: Permission) -> Callable[[Function[P, T]], Function[P, T]]:
        """A correction of some values; it answers with an ETag, and heeds the one it is given."""
        return self._route(Order("PATCH", needs, Scope.WRITE, tagged=True), path)

    def _route(self, order: Order, path: str) -> Callable[[Function[P, T]], Function[P, T]]:
        def add(function: Function[P, T]) -> Function[P, T]:
            model = inspect.signature(function, eval_str=True).return_annotation
            self.router.add_api_route(
                path,
                _endpoint(function, order, TypeAdapter(model)),
                methods=[order.method],
                response_model=model,
                status_code=order.status,
                operation_id=function.__name__,
                dependencies=[Security(BEARER, scopes=[order.scope.value])],
                summary=_title(function.__name__),
                response_description=_described(order),
            )
            return function

        return add


def _title(name: str) -> str:
    """``book_visit`` as people read it: Book visit."""
    return name.replace("_", " ").capitalize()


def _described(order: Order) -> str:
    if order.location:
        return "It is done; `Location` is the address of what was made."
    if order.method == "GET" and order.tagged:
        return "Here it is; `ETag` names its state."
    return "Here it is." if order.scope is Scope.READ else "It is done; this is how it stands now."


def _endpoint(function: Callable[..., Any], order: Order, adapter: TypeAdapter[Any]) -> Callable[..., Any]:
    """The function without its call, with the request: FastAPI reads the rest from the signature."""

    async def endpoint(request: Request, **values: Any) -> Response:
        body = await request.body()
        return await run_in_threadpool(answer, request, body, function, adapter, order, values)

    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    parameters = [_parameter("request", Request)]
    parameters += [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    parameters += [_parameter(name, kind, default) for name, kind, default in _conditions(order)]
    vars(endpoint)["__signature__"] = inspect.Signature(parameters)
    endpoint.__name__, endpoint.__doc__ = function.__name__, function.__doc__
    vars(endpoint)["scope"] = order.scope
    return access.states(endpoint, order.needs)


def _conditions(order: Order) -> Sequence[tuple[str, Any, Any]]:
    if order.method == "GET":
        return ()
    if order.scope is Scope.READ:
        return (("idempotency_key", Key, None),)
    condition = ("if_match", IfMatch, None) if order.method == "PATCH" else ("idempotency_key", Key, None)
    return (condition, ("dry_run", DryRun, False))


def _parameter(name: str, kind: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)


class _Guarded(APIRoute):
    """The door before a route, and the problems that only the API tells."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        needs, scope = access.stated(self.endpoint), getattr(self.endpoint, "scope", Scope.READ)
        if needs is None:
            raise TypeError(f"the route {self.path} does not say what it needs")
        known = {field.alias for field in get_flat_params(self.dependant) if isinstance(field.field_info, params.Query)}
        takes_body = self.body_field is not None

        async def guarded(request: Request) -> Response:
            try:
                if needs is not Permission.PUBLIC:
                    request.state.caller = await run_in_threadpool(admit, request, needs, scope)
                _refuse_unknown(request, known)
                if takes_body:
                    _refuse_media(request, await request.body())
                return await handle(request)
            except ProblemError as problem:
                return told(request, problem)
            except RequestValidationError as error:
                return told(request, _invalid(error))

        return guarded


def _refuse_unknown(request: Request, known: set[str]) -> None:
    """A filter with a slip in its name would else be no filter at all."""
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        errors = [
            {"location": "query", "pointer": f"#/{name}", "detail": "there is no such parameter"} for name in unknown
        ]
        raise ProblemError(Kind.INVALID, "the address has a parameter that is not known here", errors=errors)


def _refuse_media(request: Request, body: bytes) -> None:
    given = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if body and given != "application/json":
        raise ProblemError(Kind.MEDIA, "send the body as application/json", {"Accept": "application/json"})


def _invalid(error: RequestValidationError) -> ProblemError:
    """What is wrong where; the values given are not repeated, they may be a patient's."""
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return ProblemError(Kind.MALFORMED, "the body is no JSON")
    if all(fault["loc"][0] == "path" for fault in faults):
        return ProblemError(Kind.NOT_FOUND, "no record can have this id")
    errors = [
        {
            "location": str(fault["loc"][0]),
            "pointer": _pointer(fault["loc"][1:]),
            "detail": fault["msg"].removeprefix(_OURS),
        }
        for fault in faults
    ]
    return ProblemError(
        Kind.INVALID, "; ".join(f"{each['pointer']}: {each['detail']}" for each in errors), errors=errors
    )


def _pointer(path: Sequence[str | int]) -> str:
    """Where in the body, as RFC 6901 writes it in a fragment."""
    return "#" + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
