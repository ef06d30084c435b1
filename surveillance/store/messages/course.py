"""What of a patient's active plan decides about messages, in one query."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col

from surveillance.store.tables import ExaminationRow, ExtraExamination, Plan, PlanHold, PlanTerms

Line = tuple[Plan, bool, datetime | None, ExaminationRow | None, datetime | None]


def of_patient(session: Session, patient_id: UUID, today: date, until: date, window_until: date) -> list[Line]:
    """The active plan, whether it is held ``today``, when its terms were recorded last, and a line for each examination
    that still asks for something, is not held, and is overdue by ``until`` or opens by the other day, with the moment
    at which it was asked for, if it is an extra one. A plan that asks for nothing has one line.
    """
    row = ExaminationRow
    held = sa.and_(col(row.held_from).is_not(None), col(row.held_until).is_(None))
    near = sa.or_(col(row.overdue_from) <= until, col(row.window_start) <= window_until)
    asks = (col(row.plan_id) == col(Plan.id), col(row.open).is_(True), col(row.withdrawn).is_(False), ~held, near)
    columns = (Plan, _on_hold(today), _terms_recorded_at(), row, col(ExtraExamination.recorded_at))
    statement = (
        sa.select(*columns)
        .outerjoin(row, sa.and_(*asks))
        .outerjoin(ExtraExamination, col(ExtraExamination.id) == col(row.extra_id))
        .where(col(Plan.patient_id) == patient_id, col(Plan.ended_on).is_(None))
        .execution_options(populate_existing=True)
    )
    return [tuple(line) for line in session.execute(statement)]


def _on_hold(today: date) -> sa.ColumnElement[bool]:
    """Whether a hold of the whole plan covers a day."""
    hold = PlanHold
    return (
        sa.exists()
        .where(col(hold.plan_id) == col(Plan.id), col(hold.retracted_at).is_(None), col(hold.item).is_(None))
        .where(col(hold.start) <= today, sa.or_(col(hold.resumed_on).is_(None), col(hold.resumed_on) > today))
        .correlate(Plan)
    )


def _terms_recorded_at() -> sa.ScalarSelect[datetime]:
    terms = (col(PlanTerms.plan_id) == col(Plan.id), col(PlanTerms.retracted_at).is_(None))
    return sa.select(sa.func.max(col(PlanTerms.recorded_at))).where(*terms).correlate(Plan).scalar_subquery()
