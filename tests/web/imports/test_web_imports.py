"""Importing a file in the browser, by HTTP, and once in a real one."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import PHONE, Screen
from sqlmodel import col, select
from staff import Staffed, Visitor

from surveillance import worker
from surveillance.operations.imports import carrying, explained, uploads
from surveillance.operations.registry import patients
from surveillance.store.tables import AuditEvent, ImportUpload, Patient, UploadState
from surveillance.web import app as web_app

HEADER = "Number;Surname;First name;DOB;Telephone no.;Protocol;End of treatment;Shoe size"
GOOD = "A-1;Winters;Alma;1988-03-14;(202) 555-0171;asps-extremity;2026-09-01;38"
WRONG = "A-2;Núñez;Ana;1.2.1990;;;;"
BARE = b"mrn,family_name,given_name,birth_date\nA-1,Winters,Alma,1988-03-14\n"


def load(visitor: Visitor, data: bytes, name: str = "registry.csv", site: str = "RIVERSIDE") -> httpx.Response:
    fields = {"token": visitor.token, "site": site}
    return visitor.client.post("/imports", data=fields, files={"file": (name, data)})


def loaded(visitor: Visitor, *rows: str) -> str:
    """A file is loaded; the address of its page."""
    answer = load(visitor, "\n".join([HEADER, *rows]).encode("cp1252"))
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def compared(visitor: Visitor, *rows: str) -> str:
    """... and its columns are chosen as they were guessed, but for the first, which nothing can guess."""
    address = loaded(visitor, *rows)
    columns = ["mrn", "family_name", "given_name", "birth_date", "phone", "protocol", "anchor", ""]
    visitor.follow(
        visitor.post(f"{address}/columns", **{f"column-{place}": name for place, name in enumerate(columns)})
    )
    return address


def carry(staffed: Staffed) -> None:
    carrying.carry_in(worker.job_context_of(staffed.app, lambda: staffed.now), threading.Event())


def the_upload(staffed: Staffed) -> ImportUpload:
    return staffed.look(lambda work: work.session.exec(select(ImportUpload)).one())


def test_a_file_is_loaded_matched_looked_at_and_taken_in(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    address = loaded(grace, GOOD, WRONG)
    page = grace.get(address).text
    assert "read as Windows letters" in page
    assert "Núñez" in page
    assert "Needed are MRN, Family name, Given name and Birth date" in page
    refused = grace.post(f"{address}/columns", **{"column-1": "family_name", "column-2": "family_name"})
    assert refused.status_code == 422
    assert "Choose the column for MRN and for Given name and for Birth date" in refused.text
    assert "Family name is chosen twice" in refused.text
    address = compared(grace, GOOD, WRONG)
    page = grace.get(address).text
    assert "Winters, Alma" in page
    assert "is not a date; write YYYY-MM-DD" in page
    assert "Take in the 1 good row" in page
    grace.follow(grace.post(f"{address}/confirm", skip_errors="yes"))
    assert "0 of 2 rows (0 %)" in grace.get(address).text
    assert "0 of 2 rows" in grace.live(f"{address}/progress").text
    carry(staffed)
    assert grace.live(f"{address}/progress").headers["HX-Redirect"] == address
    page = grace.get(address).text
    assert "registry.csv is taken in" in page
    assert staffed.patient_id("A-1")
    rows = grace.get(f"{address}/rows.csv")
    assert rows.headers["content-disposition"] == 'attachment; filename="registry - to mend.csv"'
    assert "A-2,Núñez,Ana,1.2.1990,,,,,3,birth date: '1.2.1990' is not a date; write YYYY-MM-DD" in rows.text
    assert "registry.csv" in grace.get("/imports").text
    taken_out = select(AuditEvent).where(AuditEvent.action == "import.export")
    assert staffed.look(lambda work: len(list(work.session.exec(taken_out)))) == 1


def test_what_the_file_says_of_known_patients_is_a_look_at_them(staffed: Staffed) -> None:
    def known(work: Any) -> Any:
        site = work.site(staffed.site_id())
        new = patients.NewPatient("A-1", "Winters", "Alma", date(1988, 3, 14))
        return patients.add_patient(work, site, new).id

    patient_id = staffed.do(known)
    grace = staffed.client("grace")
    address = compared(grace, GOOD, GOOD.replace("A-1", "A-9"))
    page = grace.get(address).text
    assert "Perhaps on record twice" in page
    assert "+12025550171" in page
    actions = select(col(AuditEvent.action)).where(AuditEvent.patient_id == patient_id)
    assert "patient.view" in staffed.look(lambda work: list(work.session.exec(actions)))


def test_yes_starts_the_worker_beside_the_server(staffed: Staffed) -> None:
    kicked = []

    class Beside:
        def start(self) -> None: ...
        def stop(self) -> None: ...
        def kick(self, name: str) -> None:
            kicked.append((name, the_upload(staffed).state))

    grace = staffed.client("grace")
    address = compared(grace, GOOD)
    grace.client.app.state.background = Beside()  # type: ignore[attr-defined]
    grace.post(f"{address}/confirm")
    assert kicked == [("imports", UploadState.APPLYING)]
    assert "imports" in worker.EVERY


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "Choose a CSV file or an Excel workbook"),
        (b"\n", "Line 1: the file is empty"),
        (b"PK\x03\x04 no workbook", "Line 1: this Excel workbook cannot be read"),
        (b"%PDF\0", "neither a CSV file nor an Excel workbook"),
    ],
    ids=["none", "empty", "damaged", "other"],
)
def test_a_file_that_cannot_be_read_is_told_at_its_field(staffed: Staffed, data: bytes, told: str) -> None:
    answer = load(staffed.client("grace"), data, name="a.csv" if data else "")
    assert answer.status_code == 422
    assert told in answer.text
    assert 'href="#file"' in answer.text


def test_a_file_may_be_larger_than_any_other_form_and_has_a_limit_too(
    staffed: Staffed, monkeypatch: pytest.MonkeyPatch
) -> None:
    grace = staffed.client("grace")
    large = BARE + b"\n".join([b"B-%d,Ash,%s,2001-01-01" % (number, b"Bea" * 9000) for number in range(100)])
    assert len(large) > 2 * web_app.LARGEST_BODY
    assert load(grace, large).status_code == 303
    assert grace.client.post("/imports/x/discard", content=large).status_code == 413
    monkeypatch.setattr(uploads, "LARGEST", 1000)
    assert "is larger than" in load(grace, large).text


def test_a_file_of_another_clinic_does_not_exist(staffed: Staffed) -> None:
    address = compared(staffed.client("grace"), GOOD)
    outsider = staffed.client("oscar")
    assert outsider.get(address).status_code == 404
    assert outsider.get(f"{address}/rows.csv").status_code == 404
    assert outsider.post(f"{address}/confirm").status_code == 404
    assert load(outsider, BARE).status_code == 422, "the clinic is not one of hers"
    assert staffed.client("visitor").get("/imports").status_code == 403


def test_a_file_is_discarded_and_the_columns_may_be_chosen_again(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    address = compared(grace, GOOD)
    assert 'value="mrn" selected' in grace.get(f"{address}/columns").text
    page = grace.follow(grace.post(f"{address}/discard"))
    assert "registry.csv was discarded" in page.text
    assert "Nothing of it went in" in grace.get(address).text
    assert "somebody was quicker" in grace.post(f"{address}/confirm").text


def test_an_import_that_stopped_says_why_and_can_go_on(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    address = compared(grace, GOOD)
    grace.post(f"{address}/confirm")

    def stop(work: Any) -> None:
        upload = work.session.exec(select(ImportUpload)).one()
        upload.state, upload.failure = UploadState.FAILED, "an unforeseen fault (IntegrityError)"

    staffed.do(stop)
    page = grace.get(address).text
    assert "An unforeseen fault (IntegrityError)" in page
    grace.follow(grace.post(f"{address}/confirm"))
    carry(staffed)
    assert staffed.patient_id("A-1")


def test_the_template_explains_its_columns_and_can_be_loaded_as_it_is(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    text = grace.get("/imports/template.csv").text
    assert "What to write: the medical record number" in text
    row = ["A-7", "Ash", "Bea", "2001-01-01", *[""] * (len(explained.COLUMNS) - 4)]
    address = load(grace, (text + ",".join(row) + "\r\n").encode()).headers["location"]
    columns = {f"column-{place}": name for place, name in enumerate(explained.COLUMNS)}
    grace.follow(grace.post(f"{address}/columns", **columns))
    counts = the_upload(staffed).counts
    assert (counts["new"], counts["error"]) == (1, 0)


@pytest.mark.browser
def test_a_registry_goes_in_before_ones_eyes(
    staffed: Staffed, window: Callable[..., AbstractContextManager[Screen]], tmp_path: Path
) -> None:
    """Upload → columns → difference → yes → the bar moves → done → the wrong rows to mend."""
    file = tmp_path / "registry.csv"
    file.write_bytes("\n".join([HEADER, GOOD, WRONG]).encode("cp1252"))
    with window("grace") as screen:
        page = screen.open("/imports")
        screen.sound()
        page.set_input_files("input[type=file]", file)
        page.get_by_role("button", name="Load the file").click()
        page.get_by_label("What Number stands for").select_option("MRN")
        screen.sound()
        page.get_by_role("button", name="Show what would change").click()
        page.wait_for_selector("text=Rows that cannot go in")
        screen.sound()
        page.get_by_role("button", name="Take in the 1 good row").click()
        page.wait_for_selector("[role=progressbar]")
        screen.sound()
        carry(staffed)
        page.wait_for_selector("text=registry.csv is taken in")
        screen.sound()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download these rows as CSV").click()
        assert "is not a date" in Path(download.value.path()).read_text(encoding="utf-8")
        page.locator("h1").click()  # a link that has the focus has a box in place of the underline
        page.set_viewport_size({"width": PHONE, "height": 800})
        screen.sound()
        screen.sound(path="/imports")


@pytest.mark.browser
def test_a_registry_goes_in_without_scripts(
    staffed: Staffed, window: Callable[..., AbstractContextManager[Screen]], tmp_path: Path
) -> None:
    file = tmp_path / "registry.csv"
    file.write_bytes(BARE)
    with window("grace", scripts=False) as screen:
        page = screen.open("/imports")
        page.set_input_files("input[type=file]", file)
        page.get_by_role("button", name="Load the file").click()
        page.get_by_role("button", name="Show what would change").click()
        page.get_by_role("button", name="Take in 1 patient").click()
        carry(staffed)
        page.get_by_role("link", name="Look again").click()
        assert page.locator("h1").inner_text() == "registry.csv is taken in"
    mrns = staffed.look(lambda work: list(work.session.exec(select(col(Patient.mrn)))))
    assert "A-1" in mrns
