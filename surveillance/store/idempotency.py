"""Keys of requests that were answered, so that a request that is sent again is not done again."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col

from surveillance.store.tables import IdempotencyKey

KEPT: Final = timedelta(hours=24)


def take(session: Session, token_id: UUID, key: str) -> bool:
    """Hold the key until the transaction ends; False where another request holds it now.

    SQLite has one writer at a time: there the other request has ended before this one begins.
    """
    if session.get_bind().dialect.name != "postgresql":
        return True
    number = int.from_bytes(sha256(f"{token_id} {key}".encode()).digest()[:8], "big", signed=True)
    return bool(session.connection().scalar(sa.select(sa.func.pg_try_advisory_xact_lock(number))))


def kept(session: Session, token_id: UUID, key: str) -> IdempotencyKey | None:
    """The answer that the key got."""
    return session.get(IdempotencyKey, (token_id, key))


def forget(session: Session, now: datetime) -> int:
    """Drop the answers that count no more; how many."""
    statement = sa.delete(IdempotencyKey).where(col(IdempotencyKey.created_at) <= now - KEPT)
    return session.connection().execute(statement).rowcount
