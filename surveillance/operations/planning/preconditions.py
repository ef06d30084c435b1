"""What every change of a plan begins with: the plan, locked and active, a reason, and a day that one can mean."""

from datetime import date
from uuid import UUID

from surveillance.core.dates import add_months
from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.words import Role
from surveillance.operations.work import Work, found
from surveillance.store.messages import reminders
from surveillance.store.planning import plans as store
from surveillance.store.tables import Patient, Plan

DECIDERS = (Role.COORDINATOR, Role.CLINICIAN)  # who decides about a plan


FARTHEST_YEARS = 20  # a day further ahead is a typing error


def lock(work: Work, patient_id: UUID) -> None:
    """Let changes of one patient happen one after the other, so that two people never book the same examination."""
    work.session.flush()
    reminders.lock_patient(work.session, patient_id)


def reasoned(reason: str, what: str) -> None:
    """Raises InvalidInputError where nobody says why."""
    if not reason.strip():
        raise InvalidInputError(f"{what} needs a reason")


def must_be_active(work: Work, plan: Plan) -> None:
    """Lock the patient and read the plan again. Raises ConflictError where it has ended."""
    lock(work, plan.patient_id)
    work.session.refresh(plan)
    if plan.ended_on is not None:
        raise ConflictError(f"the plan ended on {plan.ended_on} ({plan.end_reason})")


def check_near(day: date, today: date, what: str) -> None:
    """Raises InvalidInputError for a day that nobody can mean."""
    if day > add_months(today, 12 * FARTHEST_YEARS):
        raise InvalidInputError(f"{what} on {day} is more than {FARTHEST_YEARS} years ahead; check the year")


def known_items(work: Work, plan: Plan) -> set[str]:
    """The items of every protocol version that the plan follows or followed, those switched off as well."""
    rows = store.terms_in_force(work.session, plan.id)
    return {item.code for row in rows for item in work.protocol(row.protocol_key).scheduled}


def plan_of(work: Work, plan_id: UUID) -> Plan:
    return found(work.session.get(Plan, plan_id), "plan", str(plan_id))


def current_plan(work: Work, patient: Patient) -> Plan:
    """The active plan. Raises NotFoundError where the patient has none."""
    return found(store.active_plan(work.session, patient.id), "active plan for patient", patient.mrn)
