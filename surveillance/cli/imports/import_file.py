"""``surveillance import``: patients from a file, all or nothing, shown before it is applied."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from surveillance.cli import show
from surveillance.cli.context import Answer, Job, WrongUseError, confirming
from surveillance.core.errors import InvalidInputError
from surveillance.operations.imports import apply, compare, reading, rows
from surveillance.operations.imports.compare import Comparison
from surveillance.operations.imports.rows import CellError
from surveillance.operations.imports.sheets import Sheet
from surveillance.operations.work import Work
from surveillance.store.tables import Site

SHOWN = 20  # errors and changes that are listed on the screen; the rest is counted

File = Annotated[
    Path,
    typer.Argument(help="A CSV file or Excel workbook (.xlsx) whose first row names the columns.", show_default=False),
]
Encoding = Annotated[
    str | None, typer.Option(help="How a CSV file's letters are written; utf-8 or else cp1252 where it is not said.")
]
Mapped = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="HEADER=COLUMN", help="What a header of the file stands for; nothing after = leaves it out."
    ),
]
ErrorFile = Annotated[Path | None, typer.Option("--errors", help="Write every error to this CSV file.")]
SkipErrors = Annotated[bool, typer.Option("--skip-errors", help="Take in the good rows although others are wrong.")]


@confirming
def import_file(
    job: Job,
    file: File,
    encoding: Encoding = None,
    mapped: Mapped = None,
    errors: ErrorFile = None,
    skip_errors: SkipErrors = False,
) -> Answer:
    """Take in patients from a file: new ones are added, known ones (same site and MRN) brought up to date.

    Nothing is written if anything is wrong, unless --skip-errors. Blank cells change nothing, missing rows delete
    nothing, and a name or birth date that differs from the registered one is for a person to decide.

    Example: surveillance import registry.csv --site RIVERSIDE --as grace --dry-run
    """
    site = job.site()
    sheet = reading.read(file, encoding=encoding, mapping=_mapping(mapped or []))
    found, wrong, warnings = _look(job.work, site, sheet)
    if errors is not None:
        _write_errors(errors, wrong)
    if wrong and not skip_errors:
        raise InvalidInputError(_refusal(sheet, wrong, errors))
    with _progress(len(found.new) + len(found.changed)) as advance:
        batch = apply.apply(job.work, site, sheet, found, advance)
    numbers = {"new": len(found.new), "changed": len(found.changed), "unchanged": len(found.unchanged)}
    numbers["refused"] = len({error.line for error in wrong})
    return Answer(
        said=[f"Imported as batch {batch.id.hex[:8]}: {_counted(numbers)}."],
        change=[_differences(found), f"{sheet.name}: {_counted(numbers)}."],
        data={**numbers, "batch": str(batch.id), "errors": [str(error) for error in wrong]},
        warnings=_limited([*sheet.warnings, *warnings, *map(str, wrong)]),
        compared=numbers,
    )


def _mapping(pairs: Sequence[str]) -> dict[str, str]:
    if bad := [pair for pair in pairs if "=" not in pair]:
        raise WrongUseError(f"--map takes HEADER=COLUMN, not {bad[0]!r}")
    split = [pair.rsplit("=", 1) for pair in pairs]
    return {header: column for header, column in split}  # noqa: C416  # dict() would hide which is which


def _look(work: Work, site: Site, sheet: Sheet) -> tuple[Comparison, list[CellError], list[str]]:
    parsed = rows.parse(work, site, sheet)
    found = compare.compare(work, site, parsed.rows)
    wrong = sorted([*parsed.errors, *found.conflicts], key=lambda error: (error.line, error.column))
    return found, wrong, [warning for row in parsed.rows for warning in row.warnings]


def _refusal(sheet: Sheet, wrong: Sequence[CellError], errors: Path | None) -> str:
    lines = _limited([f"{sheet.name}: {error}" for error in wrong])
    where = f"all are in {errors}" if errors else "--errors FILE writes all of them"
    count = len({error.line for error in wrong})
    return "\n".join(
        [*lines, f"{count} rows are wrong, nothing was imported ({where}; --skip-errors takes the others)"]
    )


def _limited(lines: Sequence[str]) -> list[str]:
    more = len(lines) - SHOWN
    return [*lines[:SHOWN], *([f"and {more} more"] if more > 0 else [])]


def _differences(found: Comparison) -> RenderableType:
    table = show.table("Changed", "MRN", "What", "Before", "After")
    for changed in found.changed[:SHOWN]:
        for column, (before, after) in changed.fields.items():
            show.add(table, changed.row.mrn, column.replace("_", " "), before, after)
        for items, day in changed.studies:
            show.add(table, changed.row.mrn, "study", None, f"{' and '.join(items)} on {day}")
        if changed.enrols:
            show.add(
                table, changed.row.mrn, "plan", None, f"{changed.row.get('protocol')} from {changed.row.get('anchor')}"
            )
    return table if found.changed else ""


def _counted(numbers: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in numbers.items() if count or name == "new")


def _write_errors(path: Path, wrong: Iterable[CellError]) -> None:
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("line", "column", "reason"))
            writer.writerows((error.line, error.column, error.reason) for error in wrong)
    except OSError as error:
        raise InvalidInputError(f"cannot write {path}: {error.strerror}") from error


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("Planning"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("import", total=total)
        yield lambda count: bar.advance(task, count)
