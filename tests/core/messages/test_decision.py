"""The last look before a message goes out, and what follows a failure."""

from dataclasses import fields, replace
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reminder_samples import NEW_YORK, POLICY, new_york

from surveillance.core.messages.decision import (
    FOR_A_PERSON,
    IN_FLIGHT,
    RECHECK,
    UNDECIDED,
    UNREADABLE,
    Send,
    SendingFacts,
    TooLate,
    Void,
    Wait,
    decide,
)
from surveillance.core.messages.fallback import NextChannel, Retry, Task, after_failure
from surveillance.core.messages.planned import Planned, notice_key, reminder_key
from surveillance.core.words import Channel, Step

CHANNELS = (Channel.SMS, Channel.EMAIL, Channel.CALL)
DAY = date(2026, 6, 23)
NOON = new_york(DAY, "12:00")
EVENING = new_york(DAY, "20:00")
GOOD = SendingFacts(
    alive=True,
    plan_active=True,
    on_hold=False,
    still_wanted=True,
    dispatch_paused=False,
    consent=True,
    address="+12025550143",
    opted_out=False,
    number_paused=False,
    shared=False,
    first_name_allowed=False,
    has_phone=True,
    language="en",
    attempt_in_flight=False,
    cap=None,
    sender_free_at=None,
    told_otherwise=False,
    person_has_it=False,
)
REMINDER = Planned(
    reminder_key("p1", Step.DAYS_1, date(2026, 6, 24), Channel.SMS),
    Step.DAYS_1, Channel.SMS, date(2026, 6, 24), "a1", 0, new_york(DAY, "10:00"), EVENING,
)  # fmt: skip
NOTICE = replace(
    REMINDER, key=notice_key("a1", 2, Channel.SMS), step=Step.CHANGE, expires_at=new_york(date(2026, 6, 24), "09:30")
)


def decided(now=NOON, planned=REMINDER, **facts):
    return decide(planned, CHANNELS, replace(GOOD, **facts), POLICY, NEW_YORK, now)


def test_a_message_goes_out_when_everything_is_as_it_should_be():
    assert decided() == Send("+12025550143", "en", EVENING)


def test_it_must_arrive_before_the_send_hours_end():
    assert decided(planned=NOTICE).deadline == EVENING
    assert decided(planned=replace(NOTICE, expires_at=new_york(DAY, "14:00"))).deadline == new_york(DAY, "14:00")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"alive": False}, "died"),
        ({"still_wanted": False}, "no longer wanted"),
        ({"plan_active": False}, "the plan has ended"),
        ({"on_hold": True}, "on hold"),
    ],
)
def test_what_is_no_longer_true_is_voided(facts, reason):
    found = decided(**facts)
    assert isinstance(found, Void)
    assert reason in found.reason


@pytest.mark.parametrize("facts", [{"plan_active": False}, {"on_hold": True}])
def test_a_notice_for_a_silent_plan_goes_to_a_person_so_that_nobody_comes_for_nothing(facts):
    assert isinstance(decided(planned=NOTICE, **facts), Task)


def test_the_dead_get_not_even_a_notice_and_nobody_is_asked_to_call():
    everything_else = {field.name: UNREADABLE for field in fields(SendingFacts)}
    assert isinstance(decided(planned=NOTICE, **{**everything_else, "alive": False}), Void)


OVERDUE = replace(
    REMINDER,
    key=reminder_key("p1", Step.OVERDUE, DAY, Channel.SMS),
    step=Step.OVERDUE,
    appointment_id=None,
    expires_at=new_york(DAY + timedelta(days=7), "20:00"),
)


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.CALL])
def test_nobody_is_told_that_something_is_due_while_a_result_waits_for_its_decision(channel):
    planned = replace(OVERDUE, channel=channel)
    assert decided(planned=planned, result_undecided=True) == Wait(NOON + RECHECK, UNDECIDED)
    late = decided(now=planned.expires_at - RECHECK, planned=planned, result_undecided=True)
    assert late == TooLate(f"too late: {UNDECIDED}", tell_a_person=False)


def test_of_a_booked_visit_a_person_tells_in_time_where_a_result_still_waits():
    assert decided(result_undecided=True) == Wait(NOON + RECHECK, UNDECIDED)
    last = REMINDER.expires_at - FOR_A_PERSON
    assert decided(now=last, result_undecided=True) == TooLate(f"too late: {UNDECIDED}", tell_a_person=True)
    assert not decided(now=last, result_undecided=True, told_otherwise=True).tell_a_person


def test_that_a_visit_was_changed_is_said_whatever_a_result_waits_for():
    assert isinstance(decided(planned=NOTICE, result_undecided=True), Send)


@pytest.mark.parametrize("name", [field.name for field in fields(SendingFacts)])
def test_a_fact_that_cannot_be_read_stops_the_message_and_asks_a_person(name):
    found = decided(**{name: UNREADABLE})
    assert found == Task(f"could not be read: {name.replace('_', ' ')}; nothing was sent")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"opted_out": True}, "opted out of sms"),
        ({"consent": False}, "no consent to sms"),
        ({"address": None}, "no address for sms"),
        ({"address": ""}, "no address for sms"),
    ],
)
def test_an_address_that_cannot_be_used_leads_to_the_next_channel(facts, reason):
    assert decided(**facts) == NextChannel(Channel.EMAIL, reason)


def test_after_the_last_channel_a_person_calls_or_writes():
    email = replace(REMINDER, channel=Channel.EMAIL)
    assert decided(planned=email, consent=False).channel is Channel.CALL
    assert decided(planned=email, consent=False, has_phone=False).channel is Channel.LETTER
    assert decided(planned=replace(REMINDER, channel=Channel.CALL)) == Task("to be told by call")


def test_where_no_text_can_help_a_person_calls_at_once():
    assert decided(language=None) == NextChannel(Channel.CALL, "no approved language")
    assert decided(shared=True).channel is Channel.CALL
    assert isinstance(decided(shared=True, first_name_allowed=True), Send)


def test_a_patient_without_a_channel_is_called_once_for_a_visit_and_not_for_each_step():
    email = replace(REMINDER, channel=Channel.EMAIL)
    found = decided(planned=email, consent=False, person_has_it=True)
    assert found == TooLate("no consent to email; a person already has this on the list", tell_a_person=False)
    assert (
        decided(planned=replace(NOTICE, channel=Channel.EMAIL), consent=False, person_has_it=True).channel
        is Channel.CALL
    )


@pytest.mark.parametrize(
    ("facts", "until"),
    [
        ({"dispatch_paused": True}, NOON + RECHECK),
        ({"dispatch_paused": True, "consent": False}, NOON + RECHECK),  # a pause moves nothing to another channel
        ({"number_paused": True}, NOON + RECHECK),
        ({"attempt_in_flight": True}, NOON + IN_FLIGHT),
        ({"sender_free_at": NOON + timedelta(seconds=7)}, NOON + timedelta(seconds=7)),
    ],
)
def test_what_passes_is_waited_for(facts, until):
    found = decided(**facts)
    assert isinstance(found, Wait)
    assert found.until == until


def test_a_sender_that_was_free_a_moment_ago_sends():
    assert isinstance(decided(sender_free_at=NOON), Send)


def test_outside_the_send_hours_a_message_waits_for_the_next_permitted_one():
    night = new_york(date(2026, 6, 22), "23:00")
    assert decided(night).until == new_york(DAY, "09:00")


@pytest.mark.parametrize("otherwise", [True, False])
def test_a_wait_that_outlasts_the_message_is_too_late_and_a_task_if_nothing_else_tells(otherwise):
    for now, planned in ((EVENING, REMINDER), (EVENING, NOTICE)):
        planned = replace(planned, expires_at=new_york(date(2026, 6, 24), "08:30"))
        found = decided(now, planned, told_otherwise=otherwise)
        assert found == TooLate("too late: outside the send hours", tell_a_person=not otherwise)
    assert decided(EVENING).tell_a_person


def test_a_cap_at_sending_time_waits_for_tomorrow_while_that_is_useful():
    assert decided(cap="cap: full") == TooLate("too late: cap: full", tell_a_person=True)
    longer = replace(REMINDER, expires_at=new_york(date(2026, 6, 25), "20:00"))
    assert decided(planned=longer, cap="cap: full") == Wait(new_york(date(2026, 6, 24), "09:00"), "cap: full")
    assert isinstance(decided(planned=NOTICE, cap="cap: full"), Send)


YES_OR_NO = [field.name for field in fields(SendingFacts) if isinstance(getattr(GOOD, field.name), bool)]


@given(
    changed=st.dictionaries(st.sampled_from(YES_OR_NO), st.sampled_from([True, False, UNREADABLE]), max_size=3),
    minutes=st.integers(-60 * 24, 60 * 24),
    planned=st.sampled_from([REMINDER, NOTICE]),
)
def test_nothing_is_ever_sent_to_the_dead_the_held_the_opted_out_or_at_night(changed, minutes, planned):
    now = NOON + timedelta(minutes=minutes)
    facts = replace(GOOD, **changed)
    found = decided(now, planned, **changed)
    if isinstance(found, Send):
        must = (facts.alive, facts.plan_active, facts.still_wanted, facts.consent)
        must_not = (facts.on_hold, facts.dispatch_paused, facts.opted_out, facts.number_paused, facts.attempt_in_flight)
        assert must == (True,) * 4
        assert must_not == (False,) * 5
        assert UNREADABLE not in changed.values()
        assert now < found.deadline <= planned.expires_at
        assert time(9) <= now.astimezone(ZoneInfo(NEW_YORK)).time() < time(20)
    if isinstance(found, Wait):
        assert now < found.until < planned.expires_at


def followed(failure, attempts=1, channel=Channel.SMS, channels=CHANNELS, has_phone=True, limit=None, jitter=0.0):
    return after_failure(failure, attempts, channels, channel, POLICY, has_phone, NOON, jitter, limit)


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40)])
def test_a_busy_provider_is_tried_again_after_twice_as_long_each_time(attempts, minutes):
    assert followed("retry", attempts) == Retry(NOON + timedelta(minutes=minutes))


def test_jitter_spreads_the_retries():
    assert followed("retry", jitter=1.0) == Retry(NOON + timedelta(minutes=7, seconds=30))


def test_a_handset_that_does_not_answer_is_tried_over_hours_and_no_more_than_allowed():
    assert followed("retry", 1, limit=2) == Retry(NOON + timedelta(hours=1))
    assert followed("retry", 2, limit=2) == Retry(NOON + timedelta(hours=2))
    assert followed("retry", 3, limit=2) == NextChannel(Channel.EMAIL, "retry")


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        ("permanent", NextChannel(Channel.EMAIL, "permanent")),
        ("opted_out", NextChannel(Channel.EMAIL, "opted_out")),
        ("blocked", NextChannel(Channel.EMAIL, "blocked")),
        ("configuration", NextChannel(Channel.EMAIL, "configuration")),
        ("ambiguous", Task("ambiguous: it may have been sent; look before telling the patient")),
        ("unheard of", Task("unheard of: it may have been sent; look before telling the patient")),
    ],
)
def test_a_failure_leads_to_the_next_channel_or_to_a_person_if_in_doubt(failure, expected):
    assert followed(failure) == expected


def test_the_words_of_failures_are_those_of_the_providers():
    from surveillance.providers.base import Failure

    in_doubt = {failure for failure in Failure if isinstance(followed(failure.value), Task)}
    assert in_doubt == {Failure.AMBIGUOUS}


def test_retries_end_and_channels_end_with_a_person():
    assert followed("retry", 5).channel is Channel.EMAIL
    assert followed("permanent", channel=Channel.EMAIL).channel is Channel.CALL
    assert followed("permanent", channels=(Channel.SMS,), has_phone=False).channel is Channel.LETTER
    assert followed("permanent", channel=Channel.CALL) == Task("permanent: no channel is left")
