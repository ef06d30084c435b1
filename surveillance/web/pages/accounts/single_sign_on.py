"""Signing in with the hospital's single sign-on.

The way there and back: a button → the issuer → an answer whose code is redeemed here → a form that opens the session.
The answer comes as a GET, which changes nothing; who it named travels sealed in a cookie to the form's POST.
"""

import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken
from fastapi.responses import Response

from surveillance.core.errors import ForbiddenError, NotFoundError
from surveillance.core.people.identity import Flow, Identity
from surveillance.operations.accounts import sessions, single_sign_on
from surveillance.operations.accounts.sessions import Refused
from surveillance.providers.oidc import OpenIdProvider
from surveillance.web import cookies
from surveillance.web.access import Permission
from surveillance.web.page_context import PageContext, own_address
from surveillance.web.pages.accounts.sign_in import signed_in
from surveillance.web.pages.routing import Pages

pages = Pages(prefix="/sign-in/oidc")

PATIENCE: Final = 600  # seconds that somebody may take at the issuer
AT_ONCE: Final = 120  # seconds from the issuer's answer to the session
_BYTES: Final = 32
_LOST: Final = "this sign-in was not begun in this browser, or too long ago; start again"


@pages.get("", needs=Permission.PUBLIC)
def begin(context: PageContext) -> Response:
    """Off to the issuer, with what will prove that the answer belongs to this browser."""
    wanted = own_address(context.request.query_params.get("next", ""), "/")
    state, nonce, verifier = (secrets.token_urlsafe(_BYTES) for _ in range(3))
    flow = Flow(state, nonce, verifier, wanted)
    response = context.go(_provider(context).address(flow))
    cookies.keep_single_sign_on(response, context.app, _sealed(context, "flow", asdict(flow)))
    return response


@pages.get("/callback", needs=Permission.PUBLIC)
def callback(context: PageContext, code: str = "", state: str = "", error: str = "") -> Response:
    """The issuer's answer: who it is stands on the page, and the form on it opens the session."""
    flow = Flow(**_opened(context, "flow", PATIENCE))
    if not compare_digest(state.encode(), flow.state.encode()):
        raise ForbiddenError(_LOST)
    if error or not code:
        return _refused(context, "You were not signed in there.", flow.wanted)
    identity = _provider(context).identity(code, flow, context.work.now)
    user = single_sign_on.account_of(context.session, identity)
    if isinstance(user, Refused):
        return _refused(context, user.why, flow.wanted)
    response = context.page(
        "accounts/single-sign-on.html", user=user, wanted=flow.wanted, name=context.app.settings.oidc_name
    )
    cookies.keep_single_sign_on(response, context.app, _sealed(context, "identity", asdict(identity)))
    return response


@pages.post("", needs=Permission.PUBLIC)
def enter(context: PageContext) -> Response:
    """The session, for whom the issuer named a moment ago in this browser."""
    _provider(context)
    found = single_sign_on.admit(context.work, Identity(**_opened(context, "identity", AT_ONCE)))
    if isinstance(found, Refused):
        return _refused(context, found.why, "/")
    response = signed_in(context, found, sessions.SINGLE_SIGN_ON, proven=True)
    cookies.keep_single_sign_on(response, context.app, "")
    return response


def _provider(context: PageContext) -> OpenIdProvider:
    """Raises NotFoundError where there is no single sign-on."""
    if context.app.single_sign_on is None:
        raise NotFoundError("this service has no single sign-on")
    return context.app.single_sign_on


def _refused(context: PageContext, why: str, wanted: str) -> Response:
    response = context.page("accounts/single-sign-on.html", user=None, why=why, wanted=wanted, status=403)
    cookies.keep_single_sign_on(response, context.app, "")
    return response


# -- what the browser carries without being able to read or change it ---------------------------------------------


def _sealed(context: PageContext, purpose: str, value: dict[str, Any]) -> str:
    content = json.dumps([purpose, value]).encode()
    return _box(context).encrypt_at_time(content, _seconds(context.work.now)).decode()


def _opened(context: PageContext, purpose: str, longest: int) -> dict[str, Any]:
    """Raises ForbiddenError where it is not of this service, too old, or meant for another step."""
    sealed = cookies.single_sign_on(context.request)
    try:
        content = _box(context).decrypt_at_time(sealed.encode(), longest, _seconds(context.work.now))
    except InvalidToken as error:
        raise ForbiddenError(_LOST) from error
    found, value = json.loads(content)
    if found != purpose:
        raise ForbiddenError(_LOST)
    return dict(value)


def _box(context: PageContext) -> Fernet:
    key = context.app.settings.secret_key.get_secret_value()
    return Fernet(urlsafe_b64encode(sha256(b"single sign-on:" + key.encode()).digest()))


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
