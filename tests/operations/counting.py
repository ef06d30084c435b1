"""Counting what a use case asks of the database."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import event

ASIDE = ("SAVEPOINT", "RELEASE", "ROLLBACK", "PRAGMA", "BEGIN")


@contextmanager
def statements(engine: sa.Engine | sa.Connection) -> Iterator[list[str]]:
    """The statements that are sent while the block runs, in their order; savepoints are left out."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.lstrip().upper().startswith(ASIDE):
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
