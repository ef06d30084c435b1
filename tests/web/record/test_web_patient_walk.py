"""A patient's way in a real browser: hold, resume, recurrence, restart; each page accessible and inside its width."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from browser import DESK, PHONE, Screen, too_wide
from playwright.sync_api import Page
from staff import NOW, Staffed

pytestmark = pytest.mark.browser
TODAY = NOW.date()
Window = Callable[..., AbstractContextManager[Screen]]


def asked(page: Page, **fields: object) -> Page:
    """Fill a form in and look at what it would do."""
    for name, value in fields.items():
        page.fill(f"[name={name}]", str(value))
    page.get_by_role("button", name="See what changes").click()
    page.get_by_text("Nothing is changed yet.").wait_for()
    return page


def sound(screen: Screen) -> None:
    """Accessible on a desk, and not wider than a telephone."""
    screen.sound()
    screen.page.set_viewport_size({"width": PHONE, "height": 800})
    assert too_wide(screen.page) <= 0, screen.page.url
    screen.page.set_viewport_size({"width": DESK, "height": 800})


def test_from_a_hold_to_a_restart(staffed: Staffed, window: Window) -> None:
    home = f"/patients/{staffed.patient_id('000118')}"
    with window("grace") as screen:
        page = screen.page
        screen.open(home)
        sound(screen)
        page.get_by_role("link", name="Why is this due?").first.click()
        page.get_by_text("Treatment ended on").wait_for()
        page.get_by_text("The timeline as a table").click()
        sound(screen)

        page.get_by_role("link", name="Put on hold").click()
        page.get_by_label("treatment", exact=True).check()
        page.get_by_label("Keep it").check()
        sound(screen)
        asked(page, review_on=TODAY + timedelta(days=90))
        sound(screen)
        page.get_by_role("button", name="Put on hold").click()
        page.get_by_text("On hold: treatment.").wait_for()
        sound(screen)

        page.get_by_role("link", name="Resume").first.click()
        asked(page)
        sound(screen)
        page.get_by_role("button", name="Resume").click()
        page.get_by_role("status").get_by_text("Resumed on").wait_for()

    with window("helen") as screen:
        page = screen.open(f"{home}/end")
        page.get_by_role("button", name="See what changes").click()
        page.get_by_role("link", name="Choose why follow-up here is over").click()
        assert page.evaluate("document.activeElement.name") == "reason"
        sound(screen)
        page.get_by_label("recurrence").check()
        asked(page, restart_by=TODAY + timedelta(days=120))
        sound(screen)
        page.get_by_role("button", name="End the plan and sign").click()
        page.get_by_text("Signed by Dr Helen Marsh.").wait_for()
        sound(screen)

    staffed.later(days=60)
    with window("grace") as screen:
        page = screen.open(f"{home}/restart")
        asked(page, anchor=TODAY + timedelta(days=50), reason="re-resection")
        sound(screen)
        page.get_by_role("button", name="Restart").click()
        page.get_by_text("as plan 2").wait_for()
        page.get_by_role("heading", name="Earlier plan 1").wait_for()
        sound(screen)


def test_without_scripts_why_is_a_page_and_a_change_works(staffed: Staffed, window: Window) -> None:
    home = f"/patients/{staffed.patient_id('000101')}"
    with window("grace", scripts=False) as screen:
        page = screen.open(home)
        page.get_by_role("link", name="Why is this due?").first.click()
        page.get_by_role("heading", name="Why is this due?").wait_for()
        screen.open(f"{home}/anchor")
        asked(page, anchor=TODAY - timedelta(days=40), reason="typing error")
        page.get_by_role("button", name="Correct it").click()
        page.get_by_text("The end of treatment is").wait_for()


def test_the_sheet_and_the_address_are_sound_and_fit_on_paper(staffed: Staffed, window: Window) -> None:
    home = f"/patients/{staffed.patient_id('000115')}"
    with window("grace", PHONE) as screen:
        page = screen.page
        screen.sound(path=f"{home}/schedule?privacy=full")
        screen.sound(path=f"{home}/schedule?language=ar&privacy=full")  # from right to left
        screen.open(f"{home}/feeds/new")
        page.get_by_role("button", name="Make the address").click()
        page.get_by_text("This address is shown only now.").wait_for()
        screen.sound()
        page.emulate_media(media="print")
        assert page.locator(".app-sheet").is_visible()
        assert not page.locator("#address").is_visible()
