"""The lists of the board about messages: who cannot be reached, what came back, what nobody knows (design 6)."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from surveillance.core.gaps import GapKind
from surveillance.core.replies import Keyword
from surveillance.core.words import ReminderState
from surveillance.store.tables import Attempt, Contact, Inbound, Number, Patient, Reminder
from surveillance.store.worklist_base import Query, Scope, alive, chosen, gap, of_patient

DOUBT_MINUTES = 10  # so long the service itself looks for a message that may have gone out (section 4 rule 7)


def unreachable(scope: Scope) -> Query:
    """Living patients with an active plan of whose contacts none can be reached."""
    return gap(scope, GapKind.UNREACHABLE, col(Patient.id))


def _reminder(scope: Scope, since: Any, *conditions: Any) -> Query:
    query = chosen(
        Reminder.id,
        since,
        col(Reminder.step).label("step"),
        col(Reminder.channel).label("channel"),
        col(Reminder.state).label("state"),
        col(Reminder.reason).label("reason"),
        col(Reminder.subject_day).label("subject_day"),
        col(Reminder.appointment_id).label("appointment_id"),
    )
    return of_patient(Reminder, query, scope).where(*conditions)


def undelivered(scope: Scope) -> Query:
    """Messages that a person must take over. The dead are called by nobody."""
    return _reminder(
        scope,
        col(Reminder.changed_at),
        sa.text("reminder.state IN ('task', 'failed')"),
        sa.text("reminder.resolved_at IS NULL"),
        alive(),
    )


def in_doubt(scope: Scope) -> Query:
    """Messages of which nobody knows whether they went out."""
    return _reminder(
        scope,
        col(Reminder.changed_at),
        sa.text("reminder.state = 'in_doubt'"),
        sa.text("reminder.resolved_at IS NULL"),
    )


def lost(scope: Scope) -> Query:
    """Messages whose attempt nobody answered, once the service itself has stopped looking."""
    stopped = scope.now - timedelta(minutes=DOUBT_MINUTES)
    unanswered = sa.select(col(Attempt.reminder_id)).where(
        sa.text("attempt.finished_at IS NULL"), col(Attempt.in_doubt_from) <= stopped
    )
    return _reminder(
        scope,
        col(Reminder.changed_at),
        col(Reminder.resolved_at).is_(None),
        col(Reminder.state) != ReminderState.IN_DOUBT,
        col(Reminder.id).in_(unanswered),
    )


def _senders(query: Query, scope: Scope, number: Any) -> Query:
    """The patients of the site who have a number; one that nobody has is shown at one site of those looked at."""
    holders = sa.and_(col(Contact.phone) == number, col(Contact.removed_at).is_(None))
    joined = query.outerjoin(Contact, holders).outerjoin(Patient, col(Patient.id) == col(Contact.patient_id))
    mine = col(Patient.site_id) == scope.site_id
    wanted = sa.or_(mine, col(Patient.id).is_(None)) if scope.strangers else mine
    return joined.where(wanted).distinct()


def _inbound(scope: Scope, *conditions: Any) -> Query:
    query = chosen(
        Inbound.id,
        col(Inbound.received_at),
        col(Inbound.body).label("body"),
        col(Inbound.from_number).label("phone"),
        col(Inbound.keyword).label("keyword"),
    )
    senders = _senders(query.select_from(Inbound), scope, Inbound.from_number)
    return senders.where(sa.text("inbound.handled_at IS NULL"), *conditions)


def replies(scope: Scope) -> Query:
    return _inbound(scope, col(Inbound.keyword) != Keyword.ANOTHER_DAY.value)


def reschedule(scope: Scope) -> Query:
    """Replies that ask for another day."""
    return _inbound(scope, col(Inbound.keyword) == Keyword.ANOTHER_DAY.value)


def paused_numbers(scope: Scope) -> Query:
    """Numbers that wait for a decision although no reply of theirs is open any more."""
    query = chosen(
        Number.phone, col(Number.paused_at), col(Number.phone).label("phone"), col(Number.paused_why).label("why")
    )
    open_reply = sa.exists().where(col(Inbound.from_number) == col(Number.phone), col(Inbound.handled_at).is_(None))
    return _senders(query.select_from(Number), scope, Number.phone).where(
        sa.text("number.paused_at IS NOT NULL"), ~open_reply.correlate(Number)
    )
