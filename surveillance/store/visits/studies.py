"""Studies: the evidence, and how far each has come."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from surveillance.core.schedule.status import Reading
from surveillance.store.board.base import days_after
from surveillance.store.tables import Plan, Study, StudyItem

HISTORY_DAYS = 30  # a study made longer before the enrolment is history: its report was read where it was made


def of_patient(session: Session, patient_id: UUID) -> list[Study]:
    """The studies of a patient that are not retracted, by day."""
    statement = select(Study).where(Study.patient_id == patient_id, col(Study.retracted_at).is_(None))
    return list(session.exec(statement.order_by(col(Study.performed_on), col(Study.id))))


def items(session: Session, study_id: UUID) -> list[str]:
    return list(session.exec(select(col(StudyItem.item)).where(StudyItem.study_id == study_id)))


def by_accession(session: Session, site_id: UUID, accession: str) -> Study | None:
    statement = select(Study).where(
        Study.site_id == site_id, Study.accession == accession, col(Study.retracted_at).is_(None)
    )
    return session.exec(statement).first()


def reading(row: Study) -> Reading:
    """How far a study has come; a review that a later version of the report has overtaken is to be made again."""
    return Reading(row.reported_on, None if row.to_review_since else row.reviewed_on, row.told_on)


# -- history ---------------------------------------------------------------------------------------------------


def _is_history() -> sa.ColumnElement[bool]:
    """No plan began before the study or soon after it."""
    enrolled = sa.exists().where(
        col(Plan.patient_id) == col(Study.patient_id),
        col(Plan.enrolled_on) <= days_after(Study.performed_on, HISTORY_DAYS),
    )
    return ~enrolled.correlate(Study)


def is_history(session: Session, patient_id: UUID, performed_on: date) -> bool:
    near = performed_on + timedelta(days=HISTORY_DAYS)
    statement = select(Plan.id).where(Plan.patient_id == patient_id, col(Plan.enrolled_on) <= near).limit(1)
    return session.exec(statement).first() is None


def refresh_history(session: Session, patient_id: UUID) -> None:
    """After a change of the day of enrolment."""
    session.flush()
    statement = select(Study, _history()).where(Study.patient_id == patient_id)
    for study, history in session.exec(statement).all():
        study.history = bool(history)
    session.flush()


def _history() -> sa.ColumnElement[bool]:
    """As it is stored."""
    return sa.case((_is_history(), sa.true()), else_=sa.false())


def wrong_history(session: Session) -> Iterator[Any]:
    """Studies that are stored as history and are none, or the other way round."""
    wrong = col(Study.history) != _history()
    return iter(session.exec(select(Study).where(wrong)))
