"""Where to begin: what answers here, as whom a token acts, and what each kind of problem means."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

import surveillance
from surveillance.core.errors import NotFoundError
from surveillance.operations.accounts.tokens import Scope
from surveillance.web import access, problems
from surveillance.web.access import Permission
from surveillance.web.api.call import Call
from surveillance.web.api.models.work import IndexPublic, SiteRole
from surveillance.web.api.routing import PREFIX, Endpoints
from surveillance.web.problems import Kind

endpoints = Endpoints("Start")
public = APIRouter(prefix=PREFIX, include_in_schema=False)


@endpoints.get("", needs=Permission.SIGNED_IN)
def show_index(call: Call) -> IndexPublic:
    """What answers here, and as whom: a good first request with a new token."""
    token, caller = call.caller.token, call.caller
    return IndexPublic(
        name="surveillance",
        version=surveillance.__version__,
        openapi="/openapi.json",
        user_id=caller.actor.user_id,
        user=caller.actor.name,
        token=token.name,
        scopes=[Scope(scope) for scope in token.scopes],
        expires_at=token.expires_at,
        sites=[SiteRole(site_id=site.id, code=site.code, role=caller.roles[site.id]) for site in call.sites],
    )


@public.get("/problems/{kind}")
@access.public
def show_problem(kind: str) -> JSONResponse:
    """What a ``type`` of problem means: its address leads here."""
    if kind not in list(Kind):
        raise NotFoundError("there is no such kind of problem")
    status = problems.STATUS[Kind(kind)]
    told = {"type": problems.uri(Kind(kind)), "status": status.value, "title": status.phrase}
    return JSONResponse(told | {"meaning": problems.MEANING[Kind(kind)]})
