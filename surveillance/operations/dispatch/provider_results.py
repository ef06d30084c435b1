"""What came of a call, written down: at once, by a callback, or by looking for it later (rules 7 to 9).

Everything here runs with the patient locked, so that a callback, a late answer and the search for a message in
doubt happen one after the other, in whatever order.
"""

import random
from uuid import UUID

import structlog

from surveillance.core.messages.answers import kind_of
from surveillance.core.messages.delivery import ARRIVED, FINAL, LOST, advance
from surveillance.core.messages.fallback import NextChannel, Retry, Task, after_failure
from surveillance.core.messages.policy import BY_PERSON
from surveillance.core.words import AttemptState, Channel, ReminderState, Step
from surveillance.operations.dispatch import senders
from surveillance.operations.messages.events import turning
from surveillance.operations.messages.patient_context import policy_for
from surveillance.operations.messages.scheduling import fallback
from surveillance.operations.registry import consents, mailboxes, numbers
from surveillance.operations.work import Work, found
from surveillance.providers.base import Accepted, DeliveryError, Failure, NumberTrouble
from surveillance.providers.smtp import message_id
from surveillance.providers.twilio import failure_of
from surveillance.store.messages import reminders as store
from surveillance.store.registry import patients
from surveillance.store.tables import Attempt, Reminder

log = structlog.get_logger(__name__)

LATE = "dispatch_answers_after_giving_up"
TWICE = "dispatch_sent_twice"
FAILED = "dispatch_failed_"  # and a word of Failure
UNKNOWN_CODE = 30008  # Twilio: failed, and nobody knows why

Pair = tuple[Attempt, Reminder]


def locked(work: Work, attempt_id: UUID) -> Pair:
    """An attempt and its message as they stand, the patient locked. Raises NotFoundError.

    What is recorded may bind a whole number: everybody who has it is locked, in the one order in which all do that.
    """
    store.lock_concerned(work.session, attempt_id)
    return found(store.pair(work.session, attempt_id), "attempt", str(attempt_id))


def accepted(work: Work, pair: Pair, answer: Accepted) -> None:
    """The provider took it."""
    attempt, _ = pair
    adopt(work, pair, answer.provider_id)
    if attempt.provider_id == answer.provider_id:
        attempt.parts = answer.parts
        progress(work, pair, answer.status, None)


def adopt(work: Work, pair: Pair, provider_id: str) -> None:
    """A message at the provider belongs to this attempt: so it went out. Known reports about it count from now on."""
    attempt, reminder = pair
    if attempt.provider_id is not None:
        if attempt.provider_id != provider_id:
            _sent_twice(work, attempt)
        return
    reports = store.waiting_callbacks(work.session, provider_id)
    before, was_open = attempt.state, attempt.finished_at is None
    attempt.provider_id, attempt.finished_at = provider_id, attempt.finished_at or work.now
    attempt.state, attempt.failure, attempt.error_code, attempt.error_text = AttemptState.ACCEPTED, "", "", ""
    if was_open or _waits_for_word(before, reminder):
        _sent(work, attempt, reminder)
    elif before is not AttemptState.IN_DOUBT:
        _late(work, attempt, reminder)
    for callback in reports:
        callback.attempt_id, callback.applied = attempt.id, True
        progress(work, pair, callback.status, int(callback.error_code) if callback.error_code else None)


def _sent(work: Work, attempt: Attempt, reminder: Reminder) -> None:
    if reminder.state is ReminderState.CLAIMED:
        _went_out(work, attempt, reminder)
        return
    with turning(work, reminder, "it went out after all: the provider knows it"):
        _went_out(work, attempt, reminder)


def _went_out(work: Work, attempt: Attempt, reminder: Reminder) -> None:
    reminder.state, reminder.reason, reminder.claimed_until = ReminderState.SENT, "", None
    reminder.sent_at, reminder.changed_at = attempt.created_at, work.now


def _waits_for_word(state: AttemptState, reminder: Reminder) -> bool:
    """A person was asked to find out, and has not yet: a callback that comes after all settles it."""
    return state is AttemptState.IN_DOUBT and reminder.state is ReminderState.TASK


def _late(work: Work, attempt: Attempt, reminder: Reminder) -> None:
    """The one hole that remains: it was given up for absent, and went out all the same.

    A process was frozen between its last look at the clock and the call. Where the message has not been sent again,
    this is the sending; else the patient got it twice, which is counted.
    """
    store.count(work.session, LATE)
    if _went_out_otherwise(work, attempt):
        _sent_twice(work, attempt)
    elif reminder.state in (ReminderState.PLANNED, ReminderState.CLAIMED, ReminderState.TASK):
        _sent(work, attempt, reminder)


def _went_out_otherwise(work: Work, attempt: Attempt) -> bool:
    """Whether another attempt at the same message is open, or was accepted and not lost."""
    others = [each for each in store.attempts(work.session, attempt.reminder_id) if each.id != attempt.id]
    gone = (AttemptState.ACCEPTED, AttemptState.DELIVERED)
    return any(each.finished_at is None or each.state in gone for each in others)


def _sent_twice(work: Work, attempt: Attempt) -> None:
    store.count(work.session, TWICE)
    log.error("a message went out twice", attempt=str(attempt.id), reminder=str(attempt.reminder_id))


def progress(work: Work, pair: Pair, status: str, error_code: int | None) -> None:
    """The provider reports how far it has come; what is older than what is known changes nothing."""
    attempt, reminder = pair
    news = advance(attempt.provider_status, status)
    if news == attempt.provider_status:
        return
    attempt.provider_status = news
    if news in ARRIVED:
        attempt.state = AttemptState.DELIVERED
        if attempt.channel is Channel.SMS:
            numbers.answered(work, attempt.to_address)
        if reminder.state is ReminderState.SENT:
            reminder.state, reminder.changed_at = ReminderState.DELIVERED, work.now
    elif news in LOST:
        attempt.state = AttemptState.UNDELIVERED
        _failed(work, pair, failure_of(error_code or UNKNOWN_CODE))


def came_back(work: Work, pair: Pair, error: DeliveryError) -> bool:
    """A mail server took it first, and could not deliver it. False where that is known, or the message was read.

    The report may come before the answer of the server that took it: then this is the first word of the sending.
    """
    attempt, _ = pair
    if attempt.provider_status in FINAL:
        return False
    if attempt.provider_id is None:
        adopt(work, pair, message_id(str(attempt.id), attempt.sender))
    attempt.provider_status, attempt.state = "undelivered", AttemptState.UNDELIVERED
    _failed(work, pair, error)
    return True


def refused(work: Work, pair: Pair, error: DeliveryError) -> None:
    """The provider did not take it, or nobody knows."""
    attempt, _ = pair
    if attempt.provider_id is not None:
        return  # a callback was quicker: it went out, whatever the answer looked like
    if attempt.finished_at is not None:
        attempt.error_code, attempt.error_text = error.code, error.text
        return  # it was given up meanwhile; the message may be on its way again
    if error.failure is Failure.AMBIGUOUS:
        in_doubt(work, pair, error)
        return
    attempt.state, attempt.finished_at = AttemptState.REFUSED, work.now
    _failed(work, pair, error)


def in_doubt(work: Work, pair: Pair, error: DeliveryError | None = None) -> None:
    """Nobody knows whether it went out; nothing else is tried until that is found out."""
    attempt, reminder = pair
    if attempt.finished_at is not None:
        return
    attempt.state = AttemptState.IN_DOUBT
    if error is not None:
        attempt.failure, attempt.error_code, attempt.error_text = error.failure, error.code, error.text
    attempt.in_doubt_from = min(attempt.in_doubt_from, work.now) if error else attempt.in_doubt_from
    with turning(work, reminder):
        reminder.state, reminder.claimed_until = ReminderState.IN_DOUBT, None
        reminder.reason = error.text if error else "nobody knows whether it went out; it is being looked for"


def absent(work: Work, pair: Pair, reason: str) -> None:
    """It certainly did not go out: the message is decided afresh."""
    attempt, reminder = pair
    attempt.state, attempt.finished_at, attempt.error_text = AttemptState.ABSENT, work.now, reason
    with turning(work, reminder):
        reminder.state, reminder.reason, reminder.sent_at = ReminderState.PLANNED, reason, None
        reminder.claimed_until = None


def to_person(work: Work, pair: Pair, why: str) -> None:
    """Nobody can find out: a person asks the patient. The number is free again, what was told may have been told."""
    attempt, reminder = pair
    attempt.state, attempt.finished_at = AttemptState.IN_DOUBT, work.now
    with turning(work, reminder):
        reminder.state, reminder.claimed_until = ReminderState.TASK, None
        reminder.reason = f"in doubt: {why}"


def _failed(work: Work, pair: Pair, error: DeliveryError) -> None:
    """It was not sent, or did not arrive: again, another channel, or a person (rule 8)."""
    attempt, reminder = pair
    attempt.failure, attempt.error_code, attempt.error_text = error.failure, error.code, error.text
    _consequences(work, attempt, error)  # an opt-out and a sender in trouble bind whatever became of the message
    if reminder.state not in (ReminderState.CLAIMED, ReminderState.SENT, ReminderState.IN_DOUBT):
        return  # a person has it
    if _went_out_otherwise(work, attempt):
        return
    reminder.sent_at, reminder.claimed_until, reminder.changed_at = None, None, work.now
    if reminder.step is Step.ANSWER and kind_of(reminder.key).by_itself:
        # It has minutes to be of use, and nobody is called to say that a message was understood.
        _give_up(work, reminder, error, "nothing more to say")
    elif not _ended_here(work, reminder, error):
        return
    _about_number(work, attempt, error)


def _ended_here(work: Work, reminder: Reminder, error: DeliveryError) -> bool:
    """What follows a failure, written down; True where nothing more is tried at this address."""
    match _follows(work, reminder, error):
        case Retry(at):
            with turning(work, reminder, until=at):
                reminder.state, reminder.not_before, reminder.reason = ReminderState.PLANNED, at, error.text
            return False
        case NextChannel(channel) if channel in BY_PERSON and reminder.expires_at <= work.now:
            # Mail servers try for days: by then another message may have told it, or there is nothing to tell.
            _give_up(work, reminder, error, "its useful time had ended")
        case NextChannel(channel):
            fallback(work, reminder, channel, error.text)
        case Task(reason):
            with turning(work, reminder):
                reminder.state, reminder.reason = ReminderState.TASK, f"{error.text} ({reason})"
    return True


def _follows(work: Work, reminder: Reminder, error: DeliveryError) -> Retry | NextChannel | Task:
    policy = policy_for(work.catalogue.policy, work.site(reminder.site_id))
    contacts = patients.contacts(work.session, reminder.patient_id)
    return after_failure(
        error.failure,
        reminder.attempts,
        (Channel.SMS,) if reminder.step is Step.ANSWER else policy.steps[reminder.step].channels,
        reminder.channel,
        policy,
        any(contact.phone for contact in contacts),
        work.now,
        random.random(),  # noqa: S311  # spreads retries, guards nothing
        error.retry_limit,
        any(contact.postal_address for contact in contacts),
    )


def _give_up(work: Work, reminder: Reminder, error: DeliveryError, why: str) -> None:
    """It failed, and nobody has to do anything about it."""
    with turning(work, reminder):
        reminder.state, reminder.reason = ReminderState.FAILED, error.text
        reminder.resolved_at, reminder.resolution = work.now, why


def _about_number(work: Work, attempt: Attempt, error: DeliveryError) -> None:
    """What nothing more is tried for, the number or the mailbox may be to blame for."""
    match error.trouble:
        case NumberTrouble.LANDLINE:
            numbers.is_landline(work, attempt.to_address, error.text)
        case NumberTrouble.NO_MAILBOX:
            mailboxes.came_back(work, attempt.to_address, error.text)
        case NumberTrouble.WRONG | NumberTrouble.SILENT:
            numbers.in_trouble(work, attempt.to_address, error.text, wrong=error.trouble is NumberTrouble.WRONG)


def _consequences(work: Work, attempt: Attempt, error: DeliveryError) -> None:
    store.count(work.session, f"{FAILED}{error.failure}")
    match error.failure:
        case Failure.OPTED_OUT:
            consents.opt_out(work, attempt.to_address, f"the provider refused it as opted out ({error.code})")
        case Failure.SENDER | Failure.CREDENTIALS:
            senders.stop(work, attempt.sender, error.text)
        case Failure.BLOCKED | Failure.CONFIGURATION:
            senders.alert(work, attempt.sender, error.text)
        case _:
            log.warning("a message was not delivered", code=error.code, why=error.text)
