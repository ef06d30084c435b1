"""Signing what a study shows (design 5): what is not clear is carried on by a recorded fact, see ``following``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from surveillance.core.errors import InvalidInputError
from surveillance.core.results.follow_up import decides_at_signing
from surveillance.core.results.report_life import CHANGED
from surveillance.core.words import FollowUp, ReportStatus, Result, Role
from surveillance.operations.care import following
from surveillance.operations.care.following import Follow, Followed
from surveillance.operations.planning import preconditions, replanning
from surveillance.operations.visits import follow_ups, reports, result_tasks
from surveillance.operations.visits.result_tasks import NewTask
from surveillance.operations.work import Work
from surveillance.store.planning import plans
from surveillance.store.tables import Appointment, Patient, Study, StudyReport
from surveillance.store.visits import obligations as store


@dataclass(frozen=True, slots=True)
class NewReview:
    """What a clinician found. ``follow``: what follows from it; a recurrence cannot be signed without.

    ``preliminary``: a report that is not final is reviewed as such. ``repeat_by``: of an inadequate study.
    """

    day: date
    result: Result
    next_action: str = ""
    preliminary: bool = False
    repeat_by: date | None = None
    follow: Follow | None = None


def sign(work: Work, study: Study, new: NewReview) -> Followed:
    """A clinician has read the report and signs what the study shows.

    Whoever was told another result, or another meaning of it, or had a report that was changed since, is to be told
    again; and what followed from the former review is asked for anew.

    Raises:
        InvalidInputError: no report, a preliminary one that is not reviewed as such, an impossible day, or a result
            without what it asks for.
        ForbiddenError: it is no clinician by name who signs.
    """
    work.require_person(study.site_id, Role.CLINICIAN)
    reports.must_stand(work, study)
    patient = following.patient_of(work, study)
    version = _version(work, study, new)
    reports.check_between(work, study, "review", version.day, new.day)
    changed = _changes_meaning(study, new)
    stands = not changed and store.follow_up(work.session, study.id) is not None
    _check_result(work, patient, new, carried_on=stands or patient.died_on is not None)
    amended = version.status in CHANGED and version.read_on is None
    repeated = {study.repeat_by, new.repeat_by} != {None}
    version.read_on, version.read_by = new.day, work.actor.user_id
    if changed:
        follow_ups.ask_again(work, study, f"reviewed again on {new.day}: {new.result}")
    reports.put(
        work,
        study,
        "study.review",
        reviewed_on=new.day,
        reviewed_by=work.actor.user_id,
        result=new.result,
        next_action=new.next_action.strip(),
        repeat_by=new.repeat_by,
        to_review_since=None,
        told_on=None if changed or amended else study.told_on,
    )
    released = _carry_on(work, patient, study, new)
    if repeated:
        replanning.replan_patient(work, patient)
    return Followed(study, released)


def _version(work: Work, study: Study, new: NewReview) -> StudyReport:
    """The version of the report that is reviewed: the last one. Raises InvalidInputError for none that can be read."""
    versions = store.versions(work.session, study.id)
    if not versions or versions[-1].status is ReportStatus.REGISTERED:
        raise InvalidInputError("record the report before its review")
    last = versions[-1]
    if last.status is ReportStatus.PRELIMINARY and not new.preliminary:
        raise InvalidInputError(
            "the report is preliminary: wait for the final one, or say that you review it as preliminary"
        )
    if last.status is ReportStatus.CANCELLED and new.result is not Result.INADEQUATE:
        raise InvalidInputError("the report was cancelled; without one the study can only be found inadequate")
    return last


def _check_result(work: Work, patient: Patient, new: NewReview, *, carried_on: bool) -> None:
    """``carried_on``: what followed from the same result before stands, or nothing can follow any more."""
    inadequate = new.result is Result.INADEQUATE
    if inadequate is (new.repeat_by is None):
        why = "say by when it is to be repeated" if inadequate else "only an inadequate study is repeated by a day"
        raise InvalidInputError(why)
    if new.repeat_by is not None:
        today = work.today(work.site(patient.site_id))
        preconditions.check_near(new.repeat_by, today, "the repeat")
        if new.repeat_by < today:
            raise InvalidInputError(f"the study is repeated today ({today}) or later, not on {new.repeat_by}")
    if new.follow is not None and (inadequate or new.result is Result.CLEAR):
        why = "an inadequate study is repeated, and nothing else" if inadequate else "nothing"
        raise InvalidInputError(f"from a result that is {new.result} follows {why}")
    if carried_on or new.follow is not None or inadequate or new.result is Result.CLEAR:
        return
    if decides_at_signing(new.result):
        raise InvalidInputError(
            "a recurrence needs a decision about the plan when it is signed: a hold, an end with a day to restart by,"
            " an extra examination, or that the plan goes on, with a reason"
        )
    if not new.next_action.strip():
        raise InvalidInputError(f"a result that is {new.result} needs a next action")


def _changes_meaning(study: Study, new: NewReview) -> bool:
    """Whether the patient and whoever acts would hear something else than the last review said."""
    said = (study.result, study.next_action, study.repeat_by)
    return said != (new.result, new.next_action.strip(), new.repeat_by) or new.follow is not None


def _carry_on(work: Work, patient: Patient, study: Study, new: NewReview) -> Sequence[Appointment]:
    if new.result is Result.INADEQUATE and store.follow_up(work.session, study.id) is None:
        follow_ups.settle(work, study, FollowUp.REPEAT, new.day, reason=f"by {new.repeat_by}")
        if patient.died_on is None and plans.active_plan(work.session, patient.id) is None and new.repeat_by:
            task = NewTask("repeat the inadequate study", work.actor.user_id, new.repeat_by)
            result_tasks.add(work, study, task)  # no plan asks for the examination
    return following.follow_with(work, patient, study, new.day, new.follow) if new.follow is not None else ()
