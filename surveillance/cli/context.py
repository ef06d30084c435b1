"""What every command shares: who acts, at which sites, in one transaction, shown before it is applied.

A command is a function of a ``Job`` that returns an ``Answer``; ``writing`` and ``reading`` make it a command
with the common options. Commands print nothing themselves and commit nothing.
"""

import getpass
import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, is_dataclass
from datetime import date
from functools import partial
from typing import Any, Concatenate, ParamSpec

import typer
from rich.console import RenderableType
from sqlmodel import Session

from surveillance import bootstrap, settings
from surveillance.bootstrap import App
from surveillance.cli import show
from surveillance.cli.options import AsJson, AsUser, AtSite, DryRun, Yes
from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.operations.accounts import users
from surveillance.operations.planning import preconditions
from surveillance.operations.registry import patients
from surveillance.operations.registry import sites as registry_sites
from surveillance.operations.work import Actor, Work
from surveillance.store import db
from surveillance.store.tables import Patient, Plan, Site, Study

P = ParamSpec("P")


class WrongUseError(typer.TyperException):
    """The command was not called as it must be: exit status 2."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Options:
    """The options that all commands have in common."""

    user: str | None = None
    site: str | None = None
    as_json: bool = False
    dry_run: bool = False
    yes: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command has to say. ``change`` is shown before it is applied, ``said`` afterwards; ``data`` is JSON."""

    said: Sequence[RenderableType] = ()
    data: Any = None
    change: Sequence[RenderableType] = ()
    warnings: Sequence[str] = ()
    compared: Any = None  # what must still be the same when a change that was shown is applied


@dataclass
class Job:
    """One command at work: the transaction, and what its actor may see."""

    work: Work
    app: App
    options: Options
    seen: list[Patient] = field(default_factory=list)
    action: str = "patient.view"
    afterwards: list[Callable[[Work], None]] = field(default_factory=list)  # what else a look leaves in the trail

    def sites(self) -> list[Site]:
        """The sites to look at: the one that was named, or all of the actor's."""
        mine = users.sites_of(self.work, self.work.actor)
        if self.options.site is None:
            return mine
        named = registry_sites.site_by_code(self.work, self.options.site)
        if named not in mine:
            raise InvalidInputError(f"{self.work.actor.name} does not work at site {named.code}")
        return [named]

    def site(self) -> Site:
        """The one site. Raises InvalidInputError where there are several and none was named."""
        there = self.sites()
        if len(there) != 1:
            codes = show.joined([site.code for site in there], "none yet; 'surveillance site add' makes one")
            raise InvalidInputError(f"say which site with --site; there are {codes}")
        return there[0]

    def patient(self, mrn: str) -> Patient:
        """The patient with this MRN; the look at the record is audited."""
        found = patients.patient_named(self.work, [site.id for site in self.sites()], mrn)
        self.seen.append(found)
        return found

    def plan(self, mrn: str) -> tuple[Patient, Plan]:
        """The patient and the active plan."""
        patient = self.patient(mrn)
        return patient, preconditions.current_plan(self.work, patient)

    def today(self, row: Patient | Plan | Study) -> date:
        """The local day at the site of a patient, a plan or a study."""
        return self.work.today(self.work.site(row.site_id))


def account() -> str:
    """The system account behind the command line, kept with everything that it changes."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        return str(os.getuid())


@contextmanager
def opened(*, require_schema: bool = True) -> Iterator[App]:
    """The service, set up from the environment."""
    app = bootstrap.open_app(settings.load(), require_schema=require_schema)
    try:
        yield app
    finally:
        app.close()


def run_read(look: Callable[[Job], Answer], options: Options) -> None:
    """Look at something and show it; a look at patients is audited before anything is shown (45 CFR 164.312(b))."""
    with opened() as app:
        with db.reading(app.engine) as session:
            job = _job(app, session, options, writes=False)
            answer = look(job)
            seen = [patient.id for patient in job.seen]
        if seen or job.afterwards:
            with db.writing(app.engine) as session:
                again = _job(app, session, options, writes=False)
                for patient_id in seen:
                    row = session.get_one(Patient, patient_id)
                    again.work.audit(job.action, row, patient_id=patient_id)
                for note in job.afterwards:
                    note(again.work)
    _show(answer, options)


def run_write(change: Callable[[Job], Answer], options: Options, *, confirm: bool = False) -> None:
    """Change something in one transaction; with ``confirm`` show it first and ask, unless ``--yes`` was given.

    While a person decides, no lock is held: the change is tried, taken back, and made again.

    Raises:
        ConflictError: what was shown is no longer what would happen.
    """
    with opened() as app:
        if options.dry_run:
            _show(_tried(app, change, options), options, dry_run=True)
            return
        asked = confirm and not options.yes
        shown = _asked(app, change, options) if asked else None
        with db.writing(app.engine) as session:
            answer = change(_job(app, session, options, writes=True))
            if shown is not None and answer.compared != shown.compared:
                raise ConflictError("meanwhile somebody else changed this; nothing was changed, look at it again")
    _show(answer, options, shown_before=asked)


def _tried(app: App, change: Callable[[Job], Answer], options: Options) -> Answer:
    with db.writing(app.engine) as session:
        answer = change(_job(app, session, options, writes=True))
        session.flush()
        session.rollback()
    return answer


def _asked(app: App, change: Callable[[Job], Answer], options: Options) -> Answer:
    if options.as_json:
        raise WrongUseError("--json asks nobody: give --yes to apply the change, or --dry-run to see it")
    answer = _tried(app, change, options)
    show.say(*answer.change)
    for line in answer.warnings:
        show.warn(f"note: {line}")
    if not typer.confirm("Apply this?", default=False):
        show.say("Nothing was changed.")
        raise typer.Exit(1)
    return answer


def _show(answer: Answer, options: Options, *, dry_run: bool = False, shown_before: bool = False) -> None:
    if options.as_json:
        show.write_json({"dry_run": True, "result": answer.data} if dry_run else answer.data)
        return
    if not shown_before:
        show.say(*answer.change)
        for line in answer.warnings:
            show.warn(f"note: {line}")
    if answer.change and answer.said:
        show.say("")
    show.say(*answer.said)
    if dry_run:
        show.say("This was a dry run: nothing was changed.")


def _job(app: App, session: Session, options: Options, *, writes: bool) -> Job:
    actor = _actor(session, options, writes=writes)
    return Job(app.work(session, actor, bootstrap.utc_now()), app, options)


def _actor(session: Session, options: Options, *, writes: bool) -> Actor:
    """A member of staff; nobody in particular for a look, or while the service has no users yet."""
    if options.user:
        return bootstrap.user_actor(session, options.user, account())
    if writes and users.has_staff(session):
        raise WrongUseError("say who acts: --as USER, or set SURVEILLANCE_USER once")
    system = bootstrap.system_actor(session)
    return Actor(system.user_id, system.name, account())


# -- from a function of a job to a command ---------------------------------------------------------------------


def reading(look: Callable[Concatenate[Job, P], Answer]) -> Callable[..., None]:
    """Make a command of a function that only looks."""
    return _command(look, run_read, _COMMON)


def writing(change: Callable[Concatenate[Job, P], Answer]) -> Callable[..., None]:
    """Make a command of a function that changes something."""
    return _command(change, run_write, [*_COMMON, _DRY_RUN])


def confirming(change: Callable[Concatenate[Job, P], Answer]) -> Callable[..., None]:
    """Make a command of a function whose change is shown and confirmed before it is applied."""
    return _command(change, partial(run_write, confirm=True), [*_COMMON, _DRY_RUN, _YES])


def _option(name: str, kind: Any, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


_COMMON = [_option("user", AsUser, None), _option("site", AtSite, None), _option("as_json", AsJson, False)]
_DRY_RUN = _option("dry_run", DryRun, False)
_YES = _option("yes", Yes, False)


def _command(
    function: Callable[..., Answer], run: Callable[[Callable[[Job], Answer], Options], None], common: list[Any]
) -> Callable[..., None]:
    """The function without its job, with the common options: Typer reads both from the signature.

    A parameter whose type is a dataclass stands for an option of each field: several commands can share them.
    """
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    groups: dict[str, Any] = {
        parameter.name: parameter.annotation for parameter in own if is_dataclass(parameter.annotation)
    }
    names = [parameter.name for parameter in common]

    def command(**values: Any) -> None:
        options = Options(**{name: values.pop(name) for name in names})
        for group, kind in groups.items():
            values[group] = kind(**{each.name: values.pop(each.name) for each in _fields(kind)})
        run(lambda job: function(job, **values), options)

    parameters = [part for each in own for part in (_fields(groups[each.name]) if each.name in groups else [each])]
    parameters += common
    vars(command)["__signature__"] = inspect.Signature(parameters)
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    return command


def _fields(kind: Any) -> list[inspect.Parameter]:
    return list(inspect.signature(kind, eval_str=True).parameters.values())
