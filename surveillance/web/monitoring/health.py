"""Probes: ``/healthz`` for "is the process alive", ``/readyz`` for "can it do its work".

A probe tells which part is not well and never why: the reason stands in the log.
"""

from datetime import datetime, timedelta
from functools import lru_cache

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from surveillance.bootstrap import App
from surveillance.core.errors import SurveillanceError
from surveillance.store import db
from surveillance.store.proof import metrics
from surveillance.web.access import public
from surveillance.web.deps import AppDep, NowDep

router = APIRouter(include_in_schema=False)
log = structlog.get_logger(__name__)

STALE = timedelta(minutes=2)


@router.get("/healthz")
@public
def healthz() -> JSONResponse:
    """The process answers. Touches neither database nor provider, so their trouble restarts nothing."""
    return JSONResponse({"alive": True})


@router.get("/readyz")
@public
def readyz(request: Request, app: AppDep, now: NowDep) -> JSONResponse:
    """Database, schema and worker; 503 if one of them is not well.

    A worker is expected where this process runs one, or where one has ever signed in. So a service that was just
    installed is ready before its first worker starts, and one whose workers have all stopped is not: its pages
    would be right, but nobody would be reminded.
    """
    checks = _checks(app, now, expects_worker=request.app.state.background is not None)
    ready = all(state in {"ok", "none yet"} for state in checks.values())
    return JSONResponse({"ready": ready} | checks, 200 if ready else 503)


def _checks(app: App, now: datetime, *, expects_worker: bool) -> dict[str, str]:
    try:
        schema = db.current_revision(app.engine)
        if schema != head():
            return {"database": "ok", "schema": "not the newest", "worker": "unknown"}
        with db.reading(app.engine) as session:
            beat = metrics.last_beat(session)
    except SurveillanceError as error:
        log.error("not ready: the database does not answer", why=str(error))
        return {"database": "down", "schema": "unknown", "worker": "unknown"}
    return {"database": "ok", "schema": "ok", "worker": _worker(beat, now, expects_worker=expects_worker)}


def _worker(beat: datetime | None, now: datetime, *, expects_worker: bool) -> str:
    if beat is None:
        return "not started" if expects_worker else "none yet"
    return "ok" if now - beat <= STALE else "silent"


@lru_cache(maxsize=1)
def head() -> str | None:
    """The schema that this installation was written for; it is read from files, so only once."""
    return db.head_revision()
