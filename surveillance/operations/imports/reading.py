"""From the bytes of a CSV file to rows of text, or one clear reason why not."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path

from surveillance.core.errors import InvalidFileError, InvalidInputError, Problem
from surveillance.operations.imports.columns import ALIASES, COLUMNS, REQUIRED

LARGEST = 64 * 1024 * 1024  # bytes; about 300,000 patients


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file's rows: line number (the header is line 1 or later) and the cells that are not blank, by column."""

    name: str
    digest: str
    columns: Sequence[str]
    rows: Sequence[tuple[int, Mapping[str, str]]]


def read_csv(path: Path, *, encoding: str = "utf-8", mapping: Mapping[str, str] | None = None) -> Sheet:
    """Read a CSV file with a header row; comma, semicolon or tab between the cells.

    ``mapping`` gives the column that a header of the file stands for, where it has another name.

    Raises:
        InvalidInputError: no such file, too large.
        InvalidFileError: not text in ``encoding``, no CSV, an unknown, missing or doubled column.
    """
    data = _bytes(path)
    text = _decoded(path.name, data, encoding)
    dialect = _dialect(text)
    lines = csv.reader(io.StringIO(text, newline=""), dialect, strict=True)
    try:
        header = next((row for row in lines if any(cell.strip() for cell in row)), None)
        if header is None:
            raise InvalidFileError([Problem(path.name, 1, "the file is empty; its first row names the columns")])
        columns = _columns(path.name, lines.line_num, header, mapping or {})
        rows = [(lines.line_num, _cells(path.name, lines.line_num, columns, row)) for row in lines if any(row)]
    except csv.Error as error:
        raise InvalidFileError([Problem(path.name, lines.line_num, f"not readable as CSV: {error}")]) from error
    return Sheet(path.name, sha256(data).hexdigest(), columns, [row for row in rows if row[1]])


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise InvalidInputError(f"{path} is larger than {LARGEST // 1024**2} MB; split it")
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}") from error


def _decoded(name: str, data: bytes, encoding: str) -> str:
    if b"\0" in data[:4096]:
        raise InvalidFileError([Problem(name, 1, "this is no CSV file (a spreadsheet? save it as 'CSV UTF-8')")])
    try:
        return data.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except LookupError as error:
        raise InvalidInputError(f"there is no encoding {encoding!r}; try utf-8, cp1252 or latin-1") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"not {encoding} text; save it as 'CSV UTF-8', or say which encoding it has (--encoding cp1252)"
        raise InvalidFileError([Problem(name, line, reason)]) from error


def _dialect(text: str) -> type[csv.Dialect]:
    """The separator that the header has most of: a header holds no free text, so counting is enough."""
    header = text.lstrip("\r\n").split("\n", 1)[0]
    separator = max(",;\t", key=header.count)

    class Found(csv.excel):
        delimiter = separator

    return Found


def _columns(name: str, line: int, header: Sequence[str], mapping: Mapping[str, str]) -> list[str]:
    given = {key.strip().casefold(): value for key, value in mapping.items()}
    problems: list[Problem] = []
    columns: list[str] = []
    for cell in header:
        plain = cell.strip().casefold()
        column = given.get(plain) or ALIASES.get(plain.replace(" ", "_"), plain.replace(" ", "_"))
        if column not in COLUMNS:
            problems.append(Problem(name, line, f"unknown column {cell.strip()!r}{_hint(column)}"))
        elif column in columns:
            problems.append(Problem(name, line, f"column {column} stands twice"))
        columns.append(column)
    missing = [column for column in REQUIRED if column not in columns]
    if missing:
        problems.append(Problem(name, line, f"missing column {', '.join(missing)}"))
    if problems:
        raise InvalidFileError(problems)
    return columns


def _hint(column: str) -> str:
    near = get_close_matches(column, COLUMNS, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(COLUMNS)}"


def _cells(name: str, line: int, columns: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    """The cells that are not blank: a blank cell never overwrites anything."""
    if len(row) > len(columns) and any(cell.strip() for cell in row[len(columns) :]):
        reason = f"{len(row)} cells, but the header names {len(columns)} columns; quote cells that hold the separator"
        raise InvalidFileError([Problem(name, line, reason)])
    return {column: cell.strip() for column, cell in zip(columns, row, strict=False) if cell.strip()}
