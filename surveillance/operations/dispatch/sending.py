"""One pass of sending: claim what is due, decide each message afresh, hand it over, write down what came of it.

The order is what makes it safe to be killed anywhere (rule 7): claim → write the attempt → commit → look at the
clock → call → record. A claim without an attempt is decided again; an attempt without a result is looked for at
the provider. The one hole that remains: a process that is frozen after it looked at the clock, and goes on once
its message was given up for absent. Its late answer is counted (``provider_results.LATE``).
"""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.exc import IntegrityError

from surveillance.core.errors import UnavailableError
from surveillance.core.messages.decision import IN_FLIGHT, PACE_USED_UP, SENDER_STOPPED, Send, TooLate, Void, Wait
from surveillance.core.messages.fallback import NextChannel, Task
from surveillance.core.texts.encoding import encoding, parts_as_gsm
from surveillance.core.words import AttemptState, Channel, ReminderState, Step
from surveillance.operations.calendars import page_addresses
from surveillance.operations.dispatch import claims, provider_results, senders
from surveillance.operations.dispatch.claims import Claim
from surveillance.operations.dispatch.recheck import DAMAGE, Recheck, recheck
from surveillance.operations.job_context import JobContext
from surveillance.operations.messages.events import turning
from surveillance.operations.messages.patient_context import PatientContext, patient_context
from surveillance.operations.messages.scheduling import fallback
from surveillance.operations.messages.texts import Text, as_written, text_for
from surveillance.operations.work import Work
from surveillance.providers.base import Accepted, DeliveryError, Outgoing, Transport
from surveillance.store import db
from surveillance.store.messages import reminders as store
from surveillance.store.messages.claims import claimed
from surveillance.store.tables import Attempt, Reminder

log = structlog.get_logger(__name__)

SLOW = "the process was too slow to hand it over; it was not sent"


@dataclass(frozen=True, slots=True)
class Ready:
    """An attempt that is written, and the message that belongs to it."""

    attempt_id: UUID
    channel: Channel
    outgoing: Outgoing
    deadline: datetime


def send_due(context: JobContext, stopping: threading.Event) -> Counter[str]:
    """Work on all that is due until nothing is left, every sender's pace is used up, or the process is to stop.

    What goes wrong with one message does not keep back the others: it becomes a person's work.
    """
    done: Counter[str] = Counter()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="dispatch") as one_by_one:
        while not stopping.is_set() and (batch := claims.take(context)):
            for place, mine in enumerate(batch):
                if stopping.is_set():
                    claims.give_back(context, batch[place:])
                    break
                error = one_by_one.submit(_one, context, mine, done).exception()
                if error is not None:
                    done[_went_wrong(context, mine, error)] += 1
    return done


def _one(context: JobContext, mine: Claim, done: Counter[str]) -> None:
    with db.writing(context.engine) as session:
        ready = _prepare(context, context.work(session), mine, done)
    if ready is not None:
        done[_hand_over(context, ready)] += 1


def _prepare(context: JobContext, work: Work, mine: Claim, done: Counter[str]) -> Ready | None:
    """Decide, and write the attempt if it is to be sent; None where nothing is handed over now."""
    patient = store.lock_patient(work.session, mine.patient_id)
    row = claimed(work.session, mine.reminder_id, mine.until)
    if row is None or patient is None:
        return None  # somebody else has it: the claim ran out
    now = patient_context(work, patient)
    found = recheck(context, work, now, row)
    if not isinstance(found.decision, Send):
        done[_settle(work, row, found)] += 1
        return None
    ready = _attempt(context, work, now, row, found, found.decision)
    if isinstance(ready, Wait):
        done[_wait(work, row, ready)] += 1
        return None
    return ready


def _settle(work: Work, row: Reminder, found: Recheck) -> str:
    """Act on every decision but to send; the word is for the report."""
    match found.decision:
        case Wait():
            return _wait(work, row, found.decision)
        case Void(reason):
            _end(work, row, ReminderState.VOIDED, reason)
            return "voided"
        case TooLate(reason, tell_a_person):
            _end(work, row, ReminderState.TASK if tell_a_person else ReminderState.DROPPED, reason)
            return "tasks" if tell_a_person else "too_late"
        case NextChannel(channel, reason):
            fallback(work, row, channel, reason)
            return "next_channel"
        case Task(reason):
            _end(work, row, ReminderState.TASK, reason)
            return "tasks"
    raise AssertionError(f"no such decision: {found.decision}")


def _wait(work: Work, row: Reminder, wait: Wait) -> str:
    """It is decided again later; a message that is paused for a week is one line of its ledger."""
    with turning(work, row, until=wait.until, again=True):
        row.state, row.not_before, row.reason = ReminderState.PLANNED, wait.until, wait.reason
        row.claimed_until = None
    return "waiting"


def _end(work: Work, row: Reminder, state: ReminderState, reason: str) -> None:
    with turning(work, row):
        row.state, row.reason, row.claimed_until = state, reason, None


def _attempt(
    context: JobContext, work: Work, now: PatientContext, row: Reminder, found: Recheck, send: Send
) -> Ready | Wait:
    """Write the attempt: the sender's turn is taken, and nothing else is on its way to the address."""
    transport = context.transports[row.channel]
    deadline = min(work.now + context.limits.hand_over, send.deadline - context.limits.shortest)
    if deadline <= work.now:
        return Wait(send.deadline, "too little time is left today")
    text = _text(context, work, now, row, found, send)
    if (free := senders.take_turn(context, work, transport.sender, found.sender)) is not None:
        stopped = found.sender is not None and found.sender.stopped_at is not None
        return Wait(free, SENDER_STOPPED if stopped else PACE_USED_UP)
    attempt = _written(work, row, found, send, text, transport, deadline)
    try:
        with work.session.begin_nested():
            work.session.add(attempt)
    except IntegrityError:  # another worker is just writing to the same address
        return Wait(work.now + IN_FLIGHT, "another message to this address is in flight")
    if text.wants_page:
        _, secret = page_addresses.new_page(work, now.patient, found.contact, send.language, row)
        text = text.with_page(secret)
    _state(row, found, text, work.now)
    validity = int((send.deadline - deadline).total_seconds())
    return Ready(attempt.id, row.channel, _outgoing(context, attempt, text, validity), deadline)


def _text(context: JobContext, work: Work, now: PatientContext, row: Reminder, found: Recheck, send: Send) -> Text:
    """What goes out: an answer as it was written, everything else as it stands now."""
    if row.step is Step.ANSWER:
        return as_written(row.text)
    sender = context.transports[row.channel].sender
    return text_for(work, now, found.planned, send.language, found.locale, context.public_url, sender=sender)


def _written(
    work: Work, row: Reminder, found: Recheck, send: Send, text: Text, transport: Transport, deadline: datetime
) -> Attempt:
    """The attempt as it is kept, without secrets."""
    sms, kept = row.channel is Channel.SMS, text.kept()
    attempt = Attempt(
        site_id=row.site_id,
        reminder_id=row.id,
        ordinal=store.next_ordinal(row.id),
        channel=row.channel,
        contact_id=found.contact.id if found.contact else None,
        to_address=send.to,
        body=kept.sms if sms else kept.body,
        subject="" if sms else kept.subject,
        language=send.language,
        transport=transport.name,
        sender=transport.sender,
        created_at=work.now,
        deadline_at=deadline,
        in_doubt_from=deadline + _seconds(transport.timeout_seconds),
    )
    if sms:
        _measure(attempt, text.rendered.sms)
    return attempt


def _measure(attempt: Attempt, text: str) -> None:
    """What an SMS costs is known from its whole text, which is not kept whole: secrets are left out of the ledger.

    What stands in for a secret that is not made yet has as many signs, of the same alphabet.
    """
    size = encoding(text)
    attempt.encoding, attempt.text_parts, attempt.gsm_parts = size.name, size.parts, parts_as_gsm(text)


def _seconds(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def _state(row: Reminder, found: Recheck, text: Text, now: datetime) -> None:
    """What the patient was told, or may have been, from this moment on."""
    row.state, row.attempts, row.sent_at = ReminderState.CLAIMED, row.attempts + 1, now
    row.not_before, row.reason, row.claimed_until, row.changed_at = None, "", None, now
    row.contact_id = found.contact.id if found.contact else None
    planned = found.planned
    row.due_at, row.expires_at, row.sequence = planned.due_at, planned.expires_at, planned.sequence
    row.appointment_id = UUID(planned.appointment_id) if planned.appointment_id else None
    if text.states is None:
        return
    states = text.states
    row.told_day, row.told_at, row.told_zone = states.day, states.at, states.zone
    row.told_place_id, row.told_cancelled = states.place_id, states.cancelled


def _outgoing(context: JobContext, attempt: Attempt, text: Text, validity: int) -> Outgoing:
    if attempt.channel is Channel.SMS:
        callback = f"{context.public_url}/webhooks/twilio/status?attempt={attempt.id}"
        return Outgoing(str(attempt.id), attempt.to_address, text.rendered.sms, callback, validity)
    return Outgoing(
        str(attempt.id),
        attempt.to_address,
        text.rendered.body,
        subject=text.rendered.subject,
        html=text.html,
        calendar=text.calendar,
        unsubscribe=text.link,
    )


def _hand_over(context: JobContext, ready: Ready) -> str:
    """The call. Between the last look at the clock and the socket nothing can be known; so it is the last thing."""
    if context.clock() > ready.deadline:
        with db.writing(context.engine) as session:
            work = context.work(session)
            provider_results.absent(work, provider_results.locked(work, ready.attempt_id), SLOW)
        return "too_slow"
    try:
        answer = context.transports[ready.channel].send(ready.outgoing)
    except DeliveryError as error:
        return _record(context, ready, error)
    return _record(context, ready, answer)


def _record(context: JobContext, ready: Ready, answer: Accepted | DeliveryError) -> str:
    with db.writing(context.engine) as session:
        work = context.work(session)
        pair = provider_results.locked(work, ready.attempt_id)
        if isinstance(answer, Accepted):
            provider_results.accepted(work, pair, answer)
            return "sent"
        provider_results.refused(work, pair, answer)
        return "in_doubt" if pair[0].state is AttemptState.IN_DOUBT else "refused"


def _went_wrong(context: JobContext, mine: Claim, error: BaseException) -> str:
    """A message that could not be worked on. Nothing was sent unless an attempt is open, which is looked for.

    Raises:
        UnavailableError: the database went away; nothing more can be done now.
    """
    if isinstance(error, UnavailableError) or not isinstance(error, Exception):
        raise error
    expected = isinstance(error, DAMAGE)
    log.error("a message could not be worked on", reminder=str(mine.reminder_id), exc_info=None if expected else error)
    why = str(error) if expected else type(error).__name__
    with db.writing(context.engine) as session:
        row = claimed(session, mine.reminder_id, mine.until)
        if row is not None:
            _end(context.work(session), row, ReminderState.TASK, f"could not be made: {why}; nothing was sent")
    return "tasks" if expected else "errors"
