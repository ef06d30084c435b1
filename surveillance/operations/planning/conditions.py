"""The diseases of a patient by name, and the plan that a person means where there are several."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from surveillance.core import plain
from surveillance.core.errors import ConflictError, InvalidInputError, NotFoundError
from surveillance.core.folding import folded
from surveillance.operations.work import Work, found
from surveillance.store.planning import conditions as store
from surveillance.store.planning import plans
from surveillance.store.tables import Condition, Patient, Plan, Study


def name(row: Condition) -> str:
    """``sarcoma, left thigh``; ``condition 2`` where nobody said more."""
    return plain.condition(row.number, row.diagnosis, row.body_site, row.side)


def listed(rows: Iterable[Condition]) -> str:
    """``1 (sarcoma, left thigh), 2 (osteosarcoma, right arm)``"""
    return ", ".join(f"{row.number} ({name(row)})" for row in rows)


def matching(rows: Sequence[Condition], text: str) -> list[Condition]:
    """Those that a person means by a number, or by words of the diagnosis and the place."""
    if text.strip().isdigit():
        return [row for row in rows if row.number == int(text)]
    words = folded(text).split()
    exact = [row for row in rows if folded(row.diagnosis) == folded(text)]
    return exact or [row for row in rows if words and all(word in folded(name(row)).split() for word in words)]


def named(work: Work, patient: Patient, text: str) -> Condition:
    """Raises NotFoundError for none, ConflictError for several that these words could mean."""
    every = store.of_patient(work.session, patient.id)
    meant = matching(every, text)
    if len(meant) > 1:
        raise ConflictError(f"{text!r} can mean {listed(meant)} of patient {patient.mrn}; give the number")
    there = f"; there is {listed(every)}" if every else ""
    return found(meant[0] if meant else None, f"condition of patient {patient.mrn}{there}, named", text)


def by_id(work: Work, patient: Patient, condition_id: UUID) -> Condition:
    """A disease of this very patient. Raises NotFoundError."""
    row = work.session.get(Condition, condition_id)
    mine = row is not None and row.patient_id == patient.id and row.retracted_at is None
    return found(row if mine else None, f"condition of patient {patient.mrn}", str(condition_id))


def of_plan(work: Work, plan: Plan) -> Condition:
    return found(work.session.get(Condition, plan.condition_id), "condition of the plan", str(plan.id))


def chosen_plan(work: Work, patient: Patient, condition: Condition | None = None) -> Plan:
    """The active plan, of the disease that is named where there are several.

    Raises:
        NotFoundError: there is none.
        InvalidInputError: several diseases have one, and none is named.
    """
    return choose(work, patient, plans.active_plans(work.session, patient.id), condition)


def choose(work: Work, patient: Patient, active: Sequence[Plan], condition: Condition | None) -> Plan:
    """As ``chosen_plan``, of active plans that are at hand."""
    if condition is not None:
        active = [plan for plan in active if plan.condition_id == condition.id]
    if len(active) > 1:
        rows = listed(of_plan(work, plan) for plan in active)
        raise InvalidInputError(f"patient {patient.mrn} has several plans; say for which condition: {rows}")
    what = f" for {name(condition)}" if condition is not None else ""
    return found(active[0] if active else None, f"active plan{what} for patient", patient.mrn)


def plan_of_study(work: Work, study: Study) -> Plan | None:
    """The active plan of the disease that a study was made for; another active one where that has none."""
    active = plans.active_plans(work.session, study.patient_id)
    own = [plan for plan in active if plan.condition_id == study.condition_id]
    return next(iter(own or active), None)


def newest_plan(work: Work, patient: Patient, condition: Condition | None = None) -> Plan:
    """The last plan of the disease, active or ended; of the only one where none is named. Raises as ``chosen_plan``."""
    every = plans.all_plans(work.session, patient.id)
    newest = {plan.condition_id: plan for plan in reversed(every)}
    if condition is not None:
        newest = {key: plan for key, plan in newest.items() if key == condition.id}
    if len(newest) > 1:
        rows = listed(of_plan(work, plan) for plan in newest.values())
        raise InvalidInputError(f"patient {patient.mrn} has plans for several conditions; say for which one: {rows}")
    if not newest:
        raise NotFoundError(f"patient {patient.mrn} has no plan{f' for {name(condition)}' if condition else ''}")
    return next(iter(newest.values()))
