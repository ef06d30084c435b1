"""Which way leads on after an end: reopen, restart or return; the wrong ones name the right one."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.people.care_gaps import End
from surveillance.core.people.way_back import CONFIRM_WITHIN, Way, anchor_refusal, instead_of_enrolling, refusal
from surveillance.core.words import EndReason

ENDED, DAY = date(2026, 3, 2), timedelta(days=1)
SOON, LATE = ENDED + 5 * DAY, ENDED + 2 * CONFIRM_WITHIN


# the end, the way, today, whether another clinic confirmed; what the refusal says, or that there is none
@pytest.mark.parametrize(
    ("reason", "way", "today", "confirmed", "says"),
    [
        (EndReason.TRANSFER, Way.RETURN, LATE, True, ""),
        (EndReason.TRANSFER, Way.RETURN, SOON, False, ""),
        (EndReason.TRANSFER, Way.REOPEN, SOON, False, ""),
        (EndReason.TRANSFER, Way.REOPEN, ENDED, True, ""),  # the mistake is seen the same day
        (EndReason.TRANSFER, Way.REOPEN, SOON, True, "the other clinic took over; who was followed elsewhere returns"),
        (EndReason.TRANSFER, Way.REOPEN, LATE, False, "56 days ago; who was followed elsewhere returns"),
        (EndReason.TRANSFER, Way.RESTART, LATE, True, ""),
        (EndReason.PATIENT_WISH, Way.RETURN, LATE, False, ""),
        (EndReason.COMPLETED, Way.REOPEN, LATE, False, ""),
        (EndReason.RECURRENCE, Way.RETURN, SOON, False, "restart it from the new anchor"),
        (EndReason.RECURRENCE, Way.REOPEN, LATE, False, ""),
        (EndReason.RECURRENCE, Way.RESTART, LATE, False, ""),
        (EndReason.DEATH, Way.RETURN, SOON, False, "retract the death"),
        (EndReason.DEATH, Way.RESTART, SOON, False, "retract the death"),
        (None, Way.RETURN, SOON, False, "there is an active plan"),
        (None, Way.REOPEN, SOON, False, "the plan has not ended"),
        (None, Way.RESTART, SOON, False, ""),
    ],
)
def test_each_end_has_its_ways_back(
    reason: EndReason | None, way: Way, today: date, confirmed: bool, says: str
) -> None:
    end = None if reason is None else End(ENDED, reason, None)
    found = refusal(way, end, today, confirmed=confirmed)
    assert (says in found) if says else not found


@given(
    st.sampled_from([reason for reason in EndReason if reason is not EndReason.RESTARTED]),
    st.integers(min_value=0, max_value=4000),
    st.booleans(),
)
def test_after_every_end_there_is_a_way_back_or_a_death_to_retract(
    reason: EndReason, days: int, confirmed: bool
) -> None:
    """Nobody is locked out: whatever ended the plan and whenever, one way is open, and a refusal is one sentence."""
    said = {way: refusal(way, End(ENDED, reason, None), ENDED + days * DAY, confirmed=confirmed) for way in Way}
    assert reason is EndReason.DEATH or not all(said.values())
    assert all(not text or ("." not in text.rstrip(".") and len(text) < 250) for text in said.values())


def test_who_enrols_or_restarts_from_the_same_anchor_is_told_of_the_return() -> None:
    left, treated = (End(ENDED, reason, None) for reason in (EndReason.TRANSFER, EndReason.RECURRENCE))
    assert "record the return" in instead_of_enrolling(left)
    assert "restart" in instead_of_enrolling(treated)
    assert "returns" in anchor_refusal(left)
    assert "returns" not in anchor_refusal(treated)
    assert "returns" not in anchor_refusal(None)
    assert "death" in instead_of_enrolling(End(ENDED, EndReason.DEATH, None))
