"""Every change about a patient: who, when, why, what before and what after, in plain words (45 CFR 164.312(b))."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from surveillance.core import plain
from surveillance.core.audit.action_words import did
from surveillance.core.dates import local_day
from surveillance.core.drawings.timeline import spelled
from surveillance.operations.record.history_words import LABELS, NAMED, SILENT, WORDS
from surveillance.operations.record.trail import LOOKS, TOLD_BY_ITS_ACT
from surveillance.operations.work import Work
from surveillance.store.tables import AuditEvent, AuditValue, Patient, Place, User

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Change:
    """One value before and after; ``before`` is None where the record is new."""

    label: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class Event:
    """One change: when (UTC), who (with the system account of a command line), what, why."""

    id: int
    at: datetime
    who: str
    account: str
    what: str
    reason: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class History:
    """The newest events first; ``more`` is the id to go on from, None at the end."""

    events: tuple[Event, ...]
    more: int | None


def gather(
    work: Work,
    patient: Patient,
    titles: Mapping[str, str],
    limit: int = 30,
    before: int | None = None,
    subject: str = "",
) -> History:
    """The changes about a patient, without who only looked; ``titles`` name the items of the patient's plans.

    ``subject``: the id of the one record, such as a visit, whose changes are wanted.
    """
    found = _events(work, patient, limit + 1, before, subject)
    words = _Words(work, patient, titles, found[:limit])
    events = tuple(words.event(event, value) for event, value in found[:limit])
    return History(events, events[-1].id if len(found) > limit else None)


Row = tuple[AuditEvent, AuditValue | None]


def _events(work: Work, patient: Patient, limit: int, before: int | None, subject: str) -> list[Row]:
    statement = (
        select(AuditEvent, AuditValue)
        .outerjoin(AuditValue, col(AuditValue.event_id) == col(AuditEvent.id))
        .where(AuditEvent.patient_id == patient.id)
        .order_by(col(AuditEvent.id).desc())
        .limit(limit)
    )
    for left_out in (*LOOKS, *TOLD_BY_ITS_ACT):
        statement = statement.where(~col(AuditEvent.action).startswith(left_out))
    if subject:
        statement = statement.where(AuditEvent.subject_id == subject)
    if before is not None:
        statement = statement.where(col(AuditEvent.id) < before)
    return [(event, value) for event, value in work.session.exec(statement)]


class _Words:
    """Turns events into words, with the names that they speak of fetched once for all."""

    def __init__(self, work: Work, patient: Patient, titles: Mapping[str, str], rows: Sequence[Row]) -> None:
        self.titles = titles
        self.zone = work.site(patient.site_id).time_zone
        users = {event.user_id for event, _ in rows} | set(_people(rows))
        names = work.session.exec(select(col(User.id), col(User.name)).where(col(User.id).in_(users)))
        places = work.session.exec(select(col(Place.id), col(Place.name)).where(Place.site_id == patient.site_id))
        self.names: dict[str, str] = {str(key): name for key, name in (*names, *places)}

    def event(self, event: AuditEvent, value: AuditValue | None) -> Event:
        what = did(event.action)
        who = self.names.get(str(event.user_id), "somebody unknown")
        changes = tuple(self.changes(value.before, value.after)) if value else ()
        return Event(event.id or 0, event.at, who, event.account, what[:1].upper() + what[1:], event.reason, changes)

    def changes(self, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[Change]:
        for name in dict.fromkeys([*(before or {}), *(after or {})]):
            if name not in NAMED and SILENT.search(name):
                continue
            new, label = self.said(name, (after or {}).get(name)), LABELS.get(name, name.replace("_", " "))
            if before is None and new:
                yield Change(label, None, new)
            elif before is not None:
                yield Change(label, self.said(name, before.get(name)) or "nothing", new or "nothing")

    def said(self, name: str, value: Any) -> str:
        """A value as a person reads it; empty for nothing."""
        if value is None or value in ("", [], {}):
            return ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, Mapping):
            return ", ".join(f"{self.item(item)} {plain.every(months)}" for item, months in value.items())
        if isinstance(value, list):
            return ", ".join(map(self.item, map(str, value)))
        if isinstance(value, str):
            return self.text(name, value)
        return f"{value:g}" if isinstance(value, float) else str(value)

    def text(self, name: str, value: str) -> str:
        if name in NAMED:
            return self.names.get(value, "somebody unknown")
        if value in WORDS.get(name, ()):
            return WORDS[name][value]
        if name in ("item", "worklist"):
            return self.item(value)
        if _DAY.fullmatch(value):
            return spelled(date.fromisoformat(value))
        if _DAY.match(value) and "T" in value:
            return spelled(local_day(datetime.fromisoformat(value), self.zone))
        return value.removesuffix(":00") if name == "at" and value.count(":") == 2 else value

    def item(self, name: str) -> str:
        """``mri_primary@6`` as ``MRI of the primary site, month 6``."""
        code, _, month = name.partition("@")
        title = self.titles.get(code, plain.item(code))
        if not month:
            return title
        return f"{title}, extra" if month.startswith("x") else f"{title}, month {month}"


def _people(rows: Sequence[Row]) -> Iterator[UUID]:
    for _, value in rows:
        for side in (value.before, value.after) if value else ():
            for name in NAMED[1:]:
                if side and side.get(name):
                    yield UUID(side[name])
