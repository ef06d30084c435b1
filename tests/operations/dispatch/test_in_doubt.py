"""What becomes of a message of which nobody knows whether it went out (design section 4 rule 7)."""

import threading
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from fakes.clinic import NOON, Carrier, Clinic, lived_in
from sqlmodel import select

from surveillance.core.messages.delivery import StatusCallback
from surveillance.core.words import AttemptState, Channel, ReminderState, Step
from surveillance.operations.care import lifecycle
from surveillance.operations.dispatch import callbacks, provider_results
from surveillance.operations.dispatch.sending import send_due
from surveillance.operations.messages import acts
from surveillance.operations.messages.acts import TaskOutcome
from surveillance.providers.base import Accepted, DeliveryError, Failure, Listed, Outgoing
from surveillance.store.tables import Counter, Patient, Reminder

AFTER = NOON + timedelta(minutes=11)
NO_ANSWER = DeliveryError(Failure.AMBIGUOUS, "no_answer", "the provider did not answer; the message may have been sent")
UNREADABLE = DeliveryError(Failure.AMBIGUOUS, "redacted", "the provider hides numbers")
IN_DOUBT, TASK, SENT = ReminderState.IN_DOUBT, ReminderState.TASK, ReminderState.SENT


class Crash(BaseException):
    """The process is gone: nothing after this runs in it."""


class Dying(Carrier):
    """Dies in ``send``: before the provider has the message, or after."""

    after = False

    def send(self, message: Outgoing) -> Accepted:
        if self.after:
            self.take(message)
        raise Crash


@pytest.fixture
def clinic(engine: sa.Engine) -> Clinic:
    clinic = lived_in(engine, "booked", lambda clinic: clinic.book(clinic.patient()))
    clinic.clock.now = AFTER
    return clinic


def die(clinic: Clinic, *, after: bool) -> None:
    """One tick of a worker that is killed during the call; the provider's list stays as it then is."""
    usual = clinic.sms
    dying = Dying(Channel.SMS, clinic.clock, listed=usual.listed, taken=usual.taken)
    dying.after = after
    clinic.app.transports[Channel.SMS] = dying
    with pytest.raises(Crash):
        send_due(clinic.context(), threading.Event())
    clinic.app.transports[Channel.SMS] = usual


def state(clinic: Clinic) -> ReminderState:
    return clinic.row(Step.ON_BOOKING).state


def counted(clinic: Clinic, name: str) -> int:
    return sum(counter.value for counter in clinic.all(Counter) if counter.name == name)


def report(clinic: Clinic, provider_id: str, status: str, attempt: UUID | None = None, code: int | None = None) -> None:
    with clinic.work() as work:
        callbacks.status(work, StatusCallback(provider_id, status, code), attempt)


def test_a_crash_after_the_provider_took_it_is_found_in_the_providers_list(clinic: Clinic) -> None:
    die(clinic, after=True)
    assert (state(clinic), clinic.attempts()[0].state) == (ReminderState.CLAIMED, AttemptState.IN_FLIGHT)
    clinic.tick(AFTER + timedelta(minutes=1))
    assert (state(clinic), clinic.attempts()[0].provider_id, len(clinic.sms.taken)) == (SENT, "SM0000sms", 1)


def test_a_crash_before_the_provider_had_it_is_decided_again_after_ten_minutes(clinic: Clinic) -> None:
    die(clinic, after=False)
    clinic.tick(AFTER + timedelta(minutes=9))
    assert (state(clinic), clinic.sms.taken) == (IN_DOUBT, [])
    clinic.tick(AFTER + timedelta(minutes=10))
    assert (state(clinic), len(clinic.sms.taken)) == (SENT, 1)
    assert [attempt.state for attempt in clinic.attempts()] == [AttemptState.ABSENT, AttemptState.ACCEPTED]


@pytest.mark.parametrize("arrived", [True, False])
def test_a_timeout_is_not_repeated_blindly_and_takes_no_other_channel(clinic: Clinic, arrived: bool) -> None:
    clinic.sms.answers = [NO_ANSWER]
    clinic.tick()
    if arrived:
        clinic.sms.take(Outgoing("", clinic.attempts()[0].to_address, clinic.attempts()[0].body))
    assert state(clinic) is IN_DOUBT
    clinic.tick(AFTER + timedelta(minutes=9))
    assert (state(clinic), clinic.mail.taken) == (SENT if arrived else IN_DOUBT, [])


def test_a_list_that_cannot_be_read_makes_it_a_persons_task(clinic: Clinic) -> None:
    clinic.sms.answers, clinic.sms.unreadable = [NO_ANSWER], UNREADABLE
    clinic.tick()
    clinic.tick(AFTER + timedelta(minutes=5))
    assert state(clinic) is IN_DOUBT  # a callback may still come
    clinic.tick(AFTER + timedelta(minutes=10))
    assert (state(clinic), clinic.sms.taken, clinic.mail.taken) == (TASK, [], [])
    assert "hides numbers" in clinic.row(Step.ON_BOOKING).reason


def test_texts_that_the_provider_hides_prove_nothing(clinic: Clinic) -> None:
    clinic.sms.answers = [NO_ANSWER]
    clinic.tick()
    clinic.sms.listed.append(Listed("SM9", "+12025550101", "", "sent", clinic.clock(), redacted=True))
    clinic.tick(AFTER + timedelta(minutes=10))
    assert state(clinic) is TASK


def test_a_message_that_belongs_to_another_attempt_is_not_adopted(clinic: Clinic) -> None:
    """Two reminders with one text to one number: the first one's message is not taken for the second one's."""
    clinic.tick()
    body = clinic.attempts()[0].body
    clinic.sms.listed.append(Listed("SM7", "+12025550101", "another text", "sent", clinic.clock()))
    clinic.tick(datetime(2026, 6, 17, 14, 0, tzinfo=AFTER.tzinfo))
    clinic.sms.answers = [NO_ANSWER]
    clinic.tick(datetime(2026, 6, 21, 14, 0, tzinfo=AFTER.tzinfo))
    clinic.tick(datetime(2026, 6, 21, 14, 5, tzinfo=AFTER.tzinfo))
    assert clinic.row(Step.DAYS_3).state is IN_DOUBT
    assert body == clinic.attempts()[0].body


def test_a_callback_with_the_attempts_id_adopts_it_at_any_time(clinic: Clinic) -> None:
    die(clinic, after=True)
    attempt = clinic.attempts()[0]
    report(clinic, "SM0000sms", "delivered", attempt.id)
    assert state(clinic) is ReminderState.DELIVERED
    clinic.tick(AFTER + timedelta(minutes=15))
    assert len(clinic.sms.taken) == 1


def test_a_callback_after_a_person_was_asked_settles_the_task(clinic: Clinic) -> None:
    clinic.sms.answers, clinic.sms.unreadable = [NO_ANSWER], UNREADABLE
    clinic.tick()
    clinic.tick(AFTER + timedelta(minutes=10))
    report(clinic, "SM1", "delivered", clinic.attempts()[0].id)
    assert (state(clinic), counted(clinic, provider_results.LATE)) == (ReminderState.DELIVERED, 0)


def test_while_in_doubt_nothing_else_goes_to_the_number(clinic: Clinic) -> None:
    other = clinic.patient("2", given_name="Ben")
    with clinic.work() as work:
        clinic.site(work).first_names = True
    clinic.sms.answers = [NO_ANSWER]
    clinic.tick()
    clinic.book(other, date(2026, 6, 23))
    clinic.clock.turn(minutes=5)
    clinic.tick()
    assert len(clinic.attempts()) == 1


def test_the_dead_get_nothing_again_that_was_in_doubt(clinic: Clinic) -> None:
    die(clinic, after=False)
    with clinic.work() as work:
        lifecycle.died(work, work.session.exec(select(Patient)).one(), NOON.date(), "letter")
    clinic.tick(AFTER + timedelta(minutes=11))
    assert (state(clinic), clinic.sms.taken) == (ReminderState.VOIDED, [])


def test_a_cancelled_visit_that_may_have_been_told_is_told_of(clinic: Clinic) -> None:
    clinic.sms.answers, clinic.sms.unreadable = [NO_ANSWER], UNREADABLE
    clinic.tick()
    clinic.cancel(clinic.row(Step.ON_BOOKING).appointment_id)
    assert (Step.CANCEL, Channel.SMS) in clinic.states()
    clinic.tick(AFTER + timedelta(minutes=21))
    assert clinic.row(Step.CANCEL).state is SENT
    assert state(clinic) is TASK


def test_the_hole_that_remains_is_counted_when_a_late_answer_shows_it(clinic: Clinic) -> None:
    """A process frozen between its look at the clock and the call sends after it was given up for absent."""
    die(clinic, after=False)
    clinic.tick(AFTER + timedelta(minutes=10))
    frozen = clinic.attempts()[0]
    with clinic.work() as work:
        provider_results.accepted(
            work, provider_results.locked(work, frozen.id), Accepted("SM-late", "queued", "carrier", 1)
        )
    assert counted(clinic, provider_results.LATE) == 1
    assert counted(clinic, provider_results.TWICE) == 1
    assert state(clinic) is SENT


def test_a_late_answer_before_the_next_try_is_the_sending(clinic: Clinic) -> None:
    die(clinic, after=False)
    with clinic.work() as work:
        provider_results.absent(work, provider_results.locked(work, clinic.attempts()[0].id), "not found")
    with clinic.work() as work:
        pair = provider_results.locked(work, clinic.attempts()[0].id)
        provider_results.accepted(work, pair, Accepted("SM-late", "queued", "carrier", 1))
    clinic.tick(AFTER + timedelta(minutes=11))
    assert (state(clinic), clinic.sms.taken, counted(clinic, provider_results.TWICE)) == (SENT, [], 0)


def test_a_late_error_of_a_given_up_attempt_touches_nothing(clinic: Clinic) -> None:
    die(clinic, after=False)
    clinic.tick(AFTER + timedelta(minutes=10))
    with clinic.work() as work:
        error = DeliveryError(Failure.PERMANENT, "21211", "the number is not valid")
        provider_results.refused(work, provider_results.locked(work, clinic.attempts()[0].id), error)
    assert (state(clinic), clinic.mail.taken) == (SENT, [])


def test_an_email_in_doubt_becomes_a_task_as_mail_servers_keep_no_list(clinic: Clinic) -> None:
    clinic.sms.answers = [DeliveryError(Failure.PERMANENT, "21614", "cannot receive SMS")]
    clinic.mail.answers, clinic.mail.unreadable = [NO_ANSWER], UNREADABLE
    clinic.tick()
    clinic.tick(AFTER + timedelta(minutes=10))
    assert clinic.row(Step.ON_BOOKING, Channel.EMAIL).state is TASK
    with clinic.work() as work:
        row = work.session.get_one(Reminder, clinic.row(Step.ON_BOOKING, Channel.EMAIL).id)
        acts.done(work, row, TaskOutcome.RECEIVED, "she has it")
    clinic.tick(AFTER + timedelta(minutes=30))
    assert clinic.row(Step.ON_BOOKING, Channel.EMAIL).state is ReminderState.DELIVERED


def test_a_provider_that_was_replaced_cannot_be_asked(clinic: Clinic) -> None:
    die(clinic, after=True)
    clinic.sms.name = "another"
    clinic.tick(AFTER + timedelta(minutes=10))
    assert state(clinic) is TASK
    assert "given to carrier" in clinic.row(Step.ON_BOOKING).reason
