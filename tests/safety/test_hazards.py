"""The hazard log: its links are alive, its classes follow from the table, and its page is the one of its data."""

from dataclasses import replace

import pytest

from safety import hazards
from safety.hazards import CLASS, FOLDER, Control, Hazard

LOG = hazards.read()


def test_every_link_is_alive_and_nothing_unacceptable_remains() -> None:
    assert list(hazards.faults(LOG)) == []


def test_there_are_hazards_of_every_kind() -> None:
    assert len(LOG) >= 40
    assert {each.severity for each in LOG} == set(hazards.SEVERITY)


def test_the_page_is_that_of_the_data() -> None:
    assert (FOLDER / "hazard-log.md").read_text(encoding="utf-8") == hazards.page(LOG), "run: make safety"


def test_a_class_never_falls_where_severity_or_likelihood_rises() -> None:
    assert all(row == tuple(sorted(row)) for row in CLASS)
    assert all(column == tuple(sorted(column)) for column in zip(*CLASS, strict=True))


GOOD = Control("a gate", ["surveillance.core.dates:add_months"], ["tests/core/test_dates.py"])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"controls": [replace(GOOD, code=["surveillance.core.dates:add_moons"])]}, "the module has no such name"),
        ({"controls": [replace(GOOD, code=["surveillance.core.moons:add"])]}, "there is no such module"),
        ({"controls": [replace(GOOD, code=["surveillance.core.dates"])]}, "the module has no such name"),
        ({"controls": [replace(GOOD, tests=["tests/core/test_moons.py"])]}, "there is no such file"),
        ({"controls": [replace(GOOD, tests=["tests/core/test_dates.py::test_moons"])]}, "the file has no such test"),
        ({"controls": [replace(GOOD, tests=[])]}, "names no code or no test"),
        ({"severity": "grave"}, "no such severity"),
        ({"severity": "catastrophic", "before": "very high", "after": "high"}, "must not remain"),
        ({"before": "very low", "after": "high"}, "do not make a risk greater"),
    ],
)
def test_what_is_wrong_is_found(changed: dict[str, object], said: str) -> None:
    right = Hazard("H1", "x", "y", "z", "considerable", "high", "low", [GOOD], "none")
    assert list(hazards.faults([right])) == []
    wrong = replace(right, **changed)  # type: ignore[arg-type]
    assert any(said in fault for fault in hazards.faults([wrong]))


def test_a_number_that_stands_twice_is_found() -> None:
    right = Hazard("H1", "x", "y", "z", "considerable", "high", "low", [GOOD], "none")
    assert list(hazards.faults([right, right])) == ["H1 stands twice", "H1 stands twice"]
