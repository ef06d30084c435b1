"""Templates become pages here: one environment, everything escaped, and how days and moments are written."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import jinja2
import nhsuk_frontend_jinja
from markupsafe import Markup

import surveillance
from surveillance.core.dates import local_day
from surveillance.core.plain import SOURCE
from surveillance.store.tables import Appointment
from surveillance.store.visits.site_calendar import Entry
from surveillance.web.words import language_name

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
_ISO_DAY: Final = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_LIBRARY: Final = Path(nhsuk_frontend_jinja.__file__).parent / "templates"


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    """The environment of all templates; chainable, as the library's macros reach into what was not given."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([HERE / "templates", _LIBRARY]),
        autoescape=True,  # also for names that end in .jinja, which the usual choice by name leaves out
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"day": day, "short_day": short_day, "clock": clock, "moment": moment, "plural": plural}
    made.filters |= {"dated": dated, "said": said, "confirmed": confirmed}
    made.filters |= {"language": language_name}
    made.globals |= {"version": surveillance.__version__, "asset": asset}
    return made


def render(template: str, values: Mapping[str, Any]) -> str:
    """A template with its values, as text."""
    return environment().get_template(template).render(values)


def markup(text: str) -> Markup:
    """Text that is HTML already, such as a drawing of the core; never anything that a person typed."""
    return Markup(text)  # noqa: S704


@lru_cache
def asset(name: str) -> str:
    """The address of a file that a page loads, with its age: a browser keeps it until it changes."""
    file = STATIC / name
    changed = f"?{int(file.stat().st_mtime):x}" if file.is_file() else ""
    return f"/static/{name}{changed}"


# -- days and moments: with the weekday, in the place's own time, never in UTC ----------------------------------------


def day(value: date | None, *, empty: str = "–") -> str:
    """``Tue 1 Dec 2026``"""
    return empty if value is None else f"{value:%a} {value.day} {value:%b %Y}"


def short_day(value: date | None, *, empty: str = "–") -> str:
    """``1 Dec 2026``"""
    return empty if value is None else f"{value.day} {value:%b %Y}"


def dated(text: str) -> str:
    """Sentences of the operations with their days as people write them: ``due from 2026-12-01`` as ``1 Dec 2026``."""
    return _ISO_DAY.sub(_as_day, text)


def said(text: str) -> str:
    """A sentence of the operations at its own place on a page: with a capital, and its days written out."""
    return dated(text[:1].upper() + text[1:])


def _as_day(found: re.Match[str]) -> str:
    try:
        return short_day(date.fromisoformat(found[0]))
    except ValueError:
        return found[0]


def clock(value: time | None) -> str:
    """``10:30``"""
    return "" if value is None else f"{value:%H:%M}"


def moment(value: datetime | None, zone: str, *, empty: str = "–") -> str:
    """A moment by the clock of a place: ``Tue 1 Dec 2026, 10:30``"""
    if value is None:
        return empty
    local = value.astimezone(ZoneInfo(zone))
    return f"{day(local.date())}, {local:%H:%M}"


def confirmed(visit: Appointment | Entry, zone: str) -> str:
    """``confirmed by reply on 1 Dec 2026``; nothing where the patient has not said to come."""
    if visit.confirmed_at is None or visit.confirmed_how is None:
        return ""
    return f"confirmed {SOURCE[visit.confirmed_how]} on {short_day(local_day(visit.confirmed_at, zone))}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 patient``, ``3 patients``"""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
