"""The working days of a site: its week, its country's holidays, its own closures."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType

import holidays
from sqlmodel import Session, col, select

from surveillance.core.errors import InvalidInputError
from surveillance.core.schedule.trips import SiteCalendar
from surveillance.store.tables import Closure, Site

YEARS_AHEAD = 4  # the rolling horizon is two years; a proposal may move past it


@lru_cache(maxsize=64)
def public_holidays(calendar: str, first: int, last: int) -> Mapping[date, str]:
    """The public holidays of ``calendar`` ("GB", "DE-BY"; empty for none) in the years ``first``…``last``, by name.

    Raises:
        InvalidInputError: the holidays library knows no such country or subdivision.
    """
    if not calendar:
        return MappingProxyType({})
    country, _, subdivision = calendar.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=subdivision or None, years=range(first, last + 1))
    except NotImplementedError as error:
        raise InvalidInputError(
            f"no holiday calendar {calendar!r}; use a country code, or country-subdivision such as DE-BY"
        ) from error
    return MappingProxyType(dict(found))


def site_calendar(session: Session, site: Site, today: date) -> SiteCalendar:
    """The days on which the site works, for the years around ``today``."""
    closures = session.exec(select(col(Closure.day)).where(Closure.site_id == site.id))
    days = public_holidays(site.holidays, today.year - 1, today.year + YEARS_AHEAD)
    return SiteCalendar(frozenset(int(digit) for digit in site.working_days), frozenset(days) | frozenset(closures))


def closed_days(session: Session, site: Site, first: date, last: date) -> dict[date, str]:
    """Why the site is closed: its own closures and its country's holidays from ``first`` to ``last``, by day."""
    named = public_holidays(site.holidays, first.year, last.year)
    found = {day: name for day, name in named.items() if first <= day <= last}
    statement = select(Closure).where(Closure.site_id == site.id, col(Closure.day) >= first, col(Closure.day) <= last)
    return found | {row.day: row.reason for row in session.exec(statement)}
