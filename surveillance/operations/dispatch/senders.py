"""The numbers and mailboxes we send from: their pace holds across all workers, and one in trouble is stopped."""

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

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


def names(context: JobContext) -> dict[Channel, str]:
    """Who carries each channel."""
    return {channel: transport.sender for channel, transport in context.transports.items()}


def know(context: JobContext, work: Work) -> None:
    """Make a row for each sender that has none yet."""
    for channel, name in names(context).items():
        pace = context.limits.pace.get(channel, 1.0)
        row = {"name": name, "per_second": pace, "next_free_at": work.now, "stopped_why": ""}
        store.add_if_missing(work.session, Sender, row)


def ahead(context: JobContext, now: datetime) -> datetime:
    """How far a sender's next turn may lie ahead: a later one says that its pace is used up."""
    return now + context.limits.burst


def free_at(context: JobContext, now: datetime, row: Sender | None) -> datetime | None:
    """When the next message may leave by a sender; None: now, or nobody carries it."""
    if row is None:
        return None
    if row.stopped_at is not None:
        return now + RECHECK
    return row.next_free_at - context.limits.burst if row.next_free_at > ahead(context, now) else None


class SenderState:
    """What holds back whatever leaves a site on one channel: a pause, and the sender. Read when it is first asked."""

    def __init__(self, context: JobContext, work: Work, site_id: UUID, channel: Channel) -> None:
        self.context, self.work, self.site_id = context, work, site_id
        self.name = names(context).get(channel, "")

    @cached_property
    def _found(self) -> tuple[bool, Sender | None]:
        return store.sender_state(self.work.session, self.site_id, self.name)

    def sender(self) -> Sender | None:
        return self._found[1]

    def is_paused(self) -> bool:
        return self._found[0]

    def free_at(self) -> datetime | None:
        return free_at(self.context, self.work.now, self.sender())

    def is_stopped(self) -> bool:
        sender = self.sender()
        return sender is not None and sender.stopped_at is not None


def take_turn(context: JobContext, work: Work, name: str, seen: Sender | None) -> datetime | None:
    """Take the next turn of a sender as it was ``seen``; the moment to wait for where another worker was quicker."""
    if seen is None:
        return work.now + timedelta(seconds=1)
    free = free_at(context, work.now, seen)
    if free is not None or store.move_turn(work.session, name, seen.next_free_at, _following(work.now, seen)):
        return free
    row = store.sender(work.session, name, lock=True)
    free = free_at(context, work.now, row)
    if row is None or free is not None:
        return free or work.now + timedelta(seconds=1)
    row.next_free_at = _following(work.now, row)
    work.session.flush()
    return None


def _following(now: datetime, row: Sender) -> datetime:
    return max(row.next_free_at, now) + timedelta(seconds=1 / row.per_second)


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
