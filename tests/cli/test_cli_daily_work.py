"""The daily work of a clinic without a browser: from an empty database to a death, and back."""

from datetime import UTC, datetime
from typing import Any

import pytest

PLAN = ("--protocol", "asps-extremity")


def on(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T15:00").replace(tzinfo=UTC)


def statuses(program: Any, *, plan: int = 0) -> dict[str, str]:
    page = program.json("patient", "show", "00417")["plans"][plan]
    return {row["name"]: row["status"] for row in page["examinations"]}


def test_a_clinic_can_be_run_from_an_empty_database_to_a_death_and_back(empty: Any) -> None:
    program = empty
    program.now = on("2026-11-23")
    program.add_site()
    program("site", "place-add", "NYC1", "MRI 2", "--address", "12 High Street")
    program("user", "add", "anna", "--name", "Anna Bell", "--role", "admin")
    program("user", "add", "bob", "--name", "Bob Hill", "--role", "coordinator", user="anna")
    program("user", "add", "dr.reed", "--name", "Jo Reed", "--role", "clinician", user="anna")
    program("site", "approve-protocol", "NYC1", "asps-extremity", "--source-read", user="dr.reed")
    program("site", "go-live", "NYC1", "--from", "2026-11-24", "--yes", user="anna")
    program.user = "bob"
    program(
        *("patient", "add", "00417", "--family", "Okafor", "--given", "Ada", "--born", "1998-05-14"),
        *("--phone", "(212) 555-0123", "--consent", "sms", "--consent-how", "signed form"),
    )
    assert "00417" in program("patient", "find", "okaf")
    assert "00417" in program("patient", "find", "212-555-0123")

    shown = program("enrol", "00417", *PLAN, "--anchor", "2026-09-05", "--yes")
    assert "Trips a year: 4 in years 1–3, 2 in years 4–5, 1 from year 6 on." in shown
    assert "mri_primary@3" in shown

    booked = program("book", "00417", "--on", "2026-12-04", "--at", "10:30", "--place", "MRI 2", "--yes")
    assert "Fri 2026-12-04 10:30 EST, MRI 2: chest_imaging@3, mri_primary@3" in booked
    assert "Fri 2026-11-27 10:00 EST" in booked  # seven days before, in the patient's own time
    assert "7 days before" in booked
    assert statuses(program)["mri_primary@3"] == "booked"

    program.now = on("2026-12-04")
    outcome = ("--done", "mri_primary=A1001", "--not-done", "chest_imaging=scanner broken")
    program("record", "00417", "2026-12-04", *outcome, "--yes")
    assert statuses(program)["mri_primary@3"] == "performed"
    assert statuses(program)["chest_imaging@3"] == "due"  # unbooked at once

    program("record", "00417", "--study", "chest_imaging", "--accession", "B77", "--modality", "CR", "--yes")
    program("study", "report", "00417", "A1001")
    program(
        "study", "review", "00417", "A1001", "--result", "indeterminate", "--next-action", "MRI again", user="dr.reed"
    )
    again = program("study", "act", "00417", "A1001", "--extra", "mri_primary=2027-01-15")
    assert "indeterminate" in again
    assert "MRI again" in program("plan", "show", "00417")
    assert "told Fri 2026-12-04" in program("study", "tell", "00417", "A1001")
    assert statuses(program)["mri_primary@3"] == "reviewed"

    program("plan", "hold", "00417", "--because", "pregnancy", "--review-on", "2027-03-01", "--yes")
    assert set(statuses(program).values()) == {"reviewed", "performed", "held"}
    program.now = on("2027-03-01")
    program("plan", "resume", "00417", "--yes")
    assert statuses(program)["mri_primary@6"] == "due"

    end = ("plan", "end", "00417", "--because", "recurrence", "--restart-by", "2027-06-01", "--yes")
    assert program.run(*end).exit_code == 1  # a coordinator may not sign an end
    program(*end, user="dr.reed")
    assert "ended 2027-03-01: recurrence" in program("patient", "find", "00417")

    restart = ("plan", "restart", "00417", *PLAN, "--anchor", "2027-02-20", "--reason", "re-resection", "--yes")
    assert "as plan 2" in program(*restart)
    program("book", "00417", "--on", "2027-05-20", "--at", "09:00", "--place", "MRI 2", "--yes")

    left = ("plan", "end", "00417", "--because", "transfer", "--accepted-by", "City Hospital", "--yes")
    program(*left, user="dr.reed")
    back = ("plan", "return", "00417", "--reason", "moved back")
    assert "from Sat 2027-02-20, the end of treatment" in " ".join(program(*back, "--dry-run").split())
    assert "followed here again, as plan 3" in program(*back, "--yes")
    program("book", "00417", "--on", "2027-05-20", "--at", "09:00", "--place", "MRI 2", "--yes")

    told = program("patient", "died", "00417", "--on", "2027-03-01", "--source", "letter of the GP", "--yes")
    assert "Release the slot: Thu 2027-05-20 09:00 EDT, MRI 2" in told
    assert "died 2027-03-01" in program("patient", "find", "00417")
    assert program.run("enrol", "00417", *PLAN, "--anchor", "2027-02-20", "--yes").exit_code == 1

    program("retract", "00417", "death", "--reason", "wrong patient", "--yes")
    assert "asps-extremity@2026.2 from 2027-02-20" in program("patient", "find", "00417")
    history = program("patient", "show", "00417", "--history", "100")
    for words in ("patient: died", "death: retract", "plan: restart", "plan: hold", "visit: book", "letter of the GP"):
        assert words in history


def test_a_change_is_shown_and_applied_only_after_yes(clinic: Any) -> None:
    before = clinic.dump()
    answered_no = clinic.run("plan", "anchor", "00417", "2026-08-20", "--reason", "typing error", typed="n\n")
    assert answered_no.exit_code == 1
    assert "moved" in answered_no.stdout
    assert "Nothing was changed." in answered_no.stdout
    assert clinic.dump() == before
    answered_yes = clinic("plan", "anchor", "00417", "2026-08-20", "--reason", "typing error", typed="y\n")
    assert answered_yes.count("What changes") == 1
    assert clinic.json("plan", "show", "00417")["anchor"] == "2026-08-20"


def test_nobody_to_ask_means_nothing_is_changed(clinic: Any) -> None:
    before = clinic.dump()
    result = clinic.run("plan", "hold", "00417", "--because", "away", "--review-on", "2027-01-04")
    assert result.exit_code == 1
    assert "--yes applies a change without asking" in result.stderr
    assert clinic.dump() == before


def test_a_dry_run_shows_the_same_change_and_writes_nothing(clinic: Any) -> None:
    before = clinic.dump()
    command = ("book", "00417", "--on", "2026-11-25", "--at", "08:15", "--place", "MRI 2")
    dry = clinic(*command, "--dry-run")
    assert "This was a dry run: nothing was changed." in dry
    assert clinic.dump() == before
    done = clinic(*command, "--yes")
    assert dry.split("\n\n")[0] == done.split("\n\n")[0]


def test_what_is_planned_names_the_way_that_is_left(clinic: Any) -> None:
    clinic("site", "go-live", "NYC1", "--from", "2026-11-01", "--yes", user="anna")
    clinic("consent", "withdraw", "00417", "sms", "--how", "by telephone")
    shown = clinic("book", "00417", "--on", "2026-12-02", "--at", "08:15", "--place", "MRI 2", "--dry-run")
    assert "1 day before    call by staff   no consent to SMS, no email address" in shown


def test_what_was_shown_is_not_applied_if_somebody_else_changed_it_meanwhile(clinic: Any, monkeypatch: Any) -> None:
    def meanwhile(*_arguments: object, **_options: object) -> bool:
        clinic("plan", "anchor", "00417", "2026-08-01", "--reason", "a colleague", "--yes")
        return True

    monkeypatch.setattr("typer.confirm", meanwhile)
    result = clinic.run("plan", "anchor", "00417", "2026-08-20", "--reason", "typing error")
    assert result.exit_code == 1
    assert "meanwhile somebody else changed this" in result.stderr
    assert clinic.json("plan", "show", "00417")["anchor"] == "2026-08-01"


def test_a_booking_outside_the_window_is_noted(clinic: Any) -> None:
    clinic("book", "00417", "--on", "2026-11-25", "--at", "10:00", "--place", "MRI 2", "--yes")
    result = clinic.run("visit", "move", "00417", "2026-11-25", "--on", "2026-12-20", "--yes")
    assert "note: mri_primary@3 is on time from 2026-11-11 to 2026-12-09, not on 2026-12-20" in result.stderr
    moved = clinic.json("patient", "show", "00417")
    [visit] = [row for row in moved["visits"] if row["state"] == "booked"]
    assert (visit["day"], visit["at"]) == ("2026-12-20", "10:00:00")
    clinic("visit", "cancel", "00417", "2026-12-20", "--reason", "ill", "--yes")
    assert statuses(clinic)["mri_primary@3"] == "due"


def test_a_no_show_is_unbooked_at_once_and_can_be_taken_back(clinic: Any) -> None:
    clinic("book", "00417", "--on", "2026-11-23", "--at", "16:00", "--place", "MRI 2", "--yes")
    clinic("record", "00417", "2026-11-23", "--noshow", "--yes")
    assert statuses(clinic)["mri_primary@3"] == "due"
    [visit] = [row for row in clinic.json("patient", "show", "00417")["visits"] if row["state"] == "noshow"]
    clinic("visit", "reopen", "00417", visit["id"][:8], "mri_primary", "--reason", "she was there", "--yes")
    assert statuses(clinic)["mri_primary@3"] == "booked"


def test_a_booking_whose_window_moved_away_is_a_conflict_until_somebody_keeps_it(clinic: Any) -> None:
    clinic("book", "00417", "--on", "2026-11-25", "--at", "10:00", "--place", "MRI 2", "--yes")
    moved = clinic("plan", "anchor", "00417", "2026-09-20", "--reason", "radiotherapy ended later", "--yes")
    assert "mri_primary@3, since Wed 2026-11-25: booked outside its window" in moved
    for item in ("mri_primary", "chest_imaging"):
        clinic("visit", "accept", "00417", "2026-11-25", item, "--reason", "the only slot")
    assert "booked outside its window" not in clinic("plan", "show", "00417")


def test_one_examination_can_be_moved_skipped_and_asked_for_beside_the_plan(clinic: Any) -> None:
    clinic("plan", "move", "00417", "mri_primary@6", "--to", "2027-03-08", "--reason", "holiday", "--yes")
    clinic("plan", "skip", "00417", "chest_imaging@6", "--review-on", "2027-03-01", "--reason", "CT elsewhere", "--yes")
    clinic("plan", "extra", "00417", "chest_imaging", "--on", "2027-01-11", "--reason", "repeat CT", "--yes")
    rows = {row["name"]: row for row in clinic.json("plan", "show", "00417")["examinations"]}
    assert rows["mri_primary@6"]["target"] == "2027-03-08"
    assert rows["chest_imaging@6"]["status"] == "skipped"
    [extra] = [name for name in rows if "@x" in name]
    booked = ("book", "00417", "--on", "2027-01-11", "--at", "11:00", "--place", "MRI 2", "--exam", extra)
    assert extra in clinic(*booked, "--yes")
    refused = clinic.run("retract", "00417", "decision", "--reason", "wrong", "--yes")
    assert "2 facts of this kind, give an ID" in refused.stderr
    decisions = clinic.json("plan", "show", "00417")["decisions"]
    [moved] = [row["id"] for row in decisions if row["kind"] == "move"]
    clinic("retract", "00417", "decision", moved[:8], "--reason", "wrong", "--yes")
    rows = {row["name"]: row for row in clinic.json("plan", "show", "00417")["examinations"]}
    assert rows["mri_primary@6"]["target"] == "2027-02-25"


def test_terms_change_from_a_day_on_and_can_be_taken_back(clinic: Any) -> None:
    changed = ("plan", "interval", "00417", "mri_primary=6", "--from", "2027-06-01", "--reason", "TOSS", "--yes")
    clinic(*changed, user="dr.reed")
    assert "mri_primary@15" not in statuses(clinic)
    clinic("retract", "00417", "terms", "--reason", "not agreed", "--yes")
    assert "mri_primary@15" in statuses(clinic)


def test_a_hold_asks_what_becomes_of_each_booked_visit(clinic: Any) -> None:
    clinic("book", "00417", "--on", "2026-11-25", "--at", "10:00", "--place", "MRI 2", "--yes")
    hold = ("plan", "hold", "00417", "--because", "treatment", "--review-on", "2027-01-04", "--yes")
    assert "say whether to keep or cancel it" in clinic.run(*hold).stderr
    clinic(*hold, "--cancel", "2026-11-25")
    assert "reviewed on Mon 2027-02-01" in clinic(
        "plan", "review-hold", "00417", "--review-on", "2027-02-01", "--reason", "still in treatment"
    )


def test_an_early_study_waits_for_a_word(clinic: Any) -> None:
    clinic("record", "00417", "--study", "mri_primary", "--on", "2026-10-14", "--accession", "E1", "--yes")
    assert "does it count?" in clinic("patient", "show", "00417")
    clinic("study", "rule", "00417", "E1", "mri_primary", "--counts", "--reason", "same question", "--yes")
    assert statuses(clinic)["mri_primary@3"] == "performed"


STUDY = ("record", "00417", "--study", "mri_primary", "--on", "2026-11-20", "--accession", "A1", "--yes")
REVIEW = ("study", "review", "00417", "A1", "--result")


@pytest.fixture
def reported(clinic: Any) -> Any:
    """An MRI of last Friday, reported today."""
    clinic(*STUDY)
    clinic("study", "report", "00417", "A1")
    return clinic


def test_an_amended_report_is_reviewed_again(reported: Any) -> None:
    reported(*REVIEW, "clear", user="dr.reed")
    amended = ("study", "report", "00417", "A1", "--status", "amended", "--note", "a nodule of 4 mm")
    assert "amended report, to review since Mon 2026-11-23" in reported(*amended)
    assert (
        "the report is final already"
        in reported.run("study", "report", "00417", "A1", "--status", "preliminary").stderr
    )
    assert "reviews the amended report before" in reported.run("study", "tell", "00417", "A1").stderr
    assert "suspicious" in reported(*REVIEW, "suspicious", "--next-action", "biopsy", user="dr.reed")


def test_a_recurrence_is_signed_with_one_decision(reported: Any) -> None:
    assert "needs a decision about the plan" in reported.run(*REVIEW, "recurrence", user="dr.reed").stderr
    hold = ("--hold", "treatment", "--review-on", "2027-03-01")
    two = reported.run(*REVIEW, "recurrence", *hold, "--continue", "x", user="dr.reed")
    assert (two.exit_code, "one thing follows" in two.stderr) == (2, True)
    reported("book", "00417", "--on", "2026-11-25", "--at", "10:00", "--place", "MRI 2", "--yes")
    assert "keep or cancel" in reported.run(*REVIEW, "recurrence", *hold, user="dr.reed").stderr
    said = reported(*REVIEW, "recurrence", *hold, "--cancel", "2026-11-25", user="dr.reed")
    assert "recurrence" in said
    assert "Release the slot: Wed 2026-11-25 10:00" in said
    (hold,) = reported.json("plan", "show", "00417")["holds"]
    assert (hold["reason"], hold["review_on"]) == ("treatment", "2027-03-01")


def test_a_task_follows_and_is_done_with_what_came_of_it(reported: Any) -> None:
    reported(*REVIEW, "suspicious", "--next-action", "biopsy", user="dr.reed")
    bare = reported.run("study", "act", "00417", "A1")
    assert (bare.exit_code, "say what follows" in bare.stderr) == (2, True)
    task = ("--task", "biopsy of the nodule", "--owner", "dr.reed", "--due", "2026-12-04")
    reported("study", "act", "00417", "A1", *task)
    assert "Jo Reed" in reported("study", "tasks", "00417")
    assert "biopsy of the nodule" in reported("worklist", "--list", "result_tasks")
    assert "say what came of the task" in reported.run("study", "done", "00417", "--outcome", " ").stderr
    assert "Done: biopsy of the nodule; benign." in reported("study", "done", "00417", "--outcome", "benign")
    assert reported.json("study", "tasks", "00417")[0]["outcome"] == "benign"
    assert "has no such task" in reported.run("study", "done", "00417", "--outcome", "again").stderr


def test_a_fact_on_record_is_linked_by_the_first_digits_of_its_id(reported: Any) -> None:
    reported(*REVIEW, "indeterminate", "--next-action", "repeat the MRI", user="dr.reed")
    reported("plan", "extra", "00417", "mri_primary", "--on", "2027-01-15", "--reason", "repeat", "--yes")
    (extra,) = [row for row in reported.json("plan", "show", "00417")["examinations"] if row["extra"]]
    wrong = reported.run("study", "act", "00417", "A1", "--link", "hold:1234")
    assert (wrong.exit_code, "names 0 of the facts that can follow" in wrong.stderr) == (2, True)
    reported("study", "act", "00417", "A1", "--link", f"extra:{extra['extra'][:8]}")
    assert reported.json("worklist", "--list", "no_next_action")["rows"] == []


def test_an_inadequate_study_is_to_be_repeated_by_a_day(reported: Any) -> None:
    assert "say by when" in reported.run(*REVIEW, "inadequate", user="dr.reed").stderr
    said = reported(*REVIEW, "inadequate", "--repeat-by", "2026-12-04", user="dr.reed")
    assert "to repeat by Fri 2026-12-04" in said
    assert "another one is wanted by 2026-12-04" in reported("worklist", "--list", "repeat_due")
    assert statuses(reported)["mri_primary@3"] == "due"


def test_an_x_ray_is_no_mri_unless_a_clinician_rules_so(clinic: Any) -> None:
    xray = (*STUDY, "--modality", "CR")
    assert "CR does not count for mri_primary" in clinic.run(*xray).stderr
    assert clinic.run(*xray, "--ruling", "metal in the limb").exit_code == 1  # a coordinator may not
    clinic(*xray, "--ruling", "metal in the limb", user="dr.reed")
    assert statuses(clinic)["mri_primary@3"] == "performed"


def test_a_site_says_how_long_each_step_may_take(clinic: Any) -> None:
    said = clinic("site", "limits", "NYC1", "--report-days", "10", "--told-days", "3", user="anna")
    assert said.strip() == "At NYC1: report in 10 days, review in 7, told in 3."
    assert clinic.run("site", "limits", "NYC1", "--told-days", "91", user="anna").exit_code == 2
    assert clinic.run("site", "limits", "NYC1", "--told-days", "4").exit_code == 1
