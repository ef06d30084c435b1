"""The ledger of a message: each turn of its life is kept, as the row itself knows only the last reason (rule 6).

What was sent, and what providers said of it, stands among the attempts and their reports.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from surveillance.core.words import ReminderState
from surveillance.operations.work import Work
from surveillance.store.messages import reminders as store
from surveillance.store.tables import MessageEvent, Reminder

# As a message can begin; whatever else it is by now, it was planned first.
_BEGINNINGS: Final = (ReminderState.PLANNED, ReminderState.DROPPED, ReminderState.TASK)


class Ledger:
    """Where turns of some messages are written down: their last ones are read at once, and the caller flushes."""

    def __init__(self, work: Work, rows: Sequence[Reminder]) -> None:
        self.work = work
        self.last = store.last_events(work.session, [row.id for row in rows]) if rows else {}

    @contextmanager
    def turning(
        self,
        row: Reminder,
        because: str = "",
        until: datetime | None = None,
        *,
        again: bool = False,
        born: bool = False,
    ) -> Iterator[None]:
        """As ``turning``, of one of the messages."""
        first = _beginning(row)
        yield
        row.changed_at = self.work.now
        reason = because or row.reason
        last = self.last.get(row.id)
        if again and last is not None and (last.state, last.reason) == (row.state, reason):
            last.times, last.last_at, last.until = last.times + 1, self.work.now, until
            return
        if sa.inspect(row).pending:
            self.work.session.flush()  # a turn refers to its message
        if last is None and not born:
            self.work.session.add(first)
            last = first
        turn = _turn(row, last.ordinal + 1 if last else 0, row.state, self.work.now, reason, until)
        self.work.session.add(turn)
        self.last[row.id] = turn


@contextmanager
def turning(
    work: Work,
    row: Reminder,
    because: str = "",
    until: datetime | None = None,
    *,
    again: bool = False,
    born: bool = False,
) -> Iterator[None]:
    """Whatever is made of ``row`` inside is written down as one turn, with the row's reason unless another is given.

    ``until`` is what it waits for. ``again``: the same wait as the last turn's is counted there, and makes no new one.
    ``born``: the row was just made, so that this is how it begins.
    """
    with Ledger(work, [row]).turning(row, because, until, again=again, born=born):
        yield
    work.session.flush()


def _beginning(row: Reminder) -> MessageEvent:
    """How the message was planned at first: written with the first turn, as most messages never take one."""
    state = row.state if row.state in _BEGINNINGS else ReminderState.PLANNED
    return _turn(row, 0, state, row.created_at, row.reason if state is row.state else "", row.due_at)


def _turn(
    row: Reminder, ordinal: int, state: ReminderState, at: datetime, reason: str, until: datetime | None
) -> MessageEvent:
    return MessageEvent(
        site_id=row.site_id, reminder_id=row.id, ordinal=ordinal, at=at, state=state, reason=reason, until=until,
        last_at=at,
    )  # fmt: skip


def of_message(work: Work, row: Reminder) -> list[MessageEvent]:
    """Every turn, from the planning on. A message that took none has its beginning only."""
    return store.events(work.session, row.id) or [_beginning(row)]
