"""The chain over the audit trail as rows: what is not sealed yet, and the links beside what they speak of."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from surveillance.core.audit.chain import Event, Head, Joint, Link, Values
from surveillance.store.tables import AuditEvent, AuditSeal, AuditValue

_EVENT = (
    col(AuditEvent.id), col(AuditEvent.at), col(AuditEvent.site_id), col(AuditEvent.user_id), col(AuditEvent.account),
    col(AuditEvent.action), col(AuditEvent.subject), col(AuditEvent.subject_id), col(AuditEvent.patient_id),
    col(AuditEvent.reason),
)  # fmt: skip
_VALUES = (col(AuditValue.event_id), col(AuditValue.salt), col(AuditValue.before), col(AuditValue.after))
_LINK = (col(AuditSeal.number), col(AuditSeal.event_id), col(AuditSeal.values_digest), col(AuditSeal.hash))
_IS_SEALED = sa.exists().where(col(AuditSeal.event_id) == col(AuditEvent.id))


def head(session: Session) -> Head:
    """The last link of the chain."""
    statement = sa.select(col(AuditSeal.number), col(AuditSeal.hash)).order_by(col(AuditSeal.number).desc()).limit(1)
    row = session.connection().execute(statement).first()
    return Head(*row) if row else Head()


def sealed_up_to(session: Session, before: datetime) -> int:
    """An event up to which all that could still be committed after ``before`` is sealed.

    An event gets its id when it is written and may be committed after others with higher ids. A transaction that
    began after ``before`` cannot write an id lower than one that was sealed by then.
    """
    statement = sa.select(col(AuditSeal.event_id)).where(col(AuditSeal.sealed_at) < before)
    return session.connection().scalar(statement.order_by(col(AuditSeal.number).desc()).limit(1)) or 0


def unsealed(session: Session, after: int, limit: int) -> list[tuple[Event, Values | None]]:
    """Events with a higher id than ``after`` that no link speaks of, with their values, in the order of their ids."""
    statement = (
        sa.select(*_EVENT, *_VALUES)
        .outerjoin(AuditValue, col(AuditValue.event_id) == col(AuditEvent.id))
        .where(col(AuditEvent.id) > after, ~_IS_SEALED)
        .order_by(col(AuditEvent.id))
        .limit(limit)
    )
    rows = session.connection().execute(statement)
    return [(_event(row[: len(_EVENT)]), _values(row[len(_EVENT) :])) for row in rows]


def append(session: Session, links: Sequence[Link], salts: Mapping[int, str], at: datetime) -> None:
    """Store links, and the salt of each event that has values."""
    connection = session.connection()
    connection.execute(sa.insert(AuditSeal), [_row(link, at) for link in links])
    if salts:
        of_event: sa.BindParameter[int] = sa.bindparam("event")
        statement = sa.update(AuditValue).where(col(AuditValue.event_id) == of_event).values(salt=sa.bindparam("new"))
        connection.execute(statement, [{"event": event_id, "new": salt} for event_id, salt in salts.items()])


def joints(session: Session, batch: int = 2000) -> Iterator[Joint]:
    """The whole chain from its first link on, each link beside its event and values as they stand now.

    Read in batches, so that a chain of any length fits into memory.
    """
    number = 0
    while rows := _joints_after(session, number, batch):
        yield from rows
        number = rows[-1].link.number


def _joints_after(session: Session, number: int, limit: int) -> list[Joint]:
    statement = (
        sa.select(*_LINK, *_EVENT, *_VALUES)
        .select_from(AuditSeal)
        .outerjoin(AuditEvent, col(AuditEvent.id) == col(AuditSeal.event_id))
        .outerjoin(AuditValue, col(AuditValue.event_id) == col(AuditSeal.event_id))
        .where(col(AuditSeal.number) > number)
        .order_by(col(AuditSeal.number))
        .limit(limit)
    )
    return [_joint(row) for row in session.connection().execute(statement)]


def left_unsealed(session: Session, before: datetime) -> tuple[int, int]:
    """How many events from before a moment no link speaks of, and the lowest id among them (0 if there are none)."""
    statement = sa.select(sa.func.count(), sa.func.min(AuditEvent.id)).select_from(AuditEvent)
    count, first = session.connection().execute(statement.where(col(AuditEvent.at) < before, ~_IS_SEALED)).one()
    return count, first or 0


def _joint(row: Sequence[Any]) -> Joint:
    event, values = row[len(_LINK) : -len(_VALUES)], row[-len(_VALUES) :]
    return Joint(Link(*row[: len(_LINK)]), _event(event) if event[0] is not None else None, _values(values))


def _event(row: Sequence[Any]) -> Event:
    number, at, site, user, account, action, subject, subject_id, patient, reason = row
    return Event(number, at, _text(site), _text(user), account, action, subject, subject_id, _text(patient), reason)


def _text(identifier: Any) -> str:
    return "" if identifier is None else str(identifier)


def _values(row: Sequence[Any]) -> Values | None:
    event_id, salt, before, after = row
    return None if event_id is None else Values(salt, before, after)


def _row(link: Link, at: datetime) -> dict[str, Any]:
    return {
        "number": link.number,
        "event_id": link.event_id,
        "values_digest": link.values_digest,
        "hash": link.hash,
        "sealed_at": at,
    }
