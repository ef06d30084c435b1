"""The board: what is to be done, and what a person did about it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query

from surveillance.operations.board import acts, worklist
from surveillance.operations.board.worklist import WorklistRow
from surveillance.operations.deferrals import granting, standing
from surveillance.store.board.worklist import Filter, Worklist
from surveillance.store.tables import Deferral
from surveillance.web.access import Permission
from surveillance.web.api import paging
from surveillance.web.api.call import Call
from surveillance.web.api.models.common import QueryFlag
from surveillance.web.api.models.work import (
    DeferralPublic,
    DeferralRenewal,
    WorklistActionCreate,
    WorklistActionPublic,
    WorklistCount,
    WorklistCounts,
    WorklistRowPublic,
)
from surveillance.web.api.paging import Page, Paging, PagingDep
from surveillance.web.api.routing import Endpoints

endpoints = Endpoints("Worklist")

SiteId = Annotated[UUID | None, Query(description="Only at this site.")]
OwnerId = Annotated[UUID | None, Query(description="Only the rows of this member of staff.")]
PatientId = Annotated[UUID | None, Query(description="Only of this patient.")]
Hidden = Annotated[QueryFlag, Query(description="Also what was put aside.")]


@endpoints.get("/worklist", needs=Permission.VIEW)
def count_worklist(
    call: Call, site_id: SiteId = None, owner_id: OwnerId = None, hidden: Hidden = False
) -> WorklistCounts:
    """How many rows each list has."""
    found = worklist.counts(call.work, call.site_ids(site_id), Filter(owner=owner_id, hidden=hidden))
    counts = [WorklistCount(list=name, rows=number) for name, number in found.items()]
    return WorklistCounts(counts=counts, total=sum(found.values()))


@endpoints.get("/worklist/{name}", needs=Permission.VIEW)
def list_worklist(
    call: Call,
    page: PagingDep,
    name: Annotated[Worklist, Path(description="A list of the board.")],
    site_id: SiteId = None,
    owner_id: OwnerId = None,
    patient_id: PatientId = None,
    hidden: Hidden = False,
) -> Page[WorklistRowPublic]:
    """The rows of one list, the oldest first."""
    if patient_id is not None:
        call.patient(patient_id)
    wanted = Filter(owner=owner_id, patient_id=patient_id, hidden=hidden)
    found, following = _page(call, call.site_ids(site_id), name, wanted, page)
    call.looked(*((row.patient_id, row.site_id) for row in found if row.patient_id is not None))
    return Page(items=[_public(row) for row in found], next=following)


def _page(
    call: Call, site_ids: list[UUID], name: Worklist, wanted: Filter, page: Paging
) -> tuple[list[WorklistRow], str | None]:
    """Rows come and go between two pages: one begins after the last row that was shown, wherever that stands now."""
    last = paging.after(call, page, [int, datetime, str])
    shown, place = (last[0], last[1:]) if last else (0, None)
    reach = shown + page.limit + 1
    while True:
        every = worklist.rows(call.work, site_ids, name, wanted, limit=reach)
        rest = sorted((row for row in every if place is None or row.place > place), key=lambda row: row.place)
        if len(rest) > page.limit or len(every) < reach:
            break
        reach *= 2
    found = rest[: page.limit]
    if len(rest) <= page.limit:
        return found, None
    return found, paging.cursor(call, shown + len(found), *found[-1].place)


@endpoints.get("/deferrals", needs=Permission.VIEW)
def list_deferrals(call: Call, site_id: SiteId = None) -> Page[DeferralPublic]:
    """Whoever is put off at the moment: by what, until when, and who decided it in which role."""
    sites = [call.work.site(each) for each in call.site_ids(site_id)]
    found = standing.of_sites(call.work, sites)
    call.looked(*((each.patient.id, each.patient.site_id) for each in found))
    return Page(items=[DeferralPublic.model_validate(each.row) for each in found], next=None)


@endpoints.post("/deferrals/{deferral_id}/renew", needs=Permission.WORK)
def renew_deferral(call: Call, deferral_id: UUID, new: DeferralRenewal) -> DeferralPublic:
    """Look at an item that is off, or at a transfer, again later: granted anew in the role of the token's user."""
    row = call.row(Deferral, deferral_id, "deferral")
    return DeferralPublic.model_validate(granting.renew(call.work, row, new.until, new.reason))


@endpoints.post("/worklist/actions", needs=Permission.WORK)
def act_on_row(call: Call, new: WorklistActionCreate) -> WorklistActionPublic:
    """Note what was done about a row: a call, a note, a day to come back to it, whose work it is."""
    row = worklist.find_row(call.work, call.site_ids(), new.row)
    action = acts.act(call.work, row, new.kind, text=new.text, until=new.until, assigned_to=new.assigned_to)
    return WorklistActionPublic.model_validate(action)


def _public(row: WorklistRow) -> WorklistRowPublic:
    return WorklistRowPublic(
        key=f"{row.list}:{row.subject}",
        list=row.list,
        site_id=row.site_id,
        patient_id=row.patient_id,
        mrn=row.mrn,
        name=row.name,
        what=row.what,
        since=row.since,
        age=row.age,
        why=row.why,
        next_action=row.next_action,
        owner_id=row.owner_id,
        owner=row.owner,
        to_clinician=row.to_clinician,
        note=row.note,
        hidden_until=row.hidden_until,
        visit_id=row.appointment_id,
        study_id=row.study_id,
        message_id=row.reminder_id,
        reply_id=UUID(row.subject) if row.kind == "reply" else None,
    )
