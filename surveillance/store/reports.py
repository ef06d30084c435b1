"""What reports count of examinations, grouped by the database: of one site, on its local day.

Each is one pass over the projection ``examination``; what stands beside a row is looked up by its index. Nobody's name
leaves these queries. ``core.reports`` says what the groups mean, ``reports_contact`` counts visits and messages.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col

from surveillance.core.reports import Period, Timing, code
from surveillance.store.day_functions import day_code, days_between
from surveillance.store.tables import ExaminationRow, Plan, Study, StudyItem
from surveillance.store.worklist_base import days_after

Row = ExaminationRow
MONTH = 32  # what a month is apart in ``day_code``


class Where(NamedTuple):
    """A site on its local day."""

    site_id: UUID
    today: date


def number(value: Any) -> Any:
    """A sum as an integer, whatever type the database sums in."""
    return sa.cast(sa.func.coalesce(value, 0), sa.BigInteger)


def _slots(where: Where) -> tuple[Any, ...]:
    """Regular examinations that are wanted; extra ones stand beside the protocol and have no rate."""
    return col(Row.site_id) == where.site_id, ~col(Row.withdrawn), col(Row.month).is_not(None)


def _not_held(day: Any) -> Any:
    """No hold covers the day (``core.status.status``)."""
    starts, ends = col(Row.held_from), col(Row.held_until)
    return sa.or_(starts.is_(None), starts > day, ends <= day)


# -- up to date ------------------------------------------------------------------------------------------------


def up_to_date(session: Session, where: Where, days: Sequence[date]) -> dict[date, tuple[int, int]]:
    """For each day: patients of whom an examination was owed, and those who were up to date with all of their items.

    Studies and questions are laid on one time line for each item of a plan; the last study before a question answers
    it. So each study and each examination is read once, however many days are asked for.
    """
    line = sa.union_all(_evidence(where), _questions(where, days)).subquery()
    is_question = sa.case((line.c.threshold.is_(None), 0), else_=1)
    order = (line.c.code, is_question)
    last = sa.func.max(line.c.study).over(partition_by=(line.c.plan_id, line.c.item), order_by=order)
    asked = sa.select(line, last.label("last")).subquery()
    fresh = sa.case((asked.c.last >= asked.c.threshold, 1), else_=0)
    patients = (
        sa.select(asked.c.code, sa.func.min(fresh).label("fresh"))
        .where(asked.c.threshold.is_not(None), sa.or_(asked.c.last.is_not(None), asked.c.owed == 1))
        .group_by(asked.c.code, asked.c.plan_id)
        .subquery()
    )
    counted = sa.select(patients.c.code, sa.func.count(), number(sa.func.sum(patients.c.fresh)))
    found = {row[0]: (row[1], row[2]) for row in session.connection().execute(counted.group_by(patients.c.code))}
    return {day: found.get(code(day), (0, 0)) for day in days}


def _evidence(where: Where) -> Any:
    """Every study since the end of treatment, for each item that it serves."""
    performed = day_code(col(Study.performed_on))
    return (
        sa.select(
            col(Plan.id).label("plan_id"),
            col(StudyItem.item).label("item"),
            performed.label("code"),
            performed.label("study"),
            sa.cast(sa.null(), sa.Integer).label("threshold"),
            sa.literal(0).label("owed"),
        )
        .select_from(Study)
        .join(StudyItem, col(StudyItem.study_id) == col(Study.id))
        .join(Plan, col(Plan.patient_id) == col(Study.patient_id))
        .where(
            col(Study.site_id) == where.site_id,
            col(Study.retracted_at).is_(None),
            col(Study.performed_on) >= col(Plan.anchor),
        )
    )


def _questions(where: Where, days: Sequence[date]) -> Any:
    """Each examination on each day that its cell holds, unless the plan was held or not in force: which study is old
    enough to count (``core.reports.fresh``), and whether the window has closed, so that there must be one."""
    points = sa.union_all(*(sa.select(sa.literal(day, sa.Date).label("day")) for day in days)).cte("points")
    day = points.c.day
    tolerance = days_between(col(Row.target), col(Row.window_end))
    return (
        sa.select(
            col(Row.plan_id),
            col(Row.item),
            day_code(day),
            sa.cast(sa.null(), sa.Integer),
            day_code(days_after(day, -tolerance)) - MONTH * col(Row.interval),
            sa.case((day > col(Row.window_end), 1), else_=0),
        )
        .select_from(Row)
        .join(points, sa.and_(day >= col(Row.cell_start), day < col(Row.cell_end)))
        .join(Plan, col(Plan.id) == col(Row.plan_id))
        .where(
            *_slots(where),
            day >= col(Plan.enrolled_on),
            sa.or_(col(Plan.ended_on).is_(None), col(Plan.ended_on) > day),
            _not_held(day),
        )
    )


# -- on time, and by how much not --------------------------------------------------------------------------------


def _timing(where: Where) -> Any:
    """What became of an examination, in the order of ``core.status.status``."""
    row, today = Row, where.today
    performed = col(Study.performed_on)
    lost_to_hold = sa.and_(col(row.cell_end) <= col(row.held_until), col(row.held_until) <= today)
    return sa.case(
        (performed < col(Plan.enrolled_on), Timing.LEFT_OUT.value),
        (performed < col(row.window_start), Timing.EARLY.value),
        (performed <= col(row.window_end), Timing.ON_TIME.value),
        (performed.is_not(None), Timing.LATE.value),
        (col(row.ended), Timing.LEFT_OUT.value),
        (col(row.skip_review_on).is_not(None), Timing.SKIPPED.value),
        (sa.not_(_not_held(today)), Timing.LEFT_OUT.value),
        (sa.or_(col(row.booked_on) < today, lost_to_hold), Timing.LEFT_OUT.value),
        (col(row.cell_end) <= today, Timing.MISSED.value),
        else_=Timing.LEFT_OUT.value,
    )


def _with_study(*columns: Any) -> Any:
    return (
        sa.select(*columns)
        .select_from(Row)
        .join(Plan, col(Plan.id) == col(Row.plan_id))
        .outerjoin(Study, col(Study.id) == col(Row.study_id))
    )


def timings(session: Session, where: Where, period: Period) -> Counter[tuple[int, Timing]]:
    """Examinations by the month of their target and what became of them."""
    month = (day_code(col(Row.target)) // MONTH).label("month")
    timing = _timing(where).label("timing")
    statement = (
        _with_study(month, timing, sa.func.count())
        .where(*_slots(where), col(Row.target).between(*period))
        .group_by(month, timing)
    )
    return Counter({(row[0], Timing(row[1])): row[2] for row in session.connection().execute(statement)})


def delays(session: Session, where: Where, period: Period) -> Counter[tuple[int, Timing]]:
    """Examinations performed in the period, by days from the target and by how they stand to their window."""
    delay = days_between(col(Row.target), col(Study.performed_on)).label("delay")
    timing = _timing(where).label("timing")
    statement = (
        _with_study(delay, timing, sa.func.count())
        .where(
            *_slots(where),
            col(Study.performed_on).between(*period),
            col(Study.performed_on) >= col(Plan.enrolled_on),
        )
        .group_by(delay, timing)
    )
    return Counter({(row[0], Timing(row[1])): row[2] for row in session.connection().execute(statement)})


# -- overdue today -----------------------------------------------------------------------------------------------


def overdue(where: Where) -> tuple[Any, ...]:
    """The board's list of what is overdue, of which an index gives the rows."""
    return (
        col(Row.site_id) == where.site_id,
        sa.text("examination.open"),
        sa.text("examination.booked_on IS NULL"),
        _not_held(where.today),
        col(Row.overdue_since) <= where.today,
        col(Row.overdue_from) <= where.today,
        col(Row.cell_end) > where.today,
    )


def overdue_ages(session: Session, where: Where) -> tuple[Counter[int], Counter[int]]:
    """Days overdue → examinations, and → patients by their longest overdue examination."""
    age = days_between(col(Row.overdue_since), sa.literal(where.today, sa.Date)).label("age")
    each = sa.select(age, col(Row.patient_id).label("patient_id")).where(*overdue(where)).subquery()
    longest = sa.select(sa.func.max(each.c.age).label("age")).group_by(each.c.patient_id).subquery()
    examinations, patients = (
        sa.select(table.c.age, sa.func.count()).group_by(table.c.age) for table in (each, longest)
    )
    run = session.connection().execute
    return tuple(Counter({row[0]: row[1] for row in run(query)}) for query in (examinations, patients))  # type: ignore[return-value]
