"""The registry: sites, places, approvals, patients, contacts, consents."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from surveillance.catalogue import protocols as protocol_files
from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.words import Channel, ConsentAct, ContactKind, Privacy, Role, Sex
from surveillance.operations import gaps, languages
from surveillance.operations.calendars import public_holidays
from surveillance.operations.consents import WRITERS as WRITERS
from surveillance.operations.consents import consent as consent
from surveillance.operations.consents import opt_in as opt_in
from surveillance.operations.consents import opt_out as opt_out
from surveillance.operations.consents import pause_number as pause_number
from surveillance.operations.consents import release_number as release_number
from surveillance.operations.consents import write_consent
from surveillance.operations.phones import read_address, read_email, read_phone
from surveillance.operations.work import Work, found
from surveillance.store import patients as store
from surveillance.store.audit import picture
from surveillance.store.tables import (
    Approval,
    Contact,
    Patient,
    Place,
    ProtocolVersion,
    Site,
)


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
    if not new.send_from < new.send_until:
        raise InvalidInputError("the send hours must begin before they end")
    calendar = new.country if new.holidays is None else new.holidays
    public_holidays(calendar, work.now.year, work.now.year)
    return values | {"phone": phone.e164, "holidays": calendar, "languages": list(new.languages)}


def check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidInputError(f"no time zone {name!r}; use an IANA name such as Europe/Berlin") from error


def site_by_code(work: Work, code: str) -> Site:
    """Raises NotFoundError where there is no such site."""
    return found(work.session.exec(select(Site).where(Site.code == code)).first(), "site", code)


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


def place_named(work: Work, site: Site, name: str) -> Place:
    """Raises NotFoundError naming the places there are."""
    place = work.session.exec(select(Place).where(Place.site_id == site.id, Place.name == name)).first()
    if place is None:
        names = work.session.exec(select(col(Place.name)).where(Place.site_id == site.id).order_by(col(Place.name)))
        raise InvalidInputError(f"{site.code} has no place {name!r}; it has {', '.join(names) or 'none yet'}")
    return place


def approve_protocol(work: Work, site: Site, key: str) -> Approval:
    """A clinician's word that a protocol version may be used at a site; the version is frozen as it stands now."""
    work.require(site.id, Role.CLINICIAN)
    protocol = protocol_files.find(work.catalogue.protocols, key)
    version = work.session.get(ProtocolVersion, protocol.key)
    digest = protocol_files.digest(protocol)
    if version is not None and version.digest != digest:
        raise ConflictError(
            f"protocol {protocol.key} was approved before with other content; give the changed file a new version"
        )
    if version is None:
        document = protocol_files.dump(protocol)
        work.session.add(ProtocolVersion(key=protocol.key, document=document, digest=digest, created_at=work.now))
        work.session.flush()
    standing = approval(work, site, protocol.key)
    if standing is not None:
        return standing
    row = Approval(site_id=site.id, protocol_key=protocol.key, recorded_at=work.now, recorded_by=work.actor.user_id)
    work.session.add(row)
    work.session.flush()
    work.audit("protocol.approve", row, after={"protocol": protocol.key, "digest": digest})
    return row


def approval(work: Work, site: Site, key: str) -> Approval | None:
    """The standing approval of a protocol version at a site."""
    return work.session.exec(
        select(Approval).where(
            Approval.site_id == site.id, Approval.protocol_key == key, col(Approval.retracted_at).is_(None)
        )
    ).first()


@dataclass(frozen=True, slots=True)
class NewContact:
    """A person to write to. A phone that cannot be read is kept as given and becomes work."""

    kind: ContactKind = ContactKind.SELF
    name: str = ""
    phone: str = ""
    email: str = ""
    language: str | None = None
    consents: Sequence[Channel] = ()
    consent_method: str = ""
    consent_at: datetime | None = None  # None: now
    postal_address: str = ""


@dataclass(frozen=True, slots=True)
class NewPatient:
    mrn: str
    family_name: str
    given_name: str
    birth_date: date
    sex: Sex = Sex.UNKNOWN
    time_zone: str | None = None
    flags: dict[str, Any] = field(default_factory=dict)
    contacts: Sequence[NewContact] = ()


FLAGS = ("mri_unsafe", "contrast_allergy", "egfr", "egfr_on", "interpreter", "sedation", "claustrophobia")


def add_patient(work: Work, site: Site, new: NewPatient) -> Patient:
    """Register a patient with contacts and consents.

    Raises:
        InvalidInputError: no MRN or name, a birth date in the future, an unknown time zone or flag.
        ConflictError: the site has this MRN already.
    """
    work.require(site.id, *WRITERS)
    check_identity(work, site, new.mrn, new.family_name, new.birth_date)
    if new.time_zone:
        check_zone(new.time_zone)
    if unknown := set(new.flags) - set(FLAGS):
        raise InvalidInputError(f"unknown flag {', '.join(sorted(unknown))}; there are {', '.join(FLAGS)}")
    if store.by_mrn(work.session, site.id, new.mrn):
        raise ConflictError(f"MRN {new.mrn!r} is taken at {site.code}; use 'patient edit' to change that patient")
    patient = Patient(
        site_id=site.id,
        mrn=new.mrn.strip(),
        family_name=new.family_name.strip(),
        given_name=new.given_name.strip(),
        folded=store.folded(new.given_name, new.family_name),
        birth_date=new.birth_date,
        sex=new.sex,
        time_zone=new.time_zone,
        created_at=work.now,
        **new.flags,
    )
    work.session.add(patient)
    work.session.flush()
    work.audit("patient.add", patient, patient_id=patient.id, after=picture(patient))
    store.write_words(work.session, patient)
    gaps.settle(work, patient.id)
    for number, contact in enumerate(new.contacts, start=1):
        add_contact(work, patient, contact, priority=number)
    return patient


def check_identity(work: Work, site: Site, mrn: str, family_name: str, birth_date: date) -> None:
    """Raises InvalidInputError for what can be nobody's identity."""
    if not mrn.strip():
        raise InvalidInputError("the MRN is empty")
    if not family_name.strip():
        raise InvalidInputError(f"patient {mrn}: the family name is empty")
    if not date(1890, 1, 1) <= birth_date <= work.today(site):
        raise InvalidInputError(f"patient {mrn}: birth date {birth_date} is not between 1890 and today")


def add_contact(work: Work, patient: Patient, new: NewContact, priority: int) -> Contact:
    """A contact with the consents it gave; what is unusable is kept as given and shows on the board."""
    work.require(patient.site_id, *WRITERS)
    site = work.site(patient.site_id)
    phone = read_phone(new.phone, site.country) if new.phone.strip() else None
    if new.email.strip() and read_email(new.email) is None:
        raise InvalidInputError(f"patient {patient.mrn}: {new.email!r} is not an email address")
    contact = Contact(
        site_id=patient.site_id,
        patient_id=patient.id,
        kind=new.kind,
        name=new.name,
        phone=phone.e164 if phone else None,
        phone_given=phone.given if phone and phone.e164 is None else "",
        phone_mobile=phone.mobile if phone else True,
        email=read_email(new.email) if new.email.strip() else None,
        postal_address=read_address(new.postal_address),
        language=new.language,
        priority=priority,
    )
    work.session.add(contact)
    work.session.flush()
    work.audit("contact.add", contact, after=picture(contact))
    for channel in new.consents:
        write_consent(
            work, contact, channel, ConsentAct.GIVEN, new.consent_method or "recorded at enrolment", new.consent_at
        )
    gaps.settle(work, patient.id)
    return contact


def patient_named(work: Work, site_ids: Sequence[UUID], mrn: str) -> Patient:
    """A patient by MRN, exactly. Raises NotFoundError, or ConflictError if two sites have this MRN."""
    statement = select(Patient).where(Patient.mrn == mrn.strip(), col(Patient.site_id).in_(list(site_ids)))
    rows = list(work.session.exec(statement))
    if len(rows) > 1:
        codes = ", ".join(sorted(work.site(row.site_id).code for row in rows))
        raise ConflictError(f"MRN {mrn!r} exists at {codes}; say which with --site")
    return found(rows[0] if rows else None, "patient with MRN", mrn)
