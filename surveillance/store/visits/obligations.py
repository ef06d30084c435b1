"""What a study's result asks for: the versions of its report, what followed from it, and the tasks that came of it."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from surveillance.core.results.follow_up import SILENCING
from surveillance.core.words import FollowUp
from surveillance.store.tables import ResultTask, Study, StudyFollowUp, StudyReport


def versions(session: Session, study_id: UUID) -> list[StudyReport]:
    """The versions of a study's report in the order in which they were recorded."""
    statement = select(StudyReport).where(StudyReport.study_id == study_id, col(StudyReport.retracted_at).is_(None))
    return list(session.exec(statement.order_by(col(StudyReport.number))))


def next_number(session: Session, study_id: UUID) -> int:
    """The number of the next version of a study's report; those that were taken back keep theirs."""
    last = session.exec(select(sa.func.max(StudyReport.number)).where(StudyReport.study_id == study_id)).one()
    return (last or 0) + 1


def follow_up(session: Session, study_id: UUID) -> StudyFollowUp | None:
    """What followed from the study's last review."""
    statement = select(StudyFollowUp).where(
        StudyFollowUp.study_id == study_id, col(StudyFollowUp.retracted_at).is_(None)
    )
    return session.exec(statement).first()


_COLUMNS = {
    FollowUp.EXTRA: "extra_id",
    FollowUp.HOLD: "hold_id",
    FollowUp.END: "plan_id",
    FollowUp.RESTART: "plan_id",
    FollowUp.TASK: "task_id",
}


def _names(kind: FollowUp, fact_id: UUID) -> Any:
    """Whether a row links to a fact."""
    column: Any = getattr(StudyFollowUp, _COLUMNS[kind])
    return sa.and_(col(StudyFollowUp.kind) == kind, column == fact_id)


def linked(session: Session, kind: FollowUp, fact_id: UUID) -> list[StudyFollowUp]:
    """The results that a fact carries on."""
    statement = select(StudyFollowUp).where(_names(kind, fact_id), col(StudyFollowUp.retracted_at).is_(None))
    return list(session.exec(statement))


def carried_on(session: Session, study_id: UUID, kind: FollowUp, fact_id: UUID) -> bool:
    """Whether a fact carries on a study's result, or did after an earlier review."""
    statement = select(StudyFollowUp.id).where(StudyFollowUp.study_id == study_id, _names(kind, fact_id))
    return session.exec(statement.limit(1)).first() is not None


def column(kind: FollowUp) -> str | None:
    """The column that names the fact of a kind; None where it is a reason alone."""
    return _COLUMNS.get(kind)


def tasks(session: Session, study_ids: Iterable[UUID]) -> list[ResultTask]:
    """The tasks that came of some studies, done or not, by day."""
    statement = select(ResultTask).where(
        col(ResultTask.study_id).in_(list(study_ids)), col(ResultTask.retracted_at).is_(None)
    )
    return list(session.exec(statement.order_by(col(ResultTask.due_on), col(ResultTask.id))))


def of_patient(session: Session, patient_id: UUID) -> list[ResultTask]:
    """The tasks of a patient, done or not, by day."""
    statement = select(ResultTask).where(ResultTask.patient_id == patient_id, col(ResultTask.retracted_at).is_(None))
    return list(session.exec(statement.order_by(col(ResultTask.due_on), col(ResultTask.id))))


def undecided(session: Session, patient_id: UUID) -> bool:
    """Whether a result that may be a recurrence waits for somebody to decide what follows."""
    statement = select(Study.id).where(
        Study.patient_id == patient_id,
        col(Study.result).in_(SILENCING),
        col(Study.next_action_done_on).is_(None),
        col(Study.retracted_at).is_(None),
    )
    return session.exec(statement.limit(1)).first() is not None
