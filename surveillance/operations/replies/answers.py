"""Answers to patients: what the service says by itself to a reply, and what staff write back.

They are rows among the messages, so claims, attempts, callbacks and doubt are those of every other message.
"""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlmodel import col, select

from surveillance.core.dates import local_day
from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.messages.answers import USEFUL, Answer, answer_key
from surveillance.core.texts.encoding import encoding, straight
from surveillance.core.texts.message_book import LIMIT
from surveillance.core.words import Channel, ConsentAct, Role, Step
from surveillance.operations.messages.patient_context import zone_of
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.messages import reminders as store
from surveillance.store.registry import patients
from surveillance.store.tables import Contact, Inbound, Patient, Reminder

WRITERS = (Role.COORDINATOR, Role.CLINICIAN)
PAUSED = "a reply from this number may be an opt-out; settle it first"
ANSWERED_WITHIN = timedelta(days=30)  # after that a message from a number is no question any more


def say(
    work: Work,
    patient: Patient,
    contact: Contact | None,
    to: str,
    text: str,
    language: str,
    kind: Answer,
    about: UUID,
    appointment_id: UUID | None = None,
) -> Reminder | None:
    """Plan one of the service's own answers to message ``about``; None where it was given already."""
    key = answer_key(str(about), kind)
    if store.by_key(work.session, key) is not None:
        return None
    return _planned(work, patient, contact, to, text, language, key, kind, appointment_id)


def write(work: Work, patient: Patient, contact: Contact, text: str) -> Reminder:
    """What a member of staff writes to a patient's phone, now or as soon as the send hours begin.

    Raises:
        ForbiddenError: the actor does not work where the patient is.
        InvalidInputError: nothing to say, or more than one message takes.
        ConflictError: the patient has died, or the number opted out, waits for a decision, or is no mobile, or
            nobody agreed to SMS to it.
    """
    work.require(patient.site_id, *WRITERS)
    said = straight(text).strip()
    if not said:
        raise InvalidInputError("write what the patient is to read")
    if (length := encoding(said).characters) > LIMIT:
        raise InvalidInputError(f"the text has {length} characters, more than {LIMIT}; shorten it, or call")
    if fault := cannot_write(work, patient, contact):
        raise ConflictError(fault)
    language = contact.language or next(iter(work.site(patient.site_id).languages), "")
    key = answer_key(uuid4().hex, Answer.STAFF)
    row = _planned(work, patient, contact, contact.phone or "", said, language, key, Answer.STAFF, None)
    work.audit("message.write", row, after=picture(row, ("to_address", "text")))
    return row


def cannot_write(work: Work, patient: Patient, contact: Contact) -> str | None:
    """Why nothing can be written to this contact's phone; None where it can."""
    if patient.died_on is not None:
        return "the patient has died; nothing is sent"
    if not contact.phone or not contact.phone_mobile:
        return "this contact has no mobile phone; call instead"
    number = patients.number(work.session, contact.phone)
    if number is not None and number.opted_out_at is not None:
        return "this number opted out of text messages; call instead"
    if number is not None and number.paused_at is not None:
        return PAUSED
    if number is not None and (number.landline or number.wrong):
        return "SMS does not reach this number; call instead"
    return _without_consent(work, contact)


def _without_consent(work: Work, contact: Contact) -> str | None:
    """Whoever wrote to us may be answered; nobody else is written to without consent (47 CFR 64.1200)."""
    last = patients.consents(work.session, contact.patient_id).get((contact.id, Channel.SMS))
    if last is not None and last.act is ConsentAct.WITHDRAWN:
        return "consent to SMS was withdrawn; call instead"
    if last is not None and last.address == contact.phone:
        return None
    wrote = select(col(Inbound.id)).where(
        Inbound.from_number == contact.phone, col(Inbound.received_at) >= work.now - ANSWERED_WITHIN
    )
    if work.session.exec(wrote.limit(1)).first() is not None:
        return None
    return "nobody consented to SMS to this number; ask first, or call"


def _planned(
    work: Work,
    patient: Patient,
    contact: Contact | None,
    to: str,
    text: str,
    language: str,
    key: str,
    kind: Answer,
    appointment_id: UUID | None,
) -> Reminder:
    row = Reminder(
        site_id=patient.site_id,
        patient_id=patient.id,
        key=key,
        step=Step.ANSWER,
        channel=Channel.SMS,
        subject_day=local_day(work.now, zone_of(patient, work.site(patient.site_id))),
        appointment_id=appointment_id,
        text=text,
        to_address=to,
        language=language,
        due_at=work.now,
        expires_at=_expires(work.now, kind),
        contact_id=contact.id if contact else None,
        created_at=work.now,
        changed_at=work.now,
    )
    work.session.add(row)
    work.session.flush()
    return row


def _expires(now: datetime, kind: Answer) -> datetime:
    return now + USEFUL[kind]
