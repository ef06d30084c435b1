"""What reports count of examinations, grouped by the database: of one site, on its local day.

Each is one pass over the projection ``examination``; what stands beside a row is looked up by its index. Nobody's name
leaves these queries. ``core.reports`` says what the groups mean, ``contact`` counts visits and messages. Who was up to
date on many days ``core.schedule.freshness`` counts: that takes a tenth of the time that a database needs for it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col

from surveillance.core.reports.counting import Period, Timing
from surveillance.core.schedule.freshness import Asked
from surveillance.store.reports.day_functions import day_code, days_between
from surveillance.store.tables import ExaminationRow, Plan, Study, StudyItem

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


def _held(day: date) -> Any:
    """A hold covers the day (``core.schedule.status.status``)."""
    starts, ends = col(Row.held_from), col(Row.held_until)
    return sa.and_(starts.is_not(None), starts <= day, sa.or_(ends.is_(None), ends > day))


# -- up to date ------------------------------------------------------------------------------------------------


def asked(session: Session, where: Where, days: Sequence[date]) -> Iterator[Asked]:
    """The examinations in whose cells any of the days lie, which rise, with what decides whether they count."""
    statement = (
        sa.select(
            _key(col(Row.patient_id)),
            col(Row.item),
            col(Row.cell_start),
            col(Row.cell_end),
            col(Row.interval),
            col(Row.target),
            col(Row.window_end),
            col(Row.held_from),
            col(Row.held_until),
            col(Plan.anchor),
            col(Plan.enrolled_on),
            col(Plan.ended_on),
        )
        .join(Plan, col(Plan.id) == col(Row.plan_id))
        .where(*_slots(where), col(Row.cell_start) <= days[-1], col(Row.cell_end) > days[0])
    )
    yield from map(Asked._make, _streamed(session, statement))


def studies(session: Session, where: Where) -> dict[tuple[object, str], list[date]]:
    """The days of all studies by patient and item, in order; without those that were of no use."""
    statement = (
        sa.select(_key(col(Study.patient_id)), col(StudyItem.item), col(Study.performed_on))
        .join(StudyItem, col(StudyItem.study_id) == col(Study.id))
        .where(col(Study.site_id) == where.site_id, col(Study.retracted_at).is_(None), col(Study.repeat_by).is_(None))
    )
    found: dict[tuple[object, str], list[date]] = {}
    for patient, item, day in _streamed(session, statement):
        found.setdefault((patient, item), []).append(day)
    for days in found.values():
        days.sort()
    return found


def _key(column: Any) -> Any:
    """An id as the database keeps it: a million UUID objects take longer than everything else."""
    return sa.type_coerce(column, sa.String)


def _streamed(session: Session, statement: Any) -> Iterable[Any]:
    return session.connection().execute(statement.execution_options(yield_per=5000))


# -- on time, and by how much not --------------------------------------------------------------------------------


def _timing(where: Where) -> Any:
    """What became of an examination, in the order of ``core.schedule.status.status``."""
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
        (_held(today), Timing.LEFT_OUT.value),
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
        ~_held(where.today),
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
