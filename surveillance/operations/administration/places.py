"""Administering the places of a site, and the days on which it is closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import col, select

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.words import AppointmentState, Role
from surveillance.operations.planning import preconditions, replanning
from surveillance.operations.registry import consents
from surveillance.operations.registry.consents import WRITERS
from surveillance.operations.work import Work, found
from surveillance.store.audit.events import picture
from surveillance.store.tables import Appointment, Closure, Place, Plan, Site


@dataclass(frozen=True, slots=True)
class PlaceDetails:
    name: str
    address: str = ""
    phone: str = ""
    outside: bool = False


def places(work: Work, site: Site) -> list[Place]:
    return list(work.session.exec(select(Place).where(Place.site_id == site.id).order_by(col(Place.name))))


def edit_place(work: Work, place: Place, new: PlaceDetails) -> None:
    """Change what a place is called and where it is; messages and calendars tell the new address from now on.

    Raises:
        InvalidInputError: no name.
        ConflictError: the site has another place of this name; nothing was changed.
    """
    work.require(place.site_id, *consents.WRITERS)
    if not new.name.strip():
        raise InvalidInputError("the name of the place is empty")
    same = select(Place).where(Place.site_id == place.site_id, Place.name == new.name.strip(), Place.id != place.id)
    if work.session.exec(same).first():
        raise ConflictError(f"there is a place {new.name.strip()!r} already")
    before = picture(place, PlaceDetails.__slots__)
    place.name, place.address, place.phone = new.name.strip(), new.address.strip(), new.phone.strip()
    place.outside = new.outside
    after = picture(place, PlaceDetails.__slots__)
    if before == after:
        raise ConflictError("nothing was changed")
    work.session.flush()
    work.audit("place.edit", place, before=before, after=after)


def closures(work: Work, site: Site) -> list[Closure]:
    """The days on which the site is closed beside its holidays, from today on."""
    statement = select(Closure).where(Closure.site_id == site.id, col(Closure.day) >= work.today(site))
    return list(work.session.exec(statement.order_by(col(Closure.day))))


def close_on(work: Work, site: Site, day: date, reason: str) -> int:
    """The site does not work on a day: no visit is proposed for it any more. Returns how many are booked for it.

    Raises:
        InvalidInputError: no reason, or a day that has passed.
        ConflictError: it is closed on that day already.
        ForbiddenError: the actor is no administrator of the site.
    """
    work.require(site.id, Role.ADMIN)
    preconditions.reasoned(reason, "a closed day")
    preconditions.check_near(day, work.today(site), "a closed day")
    if day < work.today(site):
        raise InvalidInputError(f"{day} has passed")
    if work.session.get(Closure, (day, site.id)) is not None:
        raise ConflictError(f"{site.code} is closed on {day} already")
    row = Closure(site_id=site.id, day=day, reason=reason.strip())
    work.session.add(row)
    work.session.flush()
    work.audit("closure.add", site, site_id=site.id, after=picture(row, ("day", "reason")))
    for plan in _plans_with_visits(work, site, day, AppointmentState.PROPOSED):
        replanning.replan(work, plan)
    return len(_plans_with_visits(work, site, day, AppointmentState.BOOKED))


def open_on(work: Work, site: Site, day: date) -> None:
    """The site works on that day after all. Raises NotFoundError where it was not closed, ForbiddenError as above."""
    work.require(site.id, Role.ADMIN)
    row = found(work.session.get(Closure, (day, site.id)), "closed day", str(day))
    before = picture(row, ("day", "reason"))
    work.session.delete(row)
    work.session.flush()
    work.audit("closure.remove", site, site_id=site.id, before=before)


def add_place(work: Work, site: Site, name: str, address: str = "", phone: str = "", *, outside: bool = False) -> Place:
    """A place where examinations are done, in the site's time zone.

    Raises:
        InvalidInputError: no name.
        ConflictError: the site has a place of this name.
    """
    work.require(site.id, *WRITERS)
    if not name.strip():
        raise InvalidInputError("the name of the place is empty")
    if work.session.exec(select(Place).where(Place.site_id == site.id, Place.name == name)).first():
        raise ConflictError(f"{site.code} has a place {name!r} already")
    place = Place(site_id=site.id, name=name, address=address, phone=phone, time_zone=site.time_zone, outside=outside)
    work.session.add(place)
    work.session.flush()
    work.audit("place.add", place, after=picture(place))
    return place


def _plans_with_visits(work: Work, site: Site, day: date, state: AppointmentState) -> Sequence[Plan]:
    on_day = select(col(Appointment.plan_id)).where(
        Appointment.site_id == site.id, Appointment.day == day, Appointment.state == state
    )
    return list(work.session.exec(select(Plan).where(col(Plan.id).in_(on_day)).order_by(col(Plan.id))))
