"""A patient who was followed elsewhere comes back: neither a new treatment (restart) nor an end that was recorded
wrongly (reopen). The days keep counting from the same anchor, and the time elsewhere asks for nothing here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.people.way_back import Way, refusal
from surveillance.core.words import Role
from surveillance.operations.care import enrolment, which_disease
from surveillance.operations.care.enrolment import Enrolment
from surveillance.operations.deferrals import granting
from surveillance.operations.planning import preconditions, replanning
from surveillance.operations.visits.results import NewStudy
from surveillance.operations.work import Work
from surveillance.store.planning import conditions
from surveillance.store.planning import plans as store
from surveillance.store.tables import Patient, Plan


@dataclass(frozen=True, slots=True)
class Return:
    """``studies``: what was examined elsewhere and is known. ``day``: since when the clinic follows again; None: today.

    ``protocol`` None: the version that the patient was on. ``intervals``: over what was chosen then.
    ``condition``: which disease, where several were followed.
    """

    reason: str
    day: date | None = None
    studies: Sequence[NewStudy] = ()
    protocol: str | None = None
    intervals: Mapping[str, int | None] | None = None
    off_until: date | None = None
    condition: UUID | None = None


def come_back(work: Work, patient: Patient, new: Return) -> Plan:
    """A new plan from the old anchor, linked to the old one. What nobody knows of the time elsewhere is asked for.

    What is due now is due as for somebody who enrols midway (schedule rule 8): earlier examinations exist only where
    a study is known, and where the last one is not, the board asks for it.

    Raises:
        InvalidInputError: no reason, a day before the plan ended or after today, or several diseases and none named.
        ConflictError: there is no plan that ended so that somebody can come back to it; it says what to do instead.
        BeyondLimitError, as by ``enrol``.
    """
    work.require(patient.site_id, Role.COORDINATOR, Role.CLINICIAN)
    if not new.reason.strip():
        raise InvalidInputError("a return needs a reason, such as where the patient was followed")
    patient = preconditions.lock(work, patient.id)
    known = conditions.with_plans(work.session, patient.id)
    if not any(own for _, own in known):
        raise ConflictError(f"patient {patient.mrn} was never followed here; enrol the patient instead")
    condition, previous = which_disease.with_last_plan(patient, new.condition, known)
    if why := refusal(Way.RETURN, which_disease.end_of(previous), work.today(work.site(patient.site_id))):
        raise ConflictError(f"patient {patient.mrn}: {why}")
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
    plan = enrolment.begin(work, patient, again, previous, condition, "plan.return")
    replanning.replan_patient(work, patient)
    return plan


def _first_day(work: Work, previous: Plan, day: date | None) -> date:
    today = work.today(work.site(previous.site_id))
    ended_on = previous.ended_on or today
    if day is not None and not ended_on <= day <= today:
        raise InvalidInputError(f"whoever left on {ended_on} comes back from then to today ({today}), not on {day}")
    return day or today
