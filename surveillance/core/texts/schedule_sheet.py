"""The schedule sheet that a patient takes home: next visits and what is planned, in the patient's own language."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, time
from itertools import groupby
from string import Formatter
from types import MappingProxyType

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time

from surveillance.core.calendars.feed_words import CalendarWords
from surveillance.core.dates import add_months
from surveillance.core.errors import ConfigurationError
from surveillance.core.languages import number_in
from surveillance.core.words import Privacy

MONTHS = 24  # how far the sheet looks ahead

_PLACEHOLDERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "made": frozenset({"date"}),
        "when": frozenset({"date", "time"}),
        "booked_none": frozenset({"clinic"}),
        "call": frozenset({"phone"}),
    }
)


@dataclass(frozen=True, slots=True)
class SheetWords:
    """The sheet's texts in one language (config/messages/<language>.yaml, key ``sheet``). All but ``title_full`` are
    neutral: a sheet lies about, and names neither examination nor oncology unless the site chose more. ``counts``
    says how many appointments a month has, by the plural categories of Unicode CLDR (one, two, few, many, other).

    Raises:
        ConfigurationError: a text has a placeholder that it may not have, or lacks one that it needs.
    """

    title: str
    title_full: str
    made: str
    booked: str
    when: str
    booked_none: str
    planned: str
    planned_note: str
    planned_none: str
    counts: Mapping[str, str]
    call: str
    calendar: str
    calendar_note: str

    def __post_init__(self) -> None:
        for name, text in self.texts().items():
            _check(name, text, _PLACEHOLDERS.get(name, frozenset()))
        for category, text in self.counts.items():
            may_spell_out = category in ("zero", "one", "two") and "{" not in text
            _check(f"counts.{category}", text, frozenset() if may_spell_out else frozenset({"count"}))

    def texts(self) -> dict[str, str]:
        """Every text by its name, but for the counts."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "counts"}

    def counted(self, number: int, locale: Locale) -> str:
        """So many appointments; ``other`` where the number's own category has no words."""
        text = self.counts.get(locale.plural_form(number)) or self.counts["other"]
        return text.format(count=number)


def _check(name: str, text: str, wanted: frozenset[str]) -> None:
    try:
        found = {part[1] for part in Formatter().parse(text) if part[1] is not None}
    except ValueError as error:
        raise ConfigurationError(f"sheet.{name}: {text!r} has an unpaired brace") from error
    if found != wanted:
        needed = ", ".join(f"{{{placeholder}}}" for placeholder in sorted(wanted)) or "no placeholder"
        raise ConfigurationError(f"sheet.{name}: {text!r} must have {needed}")


@dataclass(frozen=True, slots=True)
class SheetVisit:
    """A visit to come; without a time it is only proposed. ``examinations`` are titles, used at full level."""

    day: date
    at: time | None
    place: str
    examinations: Sequence[str]


@dataclass(frozen=True, slots=True)
class Booked:
    """A visit as the sheet says it: when, and at full level where and for what."""

    when: str
    details: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that is printed, in words. ``months``: a month and what falls into it."""

    language: str
    direction: str
    title: str
    made: str
    words: SheetWords
    booked: tuple[Booked, ...]
    booked_none: str
    months: tuple[tuple[str, str], ...]
    call: str


def sheet(
    words: SheetWords,
    calendar: CalendarWords,
    privacy: Privacy,
    visits: Iterable[SheetVisit],
    today: date,
    clinic: str,
    phone: str,
) -> Sheet:
    """The sheet as of ``today``: booked visits one by one, proposed ones by month, up to two years ahead."""
    ahead = [visit for visit in visits if today <= visit.day <= add_months(today, MONTHS)]
    booked = sorted((visit for visit in ahead if visit.at is not None), key=lambda visit: (visit.day, visit.at))
    proposed = sorted((visit for visit in ahead if visit.at is None), key=lambda visit: visit.day)
    full = privacy is Privacy.FULL
    return Sheet(
        language=calendar.language,
        direction=calendar.locale.text_direction,
        title=words.title_full if full else words.title,
        made=words.made.format(date=_date(calendar, today)),
        words=words,
        booked=tuple(_booked(words, calendar, visit, full) for visit in booked),
        booked_none=words.booked_none.format(clinic=clinic),
        months=tuple(_months(words, calendar.locale, proposed, full)),
        call=words.call.format(phone=number_in(words.call, phone)),
    )


def _date(calendar: CalendarWords, day: date) -> str:
    return format_date(day, calendar.date_format, locale=calendar.locale)


def _booked(words: SheetWords, calendar: CalendarWords, visit: SheetVisit, full: bool) -> Booked:
    clock = format_time(visit.at, calendar.time_format, locale=calendar.locale).replace("\u202f", " ")
    details = (visit.place, *visit.examinations) if full else ()
    return Booked(
        words.when.format(date=_date(calendar, visit.day), time=clock), tuple(detail for detail in details if detail)
    )


def _months(words: SheetWords, locale: Locale, proposed: Sequence[SheetVisit], full: bool) -> Iterable[tuple[str, str]]:
    for first, group in groupby(proposed, key=lambda visit: visit.day.replace(day=1)):
        visits = list(group)
        name = format_skeleton("yMMMM", first, locale=locale)
        titles = dict.fromkeys(title for visit in visits for title in visit.examinations)
        counted = words.counted(len(visits), locale)
        yield name[:1].upper() + name[1:], ", ".join(titles) if full and titles else counted
