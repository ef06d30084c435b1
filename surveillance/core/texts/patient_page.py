"""What a patient's own page says of visits: pure sentences and links, in the reader's language and nobody's name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time

from surveillance.core.dates import DAY, nearest_days, to_utc
from surveillance.core.languages import locale_of
from surveillance.core.schedule.trips import IsWorking
from surveillance.core.texts.message_book import MessageBook

SUGGESTED: Final = 6  # days to choose from; more than a telephone's screen nobody compares
MOST_DAYS: Final = 3  # that somebody may ask for
LONGEST: Final = 500  # characters of what somebody writes
_MONTH: Final = timedelta(days=30)
GOOGLE: Final = "https://calendar.google.com/calendar/render"


@dataclass(frozen=True, slots=True)
class Speech:
    """How to write dates and times: a book's forms, in the locale of the reader's region."""

    book: MessageBook
    locale: Locale

    def day(self, day: date) -> str:
        return format_date(day, self.book.calendar.date_format, locale=self.locale)

    def month(self, day: date) -> str:
        """``March 2027``, as it stands inside a sentence."""
        return format_skeleton("yMMMM", day, locale=self.locale)

    def when(self, day: date, at: time, zone: str, reader_zone: str) -> str:
        """Day and time at the place; where the reader's clock shows another time then, it says so."""
        clock = _together(format_time(at, self.book.calendar.time_format, locale=self.locale))
        if _offset(day, at, zone, zone) != _offset(day, at, zone, reader_zone):
            clock = self.book.time_there.format(time=clock)
        return self.book.sheet.when.format(date=self.day(day), time=clock)


def _together(clock: str) -> str:
    """A time that no line break takes apart; some fonts show Babel's narrow space before PM as a box."""
    return clock.replace("\u202f", " ").replace(" ", "\u00a0")


def speech(book: MessageBook, locale: str) -> Speech:
    return Speech(book, locale_of(locale))


def date_parts(locale: Locale) -> list[tuple[str, int]]:
    """The parts of a date as the reader's region orders them, with the digits that each has."""
    short = locale.date_formats["short"].pattern.lower()
    return sorted([("day", 2), ("month", 2), ("year", 4)], key=lambda part: short.index(part[0][0]))


def _offset(day: date, at: time, zone: str, seen_from: str) -> timedelta | None:
    return to_utc(day, at, zone).astimezone(ZoneInfo(seen_from)).utcoffset()


def own_name(language: str) -> str:
    """What a language calls itself: ``Deutsch``, ``العربية``, ``简体中文``."""
    locale = locale_of(language)
    name = locale.get_display_name(locale) or language
    return name[:1].upper() + name[1:]


def google_link(title: str, start: datetime, minutes: int, details: str, place: str) -> str:
    """Google's page for a new event, filled in: its "event publisher guide", action TEMPLATE, times in UTC.

    Nothing is told to Google unless whoever reads the page follows it.
    """
    moments = (start, start + timedelta(minutes=minutes))
    values = {
        "action": "TEMPLATE",
        "text": title,
        "dates": "/".join(f"{moment:%Y%m%dT%H%M%SZ}" for moment in moments),
        "details": details,
        "location": place,
    }
    return f"{GOOGLE}?{urlencode({name: value for name, value in values.items() if value})}"


def suggested(
    booked: date, windows: Sequence[tuple[date, date]], today: date, is_working: IsWorking
) -> tuple[date, ...]:
    """Working days that are as good as the booked one: in all windows and after today, the nearest to it, in order.

    Where no window has such a day left, the next working days.
    """
    low = max([today + DAY, *(start for start, _ in windows)])
    high = min([booked + _MONTH, *(end for _, end in windows)])
    inside = tuple(islice(_others(booked, low, high, is_working), SUGGESTED))
    found = inside or tuple(islice(_others(today, today + DAY, today + _MONTH, is_working), SUGGESTED))
    return tuple(sorted(found))


def _others(booked: date, low: date, high: date, is_working: IsWorking) -> Iterator[date]:
    return (day for day in nearest_days(booked, low, high, is_working) if day != booked)
