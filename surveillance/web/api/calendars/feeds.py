"""Calendar addresses: made, listed, closed."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from sqlmodel import col, select

from surveillance.core.errors import NotFoundError
from surveillance.operations.calendars import feeds
from surveillance.operations.calendars.feeds import NewFeed
from surveillance.store.tables import Feed, Membership, Site, User
from surveillance.web.access import Permission
from surveillance.web.api import paging
from surveillance.web.api.call import Call
from surveillance.web.api.models.work import FeedCreate, FeedEnd, FeedMade, FeedPublic
from surveillance.web.api.paging import Page, PagingDep
from surveillance.web.api.routing import Endpoints

endpoints = Endpoints("Feeds")


@endpoints.get("/feeds", needs=Permission.VIEW)
def list_feeds(
    call: Call, page: PagingDep, site_id: Annotated[UUID | None, Query(description="Only at this site.")] = None
) -> Page[FeedPublic]:
    """Who has a calendar address, and when it was last fetched; the oldest first, closed ones too."""
    statement = select(Feed).where(col(Feed.site_id).in_(call.site_ids(site_id)))
    keys = [(Feed.created_at, datetime), (Feed.id, UUID)]
    found, following = paging.rows(call, statement, keys, page)
    call.looked(*((row.patient_id, row.site_id) for row in found if row.patient_id is not None))
    return Page(items=[FeedPublic.model_validate(row) for row in found], next=following)


@endpoints.post("/feeds", needs=Permission.RECORD, created="/feeds")
def create_feed(call: Call, new: FeedCreate) -> FeedMade:
    """Make a calendar address. It is shown this once: only its hash is stored."""
    site = call.site(new.site_id)
    patient = call.patient(new.patient_id) if new.patient_id else None
    user = _colleague(call, site, new.user_id) if new.user_id else None
    return _made(call, *feeds.create(call.work, NewFeed(site, patient, user, new.label, new.language, new.privacy)))


def _colleague(call: Call, site: Site, user_id: UUID) -> User:
    if call.session.get(Membership, (user_id, site.id)) is None:
        raise NotFoundError("nobody of this id works at the site")
    return call.session.get_one(User, user_id)


@endpoints.get("/feeds/{feed_id}", needs=Permission.VIEW)
def get_feed(call: Call, feed_id: UUID) -> FeedPublic:
    """One calendar address, without the address itself."""
    return FeedPublic.model_validate(_feed(call, feed_id))


@endpoints.post("/feeds/{feed_id}/rotate", needs=Permission.RECORD, created="/feeds")
def rotate_feed(call: Call, feed_id: UUID, why: FeedEnd) -> FeedMade:
    """A new address for the same reader; the old one is closed at once."""
    return _made(call, *feeds.rotate(call.work, _feed(call, feed_id), why.reason))


@endpoints.post("/feeds/{feed_id}/revoke", needs=Permission.RECORD)
def revoke_feed(call: Call, feed_id: UUID, why: FeedEnd) -> FeedPublic:
    """Close an address for good: it answers 410 from now on. Twice is once."""
    feed = _feed(call, feed_id)
    feeds.revoke(call.work, feed, why.reason)
    return FeedPublic.model_validate(feed)


def _feed(call: Call, feed_id: UUID) -> Feed:
    return call.row(Feed, feed_id, "feed")


def _made(call: Call, feed: Feed, secret: str) -> FeedMade:
    links = feeds.links(call.app.settings.public_url, secret)
    values = feed.model_dump() | {"https": links.https, "webcal": links.webcal}
    return FeedMade.model_validate(values, extra="ignore")
