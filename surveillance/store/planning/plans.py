"""Plans and the rows projected from them: gathering the facts, writing the projection."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy import orm
from sqlmodel import Session, col, select

from surveillance.core.schedule.examinations import Booking, Derived, Examination, Finding, Hold, Key
from surveillance.core.schedule.matching import Extra, Ruling, Study
from surveillance.core.schedule.reconcile import Changes
from surveillance.core.words import AppointmentState, Outcome
from surveillance.store.tables import (
    Appointment,
    AppointmentItem,
    ExaminationRow,
    ExtraExamination,
    FindingRow,
    Override,
    OverrideKind,
    Plan,
    PlanHold,
    PlanTerms,
    StudyItem,
)
from surveillance.store.tables import Study as StudyRow

FIELDS = Examination._fields
_RULINGS = {OverrideKind.COUNTS: Ruling.COUNTS, OverrideKind.EXTRA_EVIDENCE: Ruling.EXTRA}
IDS = {"extra": "extra_id", "study": "study_id", "booking": "booking_id"}


def active_plan(session: Session, patient_id: UUID) -> Plan | None:
    return session.exec(select(Plan).where(Plan.patient_id == patient_id, col(Plan.ended_on).is_(None))).first()


def all_plans(session: Session, patient_id: UUID) -> list[Plan]:
    """Every plan of a patient, the newest first."""
    return list(session.exec(select(Plan).where(Plan.patient_id == patient_id).order_by(col(Plan.number).desc())))


def terms_in_force(session: Session, plan_id: UUID) -> list[PlanTerms]:
    """The terms of a plan in the order of their days; of two for one day the one recorded last holds."""
    rows = session.exec(
        select(PlanTerms)
        .where(PlanTerms.plan_id == plan_id, col(PlanTerms.retracted_at).is_(None))
        .order_by(col(PlanTerms.recorded_at), col(PlanTerms.id))
    )
    by_day = {row.since: row for row in rows}
    return sorted(by_day.values(), key=lambda row: (row.since is not None, row.since))


def holds(session: Session, plan_id: UUID) -> tuple[Hold, ...]:
    rows = session.exec(select(PlanHold).where(PlanHold.plan_id == plan_id, col(PlanHold.retracted_at).is_(None)))
    return tuple(Hold(row.item, row.start, row.resumed_on, row.review_on) for row in rows)


def overrides(session: Session, plan_id: UUID) -> list[Override]:
    """A person's words that still hold, oldest first, so that a later one goes before."""
    statement = (
        select(Override)
        .where(Override.plan_id == plan_id, col(Override.retracted_at).is_(None))
        .order_by(col(Override.recorded_at), col(Override.id))
    )
    return list(session.exec(statement))


def extras(session: Session, plan_id: UUID) -> tuple[Extra, ...]:
    rows = session.exec(
        select(ExtraExamination).where(
            ExtraExamination.plan_id == plan_id, col(ExtraExamination.retracted_at).is_(None)
        )
    )
    return tuple(Extra(str(row.id), row.item, row.target, row.tolerance, row.requested_on) for row in rows)


def studies(session: Session, plan: Plan, words: Iterable[Override]) -> tuple[Study, ...]:
    """All studies of a patient as evidence for a plan, with the slots that the plan's visits were booked for and
    persons' rulings."""
    rulings: dict[UUID, dict[str, Ruling]] = {}
    for word in words:
        if word.study_id is not None and word.kind in _RULINGS:
            rulings.setdefault(word.study_id, {})[word.item] = _RULINGS[word.kind]
    booked = _booked_for(session, plan.id)
    columns: Any = (StudyRow.id, StudyRow.performed_on, StudyRow.appointment_id, StudyRow.repeat_by, StudyItem.item)
    rows = session.connection().execute(
        sa.select(*columns)
        .join(StudyItem, col(StudyItem.study_id) == col(StudyRow.id))
        .where(col(StudyRow.patient_id) == plan.patient_id, col(StudyRow.retracted_at).is_(None))
    )
    items: dict[tuple[UUID, date, UUID | None, date | None], set[str]] = {}
    for study_id, performed_on, appointment_id, repeat_by, item in rows:
        items.setdefault((study_id, performed_on, appointment_id, repeat_by), set()).add(item)
    return tuple(
        Study(
            str(study_id),
            frozenset(own),
            performed_on,
            booked.get(appointment_id, frozenset()),
            rulings.get(study_id, {}),
            repeat_by,
        )
        for (study_id, performed_on, appointment_id, repeat_by), own in items.items()
    )


def _booked_for(session: Session, plan_id: UUID) -> dict[UUID | None, frozenset[tuple[str, int]]]:
    rows = session.exec(
        select(AppointmentItem.appointment_id, AppointmentItem.item, AppointmentItem.month)
        .join(Appointment, col(Appointment.id) == col(AppointmentItem.appointment_id))
        .where(Appointment.plan_id == plan_id, Appointment.was_booked, AppointmentItem.outcome == Outcome.PERFORMED)
    )
    found: dict[UUID | None, set[tuple[str, int]]] = {}
    for appointment_id, item, month in rows:
        if month is not None:
            found.setdefault(appointment_id, set()).add((item, month))
    return {key: frozenset(value) for key, value in found.items()}


def bookings(session: Session, plan_id: UUID) -> tuple[Booking, ...]:
    """Examinations that are booked and whose outcome nobody has recorded."""
    rows = session.exec(
        select(AppointmentItem, col(Appointment.day))
        .join(Appointment, col(Appointment.id) == col(AppointmentItem.appointment_id))
        .where(
            Appointment.plan_id == plan_id,
            Appointment.state == AppointmentState.BOOKED,
            col(AppointmentItem.outcome).is_(None),
        )
    )
    return tuple(
        Booking(str(line.appointment_id), line.item, day, line.month, line.target, _text(line.extra_id))
        for line, day in rows
    )


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


def projected(session: Session, plan_id: UUID) -> dict[Key, ExaminationRow]:
    """The stored rows of a plan that are still wanted, by key."""
    rows = session.exec(
        select(ExaminationRow)
        .where(ExaminationRow.plan_id == plan_id, col(ExaminationRow.withdrawn).is_(False))
        .order_by(col(ExaminationRow.item), col(ExaminationRow.month), col(ExaminationRow.extra_id))
    )
    return {Key(row.item, row.month, _text(row.extra_id)): row for row in rows}


def write_changes(session: Session, plan: Plan, changes: Changes, stored: Mapping[Key, ExaminationRow]) -> None:
    """Make the stored rows equal to what is wanted; a key that comes back takes its old row, and so its id, again."""
    for gone in changes.cancel:
        stored[gone.key].withdrawn = True
        stored[gone.key].open = False
    for change in changes.move:
        stored[change.after.key].sqlmodel_update(values(change.after))
    if changes.add:
        _add(session, plan, changes.add)
    session.flush()


def _add(session: Session, plan: Plan, rows: Iterable[Examination]) -> None:
    old = {
        Key(row.item, row.month, _text(row.extra_id)): row
        for row in session.exec(
            select(ExaminationRow).where(ExaminationRow.plan_id == plan.id, col(ExaminationRow.withdrawn))
        )
    }
    fresh = []
    for row in rows:
        if row.key in old:
            old[row.key].sqlmodel_update(values(row))
        else:
            fresh.append(values(row) | owners(plan) | {"id": uuid4()})
    if fresh:
        session.connection().execute(sa.insert(ExaminationRow), fresh)


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


def write_findings(session: Session, plan: Plan, derived: Derived) -> None:
    """Replace the plan's findings where they differ, so that an unchanged finding keeps its row."""
    stored = {
        Finding(row.kind, row.item, row.month, row.subject, row.since): row
        for row in session.exec(select(FindingRow).where(FindingRow.plan_id == plan.id))
    }
    for finding, row in stored.items():
        if finding not in derived.findings:
            session.delete(row)
    for finding in dict.fromkeys(derived.findings):
        if finding not in stored:
            session.add(FindingRow(**owners(plan), **finding._asdict()))
