"""What carries on the obligation of a result that is not clear: linked, and asked for again when its fact goes."""

from datetime import date
from uuid import UUID

from surveillance.core import plain
from surveillance.core.words import FollowUp
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.tables import Study, StudyFollowUp
from surveillance.store.visits import obligations as store


def settle(
    work: Work, study: Study, kind: FollowUp, day: date, fact_id: UUID | None = None, reason: str = ""
) -> StudyFollowUp:
    """A fact follows from a study's result: the obligation is that fact's from now on.

    The caller has asked whether it may settle the result, and whether the fact is this patient's.
    """
    row = StudyFollowUp(
        site_id=study.site_id,
        patient_id=study.patient_id,
        study_id=study.id,
        kind=kind,
        reason=reason.strip(),
        day=day,
        recorded_at=work.now,
        recorded_by=work.actor.user_id,
    )
    if (column := store.column(kind)) is not None:
        setattr(row, column, fact_id)
    work.session.add(row)
    before = picture(study, ("next_action_done_on",))
    study.next_action_done_on = day
    work.session.flush()
    after = picture(study, before) | {"follow_up": kind, "follow_up_id": fact_id}
    work.audit("study.acted", study, before=before | {"follow_up": None}, after=after, reason=reason.strip())
    return row


def ask_again(work: Work, study: Study, reason: str) -> None:
    """Whatever followed from the result does not settle it any more; the study waits for its next action."""
    row = store.follow_up(work.session, study.id)
    if row is None:
        return
    row.retracted_at, row.retracted_by, row.retracted_reason = work.now, work.actor.user_id, reason
    before = picture(study, ("next_action_done_on",)) | {"follow_up": row.kind}
    study.next_action_done_on = None
    work.session.flush()
    after = picture(study, ("next_action_done_on",)) | {"follow_up": None}
    work.audit("study.reopen", study, before=before, after=after, reason=reason)


def fact_is_gone(work: Work, kind: FollowUp, fact_id: UUID, reason: str) -> None:
    """A fact was taken back: every result that it carried on asks for its next action again."""
    for row in store.linked(work.session, kind, fact_id):
        study = work.session.get_one(Study, row.study_id)
        ask_again(work, study, f"the {plain.FOLLOW_UP[kind]} was taken back: {reason}")


def study_is_gone(work: Work, study: Study, reason: str) -> None:
    """A study was taken back: nothing follows from it, and what it gave somebody to do is not to be done."""
    ask_again(work, study, f"the study was taken back: {reason}")
    for task in store.tasks(work.session, [study.id]):
        if task.done_on is None:
            task.retracted_at, task.retracted_by = work.now, work.actor.user_id
            task.retracted_reason = f"the study was taken back: {reason}"
            work.session.flush()
            work.audit("result_task.retract", task, after=picture(task), reason=task.retracted_reason)
