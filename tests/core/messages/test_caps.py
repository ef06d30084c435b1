"""How many reminders a patient may get."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reminder_samples import JUNE_1, NEW_YORK, POLICY, new_york

from surveillance.core.dates import local_day
from surveillance.core.messages.caps import apply_caps, cap_reason
from surveillance.core.messages.planned import Planned, reminder_key
from surveillance.core.messages.policy import NOTICES, PLANNED_STEPS
from surveillance.core.words import Channel, Step

REMINDERS = sorted(set(PLANNED_STEPS) - NOTICES)


def message(step: Step, day: date, at="10:00", subject=date(2026, 8, 1)) -> Planned:
    due_at = new_york(day, at)
    key = reminder_key("p1", step, subject, Channel.SMS)
    return Planned(key, step, Channel.SMS, subject, None, None, due_at, due_at + timedelta(hours=8))


def kept(planned, sent=None, now=JUNE_1):
    return [each.step for each in apply_caps(planned, sent or {}, POLICY, NEW_YORK, now) if each.dropped is None]


JUNE = [date(2026, 6, day) for day in range(1, 31)]


@pytest.mark.parametrize(
    ("steps", "winner"),
    [
        ([Step.DAYS_3, Step.DAYS_1], Step.DAYS_1),
        ([Step.ON_BOOKING, Step.DAYS_3], Step.DAYS_3),
        ([Step.DAYS_7, Step.ON_BOOKING], Step.ON_BOOKING),
        ([Step.OVERDUE, Step.DAYS_7], Step.DAYS_7),
        ([Step.BOOK_NOW, Step.OVERDUE], Step.OVERDUE),
    ],
)
def test_on_one_day_the_heavier_step_wins(steps, winner):
    assert kept([message(step, JUNE[10]) for step in steps]) == [winner]


def test_what_a_cap_drops_says_why():
    dropped = apply_caps(
        [message(Step.DAYS_1, JUNE[10]), message(Step.DAYS_7, JUNE[10])], {}, POLICY, NEW_YORK, JUNE_1
    )[1]
    assert dropped.dropped == "cap: 1 a day is reached on 2026-06-11"


def test_three_in_seven_days_and_the_fourth_a_week_after_the_first():
    sent = {f"k{day}": new_york(JUNE[day], "10:00") for day in (4, 6, 8)}
    assert kept([message(Step.DAYS_1, JUNE[10])], sent) == []
    assert kept([message(Step.DAYS_1, JUNE[11])], sent) == [Step.DAYS_1]


def test_notices_are_neither_bound_nor_counted():
    sent = {"k": new_york(JUNE[10], "10:00")}
    notices = [message(Step.CANCEL, JUNE[10]), message(Step.CHANGE, JUNE[10])]
    assert kept(notices, sent) == [Step.CANCEL, Step.CHANGE]
    assert kept([*notices, message(Step.DAYS_7, JUNE[10])]) == [Step.CANCEL, Step.CHANGE, Step.DAYS_7]


def test_the_day_is_the_patients_local_one():
    """22:00 in New York on the 10th is the 11th in UTC."""
    sent = {"k": new_york(JUNE[9], "19:30")}
    assert kept([message(Step.DAYS_7, JUNE[10], "09:00")], sent) == [Step.DAYS_7]


def test_what_has_gone_out_is_counted_once_and_what_expired_not_at_all():
    first, second = message(Step.DAYS_3, JUNE[10]), message(Step.DAYS_7, JUNE[11])
    assert kept([first, second], {first.key: first.due_at}) == [Step.DAYS_3, Step.DAYS_7]
    assert kept([first, replace(second, due_at=first.due_at)], now=first.expires_at + timedelta(minutes=1)) == kept(
        [first, second]
    )


def test_a_message_that_is_late_counts_on_the_day_it_can_go_out():
    late = replace(message(Step.DAYS_3, JUNE[10]), expires_at=new_york(JUNE[11], "20:00"))
    today = new_york(JUNE[11], "09:30")
    assert kept([late, message(Step.DAYS_7, JUNE[11])], now=today) == [Step.DAYS_3]


def test_the_reason_at_sending_time_is_the_same_rule():
    assert cap_reason(POLICY, JUNE[10], {}) is None
    assert cap_reason(POLICY, JUNE[10], {JUNE[10]: 1}) == "cap: 1 a day is reached on 2026-06-11"
    assert cap_reason(POLICY, JUNE[10], {JUNE[9]: 1, JUNE[8]: 1, JUNE[14]: 1}) == (
        "cap: 3 in 7 days are reached around 2026-06-11"
    )


MESSAGES = st.lists(
    st.builds(
        message,
        st.sampled_from(REMINDERS),
        st.sampled_from(JUNE),
        subject=st.dates(date(2026, 8, 1), date(2026, 12, 1)),
    ),
    max_size=15,
    unique_by=lambda each: each.key,
)
SENT = st.dictionaries(
    st.text("xyz", min_size=1, max_size=3), st.sampled_from(JUNE).map(lambda d: new_york(d, "12:00")), max_size=2
)


@given(planned=MESSAGES, sent=SENT, order=st.randoms())
def test_caps_are_never_exceeded_and_do_not_depend_on_the_order(planned, sent: dict[str, datetime], order):
    result = apply_caps(planned, sent, POLICY, NEW_YORK, JUNE_1)
    days = [
        local_day(max(each.due_at, JUNE_1), NEW_YORK)
        for each in result
        if not each.dropped and each.expires_at > JUNE_1
    ]
    assert not days or max(Counter(days).values()) <= POLICY.per_day
    everything = Counter(days + [local_day(moment, NEW_YORK) for moment in sent.values()])
    for start in days:
        week = sum(everything[start + timedelta(days=ahead)] for ahead in range(7))
        assert week <= POLICY.per_week
    shuffled = list(planned)
    order.shuffle(shuffled)
    again = apply_caps(shuffled, sent, POLICY, NEW_YORK, JUNE_1)
    assert {each.key: each.dropped for each in again} == {each.key: each.dropped for each in result}
