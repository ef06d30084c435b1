"""How a patient can be reached: each contact with its consents, and what stands in the way of writing to it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from surveillance.core import plain
from surveillance.core.dates import local_day
from surveillance.core.words import Channel, ConsentAct
from surveillance.operations.registry.phones import readable
from surveillance.operations.work import Work
from surveillance.store.registry import patients
from surveillance.store.tables import Consent, Contact, Number

Spelled = Callable[[date], str]  # how a day is written where the words are read


@dataclass(frozen=True, slots=True)
class ContactReach:
    """One contact. ``number`` is what is known about its phone itself; ``shared``: other contacts have it too."""

    contact: Contact
    zone: str
    consents: Mapping[Channel, Consent]
    number: Number | None
    shared: bool


def of_contacts(work: Work, patient_id: UUID, contacts: Sequence[Contact]) -> list[ContactReach]:
    """The contacts of a patient with all that is known about reaching them, in few queries."""
    if not contacts:
        return []
    given = patients.consents(work.session, patient_id)
    phones = {contact.phone for contact in contacts if contact.phone}
    numbers = {row.phone: row for row in work.session.exec(select(Number).where(col(Number.phone).in_(phones)))}
    shared = _shared(work, phones)
    zone = work.site(contacts[0].site_id).time_zone
    return [
        ContactReach(
            contact,
            zone,
            {channel: given[contact.id, channel] for channel in Channel if (contact.id, channel) in given},
            numbers.get(contact.phone or ""),
            contact.phone in shared,
        )
        for contact in contacts
    ]


def _shared(work: Work, phones: Iterable[str]) -> set[str]:
    """Those numbers that several contacts have, at whatever site."""
    statement = (
        select(col(Contact.phone))
        .where(col(Contact.phone).in_(list(phones)), col(Contact.removed_at).is_(None))
        .group_by(col(Contact.phone))
        .having(sa.func.count() > 1)
    )
    return {phone for phone in work.session.exec(statement) if phone}


def problems(reach: ContactReach, spelled: Spelled) -> list[str]:
    """Why a contact cannot be written to at its phone or its mailbox, in words."""
    return [*_phone_problems(reach, spelled), *_mailbox_problems(reach, spelled)]


def _mailbox_problems(reach: ContactReach, spelled: Spelled) -> list[str]:
    contact = reach.contact
    if contact.email is None or contact.email_failed_at is None:
        return []
    day = spelled(local_day(contact.email_failed_at, reach.zone))
    return [f"mail to {contact.email} came back on {day} ({contact.email_failed_why}): ask for the right address"]


def _phone_problems(reach: ContactReach, spelled: Spelled) -> list[str]:
    contact, number = reach.contact, reach.number
    if contact.phone is None:
        given = f"{contact.phone_given!r} is not a phone number that can be used; it is kept as given"
        return [given] if contact.phone_given else []
    phone = readable(contact.phone)
    found = [] if contact.phone_mobile else [f"{phone} is a landline; it gets calls, no SMS"]
    if number is not None and number.landline and contact.phone_mobile:
        found.append(f"the network says that {phone} is a landline")
    if number is not None and number.trouble_at is not None:
        sent = "nothing is sent to it until it is verified" if number.wrong else "messages did not arrive"
        day = spelled(local_day(number.trouble_at, reach.zone))
        found.append(f"{phone} is in trouble since {day}: {number.trouble_why}; {sent}")
    if number is not None and number.opted_out_at is not None:
        found.append(f"{phone} opted out on {spelled(local_day(number.opted_out_at, reach.zone))}")
    if number is not None and number.paused_at is not None:
        found.append(f"{phone} is paused until somebody decides: {number.paused_why}")
    if reach.shared:
        found.append(f"{phone} is shared with other contacts")
    return found


def consent_words(reach: ContactReach, channel: Channel, spelled: Spelled) -> str:
    """The last word on a channel: given for this very address, given for another one, withdrawn, or never asked."""
    row = reach.consents.get(channel)
    if row is None:
        return "not asked"
    said = f"{plain.CONSENT[row.act]} {spelled(local_day(row.at, reach.zone))} ({row.method})"
    if row.act is ConsentAct.WITHDRAWN or row.address == address(reach.contact, channel):
        return said
    return f"{said}, but for {row.address or 'a phone that cannot be used'}: ask again"


def address(contact: Contact, channel: Channel) -> str | None:
    return contact.phone if channel is Channel.SMS else contact.email


def agreed(reach: ContactReach, channel: Channel) -> bool:
    """Whether consent stands for the address as it is now."""
    row = reach.consents.get(channel)
    where = address(reach.contact, channel)
    return row is not None and row.act is ConsentAct.GIVEN and where is not None and row.address == where
