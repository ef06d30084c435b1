"""Words as people type them, and phrases found among them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.replies.folding import one_slip_apart, words
from surveillance.core.replies.phrases import Phrases


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ｓｔｏｐ!", ["stop"]), ("d’accord, D'ACCORD", ["daccord", "daccord"]), ("ÇA VA", ["ca", "va"]),
        ("Größe", ["grosse"]), ("Đừng", ["dung"]), ("٢ ２ 2️⃣", ["2", "2", "2"]), ("إِنْ شَاءَ", ["ان", "شا"]),
        ("رســــالة", ["رساله"]), ("别发了", ["别", "发", "了"]), ("👍🏽❤️", ["👍", "❤"]),
        ("rendez-vous", ["rendez", "vous"]), ("¯", []), ("a_b", ["a", "b"]), ("st\u200bop\u200e", ["stop"]),
        ("?!… ", []),
    ],
)  # fmt: skip
def test_what_makes_no_difference_is_gone(text, expected):
    assert [word.bare[0] for word in words(text)] == expected


def test_a_letter_held_down_is_one_or_two():
    assert words("stoppp")[0].bare == ("stop", "stopp")
    assert words("ccc")[0].bare == ("ccc",)
    assert words("1112")[0].bare == ("1112",)


@given(st.text())
def test_folding_twice_changes_nothing(text):
    once = [word.bare[0] for word in words(text)]
    again = [word.bare[0] for word in words(" ".join(once))]
    assert again == once


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("unsubscribe", "unsubscibe", True), ("unsubscribe", "unsubscribee", True),
        ("unsubscribe", "unsubscirbe", True), ("unsubscribe", "unsubscribo", True),
        ("unsubscribe", "unsubscribe", False), ("unsubscribe", "subscribe", False),
        ("abc", "cba", False), ("ab", "ba", True), ("", "a", True),
    ],
)  # fmt: skip
def test_one_slip_is_one_letter_more_less_other_or_swapped(one, other, near):
    assert one_slip_apart(one, other) is near
    assert one_slip_apart(other, one) is near


@pytest.mark.parametrize(
    ("phrase", "text", "lengths"),
    [
        ("(do not|don't) text [me|us]", "don't text me", {2, 3}), ("resched*", "Rescheduling", {1}),
        ("change … day", "change it to another day", {5}), ("change … day", "change day", {2}),
        ("change … day", "change a b c d day", set()), ("别再发", "别 再 发", {3}), ("a b", "a", set()),
    ],
)  # fmt: skip
def test_a_phrase_is_found_with_what_it_leaves_open(phrase, text, lengths):
    assert set(Phrases([(phrase, "x")]).at(words(text), 0)) == lengths


def test_accents_tell_words_apart_only_where_they_do_and_are_typed():
    told = Phrases([("dừng", "stop"), ("đúng", "right")], accents=True)
    found = {text: told.at(words(text), 0).get(1, frozenset()) for text in ("dừng", "ĐÚNG", "dung", "dũng")}
    assert found == {"dừng": {"stop"}, "ĐÚNG": {"right"}, "dung": {"stop", "right"}, "dũng": frozenset()}
    assert Phrases([("más", "more")]).at(words("mas"), 0) == {1: {"more"}}
