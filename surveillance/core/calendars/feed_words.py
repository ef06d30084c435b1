"""The texts of calendar feeds, one set for each language, and how dates and times are written in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from string import Formatter
from types import MappingProxyType
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time

from surveillance.core.errors import ConfigurationError
from surveillance.core.words import AppointmentState

_PLACEHOLDERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "title_full": frozenset({"examinations"}),
        "title_staff": frozenset({"patient"}),
        "title_staff_full": frozenset({"patient", "examinations"}),
        "title_proposed": frozenset({"title"}),
        "title_cancelled": frozenset({"title"}),
        "title_noshow": frozenset({"title"}),
        "when": frozenset({"date", "time", "zone"}),
        "when_day": frozenset({"date"}),
        "where": frozenset({"place"}),
        "call": frozenset({"phone"}),
        "link": frozenset({"link"}),
        "link_staff": frozenset({"link"}),
    }
)
_FRAMES: Mapping[AppointmentState, str] = MappingProxyType(
    {
        AppointmentState.PROPOSED: "title_proposed",
        AppointmentState.CANCELLED: "title_cancelled",
        AppointmentState.NOSHOW: "title_noshow",
    }
)
_NOTES: Mapping[AppointmentState, str] = MappingProxyType(
    {
        AppointmentState.PROPOSED: "note_proposed",
        AppointmentState.CANCELLED: "note_cancelled",
        AppointmentState.NOSHOW: "note_noshow",
    }
)


@dataclass(frozen=True, slots=True)
class CalendarWords:
    """The texts of a feed in one language (config/messages/<language>.yaml, key ``calendar``).

    Texts named ``…_full`` are used at full privacy level and may name examinations; the others are neutral
    and name neither examination nor oncology. ``date_format`` and ``time_format`` are Babel's: ``full``,
    ``short`` or a pattern such as ``HH:mm``.

    Raises:
        ConfigurationError: the language is unknown, or a text has a placeholder that it may not have or
            lacks one that it needs.
    """

    language: str
    name: str
    name_full: str
    name_staff: str
    title: str
    title_full: str
    title_staff: str
    title_staff_full: str
    title_proposed: str
    title_cancelled: str
    title_noshow: str
    note_proposed: str
    note_cancelled: str
    note_noshow: str
    when: str
    when_day: str
    where: str
    call: str
    link: str
    link_staff: str
    date_format: str = "full"
    time_format: str = "short"
    locale: Locale = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "locale", _locale(self.language))
        for name, text in self.texts().items():
            _check_placeholders(f"calendar.{name} ({self.language})", text, _PLACEHOLDERS.get(name, frozenset()))

    def texts(self) -> dict[str, str]:
        """Every text by its name, the language and the formats too."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "locale"}

    def framed(self, state: AppointmentState, title: str) -> str:
        """The title with what its state puts before it, such as ``Cancelled:``."""
        frame = getattr(self, _FRAMES[state]) if state in _FRAMES else "{title}"
        return str(frame.format(title=title))

    def note(self, state: AppointmentState) -> str:
        """What the reader must know of a visit in that state; empty where the date says all."""
        return str(getattr(self, _NOTES[state])) if state in _NOTES else ""

    def moment(self, start: datetime, zone: str) -> str:
        """A moment as the clock on the wall in ``zone`` shows it, with the zone's name."""
        local = start.astimezone(ZoneInfo(zone))
        clock = format_time(local.time(), self.time_format, locale=self.locale)
        # Some fonts show Babel's narrow space before AM as a box.
        return self.when.format(date=self._date(local), time=clock.replace("\u202f", " "), zone=zone)

    def date_alone(self, day: date) -> str:
        """A day without a time."""
        return self.when_day.format(date=self._date(day))

    def _date(self, day: date) -> str:
        return format_date(day, self.date_format, locale=self.locale)


def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language.replace("_", "-"), sep="-")
    except (ValueError, UnknownLocaleError) as error:
        raise ConfigurationError(f"calendar texts: {language!r} is no known language; write en or es-MX") from error


def _check_placeholders(name: str, text: str, wanted: frozenset[str]) -> None:
    try:
        found = {part[1:] for part in Formatter().parse(text) if part[1] is not None}
    except ValueError as error:
        raise ConfigurationError(f"{name}: {text!r} has an unpaired brace") from error
    if found != {(field_name, "", None) for field_name in wanted}:
        needed = ", ".join(f"{{{field_name}}}" for field_name in sorted(wanted)) or "no placeholder"
        raise ConfigurationError(f"{name}: {text!r} must have {needed}")


ENGLISH = CalendarWords(
    language="en",
    name="Appointments",
    name_full="Follow-up visits",
    name_staff="Follow-up visits of patients",
    title="Appointment",
    title_full="{examinations}",
    title_staff="{patient}: appointment",
    title_staff_full="{patient}: {examinations}",
    title_proposed="To be booked: {title}",
    title_cancelled="Cancelled: {title}",
    title_noshow="Did not attend: {title}",
    note_proposed="This day is a plan. Nothing is booked yet.",
    note_cancelled="This appointment will not take place.",
    note_noshow="The patient did not attend.",
    when="{date}, {time} ({zone})",
    when_day="{date}",
    where="Place: {place}",
    call="Questions or changes: {phone}",
    link="Details: {link}",
    link_staff="Open (sign-in needed): {link}",
)
