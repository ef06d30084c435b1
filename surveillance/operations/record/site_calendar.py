"""The calendar of a site: its visits, holidays and closures between two days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from surveillance.core import plain
from surveillance.core.calendars.grid import Days
from surveillance.core.words import AppointmentState
from surveillance.operations.record.patient_record import FLAGS
from surveillance.operations.registry.working_days import closed_days
from surveillance.operations.work import Work
from surveillance.store.calendars.feeds import places
from surveillance.store.tables import AppointmentItem, Site
from surveillance.store.visits import appointments, site_calendar
from surveillance.store.visits.site_calendar import Entry, Filter

SHOWN: Final = (AppointmentState.PROPOSED, AppointmentState.BOOKED, AppointmentState.FULFILLED)
CALLED_OFF: Final = (AppointmentState.NOSHOW, AppointmentState.CANCELLED)
_TAKES_PLACE: Final = (AppointmentState.BOOKED, AppointmentState.FULFILLED)


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit: ``open`` says that somebody has to record what became of it."""

    entry: Entry
    place: str
    lines: Sequence[AppointmentItem]
    open: bool

    @property
    def name(self) -> str:
        return f"{self.entry.family_name}, {self.entry.given_name}"

    @property
    def short_name(self) -> str:
        """``Winters A.``"""
        first = self.entry.given_name[:1]
        return f"{self.entry.family_name} {first}." if first else self.entry.family_name

    @property
    def needs(self) -> list[str]:
        return [FLAGS[name] for name in self.entry.needs]


@dataclass(frozen=True, slots=True)
class Day:
    """``closed`` names why nobody works; ``more`` counts the visits that are not listed."""

    day: date
    closed: str
    working: bool
    counts: Mapping[AppointmentState, int]
    visits: Sequence[Visit]

    @property
    def booked(self) -> int:
        return sum(self.counts.get(state, 0) for state in _TAKES_PLACE)

    @property
    def proposed(self) -> int:
        return self.counts.get(AppointmentState.PROPOSED, 0)

    @property
    def more(self) -> int:
        return sum(self.counts.values()) - len(self.visits)

    @property
    def open(self) -> int:
        """Listed visits that are over, of which nobody said what became of them."""
        return sum(visit.open for visit in self.visits)


def of_days(
    work: Work,
    site: Site,
    shown: Days,
    of_a_day: int,
    *,
    called_off: bool = False,
    place_id: UUID | None = None,
    owner_id: UUID | None = None,
) -> dict[date, Day]:
    """Every day in view with at most ``of_a_day`` visits of each, in a number of queries that knows no visits."""
    states = (*SHOWN, *CALLED_OFF) if called_off else SHOWN
    wanted = Filter(site.id, shown.first, shown.last, states, place_id, owner_id)
    rows = site_calendar.entries(work.session, wanted, of_a_day)
    lines = appointments.lines_of(work.session, [row.id for row in rows])
    named = places(work.session, site.id)
    today = work.today(site)
    by_day: dict[date, list[Visit]] = {}
    for row in rows:
        where = named.get(row.place_id, ("", ""))[0] if row.place_id else ""
        over = row.state is AppointmentState.BOOKED and row.day <= today
        by_day.setdefault(row.day, []).append(Visit(row, where, lines.get(row.id, []), over))
    counted = site_calendar.counts(work.session, wanted)
    closed = closed_days(work.session, site, shown.first, shown.last)
    return {
        day: Day(
            day,
            closed.get(day, ""),
            str(day.isoweekday()) in site.working_days and day not in closed,
            counted.get(day, {}),
            by_day.get(day, []),
        )
        for week in shown.weeks
        for day in week
    }


def covered(work: Work, visits: Sequence[Visit]) -> dict[UUID, list[str]]:
    """What each visit is for, as its plan's protocol calls it, with what became of it."""
    keys = site_calendar.protocols(work.session, [visit.entry.plan_id for visit in visits])
    named = {key: {item.code: item.title for item in work.protocol(key).items} for key in set(keys.values())}
    return {
        visit.entry.id: [_covered(line, named.get(keys.get(visit.entry.plan_id, ""), {})) for line in visit.lines]
        for visit in visits
    }


def _covered(line: AppointmentItem, named: Mapping[str, str]) -> str:
    where = "extra" if line.month is None else f"month {line.month}"
    name = f"{named.get(line.item, plain.item(line.item))}, {where}"
    return name if line.outcome is None else f"{name}: {plain.OUTCOME[line.outcome]}"
