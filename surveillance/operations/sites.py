"""Administering a site: its settings, places and closed days, and the day from which messages go out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.words import AppointmentState, Channel, Role, Step
from surveillance.operations import languages, message_lists, planning, registry, reminding
from surveillance.operations.message_lists import Line
from surveillance.operations.registry import NewSite
from surveillance.operations.work import Work, found
from surveillance.store.audit import picture
from surveillance.store.tables import Appointment, Approval, Closure, Patient, Place, Plan, Site, Sweep

_MESSAGES: Final = ("send_from", "send_until")  # what moves messages that are planned already
_DAYS: Final = ("holidays", "working_days", "country")
_MAJORITY: Final = range(12, 26)
_NOSHOWS: Final = range(1, 11)


def settings_of(site: Site) -> NewSite:
    """The settings of a site as they stand, to be changed."""
    return NewSite(**{name: getattr(site, name) for name in NewSite.__slots__})


def edit_site(work: Work, site: Site, new: NewSite, reason: str = "") -> None:
    """Change the settings of a site. Planned messages move with its hours; the next sweep proposes days anew.

    The code names the site to commands and addresses and stays; so does the day it goes live, see ``go_live``.
    Whoever names a further language has approved it.

    Raises:
        InvalidInputError: a value that is not usable.
        ConflictError: another time zone, though patients and visits live by the old one; nothing was changed.
        ForbiddenError: the actor is no administrator of the site.
    """
    work.require(site.id, Role.ADMIN)
    values = registry.site_values(work, new)
    kept = ("code", "messages_from")
    values = {name: value for name, value in values.items() if name not in kept}
    if new.age_of_majority not in _MAJORITY or new.noshow_limit not in _NOSHOWS:
        raise InvalidInputError("the age of majority is 12 to 25 years, the limit of missed visits 1 to 10")
    if new.time_zone != site.time_zone and _has_patients(work, site):
        raise ConflictError(f"{site.code} has patients whose visits are in {site.time_zone}; its time zone stays")
    before = picture(site, values)
    for name, value in values.items():
        setattr(site, name, value)
    changed = {name for name, value in picture(site, values).items() if value != before[name]}
    if not changed:
        raise ConflictError("nothing was changed")
    work.session.flush()
    work.audit("site.edit", site, site_id=site.id, before=before, after=picture(site, values), reason=reason)
    languages.follow(work, site, before["languages"])
    if changed.intersection(_MESSAGES):
        _move_messages(work, site)
    if changed.intersection(_DAYS):
        _sweep_again(work, site)


def _has_patients(work: Work, site: Site) -> bool:
    return work.session.exec(select(col(Patient.id)).where(Patient.site_id == site.id).limit(1)).first() is not None


def _move_messages(work: Work, site: Site) -> None:
    for patient_id in reminding.with_planned(work, site):
        reminding.refresh(work, patient_id)


def _sweep_again(work: Work, site: Site) -> None:
    """The worker looks at the site again within a minute: planning everybody anew takes too long for one request."""
    day = work.today(site)
    work.session.connection().execute(sa.delete(Sweep).where(col(Sweep.site_id) == site.id, col(Sweep.day) == day))


# -- going live ------------------------------------------------------------------------------------------------


def go_live(work: Work, site: Site, day: date | None) -> None:
    """Set the day from which messages go out; before it nobody is written to, without one nobody ever.

    Raises:
        ConflictError: no protocol is approved yet, or it is that day already.
        ForbiddenError: the actor is no administrator of the site.
    """
    work.require(site.id, Role.ADMIN)
    if site.messages_from == day:
        raise ConflictError(f"{site.code} {f'goes live on {day}' if day else 'is not live'} already")
    if day is not None and not approved(work, site):
        raise ConflictError(f"no protocol is approved at {site.code} yet; a clinician does that first")
    before = picture(site, ("messages_from",))
    site.messages_from = day
    work.session.flush()
    work.audit("site.go_live", site, site_id=site.id, before=before, after=picture(site, ("messages_from",)))
    reminding.refresh_site(work, site)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A message that would go out, at the moment ``at`` of the patient's own clock."""

    patient_id: UUID
    patient: str
    mrn: str
    at: datetime
    zone: str
    step: Step
    channel: Channel
    text: str


def rehearse(work: Work, site: Site, day: date, limit: int) -> list[Rehearsed]:
    """The first messages that would go out if the site went live on ``day``; it is tried and taken back.

    Raises as ``go_live``, but for a site that is live from that day already.
    """
    trial = work.session.begin_nested()
    try:
        if site.messages_from != day:
            go_live(work, site, day)
        return [_rehearsed(work, line) for line in message_lists.upcoming(work, [site.id], limit)]
    finally:
        trial.rollback()


def _rehearsed(work: Work, line: Line) -> Rehearsed:
    patient, row = line.patient, line.row
    name = f"{patient.given_name} {patient.family_name}"
    text = message_lists.text_of(work, row, patient)
    return Rehearsed(patient.id, name, patient.mrn, line.at, line.zone, row.step, row.channel, text)


def approved(work: Work, site: Site) -> list[str]:
    """The protocol versions that may be used at a site."""
    statement = select(col(Approval.protocol_key)).where(Approval.site_id == site.id)
    statement = statement.where(col(Approval.retracted_at).is_(None)).order_by(col(Approval.protocol_key))
    return list(work.session.exec(statement))


# -- places ----------------------------------------------------------------------------------------------------


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
    work.require(place.site_id, *registry.WRITERS)
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


# -- days on which nobody works --------------------------------------------------------------------------------


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
    planning.reasoned(reason, "a closed day")
    planning.check_near(day, work.today(site), "a closed day")
    if day < work.today(site):
        raise InvalidInputError(f"{day} has passed")
    if work.session.get(Closure, (day, site.id)) is not None:
        raise ConflictError(f"{site.code} is closed on {day} already")
    row = Closure(site_id=site.id, day=day, reason=reason.strip())
    work.session.add(row)
    work.session.flush()
    work.audit("closure.add", site, site_id=site.id, after=picture(row, ("day", "reason")))
    for plan in _plans_with_visits(work, site, day, AppointmentState.PROPOSED):
        planning.replan(work, plan)
    return len(_plans_with_visits(work, site, day, AppointmentState.BOOKED))


def open_on(work: Work, site: Site, day: date) -> None:
    """The site works on that day after all. Raises NotFoundError where it was not closed, ForbiddenError as above."""
    work.require(site.id, Role.ADMIN)
    row = found(work.session.get(Closure, (day, site.id)), "closed day", str(day))
    before = picture(row, ("day", "reason"))
    work.session.delete(row)
    work.session.flush()
    work.audit("closure.remove", site, site_id=site.id, before=before)


def _plans_with_visits(work: Work, site: Site, day: date, state: AppointmentState) -> Sequence[Plan]:
    on_day = select(col(Appointment.plan_id)).where(
        Appointment.site_id == site.id, Appointment.day == day, Appointment.state == state
    )
    return list(work.session.exec(select(Plan).where(col(Plan.id).in_(on_day)).order_by(col(Plan.id))))
