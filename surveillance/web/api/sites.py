"""Sites, their places and staff, and the protocols that they approved."""

from uuid import UUID

from sqlmodel import col, select

from surveillance.operations import accounts, registry
from surveillance.store.tables import Approval, Membership, Place, Site, User
from surveillance.web.access import Permission
from surveillance.web.api import paging
from surveillance.web.api.call import Call
from surveillance.web.api.models.sites import (
    ApprovalCreate,
    ApprovalPublic,
    PlaceCreate,
    PlacePublic,
    SiteCreate,
    SitePublic,
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
    accounts.require_administrator(call.work)
    site = registry.add_site(call.work, registry.NewSite(**new.model_dump()))
    accounts.administer(call.work, site)
    return _public(call, site)


@endpoints.get("/sites/{site_id}", needs=Permission.VIEW)
def get_site(call: Call, site_id: UUID) -> SitePublic:
    return _public(call, call.site(site_id))


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
    place = registry.add_place(
        call.work, call.site(site_id), new.name.strip(), new.address, new.phone, outside=new.outside
    )
    return PlacePublic.model_validate(place)


@endpoints.get("/places/{place_id}", needs=Permission.VIEW)
def get_place(call: Call, place_id: UUID) -> PlacePublic:
    return PlacePublic.model_validate(call.row(Place, place_id, "place"))


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
    return ApprovalPublic.model_validate(registry.approve_protocol(call.work, call.site(site_id), new.protocol))
