"""Looking at the audit trail: who did what, when and why (45 CFR 164.312(b): record *and examine*).

An administrator sees all that happened at their sites; clinicians and coordinators what was done with a patient,
through the patient's page. Whoever looks stands in the trail afterwards.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from surveillance.core.audit import action_words
from surveillance.core.dates import DAY, to_utc
from surveillance.core.errors import InvalidInputError
from surveillance.core.words import Role
from surveillance.operations.work import Work
from surveillance.store.audit import events
from surveillance.store.audit.events import Scope, Wanted
from surveillance.store.tables import AuditEvent, AuditValue, Membership, Patient, Site, User

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for. Days are the sites' own, both included; ``action`` is one action, or a kind such as visit."""

    first_day: date | None = None
    last_day: date | None = None
    username: str = ""
    mrn: str = ""
    action: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event for people to read: ``at`` by the site's clock, ``changes`` as name, before, after."""

    number: int
    at: datetime
    site: str
    who: str
    account: str
    action: str
    did: str
    patient_id: UUID | None
    patient: str
    reason: str
    changes: tuple[tuple[str, str, str], ...]

    @property
    def sentence(self) -> str:
        """``Grace Hill (front-desk) booked a visit: Anna Ash, MRN 001 (scanner came free)``"""
        who = f"{self.who} ({self.account})" if self.account else self.who
        about = f": {self.patient}" if self.patient else ""
        return f"{who} {self.did}{about}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the log, the newest first; ``next`` is the number after which the next one begins."""

    entries: tuple[Entry, ...]
    next: int | None = None


def search(work: Work, sites: Sequence[Site], query: Query, after: int | None = None, limit: int = PAGE) -> Page:
    """The log of sites.

    Raises:
        ForbiddenError: the actor does not administer one of them.
        InvalidInputError: days in the wrong order, a user or an MRN that is not known at these sites.
    """
    for site in sites:
        work.require(site.id, Role.ADMIN)
    staff = _staff(work, sites)
    scope = Scope(_spans(sites, query), frozenset(staff), everything=_sees_everything(work))
    wanted = Wanted(_users(query, staff), _patients(work, sites, query), query.action.strip(), query.text.strip())
    return _page(work, scope, wanted, after, limit)


def looked(work: Work, sites: Sequence[Site], query: Query, action: str = "audit.view") -> None:
    """Write down that the log of sites was looked at, and what for."""
    asked = {name: value for name, value in asdict(query).items() if value}
    for site in sites:
        work.audit(action, site, site_id=site.id, after=asked or None)


# -- what is in view -------------------------------------------------------------------------------------------


def _sees_everything(work: Work) -> bool:
    user = work.session.get(User, work.actor.user_id)
    return user is not None and user.system


def _staff(work: Work, sites: Sequence[Site]) -> dict[UUID, str]:
    """Who works at the sites: ids with user names."""
    members = select(col(Membership.user_id)).where(col(Membership.site_id).in_([site.id for site in sites]))
    statement = select(col(User.id), col(User.username)).where(col(User.id).in_(members))
    return dict(work.session.exec(statement).all())


def _spans(sites: Sequence[Site], query: Query) -> dict[UUID, tuple[datetime | None, datetime | None]]:
    """From the beginning of the first day to the end of the last, by each site's clock."""
    first, last = query.first_day, query.last_day
    if first is not None and last is not None and last < first:
        raise InvalidInputError("the last day is before the first")

    def span(zone: str) -> tuple[datetime | None, datetime | None]:
        since = to_utc(first, time(0), zone) if first is not None else None
        return since, to_utc(last + DAY, time(0), zone) if last is not None else None

    return {site.id: span(site.time_zone) for site in sites}


def _users(query: Query, staff: dict[UUID, str]) -> list[UUID] | None:
    name = query.username.strip().lower()
    if not name:
        return None
    found = [user_id for user_id, username in staff.items() if username == name]
    if not found:
        raise InvalidInputError(f"there is no user {query.username.strip()!r} here")
    return found


def _patients(work: Work, sites: Sequence[Site], query: Query) -> list[UUID] | None:
    mrn = query.mrn.strip()
    if not mrn:
        return None
    here = col(Patient.site_id).in_([site.id for site in sites])
    found = list(work.session.exec(select(col(Patient.id)).where(Patient.mrn == mrn, here)))
    if not found:
        raise InvalidInputError(f"there is no patient with MRN {mrn!r} here")
    return found


# -- as people read it -----------------------------------------------------------------------------------------


def _page(work: Work, scope: Scope, wanted: Wanted, after: int | None, limit: int) -> Page:
    place = work.session.get(AuditEvent, after) if after is not None else None
    if after is not None and place is None:
        raise InvalidInputError(f"there is no event {after}")
    rows = events.search(work.session, scope, wanted, place, limit + 1)
    entries = tuple(_entries(work, rows[:limit], next(iter(scope.spans), None)))
    return Page(entries, entries[-1].number if len(rows) > limit else None)


def _entries(
    work: Work, rows: Sequence[tuple[AuditEvent, AuditValue | None]], first_site: UUID | None
) -> Iterable[Entry]:
    users = _names(work, {event.user_id for event, _ in rows} | _account_ids(rows))
    patients = _patient_names(work, {event.patient_id for event, _ in rows if event.patient_id is not None})
    for event, value in rows:
        zone = _zone(work, event.site_id or first_site)
        before, after = (value.before, value.after) if value is not None else (None, None)
        yield Entry(
            number=event.id or 0,
            at=event.at.astimezone(ZoneInfo(zone)),
            site=work.site(event.site_id).code if event.site_id else "",
            who=users.get(event.user_id, "somebody unknown"),
            account=event.account,
            action=event.action,
            did=_did(event, users),
            patient_id=event.patient_id,
            patient=patients.get(event.patient_id, "") if event.patient_id else "",
            reason=event.reason,
            changes=action_words.changes(before, after, zone),
        )


def _did(event: AuditEvent, users: dict[UUID, str]) -> str:
    """The action in words; an account that somebody else acted on is named."""
    said = action_words.did(event.action)
    if event.subject != "user_account" or event.subject_id == str(event.user_id):
        return said
    return f"{said}: {users.get(UUID(event.subject_id), 'somebody unknown')}"


def _account_ids(rows: Iterable[tuple[AuditEvent, AuditValue | None]]) -> set[UUID]:
    return {UUID(event.subject_id) for event, _ in rows if event.subject == "user_account"}


def _names(work: Work, ids: set[UUID]) -> dict[UUID, str]:
    return dict(work.session.exec(select(col(User.id), col(User.name)).where(col(User.id).in_(ids))).all())


def _patient_names(work: Work, ids: set[UUID]) -> dict[UUID, str]:
    columns = (col(Patient.id), col(Patient.given_name), col(Patient.family_name), col(Patient.mrn))
    rows: Iterable[Any] = work.session.exec(select(*columns).where(col(Patient.id).in_(ids)))
    return {patient_id: f"{given} {family}, MRN {mrn}" for patient_id, given, family, mrn in rows}


def _zone(work: Work, site_id: UUID | None) -> str:
    return work.site(site_id).time_zone if site_id is not None else "UTC"
