"""The lists of the board about messages: who cannot be reached, what came back, what nobody knows (design 6)."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from surveillance.core.words import Channel, ConsentAct, ReminderState
from surveillance.store.tables import Attempt, Consent, Contact, Inbound, Number, Patient, Plan, Reminder
from surveillance.store.worklist_base import Query, Scope, alive, chosen, of_patient

DOUBT_MINUTES = 10  # so long the service itself looks for a message that may have gone out (section 4 rule 7)


def _consents(channel: Channel, address: Any) -> Any:
    """The last line of the ledger is a yes, given for this very address; of one moment a withdrawal holds."""
    given = sa.and_(col(Consent.act) == ConsentAct.GIVEN, col(Consent.address) == address)
    last = (
        sa.select(sa.case((given, 1), else_=0))
        .where(col(Consent.contact_id) == col(Contact.id), col(Consent.channel) == channel)
        .order_by(col(Consent.at).desc(), col(Consent.recorded_at).desc(), col(Consent.act).desc())
        .limit(1)
    )
    return last.correlate(Contact).scalar_subquery() == 1


def _mine() -> sa.ColumnElement[bool]:
    return sa.and_(col(Contact.patient_id) == col(Patient.id), col(Contact.removed_at).is_(None))


def _out() -> sa.ColumnElement[bool]:
    return (
        sa.exists()
        .where(col(Number.phone) == col(Contact.phone), col(Number.opted_out_at).is_not(None))
        .correlate(Contact)
    )


def _reachable() -> sa.ColumnElement[bool]:
    """A contact that a message or, on a landline, a call can reach."""
    mobile = sa.and_(col(Contact.phone_mobile), _consents(Channel.SMS, col(Contact.phone)), ~_out())
    landline = col(Contact.phone_mobile).is_(False)
    by_phone = sa.and_(col(Contact.phone).is_not(None), sa.or_(landline, mobile))
    by_email = sa.and_(col(Contact.email).is_not(None), _consents(Channel.EMAIL, col(Contact.email)))
    return sa.exists().where(_mine(), sa.or_(by_email, by_phone)).correlate(Patient)


def _seen(column: Any) -> Any:
    return sa.select(sa.func.max(column)).where(_mine()).correlate(Patient).scalar_subquery()


def unreachable(scope: Scope) -> Query:
    """Living patients with an active plan of whose contacts none can be reached, and what is wrong with them."""
    opted_out = sa.exists().where(_mine(), _out()).correlate(Patient)
    query = chosen(
        Patient.id,
        Plan.enrolled_on,
        _seen(col(Contact.priority)).label("contacts"),
        _seen(col(Contact.phone_given)).label("unreadable"),
        _seen(col(Contact.phone)).label("phone"),
        _seen(col(Contact.email)).label("email"),
        opted_out.label("opted_out"),
    )
    active = sa.and_(col(Plan.patient_id) == col(Patient.id), sa.text("plan.ended_on IS NULL"))
    return (
        query.select_from(Patient)
        .join(Plan, active)
        .where(col(Patient.site_id).in_(scope.sites), alive(), ~_reachable())
    )


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
        col(Reminder.state).in_((ReminderState.TASK, ReminderState.FAILED)),
        col(Reminder.resolved_at).is_(None),
        alive(),
    )


def in_doubt(scope: Scope) -> Query:
    """Messages of which nobody knows whether they went out, once the service itself has stopped looking."""
    stopped = scope.now - timedelta(minutes=DOUBT_MINUTES)
    lost = sa.select(col(Attempt.reminder_id)).where(
        sa.text("attempt.finished_at IS NULL"), col(Attempt.in_doubt_from) <= stopped
    )
    return _reminder(
        scope,
        col(Reminder.changed_at),
        col(Reminder.resolved_at).is_(None),
        sa.or_(col(Reminder.state) == ReminderState.IN_DOUBT, col(Reminder.id).in_(lost)),
    )


def _senders(query: Query, scope: Scope, number: Any) -> Query:
    """The patients who have a number; a number that nobody has is shown at every site, or it would be nobody's."""
    holders = sa.and_(col(Contact.phone) == number, col(Contact.removed_at).is_(None))
    joined = query.outerjoin(Contact, holders).outerjoin(Patient, col(Patient.id) == col(Contact.patient_id))
    return joined.where(sa.or_(col(Patient.id).is_(None), col(Patient.site_id).in_(scope.sites))).distinct()


def replies(scope: Scope) -> Query:
    query = chosen(
        Inbound.id,
        col(Inbound.received_at),
        col(Inbound.body).label("body"),
        col(Inbound.from_number).label("phone"),
        col(Inbound.keyword).label("keyword"),
    )
    return _senders(query.select_from(Inbound), scope, Inbound.from_number).where(sa.text("inbound.handled_at IS NULL"))


def paused_numbers(scope: Scope) -> Query:
    """Numbers that wait for a decision although no reply of theirs is open any more."""
    query = chosen(
        Number.phone, col(Number.paused_at), col(Number.phone).label("phone"), col(Number.paused_why).label("why")
    )
    open_reply = sa.exists().where(col(Inbound.from_number) == col(Number.phone), col(Inbound.handled_at).is_(None))
    return _senders(query.select_from(Number), scope, Number.phone).where(
        col(Number.paused_at).is_not(None), ~open_reply.correlate(Number)
    )
