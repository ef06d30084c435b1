"""The door of a patient's own page: the link is the key, and a birth date opens the rest for half an hour.

Whoever comes with a link that is none, is closed, or comes too often is told so in a language that they may read.
"""

import hmac
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, wraps
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse, Response

from surveillance.bootstrap import system_actor
from surveillance.core.errors import NotFoundError
from surveillance.core.languages import candidates, direction
from surveillance.core.texts.message_book import MessageBook
from surveillance.operations.accounts import rate_limits
from surveillance.operations.calendars import page_addresses
from surveillance.operations.calendars.page_addresses import State
from surveillance.operations.patient_page import acts
from surveillance.operations.patient_page import page as patient_page
from surveillance.operations.patient_page.page import View
from surveillance.operations.registry.phones import readable
from surveillance.operations.work import Work
from surveillance.store.tables import Patient, PatientPage
from surveillance.web import cookies, render
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.accounts.sign_in import client_of
from surveillance.web.rate_limits import Pace

OPEN_FOR: Final = timedelta(minutes=30)  # after the birth date was given
SPAN: Final = timedelta(minutes=5)
LOOKS_BY_CLIENT: Final = 600  # in a span and process; a mobile network has few addresses for many people
LOOKS_BY_LINK: Final = 120
UNKNOWN_BY_CLIENT: Final = 30
ACTS_BY_LINK: Final = 40  # in fifteen minutes, over all processes
WRONG_BY_CLIENT: Final = 20
SAFE: Final = frozenset({"GET", "HEAD"})
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
GONE, NONE, BUSY, FORBIDDEN = 410, 404, 429, 403


@dataclass
class Paces:
    """What a process counts of those who come with links."""

    clients: Pace
    links: Pace
    unknown: Pace


def new_paces() -> Paces:
    return Paces(Pace(LOOKS_BY_CLIENT, SPAN), Pace(LOOKS_BY_LINK, SPAN), Pace(UNKNOWN_BY_CLIENT, SPAN))


@dataclass
class Guest:
    """Somebody who came with a link that is good."""

    context: PageContext
    secret: str
    page: PatientPage

    @property
    def work(self) -> Work:
        return self.context.work

    @property
    def form(self) -> Form:
        return self.context.form

    @cached_property
    def opened(self) -> bool:
        """Whether this browser gave the birth date within the last half hour, and nobody guessed too often since."""
        given = cookies.own_page(self.context.request, self.page.id)
        until, _, _ = given.partition(".")
        if self.page.locked_at is not None or not _SECONDS.fullmatch(until):
            return False
        good = hmac.compare_digest(given.encode(), self.seal(int(until)).encode())
        return good and int(until) > self.work.now.timestamp()

    def seal(self, until: int) -> str:
        """What this browser shows until then: it is bound to the page and to the birth date as it is recorded."""
        born = self.work.session.get_one(Patient, self.page.patient_id).birth_date
        key = self.context.app.settings.secret_key.get_secret_value()
        signed = hmac.new(key.encode(), f"page:{self.page.id}:{born}:{until}".encode(), sha256).hexdigest()
        return f"{until}.{signed}"

    @cached_property
    def wanted(self) -> str:
        """The language that somebody looks at the page in, if it is another than the page's own."""
        return self.context.request.query_params.get("lang", "")[:20]

    @cached_property
    def view(self) -> View:
        return patient_page.gather(self.work, self.page, opened=self.opened, wanted=self.wanted)

    def address(self, rest: str = "", **query: str) -> str:
        """An address of this page's, in the language that it is looked at in."""
        kept = {name: value for name, value in ({"lang": self.wanted} | query).items() if value}
        return f"/p/{self.secret}{rest}{f'?{urlencode(kept)}' if kept else ''}"

    def in_language(self, language: str) -> str:
        """The page at hand in another language; what a form answered is looked at where the form was."""
        path = self.context.request.url.path
        alone = self.context.request.method in SAFE or path.endswith(("/another-day", "/stop"))
        return f"{path if alone else self.address().partition('?')[0]}?lang={language}"

    def show(self, template: str, **values: Any) -> Response:
        """A page, in its language; 422 where its form has mistakes."""
        view = self.view
        shown: dict[str, Any] = {"guest": self, "view": view, "w": view.words, "language": view.choice.locale}
        return self.context.page(f"patient_page/{template}", **shown, direction=direction(view.choice.locale), **values)

    def done(self, what: str = "", rest: str = "") -> Response:
        """Back to the page, which says what was done; ``what`` is a name of its texts."""
        return self.context.go(self.address(rest, done=what))


def guest(page: Callable[..., Response]) -> Callable[..., Response]:
    """A page of somebody who came with a link: ``page(guest, …)``. All others are answered here."""

    @wraps(page)
    def entered(context: PageContext, secret: str, **values: Any) -> Response:
        found = _enter(context, secret)
        if not isinstance(found, Guest):
            return found
        try:
            return page(found, **values)
        except NotFoundError:
            return plainly(context, "unknown", NONE, found.view.speech.book)

    own = list(inspect.signature(page, eval_str=True).parameters.values())[1:]
    first = [_parameter("context", PageContext), _parameter("secret", str)]
    vars(entered)["__signature__"] = inspect.Signature([*first, *own])
    return entered


def _parameter(name: str, kind: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind)


def _enter(context: PageContext, secret: str) -> Guest | Response:
    now, client = context.work.now, client_of(context.request)
    paces: Paces = context.request.app.state.paces
    if wait := paces.clients.wait(client, now):
        return busy(context, wait)
    found = page_addresses.resolve(context.session, secret, now)
    if found is None:
        wait = paces.unknown.wait(client, now)
        return busy(context, wait) if wait else plainly(context, "unknown", NONE)
    page, state = found
    if state is not State.OPEN:
        return _closed(context, page, state)
    wait = paces.links.wait(str(page.id), now) or _acts_too_often(context, page)
    if wait:
        return busy(context, wait)
    context.work.actor = acts.actor(system_actor(context.session))
    return Guest(context, secret, page)


def _acts_too_often(context: PageContext, page: PatientPage) -> timedelta | None:
    """Whatever is sent with a link counts in the database, so that the count holds over all processes."""
    if context.request.method != "POST":
        return None
    subject = f"page:{page.id}"
    wait = rate_limits.must_wait(context.work, subject, ACTS_BY_LINK)
    if wait is None:
        rate_limits.count(context.work, subject)
    return wait


# -- those who do not come in ------------------------------------------------------------------------------------


def _closed(context: PageContext, page: PatientPage, state: State) -> Response:
    """A link that expired says where a new one is. One that was revoked and one of somebody who died say the same
    and nothing of the clinic: whoever holds them learns nothing from it."""
    site, book = context.work.site(page.site_id), _book(context, page)
    if state is State.EXPIRED:
        return plainly(context, "expired", GONE, book, clinic=site.short_name, phone=readable(site.phone))
    return plainly(context, "closed", GONE, book)


def busy(context: PageContext, wait: timedelta) -> Response:
    answer = plainly(context, "busy", BUSY)
    answer.headers["Retry-After"] = str(max(1, round(wait.total_seconds())))
    return answer


def forged(context: PageContext, secret: str, **_: Any) -> Response:
    """The form came without this browser's cookie: nothing was done, and the second try has the cookie."""
    paces: Paces = context.request.app.state.paces
    if wait := paces.clients.wait(client_of(context.request), context.work.now):
        return busy(context, wait)
    found = page_addresses.resolve(context.session, secret, context.work.now)
    book = _book(context, found[0]) if found is not None else None
    return plainly(context, "retry", FORBIDDEN, book, back=f"/p/{secret}")


def _book(context: PageContext, page: PatientPage) -> MessageBook:
    site = context.work.site(page.site_id)
    return context.work.catalogue.messages[patient_page.choose(context.work, site, page.language).language]


def plainly(
    context: PageContext, what: str, status: int, book: MessageBook | None = None, *, back: str = "", **values: str
) -> Response:
    """A page with one sentence on it; without ``book`` in the browser's language."""
    spoken = book or _spoken(context)
    told = {
        "w": spoken.page,
        "language": spoken.language,
        "direction": direction(spoken.language),
        "heading": spoken.page.said(f"{what}_title"),
        "text": spoken.page.said(what, **values),
        "back": back,
    }
    return HTMLResponse(render.render("patient_page/plain.html", told), status)


def _spoken(context: PageContext) -> MessageBook:
    """The first language of the browser's that there are texts in, else English or whatever there is."""
    books = context.work.catalogue.messages
    header = context.request.headers.get("accept-language", "")[:200]
    tags = [part.partition(";")[0].strip() for part in header.split(",")]
    wanted = (language for tag in tags if tag for language in candidates(tag))
    return books[next((language for language in wanted if language in books), "en" if "en" in books else min(books))]
