"""Enrolling in a real browser: by keyboard alone with the schedule live, and with scripts off on a telephone."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from browser import PHONE, Screen
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
Window = Callable[..., AbstractContextManager[Screen]]


def tab_to(page: Page, id: str) -> None:
    """Go on with the Tab key until a field has the focus, as somebody without a mouse does."""
    for _ in range(60):
        if page.evaluate("document.activeElement.id") == id:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key never reaches {id}")


def press(page: Page, words: str) -> None:
    """Go on with the Tab key to a button, and press it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == words:
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"the Tab key never reaches {words!r}")


def write(page: Page, id: str, text: str) -> None:
    tab_to(page, id)
    page.keyboard.type(text)


def test_enrolling_by_keyboard_alone_with_the_schedule_live(window: Window) -> None:
    with window("grace") as shown:
        page = shown.open("/patients/new")
        write(page, "mrn", "K-1")
        write(page, "family_name", "Bergh")
        write(page, "given_name", "Tomas")
        write(page, "birth_date", "07021975")
        page.keyboard.press("Tab")
        expect(page.locator("#likely")).to_contain_text("same birth date, similar name")
        write(page, "contact-0-phone", "2025550144")
        page.keyboard.press("Tab")
        expect(page.locator("#contact-0-said")).to_have_text("Read as +1 202-555-0144")
        press(page, "Add another contact")
        expect(page.locator("#contact-1-kind")).to_be_focused()
        assert page.input_value("#contact-0-phone") == "2025550144"
        page.keyboard.type("parent")
        write(page, "contact-1-email", "a@mail.example")
        write(page, "anchor", "09012025")
        page.keyboard.press("Enter")  # which in the middle of the form shows the schedule and saves nothing
        expect(page.locator("#schedule-said")).to_contain_text("Trips a year")
        assert page.url.endswith("/patients/new")
        expect(page.locator("#schedule-said")).to_contain_text("Last scan unknown")
        write(page, "scan-0-day", "09022026")
        tab_to(page, "scan-0-items")
        page.keyboard.press("Space")
        tab_to(page, "scan-0-items-2")
        page.keyboard.press("Space")
        expect(page.locator("#schedule-said")).not_to_contain_text("Last scan unknown")
        expect(page.locator("#schedule-drawn svg")).to_be_visible()
        shown.sound()
        press(page, "Enrol")
        page.wait_for_url(lambda url: "/patients/" in url and not url.endswith("/new"))
        assert "Tomas Bergh is enrolled. The first trip is proposed for" in page.inner_text(".app-notice")


def test_enrolling_with_scripts_off_on_a_telephone(window: Window) -> None:
    with window("grace", PHONE, scripts=False) as shown:
        page = shown.open("/patients/new")
        page.fill("#mrn", "N-1")
        page.fill("#family_name", "Winters")
        page.fill("#birth_date", "1988-03-14")
        page.fill("#contact-0-phone", "2025")
        page.click("text=Add another contact")
        assert page.input_value("#contact-0-phone") == "2025"
        page.fill("#contact-1-email", "b@mail.example")
        page.fill("#anchor", "2025-09-01")
        page.click("text=Add another scan")
        page.fill("#scan-1-day", "2026-09-02")
        page.check("#scan-1-items")
        page.click("#schedule button")
        assert page.url.endswith("#schedule")
        assert "Trips a year" in page.inner_text("#schedule-said")
        expect(page.locator("#schedule-drawn svg")).to_be_visible()
        assert "it will be kept as typed" in page.inner_text("#contacts")
        assert "same birth date" in page.inner_text("#likely")
        page.click("button[value=enrol]")
        assert "is enrolled" in page.inner_text(".app-notice")


def test_the_form_and_its_mistakes_fit_a_telephone(window: Window) -> None:
    with window("grace", PHONE) as shown:
        page = shown.open("/patients/new")
        page.fill("#anchor", "2025-09-01")
        page.fill("#egfr", "lots")
        expect(page.locator("#schedule-said")).to_contain_text("Trips a year")
        page.wait_for_load_state("networkidle")
        page.click("button[value=enrol]")
        page.wait_for_selector(".nhsuk-error-summary")
        expect(page.locator("#schedule-drawn svg")).to_be_visible()
        shown.sound()


def test_the_pages_that_edit_are_sound(window: Window) -> None:
    with window("grace", PHONE) as shown:
        shown.sound(path="/patients/new")
        page = shown.page
        page.fill("#mrn", "E-9")
        page.fill("#family_name", "Ash")
        page.fill("#birth_date", "1990-01-01")
        page.click("button[value=register]")
        page.wait_for_url(lambda url: "/patients/" in url and not url.endswith("/new"))
        home = page.url
        for path in ("/edit", "/contacts", "/contacts/new", "/enrol"):
            page.goto(home + path)
            shown.sound()
        page.goto(home + "/contacts/new")
        page.fill("#phone", "(202) 555-0144")
        page.fill("#email", "ash@mail.example")
        expect(page.locator("#said")).to_have_text("Read as +1 202-555-0144")
        page.click("main form button[type=submit]")
        page.wait_for_url("**/contacts")
        page.click("text=Record consent >> nth=0")
        page.click("text=Consent given >> nth=0")
        page.wait_for_selector(".nhsuk-error-summary")
        shown.sound()
