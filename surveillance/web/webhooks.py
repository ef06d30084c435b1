"""Twilio's webhooks. Each is signed; what is not is refused before anything of it is read.

The signature covers the configured public address with its query, never one built from the Host header.
Source: https://www.twilio.com/docs/usage/webhooks/webhooks-security. They answer within milliseconds: Twilio waits
15 seconds and then repeats, so both are taken once only.
"""

from datetime import datetime
from uuid import UUID

import structlog
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from surveillance.bootstrap import App, system_actor
from surveillance.operations.dispatch import callbacks
from surveillance.operations.replies import receiving
from surveillance.store import db
from surveillance.web.access import public
from surveillance.web.deps import AppDep, NowDep

router = APIRouter(include_in_schema=False, prefix="/webhooks/twilio")
log = structlog.get_logger(__name__)

NO_ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response/>'  # TwiML: nothing is to be sent back


@router.post("/status")
@public
async def status(request: Request, app: AppDep, now: NowDep) -> Response:
    """A message has come one step further: 204, also where nobody knows the message yet."""
    form = await _form(request)
    if not _is_signed(request, app, form):
        return _refused(request)
    await run_in_threadpool(_take_status, app, now, form, request.query_params.get("attempt", ""))
    return Response(status_code=204)


@router.post("/inbound")
@public
async def inbound(request: Request, app: AppDep, now: NowDep) -> Response:
    """A phone answered. What is to be said back goes out as a message of its own, like every other."""
    form = await _form(request)
    if not _is_signed(request, app, form):
        return _refused(request)
    await run_in_threadpool(_take_inbound, app, now, form)
    return Response(NO_ANSWER, media_type="text/xml")


async def _form(request: Request) -> dict[str, str]:
    async with request.form(max_files=0, max_fields=200) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


def _is_signed(request: Request, app: App, form: dict[str, str]) -> bool:
    query = f"?{request.url.query}" if request.url.query else ""
    url = f"{app.settings.public_url}{request.url.path}{query}"
    signature = request.headers.get("X-Twilio-Signature", "")
    return callbacks.is_signed(app.settings.twilio_auth_tokens, url, form, signature)


def _refused(request: Request) -> Response:
    log.warning("a webhook's signature is not right", path=request.url.path)
    return Response("The signature is not right.\n", 403, media_type="text/plain")


def _take_status(app: App, now: datetime, form: dict[str, str], attempt: str) -> None:
    report = callbacks.read_status(form)
    if report is None:
        return
    with db.writing(app.engine) as session:
        work = app.work(session, system_actor(session), now)
        callbacks.status(work, report, _uuid(attempt))


def _take_inbound(app: App, now: datetime, form: dict[str, str]) -> None:
    with db.writing(app.engine) as session:
        receiving.receive(app.work(session, system_actor(session), now), form)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
