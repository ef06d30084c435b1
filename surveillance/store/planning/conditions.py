"""The diseases of a patient."""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from surveillance.store.tables import Condition, Plan


def of_patient(session: Session, patient_id: UUID, *, taken_back: bool = False) -> list[Condition]:
    """In the order of their recording; ``taken_back``: those that were retracted as well."""
    statement = select(Condition).where(Condition.patient_id == patient_id)
    if not taken_back:
        statement = statement.where(col(Condition.retracted_at).is_(None))
    return list(session.exec(statement.order_by(col(Condition.number))))


def with_plans(session: Session, patient_id: UUID) -> list[tuple[Condition, list[Plan]]]:
    """The diseases of a patient, each with its plans, active and ended, by number; as they stand in the database."""
    statement = (
        select(Condition, Plan)
        .outerjoin(Plan, col(Plan.condition_id) == col(Condition.id))
        .where(Condition.patient_id == patient_id, col(Condition.retracted_at).is_(None))
        .order_by(col(Condition.number), col(Plan.number))
        .execution_options(populate_existing=True)
    )
    found: dict[UUID, tuple[Condition, list[Plan]]] = {}
    for condition, plan in session.exec(statement):
        own = found.setdefault(condition.id, (condition, []))[1]
        if plan is not None:
            own.append(plan)
    return list(found.values())


def told_apart(session: Session, patient_ids: Iterable[UUID]) -> dict[UUID, Condition]:
    """The disease of each plan, of those patients who have several: there a plan has to be named."""
    several = (
        sa.select(col(Condition.patient_id))
        .where(col(Condition.patient_id).in_(list(patient_ids)), col(Condition.retracted_at).is_(None))
        .group_by(col(Condition.patient_id))
        .having(sa.func.count() > 1)
    )
    statement = select(Plan.id, Condition).join(Condition, col(Condition.id) == col(Plan.condition_id))
    return dict(session.exec(statement.where(col(Plan.patient_id).in_(several))).all())


def last_number(session: Session, patient_id: UUID) -> int:
    """The number of the disease that was recorded last, 0 where there is none."""
    return session.scalar(sa.select(sa.func.max(Condition.number)).where(col(Condition.patient_id) == patient_id)) or 0


def has_plan(session: Session, condition_id: UUID) -> bool:
    """Whether any plan is, or was, for it."""
    return session.exec(select(Plan.id).where(Plan.condition_id == condition_id).limit(1)).first() is not None
