"""Every word that a person can see is plain English: no enumeration has a member without one."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

import pytest

from surveillance.core import plain, words
from surveillance.store.tables import OverrideKind


@pytest.mark.parametrize(
    ("mapping", "kind"),
    [
        (plain.STATUS, words.Status),
        (plain.VISIT, words.AppointmentState),
        (plain.OUTCOME, words.Outcome),
        (plain.RESULT, words.Result),
        (plain.HOLD, words.HoldReason),
        (plain.END, words.EndReason),
        (plain.OVERRIDE, OverrideKind),
        (plain.CONSENT, words.ConsentAct),
        (plain.SEX, words.Sex),
        (plain.CONTACT, words.ContactKind),
        (plain.ROLE, words.Role),
        (plain.STEP, words.Step),
        (plain.CHANNEL, words.Channel),
        (plain.MESSAGE, words.ReminderState),
        (plain.ATTEMPT, words.AttemptState),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_member_has_words_of_its_own(mapping: Mapping[StrEnum, str], kind: type[StrEnum]) -> None:
    assert set(mapping) == set(kind)
    assert len(set(mapping.values())) == len(mapping)
    assert not any("_" in said for said in mapping.values())


@pytest.mark.parametrize(("on", "years"), [(date(2026, 2, 28), 25), (date(2026, 3, 1), 26), (date(2028, 2, 29), 28)])
def test_who_was_born_on_29_february_grows_older_on_1_march(on: date, years: int) -> None:
    assert plain.age(date(2000, 2, 29), on) == years


def test_intervals_are_told_in_words() -> None:
    assert [plain.every(months) for months in (None, 1, 6)] == ["off", "every month", "every 6 months"]
