"""A patient's visits in the patient's own calendar: one visit as a file, or an address that is asked for ever again."""

import segno
from fastapi.responses import Response

from surveillance.core.errors import ConflictError, NotFoundError
from surveillance.core.words import Privacy
from surveillance.operations.calendars import feed_contents, feeds
from surveillance.operations.patient_page import acts, page
from surveillance.store.tables import Feed
from surveillance.web.access import Permission
from surveillance.web.pages.patient_page.entry import Guest, forged, guest
from surveillance.web.pages.routing import Pages
from surveillance.web.render import markup

pages = Pages(prefix="/p/{secret}", forged=forged)


@pages.get("/visits/{visit_id}.ics", needs=Permission.PUBLIC, head=True)
@guest
def visit_file(me: Guest, visit_id: str) -> Response:
    """One visit, with the identity that it has in every feed; neutral until the birth date was given."""
    row = page.visit_of(me.work, me.page, visit_id)
    level = me.view.site.privacy if me.opened else Privacy.NEUTRAL
    body = feed_contents.visit_ics(
        me.work, row, me.context.app.settings.public_url, me.view.speech.book.language, level
    )
    headers = {"Content-Disposition": 'attachment; filename="appointment.ics"'}
    return Response(body, headers=headers, media_type="text/calendar; charset=utf-8")


@pages.post("/calendar", needs=Permission.PUBLIC)
@guest
def make(me: Guest) -> Response:
    """A new address, shown this once. It takes a form, as following a link must change nothing."""
    if not me.opened:
        return me.done()
    try:
        _, secret = acts.make_feed(me.work, me.page, me.view.speech.book.language)
    except ConflictError:
        return me.done()
    return _made(me, secret)


@pages.post("/calendar/{feed_id}/replace", needs=Permission.PUBLIC)
@guest
def replace(me: Guest, feed_id: str) -> Response:
    """A new address instead of one that others may have seen."""
    if not me.opened:
        return me.done()
    _, secret = feeds.rotate(me.work, _own(me, feed_id), acts.HOW)
    return _made(me, secret)


@pages.post("/calendar/{feed_id}/close", needs=Permission.PUBLIC)
@guest
def close(me: Guest, feed_id: str) -> Response:
    if not me.opened:
        return me.done()
    feeds.revoke(me.work, _own(me, feed_id), acts.HOW)
    return me.done("calendar_closed")


def _own(me: Guest, feed_id: str) -> Feed:
    found = next((feed for feed in page.own_feeds(me.work, me.page) if str(feed.id) == feed_id), None)
    if found is None:
        raise NotFoundError("there is no such calendar address here")
    return found


def _made(me: Guest, secret: str) -> Response:
    me.context.session.flush()
    links = feeds.links(me.context.app.settings.public_url, secret)
    code = segno.make(links.webcal, micro=False).svg_inline(scale=4, border=2, omitsize=True)
    return me.show("calendar.html", links=links, code=markup(code))
