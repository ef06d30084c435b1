"""What a source says about itself: its edition, how it was read, and when somebody has to look at it again."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.protocols.sources import (
    GRADES,
    LOOK_HOLDS,
    READ,
    Evidence,
    Grade,
    Source,
    agrees,
    grade_of,
    next_look_fault,
    reviews,
)

TODAY = date(2027, 3, 1)


@pytest.mark.parametrize(
    ("edition", "year", "dated", "cited"),
    [
        ("", None, "year not stated", "A guideline"),
        ("", 2017, "2017", "A guideline (2017)"),
        ("version 1.0", 2017, "version 1.0, 2017", "A guideline (version 1.0, 2017)"),
        ("version 1.0 of 22 November 2017", 2017, "version 1.0 of 22 November 2017", None),
        ("undated", None, "undated, year not stated", "A guideline (undated, year not stated)"),
    ],
)
def test_an_edition_is_told_with_its_year_once(edition: str, year: int | None, dated: str, cited: str | None) -> None:
    source = Source("a", "A guideline", edition=edition, year=year)
    assert source.dated == dated
    assert source.cited == (cited or f"A guideline ({dated})")


@pytest.mark.parametrize(
    ("url", "doi", "address"),
    [
        ("", "", ""),
        ("", "10.1000/x1", "https://doi.org/10.1000/x1"),
        ("https://a.example", "10.1000/x1", "https://a.example"),
    ],
)
def test_a_source_is_found_at_its_address_or_by_its_doi(url: str, doi: str, address: str) -> None:
    assert Source("a", "A", url, doi).address == address


@pytest.mark.parametrize(
    ("evidence", "grade", "found"),
    [
        (None, Grade.OLD, Grade.OLD),
        (Evidence.PROPOSED, Grade.ISSUER, Grade.PROPOSED),  # whatever the text says, this number is not its
        (Evidence.PRIMARY, None, Grade.ISSUER),
        (Evidence.SECONDARY, None, Grade.REPORTED),
        (None, None, Grade.PROPOSED),
        (Evidence.PRIMARY, Grade.OLD, Grade.OLD),
    ],
)
def test_an_interval_has_the_grade_of_its_source_unless_it_is_proposed(
    evidence: Evidence | None, grade: Grade | None, found: Grade
) -> None:
    assert grade_of(evidence, Source("a", "A", grade=grade)) is found


def test_an_interval_without_any_source_is_nobodys_but_ours() -> None:
    assert grade_of(None, None) is Grade.PROPOSED


@pytest.mark.parametrize("grade", list(Grade))
def test_no_evidence_goes_with_what_nobody_has_read(grade: Grade) -> None:
    assert agrees(None, grade)
    assert agrees(Evidence.PROPOSED, grade) == (grade is not Grade.UNREAD)
    assert agrees(Evidence.SECONDARY, grade) == (grade is Grade.REPORTED)
    assert grade in GRADES


@pytest.mark.parametrize(
    ("expires", "review_by", "said"),
    [
        (None, None, []),
        (TODAY, None, []),  # the last day of the edition
        (TODAY - timedelta(1), None, ["A guideline: the edition expired on 2027-02-28"]),
        (None, TODAY + timedelta(1), []),
        (None, TODAY, ["A guideline: it was to be looked at again by 2027-03-01"]),
        (date(2026, 9, 6), TODAY, ["A guideline: the edition expired on 2026-09-06"]),  # said once
    ],
)
def test_a_source_asks_to_be_looked_at_from_its_day_on(
    expires: date | None, review_by: date | None, said: list[str]
) -> None:
    source = Source("a", "A guideline", expires=expires, review_by=review_by)
    assert [review.said for review in reviews([source, Source("b", "Another")], TODAY)] == said


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 4000))
def test_what_is_to_be_looked_at_stays_so_until_the_source_says_otherwise(day: date, today: date, later: int) -> None:
    source = Source("a", "A", review_by=day)
    assert bool(list(reviews([source], today))) == (day <= today)
    if day <= today:
        assert list(reviews([source], today + timedelta(later))) == list(reviews([source], today))


def test_the_grades_that_were_read_in_somebody_elses_text_are_three() -> None:
    assert [grade.value for grade in READ] == ["P", "P-old", "S"]


@pytest.mark.parametrize(
    ("looked", "said"),
    [
        ({}, ["the edition expired on 2026-09-06"]),
        ({"a": TODAY + timedelta(1)}, []),
        ({"a": TODAY}, ["it was to be looked at again by 2027-03-01"]),
        ({"b": TODAY + timedelta(1)}, ["the edition expired on 2026-09-06"]),
    ],
)
def test_a_look_holds_until_the_day_of_the_next_one(looked: dict[str, date], said: list[str]) -> None:
    source = Source("a", "A guideline", expires=date(2026, 9, 6))
    assert [review.said.partition(": ")[2] for review in reviews([source], TODAY, looked)] == said


@pytest.mark.parametrize(
    ("days", "fault"),
    [(-1, "a day to come"), (0, "a day to come"), (1, ""), (LOOK_HOLDS, ""), (LOOK_HOLDS + 1, "at most a year away")],
)
def test_the_next_look_is_to_come_and_within_a_year(days: int, fault: str) -> None:
    said = next_look_fault(TODAY + timedelta(days), TODAY)
    assert fault in said
    assert bool(fault) == bool(said)
