"""Administration of API tokens: how programs come in."""

from datetime import time
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.dates import DAY, to_utc
from surveillance.core.errors import NotFoundError
from surveillance.operations import staff, tokens
from surveillance.operations.tokens import NewToken, Scope
from surveillance.store.tables import ApiToken, User
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import Form
from surveillance.web.pages import Pages

pages = Pages(prefix="/admin/tokens")

MAY = [("read", "read only"), ("write", "read and write")]


@pages.get("", needs=Permission.ADMINISTER)
def listed(desk: Desk) -> Response:
    return _page(desk)


@pages.post("", needs=Permission.ADMINISTER)
def create(desk: Desk) -> Response:
    """The token stands on the next page, once."""
    form = desk.form
    user_id = form.record("user", "in whose name the program acts")
    name = form.text("name", "what the program is", required=True, longest=100)
    may = form.one_of("may", "what it may do", [value for value, _ in MAY])
    last_day = form.day("last_day", "the last day")
    user = _people(desk).get(user_id) if user_id else None
    if user_id and user is None:
        form.fault("user", "Choose in whose name the program acts")
    if form.ok and user is not None:
        ends = to_utc(last_day + DAY, time(0), desk.sites[0].time_zone) if last_day else None
        scopes = [Scope.READ, Scope.WRITE] if may == Scope.WRITE else [Scope.READ]
        with form.trying(desk.session):
            token, secret = tokens.create(desk.work, NewToken(user, name, scopes, ends))
    if form.errors or user is None:
        return _page(desk)
    return desk.page("admin/token-made.html", made=token, person=user, secret_value=secret)


@pages.post("/{token_id}/revoke", needs=Permission.ADMINISTER)
def revoke(desk: Desk, token_id: UUID) -> Response:
    token = next((each for each, _ in tokens.listed(desk.work, desk.sites) if each.id == token_id), None)
    if token is None:
        raise NotFoundError("there is no such token here")
    tokens.revoke(desk.work, token)
    return desk.done("/admin/tokens", f"The token of {token.name} is revoked: the program is refused from now on.")


def _people(desk: Desk) -> dict[UUID, User]:
    members = staff.members(desk.work, desk.sites)
    return {member.user.id: member.user for member in members if member.user.disabled_at is None}


def _page(desk: Desk) -> Response:
    form = desk.form if desk.form.errors else Form.filled(may=Scope.READ)
    people = [(user.id, f"{user.name} ({user.username})") for user in _people(desk).values()]
    lines = [(token, user, _state(desk, token)) for token, user in tokens.listed(desk.work, desk.sites)]
    zone = desk.sites[0].time_zone
    return desk.page("admin/tokens.html", form=form, lines=lines, people=people, may=MAY, zone=zone)


def _state(desk: Desk, token: ApiToken) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= desk.work.now else "works"
