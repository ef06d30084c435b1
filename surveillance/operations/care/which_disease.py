"""Which disease of a patient an enrolment, a restart or a return is about, and how the last plan for it ended."""

from collections.abc import Sequence
from uuid import UUID

from surveillance.core.errors import ConflictError, InvalidInputError, NotFoundError
from surveillance.core.people.care_gaps import End
from surveillance.core.people.way_back import instead_of_enrolling
from surveillance.operations.care import diagnoses
from surveillance.operations.care.diagnoses import NewCondition
from surveillance.operations.planning import conditions as naming
from surveillance.operations.work import Work
from surveillance.store.tables import Condition, Patient, Plan

Known = Sequence[tuple[Condition, Sequence[Plan]]]


def to_follow(work: Work, patient: Patient, wanted: UUID | NewCondition | None, known: Known) -> Condition:
    """The disease that is to be followed: the one that was meant, or a new one. Raises ConflictError where it was."""
    if isinstance(wanted, NewCondition) or (wanted is None and not known):
        return diagnoses.made(work, patient, wanted)
    asked = [(row, own) for row, own in known if wanted in (None, row.id)]
    if not asked:
        raise NotFoundError(f"patient {patient.mrn} has no such condition")
    free = [row for row, own in asked if not own]
    if len(asked) > 1 and len(free) != 1:
        listed = naming.listed(row for row, _ in asked)
        raise ConflictError(f"patient {patient.mrn} has several conditions: {listed}; say which one, or name a new one")
    if free:
        return free[0]
    row, own = asked[0]
    raise ConflictError(_why_not(patient, row, own[-1]))


def _why_not(patient: Patient, row: Condition, last: Plan) -> str:
    """A disease that has a plan, or had one, is not enrolled again."""
    another = "another disease is enrolled as a condition of its own"
    of = f"patient {patient.mrn} has"
    end = end_of(last)
    if end is None:
        return f"{of} an active plan for {naming.name(row)}; end or restart that one; {another}"
    return f"{of} a plan for {naming.name(row)} that ended on {end.day}; {instead_of_enrolling(end)}; {another}"


def with_last_plan(patient: Patient, wanted: UUID | NewCondition | None, known: Known) -> tuple[Condition, Plan]:
    """The disease that is meant and the last plan for it.

    Raises:
        ConflictError: there is no plan to go on from.
        InvalidInputError: several diseases have one, and none is named.
    """
    had = [(row, own[-1]) for row, own in known if own and wanted in (None, row.id)]
    if not had:
        raise ConflictError(f"patient {patient.mrn} has no plan to restart or to return to; use 'enrol'")
    if len(had) > 1:
        listed = naming.listed(row for row, _ in had)
        raise InvalidInputError(f"patient {patient.mrn} has plans for several conditions; say for which one: {listed}")
    return had[0]


def end_of(plan: Plan) -> End | None:
    """How a plan ended; None while it is active."""
    if plan.ended_on is None or plan.end_reason is None:
        return None
    return End(plan.ended_on, plan.end_reason, plan.restart_by)
