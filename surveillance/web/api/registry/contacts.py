"""Whom to write to about a patient, and the ledger of consent."""

from datetime import datetime
from uuid import UUID

from sqlmodel import select

from surveillance.operations.care import corrections
from surveillance.operations.registry import consents, patients
from surveillance.store.registry import patients as store
from surveillance.store.tables import Consent, Contact
from surveillance.web.access import Permission
from surveillance.web.api import paging
from surveillance.web.api.answering import must_match
from surveillance.web.api.call import Call
from surveillance.web.api.models.common import ReasonGiven
from surveillance.web.api.models.patients import (
    ConsentCreate,
    ConsentPublic,
    ContactCreate,
    ContactPublic,
    ContactUpdate,
)
from surveillance.web.api.paging import Page, PagingDep
from surveillance.web.api.routing import Endpoints

endpoints = Endpoints("Contacts")


@endpoints.get("/patients/{patient_id}/contacts", needs=Permission.VIEW)
def list_contacts(call: Call, patient_id: UUID) -> Page[ContactPublic]:
    """Whom to write to, the first one first; those who were removed are left out."""
    patient = call.patient(patient_id)
    return Page(items=[_public(call, row) for row in store.contacts(call.session, patient.id)], next=None)


@endpoints.post("/patients/{patient_id}/contacts", needs=Permission.RECORD, created="/contacts")
def create_contact(call: Call, patient_id: UUID, new: ContactCreate) -> ContactPublic:
    """Somebody else to write to, after those there are. Nothing is sent without consent."""
    patient = call.patient(patient_id)
    return _public(call, corrections.add_contact(call.work, patient, patients.NewContact(**new.model_dump())))


@endpoints.get("/contacts/{contact_id}", needs=Permission.VIEW, tagged=True)
def get_contact(call: Call, contact_id: UUID) -> ContactPublic:
    """One person to write to, with the consents that hold."""
    return _public(call, call.row(Contact, contact_id, "contact"))


@endpoints.patch("/contacts/{contact_id}", needs=Permission.RECORD)
def update_contact(call: Call, contact_id: UUID, changes: ContactUpdate) -> ContactPublic:
    """Change how somebody is reached; what is left out stays."""
    contact = call.row(Contact, contact_id, "contact")
    must_match(call, _public(call, contact))
    values = changes.model_dump(exclude_none=True, exclude={"reason"})
    corrections.change_contact(call.work, call.patient_of(contact), contact, values, changes.reason)
    return _public(call, contact)


@endpoints.post("/contacts/{contact_id}/remove", needs=Permission.RECORD)
def remove_contact(call: Call, contact_id: UUID, why: ReasonGiven) -> ContactPublic:
    """Write to this person no more. What was sent stays on record."""
    contact = call.row(Contact, contact_id, "contact")
    corrections.remove_contact(call.work, call.patient_of(contact), contact, why.reason)
    return _public(call, contact)


@endpoints.get("/contacts/{contact_id}/consents", needs=Permission.VIEW)
def list_consents(call: Call, contact_id: UUID, page: PagingDep) -> Page[ConsentPublic]:
    """The whole ledger of a contact, the oldest line first."""
    statement = select(Consent).where(Consent.contact_id == call.row(Contact, contact_id, "contact").id)
    keys = [(Consent.recorded_at, datetime), (Consent.id, UUID)]
    found, following = paging.rows(call, statement, keys, page)
    return Page(items=[ConsentPublic.model_validate(row) for row in found], next=following)


@endpoints.post("/contacts/{contact_id}/consents", needs=Permission.RECORD)
def record_consent(call: Call, contact_id: UUID, new: ConsentCreate) -> ConsentPublic:
    """Add a line to the ledger: consent was given or withdrawn, for the number or mailbox there is now."""
    contact = call.row(Contact, contact_id, "contact")
    row = consents.consent(call.work, contact, new.channel, new.act, new.method, new.at)
    return ConsentPublic.model_validate(row)


def _public(call: Call, contact: Contact) -> ContactPublic:
    ledger = store.consents(call.session, contact.patient_id)
    own = [ConsentPublic.model_validate(row) for (owner, _), row in ledger.items() if owner == contact.id]
    return ContactPublic.model_validate(contact.model_dump() | {"consents": own}, extra="ignore")
