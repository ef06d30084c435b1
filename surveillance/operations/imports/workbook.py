"""From the bytes of an Excel workbook (.xlsx) to a grid: its first visible sheet, each cell as it is shown.

A workbook is a zip of XML files, so a small one can unpack to gigabytes. Before anything of it is held in memory
it is walked through once: what it unpacks to, its elements and the cells of a row are bounded.
"""

import io
import re
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from hashlib import sha256
from typing import Any, Final
from xml.etree.ElementTree import ParseError
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from surveillance.core.errors import InvalidFileError, Problem
from surveillance.operations.imports.sheets import COLUMNS, Grid, header_and_rows

MAGIC: Final = b"PK\x03\x04"  # of any zip
OLD_MAGIC: Final = b"\xd0\xcf\x11\xe0"  # .xls, and .xlsx behind a password
UNPACKED: Final = 256 * 1024 * 1024  # bytes
ELEMENTS: Final = 6_000_000  # two for each cell that is filled: about 100,000 patients
ROW_CELLS: Final = 16_384  # as many columns as Excel has
LAST_ROW: Final = 1_048_576  # of Excel
DIGITS: Final = 15  # that Excel keeps of a number
_MASK: Final = re.compile(r"0[0\- /]*")
_DAMAGED: Final = (
    BadZipFile, InvalidFileException, ParseError, expat.ExpatError, zlib.error, EOFError, KeyError, IndexError,
    ValueError, TypeError, AttributeError, NotImplementedError, RuntimeError, OSError,
)  # fmt: skip


class _TooLargeError(Exception):
    """The workbook is larger than any registry."""


def read_workbook(name: str, data: bytes) -> Grid:
    """Read the first visible sheet.

    Raises:
        InvalidFileError: it cannot be opened, is too large, or holds nothing.
    """
    try:
        _measure(data)
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        sheet: Any = visible[0]
        numbers: dict[int, int] = {}
        line, headers, rows = header_and_rows(name, _lines(sheet, numbers))
    except _TooLargeError as error:
        reason = f"the workbook is too large to be read safely ({error}); save the sheet as 'CSV UTF-8' and load that"
        raise InvalidFileError([Problem(name, 1, reason)]) from error
    except _DAMAGED as error:
        reason = "this Excel workbook cannot be read; open it, save it again as .xlsx or as 'CSV UTF-8'"
        raise InvalidFileError([Problem(name, 1, reason)]) from error
    notes = [f"of {len(visible)} sheets only the first was read, {sheet.title!r}"] if len(visible) > 1 else []
    return Grid(name, sha256(data).hexdigest(), line, headers, rows, "", notes, numbers)


def _measure(data: bytes) -> None:
    """Walk through every XML file of the workbook without keeping anything. A zip never yields more than it states."""
    with ZipFile(io.BytesIO(data)) as archive:
        entries = [entry for entry in archive.infolist() if entry.filename.endswith((".xml", ".rels"))]
        if sum(entry.file_size for entry in entries) > UNPACKED:
            raise _TooLargeError(f"it unpacks to more than {UNPACKED // 1024**2} MB")
        elements = 0
        for entry in entries:
            with archive.open(entry) as stream:
                elements += _elements(stream, ELEMENTS - elements)


def _elements(stream: Any, limit: int) -> int:
    """How many elements an XML file has; one that declares entities of its own is refused."""
    parser = expat.ParserCreate()
    elements = cells = 0

    def start(tag: str, _attributes: Any) -> None:
        nonlocal elements, cells
        elements += 1
        local = tag.rpartition(":")[2]
        cells = 0 if local == "row" else cells + (local == "c")
        if elements > limit or cells > ROW_CELLS:
            raise _TooLargeError(f"more than {ELEMENTS} elements, or {ROW_CELLS} cells in a row")

    def declares(*_: Any) -> None:
        raise ValueError("a workbook declares no document type")

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = declares
    parser.ParseFile(stream)
    return elements


def _lines(sheet: Any, numbers: dict[int, int]) -> Iterator[tuple[int, list[str]]]:
    sheet.reset_dimensions()  # what a file says of its size may be wrong
    blank: Any = None  # rows that the file leaves out are one and the same tuple
    for line, cells in enumerate(sheet.iter_rows(max_row=LAST_ROW, max_col=COLUMNS + 1), start=1):
        if cells is blank:
            continue
        shown = [_shown(cell, line, numbers) for cell in cells]
        if any(shown):
            yield line, shown
        else:
            blank = cells


def _shown(cell: Any, line: int, numbers: dict[int, int]) -> str:
    value = cell.value
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return _number(cell, line, numbers)
        case datetime():
            return value.date().isoformat()
        case date() | time():
            return value.isoformat()
    return str(value).strip()


def _number(cell: Any, line: int, numbers: dict[int, int]) -> str:
    """As many digits as are shown: a number that is formatted as 000000 keeps its leading zeros."""
    value = cell.value
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.{DIGITS}g}"
    digits, mask = str(int(value)), re.sub(r'[\\"]', "", cell.number_format.split(";")[0])
    if not _MASK.fullmatch(mask) or value < 0:
        numbers.setdefault(cell.column - 1, line)
        return digits
    return _masked(digits, mask)


def _masked(digits: str, mask: str) -> str:
    """``4567`` as ``000-000`` is ``004-567``; digits for which the mask has no place stand in front."""
    left = list(digits.zfill(mask.count("0")))
    tail = [left.pop() if sign == "0" else sign for sign in reversed(mask)]
    return "".join(left) + "".join(reversed(tail))
