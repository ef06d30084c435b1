"""A file between its bytes and its meaning: a grid of text first, a sheet of named columns once they are known."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice

from surveillance.core.errors import InvalidFileError, Problem

LARGEST = 64 * 1024 * 1024  # bytes; about 300,000 patients
ROWS = 300_000  # that are not blank
COLUMNS = 100
NOTES = ("What to write:", "For example:")  # a row that begins so explains the columns of the template


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of a file as text, below the headers that it gives them; what the columns mean is not decided yet.

    ``line`` is the header's own, ``encoding`` how the letters were read (nothing for a workbook). ``numbers`` are
    columns in which a workbook holds numbers, each with the first such line: Excel drops leading zeros from those.
    """

    name: str
    digest: str
    line: int
    headers: Sequence[str]
    rows: Sequence[tuple[int, Sequence[str]]]
    encoding: str = ""
    notes: Sequence[str] = ()
    numbers: Mapping[int, int] = field(default_factory=dict)

    @property
    def labels(self) -> list[str]:
        """The headers, each with a name of its own: a second "Phone" is "Phone (2)", a blank one "column 4"."""
        found: list[str] = []
        for place, header in enumerate(self.headers, start=1):
            label = header or f"column {place}"
            again = sum(1 for other in self.headers[: place - 1] if other.casefold() == header.casefold())
            found.append(f"{label} ({again + 1})" if header and again else label)
        return found


def packed(grid: Grid) -> bytes:
    """The grid as bytes for the database: read back in a fiftieth of the time that a workbook takes."""
    return zlib.compress(json.dumps(asdict(grid)).encode(), level=1)


def unpacked(content: bytes) -> Grid:
    """What ``packed`` made; nothing else is ever given to this."""
    values = json.loads(zlib.decompress(content))
    numbers = {int(place): line for place, line in values.pop("numbers").items()}
    return Grid(**values, numbers=numbers)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file's rows: line number (the header is line 1 or later) and the cells that are not blank, by column."""

    name: str
    digest: str
    columns: Sequence[str]
    rows: Sequence[tuple[int, Mapping[str, str]]]
    warnings: Sequence[str] = ()


def header_and_rows(
    name: str, lines: Iterable[tuple[int, Sequence[str]]]
) -> tuple[int, list[str], list[tuple[int, Sequence[str]]]]:
    """The header's line, the headers, and the rows below that are not blank.

    Raises:
        InvalidFileError: nothing in the file, more than any registry holds, or a row with more cells than the header
            names.
    """
    said = ((line, cells) for line, cells in lines if any(cell.strip() for cell in cells) and not _is_note(cells))
    filled = list(islice(said, ROWS + 2))
    if not filled:
        raise InvalidFileError([Problem(name, 1, "the file is empty; its first row names the columns")])
    if len(filled) > ROWS + 1 or (len(filled[0][1]) > COLUMNS and any(filled[0][1][COLUMNS:])):
        raise InvalidFileError([Problem(name, 1, f"more than {ROWS:,} rows or {COLUMNS} columns; split the file")])
    (line, header), *rows = filled
    headers = [cell.strip() for cell in header]
    while not headers[-1]:
        headers.pop()
    for where, cells in rows:
        if any(cell.strip() for cell in cells[len(headers) :]):
            reason = f"{_width(cells)} cells, but the header names {len(headers)} columns"
            hint = "give each column a name, and quote cells of a CSV file that hold the separator"
            raise InvalidFileError([Problem(name, where, f"{reason}; {hint}")])
    return line, headers, rows


def _is_note(cells: Sequence[str]) -> bool:
    return cells[0].strip().startswith(NOTES)


def _width(cells: Sequence[str]) -> int:
    return max(place for place, cell in enumerate(cells, start=1) if cell.strip())
