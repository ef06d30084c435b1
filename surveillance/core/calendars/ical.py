"""Calendars as bytes: the part of RFC 5545 and RFC 7986 that a subscribed feed needs, and nothing else.

Written here because folding in the icalendar package makes a feed many times slower to build; the tests read
every feed back with two independent parsers. Nothing here asks the clock: equal calendars give equal bytes.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from surveillance.core.dates import DAY
from surveillance.core.errors import InvalidInputError

PRODUCT = "-//surveillance//Follow-up calendar//EN"
LINE_OCTETS = 75  # RFC 5545 section 3.1, without the line break

_LANGUAGE = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
# Control characters, but for tabs and what some reader takes for a line break: NEL and two Unicode separators.
_DROPPED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
# In this order: the backslash first, or it would escape the escapes.
_ESCAPES = (
    *((sign, "\\" + sign) for sign in "\\;,"),
    *((line_break, "\\n") for line_break in ("\r\n", *"\n\r\x85\u2028\u2029")),
)
_NOT_IN_A_LINK = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]")


class EventStatus(StrEnum):
    """STATUS of a VEVENT (RFC 5545 section 3.8.1.11)."""

    CONFIRMED = "CONFIRMED"
    TENTATIVE = "TENTATIVE"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry: a moment in UTC (``start``, ``end``) or a whole ``day``.

    ``uid`` never changes and ``sequence`` rises with each change of time, place or status. ``stamp`` is the
    UTC moment at which the stored row last changed, never the clock's: else every poll would see new bytes.
    ``alarm_minutes`` counts back from the start. ``organizer`` is a mailbox, which an entry that is mailed must name
    (RFC 5546 section 3.2.1).

    Raises:
        InvalidInputError: neither or both of ``start`` and ``day``, a moment without a zone, an end before
            the start, a negative sequence or alarm.
    """

    uid: str
    sequence: int
    stamp: datetime
    summary: str
    description: str = ""
    location: str = ""
    start: datetime | None = None
    end: datetime | None = None
    day: date | None = None
    status: EventStatus = EventStatus.CONFIRMED
    url: str = ""
    alarm_minutes: int | None = None
    organizer: str = ""

    def __post_init__(self) -> None:
        if fault := _fault(self):
            raise InvalidInputError(f"calendar entry {self.uid}: {fault}")

    @property
    def is_busy(self) -> bool:
        """Does it take up time? A whole day, a proposal and a cancelled visit do not."""
        return self.day is None and self.status is EventStatus.CONFIRMED


@dataclass(frozen=True, slots=True)
class Calendar:
    """A named list of entries. ``refresh`` hints how often to ask again; Google takes 8–24 hours anyway.

    ``method`` is the iTIP method (RFC 5546), PUBLISH for a feed; None leaves it out.

    Raises:
        InvalidInputError: ``language`` is no language tag (RFC 5646), or ``refresh`` is under a minute.
    """

    name: str
    events: Sequence[Event]
    refresh: timedelta = timedelta(hours=12)
    description: str = ""
    method: str | None = "PUBLISH"
    language: str = "en"

    def __post_init__(self) -> None:
        if not _LANGUAGE.fullmatch(self.language):
            raise InvalidInputError(f"calendar {self.name}: {self.language!r} is no language tag; write en or es-MX")
        if self.refresh < timedelta(minutes=1):
            raise InvalidInputError(f"calendar {self.name}: refresh every {self.refresh} is under a minute")


def render(calendar: Calendar) -> bytes:
    """The calendar as text/calendar: UTF-8, CRLF, folded (RFC 5545 section 3.1).

    A calendar without entries is just its head, which clients read as an empty calendar.
    """
    lines = [*_head(calendar)]
    for event in calendar.events:
        lines += _event(event, calendar.language)
    lines.append("END:VCALENDAR")
    return b"\r\n".join(map(_folded, lines)) + b"\r\n"


def _head(calendar: Calendar) -> Iterator[str]:
    yield from ("BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODUCT}", "CALSCALE:GREGORIAN")
    if calendar.method:
        yield f"METHOD:{_text(calendar.method)}"
    # RFC 7986 has NAME and DESCRIPTION; Google and Apple read only the older X- names.
    for name in ("NAME", "X-WR-CALNAME"):
        yield f"{name}:{_text(calendar.name)}"
    if calendar.description:
        for name in ("DESCRIPTION", "X-WR-CALDESC"):
            yield f"{name}:{_text(calendar.description)}"
    refresh = _duration(calendar.refresh)
    yield from (f"REFRESH-INTERVAL;VALUE=DURATION:{refresh}", f"X-PUBLISHED-TTL:{refresh}")


def _event(event: Event, language: str) -> list[str]:
    stamp = _moment(event.stamp)
    lines = [
        "BEGIN:VEVENT",
        f"UID:{_text(event.uid)}",
        f"SEQUENCE:{event.sequence}",
        f"DTSTAMP:{stamp}",
        f"LAST-MODIFIED:{stamp}",
        *_when(event),
        f"SUMMARY;LANGUAGE={language}:{_text(event.summary)}",
    ]
    if event.description:
        lines.append(f"DESCRIPTION;LANGUAGE={language}:{_text(event.description)}")
    if event.location:
        lines.append(f"LOCATION:{_text(event.location)}")
    if event.organizer:
        lines.append(f"ORGANIZER:mailto:{_NOT_IN_A_LINK.sub('', event.organizer)}")
    if event.url:
        lines.append(f"URL:{_NOT_IN_A_LINK.sub('', event.url)}")
    # CLASS is advice that most clients ignore, so privacy is the business of the words, not of this line.
    lines += [f"STATUS:{event.status}", "CLASS:PRIVATE"]
    # Outlook asks only the X- property whether time is taken.
    lines += ["TRANSP:OPAQUE"] if event.is_busy else ["TRANSP:TRANSPARENT", "X-MICROSOFT-CDO-BUSYSTATUS:FREE"]
    return [*lines, *_alarm(event), "END:VEVENT"]


def _when(event: Event) -> Iterator[str]:
    """DTSTART and DTEND: UTC, as clients read zone tables differently; DTEND of a day is the day after."""
    if event.day:
        yield f"DTSTART;VALUE=DATE:{_day(event.day)}"
        yield f"DTEND;VALUE=DATE:{_day(event.day + DAY)}"
    if event.start:
        yield f"DTSTART:{_moment(event.start)}"
    if event.end:
        yield f"DTEND:{_moment(event.end)}"


def _alarm(event: Event) -> Iterator[str]:
    if event.alarm_minutes is not None and event.status is not EventStatus.CANCELLED:
        yield from ("BEGIN:VALARM", "ACTION:DISPLAY", f"TRIGGER:-PT{event.alarm_minutes}M")
        yield from (f"DESCRIPTION:{_text(event.summary)}", "END:VALARM")


def _fault(event: Event) -> str | None:
    moments = [moment for moment in (event.stamp, event.start, event.end) if moment]
    if (event.start is None) == (event.day is None):
        return "needs either a start or a day"
    if any(moment.tzinfo is None for moment in moments):
        return "has a time without a zone; give moments in UTC"
    if event.end and (event.start is None or event.end <= event.start):
        return f"ends at {event.end}, not after a start"
    if event.sequence < 0 or (event.alarm_minutes or 0) < 0:
        return "has a negative sequence or alarm"
    return None


def _moment(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return f"{_day(utc)}T{utc.hour:02}{utc.minute:02}{utc.second:02}Z"


def _day(day: date) -> str:
    return f"{day.year:04}{day.month:02}{day.day:02}"


def _duration(span: timedelta) -> str:
    """RFC 5545 section 3.3.6, in hours and minutes: ``PT12H``, ``PT1H30M``."""
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    return "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")


def _text(value: str) -> str:
    """A TEXT value (RFC 5545 section 3.3.11): escaped, without control characters and outer white space.

    White space at the end could fold into a line of blanks, at which vobject ends the property.
    """
    text = _DROPPED.sub("", value).strip()
    for sign, escaped in _ESCAPES:  # several times faster than str.translate
        text = text.replace(sign, escaped)
    return text


def _folded(line: str) -> bytes:
    """At most 75 octets a line, cut neither inside a character nor inside an escape such as ``\\,``."""
    octets = line.encode("utf-8", "replace")
    if len(octets) <= LINE_OCTETS:
        return octets
    parts = []
    start, room = 0, LINE_OCTETS
    while len(octets) - start > room:
        cut = _cut(octets, start, start + room)
        parts.append(octets[start:cut])
        start, room = cut, LINE_OCTETS - 1  # the blank that opens a continuation counts
    return b"\r\n ".join([*parts, octets[start:]])


def _cut(octets: bytes, start: int, end: int) -> int:
    while octets[end] & 0xC0 == 0x80:  # an octet within a UTF-8 character
        end -= 1
    piece = octets[start:end]
    backslashes = len(piece) - len(piece.rstrip(b"\\"))
    return end - backslashes % 2
