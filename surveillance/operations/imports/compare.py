"""What a file would change: new, changed, unchanged, and what a person must decide."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.folding import folded
from surveillance.operations.imports.columns import FLAGS
from surveillance.operations.imports.rows import CellError, ImportedPatient
from surveillance.operations.work import Work
from surveillance.store.tables import Contact, Patient, Plan, PlanTerms, Site, Study, StudyItem

IDENTITY = ("family_name", "given_name", "birth_date")
CONTACT = {
    "contact_kind": "kind",
    "contact_name": "name",
    "email": "email",
    "postal_address": "postal_address",
    "language": "language",
}
BATCH = 500  # SQLite takes at most 32,766 values in a statement; a few hundred are as fast
T = TypeVar("T")


@dataclass(frozen=True)
class Changed:
    """A known patient for whom the file says something new: column → (before, after)."""

    row: ImportedPatient
    patient: Patient
    contact: Contact | None
    fields: Mapping[str, tuple[Any, Any]]
    studies: Sequence[tuple[tuple[str, ...], date]]
    enrols: bool


@dataclass
class Comparison:
    new: list[ImportedPatient] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)
    unchanged: list[ImportedPatient] = field(default_factory=list)
    conflicts: list[CellError] = field(default_factory=list)


@dataclass
class _Registered:
    """What is on record for the file's MRNs, read in a few queries however long the file is."""

    patients: dict[str, Patient] = field(default_factory=dict)
    contacts: dict[UUID, Contact] = field(default_factory=dict)
    plans: dict[UUID, Plan] = field(default_factory=dict)  # the newest of each patient
    terms: dict[UUID, PlanTerms] = field(default_factory=dict)  # the latest of each plan
    studies: dict[UUID, set[tuple[str, date]]] = field(default_factory=dict)


def compare(work: Work, site: Site, rows: Sequence[ImportedPatient]) -> Comparison:
    """Set the rows against the registry; the key is the site and the MRN. Missing rows delete nothing."""
    result = Comparison()
    known = _registered(work, site, [row.mrn for row in rows])
    for row in rows:
        patient = known.patients.get(row.mrn)
        if patient is None:
            result.new.append(row)
        else:
            _compare_one(row, patient, known, result)
    return result


def _registered(work: Work, site: Site, mrns: Iterable[str]) -> _Registered:
    found = _Registered()
    session = work.session
    for some in batches(mrns):
        statement = select(Patient).where(Patient.site_id == site.id, col(Patient.mrn).in_(some))
        found.patients.update((patient.mrn, patient) for patient in session.exec(statement))
    for ids in batches(patient.id for patient in list(found.patients.values())):
        contacts = select(Contact).where(col(Contact.patient_id).in_(ids), col(Contact.removed_at).is_(None))
        # The first contact is the one that a row of the file speaks of; it is read last and so stays.
        for contact in session.exec(contacts.order_by(col(Contact.priority).desc(), col(Contact.id).desc())):
            found.contacts[contact.patient_id] = contact
        newest = select(Plan).where(col(Plan.patient_id).in_(ids)).order_by(col(Plan.number))
        found.plans.update((plan.patient_id, plan) for plan in session.exec(newest))
        studies = (
            select(col(Study.patient_id), col(StudyItem.item), col(Study.performed_on))
            .join(StudyItem, col(StudyItem.study_id) == col(Study.id))
            .where(col(Study.patient_id).in_(ids), col(Study.retracted_at).is_(None))
        )
        for patient_id, item, day in session.exec(studies):
            found.studies.setdefault(patient_id, set()).add((item, day))
    for ids in batches(plan.id for plan in list(found.plans.values())):
        standing = select(PlanTerms).where(col(PlanTerms.plan_id).in_(ids), col(PlanTerms.retracted_at).is_(None))
        in_order = sorted(session.exec(standing), key=lambda row: (row.since or date.min, row.recorded_at))
        found.terms.update((row.plan_id, row) for row in in_order)
    return found


def batches(values: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while some := list(islice(rest, BATCH)):
        yield some


def _compare_one(row: ImportedPatient, patient: Patient, known: _Registered, result: Comparison) -> None:
    plan, contact = known.plans.get(patient.id), known.contacts.get(patient.id)
    conflicts = [*_identity(row, patient), *_plan_conflicts(row, plan, known)]
    if conflicts:
        result.conflicts.extend(conflicts)
        return
    fields = {**_patient_fields(row, patient), **_contact_fields(row, contact)}
    studies = _new_studies(row, known.studies.get(patient.id, set()))
    enrols = row.protocol is not None and plan is None
    if fields or studies or enrols:
        result.changed.append(Changed(row, patient, contact, fields, studies, enrols))
    else:
        result.unchanged.append(row)


def _identity(row: ImportedPatient, patient: Patient) -> Iterable[CellError]:
    """A different name or birth date may be another person under the same number: never overwritten by a file."""
    for column in IDENTITY:
        before, after = getattr(patient, column), row.get(column)
        same = folded(before) == folded(after) if isinstance(before, str) else before == after
        if not same:
            hint = "correct the file, or the patient's record"
            reason = f"{after} differs from {before}, registered for MRN {row.mrn}; {hint}"
            yield CellError(row.line, column, reason)


def _plan_conflicts(row: ImportedPatient, plan: Plan | None, known: _Registered) -> Iterable[CellError]:
    """Anchor, protocol and intervals of a plan are changed by a person who says why, not by a file."""
    if row.protocol is None or plan is None:
        return
    if plan.ended_on is not None:
        reason = f"the plan of MRN {row.mrn} has ended; a person restarts it"
        yield CellError(row.line, "protocol", reason)
        return
    terms = known.terms[plan.id]
    if plan.anchor != row.get("anchor"):
        reason = (
            f"{row.get('anchor')} differs from {plan.anchor}, the plan's anchor; a person corrects that in the plan"
        )
        yield CellError(row.line, "anchor", reason)
    if terms.protocol_key.split("@")[0] != row.protocol.id:
        yield CellError(row.line, "protocol", f"differs from {terms.protocol_key}; a person changes that in the plan")
    if {**terms.intervals, **row.get("intervals", {})} != terms.intervals:
        yield CellError(row.line, "intervals", "differ from those chosen; a person changes those in the plan")


def _patient_fields(row: ImportedPatient, patient: Patient) -> dict[str, tuple[Any, Any]]:
    columns = ("sex", "time_zone", *FLAGS)
    pairs = {column: (getattr(patient, column), row.values[column]) for column in columns if column in row.values}
    return {column: pair for column, pair in pairs.items() if pair[0] != pair[1]}


def _contact_fields(row: ImportedPatient, contact: Contact | None) -> dict[str, tuple[Any, Any]]:
    fields: dict[str, tuple[Any, Any]] = {}
    for column, name in CONTACT.items():
        before = getattr(contact, name) if contact else None
        if column in row.values and row.values[column] != before:
            fields[column] = (before, row.values[column])
    # A number that cannot be dialled never takes the place of one that can.
    if row.phone is not None and (row.phone.e164 or contact is None or not contact.phone):
        before = (contact.phone or contact.phone_given) if contact else None
        after = row.phone.e164 or row.phone.given
        if before != after:
            fields["phone"] = (before, after)
    return fields


def _new_studies(row: ImportedPatient, known: set[tuple[str, date]]) -> list[tuple[tuple[str, ...], date]]:
    """Studies of the file that are not on record: same day and item is the same study."""
    fresh = [(tuple(item for item in items if (item, day) not in known), day) for items, day in row.get("studies", ())]
    return [(items, day) for items, day in fresh if items]
