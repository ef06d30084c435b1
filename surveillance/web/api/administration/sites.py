"""Sites, their places and staff, and the protocols that they approved."""

from dataclasses import replace
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.errors import InvalidInputError
from surveillance.operations.accounts import users
from surveillance.operations.administration import going_live, places, sites
from surveillance.operations.administration import places as administration_places
from surveillance.operations.administration import sites as administration_sites
from surveillance.operations.administration.places import PlaceDetails
from surveillance.operations.protocols import approvals, reviews
from surveillance.operations.registry import owners
from surveillance.store.tables import Approval, Membership, Place, Site, User
from surveillance.web.access import Permission
from surveillance.web.api import paging
from surveillance.web.api.answering import must_match
from surveillance.web.api.call import Call
from surveillance.web.api.models.sites import (
    ApprovalCreate,
    ApprovalPublic,
    ClosureCreate,
    ClosureEnd,
    ClosurePublic,
    GoLive,
    HandedOver,
    HandOver,
    PlaceCreate,
    PlacePublic,
    PlaceUpdate,
    SiteCreate,
    SitePublic,
    SiteUpdate,
    SourceDuePublic,
    SourceLookCreate,
    SourceLookPublic,
    StaffPublic,
)
from surveillance.web.api.paging import Page, PagingDep
from surveillance.web.api.routing import Endpoints

endpoints = Endpoints("Sites")


@endpoints.get("/sites", needs=Permission.VIEW)
def list_sites(call: Call, page: PagingDep) -> Page[SitePublic]:
    """The sites at which the token's user works, by code."""
    statement = select(Site).where(col(Site.id).in_(call.site_ids()))
    found, following = paging.rows(call, statement, [(Site.code, str)], page)
    return Page(items=[_public(call, row) for row in found], next=following)


@endpoints.post("/sites", needs=Permission.ADMINISTER, created="/sites")
def create_site(call: Call, new: SiteCreate) -> SitePublic:
    """Add a clinic. Whoever adds it administers it, and then adds its places and its staff."""
    users.require_administrator(call.work)
    site = sites.add_site(call.work, sites.NewSite(**new.model_dump()))
    users.administer(call.work, site)
    return _public(call, site)


@endpoints.get("/sites/{site_id}", needs=Permission.VIEW, tagged=True)
def get_site(call: Call, site_id: UUID) -> SitePublic:
    """One site with its settings, and the day it is there."""
    return _public(call, call.site(site_id))


@endpoints.patch("/sites/{site_id}", needs=Permission.ADMINISTER)
def update_site(call: Call, site_id: UUID, changes: SiteUpdate) -> SitePublic:
    """Change the settings of a site. Planned messages move with its hours, proposed days with its week."""
    site = call.site(site_id)
    must_match(call, _public(call, site))
    values = changes.model_dump(exclude_none=True, exclude={"reason"})
    administration_sites.edit_site(
        call.work, site, replace(administration_sites.settings_of(site), **values), changes.reason
    )
    return _public(call, site)


@endpoints.post("/sites/{site_id}/go-live", needs=Permission.ADMINISTER)
def go_live(call: Call, site_id: UUID, new: GoLive) -> SitePublic:
    """Set the first day on which messages go out. With `dry_run` nothing is planned yet."""
    site = call.site(site_id)
    going_live.go_live(call.work, site, new.day)
    return _public(call, site)


def _public(call: Call, site: Site) -> SitePublic:
    actor = call.caller.actor.user_id
    role = call.session.get_one(Membership, (actor, site.id)).role
    return SitePublic.model_validate(site.model_dump() | {"role": role, "today": call.today(site)}, extra="ignore")


@endpoints.get("/sites/{site_id}/places", needs=Permission.VIEW)
def list_places(call: Call, site_id: UUID, page: PagingDep) -> Page[PlacePublic]:
    """Where examinations of the site are done, by name."""
    statement = select(Place).where(Place.site_id == call.site(site_id).id)
    found, following = paging.rows(call, statement, [(Place.name, str)], page)
    return Page(items=[PlacePublic.model_validate(row) for row in found], next=following)


@endpoints.post("/sites/{site_id}/places", needs=Permission.RECORD, created="/places")
def create_place(call: Call, site_id: UUID, new: PlaceCreate) -> PlacePublic:
    """Add a place, in the site's time zone."""
    place = places.add_place(
        call.work, call.site(site_id), new.name.strip(), new.address, new.phone, outside=new.outside
    )
    return PlacePublic.model_validate(place)


@endpoints.get("/places/{place_id}", needs=Permission.VIEW, tagged=True)
def get_place(call: Call, place_id: UUID) -> PlacePublic:
    """One place where examinations are done."""
    return PlacePublic.model_validate(call.row(Place, place_id, "place"))


@endpoints.patch("/places/{place_id}", needs=Permission.RECORD)
def update_place(call: Call, place_id: UUID, changes: PlaceUpdate) -> PlacePublic:
    """Change what a place is called and where it is. Messages and calendars tell the new address from now on."""
    place = call.row(Place, place_id, "place")
    must_match(call, PlacePublic.model_validate(place))
    now = PlaceDetails(place.name, place.address, place.phone, place.outside)
    administration_places.edit_place(call.work, place, replace(now, **changes.model_dump(exclude_none=True)))
    return PlacePublic.model_validate(place)


@endpoints.get("/sites/{site_id}/closures", needs=Permission.VIEW)
def list_closures(call: Call, site_id: UUID) -> Page[ClosurePublic]:
    """The days from today on that the site is closed beside its holidays."""
    rows = administration_places.closures(call.work, call.site(site_id))
    return Page(items=[ClosurePublic.model_validate(row) for row in rows], next=None)


@endpoints.post("/sites/{site_id}/closures", needs=Permission.ADMINISTER)
def close_site(call: Call, site_id: UUID, new: ClosureCreate) -> ClosurePublic:
    """Propose no visit for a day any more. Those that are booked stay: somebody moves them."""
    site = call.site(site_id)
    administration_places.close_on(call.work, site, new.day, new.reason)
    return ClosurePublic(site_id=site.id, day=new.day, reason=new.reason)


@endpoints.post("/sites/{site_id}/closures/end", needs=Permission.ADMINISTER)
def open_site(call: Call, site_id: UUID, new: ClosureEnd) -> Page[ClosurePublic]:
    """The site works on a day after all. Answers with the closed days that are left."""
    administration_places.open_on(call.work, call.site(site_id), new.day)
    return list_closures(call, site_id)


@endpoints.get("/sites/{site_id}/staff", needs=Permission.VIEW)
def list_staff(call: Call, site_id: UUID, page: PagingDep) -> Page[StaffPublic]:
    """Who works at the site and may sign in, by user name."""
    site = call.site(site_id)
    statement = (
        select(User)
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(Membership.site_id == site.id, col(User.disabled_at).is_(None))
    )
    found, following = paging.rows(call, statement, [(User.username, str)], page)
    roles = {
        row.user_id: row.role for row in call.session.exec(select(Membership).where(Membership.site_id == site.id))
    }
    items = [StaffPublic(id=row.id, username=row.username, name=row.name, role=roles[row.id]) for row in found]
    return Page(items=items, next=following)


@endpoints.get("/sites/{site_id}/protocols", needs=Permission.VIEW)
def list_approvals(call: Call, site_id: UUID, page: PagingDep) -> Page[ApprovalPublic]:
    """The protocol versions that may be used at the site."""
    statement = select(Approval).where(Approval.site_id == call.site(site_id).id, col(Approval.retracted_at).is_(None))
    found, following = paging.rows(call, statement, [(Approval.protocol_key, str), (Approval.id, UUID)], page)
    return Page(items=[ApprovalPublic.model_validate(row) for row in found], next=following)


@endpoints.post("/sites/{site_id}/protocols", needs=Permission.SIGN)
def approve_protocol(call: Call, site_id: UUID, new: ApprovalCreate) -> ApprovalPublic:
    """A clinician's word that a protocol version may be used at the site. It is frozen as it stands; twice is once."""
    site = call.site(site_id)
    row = approvals.approve_protocol(call.work, site, new.protocol, read_source=new.source_read)
    return ApprovalPublic.model_validate(row)


@endpoints.post("/sites/{site_id}/protocols/renew", needs=Permission.SIGN)
def renew_protocol(call: Call, site_id: UUID, new: ApprovalCreate) -> ApprovalPublic:
    """A clinician's word that a version in use stays in use; the word of whoever approved it before ends."""
    site = call.site(site_id)
    row = approvals.renew(call.work, site, new.protocol, read_source=new.source_read)
    return ApprovalPublic.model_validate(row)


@endpoints.post("/sites/{site_id}/hand-over", needs=Permission.RECORD)
def hand_over(call: Call, site_id: UUID, new: HandOver) -> HandedOver:
    """Give all patients and open tasks of somebody at the site to somebody else who acts there."""
    site = call.site(site_id)
    of, to = (call.session.get(User, each) for each in (new.of, new.to))
    if of is None or to is None:
        raise InvalidInputError("there is no such user; `/sites/{site_id}/staff` lists those who work there")
    return HandedOver(number=owners.hand_over(call.work, site, of, to))


@endpoints.get("/sites/{site_id}/protocols/sources", needs=Permission.VIEW)
def list_sources_due(call: Call, site_id: UUID) -> Page[SourceDuePublic]:
    """Sources of the protocols in use at the site that a clinician has to look at again, in one page."""
    found = reviews.due_at(call.work, [call.site(site_id)])
    return Page(items=[_due(each) for each in found], next=None)


def _due(due: reviews.Due) -> SourceDuePublic:
    source = due.review.source
    return SourceDuePublic(
        protocol=due.protocol.key,
        source=source.id,
        citation=source.cited,
        address=source.address,
        since=due.review.since,
        expired=due.review.expired,
        next_action=due.next_action,
    )


@endpoints.post("/sites/{site_id}/protocols/sources", needs=Permission.SIGN)
def look_again(call: Call, site_id: UUID, new: SourceLookCreate) -> SourceLookPublic:
    """A clinician's word to have looked again at a source, with what was found and the day of the next look."""
    site = call.site(site_id)
    row = reviews.look_again(call.work, site, new.protocol, new.source, new.until, new.found)
    return SourceLookPublic.model_validate(row)
