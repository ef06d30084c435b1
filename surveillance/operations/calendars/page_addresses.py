"""The addresses of patients' own pages: making, revoking and resolving them, and the question for the birth date.

An address is a key without an account: 196 random bits, of which only the SHA-256 is stored. It expires, can be
revoked, and closes with the patient's death until that is retracted (design, section 3 rule 10).
"""

import secrets
import string
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final
from uuid import UUID

from sqlmodel import Session, col, select

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.words import AppointmentState, Channel, Role
from surveillance.operations.work import Work, of_digits
from surveillance.store.audit.events import picture
from surveillance.store.messages import reminders as store
from surveillance.store.tables import Appointment, Contact, Patient, PatientPage, Reminder

MAKERS: Final = (Role.COORDINATOR, Role.CLINICIAN, Role.ADMIN)
LASTS_AT_LEAST: Final = timedelta(days=60)  # the next message brings a new address
AFTER_THE_VISIT: Final = timedelta(days=7)  # questions come after a visit, too
MOST_TRIES: Final = 5  # wrong birth dates; a guesser of 30,000 days has a chance of one in 6,000
SECRET_SIGNS: Final = 33  # letters and digits, which no program breaks: 196 bits, in 15 signs less than hexadecimal
_SIGNS: Final = string.ascii_letters + string.digits
_MADE: Final = ("contact_id", "reminder_id", "language", "expires_at")


class State(StrEnum):
    """What an address is good for."""

    OPEN = "open"
    EXPIRED = "expired"
    REVOKED = "revoked"
    CLOSED = "closed"  # the patient has died, or the contact is one no more


def new_page(
    work: Work, patient: Patient, contact: Contact | None, language: str, reminder: Reminder | None = None
) -> tuple[PatientPage, str]:
    """A new address and its secret, which is in the message or on the screen this once and stored nowhere.

    It expires 60 days from now, or 7 days after the visit that it is about, whichever is later.

    Raises:
        ConflictError: the patient has died.
        InvalidInputError: the contact is another patient's.
    """
    work.require(patient.site_id, *MAKERS)
    if patient.died_on is not None:
        raise ConflictError(f"patient {patient.mrn} died on {patient.died_on}; the page would be closed")
    if contact is not None and contact.patient_id != patient.id:
        raise InvalidInputError(f"this contact is not one of patient {patient.mrn}")
    secret = "".join(secrets.choice(_SIGNS) for _ in range(SECRET_SIGNS))
    page = PatientPage(
        site_id=patient.site_id,
        patient_id=patient.id,
        contact_id=contact.id if contact else None,
        reminder_id=reminder.id if reminder else None,
        secret_hash=hashed(secret),
        language=language,
        created_at=work.now,
        created_by=work.actor.user_id,
        expires_at=_expires(work, patient, reminder),
    )
    work.session.add(page)
    work.session.flush()
    work.audit("page.create", page, after=picture(page, _MADE))
    return page, secret


def _expires(work: Work, patient: Patient, reminder: Reminder | None) -> datetime:
    day = _visit_day(work, patient, reminder)
    soonest = work.now + LASTS_AT_LEAST
    return soonest if day is None else max(soonest, datetime.combine(day, time.min, UTC) + AFTER_THE_VISIT)


def _visit_day(work: Work, patient: Patient, reminder: Reminder | None) -> date | None:
    """The day of the visit that a message is about, else of the next one that is booked."""
    if reminder is not None and reminder.appointment_id is not None:
        return reminder.subject_day
    return work.session.exec(
        select(col(Appointment.day))
        .where(Appointment.patient_id == patient.id, Appointment.state == AppointmentState.BOOKED)
        .where(col(Appointment.starts_at) > work.now)
        .order_by(col(Appointment.starts_at))
    ).first()


def address(public_url: str, secret: str) -> str:
    """Where the page is, ``public_url`` being where this service is reached."""
    return f"{public_url}/p/{secret}"


def hashed(secret: str) -> str:
    """What is stored of a secret. A random one of 196 bits needs no salt and no slow hash."""
    return sha256(secret.encode()).hexdigest()


def resolve(session: Session, secret: str, now: datetime) -> tuple[PatientPage, State] | None:
    """The page of a secret, closed ones too, and what it is good for; None for a secret that never was one."""
    page = session.exec(select(PatientPage).where(PatientPage.secret_hash == hashed(secret))).first()
    return None if page is None else (page, state(session, page, now))


def state(session: Session, page: PatientPage, now: datetime) -> State:
    """A death that is retracted opens the page again, as does a contact that comes back."""
    patient = session.get(Patient, page.patient_id)
    contact = session.get(Contact, page.contact_id) if page.contact_id else None
    if patient is None or patient.died_on is not None or (contact is not None and contact.removed_at is not None):
        return State.CLOSED
    if page.revoked_at is not None:
        return State.REVOKED
    return State.EXPIRED if page.expires_at <= now else State.OPEN


def of_patient(session: Session, patient_id: UUID, limit: int | None = None) -> list[PatientPage]:
    """The addresses of a patient's page, the newest first; each message that carries one made its own."""
    statement = select(PatientPage).where(PatientPage.patient_id == patient_id).limit(limit)
    return list(session.exec(statement.order_by(col(PatientPage.created_at).desc(), col(PatientPage.id))))


def standing(session: Session, patient_id: UUID, now: datetime) -> list[PatientPage]:
    """The addresses that were not revoked and have not expired, the newest first."""
    statement = select(PatientPage).where(PatientPage.patient_id == patient_id, col(PatientPage.revoked_at).is_(None))
    statement = statement.where(col(PatientPage.expires_at) > now)
    return list(session.exec(statement.order_by(col(PatientPage.created_at).desc(), col(PatientPage.id))))


def page_named(session: Session, patient: Patient, prefix: str) -> PatientPage:
    """An address by the first digits of its id. Raises NotFoundError, or ConflictError if several begin so."""
    return of_digits(of_patient(session, patient.id), prefix, "address of the patient's page", "addresses")


def revoke(work: Work, page: PatientPage, reason: str = "") -> None:
    """Close an address for good: it answers 410 from now on. Revoking twice changes nothing."""
    work.require(page.site_id, *MAKERS)
    if page.revoked_at is not None:
        return
    page.revoked_at = work.now
    work.session.flush()
    work.audit("page.revoke", page, before={"revoked_at": None}, after=picture(page, ("revoked_at",)), reason=reason)


def revoke_all(work: Work, patient: Patient, reason: str) -> int:
    """Close every address of a patient that still stands; returns how many. Such as for a telephone that was lost."""
    work.require(patient.site_id, *MAKERS)
    pages = standing(work.session, patient.id, work.now)
    for page in pages:
        revoke(work, page, reason)
    return len(pages)


def revoke_sent(work: Work, contact: Contact, channels: Sequence[Channel], reason: str) -> None:
    """Close the addresses that messages of these channels brought a contact: its mailbox or number was another one."""
    statement = (
        select(PatientPage)
        .join(Reminder, col(Reminder.id) == col(PatientPage.reminder_id))
        .where(PatientPage.contact_id == contact.id, col(Reminder.channel).in_(channels))
        .where(col(PatientPage.revoked_at).is_(None), col(PatientPage.expires_at) > work.now)
    )
    for page in work.session.exec(statement.order_by(col(PatientPage.created_at), col(PatientPage.id))).all():
        revoke(work, page, reason)


def knows_birth_date(work: Work, page: PatientPage, given: date) -> bool:
    """Whether whoever holds the address knows the patient's birth date, too. Wrong ones count; the fifth locks it.

    They count over all the patient's addresses: each message brings one, and a mailbox of them gives no more tries.
    A locked address says no to the right date as well, until staff make a new one.
    """
    store.lock_patient(work.session, page.patient_id)  # tries at the same moment come one after the other
    work.session.refresh(page)
    if page.locked_at is not None:
        return False
    if work.session.get_one(Patient, page.patient_id).birth_date == given:
        page.tries = 0
        work.session.flush()
        work.audit("page.open", page)
        return True
    page.tries += 1
    work.session.flush()
    left = tries_left(work, page)
    work.audit("page.wrong", page, reason=f"try {MOST_TRIES - left} of {MOST_TRIES}")
    if left == 0:
        page.locked_at = work.now
        work.session.flush()
        work.audit("page.lock", page, after=picture(page, ("tries", "locked_at")))
    return False


def tries_left(work: Work, page: PatientPage) -> int:
    """How many wrong birth dates the patient's addresses allow. What a lock has ended counts no more."""
    open_ones = (each for each in standing(work.session, page.patient_id, work.now) if each.locked_at is None)
    return max(0, MOST_TRIES - sum(each.tries for each in open_ones))
