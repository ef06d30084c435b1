"""Locks by name: for work that only one process should do at a time, and for transactions that go one by one."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import sqlalchemy as sa
from sqlmodel import Session


@contextmanager
def alone(engine: sa.Engine, name: str) -> Iterator[bool]:
    """True for one process at a time, False for all others, who should leave the work to it.

    PostgreSQL: an advisory lock of the session, which also ends when the process is killed. SQLite serves one
    machine, and what is done under this lock may be done twice without harm: there it is always True.
    """
    if engine.dialect.name != "postgresql":
        yield True
        return
    key = _key(name)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        mine = bool(connection.scalar(sa.select(sa.func.pg_try_advisory_lock(key))))
        try:
            yield mine
        finally:
            if mine:
                connection.execute(sa.select(sa.func.pg_advisory_unlock(key)))


def one_by_one(session: Session, name: str) -> None:
    """Wait until no other transaction that asked for ``name`` is open. SQLite lets one transaction write anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(sa.select(sa.func.pg_advisory_xact_lock(_key(name))))


def _key(name: str) -> int:
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big", signed=True)
