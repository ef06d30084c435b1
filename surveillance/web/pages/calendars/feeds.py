"""Administration of calendar addresses of sites and staff; a patient's stands on the patient's page."""

from collections.abc import Sequence
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.words import Privacy
from surveillance.operations.accounts import staff
from surveillance.operations.calendars import feeds
from surveillance.operations.calendars.feeds import NewFeed
from surveillance.store.tables import Feed, FeedKind, User
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages

pages = Pages(prefix="/admin/feeds")


@pages.get("", needs=Permission.ADMINISTER)
def listed(context: PageContext) -> Response:
    return _page(context)


@pages.post("", needs=Permission.ADMINISTER)
def create(context: PageContext) -> Response:
    """The address stands on the next page, once."""
    form = context.form
    code = form.one_of("site", "the site", [site.code for site in context.sites])
    user_id = form.record("user", "whose patients' visits it shows", required=False)
    if user_id is not None and user_id not in _staff(context):  # it would else show all visits of the site
        form.fault("user", "Choose whose patients' visits it shows from the list")
    label = form.text("label", "a word to know it by", longest=100)
    privacy = form.choice("privacy", "how much it tells", Privacy)
    if form.ok:
        with form.trying(context.session):
            user = context.session.get_one(User, user_id) if user_id else None
            new = NewFeed(context.site(code), user=user, label=label, privacy=privacy)
            feed, secret = feeds.create(context.work, new)
    if form.errors:
        return _page(context)
    return _made(context, feed, secret)


@pages.post("/{feed_id}/rotate", needs=Permission.ADMINISTER)
def rotate(context: PageContext, feed_id: UUID) -> Response:
    """A new address for the same reader, for one that others may have seen."""
    feed, secret = feeds.rotate(context.work, context.row(Feed, feed_id))
    return _made(context, feed, secret)


@pages.post("/{feed_id}/revoke", needs=Permission.ADMINISTER)
def revoke(context: PageContext, feed_id: UUID) -> Response:
    feeds.revoke(context.work, context.row(Feed, feed_id))
    return context.done("/admin/feeds", "The address is closed: calendars are told that it is gone.")


def _staff(context: PageContext) -> dict[UUID, str]:
    members = staff.members(context.work, context.sites)
    return {member.user.id: member.user.name for member in members if member.user.disabled_at is None}


def _page(context: PageContext) -> Response:
    rows = [feed for feed in feeds.listed(context.work, context.site_ids) if feed.kind is not FeedKind.PATIENT]
    lines = [
        (feed, _whose(context, feed), context.work.site(feed.site_id), feeds.is_closed(context.session, feed))
        for feed in rows
    ]
    form = context.form if context.form.errors else Form.filled(site=context.sites[0].code, privacy=Privacy.NEUTRAL)
    people: Sequence[tuple[UUID, str]] = list(_staff(context).items())
    lines.sort(key=lambda line: line[3])
    return context.page("calendars/feeds.html", form=form, lines=lines, people=people)


def _whose(context: PageContext, feed: Feed) -> str:
    if feed.user_id is None:
        return "all visits of the site"
    return f"patients of {context.session.get_one(User, feed.user_id).name}"


def _made(context: PageContext, feed: Feed, secret: str) -> Response:
    links = feeds.links(context.app.settings.public_url, secret)
    return context.page(
        "calendars/feed-made.html", whose=_whose(context, feed), site=context.work.site(feed.site_id), links=links
    )
