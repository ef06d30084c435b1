"""By which way a message would reach a patient as things stand, and why not by an earlier one of its channels.

The last word is ``dispatch.recheck``'s, at sending; this is what can be said of it when a visit is booked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from surveillance.core.errors import InvalidInputError
from surveillance.core.messages.fallback import last_resort
from surveillance.core.messages.policy import BY_PERSON
from surveillance.core.words import Channel, Step
from surveillance.operations.messages.patient_context import PatientContext
from surveillance.operations.registry import reachability
from surveillance.operations.registry.reachability import ContactReach
from surveillance.operations.wording import languages
from surveillance.operations.work import Work
from surveillance.store.messages import reminders as store
from surveillance.store.registry import patients
from surveillance.store.tables import Patient, Reminder, Site


@dataclass(frozen=True, slots=True)
class ChannelChoice:
    """``to``: the address, empty where there is none; ``why``: what bars the earlier channels of the step."""

    channel: Channel
    to: str
    why: tuple[str, ...] = ()

    @property
    def by_person(self) -> bool:
        """Nothing goes out by itself: somebody has to call or write."""
        return self.channel in BY_PERSON


def choose(work: Work, now: PatientContext, step: Step) -> ChannelChoice:
    """The first channel of a step that can carry a message to somebody; at last a call, or a letter without a phone."""
    return by_channels(work, now.patient, now.site, now.policy.steps[step].channels)


def of_planned(work: Work, patient: Patient, rows: Iterable[Reminder]) -> dict[UUID, ChannelChoice]:
    """The way of each planned message of a patient as things stand; planning itself names the first of its step."""
    site, steps = work.site(patient.site_id), work.catalogue.policy.steps
    by: dict[tuple[Channel, ...], ChannelChoice] = {}
    found = {}
    for row in rows:
        channels = steps[row.step].channels if row.step in steps else ()
        if row.channel in channels[:1]:
            choice = by[channels] = by.get(channels) or by_channels(work, patient, site, channels)
        else:
            choice = ChannelChoice(row.channel, row.to_address)
        found[row.id] = choice
    return found


def by_channels(work: Work, patient: Patient, site: Site, channels: tuple[Channel, ...]) -> ChannelChoice:
    """As ``choose``, for channels in their order."""
    contacts = reachability.of_contacts(work, patient.id, patients.contacts(work.session, patient.id))
    why: list[str] = []
    for channel in (each for each in channels if each not in BY_PERSON):
        addressed = [each for each in contacts if reachability.address(each.contact, channel)]
        barred = [(each, _barred(work, site, each, channel)) for each in addressed]
        free = next((each for each, reason in barred if not reason), None)
        if free is not None:
            return ChannelChoice(channel, reachability.address(free.contact, channel) or "", tuple(why))
        why.append(barred[0][1] if barred else _nothing(channel))
    phone = next((each.contact.phone for each in contacts if each.contact.phone), None) or ""
    postal = next((each.contact.postal_address for each in contacts if each.contact.postal_address), "")
    last = last_resort(channels, bool(phone), bool(postal))
    return ChannelChoice(last, phone if last is Channel.CALL else postal.replace("\n", ", "), tuple(why))


def _nothing(channel: Channel) -> str:
    return "no phone number" if channel is Channel.SMS else "no email address"


def _barred(work: Work, site: Site, each: ContactReach, channel: Channel) -> str:
    """Why a contact cannot be written to at an address of this kind; empty where it can."""
    number = each.number if channel is Channel.SMS else None
    if channel is Channel.SMS and (not each.contact.phone_mobile or (number is not None and number.landline)):
        return "the phone is a landline"
    if number is not None and number.wrong:
        return "the phone number has to be verified"
    if number is not None and number.opted_out_at is not None:
        return "the phone opted out of SMS"
    if channel is Channel.EMAIL and each.contact.email_failed_at is not None:
        return "mail to this address came back"
    if not reachability.agreed(each, channel):
        return "no consent to SMS" if channel is Channel.SMS else "no consent to email"
    if not site.first_names and _shared(work, each, channel):
        return "the address is shared with another patient"
    return "" if _speaks(work, site, each.contact.language) else "no approved language"


def _shared(work: Work, each: ContactReach, channel: Channel) -> bool:
    holders = store.contacts_with(work.session, channel, reachability.address(each.contact, channel) or "")
    return len({holder.patient_id for holder in holders}) > 1


def _speaks(work: Work, site: Site, language: str | None) -> bool:
    try:
        languages.choose(work, site, language)
    except InvalidInputError:
        return False
    return True
