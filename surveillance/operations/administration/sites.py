"""Administering a site: added, and its settings changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import col, select

from surveillance.core.deferrals import faults
from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.words import Privacy, Role
from surveillance.operations.messages import scheduling
from surveillance.operations.registry.phones import read_phone
from surveillance.operations.registry.sites import check_zone
from surveillance.operations.registry.working_days import public_holidays
from surveillance.operations.wording import languages
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.tables import Patient, Site, Sweep

_MESSAGES: Final = ("send_from", "send_until")  # what moves messages that are planned already
_DAYS: Final = ("holidays", "working_days", "country")
_MAJORITY: Final = range(12, 26)
_NOSHOWS: Final = range(1, 11)
LIMITS: Final = {"report_days": "a report", "review_days": "its review", "told_days": "telling the patient"}
LONGEST_STEP: Final = 90  # days that a step may take


@dataclass(frozen=True, slots=True)
class NewSite:
    """What a site needs before it can enrol; see ``tables.Site`` for the meaning of each value."""

    code: str
    name: str
    short_name: str
    time_zone: str
    country: str
    phone: str
    holidays: str | None = None
    languages: Sequence[str] = ("en",)
    working_days: str = "12345"
    privacy: Privacy = Privacy.NEUTRAL
    first_names: bool = False
    send_from: time = time(9)
    send_until: time = time(20)
    messages_from: date | None = None
    age_of_majority: int = 18
    calendar_alarm: bool = False
    noshow_limit: int = 2
    deferral_caps: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    report_days: int = 7
    review_days: int = 7
    told_days: int = 7


SITE_NAMES = ("code", "name", "short_name")


def add_site(work: Work, new: NewSite) -> Site:
    """A site; whoever adds it has approved the languages that they name. Who may add one is asked at the edge.

    Raises:
        InvalidInputError: a value that is not usable.
        ConflictError: there is a site of this code.
    """
    values = site_values(work, new)
    if work.session.exec(select(Site).where(Site.code == values["code"])).first():
        raise ConflictError(f"site {new.code!r} exists already")
    site = Site(**values, created_at=work.now)
    work.session.add(site)
    work.session.flush()
    work.audit("site.add", site, site_id=site.id, after=picture(site))
    languages.follow(work, site, ())
    return site


def site_values(work: Work, new: NewSite) -> dict[str, Any]:
    """The columns of a site as they are stored. Raises InvalidInputError that names what is wrong."""
    values = {name: getattr(new, name) for name in new.__slots__}
    values |= {name: text.strip() for name, text in values.items() if name in SITE_NAMES}
    if missing := [name.replace("_", " ") for name in SITE_NAMES if not values[name]]:
        raise InvalidInputError(f"the site's {' and '.join(missing)} must not be empty")
    check_zone(new.time_zone)
    phone = read_phone(new.phone, new.country)
    if phone.e164 is None:
        raise InvalidInputError(f"site phone: {phone.problem}")
    if not new.working_days or set(new.working_days) - set("1234567"):
        raise InvalidInputError(f"working days {new.working_days!r}: use digits 1 (Monday) to 7 (Sunday)")
    unknown = [language for language in new.languages if language not in work.catalogue.messages]
    if unknown or not new.languages:
        known = ", ".join(sorted(work.catalogue.messages))
        raise InvalidInputError(f"no messages in language {', '.join(unknown) or '(none given)'}; there are {known}")
    for name, step in LIMITS.items():
        if not 1 <= values[name] <= LONGEST_STEP:
            raise InvalidInputError(f"{step} may take 1 to {LONGEST_STEP} days, not {values[name]}")
    if not new.send_from < new.send_until:
        raise InvalidInputError("the send hours must begin before they end")
    if wrong := next(faults(new.deferral_caps), None):
        raise InvalidInputError(f"how far one may put off: {wrong}")
    caps = {kind: dict(by_role) for kind, by_role in new.deferral_caps.items()}
    calendar = new.country if new.holidays is None else new.holidays
    public_holidays(calendar, work.now.year, work.now.year)
    return values | {
        "phone": phone.e164, "holidays": calendar, "languages": list(new.languages), "deferral_caps": caps,
    }  # fmt: skip


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
    values = site_values(work, new)
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
    for patient_id in scheduling.with_planned(work, site):
        scheduling.refresh(work, patient_id)


def _sweep_again(work: Work, site: Site) -> None:
    """The worker looks at the site again within a minute: planning everybody anew takes too long for one request."""
    day = work.today(site)
    work.session.connection().execute(sa.delete(Sweep).where(col(Sweep.site_id) == site.id, col(Sweep.day) == day))
