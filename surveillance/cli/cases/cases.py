"""``surveillance cases``: put an engine through the reference cases, and take the set out for others."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from surveillance import bootstrap, paths
from surveillance.catalogue import case_set, protocols
from surveillance.catalogue import cases as catalogue
from surveillance.catalogue.case_set import CaseSet
from surveillance.catalogue.cases import Case
from surveillance.cli import show
from surveillance.core.errors import InvalidInputError, NotFoundError
from surveillance.operations.cases import release, running
from surveillance.operations.cases.running import Engine, OwnEngine, Result

app = typer.Typer(help="Reference cases: run them against an engine, take them out.", no_args_is_help=True)


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


Ids = Annotated[
    list[str] | None, typer.Option("--case", metavar="ID", help="This case, story or group only. May be repeated.")
]
Url = Annotated[
    str | None,
    typer.Option(
        "--engine", metavar="URL", help="Ask the engine at this address; else this installation's own, in this process."
    ),
]
TokenFile = Annotated[
    Path | None, typer.Option("--token-file", metavar="FILE", help="Holds the bearer token that the engine wants.")
]


@app.command()
def run(
    engine: Url = None,
    case: Ids = None,
    token_file: TokenFile = None,
    format: Annotated[Format, typer.Option(help="What to write.")] = Format.TEXT,  # noqa: A002 (named by the contract)
) -> None:
    """Put an engine through the cases. Exit status 1 if it disagrees with any of them.

    Example: surveillance cases run --engine http://localhost:8000 --token-file token --case hold-01
    """
    which = _set()
    results = list(running.run(_engine(engine, token_file), _chosen(which, case), which.shipped))
    if format is Format.JSON:
        show.write_json(_data(which, results))
    else:
        _tell(which, results)
    if not all(result.passed for result in results):
        raise typer.Exit(1)


@app.command()
def ask(id: Annotated[str, typer.Argument(metavar="ID", help="A case.")]) -> None:
    """The question of one case, as an engine gets it.

    Example: surveillance cases ask months-01
    """
    which = _set()
    for case in _chosen(which, [id]):
        typer.echo(running.asked(case, which.shipped))


@app.command()
def export(folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new or empty folder.")]) -> None:
    """Write the set: cases, rules, protocols, questions, JSON Schemas and a manifest with version and digest.

    Example: surveillance cases export cases-2026.1
    """
    which = _set()
    written = release.export(which, folder)
    show.say(f"Wrote {len(written)} files to {folder}: cases {which.version}, sha256:{which.digest}.")


def _set() -> CaseSet:
    """The cases of this installation, with the protocols that came with them."""
    return case_set.load(paths.cases_folder(), protocols.load_all(paths.config_folder() / "protocols"))


def _engine(url: str | None, token_file: Path | None) -> Engine:
    if url is None:
        return OwnEngine()
    return bootstrap.case_engine(url, _token(token_file) if token_file else "")


def _token(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{file} has no token to read: {error}") from error


def _chosen(which: CaseSet, ids: list[str] | None) -> list[Case]:
    """Raises NotFoundError for an id that names nothing: a slip must not pass as "no disagreement"."""
    for id in ids or []:
        if not catalogue.chosen(which.groups, [id]):
            raise NotFoundError(f"there is no case, story or group {id!r}")
    return catalogue.chosen(which.groups, ids or [])


def _tell(which: CaseSet, results: Iterable[Result]) -> None:
    found = list(results)
    failed = [result for result in found if not result.passed]
    for result in failed:
        show.say(f"{result.case.id} · {result.case.title}")
        for line in result.lines:
            show.say(f"    {line.removeprefix(f'{result.case.id} · ')}")
        show.say(f"    because: {result.case.because.strip()}")
    told = f"cases {which.version} (sha256:{which.digest[:12]})"
    show.say(f"{len(found) - len(failed)} of {len(found)} agree; {told}.")


def _data(which: CaseSet, results: Iterable[Result]) -> dict[str, Any]:
    return {
        "set": {"version": which.version, "digest": f"sha256:{which.digest}"},
        "results": [
            {"case": result.case.id, "passed": result.passed, "disagreements": list(result.lines)} for result in results
        ],
    }
