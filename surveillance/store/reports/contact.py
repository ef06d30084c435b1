"""What reports count of visits, messages and lost patients, grouped by the database: of one site, on its local day."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col

from surveillance.core.reports.counting import GRACE_DAYS, Course, Fate, Period
from surveillance.core.words import AppointmentState, AttemptState, Outcome
from surveillance.store.board.base import days_after
from surveillance.store.reports.day_functions import day_code, utc_day
from surveillance.store.reports.examinations import MONTH, Row, Where, number, overdue
from surveillance.store.tables import Appointment, AppointmentItem, Attempt, Contact, Inbound, Patient, Plan, Study

YEAR = 12 * MONTH


# -- visits ------------------------------------------------------------------------------------------------------


def no_shows(session: Session, where: Where, period: Period) -> dict[int, tuple[int, int]]:
    """Month → visits whose outcome is known, and those to which the patient did not come."""
    came = sa.case((col(AppointmentItem.outcome) == Outcome.NOSHOW, 1), else_=0)
    visits = (
        sa.select((day_code(col(Appointment.day)) // MONTH).label("month"), sa.func.max(came).label("missed"))
        .join(AppointmentItem, col(AppointmentItem.appointment_id) == col(Appointment.id))
        .where(
            col(Appointment.site_id) == where.site_id,
            col(Appointment.day).between(*period),
            col(AppointmentItem.outcome).in_([Outcome.PERFORMED, Outcome.NOT_DONE, Outcome.NOSHOW]),
        )
        .group_by(col(Appointment.id), col(Appointment.day))
        .subquery()
    )
    counted = sa.select(visits.c.month, sa.func.count(), number(sa.func.sum(visits.c.missed)))
    return {row[0]: (row[1], row[2]) for row in session.connection().execute(counted.group_by(visits.c.month))}


# -- messages ----------------------------------------------------------------------------------------------------

FATES: Mapping[AttemptState, Fate] = {
    AttemptState.DELIVERED: Fate.DELIVERED,
    AttemptState.UNDELIVERED: Fate.UNDELIVERED,
    AttemptState.REFUSED: Fate.FAILED,
    AttemptState.ABSENT: Fate.FAILED,
    AttemptState.IN_DOUBT: Fate.IN_DOUBT,
    AttemptState.ACCEPTED: Fate.HANDED_OVER,
    AttemptState.IN_FLIGHT: Fate.HANDED_OVER,
}


def messages(
    session: Session, site_id: UUID, months: Mapping[int, tuple[datetime, datetime]]
) -> dict[tuple[int, str, Fate], tuple[int, int]]:
    """(month, channel, fate) → messages and, of those that a provider took, their parts.

    ``months`` gives the moments between which each month lies by the site's clock.
    """
    at = col(Attempt.created_at)
    first = min(start for start, _ in months.values())
    month = sa.case(*((at < end, key) for key, (_, end) in sorted(months.items())), else_=None).label("month")
    billed = sa.case((col(Attempt.state).in_([AttemptState.REFUSED, AttemptState.ABSENT]), 0), else_=col(Attempt.parts))
    channel, state = col(Attempt.channel), col(Attempt.state)
    statement = (
        sa.select(month, channel, state, sa.func.count(), number(sa.func.sum(billed)))
        .where(col(Attempt.site_id) == site_id, at >= first, at < max(end for _, end in months.values()))
        .group_by(month, channel, state)
    )
    found: dict[tuple[int, str, Fate], tuple[int, int]] = {}
    for when, by, stood, count, parts in session.connection().execute(statement):
        key = (when, by.value, FATES[stood])
        before = found.get(key, (0, 0))
        found[key] = (before[0] + count, before[1] + parts)
    return found


# -- loss to follow-up -------------------------------------------------------------------------------------------


def courses(session: Session, where: Where) -> list[Course]:
    """Every plan: in which year since treatment it came under observation, in which one it left, and whether lost.

    Lost is who has been overdue for as long as the grace without a sign of life since: no study, no visit kept or
    booked, no reply. What is held, skipped or ended is not overdue.
    """
    late = _long_overdue(where).cte("late")
    signs = sa.union_all(*_signs(late)).subquery()
    last = sa.select(signs.c.plan_id, sa.func.max(signs.c.day).label("day")).group_by(signs.c.plan_id).subquery()
    gone = days_after(last.c.day, GRACE_DAYS)
    lost = sa.and_(last.c.day.is_not(None), gone <= where.today)
    until = sa.case((lost, gone), else_=sa.func.coalesce(col(Plan.ended_on), sa.literal(where.today, sa.Date)))
    anchor = day_code(col(Plan.anchor))
    first_year = ((day_code(col(Plan.enrolled_on)) - anchor) // YEAR + 1).label("first_year")
    last_year = ((day_code(until) - anchor) // YEAR + 1).label("last_year")
    is_lost = sa.case((lost, 1), else_=0).label("lost")
    statement = (
        sa.select(first_year, last_year, is_lost, sa.func.count())
        .select_from(Plan)
        .outerjoin(last, last.c.plan_id == col(Plan.id))
        .where(col(Plan.site_id) == where.site_id, col(Plan.enrolled_on) <= where.today)
        .group_by(first_year, last_year, is_lost)
    )
    return [Course(row[0], row[1], bool(row[2]), row[3]) for row in session.connection().execute(statement)]


def _long_overdue(where: Where) -> Any:
    """Plans with an examination that has been overdue for as long as the grace, since when, and no visit to come."""
    booked = sa.exists().where(
        col(Appointment.patient_id) == col(Row.patient_id),
        col(Appointment.state) == AppointmentState.BOOKED,
        col(Appointment.day) >= where.today,
    )
    since = sa.func.min(col(Row.overdue_since)).label("day")
    return (
        sa.select(col(Row.plan_id).label("plan_id"), col(Row.patient_id).label("patient_id"), since)
        .join(Patient, col(Patient.id) == col(Row.patient_id))
        .where(*overdue(where), days_after(col(Row.overdue_since), GRACE_DAYS) <= where.today)
        .where(col(Patient.died_on).is_(None), ~booked)
        .group_by(col(Row.plan_id), col(Row.patient_id))
    )


def _signs(late: sa.CTE) -> Iterator[Any]:
    """The day on which each of them became overdue, and whatever was heard from them."""
    plan_id = late.c.plan_id.label("plan_id")
    yield sa.select(plan_id, late.c.day.label("day"))
    yield (
        sa.select(plan_id, col(Study.performed_on))
        .join(Study, col(Study.patient_id) == late.c.patient_id)
        .where(col(Study.retracted_at).is_(None))
    )
    yield (
        sa.select(plan_id, col(Appointment.day))
        .join(Appointment, col(Appointment.patient_id) == late.c.patient_id)
        .where(col(Appointment.state) == AppointmentState.FULFILLED)
    )
    yield (
        sa.select(plan_id, utc_day(col(Appointment.booked_at)))
        .join(Appointment, col(Appointment.patient_id) == late.c.patient_id)
        .where(col(Appointment.booked_at).is_not(None))
    )
    yield (
        sa.select(plan_id, utc_day(col(Inbound.received_at)))
        .join(Contact, col(Contact.patient_id) == late.c.patient_id)
        .join(Inbound, col(Inbound.from_number) == col(Contact.phone))
    )
