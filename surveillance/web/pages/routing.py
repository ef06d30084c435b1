"""A router whose functions are given a ``PageContext``: one transaction each, opened and closed here, with one commit.

A GET reads and changes nothing but the audit trail, after the page is made and before it is sent. Everything else is
one writing transaction. A route that does not say what it needs cannot be made.
"""

import hmac
import inspect
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Concatenate, Final, ParamSpec

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlmodel import Session, select
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from surveillance.bootstrap import App, system_actor
from surveillance.core.errors import ForbiddenError
from surveillance.operations.accounts import sessions
from surveillance.operations.work import Actor
from surveillance.store import db
from surveillance.store.tables import Membership, WebSession
from surveillance.web import access, cookies
from surveillance.web.access import Permission
from surveillance.web.errors import MustChooseError, SignInRequiredError
from surveillance.web.forms import Form
from surveillance.web.page_context import Member, PageContext, Shell, audit_looks, forgery_token

P = ParamSpec("P")
Page = Callable[Concatenate[PageContext, P], Response]

SAFE: Final = frozenset({"GET", "HEAD"})
MOST_FIELDS: Final = 2000
FORGERY_FIELD: Final = "token"
FORGERY_HEADER: Final = "X-Form-Token"


async def sent_form(request: Request) -> FormData:
    """The form that was sent, if any; read here, as a page itself is not asynchronous."""
    if request.method in SAFE:
        return FormData()
    return await request.form(max_fields=MOST_FIELDS, max_files=1)


class Pages:
    """Routes of pages; ``router`` is what the application includes.

    ``forged`` is the page for a form whose token is not right, where readers would not understand the usual one.
    """

    def __init__(self, prefix: str = "", *, forged: Callable[..., Response] | None = None) -> None:
        self.router = APIRouter(prefix=prefix, include_in_schema=False)
        self._forged = forged

    def get(self, path: str, *, needs: Permission, head: bool = False) -> Callable[[Page[P]], Page[P]]:
        """``head``: programs may ask whether there is a page, as those do that preview links."""
        return self._route(["GET", "HEAD"] if head else ["GET"], path, needs)

    def post(self, path: str, *, needs: Permission, largest: int | None = None) -> Callable[[Page[P]], Page[P]]:
        """``largest``: bytes of a form that carries a file; all others stay below ``app.LARGEST_BODY``."""
        return self._route(["POST"], path, needs, largest)

    def _route(
        self, methods: list[str], path: str, needs: Permission, largest: int | None = None
    ) -> Callable[[Page[P]], Page[P]]:
        def add(page: Page[P]) -> Page[P]:
            endpoint = _endpoint(page, needs, self._forged)
            self.router.add_api_route(path, endpoint, methods=methods, response_model=None, max_body_size=largest)
            return page

        return add


def _endpoint(
    page: Callable[..., Response], needs: Permission, forged: Callable[..., Response] | None
) -> Callable[..., Any]:
    """The page without its context, with the request and the form: FastAPI reads both from the signature."""
    own = list(inspect.signature(page, eval_str=True).parameters.values())[1:]

    async def endpoint(request: Request, sent: FormData, **values: Any) -> Response:
        return await run_in_threadpool(_answer, request, Form.sent(sent), page, needs, values, forged)

    form = Annotated[FormData, Depends(sent_form)]
    parameters = [_parameter("request", Request), _parameter("sent", form)]
    parameters += [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    vars(endpoint)["__signature__"] = inspect.Signature(parameters)
    endpoint.__name__, endpoint.__doc__ = page.__name__, page.__doc__
    return access.states(endpoint, needs)


def _parameter(name: str, kind: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind)


def _answer(
    request: Request,
    form: Form,
    page: Callable[..., Response],
    needs: Permission,
    values: Mapping[str, Any],
    forged: Callable[..., Response] | None,
) -> Response:
    app: App = request.app.state.app
    now: datetime = request.app.state.clock()
    token = _forgery_token(request, app)
    looks = request.method in SAFE
    if not looks and forged is not None and not _is_ours(request, form, token):
        looks, page, form = True, forged, Form({})
    if looks:
        with db.reading(app.engine) as session:
            context = _open(request, app, session, now, needs, form, token)
            response = page(context, **values)
            member = context.member.session if context.member else None
        _remember(app, now, context, member)
    else:
        # Asked before a transaction is opened: a stranger's request costs no lock.
        _refuse_forged(request, form, token)
        with db.writing(app.engine) as session:
            context = _open(request, app, session, now, needs, form, token)
            response = page(context, **values)
            audit_looks(context.work, context.looks)
            if context.member is not None:
                context.member.session.seen_at = now
                session.add(context.member.session)
    cookies.keep_visitor(request, response, app)
    return response


def _open(
    request: Request, app: App, session: Session, now: datetime, needs: Permission, form: Form, token: str
) -> PageContext:
    """The context of whoever asks.

    Raises:
        SignInRequiredError: nobody is signed in, and the route is not for everybody.
        MustChooseError: signed in, but a second factor or a new password is still to come.
        ForbiddenError: no site of the user's allows it.
    """
    member = member_of(request, session, now)
    if member is None and needs is not Permission.PUBLIC:
        raise SignInRequiredError
    if member is not None:
        roles, ready = tuple(member.roles.values()), member.session.proven_at is not None
        request.state.shell = Shell(request, member.user.name, roles, ready, token)
    if member is not None and needs not in (Permission.PUBLIC, Permission.PENDING):
        _must_be_ready(app, member)
    if member is not None and not access.allows_anywhere(member.roles.values(), needs):
        raise ForbiddenError(f"{member.user.name} may not open this page: it takes another role")
    actor = Actor(member.user.id, member.user.name) if member else system_actor(session)
    context = PageContext(request, app, app.work(session, actor, now), needs, member, form, token)
    context.notice = member.session.notice if member and request.method in SAFE else ""
    return context


def member_of(request: Request, session: Session, now: datetime) -> Member | None:
    """Who is signed in with the request's cookie; None where nobody is."""
    secret = cookies.session_secret(request)
    found = sessions.resolve(session, secret, now) if secret else None
    if found is None:
        return None
    row, user = found
    held = session.exec(select(Membership).where(Membership.user_id == user.id))
    return Member(user, row, {membership.site_id: membership.role for membership in held})


def _must_be_ready(app: App, member: Member) -> None:
    """What is still to be done before anything else: the second factor, a password of one's own.

    Whoever came in by the hospital's sign-in has proved there what the hospital asks for. The same account may be
    opened by its password, too, and then that is asked for which a password needs.
    """
    user = member.user
    if member.session.proven_at is None:
        raise MustChooseError("/sign-in/code")
    if member.session.how == sessions.SINGLE_SIGN_ON:
        return
    if user.must_change_password and user.password_hash is not None:
        raise MustChooseError("/account/password")
    if app.settings.needs_second_factor and user.totp_confirmed_at is None:
        raise MustChooseError("/account/second-factor")


def _remember(app: App, now: datetime, context: PageContext, row: WebSession | None) -> None:
    """After a look: whose data was shown, that the session is in use, that its notice was read. Often nothing."""
    stale = row is not None and now - row.seen_at > sessions.SEEN_EVERY
    if not context.looks and not context.afterwards and not stale and not context.notice:
        return
    with db.writing(app.engine) as session:
        work = app.work(session, context.work.actor, now)
        audit_looks(work, context.looks)
        for note in context.afterwards:
            note(work)
        mine = session.get(WebSession, row.token_hash) if row is not None else None
        if mine is not None:
            mine.seen_at = max(mine.seen_at, now)
            if mine.notice == context.notice:
                mine.notice = ""


# -- forged requests -------------------------------------------------------------------------------------------


def _forgery_token(request: Request, app: App) -> str:
    secret = cookies.session_secret(request) or cookies.visitor(request)
    return forgery_token(app.settings.secret_key.get_secret_value(), secret)


def _refuse_forged(request: Request, form: Form, token: str) -> None:
    """A form of another site knows neither the cookie nor the token; old browsers, too, send where it came from.

    Raises ForbiddenError.
    """
    if not _is_ours(request, form, token):
        raise ForbiddenError("this form is not valid any more (the session may have ended): load its page again")


def _is_ours(request: Request, form: Form, token: str) -> bool:
    """Whether a form was sent from a page of this service, to this browser."""
    given = form.value(FORGERY_FIELD) or request.headers.get(FORGERY_HEADER, "")
    elsewhere = request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
    return not elsewhere and hmac.compare_digest(given.encode(), token.encode())
