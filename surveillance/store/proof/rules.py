"""What must never be, as queries over the whole database: each returns the rows that break one rule of the promise."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import orm
from sqlmodel import Session, SQLModel, col, select

from surveillance.core.results.report_life import FINISHED
from surveillance.core.schedule.examinations import Finding
from surveillance.core.words import AppointmentState, AttemptState, EndReason, ReminderState
from surveillance.store.board.base import plain_id
from surveillance.store.planning import plans
from surveillance.store.registry import care_gaps, patients
from surveillance.store.tables import (
    Appointment,
    AppointmentItem,
    Approval,
    Attempt,
    AuditEvent,
    Condition,
    Consent,
    Contact,
    Death,
    Deferral,
    DispatchPause,
    ExaminationRow,
    ExtraExamination,
    Feed,
    FindingRow,
    Override,
    Patient,
    PatientWord,
    Place,
    Plan,
    PlanHold,
    Reminder,
    ResultTask,
    Site,
    SourceReview,
    Study,
    StudyFollowUp,
    StudyReport,
    User,
)
from surveillance.store.visits import studies

Rows = Iterator[Any]
OUT = (AttemptState.ACCEPTED, AttemptState.DELIVERED)  # what counts as one message that went out
SENT = (ReminderState.SENT, ReminderState.DELIVERED)
AT_ONCE = 500  # ids in one statement
OPEN = (ReminderState.PLANNED, ReminderState.CLAIMED)


def of_rows(session: Session, statement: Any) -> Rows:
    return iter(session.connection().execute(statement))


def patients_with(*more: Any) -> Any:
    return sa.select(col(Patient.site_id), col(Patient.mrn), *more)


def patient_ids(session: Session) -> list[UUID]:
    """Everybody on record, in the order of registration."""
    return list(session.exec(select(Patient.id).order_by(col(Patient.id))))


def named(session: Session, patient_id: UUID) -> tuple[UUID, str]:
    """Site and MRN."""
    return session.exec(select(Patient.site_id, Patient.mrn).where(Patient.id == patient_id)).one()


def plan_ids(session: Session) -> list[UUID]:
    """Every plan, those of one patient together."""
    return [
        row[0] for row in of_rows(session, sa.select(col(Plan.id)).order_by(col(Plan.patient_id), col(Plan.number)))
    ]


def findings(session: Session, plan_id: UUID) -> set[Finding]:
    """The stored findings of a plan as the core knows them."""
    rows = session.exec(select(FindingRow).where(FindingRow.plan_id == plan_id))
    return {Finding(row.kind, row.item, row.month, row.subject, row.since) for row in rows}


# -- plans -----------------------------------------------------------------------------------------------------


def several_active_plans(session: Session) -> Rows:
    """More than one for the same disease."""
    active = sa.and_(col(Plan.patient_id) == col(Patient.id), col(Plan.ended_on).is_(None))
    statement = patients_with(sa.func.count()).join(Plan, active)
    grouped = statement.group_by(col(Patient.id), col(Patient.mrn), col(Plan.condition_id))
    return of_rows(session, grouped.having(sa.func.count() > 1))


def of_somebody_else(session: Session) -> Rows:
    """Plans and studies that are for a disease of another patient, or for one that was taken back."""
    for table in (Plan, Study):
        owned: Any = table
        wrong = sa.or_(col(Condition.patient_id) != owned.patient_id, col(Condition.retracted_at).is_not(None))
        statement = patients_with(sa.literal(str(table.__tablename__))).join(table, owned.patient_id == col(Patient.id))
        yield from of_rows(session, statement.join(Condition, col(Condition.id) == owned.condition_id).where(wrong))


def dead_with_active_plan(session: Session) -> Rows:
    active = sa.and_(col(Plan.patient_id) == col(Patient.id), col(Plan.ended_on).is_(None))
    return of_rows(
        session, patients_with(col(Patient.died_on)).join(Plan, active).where(col(Patient.died_on).is_not(None))
    )


def unsigned_ends(session: Session) -> Rows:
    """Ends that no member of staff stands for; a death and a restart are facts, not decisions."""
    statement = (
        patients_with(col(Plan.ended_on), col(Plan.end_reason))
        .join(Plan, col(Plan.patient_id) == col(Patient.id))
        .outerjoin(User, col(User.id) == col(Plan.end_signed_by))
        .where(
            col(Plan.ended_on).is_not(None),
            sa.or_(
                col(User.id).is_(None),
                sa.and_(col(User.system), col(Plan.end_reason).not_in((EndReason.DEATH, EndReason.RESTARTED))),
            ),
        )
    )
    return of_rows(session, statement)


def visits_without_lines(session: Session) -> Rows:
    lines = sa.exists().where(col(AppointmentItem.appointment_id) == col(Appointment.id))
    states = (AppointmentState.BOOKED, AppointmentState.FULFILLED, AppointmentState.NOSHOW)
    statement = patients_with(col(Appointment.day), col(Appointment.id)).join(
        Appointment, col(Appointment.patient_id) == col(Patient.id)
    )
    return of_rows(session, statement.where(col(Appointment.state).in_(states), ~lines))


def visits_after_the_end(session: Session) -> Rows:
    """Booked visits on or after the day on which their plan ended: somebody would wait for the patient."""
    statement = (
        patients_with(col(Appointment.day), col(Plan.ended_on))
        .join(Appointment, col(Appointment.patient_id) == col(Patient.id))
        .join(Plan, col(Plan.id) == col(Appointment.plan_id))
        .where(col(Appointment.state) == AppointmentState.BOOKED, col(Appointment.day) >= col(Plan.ended_on))
    )
    return of_rows(session, statement)


# -- projections of people's facts ------------------------------------------------------------------------------


def wrong_gaps(session: Session) -> Rows:
    """Patients who lack something that is not stored, or the other way round."""
    return _of(session, care_gaps.outdated(session))


def wrong_words(session: Session) -> Rows:
    """Patients whose words to search them by are not those of their name and MRN."""
    stored: dict[UUID, set[str]] = {}
    for patient_id, word in of_rows(session, sa.select(col(PatientWord.patient_id), col(PatientWord.word))):
        stored.setdefault(patient_id, set()).add(word)
    people = of_rows(session, sa.select(col(Patient.id), col(Patient.folded), col(Patient.mrn)))
    wrong = [each for each, name, mrn in people if stored.get(each) != patients.search_words(name, mrn)]
    return _of(session, wrong)


def wrong_history(session: Session) -> Rows:
    """Patients with a study that is stored as history and is none, or the other way round."""
    return _of(session, {study.patient_id for study in studies.wrong_history(session)})


def wrong_obligations(session: Session) -> Rows:
    """Patients with a result that is stored as carried on and nothing carries it on, or the other way round."""
    live = sa.exists().where(col(StudyFollowUp.study_id) == col(Study.id), col(StudyFollowUp.retracted_at).is_(None))
    stored = sa.case((col(Study.next_action_done_on).is_not(None), sa.true()), else_=sa.false())
    wrong = sa.select(col(Study.patient_id)).where(
        col(Study.retracted_at).is_(None), stored != sa.case((live.correlate(Study), sa.true()), else_=sa.false())
    )
    return _of(session, {found[0] for found in of_rows(session, wrong)})


def wrong_reports(session: Session) -> Rows:
    """Patients with a study whose report stands otherwise than its versions say."""

    def version(column: Any, order: Any, *conditions: Any) -> Any:
        statement = sa.select(column).where(
            col(StudyReport.study_id) == col(Study.id), col(StudyReport.retracted_at).is_(None), *conditions
        )
        return statement.order_by(order).limit(1).correlate(Study).scalar_subquery()

    number = col(StudyReport.number)
    status = version(col(StudyReport.status), number.desc())
    first = version(col(StudyReport.day), number, col(StudyReport.status).in_(FINISHED))
    wrong = sa.select(col(Study.patient_id)).where(
        sa.or_(
            col(Study.report_status).is_distinct_from(status),
            col(Study.reported_on).is_distinct_from(first),
        )
    )
    return _of(session, {found[0] for found in of_rows(session, wrong)})


def wrong_skips(session: Session) -> Rows:
    """Patients with a skipped examination that waits for a review and is settled, or the other way round."""
    row = ExaminationRow
    wrong = sa.select(col(row.patient_id)).where(
        col(row.skip_review_on).is_not(None), col(row.skip_settled) != plans.skip_is_settled()
    )
    return _of(session, {found[0] for found in of_rows(session, wrong)})


def _of(session: Session, patient_ids: Iterable[UUID]) -> Rows:
    ids = list(patient_ids)
    for start in range(0, len(ids), AT_ONCE):
        yield from of_rows(session, patients_with().where(col(Patient.id).in_(ids[start : start + AT_ONCE])))


# -- messages --------------------------------------------------------------------------------------------------


def _messages(*more: Any) -> Any:
    return patients_with(col(Reminder.key), *more).join(Reminder, col(Reminder.patient_id) == col(Patient.id))


def _gone_out() -> sa.ColumnElement[bool]:
    return sa.and_(col(Attempt.reminder_id) == col(Reminder.id), col(Attempt.state).in_(OUT))


def sent_twice(session: Session) -> Rows:
    statement = _messages(sa.func.count()).join(Attempt, _gone_out())
    grouped = statement.group_by(col(Patient.site_id), col(Patient.mrn), col(Reminder.key))
    return of_rows(session, grouped.having(sa.func.count() > 1))


def sent_on_two_channels(session: Session) -> Rows:
    """The same message, told by the key without its channel, that reached the patient on two ways."""
    length = sa.func.length(col(Reminder.key)) - sa.func.length(sa.cast(col(Reminder.channel), sa.String)) - 1
    stem = sa.func.substr(col(Reminder.key), 1, length)
    statement = (
        patients_with(stem.label("stem"), sa.func.count())
        .join(Reminder, col(Reminder.patient_id) == col(Patient.id))
        .where(col(Reminder.state).in_(SENT))
        .group_by(col(Patient.site_id), col(Patient.mrn), stem)
        .having(sa.func.count() > 1)
    )
    return of_rows(session, statement)


def sent_without_attempt(session: Session) -> Rows:
    """Messages that are said to be sent, but no provider took them, and that are no work either."""
    statement = _messages(col(Reminder.state)).where(
        col(Reminder.state).in_(SENT), ~sa.exists().where(_gone_out()).correlate(Reminder)
    )
    return of_rows(session, statement.where(col(Reminder.resolved_at).is_(None)))


def withdrawn_without_reason(session: Session) -> Rows:
    states = (ReminderState.VOIDED, ReminderState.DROPPED)
    return of_rows(
        session,
        _messages(col(Reminder.state)).where(col(Reminder.state).in_(states), sa.func.trim(col(Reminder.reason)) == ""),
    )


def forgotten(session: Session, before: datetime) -> Rows:
    """Messages whose useful time ended before ``before``, undecided, although sending is not paused."""
    paused = sa.exists().where(
        sa.or_(
            col(DispatchPause.scope) == "all",
            sa.func.replace(col(DispatchPause.scope), "-", "") == plain_id(Reminder.site_id),
        )
    )
    statement = _messages(col(Reminder.expires_at)).where(
        col(Reminder.state).in_(OPEN), col(Reminder.expires_at) < before, ~paused.correlate(Reminder)
    )
    return of_rows(session, statement)


# -- audit -----------------------------------------------------------------------------------------------------

# Facts that persons record. Rows that follow from them (examinations, findings, proposals, planned messages) are
# derived, and their changes are explained by the facts.
AUDITED: tuple[type[SQLModel], ...] = (
    Site,
    Place,
    Approval,
    SourceReview,
    Patient,
    Contact,
    Consent,
    Condition,
    Plan,
    PlanHold,
    Override,
    ExtraExamination,
    Deferral,
    Study,
    ResultTask,
    Feed,
)


def without_event(session: Session, table: type[SQLModel]) -> list[str]:
    """Ids of the rows of a table that no audit event speaks of."""
    row: Any = table
    events = sa.select(sa.func.replace(col(AuditEvent.subject_id), "-", "")).where(
        col(AuditEvent.subject) == str(table.__tablename__)
    )
    statement = sa.select(plain_id(row.id)).except_(events)
    return sorted(found[0] for found in of_rows(session, statement))


def visits_without_event(session: Session) -> list[str]:
    """Booked visits that no audit event speaks of; a proposal is derived and needs none."""
    events = sa.select(sa.func.replace(col(AuditEvent.subject_id), "-", "")).where(
        col(AuditEvent.subject) == "appointment"
    )
    statement = sa.select(plain_id(Appointment.id)).where(col(Appointment.was_booked)).except_(events)
    return sorted(found[0] for found in of_rows(session, statement))


def deaths_without_event(session: Session) -> list[str]:
    """Recorded deaths that no event about their patient speaks of."""
    event = orm.aliased(AuditEvent)
    told = sa.exists().where(col(event.patient_id) == col(Death.patient_id), col(event.action) == "patient.died")
    return sorted(found[0] for found in of_rows(session, sa.select(plain_id(Death.id)).where(~told)))
