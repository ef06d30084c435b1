"""``surveillance protocol``: look at protocols, check a file, see what one asks for over the years."""

import json
import re
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from surveillance import paths, settings
from surveillance.catalogue import protocols
from surveillance.catalogue.protocol_data import of_core
from surveillance.cli.options import AsJson
from surveillance.cli.protocols import in_words, preview_formats
from surveillance.core.errors import InvalidFileError
from surveillance.core.protocols.protocol import UNTIL, Protocol
from surveillance.core.schedule.departures import departures
from surveillance.core.schedule.slots import Choice, preview

app = typer.Typer(help="Protocols: list, check, show and preview them.", no_args_is_help=True)

_KEY = r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?"
_CHOICE = re.compile(rf"(?P<item>{_KEY})=(?P<months>[1-9][0-9]{{0,2}}|off)(?:@(?P<since>.+))?")

_PIPED_WIDTH = 400  # rich would cut a table to 80 columns where there is no terminal

Name = Annotated[
    str, typer.Argument(metavar="ID", help="A protocol's id (latest version), id@version, or a YAML file.")
]


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    ICS = "ics"
    SVG = "svg"


@app.command("list")
def list_protocols(as_json: AsJson = False) -> None:
    """All protocols that are installed here."""
    found = list(protocols.load_all(_folder()).values())
    if as_json:
        _write_json([in_words.summary(protocol) for protocol in found])
        return
    table = Table("Protocol", "Title", "Items (off by default in brackets)", "Grades", "Final end", box=box.SIMPLE_HEAD)
    table.add_column("To look at again")
    for protocol in found:
        items = ", ".join(item.code if item.enabled else f"({item.code})" for item in protocol.items)
        grades, looks = ", ".join(in_words.grades(protocol)), escape(in_words.to_look_at(protocol))
        table.add_row(in_words.name(protocol), escape(protocol.title), items, grades, in_words.end(protocol), looks)
    _console().print(table)


@app.command()
def check(file: Annotated[Path, typer.Argument(metavar="FILE")], as_json: AsJson = False) -> None:
    """Look for mistakes in a protocol file; each is told with its line."""
    try:
        protocol = protocols.load(file)
    except InvalidFileError as error:
        if not as_json:
            raise
        _write_json([{"file": p.file, "line": p.line, "reason": p.reason} for p in error.problems])
        raise typer.Exit(1) from error
    if as_json:
        _write_json([])
    else:
        draft = "; a draft, which cannot be approved" if protocol.draft else ""
        typer.echo(f"{file}: {protocol.key} is in order ({len(protocol.items)} items{draft})")


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """One protocol in full, with the source of each interval."""
    protocol = _find(name)
    if as_json:
        _write_json(of_core(protocol))
        return
    console = _console()
    console.print(f"{protocol.title}\n{in_words.name(protocol)}\n", style="bold", highlight=False, markup=False)
    console.print(f"{protocol.description}\n", highlight=False, markup=False)
    table = Table("Item", "Months", "Every", "Grade", "Source", "Edition", "Note", box=box.SIMPLE_HEAD)
    for item in protocol.items:
        for phase in item.phases:
            table.add_row(*map(escape, (in_words.item_name(item), *in_words.phase_cells(protocol, item, phase))))
        table.add_section()
    console.print(table)
    for line in in_words.rules(protocol):
        console.print(line, highlight=False, markup=False)


@app.command("preview")
def show_preview(
    name: Name,
    anchor: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The day from which the protocol counts; 'show' names it.")
    ],
    interval: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ITEM=MONTHS[@FROM]",
            help=(
                "A chosen interval, from a day on if one is given; ITEM.PHASE=MONTHS in a phase with a name; ITEM=off "
                "leaves the item out. May be repeated."
            ),
        ),
    ] = None,
    until: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ITEM=MONTH[@FROM]",
            help="The month in which the phase ends whose end the protocol leaves to choose. May be repeated.",
        ),
    ] = None,
    years: Annotated[int, typer.Option(min=1, max=100)] = 10,
    format: Annotated[Format, typer.Option(help="What to write.")] = Format.TABLE,  # noqa: A002 (named by the contract)
) -> None:
    """Which examinations a protocol asks for, and when each is on time."""
    start = anchor.date()
    if start.year + years > date.max.year - 10:
        raise typer.BadParameter("lies too late in the calendar", param_hint="--anchor")
    protocol = _find(name)
    choices = [_choice(text, "--interval") for text in interval or []] + [_until(text) for text in until or []]
    slots = preview(protocol, start, choices, years * 12)
    match format:
        case Format.TABLE:
            console = _console()
            console.print(preview_formats.as_table(protocol, slots))
            for each in departures(protocol, start, choices, years=years):
                console.print(f"{each.said}.", highlight=False, markup=False)
        case Format.JSON:
            typer.echo(preview_formats.as_json(slots))
        case Format.CSV:
            typer.echo(preview_formats.as_csv(slots))
        case Format.ICS:
            typer.echo(preview_formats.as_ics(protocol, slots, start), nl=False)
        case Format.SVG:
            typer.echo(preview_formats.as_svg(protocol, slots, start, years * 12, choices))


@app.command()
def schema() -> None:
    """The JSON Schema of a protocol file, for editors."""
    _write_json(protocols.json_schema())


def _folder() -> Path:
    return (settings.load().config_dir or paths.config_folder()) / "protocols"


def _find(name: str) -> Protocol:
    if name.endswith((".yaml", ".yml")):
        return protocols.load(Path(name))
    return protocols.find(protocols.load_all(_folder()), name)


def _until(text: str) -> Choice:
    """``mri_primary=24`` or ``mri_primary=24@2027-01-01``: in which month its first years end."""
    item, _, month = text.partition("=")
    return _choice(f"{item}.{UNTIL}={month}", "--until", text)


def _choice(text: str, hint: str, typed: str = "") -> Choice:
    """``mri_primary=3``, ``mri_primary=6@2027-01-01`` or ``clinic_visit=off``."""
    found = _CHOICE.fullmatch(text)
    if not found:
        raise typer.BadParameter(
            f"{typed or text!r} is not ITEM=MONTHS[@FROM], such as mri_primary=6@2027-01-31", param_hint=hint
        )
    months = None if found["months"] == "off" else int(found["months"])
    try:
        since = date.fromisoformat(found["since"]) if found["since"] else None
    except ValueError as error:
        raise typer.BadParameter(f"{found['since']!r} is not a day such as 2027-01-31", param_hint=hint) from error
    return Choice(found["item"], months, since)


def _write_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_PIPED_WIDTH)
