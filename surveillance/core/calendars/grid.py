"""Months, weeks and days as a calendar on a wall shows them; weeks begin on Monday (ISO 8601)."""

from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from surveillance.core.dates import DAY, add_months

_WEEK = timedelta(days=7)


class View(StrEnum):
    """How much of a calendar is in view."""

    MONTH = "month"
    WEEK = "week"
    DAY = "day"


class Days(NamedTuple):
    """What is in view, and a day of what lies before and after it."""

    weeks: Sequence[Sequence[date]]
    before: date
    after: date

    @property
    def first(self) -> date:
        return self.weeks[0][0]

    @property
    def last(self) -> date:
        return self.weeks[-1][-1]


def days(view: View, day: date) -> Days:
    """The whole weeks that a month touches, the week of a day, or the day alone."""
    if view is View.DAY:
        return Days([[day]], day - DAY, day + DAY)
    monday = day - timedelta(days=day.weekday())
    if view is View.WEEK:
        return Days([_week(monday)], day - _WEEK, day + _WEEK)
    first = day.replace(day=1)
    start, end = first - timedelta(days=first.weekday()), add_months(first, 1)
    mondays = [start + number * _WEEK for number in range(6) if start + number * _WEEK < end]
    return Days([_week(monday) for monday in mondays], add_months(first, -1), end)


def _week(monday: date) -> list[date]:
    return [monday + number * DAY for number in range(7)]
