"""The audit trail: one event in the transaction of every change (45 CFR 164.312(b))."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select

from surveillance.store.tables import AuditEvent, AuditValue


def plain(value: Any) -> Any:
    """A value as JSON keeps it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner) for inner in value]
    return value


def picture(row: SQLModel, fields: Iterable[str] | None = None) -> dict[str, Any]:
    """The values of a row as they stand, for the before and after of an event."""
    names = fields if fields is not None else type(row).model_fields
    return {name: plain(getattr(row, name)) for name in names if not name.endswith("_hash")}


Values = Mapping[str, Any] | None


def write(session: Session, told: Sequence[tuple[AuditEvent, Values, Values]]) -> None:
    """Add events in their order, each with its values before and after; only what differs is kept of a change."""
    session.add_all(event for event, _, _ in told)
    valued = [each for each in told if each[1:] != (None, None)]
    if valued:
        session.flush()
    session.add_all(_values(*each) for each in valued)


def _values(event: AuditEvent, before: Values, after: Values) -> AuditValue:
    assert event.id is not None  # noqa: S101  # the database gave it at the flush
    old, new = plain(before or {}), plain(after or {})
    changed = [key for key in {**old, **new} if old.get(key) != new.get(key) or before is None or after is None]
    return AuditValue(
        event_id=event.id,
        site_id=event.site_id,
        before={key: old[key] for key in changed if key in old} if before is not None else None,
        after={key: new[key] for key in changed if key in new} if after is not None else None,
    )


def of_patient(session: Session, patient_id: UUID, limit: int = 200) -> list[tuple[AuditEvent, AuditValue | None]]:
    """The history of a patient, newest first."""
    statement = (
        select(AuditEvent, AuditValue)
        .outerjoin(AuditValue, col(AuditValue.event_id) == col(AuditEvent.id))
        .where(AuditEvent.patient_id == patient_id)
        .order_by(col(AuditEvent.id).desc())
        .limit(limit)
    )
    return [(event, value) for event, value in session.exec(statement)]


def last_at(session: Session, patient_id: UUID, action: str, subject_id: UUID) -> datetime | None:
    """When something was last done to a record about a patient (UTC)."""
    statement = select(sa.func.max(AuditEvent.at)).where(
        AuditEvent.patient_id == patient_id, AuditEvent.action == action, AuditEvent.subject_id == str(subject_id)
    )
    return session.exec(statement).one()


@dataclass(frozen=True, slots=True)
class Scope:
    """Which events are looked at: those of sites, each from a moment to another one (UTC), and those of no site that
    the ``staff`` there caused or that are about their accounts. ``everything`` leaves nothing out.
    """

    spans: Mapping[UUID, tuple[datetime | None, datetime | None]]
    staff: frozenset[UUID] = frozenset()
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a scope is wanted. ``action`` is one action, or a kind such as visit; ``text`` a part of a reason."""

    users: Sequence[UUID] | None = None
    patients: Sequence[UUID] | None = None
    action: str = ""
    text: str = ""


def search(
    session: Session, scope: Scope, wanted: Wanted, before: AuditEvent | None, limit: int
) -> list[tuple[AuditEvent, AuditValue | None]]:
    """Events with their values, the newest first; with ``before`` those that come after it in that order."""
    statement = (
        select(AuditEvent, AuditValue)
        .outerjoin(AuditValue, col(AuditValue.event_id) == col(AuditEvent.id))
        .where(_in_scope(scope), *_wanted(wanted))
        .order_by(col(AuditEvent.at).desc(), col(AuditEvent.id).desc())
        .limit(limit)
    )
    if before is not None:
        earlier = sa.or_(col(AuditEvent.at) < before.at, col(AuditEvent.id) < before.id)
        statement = statement.where(col(AuditEvent.at) <= before.at, earlier)
    return [(event, value) for event, value in session.exec(statement)]


def _in_scope(scope: Scope) -> sa.ColumnElement[bool]:
    parts = [sa.and_(col(AuditEvent.site_id) == site, *_between(*span)) for site, span in scope.spans.items()]
    spans = list(scope.spans.values())
    of_staff = sa.or_(
        col(AuditEvent.user_id).in_(scope.staff),
        sa.and_(col(AuditEvent.subject) == "user_account", col(AuditEvent.subject_id).in_(map(str, scope.staff))),
    )
    if spans:  # what belongs to no site happened by the days of the first one
        whose = sa.true() if scope.everything else of_staff
        parts.append(sa.and_(col(AuditEvent.site_id).is_(None), whose, *_between(*spans[0])))
    return sa.or_(sa.false(), *parts)


def _between(since: datetime | None, until: datetime | None) -> list[sa.ColumnElement[bool]]:
    bounds = [col(AuditEvent.at) >= since] if since is not None else []
    return bounds + ([col(AuditEvent.at) < until] if until is not None else [])


def _wanted(wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.users is not None:
        yield col(AuditEvent.user_id).in_(wanted.users)
    if wanted.patients is not None:
        yield col(AuditEvent.patient_id).in_(wanted.patients)
    if wanted.action:
        of_kind = col(AuditEvent.action).startswith(f"{wanted.action}.", autoescape=True)
        yield sa.or_(col(AuditEvent.action) == wanted.action, of_kind)
    if wanted.text:
        yield col(AuditEvent.reason).icontains(wanted.text, autoescape=True)
