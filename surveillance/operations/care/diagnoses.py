"""The diseases of a patient: recorded, described better, taken back (design section 2)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.folding import folded
from surveillance.core.words import Side
from surveillance.operations.planning import conditions, preconditions, replanning
from surveillance.operations.planning.preconditions import DECIDERS
from surveillance.operations.registry import care_gaps, consents
from surveillance.operations.work import Work, found
from surveillance.store.audit.events import picture
from surveillance.store.planning import conditions as store
from surveillance.store.tables import Condition, Patient

_OF_THE_PLACE: Final = frozenset({"body_site", "side"})  # they decide what counts for another disease, too


@dataclass(frozen=True, slots=True)
class NewCondition:
    """A disease in a person's words; ``code_system`` is the address of the list that ``code`` is from."""

    diagnosis: str
    code: str = ""
    code_system: str = ""
    body_site: str = ""
    side: Side = Side.UNKNOWN
    grade: str = ""
    margin: str = ""
    stage: str = ""
    diagnosed_on: date | None = None


EDITABLE: Final = tuple(NewCondition.__dataclass_fields__)


def add(work: Work, patient: Patient, new: NewCondition) -> Condition:
    """Record a disease. Until it has a plan, it stands on the board.

    Raises:
        InvalidInputError: no diagnosis, or a day that cannot be.
        ConflictError: the patient is dead, or the same disease is recorded already.
    """
    work.require(patient.site_id, *consents.WRITERS)
    patient = preconditions.lock(work, patient.id)
    row = made(work, patient, new)
    work.session.add(row)
    work.session.flush()
    work.audit("condition.add", row, after=picture(row))
    care_gaps.settle_of(work, patient)
    return row


def made(work: Work, patient: Patient, new: NewCondition | None) -> Condition:
    """The row of another disease, which is not saved yet; None: nobody says more than that there is one."""
    if patient.died_on is not None:
        raise ConflictError(f"patient {patient.mrn} died on {patient.died_on}; retract that first if it is wrong")
    values = {} if new is None else _checked(work, patient, asdict(new))
    if new is not None:
        _must_be_another(work, patient, values)
    return Condition(
        site_id=patient.site_id,
        patient_id=patient.id,
        number=store.last_number(work.session, patient.id) + 1 if new is not None else 1,
        recorded_at=work.now,
        recorded_by=work.actor.user_id,
        **values,
    )


def _checked(work: Work, patient: Patient, given: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {name: value.strip() if isinstance(value, str) else value for name, value in given.items()}
    if "diagnosis" in values and not values["diagnosis"]:
        raise InvalidInputError("say what the disease is (its diagnosis)")
    on, today = values.get("diagnosed_on"), work.today(work.site(patient.site_id))
    if on is not None and not patient.birth_date <= on <= today:
        raise InvalidInputError(
            f"patient {patient.mrn}: a diagnosis on {on} lies before birth or after today ({today})"
        )
    return values | ({"side": Side(values["side"])} if "side" in values else {})


def _must_be_another(work: Work, patient: Patient, values: Mapping[str, Any], but: Condition | None = None) -> None:
    """Raises ConflictError where the same disease of the same place is on record."""
    for row in store.of_patient(work.session, patient.id):
        same = (folded(row.diagnosis), folded(row.body_site), row.side) == (
            folded(values["diagnosis"]), folded(values["body_site"]), values["side"],
        )  # fmt: skip
        if same and row is not but:
            raise ConflictError(f"patient {patient.mrn}: {conditions.name(row)} is recorded already, as {row.number}")


def describe(work: Work, row: Condition, given: Mapping[str, Any], reason: str = "") -> dict[str, Any]:
    """Set some of what is known of a disease; returns the values before, of those that changed.

    Where the primary is decides what counts for another disease: plans follow at once.

    Raises:
        InvalidInputError: a value that there is not or cannot be.
        ConflictError: nothing would change, it was taken back, or another record says the same.
    """
    work.require(row.site_id, *DECIDERS)
    if unknown := set(given) - set(EDITABLE):
        raise InvalidInputError(f"a condition has no {', '.join(sorted(unknown))}; there are {', '.join(EDITABLE)}")
    patient = preconditions.lock(work, row.patient_id)
    work.session.refresh(row)
    _must_stand(row)
    values = _checked(work, patient, given)
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not changed:
        raise ConflictError(f"condition {row.number} of patient {patient.mrn}: nothing would change")
    _must_be_another(work, patient, {name: getattr(row, name) for name in EDITABLE} | changed, row)
    before = picture(row, changed)
    row.sqlmodel_update(changed)
    work.session.flush()
    work.audit("condition.edit", row, before=before, after=picture(row, changed), reason=reason)
    if changed.keys() & _OF_THE_PLACE:
        replanning.replan_patient(work, patient)
    return before


def take_back(work: Work, row: Condition, reason: str) -> None:
    """A disease was recorded wrongly. One that a plan follows, or followed, stays: that plan is ended.

    Raises:
        InvalidInputError: no reason.
        ConflictError: it was taken back already, or there is a plan for it.
    """
    work.require(row.site_id, *DECIDERS)
    preconditions.reasoned(reason, "a retraction")
    patient = found(preconditions.lock(work, row.patient_id), "patient", str(row.patient_id))
    work.session.refresh(row)
    _must_stand(row)
    if store.has_plan(work.session, row.id):
        raise ConflictError(f"there is a plan for {conditions.name(row)}; end it, or correct what the condition says")
    before = picture(row)
    row.retracted_at, row.retracted_by, row.retracted_reason = work.now, work.actor.user_id, reason
    work.session.flush()
    work.audit("condition.retract", row, before=before, after=picture(row), reason=reason)
    care_gaps.settle_of(work, patient)


def _must_stand(row: Condition) -> None:
    if row.retracted_at is not None:
        raise ConflictError(f"this condition was taken back: {row.retracted_reason}")
