"""The whole daily work in a real browser, from a service without anybody in it to the second plan of a patient."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from browser import PHONE, Screen, screen, too_wide
from playwright.sync_api import Browser, Page, expect
from staff import NOW, PASSWORD, Staffed, open_app

from surveillance import worker

pytestmark = pytest.mark.browser

FILE = b"MRN;Surname;First name;DOB\nI-1;Rivers;Otto;1979-05-02\nI-2;Stone;Ida;31.31.1990\n"
FIRST, SECOND = date(2026, 9, 1), date(2027, 3, 1)  # the ends of treatment before the first plan and the second


@pytest.fixture
def nobody(sqlite_url: str) -> Iterator[Staffed]:
    """The service as it is installed: no account, no clinic, no patient."""
    clinic = Staffed(open_app(sqlite_url))
    yield clinic
    clinic.app.close()


def press(page: Page, words: str) -> None:
    page.get_by_role("button", name=words, exact=True).click()


def fill(page: Page, **fields: object) -> None:
    for name, value in fields.items():
        page.fill(f"[name={name}]", str(value))


def told(page: Page, words: str | re.Pattern[str]) -> None:
    """The notice on top says what was done."""
    expect(page.locator(".app-notice")).to_contain_text(words)


def enter(shown: Screen, username: str, password: str = PASSWORD) -> Page:
    """Sign in, in the place of whoever was signed in before."""
    shown.page.context.clear_cookies()
    page = shown.open("/sign-in")
    fill(page, username=username, password=password)
    press(page, "Sign in")
    page.wait_for_url(lambda url: not url.endswith("/sign-in"))
    return page


def both(shown: Screen) -> None:
    """Accessible at a desk, and no wider than a telephone."""
    shown.sound()
    before = shown.page.viewport_size
    assert before is not None
    shown.page.set_viewport_size({"width": PHONE, "height": 800})
    assert too_wide(shown.page) <= 0, shown.page.url
    shown.page.set_viewport_size(before)


def tick(clinic: Staffed) -> None:
    """One pass of the worker at this moment."""
    assert worker.tick(clinic.app, clinic.now).errors == 0


def set_up(shown: Screen) -> None:
    page = shown.open("/")
    fill(page, name="Ada Admin", username="ada", password=PASSWORD, again=PASSWORD)
    fill(page, site_name="Harbour Clinic", short_name="Harbour", code="HARBOUR", phone="(202) 555-0100")
    fill(page, country="US", zone="America/New_York")
    press(page, "Set up and sign in")
    expect(page.get_by_role("heading", name="The board")).to_be_visible()
    both(shown)


def furnish(shown: Screen) -> None:
    page = shown.open("/admin/sites/HARBOUR")
    page.get_by_role("button", name="Add a place").click()
    fill(page, name="Harbour Imaging", address="1 Example Street")
    press(page, "Add the place")
    page.wait_for_url("**/admin/sites/HARBOUR")


def go_live(shown: Screen) -> None:
    page = shown.open("/admin/sites/HARBOUR/go-live")
    fill(page, day=NOW.date())
    press(page, "Show what would go out")
    press(page, "I have read them: go live")
    page.wait_for_url("**/admin/sites/HARBOUR")


def hire(shown: Screen, name: str, role: str) -> None:
    """Add a user, and sign in as them with the password that was shown."""
    page = shown.open("/admin/users/new")
    fill(page, name=name.title(), username=name)
    page.select_option("[name=role]", role)
    press(page, "Add the user")
    given = page.inner_text("#secret").strip()
    enter(shown, name, given)
    expect(page.get_by_role("heading", name="Choose a password")).to_be_visible()
    fill(page, current=given, password=PASSWORD, again=PASSWORD)
    press(page, "Change the password")
    told(page, "password")


def approve(shown: Screen) -> None:
    page = enter(shown, "cleo")
    page.get_by_role("link", name="Protocols").click()
    page.get_by_role("link", name="Alveolar soft part sarcoma, extremity and trunk").first.click()
    page.get_by_role("link", name="read and approve").click()
    press(page, "Approve and sign")
    expect(page.get_by_role("link", name="Say that you have read it").first).to_be_visible()
    both(shown)
    page.get_by_label("I have read this protocol").check()
    page.get_by_label("I have read these sources").check()
    press(page, "Approve and sign")
    told(page, "may be used at Harbour Clinic")


def bring_in(shown: Screen, clinic: Staffed, folder: Path) -> None:
    file = folder / "registry.csv"
    file.write_bytes(FILE)
    page = shown.open("/imports")
    page.set_input_files("[name=file]", file)
    press(page, "Load the file")
    press(page, "Show what would change")
    expect(page.get_by_role("heading", name="Rows that cannot go in")).to_be_visible()
    both(shown)
    press(page, "Take in the 1 good row")
    page.wait_for_load_state()
    tick(clinic)
    expect(page.get_by_role("heading", name="registry.csv is taken in")).to_be_visible()
    page.get_by_role("button", name="To the board").click()
    page.get_by_role("link", name="Without a plan").click()
    expect(page.get_by_role("link", name="Rivers, Otto")).to_be_visible()


def enrol(shown: Screen) -> str:
    """By the form; the address of the patient's page."""
    page = shown.open("/patients/new")
    fill(page, mrn="W-1", family_name="Winters", given_name="Alma", birth_date="1988-03-14")
    page.fill("#contact-0-phone", "(202) 555-0171")
    page.get_by_label("SMS").check()
    page.get_by_label("How consent was given").fill("signed form")
    fill(page, anchor=FIRST)
    page.get_by_label("MRI of the primary site", exact=True).last.check()
    page.get_by_label("Chest CT or chest X-ray", exact=True).last.check()
    page.fill("#scan-0-day", "2026-08-25")
    expect(page.locator("#schedule-said")).to_contain_text("Trips a year")
    both(shown)
    press(page, "Enrol")
    told(page, "Alma Winters is enrolled. The first trip is proposed for")
    return page.url.removeprefix(shown.address)


def book(shown: Screen, home: str) -> None:
    page = shown.open(f"{home}/book")
    page.fill("#other-0", "2026-12-01")
    fill(page, **{"at-0": "10:00"})
    expect(page.locator("#ahead-said")).to_contain_text("Sat 28 Nov 2026")
    both(shown)
    press(page, "Book")
    told(page, "Tue 1 Dec 2026")


def remind(shown: Screen, clinic: Staffed) -> None:
    clinic.now = NOW.replace(day=28, hour=15, minute=1)  # three days before, just after 10:00 at the clinic
    tick(clinic)
    page = enter(shown, "carl")
    page.get_by_role("link", name="Messages").click()
    page.get_by_role("link", name="Sent", exact=True).click()
    expect(page.get_by_role("row", name="3 days before")).to_contain_text("Sat 28 Nov 2026, 10:0")


def record(shown: Screen, clinic: Staffed) -> None:
    clinic.now = NOW.replace(month=12, day=2)
    tick(clinic)
    page = enter(shown, "carl")
    page.get_by_role("link", name="Outcome unknown").click()
    page.get_by_role("link", name="Winters, Alma").first.click()
    page.get_by_role("link", name="Tue 1 Dec 2026").first.click()
    for choice in page.get_by_label("Done", exact=True).all():
        choice.check()
    press(page, "Record")
    told(page, re.compile("recorded", re.IGNORECASE))
    both(shown)


def fall_behind(shown: Screen, clinic: Staffed) -> None:
    """Nobody books the next trip: month 6 was wanted on 1 March."""
    clinic.now = NOW.replace(year=2027, month=3, day=22)
    tick(clinic)
    page = enter(shown, "carl")
    page.get_by_role("link", name="Overdue").click()
    expect(page.get_by_role("link", name="Winters, Alma")).to_have_count(2)
    both(shown)


def hold(shown: Screen, home: str) -> None:
    page = shown.open(f"{home}/hold")
    page.get_by_label("treatment", exact=True).check()
    fill(page, review_on="2027-05-03")
    press(page, "See what changes")
    press(page, "Put on hold")
    expect(page.get_by_text("On hold: treatment.")).to_be_visible()
    page.get_by_role("link", name="Board", exact=True).click()
    page.get_by_role("link", name="Overdue").click()
    expect(page.get_by_text("This list is empty.")).to_be_visible()


def recur_and_restart(shown: Screen, clinic: Staffed, home: str) -> None:
    enter(shown, "cleo")
    page = shown.open(f"{home}/end")
    page.get_by_label("recurrence").check()
    fill(page, restart_by="2027-06-01")
    press(page, "See what changes")
    press(page, "End the plan and sign")
    expect(page.get_by_text("Signed by Cleo.")).to_be_visible()
    clinic.later(days=14)
    enter(shown, "carl")
    shown.open(f"{home}/restart")
    fill(page, anchor=SECOND, reason="re-resection")
    press(page, "See what changes")
    press(page, "Restart")
    expect(page.get_by_role("heading", name="Earlier plan 1")).to_be_visible()
    both(shown)


def test_from_the_first_run_to_a_second_plan(nobody: Staffed, browser: Browser, tmp_path: Path) -> None:
    with screen(browser, nobody, None) as shown:
        set_up(shown)
        furnish(shown)
        hire(shown, "cleo", "clinician")
        approve(shown)
        enter(shown, "ada")
        go_live(shown)
        hire(shown, "carl", "coordinator")
        bring_in(shown, nobody, tmp_path)
        home = enrol(shown)
        book(shown, home)
        remind(shown, nobody)
        record(shown, nobody)
        fall_behind(shown, nobody)
        hold(shown, home)
        recur_and_restart(shown, nobody, home)
