"""What a study must be before it is recorded: possible days, a known item, and one that it can be evidence of."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Protocol as Interface
from uuid import UUID

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.protocols.fit import misfit
from surveillance.core.protocols.protocol import Item, Protocol, Substitute
from surveillance.core.words import Role
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.planning import plans
from surveillance.store.tables import Appointment, Override, OverrideKind, Patient, Plan, Study
from surveillance.store.visits import appointments
from surveillance.store.visits import studies as store


def check_days(work: Work, patient: Patient, performed_on: date, reported_on: date | None) -> None:
    """Raises InvalidInputError for a day that cannot be, ConflictError for a study of the dead."""
    today = work.today(work.site(patient.site_id))
    if not patient.birth_date <= performed_on <= today:
        raise InvalidInputError(
            f"patient {patient.mrn}: a study on {performed_on} lies before birth or after today ({today})"
        )
    if reported_on is not None and not performed_on <= reported_on <= today:
        raise InvalidInputError(f"patient {patient.mrn}: the report of {reported_on} must lie between study and today")
    if patient.died_on is not None and performed_on > patient.died_on:
        raise ConflictError(
            f"patient {patient.mrn} died on {patient.died_on}, before this study; if that is wrong, retract the death"
        )


def check_visit(work: Work, patient: Patient, appointment_id: UUID | None) -> None:
    """Raises InvalidInputError where the visit is none of the patient's that was booked."""
    if appointment_id is None:
        return
    visit = work.session.get(Appointment, appointment_id)
    if visit is None or visit.patient_id != patient.id or not visit.was_booked:
        raise InvalidInputError(f"patient {patient.mrn} had no booked visit {appointment_id}")


def check_items(patient: Patient, protocols: Sequence[Protocol], items: Sequence[str]) -> None:
    """Raises InvalidInputError where no plan of the patient has one of the items."""
    if not items:
        raise InvalidInputError("say which item the study serves (mri_primary, chest_imaging, …)")
    known = {item.code for protocol in protocols for item in protocol.scheduled}
    if unknown := set(items) - known:
        there = ", ".join(sorted(known)) or "none"
        raise InvalidInputError(f"patient {patient.mrn} has no item {', '.join(sorted(unknown))}; the plan has {there}")


def check_accession(work: Work, patient: Patient, accession: str | None) -> None:
    """Raises ConflictError where the site has a study of this number already."""
    if accession and (other := store.by_accession(work.session, patient.site_id, accession)):
        owner = work.session.get(Patient, other.patient_id)
        raise ConflictError(f"accession number {accession} is recorded for MRN {owner.mrn if owner else '?'} already")


def default_modality(
    work: Work, protocols: Sequence[Protocol], items: Sequence[str], appointment_id: UUID | None = None
) -> str:
    """The first modality that the protocol names for the item, or for what was booked instead; where nobody said."""
    if instead := _instead(work, protocols, items, appointment_id):
        return next(iter(instead.values())).modality
    every = (item for protocol in protocols for item in protocol.scheduled)
    return next((item.modalities[0] for item in every if item.code in items and item.modalities), "OT")


def _instead(
    work: Work, protocols: Sequence[Protocol], items: Sequence[str], appointment_id: UUID | None
) -> Mapping[str, Substitute]:
    """What the visit of a study was booked for instead of its items, as the protocol names it."""
    lines = appointments.lines(work.session, appointment_id) if appointment_id is not None else ()
    chosen = {line.item: line.substitute for line in lines if line.substitute and line.item in items}
    if not chosen:
        return {}
    every = [item for protocol in protocols for item in protocol.items if item.code in chosen]
    named = [(item.code, each) for item in every for each in item.substitutes]
    return {code: each for code, each in named if each.code == chosen[code]}


# -- modality and region -----------------------------------------------------------------------------------------


def misfits(
    work: Work,
    known: Sequence[Protocol],
    items: Sequence[str],
    modality: str,
    body_region: str,
    appointment_id: UUID | None = None,
) -> dict[str, str]:
    """The items that a study cannot be evidence of, each with the reason in one clause.

    Of an item the first protocol that has it says what counts (the newest one of the disease that was examined), and
    what its visit was booked for instead.
    """
    found, instead = {}, _instead(work, known, items, appointment_id)
    for code in items:
        protocol = next(each for each in known if any(item.code == code for item in each.items))
        others = [item for item in protocol.items if item.code != code]
        if why := misfit(_or(protocol.item(code), instead.get(code)), others, modality, body_region):
            found[code] = why
    return found


def _or(item: Item, instead: Substitute | None) -> Item:
    return replace(item, modalities=(*item.modalities, instead.modality)) if instead else item


class Proof(Interface):
    """What is said of a study (``results.NewStudy``)."""

    @property
    def items(self) -> Sequence[str]: ...
    @property
    def modality(self) -> str: ...
    @property
    def body_region(self) -> str: ...
    @property
    def ruling(self) -> str: ...
    @property
    def appointment_id(self) -> UUID | None: ...


def check_fit(work: Work, patient: Patient, protocols: Sequence[Protocol], new: Proof) -> list[str]:
    """The items that count by the ruling of the clinician who acts, although the study does not fit them.

    Raises:
        InvalidInputError: a study does not fit an item, and there is no reason why it counts all the same.
        ForbiddenError: there is one, and it is no clinician who gives it.
    """
    if not new.modality.strip() and not new.body_region.strip():
        return []
    found = misfits(work, protocols, new.items, new.modality, new.body_region, new.appointment_id)
    if found and not new.ruling.strip():
        raise InvalidInputError(f"{'; '.join(found.values())}; a clinician may rule with a reason that it counts")
    if found:
        work.require(patient.site_id, Role.CLINICIAN)
    return list(found)


def rule_fit(work: Work, patient: Patient, study: Study, items: Sequence[str], reason: str) -> None:
    """Write down that a study counts for items that it does not fit, and who said so."""
    for item in items:
        plan = _whose(work, patient, study)
        row = Override(
            site_id=plan.site_id,
            plan_id=plan.id,
            kind=OverrideKind.FITS,
            item=item,
            study_id=study.id,
            reason=reason.strip(),
            recorded_at=work.now,
            recorded_by=work.actor.user_id,
        )
        work.session.add(row)
        work.session.flush()
        work.audit("examination.fits", row, patient_id=patient.id, after=picture(row), reason=reason.strip())


def _whose(work: Work, patient: Patient, study: Study) -> Plan:
    """The newest plan of the disease that the study was made for."""
    every = plans.all_plans(work.session, patient.id)
    return next((plan for plan in every if plan.condition_id == study.condition_id), every[0])
