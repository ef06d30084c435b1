"""A patient who was followed elsewhere comes back: neither a new treatment (restart) nor an end that was recorded
wrongly (reopen). The days keep counting from the same anchor, and the time elsewhere asks for nothing here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.words import EndReason, Role
from surveillance.operations.care import enrolment
from surveillance.operations.care.enrolment import Enrolment
from surveillance.operations.deferrals import granting
from surveillance.operations.planning import preconditions, replanning
from surveillance.operations.visits.results import NewStudy
from surveillance.operations.work import Work
from surveillance.store.planning import plans as store
from surveillance.store.tables import Patient, Plan

LEFT: Final = (EndReason.TRANSFER, EndReason.PATIENT_WISH, EndReason.COMPLETED)  # ends after which somebody comes back


@dataclass(frozen=True, slots=True)
class Return:
    """``studies``: what was examined elsewhere and is known. ``day``: since when the clinic follows again; None: today.

    ``protocol`` None: the version that the patient was on. ``intervals``: over what was chosen then.
    """

    reason: str
    day: date | None = None
    studies: Sequence[NewStudy] = ()
    protocol: str | None = None
    intervals: Mapping[str, int | None] | None = None
    off_until: date | None = None


def come_back(work: Work, patient: Patient, new: Return) -> Plan:
    """A new plan from the old anchor, linked to the old one. What nobody knows of the time elsewhere is asked for.

    What is due now is due as for somebody who enrols midway (schedule rule 8): earlier examinations exist only where
    a study is known, and where the last one is not, the board asks for it.

    Raises:
        InvalidInputError: no reason, or a day before the plan ended or after today.
        ConflictError: there is no plan that ended so that somebody can come back to it; it says what to do instead.
        BeyondLimitError, as by ``enrol``.
    """
    work.require(patient.site_id, Role.COORDINATOR, Role.CLINICIAN)
    if not new.reason.strip():
        raise InvalidInputError("a return needs a reason, such as where the patient was followed")
    patient = preconditions.lock(work, patient.id)
    previous = _left(work, patient)
    day = _first_day(work, previous, new.day)
    last = store.terms_in_force(work.session, previous.id)[-1]
    again = Enrolment(
        new.protocol or last.protocol_key,
        previous.anchor,
        last.intervals if new.intervals is None else new.intervals,
        new.studies,
        day,
        new.reason,
        new.off_until,
        previous.ended_on,
    )
    granting.settle_plan(work, previous, "came back")
    plan = enrolment.begin(work, patient, again, previous, "plan.return")
    replanning.replan_patient(work, patient)
    return plan


def _left(work: Work, patient: Patient) -> Plan:
    """The plan whose end was no end of follow-up."""
    previous = next(iter(store.all_plans(work.session, patient.id)), None)
    if previous is None:
        raise ConflictError(f"patient {patient.mrn} was never followed here; enrol the patient instead")
    if previous.ended_on is None:
        raise ConflictError(f"patient {patient.mrn} has an active plan; nothing ended from which to come back")
    if previous.end_reason not in LEFT:
        raise ConflictError(
            f"the plan of patient {patient.mrn} ended for another reason ({previous.end_reason});"
            " after a new treatment restart it from the new anchor"
        )
    return previous


def _first_day(work: Work, previous: Plan, day: date | None) -> date:
    today = work.today(work.site(previous.site_id))
    ended_on = previous.ended_on or today
    if day is not None and not ended_on <= day <= today:
        raise InvalidInputError(f"whoever left on {ended_on} comes back from then to today ({today}), not on {day}")
    return day or today
