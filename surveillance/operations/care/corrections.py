"""Correcting what is recorded about a patient, and whom to write to; every change is audited before and after."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from sqlmodel import col, select

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.folding import folded
from surveillance.core.words import Channel, ContactKind
from surveillance.operations.calendars import feeds, page_addresses
from surveillance.operations.planning import replanning
from surveillance.operations.registry import care_gaps, consents, sites
from surveillance.operations.registry import patients as registry_patients
from surveillance.operations.registry.phones import read_address, read_email, read_phone
from surveillance.operations.work import Work, found
from surveillance.store.audit.events import picture
from surveillance.store.planning import plans
from surveillance.store.registry import patients
from surveillance.store.tables import Contact, Membership, Patient

IDENTITY: Final = ("mrn", "family_name", "given_name", "birth_date")  # an edit of these needs a reason
EDITABLE: Final = (*IDENTITY, "sex", "time_zone", "owner_id", *registry_patients.FLAGS)
_CONTACT: Final = (
    "kind",
    "name",
    "phone",
    "phone_given",
    "phone_mobile",
    "email",
    "postal_address",
    "language",
    "priority",
)
_ADDRESSES: Final = {Channel.SMS: "phone", Channel.EMAIL: "email"}


def edit_patient(work: Work, patient: Patient, values: Mapping[str, Any], reason: str = "") -> dict[str, Any]:
    """Set some values of a patient; returns the values before, of those that changed.

    Raises:
        InvalidInputError: a value that cannot be edited or cannot be right, or an identity without a reason.
        ConflictError: another patient of the site has this MRN, or nothing would change.
    """
    work.require(patient.site_id, *consents.WRITERS)
    if unknown := set(values) - set(EDITABLE):
        raise InvalidInputError(f"a patient has no {', '.join(sorted(unknown))} to edit; there are {_listed()}")
    wanted = {name: _trimmed(value) for name, value in values.items()}
    changed = {name: value for name, value in wanted.items() if getattr(patient, name) != value}
    if not changed:
        raise ConflictError(f"patient {patient.mrn}: nothing would change")
    _check(work, patient, changed, reason)
    before = picture(patient, changed)
    patient.sqlmodel_update(changed)
    patient.folded = folded(patient.given_name, patient.family_name)
    work.session.flush()
    after = picture(patient, changed)
    work.audit("patient.edit", patient, patient_id=patient.id, before=before, after=after, reason=reason)
    patients.write_words(work.session, patient)
    replanning.replan_patient(work, patient)
    return before


def _listed() -> str:
    return ", ".join(EDITABLE)


def _trimmed(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _check(work: Work, patient: Patient, changed: Mapping[str, Any], reason: str) -> None:
    if set(changed) & set(IDENTITY) and not reason.strip():
        raise InvalidInputError("a change of name, birth date or MRN needs a reason")
    site = work.site(patient.site_id)
    wanted = {name: changed.get(name, getattr(patient, name)) for name in IDENTITY}
    registry_patients.check_identity(work, site, wanted["mrn"], wanted["family_name"], wanted["birth_date"])
    if "mrn" in changed and patients.by_mrn(work.session, site.id, changed["mrn"]):
        raise ConflictError(f"MRN {changed['mrn']!r} is taken at {site.code} by another patient")
    if "birth_date" in changed:
        _check_birth(work, patient, changed["birth_date"])
    if changed.get("time_zone"):
        sites.check_zone(changed["time_zone"])
    if changed.get("owner_id") and work.session.get(Membership, (changed["owner_id"], site.id)) is None:
        raise InvalidInputError(f"the new owner does not work at {site.code}")
    egfr = changed.get("egfr")
    if egfr is not None and not 0 < egfr < 300:
        raise InvalidInputError(f"an eGFR of {egfr:g} mL/min/1.73 m² is not possible")


def _check_birth(work: Work, patient: Patient, born: date) -> None:
    """A birth after a treatment or a death that is on record cannot be right."""
    known = [plan.anchor for plan in plans.all_plans(work.session, patient.id)]
    if patient.died_on is not None:
        known.append(patient.died_on)
    if known and born > min(known):
        raise InvalidInputError(f"patient {patient.mrn}: birth date {born} lies after {min(known)}, which is recorded")


# -- contacts --------------------------------------------------------------------------------------------------


def add_contact(work: Work, patient: Patient, new: registry_patients.NewContact) -> Contact:
    """Another person to write to, after those there are. Raises InvalidInputError for a bad email or language."""
    work.require(patient.site_id, *consents.WRITERS)
    _check_language(work, new.language)
    used = work.session.exec(select(col(Contact.priority)).where(Contact.patient_id == patient.id))
    contact = registry_patients.add_contact(work, patient, new, priority=max(used, default=0) + 1)
    replanning.replan_patient(work, patient)
    return contact


def contact_named(work: Work, patient: Patient, number: int) -> Contact:
    """A contact by the number that 'patient show' gives it. Raises NotFoundError."""
    there = patients.contacts(work.session, patient.id)
    match = next((contact for contact in there if contact.priority == number), None)
    return found(match, f"contact of patient {patient.mrn}, number", str(number))


def change_contact(work: Work, patient: Patient, contact: Contact, values: Mapping[str, Any], reason: str = "") -> None:
    """Set what is known of a contact. Consent is for an address: a new one needs consent of its own.

    What was sent to a mailbox or number that was another one may lie with a stranger: its links close.

    Raises:
        InvalidInputError: a bad email or language, or a value a contact does not have.
        ConflictError: nothing would change.
    """
    work.require(patient.site_id, *consents.WRITERS)
    if unknown := set(values) - {"kind", "name", "phone", "email", "postal_address", "language"}:
        raise InvalidInputError(f"a contact has no {', '.join(sorted(unknown))} to change")
    changed = _columns(work, patient, values)
    if "email" in changed and changed["email"] != contact.email:
        changed |= {"email_failed_at": None, "email_failed_why": ""}
    before = picture(contact, _CONTACT)
    contact.sqlmodel_update(changed)
    work.session.flush()
    after = picture(contact, _CONTACT)
    if before == after:
        raise ConflictError(f"contact {contact.priority} of patient {patient.mrn}: nothing would change")
    work.audit("contact.change", contact, before=before, after=after, reason=reason)
    left = [channel for channel, name in _ADDRESSES.items() if before[name] and before[name] != after[name]]
    page_addresses.revoke_sent(work, contact, left, reason or "it was sent to another address than the contact's")
    care_gaps.refresh(work, patient.id)
    replanning.replan_patient(work, patient)


def _columns(work: Work, patient: Patient, values: Mapping[str, Any]) -> dict[str, Any]:
    columns = {name: _trimmed(value) for name, value in values.items() if name in ("name", "language")}
    if "kind" in values:
        columns["kind"] = ContactKind(values["kind"])
    if "language" in columns:
        columns["language"] = columns["language"] or None
        _check_language(work, columns["language"])
    if "phone" in values:
        phone = read_phone(values["phone"], work.site(patient.site_id).country) if values["phone"].strip() else None
        columns["phone"] = phone.e164 if phone else None
        columns["phone_given"] = phone.given if phone and phone.e164 is None else ""
        columns["phone_mobile"] = phone.mobile if phone else True
    if "postal_address" in values:
        columns["postal_address"] = read_address(values["postal_address"])
    if "email" in values:
        columns["email"] = read_email(values["email"]) if values["email"].strip() else None
        if values["email"].strip() and columns["email"] is None:
            raise InvalidInputError(f"patient {patient.mrn}: {values['email']!r} is not an email address")
    return columns


def _check_language(work: Work, language: str | None) -> None:
    """A regional form falls back to its base language, and that must have messages."""
    known = work.catalogue.messages
    if language and language not in known and language.split("-")[0] not in known:
        raise InvalidInputError(f"no messages in language {language!r}; there are {', '.join(sorted(known))}")


def remove_contact(work: Work, patient: Patient, contact: Contact, reason: str) -> None:
    """Write to this person no more, and close what calendars they read; the record of what was sent stays.

    Raises:
        InvalidInputError: no reason.
    """
    work.require(patient.site_id, *consents.WRITERS)
    if not reason.strip():
        raise InvalidInputError("removing a contact needs a reason")
    before = picture(contact, _CONTACT)
    contact.removed_at = work.now
    work.session.flush()
    after = picture(contact, ("removed_at",))
    work.audit("contact.remove", contact, before=before, after=after, reason=reason)
    feeds.revoke_of_contact(work, contact, reason)
    care_gaps.refresh(work, patient.id)
    replanning.replan_patient(work, patient)
