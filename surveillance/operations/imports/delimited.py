"""From the bytes of a CSV file to a grid: comma, semicolon or tab between the cells."""

import codecs
import csv
import io
from hashlib import sha256

from surveillance.core.errors import InvalidFileError, InvalidInputError, Problem
from surveillance.operations.imports.sheets import Grid, header_and_rows

WINDOWS = "cp1252"  # what Excel writes as "CSV" in most of Europe and America
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_delimited(name: str, data: bytes, encoding: str | None = None) -> Grid:
    """Read a CSV file with a header row. Without ``encoding``: UTF-8 if it is that, else as Windows writes it.

    Raises:
        InvalidInputError: there is no such encoding.
        InvalidFileError: not text in that encoding, or no CSV.
    """
    text, used = _decoded(name, data, encoding)
    reader = csv.reader(io.StringIO(text, newline=""), _dialect(text), strict=True)
    try:
        line, headers, rows = header_and_rows(name, ((reader.line_num, cells) for cells in reader))
    except csv.Error as error:
        raise InvalidFileError([Problem(name, reader.line_num, f"not readable as CSV: {error}")]) from error
    return Grid(name, sha256(data).hexdigest(), line, headers, rows, used)


def _decoded(name: str, data: bytes, encoding: str | None) -> tuple[str, str]:
    if data.startswith(_UTF16) and encoding is None:
        return _decode(name, data, "utf-16"), "utf-16"
    if b"\0" in data:
        reason = "this is neither a CSV file nor an Excel workbook (.xlsx); save it as 'CSV UTF-8'"
        raise InvalidFileError([Problem(name, 1, reason)])
    if encoding is not None:
        return _decode(name, data, encoding), encoding
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return _decode(name, data, WINDOWS), WINDOWS


def _decode(name: str, data: bytes, encoding: str) -> str:
    try:
        return data.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except LookupError as error:
        raise InvalidInputError(f"there is no encoding {encoding!r}; try utf-8, cp1252 or latin-1") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"not {encoding} text; save it as 'CSV UTF-8', or say which encoding it has (--encoding latin-1)"
        raise InvalidFileError([Problem(name, line, reason)]) from error


def _dialect(text: str) -> type[csv.Dialect]:
    """The separator that the header has most of: a header holds no free text, so counting is enough."""
    header = text.lstrip("\r\n").split("\n", 1)[0]
    separator = max(",;\t", key=header.count)

    class Found(csv.excel):
        delimiter = separator

    return Found
