"""How the command line looks: calm tables, plain words, local times with their zone, and nothing ever cut off."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import typer
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from surveillance.store.audit.events import plain

_PIPED_WIDTH = 2000  # columns; where there is no terminal rich would cut a table to 80
_NOTHING = "–"


def console(*, stderr: bool = False) -> Console:
    """A console that prints what it is given: no markup, no emoji, and no line too narrow for its data."""
    plain_text: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False, "stderr": stderr}
    found = Console(**plain_text)
    return found if found.is_terminal else Console(**plain_text, width=_PIPED_WIDTH)


def say(*parts: RenderableType) -> None:
    """Print to a person, each part on lines of its own."""
    out = console()
    for part in parts:
        out.print(clean(part) if isinstance(part, str) else part, soft_wrap=isinstance(part, str))


def warn(text: str) -> None:
    """One line to a person, apart from what a pipe reads."""
    console(stderr=True).print(clean(text), soft_wrap=True)


def write_json(value: Any) -> None:
    """Print for a machine: days and moments in ISO form, enumerations by their words."""
    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))


def clean(text: str) -> str:
    """Text from outside without what a terminal would obey (escape sequences, carriage returns). The left-to-right
    mark stays: it keeps phone numbers in Arabic texts in order.
    """
    letters = (
        letter if letter.isprintable() or letter in "\n\t\u200e" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return "".join(letters).expandtabs(4)


def table(title: str, *columns: str) -> Table:
    """A table without walls. A cell too long for the terminal goes on below; it is never shortened."""
    made = Table(title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False)
    made.title = f"\n{clean(title)}" if title else None
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def add(made: Table, *cells: object) -> None:
    """Add a row; what is missing shows as a dash."""
    made.add_row(*(cell if isinstance(cell, Text) else cell_of(cell) for cell in cells))


def cell_of(value: object) -> str:
    """Any value as a cell: days with their weekday, yes and no, a dash for nothing."""
    if value is None or value == "":
        return _NOTHING
    if isinstance(value, bool):
        return yes_no(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return day(value)
    return clean(str(value)).replace("\n", " ")


def fields(pairs: Mapping[str, object] | Iterable[tuple[str, object]]) -> Table:
    """Labels with their values, one a line."""
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for label, value in pairs.items() if isinstance(pairs, Mapping) else pairs:
        add(made, label, value)
    return made


def heading(text: str) -> Text:
    return Text(f"\n{clean(text)}", style="bold")


def section(made: Table, none: str) -> RenderableType:
    """A table, or one line that says there is nothing to show in it."""
    if made.row_count:
        return made
    return Text.assemble((f"{made.title}: ", "bold"), none) if made.title else none


def day(value: date | None) -> str:
    """A day with its weekday: ``Tue 2026-12-01``."""
    return _NOTHING if value is None else f"{value:%a} {value}"


def moment(value: datetime | None, zone: str) -> str:
    """A moment as people in ``zone`` read it: ``Tue 2026-12-01 10:30 GMT``."""
    if value is None:
        return _NOTHING
    local = value.astimezone(ZoneInfo(zone))
    return f"{day(local.date())} {local:%H:%M %Z}"


def yes_no(value: bool) -> str:
    return "yes" if value else "no"


def joined(values: Sequence[str], none: str = "none") -> str:
    return ", ".join(values) or none


def is_interactive() -> bool:
    return sys.stdin.isatty()
