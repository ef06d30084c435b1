"""Reports and protocols in the browser: what they tell, who may sign, and that every page is sound."""

import re
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from browser import Screen
from form_reading import mistakes
from sqlmodel import col, select
from staff import HERE, Staffed

from surveillance import bootstrap, paths
from surveillance.core.reports.counting import ReportName
from surveillance.operations.care import migration
from surveillance.operations.work import Work
from surveillance.store.tables import Approval, Contact, Inbound, PlanTerms
from surveillance.web.pages.reports import reports as pages

Window = Callable[..., AbstractContextManager[Screen]]
ASPS, ESMO = "asps-extremity@2026.2", "esmo-sts-high@2026.1"


def _confirmed(work: Work) -> None:
    """A patient said that the visit suits."""
    phone = work.session.exec(select(Contact.phone).where(col(Contact.phone).is_not(None))).first()
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    row = Inbound(provider_id="IN1", from_number=phone, to_number="", body="C", keyword="CONFIRM", received_at=at)
    work.session.add(row)


@pytest.mark.parametrize("name", ReportName)
def test_each_report_tells_its_numbers_and_by_which_rule(staffed: Staffed, name: ReportName) -> None:
    staffed.do(_confirmed)
    page = staffed.client("visitor").get(f"/reports/{name}")
    assert page.status_code == 200
    assert "How this is counted" in page.text
    assert "<svg" in page.text
    csv = staffed.client("visitor").get(f"/reports/{name}.csv?first=2026-01-01&last=2026-11-24")
    assert csv.headers["content-type"].startswith("text/csv")
    assert len(csv.text.splitlines()) > 1


def test_a_period_that_cannot_be_looked_back_on_is_told(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    assert "before it begins" in grace.get("/reports?first=2026-05-01&last=2026-04-01").text
    assert "must be a real day" in grace.get("/reports/loss?first=yesterday").text
    assert grace.get("/reports/nothing").status_code == 404


def test_a_period_without_anything_says_so(staffed: Staffed) -> None:
    page = staffed.client("grace").get("/reports/no_shows?first=2001-01-01&last=2001-02-01")
    assert "<svg" not in page.text
    assert "app-empty" in page.text


def test_of_many_patients_each_report_is_counted_by_itself(staffed: Staffed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MANY", 1)
    grace = staffed.client("grace")
    page = grace.get("/reports?first=2026-01-01").text
    assert page.count('hx-trigger="load"') == len(ReportName)
    assert "<svg" not in page
    part = grace.live("/reports/on_time?first=2026-01-01").text
    assert "<html" not in part
    assert "<svg" in part


def test_a_protocol_is_drawn_cited_and_tried_out(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    assert "Alveolar soft part sarcoma" in grace.get("/protocols").text
    page = grace.get(f"/protocols/{ASPS}").text
    assert "Lieberman 1989" in page
    assert "approved by Dr Helen Marsh" in page
    assert "repeats what a clinician has approved" in page
    assert "Version(" not in page
    part = grace.live(f"/protocols/{ASPS}?anchor=2026-01-31&every-mri_primary=6&every-chest_imaging=off").text
    assert "<html" not in part
    assert "31 Jul 2026" in part
    assert "Chest CT or chest X-ray leaves out months" in part
    assert "Chest CT" not in part[part.index("<svg") :]
    assert "must be a real day" in grace.get(f"/protocols/{ASPS}?anchor=soon").text


def test_a_clinician_signs_what_may_be_used_and_nobody_else(staffed: Staffed) -> None:
    assert staffed.client("grace").get(f"/protocols/{ESMO}/approve?site={HERE}").status_code == 403
    helen = staffed.client("helen")
    assert "Say that you have read it" in helen.post(f"/protocols/{ESMO}/approve", site=HERE).text
    assert "as reported by BC Cancer" in helen.get(f"/protocols/{ESMO}/approve?site={HERE}").text
    unread = helen.post(f"/protocols/{ESMO}/approve", site=HERE, read="yes")
    assert mistakes(unread.text)["source-read"] == "Say that you have read the source"
    helen.follow(helen.post(f"/protocols/{ESMO}/approve", site=HERE, read="yes", **{"source-read": "yes"}))
    approved = staffed.look(lambda work: [row.protocol_key for row in work.session.exec(select(Approval))])
    assert approved.count(ESMO) == 1


@pytest.fixture
def newer(staffed: Staffed, tmp_path: Path) -> str:
    """A second version of the protocol, which asks for the chest every six months from the start."""
    folder = tmp_path / "config"
    shutil.copytree(paths.config_folder(), folder)
    old = folder / "protocols" / "asps-extremity.yaml"
    text = old.read_text(encoding="utf-8").replace('version: "2026.2"', 'version: "2027.1"')
    first, chest, rest = text.partition("code: chest_imaging")
    rest = rest.replace("interval: {min: 3, max: 6, default: 3}", "interval: 6", 1)
    (folder / "protocols" / "asps-extremity-2027.yaml").write_text(first + chest + rest, encoding="utf-8")
    settings = staffed.app.settings.model_copy(update={"config_dir": folder})
    staffed.app = replace(staffed.app, catalogue=bootstrap.open_catalogue(settings))
    return "asps-extremity@2027.1"


def ticks(page: str, ticked: str = " checked") -> list[str]:
    """The plans that can be moved, as the page offers them."""
    return re.findall(rf'name="plan" value="([^"]+)" form="move"{ticked}>', page)


def test_versions_are_compared_and_patients_moved_after_a_look(staffed: Staffed, newer: str) -> None:
    helen = staffed.client("helen")
    page = helen.get(f"/protocols/compare?before={ASPS}&after={newer}").text
    assert "Chest CT or chest X-ray: Phase months 1 to 36" in page
    helen.follow(helen.post(f"/protocols/{newer}/approve", site=HERE, read="yes", **{"source-read": "yes"}))
    assert "move the patients of" in helen.get(f"/protocols/{newer}").text
    query = f"site={HERE}&before={ASPS}&after={newer}&since=2026-11-24"
    look = helen.get(f"/protocols/migrate?{query}").text
    assert "Nothing is changed yet." in look
    site = staffed.site_id()
    before = staffed.look(lambda work: migration.counts(work, [site]))[site, ASPS]
    fields = {"site": HERE, "before": ASPS, "after": newer, "since": "2026-11-24", "from": ""}
    assert "Enter why the patients are moved" in helen.post("/protocols/migrate", **fields).text
    untouched, *ticked = ticks(look)
    nobody = helen.post("/protocols/migrate", **fields, shown="yes", reason="chest every six months")
    assert "Tick the patients to move" in nobody.text
    assert ticks(nobody.text, "") == [untouched, *ticked]
    answer = helen.post("/protocols/migrate", **fields, plan=ticked, reason="chest every six months")
    while "/migrate?" in answer.headers["location"]:
        last = answer.headers["location"].partition("from=")[2]
        following = ticks(helen.follow(answer).text)
        answer = helen.post(
            "/protocols/migrate", **{**fields, "from": last}, plan=following, reason="chest every six months"
        )
    assert untouched in helen.get(f"/protocols/migrate?{query}").text
    counts = staffed.look(lambda work: migration.counts(work, [site]))
    assert counts[site, newer] > 0
    assert counts.get((site, ASPS), 0) < before
    rows = staffed.look(lambda work: [row.reason for row in work.session.exec(select(PlanTerms))])
    assert rows.count("chest every six months") == counts[site, newer]


@pytest.mark.browser
def test_the_pages_are_sound(window: Window) -> None:
    with window("helen") as shown:
        for path in (
            "/reports", "/reports/messages", "/reports/no_shows?first=2001-01-01&last=2001-02-01", "/reports?first=x",
            "/protocols", f"/protocols/{ASPS}", f"/protocols/{ESMO}/approve?site={HERE}",
            f"/protocols/compare?before={ASPS}&after={ESMO}",
            f"/protocols/migrate?site={HERE}&before={ASPS}&after={ASPS}",
        ):  # fmt: skip
            shown.sound(path=path)


@pytest.mark.browser
def test_a_migration_is_looked_at_and_signed_in_a_browser(window: Window, staffed: Staffed, newer: str) -> None:
    staffed.client("helen").post(f"/protocols/{newer}/approve", site=HERE, read="yes", **{"source-read": "yes"})
    with window("helen") as shown:
        shown.sound(path=f"/protocols/migrate?site={HERE}&before={ASPS}&after={newer}&since=2026-11-24")
        shown.page.get_by_label("Move", exact=False).first.uncheck()
        shown.page.get_by_label("Why").fill("chest every six months")
        shown.page.get_by_role("button", name="Move the ticked patients and sign").click()
        shown.page.get_by_text(f"24 patients moved to {newer}.").wait_for()
        shown.sound()
