"""What follows from a result that is not clear: a fact that is linked, or recorded in the same step (design 5).

A tick or a sentence closes nothing: the obligation goes over to something that has a day and that somebody sees.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from surveillance.core import plain
from surveillance.core.dates import local_day
from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.results.follow_up import decides_at_signing, may_follow
from surveillance.core.words import AppointmentState, FollowUp, Result, Role
from surveillance.operations.care import holds, lifecycle, overrides
from surveillance.operations.care.holds import NewHold
from surveillance.operations.care.lifecycle import NewEnd
from surveillance.operations.care.overrides import NewExtra
from surveillance.operations.planning import plan_record, preconditions
from surveillance.operations.visits import follow_ups, reports, result_tasks
from surveillance.operations.visits.reports import RECORDERS
from surveillance.operations.visits.result_tasks import NewTask
from surveillance.operations.work import Work, found
from surveillance.store.audit import events
from surveillance.store.planning import plans
from surveillance.store.tables import Appointment, ExtraExamination, Patient, Plan, PlanHold, ResultTask, Study
from surveillance.store.visits import appointments
from surveillance.store.visits import obligations as store


@dataclass(frozen=True, slots=True)
class Link:
    """A fact that is on record already: an extra examination, a hold, a task, the plan that ended or was restarted."""

    kind: FollowUp
    id: UUID


@dataclass(frozen=True, slots=True)
class GoOn:
    """The plan goes on as it is although the tumour has come back."""

    reason: str


Follow = Link | NewExtra | NewHold | NewEnd | NewTask | GoOn


@dataclass(frozen=True, slots=True)
class Followed:
    """The study as it stands then, and the booked visits that fell away, whose scanner slots are to be released."""

    study: Study
    released: Sequence[Appointment] = ()


def act(work: Work, study: Study, day: date, follow: Follow) -> Followed:
    """The next action of a result that is not clear: a fact that is linked, or recorded now, carries it on.

    Raises:
        InvalidInputError: not reviewed, nothing to follow, an impossible day, or a fact that does not settle the
            result, is another patient's or was recorded before the review.
        ConflictError: something follows from it already.
    """
    work.require(study.site_id, *RECORDERS)
    reports.must_stand(work, study)
    if study.reviewed_on is None:
        raise InvalidInputError("a clinician reviews the result before something follows from it")
    if study.result in (Result.CLEAR, Result.INADEQUATE):
        why = "a clear result asks for nothing" if study.result is Result.CLEAR else "its repeat settles it"
        raise InvalidInputError(f"this study asks for no next action: {why}")
    if (row := store.follow_up(work.session, study.id)) is not None:
        raise ConflictError(f"{plain.FOLLOW_UP[row.kind]} follows from this result already, since {row.day}")
    reports.check_between(work, study, "next action", study.reviewed_on, day)
    patient = patient_of(work, study)
    return Followed(study, follow_with(work, patient, study, day, follow))


def follow_with(work: Work, patient: Patient, study: Study, day: date, follow: Follow) -> Sequence[Appointment]:
    """Link or record what follows; returns the visits that fall away."""
    kind, result = _kind(follow), found(study.result, "result of the study", str(study.id))
    plan = plans.active_plan(work.session, patient.id)
    allowed = may_follow(result, has_plan=plan is not None)
    if kind not in allowed:
        listed = ", ".join(plain.FOLLOW_UP[each] for each in FollowUp if each in allowed) or "nothing"
        raise InvalidInputError(
            f"a result that is {result} is not settled by “{plain.FOLLOW_UP[kind]}”, but by {listed}"
        )
    if decides_at_signing(result):
        work.require_person(study.site_id, Role.CLINICIAN)
    booked = _booked(work, plan)
    reason = follow.reason.strip() if isinstance(follow, GoOn) else ""
    fact_id = (
        _linked(work, patient, study, follow) if isinstance(follow, Link) else _recorded(work, study, plan, follow)
    )
    follow_ups.settle(work, study, kind, day, fact_id, reason)
    return [row for row in booked if row.state is not AppointmentState.BOOKED]


def _kind(follow: Follow) -> FollowUp:
    match follow:
        case Link():
            return follow.kind
        case NewExtra():
            return FollowUp.EXTRA
        case NewHold():
            return FollowUp.HOLD
        case NewEnd():
            return FollowUp.END
        case NewTask():
            return FollowUp.TASK
        case GoOn():
            return FollowUp.CONTINUE


def _booked(work: Work, plan: Plan | None) -> list[Appointment]:
    """The visits to come; those that are not booked any more afterwards fell away."""
    if plan is None:
        return []
    today = work.today(work.site(plan.site_id))
    return [row for row in appointments.of_plan(work.session, plan.id, AppointmentState.BOOKED) if row.day >= today]


def _recorded(work: Work, study: Study, plan: Plan | None, follow: Follow) -> UUID | None:
    """Record the fact that follows; a reason alone has no id."""
    if isinstance(follow, NewTask):
        return result_tasks.add(work, study, follow).id
    if isinstance(follow, GoOn):
        preconditions.reasoned(follow.reason, "to go on after a recurrence")
        return None
    active = found(plan, "active plan of the patient", str(study.patient_id))
    match follow:
        case NewExtra():
            return overrides.extra(work, active, follow).id  # noqa: S610  # not Django's
        case NewHold():
            return holds.hold(work, active, follow).id
        case NewEnd():
            lifecycle.end(work, active, follow)
    return active.id


# -- linking ---------------------------------------------------------------------------------------------------

_TABLES: Mapping[FollowUp, Any] = {
    FollowUp.EXTRA: ExtraExamination,
    FollowUp.HOLD: PlanHold,
    FollowUp.END: Plan,
    FollowUp.RESTART: Plan,
    FollowUp.TASK: ResultTask,
}


def _linked(work: Work, patient: Patient, study: Study, link: Link) -> UUID:
    """The id of a fact about the same patient that was recorded on or after the day of the review, or that carried on
    the same study after an earlier one.

    Raises:
        InvalidInputError: it is none.
    """
    row = work.session.get(_TABLES[link.kind], link.id) if link.kind in _TABLES else None
    what = plain.FOLLOW_UP[link.kind]
    if row is None or _owner(work, row) != patient.id or getattr(row, "retracted_at", None) is not None:
        raise InvalidInputError(f"patient {patient.mrn} has no such {what} on record")
    at = _since(work, link.kind, row)
    if at is None:
        raise InvalidInputError(f"this plan is no {what}")
    on = local_day(at, work.site(study.site_id).time_zone)
    before = study.reviewed_on is None or on < study.reviewed_on
    if before and not store.carried_on(work.session, study.id, link.kind, link.id):
        raise InvalidInputError(f"the {what} of {on} was there before the review of {study.reviewed_on}")
    return link.id


def linkable(work: Work, patient: Patient, study: Study) -> list[tuple[Link, str]]:
    """The facts on record that a study's result could be carried on by, each in words, the newest first."""
    versions = store.versions(work.session, study.id)
    since = study.reviewed_on or (versions[-1].day if versions else study.performed_on)
    zone = work.site(study.site_id).time_zone
    found = []
    for kind, row, said in _facts(work, patient):
        at = _since(work, kind, row)
        if at is not None and local_day(at, zone) >= since:
            found.append((at, Link(kind, row.id), f"{plain.FOLLOW_UP[kind]}: {said}"))
    return [(link, said) for _, link, said in sorted(found, key=lambda each: each[0], reverse=True)]


def _facts(
    work: Work, patient: Patient
) -> Iterator[tuple[FollowUp, ExtraExamination | PlanHold | Plan | ResultTask, str]]:
    titles = plan_record.titles_of_patient(work, patient.id)
    for task in store.of_patient(work.session, patient.id):
        yield FollowUp.TASK, task, f"{task.what}, due on {task.due_on}"
    for plan in plans.all_plans(work.session, patient.id):
        if plan.previous_id is not None:
            yield FollowUp.RESTART, plan, f"from {plan.anchor}"
        if plan.ended_on is not None:
            yield FollowUp.END, plan, f"on {plan.ended_on}"
        for extra in plan_record.extras(work, plan):
            yield FollowUp.EXTRA, extra, f"{titles.get(extra.item, extra.item)} around {extra.target}"
        for row in plan_record.holds(work, plan):
            yield FollowUp.HOLD, row, f"{plain.HOLD[row.reason]}, to be looked at again on {row.review_on}"


def _owner(work: Work, row: ExtraExamination | PlanHold | Plan | ResultTask) -> UUID:
    if isinstance(row, (Plan, ResultTask)):
        return row.patient_id
    return preconditions.plan_of(work, row.plan_id).patient_id


def _since(work: Work, kind: FollowUp, row: ExtraExamination | PlanHold | Plan | ResultTask) -> datetime | None:
    """When the fact was recorded; None where a plan has not ended, or is no restart."""
    if kind is FollowUp.END and isinstance(row, Plan):
        return events.last_at(work.session, row.patient_id, "plan.end", row.id) if row.ended_on is not None else None
    if kind is FollowUp.RESTART and isinstance(row, Plan) and row.previous_id is None:
        return None
    return row.recorded_at


def patient_of(work: Work, study: Study) -> Patient:
    return found(work.session.get(Patient, study.patient_id), "patient", str(study.patient_id))
