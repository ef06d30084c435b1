"""What must follow from a result: which facts settle it, and when nothing is said of what is due."""

import pytest

from surveillance.core.results.follow_up import SILENCING, decides_at_signing, may_follow
from surveillance.core.words import FollowUp, Result

PLAN = {FollowUp.EXTRA, FollowUp.HOLD, FollowUp.END, FollowUp.RESTART}


@pytest.mark.parametrize(
    ("result", "has_plan", "expected"),
    [
        (Result.CLEAR, True, set()),
        (Result.INADEQUATE, True, set()),
        (Result.INDETERMINATE, True, PLAN | {FollowUp.TASK}),
        (Result.SUSPICIOUS, True, PLAN | {FollowUp.TASK}),
        (Result.RECURRENCE, True, PLAN | {FollowUp.CONTINUE}),  # a task decides nothing about the plan
        (Result.RECURRENCE, False, {FollowUp.TASK, FollowUp.END, FollowUp.RESTART, FollowUp.CONTINUE}),
    ],
)
def test_each_result_has_the_facts_that_settle_it(result, has_plan, expected):
    assert may_follow(result, has_plan=has_plan) == expected


def test_no_result_is_settled_by_a_tick():
    found = {kind for result in Result for plan in (True, False) for kind in may_follow(result, has_plan=plan)}
    assert found == set(FollowUp) - {FollowUp.NOTED, FollowUp.REPEAT}


def test_a_recurrence_alone_is_decided_when_it_is_signed_and_what_may_be_one_silences():
    assert [result for result in Result if decides_at_signing(result)] == [Result.RECURRENCE]
    assert {Result.SUSPICIOUS, Result.RECURRENCE} == SILENCING
