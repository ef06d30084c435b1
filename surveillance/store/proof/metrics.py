"""Numbers of the service for monitoring: counts only, of all sites together, each one query on an index."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from surveillance.core.dates import local_day
from surveillance.core.words import AttemptState, ReminderState
from surveillance.store.tables import Attempt, Counter, ExaminationRow, Feed, Heartbeat, Reminder, Sender, Site


@dataclass(frozen=True, slots=True)
class Numbers:
    """``reminders`` by state, every state present. ``oldest_doubt`` is when the oldest message in doubt was begun,
    ``last_beat`` the newest sign of life of any worker (both UTC)."""

    reminders: Mapping[ReminderState, int]
    in_doubt: int
    oldest_doubt: datetime | None
    senders_stopped: int
    sender_alerts: int
    overdue: int
    last_beat: datetime | None
    feeds: int
    fetches: int
    counters: Mapping[str, int]


def numbers(session: Session, now: datetime) -> Numbers:
    """All of them as they stand at ``now``; what is overdue goes by each site's own day."""
    open_feeds = sa.func.count().filter(col(Feed.revoked_at).is_(None))
    feeds, fetches = session.exec(select(open_feeds, sa.func.coalesce(sa.func.sum(Feed.fetches), 0))).one()
    # One that a person took over keeps its state, but has an end.
    doubts = select(sa.func.count(), sa.func.min(Attempt.created_at)).where(
        Attempt.state == AttemptState.IN_DOUBT, col(Attempt.finished_at).is_(None)
    )
    in_doubt, oldest = session.exec(doubts).one()
    return Numbers(
        reminders=_reminders(session),
        in_doubt=in_doubt,
        oldest_doubt=oldest,
        senders_stopped=session.exec(select(sa.func.count()).where(col(Sender.stopped_at).is_not(None))).one(),
        sender_alerts=session.exec(select(sa.func.coalesce(sa.func.sum(Sender.alerts), 0))).one(),
        overdue=_overdue(session, now),
        last_beat=last_beat(session),
        feeds=feeds,
        fetches=fetches,
        counters=dict(session.exec(select(col(Counter.name), col(Counter.value))).all()),
    )


def last_beat(session: Session) -> datetime | None:
    """When a worker last showed that it is alive (UTC); None if there never was one."""
    beat: datetime | None = session.exec(select(sa.func.max(Heartbeat.beat_at))).one()
    return beat


def _reminders(session: Session) -> dict[ReminderState, int]:
    rows = session.exec(select(col(Reminder.state), sa.func.count()).group_by(col(Reminder.state)))
    counted = dict(rows.all())
    return {state: counted.get(state, 0) for state in ReminderState}


def _overdue(session: Session, now: datetime) -> int:
    sites = session.exec(select(col(Site.id), col(Site.time_zone))).all()
    total = 0
    for site_id, zone in sites:
        today = local_day(now, zone)
        statement = select(sa.func.count()).where(ExaminationRow.site_id == site_id, _is_overdue(today))
        total += session.exec(statement).one()
    return total


def _is_overdue(today: date) -> sa.ColumnElement[bool]:
    """Status "overdue" of schedule rule 14: open, not held, not booked, past its window and before the next slot."""
    row = ExaminationRow
    held = sa.and_(
        col(row.held_from).is_not(None),
        col(row.held_from) <= today,
        sa.or_(col(row.held_until).is_(None), col(row.held_until) > today),
    )
    return sa.and_(
        col(row.open),
        col(row.overdue_from) <= today,
        col(row.cell_end) > today,
        col(row.booked_on).is_(None),
        sa.not_(held),
    )
