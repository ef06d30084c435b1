"""A study's page in a real browser: a recurrence is signed with its decision by keyboard alone, and without scripts."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from browser import Screen
from playwright.sync_api import Page
from staff import NOW, Staffed

from surveillance.core.words import FollowUp, Result
from surveillance.store.tables import Study
from surveillance.store.visits import obligations, studies

pytestmark = pytest.mark.browser
Window = Callable[..., AbstractContextManager[Screen]]
WAITING, TASK, INADEQUATE = "000137", "000161", "000162"  # a report to review, a task of a result, one to repeat
LATER = NOW.date() + timedelta(days=60)


def last(staffed: Staffed, mrn: str, result: Result | None) -> Study:
    """The patient's last study of a result."""
    patient = staffed.patient_id(mrn)
    rows = staffed.look(lambda work: studies.of_patient(work.session, patient))
    return [row for row in rows if row.result is result][-1]


def address(staffed: Staffed, mrn: str, result: Result | None) -> str:
    return f"/patients/{staffed.patient_id(mrn)}/studies/{last(staffed, mrn, result).id}"


def picture(page: Page, name: str) -> None:
    """A picture to look at, where somebody asks for it."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_a_recurrence_is_signed_with_its_decision_by_keyboard_alone(window: Window, staffed: Staffed) -> None:
    path = address(staffed, WAITING, None)
    with window("helen") as shown:
        page = shown.open(path)
        shown.sound()
        assert not page.locator("#review-follow").is_visible()  # what a choice needs comes with the choice
        page.focus("#result")
        for _ in range(3):
            page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.value") == "recurrence"
        assert not page.locator("#review-hold_reason").is_visible()
        page.locator("[name=follow][value=hold]").focus()
        page.keyboard.press("Space")
        assert page.locator("#review-hold_reason").is_visible()
        page.select_option("#review-hold_reason", "treatment")
        picture(page, "study-recurrence")
        shown.sound()
        page.get_by_role("button", name="Sign the review").press("Enter")  # without the day of the next look
        page.locator(".nhsuk-error-summary").wait_for()
        assert page.locator("#hold_review").is_visible()
        shown.sound()
        page.get_by_role("link", name="Enter the day on which somebody looks at it again").press("Enter")
        assert page.evaluate("document.activeElement.id") == "hold_review"
        page.fill("#hold_review", str(LATER))
        page.get_by_role("button", name="Sign the review").press("Enter")
        page.wait_for_selector(".app-notice")
        assert "Reviewed: recurrence." in page.inner_text(".app-notice")
        picture(page, "study-signed")
        shown.sound()
    study = last(staffed, WAITING, Result.RECURRENCE)
    row = staffed.look(lambda work: obligations.follow_up(work.session, study.id))
    assert row is not None
    assert row.kind is FollowUp.HOLD


def test_without_scripts_what_a_choice_needs_comes_with_it_as_well(window: Window, staffed: Staffed) -> None:
    with window("grace", scripts=False) as shown:
        page = shown.open(address(staffed, TASK, Result.SUSPICIOUS))
        assert page.get_by_text("present the CT at the tumour board").first.is_visible()
        assert page.get_by_role("button", name="It is done").is_visible()
    with window("helen", scripts=False) as shown:
        page = shown.open(address(staffed, WAITING, None))
        page.locator("[name=result][value=suspicious]").focus()
        page.keyboard.press("Space")
        assert not page.locator("#review-task_what").is_visible()
        page.locator("[name=follow][value=task]").focus()
        page.keyboard.press("Space")
        assert page.locator("#review-task_what").is_visible()


@pytest.mark.parametrize(("mrn", "result"), [(TASK, Result.SUSPICIOUS), (INADEQUATE, Result.INADEQUATE)])
def test_a_study_with_work_to_do_keeps_the_rules_of_access(
    window: Window, staffed: Staffed, mrn: str, result: Result
) -> None:
    with window("helen") as shown:
        page = shown.open(address(staffed, mrn, result))
        picture(page, f"study-{result}")
        shown.sound()
