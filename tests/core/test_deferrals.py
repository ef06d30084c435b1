"""How far ahead somebody may be put off, day by day at the limits, and what a site may set."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.deferrals import (
    DEFAULT_CAPS,
    LONGEST,
    Granted,
    NeedsClinician,
    TooFar,
    caps_of,
    faults,
    gap_limit,
    judge,
)
from surveillance.core.words import DeferralKind, Role

TODAY = date(2026, 12, 1)
CLERK, DOCTOR = Role.COORDINATOR, Role.CLINICIAN


def until(days: int) -> date:
    return TODAY + timedelta(days=days)


@pytest.mark.parametrize(
    ("kind", "role", "days", "judged"),
    [
        (DeferralKind.HOLD, CLERK, 0, Granted(CLERK, until(92))),
        (DeferralKind.HOLD, CLERK, 92, Granted(CLERK, until(92))),
        (DeferralKind.HOLD, CLERK, 93, NeedsClinician(until(92), until(366))),
        (DeferralKind.HOLD, CLERK, 366, NeedsClinician(until(92), until(366))),
        (DeferralKind.HOLD, CLERK, 367, TooFar(until(366))),
        (DeferralKind.HOLD, DOCTOR, 366, Granted(DOCTOR, until(366))),
        (DeferralKind.HOLD, DOCTOR, 367, TooFar(until(366))),
        (DeferralKind.SNOOZE, CLERK, 30, Granted(CLERK, until(30))),
        (DeferralKind.SNOOZE, CLERK, 31, NeedsClinician(until(30), until(92))),
        (DeferralKind.SNOOZE, DOCTOR, 93, TooFar(until(92))),
        # What a coordinator may not at all is not granted for no day either.
        (DeferralKind.OFF, CLERK, 0, NeedsClinician(TODAY, until(366))),
        (DeferralKind.OFF, DOCTOR, 0, Granted(DOCTOR, until(366))),
        (DeferralKind.RESTART, CLERK, 1, NeedsClinician(TODAY, until(366))),
        (DeferralKind.TRANSFER, DOCTOR, 62, Granted(DOCTOR, until(62))),
        (DeferralKind.TRANSFER, DOCTOR, 63, TooFar(until(62))),
    ],
)
def test_a_deferral_is_judged_to_the_day(kind: DeferralKind, role: Role, days: int, judged: object) -> None:
    assert judge(DEFAULT_CAPS, kind, role, TODAY, until(days)) == judged


@given(st.sampled_from(DeferralKind), st.integers(0, 800))
def test_a_clinician_may_all_that_a_coordinator_may_and_nobody_more_than_a_year(kind: DeferralKind, days: int) -> None:
    clerk, doctor = (judge(DEFAULT_CAPS, kind, role, TODAY, until(days)) for role in (CLERK, DOCTOR))
    assert not isinstance(clerk, Granted) or isinstance(doctor, Granted)
    assert isinstance(clerk, TooFar) == isinstance(doctor, TooFar)
    assert days <= LONGEST or isinstance(doctor, TooFar)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({}, []),
        ({"hold": {"coordinator": 14}}, []),
        ({"hold": {"coordinator": 0, "clinician": 0}}, []),
        ({"hold": {"clinician": LONGEST}}, []),
        ({"nap": {"coordinator": 14}}, ["there is no deferral 'nap'"]),
        ({"hold": 14}, ["hold: a limit is set for coordinator and clinician"]),
        ({"hold": {"viewer": 14}}, ["hold: a limit is set for coordinator and clinician"]),
        ({"hold": {"coordinator": -1}}, ["hold: -1 is no number of days from 0 to 366"]),
        ({"hold": {"clinician": LONGEST + 1}}, ["hold: 367 is no number of days from 0 to 366"]),
        ({"hold": {"coordinator": True}}, ["hold: True is no number of days from 0 to 366"]),
        ({"hold": {"coordinator": "14"}}, ["hold: 14 is no number of days from 0 to 366"]),
        ({"hold": {"coordinator": 20, "clinician": 20}}, []),
        ({"hold": {"coordinator": 21, "clinician": 20}}, ["hold: a coordinator cannot put off for longer"]),
        # The usual limit of the other role counts where a site sets but one.
        ({"hold": {"clinician": 91}}, ["hold: a coordinator cannot put off for longer"]),
        ({"nap": {}, "move": {"clinician": 1}}, ["there is no deferral 'nap'", "move: a coordinator cannot"]),
    ],
)
def test_what_is_wrong_with_limits_is_said_one_sentence_each(own: dict[str, Any], said: list[str]) -> None:
    found = list(faults(own))
    assert len(found) == len(said)
    assert all(sentence.startswith(start) for sentence, start in zip(found, said, strict=True))


def test_a_site_sets_single_limits_and_keeps_the_others() -> None:
    caps = caps_of({"hold": {"coordinator": 14}})
    assert caps[DeferralKind.HOLD] == {CLERK: 14, DOCTOR: 366}
    assert {kind: dict(days) for kind, days in caps.items() if kind is not DeferralKind.HOLD} == {
        kind: dict(days) for kind, days in DEFAULT_CAPS.items() if kind is not DeferralKind.HOLD
    }


@pytest.mark.parametrize(
    ("target", "interval", "last"),
    [
        (date(2026, 8, 31), 3, date(2026, 10, 15)),  # a month and a half
        (date(2026, 8, 31), 6, date(2026, 11, 30)),
        (date(2026, 1, 31), 12, date(2026, 7, 31)),
        (date(2026, 12, 1), 1, date(2026, 12, 16)),
    ],
)
def test_a_move_leaves_no_gap_of_over_one_and_a_half_intervals(target: date, interval: int, last: date) -> None:
    assert gap_limit(target, interval) == last
