"""Plans and the rows projected from them: gathering what is recorded, writing the projection."""

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import orm
from sqlmodel import Session, col, select

from surveillance.core.schedule.examinations import Derived, Examination, Finding, Key
from surveillance.core.schedule.reconcile import Changes
from surveillance.store.bulk import write_whole
from surveillance.store.tables import (
    ExaminationRow,
    ExtraExamination,
    FindingRow,
    Override,
    Plan,
    PlanHold,
    PlanTerms,
    Study,
    StudyItem,
)

FIELDS = Examination._fields
_KEY = {"item", "month", "extra_id"}  # what a row is known by, which never changes
IDS = {"extra": "extra_id", "study": "study_id", "booking": "booking_id"}


def active_plan(session: Session, patient_id: UUID) -> Plan | None:
    """The plan that has not ended, as it stands in the database."""
    statement = select(Plan).where(Plan.patient_id == patient_id, col(Plan.ended_on).is_(None))
    return session.exec(statement.execution_options(populate_existing=True)).first()


def all_plans(session: Session, patient_id: UUID) -> list[Plan]:
    """Every plan of a patient as it stands in the database, the newest first."""
    statement = select(Plan).where(Plan.patient_id == patient_id).order_by(col(Plan.number).desc())
    return list(session.exec(statement.execution_options(populate_existing=True)))


# -- what persons recorded -------------------------------------------------------------------------------------


def terms_in_force(session: Session, plan_id: UUID) -> list[PlanTerms]:
    """The terms of a plan in the order of their days; of two for one day the one recorded last holds."""
    return in_force(_standing(session, PlanTerms, [plan_id])[plan_id])


def in_force(rows: Iterable[PlanTerms]) -> list[PlanTerms]:
    """As ``terms_in_force``, of terms in the order of their recording."""
    by_day = {row.since: row for row in rows}
    return sorted(by_day.values(), key=lambda row: (row.since is not None, row.since))


def holds(session: Session, plan_id: UUID) -> list[PlanHold]:
    return _standing(session, PlanHold, [plan_id])[plan_id]


def overrides(session: Session, plan_id: UUID) -> list[Override]:
    """A person's words that still hold, oldest first, so that a later one goes before."""
    return _standing(session, Override, [plan_id])[plan_id]


def extras(session: Session, plan_id: UUID) -> list[ExtraExamination]:
    return _standing(session, ExtraExamination, [plan_id])[plan_id]


Fact = TypeVar("Fact", PlanTerms, Override, PlanHold, ExtraExamination)


@dataclass
class Recorded:
    """What persons recorded about one plan and did not retract, each kind in the order of its recording.

    Whoever records more keeps the row here, too; what changes in a row is seen.
    """

    plan: Plan
    terms: list[PlanTerms] = field(default_factory=list)
    words: list[Override] = field(default_factory=list)
    holds: list[PlanHold] = field(default_factory=list)
    extras: list[ExtraExamination] = field(default_factory=list)

    @staticmethod
    def keep(rows: list[Fact], row: Fact) -> None:
        """Puts a new row where the database will have it, also among rows that were recorded at the same moment."""
        insort(rows, row, key=lambda each: (each.recorded_at, each.id))


def recorded(session: Session, plans: Sequence[Plan]) -> list[Recorded]:
    """Of each plan, in as many queries for all of them as for one."""
    ids = [plan.id for plan in plans]
    terms, words = _standing(session, PlanTerms, ids), _standing(session, Override, ids)
    holds, extras = _standing(session, PlanHold, ids), _standing(session, ExtraExamination, ids)
    return [Recorded(plan, terms[plan.id], words[plan.id], holds[plan.id], extras[plan.id]) for plan in plans]


def _standing(session: Session, table: type[Fact], plan_ids: Sequence[UUID]) -> dict[UUID, list[Fact]]:
    """The rows of plans that are not retracted, as they stand in the database."""
    found: dict[UUID, list[Fact]] = {plan_id: [] for plan_id in plan_ids}
    statement = (
        select(table)
        .where(col(table.plan_id).in_(plan_ids), col(table.retracted_at).is_(None))
        .order_by(col(table.recorded_at), col(table.id))
        .execution_options(populate_existing=True)
    )
    for row in session.exec(statement):
        found[row.plan_id].append(row)
    return found


class Examined(NamedTuple):
    """A study that is not retracted, with the items that it serves; ``repeat_by`` where it must be repeated."""

    id: UUID
    performed_on: date
    appointment_id: UUID | None
    repeat_by: date | None
    items: frozenset[str]


def studies(session: Session, patient_id: UUID) -> list[Examined]:
    """All studies of a patient: evidence for each of the patient's plans."""
    columns: Any = (Study.id, Study.performed_on, Study.appointment_id, Study.repeat_by, StudyItem.item)
    rows = session.connection().execute(
        sa.select(*columns)
        .join(StudyItem, col(StudyItem.study_id) == col(Study.id))
        .where(col(Study.patient_id) == patient_id, col(Study.retracted_at).is_(None))
    )
    items: dict[tuple[UUID, date, UUID | None, date | None], set[str]] = {}
    for study_id, performed_on, appointment_id, repeat_by, item in rows:
        items.setdefault((study_id, performed_on, appointment_id, repeat_by), set()).add(item)
    return [Examined(*which, frozenset(own)) for which, own in items.items()]


# -- what follows from it, as it is stored ---------------------------------------------------------------------


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _uuid(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)


def values(row: Examination) -> dict[str, Any]:
    """The columns of a projected row, without its own id and owners."""
    found = {IDS.get(name, name): getattr(row, name) for name in FIELDS}
    for column in IDS.values():
        found[column] = _uuid(found[column])
    return found | {"open": row.open, "withdrawn": False, "skip_settled": False}


def examination(row: ExaminationRow) -> Examination:
    """A stored row as the core knows it."""
    ids: dict[str, Any] = {"extra": _text(row.extra_id), "study": _text(row.study_id), "booking": _text(row.booking_id)}
    return Examination(**{name: ids[name] if name in ids else getattr(row, name) for name in FIELDS})


def key_of(row: ExaminationRow) -> Key:
    return Key(row.item, row.month, _text(row.extra_id))


def projected(session: Session, plan_id: UUID) -> dict[Key, ExaminationRow]:
    """The stored rows of a plan that are still wanted, by key."""
    rows = session.exec(
        select(ExaminationRow)
        .where(ExaminationRow.plan_id == plan_id, col(ExaminationRow.withdrawn).is_(False))
        .order_by(col(ExaminationRow.item), col(ExaminationRow.month), col(ExaminationRow.extra_id))
    )
    return {key_of(row): row for row in rows}


@dataclass
class Stored:
    """The projection of one plan as it is stored; ``rows`` are by key, those that are withdrawn as well."""

    plan: Plan
    rows: dict[Key, ExaminationRow] = field(default_factory=dict)
    findings: dict[Finding, FindingRow] = field(default_factory=dict)

    @property
    def examinations(self) -> list[Examination]:
        """The rows that are still wanted, as the core knows them: by item and month, extra ones after those."""
        rows = (examination(row) for row in self.rows.values() if not row.withdrawn)
        return sorted(rows, key=lambda row: (row.item, row.month is None, row.month or 0, row.extra or ""))

    def write(self, session: Session, changes: Changes, derived: Derived) -> None:
        """Make rows and findings equal to what is wanted.

        A key that comes back takes its old row, and so its id, again; an unchanged finding keeps its row.
        """
        for gone in changes.cancel:
            write_whole(self.rows[gone.key], values(gone).keys() - _KEY)
            self.rows[gone.key].withdrawn, self.rows[gone.key].open = True, False
        for row in (*changes.add, *(change.after for change in changes.move)):
            self._put(session, row)
        for finding in [finding for finding in self.findings if finding not in derived.findings]:
            session.delete(self.findings.pop(finding))
        for finding in derived.findings:
            if finding not in self.findings:
                self.findings[finding] = FindingRow(**owners(self.plan), **finding._asdict())
                session.add(self.findings[finding])
        session.flush()

    def _put(self, session: Session, row: Examination) -> None:
        if row.key in self.rows:
            write_whole(self.rows[row.key], values(row).keys() - _KEY)
            self.rows[row.key].sqlmodel_update(values(row))
        else:
            self.rows[row.key] = ExaminationRow(**owners(self.plan), **values(row))
            session.add(self.rows[row.key])


def stored(session: Session, plans: Sequence[Plan]) -> list[Stored]:
    """Of each plan, as it stands in the database, in two queries for all of them."""
    found = {plan.id: Stored(plan) for plan in plans}
    fresh = {"populate_existing": True}
    rows = select(ExaminationRow).where(col(ExaminationRow.plan_id).in_(list(found)))
    for row in session.exec(rows.execution_options(**fresh)):
        found[row.plan_id].rows[key_of(row)] = row
    odd = select(FindingRow).where(col(FindingRow.plan_id).in_(list(found)))
    for each in session.exec(odd.execution_options(**fresh)):
        found[each.plan_id].findings[Finding(each.kind, each.item, each.month, each.subject, each.since)] = each
    return list(found.values())


def skip_is_settled() -> sa.ColumnElement[bool]:
    """Whether a skipped examination waits for no review any more: it was made after all, or is not wanted; a later
    one of its item was made; the plan has ended."""
    later, row = orm.aliased(ExaminationRow), ExaminationRow
    examined = sa.exists().where(
        col(later.plan_id) == col(row.plan_id),
        col(later.item) == col(row.item),
        col(later.target) > col(row.target),
        col(later.study_id).is_not(None),
    )
    over = sa.exists().where(col(Plan.id) == col(row.plan_id), col(Plan.ended_on).is_not(None))
    settled = (col(row.study_id).is_not(None), col(row.withdrawn), examined.correlate(row), over.correlate(row))
    return sa.case((sa.or_(*settled), sa.true()), else_=sa.false())


def settle_skips(session: Session, plan_id: UUID) -> None:
    session.flush()
    skipped = (col(ExaminationRow.plan_id) == plan_id, col(ExaminationRow.skip_review_on).is_not(None))
    session.connection().execute(sa.update(ExaminationRow).where(*skipped).values(skip_settled=skip_is_settled()))
    session.exec(select(ExaminationRow).where(*skipped).execution_options(populate_existing=True)).all()


def owners(plan: Plan) -> dict[str, Any]:
    return {"site_id": plan.site_id, "patient_id": plan.patient_id, "plan_id": plan.id}
