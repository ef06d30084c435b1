"""Letters: how long the post takes, which paper, whose name, and what tells that a letter has changed."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.schedule.trips import SiteCalendar
from surveillance.core.texts.frames import LetterFrame
from surveillance.core.texts.letters import POST_DAYS, Letter, arrival, hurry, paper, paragraphs, recipient
from surveillance.core.words import ContactKind

MONDAY = date(2026, 6, 1)
THANKSGIVING = date(2026, 11, 26)
WEEK = SiteCalendar(frozenset({1, 2, 3, 4, 5}), frozenset({THANKSGIVING}))
LETTER = Letter(
    "Elm Clinic", "+1 202-555-0199", ("Anna Ash", "1 Elm Street", "Springfield VT 05156"), "June 1, 2026",
    "Your appointment", ("It is booked.",), LetterFrame("Dear Anna Ash,", "", "Why.", "With kind regards"),
    "en", "ltr", "letter",
)  # fmt: skip


@pytest.mark.parametrize(
    ("posted", "arrives"),
    [
        (MONDAY, date(2026, 6, 4)),
        (date(2026, 6, 4), date(2026, 6, 9)),  # over a weekend
        (date(2026, 6, 6), date(2026, 6, 10)),  # on a Saturday
        (date(2026, 11, 24), date(2026, 11, 30)),  # over Thanksgiving and a weekend
    ],
)
def test_a_letter_takes_three_working_days(posted, arrives):
    assert arrival(posted, WEEK.is_working) == arrives


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_no_letter_is_quicker_than_the_post(posted):
    day = arrival(posted, WEEK.is_working)
    between = [posted + timedelta(days=ahead) for ahead in range(1, (day - posted).days + 1)]
    assert sum(map(WEEK.is_working, between)) == POST_DAYS
    assert WEEK.is_working(day)


@pytest.mark.parametrize(
    ("days", "missed"),
    [
        ([date(2026, 6, 5)], None),
        ([date(2026, 6, 4)], date(2026, 6, 4)),  # it comes on the very day
        ([date(2026, 6, 20), date(2026, 6, 3)], date(2026, 6, 3)),  # moved: the day before the move counts
        ([date(2026, 6, 20), date(2026, 5, 20)], None),  # that day is over
        ([], None),
    ],
)
def test_a_letter_has_to_arrive_before_each_day_that_the_patient_may_come_on(days, missed):
    assert hurry(MONDAY, days, WEEK.is_working) == missed


def test_paper_is_that_of_the_country():
    assert [paper(country) for country in ("US", "CA", "GB", "DE", "VN")] == ["letter", "letter", "A4", "A4", "A4"]


@pytest.mark.parametrize(
    ("kind", "name", "found"),
    [
        (ContactKind.SELF, "", ("Anna Ash", "")),
        (ContactKind.SELF, "Anna", ("Anna Ash", "")),
        (ContactKind.PARENT, "Ruth Ash", ("Ruth Ash", "Anna Ash")),
        (ContactKind.PARENT, "", ("Anna Ash", "")),
    ],
)
def test_a_letter_to_somebody_else_says_whom_it_is_about(kind, name, found):
    assert recipient(kind, name, "Anna Ash") == found


def test_lines_with_an_address_of_a_page_are_left_out():
    assert paragraphs("It is booked.\nSee https://x/p/000\n\nCall us.\n", "/p/000") == ("It is booked.", "Call us.")


@pytest.mark.parametrize(
    "change",
    [
        {"to": ("Anna Ash", "2 Oak Street")},
        {"subject": "Changed"},
        {"paragraphs": ("It is booked for Monday.",)},
        {"frame": replace(LETTER.frame, about="About: Anna")},
    ],
)
def test_the_mark_of_a_letter_changes_with_what_it_says(change):
    assert replace(LETTER, **change).mark != LETTER.mark


def test_the_mark_stays_on_another_day():
    assert replace(LETTER, date="June 2, 2026").mark == LETTER.mark
