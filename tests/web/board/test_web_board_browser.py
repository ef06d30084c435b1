"""A coordinator's morning at the board, in a real browser: with the keyboard, on a telephone, without scripts."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

from browser import Screen
from playwright.sync_api import Page, expect
from sqlmodel import select
from staff import NOW, Staffed

from surveillance.operations.board import acts, worklist
from surveillance.operations.board.worklist import Worklist
from surveillance.store.tables import Patient, PromiseCheck
from surveillance.web.pages.board import view

Window = Callable[..., AbstractContextManager[Screen]]


def counted(page: Page, name: Worklist) -> int:
    link = page.get_by_role("navigation", name="Lists").get_by_role("link", name=view.title(name, short=True))
    return int(link.locator(".app-lists__count").inner_text())


def holds_focus(page: Page, selector: str) -> bool:
    return bool(page.evaluate("wanted => document.activeElement.matches(wanted)", selector))


def test_a_morning_by_keyboard_alone(staffed: Staffed, window: Window) -> None:
    """Call, be told what is missing, hide the row, close a panel: the keyboard never loses its place."""
    with window("grace") as screen:
        page = screen.open("/?list=overdue")
        before = counted(page, Worklist.OVERDUE)
        page.locator("#act-on-0").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("group", name="What to do about")).to_be_visible()
        page.keyboard.press("Tab")
        assert holds_focus(page, "#panel-0 a"), "the panel follows its link"
        screen.sound()
        page.get_by_role("button", name="Write down").press("Enter")
        expect(page.get_by_text("Enter what came of the call").first).to_be_visible()
        assert holds_focus(page, ".app-panel"), "what is missing is read first"
        screen.sound()
        page.get_by_label("What came of it").fill("left a message")
        page.get_by_role("button", name="Write down").press("Enter")
        expect(page.get_by_text("The call is written down").first).to_be_visible()
        assert counted(page, Worklist.OVERDUE) == before - 1
        assert holds_focus(page, "#act-on-0"), "the next row took the place"
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Close").press("Enter")
        expect(page.get_by_role("group", name="What to do about")).to_have_count(0)
        assert holds_focus(page, "#act-on-0")
        screen.sound()


def test_one_panel_is_open_at_a_time_and_a_skip_changes_the_count(staffed: Staffed, window: Window) -> None:
    with window("grace") as screen:
        page = screen.open("/?list=overdue")
        before = counted(page, Worklist.OVERDUE)
        page.locator("#act-on-0").click()
        expect(page.locator("#panel-0 .app-panel")).to_be_visible()
        page.locator("#act-on-1").click()
        expect(page.locator("#panel-1 .app-panel")).to_be_visible()
        expect(page.locator(".app-panel")).to_have_count(1)
        page.get_by_label("Why it is left out").fill("abroad until spring")
        page.get_by_label("Look at it again on").fill((NOW.date() + timedelta(days=90)).isoformat())
        page.get_by_role("button", name="Skip", exact=True).click()
        expect(page.get_by_text("is skipped").first).to_be_visible()
        assert counted(page, Worklist.OVERDUE) == before - 1
        screen.sound()


def test_every_list_is_sound_full_and_empty(staffed: Staffed, window: Window) -> None:
    found = {"rule": "one plan", "site": "", "subject": "MRN 7", "what": "2 active plans", "mend": "end one"}
    check = PromiseCheck(started_at=NOW, finished_at=NOW, plans=1, violations=1, found=[found])
    with window("helen") as screen:
        for name in (Worklist.OVERDUE, Worklist.NOT_REVIEWED, Worklist.UNREACHABLE, Worklist.IN_DOUBT):
            screen.sound(path=f"/?list={name}")
        staffed.do(lambda work: work.session.add(check))
        screen.sound(path="/?text=nobody-is-called-so")
        for path in ("/board/day", "/search?q=a", "/search?q=nobody-is-called-so", "/search"):
            screen.sound(path=path)


def test_an_empty_board_says_so_and_is_sound(staffed: Staffed, window: Window) -> None:
    """At the other clinic, once its only patient has moved away."""

    def gone(work: worklist.Work) -> None:
        patient = work.session.exec(select(Patient).where(Patient.mrn == "E-1")).one()
        row = worklist.find_row(work, [patient.site_id], f"without_plan:{patient.id.hex}")
        acts.act(work, row, acts.WorklistAction.SNOOZE, text="moved away", until=NOW.date() + timedelta(days=9))

    staffed.do(gone, "oscar")
    with window("oscar") as screen:
        page = screen.open("/")
        expect(page.get_by_text("Every list is empty")).to_be_visible()
        screen.sound()


def test_without_scripts_the_panel_is_a_page_that_leads_back(staffed: Staffed, window: Window) -> None:
    with window("grace", scripts=False) as screen:
        page = screen.open("/?list=no_report&sort=name")
        page.locator("#act-on-0").click()
        page.get_by_role("button", name="Record the report").click()
        expect(page.get_by_role("status").first).to_contain_text("The report on")
        assert page.url.endswith("/?list=no_report&sort=name")
