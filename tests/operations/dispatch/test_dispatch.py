"""Sending on a real database: each message once, to whom it may go, at an hour at which it may."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from fakes.clinic import NOON, VISIT_DAY, Carrier, Clinic, Clock, lived_in, open_clinic
from sqlmodel import select

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.messages.decision import RECHECK, UNDECIDED
from surveillance.core.schedule.examinations import Key
from surveillance.core.words import (
    AttemptState,
    Channel,
    ConsentAct,
    HoldReason,
    Privacy,
    ReminderState,
    Result,
    Role,
    Step,
)
from surveillance.operations.care import following, holds, lifecycle, overrides, reviews
from surveillance.operations.dispatch import senders
from surveillance.operations.dispatch.sending import send_due
from surveillance.operations.job_context import Limits
from surveillance.operations.messages import acts, pauses
from surveillance.operations.messages.acts import TaskOutcome
from surveillance.operations.registry import consents
from surveillance.operations.registry.patients import NewContact
from surveillance.operations.visits import booking, results
from surveillance.operations.work import Actor
from surveillance.providers.base import DeliveryError, Failure
from surveillance.store.messages import reminders as store
from surveillance.store.tables import Contact, Membership, Number, Patient, Place, Reminder, Sender, Study, User

AFTER = NOON + timedelta(minutes=11)  # when the message on a booking at noon goes out
SENT, DELIVERED, TASK = ReminderState.SENT, ReminderState.DELIVERED, ReminderState.TASK


@pytest.fixture
def clinic(engine: sa.Engine) -> Clinic:
    return open_clinic(engine)


@pytest.fixture
def booked(engine: sa.Engine) -> Clinic:
    """Anna's visit was booked at noon; nothing has gone out yet."""
    return lived_in(engine, "booked", lambda clinic: clinic.book(clinic.patient()))


def error(failure: Failure, retry_limit: int | None = None) -> DeliveryError:
    return DeliveryError(failure, "30008", f"as configured: {failure}", retry_limit)


def patient(clinic: Clinic, work) -> Patient:
    return work.session.exec(select(Patient)).first()


def test_a_due_message_goes_out_once_with_its_text_and_its_callback(booked: Clinic) -> None:
    assert booked.tick(AFTER)["sent"] == 1
    assert "sent" not in booked.tick(AFTER + timedelta(minutes=1))
    (message,) = booked.sms.taken
    assert message.to == "+12025550101"
    assert message.body.startswith("Elm Clinic: your appointment is on Wednesday, June 24, 2026, 9:30 AM.")
    (attempt,) = booked.attempts()
    assert message.callback_url == f"https://clinic.example/webhooks/twilio/status?attempt={attempt.id}"
    assert (attempt.state, attempt.provider_id, booked.row(Step.ON_BOOKING).state) == (
        AttemptState.ACCEPTED,
        "SM0000sms",
        SENT,
    )


def test_a_message_is_valid_no_longer_than_the_send_hours(booked: Clinic) -> None:
    evening = datetime(2026, 6, 1, 23, 50, tzinfo=UTC)  # 19:50 in New York
    booked.tick(evening)
    (message,) = booked.sms.taken
    assert 0 < message.validity_seconds <= 10 * 60


def test_nothing_goes_out_in_the_last_minute_of_the_send_hours(booked: Clinic) -> None:
    booked.tick(datetime(2026, 6, 1, 23, 59, 30, tzinfo=UTC))
    assert booked.sms.taken == []
    booked.tick(datetime(2026, 6, 2, 13, 0, 0, tzinfo=UTC))  # 9:00
    assert len(booked.sms.taken) == 1


def test_the_text_and_address_are_those_at_sending_time(booked: Clinic) -> None:
    with booked.work() as work:
        contact = work.session.exec(select(Contact)).one()
        contact.phone, contact.language = "+12025550177", "es"
        consents.consent(work, contact, Channel.SMS, ConsentAct.GIVEN, "by telephone")
        work.session.get_one(Patient, contact.patient_id).given_name = "Ana"
    booked.tick(AFTER)
    (message,) = booked.sms.taken
    assert message.to == "+12025550177"
    assert "tiene cita el miércoles 24 de junio" in message.body


def test_a_new_number_without_a_new_consent_gets_no_text(booked: Clinic) -> None:
    with booked.work() as work:
        work.session.exec(select(Contact)).one().phone = "+12025550177"
    booked.tick(AFTER)
    assert booked.sms.taken == []
    assert [message.to for message in booked.mail.taken] == ["anna1@clinic.example"]


SILENCED = {
    "dead": lambda clinic, work: lifecycle.died(work, patient(clinic, work), NOON.date(), "letter"),
    "opted out": lambda clinic, work: consents.opt_out(work, "+12025550101", "reply STOP"),
    "paused number": lambda clinic, work: consents.pause_number(work, "+12025550101", "may be an opt-out"),
    "paused site": lambda clinic, work: pauses.pause(work, clinic.site(work), "new scanner"),
    "all paused": lambda clinic, work: pauses.pause(work, None, "restored from a backup"),
    "stopped sender": lambda clinic, work: _stop(clinic, work),
    "consent withdrawn": lambda clinic, work: consents.consent(
        work, work.session.exec(select(Contact)).one(), Channel.SMS, ConsentAct.WITHDRAWN, "at the desk"
    ),
    "on hold": lambda clinic, work: holds.hold(
        work,
        clinic.plan(work, patient(clinic, work).id),
        holds.NewHold(
            HoldReason.AWAY, date(2026, 9, 1), NOON.date(), keep=[row.appointment_id for row in clinic.rows()]
        ),
    ),
}


def _stop(clinic: Clinic, work) -> None:
    work.session.add(Sender(name=clinic.sms.sender, next_free_at=NOON))
    work.session.flush()
    senders.stop(work, clinic.sms.sender, "not registered")


@pytest.mark.parametrize("why", SILENCED)
def test_no_text_goes_to_whoever_may_not_get_one(booked: Clinic, why: str) -> None:
    with booked.work() as work:
        SILENCED[why](booked, work)
    booked.tick(AFTER)
    assert booked.sms.taken == []


def test_what_changed_after_the_claim_is_seen_before_sending(booked: Clinic) -> None:
    """A death between claim and decision: the row says claimed, the facts say no."""
    booked.clock.now = AFTER
    with booked.work() as work:
        row = work.session.exec(select(Reminder).where(Reminder.step == Step.ON_BOOKING)).one()
        row.state = ReminderState.CLAIMED
        patient(booked, work).died_on = NOON.date()
        row.claimed_until = AFTER - timedelta(seconds=1)
    booked.tick()
    assert booked.sms.taken == []
    assert booked.row(Step.ON_BOOKING).reason == "the patient has died"


def test_a_fact_that_cannot_be_read_is_a_task(booked: Clinic) -> None:
    with booked.work() as work:
        patient(booked, work).time_zone = "Mars/Olympus"
    booked.tick(AFTER)
    row = booked.row(Step.ON_BOOKING)
    assert (row.state, booked.sms.taken) == (TASK, [])
    assert "Mars/Olympus" in row.reason or "could not be read" in row.reason


def test_a_text_that_cannot_be_made_is_a_task_and_keeps_back_nobody_else(clinic: Clinic) -> None:
    clinic.book(clinic.patient())
    with clinic.work() as work:
        clinic.site(work).short_name = "Elm Oncology"
    counts = clinic.tick(AFTER)
    assert clinic.row(Step.ON_BOOKING).state is TASK
    assert "must not say 'oncolog'" in clinic.row(Step.ON_BOOKING).reason
    assert counts["tasks"] == 1


def test_without_consent_to_sms_the_email_goes_out_with_the_visit_as_a_calendar_entry(booked: Clinic) -> None:
    with booked.work() as work:
        contact = work.session.exec(select(Contact)).one()
        consents.consent(work, contact, Channel.SMS, ConsentAct.WITHDRAWN, "at the desk")
    booked.tick(AFTER)
    (message,) = booked.mail.taken
    visit = booked.row(Step.ON_BOOKING, Channel.EMAIL).appointment_id
    assert message.subject == "Your appointment on Wednesday, June 24, 2026"
    assert f"UID:{visit}@clinic.example" in message.calendar.decode()
    assert "<html" in message.html
    assert booked.row(Step.ON_BOOKING).reason == "no consent to sms"


def test_without_any_channel_a_person_calls_and_is_asked_once_for_a_visit(clinic: Clinic) -> None:
    clinic.book(clinic.patient(contact={"consents": ()}))
    for day in (1, 17, 21, 23):
        clinic.tick(datetime(2026, 6, day, 18, 0, tzinfo=UTC))
    tasks = [row for row in clinic.rows() if row.state is TASK]
    assert [(row.step, row.channel) for row in tasks] == [(Step.ON_BOOKING, Channel.CALL)]


def test_a_parent_in_front_of_the_patient_gets_the_message(clinic: Clinic) -> None:
    parent = NewContact(phone="+1 202-555-0122", consents=(Channel.SMS,), consent_method="signed form")
    own = NewContact(phone="+1 202-555-0101", consents=(Channel.SMS,), consent_method="signed form")
    clinic.book(clinic.patient(contacts=[parent, own]))
    clinic.tick(AFTER)
    assert [message.to for message in clinic.sms.taken] == ["+12025550122"]


def test_a_contact_without_consent_is_passed_over_for_the_next(clinic: Clinic) -> None:
    parent = NewContact(phone="+1 202-555-0122")
    own = NewContact(phone="+1 202-555-0101", consents=(Channel.SMS,), consent_method="signed form")
    clinic.book(clinic.patient(contacts=[parent, own]))
    clinic.tick(AFTER)
    assert [message.to for message in clinic.sms.taken] == ["+12025550101"]


def test_a_shared_number_gets_a_first_name_where_the_site_allows_it_else_a_call(clinic: Clinic) -> None:
    clinic.book(clinic.patient("1"))
    clinic.patient("2", given_name="Ben")
    clinic.tick(AFTER)
    assert (clinic.sms.taken, clinic.row(Step.ON_BOOKING, Channel.CALL).state) == ([], TASK)


def test_a_shared_number_gets_texts_with_the_first_name(engine: sa.Engine) -> None:
    clinic = open_clinic(engine, first_names=True)
    clinic.book(clinic.patient("1"))
    clinic.patient("2", given_name="Ben")
    clinic.tick(AFTER)
    (message,) = clinic.sms.taken
    assert message.body.startswith("Hello Anna. Elm Clinic:")


def test_at_the_full_level_a_message_names_examinations_and_place(engine: sa.Engine) -> None:
    clinic = open_clinic(engine, privacy=Privacy.FULL)
    clinic.book(clinic.patient())
    clinic.tick(AFTER)
    (message,) = clinic.sms.taken
    assert "MRI" in message.body
    assert "Scanner" in message.body


def test_two_visits_of_one_day_are_one_message(clinic: Clinic) -> None:
    patient_id = clinic.patient()
    for item, at in (("mri_primary", time(9, 30)), ("chest_imaging", time(14))):
        with clinic.work() as work:
            visit = booking.Visit(VISIT_DAY, at, work.session.get_one(Place, clinic.place_id), [Key(item, 3)])
            booking.book(work, work.session.get_one(Patient, patient_id), visit)
    clinic.tick(AFTER)
    clinic.tick(datetime(2026, 6, 17, 18, 0, tzinfo=UTC))
    assert [("9:30" in message.body, "2:00" in message.body) for message in clinic.sms.taken] == [(True, False)] * 2


def test_three_edits_make_one_notice_and_none_if_the_truth_is_as_told(clinic: Clinic) -> None:
    visit = clinic.book(clinic.patient())
    clinic.tick(AFTER)
    for day in (25, 26, 29):
        clinic.clock.turn(minutes=2)
        clinic.move(visit, date(2026, 6, day))
    clinic.tick(clinic.clock.turn(minutes=11))
    (notice,) = clinic.sms.taken[1:]
    assert "your appointment has changed. Please come on Monday, June 29, 2026, 9:30 AM." in notice.body
    clinic.move(visit, date(2026, 6, 30))
    clinic.move(visit, date(2026, 6, 29))
    clinic.tick(clinic.clock.turn(minutes=11))
    assert len(clinic.sms.taken) == 2


def test_a_cancelled_visit_is_told_with_the_day_that_was_told_before(clinic: Clinic) -> None:
    visit = clinic.book(clinic.patient())
    clinic.tick(AFTER)
    clinic.cancel(visit)
    clinic.tick(clinic.clock.turn(minutes=11))
    assert "June 24, 2026, 9:30 AM is cancelled. Please do not come." in clinic.sms.taken[1].body
    clinic.tick(clinic.clock.turn(days=1))
    assert len(clinic.sms.taken) == 2


# -- errors ------------------------------------------------------------------------------------------------------


def test_a_busy_provider_is_tried_again_with_growing_waits_and_then_the_next_channel_is_taken(booked: Clinic) -> None:
    booked.sms.answers = [error(Failure.RETRY) for _ in range(5)]
    waits = []
    booked.clock.now = AFTER
    while booked.row(Step.ON_BOOKING).state is not ReminderState.FAILED:
        booked.tick()
        row = booked.row(Step.ON_BOOKING)
        if row.not_before and row.state is ReminderState.PLANNED:
            waits.append(row.not_before - booked.clock())
            booked.clock.now = row.not_before
    assert [round(wait / timedelta(minutes=5)) for wait in waits[:2]] in ([1, 2], [1, 3], [2, 2], [2, 3])
    assert len(waits) == 4
    booked.tick()
    assert len(booked.mail.taken) == 1


def test_an_opted_out_number_loses_its_consent_and_never_gets_another_text(booked: Clinic) -> None:
    booked.sms.answers = [error(Failure.OPTED_OUT)]
    booked.tick(AFTER)
    (number,) = booked.all(Number)
    assert number.opted_out_at is not None
    booked.tick(datetime(2026, 6, 17, 18, 0, tzinfo=UTC))
    assert (booked.sms.taken, len(booked.mail.taken)) == ([], 2)


@pytest.mark.parametrize("failure", [Failure.SENDER, Failure.CREDENTIALS])
def test_trouble_with_the_sender_stops_it_until_a_person_has_mended_it(booked: Clinic, failure: Failure) -> None:
    booked.sms.answers = [error(failure)]
    booked.tick(AFTER)
    booked.tick(AFTER + timedelta(minutes=20))
    assert booked.sms.taken == []
    with booked.work() as work:
        senders.start(work, booked.sms.sender)
    booked.tick(AFTER + timedelta(minutes=60))
    assert len(booked.sms.taken) == 1


def test_a_permanent_error_takes_the_next_channel_at_once_and_keeps_its_reason(booked: Clinic) -> None:
    booked.sms.answers = [error(Failure.PERMANENT)]
    booked.mail.answers = [error(Failure.PERMANENT)]
    booked.tick(AFTER)
    assert booked.states() | {(Step.DAYS_7, Channel.SMS): ReminderState.PLANNED} == booked.states()
    assert booked.row(Step.ON_BOOKING).reason == "as configured: permanent"
    assert booked.row(Step.ON_BOOKING, Channel.CALL).state is TASK


# -- pace, pauses, workers ---------------------------------------------------------------------------------------


def test_a_sender_keeps_its_pace(clinic: Clinic) -> None:
    clinic.limits = Limits(pace={Channel.SMS: 0.2})  # two in ten seconds
    for number in range(6):
        clinic.book(clinic.patient(str(number), phone=f"+1 202-555-011{number}"), at=time(9, number))
    clinic.tick(AFTER)
    first = len(clinic.sms.taken)
    clinic.tick(AFTER + timedelta(seconds=5))
    assert (first, len(clinic.sms.taken)) == (3, 4)  # one now, two ahead of the pace, then one every five seconds


def test_a_turn_that_another_worker_took_meanwhile_is_looked_at_again(clinic: Clinic) -> None:
    clinic.limits = Limits(pace={Channel.SMS: 0.2})
    context, name = clinic.context(), clinic.sms.sender
    with clinic.work() as work:
        senders.know(context, work)
        seen = Sender(**store.sender(work.session, name).model_dump())  # as it was before anybody took a turn
        turns = [senders.take_turn(context, work, name, seen) for _ in range(4)]
        assert turns == [None, None, None, NOON + timedelta(seconds=5)]
        senders.stop(work, name, "not registered")
        assert senders.take_turn(context, work, name, seen) == NOON + RECHECK


def test_a_worker_that_is_to_stop_gives_back_what_it_only_claimed(booked: Clinic) -> None:
    stopping = threading.Event()
    booked.clock.now = AFTER
    original = booked.sms.send

    class Stopping(Carrier):
        def send(self, message):
            stopping.set()
            return original(message)

    booked.book(booked.patient("2", phone="+1 202-555-0102"))
    booked.clock.turn(minutes=11)
    booked.app.transports[Channel.SMS] = Stopping(Channel.SMS, booked.clock)
    send_due(booked.context(), stopping)
    states = sorted(row.state for row in booked.rows() if row.step is Step.ON_BOOKING)
    assert states == [ReminderState.PLANNED, SENT]


def test_after_a_pause_what_is_too_late_is_a_persons_work(booked: Clinic) -> None:
    with booked.work() as work:
        pauses.pause(work, None, "restored from a backup")
    booked.tick(AFTER)
    for day in range(2, 24):
        booked.tick(datetime(2026, 6, day, 18, 0, tzinfo=UTC))
    booked.tick(datetime(2026, 6, 24, 2, 0, tzinfo=UTC))
    with booked.work() as work:
        pauses.resume(work, None)
    booked.tick(datetime(2026, 6, 24, 12, 0, tzinfo=UTC))
    assert booked.sms.taken == []
    assert [(row.step, row.state) for row in booked.rows() if row.state is TASK] == [(Step.DAYS_1, TASK)]


def test_a_claim_that_a_worker_left_behind_is_given_back(booked: Clinic) -> None:
    with booked.work() as work:
        row = work.session.exec(select(Reminder).where(Reminder.step == Step.ON_BOOKING)).one()
        row.state, row.claimed_until = ReminderState.CLAIMED, AFTER
    assert "sent" not in booked.tick(AFTER)
    assert booked.tick(AFTER + timedelta(minutes=1))["sent"] == 1


def test_a_process_that_was_too_slow_hands_nothing_over_and_decides_again(booked: Clinic) -> None:
    real = booked.clock
    slow = Clock(AFTER)
    calls = 0

    def clock() -> datetime:
        nonlocal calls
        calls += 1
        # The first look at the clock after the attempt was written comes a minute late.
        slow.now = slow.now + timedelta(seconds=61 if _open(booked) else 0)
        return slow.now

    real.now = AFTER
    context = booked.context()
    frozen = type(context)(
        context.engine, context.catalogue, context.transports, context.public_url, context.actor, clock, context.limits
    )
    done = send_due(frozen, threading.Event())
    assert done["too_slow"] >= 1
    assert all(attempt.state is not AttemptState.IN_FLIGHT for attempt in booked.attempts())


def _open(clinic: Clinic) -> bool:
    opened = [attempt for attempt in clinic.attempts() if attempt.finished_at is None]
    return len(opened) == 1 and len(clinic.attempts()) == 1


# -- what a person does ------------------------------------------------------------------------------------------


def test_what_a_person_told_counts_as_told(clinic: Clinic) -> None:
    visit = clinic.book(clinic.patient(contact={"consents": ()}))
    clinic.tick(AFTER)
    with clinic.work() as work:
        row = work.session.exec(select(Reminder).where(Reminder.channel == Channel.CALL)).one()
        acts.done(work, row, TaskOutcome.TOLD, "spoke to her")
    clinic.clock.turn(hours=1)
    clinic.cancel(visit)
    assert (Step.CANCEL, Channel.SMS) in clinic.states()


def test_a_task_that_is_done_stays_done(clinic: Clinic) -> None:
    clinic.book(clinic.patient(contact={"consents": ()}))
    clinic.tick(AFTER)
    with clinic.work() as work:
        row = work.session.exec(select(Reminder).where(Reminder.channel == Channel.CALL)).one()
        acts.done(work, row, TaskOutcome.NOT_REACHED, "three times")
    clinic.tick(AFTER + timedelta(hours=2))
    assert TASK not in {row.state for row in clinic.rows()}
    with clinic.work() as work, pytest.raises(ConflictError):
        acts.done(work, work.session.get(Reminder, row.id), TaskOutcome.TOLD)


def test_what_nobody_sent_cannot_have_been_received(clinic: Clinic) -> None:
    clinic.book(clinic.patient(contact={"consents": ()}))
    clinic.tick(AFTER)
    with clinic.work() as work:
        row = work.session.exec(select(Reminder).where(Reminder.channel == Channel.CALL)).one()
        with pytest.raises(InvalidInputError, match="nothing was sent"):
            acts.done(work, row, TaskOutcome.RECEIVED)


def test_only_what_certainly_was_not_sent_is_sent_again(booked: Clinic) -> None:
    booked.sms.answers = [error(Failure.BLOCKED)]
    booked.mail.answers = [error(Failure.BLOCKED)]
    booked.tick(AFTER)
    with booked.work() as work:
        row = work.session.get_one(Reminder, booked.row(Step.ON_BOOKING).id)
        acts.resend(work, row)
    booked.tick(AFTER + timedelta(minutes=1))
    assert len(booked.sms.taken) == 1
    assert booked.row(Step.ON_BOOKING, Channel.CALL).state is ReminderState.VOIDED
    with booked.work() as work, pytest.raises(ConflictError, match="was sent"):
        acts.resend(work, work.session.get_one(Reminder, row.id))


# -- a result that waits for its decision ----------------------------------------------------------------------


def _suspicious(clinic: Clinic, patient_id: UUID, day: date) -> UUID:
    """A study that a clinician found suspicious, without anything that follows from it yet."""
    with clinic.work() as work:
        row = User(username="helen", name="Helen", created_at=work.now)
        work.session.add(row)
        work.session.flush()
        work.session.add(Membership(user_id=row.id, site_id=clinic.site_id, role=Role.CLINICIAN))
        helen = replace(work, actor=Actor(row.id, "Helen"))
        person = work.session.get_one(Patient, patient_id)
        study = results.add_study(helen, person, results.NewStudy(["mri_primary"], day, reported_on=day))
        reviews.sign(helen, study, reviews.NewReview(day, Result.SUSPICIOUS, "biopsy"))
        return study.id


def _decided(clinic: Clinic, study_id: UUID) -> None:
    with clinic.work() as work:
        (user,) = work.session.exec(select(User).where(User.username == "helen"))
        helen, study = replace(work, actor=Actor(user.id, "Helen")), work.session.get_one(Study, study_id)
        extra = overrides.NewExtra("chest_imaging", VISIT_DAY, "staging")
        following.act(helen, study, clinic.clock().date(), extra)


def test_nobody_is_told_that_something_is_due_before_a_suspicious_result_is_decided_about(clinic: Clinic) -> None:
    anna = clinic.patient(anchor=date(2026, 2, 1))  # the chest imaging of month 3 is overdue from 16 June
    study = _suspicious(clinic, anna, NOON.date())
    overdue = datetime(2026, 6, 16, 15, 5, tzinfo=UTC)
    for minutes in (0, 20):
        assert clinic.tick(overdue + timedelta(minutes=minutes))["waiting"] == 1
    (row,) = [each for each in clinic.rows() if each.reason == UNDECIDED]
    assert (row.step, row.state, clinic.sms.taken) == (Step.OVERDUE, ReminderState.PLANNED, [])
    _decided(clinic, study)
    assert clinic.tick(overdue + timedelta(minutes=40))["sent"] == 1


def test_a_booked_visit_is_told_by_a_person_in_time_where_nobody_decides_about_the_result(clinic: Clinic) -> None:
    anna = clinic.patient()
    _suspicious(clinic, anna, NOON.date())
    clinic.book(anna)
    for moment in (AFTER, NOON + timedelta(days=1, hours=4)):  # no message on the booking either
        clinic.tick(moment)
    assert clinic.row(Step.ON_BOOKING).state is ReminderState.DROPPED
    eve = datetime.combine(VISIT_DAY - timedelta(days=1), time(), UTC)
    clinic.tick(eve.replace(hour=15))  # 11:00 in New York, when the reminder of the day before is due
    assert (clinic.row(Step.DAYS_1).state, clinic.row(Step.DAYS_1).reason) == (ReminderState.PLANNED, UNDECIDED)
    clinic.tick(eve.replace(hour=20))  # 16:00: four hours before it is of no use any more
    assert (clinic.row(Step.DAYS_1).state, clinic.sms.taken) == (TASK, [])
    assert clinic.row(Step.DAYS_1).reason == f"too late: {UNDECIDED}"
