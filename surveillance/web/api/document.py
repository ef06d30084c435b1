"""The OpenAPI document: what FastAPI reads from the routes, and what each of them may answer besides."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict, Field

from surveillance.web import problems
from surveillance.web.problems import Kind

DESCRIPTION: Final = """\
The operations of a surveillance clinic for programs: enrol patients, book visits, record what was done, and see what is
to be done. It does what the pages and the command line do, under the same rules.

**Authentication.** Every request carries `Authorization: Bearer <token>`. A token acts as a member of staff, at that
person's sites; records of other sites do not exist for it (404).

**Days, times, months.** A day is `YYYY-MM-DD`, without a zone: the local day of the site, or of the place for a visit.
A time of day is `HH:MM`, local to the place. A moment is RFC 3339; answers give it in UTC. Intervals and offsets are
calendar months, tolerances and leads are days.

**Lists** come in pages of at most `limit` rows (50 unless you say so, 200 at most). `next` is the `cursor` of the next
page and null on the last; the header `Link` has its address (RFC 8288).

**Writing.** Send an `Idempotency-Key` with each POST: the same request with the same key is answered as the first time,
for 24 hours. `dry_run=true` answers as if it were done and changes nothing.

**Problems** are RFC 9457 problem details, `application/problem+json`. A `type` leads to its meaning. A refused request
has changed nothing.
"""
TAGS: Final = [
    {"name": "Start", "description": "What answers here, and as whom."},
    {"name": "Sites", "description": "Clinics, their places and staff, and the protocols they approved."},
    {"name": "Protocols", "description": "Surveillance protocols as data, each interval with its source."},
    {"name": "Patients", "description": "Found, registered, corrected."},
    {"name": "Contacts", "description": "Whom to write to, and the ledger of consent."},
    {"name": "Plans", "description": "A patient on a protocol from an anchor date; one active plan a patient."},
    {"name": "Decisions", "description": "Holds, moves, skips, extra examinations; taking back what was wrong."},
    {"name": "Visits", "description": "Trips: proposed, booked, and what became of each examination."},
    {"name": "Studies", "description": "Performed, reported, reviewed, told: four facts, four days."},
    {"name": "Worklist", "description": "What is to be done. All lists want to be empty."},
    {"name": "Messages", "description": "What is sent to patients, and what they answer."},
    {"name": "Dispatch", "description": "Holding all messages back, and letting them go."},
    {"name": "Reports", "description": "How well the clinic keeps its promise, and what messages cost."},
    {"name": "Feeds", "description": "Calendar addresses."},
    {"name": "Reference cases", "description": "This service as an engine that answers the reference cases."},
    {"name": "Audit", "description": "Who did what, when and why."},
]

_ALWAYS: Final = (Kind.UNAUTHORIZED, Kind.FORBIDDEN, Kind.INVALID, Kind.UNAVAILABLE)
_WITH_BODY: Final = (Kind.MALFORMED, Kind.TOO_LARGE, Kind.MEDIA)
_NAMED: Final = re.compile(r"\{(\w+)\}")
_LIST: Final = re.compile(r"\bPage[_[](\w+?)(?:Public)?[_\]]")  # what pydantic calls Page[PatientPublic]: PatientList


class FieldProblem(BaseModel):
    """One value that cannot be used."""

    location: str = Field(description="`body`, `query`, `header` or `path`")
    pointer: str = Field(description="Where in it, as a JSON pointer.", examples=["#/birth_date"])
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="Which kind of problem it is; the address says what it means.")
    title: str = Field(description="The status in words.")
    status: int
    detail: str | None = Field(default=None, description="What is wrong this time, and how to mend it.")
    request_id: str = Field(description="The number of the request, as in `X-Request-ID` and in the log.")
    errors: list[FieldProblem] | None = Field(default=None, description="What is wrong where in the request.")


def install(web: FastAPI) -> None:
    """Let ``web`` give this document at ``/openapi.json``."""

    def document() -> dict[str, Any]:
        if web.openapi_schema is None:
            web.openapi_schema = _document(web)
        return web.openapi_schema

    web.openapi = document  # type: ignore[method-assign]


def _document(web: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title="surveillance",
        version=web.version,
        summary=web.summary,
        description=DESCRIPTION,
        routes=web.routes,
        tags=TAGS,
        license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    )
    parts = found.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    template = "#/components/schemas/{model}"
    for model in (Problem, FieldProblem):
        schema = model.model_json_schema(ref_template=template)
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    parts["responses"] = {_name(kind): _response(kind) for kind in Kind}
    for path, method, operation in _operations(found):
        _complete(path, method, operation)
    named: dict[str, Any] = json.loads(_LIST.sub(r"\1List", json.dumps(found)))
    return named


def _operations(found: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in found.get("paths", {}).items():
        for method, operation in item.items():
            yield path, method, operation


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """What else it may answer, and the headers of what it answers."""
    kinds = [*_ALWAYS, *(_WITH_BODY if "requestBody" in operation else ())]
    names = {parameter["name"] for parameter in operation.get("parameters", ())}
    if _NAMED.search(path) or names & {"site_id", "patient_id"} or method == "post":
        kinds.append(Kind.NOT_FOUND)
    if method != "get":
        kinds.append(Kind.CONFLICT)
    if "If-Match" in names:
        kinds.append(Kind.STALE)
    answers = operation["responses"]
    for kind in kinds:
        answers[str(problems.STATUS[kind].value)] = {"$ref": f"#/components/responses/{_name(kind)}"}
    done = next(answer for status, answer in answers.items() if status.startswith("2"))
    if headers := dict(_headers(done, names, method)):
        done["headers"] = headers


def _headers(done: dict[str, Any], names: set[str], method: str) -> Iterator[tuple[str, Any]]:
    if "Location" in done.get("description", ""):
        yield "Location", _header("The address of what was made.")
    if "cursor" in names:
        yield "Link", _header("The next page, with rel=next, if there is one (RFC 8288).")
    if "If-Match" in names or "ETag" in done.get("description", ""):
        yield "ETag", _header("For If-Match: another as soon as the record is another.")
    if "Idempotency-Key" in names and method == "post":
        yield "Idempotency-Replayed", _header("`true` if this answer was given before.")


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


def _name(kind: Kind) -> str:
    return "".join(part.title() for part in kind.split("-"))


def _response(kind: Kind) -> dict[str, Any]:
    headers = {}
    if kind in (Kind.UNAUTHORIZED, Kind.SCOPE):
        headers = {"headers": {"WWW-Authenticate": _header("What is asked for (RFC 6750).")}}
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": problems.MEANING[kind], "content": content} | headers
