"""What the queries of the board share: whose board on which day, and the columns that every list begins with."""

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlmodel import col
from sqlmodel.sql.sqltypes import UTCDateTime

from surveillance.core.people.care_gaps import GapKind
from surveillance.store.tables import CareGap, Patient, PlanTerms

Query = sa.Select[Any]


NOTICE_DAYS = 14  # a hold or a skip is shown so long before its review, that a visit can be arranged
DOUBT_MINUTES = 10  # so long the service itself looks for a message that may have gone out (section 4 rule 7)

# A list is one statement for all sites and days: making it takes longer than running it.
SITE = sa.bindparam("site_id", type_=sa.Uuid())
TODAY = sa.bindparam("today", type_=sa.Date())
NOTICE = sa.bindparam("notice", type_=sa.Date())
REPORT_BY = sa.bindparam("report_by", type_=sa.Date())
STOPPED = sa.bindparam("stopped", type_=UTCDateTime())
STRANGERS = sa.bindparam("strangers", type_=sa.Boolean())


class Scope(NamedTuple):
    """One site on its local day: of one site an index gives the rows of a list in their order.

    ``strangers``: messages from numbers that no patient has are shown here, or they would be nobody's. ``report_days``:
    the site's limit, after which a report is missed.
    """

    site_id: UUID
    today: date
    now: datetime
    strangers: bool = True
    report_days: int = 7

    def parameters(self) -> dict[str, Any]:
        return {
            "site_id": self.site_id,
            "today": self.today,
            "notice": self.today + timedelta(days=NOTICE_DAYS),
            "report_by": self.today - timedelta(days=self.report_days),
            "stopped": self.now - timedelta(minutes=DOUBT_MINUTES),
            "strangers": self.strangers,
        }


def plain_id(column: Any) -> Any:
    """An id without dashes, in lower case, whatever type the database keeps it in."""
    return sa.func.replace(sa.cast(column, sa.String), "-", "")


def chosen(subject: Any, since: Any, *more: Any, owner: Any = None) -> Query:
    """The columns of a list: ``subject`` (id of the row that the work is about), ``since``, the patient, and more.

    ``row_id`` is the same id as it is stored, by which an index can order. ``owner``: who has it to do, where that is
    not whoever the patient is with.
    """
    return sa.select(
        plain_id(subject).label("subject"),
        subject.label("row_id"),
        since.label("since"),
        col(Patient.id).label("patient_id"),
        col(Patient.site_id).label("site_id"),
        col(Patient.mrn).label("mrn"),
        col(Patient.family_name).label("family_name"),
        col(Patient.given_name).label("given_name"),
        col(Patient.folded).label("folded"),
        (col(Patient.owner_id) if owner is None else owner).label("owner_id"),
        *more,
    )


def of_patient(table: Any, query: Query) -> Query:
    """The query over ``table``, whose rows belong to a patient and to the site."""
    # There always is the patient; joined in this way, a count that asks nothing of patients does not look at them.
    joined = query.select_from(table).outerjoin(Patient, col(Patient.id) == table.patient_id)
    return joined.where(table.site_id == SITE)


def fields(table: Any, *names: str, **renamed: str) -> list[Any]:
    """Columns of a table, each under its own name; ``why="paused_why"`` gives one another name."""
    columns = {name: name for name in names} | renamed
    return [getattr(table, column).label(name) for name, column in columns.items()]


def about(table: Any, since: Any, *more: Any) -> Query:
    """A list of rows of ``table`` that belong to a patient: the row, ``since`` when it is work, and more columns."""
    return of_patient(table, chosen(table.id, since, *more))


def gap(kind: GapKind, subject: Any, *more: Any) -> Query:
    """The list of what patients lack."""
    query = chosen(subject, col(CareGap.since), col(CareGap.plan_id).label("plan_id"), *more)
    return of_patient(CareGap, query).where(col(CareGap.kind) == kind)


def alive() -> sa.ColumnElement[bool]:
    return col(Patient.died_on).is_(None)


def protocol_of(plan_id: Any) -> Any:
    """The protocol version of a plan's last terms, for the titles of its items."""
    return (
        sa.select(col(PlanTerms.protocol_key))
        .where(col(PlanTerms.plan_id) == plan_id, col(PlanTerms.retracted_at).is_(None))
        .order_by(col(PlanTerms.recorded_at).desc())
        .limit(1)
        .scalar_subquery()
        .label("protocol_key")
    )


class days_after(sa.sql.functions.GenericFunction[date]):  # noqa: N801  (it is written like a function of the database)
    """A day and a number of days, in either database's words."""

    type = sa.Date()
    inherit_cache = True


@compiles(days_after)
def _plus(element: Any, compiler: Any, **options: Any) -> str:
    day, days = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({day} + {days})"


@compiles(days_after, "sqlite")
def _plus_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    day, days = (compiler.process(clause, **options) for clause in element.clauses)
    return f"date({day}, {days} || ' days')"
