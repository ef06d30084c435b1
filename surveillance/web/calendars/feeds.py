"""``/calendar/{secret}.ics``: the entity tag is known, and a 304 answered, before anything is rendered.

RFC 9110 sections 8.8 and 13 for the conditions; facts: calendar, "HTTP". Calendar programs send no credentials,
so the address is the proof; it is hidden in every log.
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from sqlmodel import Session
from starlette.background import BackgroundTask

from surveillance.bootstrap import App
from surveillance.core.calendars import feeds as core
from surveillance.operations.calendars import feed_contents, feeds
from surveillance.operations.calendars.feed_contents import Outline
from surveillance.operations.work import Actor, Work
from surveillance.store import db
from surveillance.store.calendars import feeds as store
from surveillance.store.tables import Feed
from surveillance.web.access import public
from surveillance.web.calendars.fetches import RenderedFeeds
from surveillance.web.deps import AppDep, FetchesDep, NowDep

router = APIRouter(include_in_schema=False)

GONE = "This calendar has been closed. Please remove it from your calendar program.\n"
UNKNOWN = "There is no calendar at this address.\n"


@router.api_route("/calendar/{secret}.ics", methods=["GET", "HEAD"])
@public
def calendar(
    request: Request,
    secret: str,
    app: AppDep,
    now: NowDep,
    fetches: FetchesDep,
    if_none_match: Annotated[str | None, Header()] = None,
    if_modified_since: Annotated[str | None, Header()] = None,
) -> Response:
    """A feed: 200, 304 if the reader has it already, 410 once it is closed, 404 if there never was one."""
    rendered: RenderedFeeds = request.app.state.rendered_feeds
    with db.reading(app.engine) as session:
        store.one_view(session)
        feed = feeds.resolve(session, secret)
        if feed is None:
            return Response(UNKNOWN, 404, media_type="text/plain")
        if feeds.is_closed(session, feed):
            return Response(GONE, 410, media_type="text/plain")
        work = _reader(app, session, feed, now)
        shown = feed_contents.outline(work, feed, app.settings.public_url)
        since = fetches.since(feed, shown.tag, now)
        counted = BackgroundTask(fetches.note, feed, shown.tag, since, now)
        session.expunge(feed)
        if core.not_modified(if_none_match, if_modified_since, shown.tag, since):
            return Response(status_code=304, headers=_headers(shown, since), background=counted)
        body = rendered.get(shown.tag, lambda: feed_contents.rendered(work, shown))
    headers = _headers(shown, since)
    return Response(body, headers=headers, media_type="text/calendar; charset=utf-8", background=counted)


def _reader(app: App, session: Session, feed: Feed, now: datetime) -> Work:
    """Nobody is signed in: the feed reads in the name of whoever made it, and writes nothing."""
    return app.work(session, Actor(feed.created_by, "calendar feed"), now)


def _headers(shown: Outline, since: datetime) -> dict[str, str]:
    return {
        "ETag": shown.tag,
        "Last-Modified": format_datetime(since.astimezone(UTC), usegmt=True),
        # "private": no shared cache may keep it; "no-cache": ask each time, which the entity tag makes cheap.
        "Cache-Control": "private, no-cache",
    }
