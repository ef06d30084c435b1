"""The lists of the board about messages: who cannot be reached, what came back, what nobody knows (design 6)."""

from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from surveillance.core.people.care_gaps import GapKind
from surveillance.core.words import ReminderState
from surveillance.store.board.base import SITE, STOPPED, STRANGERS, Query, about, alive, chosen, fields, gap
from surveillance.store.tables import (
    Appointment,
    Attempt,
    Contact,
    Inbound,
    Number,
    Patient,
    Reminder,
    RescheduleRequest,
)


def unreachable() -> Query:
    """Living patients with an active plan of whose contacts none can be reached."""
    return gap(GapKind.UNREACHABLE, col(Patient.id))


def _reminder(since: Any, *conditions: Any) -> Query:
    facts = fields(Reminder, "step", "channel", "state", "reason", "subject_day", "appointment_id")
    return about(Reminder, since, *facts).where(*conditions)


def undelivered() -> Query:
    """Messages that a person must take over. The dead are called by nobody."""
    return _reminder(
        col(Reminder.changed_at),
        sa.text("reminder.state IN ('task', 'failed')"),
        sa.text("reminder.resolved_at IS NULL"),
        alive(),
    )


def in_doubt() -> Query:
    """Messages of which nobody knows whether they went out."""
    return _reminder(
        col(Reminder.changed_at),
        sa.text("reminder.state = 'in_doubt'"),
        sa.text("reminder.resolved_at IS NULL"),
    )


def lost() -> Query:
    """Messages whose attempt nobody answered, once the service itself has stopped looking."""
    unanswered = sa.select(col(Attempt.reminder_id)).where(
        sa.text("attempt.finished_at IS NULL"), col(Attempt.in_doubt_from) <= STOPPED
    )
    return _reminder(
        col(Reminder.changed_at),
        col(Reminder.resolved_at).is_(None),
        col(Reminder.state) != ReminderState.IN_DOUBT,
        col(Reminder.id).in_(unanswered),
    )


def _senders(query: Query, number: Any, about: Any = None) -> Query:
    """The patients of the site who have a number, or the one that it is ``about`` where that is known.

    One that nobody has is shown at one site of those looked at, so that everybody who opens the board sees it.
    """
    holders = sa.and_(col(Contact.phone) == number, col(Contact.removed_at).is_(None))
    whose = col(Contact.patient_id) if about is None else sa.func.coalesce(about, col(Contact.patient_id))
    joined = query.outerjoin(Contact, holders).outerjoin(Patient, col(Patient.id) == whose)
    nobodys = sa.and_(col(Patient.id).is_(None), STRANGERS)
    return joined.where(sa.or_(col(Patient.site_id) == SITE, nobodys)).distinct()


def replies() -> Query:
    """Messages from phones that a person has to read."""
    facts = fields(Inbound, "body", "keyword", "why", "appointment_id", phone="from_number")
    query = chosen(Inbound.id, col(Inbound.received_at), *facts)
    senders = _senders(query.select_from(Inbound), Inbound.from_number, col(Inbound.patient_id))
    return senders.where(sa.text("inbound.handled_at IS NULL"))


def reschedule() -> Query:
    """Wishes for another day that nobody has dealt with."""
    request = RescheduleRequest
    facts = (*fields(request, "text", "days", "source", "appointment_id"), *fields(Appointment, "day", "at"))
    visits = about(request, request.created_at, *facts).join(
        Appointment, col(Appointment.id) == col(request.appointment_id)
    )
    return visits.where(sa.text("reschedule_wish.settled_at IS NULL"))


def wrong_numbers() -> Query:
    """Numbers of living patients to which messages fail for good, until a person has verified them."""
    facts = fields(Number, "phone", "wrong", why="trouble_why")
    query = chosen(Number.phone, col(Number.trouble_at), *facts)
    holders = sa.and_(col(Contact.phone) == col(Number.phone), col(Contact.removed_at).is_(None))
    joined = query.select_from(Number).join(Contact, holders).join(Patient, col(Patient.id) == col(Contact.patient_id))
    here = (sa.text("number.trouble_at IS NOT NULL"), col(Patient.site_id) == SITE, alive())
    return joined.where(*here).distinct()


def paused_numbers() -> Query:
    """Numbers that wait for a decision although no reply of theirs is open any more."""
    query = chosen(Number.phone, col(Number.paused_at), *fields(Number, "phone", why="paused_why"))
    open_reply = sa.exists().where(col(Inbound.from_number) == col(Number.phone), col(Inbound.handled_at).is_(None))
    return _senders(query.select_from(Number), Number.phone).where(
        sa.text("number.paused_at IS NOT NULL"), ~open_reply.correlate(Number)
    )
