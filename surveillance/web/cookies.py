"""The cookies: a session's secret, a visitor's number for forms that come before it, a single sign-on under way, and
the proof that a patient's birth date was given.

Over https they are bound to this very host (RFC 6265bis, the prefix ``__Host-``) and never sent in clear.
"""

import secrets
from typing import Final
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response

from surveillance.bootstrap import App

SESSION: Final = "surveillance-session"
VISITOR: Final = "surveillance-visitor"
SINGLE_SIGN_ON: Final = "surveillance-single-sign-on"
OWN_PAGE: Final = "surveillance-page"
_VISITOR_BYTES: Final = 16


def session_secret(request: Request) -> str:
    return request.cookies.get(_name(SESSION, request.app.state.app), "")


def visitor(request: Request) -> str:
    """The visitor's number: the one of the cookie, or a new one that ``keep_visitor`` then sets."""
    found = request.cookies.get(_name(VISITOR, request.app.state.app), "")
    if not found:
        found = getattr(request.state, "visitor", "") or secrets.token_urlsafe(_VISITOR_BYTES)
        request.state.visitor = found
    return found


def keep_visitor(request: Request, response: Response, app: App) -> None:
    """Send a number that was made for this request."""
    made = getattr(request.state, "visitor", "")
    if made:
        _set(response, app, VISITOR, made)


def keep_session(response: Response, app: App, secret: str) -> None:
    """Sign a browser in. It forgets the cookie when it is closed; the server ends the session in any case."""
    _set(response, app, SESSION, secret)


def forget_session(response: Response, app: App) -> None:
    response.delete_cookie(_name(SESSION, app), path="/", secure=_secure(app), httponly=True, samesite="lax")


def single_sign_on(request: Request) -> str:
    return request.cookies.get(_name(SINGLE_SIGN_ON, request.app.state.app), "")


def keep_single_sign_on(response: Response, app: App, sealed: str) -> None:
    """What must come back from the hospital's sign-in to this very browser; empty when it is over."""
    _set(response, app, SINGLE_SIGN_ON, sealed)


def own_page(request: Request, page_id: UUID) -> str:
    """What a patient's browser has to show for a birth date that it gave for one page."""
    return request.cookies.get(_name(f"{OWN_PAGE}-{page_id.hex[:8]}", request.app.state.app), "")


def keep_own_page(response: Response, app: App, page_id: UUID, sealed: str, seconds: int) -> None:
    _set(response, app, f"{OWN_PAGE}-{page_id.hex[:8]}", sealed, seconds)


def _set(response: Response, app: App, name: str, value: str, seconds: int | None = None) -> None:
    """``seconds`` None: until the browser is closed."""
    # Lax, not strict: whoever follows a link of a calendar or of a hospital's sign-in stays signed in.
    response.set_cookie(
        _name(name, app), value, max_age=seconds, path="/", secure=_secure(app), httponly=True, samesite="lax"
    )


def _name(name: str, app: App) -> str:
    return f"__Host-{name}" if _secure(app) else name


def _secure(app: App) -> bool:
    return app.settings.public_url.startswith("https:")
