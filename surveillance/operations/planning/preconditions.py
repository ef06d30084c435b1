"""What every change of a plan begins with: the plan, locked and active, a reason, and a day that one can mean."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from surveillance.core.dates import add_months
from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.schedule.examinations import PlanFacts, derive
from surveillance.core.schedule.reconcile import undone
from surveillance.core.words import Role
from surveillance.operations.work import Work, found
from surveillance.store.messages import reminders
from surveillance.store.planning import plans as store
from surveillance.store.tables import Patient, Plan, PlanTerms

DECIDERS = (Role.COORDINATOR, Role.CLINICIAN)  # who decides about a plan


FARTHEST_YEARS = 20  # a day further ahead is a typing error


def lock(work: Work, patient_id: UUID) -> Patient:
    """Let changes of one patient happen one after the other, so that two people never book the same examination."""
    work.session.flush()
    return found(reminders.lock_patient(work.session, patient_id), "patient", str(patient_id))


def reasoned(reason: str, what: str) -> None:
    """Raises InvalidInputError where nobody says why."""
    if not reason.strip():
        raise InvalidInputError(f"{what} needs a reason")


def must_be_active(work: Work, plan: Plan) -> Patient:
    """Lock the patient and read the plan again. Raises ConflictError where it has ended."""
    patient = lock(work, plan.patient_id)
    work.session.refresh(plan)
    check_active(plan)
    return patient


def check_active(plan: Plan) -> None:
    """Raises ConflictError where the plan has ended."""
    if plan.ended_on is not None:
        raise ConflictError(f"the plan ended on {plan.ended_on} ({plan.end_reason})")


def check_near(day: date, today: date, what: str) -> None:
    """Raises InvalidInputError for a day that nobody can mean."""
    if day > add_months(today, 12 * FARTHEST_YEARS):
        raise InvalidInputError(f"{what} on {day} is more than {FARTHEST_YEARS} years ahead; check the year")


def check_done(before: PlanFacts, after: PlanFacts, until: date, since: date) -> None:
    """Raises InvalidInputError where a change that reaches back would take a study from what it fulfils."""
    lost = undone(derive(before, until).examinations, derive(after, until).examinations)
    if lost:
        days = {study.id: study.performed_on for study in before.studies}
        row = max(lost, key=lambda row: days[row.study or ""])
        day = days[row.study or ""]
        what = f"the study of {day} for {row.item}, {'extra' if row.month is None else f'month {row.month}'}"
        raise InvalidInputError(f"from {since} on, {what}, would be undone; choose a day after it")


def known_items(work: Work, plan: Plan) -> set[str]:
    """The items of every protocol version that the plan follows or followed, those switched off as well."""
    return items_of(work, store.terms_in_force(work.session, plan.id))


def items_of(work: Work, terms: Iterable[PlanTerms]) -> set[str]:
    """As ``known_items``, for terms that are at hand."""
    return {item.code for row in terms for item in work.protocol(row.protocol_key).scheduled}


def plan_of(work: Work, plan_id: UUID) -> Plan:
    return found(work.session.get(Plan, plan_id), "plan", str(plan_id))


def current_plan(work: Work, patient: Patient) -> Plan:
    """The active plan. Raises NotFoundError where the patient has none."""
    return found(store.active_plan(work.session, patient.id), "active plan for patient", patient.mrn)
