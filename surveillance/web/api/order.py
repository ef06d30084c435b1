"""``/api/v1``: the operations for programs. A module a theme, each thin: a validated model, an operation, a model."""

from fastapi import APIRouter
from fastapi.routing import APIRoute

from surveillance.web.api import index
from surveillance.web.api.administration import sites
from surveillance.web.api.audit import log
from surveillance.web.api.board import worklist
from surveillance.web.api.calendars import feeds
from surveillance.web.api.care import conditions, decisions, plans
from surveillance.web.api.cases import answers
from surveillance.web.api.fhir import plan_definitions
from surveillance.web.api.messages import messages
from surveillance.web.api.protocols import protocols
from surveillance.web.api.registry import contacts, patients
from surveillance.web.api.reports import reports
from surveillance.web.api.visits import studies, trips, visits

THEMES = (
    index.endpoints,
    sites.endpoints,
    protocols.endpoints,
    patients.endpoints,
    contacts.endpoints,
    conditions.endpoints,
    plans.endpoints,
    decisions.endpoints,
    trips.endpoints,
    visits.endpoints,
    studies.endpoints,
    worklist.endpoints,
    messages.endpoints,
    messages.dispatch,
    reports.endpoints,
    feeds.endpoints,
    log.endpoints,
    answers.endpoints,
)

router = APIRouter()
for theme in THEMES:
    router.include_router(theme.router)
router.include_router(index.public)
router.include_router(plan_definitions.router)


def routes() -> list[APIRoute]:
    """Every route of the API."""
    beside = [*index.public.routes, *plan_definitions.router.routes]
    every = [*beside, *(route for theme in THEMES for route in theme.router.routes)]
    return [route for route in every if isinstance(route, APIRoute)]


def methods_at(path: str) -> list[str]:
    """The methods that an address of the API knows, for the header Allow (RFC 9110 section 10.2.1)."""
    return sorted({method for route in routes() if route.path_regex.match(path) for method in route.methods or ()})
