"""Which messages are due, and whose they are to work on: claimed for a time, and given back. Nothing decides here."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from surveillance.core.words import Channel, ReminderState
from surveillance.store.tables import Reminder, Sender


def is_due(now: datetime) -> sa.ColumnElement[bool]:
    """Planned, and neither its moment nor a wait lies ahead."""
    waited = sa.or_(col(Reminder.not_before).is_(None), col(Reminder.not_before) <= now)
    return sa.and_(sa.text("reminder.state = 'planned'"), col(Reminder.due_at) <= now, waited)


def _may_leave(senders: Mapping[Channel, str], ahead: datetime) -> sa.ColumnElement[bool]:
    """The sender of the message's channel has not used up its pace: its next turn is not after ``ahead``.

    A stopped one counts as free: what waits for it has to be decided, as it may become too late.
    """
    by = [sa.and_(col(Reminder.channel) == channel, col(Sender.name) == name) for channel, name in senders.items()]
    busy = sa.exists().where(
        sa.or_(sa.false(), *by), col(Sender.stopped_at).is_(None), col(Sender.next_free_at) > ahead
    )
    return ~busy.correlate(Reminder)


def anything_due(session: Session, now: datetime, senders: Mapping[Channel, str], ahead: datetime) -> tuple[bool, bool]:
    """Whether a message is due whose sender may send it; and whether there is a row for each of the senders."""
    due = sa.select(col(Reminder.id)).where(is_due(now), _may_leave(senders, ahead))
    names = set(senders.values())
    known = sa.select(sa.func.count()).select_from(Sender).where(col(Sender.name).in_(names)).scalar_subquery()
    found, count = session.connection().execute(sa.select(due.exists(), known)).one()
    return bool(found), count == len(names)


def claim(
    session: Session, now: datetime, until: datetime, limit: int, senders: Mapping[Channel, str], ahead: datetime
) -> list[tuple[UUID, UUID]]:
    """Take due messages, those first whose useful time ends first; whoever is too late gets none of them.

    Returns their ids, each with its patient's.
    """
    order = (col(Reminder.expires_at), col(Reminder.due_at), col(Reminder.id))
    due = sa.select(col(Reminder.id)).where(is_due(now), _may_leave(senders, ahead)).order_by(*order).limit(limit)
    first = due.with_for_update(skip_locked=True).cte("first_due")
    taken = session.connection().execute(
        sa.update(Reminder)
        .where(col(Reminder.id).in_(sa.select(first.c.id)), col(Reminder.state) == ReminderState.PLANNED)
        .values(state=ReminderState.CLAIMED, claimed_until=until)
        .returning(*order, col(Reminder.patient_id))
    )
    return [(reminder_id, patient_id) for *_, reminder_id, patient_id in sorted(taken)]


def claimed(session: Session, reminder_id: UUID, until: datetime) -> Reminder | None:
    """The message, locked, if the claim that lasts to ``until`` still holds."""
    statement = select(Reminder).where(Reminder.id == reminder_id).with_for_update(of=Reminder)
    row = session.exec(statement.execution_options(populate_existing=True)).first()
    holds = row is not None and row.state is ReminderState.CLAIMED and row.claimed_until == until
    return row if holds else None


def release(session: Session, ids: Iterable[UUID], until: datetime) -> None:
    """Give claims back that were not acted on."""
    mine = (col(Reminder.state) == ReminderState.CLAIMED, col(Reminder.claimed_until) == until)
    session.connection().execute(
        sa.update(Reminder)
        .where(col(Reminder.id).in_(list(ids)), *mine)
        .values(state=ReminderState.PLANNED, claimed_until=None)
    )


def any_expired(session: Session, now: datetime) -> bool:
    over = (sa.text("reminder.state = 'claimed'"), col(Reminder.claimed_until) < now)
    return session.exec(select(col(Reminder.id)).where(*over).limit(1)).first() is not None


def release_expired(session: Session, now: datetime) -> int:
    """Give back the claims of workers that stopped before they wrote an attempt: they will be decided afresh.

    A claim with an attempt has no end (``claimed_until`` is empty): what became of that is found out first.
    """
    over = (sa.text("reminder.state = 'claimed'"), col(Reminder.claimed_until) < now)
    ids = list(session.exec(select(col(Reminder.id)).where(*over).with_for_update(skip_locked=True)))
    session.connection().execute(
        sa.update(Reminder).where(col(Reminder.id).in_(ids)).values(state=ReminderState.PLANNED, claimed_until=None)
    )
    return len(ids)
