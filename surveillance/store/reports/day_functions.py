"""Days in SQL, in either database's words: what ``core.reports`` says of a day, where millions of them are counted.

SQLite keeps a day as text (2026-11-24) and a moment as text in UTC; PostgreSQL has types for both.
"""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles


class day_code(sa.sql.functions.GenericFunction[int]):  # noqa: N801  (it is written like a function of the database)
    """A day as a number in which months are 32 apart, so that whole months and years can be compared."""

    type = sa.Integer()
    inherit_cache = True


@compiles(day_code)
def _code(element: Any, compiler: Any, **options: Any) -> str:
    (day,) = (compiler.process(clause, **options) for clause in element.clauses)
    year, month, number = (f"CAST(EXTRACT({part} FROM {day}) AS INTEGER)" for part in ("YEAR", "MONTH", "DAY"))
    return f"(32 * (12 * {year} + {month} - 1) + {number})"


@compiles(day_code, "sqlite")
def _code_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    (day,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(32 * (12 * substr({day}, 1, 4) + substr({day}, 6, 2) - 1) + substr({day}, 9, 2))"


class days_between(sa.sql.functions.GenericFunction[int]):  # noqa: N801
    """Days from the first day to the second."""

    type = sa.Integer()
    inherit_cache = True


@compiles(days_between)
def _between(element: Any, compiler: Any, **options: Any) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({end} - {start})"


@compiles(days_between, "sqlite")
def _between_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(julianday({end}) - julianday({start}) AS INTEGER)"


class utc_day(sa.sql.functions.GenericFunction[date]):  # noqa: N801
    """The day of a moment in UTC: near enough where only spans of months count."""

    type = sa.Date()
    inherit_cache = True


@compiles(utc_day)
def _utc_day(element: Any, compiler: Any, **options: Any) -> str:
    (moment,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST({moment} AT TIME ZONE 'UTC' AS DATE)"


@compiles(utc_day, "sqlite")
def _utc_day_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    (moment,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"substr({moment}, 1, 10)"
