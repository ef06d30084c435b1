"""Reminder policy: what it refuses, and the send hours."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reminder_samples import POLICY, new_york

from surveillance.core.messages.policy import PLANNED_STEPS, WEIGHT, Latest, faults, next_permitted, permitted
from surveillance.core.words import Channel, Step

ZONES = ["America/New_York", "Europe/Madrid", "Australia/Lord_Howe", "America/Santiago", "Pacific/Apia", "Asia/Kolkata"]


def test_the_shipped_policy_keeps_its_own_rules():
    assert list(faults(POLICY)) == []


def test_the_shipped_policy_has_the_steps_of_the_contract():
    off = {step for step, rule in POLICY.steps.items() if not rule.enabled}
    assert off == {Step.BOOK_NOW}
    assert {rule.channels for rule in POLICY.steps.values()} == {(Channel.SMS, Channel.EMAIL, Channel.CALL)}


def test_every_step_has_a_weight_once():
    assert sorted(WEIGHT) == sorted(PLANNED_STEPS)


def with_step(step, **changes):
    return replace(POLICY, steps={**POLICY.steps, step: replace(POLICY.steps[step], **changes)})


@pytest.mark.parametrize(
    ("policy", "path", "words"),
    [
        (with_step(Step.DAYS_1, send_at=time(20, 0)), ("steps", "1d", "send_at"), "20:00 lies outside the send hours"),
        (with_step(Step.DAYS_1, send_at=time(8, 59)), ("steps", "1d", "send_at"), "08:59 lies outside the send hours"),
        (with_step(Step.DAYS_1, send_at=None), ("steps", "1d", "send_at"), "needs send_at"),
        (with_step(Step.CHANGE, send_at=time(10)), ("steps", "change", "send_at"), "cannot have send_at"),
        (with_step(Step.DAYS_3, channels=()), ("steps", "3d", "channels"), "at least one channel"),
        (with_step(Step.DAYS_3, channels=(Channel.SMS,) * 2), ("steps", "3d", "channels"), "stands twice"),
        (with_step(Step.DAYS_3, channels=(Channel.CALL, Channel.SMS)), ("steps", "3d", "channels"), "ends the list"),
        (with_step(Step.DAYS_1, latest=Latest(0, time(10))), ("steps", "1d", "latest", "at"), "not after the time"),
        (with_step(Step.DAYS_1, latest=Latest(2, time(9))), ("steps", "1d", "latest", "days_after"), "end after"),
        (with_step(Step.DAYS_7, latest=None), ("steps", "7d", "latest"), "needs latest"),
        (with_step(Step.CANCEL, latest=Latest(1, time(10))), ("steps", "cancel", "latest"), "cannot have latest"),
        (with_step(Step.DAYS_7, days_before=None), ("steps", "7d", "days_before"), "needs days_before"),
        (with_step(Step.DAYS_7, days_before=0), ("steps", "7d", "days_before"), "at least 1"),
        (with_step(Step.OVERDUE, days_before=3), ("steps", "overdue", "days_before"), "cannot have days_before"),
        (with_step(Step.CANCEL, enabled=False), ("steps", "cancel", "enabled"), "cannot be switched off"),
        (with_step(Step.DAYS_1, template=Step.CANCEL), ("steps", "1d", "template"), "does not fit"),
        (replace(POLICY, send_from=time(7)), ("send_hours",), "inside 08:00–21:00"),
        (replace(POLICY, send_until=time(22)), ("send_hours",), "inside 08:00–21:00"),
        (replace(POLICY, per_day=0), ("caps",), "must rise from 1"),
        (replace(POLICY, steps={s: r for s, r in POLICY.steps.items() if s != "7d"}), ("steps",), "7d is missing"),
    ],
)  # fmt: skip
def test_a_policy_that_breaks_a_rule_is_refused_with_its_place(policy, path, words):
    found = {fault.path: fault.reason for fault in faults(policy)}
    assert words in found[path]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (new_york(date(2026, 6, 1), "08:59"), new_york(date(2026, 6, 1), "09:00")),
        (new_york(date(2026, 6, 1), "09:00"), new_york(date(2026, 6, 1), "09:00")),
        (new_york(date(2026, 6, 1), "19:59"), new_york(date(2026, 6, 1), "19:59")),
        (new_york(date(2026, 6, 1), "20:00"), new_york(date(2026, 6, 2), "09:00")),
        # Clocks go forward on 8 March and back on 1 November 2026.
        (new_york(date(2026, 3, 7), "21:00"), datetime(2026, 3, 8, 13, 0, tzinfo=UTC)),
        (new_york(date(2026, 10, 31), "21:00"), datetime(2026, 11, 1, 14, 0, tzinfo=UTC)),
    ],
)
def test_a_moment_outside_the_send_hours_waits_for_the_next_opening(moment, expected):
    assert next_permitted(POLICY, moment, "America/New_York") == expected


@given(
    minutes=st.integers(0, 60 * 24 * 365 * 20),
    zone=st.sampled_from(ZONES),
)
def test_the_next_permitted_moment_is_inside_the_hours_and_soon(minutes, zone):
    moment = datetime(2010, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    found = next_permitted(POLICY, moment, zone)
    assert permitted(POLICY, found, zone)
    assert moment <= found <= moment + timedelta(hours=40)  # Samoa once left out a whole day
    assert time(9) <= found.astimezone(ZoneInfo(zone)).time() < time(20)
