"""Writing what a file says: new patients in bulk, changed ones through the operations that a person uses."""

from collections.abc import Callable, Mapping, Sequence

from surveillance.core.folding import folded
from surveillance.core.words import Channel, ConsentAct, ContactKind
from surveillance.operations.care import enrolment
from surveillance.operations.imports.bulk import BulkWriter
from surveillance.operations.imports.compare import CONTACT, Changed, Comparison
from surveillance.operations.imports.rows import ImportedPatient
from surveillance.operations.imports.sheets import Sheet
from surveillance.operations.planning import replanning
from surveillance.operations.registry import care_gaps, consents
from surveillance.operations.registry import patients as registry_patients
from surveillance.operations.visits.results import NewStudy, keep_study
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.registry import patients
from surveillance.store.tables import Contact, ImportBatch, Site

METHOD = "recorded in the imported file"
Progress = Callable[[int], None]


def apply(work: Work, site: Site, sheet: Sheet, found: Comparison, progress: Progress = lambda _: None) -> ImportBatch:
    """Write everything in the transaction at hand; the caller commits all of it or nothing.

    ``progress`` is told how many further rows are done.
    """
    write(work, site, found, progress)
    counts = {"added": len(found.new), "changed": len(found.changed), "unchanged": len(found.unchanged)}
    return record_batch(work, site, sheet.name, sheet.digest, counts)


def write(work: Work, site: Site, found: Comparison, progress: Progress = lambda _: None) -> None:
    """Write what is new and what has changed, all in the transaction at hand."""
    work.require(site.id, *consents.WRITERS)
    writer = BulkWriter(work, site)
    for some in writer.batches(found.new):
        writer.write(some)
        progress(len(some))
    for changed in found.changed:
        _change(work, changed)
        progress(1)


def record_batch(work: Work, site: Site, file_name: str, digest: str, counts: Mapping[str, int]) -> ImportBatch:
    """Put on record that a file was taken in, and how many patients it added, changed and left alone."""
    batch = ImportBatch(
        site_id=site.id,
        file_name=file_name,
        digest=digest,
        added=counts["added"],
        changed=counts["changed"],
        unchanged=counts["unchanged"],
        user_id=work.actor.user_id,
        at=work.now,
    )
    work.session.add(batch)
    work.session.flush()
    work.audit("import", batch, after=picture(batch, ("file_name", "digest", "added", "changed", "unchanged")))
    return batch


def _change(work: Work, changed: Changed) -> None:
    row, patient = changed.row, changed.patient
    mine = {column: pair[1] for column, pair in changed.fields.items() if hasattr(patient, column)}
    if mine:
        before = picture(patient, mine)
        patient.sqlmodel_update(mine)
        patient.folded = folded(patient.given_name, patient.family_name)
        patients.write_words(work.session, patient)
        work.audit("patient.edit", patient, patient_id=patient.id, before=before, after=picture(patient, mine))
    if any(column in changed.fields for column in (*CONTACT, "phone")):
        _change_contact(work, changed)
    if changed.enrols and row.protocol is not None:
        enrolment.enrol(work, patient, enrolment_of(row))
    elif changed.studies:
        for items, day in changed.studies:
            keep_study(work, patient, NewStudy(items, day, source="import"))
        replanning.replan_patient(work, patient)


def enrolment_of(row: ImportedPatient) -> enrolment.Enrolment:
    """The plan that a row asks for."""
    studies = [NewStudy(items, day, source="import") for items, day in row.get("studies", ())]
    assert row.protocol is not None  # noqa: S101  # asked before
    return enrolment.Enrolment(row.protocol.key, row.values["anchor"], row.get("intervals", {}), studies)


def _change_contact(work: Work, changed: Changed) -> None:
    row, contact = changed.row, changed.contact
    if contact is None:
        registry_patients.add_contact(work, changed.patient, contact_of(row), priority=1)
        return
    before = picture(contact)
    contact.kind = row.get("contact_kind", contact.kind)
    contact.name = row.get("contact_name", contact.name)
    if "email" in changed.fields:
        contact.email, contact.email_failed_at, contact.email_failed_why = row.get("email"), None, ""
    contact.postal_address = row.get("postal_address", contact.postal_address)
    contact.language = row.get("language", contact.language)
    if row.phone is not None and "phone" in changed.fields:
        contact.phone, contact.phone_mobile = row.phone.e164, row.phone.mobile
        contact.phone_given = "" if row.phone.e164 else row.phone.given
    work.session.flush()
    work.audit("contact.edit", contact, before=before, after=picture(contact))
    _consent(work, contact, row.get("consent", ()), row.get("consent_method", METHOD))
    care_gaps.refresh(work, contact.patient_id)


def _consent(work: Work, contact: Contact, channels: Sequence[Channel], method: str) -> None:
    for channel in channels:
        consents.consent(work, contact, channel, ConsentAct.GIVEN, method)


def contact_of(row: ImportedPatient) -> registry_patients.NewContact:
    """The contact that a row speaks of."""
    return registry_patients.NewContact(
        kind=row.get("contact_kind", ContactKind.SELF),
        name=row.get("contact_name", ""),
        phone=row.phone.given if row.phone else "",
        email=row.get("email", ""),
        language=row.get("language"),
        consents=row.get("consent", ()),
        consent_method=row.get("consent_method", METHOD),
        postal_address=row.get("postal_address", ""),
    )
