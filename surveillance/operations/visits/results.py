"""What was done and what it showed: performed, reported, reviewed, told; four facts, four dates (design 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.words import Result, Role
from surveillance.operations.planning import preconditions, replanning
from surveillance.operations.work import Work, found
from surveillance.store.audit.events import picture
from surveillance.store.planning import plans
from surveillance.store.tables import Appointment, Override, OverrideKind, Patient, Study, StudyItem
from surveillance.store.visits import studies as store

RECORDERS = (Role.COORDINATOR, Role.CLINICIAN)
_FACTS = tuple(name for name in Study.model_fields if name != "history")  # what is recorded, not what follows from it


@dataclass(frozen=True, slots=True)
class NewStudy:
    """A study as a person or a file reports it. ``items`` are the protocol's items that it serves."""

    items: Sequence[str]
    performed_on: date
    modality: str = ""
    body_region: str = ""
    accession: str | None = None
    source: str = "person"
    reported_on: date | None = None
    appointment_id: UUID | None = None
    note: str = ""


def add_study(work: Work, patient: Patient, new: NewStudy, *, settle: bool = True) -> Study:
    """Record that examinations were performed; with ``settle`` the plan takes it in at once.

    Raises:
        InvalidInputError: no item, an unknown item, a day in the future or before birth.
        ConflictError: the accession number is known already, or the patient had died by then.
    """
    work.require(patient.site_id, *RECORDERS)
    study = keep_study(work, patient, new)
    if settle:
        replanning.replan_patient(work, patient)
    return study


def keep_study(work: Work, patient: Patient, new: NewStudy) -> Study:
    """As ``add_study``, for an operation that has asked who acts and re-plans itself."""
    _check(work, patient, new)
    study = Study(
        site_id=patient.site_id,
        patient_id=patient.id,
        appointment_id=new.appointment_id,
        source=new.source,
        accession=new.accession or None,
        modality=new.modality or _modality(work, patient, new.items),
        body_region=new.body_region,
        performed_on=new.performed_on,
        reported_on=new.reported_on,
        note=new.note,
        history=store.is_history(work.session, patient.id, new.performed_on),
        recorded_at=work.now,
        recorded_by=work.actor.user_id,
    )
    work.session.add(study)
    work.session.flush()
    work.session.add_all(StudyItem(study_id=study.id, item=item, site_id=study.site_id) for item in set(new.items))
    work.audit("study.add", study, after=picture(study, _FACTS) | {"items": sorted(set(new.items))})
    return study


def serve_visit(work: Work, study: Study, items: Sequence[str], visit: Appointment) -> Study:
    """A study that is on record already, under the same accession number, proves more items of a visit.

    Raises:
        ConflictError: the study belongs to another visit.
    """
    if study.appointment_id not in (None, visit.id):
        raise ConflictError(f"accession number {study.accession} is recorded for another visit of that day")
    there = set(store.items(work.session, study.id))
    before = {"items": sorted(there), "appointment_id": study.appointment_id}
    study.appointment_id = visit.id
    fresh = set(items) - there
    work.session.add_all(StudyItem(study_id=study.id, item=item, site_id=study.site_id) for item in fresh)
    work.session.flush()
    after = {"items": sorted(there | fresh), "appointment_id": visit.id}
    work.audit("study.serve", study, before=before, after=after)
    return study


def _check(work: Work, patient: Patient, new: NewStudy) -> None:
    today = work.today(work.site(patient.site_id))
    if not new.items:
        raise InvalidInputError("say which item the study serves (mri_primary, chest_imaging, …)")
    if not patient.birth_date <= new.performed_on <= today:
        raise InvalidInputError(
            f"patient {patient.mrn}: a study on {new.performed_on} lies before birth or after today ({today})"
        )
    if new.reported_on is not None and not new.performed_on <= new.reported_on <= today:
        raise InvalidInputError(
            f"patient {patient.mrn}: the report of {new.reported_on} must lie between study and today"
        )
    if patient.died_on is not None and new.performed_on > patient.died_on:
        raise ConflictError(
            f"patient {patient.mrn} died on {patient.died_on}, before this study; if that is wrong, retract the death"
        )
    _check_visit(work, patient, new)
    every = plans.all_plans(work.session, patient.id)
    known = {item for plan in every for item in preconditions.known_items(work, plan)}
    if unknown := set(new.items) - known:
        there = ", ".join(sorted(known)) or "none"
        raise InvalidInputError(f"patient {patient.mrn} has no item {', '.join(sorted(unknown))}; the plan has {there}")
    if new.accession and (other := store.by_accession(work.session, patient.site_id, new.accession)):
        owner = work.session.get(Patient, other.patient_id)
        raise ConflictError(
            f"accession number {new.accession} is recorded for MRN {owner.mrn if owner else '?'} already"
        )


def _check_visit(work: Work, patient: Patient, new: NewStudy) -> None:
    if new.appointment_id is None:
        return
    visit = work.session.get(Appointment, new.appointment_id)
    if visit is None or visit.patient_id != patient.id or not visit.was_booked:
        raise InvalidInputError(f"patient {patient.mrn} had no booked visit {new.appointment_id}")


def _modality(work: Work, patient: Patient, items: Sequence[str]) -> str:
    """The first modality that the protocol names for the item, where nobody said."""
    for plan in plans.all_plans(work.session, patient.id):
        for row in plans.terms_in_force(work.session, plan.id):
            for item in work.protocol(row.protocol_key).items:
                if item.code in items and item.modalities:
                    return item.modalities[0]
    return "OT"


def study_named(work: Work, patient: Patient, name: str) -> Study:
    """A study of the patient by accession number or by the first digits of its id."""
    rows = store.of_patient(work.session, patient.id)
    matches = [row for row in rows if row.accession == name or row.id.hex.startswith(name.replace("-", "").lower())]
    if len(matches) > 1:
        raise ConflictError(f"{name!r} names {len(matches)} studies of patient {patient.mrn}; give more digits")
    return found(matches[0] if matches else None, f"study of patient {patient.mrn}", name)


def report(work: Work, study: Study, day: date) -> Study:
    """The report has arrived. Raises InvalidInputError for an impossible day."""
    work.require(study.site_id, *RECORDERS)
    _between(work, study, "report", study.performed_on, day)
    if study.reviewed_on is not None and day > study.reviewed_on:
        raise InvalidInputError(f"the report of {day} cannot be later than its review on {study.reviewed_on}")
    return _set(work, study, "study.report", reported_on=day)


def review(work: Work, study: Study, day: date, result: Result, next_action: str = "") -> Study:
    """A clinician has read the report. What is not clear needs a next action (design 5).

    Raises:
        InvalidInputError: not reported yet, an impossible day, or no next action.
    """
    work.require(study.site_id, Role.CLINICIAN)
    if study.reported_on is None:
        raise InvalidInputError("record the report before its review")
    _between(work, study, "review", study.reported_on, day)
    if result is not Result.CLEAR and not next_action.strip():
        raise InvalidInputError(f"a result that is {result} needs a next action")
    told_on = study.told_on if study.result is result else None  # what the patient was told is not true any more
    return _set(
        work,
        study,
        "study.review",
        reviewed_on=day,
        reviewed_by=work.actor.user_id,
        result=result,
        next_action=next_action.strip(),
        next_action_done_on=None,
        told_on=told_on,
    )


def act(work: Work, study: Study, day: date) -> Study:
    """The next action has been taken."""
    work.require(study.site_id, *RECORDERS)
    if not study.next_action:
        raise InvalidInputError("this study asks for no next action")
    _between(work, study, "next action", study.reviewed_on or study.performed_on, day)
    return _set(work, study, "study.acted", next_action_done_on=day)


def tell(work: Work, study: Study, day: date) -> Study:
    """The patient was told the result. Raises InvalidInputError where nobody reviewed it yet."""
    work.require(study.site_id, *RECORDERS)
    if study.reviewed_on is None:
        raise InvalidInputError("a clinician reviews the result before the patient is told")
    _between(work, study, "telling", study.reviewed_on, day)
    return _set(work, study, "study.tell", told_on=day)


def _between(work: Work, study: Study, what: str, earliest: date, day: date) -> None:
    today = work.today(work.site(study.site_id))
    if not earliest <= day <= today:
        raise InvalidInputError(f"the {what} on {day} must lie between {earliest} and today ({today})")


def _set(work: Work, study: Study, action: str, **values: object) -> Study:
    if study.retracted_at is not None:
        raise ConflictError(f"this study was retracted: {study.retracted_reason}")
    before = picture(study, values)
    study.sqlmodel_update(values)
    work.session.add(study)
    work.session.flush()
    work.audit(action, study, before=before, after=picture(study, values))
    return study


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
