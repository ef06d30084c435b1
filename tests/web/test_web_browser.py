"""What stands on every page, in a real browser: on a desk, on a telephone, by keyboard alone."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import pairwise

import pytest
from browser import PHONE, Screen
from staff import PASSWORD

pytestmark = pytest.mark.browser
Window = Callable[..., AbstractContextManager[Screen]]


def test_the_ways_in_are_sound(window: Window) -> None:
    with window(None) as shown:
        shown.sound(path="/sign-in")
        assert shown.page.title() == "Sign in · surveillance"
        shown.page.click("main button")
        assert shown.page.locator(".nhsuk-error-summary").is_visible()
        assert shown.page.evaluate("document.activeElement.className").startswith("nhsuk-error-summary")
        shown.sound()
        shown.page.click(".nhsuk-error-summary a >> nth=0")
        assert shown.page.evaluate("document.activeElement.id") == "username"
    with window("grace") as shown:
        shown.sound(path="/account")
        shown.sound(path="/account/password")
        shown.sound(path="/account/second-factor")
        shown.page.click("main button")
        shown.sound()
        assert shown.page.locator(".app-qr svg").is_visible()


def test_signing_in_and_out_by_keyboard_alone(window: Window) -> None:
    with window(None) as shown:
        page = shown.open("/sign-in?next=/account")
        page.focus("#username")
        page.keyboard.type("grace")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{shown.address}/account")
        assert page.inner_text("h1") == "Your account"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to main content"
        page.focus(".app-account button")
        page.keyboard.press("Enter")
        page.wait_for_url("**/sign-in")


def test_headings_and_landmarks_tell_a_screen_reader_what_is_where(window: Window) -> None:
    with window("grace") as shown:
        page = shown.open("/account")
        assert page.get_attribute("html", "lang") == "en"
        assert page.locator("main").count() == page.locator("h1").count() == 1
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => Number(h.tagName[1]))")
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
        assert page.locator("nav[aria-label=Main] a[href='/']").is_visible()


def test_a_wrong_address_gets_a_page_that_leads_back(window: Window) -> None:
    with window("grace", PHONE) as shown:
        page = shown.open("/no/such/page")
        assert page.inner_text("h1") == "There is nothing at this address"
        page.click("main a")
        assert page.url.rstrip("/") == shown.address


def test_a_session_that_ends_takes_the_page_away(window: Window) -> None:
    """What stands on the screen of somebody who has gone is nobody's to read."""
    with window("grace") as shown:
        shown.page.clock.install()
        page = shown.open("/account")
        page.clock.run_for("14:00")
        assert "signed out in two minutes" in page.inner_text("#app-live")
        page.clock.run_for("02:00")
        page.wait_for_url("**/sign-in?ended=yes")
