"""The audit trail: one event in the transaction of every change (45 CFR 164.312(b))."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from enum import Enum
from typing import Any
from uuid import UUID

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


def write(
    session: Session, event: AuditEvent, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> None:
    """Add an event with its values; only what differs is kept of a change."""
    session.add(event)
    if before is None and after is None:
        return
    session.flush()
    assert event.id is not None  # noqa: S101  # the database gave it at the flush
    old, new = plain(before or {}), plain(after or {})
    changed = [key for key in {**old, **new} if old.get(key) != new.get(key) or before is None or after is None]
    session.add(
        AuditValue(
            event_id=event.id,
            site_id=event.site_id,
            before={key: old[key] for key in changed if key in old} if before is not None else None,
            after={key: new[key] for key in changed if key in new} if after is not None else None,
        )
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
