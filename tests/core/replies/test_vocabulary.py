"""What replies mean: the table in replies.yaml, and what holds for every text."""

from collections import defaultdict
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from surveillance.catalogue.messages import load_messages
from surveillance.catalogue.replies import load_replies
from surveillance.core.replies.phrases import forms
from surveillance.core.replies.vocabulary import PROVIDER_KEYWORDS, Meaning, Part, Reading, is_keyword, read
from surveillance.paths import config_folder

BOOKS = load_messages(config_folder() / "messages")
WORDS = load_replies(config_folder() / "replies", BOOKS)
TABLE = yaml.safe_load(Path(__file__).with_name("replies.yaml").read_text(encoding="utf-8"))
LANGUAGES = sorted(WORDS)


def name_of(row):
    return f"{row['prefer'] or 'none'}: {row['text']}"


@pytest.mark.parametrize("row", TABLE, ids=name_of)
def test_a_reply_is_read_as_the_table_says(row):
    reading = read(row["text"], row.get("opt_out_type"), WORDS, row["prefer"])
    paused = row.get("might_be_stop", row["meaning"] == "MIGHT BE STOP")
    found = (reading.meaning.value, reading.might_be_stop, reading.provider_keyword)
    assert found == (row["meaning"], paused, row.get("provider", False)), row["why"]


def test_the_table_has_about_two_hundred_rows_or_more_and_tells_why_each_is_there():
    assert len(TABLE) >= 200
    assert all(row["why"] for row in TABLE)
    assert len({(row["text"], row["prefer"], row.get("opt_out_type")) for row in TABLE}) == len(TABLE)


def test_the_table_has_each_meaning_in_each_language():
    seen = defaultdict(set)
    for row in TABLE:
        for language in (tag for tag in LANGUAGES if row["prefer"].partition("-")[0] == tag.partition("-")[0]):
            seen[language].add(row["meaning"])
    assert {language: set(Meaning) - seen[language] for language in LANGUAGES} == {tag: set() for tag in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_told_words_mean_what_the_messages_say(language):
    book = BOOKS[language]
    assert {read(word, None, WORDS, language).meaning for word in book.confirm} == {Meaning.CONFIRM}
    assert {read(word, None, WORDS, language).meaning for word in book.reschedule} == {Meaning.ANOTHER_DAY}


@pytest.mark.parametrize("word", PROVIDER_KEYWORDS)
@pytest.mark.parametrize("language", [*LANGUAGES, "", "tlh"])
def test_the_keywords_of_the_provider_mean_the_same_in_every_language(word, language):
    reading = read(f" {word.title()}.\n", None, WORDS, language)
    assert (reading.meaning, reading.provider_keyword) == (PROVIDER_KEYWORDS[word], True)


@pytest.mark.parametrize(("body", "assent"), [("YES", True), (" yes. ", True), ("START", False), ("unstop", False)])
def test_a_bare_yes_is_told_from_start(body, assent):
    assert read(body, None, {}) == Reading(Meaning.START, provider_keyword=True, assent=assent)


def test_without_any_vocabulary_the_words_of_the_rule_still_count():
    for text in ("stop", "opt out", "STOPPP", "ｓｔｏｐ"):
        assert read(text, None, {}).meaning is Meaning.STOP
    assert read("please stop", None, {}).meaning is Meaning.MIGHT_BE_STOP
    assert is_keyword("Opt-Out")
    assert is_keyword("yes")
    assert not is_keyword("C")


def test_a_type_of_opt_out_that_nobody_knows_leaves_the_reading_to_the_words():
    reading = read("C", "SOMETHING NEW", WORDS, "en")
    assert (reading.meaning, reading.provider_keyword) == (Meaning.CONFIRM, True)


@given(st.text(), st.sampled_from([None, "", "STOP", "x"]), st.sampled_from([*LANGUAGES, "", "zz-ZZ", "not a tag"]))
def test_no_text_whatever_breaks_the_reading(body, opt_out_type, prefer):
    assert read(body, opt_out_type, WORDS, prefer).meaning in Meaning


STOPS = [
    " ".join(step.word.marked[0] for step in form)
    for vocabulary in WORDS.values()
    for phrase, part in vocabulary.phrases
    if part is Part.STOP
    for form in forms(phrase)[:2]
]


@given(before=st.text(), stop=st.sampled_from(STOPS), after=st.text(), prefer=st.sampled_from(LANGUAGES))
def test_no_opt_out_is_unnoticed_wherever_it_stands(before, stop, after, prefer):
    reading = read(f"{before} {stop} {after}", None, WORDS, prefer)
    assert reading.meaning in (Meaning.STOP, Meaning.MIGHT_BE_STOP) or reading.might_be_stop


@given(row=st.sampled_from(TABLE), mark=st.sampled_from([" ", "!", ".", "\n", "¿", "…", "\u200f", "‼", "、"]))
def test_case_space_and_punctuation_never_change_a_reading(row, mark):
    assume("opt_out_type" not in row)
    plain = read(row["text"], None, WORDS, row["prefer"])
    spaced = row["text"].replace(" ", f" {mark}  ")
    dressed = [f"{mark}{spaced}{mark}", row["text"].upper(), row["text"].lower()]
    assert {read(text, None, WORDS, row["prefer"]) for text in dressed} == {plain}


@pytest.mark.parametrize("text", ["no ", "stop sending ", "不", "ne veux ", "👍"])
def test_a_very_long_text_is_read_at_once(text):
    """Five times the longest reply there is; a search that tries everything would never end."""
    reading = read(text * (8_000 // len(text)), None, WORDS, "en")
    assert reading.meaning in Meaning
