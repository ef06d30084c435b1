"""Takes the pictures of the guides from the demo: ``python tests/render_screens.py [NAME …]`` puts them into
docs/images/.

The clinic stands still on one Tuesday morning, so a picture changes only with its page. With pngquant at hand the
files are small.
"""

import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "web"))

from browser import DESK, FLAGS, PHONE, Screen, screen
from playwright.sync_api import Browser, sync_playwright
from staff import NOW, Staffed, open_app

from surveillance import bootstrap, paths
from surveillance.catalogue import demo as demo_files
from surveillance.cli.service.demo import live
from surveillance.operations.calendars import page_addresses
from surveillance.operations.demo import stories
from surveillance.operations.proof.nightly_check import prove
from surveillance.operations.work import Work
from surveillance.store import db
from surveillance.store.registry import patients
from surveillance.store.tables import Patient
from surveillance.worker import job_context_of

FOLDER = Path(__file__).parents[1] / "docs" / "images"
FILE = """MRN;Surname;First name;DOB;Telephone;Protocol;End of treatment
000101;Winters;Alma;1988-03-14;(202) 555-0171;;
000201;Lindgren;Signe;1994-06-30;(202) 555-0172;asps-extremity;2026-09-01
000202;Okonjo;Ifeoma;2001-02-11;(202) 555-0173;asps-extremity;2026-10-12
000203;Abbott;Jonah;31.31.1979;;;
"""

Way = Callable[[Screen, Staffed], object]


def at(path: str) -> Way:
    """A page as it opens; a name in braces stands for the patient with that MRN."""

    def go(shown: Screen, clinic: Staffed) -> None:
        before, _, rest = path.partition("{")
        mrn, _, after = rest.partition("}")
        shown.open(before + str(clinic.patient_id(mrn)) + after if rest else path)

    return go


def row_opened(shown: Screen, _clinic: Staffed) -> None:
    page = shown.open("/")
    page.get_by_role("button", name="Call … about Costa, Bruno").first.click()
    page.locator(".app-panel").wait_for()


def enrolling(shown: Screen, _clinic: Staffed) -> None:
    page = shown.open("/patients/new")
    page.fill("#mrn", "000301")
    page.fill("#family_name", "Lindgren")
    page.fill("#birth_date", "1994-06-30")
    page.fill("#anchor", "2026-09-01")
    page.locator("#schedule-said", has_text="Trips a year").wait_for()
    page.locator("#schedule-drawn svg").wait_for()
    page.evaluate("document.querySelector('#schedule').scrollIntoView()")


def booking(shown: Screen, clinic: Staffed) -> None:
    page = shown.open(f"/patients/{clinic.patient_id('000101')}/book")
    page.get_by_role("button", name="10:00").click()
    page.locator("#ahead-said", has_text="1 day before").wait_for()
    page.locator("#ahead-said summary").first.click()


def difference(shown: Screen, _clinic: Staffed) -> None:
    page = shown.open("/imports")
    page.set_input_files("[name=file]", {"name": "registry.csv", "mimeType": "text/csv", "buffer": FILE.encode()})
    page.get_by_role("button", name="Load the file").click()
    page.get_by_role("button", name="Show what would change").click()
    page.get_by_role("heading", name="What would change").wait_for()


def own_page(shown: Screen, clinic: Staffed) -> None:
    patient_id = clinic.patient_id("000121")

    def made(work: Work) -> str:
        patient = work.session.get_one(Patient, patient_id)
        contact = patients.contacts(work.session, patient.id)[0]
        return page_addresses.new_page(work, patient, contact, "en", None)[1]

    shown.open(f"/p/{clinic.do(made)}")


SCREENS: dict[str, tuple[str | None, int, Way]] = {
    "board": ("grace", DESK, at("/")),
    "board-row": ("grace", DESK, row_opened),
    "enrol": ("grace", DESK, enrolling),
    "patient": ("grace", DESK, at("/patients/{000126}")),
    "booking": ("grace", DESK, booking),
    "calendar-month": ("grace", DESK, at("/calendar?view=month&day=2026-11-24")),
    "calendar-week": ("grace", DESK, at("/calendar?view=week&day=2026-11-24")),
    "day-list": ("grace", DESK, at("/board/day")),
    "messages": ("grace", DESK, at("/messages")),
    "conversation": ("grace", DESK, at("/patients/{000117}#conversation")),
    "own-page-phone": (None, PHONE, own_page),
    "texts": ("grace", DESK, at("/messages/texts")),
    "import": ("grace", DESK, difference),
    "protocol": ("helen", DESK, at("/protocols/asps-extremity@2026.2")),
    "reports": ("grace", DESK, at("/reports")),
    "audit-log": ("admin", DESK, at("/admin/audit")),
    "board-phone": ("grace", PHONE, at("/")),
    "patient-phone": ("grace", PHONE, at("/patients/{000126}")),
}


def furnish(url: str) -> Staffed:
    """The whole demo, with the last days' messages sent and the promise checked in the night."""
    db.upgrade(url)
    app = open_app(url)
    with db.writing(app.engine) as session:
        work = app.work(session, bootstrap.system_actor(session), NOW)
        clinic = demo_files.load(paths.config_folder() / "demo" / "clinic.yaml")
        site = stories.load(work, clinic)
    live(app, site, clinic.replies, NOW)
    prove(job_context_of(app, lambda: NOW), threading.Event())
    return Staffed(app)


def take(browser: Browser, clinic: Staffed, name: str) -> Path:
    username, width, go = SCREENS[name]
    file = FOLDER / f"{name}.png"
    with screen(browser, clinic, username, width) as shown:
        go(shown, clinic)
        shown.page.wait_for_load_state("networkidle")
        shown.page.screenshot(path=file)
    if pngquant := shutil.which("pngquant"):
        subprocess.run(
            [pngquant, "--force", "--skip-if-larger", "--speed", "1", "--ext", ".png", "64", file], check=False
        )
    return file


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        clinic = furnish(f"sqlite:///{folder}/demo.sqlite3")
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        for name in names or SCREENS:
            file = take(browser, clinic, name)
            print(f"{file.name}: {file.stat().st_size // 1000} kB")
        browser.close()
        clinic.app.close()


if __name__ == "__main__":
    main(sys.argv[1:])
