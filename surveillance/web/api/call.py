"""What an endpoint is given: the program that calls, as whom, at which sites, in one transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from fastapi import Request
from sqlmodel import Session, SQLModel, select

from surveillance.bootstrap import App
from surveillance.core.errors import ForbiddenError, NotFoundError
from surveillance.core.words import Role
from surveillance.operations.accounts import tokens, users
from surveillance.operations.accounts.tokens import Scope
from surveillance.operations.work import Actor, Work
from surveillance.store import db
from surveillance.store.tables import ApiToken, Membership, Patient, Site
from surveillance.web import access
from surveillance.web.access import Permission
from surveillance.web.api.sealing import Seal
from surveillance.web.problems import Kind, ProblemError

R = TypeVar("R", bound=SQLModel)

_CHALLENGE = 'Bearer realm="surveillance"'


@dataclass(frozen=True, slots=True)
class Caller:
    """A program that came in with a token: it acts as the token's user, within the token's scopes."""

    token: ApiToken
    actor: Actor
    roles: Mapping[UUID, Role]
    seal: Seal


def admit(request: Request, needs: Permission, scope: Scope) -> Caller:
    """Who calls, if the token, its scopes and some role of its user allow the route.

    Raises:
        ProblemError: no usable token, or one without the scope (RFC 6750 section 3).
        ForbiddenError: no role of the user is enough at any site.
    """
    secret = _secret(request)
    app: App = request.app.state.app
    now: datetime = request.app.state.clock()
    with db.reading(app.engine) as session:
        found = tokens.resolve(session, secret, now)
        if found is None:
            challenge = f'{_CHALLENGE}, error="invalid_token"'
            detail = "the token is unknown, revoked or expired, or its user was disabled"
            raise ProblemError(Kind.UNAUTHORIZED, detail, {"WWW-Authenticate": challenge})
        token, user = found
        rows = session.exec(select(Membership).where(Membership.user_id == user.id))
        roles = {row.site_id: row.role for row in rows}
        caller = Caller(token, Actor(user.id, user.name, f"token {token.name}"), roles, Seal(secret))
        session.expunge_all()
    if scope not in token.scopes:
        challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{scope}"'
        raise ProblemError(Kind.SCOPE, f"this takes a token with the scope {scope!r}", {"WWW-Authenticate": challenge})
    if not access.allows_anywhere(roles.values(), needs):
        raise ForbiddenError(f"{caller.actor.name} may not do this: it takes another role")
    return caller


def _secret(request: Request) -> str:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        detail = "send the header Authorization: Bearer, with a token of this service"
        raise ProblemError(Kind.UNAUTHORIZED, detail, {"WWW-Authenticate": _CHALLENGE})
    return secret.strip()


@dataclass
class Call:
    """One request at work."""

    request: Request
    app: App
    work: Work
    caller: Caller
    needs: Permission
    looks: list[tuple[str, UUID, UUID]] = field(default_factory=list)  # action, patient, site
    if_match: str | None = None
    afterwards: list[Callable[[Work], None]] = field(default_factory=list)  # what else a look leaves in the trail

    @property
    def session(self) -> Session:
        return self.work.session

    @cached_property
    def sites(self) -> list[Site]:
        """The sites at which the user's role allows this route, by code."""
        mine = users.sites_of(self.work, self.caller.actor)
        return [site for site in mine if access.allows(self.caller.roles.get(site.id), self.needs)]

    def site(self, site_id: UUID) -> Site:
        """Raises NotFoundError where the user does not work, ForbiddenError where the role there is not enough."""
        if site_id not in self.caller.roles:
            raise NotFoundError("there is no such site here")
        self._require(site_id)
        return self.work.site(site_id)

    def site_ids(self, chosen: UUID | None = None) -> list[UUID]:
        """The sites to look at: the one that was asked for, or all of the user's."""
        return [site.id for site in self.sites] if chosen is None else [self.site(chosen).id]

    def row(self, table: type[R], row_id: UUID, what: str = "record") -> R:
        """A record of one of the user's sites; a look at a patient's record is audited.

        Raises:
            NotFoundError: there is none, or it belongs to a site at which the user does not work.
            ForbiddenError: the user's role there is not enough for this route.
        """
        found = self.session.get(table, row_id)
        site_id: Any = getattr(found, "site_id", None)
        if found is None or site_id not in self.caller.roles:
            raise NotFoundError(f"there is no such {what} here")
        self._require(site_id)
        patient_id: Any = found.id if isinstance(found, Patient) else getattr(found, "patient_id", None)
        if patient_id is not None:
            self.looks.append(("patient.view", patient_id, site_id))
        return found

    def patient(self, patient_id: UUID) -> Patient:
        return self.row(Patient, patient_id, "patient")

    def patient_of(self, row: Any) -> Patient:
        """The patient of a record that was looked up already."""
        return self.session.get_one(Patient, row.patient_id)

    def looked(self, *patients: Patient | tuple[UUID, UUID], action: str = "patient.view") -> None:
        """Patients, or their ids and sites, whose data the answer shows (45 CFR 164.312(b))."""
        pairs = [(each.id, each.site_id) if isinstance(each, Patient) else each for each in patients]
        self.looks.extend((action, *pair) for pair in pairs)

    def today(self, row: Any) -> date:
        """The local day at a site, or at the site of a record."""
        return self.work.today(row if isinstance(row, Site) else self.work.site(row.site_id))

    def _require(self, site_id: UUID) -> None:
        if not access.allows(self.caller.roles[site_id], self.needs):
            name, code = self.caller.actor.name, self.work.site(site_id).code
            raise ForbiddenError(f"{name} may not do this at {code}: the role there is not enough")
