"""From a file to a sheet, or one clear reason why not: a CSV file or an Excel workbook, told apart by their bytes."""

from collections.abc import Mapping
from pathlib import Path

from surveillance.core.errors import InvalidFileError, InvalidInputError, Problem
from surveillance.operations.imports.delimited import read_delimited
from surveillance.operations.imports.headers import as_sheet
from surveillance.operations.imports.sheets import LARGEST, Grid, Sheet
from surveillance.operations.imports.workbook import MAGIC, OLD_MAGIC, read_workbook


def read(path: Path, *, encoding: str | None = None, mapping: Mapping[str, str] | None = None) -> Sheet:
    """Read a file of patients with a header row.

    ``mapping`` gives the column that a header of the file stands for, where it has another name; an empty one
    leaves it out.

    Raises:
        InvalidInputError: no such file, too large.
        InvalidFileError: not text in ``encoding``, no CSV and no workbook, an unknown, missing or doubled column.
    """
    return as_sheet(read_grid(path.name, _bytes(path), encoding), mapping)


def read_grid(name: str, data: bytes, encoding: str | None = None) -> Grid:
    """The cells of a file, before anybody has said what its columns mean; raises as ``read``."""
    if data.startswith(OLD_MAGIC):
        reason = "this is an old Excel file (.xls), or one with a password; save it as .xlsx without one"
        raise InvalidFileError([Problem(name, 1, reason)])
    if data.startswith(MAGIC):
        return read_workbook(name, data)
    return read_delimited(name, data, encoding)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise InvalidInputError(f"{path} is larger than {LARGEST // 1024**2} MB; split it")
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}") from error
