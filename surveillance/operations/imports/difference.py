"""What a file would change, in words, as it is shown before anybody says yes; and the rows that cannot go in."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from surveillance.core import plain
from surveillance.core.words import ContactKind, Sex
from surveillance.operations.csv_text import BOM, safe
from surveillance.operations.imports.compare import Changed, Comparison
from surveillance.operations.imports.namesakes import Namesake
from surveillance.operations.imports.rows import CellError, ImportedPatient
from surveillance.operations.imports.sheets import Grid

SHOWN = 20  # of each kind
ADDED = ("line", "what is wrong")  # columns of the file of rows that did not go in
Problem = dict[str, Any]  # line, cells as they stand in the file, faults as (column, reason)


def preview(
    found: Comparison, alike: Sequence[Namesake], notes: Sequence[str], rows: Iterable[ImportedPatient]
) -> dict[str, Any]:
    """The first of each kind, ready to be shown; kept as JSON with the upload."""
    warnings = [*notes, *(warning for row in rows for warning in row.warnings)]
    return {
        "new": [_who(row) | {"plan": _plan(row)} for row in found.new[:SHOWN]],
        "changed": [_changed(each) for each in found.changed[:SHOWN]],
        "alike": [_alike(each) for each in alike[:SHOWN]],
        "warnings": warnings[:SHOWN],
        "warning_count": len(warnings),
    }


def _who(row: ImportedPatient) -> dict[str, Any]:
    name = f"{row.values['family_name']}, {row.values['given_name']}"
    return {"line": row.line, "mrn": row.mrn, "name": name, "born": said(row.values["birth_date"])}


def _plan(row: ImportedPatient) -> str:
    return f"{row.protocol.title}, from {said(row.values['anchor'])}" if row.protocol else ""


def _changed(changed: Changed) -> dict[str, Any]:
    what = [[column, said(before), said(after)] for column, (before, after) in changed.fields.items()]
    what += [
        ["studies", "", f"{' and '.join(map(plain.item, items))} on {said(day)}"] for items, day in changed.studies
    ]
    if changed.enrols:
        what.append(["protocol", "", _plan(changed.row)])
    return _who(changed.row) | {"patient": str(changed.patient.id), "what": what}


def _alike(alike: Namesake) -> dict[str, Any]:
    patient = str(alike.patient_id) if alike.patient_id else ""
    return _who(alike.row) | {"other": alike.mrn, "patient": patient}


def said(value: Any) -> str:
    """A value as people write it."""
    match value:
        case None | "":
            return ""
        case bool():
            return "yes" if value else "no"
        case date():
            return f"{value.day} {value:%b %Y}"
        case Sex():
            return plain.SEX[value]
        case ContactKind():
            return plain.CONTACT[value]
        case float():
            return f"{value:g}"
    return str(value)


# -- rows that cannot go in ------------------------------------------------------------------------------------


def problems(grid: Grid, errors: Iterable[CellError]) -> list[Problem]:
    """Each row of the file that has something wrong, with all that is wrong with it."""
    by_line: dict[int, list[list[str]]] = {}
    for error in sorted(errors, key=lambda error: error.line):
        by_line.setdefault(error.line, []).append([error.column, error.reason])
    cells = {line: row for line, row in grid.rows if line in by_line}
    return [{"line": line, "cells": list(cells[line]), "faults": faults} for line, faults in by_line.items()]


def error_rows(labels: Sequence[str], rows: Iterable[Problem]) -> Iterator[str]:
    """The rows that did not go in as a CSV file to mend and load again: as they were, and what is wrong with each."""
    yield BOM
    yield _line([*labels, *ADDED])
    for row in rows:
        blank = [""] * (len(labels) - len(row["cells"]))
        reasons = "; ".join(f"{plain.item(column)}: {reason}" for column, reason in row["faults"])
        yield _line([*row["cells"][: len(labels)], *blank, row["line"], reasons])


def _line(cells: Sequence[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([safe(cell) for cell in cells])
    return out.getvalue()
