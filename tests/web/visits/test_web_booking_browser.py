"""Booking and the calendar in a real browser: by keyboard alone, without scripts, on a desk and on a telephone."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, time

import pytest
from browser import PHONE, Screen
from playwright.sync_api import Page
from staff import Staffed

from surveillance.core.words import AppointmentState
from surveillance.store.visits import appointments

pytestmark = pytest.mark.browser
Window = Callable[..., AbstractContextManager[Screen]]
NEW, SOON, OVER = "000101", "000117", "000131"


def booked(staffed: Staffed, mrn: str) -> list[tuple[date, time | None]]:
    patient = staffed.patient_id(mrn)
    return staffed.look(
        lambda work: [
            (row.day, row.at) for row in appointments.of_patient(work.session, patient, AppointmentState.BOOKED)
        ]
    )


def visit(staffed: Staffed, mrn: str) -> str:
    patient = staffed.patient_id(mrn)
    (row,) = staffed.look(lambda work: appointments.of_patient(work.session, patient, AppointmentState.BOOKED))
    return f"/visits/{row.id}"


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus; a keyboard's user gets nowhere else."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"no key leads to {selector}")


def test_a_visit_is_booked_by_keyboard_alone_with_everything_told_on_the_way(window: Window, staffed: Staffed) -> None:
    with window("grace") as shown:
        page = shown.open(f"/patients/{staffed.patient_id(NEW)}/book")
        tab_to(page, "#examination")
        tab_to(page, "#trips-one")
        tab_to(page, "#day-0")
        page.keyboard.press("ArrowDown")
        page.locator("#ahead-said", has_text="Wed 23 Dec 2026").wait_for()
        assert page.evaluate("document.activeElement.value") == "2026-12-23"
        tab_to(page, "[value='time-0-10:00']")
        page.keyboard.press("Enter")
        page.locator("#ahead-said", has_text="1 day before").wait_for()
        assert page.input_value("#at-0") == "10:00"
        assert page.evaluate("document.activeElement.value") == "time-0-10:00"
        shown.sound()
        tab_to(page, "#note")
        page.keyboard.type("sedation arranged")
        page.keyboard.press("Enter")  # shows what will happen; it must not book
        page.wait_for_url("**/book#ahead")
        assert booked(staffed, NEW) == []
        assert page.input_value("#note") == "sedation arranged"
        tab_to(page, "button[value=book]")
        page.keyboard.press("Enter")
        page.wait_for_selector(".app-notice")
        assert booked(staffed, NEW) == [(date(2026, 12, 23), time(10))]


def test_the_form_follows_what_is_ticked_typed_and_split(window: Window, staffed: Staffed) -> None:
    with window("grace") as shown:
        page = shown.open(f"/patients/{staffed.patient_id(NEW)}/book")
        page.fill("#other-0", "2026-12-29")
        page.locator("#ahead-said", has_text="Tue 29 Dec 2026").wait_for()
        assert page.is_checked("#day-0-other")
        page.check("#day-0")
        assert page.input_value("#other-0") == ""
        page.check("#trips-split")
        page.wait_for_selector("#trip-1")
        shown.sound()
        page.check("#day-0-2")  # Wednesday, where the second trip stood
        page.locator("#day-1[value='2026-12-22']").wait_for(state="attached")
        page.uncheck("#examination")
        page.wait_for_selector("#trip-1", state="detached")


def test_a_visit_is_booked_without_scripts(window: Window, staffed: Staffed) -> None:
    with window("grace", PHONE, scripts=False) as shown:
        page = shown.open(f"/patients/{staffed.patient_id(NEW)}/book")
        page.click("[value='time-0-11:00']")
        assert page.input_value("#at-0") == "11:00"
        assert "1 day before" in page.inner_text("#ahead-said")
        page.check("#trips-split")
        page.click("[value=show] >> nth=1")
        assert page.locator("#trip-1").count() == 1
        page.check("#trips-one")
        page.click("button[value=book]")
        page.wait_for_selector(".app-notice")
        assert booked(staffed, NEW) == [(date(2026, 12, 22), time(11))]


def test_every_page_about_visits_is_sound(window: Window, staffed: Staffed) -> None:
    soon, over = visit(staffed, SOON), visit(staffed, OVER)
    with window("grace") as shown:
        for path in (
            f"/patients/{staffed.patient_id(NEW)}/book",
            f"/patients/{staffed.patient_id('000154')}/book",
            soon,
            f"{soon}/move",
            f"{soon}/cancel",
            "/calendar?view=month",
            "/calendar?view=week&day=2026-11-30",
            "/calendar?view=day&day=2026-11-25",
            "/calendar?view=day&day=2026-11-26",
        ):
            shown.sound(path=path)
        page = shown.open(over)
        page.click("button[value=record]")
        assert page.locator(".nhsuk-error-summary").is_visible()
        shown.sound()
        page = shown.open(f"/patients/{staffed.patient_id(NEW)}/book")
        page.click("button[value=book]")
        assert page.locator(".nhsuk-error-summary a").inner_text() == "Enter the time"
        shown.sound()
