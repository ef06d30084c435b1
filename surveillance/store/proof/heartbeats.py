"""Signs of life of the workers."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from surveillance.store.tables import Heartbeat

SILENT = timedelta(minutes=2)  # a worker that says nothing for so long does not run
KEPT = timedelta(days=1)  # a worker that was silent for so long has been replaced


def beat(session: Session, worker: str, started_at: datetime, now: datetime, ticks: int, last_error: str) -> None:
    """Say that a worker is alive, and forget those that have been gone for a day."""
    session.connection().execute(sa.delete(Heartbeat).where(col(Heartbeat.beat_at) < now - KEPT))
    row = session.get(Heartbeat, worker) or Heartbeat(worker=worker, started_at=started_at, beat_at=now)
    row.started_at, row.beat_at, row.ticks, row.last_error = started_at, now, ticks, last_error
    session.add(row)


def running_since(session: Session, since: datetime, now: datetime) -> bool:
    """Whether a worker runs that was started before ``since``."""
    alive = col(Heartbeat.beat_at) >= now - SILENT
    statement = sa.select(sa.exists().where(alive, col(Heartbeat.started_at) < since))
    return bool(session.connection().scalar(statement))
