"""What a clinician chooses of a protocol, on the command line: shown with what it leaves out, then kept."""

from typing import Any

import pytest

ENROL = ("enrol", "00418", "--protocol", "asps-extremity", "--anchor", "2026-08-25")
LETTER = ("--until", "mri_primary=24", "--interval", "mri_primary.later=12", "--interval", "chest_imaging=6")
LEFT_OUT = "MRI of the primary site leaves out months 27, 30, 33, 42 and 54 of the protocol's own schedule."
WHY = ("--from", "2027-06-01", "--reason", "as the rule says")


@pytest.fixture
def program(clinic: Any) -> Any:
    clinic("patient", "add", "00418", "--family", "Vale", "--given", "Kim", "--born", "1971-02-28")
    return clinic


def test_an_enrolment_by_the_letter_says_what_it_leaves_out_before_it_is_applied(program: Any) -> None:
    shown = program(*ENROL, *LETTER, "--dry-run")
    assert LEFT_OUT in " ".join(shown.split())
    assert "Tue 2026-08-25, the end of treatment" in " ".join(shown.split())
    assert program.run("plan", "show", "00418").exit_code == 1
    program(*ENROL, *LETTER, "--yes")
    page = " ".join(program("plan", "show", "00418").split())
    for words in (
        "mri_primary so often until month 24",
        "mri_primary, later, every 12 months",
        "chest_imaging every 6 months",
    ):
        assert words in page


def test_a_change_of_the_first_years_alone_is_a_change(program: Any) -> None:
    change = ("plan", "interval", "00417", "--until", "mri_primary=24", *WHY)
    shown = " ".join(program(*change, "--dry-run").split())
    assert "MRI of the primary site leaves out months 27 and 33 of the protocol's own schedule." in shown
    program(*change, "--yes")
    assert "mri_primary so often until month 24" in " ".join(program("plan", "show", "00417").split())
    nothing = program.run("plan", "interval", "00417", *WHY)
    assert nothing.exit_code == 2
    assert "say what changes, such as mri_primary=6" in " ".join(nothing.output.split())


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (("--until", "mri_primary=30"), "mri_primary.until cannot be month 30; the protocol allows month 24 or 36"),
        (("--until", "mri_brain=24"), "leaves no choice of when a phase of mri_brain ends"),
        (("--interval", "mri_primary.later=7"), "mri_primary.later cannot be repeated every 7 months"),
    ],
)
def test_a_choice_that_the_protocol_does_not_leave_is_refused(two_patients: Any, chosen: Any, words: str) -> None:
    before = two_patients.dump()
    other = ("plan", "protocol", "00417", "asps-extremity")
    for command in ((*ENROL, *chosen, "--yes"), (*other, *chosen, *WHY, "--yes")):
        result = two_patients.run(*command)
        assert result.exit_code == 1
        assert words in result.stderr
    assert two_patients.dump() == before


def test_a_plan_tells_the_advice_that_goes_with_it(two_patients: Any) -> None:
    shown = " ".join(two_patients("plan", "show", "00417").split())
    assert "Advice Self-examination of scar and limb every month" in shown
