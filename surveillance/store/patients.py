"""Patients and how they are found and reached."""

import unicodedata
from collections.abc import Iterable
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from surveillance.core.words import Channel
from surveillance.store.tables import Consent, Contact, Number, Patient


def folded(*names: str) -> str:
    """Names without case and accents, as they are searched: "Núñez" is found by "nunez"."""
    text = unicodedata.normalize("NFKD", " ".join(names).casefold())
    return " ".join("".join(letter for letter in text if not unicodedata.combining(letter)).split())


def by_mrn(session: Session, site_id: UUID, mrn: str) -> Patient | None:
    return session.exec(select(Patient).where(Patient.site_id == site_id, Patient.mrn == mrn.strip())).first()


def find(session: Session, sites: Iterable[UUID], text: str, phone: str | None, born: date | None) -> list[Patient]:
    """Patients of ``sites`` by MRN (whole), name (any part, in any order), birth date or phone; by name, at most 50."""
    matches = [col(Patient.mrn) == text.strip()]
    words = folded(text).split()
    if words:
        matches.append(sa.and_(*(col(Patient.folded).contains(word, autoescape=True) for word in words)))
    if born is not None:
        matches.append(col(Patient.birth_date) == born)
    if phone is not None:
        holders = select(col(Contact.patient_id)).where(Contact.phone == phone, col(Contact.removed_at).is_(None))
        matches.append(col(Patient.id).in_(holders))
    statement = select(Patient).where(col(Patient.site_id).in_(list(sites)), sa.or_(*matches))
    return list(session.exec(statement.order_by(col(Patient.folded), col(Patient.mrn)).limit(50)))


def contacts(session: Session, patient_id: UUID) -> list[Contact]:
    """Whom to write to, in the order of priority."""
    statement = select(Contact).where(Contact.patient_id == patient_id, col(Contact.removed_at).is_(None))
    return list(session.exec(statement.order_by(col(Contact.priority), col(Contact.id))))


def consents(session: Session, patient_id: UUID) -> dict[tuple[UUID, Channel], Consent]:
    """The last line of the ledger for each contact and channel; of two lines of one moment a withdrawal holds."""
    statement = select(Consent).where(Consent.patient_id == patient_id)
    rows = session.exec(statement.order_by(col(Consent.at), col(Consent.recorded_at), col(Consent.act)))
    return {(row.contact_id, row.channel): row for row in rows}


def number(session: Session, phone: str) -> Number | None:
    return session.get(Number, phone)


def holders(session: Session, phone: str) -> list[Contact]:
    """Every contact, at whatever site, that has this number."""
    return list(session.exec(select(Contact).where(Contact.phone == phone, col(Contact.removed_at).is_(None))))
