"""All commands of ``surveillance``, and the one place that turns an error into a line and an exit status."""

import sys
import traceback
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from os import environ
from typing import Any, Final, cast

import sqlalchemy as sa
import typer
from typer.core import TyperGroup

from surveillance import logs
from surveillance.cli.show import clean
from surveillance.core.errors import SurveillanceError

# Where each command stands, in the order of the help. Only what is asked for is imported: all of it takes seconds.
COMMANDS: Final = {
    "site": "administration.sites:app",
    "user": "accounts.users:app",
    "patient": "registry.patients:app",
    "contact": "registry.contacts:contact",
    "consent": "registry.contacts:consent",
    "protocol": "protocols.protocol:app",
    "condition": "care.conditions:app",
    "plan": "care.plans:app",
    "visit": "visits.visits:app",
    "study": "visits.studies:app",
    "worklist": "board.worklist:app",
    "messages": "messages.messages:app",
    "dispatch": "dispatch.dispatch:app",
    "feed": "calendars.feeds:app",
    "token": "accounts.tokens:app",
    "export": "exports.export:app",
    "cases": "cases.cases:app",
    "db": "service.database:app",
    "enrol": "care.plans:enrol",
    "book": "visits.visits:book",
    "record": "visits.studies:record",
    "retract": "care.retraction:retract",
    "explain": "board.worklist:explain",
    "check": "board.worklist:check",
    "report": "reports.report:report",
    "audit": "audit.log:audit",
    "tick": "dispatch.dispatch:tick",
    "serve": "service.serve:serve",
    "demo": "service.demo:demo",
    "doctor": "service.doctor:doctor",
    "import": "imports.import_file:import_file",
    "worker": "dispatch.dispatch:run_worker",
}
# Commands of other rooms that a group holds as well: its own, or a group of their own below it.
JOINED: Final = {
    "plan": ("care.decisions:app", None),
    "site": ("wording.languages:app", "language"),
    "patient": ("calendars.page_addresses:app", "page"),
    "study": ("visits.results:app", None),
}


class Lazily(Mapping[str, Any]):
    """The commands by name, each imported when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        return command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Commands(TyperGroup):
    """The one place where an error becomes a line on stderr and an exit status: 1 failed, 2 wrong use, 130 stopped."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = cast(Any, Lazily())

    def main(self, *arguments: Any, **options: Any) -> Any:
        options["standalone_mode"] = False
        logs.configure(as_json=False, level="WARNING")
        try:
            status = super().main(*arguments, **options)
        except SurveillanceError as error:
            status = _failed(str(error))
        except typer.TyperException as error:
            status = _misused(error)
        except typer.Abort:
            status = _failed("stopped before anything was changed; --yes applies a change without asking")
        except sa.exc.SQLAlchemyError as error:
            status = _failed(f"the database refused this, nothing was changed: {_first_line(error)}")
        sys.exit(status if isinstance(status, int) else 0)


def _failed(reason: str, status: int = 1) -> int:
    if environ.get("SURVEILLANCE_DEBUG") == "1":
        traceback.print_exc()
    typer.echo(f"error: {clean(reason)}", err=True)
    return status


def _misused(error: typer.TyperException) -> int:
    """Wrong use in one line, with the command whose help tells more; a bare group shows its help instead."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.format_message(), err=True)
        return error.exit_code
    hint = f"; see '{context.command_path} --help'" if context is not None else ""
    message = " ".join(error.format_message().split())
    return _failed(f"{message.rstrip('.')}{hint}", error.exit_code)


def _first_line(error: sa.exc.SQLAlchemyError) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]


app = typer.Typer(
    cls=Commands,
    name="surveillance",
    help="Follow-up imaging of cancer patients: nobody is silently lost.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _group() -> None:
    """Without a callback of its own a program that registers no commands is none."""


@cache
def command(name: str) -> Any:
    """A command or a group of commands, with everything that belongs to it."""
    found = _named(COMMANDS[name])
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(name)(found)
        return typer.main.get_command(alone)
    if name in JOINED:
        other, below = JOINED[name]
        found.add_typer(_named(other), name=below)
    group = typer.main.get_group(found)
    group.name = name
    return group


def _named(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(import_module(f"surveillance.cli.{module}"), attribute)
