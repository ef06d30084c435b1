"""What a patient does on the page of their own; written into the trail as such, by the service's account.

To confirm, to ask for another day and to stop messages takes the link alone: to withdraw consent must not be harder
than to give it. The rest is asked for the birth date first, by whoever calls these.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from sqlmodel import col, select

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.words import Channel, ConsentAct
from surveillance.operations.calendars import feeds
from surveillance.operations.care import corrections
from surveillance.operations.patient_page.page import own_feeds
from surveillance.operations.planning import replanning
from surveillance.operations.registry import consents
from surveillance.operations.wording import languages
from surveillance.operations.work import Actor, Work
from surveillance.store.registry import patients
from surveillance.store.tables import Contact, Feed, Patient, PatientPage

ACCOUNT: Final = "the patient's own page"
HOW: Final = consents.ON_PAGE
MOST_FEEDS: Final = 3
STOPPABLE: Final = (Channel.SMS, Channel.EMAIL)


class Standing(StrEnum):
    """Whether messages of one channel reach the reader of a page."""

    ON = "on"
    STOPPED_HERE = "stopped here"  # and can be had again here
    OFF = "off"  # stopped otherwise, or never agreed to: a person must be asked
    NEVER = "never"  # there is no address for it


def actor(system: Actor) -> Actor:
    """Who acts on a page that nobody signs in to: the service, on behalf of whoever holds the link."""
    return Actor(system.user_id, system.name, ACCOUNT)


# -- messages ----------------------------------------------------------------------------------------------------


def standing(work: Work, contact: Contact | None) -> dict[Channel, Standing]:
    """What of the messages to a contact goes out, by channel."""
    return {channel: _standing(work, contact, channel) for channel in STOPPABLE}


def _standing(work: Work, contact: Contact | None, channel: Channel) -> Standing:
    address = contact and contact.address(channel)
    if contact is None or not address or (channel is Channel.SMS and not contact.phone_mobile):
        return Standing.NEVER
    last = patients.consents(work.session, contact.patient_id).get((contact.id, channel))
    number = patients.number(work.session, address) if channel is Channel.SMS else None
    if number is not None and number.opted_out_at is not None:
        return Standing.STOPPED_HERE if number.opted_out_how == HOW else Standing.OFF
    if last is None or last.address != address:
        return Standing.OFF
    if last.act is ConsentAct.GIVEN:
        return Standing.ON
    return Standing.STOPPED_HERE if channel is Channel.EMAIL and last.method == HOW else Standing.OFF


def stop(work: Work, page: PatientPage, channels: Sequence[Channel]) -> None:
    """No more messages this way: of a telephone number for everybody who has it, at all sites. It works twice.

    Raises:
        InvalidInputError: nothing was chosen.
    """
    if not channels:
        raise InvalidInputError("choose what should stop")
    contact, patient = _contact(work, page), _patient(work, page)
    now = standing(work, contact)
    if Channel.SMS in channels and now[Channel.SMS] is not Standing.NEVER and contact.phone:
        consents.opt_out(work, contact.phone, HOW)
    if Channel.EMAIL in channels and now[Channel.EMAIL] is Standing.ON:
        consents.write_consent(work, contact, Channel.EMAIL, ConsentAct.WITHDRAWN, HOW)
    replanning.replan_patient(work, patient)


def start(work: Work, page: PatientPage, channel: Channel) -> None:
    """Take back what was stopped on such a page, and nothing else.

    Raises:
        ConflictError: it was stopped otherwise, or goes out.
    """
    contact, patient = _contact(work, page), _patient(work, page)
    if standing(work, contact).get(channel) is not Standing.STOPPED_HERE:
        raise ConflictError("these messages were not stopped on this page")
    if channel is Channel.SMS and contact.phone:
        consents.opt_in(work, contact.phone, HOW)
    else:
        consents.write_consent(work, contact, channel, ConsentAct.GIVEN, f"taken back {HOW}")
    replanning.replan_patient(work, patient)


def _contact(work: Work, page: PatientPage) -> Contact:
    contact = work.session.get(Contact, page.contact_id) if page.contact_id else None
    if contact is None:
        raise ConflictError("this page belongs to nobody whom messages are sent to")
    return contact


def _patient(work: Work, page: PatientPage) -> Patient:
    return work.session.get_one(Patient, page.patient_id)


# -- language ----------------------------------------------------------------------------------------------------


def choose_language(work: Work, page: PatientPage, language: str) -> None:
    """Write to this contact, and show this page, in another language of the site's.

    Raises:
        InvalidInputError: the site does not write in it.
    """
    if language not in languages.usable(work, work.site(page.site_id)):
        raise InvalidInputError(f"the clinic does not write in {language!r}")
    if page.language != language:
        before, page.language = page.language, language
        work.session.flush()
        work.audit("page.language", page, before={"language": before}, after={"language": language})
    contact = work.session.get(Contact, page.contact_id) if page.contact_id else None
    if contact is not None and contact.language != language:
        corrections.change_contact(work, _patient(work, page), contact, {"language": language}, HOW)


# -- calendar addresses --------------------------------------------------------------------------------------------


def make_feed(work: Work, page: PatientPage, language: str) -> tuple[Feed, str]:
    """A calendar address for the reader of the page, and its secret.

    Raises:
        ConflictError: there are as many as one reader may have.
    """
    # One after the other, or two clicks at once would both count the addresses before either.
    work.session.exec(select(col(Patient.id)).where(Patient.id == page.patient_id).with_for_update()).one()
    if len(own_feeds(work, page)) >= MOST_FEEDS:
        raise ConflictError(f"there are {MOST_FEEDS} calendar addresses already")
    site = work.site(page.site_id)
    new = feeds.NewFeed(site, _patient(work, page), label=ACCOUNT, language=language, page_id=page.id)
    return feeds.create(work, new)
