"""The front page in a real browser, on a desk and on a telephone."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from web_clinic import Server

pytestmark = pytest.mark.browser

WIDTHS = (1280, 375)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


def opened(browser: Browser, server: Server, width: int, path: str = "/") -> tuple[Page, list[str]]:
    """A page, and everything that the browser complained about."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.goto(server.address + path)
    return page, complaints


@pytest.mark.parametrize("width", WIDTHS)
def test_the_front_page_fits_and_breaks_no_rule_of_its_own(browser: Browser, sqlite_server: Server, width: int) -> None:
    page, complaints = opened(browser, sqlite_server, width)
    assert complaints == []
    assert page.title() == "Nobody is silently lost · surveillance"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("getComputedStyle(document.body).margin") == "0px", "the style sheet was not applied"
    page.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(browser: Browser, sqlite_server: Server, width: int, scheme: str) -> None:
    """WCAG 2.2 success criterion 1.4.3: 4.5 to 1."""
    page, _ = opened(browser, sqlite_server, width)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    assert page.evaluate(LOW_CONTRAST) == []
    page.close()


def test_headings_and_landmarks_tell_a_screen_reader_what_is_where(browser: Browser, sqlite_server: Server) -> None:
    page, _ = opened(browser, sqlite_server, 375)
    assert page.get_attribute("html", "lang") == "en"
    assert page.locator("main").count() == page.locator("h1").count() == 1
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => Number(h.tagName[1]))")
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    page.close()


def test_the_keyboard_reaches_every_link_and_shows_where_it_is(browser: Browser, sqlite_server: Server) -> None:
    page, _ = opened(browser, sqlite_server, 1280)
    links = page.locator("a").count()
    reached = set()
    for _ in range(links):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.href"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert len(reached) == links
    page.close()


def test_a_wrong_address_gets_a_page_that_leads_back(browser: Browser, sqlite_server: Server) -> None:
    page, _ = opened(browser, sqlite_server, 375, "/no/such/page")
    assert page.inner_text("h1") == "Not Found"
    page.click("main a")
    assert page.inner_text("h1") == "Nobody is silently lost"
    page.close()


LOW_CONTRAST = """
() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const found = rgb(getComputedStyle(e).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('body *')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .map(e => [e, light(rgb(getComputedStyle(e).color)), light(ground(e))])
    .filter(([e, a, b]) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5)
    .map(([e]) => e.textContent.trim().slice(0, 40));
}
"""
