"""The web application. Nothing is read when this module is imported: ``create_app`` is given what it needs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

import surveillance
from surveillance import bootstrap, logs, settings
from surveillance.bootstrap import App
from surveillance.web import access, errors, render, webhooks
from surveillance.web.api import document
from surveillance.web.api import order as api
from surveillance.web.api.size import TooLarge
from surveillance.web.calendars import feeds
from surveillance.web.calendars.fetches import Fetches, RenderedFeeds
from surveillance.web.deps import Background, Clock
from surveillance.web.monitoring import health, metrics
from surveillance.web.pages.order import PAGES
from surveillance.web.pages.patient_page import entry
from surveillance.web.security import Guard

LARGEST_BODY = 1024 * 1024  # bytes; a route that takes a file states its own


class Service(FastAPI):
    """FastAPI with the guard around everything, the answers to unforeseen errors too."""

    def build_middleware_stack(self) -> ASGIApp:
        return Guard(TooLarge(super().build_middleware_stack()), self.state)


def create_app(app: App, *, background: Background | None = None, clock: Clock = bootstrap.utc_now) -> FastAPI:
    """The application over an open ``app``.

    ``background``, the worker's ticks, is started and stopped with it. ``clock`` tells the moment in UTC.
    Whoever opened ``app`` closes it.
    """
    web = Service(
        title="surveillance",
        version=surveillance.__version__,
        summary="Scheduling and reminders for follow-up examinations",
        # The pages that FastAPI brings load scripts from elsewhere, which the content policy forbids.
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        max_body_size=LARGEST_BODY,
    )
    attach(web, app, background=background, clock=clock)
    errors.install(web)
    for router in (feeds.router, health.router, metrics.router, webhooks.router):
        web.include_router(router)
    web.include_router(api.router)
    document.install(web)
    for pages in PAGES:
        web.include_router(pages.router)
    _every_route_states_what_it_needs(web)
    web.mount("/static", StaticFiles(directory=render.STATIC), name="static")
    return web


def attach(web: FastAPI, app: App, *, background: Background | None = None, clock: Clock = bootstrap.utc_now) -> None:
    """Let the application serve ``app`` from now on, with caches and metrics of its own."""
    state = web.state
    state.app, state.clock, state.background = app, clock, background
    state.fetches, state.rendered_feeds = Fetches(app.engine), RenderedFeeds()
    state.paces = entry.new_paces()
    state.registry = metrics.new_registry(app, clock)
    state.seconds = metrics.request_histogram(state.registry)
    state.https = app.settings.public_url.startswith("https:")


def _every_route_states_what_it_needs(web: FastAPI) -> None:
    """A route that nobody thought about is not served: the application does not even start."""
    for route in iter_route_contexts(web.routes):
        if route.path == web.openapi_url and route.endpoint is not None:
            access.public(route.endpoint)  # FastAPI's own; it tells what there is and nothing of anybody
    silent = [route.path for route in iter_route_contexts(web.routes) if access.stated(route.endpoint) is None]
    if silent:
        raise TypeError(f"these routes do not state what they need: {', '.join(map(str, silent))}")


@asynccontextmanager
async def _lifespan(web: FastAPI) -> AsyncIterator[None]:
    background: Background | None = web.state.background
    if background is not None:
        await run_in_threadpool(background.start)
    try:
        yield
    finally:
        if background is not None:
            await run_in_threadpool(background.stop)
        await run_in_threadpool(web.state.fetches.flush)


def factory() -> FastAPI:
    """For a server that is given a name: ``uvicorn --factory surveillance.web.app:factory``. Runs no worker.

    Raises:
        ConfigurationError, UnavailableError: as ``settings.load`` and ``bootstrap.open_app``.
    """
    found = settings.load()
    logs.configure(as_json=found.log_json)
    return create_app(bootstrap.open_app(found))
