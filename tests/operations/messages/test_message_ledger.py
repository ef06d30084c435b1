"""Each turn of a message is kept with its reason, and the lists tell when it goes out by the patient's own clock."""

import csv
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta

import pytest
import sqlalchemy as sa
from fakes.clinic import NOON, VISIT_DAY, Carrier, Clinic, open_clinic
from sqlmodel import col, select

from surveillance.core.errors import ConflictError
from surveillance.core.words import Channel, ReminderState, Step
from surveillance.operations.dispatch import senders
from surveillance.operations.messages import acts, life, lists, pace, pauses, search
from surveillance.operations.messages.acts import TaskOutcome
from surveillance.operations.messages.lists import Which
from surveillance.operations.registry import consents
from surveillance.providers.base import Accepted, DeliveryError, Failure, Outgoing
from surveillance.store import db
from surveillance.store.tables import AuditEvent, MessageEvent, Patient, Reminder, Sender

AFTER = NOON + timedelta(minutes=11)
PLANNED, VOIDED, DROPPED, TASK = (
    ReminderState.PLANNED,
    ReminderState.VOIDED,
    ReminderState.DROPPED,
    ReminderState.TASK,
)


class OneByOne(Carrier):
    """The fake is no server: it counts what it took."""

    lock = threading.Lock()

    def send(self, message: Outgoing) -> Accepted:
        with self.lock:
            return super().send(message)


@pytest.fixture
def clinic(engine: sa.Engine) -> Clinic:
    return open_clinic(engine)


@pytest.fixture
def here(sqlite_engine: sa.Engine) -> Clinic:
    """Where no database makes any difference."""
    return open_clinic(sqlite_engine)


def turns(clinic: Clinic, step: Step = Step.ON_BOOKING, channel: Channel = Channel.SMS) -> list[MessageEvent]:
    row = clinic.row(step, channel)
    with db.reading(clinic.app.engine) as session:
        mine = select(MessageEvent).where(MessageEvent.reminder_id == row.id)
        return list(session.exec(mine.order_by(col(MessageEvent.ordinal))))


# -- turns -------------------------------------------------------------------------------------------------------


def test_a_message_that_takes_no_turn_has_only_its_beginning(here: Clinic) -> None:
    here.book(here.patient())
    here.tick(AFTER)
    assert turns(here) == []
    with here.work() as work:
        found = life.life(work, here.row(Step.ON_BOOKING))
        assert [(each.state, each.until) for each in found.turns] == [(PLANNED, NOON + timedelta(minutes=10))]


def test_a_pause_of_a_week_is_one_turn_that_tells_how_often_it_was_found(clinic: Clinic) -> None:
    clinic.book(clinic.patient())
    with clinic.work() as work:
        pauses.pause(work, None, "a new scanner")
    clinic.clock.now = AFTER
    for _ in range(5):
        clinic.tick()
        clinic.clock.turn(minutes=15)
    planned, paused = turns(clinic)
    assert (planned.ordinal, planned.until) == (0, NOON + timedelta(minutes=10))
    assert (paused.reason, paused.times, paused.at) == ("dispatch is paused", 5, AFTER)
    assert (paused.last_at, paused.until) == (AFTER + timedelta(minutes=60), AFTER + timedelta(minutes=75))


def test_every_reason_is_kept_and_not_the_last_alone(clinic: Clinic) -> None:
    visit = clinic.book(clinic.patient())
    with clinic.work() as work:
        consents.pause_number(work, "+12025550101", "may be an opt-out")
    clinic.tick(AFTER)
    with clinic.work() as work:
        consents.release_number(work, "+12025550101")
    clinic.tick(datetime(2026, 6, 2, 1, tzinfo=UTC))  # 21:00 in New York
    clinic.clock.turn(minutes=1)
    clinic.cancel(visit)
    *reasons, last = [event.reason for event in turns(clinic)]
    assert reasons == ["", "a reply from this number may be an opt-out; a person decides", "outside the send hours"]
    assert (turns(clinic)[-1].state, bool(last)) == (VOIDED, True)


def test_a_visit_that_moves_away_and_back_leaves_the_whole_story(clinic: Clinic) -> None:
    visit = clinic.book(clinic.patient())
    clinic.move(visit, VISIT_DAY + timedelta(days=2))
    clinic.move(visit, VISIT_DAY)
    with db.reading(clinic.app.engine) as session:
        row = session.exec(
            select(Reminder).where(Reminder.subject_day == VISIT_DAY, Reminder.step == Step.DAYS_3)
        ).one()
        mine = select(MessageEvent).where(MessageEvent.reminder_id == row.id).order_by(col(MessageEvent.ordinal))
        assert [event.state for event in session.exec(mine)] == [PLANNED, VOIDED, PLANNED]


def test_a_fallback_tells_instead_of_what_it_goes_out(clinic: Clinic) -> None:
    clinic.book(clinic.patient())
    clinic.sms.answers = [DeliveryError(Failure.PERMANENT, "21614", "the number cannot receive SMS (21614)")]
    clinic.tick(AFTER)
    (first,) = turns(clinic, channel=Channel.EMAIL)
    assert first.reason == "instead of sms: the number cannot receive SMS (21614)"
    assert clinic.row(Step.ON_BOOKING).resolution == "goes on by email"


def test_the_whole_life_stands_in_one_file(here: Clinic) -> None:
    here.book(here.patient())
    here.sms.answers = [DeliveryError(Failure.RETRY, "20429", "too many requests (20429)")]
    here.tick(AFTER)
    here.tick(AFTER + timedelta(minutes=20))
    with here.work() as work:
        text = life.as_csv(life.life(work, here.row(Step.ON_BOOKING)))
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [(line["what"], line["state"], line["code"]) for line in lines] == [
        ("turn", "planned", ""),
        ("call", "refused", "20429"),
        ("turn", "planned", ""),
        ("call", "accepted", ""),
    ]
    assert lines[3]["text"].startswith("Elm Clinic: your appointment")
    assert lines[3]["provider_id"] == "SM0000sms"
    assert (lines[1]["parts"], lines[3]["parts"]) == ("1", "1")


# -- lists -------------------------------------------------------------------------------------------------------


def test_the_list_says_until_when_by_the_patients_clock_and_what_for(here: Clinic) -> None:
    patient = here.patient(time_zone="America/Los_Angeles")
    here.clock.now = datetime(2026, 6, 2, 11, 50, tzinfo=UTC)  # 7:50 in New York, 4:50 in Los Angeles
    here.book(patient)
    here.clock.turn(minutes=30)
    here.tick()
    with here.work() as work:
        lines = lists.listed(work, [here.site_id], Which.UPCOMING)
        (line,) = [each for each in lines if each.row.step is Step.ON_BOOKING]
    assert (f"{line.at:%H:%M %Z}", line.why, here.sms.taken) == ("09:00 PDT", "", [])


def test_a_wait_names_city_day_and_reason(here: Clinic) -> None:
    here.book(here.patient(time_zone="America/Los_Angeles"))
    with here.work() as work:
        row = work.session.exec(select(Reminder).where(Reminder.step == Step.ON_BOOKING)).one()
        row.not_before, row.reason = datetime(2026, 6, 2, 16, tzinfo=UTC), "outside the send hours"
        line = lists.line(work, row, work.session.get_one(Patient, row.patient_id))
        assert line.why == "waits until 09:00 on 2 Jun 2026 in Los Angeles: outside the send hours"


def test_what_a_cap_keeps_back_stands_in_the_list_with_its_reason(here: Clinic) -> None:
    patient = here.patient()
    here.clock.now = datetime(
        2026, 6, 17, 12, tzinfo=UTC
    )  # the message on booking takes the place of the one at 7 days
    here.book(patient)
    with here.work() as work:
        lines = search.search(work, [here.site(work)], search.Search(Which.UPCOMING))
        kept_back = [line for line in lines if line.row.state is DROPPED]
    assert [(line.row.step, line.why) for line in kept_back] == [(Step.DAYS_7, "cap: 1 a day is reached on 2026-06-17")]


def test_a_queue_that_is_longer_than_the_day_is_told(here: Clinic) -> None:
    carries = {Channel.SMS: "carrier-sms"}
    for number in range(3):
        here.book(here.patient(str(number), phone=f"+1 202-555-011{number}"), at=time(9, number))
    with here.work() as work:
        work.session.add(Sender(name="carrier-sms", per_second=1.0, next_free_at=NOON))
        work.session.flush()
        assert pace.jams(work, [here.site(work)], carries) == []
        senders.set_pace(work, "carrier-sms", 1 / 20_000)
        (jam,) = pace.jams(work, [here.site(work)], carries)
    assert (jam.waiting, jam.carries, f"{jam.until:%H:%M %Z}") == (3, 1, "20:00 EDT")
    here.clock.now = datetime(2026, 6, 2, 1, tzinfo=UTC)
    with here.work() as work:
        assert pace.jams(work, [here.site(work)], carries) == []


# -- rules of section 4 ------------------------------------------------------------------------------------------


def test_three_edits_in_ten_minutes_make_one_notice_and_none_if_the_truth_is_as_told(clinic: Clinic) -> None:
    visit = clinic.book(clinic.patient())
    clinic.tick(AFTER)
    clinic.clock.turn(hours=1)
    for hour in (10, 11, 12):
        clinic.move(visit, VISIT_DAY, time(hour))
        clinic.clock.turn(minutes=3)
    clinic.tick()
    assert len(clinic.sms.taken) == 1
    clinic.clock.turn(minutes=10)
    clinic.tick()
    assert len(clinic.sms.taken) == 2
    assert "12:00" in clinic.sms.taken[1].body
    clinic.move(visit, VISIT_DAY, time(15))
    clinic.move(visit, VISIT_DAY, time(12))
    clinic.clock.turn(hours=1)
    clinic.tick()
    assert len(clinic.sms.taken) == 2


def test_a_notice_without_a_permitted_hour_before_the_visit_is_a_call_now(here: Clinic) -> None:
    visit = here.book(here.patient())
    here.tick(AFTER)
    here.tick(datetime(2026, 6, 21, 15, tzinfo=UTC))
    here.clock.now = datetime(2026, 6, 24, 1, tzinfo=UTC)  # 21:00 on the evening before
    here.move(visit, VISIT_DAY, time(8))
    here.clock.turn(minutes=1)
    here.tick()
    (task,) = [row for row in here.rows() if row.step is Step.CHANGE]
    assert (task.channel, task.state) == (Channel.CALL, TASK)


def test_two_workers_together_keep_the_pace_of_one_sender(clinic: Clinic) -> None:
    clinic.limits = type(clinic.limits)(pace={Channel.SMS: 0.2})
    for number in range(6):
        clinic.book(clinic.patient(str(number), phone=f"+1 202-555-011{number}"), at=time(9, number))
    clinic.app.transports[Channel.SMS] = OneByOne(Channel.SMS, clinic.clock)
    clinic.clock.now = AFTER
    with ThreadPoolExecutor(2) as workers:
        for tick in [workers.submit(clinic.tick) for _ in range(4)]:
            tick.result()
    assert len(clinic.sms.taken) == 3  # one now, and the two that the pace lets run ahead


def test_before_a_site_is_live_its_messages_are_shown_and_none_goes_out(sqlite_engine: sa.Engine) -> None:
    clinic = open_clinic(sqlite_engine, messages_from=date(2026, 6, 10))
    clinic.book(clinic.patient())
    for day in range(1, 10):
        clinic.tick(datetime(2026, 6, day, 18, tzinfo=UTC))
    assert clinic.sms.taken == []
    with clinic.work() as work:
        steps = [line.row.step for line in lists.upcoming(work, [clinic.site_id])]
    assert steps == [Step.DAYS_7, Step.DAYS_3, Step.DAYS_1]


# -- what a person does ------------------------------------------------------------------------------------------


def test_a_person_may_have_told_by_telephone_what_failed(clinic: Clinic) -> None:
    clinic.book(clinic.patient(contact={"consents": (Channel.SMS,)}))
    clinic.sms.answers = [DeliveryError(Failure.PERMANENT, "21614", "the number cannot receive SMS (21614)")]
    clinic.tick(AFTER)
    assert clinic.row(Step.ON_BOOKING, Channel.CALL).state is TASK
    with clinic.work() as work:
        row = work.session.get_one(Reminder, clinic.row(Step.ON_BOOKING).id)
        with pytest.raises(ConflictError):
            acts.done(work, row, TaskOutcome.NOT_REACHED)
        acts.done(work, row, TaskOutcome.TOLD, "spoke to her")
    assert clinic.row(Step.ON_BOOKING).told_day == VISIT_DAY
    assert clinic.row(Step.ON_BOOKING, Channel.CALL).state is VOIDED
    assert turns(clinic)[-1].reason.endswith("the patient was told (spoke to her)")


def test_what_went_out_by_another_channel_cannot_be_told_again(here: Clinic) -> None:
    here.book(here.patient())
    here.sms.answers = [DeliveryError(Failure.PERMANENT, "21614", "the number cannot receive SMS (21614)")]
    here.tick(AFTER)
    with here.work() as work, pytest.raises(ConflictError):
        acts.done(work, work.session.get_one(Reminder, here.row(Step.ON_BOOKING).id), TaskOutcome.TOLD)


def test_whatever_is_done_to_a_sender_is_in_the_audit_trail(here: Clinic) -> None:
    with here.work() as work:
        work.session.add(Sender(name="carrier-sms", next_free_at=NOON))
        work.session.flush()
        senders.stop(work, "carrier-sms", "not registered")
        senders.start(work, "carrier-sms")
        senders.set_pace(work, "carrier-sms", 3.0)
        senders.alert(work, "carrier-sms", "filtered")
        senders.look_into(work, "carrier-sms")
        found = work.session.exec(select(AuditEvent.action).where(col(AuditEvent.action).startswith("dispatch.")))
        assert list(found) == ["dispatch.stop", "dispatch.start", "dispatch.pace", "dispatch.look"]
