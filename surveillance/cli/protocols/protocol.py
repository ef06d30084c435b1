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

from surveillance import bootstrap, paths, settings
from surveillance.catalogue import protocols
from surveillance.catalogue.protocol_data import of_core
from surveillance.cli.protocols import preview_formats
from surveillance.core.errors import InvalidFileError
from surveillance.core.protocols.protocol import Item, Phase, Protocol, ProtocolEnd
from surveillance.core.protocols.sources import GRADES, Source, reviews
from surveillance.core.schedule.slots import Choice, preview

app = typer.Typer(help="Protocols: list, check, show and preview them.", no_args_is_help=True)

_CHOICE = re.compile(r"(?P<item>[a-z][a-z0-9_]*)=(?P<months>[1-9][0-9]{0,2}|off)(?:@(?P<since>.+))?")
_PIPED_WIDTH = 400  # rich would cut a table to 80 columns where there is no terminal

Name = Annotated[
    str, typer.Argument(metavar="ID", help="A protocol's id (latest version), id@version, or a YAML file.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for a machine.")]


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
        _write_json([_summary(protocol) for protocol in found])
        return
    table = Table("Protocol", "Title", "Items (off by default in brackets)", "Grades", "Final end", box=box.SIMPLE_HEAD)
    table.add_column("To look at again")
    for protocol in found:
        items = ", ".join(item.code if item.enabled else f"({item.code})" for item in protocol.items)
        looks = "; ".join(review.said for review in reviews(protocol.sources, _today()))
        cells = (escape(protocol.title), items, ", ".join(_grades(protocol)), _end(protocol), escape(looks))
        table.add_row(protocol.key, *cells)
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
        typer.echo(f"{file}: {protocol.key} is in order ({len(protocol.items)} items)")


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """One protocol in full, with the source of each interval."""
    protocol = _find(name)
    if as_json:
        _write_json(of_core(protocol))
        return
    console = _console()
    console.print(f"{protocol.title}\n{protocol.key}\n", style="bold", highlight=False, markup=False)
    console.print(f"{protocol.description}\n", highlight=False, markup=False)
    table = Table("Item", "Months", "Every", "Grade", "Source", "Edition", "Note", box=box.SIMPLE_HEAD)
    for item in protocol.items:
        for phase in item.phases:
            table.add_row(*map(escape, (_item_name(item), *_phase_cells(protocol, phase))))
        table.add_section()
    console.print(table)
    for line in _rules(protocol):
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
            help="A chosen interval, from a day on if one is given; ITEM=off leaves the item out. May be repeated.",
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
    slots = preview(protocol, start, [_choice(text) for text in interval or []], years * 12)
    match format:
        case Format.TABLE:
            _console().print(preview_formats.as_table(protocol, slots))
        case Format.JSON:
            typer.echo(preview_formats.as_json(slots))
        case Format.CSV:
            typer.echo(preview_formats.as_csv(slots))
        case Format.ICS:
            typer.echo(preview_formats.as_ics(protocol, slots, start), nl=False)
        case Format.SVG:
            typer.echo(preview_formats.as_svg(protocol, slots, start, years * 12))


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


def _choice(text: str) -> Choice:
    """``mri_primary=3``, ``mri_primary=6@2027-01-01`` or ``clinic_visit=off``."""
    found = _CHOICE.fullmatch(text)
    if not found:
        raise typer.BadParameter(
            f"{text!r} is not ITEM=MONTHS[@FROM], such as mri_primary=6@2027-01-31", param_hint="--interval"
        )
    months = None if found["months"] == "off" else int(found["months"])
    try:
        since = date.fromisoformat(found["since"]) if found["since"] else None
    except ValueError as error:
        raise typer.BadParameter(
            f"{found['since']!r} is not a day such as 2027-01-31", param_hint="--interval"
        ) from error
    return Choice(found["item"], months, since)


def _summary(protocol: Protocol) -> dict[str, Any]:
    return {
        "key": protocol.key,
        "id": protocol.id,
        "version": protocol.version,
        "title": protocol.title,
        "end": protocol.end.value,
        "clock": protocol.clock.value,
        "items": [item.code for item in protocol.items],
        "grades": _grades(protocol),
        "to_read": [source.id for source in protocol.to_read],
        "reviews": [
            {"source": review.source.id, "since": review.since.isoformat(), "expired": review.expired}
            for review in reviews(protocol.sources, _today())
        ],
        "digest": protocols.digest(protocol),
    }


def _item_name(item: Item) -> str:
    return item.title if item.enabled else f"{item.title} (off by default)"


def _grades(protocol: Protocol) -> list[str]:
    """How the intervals were read, each grade once, in the order of the words for them."""
    found = {protocol.grade_of(phase) for item in protocol.items for phase in item.phases}
    return [grade.value for grade in GRADES if grade in found]


def _today() -> date:
    return bootstrap.utc_now().date()


def _phase_cells(protocol: Protocol, phase: Phase) -> tuple[str, ...]:
    choices = phase.choices()
    is_run = len(choices) > 3 and choices == list(range(choices[0], choices[-1] + 1))
    every = f"{choices[0]}–{choices[-1]}" if is_run else ", ".join(map(str, choices))
    every += f" (default {phase.default})" if len(choices) > 1 else ""
    span = f"{phase.start}–{'' if phase.end is None else phase.end}"
    source = protocol.source_of(phase)
    return span, every, protocol.grade_of(phase).value, phase.source, source.dated if source else "", phase.note


def _rules(protocol: Protocol) -> list[str]:
    tolerance = ", ".join(f"every {months} months ±{days} days" for months, days in sorted(protocol.tolerance.items()))
    follows = [
        f"{item.title} follows {item.after.item} by {item.after.min_days}–{item.after.max_days} days."
        for item in protocol.items
        if item.after
    ]
    return [
        f"Months count from the {protocol.counts_from}.",
        f"On time: {tolerance}. To order {protocol.lead_days} days before the target.",
        f"Final end: {_end(protocol)}.",
        *follows,
        *map(_source_line, protocol.sources),
        *(f"A clinician reads before approving: {source.cited}." for source in protocol.to_read),
        *(f"To look at again: {review.said}." for review in reviews(protocol.sources, _today())),
    ]


def _source_line(source: Source) -> str:
    parts = [f"{source.id}: {source.cited}{f' <{source.address}>' if source.address else ''}"]
    parts += [GRADES[source.grade]] if source.grade else []
    days = (("read", source.read), ("expires", source.expires), ("to be looked at again by", source.review_by))
    return "; ".join([*parts, *(f"{word} {day}" for word, day in days if day)])


def _end(protocol: Protocol) -> str:
    return "never" if protocol.end is ProtocolEnd.NEVER else "a clinician decides"


def _write_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_PIPED_WIDTH)
