"""How full the days of a site are: booked visits by place and time, in one query for all days that are asked about."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.words import AppointmentState
from surveillance.operations.work import Work
from surveillance.store.tables import Appointment, Place, Site


@dataclass(frozen=True, slots=True)
class PlaceDay:
    """What is booked at one place on one day."""

    place: str
    times: tuple[time, ...]

    @property
    def count(self) -> int:
        return len(self.times)


def by_place(
    work: Work, site: Site, days: Iterable[date], without: UUID | None = None
) -> Mapping[date, Sequence[PlaceDay]]:
    """The booked visits of each day by place, the fullest place first; ``without`` leaves one visit out."""
    statement = (
        select(col(Appointment.id), col(Appointment.day), col(Place.name), col(Appointment.at))
        .join(Place, col(Place.id) == col(Appointment.place_id))
        .where(
            Appointment.site_id == site.id,
            Appointment.state == AppointmentState.BOOKED,
            col(Appointment.day).in_(set(days)),
        )
    )
    found: dict[date, dict[str, list[time]]] = {}
    for visit_id, day, place, at in work.session.exec(statement):
        if visit_id != without and at is not None:
            found.setdefault(day, {}).setdefault(place, []).append(at)
    return {day: _ordered(places) for day, places in found.items()}


def _ordered(places: Mapping[str, Sequence[time]]) -> list[PlaceDay]:
    rows = [PlaceDay(name, tuple(sorted(times))) for name, times in places.items()]
    return sorted(rows, key=lambda row: (-row.count, row.place))


def usual_place(work: Work, site: Site) -> UUID | None:
    """The place of most visits that are still to come, to begin a form with; one of the site's own where none is."""
    today = work.today(site)
    statement = select(col(Appointment.place_id)).where(
        Appointment.site_id == site.id, Appointment.state == AppointmentState.BOOKED, col(Appointment.day) >= today
    )
    used = Counter(place for place in work.session.exec(statement.limit(500)) if place is not None)
    if used:
        return max(used, key=lambda place: (used[place], str(place)))
    own = select(col(Place.id)).where(Place.site_id == site.id).order_by(col(Place.outside), col(Place.name))
    return work.session.exec(own).first()
