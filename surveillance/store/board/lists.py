"""The lists of the board about examinations, visits, plans and studies, as queries over the facts (design 6).

Conditions that an index was made for are written as text: SQLite takes a partial index for nothing else.
"""

from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from surveillance.core.people.care_gaps import GapKind
from surveillance.core.schedule.examinations import FindingKind
from surveillance.core.words import DeferralKind
from surveillance.store.board.base import (
    NOTICE,
    REPORT_BY,
    SITE,
    TODAY,
    Query,
    about,
    alive,
    chosen,
    fields,
    gap,
    of_patient,
)
from surveillance.store.tables import (
    Appointment,
    CareGap,
    Deferral,
    ExaminationRow,
    FindingRow,
    Patient,
    Plan,
    PlanHold,
    ResultTask,
    Study,
    StudyItem,
)

# -- examinations ----------------------------------------------------------------------------------------------


def not_held() -> sa.ColumnElement[bool]:
    """No hold covers the day (``core.schedule.status.status``)."""
    starts, ends = col(ExaminationRow.held_from), col(ExaminationRow.held_until)
    return sa.or_(starts.is_(None), starts > TODAY, ends <= TODAY)


def _waiting(since: Any, *conditions: Any) -> Query:
    """Open, unbooked, not held, and its time not over: what ``status`` calls overdue, due, to order or upcoming."""
    window = ("target", "window_start", "window_end", "overdue_from", "cell_end")
    return about(ExaminationRow, since, *fields(ExaminationRow, "item", "month", "plan_id", *window)).where(
        sa.text("examination.open"), sa.text("examination.booked_on IS NULL"), not_held(), *conditions
    )


def overdue() -> Query:
    row = ExaminationRow
    return _waiting(
        row.overdue_since,
        col(row.overdue_since) <= TODAY,  # it never lies after overdue_from, and bounds the look into the index
        col(row.overdue_from) <= TODAY,
        col(row.cell_end) > TODAY,
    )


def due() -> Query:
    row = ExaminationRow
    return _waiting(
        row.due_from,
        sa.text("examination.due_from < examination.overdue_from"),
        col(row.order_from) <= TODAY,
        col(row.due_from) <= TODAY,
        col(row.overdue_from) > TODAY,
        col(row.cell_end) > TODAY,
    )


def to_order() -> Query:
    row = ExaminationRow
    return _waiting(
        row.order_from,
        sa.text("examination.order_from < examination.due_from"),
        col(row.order_from) <= TODAY,
        col(row.due_from) > TODAY,
        col(row.overdue_from) > TODAY,
        col(row.cell_end) > TODAY,
    )


def skips() -> Query:
    """Skipped examinations whose review is near. A later study of the item is the review: the row goes then."""
    row = ExaminationRow
    facts = fields(row, "item", "month", "plan_id", review_on="skip_review_on")
    return about(row, row.skip_review_on, *facts).where(
        sa.text("examination.skip_review_on IS NOT NULL"),
        sa.text("NOT examination.skip_settled"),
        col(row.skip_review_on) <= NOTICE,
    )


# -- visits and plans ------------------------------------------------------------------------------------------


def outcome_unknown() -> Query:
    visits = about(Appointment, Appointment.day, *fields(Appointment, "at", "plan_id"))
    return visits.where(sa.text("appointment.state = 'booked'"), col(Appointment.day) < TODAY)


def _finding(*conditions: Any) -> Query:
    row = FindingRow
    facts = fields(row, "kind", "item", "month", "plan_id", about="subject")
    return about(row, row.since, *facts).where(*conditions)


def conflicts() -> Query:
    """All that does not fit together; a visit that does not fit is work although its day lies ahead."""
    return _finding(sa.text("finding.kind NOT IN ('last_scan_unknown', 'protocol_ends', 'repeat_wanted')"))


def protocol_ends() -> Query:
    """That a protocol ends is work once its last examination is over."""
    return _finding(col(FindingRow.kind) == FindingKind.PROTOCOL_ENDS, col(FindingRow.since) <= TODAY)


def repeat_wanted() -> Query:
    """Inadequate studies of which no other one and no visit is there yet; shown at once, wanted by ``since``."""
    return _finding(col(FindingRow.kind) == FindingKind.REPEAT_WANTED)


def last_scan_unknown() -> Query:
    return _finding(col(FindingRow.kind) == FindingKind.LAST_SCAN_UNKNOWN)


def holds() -> Query:
    row = PlanHold
    query = chosen(row.id, row.review_on, *fields(row, "item", "plan_id", "review_on", "reason", "note"))
    joined = query.select_from(PlanHold).join(Plan, col(Plan.id) == col(row.plan_id))
    return joined.join(Patient, col(Patient.id) == col(Plan.patient_id)).where(
        col(row.site_id) == SITE,
        sa.text("plan_hold.resumed_on IS NULL"),
        sa.text("plan_hold.retracted_at IS NULL"),
        col(row.review_on) <= NOTICE,
        col(Plan.ended_on).is_(None),
    )


def _deferrals(kind: DeferralKind, *conditions: Any) -> Query:
    """Deferrals that no fact of their own brings to the board; they go when they are settled or granted anew."""
    columns = fields(Deferral, "item", "plan_id", "reason", review_on="until")
    return about(Deferral, Deferral.until, *columns).where(
        sa.text("deferral.settled_at IS NULL"), col(Deferral.kind) == kind, alive(), *conditions
    )


def items_off() -> Query:
    return _deferrals(DeferralKind.OFF, col(Deferral.until) <= NOTICE)


def transfers() -> Query:
    """A transfer is work until the other clinic has said that it takes over."""
    return _deferrals(DeferralKind.TRANSFER)


def without_plan() -> Query:
    """Living patients that no plan, final end or day to restart by looks after."""
    ended = sa.select(sa.func.max(Plan.ended_on)).where(col(Plan.patient_id) == col(Patient.id))
    return gap(
        GapKind.WITHOUT_PLAN,
        col(Patient.id),
        ended.correlate(Patient).scalar_subquery().label("ended_on"),
    )


def restart_due() -> Query:
    query = gap(GapKind.RESTART, col(CareGap.plan_id), col(Plan.ended_on).label("ended_on"))
    return query.join(Plan, col(Plan.id) == col(CareGap.plan_id)).where(col(CareGap.since) <= TODAY)


# -- studies ---------------------------------------------------------------------------------------------------


def _study(since: Any, *conditions: Any) -> Query:
    items = sa.select(sa.func.min(StudyItem.item)).where(col(StudyItem.study_id) == col(Study.id))
    facts = fields(Study, "performed_on", "modality", "accession", "report_status", "result", "next_action")
    return about(Study, since, *facts, items.scalar_subquery().label("item")).where(
        sa.text("study.retracted_at IS NULL"), sa.text("NOT study.history"), *conditions
    )


def no_report() -> Query:
    """No final report in the site's time; a cancelled one does not come any more, so it is missed at once."""
    missed = sa.or_(col(Study.performed_on) <= REPORT_BY, sa.text("study.report_status = 'cancelled'"))
    return _study(Study.performed_on, sa.text("study.reported_on IS NULL"), missed)


def not_reviewed() -> Query:
    return _study(
        Study.to_review_since,
        sa.text("study.to_review_since IS NOT NULL"),
        col(Study.to_review_since) <= TODAY,
    )


def not_told() -> Query:
    """Reviewed as the report stands now, and the patient does not know; the dead are told nothing."""
    return _study(
        Study.reviewed_on,
        sa.text("study.reviewed_on IS NOT NULL"),
        sa.text("study.told_on IS NULL"),
        sa.text("study.to_review_since IS NULL"),
        alive(),
    )


def no_next_action() -> Query:
    """Not clear, and no fact carries it on."""
    return _study(
        Study.reviewed_on,
        sa.text("study.result <> 'clear'"),
        sa.text("study.next_action_done_on IS NULL"),
        alive(),
    )


def result_tasks() -> Query:
    """Tasks that came of a result and whose day is near; each is its owner's."""
    row = ResultTask
    query = chosen(
        row.id,
        row.due_on,
        col(row.what).label("what"),
        col(row.due_on).label("due_on"),
        col(row.study_id).label("study_id"),
        owner=col(row.owner_id),
    )
    return of_patient(row, query).where(
        sa.text("result_task.done_on IS NULL"),
        sa.text("result_task.retracted_at IS NULL"),
        col(row.due_on) <= NOTICE,
        alive(),
    )
