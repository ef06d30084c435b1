"""Consent at the desk: given or withdrawn for one contact and channel, and what a phone number itself has said."""

from typing import Final
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.errors import NotFoundError
from surveillance.core.words import Channel, ConsentAct, ReminderState
from surveillance.operations import consents, planning
from surveillance.store import reminders
from surveillance.store.tables import Contact, Patient
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.pages import Pages, contacts, person_fields
from surveillance.web.render import plural

pages = Pages(prefix="/patients")

OPT_OUT: Final = "opt-out"
OPT_IN: Final = "opt-in"
RELEASE: Final = "release"


@pages.post("/{patient_id}/contacts/{contact_id}/consent", needs=Permission.RECORD)
def consent(desk: Desk, patient_id: UUID, contact_id: UUID) -> Response:
    """Write down that somebody agreed to a channel, or withdrew; how and when belong to it."""
    patient, form = desk.patient(patient_id), desk.form
    contact = contacts.contact_of(desk, patient, contact_id)
    channel = form.choice("channel", "the channel", Channel)
    act = form.choice("act", "whether consent was given or withdrawn", ConsentAct)
    if channel not in person_fields.CONSENTED or act is None:
        raise NotFoundError("consent is for SMS or email")
    at = f"c{contact.priority}-{channel}-"
    how, when = person_fields.consent_word(form, at, desk.work, desk.work.site(patient.site_id))
    if form.ok:
        with form.trying(desk.session, f"{at}how"):
            consents.consent(desk.work, contact, channel, act, how, when)
            planning.replan_patient(desk.work, patient)
    if form.errors:
        return contacts.page(desk, patient, form)
    said = f"Consent to {words.CHANNEL[channel]} {words.CONSENT[act]}: {contacts.who(contact)}."
    return desk.done(contacts.address(patient), said + (_waiting(desk, patient) if act is ConsentAct.WITHDRAWN else ""))


def _waiting(desk: Desk, patient: Patient) -> str:
    """What a withdrawal means for the messages that are planned already."""
    rows = reminders.of_patient(desk.session, patient.id)
    count = sum(row.state is ReminderState.PLANNED for row in rows)
    if not count:
        return ""
    return f" {plural(count, 'planned message')}: by another way that was agreed to, else by a call."


@pages.post("/{patient_id}/contacts/{contact_id}/number", needs=Permission.RECORD)
def number(desk: Desk, patient_id: UUID, contact_id: UUID) -> Response:
    """What the owner of a number said at the desk about it: it binds at all sites, whoever shares the number."""
    patient, form = desk.patient(patient_id), desk.form
    contact = contacts.contact_of(desk, patient, contact_id)
    at = f"c{contact.priority}-number-"
    asked = form.one_of("do", "what to do with the number", (OPT_OUT, OPT_IN, RELEASE))
    how = form.text(f"{at}how", "how it was said", required=asked != RELEASE)
    said = ""
    if form.ok:
        with form.trying(desk.session, f"{at}how"):
            said = _settle(desk, contact, asked, how)
            planning.replan_patient(desk.work, patient)
    if form.errors:
        return contacts.page(desk, patient, form)
    return desk.done(contacts.address(patient), said + (_waiting(desk, patient) if asked == OPT_OUT else ""))


def _settle(desk: Desk, contact: Contact, asked: str, how: str) -> str:
    """Do it, and say what it came to."""
    if contact.phone is None:
        raise NotFoundError("the contact has no phone number that can be used")
    if asked == OPT_OUT:
        agreed = _agreed(desk, consents.opt_out(desk.work, contact.phone, how))
        return f"No SMS goes to this number any more, at any site. {agreed}"
    if asked == OPT_IN:
        back = consents.opt_in(desk.work, contact.phone, how)
        return f"The number may be written to again. {plural(len(back), 'consent')} {_stand(len(back))} again."
    consents.release_number(desk.work, contact.phone)
    return "The number is released: what was planned goes out."


def _agreed(desk: Desk, holders: list[Contact]) -> str:
    count = len(holders)
    others = [row for row in holders if desk.may(Permission.VIEW, row.site_id)]
    hidden = f", {count - len(others)} of them at other sites" if count > len(others) else ""
    return f"{plural(count, 'contact has it', 'contacts have it')}{hidden}."


def _stand(count: int) -> str:
    return "stands" if count == 1 else "stand"
