"""How a patient can be reached on one channel: each contact with all that decides about its address, in one query."""

from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import orm
from sqlmodel import Session, col

from surveillance.core.words import Channel
from surveillance.store.tables import Attempt, Consent, Contact, Number


class ContactFacts(NamedTuple):
    """``consent`` is the last line of the ledger for the channel, ``number`` what is known of the phone, for SMS.

    ``shared``: somebody else's messages go to the address too, at whatever site; ``in_flight``: a message to it is on
    its way or in doubt.
    """

    contact: Contact
    consent: Consent | None
    number: Number | None
    shared: bool
    in_flight: bool


def of_patient(session: Session, patient_id: UUID, channel: Channel) -> list[ContactFacts]:
    """The contacts of a patient in the order of priority, as they stand in the database."""
    number: Any = Number if channel is Channel.SMS else sa.null()
    this = sa.and_(col(Consent.contact_id) == col(Contact.id), col(Consent.id) == _last_consent(channel))
    statement = (
        sa.select(Contact, Consent, number, _shared(channel), _in_flight(channel))
        .select_from(Contact)
        .outerjoin(Consent, this)
        .where(col(Contact.patient_id) == patient_id, col(Contact.removed_at).is_(None))
        .order_by(col(Contact.priority), col(Contact.id))
        .execution_options(populate_existing=True)
    )
    if number is Number:
        statement = statement.outerjoin(Number, col(Number.phone) == col(Contact.phone))
    return [ContactFacts(*row) for row in session.execute(statement)]


def _address(contact: type[Contact], channel: Channel) -> Any:
    return col(contact.phone) if channel is Channel.SMS else col(contact.email)


def _last_consent(channel: Channel) -> sa.ScalarSelect[UUID]:
    """Of lines of one moment a withdrawal holds, and of two agreements the one to the address as it is."""
    line, own = orm.aliased(Consent), orm.aliased(Contact)  # SQLite sorts by no column from outside
    fits = sa.case((col(line.address) == _address(own, channel), 1), else_=0)
    last = (col(line.at).desc(), col(line.recorded_at).desc(), col(line.act).desc(), fits.desc())
    lines = sa.select(col(line.id)).join(own, col(own.id) == col(line.contact_id))
    lines = lines.where(col(line.contact_id) == col(Contact.id), col(line.channel) == channel)
    return lines.order_by(*last).limit(1).correlate(Contact).scalar_subquery()


def _shared(channel: Channel) -> sa.ColumnElement[bool]:
    other = orm.aliased(Contact)
    apart = (col(other.patient_id) != col(Contact.patient_id), col(other.removed_at).is_(None))
    return sa.exists().where(_address(other, channel) == _address(Contact, channel), *apart).correlate(Contact)


def _in_flight(channel: Channel) -> sa.ColumnElement[bool]:
    there = col(Attempt.to_address) == _address(Contact, channel)
    return sa.exists().where(there, col(Attempt.finished_at).is_(None)).correlate(Contact)
