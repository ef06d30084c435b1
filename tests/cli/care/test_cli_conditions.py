"""A second primary on the command line: recorded, enrolled, told apart, and followed beside the first."""

from typing import Any

PLAN = ("--protocol", "asps-extremity", "--yes")
ARM = ("--body-site", "upper arm", "--side", "right")


def enrolled(clinic: Any) -> None:
    first = ("--diagnosis", "liposarcoma", "--body-site", "thigh", "--side", "left")
    assert "liposarcoma, left thigh" in clinic("condition", "describe", "00417", "1", *first)
    clinic("enrol", "00417", *PLAN, "--anchor", "2026-10-01", "--condition", "osteosarcoma", *ARM)


def test_two_diseases_are_enrolled_shown_and_told_apart(clinic: Any) -> None:
    enrolled(clinic)
    shown = clinic("plan", "show", "00417")
    assert "plan 1, liposarcoma, left thigh" in shown
    assert "plan 2, osteosarcoma, right upper arm" in shown
    assert [row["number"] for row in clinic.json("condition", "list", "00417")] == [1, 2]
    hold = ("plan", "hold", "00417", "--because", "away", "--review-on", "2026-12-20", "--yes")
    asked = clinic.run(*hold)
    assert (asked.exit_code, "say for which condition: 1 (liposarcoma" in asked.stderr) == (1, True)
    clinic(*hold, "--condition", "osteosarcoma")
    assert "on hold" in clinic("plan", "show", "00417", "--condition", "2")
    assert "on hold" not in clinic("plan", "show", "00417", "--condition", "1")
    assert clinic("patient", "find", "00417").count("asps-extremity") == 2


def test_a_visit_and_a_study_say_for_which_disease_they_are(clinic: Any) -> None:
    enrolled(clinic)
    visit = ("book", "00417", "--on", "2026-12-29", "--at", "09:00", "--place", "MRI 2", "--yes")
    assert clinic.run(*visit).exit_code == 1
    clinic(*visit, "--condition", "2")
    study = ("record", "00417", "--study", "mri_primary", "--on", "2026-11-20", "--yes")
    assert "say for which condition the primary site was examined" in clinic.run(*study).stderr
    clinic(*study, "--condition", "left thigh")
    assert "Chest CT or chest X-ray" in clinic("explain", "00417", "chest_imaging", "--condition", "2")


def test_a_disease_is_recorded_before_its_plan_and_taken_back(clinic: Any) -> None:
    assert "Recorded: condition 2, melanoma." in clinic("condition", "add", "00417", "melanoma")
    assert "no plan for melanoma" in clinic("worklist", "--list", "without_plan")
    clinic("condition", "take-back", "00417", "melanoma", "--reason", "another patient's")
    assert "melanoma" not in clinic("condition", "list", "00417")
    nothing = clinic.run("condition", "describe", "00417", "1")
    assert (nothing.exit_code, "say what is known" in nothing.stderr) == (2, True)
    again = clinic.run("enrol", "00417", *PLAN, "--anchor", "2026-10-01")
    assert "another disease is enrolled as a condition of its own" in again.stderr
