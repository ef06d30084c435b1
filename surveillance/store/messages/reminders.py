"""Planned messages and the calls made to send them. Nothing here decides anything."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col, select

from surveillance.core.words import Channel
from surveillance.store.tables import (
    Attempt,
    Callback,
    Contact,
    Counter,
    DispatchPause,
    MessageEvent,
    Patient,
    Reminder,
    Sender,
)

ALL_SITES = "all"  # the scope of a pause of everything


def lock_patient(session: Session, patient_id: UUID) -> Patient | None:
    """The patient as it stands, locked until the end of the transaction: what is planned, decided and recorded
    about one patient's messages happens one after the other.

    SQLite has no row locks and needs none: there a writing transaction is alone. A lock FOR NO KEY UPDATE does not
    hinder others who only refer to the patient.
    """
    statement = select(Patient).where(Patient.id == patient_id).with_for_update(key_share=True)
    return session.exec(statement.execution_options(populate_existing=True)).first()


def of_patient(session: Session, patient_id: UUID) -> list[Reminder]:
    """All messages of a patient, as they stand in the database, by their planned moment."""
    statement = select(Reminder).where(Reminder.patient_id == patient_id)
    ordered = statement.order_by(col(Reminder.due_at), col(Reminder.key))
    return list(session.exec(ordered.execution_options(populate_existing=True)))


def by_key(session: Session, key: str) -> Reminder | None:
    return session.exec(select(Reminder).where(Reminder.key == key)).first()


def by_prefix(session: Session, prefix: str, sites: Iterable[UUID]) -> list[Reminder]:
    """Messages of ``sites`` whose id begins with ``prefix`` (hexadecimal digits)."""
    digits = prefix.replace("-", "")
    low, high = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    statement = select(Reminder).where(Reminder.id >= low, Reminder.id <= high)
    return list(session.exec(statement.where(col(Reminder.site_id).in_(list(sites)))))


# -- turns -----------------------------------------------------------------------------------------------------


def events(session: Session, reminder_id: UUID) -> list[MessageEvent]:
    """The turns in the life of a message, from the first."""
    statement = select(MessageEvent).where(MessageEvent.reminder_id == reminder_id)
    return list(session.exec(statement.order_by(col(MessageEvent.ordinal))))


def last_events(session: Session, reminder_ids: Iterable[UUID]) -> dict[UUID, MessageEvent]:
    """The last turn of each message that took one."""
    later = orm.aliased(MessageEvent)
    follows = sa.exists().where(
        col(later.reminder_id) == col(MessageEvent.reminder_id), col(later.ordinal) > col(MessageEvent.ordinal)
    )
    statement = select(MessageEvent).where(col(MessageEvent.reminder_id).in_(list(reminder_ids)), ~follows)
    return {row.reminder_id: row for row in session.exec(statement)}


# -- attempts --------------------------------------------------------------------------------------------------


def attempts(session: Session, reminder_id: UUID) -> list[Attempt]:
    statement = select(Attempt).where(Attempt.reminder_id == reminder_id).order_by(col(Attempt.ordinal))
    return list(session.exec(statement.execution_options(populate_existing=True)))


def next_ordinal(reminder_id: UUID) -> Any:
    """The number of the next attempt at a message, for the database to find when the attempt is written."""
    made = sa.select(sa.func.coalesce(sa.func.max(col(Attempt.ordinal)), 0) + 1)
    return made.where(col(Attempt.reminder_id) == reminder_id).scalar_subquery()


def open_attempt_to(session: Session, address: str) -> bool:
    """Whether a message to this address is on its way or in doubt."""
    statement = select(col(Attempt.id)).where(Attempt.to_address == address, col(Attempt.finished_at).is_(None))
    return session.exec(statement).first() is not None


def lock_concerned(session: Session, attempt_id: UUID) -> None:
    """Lock the patient whom an attempt was for, and all who have the number that it went to, in the order of their ids:
    all who lock several patients do it in this order.
    """
    own = sa.select(col(Reminder.patient_id)).join(Attempt, col(Attempt.reminder_id) == col(Reminder.id))
    sharing = sa.select(col(Contact.patient_id)).join(Attempt, col(Attempt.to_address) == col(Contact.phone))
    sharing = sharing.where(col(Attempt.channel) == Channel.SMS, col(Contact.removed_at).is_(None))
    which = sa.union(*(ids.where(col(Attempt.id) == attempt_id) for ids in (own, sharing)))
    statement = select(Patient).where(col(Patient.id).in_(which)).order_by(col(Patient.id))
    session.exec(statement.with_for_update(key_share=True).execution_options(populate_existing=True)).all()


def pair(session: Session, attempt_id: UUID) -> tuple[Attempt, Reminder] | None:
    """An attempt and its message, as they stand in the database."""
    statement = select(Attempt, Reminder).join(Reminder, col(Reminder.id) == col(Attempt.reminder_id))
    rows = session.exec(statement.where(Attempt.id == attempt_id).execution_options(populate_existing=True))
    return rows.first()


def unsettled(session: Session, now: datetime, limit: int) -> list[UUID]:
    """Open attempts that the provider should have answered by ``now``, the oldest first."""
    over = (sa.text("attempt.finished_at IS NULL"), col(Attempt.in_doubt_from) <= now)
    return list(session.exec(select(col(Attempt.id)).where(*over).order_by(col(Attempt.created_at)).limit(limit)))


def attempt_by_provider(session: Session, provider_id: str) -> UUID | None:
    return session.exec(select(col(Attempt.id)).where(Attempt.provider_id == provider_id)).first()


def known_provider_ids(session: Session, ids: Iterable[str]) -> set[str]:
    """Which of the provider's ids belong to an attempt already."""
    rows = session.exec(select(col(Attempt.provider_id)).where(col(Attempt.provider_id).in_(list(ids))))
    return {provider_id for provider_id in rows if provider_id}


def waiting_callbacks(session: Session, provider_id: str) -> list[Callback]:
    """Reports that came before anybody knew which attempt they are about."""
    statement = select(Callback).where(Callback.provider_id == provider_id, col(Callback.applied).is_(False))
    return list(session.exec(statement.order_by(col(Callback.received_at))))


def contacts_with(session: Session, channel: Channel, address: str) -> list[Contact]:
    """Everybody, at whatever site, who is reached at this address."""
    column = col(Contact.phone) if channel is Channel.SMS else col(Contact.email)
    return list(session.exec(select(Contact).where(column == address, col(Contact.removed_at).is_(None))))


# -- senders, pauses, counters ---------------------------------------------------------------------------------


def add_if_missing(session: Session, table: type[SQLModel], values: dict[str, Any]) -> bool:
    """Insert a row unless its key is there already; True if it was new. Nobody who comes second fails."""
    connection = session.connection()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    key = sa.inspect(table).primary_key
    return (
        connection.execute(insert(table).values(**values).on_conflict_do_nothing().returning(*key)).first() is not None
    )


def sender(session: Session, name: str, *, lock: bool = False) -> Sender | None:
    statement = select(Sender).where(Sender.name == name)
    statement = statement.with_for_update() if lock else statement
    return session.exec(statement.execution_options(populate_existing=True)).first()


def move_turn(session: Session, name: str, seen: datetime, free_at: datetime) -> bool:
    """Take the turn of a sender that was to be free at ``seen``; False where another one took it, or it was stopped."""
    mine = (col(Sender.name) == name, col(Sender.next_free_at) == seen, col(Sender.stopped_at).is_(None))
    taken = session.connection().execute(sa.update(Sender).where(*mine).values(next_free_at=free_at))
    return taken.rowcount == 1


def sender_state(session: Session, site_id: UUID, name: str) -> tuple[bool, Sender | None]:
    """Whether a pause of the site, or of all, keeps messages back; and the sender, as it stands in the database."""
    paused = sa.exists().where(col(DispatchPause.scope).in_((ALL_SITES, str(site_id))))
    anything = sa.select(sa.literal(1)).subquery()
    statement = sa.select(paused, Sender).select_from(anything).outerjoin(Sender, col(Sender.name) == name)
    found, sender = session.execute(statement.execution_options(populate_existing=True)).one()
    return bool(found), sender


def count(session: Session, name: str, by: int = 1) -> None:
    """Add to a number of the metrics."""
    add_if_missing(session, Counter, {"name": name, "value": 0})
    session.connection().execute(
        sa.update(Counter).where(col(Counter.name) == name).values(value=col(Counter.value) + by)
    )


def next_due(session: Session, now: datetime) -> datetime | None:
    """When the next planned message is to be looked at; None if none is planned. Never before ``now``."""
    waiting = sa.text("reminder.state = 'planned'")
    ahead = session.exec(select(sa.func.min(Reminder.due_at)).where(waiting, col(Reminder.due_at) > now)).first()
    again = session.exec(
        select(sa.func.min(Reminder.not_before)).where(waiting, col(Reminder.not_before) > now)
    ).first()
    moments: list[datetime] = [moment for moment in (ahead, again) if moment is not None]
    return min(moments, default=None)
