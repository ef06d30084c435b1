"""Files of patients on the command line: CSV files and workbooks, headers of all kinds."""

from pathlib import Path

import pytest
from openpyxl import Workbook


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    """The clinic's patient with another number, a new patient, and one whose MRN Excel took for a number."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(["Number", "Surname", "First name", "DOB", "Mobile phone", "Remarks"])
    sheet.append(["00417", "Okafor", "Ada", "1998-05-14", "(212) 555-0124", "likes tea"])
    sheet.append(["00500", "Winters", "Alma", "1988-03-14", None, None])
    sheet.append([501, "Berg", "Tom", "1975-07-02", "12-34", None])
    path = tmp_path / "registry.xlsx"
    book.save(path)
    return path


COLUMNS = ("--map", "Number=mrn", "--map", "Remarks=")


def test_a_workbook_is_taken_in_with_its_warnings(clinic, workbook):
    result = clinic.run("import", str(workbook), *COLUMNS, "--yes")
    assert result.exit_code == 0, result.output
    assert "2 new, 1 changed" in result.output
    assert "column 'Number' holds numbers from line 4 on" in result.output
    assert "'12-34' is not a number" in result.output
    shown = clinic.json("import", str(workbook), *COLUMNS, "--dry-run")["result"]
    assert (shown["new"], shown["changed"], shown["unchanged"]) == (0, 0, 3)


def test_a_header_that_nothing_is_said_of_is_named(clinic, workbook):
    result = clinic.run("import", str(workbook), "--map", "Number=mrn", "--yes")
    assert result.exit_code != 0
    assert "registry.xlsx:1: unknown column 'Remarks'" in result.output


def test_letters_of_windows_are_read_without_being_told(clinic, tmp_path):
    path = tmp_path / "registry.csv"
    path.write_bytes("mrn;family_name;given_name;birth_date\n00500;Müller;Zoë;1988-03-14\n".encode("cp1252"))
    clinic("import", str(path), "--yes")
    assert "Müller" in clinic("patient", "find", "muller")
