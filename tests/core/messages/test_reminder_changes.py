"""How stored messages follow what is wanted: nothing twice, nothing lost, nothing untrue."""

from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reminder_samples import JUNE_1, POLICY, VISIT_DAY, apply, due, of_step, patient, stored, told, visit

from surveillance.core.messages.changes import ALREADY_OUT, GONE, NO_LONGER_WANTED, reconcile_reminders
from surveillance.core.messages.planned import on_channel, stem
from surveillance.core.messages.reminders import wanted_reminders
from surveillance.core.words import Channel, ReminderState, Step

NOW = JUNE_1


def wanted(visits=(), dues=(), said=(), policy=POLICY, recipient=None):
    return wanted_reminders(policy, recipient or patient(), list(visits), dues, list(said))


def planned_rows(**kwargs):
    return apply(reconcile_reminders(wanted(**kwargs), [], NOW), [])


def test_planning_twice_changes_nothing():
    rows = planned_rows(visits=[visit()], dues=[due()])
    changes = reconcile_reminders(wanted([visit()], [due()]), rows, NOW)
    assert sorted(changes.keep) == sorted(row.key for row in rows)
    assert apply(changes, rows) == rows


def test_a_reschedule_voids_the_old_day_and_plans_the_new_one():
    rows = planned_rows(visits=[visit()])
    changes = reconcile_reminders(wanted([visit(date(2026, 7, 1))]), rows, NOW)
    assert {key for key, _ in changes.void} == {row.key for row in rows}
    assert {reason for _, reason in changes.void} == {NO_LONGER_WANTED}
    assert {message.subject_day for message in changes.add} == {date(2026, 7, 1)}


def test_a_visit_that_moves_away_and_back_reopens_its_rows():
    rows = planned_rows(visits=[visit()])
    away = apply(reconcile_reminders(wanted([visit(date(2026, 7, 1))]), rows, NOW), rows)
    changes = reconcile_reminders(wanted([visit(sequence=2)]), away, NOW)
    assert {message.key for message in changes.reopen} == {row.key for row in rows}
    assert changes.add == []


def test_correcting_the_anchor_reschedules_everything():
    rows = planned_rows(dues=[due()])
    corrected = due(date(2026, 6, 20), date(2026, 7, 19))
    changes = reconcile_reminders(wanted(dues=[corrected]), rows, NOW)
    assert [key for key, _ in changes.void] == ["p1:overdue:2026-06-10:sms"]
    assert [message.key for message in changes.add] == ["p1:overdue:2026-06-20:sms"]


def test_another_zone_of_the_patient_moves_the_moments():
    rows = planned_rows(visits=[visit()])
    west = wanted([visit()], recipient=patient(zone="America/Los_Angeles"))
    changes = reconcile_reminders(west, rows, NOW)
    assert {message.step for message in changes.move} >= {Step.DAYS_7, Step.DAYS_3, Step.DAYS_1}
    assert changes.add == changes.void == []


@pytest.mark.parametrize("state", sorted(GONE))
def test_what_went_out_or_may_have_is_never_touched_nor_sent_again(state):
    message = of_step(wanted([visit()]), Step.DAYS_1)
    rows = [stored(message, state)]
    for facts in (wanted([visit()]), []):
        changes = reconcile_reminders(facts, rows, NOW)
        assert message.key in changes.keep
        assert stem(message.key) not in {stem(each.key) for each in [*changes.add, *changes.reopen, *changes.move]}


def test_what_was_sent_by_email_is_not_sent_again_by_text():
    message = of_step(wanted([visit()]), Step.DAYS_1)
    text = stored(message, ReminderState.FAILED)
    email = replace(stored(message, ReminderState.SENT), key=on_channel(message.key, Channel.EMAIL))
    changes = reconcile_reminders([message], [text, email], NOW)
    assert (changes.add, changes.reopen, sorted(changes.keep)) == ([], [], sorted([text.key, email.key]))


def test_a_fallback_that_waits_is_kept_while_the_message_is_true_and_voided_with_it():
    message = of_step(wanted([visit()]), Step.DAYS_1)
    text = stored(message, ReminderState.FAILED)
    email = replace(stored(message), key=on_channel(message.key, Channel.EMAIL))
    assert sorted(reconcile_reminders([message], [text, email], NOW).keep) == sorted([text.key, email.key])
    assert reconcile_reminders([], [text, email], NOW).void == [(email.key, NO_LONGER_WANTED)]


def test_a_fallback_is_reopened_where_the_first_channel_had_failed():
    message = of_step(wanted([visit()]), Step.DAYS_1)
    text = stored(message, ReminderState.FAILED)
    email = replace(stored(message, ReminderState.VOIDED), key=on_channel(message.key, Channel.EMAIL))
    changes = reconcile_reminders([message], [text, email], NOW)
    assert [each.key for each in changes.reopen] == [email.key]
    assert changes.reopen[0].channel is Channel.EMAIL


def test_a_text_reported_delivered_after_all_voids_the_fallback():
    message = of_step(wanted([visit()]), Step.DAYS_1)
    text = stored(message, ReminderState.DELIVERED)
    email = replace(stored(message), key=on_channel(message.key, Channel.EMAIL))
    assert reconcile_reminders([message], [text, email], NOW).void == [(email.key, ALREADY_OUT)]


def test_a_policy_that_takes_a_channel_away_plans_the_other_one():
    rows = planned_rows(visits=[visit()])
    rule = replace(POLICY.steps[Step.DAYS_1], channels=(Channel.EMAIL,))
    policy = replace(POLICY, steps={**POLICY.steps, Step.DAYS_1: rule})
    changes = reconcile_reminders(wanted([visit()], policy=policy), rows, NOW)
    assert changes.void == [("p1:1d:2026-06-24:sms", NO_LONGER_WANTED)]
    assert [message.key for message in changes.add] == ["p1:1d:2026-06-24:email"]


def test_a_task_is_closed_when_its_reason_is_gone_and_kept_while_it_stands():
    message = of_step(wanted([visit()]), Step.DAYS_1)
    row = stored(message, ReminderState.TASK)
    assert reconcile_reminders([message], [row], NOW).keep == [row.key]
    assert reconcile_reminders([], [row], NOW).void == [(row.key, NO_LONGER_WANTED)]


def test_nothing_is_added_after_its_useful_time():
    late = visit().moment + timedelta(days=30)
    assert reconcile_reminders(wanted([visit()], [due()]), [], late).add == []


@pytest.mark.parametrize(
    ("state", "reason", "reopened"),
    [
        (ReminderState.VOIDED, NO_LONGER_WANTED, True),
        (ReminderState.VOIDED, "the plan is on hold", True),
        (ReminderState.DROPPED, "cap: 1 a day is reached on 2026-06-23", True),
        (ReminderState.DROPPED, "too late: its useful time has ended", False),
        (ReminderState.FAILED, "permanent", False),
    ],
)
def test_a_row_is_reopened_only_if_its_reason_can_pass(state, reason, reopened):
    message = of_step(wanted([visit()]), Step.DAYS_1)
    changes = reconcile_reminders([message], [stored(message, state, reason)], NOW)
    assert bool(changes.reopen) is reopened


def test_what_a_cap_drops_later_keeps_its_reason():
    message = of_step(wanted([visit()]), Step.DAYS_7)
    changes = reconcile_reminders([replace(message, dropped="cap: full")], [stored(message)], NOW)
    assert [(each.key, each.dropped) for each in changes.drop] == [(message.key, "cap: full")]


DAYS = st.sampled_from([VISIT_DAY, date(2026, 6, 25), date(2026, 7, 1)])
TRUTHS = st.lists(
    st.builds(
        visit, DAYS, st.sampled_from([time(9), time(14)]), id=st.sampled_from(["a1", "a2"]), cancelled=st.booleans()
    ),
    max_size=2,
    unique_by=lambda each: each.appointment_id,
)
STATES = st.sampled_from(sorted(ReminderState))


@given(before=TRUTHS, states=st.lists(STATES, min_size=12, max_size=12), after=TRUTHS, was_told=st.booleans())
def test_reconciling_is_idempotent_and_never_plans_what_has_gone_out(before, states, after, was_told):
    rows = planned_rows(visits=before)
    rows = [replace(row, state=state) for row, state in zip(rows, states, strict=False)]
    gone = {stem(row.key) for row in rows if row.state in GONE}
    said = [told(each) for each in before if not each.cancelled] if was_told else []
    aim = wanted(after, said=said)
    once = apply(reconcile_reminders(aim, rows, NOW), rows)
    twice = reconcile_reminders(aim, once, NOW)
    assert (twice.add, twice.reopen, twice.move, twice.drop, twice.void) == ([], [], [], [], [])
    open_stems = [stem(row.key) for row in once if row.state is ReminderState.PLANNED]
    assert not gone & set(open_stems)
    assert len(set(open_stems)) == len(open_stems)
    assert set(open_stems) <= {stem(message.key) for message in aim}
