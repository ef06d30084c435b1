"""Facts that put somebody off although nobody granted it, as queries over the whole database (schedule rule 11)."""

from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from surveillance.core.words import DeferralKind, EndReason
from surveillance.store.board.base import plain_id
from surveillance.store.proof.rules import Rows, of_rows, patients_with
from surveillance.store.tables import BoardAction, Deferral, Patient, Plan, PlanHold


def _granted(kind: DeferralKind, subject: Any, until: Any) -> sa.ColumnElement[bool]:
    """A deferral of this fact stands, and for at least as long as the fact puts off."""
    same = sa.func.replace(col(Deferral.subject), "-", "") == subject
    return sa.exists().where(
        col(Deferral.kind) == kind, same, col(Deferral.until) >= until, col(Deferral.settled_at).is_(None)
    )


def holds(session: Session) -> Rows:
    """Holds in force of active plans."""
    statement = (
        patients_with(col(PlanHold.review_on))
        .join(Plan, col(Plan.patient_id) == col(Patient.id))
        .join(PlanHold, col(PlanHold.plan_id) == col(Plan.id))
        .where(
            col(Plan.ended_on).is_(None),
            col(PlanHold.resumed_on).is_(None),
            col(PlanHold.retracted_at).is_(None),
            ~_granted(DeferralKind.HOLD, plain_id(PlanHold.id), col(PlanHold.review_on)).correlate(PlanHold),
        )
    )
    return of_rows(session, statement)


def rows_aside(session: Session, longest: Any) -> Rows:
    """Rows of the board that are put aside beyond ``longest``, the farthest day that anybody may grant."""
    statement = (
        patients_with(col(BoardAction.worklist), col(BoardAction.until))
        .join(BoardAction, col(BoardAction.patient_id) == col(Patient.id))
        .where(
            col(BoardAction.until) > longest,
            ~_granted(
                DeferralKind.SNOOZE,
                sa.func.replace(col(BoardAction.worklist) + ":" + col(BoardAction.subject), "-", ""),
                col(BoardAction.until),
            ).correlate(BoardAction),
        )
    )
    return of_rows(session, statement)


def restarts(session: Session) -> Rows:
    """Plans that ended to be begun again by a day, of living patients with no later plan."""
    later = sa.orm.aliased(Plan)
    followed = sa.exists().where(col(later.patient_id) == col(Plan.patient_id), col(later.number) > col(Plan.number))
    statement = (
        patients_with(col(Plan.restart_by))
        .join(Plan, col(Plan.patient_id) == col(Patient.id))
        .where(
            col(Patient.died_on).is_(None),
            col(Plan.ended_on).is_not(None),
            col(Plan.restart_by).is_not(None),
            col(Plan.end_reason) != EndReason.DEATH,
            ~followed.correlate(Plan),
            ~_granted(DeferralKind.RESTART, plain_id(Plan.id), col(Plan.restart_by)).correlate(Plan),
        )
    )
    return of_rows(session, statement)
