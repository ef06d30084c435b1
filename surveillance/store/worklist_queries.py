"""The lists of the board about examinations, visits, plans and studies, as queries over the facts (design 6).

Conditions that an index was made for are written as text: SQLite takes a partial index for nothing else.
"""

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from surveillance.core.examinations import FindingKind
from surveillance.core.gaps import GapKind
from surveillance.store.tables import (
    Appointment,
    ExaminationRow,
    FindingRow,
    Gap,
    Patient,
    Plan,
    PlanHold,
    Study,
    StudyItem,
)
from surveillance.store.worklist_base import Query, Scope, chosen, gap, of_patient

REPORT_AFTER_DAYS = 14  # a report is missed when the study is older: two weeks is what most departments promise
REVIEW_AFTER_DAYS = 0  # a report waits for its clinician from the day it arrives
NOTICE_DAYS = 14  # a hold or a skip is shown so long before its review, that a visit can be arranged


# -- examinations ----------------------------------------------------------------------------------------------


def not_held(today: date) -> sa.ColumnElement[bool]:
    """No hold covers the day (``core.status.status``)."""
    starts, ends = col(ExaminationRow.held_from), col(ExaminationRow.held_until)
    return sa.or_(starts.is_(None), starts > today, ends <= today)


def _waiting(scope: Scope, since: Any, *conditions: Any) -> Query:
    """Open, unbooked, not held, and its time not over: what ``status`` calls overdue, due, to order or upcoming."""
    row = ExaminationRow
    query = chosen(
        row.id,
        since,
        col(row.item).label("item"),
        col(row.month).label("month"),
        col(row.plan_id).label("plan_id"),
        col(row.target).label("target"),
        col(row.window_start).label("window_start"),
        col(row.window_end).label("window_end"),
        col(row.overdue_from).label("overdue_from"),
        col(row.cell_end).label("cell_end"),
    )
    return of_patient(row, query, scope).where(
        sa.text("examination.open"), sa.text("examination.booked_on IS NULL"), not_held(scope.today), *conditions
    )


def overdue(scope: Scope) -> Query:
    row = ExaminationRow
    return _waiting(
        scope,
        row.overdue_since,
        col(row.overdue_since) <= scope.today,  # it never lies after overdue_from, and bounds the look into the index
        col(row.overdue_from) <= scope.today,
        col(row.cell_end) > scope.today,
    )


def due(scope: Scope) -> Query:
    row = ExaminationRow
    return _waiting(
        scope,
        row.due_from,
        sa.text("examination.due_from < examination.overdue_from"),
        col(row.order_from) <= scope.today,
        col(row.due_from) <= scope.today,
        col(row.overdue_from) > scope.today,
        col(row.cell_end) > scope.today,
    )


def to_order(scope: Scope) -> Query:
    row = ExaminationRow
    return _waiting(
        scope,
        row.order_from,
        sa.text("examination.order_from < examination.due_from"),
        col(row.order_from) <= scope.today,
        col(row.due_from) > scope.today,
        col(row.overdue_from) > scope.today,
        col(row.cell_end) > scope.today,
    )


def skips(scope: Scope) -> Query:
    """Skipped examinations whose review is near. A later study of the item is the review: the row goes then."""
    row = ExaminationRow
    query = chosen(
        row.id,
        row.skip_review_on,
        col(row.item).label("item"),
        col(row.month).label("month"),
        col(row.plan_id).label("plan_id"),
        col(row.skip_review_on).label("review_on"),
    )
    return of_patient(row, query, scope).where(
        sa.text("examination.skip_review_on IS NOT NULL"),
        sa.text("NOT examination.skip_settled"),
        col(row.skip_review_on) <= scope.today + timedelta(days=NOTICE_DAYS),
    )


# -- visits and plans ------------------------------------------------------------------------------------------


def outcome_unknown(scope: Scope) -> Query:
    query = chosen(Appointment.id, Appointment.day, col(Appointment.at).label("at"))
    return of_patient(Appointment, query, scope).where(
        sa.text("appointment.state = 'booked'"), col(Appointment.day) < scope.today
    )


def _finding(scope: Scope, *conditions: Any) -> Query:
    row = FindingRow
    query = chosen(
        row.id,
        row.since,
        col(row.kind).label("kind"),
        col(row.item).label("item"),
        col(row.month).label("month"),
        col(row.subject).label("about"),
        col(row.plan_id).label("plan_id"),
    )
    return of_patient(row, query, scope).where(*conditions)


def conflicts(scope: Scope) -> Query:
    """All that does not fit together; a visit that does not fit is work although its day lies ahead."""
    return _finding(scope, sa.text("finding.kind NOT IN ('last_scan_unknown', 'protocol_ends')"))


def protocol_ends(scope: Scope) -> Query:
    """That a protocol ends is work once its last examination is over."""
    return _finding(scope, col(FindingRow.kind) == FindingKind.PROTOCOL_ENDS, col(FindingRow.since) <= scope.today)


def last_scan_unknown(scope: Scope) -> Query:
    return _finding(scope, col(FindingRow.kind) == FindingKind.LAST_SCAN_UNKNOWN)


def holds(scope: Scope) -> Query:
    row = PlanHold
    query = chosen(
        row.id,
        row.review_on,
        col(row.item).label("item"),
        col(row.plan_id).label("plan_id"),
        col(row.review_on).label("review_on"),
        col(row.reason).label("reason"),
        col(row.note).label("note"),
    )
    joined = query.select_from(PlanHold).join(Plan, col(Plan.id) == col(row.plan_id))
    return joined.join(Patient, col(Patient.id) == col(Plan.patient_id)).where(
        col(row.site_id) == scope.site_id,
        sa.text("plan_hold.resumed_on IS NULL"),
        sa.text("plan_hold.retracted_at IS NULL"),
        col(row.review_on) <= scope.today + timedelta(days=NOTICE_DAYS),
        col(Plan.ended_on).is_(None),
    )


def without_plan(scope: Scope) -> Query:
    """Living patients that no plan, final end or day to restart by looks after."""
    ended = sa.select(sa.func.max(Plan.ended_on)).where(col(Plan.patient_id) == col(Patient.id))
    return gap(
        scope,
        GapKind.WITHOUT_PLAN,
        col(Patient.id),
        ended.correlate(Patient).scalar_subquery().label("ended_on"),
    )


def restart_due(scope: Scope) -> Query:
    query = gap(scope, GapKind.RESTART, col(Gap.plan_id), col(Plan.ended_on).label("ended_on"))
    return query.join(Plan, col(Plan.id) == col(Gap.plan_id)).where(col(Gap.since) <= scope.today)


# -- studies ---------------------------------------------------------------------------------------------------


def _study(scope: Scope, since: Any, *conditions: Any) -> Query:
    query = chosen(
        Study.id,
        since,
        col(Study.performed_on).label("performed_on"),
        col(Study.modality).label("modality"),
        col(Study.accession).label("accession"),
        col(Study.result).label("result"),
        col(Study.next_action).label("next_action"),
        sa.select(sa.func.min(StudyItem.item))
        .where(col(StudyItem.study_id) == col(Study.id))
        .scalar_subquery()
        .label("item"),
    )
    return of_patient(Study, query, scope).where(
        sa.text("study.retracted_at IS NULL"), sa.text("NOT study.history"), *conditions
    )


def no_report(scope: Scope) -> Query:
    return _study(
        scope,
        Study.performed_on,
        sa.text("study.reported_on IS NULL"),
        col(Study.performed_on) <= scope.today - timedelta(days=REPORT_AFTER_DAYS),
    )


def not_reviewed(scope: Scope) -> Query:
    return _study(
        scope,
        Study.reported_on,
        sa.text("study.reviewed_on IS NULL"),
        sa.text("study.reported_on IS NOT NULL"),
        col(Study.reported_on) <= scope.today - timedelta(days=REVIEW_AFTER_DAYS),
    )


def no_next_action(scope: Scope) -> Query:
    return _study(
        scope,
        Study.reviewed_on,
        sa.text("study.result <> 'clear'"),
        sa.text("study.next_action_done_on IS NULL"),
    )
