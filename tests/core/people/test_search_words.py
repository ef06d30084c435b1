"""What people type to find a patient."""

from datetime import date

import pytest

from surveillance.core.people.search import read

DAY = date(1998, 5, 14)


@pytest.mark.parametrize(
    "written",
    [
        *("1998-05-14", "14.05.1998", "14/05/1998", "05/14/1998", "14-5-1998", "1998/5/14", "19980514"),
        *("14 May 1998", "May 14, 1998", "14. mayo 1998", "14th may 1998", "14 Mai 1998"),
    ],
)
def test_a_birth_date_is_read_in_its_written_forms(written: str) -> None:
    assert (read(written).born, read(written).words) == ((DAY,), ())


@pytest.mark.parametrize("month_first", [True, False])
def test_of_a_day_that_reads_two_ways_both_are_looked_for(month_first: bool) -> None:
    days = (date(1998, 5, 6), date(1998, 6, 5))
    assert read("5/6/1998", month_first=month_first).born == (days if month_first else days[::-1])


@pytest.mark.parametrize(
    ("typed", "words", "born", "phone"),
    [
        ("Núñez, Ada", ("nunez", "ada"), (), ""),
        ("okafor 14.05.1998", ("okafor",), (DAY,), ""),
        ("00417", ("00417",), (), "00417"),
        ("(202) 555-0123", ("(202)", "555-0123"), (), "(202) 555-0123"),
        ("31.02.1998", ("31.02.1998",), (), "31.02.1998"),
        ("May Smith", ("may", "smith"), (), ""),
        ("  ", (), (), ""),
    ],
)
def test_everything_else_is_a_name_an_mrn_or_a_phone_number(
    typed: str, words: tuple[str, ...], born: tuple[date, ...], phone: str
) -> None:
    found = read(typed)
    assert (found.words, found.born, found.phone) == (words, born, phone)
