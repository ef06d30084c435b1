"""What a study must be before it is recorded: possible days, a known item, and one that it can be evidence of."""

from collections.abc import Iterator, Sequence
from datetime import date
from uuid import UUID

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.protocols.fit import misfit
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.words import Role
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.planning import plans
from surveillance.store.tables import Appointment, Override, OverrideKind, Patient, Study
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


def check_items(work: Work, patient: Patient, items: Sequence[str]) -> None:
    """Raises InvalidInputError where no plan of the patient has one of the items."""
    if not items:
        raise InvalidInputError("say which item the study serves (mri_primary, chest_imaging, …)")
    known = {item.code for protocol in _protocols(work, patient) for item in protocol.scheduled}
    if unknown := set(items) - known:
        there = ", ".join(sorted(known)) or "none"
        raise InvalidInputError(f"patient {patient.mrn} has no item {', '.join(sorted(unknown))}; the plan has {there}")


def check_accession(work: Work, patient: Patient, accession: str | None) -> None:
    """Raises ConflictError where the site has a study of this number already."""
    if accession and (other := store.by_accession(work.session, patient.site_id, accession)):
        owner = work.session.get(Patient, other.patient_id)
        raise ConflictError(f"accession number {accession} is recorded for MRN {owner.mrn if owner else '?'} already")


def default_modality(work: Work, patient: Patient, items: Sequence[str]) -> str:
    """The first modality that the protocol names for the item, where nobody said."""
    every = (item for protocol in _protocols(work, patient) for item in protocol.scheduled)
    return next((item.modalities[0] for item in every if item.code in items and item.modalities), "OT")


# -- modality and region -----------------------------------------------------------------------------------------


def misfits(work: Work, patient: Patient, items: Sequence[str], modality: str, body_region: str) -> dict[str, str]:
    """The items that a study cannot be evidence of, each with the reason in one clause.

    Of an item the newest protocol of the patient that has it says what counts.
    """
    known, found = list(_protocols(work, patient)), {}
    for code in items:
        protocol = next(each for each in known if any(item.code == code for item in each.items))
        others = [item for item in protocol.items if item.code != code]
        if why := misfit(protocol.item(code), others, modality, body_region):
            found[code] = why
    return found


def check_fit(
    work: Work, patient: Patient, items: Sequence[str], modality: str, body_region: str, ruling: str
) -> list[str]:
    """The items that count by the ruling of the clinician who acts, although the study does not fit them.

    Raises:
        InvalidInputError: a study does not fit an item, and there is no reason why it counts all the same.
        ForbiddenError: there is one, and it is no clinician who gives it.
    """
    if not modality.strip() and not body_region.strip():
        return []
    found = misfits(work, patient, items, modality, body_region)
    if found and not ruling.strip():
        raise InvalidInputError(f"{'; '.join(found.values())}; a clinician may rule with a reason that it counts")
    if found:
        work.require(patient.site_id, Role.CLINICIAN)
    return list(found)


def rule_fit(work: Work, patient: Patient, study: Study, items: Sequence[str], reason: str) -> None:
    """Write down that a study counts for items that it does not fit, and who said so."""
    for item in items:
        plan = plans.all_plans(work.session, patient.id)[0]  # whose protocols have the items
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


def _protocols(work: Work, patient: Patient) -> Iterator[Protocol]:
    """Every protocol version that the patient's plans follow or followed, the newest first."""
    for plan in plans.all_plans(work.session, patient.id):
        for row in reversed(plans.terms_in_force(work.session, plan.id)):
            yield work.protocol(row.protocol_key)
