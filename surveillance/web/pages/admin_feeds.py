"""Administration of calendar addresses of sites and staff; a patient's stands on the patient's page."""

from collections.abc import Sequence
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.words import Privacy
from surveillance.operations import feeds, staff
from surveillance.operations.feeds import NewFeed
from surveillance.store.tables import Feed, FeedKind, User
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import Form
from surveillance.web.pages import Pages

pages = Pages(prefix="/admin/feeds")


@pages.get("", needs=Permission.ADMINISTER)
def listed(desk: Desk) -> Response:
    return _page(desk)


@pages.post("", needs=Permission.ADMINISTER)
def create(desk: Desk) -> Response:
    """The address stands on the next page, once."""
    form = desk.form
    code = form.one_of("site", "the site", [site.code for site in desk.sites])
    user_id = form.record("user", "whose patients' visits it shows", required=False)
    if user_id is not None and user_id not in _staff(desk):  # it would else show all visits of the site
        form.fault("user", "Choose whose patients' visits it shows from the list")
    label = form.text("label", "a word to know it by", longest=100)
    privacy = form.choice("privacy", "how much it tells", Privacy)
    if form.ok:
        with form.trying(desk.session):
            user = desk.session.get_one(User, user_id) if user_id else None
            new = NewFeed(desk.site(code), user=user, label=label, privacy=privacy)
            feed, secret = feeds.create(desk.work, new)
    if form.errors:
        return _page(desk)
    return _made(desk, feed, secret)


@pages.post("/{feed_id}/rotate", needs=Permission.ADMINISTER)
def rotate(desk: Desk, feed_id: UUID) -> Response:
    """A new address for the same reader, for one that others may have seen."""
    feed, secret = feeds.rotate(desk.work, desk.row(Feed, feed_id))
    return _made(desk, feed, secret)


@pages.post("/{feed_id}/revoke", needs=Permission.ADMINISTER)
def revoke(desk: Desk, feed_id: UUID) -> Response:
    feeds.revoke(desk.work, desk.row(Feed, feed_id))
    return desk.done("/admin/feeds", "The address is closed: calendars are told that it is gone.")


def _staff(desk: Desk) -> dict[UUID, str]:
    members = staff.members(desk.work, desk.sites)
    return {member.user.id: member.user.name for member in members if member.user.disabled_at is None}


def _page(desk: Desk) -> Response:
    rows = [feed for feed in feeds.listed(desk.work, desk.site_ids) if feed.kind is not FeedKind.PATIENT]
    lines = [
        (feed, _whose(desk, feed), desk.work.site(feed.site_id), feeds.is_closed(desk.session, feed)) for feed in rows
    ]
    form = desk.form if desk.form.errors else Form.filled(site=desk.sites[0].code, privacy=Privacy.NEUTRAL)
    people: Sequence[tuple[UUID, str]] = list(_staff(desk).items())
    lines.sort(key=lambda line: line[3])
    return desk.page("admin/feeds.html", form=form, lines=lines, people=people)


def _whose(desk: Desk, feed: Feed) -> str:
    if feed.user_id is None:
        return "all visits of the site"
    return f"patients of {desk.session.get_one(User, feed.user_id).name}"


def _made(desk: Desk, feed: Feed, secret: str) -> Response:
    links = feeds.links(desk.app.settings.public_url, secret)
    return desk.page("admin/feed-made.html", whose=_whose(desk, feed), site=desk.work.site(feed.site_id), links=links)
