"""A real browser on a page: what it complains about, what axe finds, what does not fit."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sampling
from playwright.sync_api import Browser, Page
from staff import Staffed
from web_clinic import serving_app, web_of

from surveillance.web import cookies

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
DESK, PHONE = 1280, 375
LEFT = "net::ERR_ABORTED"  # the page was left before everything had come
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


# Only what is wrong comes back, and no style sheet is fetched again: in half the time.
ASK = "levels => axe.run({runOnly: levels, preload: false, resultTypes: ['violations']}).then(r => r.violations)"


@dataclass
class Screen:
    """A page of somebody who is signed in, with everything that the browser complained about."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def sound(self, *, path: str = "") -> None:
        """The page at hand (or at ``path``) keeps WCAG 2.2 A and AA, fits its window and a telephone's, and the browser
        is content. Each run looks at the accessibility of every other kind of page, 'make long' at that of all."""
        if path:
            self.open(path)
        where = self.page.url.removeprefix(self.address)
        if dealt(where):
            found = violations(self.page)
            assert found == [], (where, found)
        assert too_wide(self.page) <= 0, where
        before = self.page.viewport_size
        if before is not None and before["width"] > PHONE:
            self.page.set_viewport_size({"width": PHONE, "height": before["height"]})
            assert too_wide(self.page) <= 0, (where, PHONE)
            self.page.set_viewport_size(before)
        assert self.complaints == [], where


def dealt(where: str) -> bool:
    """Whether this run looks at the accessibility of this kind of page; what differs between two of a kind are ids."""
    run = sampling.RUN[-1]
    kind = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+", "#", where.partition("?")[0])
    return run.everything or run.chance(f"axe {kind}").random() < 0.5


def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA, with the elements."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate(ASK, LEVELS)
    return [f"{fault['id']}: {node['html'][:200]}" for fault in found for node in fault["nodes"]]


def too_wide(page: Page) -> int:
    """Pixels that the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@contextmanager
def screen(
    browser: Browser, clinic: Staffed, username: str | None, width: int = DESK, *, scripts: bool = True
) -> Iterator[Screen]:
    """A window on the clinic's own server."""
    with serving_app(web_of(clinic.app, lambda: clinic.now)) as address:
        context = browser.new_context(viewport={"width": width, "height": 800}, java_script_enabled=scripts)
        if username:
            cookie = {"name": cookies.SESSION, "value": clinic.secret(username), "url": address}
            context.add_cookies([cookie])  # type: ignore[list-item]
        shown = Screen(context.new_page(), address)
        listen(shown.page, shown.complaints)
        try:
            yield shown
        finally:
            context.close()


def listen(page: Page, complaints: list[str]) -> None:
    # A form that was refused answers 422, which the browser reports and which is no fault.
    def note(message: Any) -> None:
        if message.type == "error" and "422" not in message.text:
            complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: None if request.failure == LEFT else complaints.append(request.url))
