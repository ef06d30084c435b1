"""What the columns of a file stand for: guessed from their headers, chosen by a person, remembered for the site."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from hashlib import sha256

from sqlmodel import col, select

from surveillance.core.errors import InvalidFileError, Problem
from surveillance.operations.imports.columns import ALIASES, COLUMNS, REQUIRED
from surveillance.operations.imports.sheets import Grid, Sheet
from surveillance.operations.work import Work
from surveillance.store.tables import ImportMapping, Site

LEFT_OUT = ""  # the column of a header whose cells are not taken in
ALIKE = 0.8  # how near a header must be to a name for a guess; 1 is the same
_KEPT_AS_TEXT = ("mrn", "phone")  # columns in which a zero in front means something


def known(header: str) -> str | None:
    """The column that a header names outright."""
    plain = _plain(header)
    column = ALIASES.get(plain, plain)
    return column if column in COLUMNS else None


def _plain(header: str) -> str:
    return re.sub(r"\W+", "_", header.casefold()).strip("_")


def guess(labels: Sequence[str]) -> dict[str, str]:
    """A column for each header: what it names, else what it nearly names; each column once, the rest left out."""
    found = {label: column for label in labels if (column := known(label))}
    taken: set[str] = set()
    for label, column in list(found.items()):
        if column in taken:
            del found[label]
        taken.add(column)
    for label in labels:
        near = _near(label) if label not in found else None
        if near is not None and near not in taken:
            found[label] = near
            taken.add(near)
    return {label: found.get(label, LEFT_OUT) for label in labels}


def _near(label: str) -> str | None:
    names = [*COLUMNS, *ALIASES]
    match = next(iter(get_close_matches(_plain(label), names, n=1, cutoff=ALIKE)), None)
    return ALIASES.get(match, match) if match else None


def as_sheet(grid: Grid, mapping: Mapping[str, str] | None = None) -> Sheet:
    """Give each column its meaning. A header that ``mapping`` does not speak of must name its column itself.

    Raises:
        InvalidFileError: an unknown, missing or doubled column.
    """
    columns = _columns(grid, mapping or {})
    rows = []
    for line, cells in grid.rows:
        named = ((column, _cell(text)) for column, text in zip(columns, cells, strict=False) if column != LEFT_OUT)
        filled = {column: cell for column, cell in named if cell}
        if filled:
            rows.append((line, filled))
    return Sheet(grid.name, grid.digest, columns, rows, [*grid.notes, *_lost_zeros(grid, columns)])


def _cell(text: str) -> str:
    """Without the apostrophe that our own exports put before what a spreadsheet would take for a formula."""
    cell = text.strip()
    return cell[1:] if cell[:1] == "'" and cell[1:2] in {*"=+-@"} else cell


def _columns(grid: Grid, mapping: Mapping[str, str]) -> list[str]:
    given = {label.strip().casefold(): column for label, column in mapping.items()}
    problems: list[Problem] = []
    columns: list[str] = []
    for label, header in zip(grid.labels, grid.headers, strict=True):
        chosen = given.get(label.casefold(), given.get(header.casefold()))
        column = chosen if chosen is not None else known(header) or header
        if column != LEFT_OUT and column not in COLUMNS:
            problems.append(Problem(grid.name, grid.line, f"unknown column {column!r}{_hint(column)}"))
        elif column != LEFT_OUT and column in columns:
            problems.append(Problem(grid.name, grid.line, f"column {column} stands twice"))
        columns.append(column)
    if missing := [column for column in REQUIRED if column not in columns]:
        problems.append(Problem(grid.name, grid.line, f"missing column {', '.join(missing)}"))
    if problems:
        raise InvalidFileError(problems)
    return columns


def _hint(column: str) -> str:
    near = get_close_matches(column.casefold(), COLUMNS, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(COLUMNS)}"


def _lost_zeros(grid: Grid, columns: Sequence[str]) -> list[str]:
    return [
        f"column {grid.labels[place]!r} holds numbers from line {line} on: Excel drops zeros in front of a number and"
        " digits after the fifteenth; compare with your records, or format the column as text"
        for place, line in grid.numbers.items()
        if place < len(columns) and columns[place] in _KEPT_AS_TEXT
    ]


# -- the choice of a site --------------------------------------------------------------------------------------


def fingerprint(labels: Sequence[str]) -> str:
    """The same for the same headers in whatever order and case."""
    return sha256("\n".join(sorted(label.casefold() for label in labels)).encode()).hexdigest()


def remembered(work: Work, site: Site, labels: Sequence[str]) -> dict[str, str] | None:
    """The columns that were chosen here for these headers the last time; None before the first time."""
    statement = select(ImportMapping).where(
        ImportMapping.site_id == site.id, col(ImportMapping.fingerprint) == fingerprint(labels)
    )
    row = work.session.exec(statement).first()
    if row is None:
        return None
    given = {label.casefold(): column for label, column in row.mapping.items()}
    return {label: given.get(label.casefold(), LEFT_OUT) for label in labels}


def suggested(work: Work, site: Site, labels: Sequence[str]) -> dict[str, str]:
    """What the headers stood for the last time, else a guess; the file's order is kept."""
    return remembered(work, site, labels) or guess(labels)


def remember(work: Work, site: Site, labels: Sequence[str], mapping: Mapping[str, str]) -> None:
    """Keep a choice for the next file with these headers."""
    key = (site.id, fingerprint(labels))
    row = work.session.get(ImportMapping, key) or ImportMapping(
        site_id=site.id, fingerprint=key[1], mapping={}, user_id=work.actor.user_id, at=work.now
    )
    row.mapping, row.user_id, row.at = dict(mapping), work.actor.user_id, work.now
    work.session.add(row)
    work.session.flush()
