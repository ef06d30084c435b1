"""Registering patients, with those to write to about them and the consents they gave."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.folding import folded
from surveillance.core.words import Channel, ConsentAct, ContactKind, Sex
from surveillance.operations.registry import care_gaps
from surveillance.operations.registry.consents import WRITERS, line, note
from surveillance.operations.registry.phones import read_address, read_email, read_phone
from surveillance.operations.registry.sites import check_zone
from surveillance.operations.work import Note, Work, found
from surveillance.store.audit.events import picture
from surveillance.store.registry import patients as store
from surveillance.store.tables import Consent, Contact, Patient, Site


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
        folded=folded(new.given_name, new.family_name),
        birth_date=new.birth_date,
        sex=new.sex,
        time_zone=new.time_zone,
        created_at=work.now,
        **new.flags,
    )
    work.session.add(patient)
    work.session.flush()
    store.add_words(work.session, patient, store.words(patient))
    contacts = [_contact(work, patient, each, number) for number, each in enumerate(new.contacts, start=1)]
    added = Note("patient.add", patient, patient_id=patient.id, after=picture(patient))
    _write(work, zip(contacts, new.contacts, strict=True), added)
    care_gaps.settle_of(work, patient)
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
    contact = _contact(work, patient, new, priority)
    _write(work, [(contact, new)])
    care_gaps.refresh(work, patient.id)
    return contact


def _contact(work: Work, patient: Patient, new: NewContact, priority: int) -> Contact:
    """As it is to be written. Raises InvalidInputError for a mailbox that is none."""
    phone = read_phone(new.phone, work.site(patient.site_id).country) if new.phone.strip() else None
    if new.email.strip() and read_email(new.email) is None:
        raise InvalidInputError(f"patient {patient.mrn}: {new.email!r} is not an email address")
    return Contact(
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


def _write(work: Work, entered: Iterable[tuple[Contact, NewContact]], *before: Note) -> None:
    """Write contacts, then their consents, then the events of all of it: ``before``, and those of each contact."""
    pairs = list(entered)
    work.session.add_all(contact for contact, _ in pairs)
    work.session.flush()
    lines = [(contact, _consents(work, contact, new)) for contact, new in pairs]
    work.session.add_all(line for _, own in lines for line in own)
    work.session.flush()
    notes = [[Note("contact.add", contact, after=picture(contact)), *map(note, own)] for contact, own in lines]
    work.audit_all([*before, *chain.from_iterable(notes)])


def _consents(work: Work, contact: Contact, new: NewContact) -> list[Consent]:
    method = new.consent_method or "recorded at enrolment"
    return [line(work, contact, channel, ConsentAct.GIVEN, method, new.consent_at) for channel in new.consents]


def patient_named(work: Work, site_ids: Sequence[UUID], mrn: str) -> Patient:
    """A patient by MRN, exactly. Raises NotFoundError, or ConflictError if two sites have this MRN."""
    statement = select(Patient).where(Patient.mrn == mrn.strip(), col(Patient.site_id).in_(list(site_ids)))
    rows = list(work.session.exec(statement))
    if len(rows) > 1:
        codes = ", ".join(sorted(work.site(row.site_id).code for row in rows))
        raise ConflictError(f"MRN {mrn!r} exists at {codes}; say which with --site")
    return found(rows[0] if rows else None, "patient with MRN", mrn)
