"""What could be booked for a patient, on which trips and on which days, with what each day would mean (rule 7)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from surveillance.core import plain
from surveillance.core.dates import add_months
from surveillance.core.schedule.examinations import Examination, Key
from surveillance.core.schedule.offers import Fit, Offers, Span, fit, offers
from surveillance.core.schedule.status import status
from surveillance.core.words import Status
from surveillance.operations.planning import plan_record, replanning
from surveillance.operations.registry.working_days import closed_days, site_calendar
from surveillance.operations.visits import day_load
from surveillance.operations.visits.day_load import PlaceDay
from surveillance.operations.work import Work
from surveillance.store.planning import plans
from surveillance.store.tables import ExaminationRow, Patient, Plan, Site

_TIME: Final = (Status.TO_ORDER, Status.DUE, Status.OVERDUE)
_LOOK_BACK: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Choice:
    """An examination that could be booked. ``usual``: it is its time, so it goes along unless somebody says no."""

    id: UUID
    row: Examination
    name: str
    status: Status
    usual: bool


@dataclass(frozen=True, slots=True)
class Leg:
    """One trip: what is done on it, and the days that could be booked for it."""

    choices: Sequence[Choice]
    offers: Offers


@dataclass(frozen=True, slots=True)
class Told:
    """What a day means: for each examination of a trip, for the site, and who else is booked."""

    day: date
    fits: Sequence[tuple[Choice, Fit]]
    closed: str
    places: Sequence[PlaceDay]

    @property
    def booked(self) -> int:
        return sum(place.count for place in self.places)


class Proposer:
    """Proposes trips for one plan on the site's today; what it reads, it reads once."""

    def __init__(self, work: Work, patient: Patient, plan: Plan, without: UUID | None = None) -> None:
        self.work, self.patient, self.plan, self.without = work, patient, plan, without
        self.site: Site = work.site(patient.site_id)
        self.today = work.today(self.site)
        self.calendar = site_calendar(work.session, self.site, self.today)
        terms = plans.terms_in_force(work.session, plan.id)
        self.titles = plan_record.titles(work, terms)
        self.after = replanning.follow_ups(work.protocol(terms[-1].protocol_key))
        self.stored = {key: (row.id, plans.examination(row)) for key, row in self._projected()}

    def _projected(self) -> Iterable[tuple[Key, ExaminationRow]]:
        rows = plans.projected(self.work.session, self.plan.id)
        return sorted(rows.items(), key=lambda item: (item[1].target, item[1].item))

    def name(self, key: Key) -> str:
        """``MRI of the primary site, month 6``"""
        title = self.titles.get(key.item, plain.item(key.item))
        return f"{title}, {'extra' if key.month is None else f'month {key.month}'}"

    def choices(self, asked: Collection[UUID] = (), *, every: bool = False) -> list[Choice]:
        """What could be booked: all whose time it is, the next one of each item, and what was ``asked`` for."""
        found: list[Choice] = []
        time, next_one = set[str](), set[str]()
        for row_id, row in self.stored.values():
            if not row.open or row.booking is not None or row.cell_end <= self.today:
                continue
            choice = self._choice(row_id, row, first=row.item not in time)
            if choice.usual:
                time.add(row.item)
            if every or choice.status in _TIME or row.item not in next_one or row_id in asked:
                found.append(choice)
            if choice.status not in _TIME:
                next_one.add(row.item)
        return found

    def _choice(self, row_id: UUID, row: Examination, *, first: bool) -> Choice:
        where = status(row, self.today)
        return Choice(row_id, row, self.name(row.key), where, first and where in _TIME and not row.held)

    def of_keys(self, keys: Iterable[Key]) -> list[Choice]:
        """Examinations that are booked already, to look for another day for them."""
        return [self._choice(*self.stored[key], first=True) for key in keys if key in self.stored]

    def usual(self, choices: Sequence[Choice]) -> list[Choice]:
        """What goes along when nobody says anything: whatever it is time for, else the whole next trip."""
        ready = [choice for choice in choices if choice.usual]
        free = [choice.row for choice in choices if not choice.row.held]
        if ready or not free:
            return ready
        first = replanning.propose_trips(free, self.after, self.today, self.calendar.is_working)[0]
        return [choice for choice in choices if choice.row.key in first.examinations]

    def together(self, asked: Collection[UUID]) -> list[Choice]:
        """What was ``asked`` for, with whatever else it is time for that the rule would do on the same trip."""
        choices = self.choices(asked)
        named = [choice for choice in choices if choice.id in asked]
        if not named:
            return self.usual(choices)
        items = {choice.row.item for choice in named}
        others = [choice for choice in choices if choice.usual and choice.row.item not in items]
        groups = self.grouped([*named, *others])
        return [choice for group in groups if any(one in named for one in group) for choice in group]

    # -- trips ---------------------------------------------------------------------------------------------------

    def trips(self, chosen: Sequence[Choice], *, split: bool) -> list[list[Choice]]:
        """All on one trip, or apart: as the rule groups them, or each by itself where it would make one trip."""
        if not split or len(chosen) < 2:
            return [list(chosen)] if chosen else []
        groups = self.grouped(chosen)
        return groups if len(groups) > 1 else [[choice] for choice in chosen]

    def grouped(self, chosen: Sequence[Choice]) -> list[list[Choice]]:
        """The trips as the rule makes them: together where the windows overlap."""
        rows = [choice.row for choice in chosen]
        found = replanning.propose_trips(rows, self.after, self.today, self.calendar.is_working)
        return [[choice for choice in chosen if choice.row.key in trip.examinations] for trip in found]

    def legs(self, trips: Sequence[Sequence[Choice]], days: Mapping[int, date]) -> list[Leg]:
        """The trips with the days that could be booked, no two on one day.

        ``days`` are those chosen so far, by the trip's number.
        """
        made: list[Leg] = []
        bases: dict[str, date] = {}
        taken: dict[date, str] = {}
        for number, trip in enumerate(trips):
            found = self._offers([choice.row for choice in trip], self._follows(trip, bases), taken)
            made.append(Leg(trip, found))
            day = days.get(number) or (found.days[0].day if found.days else None)
            if day is not None:
                bases |= {choice.row.item: day for choice in trip}
                taken[day] = f"trip {number + 1} is on that day"
        return made

    def _follows(self, trip: Sequence[Choice], bases: Mapping[str, date]) -> Span | None:
        """The days on which a visit that follows imaging of this very form can be."""
        rules = [self.after[choice.row.item] for choice in trip if choice.row.item in self.after]
        if len(rules) != len(trip) or not rules or rules[0].item not in bases:
            return None
        base = bases[rules[0].item]
        return Span(base + timedelta(days=rules[0].min_days), base + timedelta(days=rules[0].max_days))

    def _offers(self, rows: Sequence[Examination], within: Span | None, taken: Mapping[date, str]) -> Offers:
        if not rows:
            return Offers((), ())
        # An extra examination has no end of its own.
        last = min(max(self.today, *(row.cell_end for row in rows)), add_months(self.today, 48))
        closed = closed_days(self.work.session, self.site, self.today, last + _LOOK_BACK)

        def is_free(day: date) -> bool:
            return day not in taken and self.calendar.is_working(day)

        return offers(rows, self.today, is_free, {**closed, **taken}, within)

    # -- days ----------------------------------------------------------------------------------------------------

    def told(self, wanted: Sequence[tuple[date, Sequence[Choice]]]) -> list[Told]:
        """What days mean for the examinations of their trips, and how full they are already."""
        if not wanted:
            return []
        full = day_load.by_place(self.work, self.site, [day for day, _ in wanted], self.without)
        first, last = min(day for day, _ in wanted), max(day for day, _ in wanted)
        closed = closed_days(self.work.session, self.site, first, last)
        return [
            Told(
                day,
                [(choice, self._fit(choice.row, day)) for choice in trip],
                self._why_closed(day, closed),
                full.get(day, ()),
            )
            for day, trip in wanted
        ]

    def _fit(self, row: Examination, day: date) -> Fit:
        """What a day means for an examination; an earlier one that is booked is taken as done by then."""
        found = fit(row, day)
        if found.overdue_since is None or found.overdue_since <= self.today:
            return found
        before = (other for _, other in self.stored.values() if other.item == row.item and other.target < row.target)
        return found._replace(overdue_since=None) if any(other.booking for other in before) else found

    def _why_closed(self, day: date, closed: Mapping[date, str]) -> str:
        if day in closed:
            return closed[day]
        return "" if day.isoweekday() in self.calendar.working_days else f"nobody works on a {day:%A}"
