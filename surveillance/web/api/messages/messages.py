"""Messages to patients: what goes out, what became of it, and what a person does about it; replies; pauses."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from sqlmodel import col, select

from surveillance.core.errors import NotFoundError
from surveillance.operations.accounts import users
from surveillance.operations.messages import acts, life, lists, pauses
from surveillance.operations.messages.lists import Line, Which
from surveillance.operations.replies import decisions
from surveillance.store.registry import patients
from surveillance.store.tables import DispatchPause, Inbound, Patient, Reminder, Site
from surveillance.web.access import Permission
from surveillance.web.api import paging
from surveillance.web.api.call import Call
from surveillance.web.api.models.work import (
    DispatchPauseCreate,
    DispatchPublic,
    DispatchResume,
    LifeLine,
    MessageDone,
    MessagePublic,
    PausePublic,
    ReplyPublic,
    ReplySettle,
)
from surveillance.web.api.paging import Page, PagingDep
from surveillance.web.api.routing import Endpoints

endpoints = Endpoints("Messages")
dispatch = Endpoints("Dispatch")


@endpoints.get("/messages", needs=Permission.VIEW)
def list_messages(
    call: Call,
    page: PagingDep,
    which: Annotated[Which | None, Query(description="All of them if left out.")] = None,
    site_id: Annotated[UUID | None, Query(description="Only at this site.")] = None,
) -> Page[MessagePublic]:
    """Messages by the moment they go out or were to go out."""
    last = paging.after(call, page, [datetime, str])
    after = (last[0], last[1]) if last else None
    lines = lists.listed(call.work, call.site_ids(site_id), which, page.limit + 1, after)
    shown = lines[: page.limit]
    call.looked(*(line.patient for line in shown))
    more = paging.cursor(call, *lists.standing(shown[-1].row)) if len(lines) > page.limit else None
    return Page(items=[_public(line) for line in shown], next=more)


@endpoints.get("/messages/{message_id}", needs=Permission.VIEW)
def get_message(call: Call, message_id: UUID) -> MessagePublic:
    """One message and what became of it."""
    return _one(call, call.row(Reminder, message_id, "message"))


@endpoints.get("/messages/{message_id}/life", needs=Permission.VIEW)
def get_life(call: Call, message_id: UUID) -> list[LifeLine]:
    """Each wait, each attempt and each report of the provider, in the order in which they happened."""
    found = life.life(call.work, call.row(Reminder, message_id, "message"))
    call.looked(found.line.patient)
    return [LifeLine.model_validate(row) for row in life.rows(found)]


@endpoints.post("/messages/{message_id}/resend", needs=Permission.WORK)
def resend_message(call: Call, message_id: UUID) -> MessagePublic:
    """Try again what certainly was not sent. Everything is read and decided anew before it goes out."""
    return _one(call, acts.resend(call.work, call.row(Reminder, message_id, "message")))


@endpoints.post("/messages/{message_id}/done", needs=Permission.WORK)
def settle_message(call: Call, message_id: UUID, new: MessageDone) -> MessagePublic:
    """Say what became of a message that a person had to tell, or to ask about."""
    row = call.row(Reminder, message_id, "message")
    return _one(call, acts.done(call.work, row, new.outcome, new.note))


def _one(call: Call, row: Reminder) -> MessagePublic:
    return _public(lists.line(call.work, row, call.session.get_one(Patient, row.patient_id)))


def _public(line: Line) -> MessagePublic:
    row = line.row
    return MessagePublic(
        id=row.id,
        site_id=row.site_id,
        patient_id=row.patient_id,
        visit_id=row.appointment_id,
        step=row.step,
        channel=row.channel,
        state=row.state,
        at=line.at,
        local=line.at.isoformat(),
        zone=line.zone,
        reason=line.why,
        resolution=row.resolution,
    )


@endpoints.post("/replies/{reply_id}/settle", needs=Permission.WORK)
def settle_reply(call: Call, reply_id: UUID, new: ReplySettle) -> ReplyPublic:
    """Say what a patient's reply meant: its number is barred at all sites, or may be written to again."""
    row = call.session.get(Inbound, reply_id)
    holders = patients.holders(call.session, row.from_number) if row else []
    if row is None or (holders and not any(each.site_id in call.caller.roles for each in holders)):
        raise NotFoundError("there is no such reply here")
    call.looked(*((each.patient_id, each.site_id) for each in holders if each.site_id in call.caller.roles))
    decisions.settle_reply(call.work, row.id, opt_out=new.opt_out, note=new.note)
    return ReplyPublic.model_validate(row)


# -- holding messages back ---------------------------------------------------------------------------------------


@dispatch.get("/dispatch", needs=Permission.VIEW)
def get_dispatch(call: Call) -> DispatchPublic:
    """Where no message goes out, since when and why."""
    mine = {pauses.scope_of(site): site for site in call.sites}
    standing = call.session.exec(select(DispatchPause).order_by(col(DispatchPause.since)))
    shown = [row for row in standing if row.scope == pauses.scope_of(None) or row.scope in mine]
    return DispatchPublic(paused=[_pause(row, mine.get(row.scope)) for row in shown])


@dispatch.post("/dispatch/pause", needs=Permission.RECORD)
def pause_dispatch(call: Call, new: DispatchPauseCreate) -> PausePublic:
    """Send nothing for a site, or for all, until it is resumed."""
    site = _site(call, new.site_id)
    return _pause(pauses.pause(call.work, site, new.reason), site)


@dispatch.post("/dispatch/resume", needs=Permission.RECORD)
def resume_dispatch(call: Call, new: DispatchResume) -> DispatchPublic:
    """Let messages go out again. What is too late by now becomes work for a person."""
    pauses.resume(call.work, _site(call, new.site_id), new.reason)
    return get_dispatch(call)


def _site(call: Call, site_id: UUID | None) -> Site | None:
    """One site, or all for an administrator."""
    if site_id is not None:
        return call.site(site_id)
    users.require_administrator(call.work)
    return None


def _pause(row: DispatchPause, site: Site | None) -> PausePublic:
    return PausePublic(site_id=site.id if site else None, since=row.since, why=row.why)
