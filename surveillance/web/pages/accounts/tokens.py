"""Administration of API tokens: how programs come in."""

from datetime import time
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.dates import DAY, to_utc
from surveillance.core.errors import NotFoundError
from surveillance.operations.accounts import staff, tokens
from surveillance.operations.accounts.tokens import NewToken, Scope
from surveillance.store.tables import ApiToken, User
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages

pages = Pages(prefix="/admin/tokens")

MAY = [("read", "read only"), ("write", "read and write")]


@pages.get("", needs=Permission.ADMINISTER)
def listed(context: PageContext) -> Response:
    return _page(context)


@pages.post("", needs=Permission.ADMINISTER)
def create(context: PageContext) -> Response:
    """The token stands on the next page, once."""
    form = context.form
    user_id = form.record("user", "in whose name the program acts")
    name = form.text("name", "what the program is", required=True, longest=100)
    may = form.one_of("may", "what it may do", [value for value, _ in MAY])
    last_day = form.day("last_day", "the last day")
    user = _people(context).get(user_id) if user_id else None
    if user_id and user is None:
        form.fault("user", "Choose in whose name the program acts")
    if form.ok and user is not None:
        ends = to_utc(last_day + DAY, time(0), context.sites[0].time_zone) if last_day else None
        scopes = [Scope.READ, Scope.WRITE] if may == Scope.WRITE else [Scope.READ]
        with form.trying(context.session):
            token, secret = tokens.create(context.work, NewToken(user, name, scopes, ends))
    if form.errors or user is None:
        return _page(context)
    return context.page("accounts/token-made.html", made=token, person=user, secret_value=secret)


@pages.post("/{token_id}/revoke", needs=Permission.ADMINISTER)
def revoke(context: PageContext, token_id: UUID) -> Response:
    token = next((each for each, _ in tokens.listed(context.work, context.sites) if each.id == token_id), None)
    if token is None:
        raise NotFoundError("there is no such token here")
    tokens.revoke(context.work, token)
    return context.done("/admin/tokens", f"The token of {token.name} is revoked: the program is refused from now on.")


def _people(context: PageContext) -> dict[UUID, User]:
    members = staff.members(context.work, context.sites)
    return {member.user.id: member.user for member in members if member.user.disabled_at is None}


def _page(context: PageContext) -> Response:
    form = context.form if context.form.errors else Form.filled(may=Scope.READ)
    people = [(user.id, f"{user.name} ({user.username})") for user in _people(context).values()]
    lines = [(token, user, _state(context, token)) for token, user in tokens.listed(context.work, context.sites)]
    zone = context.sites[0].time_zone
    return context.page("accounts/tokens.html", form=form, lines=lines, people=people, may=MAY, zone=zone)


def _state(context: PageContext, token: ApiToken) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= context.work.now else "works"
