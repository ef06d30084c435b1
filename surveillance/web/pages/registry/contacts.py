"""Whom to write to: the contacts of a patient with their consents; add, change, remove."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from fastapi.responses import Response
from sqlmodel import col, select

from surveillance.core.errors import NotFoundError
from surveillance.core.words import Channel, ContactKind
from surveillance.operations.care import corrections
from surveillance.operations.planning import differences
from surveillance.operations.registry import reachability
from surveillance.operations.registry.phones import readable
from surveillance.operations.registry.reachability import ContactReach
from surveillance.store.registry import patients
from surveillance.store.tables import Consent, Contact, Number, Patient, User
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.registry import person_fields
from surveillance.web.pages.registry.identity import caused
from surveillance.web.pages.routing import Pages
from surveillance.web.render import short_day

pages = Pages(prefix="/patients")


@dataclass(frozen=True, slots=True)
class Shown:
    """A contact in words, and the beginning of the names of its fields on the page."""

    reach: ContactReach
    at: str
    who: str
    phone: str
    language: str
    fell_back: str
    standing: Mapping[Channel, str]
    problems: list[str]
    holders: int

    @property
    def contact(self) -> Contact:
        return self.reach.contact

    def agreed(self, channel: Channel) -> bool:
        return reachability.agreed(self.reach, channel)

    def address(self, channel: Channel) -> str | None:
        return reachability.address(self.contact, channel)


def _shown(context: PageContext, patient: Patient) -> list[Shown]:
    site = context.work.site(patient.site_id)
    return [
        Shown(
            reach=found,
            at=f"c{found.contact.priority}-",
            who=who(found.contact),
            phone=readable(found.contact.phone) if found.contact.phone else found.contact.phone_given,
            language=words.language_name(found.contact.language or site.languages[0]),
            fell_back=person_fields.fallen_back(context.work, site, found.contact.language or ""),
            standing={
                channel: reachability.consent_words(found, channel, short_day) for channel in person_fields.CONSENTED
            },
            problems=_problems(found),
            holders=len(patients.holders(context.session, found.contact.phone)) if found.contact.phone else 0,
        )
        for found in reachability.of_contacts(context.work, patient.id, patients.contacts(context.session, patient.id))
    ]


def _problems(found: ContactReach) -> list[str]:
    """What stands in the way, without what the number itself said: that has its own place on the page."""
    phone, known = found.contact.phone or "", found.number
    number = Number(phone=phone, landline=known.landline) if known else None
    said = reachability.problems(replace(found, number=number), short_day)
    return [each.replace(phone, readable(phone)) if phone else each for each in said]


def address(patient: Patient) -> str:
    return f"/patients/{patient.id}/contacts"


def who(contact: Contact) -> str:
    kind = words.CONTACT[contact.kind]
    return f"{contact.name} ({kind})" if contact.name else kind.capitalize()


@pages.get("/{patient_id}/contacts", needs=Permission.VIEW)
def show(context: PageContext, patient_id: UUID) -> Response:
    return page(context, context.patient(patient_id), context.form)


def page(context: PageContext, patient: Patient, form: Form) -> Response:
    """The contacts with their consents; ``form`` may hold the mistakes of one that was sent from here."""
    lines = patients.ledger(context.session, patient.id)
    known = patients.ever_contacts(context.session, patient.id)
    return context.page(
        "registry/contacts.html",
        form=form,
        patient=patient,
        site=context.work.site(patient.site_id),
        contacts=_shown(context, patient),
        ledger=[(line, who(known[line.contact_id])) for line in lines],
        names=_names(context, lines),
        fields=person_fields,
        words=words,
        readable=readable,
    )


def _names(context: PageContext, lines: list[Consent]) -> dict[UUID, str]:
    users = {line.recorded_by for line in lines}
    return dict(context.session.exec(select(col(User.id), col(User.name)).where(col(User.id).in_(users))).all())


def contact_of(context: PageContext, patient: Patient, contact_id: UUID) -> Contact:
    """A contact of this patient who was not removed. Raises NotFoundError."""
    contact = context.row(Contact, contact_id)
    if contact.patient_id != patient.id or contact.removed_at is not None:
        raise NotFoundError("the patient has no such contact any more")
    return contact


# -- add, change, remove ---------------------------------------------------------------------------------------


@pages.get("/{patient_id}/contacts/new", needs=Permission.RECORD)
def new_page(context: PageContext, patient_id: UUID) -> Response:
    return _contact_page(context, context.patient(patient_id), None, context.form)


@pages.post("/{patient_id}/contacts/new", needs=Permission.RECORD)
def new(context: PageContext, patient_id: UUID) -> Response:
    """Another person to write to; a phone that cannot be read is kept and becomes work."""
    patient, form = context.patient(patient_id), context.form
    made = person_fields.contact(form, "", context.work, context.work.site(patient.site_id))
    if made is None:
        form.fault("phone", "Enter a phone number, an email address, a postal address or at least a name")
    if made is not None and form.ok:
        with form.trying(context.session):
            before = differences.picture(context.work, patient)
            corrections.add_contact(context.work, patient, made)
            found = differences.since(context.work, patient, before)
    if form.errors:
        return _contact_page(context, patient, None, form)
    return context.done(address(patient), f"The contact is added. {caused(found)}".strip())


@pages.post("/{patient_id}/contacts/said", needs=Permission.RECORD)
def said(context: PageContext, patient_id: UUID) -> Response:
    """How a phone is understood and in which language messages go out, while it is typed."""
    site = context.work.site(context.row(Patient, patient_id).site_id)
    answer = person_fields.said(context.form, "", context.work, site)
    return context.page("registry/_said.html", said=answer)


@pages.get("/{patient_id}/contacts/{contact_id}", needs=Permission.RECORD)
def change_page(context: PageContext, patient_id: UUID, contact_id: UUID) -> Response:
    patient = context.patient(patient_id)
    contact = contact_of(context, patient, contact_id)
    return _contact_page(context, patient, contact, _filled(contact))


def _filled(contact: Contact) -> Form:
    phone = readable(contact.phone) if contact.phone else contact.phone_given
    return Form.filled(
        kind=contact.kind,
        name=contact.name,
        phone=phone,
        email=contact.email,
        postal_address=contact.postal_address,
        language=contact.language or "",
    )


def _contact_page(context: PageContext, patient: Patient, contact: Contact | None, form: Form) -> Response:
    site = context.work.site(patient.site_id)
    had = (contact.language or "") if contact else ""
    return context.page(
        "registry/contact.html",
        form=form,
        patient=patient,
        site=site,
        contact=contact,
        who=who(contact) if contact else "",
        had=had,
        languages=person_fields.languages(context.work, site, had),
        said=person_fields.said(form, "", context.work, site),
        fields=person_fields,
    )


@pages.post("/{patient_id}/contacts/{contact_id}", needs=Permission.RECORD)
def change(context: PageContext, patient_id: UUID, contact_id: UUID) -> Response:
    """Change how somebody is reached; a new phone or mailbox needs consent of its own."""
    patient, form = context.patient(patient_id), context.form
    contact = contact_of(context, patient, contact_id)
    values = _values(context)
    reason = form.text("reason", "the reason")
    if form.ok:
        agreed = _agreed(context, patient, contact)
        with form.trying(context.session):
            before = differences.picture(context.work, patient)
            corrections.change_contact(context.work, patient, contact, values, reason)
            found = differences.since(context.work, patient, before)
    if form.errors:
        return _contact_page(context, patient, contact, form)
    lost = sorted(agreed - _agreed(context, patient, contact))
    ask = "".join(
        f" The consent to {words.CHANNEL[channel]} was for the address before: ask again." for channel in lost
    )
    return context.done(address(patient), f"Saved.{ask} {caused(found)}".strip())


def _values(context: PageContext) -> dict[str, Any]:
    """What the form says of a contact, as ``corrections.change_contact`` takes it."""
    form = context.form
    email = person_fields.email(form, "")
    kind = form.choice("kind", "who answers", ContactKind)
    name, phone = form.text("name", "the name"), form.text("phone", "the phone number")
    spoken = person_fields.language(form, "", context.work) or ""
    postal = person_fields.postal_address(form, "")
    return {
        "kind": kind, "name": name, "phone": phone, "email": email, "postal_address": postal, "language": spoken,
    }  # fmt: skip


def _agreed(context: PageContext, patient: Patient, contact: Contact) -> set[Channel]:
    """The channels to whose present address consent stands."""
    (found,) = reachability.of_contacts(context.work, patient.id, [contact])
    return {channel for channel in person_fields.CONSENTED if reachability.agreed(found, channel)}


@pages.post("/{patient_id}/contacts/{contact_id}/remove", needs=Permission.RECORD)
def remove(context: PageContext, patient_id: UUID, contact_id: UUID) -> Response:
    """Write to somebody no more; the record of what was sent stays."""
    patient, form = context.patient(patient_id), context.form
    contact = contact_of(context, patient, contact_id)
    reason = form.text("remove_reason", "why nobody is to write to this contact any more", required=True)
    if form.ok:
        with form.trying(context.session, "remove_reason"):
            before = differences.picture(context.work, patient)
            corrections.remove_contact(context.work, patient, contact, reason)
            found = differences.since(context.work, patient, before)
    if form.errors:
        kept = _filled(contact).but(remove_reason=[form.value("remove_reason")])
        kept.errors.update(form.errors)
        return _contact_page(context, patient, contact, kept)
    return context.done(address(patient), f"{who(contact)} is not written to any more. {caused(found)}".strip())
