"""The words of a patient's own page, one set for each language (config/messages/<language>.yaml, key ``page``)."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from string import Formatter
from types import MappingProxyType

from surveillance.core.errors import ConfigurationError
from surveillance.core.languages import number_in

_PLACEHOLDERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "none": frozenset({"clinic"}),
        "planned": frozenset({"month", "clinic"}),
        "asked": frozenset({"clinic"}),
        "asked_days": frozenset({"days"}),
        "birth_wrong": frozenset({"count"}),
        "locked": frozenset({"clinic", "phone"}),
        "examinations": frozenset({"examinations"}),
        "another_note": frozenset({"count", "clinic"}),
        "another_many": frozenset({"count"}),
        "another_text_hint": frozenset({"count"}),
        "another_long": frozenset({"count"}),
        "calendar_made": frozenset({"date"}),
        "calendar_full": frozenset({"count"}),
        "stop_means": frozenset({"clinic"}),
        "start_call": frozenset({"phone"}),
        "expired": frozenset({"clinic", "phone"}),
    }
)


@dataclass(frozen=True, slots=True)
class PageWords:
    """All texts are neutral: whoever holds the link reads most of them. Plain words, as for a child of ten.

    Raises:
        ConfigurationError: a text has a placeholder that it may not have, or lacks one that it needs.
    """

    title: str
    none: str
    planned: str
    confirm: str
    confirmed: str
    another: str
    asked: str
    asked_days: str
    changed: str
    add: str
    add_file: str
    add_google: str
    more: str
    more_why: str
    birth_date: str
    day: str
    month: str
    year: str
    show: str
    birth_missing: str
    birth_wrong: str
    locked: str
    examinations: str
    ahead: str
    another_title: str
    another_note: str
    another_days: str
    another_other: str
    another_parts: str
    morning: str
    afternoon: str
    another_text: str
    another_text_hint: str
    another_many: str
    another_past: str
    another_empty: str
    another_long: str
    send: str
    language: str
    save: str
    language_saved: str
    calendar_why: str
    calendar_make: str
    calendar_once: str
    calendar_open: str
    calendar_google: str
    calendar_code: str
    calendar_made: str
    calendar_replace: str
    calendar_close: str
    calendar_closed: str
    calendar_full: str
    stop: str
    stop_which: str
    stop_sms: str
    stop_email: str
    stop_means: str
    stop_do: str
    stop_choose: str
    stopped_sms: str
    stopped_email: str
    start: str
    started: str
    start_call: str
    back: str
    problem: str
    switch: str
    closed_title: str
    closed: str
    expired_title: str
    expired: str
    unknown_title: str
    unknown: str
    busy_title: str
    busy: str
    retry_title: str
    retry: str

    def __post_init__(self) -> None:
        for name, text in self.texts().items():
            _check(name, text)

    def texts(self) -> dict[str, str]:
        """Every text by its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def said(self, name: str, **values: object) -> str:
        """A text, filled; a phone number stands in it as its script needs it."""
        text = self.texts()[name]
        if "phone" in values:
            values["phone"] = number_in(text, str(values["phone"]))
        return text.format(**values)


def _check(name: str, text: str) -> None:
    wanted = _PLACEHOLDERS.get(name, frozenset())
    try:
        found = {part[1:] for part in Formatter().parse(text) if part[1] is not None}
    except ValueError as error:
        raise ConfigurationError(f"page.{name}: {text!r} has an unpaired brace") from error
    if found != {(placeholder, "", None) for placeholder in wanted}:
        needed = ", ".join(f"{{{placeholder}}}" for placeholder in sorted(wanted)) or "no placeholder"
        raise ConfigurationError(f"page.{name}: {text!r} must have {needed}")
