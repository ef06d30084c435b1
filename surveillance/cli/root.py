"""All commands of ``surveillance``, and the one place that turns an error into a line and an exit status."""

import sys
import traceback
from os import environ
from typing import Any

import sqlalchemy as sa
import typer
from typer.core import TyperGroup

from surveillance import logs
from surveillance.cli.accounts import tokens, users
from surveillance.cli.administration import sites
from surveillance.cli.audit import log
from surveillance.cli.board import worklist
from surveillance.cli.calendars import feeds, page_addresses
from surveillance.cli.care import decisions, plans, retraction
from surveillance.cli.dispatch import dispatch
from surveillance.cli.exports import export
from surveillance.cli.imports import import_file
from surveillance.cli.messages import messages
from surveillance.cli.protocols import protocol
from surveillance.cli.registry import contacts, patients
from surveillance.cli.reports import report
from surveillance.cli.service import database, demo, doctor, serve
from surveillance.cli.show import clean
from surveillance.cli.visits import results, studies, visits
from surveillance.cli.wording import languages
from surveillance.core.errors import SurveillanceError


class Commands(TyperGroup):
    """The one place where an error becomes a line on stderr and an exit status: 1 failed, 2 wrong use, 130 stopped."""

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

plans.app.add_typer(decisions.app)
sites.app.add_typer(languages.app, name="language")
patients.app.add_typer(page_addresses.app, name="page")
studies.app.add_typer(results.app)
_GROUPS: dict[str, typer.Typer] = {
    "site": sites.app,
    "user": users.app,
    "patient": patients.app,
    "contact": contacts.contact,
    "consent": contacts.consent,
    "protocol": protocol.app,
    "plan": plans.app,
    "visit": visits.app,
    "study": studies.app,
    "worklist": worklist.app,
    "messages": messages.app,
    "dispatch": dispatch.app,
    "feed": feeds.app,
    "token": tokens.app,
    "export": export.app,
    "db": database.app,
}
for _name, _group in _GROUPS.items():
    app.add_typer(_group, name=_name)
for _command in (
    plans.enrol,
    visits.book,
    studies.record,
    retraction.retract,
    worklist.explain,
    worklist.check,
    report.report,
    log.audit,
    dispatch.tick,
    serve.serve,
    demo.demo,
    doctor.doctor,
):
    app.command()(_command)
app.command("import")(import_file.import_file)
app.command("worker")(dispatch.run_worker)
