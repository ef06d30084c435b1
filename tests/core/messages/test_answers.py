"""When an answer goes out: at once whoever has just written, staff's own words in the send hours."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from reminder_samples import NEW_YORK, POLICY

from surveillance.core.messages.answers import USEFUL, Answer, AnswerFacts, answer_key, decide_answer, kind_of
from surveillance.core.messages.decision import Decision, Send, TooLate, Void, Wait
from surveillance.core.messages.fallback import NextChannel, Task
from surveillance.core.messages.planned import on_channel
from surveillance.core.words import Channel

FREE = AnswerFacts(
    alive=True, carried=True, dispatch_paused=False, opted_out=False, attempt_in_flight=False, sender_free_at=None
)
NOON = datetime(2026, 6, 1, 16, 0, tzinfo=UTC)
NIGHT = datetime(2026, 6, 2, 3, 0, tzinfo=UTC)  # 23:00 in New York
SOON = timedelta(minutes=1)


def decided(kind: Answer, now: datetime = NOON, written: datetime | None = None, **facts: object) -> Decision:
    expires = (written or now) + USEFUL[kind]
    changed = replace(FREE, **facts)  # type: ignore[arg-type]
    return decide_answer(kind, "+12025550101", "en", changed, POLICY, NEW_YORK, expires, now)


@pytest.mark.parametrize("kind", Answer)
def test_an_answer_goes_out_by_day(kind: Answer) -> None:
    assert isinstance(decided(kind), Send)


@pytest.mark.parametrize("kind", Answer)
def test_at_night_only_whoever_just_wrote_is_answered(kind: Answer) -> None:
    found = decided(kind, NIGHT)
    assert isinstance(found, Send) is kind.by_itself
    if isinstance(found, Wait):
        assert found.until == datetime(2026, 6, 2, 13, 0, tzinfo=UTC)


@pytest.mark.parametrize("kind", Answer)
def test_a_number_that_opted_out_hears_that_it_did_and_no_more(kind: Answer) -> None:
    found = decided(kind, opted_out=True)
    expected = {Answer.STOPPED: Send, Answer.STAFF: NextChannel}
    assert isinstance(found, expected.get(kind, Void))


@pytest.mark.parametrize("kind", Answer)
def test_a_number_that_waits_for_a_decision_hears_only_that_it_opted_out(kind: Answer) -> None:
    found = decided(kind, number_paused=True)
    assert isinstance(found, Send if kind is Answer.STOPPED else (Wait, TooLate))


@pytest.mark.parametrize("kind", Answer)
def test_what_staff_wrote_before_consent_was_withdrawn_becomes_a_call(kind: Answer) -> None:
    found = decided(kind, withdrawn=True)
    assert isinstance(found, NextChannel if kind is Answer.STAFF else Send)


@pytest.mark.parametrize("kind", Answer)
def test_nothing_is_said_to_the_dead(kind: Answer) -> None:
    assert isinstance(decided(kind, alive=False), Void)


@pytest.mark.parametrize("kind", Answer)
@pytest.mark.parametrize(
    "facts", [{"dispatch_paused": True}, {"attempt_in_flight": True}, {"sender_free_at": NOON + SOON}], ids=str
)
def test_what_bars_the_way_is_waited_for_as_long_as_the_answer_is_of_use(
    kind: Answer, facts: dict[str, object]
) -> None:
    found = decided(kind, **facts)
    late = kind.by_itself and "dispatch_paused" in facts  # a pause is looked at again when its five minutes are over
    assert isinstance(found, TooLate if late else Wait)


def test_what_staff_wrote_and_nobody_sent_is_told_by_a_person() -> None:
    late = NOON + timedelta(days=4)
    assert decided(Answer.STAFF, late, written=NOON) == TooLate(
        "too late: its useful time has ended", tell_a_person=True
    )
    assert isinstance(decided(Answer.STAFF, carried=False), Task)


def test_the_confirmation_of_an_opt_out_is_not_sent_after_five_minutes() -> None:
    assert isinstance(decided(Answer.STOPPED, NOON + timedelta(minutes=4), written=NOON), Send)
    assert decided(Answer.STOPPED, NOON + timedelta(minutes=5), written=NOON).tell_a_person is False  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", Answer)
def test_a_key_tells_what_kind_of_answer_it_is_on_every_channel(kind: Answer) -> None:
    key = answer_key("2f1c", kind)
    assert kind_of(key) is kind_of(on_channel(key, Channel.CALL)) is kind
