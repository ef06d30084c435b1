"""Visits and their examinations."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from surveillance.core.schedule.examinations import Key
from surveillance.core.words import AppointmentState
from surveillance.store.tables import Appointment, AppointmentItem, ExaminationRow


def lines(session: Session, appointment_id: UUID) -> list[AppointmentItem]:
    """The examinations of a visit, in the order of their items."""
    statement = select(AppointmentItem).where(AppointmentItem.appointment_id == appointment_id)
    return list(session.exec(statement.order_by(col(AppointmentItem.item))))


def lines_of(session: Session, ids: Iterable[UUID]) -> dict[UUID, list[AppointmentItem]]:
    """The examinations of many visits in one query."""
    found: dict[UUID, list[AppointmentItem]] = {}
    wanted = list(ids)
    if not wanted:
        return found
    statement = select(AppointmentItem).where(col(AppointmentItem.appointment_id).in_(wanted))
    for line in session.exec(statement.order_by(col(AppointmentItem.item))):
        found.setdefault(line.appointment_id, []).append(line)
    return found


def of_plan(session: Session, plan_id: UUID, *states: AppointmentState) -> list[Appointment]:
    """The visits of a plan in the given states, by day."""
    statement = select(Appointment).where(Appointment.plan_id == plan_id, col(Appointment.state).in_(states))
    return list(session.exec(statement.order_by(col(Appointment.day), col(Appointment.id))))


def of_patient(session: Session, patient_id: UUID, *states: AppointmentState) -> list[Appointment]:
    """The visits of a patient over all plans in the given states, by day."""
    statement = select(Appointment).where(Appointment.patient_id == patient_id, col(Appointment.state).in_(states))
    return list(session.exec(statement.order_by(col(Appointment.day), col(Appointment.id))))


def key(line: AppointmentItem) -> Key:
    return Key(line.item, line.month, str(line.extra_id) if line.extra_id else None)


def examination_of(session: Session, plan_id: UUID, wanted: Key) -> ExaminationRow | None:
    """The stored row of a key, if it is still wanted."""
    statement = select(ExaminationRow).where(
        ExaminationRow.plan_id == plan_id, ExaminationRow.item == wanted.item, col(ExaminationRow.withdrawn).is_(False)
    )
    if wanted.extra is not None:
        return session.exec(statement.where(ExaminationRow.extra_id == UUID(wanted.extra))).first()
    return session.exec(statement.where(ExaminationRow.month == wanted.month)).first()


def touch(appointment: Appointment, now: datetime, user_id: UUID) -> None:
    """Say that a visit changed: its calendar entry is a new revision (RFC 5545 3.8.7.4)."""
    appointment.sequence += 1
    appointment.changed_at = now
    appointment.changed_by = user_id
