"""Whom to write to: the contacts of a patient with their consents; add, change, remove."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from fastapi.responses import Response
from sqlmodel import col, select

from surveillance.core.errors import NotFoundError
from surveillance.core.words import Channel, ContactKind
from surveillance.operations import differences, editing, reach
from surveillance.operations.dispatch.texts import readable
from surveillance.operations.reach import Reach
from surveillance.store import patients
from surveillance.store.tables import Consent, Contact, Number, Patient, User
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import Form
from surveillance.web.pages import Pages, person_fields
from surveillance.web.pages.identity import caused
from surveillance.web.render import short_day

pages = Pages(prefix="/patients")


@dataclass(frozen=True, slots=True)
class Shown:
    """A contact in words, and the beginning of the names of its fields on the page."""

    reach: Reach
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
        return reach.agreed(self.reach, channel)

    def address(self, channel: Channel) -> str | None:
        return reach.address(self.contact, channel)


def _shown(desk: Desk, patient: Patient) -> list[Shown]:
    site = desk.work.site(patient.site_id)
    return [
        Shown(
            reach=found,
            at=f"c{found.contact.priority}-",
            who=who(found.contact),
            phone=readable(found.contact.phone) if found.contact.phone else found.contact.phone_given,
            language=words.language_name(found.contact.language or site.languages[0]),
            fell_back=person_fields.fallen_back(desk.work, site, found.contact.language or ""),
            standing={channel: reach.consent_words(found, channel, short_day) for channel in person_fields.CONSENTED},
            problems=_problems(found),
            holders=len(patients.holders(desk.session, found.contact.phone)) if found.contact.phone else 0,
        )
        for found in reach.of_contacts(desk.work, patient.id, patients.contacts(desk.session, patient.id))
    ]


def _problems(found: Reach) -> list[str]:
    """What stands in the way, without what the number itself said: that has its own place on the page."""
    phone, known = found.contact.phone or "", found.number
    number = Number(phone=phone, landline=known.landline) if known else None
    said = reach.problems(replace(found, number=number), short_day)
    return [each.replace(phone, readable(phone)) if phone else each for each in said]


def address(patient: Patient) -> str:
    return f"/patients/{patient.id}/contacts"


def who(contact: Contact) -> str:
    kind = words.CONTACT[contact.kind]
    return f"{contact.name} ({kind})" if contact.name else kind.capitalize()


@pages.get("/{patient_id}/contacts", needs=Permission.VIEW)
def show(desk: Desk, patient_id: UUID) -> Response:
    return page(desk, desk.patient(patient_id), desk.form)


def page(desk: Desk, patient: Patient, form: Form) -> Response:
    """The contacts with their consents; ``form`` may hold the mistakes of one that was sent from here."""
    lines = patients.ledger(desk.session, patient.id)
    known = patients.ever_contacts(desk.session, patient.id)
    return desk.page(
        "edit/contacts.html",
        form=form,
        patient=patient,
        site=desk.work.site(patient.site_id),
        contacts=_shown(desk, patient),
        ledger=[(line, who(known[line.contact_id])) for line in lines],
        names=_names(desk, lines),
        fields=person_fields,
        words=words,
        readable=readable,
    )


def _names(desk: Desk, lines: list[Consent]) -> dict[UUID, str]:
    users = {line.recorded_by for line in lines}
    return dict(desk.session.exec(select(col(User.id), col(User.name)).where(col(User.id).in_(users))).all())


def contact_of(desk: Desk, patient: Patient, contact_id: UUID) -> Contact:
    """A contact of this patient who was not removed. Raises NotFoundError."""
    contact = desk.row(Contact, contact_id)
    if contact.patient_id != patient.id or contact.removed_at is not None:
        raise NotFoundError("the patient has no such contact any more")
    return contact


# -- add, change, remove ---------------------------------------------------------------------------------------


@pages.get("/{patient_id}/contacts/new", needs=Permission.RECORD)
def new_page(desk: Desk, patient_id: UUID) -> Response:
    return _contact_page(desk, desk.patient(patient_id), None, desk.form)


@pages.post("/{patient_id}/contacts/new", needs=Permission.RECORD)
def new(desk: Desk, patient_id: UUID) -> Response:
    """Another person to write to; a phone that cannot be read is kept and becomes work."""
    patient, form = desk.patient(patient_id), desk.form
    made = person_fields.contact(form, "", desk.work, desk.work.site(patient.site_id))
    if made is None:
        form.fault("phone", "Enter a phone number, an email address, a postal address or at least a name")
    if made is not None and form.ok:
        with form.trying(desk.session):
            before = differences.picture(desk.work, patient)
            editing.add_contact(desk.work, patient, made)
            found = differences.since(desk.work, patient, before)
    if form.errors:
        return _contact_page(desk, patient, None, form)
    return desk.done(address(patient), f"The contact is added. {caused(found)}".strip())


@pages.post("/{patient_id}/contacts/said", needs=Permission.RECORD)
def said(desk: Desk, patient_id: UUID) -> Response:
    """How a phone is understood and in which language messages go out, while it is typed."""
    site = desk.work.site(desk.row(Patient, patient_id).site_id)
    answer = person_fields.said(desk.form, "", desk.work, site)
    return desk.page("edit/_said.html", said=answer)


@pages.get("/{patient_id}/contacts/{contact_id}", needs=Permission.RECORD)
def change_page(desk: Desk, patient_id: UUID, contact_id: UUID) -> Response:
    patient = desk.patient(patient_id)
    contact = contact_of(desk, patient, contact_id)
    return _contact_page(desk, patient, contact, _filled(contact))


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


def _contact_page(desk: Desk, patient: Patient, contact: Contact | None, form: Form) -> Response:
    site = desk.work.site(patient.site_id)
    had = (contact.language or "") if contact else ""
    return desk.page(
        "edit/contact.html",
        form=form,
        patient=patient,
        site=site,
        contact=contact,
        who=who(contact) if contact else "",
        had=had,
        languages=person_fields.languages(desk.work, site, had),
        said=person_fields.said(form, "", desk.work, site),
        fields=person_fields,
    )


@pages.post("/{patient_id}/contacts/{contact_id}", needs=Permission.RECORD)
def change(desk: Desk, patient_id: UUID, contact_id: UUID) -> Response:
    """Change how somebody is reached; a new phone or mailbox needs consent of its own."""
    patient, form = desk.patient(patient_id), desk.form
    contact = contact_of(desk, patient, contact_id)
    values = _values(desk)
    reason = form.text("reason", "the reason")
    if form.ok:
        agreed = _agreed(desk, patient, contact)
        with form.trying(desk.session):
            before = differences.picture(desk.work, patient)
            editing.change_contact(desk.work, patient, contact, values, reason)
            found = differences.since(desk.work, patient, before)
    if form.errors:
        return _contact_page(desk, patient, contact, form)
    lost = sorted(agreed - _agreed(desk, patient, contact))
    ask = "".join(
        f" The consent to {words.CHANNEL[channel]} was for the address before: ask again." for channel in lost
    )
    return desk.done(address(patient), f"Saved.{ask} {caused(found)}".strip())


def _values(desk: Desk) -> dict[str, Any]:
    """What the form says of a contact, as ``editing.change_contact`` takes it."""
    form = desk.form
    email = person_fields.email(form, "")
    kind = form.choice("kind", "who answers", ContactKind)
    name, phone = form.text("name", "the name"), form.text("phone", "the phone number")
    spoken = person_fields.language(form, "", desk.work) or ""
    postal = person_fields.postal_address(form, "")
    return {
        "kind": kind, "name": name, "phone": phone, "email": email, "postal_address": postal, "language": spoken,
    }  # fmt: skip


def _agreed(desk: Desk, patient: Patient, contact: Contact) -> set[Channel]:
    """The channels to whose present address consent stands."""
    (found,) = reach.of_contacts(desk.work, patient.id, [contact])
    return {channel for channel in person_fields.CONSENTED if reach.agreed(found, channel)}


@pages.post("/{patient_id}/contacts/{contact_id}/remove", needs=Permission.RECORD)
def remove(desk: Desk, patient_id: UUID, contact_id: UUID) -> Response:
    """Write to somebody no more; the record of what was sent stays."""
    patient, form = desk.patient(patient_id), desk.form
    contact = contact_of(desk, patient, contact_id)
    reason = form.text("remove_reason", "why nobody is to write to this contact any more", required=True)
    if form.ok:
        with form.trying(desk.session, "remove_reason"):
            before = differences.picture(desk.work, patient)
            editing.remove_contact(desk.work, patient, contact, reason)
            found = differences.since(desk.work, patient, before)
    if form.errors:
        kept = _filled(contact).but(remove_reason=[form.value("remove_reason")])
        kept.errors.update(form.errors)
        return _contact_page(desk, patient, contact, kept)
    return desk.done(address(patient), f"{who(contact)} is not written to any more. {caused(found)}".strip())
