"""One's own account: where one works, the password, the second factor with its recovery codes."""

import segno
from fastapi.responses import Response

from surveillance.operations import accounts, factors, sessions
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.pages import Pages
from surveillance.web.pages.sign_in import client_of, safe_of
from surveillance.web.render import markup
from surveillance.web.words import ROLE

pages = Pages(prefix="/account")


@pages.get("", needs=Permission.SIGNED_IN)
def show(desk: Desk) -> Response:
    return _show(desk)


def _show(desk: Desk) -> Response:
    roles = [(site, ROLE[role]) for site, role in accounts.roles_of(desk.work, desk.user)]
    return desk.page("account/account.html", roles=roles, codes=factors.codes_left(desk.work, desk.user))


@pages.get("/password", needs=Permission.PENDING)
def password_page(desk: Desk) -> Response:
    return desk.page("account/password.html")


@pages.post("/password", needs=Permission.PENDING)
def password(desk: Desk) -> Response:
    """A new password; every other session of the account ends."""
    form, user = desk.form, desk.user
    if desk.member is None or desk.member.session.proven_at is None:
        return desk.go("/sign-in/code")
    _must_prove(desk)
    if form.value("password") != form.value("again"):
        form.fault("again", "The two passwords differ")
    if form.value("password") == form.value("current"):
        form.fault("password", "Choose another password than the present one")
    if form.ok:
        with form.trying(desk.session, "password"):
            accounts.reset_password(desk.work, user, form.value("password"))
    if form.errors:
        return desk.page("account/password.html")
    sessions.end_all(desk.work, user, "password changed", but=desk.member.session)
    return desk.done("/account", "Your password is changed.")


@pages.get("/second-factor", needs=Permission.PENDING)
def second_factor_page(desk: Desk) -> Response:
    return _second_factor_page(desk)


@pages.post("/second-factor", needs=Permission.PENDING)
def second_factor(desk: Desk) -> Response:
    """Begin to set a second factor up: a secret for the telephone."""
    if desk.member is None or desk.member.session.proven_at is None:
        return desk.go("/sign-in/code")
    factors.begin(desk.work, desk.user, safe_of(desk.app.settings))
    return desk.go("/account/second-factor")


@pages.post("/second-factor/confirm", needs=Permission.PENDING)
def confirm(desk: Desk) -> Response:
    """The telephone proves that it has the secret; the recovery codes are shown this once.

    Sessions that were opened with less end.
    """
    form = desk.form
    if desk.member is None or desk.member.session.proven_at is None:
        return desk.go("/sign-in/code")
    code = form.text("code", "the code that the telephone shows", required=True)
    if form.ok:
        with form.trying(desk.session, "code"):
            codes = factors.confirm(desk.work, desk.user, safe_of(desk.app.settings), code)
    if form.errors:
        return _second_factor_page(desk)
    sessions.end_all(desk.work, desk.user, "second factor set up", but=desk.member.session)
    return desk.page("account/recovery-codes.html", codes=codes)


@pages.post("/second-factor/codes", needs=Permission.SIGNED_IN)
def new_codes(desk: Desk) -> Response:
    """Fresh recovery codes, shown this once; those before are void."""
    _must_prove(desk)
    if desk.form.errors:
        return _show(desk)
    return desk.page("account/recovery-codes.html", codes=factors.new_recovery_codes(desk.work, desk.user))


@pages.post("/second-factor/remove", needs=Permission.SIGNED_IN)
def remove(desk: Desk) -> Response:
    _must_prove(desk)
    if desk.form.errors:
        return _show(desk)
    factors.remove(desk.work, desk.user, "by the account's owner")
    return desk.done("/account", "Your account has no second factor any more.")


def _must_prove(desk: Desk) -> None:
    """Whoever finds an open browser must not be able to take the account over, nor to guess how."""
    if refused := sessions.proves(desk.work, desk.user, desk.form.value("current"), client_of(desk.request)):
        desk.form.fault("current", refused.why)


def _second_factor_page(desk: Desk) -> Response:
    secret = factors.shared(desk.user, safe_of(desk.app.settings))
    code = segno.make(factors.address(desk.user, secret), micro=False) if secret else None
    drawing = markup(code.svg_inline(scale=4, border=2, omitsize=True)) if code else ""
    return desk.page(
        "account/second-factor.html",
        secret=secret,
        drawing=drawing,
        set_up=desk.user.totp_confirmed_at is not None,
        required=desk.app.settings.needs_second_factor,
    )
