"""Files as people have them: workbooks, other headers, other letters, and files that mean harm."""

import io
import zipfile
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from openpyxl import Workbook

from surveillance.core.errors import InvalidFileError
from surveillance.operations.imports import headers, reading, sheets, workbook

HEADER = ["MRN", "Surname", "First name", "Date of birth", "Sedation", "eGFR"]


def xlsx(*rows: list[Any], formats: dict[str, str] | None = None, sheets: int = 1) -> bytes:
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    for cell, form in (formats or {}).items():
        book.worksheets[0][cell].number_format = form
    for number in range(1, sheets):
        book.create_sheet(f"Notes {number}").append(["nothing of interest"])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def replaced(data: bytes, name: str, content: bytes) -> bytes:
    """The workbook with one of its files exchanged."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            new.writestr(entry, content if entry == name else old.read(entry))
    return out.getvalue()


def test_a_workbook_is_read_as_it_is_shown() -> None:
    born = datetime(1988, 3, 14)  # noqa: DTZ001  # a spreadsheet's days know no zone
    data = xlsx(HEADER, ["A-007", " Winters ", "Alma", born, True, 59.5], [None] * 6, [12, "Berg", "Tom", born])
    sheet = headers.as_sheet(reading.read_grid("registry.xlsx", data), {"First name": "given_name"})
    assert sheet.rows == [
        (2, {"mrn": "A-007", "family_name": "Winters", "given_name": "Alma", "birth_date": "1988-03-14",
             "sedation": "yes", "egfr": "59.5"}),
        (4, {"mrn": "12", "family_name": "Berg", "given_name": "Tom", "birth_date": "1988-03-14"}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "form", "shown"),
    [
        (7, "000000", "000007"),
        (1234567, "000000", "1234567"),
        (12345678, "000-00-0000", "012-34-5678"),
        (12345678, '000"-"00\\-0000;@', "012-34-5678"),
        (7, "General", "7"),
        (7.0, "0.00", "7"),
        ("007", "General", "007"),
        (date(2026, 3, 2), "dd.mm.yyyy", "2026-03-02"),
    ],
)
def test_a_number_keeps_the_zeros_that_are_shown(value: Any, form: str, shown: str) -> None:
    grid = reading.read_grid("a.xlsx", xlsx(["MRN"], [value], formats={"A2": form}))
    assert grid.rows[0][1][0] == shown


def test_numbers_in_the_column_of_the_mrn_are_warned_of() -> None:
    rows = (["MRN", "Surname", "First name", "DOB", "eGFR"], [7, "Winters", "Alma", date(1988, 3, 14), 60])
    sheet = headers.as_sheet(reading.read_grid("a.xlsx", xlsx(*rows)))
    assert [warning.split(":")[0] for warning in sheet.warnings] == ["column 'MRN' holds numbers from line 2 on"]
    as_shown = reading.read_grid("a.xlsx", xlsx(*rows, formats={"A2": "000"}))
    assert headers.as_sheet(as_shown).warnings == []


def test_of_several_sheets_the_first_is_read_and_that_is_said() -> None:
    grid = reading.read_grid("a.xlsx", xlsx(["MRN"], ["1"], sheets=3))
    assert grid.notes == ["of 3 sheets only the first was read, 'Sheet'"]
    assert len(grid.rows) == 1


# -- files that mean harm ----------------------------------------------------------------------------------------

SHEET = "xl/worksheets/sheet1.xml"
OPEN = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
BOMB = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>' + OPEN + b"</sheetData></worksheet>"


@pytest.mark.parametrize(
    ("content", "limits", "reason"),
    [
        (OPEN + b" " * 4096, {"UNPACKED": 4096}, "too large to be read safely"),
        (OPEN + b"<row/>" * 600 + b"</sheetData></worksheet>", {"ELEMENTS": 500}, "too large to be read safely"),
        (OPEN + b"<row>" + b"<c/>" * 20_000, {}, "too large to be read safely"),
        (OPEN + b'<row r="9000000"><c r="A9000000"><v>1</v></c></row></sheetData></worksheet>', {}, "empty"),
        (BOMB, {}, "cannot be read"),
        (OPEN + b"<row><c", {}, "cannot be read"),
    ],
    ids=["unpacks to too much", "elements", "one endless row", "far below", "entities", "cut off"],
)
def test_a_workbook_that_would_fill_the_memory_is_refused_before_it_does(
    monkeypatch: pytest.MonkeyPatch, content: bytes, limits: dict[str, int], reason: str
) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(workbook, name, value)
    with pytest.raises(InvalidFileError, match=reason):
        reading.read_grid("bomb.xlsx", replaced(xlsx(["MRN"], ["1"]), SHEET, content))


def test_a_damaged_workbook_is_refused_and_never_breaks_the_service() -> None:
    """Whatever a byte is changed to, it is read or refused."""
    data, chance = xlsx(HEADER, ["1", "Winters", "Alma", date(1988, 3, 14)]), Random(7)
    for _ in range(150):
        broken = bytearray(data)
        for _ in range(3):
            broken[chance.randrange(4, len(broken))] = chance.randrange(256)
        with suppress(InvalidFileError):
            reading.read_grid("damaged.xlsx", bytes(broken))


@pytest.mark.parametrize("data", [b"MRN\n" + b"1\n" * 12, b"," * 200 + b"MRN\n1\n"], ids=["rows", "columns"])
def test_a_file_with_more_than_any_registry_holds_is_refused(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sheets, "ROWS", 10)
    with pytest.raises(InvalidFileError, match="more than 10 rows or 100 columns"):
        reading.read_grid("a.csv", data)


def test_a_row_far_below_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    book = xlsx(HEADER, ["1", "Winters", "Alma", date(1988, 3, 14)])
    row = b'<row r="900000"><c r="A900000" t="str"><v>2</v></c></row></sheetData>'
    content = zipfile.ZipFile(io.BytesIO(book)).read(SHEET).replace(b"</sheetData>", row)
    assert [line for line, _ in reading.read_grid("a.xlsx", replaced(book, SHEET, content)).rows] == [2, 900000]


# -- headers and letters -----------------------------------------------------------------------------------------


def test_headers_are_guessed_each_column_once_and_the_rest_is_left_out() -> None:
    labels = ["MRN", "Patient ID", "Last Name", "Given names", "Date of Birth", "Telephone no.", "Shoe size"]
    assert headers.guess(labels) == {
        "MRN": "mrn", "Patient ID": "", "Last Name": "family_name", "Given names": "given_name",
        "Date of Birth": "birth_date", "Telephone no.": "phone", "Shoe size": "",
    }  # fmt: skip


def test_headers_that_stand_twice_or_are_blank_can_still_be_told_apart() -> None:
    grid = reading.read_grid("a.csv", b"MRN,Phone,,Phone,\n1,2,3,4\n")
    assert grid.labels == ["MRN", "Phone", "column 3", "Phone (2)"]


def test_a_column_that_was_left_out_is_not_taken_in() -> None:
    grid = reading.read_grid("a.csv", b"MRN,Surname,First name,DOB,Notes\n1,Winters,Alma,1988-03-14,likes tea\n")
    [(_, cells)] = headers.as_sheet(grid, {"Notes": "", "First name": "given_name"}).rows
    assert set(cells) == {"mrn", "family_name", "given_name", "birth_date"}


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("MRN;Surname\n1;Müller\n".encode(), "utf-8"),
        ("MRN;Surname\n1;Müller\n".encode("utf-8-sig"), "utf-8"),
        ("MRN;Surname\n1;Müller\n".encode("cp1252"), "cp1252"),
        ("MRN\tSurname\n1\tMüller\n".encode("utf-16"), "utf-16"),
    ],
)
def test_the_letters_are_guessed_and_the_guess_is_told(data: bytes, encoding: str) -> None:
    grid = reading.read_grid("a.csv", data)
    assert (grid.encoding, grid.rows[0][1][1]) == (encoding, "Müller")


def test_the_same_headers_in_another_order_have_the_same_fingerprint() -> None:
    assert headers.fingerprint(["MRN", "Name"]) == headers.fingerprint(["name", "mrn"])
    assert headers.fingerprint(["MRN", "Name"]) != headers.fingerprint(["MRN"])


def test_a_path_that_is_no_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="cannot read"):
        reading.read(tmp_path / "nowhere.csv")
