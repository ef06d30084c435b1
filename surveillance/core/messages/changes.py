"""How the stored messages of a patient follow what is wanted (design section 4 rule 2).

Every row keeps its history: what is no longer true is voided with a reason and reopened when it is true again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from surveillance.core.messages.planned import CAPPED, Planned, stem
from surveillance.core.words import Channel, ReminderState

# Gone out, on its way out, or perhaps gone out: never touched, and nothing of the same stem is added.
GONE = frozenset({ReminderState.CLAIMED, ReminderState.SENT, ReminderState.DELIVERED, ReminderState.IN_DOUBT})
OPEN = frozenset({ReminderState.PLANNED, ReminderState.TASK})
NO_LONGER_WANTED = "no longer wanted: the visit, the window or the policy changed"
ALREADY_OUT = "the same message went out on another channel"


@dataclass(frozen=True, slots=True)
class Stored:
    """A row as reconciling sees it. ``due_at`` is the planned moment: a later one from waiting or a retry is
    kept apart by the store, so that planning anew never shortens a wait.
    """

    key: str
    state: ReminderState
    due_at: datetime
    expires_at: datetime
    appointment_id: str | None
    sequence: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReminderChanges:
    """What has to be written so that the rows say what is wanted.

    ``add`` holds new rows; one with ``dropped`` set is written as dropped, with that reason. ``reopen`` takes a
    voided or dropped row back to planned, ``move`` gives a planned one new moments, ``drop`` is a planned one
    that a cap drops now, ``void`` names a key and the reason, ``keep`` what stays as it is.
    """

    add: list[Planned] = field(default_factory=list)
    reopen: list[Planned] = field(default_factory=list)
    move: list[Planned] = field(default_factory=list)
    drop: list[Planned] = field(default_factory=list)
    void: list[tuple[str, str]] = field(default_factory=list)
    keep: list[str] = field(default_factory=list)


def reconcile_reminders(wanted: Iterable[Planned], stored: Iterable[Stored], now: datetime) -> ReminderChanges:
    """How the stored rows of one patient become what is wanted; applied twice it changes nothing.

    Rows are compared by stem, so that a fallback on another channel counts as the same message: what has gone
    out on one channel, or may have, is never planned again on any. Rows that were sent are never touched.
    Nothing is added or reopened whose useful time has ended.
    """
    changes = ReminderChanges()
    rows: dict[str, list[Stored]] = {}
    for row in stored:
        rows.setdefault(stem(row.key), []).append(row)
    for planned in wanted:
        _settle(planned, rows.pop(stem(planned.key), []), now, changes)
    for group in rows.values():
        _withdraw(group, changes)
    return changes


def _settle(planned: Planned, rows: list[Stored], now: datetime, changes: ReminderChanges) -> None:
    """One wanted message against the rows of its stem, at most one for each channel."""
    if any(row.state in GONE for row in rows):
        _withdraw(rows, changes, ALREADY_OUT, frozenset({ReminderState.PLANNED}))
        return
    if not any(row.key == planned.key for row in rows):
        _begin(planned, rows, now, changes)
        return
    alive = [row for row in rows if row.state in OPEN]
    if not alive:
        # The first channel's row comes first; a fallback is reopened where the first channel had failed.
        again = sorted(filter(_may_reopen, rows), key=lambda row: row.key != planned.key)
        if again and planned.expires_at > now and planned.dropped is None:
            changes.reopen.append(_for_row(planned, again[0]))
            rows = [row for row in rows if row is not again[0]]
    for row in rows:
        _carry_on(planned, row, changes)


def _begin(planned: Planned, rows: list[Stored], now: datetime, changes: ReminderChanges) -> None:
    """No row of the first channel stands before the others, so none is a fallback: the channels changed."""
    if any(row.state is ReminderState.TASK for row in rows):
        changes.keep.extend(row.key for row in rows)
        return
    _withdraw(rows, changes)
    if planned.expires_at > now:
        changes.add.append(planned)


def _carry_on(planned: Planned, row: Stored, changes: ReminderChanges) -> None:
    target = _for_row(planned, row)
    if row.state is not ReminderState.PLANNED:
        changes.keep.append(row.key)
    elif target.dropped:
        changes.drop.append(target)
    elif _facts(row) != _facts(target):
        changes.move.append(target)
    else:
        changes.keep.append(row.key)


def _withdraw(
    rows: Iterable[Stored],
    changes: ReminderChanges,
    reason: str = NO_LONGER_WANTED,
    states: frozenset[ReminderState] = OPEN,
) -> None:
    for row in rows:
        if row.state in states:
            changes.void.append((row.key, reason))
        else:
            changes.keep.append(row.key)


def _may_reopen(row: Stored) -> bool:
    """Voided because it was not true, or dropped by a cap; not what was too late or in a person's hands."""
    return row.state is ReminderState.VOIDED or (row.state is ReminderState.DROPPED and row.reason.startswith(CAPPED))


def _for_row(planned: Planned, row: Stored) -> Planned:
    return replace(planned, key=row.key, channel=Channel(row.key.rpartition(":")[2]))


def _facts(row: Planned | Stored) -> tuple[datetime, datetime, str | None, int | None]:
    return row.due_at, row.expires_at, row.appointment_id, row.sequence
