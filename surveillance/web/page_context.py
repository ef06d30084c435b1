"""What a page is given: who asks, at which sites, one transaction, and how to answer.

A page is a function of a ``PageContext``. It commits nothing and asks nobody's cookie: ``pages.routing`` opens the
context and closes it.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session, SQLModel, col, select

from surveillance.bootstrap import App
from surveillance.core.errors import ForbiddenError, NotFoundError
from surveillance.core.words import Role
from surveillance.operations.accounts import users
from surveillance.operations.messages import state
from surveillance.operations.messages.state import State
from surveillance.operations.work import Work
from surveillance.store.tables import Patient, Site, User, WebSession
from surveillance.web import access, render
from surveillance.web.access import Permission
from surveillance.web.forms import Form

R = TypeVar("R", bound=SQLModel)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of staff who is signed in, with a role at each of their sites."""

    user: User
    session: WebSession
    roles: Mapping[UUID, Role]


@dataclass(frozen=True, slots=True)
class Shell:
    """What the frame of a page shows of whoever is signed in, for a page of an error: by then the context is closed."""

    request: Request
    name: str
    roles: tuple[Role, ...]
    ready: bool
    token: str
    notice: str = ""

    @property
    def signed_in(self) -> bool:
        return True

    def may(self, permission: Permission) -> bool:
        """Whether the user may do something at some site."""
        return access.allows_anywhere(self.roles, permission)


@dataclass
class PageContext:
    """One request at work."""

    request: Request
    app: App
    work: Work
    needs: Permission
    member: Member | None
    form: Form
    token: str  # against forged requests; it stands in every form
    looks: list[tuple[str, UUID, UUID]] = field(default_factory=list)  # action, patient, site
    notice: str = ""
    afterwards: list[Callable[[Work], None]] = field(default_factory=list)  # what else a look leaves in the trail

    # -- who, where, when --------------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        return self.work.session

    @property
    def signed_in(self) -> bool:
        return self.member is not None

    @property
    def name(self) -> str:
        """Who asks, for the frame of the page."""
        return self.user.name

    @property
    def ready(self) -> bool:
        """Whether nothing is still to be proved."""
        return self.member is not None and self.member.session.proven_at is not None

    @property
    def user(self) -> User:
        """Who asks. Raises ForbiddenError where nobody is signed in."""
        if self.member is None:
            raise ForbiddenError("nobody is signed in")
        return self.member.user

    def may(self, permission: Permission, site_id: UUID | None = None) -> bool:
        """Whether the user may do something at a site, or at any site at all."""
        if self.member is None:
            return permission is Permission.PUBLIC
        if site_id is None:
            return access.allows_anywhere(self.member.roles.values(), permission)
        return access.allows(self.member.roles.get(site_id), permission)

    @cached_property
    def sites(self) -> list[Site]:
        """The sites at which the user may open this page, by code."""
        return [site for site in self.all_sites if self.may(self.needs, site.id)]

    @cached_property
    def all_sites(self) -> list[Site]:
        """All sites of the user, whatever the role there."""
        return users.sites_of(self.work, self.work.actor) if self.member else []

    @cached_property
    def chosen_sites(self) -> list[Site]:
        """The sites to look at: the one in the address (``?site=CODE``), or all.

        Raises NotFoundError for one that is not the user's.
        """
        code = self.request.query_params.get("site", "")
        return [self.site(code)] if code else self.sites

    @cached_property
    def sending(self) -> State:
        """What keeps messages of these sites back, for the top of a page."""
        return state.state(self.work, self.chosen_sites)

    @property
    def site_ids(self) -> list[UUID]:
        return [site.id for site in self.chosen_sites]

    def site(self, code: str) -> Site:
        """A site by its code. Raises NotFoundError, or ForbiddenError where the role there is not enough."""
        found = next((site for site in self.all_sites if site.code == code), None)
        if found is None:
            raise NotFoundError(f"there is no site {code!r} here")
        self._require(found.id)
        return found

    def today(self, row: Site | Patient | Any) -> date:
        """The local day at a site, or at the site of a record."""
        return self.work.today(row if isinstance(row, Site) else self.work.site(row.site_id))

    # -- records: whatever belongs to another site does not exist here ----------------------------------------------

    def row(self, table: type[R], row_id: UUID) -> R:
        """A record of one of the user's sites.

        Raises:
            NotFoundError: there is none, or it belongs to a site at which the user does not work.
            ForbiddenError: the user's role there is not enough for this route.
        """
        found = self.session.get(table, row_id)
        site_id: UUID | None = getattr(found, "site_id", None)
        if found is None or self.member is None or site_id is None or site_id not in self.member.roles:
            raise NotFoundError("there is no such record here")
        self._require(site_id)
        return found

    def patient(self, patient_id: UUID, action: str = "patient.view") -> Patient:
        """A patient of one of the user's sites; the look is written into the audit trail (45 CFR 164.312(b))."""
        patient = self.row(Patient, patient_id)
        self.looked(patient, action=action)
        return patient

    def looked(self, *patients: Patient, action: str = "patient.view") -> None:
        """Patients whose data the page shows."""
        self.looks.extend((action, patient.id, patient.site_id) for patient in patients)

    def _require(self, site_id: UUID) -> None:
        if not self.may(self.needs, site_id):
            name, code = self.user.name, self.work.site(site_id).code
            raise ForbiddenError(f"{name} may not do this at {code}: the role there is not enough")

    # -- answers -----------------------------------------------------------------------------------------------

    @property
    def live(self) -> bool:
        """Whether a part of a page is asked for, by htmx, and not a whole one."""
        return self.request.headers.get("HX-Request") == "true"

    def page(self, template: str, *, form: Form | None = None, status: int | None = None, **values: Any) -> Response:
        """A page or a part of one; 422 where its form has mistakes."""
        given = form if form is not None else self.form
        if status is None:
            status = 422 if given.errors else 200
        return HTMLResponse(render.render(template, {"context": self, "form": given, **values}), status)

    def go(self, address: str) -> Response:
        """Send the browser elsewhere, to look there (303 after a form was sent)."""
        if self.live:
            return Response(status_code=200, headers={"HX-Redirect": address})
        return RedirectResponse(address, 303)

    def done(self, address: str, notice: str) -> Response:
        """It is done: the next page says so once."""
        if self.member is not None:
            self.member.session.notice = notice
        return self.go(address)

    def back(self, otherwise: str) -> str:
        """Where the form wants to lead afterwards (its field ``back``), if that is an address of ours."""
        return own_address(self.form.value("back") or self.request.query_params.get("back", ""), otherwise)

    def address(self, **changes: Any) -> str:
        """The address of this page with some of its query changed; None or "" takes a name away."""
        query = dict(self.request.query_params) | changes
        kept = {name: str(value) for name, value in query.items() if value not in (None, "")}
        return f"{self.request.url.path}?{urlencode(kept)}" if kept else self.request.url.path


def own_address(address: str, otherwise: str) -> str:
    """An address inside this service; a link that leads elsewhere is not followed after a form."""
    try:
        parts = urlsplit(address)
    except ValueError:  # such as //[
        return otherwise
    inside = address.startswith("/") and not address.startswith(("//", "/\\")) and not parts.netloc
    return address if inside and "\\" not in address and address.isprintable() else otherwise


def forgery_token(key: str, cookie: str) -> str:
    """What every form of a session carries: only this service can make it, and only for this cookie."""
    return hmac.new(key.encode(), f"form:{cookie}".encode(), sha256).hexdigest()


def audit_looks(work: Work, looks: Sequence[tuple[str, UUID, UUID]]) -> None:
    """Write down whose data was shown; several looks in one request are one event a patient."""
    ids = {patient_id for _, patient_id, _ in looks}
    rows = {row.id: row for row in work.session.exec(select(Patient).where(col(Patient.id).in_(ids)))} if ids else {}
    for action, patient_id, site_id in dict.fromkeys(looks):
        work.audit(action, rows[patient_id], site_id=site_id, patient_id=patient_id)
