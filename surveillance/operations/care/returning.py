"""A patient who was followed elsewhere comes back: the same clock goes on, and nothing of the time between was missed
here (schedule rule 10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.people.way_back import Way, refusal
from surveillance.core.words import DeferralKind
from surveillance.operations.care import enrolment, which_disease
from surveillance.operations.care.enrolment import Enrolment
from surveillance.operations.deferrals import granting
from surveillance.operations.planning import preconditions
from surveillance.operations.planning.preconditions import DECIDERS
from surveillance.operations.work import Work
from surveillance.store.planning import conditions
from surveillance.store.planning import plans as store
from surveillance.store.tables import Patient, Plan


@dataclass(frozen=True, slots=True)
class NewReturn:
    """``since``: the day from which the patient is followed here again; None: today. Without a protocol the one of
    before goes on, by its intervals."""

    reason: str
    since: date | None = None
    protocol: str | None = None
    intervals: Mapping[str, int | None] | None = None
    condition: UUID | None = None
    off_until: date | None = None


def come_back(work: Work, patient: Patient, new: NewReturn) -> Plan:
    """Go on from the same anchor after a transfer, a wish or a discharge: a further plan for the disease.

    The time between is known as elsewhere: its slots exist only where a study from there is recorded, and those studies
    are asked for on the board. What is due now is due by the last study that is known, or at once.

    Raises:
        InvalidInputError: no reason, a day before the end or in the future, or several diseases and none named.
        ConflictError: the plan has not ended, or it ended in a way from which nobody returns.
    """
    work.require(patient.site_id, *DECIDERS)
    preconditions.reasoned(new.reason, "a return")
    patient = preconditions.lock(work, patient.id)
    known = conditions.with_plans(work.session, patient.id)
    condition, previous = which_disease.with_last_plan(patient, new.condition, known)
    today = work.today(work.site(patient.site_id))
    if why := refusal(Way.RETURN, which_disease.end_of(previous), today):
        raise ConflictError(f"patient {patient.mrn}: {why}")
    since, left = new.since or today, _left(previous)
    if since < left:
        raise InvalidInputError(f"patient {patient.mrn} left on {left} and cannot be back on {since}")
    granting.settle_plan(work, previous, "the patient came back", (DeferralKind.RESTART, DeferralKind.TRANSFER))
    again = _as_before(work, previous, new, since)
    return enrolment.follow_on(work, patient, again, previous, condition, "plan.return", away_since=left)


def _left(previous: Plan) -> date:
    if previous.ended_on is None:
        raise ConflictError("the plan has not ended")
    return previous.ended_on


def _as_before(work: Work, previous: Plan, new: NewReturn, since: date) -> Enrolment:
    last = store.terms_in_force(work.session, previous.id)[-1]
    kept = {} if new.protocol and new.intervals is None else last.intervals
    return Enrolment(
        protocol=new.protocol or last.protocol_key,
        anchor=previous.anchor,
        intervals=new.intervals if new.intervals is not None else kept,
        enrolled_on=since,
        reason=new.reason,
        off_until=new.off_until,
    )
