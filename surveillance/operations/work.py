"""One unit of work: a transaction, the moment it happens in, who does it, and the configuration it may read."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar
from typing import Protocol as Interface
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select

from surveillance.catalogue import protocols as protocol_files
from surveillance.core.dates import local_day
from surveillance.core.errors import ConflictError, ForbiddenError, NotFoundError
from surveillance.core.messages.policy import Policy
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.replies.vocabulary import Vocabulary
from surveillance.core.schedule.slots import Terms, terms
from surveillance.core.texts.message_book import MessageBook
from surveillance.core.texts.prices import Prices
from surveillance.core.words import Role
from surveillance.store.audit import events
from surveillance.store.tables import AuditEvent, Membership, ProtocolVersion, Site, User

T = TypeVar("T")
R = TypeVar("R", bound="HasId")
EVERY = "every role"  # what the service's own account may act as


@dataclass(frozen=True)
class Catalogue:
    """The configuration files, read and checked once at the start."""

    protocols: Mapping[str, Protocol]
    policy: Policy
    messages: Mapping[str, MessageBook]
    replies: Mapping[str, Vocabulary]
    prices: Prices = field(default_factory=Prices)


@dataclass(frozen=True)
class Actor:
    """Who acts: a user, and the system account behind a command line."""

    user_id: UUID
    name: str
    account: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """What an event of the audit trail says; without ids it is about the site and the patient of its row."""

    action: str
    row: SQLModel
    site_id: UUID | None = None
    patient_id: UUID | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    reason: str = ""


@dataclass
class Work:
    """What every operation is given. ``now`` is aware and in UTC; nothing below reads a clock."""

    session: Session
    now: datetime
    actor: Actor
    catalogue: Catalogue
    _terms: dict[tuple[str, tuple[tuple[str, int | None], ...]], Terms] = field(default_factory=dict)
    _protocols: dict[str, Protocol] = field(default_factory=dict)
    _sites: dict[UUID, Site] = field(default_factory=dict)
    _roles: dict[tuple[UUID, UUID], Role | str | None] = field(default_factory=dict)
    _kept: dict[tuple[str, UUID], Any] = field(default_factory=dict)

    def site(self, site_id: UUID) -> Site:
        """Raises NotFoundError where there is none."""
        if site_id not in self._sites:
            self._sites[site_id] = found(self.session.get(Site, site_id), "site", str(site_id))
        return self._sites[site_id]

    def today(self, site: Site) -> date:
        """The site's local day (schedule rule 15)."""
        return local_day(self.now, site.time_zone)

    def protocol(self, key: str) -> Protocol:
        """A protocol version as it was approved; the file may have changed since."""
        if key not in self._protocols:
            version = found(self.session.get(ProtocolVersion, key), "approved protocol version", key)
            self._protocols[key] = protocol_files.parse_canonical(version.document)
        return self._protocols[key]

    def terms(self, key: str, intervals: Mapping[str, int | None], since: date | None) -> Terms:
        """The terms of a plan; rhythms are computed once for all plans that chose the same."""
        fingerprint = (key, tuple(sorted(intervals.items())))
        if fingerprint not in self._terms:
            self._terms[fingerprint] = terms(self.protocol(key), intervals)
        shared = self._terms[fingerprint]
        return shared if since is None else Terms(since, shared.protocol, shared.rhythms)

    def kept(self, what: str, site_id: UUID, read: Callable[[], T]) -> T:
        """What ``read`` gives of a site, read once; whoever changes it says ``forget``."""
        if (what, site_id) not in self._kept:
            self._kept[what, site_id] = read()
        kept: T = self._kept[what, site_id]
        return kept

    def forget(self, site_id: UUID) -> None:
        """What is kept of a site has changed."""
        self._kept = {key: value for key, value in self._kept.items() if key[1] != site_id}

    def audit(
        self,
        action: str,
        row: SQLModel,
        *,
        site_id: UUID | None = None,
        patient_id: UUID | None = None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        reason: str = "",
    ) -> None:
        """Write down what was done, in the same transaction as the change itself."""
        note = Note(action, row, site_id, patient_id, before, after, reason)
        self.audit_all([note])

    def audit_all(self, notes: Iterable["Note"]) -> None:
        """As ``audit``, for several things that were done together, in their order."""
        events.write(self.session, [(self._event(note), note.before, note.after) for note in notes])

    def _event(self, note: "Note") -> AuditEvent:
        row = note.row
        return AuditEvent(
            site_id=note.site_id if note.site_id is not None else getattr(row, "site_id", None),
            at=self.now,
            user_id=self.actor.user_id,
            account=self.actor.account,
            action=note.action,
            subject=str(row.__tablename__),
            subject_id=str(getattr(row, "id", "")),
            patient_id=note.patient_id if note.patient_id is not None else getattr(row, "patient_id", None),
            reason=note.reason,
        )

    def require(self, site_id: UUID, *roles: Role) -> None:
        """Raises ForbiddenError unless the actor has one of ``roles`` at the site (the system account may)."""
        if not self.allows(site_id, *roles):
            allowed = f"{'an' if roles[0][0] in 'aeiou' else 'a'} {' or '.join(roles)}"
            raise ForbiddenError(f"{self.actor.name} may not do this at {self.site(site_id).code}: it takes {allowed}")

    def require_person(self, site_id: UUID, *roles: Role) -> None:
        """As ``require``, for what somebody signs: the service's own account signs nothing."""
        self.require(site_id, *roles)
        if self._held(site_id) is EVERY:
            raise ForbiddenError(f"this is signed by a named {' or '.join(roles)}, not by {self.actor.name}")

    def allows(self, site_id: UUID, *roles: Role) -> bool:
        """Whether the actor has one of ``roles`` at the site."""
        held = self._held(site_id)
        return held is EVERY or held in roles

    def signs(self, site_id: UUID, *roles: Role) -> bool:
        """Whether the actor is a named person with one of ``roles`` at the site; the service's own account is none."""
        held = self._held(site_id)
        return held is not EVERY and held in roles

    def _held(self, site_id: UUID) -> Role | str | None:
        if (self.actor.user_id, site_id) not in self._roles:
            self._roles[self.actor.user_id, site_id] = self._role(site_id)
        return self._roles[self.actor.user_id, site_id]

    def _role(self, site_id: UUID) -> Role | str | None:
        here = sa.and_(col(Membership.user_id) == col(User.id), col(Membership.site_id) == site_id)
        statement = select(col(User.system), col(User.disabled_at), col(Membership.role)).outerjoin(Membership, here)
        user = self.session.exec(statement.where(User.id == self.actor.user_id)).first()
        if user is None or user[1] is not None:
            return None
        return EVERY if user[0] else user[2]


def found(row: T | None, what: str, name: str) -> T:
    """The row, or a NotFoundError that names it."""
    if row is None:
        raise NotFoundError(f"there is no {what} {name!r} here")
    return row


class HasId(Interface):
    """A row that is known by a UUID."""

    @property
    def id(self) -> UUID: ...


def of_digits(rows: Iterable[R], prefix: str, what: str, many: str) -> R:
    """The only one of ``rows`` whose id begins with these digits, as people name a row that has no other name.

    Raises NotFoundError, or ConflictError if several begin so; ``what`` and ``many`` say what they are.
    """
    digits = prefix.replace("-", "").lower()
    matches = [row for row in rows if row.id.hex.startswith(digits)] if digits else []
    if len(matches) > 1:
        raise ConflictError(f"{prefix!r} names {len(matches)} {many}; give more digits")
    return found(matches[0] if matches else None, what, prefix)
