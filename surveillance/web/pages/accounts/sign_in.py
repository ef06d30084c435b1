"""Coming in and going out: the first administrator, name and password, the second factor, the end of a session."""

import hmac
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import Response

from surveillance.core.words import Role
from surveillance.operations.accounts import second_factor, sessions, users
from surveillance.operations.accounts.users import NewUser
from surveillance.operations.administration import sites
from surveillance.settings import Settings
from surveillance.store.tables import User
from surveillance.web import cookies
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext, own_address
from surveillance.web.pages.routing import Pages
from surveillance.web.words import language_name

pages = Pages()

TOO_MANY = 429


@pages.get("/sign-in", needs=Permission.PUBLIC)
def sign_in_page(context: PageContext) -> Response:
    """Where everybody starts. A service without staff asks for its first administrator."""
    if context.member is not None and context.member.session.proven_at is not None:
        return context.go(_wanted(context))
    if not users.has_staff(context.session):
        return context.go("/first-run")
    return _sign_in_page(context)


@pages.post("/sign-in", needs=Permission.PUBLIC)
def sign_in(context: PageContext) -> Response:
    """Name and password; then, where there is one, the second factor."""
    form = context.form
    username = form.text("username", "your user name", required=True)
    password = form.value("password")
    if not password:
        form.fault("password", "Enter your password")
    if not form.ok:
        return _sign_in_page(context)
    found = sessions.sign_in(context.work, username, password, client_of(context.request))
    if isinstance(found, sessions.Refused):
        form.fault("", found.why)
        return _sign_in_page(context, TOO_MANY if found.wait else None)
    return signed_in(context, found, "password", proven=found.totp_confirmed_at is None)


def _sign_in_page(context: PageContext, status: int | None = None) -> Response:
    wanted = own_address(context.form.value("next") or context.request.query_params.get("next", ""), "")
    ended = context.request.query_params.get("ended") == "yes"
    settings = context.app.settings
    return context.page(
        "accounts/sign-in.html",
        wanted=wanted,
        ended=ended,
        production=settings.is_production,
        oidc_name=settings.oidc_name if context.app.single_sign_on else "",
        status=status,
    )


def signed_in(context: PageContext, user: User, how: str, *, proven: bool) -> Response:
    """Give the browser a session of this user's, whatever proved who it is, and lead on to the page that was wanted."""
    context.work.actor = users.actor_of(user)
    if context.member is not None:  # somebody else at the same browser
        sessions.end(context.work, context.member.session, "signed in anew")
    secret = sessions.open_session(context.work, user, how, proven=proven)
    response = context.go(_wanted(context) if proven else f"/sign-in/code?{urlencode({'next': _wanted(context)})}")
    cookies.keep_session(response, context.app, secret)
    return response


def _wanted(context: PageContext) -> str:
    return own_address(context.form.value("next") or context.request.query_params.get("next", ""), "/")


@pages.get("/sign-in/code", needs=Permission.PENDING)
def code_page(context: PageContext) -> Response:
    """The second factor: a code of the telephone, or a recovery code."""
    if context.member is not None and context.member.session.proven_at is not None:
        return context.go(_wanted(context))
    return context.page("accounts/code.html", wanted=_wanted(context))


@pages.post("/sign-in/code", needs=Permission.PENDING)
def code(context: PageContext) -> Response:
    form, status = context.form, None
    given = form.text("code", "the code", required=True)
    if form.ok:
        safe = safe_of(context.app.settings)
        refused = sessions.second_factor(context.work, context.user, safe, given, client_of(context.request))
        if refused is not None:
            form.fault("code", refused.why)
            status = TOO_MANY if refused.wait else None
    if form.errors or context.member is None:
        return context.page("accounts/code.html", wanted=_wanted(context), status=status)
    context.member.session.proven_at = context.work.now
    return context.go(_wanted(context))


@pages.post("/sign-out", needs=Permission.PENDING)
def sign_out(context: PageContext) -> Response:
    """End the session, in the browser and on the server."""
    if context.member is not None:
        sessions.end(context.work, context.member.session, "signed out")
        context.work.audit("user.sign_out", context.user)
    response = context.go("/sign-in")
    cookies.forget_session(response, context.app)
    return response


@pages.post("/session", needs=Permission.SIGNED_IN)
def keep_alive(_desk: PageContext) -> Response:
    """Somebody types into a long form: the session is in use."""
    return Response(status_code=204)


# -- the first administrator -----------------------------------------------------------------------------------


@pages.get("/first-run", needs=Permission.PUBLIC)
def first_run_page(context: PageContext) -> Response:
    """While nobody has an account, whoever sets the service up makes the first one, with the first clinic."""
    if users.has_staff(context.session):
        return context.go("/sign-in")
    return _first_run_page(context, Form.filled(zone="Europe/London", country="GB", language="en"))


def _first_run_page(context: PageContext, form: Form) -> Response:
    languages = [(code, language_name(code)) for code in sorted(context.work.catalogue.messages)]
    production = context.app.settings.is_production
    return context.page("accounts/first-run.html", form=form, languages=languages, asks_code=production)


@pages.post("/first-run", needs=Permission.PUBLIC)
def first_run(context: PageContext) -> Response:
    form = context.form
    if users.has_staff(context.session):
        return context.go("/sign-in")
    _check_setup_code(context, form)
    user = _first_user(form)
    site = _first_site(form)
    if form.value("password") != form.value("again"):
        form.fault("again", "The two passwords differ")
    if form.ok:
        with form.trying(context.session):
            made = sites.add_site(context.work, site)
            admin = users.add_user(context.work, user, made, Role.ADMIN)
            admin.must_change_password = False
    if form.errors:
        return _first_run_page(context, form)
    return signed_in(context, admin, "first run", proven=True)


def _first_user(form: Form) -> NewUser:
    return NewUser(
        form.text("username", "a user name", required=True),
        form.text("name", "your name", required=True),
        form.text("email", "your email address"),
        form.value("password"),
    )


def _first_site(form: Form) -> sites.NewSite:
    return sites.NewSite(
        form.text("code", "a code for the clinic", required=True, longest=32),
        form.text("site_name", "the clinic's name", required=True),
        form.text("short_name", "the clinic's short name", required=True, longest=32),
        form.text("zone", "the clinic's time zone", required=True),
        form.text("country", "the clinic's country", required=True).upper(),
        form.text("phone", "the clinic's phone number", required=True),
        languages=form.many("language") or ("en",),
    )


def _check_setup_code(context: PageContext, form: Form) -> None:
    """In production an open first-run page would let any stranger in who is quicker than the administrator."""
    if not context.app.settings.is_production:
        return
    given = "".join(form.value("setup_code").split()).lower()
    if not hmac.compare_digest(given.encode(), context.app.settings.setup_code.encode()):
        form.fault("setup_code", "This is not the set-up code; 'surveillance doctor' shows it on the server")


def safe_of(settings: Settings) -> second_factor.Safe:
    return second_factor.Safe(settings.secret_key.get_secret_value())


def client_of(request: Request) -> str:
    """The address that a request came from, as far as the server trusts its proxy to tell."""
    return request.client.host if request.client else ""
