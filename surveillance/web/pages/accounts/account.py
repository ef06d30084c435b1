"""One's own account: where one works, the password, the second factor with its recovery codes."""

import segno
from fastapi.responses import Response

from surveillance.operations.accounts import second_factor as second_factors
from surveillance.operations.accounts import sessions, users
from surveillance.web.access import Permission
from surveillance.web.page_context import PageContext
from surveillance.web.pages.accounts.sign_in import client_of, safe_of
from surveillance.web.pages.routing import Pages
from surveillance.web.render import markup
from surveillance.web.words import ROLE

pages = Pages(prefix="/account")


@pages.get("", needs=Permission.SIGNED_IN)
def show(context: PageContext) -> Response:
    return _show(context)


def _show(context: PageContext) -> Response:
    roles = [(site, ROLE[role]) for site, role in users.roles_of(context.work, context.user)]
    return context.page(
        "accounts/account.html", roles=roles, codes=second_factors.codes_left(context.work, context.user)
    )


@pages.get("/password", needs=Permission.PENDING)
def password_page(context: PageContext) -> Response:
    return context.page("accounts/password.html")


@pages.post("/password", needs=Permission.PENDING)
def password(context: PageContext) -> Response:
    """A new password; every other session of the account ends."""
    form, user = context.form, context.user
    if context.member is None or context.member.session.proven_at is None:
        return context.go("/sign-in/code")
    _must_prove(context)
    if form.value("password") != form.value("again"):
        form.fault("again", "The two passwords differ")
    if form.value("password") == form.value("current"):
        form.fault("password", "Choose another password than the present one")
    if form.ok:
        with form.trying(context.session, "password"):
            users.reset_password(context.work, user, form.value("password"))
    if form.errors:
        return context.page("accounts/password.html")
    sessions.end_all(context.work, user, "password changed", but=context.member.session)
    return context.done("/account", "Your password is changed.")


@pages.get("/second-factor", needs=Permission.PENDING)
def second_factor_page(context: PageContext) -> Response:
    return _second_factor_page(context)


@pages.post("/second-factor", needs=Permission.PENDING)
def second_factor(context: PageContext) -> Response:
    """Begin to set a second factor up: a secret for the telephone."""
    if context.member is None or context.member.session.proven_at is None:
        return context.go("/sign-in/code")
    second_factors.begin(context.work, context.user, safe_of(context.app.settings))
    return context.go("/account/second-factor")


@pages.post("/second-factor/confirm", needs=Permission.PENDING)
def confirm(context: PageContext) -> Response:
    """The telephone proves that it has the secret; the recovery codes are shown this once.

    Sessions that were opened with less end.
    """
    form = context.form
    if context.member is None or context.member.session.proven_at is None:
        return context.go("/sign-in/code")
    code = form.text("code", "the code that the telephone shows", required=True)
    if form.ok:
        with form.trying(context.session, "code"):
            codes = second_factors.confirm(context.work, context.user, safe_of(context.app.settings), code)
    if form.errors:
        return _second_factor_page(context)
    sessions.end_all(context.work, context.user, "second factor set up", but=context.member.session)
    return context.page("accounts/recovery-codes.html", codes=codes)


@pages.post("/second-factor/codes", needs=Permission.SIGNED_IN)
def new_codes(context: PageContext) -> Response:
    """Fresh recovery codes, shown this once; those before are void."""
    _must_prove(context)
    if context.form.errors:
        return _show(context)
    return context.page(
        "accounts/recovery-codes.html", codes=second_factors.new_recovery_codes(context.work, context.user)
    )


@pages.post("/second-factor/remove", needs=Permission.SIGNED_IN)
def remove(context: PageContext) -> Response:
    _must_prove(context)
    if context.form.errors:
        return _show(context)
    second_factors.remove(context.work, context.user, "by the account's owner")
    return context.done("/account", "Your account has no second factor any more.")


def _must_prove(context: PageContext) -> None:
    """Whoever finds an open browser must not be able to take the account over, nor to guess how."""
    if refused := sessions.proves(
        context.work, context.user, context.form.value("current"), client_of(context.request)
    ):
        context.form.fault("current", refused.why)


def _second_factor_page(context: PageContext) -> Response:
    secret = second_factors.shared(context.user, safe_of(context.app.settings))
    code = segno.make(second_factors.address(context.user, secret), micro=False) if secret else None
    drawing = markup(code.svg_inline(scale=4, border=2, omitsize=True)) if code else ""
    return context.page(
        "accounts/second-factor.html",
        secret=secret,
        drawing=drawing,
        set_up=context.user.totp_confirmed_at is not None,
        required=context.app.settings.needs_second_factor,
    )
