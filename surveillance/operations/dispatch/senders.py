"""The numbers and mailboxes we send from: their pace holds across all workers, and one in trouble is stopped."""

from datetime import datetime, timedelta
from typing import Any

import structlog

from surveillance.core.errors import InvalidInputError, NotFoundError
from surveillance.core.messages.decision import RECHECK
from surveillance.core.words import Channel
from surveillance.operations.job_context import JobContext
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.messages import reminders as store
from surveillance.store.tables import Sender

log = structlog.get_logger(__name__)

_STATE = ("name", "per_second", "stopped_at", "stopped_why", "alert_at", "alert_why", "alerts")


def know(context: JobContext, work: Work) -> None:
    """Make a row for each sender that has none yet."""
    for channel, transport in context.transports.items():
        pace = context.limits.pace.get(channel, 1.0)
        row = {"name": transport.sender, "per_second": pace, "next_free_at": work.now, "stopped_why": ""}
        store.add_if_missing(work.session, Sender, row)


def free_at(context: JobContext, work: Work, channel: Channel) -> datetime | None:
    """When the next message may leave by this channel's sender; None: now, or nobody carries this channel."""
    transport = context.transports.get(channel)
    row = store.sender(work.session, transport.sender) if transport else None
    if row is None:
        return None
    if row.stopped_at is not None:
        return work.now + RECHECK
    free = row.next_free_at - context.limits.burst
    return free if free > work.now else None


def is_stopped(context: JobContext, work: Work, channel: Channel) -> bool:
    """Whether this channel's sender waits for a person."""
    transport = context.transports.get(channel)
    row = store.sender(work.session, transport.sender) if transport else None
    return row is not None and row.stopped_at is not None


def busy(context: JobContext, work: Work) -> list[Channel]:
    """The channels whose sender has used up its pace. A stopped one is not among them: what waits for it has to be
    decided, as it may become too late."""
    found = []
    for channel, transport in context.transports.items():
        row = store.sender(work.session, transport.sender)
        if row is not None and row.stopped_at is None and row.next_free_at - context.limits.burst > work.now:
            found.append(channel)
    return found


def take_turn(context: JobContext, work: Work, name: str) -> datetime | None:
    """Take the sender's next turn; the moment to wait for where another worker was quicker."""
    row = store.sender(work.session, name, lock=True)
    if row is None:
        return work.now + timedelta(seconds=1)
    free = row.next_free_at - context.limits.burst
    if row.stopped_at is not None or free > work.now:
        return work.now + RECHECK if row.stopped_at is not None else free
    row.next_free_at = max(row.next_free_at, work.now) + timedelta(seconds=1 / row.per_second)
    work.session.flush()
    return None


def stop(work: Work, name: str, why: str) -> None:
    """Send nothing by this sender until a person has mended it."""
    row = store.sender(work.session, name, lock=True)
    if row is not None and row.stopped_at is None:
        before = picture(row, _STATE)
        row.stopped_at, row.stopped_why = work.now, why
        log.error("sender stopped", sender=name, why=why)
        _keep(work, row, "dispatch.stop", before, why)


def start(work: Work, name: str) -> Sender:
    """A person mended what was wrong. Raises NotFoundError."""
    row = _named(work, name)
    before = picture(row, _STATE)
    row.stopped_at, row.stopped_why = None, ""
    _keep(work, row, "dispatch.start", before)
    return row


def alert(work: Work, name: str, why: str) -> None:
    """Messages are refused or filtered: others may go out, but a person has to look into it."""
    row = store.sender(work.session, name, lock=True)
    if row is not None:
        row.alert_at, row.alert_why, row.alerts = row.alert_at or work.now, why, row.alerts + 1
        log.error("messages are refused", sender=name, why=why)
        work.session.flush()


def look_into(work: Work, name: str) -> Sender:
    """A person looked into the refusals; the next one is news. Raises NotFoundError."""
    row = _named(work, name)
    before = picture(row, _STATE)
    row.alert_at, row.alert_why, row.alerts = None, "", 0
    _keep(work, row, "dispatch.look", before)
    return row


def set_pace(work: Work, name: str, per_second: float) -> Sender:
    """Messages a second. Raises NotFoundError, or InvalidInputError for a pace that is none."""
    if not 0 < per_second <= 1000:
        raise InvalidInputError(f"{per_second:g} messages a second is not between 0 and 1000")
    row = _named(work, name)
    before = picture(row, _STATE)
    row.per_second = per_second
    _keep(work, row, "dispatch.pace", before)
    return row


def _keep(work: Work, row: Sender, action: str, before: dict[str, Any], reason: str = "") -> None:
    work.session.flush()
    work.audit(action, row, before=before | {"name": None}, after=picture(row, _STATE), reason=reason)


def _named(work: Work, name: str) -> Sender:
    row = store.sender(work.session, name, lock=True)
    if row is None:
        raise NotFoundError(f"there is no sender {name!r}; 'surveillance dispatch status' lists them")
    return row
