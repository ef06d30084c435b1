"""Coming in and going out: the first administrator, name and password, the second factor, the end of a session."""

import hmac
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import Response

from surveillance.core.words import Role
from surveillance.operations import accounts, factors, registry, sessions
from surveillance.operations.accounts import NewUser
from surveillance.settings import Settings
from surveillance.store.tables import User
from surveillance.web import cookies
from surveillance.web.access import Permission
from surveillance.web.desk import Desk, own_address
from surveillance.web.forms import Form
from surveillance.web.pages import Pages
from surveillance.web.words import language_name

pages = Pages()

TOO_MANY = 429


@pages.get("/sign-in", needs=Permission.PUBLIC)
def sign_in_page(desk: Desk) -> Response:
    """Where everybody starts. A service without staff asks for its first administrator."""
    if desk.member is not None and desk.member.session.proven_at is not None:
        return desk.go(_wanted(desk))
    if not accounts.has_staff(desk.session):
        return desk.go("/first-run")
    return _sign_in_page(desk)


@pages.post("/sign-in", needs=Permission.PUBLIC)
def sign_in(desk: Desk) -> Response:
    """Name and password; then, where there is one, the second factor."""
    form = desk.form
    username = form.text("username", "your user name", required=True)
    password = form.value("password")
    if not password:
        form.fault("password", "Enter your password")
    if not form.ok:
        return _sign_in_page(desk)
    found = sessions.sign_in(desk.work, username, password, client_of(desk.request))
    if isinstance(found, sessions.Refused):
        form.fault("", found.why)
        return _sign_in_page(desk, TOO_MANY if found.wait else None)
    return signed_in(desk, found, "password", proven=found.totp_confirmed_at is None)


def _sign_in_page(desk: Desk, status: int | None = None) -> Response:
    wanted = own_address(desk.form.value("next") or desk.request.query_params.get("next", ""), "")
    ended = desk.request.query_params.get("ended") == "yes"
    settings = desk.app.settings
    return desk.page(
        "account/sign-in.html",
        wanted=wanted,
        ended=ended,
        production=settings.is_production,
        oidc_name=settings.oidc_name if desk.app.single_sign_on else "",
        status=status,
    )


def signed_in(desk: Desk, user: User, how: str, *, proven: bool) -> Response:
    """Give the browser a session of this user's, whatever proved who it is, and lead on to the page that was wanted."""
    desk.work.actor = accounts.actor_of(user)
    if desk.member is not None:  # somebody else at the same browser
        sessions.end(desk.work, desk.member.session, "signed in anew")
    secret = sessions.open_session(desk.work, user, how, proven=proven)
    response = desk.go(_wanted(desk) if proven else f"/sign-in/code?{urlencode({'next': _wanted(desk)})}")
    cookies.keep_session(response, desk.app, secret)
    return response


def _wanted(desk: Desk) -> str:
    return own_address(desk.form.value("next") or desk.request.query_params.get("next", ""), "/")


@pages.get("/sign-in/code", needs=Permission.PENDING)
def code_page(desk: Desk) -> Response:
    """The second factor: a code of the telephone, or a recovery code."""
    if desk.member is not None and desk.member.session.proven_at is not None:
        return desk.go(_wanted(desk))
    return desk.page("account/code.html", wanted=_wanted(desk))


@pages.post("/sign-in/code", needs=Permission.PENDING)
def code(desk: Desk) -> Response:
    form, status = desk.form, None
    given = form.text("code", "the code", required=True)
    if form.ok:
        safe = safe_of(desk.app.settings)
        refused = sessions.second_factor(desk.work, desk.user, safe, given, client_of(desk.request))
        if refused is not None:
            form.fault("code", refused.why)
            status = TOO_MANY if refused.wait else None
    if form.errors or desk.member is None:
        return desk.page("account/code.html", wanted=_wanted(desk), status=status)
    desk.member.session.proven_at = desk.work.now
    return desk.go(_wanted(desk))


@pages.post("/sign-out", needs=Permission.PENDING)
def sign_out(desk: Desk) -> Response:
    """End the session, in the browser and on the server."""
    if desk.member is not None:
        sessions.end(desk.work, desk.member.session, "signed out")
        desk.work.audit("user.sign_out", desk.user)
    response = desk.go("/sign-in")
    cookies.forget_session(response, desk.app)
    return response


@pages.post("/session", needs=Permission.SIGNED_IN)
def keep_alive(_desk: Desk) -> Response:
    """Somebody types into a long form: the session is in use."""
    return Response(status_code=204)


# -- the first administrator -----------------------------------------------------------------------------------


@pages.get("/first-run", needs=Permission.PUBLIC)
def first_run_page(desk: Desk) -> Response:
    """While nobody has an account, whoever sets the service up makes the first one, with the first clinic."""
    if accounts.has_staff(desk.session):
        return desk.go("/sign-in")
    return _first_run_page(desk, Form.filled(zone="Europe/London", country="GB", language="en"))


def _first_run_page(desk: Desk, form: Form) -> Response:
    languages = [(code, language_name(code)) for code in sorted(desk.work.catalogue.messages)]
    production = desk.app.settings.is_production
    return desk.page("account/first-run.html", form=form, languages=languages, asks_code=production)


@pages.post("/first-run", needs=Permission.PUBLIC)
def first_run(desk: Desk) -> Response:
    form = desk.form
    if accounts.has_staff(desk.session):
        return desk.go("/sign-in")
    _check_setup_code(desk, form)
    user = _first_user(form)
    site = _first_site(form)
    if form.value("password") != form.value("again"):
        form.fault("again", "The two passwords differ")
    if form.ok:
        with form.trying(desk.session):
            made = registry.add_site(desk.work, site)
            admin = accounts.add_user(desk.work, user, made, Role.ADMIN)
            admin.must_change_password = False
    if form.errors:
        return _first_run_page(desk, form)
    return signed_in(desk, admin, "first run", proven=True)


def _first_user(form: Form) -> NewUser:
    return NewUser(
        form.text("username", "a user name", required=True),
        form.text("name", "your name", required=True),
        form.text("email", "your email address"),
        form.value("password"),
    )


def _first_site(form: Form) -> registry.NewSite:
    return registry.NewSite(
        form.text("code", "a code for the clinic", required=True, longest=32),
        form.text("site_name", "the clinic's name", required=True),
        form.text("short_name", "the clinic's short name", required=True, longest=32),
        form.text("zone", "the clinic's time zone", required=True),
        form.text("country", "the clinic's country", required=True).upper(),
        form.text("phone", "the clinic's phone number", required=True),
        languages=form.many("language") or ("en",),
    )


def _check_setup_code(desk: Desk, form: Form) -> None:
    """In production an open first-run page would let any stranger in who is quicker than the administrator."""
    if not desk.app.settings.is_production:
        return
    given = "".join(form.value("setup_code").split()).lower()
    if not hmac.compare_digest(given.encode(), desk.app.settings.setup_code.encode()):
        form.fault("setup_code", "This is not the set-up code; 'surveillance doctor' shows it on the server")


def safe_of(settings: Settings) -> factors.Safe:
    return factors.Safe(settings.secret_key.get_secret_value())


def client_of(request: Request) -> str:
    """The address that a request came from, as far as the server trusts its proxy to tell."""
    return request.client.host if request.client else ""
