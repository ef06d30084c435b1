"""Whether the senders can carry today what is planned for today (rule 12): a sender's pace is no secret."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import col, select

from surveillance.core.dates import to_utc
from surveillance.core.words import Channel
from surveillance.operations.messages.patient_context import policy_for
from surveillance.operations.work import Work
from surveillance.store.messages import reminders as store
from surveillance.store.tables import Reminder, Site


@dataclass(frozen=True, slots=True)
class Jam:
    """More messages than a sender carries until the send hours end. ``until`` is local to the site that ends last."""

    channel: Channel
    sender: str
    waiting: int
    carries: int
    until: datetime


def jams(work: Work, sites: Sequence[Site], senders: Mapping[Channel, str]) -> list[Jam]:
    """The senders that have more to carry today than their pace lets out. One that is stopped is told elsewhere."""
    start, until = _hours(work, sites)
    left = (until - start).total_seconds()
    found = []
    for channel, name in senders.items():
        row = store.sender(work.session, name)
        if row is None or row.stopped_at is not None or left <= 0:
            continue
        carries, waiting = int(left * row.per_second), _waiting(work, channel, until)
        if waiting > carries:
            found.append(Jam(channel, name, waiting, carries, until))
    return found


def _hours(work: Work, sites: Sequence[Site]) -> tuple[datetime, datetime]:
    """What is left of today's send hours, from the site that begins first to the one that ends last."""
    hours = []
    for site in sites:
        policy, today = policy_for(work.catalogue.policy, site), work.today(site)
        opens, closes = (to_utc(today, at, site.time_zone) for at in (policy.send_from, policy.send_until))
        hours.append((max(opens, work.now), closes.astimezone(ZoneInfo(site.time_zone))))
    return min(opens for opens, _ in hours), max(closes for _, closes in hours)


def _waiting(work: Work, channel: Channel, until: datetime) -> int:
    """What is planned up to then, at whatever site: all of them share the sender."""
    in_time = sa.or_(col(Reminder.not_before).is_(None), col(Reminder.not_before) < until)
    planned = (sa.text("reminder.state = 'planned'"), col(Reminder.due_at) < until, in_time)
    return work.session.exec(select(sa.func.count()).where(*planned, Reminder.channel == channel)).one()
