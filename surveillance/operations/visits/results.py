"""Studies: the evidence that something was done, and a person's ruling on what it counts for.

Their reports stand in ``reports``, their reviews and what follows from these in ``care.reviews`` (design 5).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.words import ReportStatus, Role
from surveillance.operations.planning import preconditions, replanning
from surveillance.operations.visits import reports, study_checks
from surveillance.operations.work import Work, found
from surveillance.store.audit.events import picture
from surveillance.store.tables import Appointment, Override, OverrideKind, Patient, Study, StudyItem
from surveillance.store.visits import studies as store

RECORDERS = (Role.COORDINATOR, Role.CLINICIAN)
_FACTS = tuple(name for name in Study.model_fields if name != "history")  # what is recorded, not what follows from it


@dataclass(frozen=True, slots=True)
class NewStudy:
    """A study as a person or a file reports it. ``items`` are the protocol's items that it serves.

    ``modality`` and ``body_region`` are DICOM's; a study that fits an item by neither counts for it only by a
    clinician's ``ruling``, which is a reason. Without a modality the first one of the item is taken.
    """

    items: Sequence[str]
    performed_on: date
    modality: str = ""
    body_region: str = ""
    accession: str | None = None
    source: str = "person"
    reported_on: date | None = None
    appointment_id: UUID | None = None
    note: str = ""
    ruling: str = ""


def add_study(work: Work, patient: Patient, new: NewStudy, *, replan: bool = True) -> Study:
    """Record that examinations were performed; with ``replan`` the plan takes it in at once.

    Raises:
        InvalidInputError: no item, an unknown item or one that the study does not fit, a day in the future or before
            birth.
        ConflictError: the accession number is known already, or the patient had died by then.
        ForbiddenError: it does not fit, and it is no clinician who rules that it counts.
    """
    work.require(patient.site_id, *RECORDERS)
    study = keep_study(work, patient, new)
    if replan:
        replanning.replan_patient(work, patient)
    return study


def keep_study(work: Work, patient: Patient, new: NewStudy) -> Study:
    """As ``add_study``, for an operation that has asked who acts and re-plans itself."""
    modality = new.modality.strip().upper()
    ruled = _check(work, patient, new)
    study = Study(
        site_id=patient.site_id,
        patient_id=patient.id,
        appointment_id=new.appointment_id,
        source=new.source,
        accession=new.accession or None,
        modality=modality or study_checks.default_modality(work, patient, new.items),
        modality_stated=bool(modality),
        body_region=new.body_region.strip(),
        performed_on=new.performed_on,
        note=new.note,
        history=store.is_history(work.session, patient.id, new.performed_on),
        recorded_at=work.now,
        recorded_by=work.actor.user_id,
    )
    work.session.add(study)
    work.session.flush()
    if new.reported_on is not None:
        reports.keep_version(work, study, ReportStatus.FINAL, new.reported_on)
        reports.stand(work, study)
    work.session.add_all(StudyItem(study_id=study.id, item=item, site_id=study.site_id) for item in set(new.items))
    work.audit("study.add", study, after=picture(study, _FACTS) | {"items": sorted(set(new.items))})
    study_checks.rule_fit(work, patient, study, ruled, new.ruling)
    return study


def _check(work: Work, patient: Patient, new: NewStudy) -> list[str]:
    """The items that count by a ruling alone; raises where the study cannot be recorded."""
    study_checks.check_days(work, patient, new.performed_on, new.reported_on)
    study_checks.check_visit(work, patient, new.appointment_id)
    study_checks.check_items(work, patient, new.items)
    study_checks.check_accession(work, patient, new.accession)
    return study_checks.check_fit(work, patient, new.items, new.modality, new.body_region, new.ruling)


def serve_visit(
    work: Work, study: Study, items: Sequence[str], visit: Appointment, modality: str = "", ruling: str = ""
) -> Study:
    """A study that is on record already, under the same accession number, proves more items of a visit.

    Raises:
        ConflictError: the study belongs to another visit.
        InvalidInputError: it does not fit one of the items, and nobody rules that it counts.
    """
    if study.appointment_id not in (None, visit.id):
        raise ConflictError(f"accession number {study.accession} is recorded for another visit of that day")
    there = set(store.items(work.session, study.id))
    fresh = [item for item in dict.fromkeys(items) if item not in there]
    patient = found(work.session.get(Patient, study.patient_id), "patient", str(study.patient_id))
    stated = modality or (study.modality if study.modality_stated else "")
    ruled = study_checks.check_fit(work, patient, fresh, stated, study.body_region, ruling)
    before = {"items": sorted(there), "appointment_id": study.appointment_id}
    study.appointment_id = visit.id
    work.session.add_all(StudyItem(study_id=study.id, item=item, site_id=study.site_id) for item in fresh)
    work.session.flush()
    after = {"items": sorted({*there, *fresh}), "appointment_id": visit.id}
    work.audit("study.serve", study, before=before, after=after)
    study_checks.rule_fit(work, patient, study, ruled, ruling)
    return study


def study_named(work: Work, patient: Patient, name: str) -> Study:
    """A study of the patient by accession number or by the first digits of its id."""
    rows = store.of_patient(work.session, patient.id)
    matches = [row for row in rows if row.accession == name or row.id.hex.startswith(name.replace("-", "").lower())]
    if len(matches) > 1:
        raise ConflictError(f"{name!r} names {len(matches)} studies of patient {patient.mrn}; give more digits")
    return found(matches[0] if matches else None, f"study of patient {patient.mrn}", name)


def rule_on(work: Work, patient: Patient, study: Study, item: str, *, counts: bool, reason: str) -> Override:
    """A person's word on a study that came too early: it counts for its slot, or it is extra evidence.

    Raises:
        InvalidInputError: the study is not this patient's, is retracted or does not serve the item, or no reason.
    """
    work.require(patient.site_id, *RECORDERS)
    plan = preconditions.current_plan(work, patient)
    if study.patient_id != patient.id or study.retracted_at is not None:
        raise InvalidInputError(f"patient {patient.mrn} has no such study")
    if item not in store.items(work.session, study.id):
        raise InvalidInputError(f"the study of {study.performed_on} does not serve {item}")
    if not reason.strip():
        raise InvalidInputError("a ruling needs a reason")
    row = Override(
        site_id=plan.site_id,
        plan_id=plan.id,
        kind=OverrideKind.COUNTS if counts else OverrideKind.EXTRA_EVIDENCE,
        item=item,
        study_id=study.id,
        reason=reason,
        recorded_at=work.now,
        recorded_by=work.actor.user_id,
    )
    work.session.add(row)
    work.session.flush()
    work.audit("study.rule", row, patient_id=patient.id, after=picture(row), reason=reason)
    replanning.replan(work, plan)
    return row
