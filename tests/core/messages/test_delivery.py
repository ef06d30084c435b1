"""Callbacks in any order: what is known about a message only grows, and an end stays an end."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.messages.delivery import ARRIVED, FINAL, LOST, advance, rank

LIFE = ["accepted", "queued", "sending", "sent"]
WORDS = [*LIFE, "scheduled", *sorted(FINAL), "", "invented"]
STATUS = st.sampled_from(WORDS)


def settle(statuses: list[str]) -> str:
    known = ""
    for status in statuses:
        known = advance(known, status)
    return known


@pytest.mark.parametrize("end", sorted(FINAL - {"read"}))
def test_a_life_told_in_any_order_ends_where_it_ended(end: str) -> None:
    for order in permutations([*LIFE, end]):
        assert settle(list(order)) == end


@pytest.mark.parametrize(
    ("current", "new", "known"),
    [
        ("", "accepted", "accepted"),
        ("accepted", "queued", "queued"),
        ("sent", "sending", "sent"),
        ("sent", "sent", "sent"),
        ("sent", "invented", "sent"),
        ("invented", "queued", "queued"),
        ("delivered", "sent", "delivered"),
        ("delivered", "failed", "delivered"),
        ("delivered", "read", "read"),
        ("read", "delivered", "read"),
        ("undelivered", "delivered", "undelivered"),
        ("undelivered", "read", "undelivered"),
        ("failed", "queued", "failed"),
        ("canceled", "sent", "canceled"),
    ],
)
def test_only_what_comes_later_in_a_life_is_news(current: str, new: str, known: str) -> None:
    assert advance(current, new) == known


@given(STATUS, STATUS)
def test_hearing_the_same_twice_changes_nothing(current: str, new: str) -> None:
    once = advance(current, new)
    assert advance(once, new) == once


@given(STATUS, STATUS)
def test_nothing_ever_moves_back(current: str, new: str) -> None:
    assert rank(advance(current, new)) >= rank(current)


@given(st.lists(STATUS, max_size=12))
def test_an_end_stays_an_end_whatever_arrives_later(later: list[str]) -> None:
    for end in FINAL:
        assert settle([end, *later]) in {end, "read" if end == "delivered" else end}


def test_every_end_either_arrived_or_was_lost() -> None:
    assert ARRIVED | LOST == FINAL
    assert not ARRIVED & LOST
