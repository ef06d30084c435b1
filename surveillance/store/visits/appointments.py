"""Visits and their examinations."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from surveillance.core.schedule.examinations import Booking, Key
from surveillance.core.words import AppointmentState, Outcome
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


# -- a patient's visits, read once -----------------------------------------------------------------------------


class Visits:
    """All visits of a patient with their lines. Whoever adds or takes away one says so here; what changes in a row is
    seen, as the rows are those of the session."""

    def __init__(self, pairs: Iterable[tuple[Appointment, AppointmentItem | None]] = ()) -> None:
        self._rows: dict[UUID, Appointment] = {}
        self._lines: dict[UUID, list[AppointmentItem]] = {}
        for visit, line in pairs:
            self.add(visit)
            if line is not None:
                self.put(line)

    def of_plan(self, plan_id: UUID, *states: AppointmentState) -> list[Appointment]:
        """Those of one plan in the given states, by day."""
        rows = (row for row in self._rows.values() if row.plan_id == plan_id and row.state in states)
        return sorted(rows, key=lambda row: (row.day, row.id))

    def every(self) -> list[Appointment]:
        """Those of all plans, by day."""
        return sorted(self._rows.values(), key=lambda row: (row.day, row.id))

    def lines(self, visit_id: UUID) -> list[AppointmentItem]:
        """The examinations of a visit, in the order of their items."""
        return sorted(self._lines.get(visit_id, ()), key=lambda line: line.item)

    def add(self, row: Appointment) -> None:
        """One more visit."""
        self._rows[row.id] = row
        self._lines.setdefault(row.id, [])

    def put(self, line: AppointmentItem) -> None:
        """One more line of a visit."""
        self._lines[line.appointment_id].append(line)

    def take(self, gone: AppointmentItem) -> None:
        """A line is gone."""
        left = (line for line in self._lines[gone.appointment_id] if line is not gone)
        self._lines[gone.appointment_id] = list(left)

    def drop(self, row: Appointment) -> None:
        """The visit is gone, with its lines."""
        del self._rows[row.id], self._lines[row.id]

    def bookings(self, plan_id: UUID) -> tuple[Booking, ...]:
        """The examinations of a plan that are booked and whose outcome nobody has recorded."""
        return tuple(
            Booking(str(row.id), line.item, row.day, line.month, line.target, key(line).extra)
            for row in self.of_plan(plan_id, AppointmentState.BOOKED)
            for line in self.lines(row.id)
            if line.outcome is None
        )

    def booked_for(self, plan_id: UUID) -> Mapping[UUID | None, frozenset[tuple[str, int]]]:
        """The slots that the plan's visits were booked for and examined, by visit."""
        found: dict[UUID | None, set[tuple[str, int]]] = {}
        for row in self._rows.values():
            for line in self._lines[row.id] if row.plan_id == plan_id and row.was_booked else ():
                if line.outcome is Outcome.PERFORMED and line.month is not None:
                    found.setdefault(row.id, set()).add((line.item, line.month))
        return {visit_id: frozenset(slots) for visit_id, slots in found.items()}


def visits(session: Session, patient_id: UUID) -> Visits:
    """As they stand in the database, in one query."""
    statement = (
        select(Appointment, AppointmentItem)
        .outerjoin(AppointmentItem, col(AppointmentItem.appointment_id) == col(Appointment.id))
        .where(Appointment.patient_id == patient_id)
    )
    return Visits(session.exec(statement.execution_options(populate_existing=True)))
