"""What a person does about a row of the board: a note, the outcome of a call, a day until which to put it aside,
whose work it is. Nothing else of the board is stored.
"""

from datetime import date, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from surveillance.core.errors import InvalidInputError
from surveillance.core.words import DeferralKind
from surveillance.operations.board.worklist import WORKERS, WorklistRow
from surveillance.operations.deferrals import granting
from surveillance.operations.deferrals.granting import NewDeferral
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.tables import BoardAction, Membership, User

UNEXPLAINED: Final = timedelta(days=7)  # a row may be put aside for so long without a word of why
CONTACTED_DAYS: Final = 3  # a row that somebody called about comes back after so many, if no other day was said


class WorklistAction(StrEnum):
    NOTE = "note"
    CALL = "call"
    SNOOZE = "snooze"
    ASSIGN = "assign"


def act(
    work: Work,
    row: WorklistRow,
    kind: WorklistAction,
    *,
    text: str = "",
    until: date | None = None,
    assigned_to: UUID | None = None,
) -> BoardAction:
    """Write down what a person did about a row.

    A call hides the row for CONTACTED_DAYS days unless ``until`` says otherwise; a snooze hides it until its day,
    and one until today brings it back.

    Raises:
        InvalidInputError: a note or call without a text, a snooze without a day or into the past, nobody to
            assign to, a row of nobody known, a snooze of over a week without a reason, or beyond anybody's limit.
        BeyondLimitError: a day beyond the limit of the actor's role (``deferrals``).
    """
    work.require(row.site_id, *WORKERS)
    if row.patient_id is None:
        raise InvalidInputError("no patient has this number; answer the message, or add the number to a patient")
    today = work.today(work.site(row.site_id))
    _check(work, row, kind, text, until, assigned_to, today)
    if kind is WorklistAction.CALL and until is None:
        until = today + timedelta(days=CONTACTED_DAYS)
    action = BoardAction(
        site_id=row.site_id,
        patient_id=row.patient_id,
        worklist=row.list.value,
        subject=row.subject,
        kind=kind.value,
        text=text.strip(),
        until=until if kind in (WorklistAction.CALL, WorklistAction.SNOOZE) else None,
        assigned_to=assigned_to if kind is WorklistAction.ASSIGN else None,
        user_id=work.actor.user_id,
        at=work.now,
    )
    work.session.add(action)
    work.session.flush()
    if action.until is not None:
        _put_off(work, row, action.until, text, today)
    work.audit(f"board.{kind}", action, after=picture(action, ("worklist", "subject", "until", "assigned_to", "text")))
    return action


def _put_off(work: Work, row: WorklistRow, until: date, text: str, today: date) -> None:
    """A row that is put aside is a deferral like every other; one until today comes back."""
    assert row.patient_id is not None  # noqa: S101  # asked before
    subject = f"{row.list.value}:{row.subject}"
    if until <= today:
        granting.settle(work, DeferralKind.SNOOZE, subject, "brought back")
        return
    reason = text.strip() or ("put aside for some days" if until <= today + UNEXPLAINED else "")
    granting.grant(work, row.patient_id, row.site_id, NewDeferral(DeferralKind.SNOOZE, subject, until, reason))


def _check(
    work: Work,
    row: WorklistRow,
    kind: WorklistAction,
    text: str,
    until: date | None,
    assigned_to: UUID | None,
    today: date,
) -> None:
    if kind in (WorklistAction.NOTE, WorklistAction.CALL) and not text.strip():
        raise InvalidInputError(f"a {kind} needs a text")
    if kind is WorklistAction.SNOOZE and until is None:
        raise InvalidInputError("say until which day the row is put aside")
    if until is not None and until < today:
        raise InvalidInputError(f"{until} is past; today is {today}")
    if kind is WorklistAction.ASSIGN:
        _check_assignee(work, row, assigned_to)


def _check_assignee(work: Work, row: WorklistRow, assigned_to: UUID | None) -> None:
    works_here = assigned_to and work.session.get(Membership, (assigned_to, row.site_id))
    user = work.session.get(User, assigned_to) if works_here else None
    if user is None or user.disabled_at is not None:
        raise InvalidInputError(f"only somebody who works at {row.site} can take this over")
