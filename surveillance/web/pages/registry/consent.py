"""Consent at the desk: given or withdrawn for one contact and channel, and what a phone number itself has said."""

from typing import Final
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.errors import NotFoundError
from surveillance.core.words import Channel, ConsentAct, ReminderState
from surveillance.operations.planning import replanning
from surveillance.operations.registry import consents
from surveillance.store.messages import reminders
from surveillance.store.tables import Contact, Patient
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.page_context import PageContext
from surveillance.web.pages.registry import contacts, person_fields
from surveillance.web.pages.routing import Pages
from surveillance.web.render import plural

pages = Pages(prefix="/patients")

OPT_OUT: Final = "opt-out"
OPT_IN: Final = "opt-in"
RELEASE: Final = "release"


@pages.post("/{patient_id}/contacts/{contact_id}/consent", needs=Permission.RECORD)
def consent(context: PageContext, patient_id: UUID, contact_id: UUID) -> Response:
    """Write down that somebody agreed to a channel, or withdrew; how and when belong to it."""
    patient, form = context.patient(patient_id), context.form
    contact = contacts.contact_of(context, patient, contact_id)
    channel = form.choice("channel", "the channel", Channel)
    act = form.choice("act", "whether consent was given or withdrawn", ConsentAct)
    if channel not in person_fields.CONSENTED or act is None:
        raise NotFoundError("consent is for SMS or email")
    at = f"c{contact.priority}-{channel}-"
    how, when = person_fields.consent_word(form, at, context.work, context.work.site(patient.site_id))
    if form.ok:
        with form.trying(context.session, f"{at}how"):
            consents.consent(context.work, contact, channel, act, how, when)
            replanning.replan_patient(context.work, patient)
    if form.errors:
        return contacts.page(context, patient, form)
    said = f"Consent to {words.CHANNEL[channel]} {words.CONSENT[act]}: {contacts.who(contact)}."
    return context.done(
        contacts.address(patient), said + (_waiting(context, patient) if act is ConsentAct.WITHDRAWN else "")
    )


def _waiting(context: PageContext, patient: Patient) -> str:
    """What a withdrawal means for the messages that are planned already."""
    rows = reminders.of_patient(context.session, patient.id)
    count = sum(row.state is ReminderState.PLANNED for row in rows)
    if not count:
        return ""
    return f" {plural(count, 'planned message')}: by another way that was agreed to, else by a call."


@pages.post("/{patient_id}/contacts/{contact_id}/number", needs=Permission.RECORD)
def number(context: PageContext, patient_id: UUID, contact_id: UUID) -> Response:
    """What the owner of a number said at the desk about it: it binds at all sites, whoever shares the number."""
    patient, form = context.patient(patient_id), context.form
    contact = contacts.contact_of(context, patient, contact_id)
    at = f"c{contact.priority}-number-"
    asked = form.one_of("do", "what to do with the number", (OPT_OUT, OPT_IN, RELEASE))
    how = form.text(f"{at}how", "how it was said", required=asked != RELEASE)
    said = ""
    if form.ok:
        with form.trying(context.session, f"{at}how"):
            said = _settle(context, contact, asked, how)
            replanning.replan_patient(context.work, patient)
    if form.errors:
        return contacts.page(context, patient, form)
    return context.done(contacts.address(patient), said + (_waiting(context, patient) if asked == OPT_OUT else ""))


def _settle(context: PageContext, contact: Contact, asked: str, how: str) -> str:
    """Do it, and say what it came to."""
    if contact.phone is None:
        raise NotFoundError("the contact has no phone number that can be used")
    if asked == OPT_OUT:
        agreed = _agreed(context, consents.opt_out(context.work, contact.phone, how))
        return f"No SMS goes to this number any more, at any site. {agreed}"
    if asked == OPT_IN:
        back = consents.opt_in(context.work, contact.phone, how)
        return f"The number may be written to again. {plural(len(back), 'consent')} {_stand(len(back))} again."
    consents.release_number(context.work, contact.phone)
    return "The number is released: what was planned goes out."


def _agreed(context: PageContext, holders: list[Contact]) -> str:
    count = len(holders)
    others = [row for row in holders if context.may(Permission.VIEW, row.site_id)]
    hidden = f", {count - len(others)} of them at other sites" if count > len(others) else ""
    return f"{plural(count, 'contact has it', 'contacts have it')}{hidden}."


def _stand(count: int) -> str:
    return "stands" if count == 1 else "stand"
