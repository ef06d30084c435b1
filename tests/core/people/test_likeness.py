"""What enrolling asks of the core: how alike names and birth dates are, and intervals in words."""

from datetime import date

import pytest
from plan_samples import item

from surveillance.core.people import likeness
from surveillance.core.protocols import interval_words


@pytest.mark.parametrize(
    ("one", "other", "degree"),
    [
        ("ada okafor", "ada okafor", "same"),
        ("ada okafor", "okafor ada", "same"),
        ("ada okafor", "ada grace okafor", "same"),  # a second given name
        ("ada okafor", "ada lind", "similar"),  # married
        ("anna schmidt", "ana schmitt", "similar"),
        ("hana suzuki", "hanna susuki", "similar"),
        ("anna ash", "ben birch", "other"),
        ("clara fontaine", "marcus adeyemi", "other"),
        ("", "ada okafor", "other"),
    ],
)
def test_names_are_alike_whatever_the_order_of_their_words(one, other, degree):
    for alike in (likeness.of_names(one, other), likeness.of_names(other, one)):
        found = "same" if alike >= likeness.SAME else "similar" if alike >= likeness.SIMILAR else "other"
        assert found == degree


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (date(1998, 5, 4), date(1998, 4, 5), True),  # day and month swapped
        (date(1998, 5, 4), date(1989, 5, 4), True),
        (date(1998, 5, 4), date(1998, 5, 14), True),
        (date(1998, 5, 4), date(1999, 5, 14), False),
        (date(1998, 5, 4), date(1970, 1, 1), False),
    ],
)
def test_one_slip_makes_a_birth_date_of_another(one, other, alike):
    assert likeness.of_days(one, other) is alike


ADULT = item("mri", (0, 36, 3, 6, 3), (36, 60, 6, 6, 6), (60, None, 12, 12, 12))
BRAIN = item("brain", (0, None, 3, 12, 12))
ENDING = item("chest", (0, 30, 6, 6, 6), (30, 60, 12, 12, 12))


@pytest.mark.parametrize(
    ("item", "chosen", "words"),
    [
        (ADULT, None, "every 3 months, then 6, then 12"),
        (ADULT, 6, "every 6 months, then 12"),
        (BRAIN, None, "every 12 months"),
        (ENDING, None, "every 6 months, then 12, to year 5"),
    ],
)
def test_an_interval_is_spelled_with_what_it_makes_of_the_years(item, chosen, words):
    assert interval_words.spelled(item, chosen) == words


def test_only_what_a_phase_leaves_open_can_be_chosen():
    assert [interval_words.choices(one) for one in (ADULT, BRAIN, ENDING)] == [[3, 4, 6], list(range(3, 13)), []]
