"""Patients and how they are found and reached."""

from collections.abc import Iterable
from uuid import UUID

from sqlmodel import Session, col, select

from surveillance.core.folding import folded
from surveillance.core.words import Channel
from surveillance.store.tables import Consent, Contact, Number, Patient, PatientWord


def words(patient: Patient) -> set[str]:
    """What a patient is searched by: each word of the name, and the MRN."""
    return search_words(patient.folded, patient.mrn)


def search_words(folded_name: str, mrn: str) -> set[str]:
    return {*folded_name.split(), *folded(mrn).split()}


def write_words(session: Session, patient: Patient) -> None:
    """Make the stored words those of the patient's name and MRN."""
    wanted = words(patient)
    for row in session.exec(select(PatientWord).where(PatientWord.patient_id == patient.id)):
        if row.word not in wanted:
            session.delete(row)
        wanted.discard(row.word)
    add_words(session, patient, wanted)


def add_words(session: Session, patient: Patient, fresh: Iterable[str]) -> None:
    """Words that a patient was not searched by before."""
    session.add_all(PatientWord(patient_id=patient.id, word=word, site_id=patient.site_id) for word in sorted(fresh))


def by_mrn(session: Session, site_id: UUID, mrn: str) -> Patient | None:
    return session.exec(select(Patient).where(Patient.site_id == site_id, Patient.mrn == mrn.strip())).first()


def contacts(session: Session, patient_id: UUID) -> list[Contact]:
    """Whom to write to, in the order of priority."""
    statement = select(Contact).where(Contact.patient_id == patient_id, col(Contact.removed_at).is_(None))
    return list(session.exec(statement.order_by(col(Contact.priority), col(Contact.id))))


def contacts_of(session: Session, patient_ids: Iterable[UUID]) -> dict[UUID, list[Contact]]:
    """Whom to write to for each of these patients."""
    found: dict[UUID, list[Contact]] = {}
    statement = select(Contact).where(col(Contact.patient_id).in_(list(patient_ids)), col(Contact.removed_at).is_(None))
    for contact in session.exec(statement.order_by(col(Contact.priority), col(Contact.id))):
        found.setdefault(contact.patient_id, []).append(contact)
    return found


def opted_out(session: Session, phones: Iterable[str | None]) -> frozenset[str]:
    """Which of these numbers may not be written to."""
    given = [phone for phone in phones if phone]
    statement = select(col(Number.phone)).where(col(Number.phone).in_(given), col(Number.opted_out_at).is_not(None))
    return frozenset(session.exec(statement)) if given else frozenset()


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


def ledger(session: Session, patient_id: UUID) -> list[Consent]:
    """Every line about a patient's consent, the newest first."""
    statement = select(Consent).where(Consent.patient_id == patient_id)
    return list(session.exec(statement.order_by(col(Consent.at).desc(), col(Consent.recorded_at).desc())))


def ever_contacts(session: Session, patient_id: UUID) -> dict[UUID, Contact]:
    """All contacts that a patient has or had, by id."""
    statement = select(Contact).where(Contact.patient_id == patient_id)
    return {contact.id: contact for contact in session.exec(statement)}
