"""``surveillance worklist``, ``check`` and ``explain``: what is to do, whether the promise holds, and why."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.progress import Progress
from sqlmodel import func, select

from surveillance import bootstrap
from surveillance.cli import options, show, words
from surveillance.cli.board import protocol_sources
from surveillance.cli.context import Answer, Job, Options, WrongUseError, opened, reading, run_read, writing
from surveillance.cli.options import AsCsv, AsJson, AsUser, AtSite, Mrn, OfCondition
from surveillance.core.errors import InvalidInputError
from surveillance.core.plain import DEFERRAL
from surveillance.core.schedule.examinations import Key
from surveillance.operations import csv_text
from surveillance.operations.accounts import users
from surveillance.operations.audit import sealing
from surveillance.operations.board import acts, worklist
from surveillance.operations.board.acts import WorklistAction
from surveillance.operations.board.row_words import TITLES
from surveillance.operations.board.worklist import Filter, Worklist, WorklistRow
from surveillance.operations.deferrals import standing
from surveillance.operations.proof import check as proof_check
from surveillance.operations.proof.second_proof import Told
from surveillance.operations.proof.violation import Violation
from surveillance.operations.protocols import reviews
from surveillance.operations.record.explanation import Explanation
from surveillance.operations.record.explanation import explain as explained
from surveillance.store import db
from surveillance.store.audit.events import picture
from surveillance.store.planning import plans
from surveillance.store.proof import checks
from surveillance.store.tables import Plan

app = typer.Typer(help="The board: the lists that want to be empty, and what you did about a row.")

_COLUMNS = (
    "key", "list", "site", "mrn", "name", "what", "since", "age", "why", "owner", "next_action", "to_clinician",
    "note", "hidden_until",
)  # fmt: skip

RowKey = Annotated[str, typer.Argument(metavar="ROW", help="The row as the board names it, such as overdue:3f9a2c1b.")]
Until = Annotated[
    date | None, typer.Option(parser=options.iso_day, metavar="DATE", help="Show the row again on this day.")
]


@app.callback(invoke_without_command=True)
def board(
    context: typer.Context,
    names: Annotated[list[Worklist] | None, typer.Option("--list", help="Only this list. Repeatable.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only what is yours (--as USER).")] = False,
    text: Annotated[str, typer.Option("--find", metavar="TEXT", help="Only patients of this name or MRN.")] = "",
    hidden: Annotated[bool, typer.Option("--hidden", help="Show what was put aside, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many rows of each list.")] = 200,
    user: AsUser = None,
    site: AtSite = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """The board: how many rows each list has, then the rows, the oldest first."""
    if context.invoked_subcommand is not None:
        return
    if mine and not user:
        raise WrongUseError("say whose rows: --mine needs --as USER")
    if as_csv and as_json:
        raise WrongUseError("--csv or --json, not both")

    def look(job: Job) -> Answer:
        wanted = Filter(owner=job.work.actor.user_id if mine else None, text=text, hidden=hidden)
        whole = not (names or mine or text)
        return _board(job, names or list(Worklist), wanted, limit, as_csv=as_csv, whole=whole)

    run_read(look, Options(user, site, as_json))


def _board(job: Job, names: Sequence[Worklist], wanted: Filter, limit: int, *, as_csv: bool, whole: bool) -> Answer:
    """``whole``: nothing is left out, so that what is no patient's is told, too."""
    sites = [site.id for site in job.sites()]
    counts = worklist.counts(job.work, sites, wanted)
    found = {name: worklist.rows(job.work, sites, name, wanted, limit=limit) for name in names if counts[name]}
    rows = [row for name in names for row in found.get(name, [])]
    if as_csv:
        return Answer([_csv(rows)])
    due = reviews.due_at(job.work, job.sites()) if whole else []
    data: dict[str, Any] = {"counts": {name: counts[name] for name in names}, "rows": [_data(row) for row in rows]}
    if whole:
        data["sources"] = protocol_sources.data(job, due)
    return Answer([*_overview(counts, names), *_lists(found, counts), *protocol_sources.told(job, due)], data)


def _data(row: WorklistRow) -> dict[str, Any]:
    return asdict(row) | {"key": row.key}


def _csv(rows: Sequence[WorklistRow]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        cells = _data(row)
        writer.writerow([csv_text.safe(cells[name]) for name in _COLUMNS])
    return out.getvalue().removesuffix("\n")


def _overview(counts: Mapping[Worklist, int], names: Sequence[Worklist]) -> list[RenderableType]:
    if not any(counts[name] for name in names):
        return ["Nothing to do: every list is empty."]
    table = show.table("The board", "List", "Rows", "--list")
    for name in names:
        if counts[name]:
            show.add(table, TITLES[name], counts[name], name.value)
    return [table]


def _lists(found: Mapping[Worklist, Sequence[WorklistRow]], counts: Mapping[Worklist, int]) -> list[RenderableType]:
    said: list[RenderableType] = []
    for name, rows in found.items():
        table = show.table(TITLES[name], "Row", "MRN", "Patient", "What", "Since", "Days", "Why", "Owner", "Next")
        for row in rows:
            why = f"{row.why} (note: {row.note})" if row.note else row.why
            cells = (row.mrn, row.name, row.what, row.since, row.age, why, row.owner, row.next_action)
            show.add(table, row.key, *cells)
        said.append(table)
        if counts[name] > len(rows):
            said.append(f"{counts[name] - len(rows)} more rows; show them with --limit.")
    return said


def _act(job: Job, key: str, kind: WorklistAction, **values: Any) -> Answer:
    row = worklist.find_row(job.work, [site.id for site in job.sites()], key)
    action = acts.act(job.work, row, kind, **values)
    until = f"; it comes back on {action.until}" if action.until else ""
    said = f"{row.name} (MRN {row.mrn}), {TITLES[row.list].lower()}: {kind.value} written down{until}."
    return Answer([said], {"row": row.key, "kind": kind, "until": action.until})


@app.command()
@writing
def note(job: Job, row: RowKey, text: Annotated[str, typer.Argument(help="What to remember.")]) -> Answer:
    """Write a note beside a row; it stays where it is."""
    return _act(job, row, WorklistAction.NOTE, text=text)


@app.command()
@writing
def call(
    job: Job, row: RowKey, text: Annotated[str, typer.Argument(help="What came of the call.")], until: Until = None
) -> Answer:
    """Write down the outcome of a call; the row hides for a few days, or until a day."""
    return _act(job, row, WorklistAction.CALL, text=text, until=until)


@app.command()
@writing
def snooze(
    job: Job,
    row: RowKey,
    until: Annotated[date, typer.Option(parser=options.iso_day, metavar="DATE", help="Show it again on this day.")],
    text: Annotated[str, typer.Option("--reason", help="Why.")] = "",
) -> Answer:
    """Put a row aside until a day; today brings it back."""
    return _act(job, row, WorklistAction.SNOOZE, until=until, text=text)


@app.command()
@writing
def assign(job: Job, row: RowKey, to: Annotated[str, typer.Argument(metavar="USER")]) -> Answer:
    """Give a row to somebody who works at its site."""
    return _act(job, row, WorklistAction.ASSIGN, assigned_to=users.user_named(job.work, to).id)


@app.command()
@reading
def deferred(job: Job) -> Answer:
    """Whoever is put off, by what, until when, and who decided it in which role.

    Example: surveillance worklist deferred --as anna
    """
    found = show.table("", "Until", "Patient", "What", "Reason", "By", "As")
    data = []
    for each in standing.of_sites(job.work, job.sites()):
        row, patient = each.row, each.patient
        what = f"{DEFERRAL[row.kind]} {row.item}".strip()
        name = f"{patient.given_name} {patient.family_name}, {patient.mrn}"
        show.add(found, show.day(row.until), name, what, row.reason, each.by.name, row.role.value)
        data.append(picture(row) | {"mrn": patient.mrn, "by": each.by.username})
    return Answer([show.section(found, "Nobody is put off.")], data)


# -- check and explain -----------------------------------------------------------------------------------------


def check(user: AsUser = None, as_json: AsJson = False) -> None:
    """Prove on this database that nobody is silently lost; exit status 1 if anything breaks the promise.

    The board shows the result until the next proof, which a worker makes every night.
    """
    found: list[Violation] = []
    told, looked_at = Told(), 0

    def look(job: Job) -> Answer:
        nonlocal looked_at
        looked_at = job.work.session.exec(select(func.count()).select_from(Plan)).one()
        with Progress(console=show.console(stderr=True), transient=True, disable=as_json) as progress:
            task = progress.add_task("plans", total=None)
            found.extend(
                proof_check.check(
                    job.work, lambda done, total: progress.update(task, completed=done, total=total), told
                )
            )
        said = [str(violation) for violation in found] or ["The promise holds: nobody is silently lost."]
        if not found:
            said.append(_proved(told))
        said.append(_put_off(standing.summary(job.work, job.sites())))
        if found:
            said.append(f"{len(found)} violations.")
        said.append(f"Head of the audit chain, to be noted elsewhere: {sealing.head(job.work)}")
        return Answer(said, [asdict(violation) for violation in found])

    began = bootstrap.utc_now()
    run_read(look, Options(user, None, as_json))
    with opened() as app, db.writing(app.engine) as session:
        checks.keep(session, began, bootstrap.utc_now(), looked_at, found)
    if found:
        raise typer.Exit(1)


def _proved(told: Told) -> str:
    """What the second prover saw, who derives nothing with the planner's code."""
    counts = told.counts
    far = f"{counts['far']} put off beyond 12 months, signed by {', '.join(sorted(told.signed))}" if told.signed else ""
    said = f"Proved from outside: {counts['patients']} patients, {counts['plans']} plans; "
    return f"{said}{len(told.overdue)} overdue, all on the board; {far or 'nobody is put off beyond 12 months'}."


def _put_off(told: standing.Summary) -> str:
    """Who is off the lists by somebody's word: what the proof takes on trust, with the names of who signed."""
    kinds = ", ".join(f"{number} {DEFERRAL[kind].lower()}" for kind, number in sorted(told.by_kind.items()))
    long = f"; {told.long} for a year or more, signed by {', '.join(told.signed_by)}" if told.long else ""
    return f"Put off: {told.patients} patients ({kinds}){long}." if told.patients else "Nobody is put off."


@reading
def explain(
    job: Job,
    mrn: Mrn,
    examination: Annotated[
        str | None, typer.Argument(metavar="[ITEM[@MONTH]]", help="mri_primary@6, or ITEM for the current one.")
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Also tell who changed what.")] = False,
    condition: OfCondition = "",
) -> Answer:
    """Why an examination is due when it is, in plain sentences."""
    patient = job.patient(mrn)
    item, key, plan = None, None, None
    if condition:
        _, plan = job.newest_plan(mrn, condition)
    if examination is not None:
        newest = plan or next(iter(plans.all_plans(job.work.session, patient.id)), None)
        if newest is None:
            raise InvalidInputError(f"patient {mrn} has no plan yet")
        named: Key = options.examination(job.work, newest, examination)
        item, key = (named.item, None) if named[1:] == (None, None) else (None, named)
    found = explained(job.work, patient, item, key, plan)
    return Answer([part for one in found for part in _told(one, history=history)], [_told_json(one) for one in found])


def _told(one: Explanation, *, history: bool) -> list[RenderableType]:
    said: list[RenderableType] = [show.heading(f"{one.title} ({words.name(one.key)})"), "\n".join(one.sentences)]
    if history:
        said += ["", "Who changed what, the newest first:", *(f"  {line}" for line in one.history)]
    return said


def _told_json(one: Explanation) -> dict[str, Any]:
    return asdict(one) | {"key": words.name(one.key)}
