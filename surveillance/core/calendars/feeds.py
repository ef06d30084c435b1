"""From visits to calendar entries, and the revision by which a feed is known before anything is rendered.

A feed shows what is proposed (a tentative day), booked and done, and for 30 days what was called off. It is no
way to tell anything urgent: Google asks again after 8–24 hours, whatever the feed says.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from hashlib import sha256
from typing import Protocol

from surveillance.core.calendars.feed_words import ENGLISH, CalendarWords
from surveillance.core.calendars.ical import Calendar, Event, EventStatus
from surveillance.core.dates import DAY, local_day, to_utc
from surveillance.core.languages import number_in
from surveillance.core.words import AppointmentState, Privacy

__all__ = [
    "ENGLISH",
    "Audience",
    "CalendarWords",
    "FeedView",
    "Row",
    "Visit",
    "calendar",
    "etag",
    "events",
    "is_shown",
    "matches",
    "not_modified",
    "revision",
]

FORMAT = 1  # raise it with every change to what a feed looks like, so that clients fetch it afresh
KEPT_DAYS = 30  # after a visit was called off; long enough for every client to have seen it

_CALLED_OFF = frozenset({AppointmentState.CANCELLED, AppointmentState.NOSHOW})
_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')  # RFC 9110 section 8.8.3


class Audience(StrEnum):
    """Whose feed it is."""

    PATIENT = "patient"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Visit:
    """What a feed needs to know of one appointment.

    ``uid`` is the appointment's UUID. ``changed_at`` is the UTC moment of its last change. ``day`` and ``at``
    are local to ``zone``; without ``at`` the visit was never booked (or is known by its day only).
    ``examinations`` are titles in the reader's language, ``patient_label`` is used in staff feeds alone.
    """

    uid: str
    sequence: int
    changed_at: datetime
    state: AppointmentState
    day: date
    at: time | None
    zone: str
    minutes: int = 60
    place: str = ""
    place_address: str = ""
    examinations: tuple[str, ...] = ()
    patient_label: str = ""
    link: str = ""


class Row(Protocol):
    """The few columns that decide whether a visit is shown, and at which revision."""

    @property
    def uid(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def changed_at(self) -> datetime: ...
    @property
    def state(self) -> AppointmentState: ...
    @property
    def at(self) -> time | None: ...
    @property
    def zone(self) -> str: ...


@dataclass(frozen=True, slots=True)
class FeedView:
    """How a feed shows visits. ``alarm_minutes`` before a booked visit; None, the default, sets no alarm."""

    audience: Audience
    privacy: Privacy
    words: CalendarWords = ENGLISH
    phone: str = ""
    alarm_minutes: int | None = None

    @property
    def names_examinations(self) -> bool:
        return self.privacy is Privacy.FULL


def calendar(visits: Iterable[Visit], view: FeedView, today: date, domain: str) -> Calendar:
    """The feed, or the file of one visit: named for its reader, ready to be rendered."""
    words = view.words
    name = words.name_full if view.names_examinations else words.name
    if view.audience is Audience.STAFF:
        name = words.name_staff
    return Calendar(name, events(visits, view, today, domain), language=words.language.replace("_", "-"))


def events(visits: Iterable[Visit], view: FeedView, today: date, domain: str) -> list[Event]:
    """The entries of a feed on the day ``today``, in order of time; ``domain`` completes each UID."""
    shown = (visit for visit in visits if is_shown(visit, view, today))
    ordered = sorted(shown, key=lambda visit: (visit.day, visit.at or time.min, visit.uid))
    return [_event(visit, view, domain) for visit in ordered]


def is_shown(visit: Row, view: FeedView, today: date) -> bool:
    """Does the feed hold this visit on that day?

    What was called off stays for 30 days, so that each calendar learns of it, then it goes. A proposal that
    was called off goes at once: nothing was booked. A visit not attended is no patient's appointment any
    more, and nothing to be reproached with; staff see it like a cancelled one.
    """
    if visit.state not in _CALLED_OFF:
        return True
    if visit.state is AppointmentState.NOSHOW and view.audience is Audience.PATIENT:
        return False
    return visit.at is not None and today <= _last_day(visit)


def revision(visits: Iterable[Row], view: FeedView, today: date, *basis: object) -> str:
    """The strong ETag of a feed, from a few columns and before anything is rendered.

    ``basis`` is all else that a reader sees or that moves a time: the domain, when places last changed, the
    version of the zone rules.
    """
    rows = ((v.uid, v.sequence, v.changed_at, v.state) for v in visits if is_shown(v, view, today))
    look = (view.audience, view.privacy, view.phone, view.alarm_minutes, view.words.texts())
    return etag([("view", FORMAT, look, basis), *rows])


def etag(parts: Iterable[tuple[object, ...]]) -> str:
    """A quoted entity tag (RFC 9110 section 8.8.3) of facts, whatever order a database hands them over in."""
    lines = sorted(json.dumps(part, default=_canonical, sort_keys=True) for part in parts)
    digest = sha256("\n".join(lines).encode()).hexdigest()
    return f'"{digest[:40]}"'


def matches(if_none_match: str, tag: str) -> bool:
    """Is ``tag`` among the entity tags of the header? By weak comparison (RFC 9110 section 13.1.2)."""
    return if_none_match.strip() == "*" or tag in _ENTITY_TAG.findall(if_none_match)


def not_modified(if_none_match: str | None, if_modified_since: str | None, tag: str, changed: datetime | None) -> bool:
    """May the answer be 304? If-None-Match decides alone where it is given (RFC 9110 section 13.2.2)."""
    if if_none_match is not None:
        return matches(if_none_match, tag)
    since = _http_date(if_modified_since) if if_modified_since else None
    return bool(since and changed and changed.replace(microsecond=0) <= since)


def _last_day(visit: Row) -> date:
    """The last day on which a visit that was called off is still shown."""
    return local_day(visit.changed_at, visit.zone) + KEPT_DAYS * DAY


def _event(visit: Visit, view: FeedView, domain: str) -> Event:
    start = to_utc(visit.day, visit.at, visit.zone) if visit.at and _has_time(visit) else None
    return Event(
        uid=f"{visit.uid}@{domain}",
        sequence=visit.sequence,
        stamp=visit.changed_at,
        summary=_title(visit, view),
        description="\n".join(line for line in _lines(visit, view, start) if line),
        location=_place(visit, view),
        start=start,
        end=start + timedelta(minutes=visit.minutes) if start else None,
        day=None if start else visit.day,
        status=_status(visit.state),
        url=visit.link,
        alarm_minutes=view.alarm_minutes if start and visit.state is AppointmentState.BOOKED else None,
    )


def _has_time(visit: Visit) -> bool:
    """A proposal is a day, whatever time somebody noted beside it."""
    return visit.state is not AppointmentState.PROPOSED


def _status(state: AppointmentState) -> EventStatus:
    if state is AppointmentState.PROPOSED:
        return EventStatus.TENTATIVE
    return EventStatus.CANCELLED if state in _CALLED_OFF else EventStatus.CONFIRMED


def _title(visit: Visit, view: FeedView) -> str:
    words = view.words
    full = view.names_examinations and bool(visit.examinations)
    if view.audience is Audience.STAFF:
        text = words.title_staff_full if full else words.title_staff
    else:
        text = words.title_full if full else words.title
    title = text.format(patient=visit.patient_label, examinations=", ".join(visit.examinations))
    return words.framed(visit.state, title)


def _place(visit: Visit, view: FeedView) -> str:
    """Name and address; at neutral level the address alone, as a name may say what is treated there."""
    parts = (visit.place if view.names_examinations else "", visit.place_address)
    return ", ".join(part for part in parts if part)


def _lines(visit: Visit, view: FeedView, start: datetime | None) -> Iterator[str]:
    words, place = view.words, _place(visit, view)
    yield words.note(visit.state)
    yield words.moment(start, visit.zone) if start else words.date_alone(visit.day)
    yield words.where.format(place=number_in(words.where, place)) if place else ""
    if view.audience is Audience.STAFF:
        yield words.link_staff.format(link=visit.link) if visit.link else ""
        return
    yield words.call.format(phone=number_in(words.call, view.phone)) if view.phone else ""
    yield words.link.format(link=visit.link) if visit.link else ""


def _canonical(value: object) -> str:
    """A moment in one spelling, as databases hand over different zone objects for the same one."""
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _http_date(text: str) -> datetime | None:
    """An HTTP date in UTC; None, which means to ignore the header, where it is none (RFC 9110 section 13.1.3)."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
