"""``surveillance condition``: the diseases of a patient, each of which a plan follows."""

from typing import Annotated, Any

import typer

from surveillance.cli import show
from surveillance.cli.care.condition_options import (
    BodySite,
    Code,
    CodeSystem,
    DiagnosedOn,
    Grade,
    Margin,
    OnSide,
    Stage,
)
from surveillance.cli.context import Answer, Job, WrongUseError, reading, writing
from surveillance.cli.options import Mrn, Reason, Why
from surveillance.core.words import Side
from surveillance.operations.care import diagnoses
from surveillance.operations.care.diagnoses import NewCondition
from surveillance.operations.planning import conditions
from surveillance.store.audit.events import picture
from surveillance.store.planning import conditions as store
from surveillance.store.tables import Condition

app = typer.Typer(help="Diseases: record, list, describe, take back.", no_args_is_help=True)

Named = Annotated[str, typer.Argument(metavar="CONDITION", help="Its number, or words of it.")]


@app.command("list")
@reading
def listed(job: Job, mrn: Mrn) -> Answer:
    """The diseases of a patient, each with where its follow-up stands.

    Example: surveillance condition list 00417
    """
    patient = job.patient(mrn)
    known = store.with_plans(job.work.session, patient.id)
    table = show.table("Conditions", "No", "Condition", "Code", "Grade", "Margin", "Stage", "Plan")
    for row, own in known:
        plan = f"plan {own[-1].number}{'' if own[-1].ended_on is None else ', ended'}" if own else "none"
        show.add(table, row.number, conditions.name(row), row.code, row.grade, row.margin, row.stage, plan)
    said = [table] if known else [f"No disease of {mrn} is on record; 'enrol' or 'condition add' records one."]
    return Answer(said, [picture(row) for row, _ in known])


@app.command()
@writing
def add(
    job: Job,
    mrn: Mrn,
    diagnosis: Annotated[str, typer.Argument(help="In words.")],
    body_site: BodySite = "",
    side: OnSide = Side.UNKNOWN,
    code: Code = "",
    code_system: CodeSystem = "",
    grade: Grade = "",
    margin: Margin = "",
    stage: Stage = "",
    diagnosed_on: DiagnosedOn = None,
) -> Answer:
    """Record a disease; until 'enrol --condition' gives it a plan, it stands on the board.

    Example: surveillance condition add 00417 "myxoid liposarcoma" --body-site thigh --side left --as anna
    """
    patient = job.patient(mrn)
    described = NewCondition(diagnosis, code, code_system, body_site, side, grade, margin, stage, diagnosed_on)
    return _said("Recorded", diagnoses.add(job.work, patient, described))


@app.command()
@writing
def describe(
    job: Job,
    mrn: Mrn,
    condition: Named,
    diagnosis: Annotated[str, typer.Option(help="In words.")] = "",
    body_site: BodySite = "",
    side: Annotated[Side | None, typer.Option("--side", help="On which side of the body.")] = None,
    code: Code = "",
    code_system: CodeSystem = "",
    grade: Grade = "",
    margin: Margin = "",
    stage: Stage = "",
    diagnosed_on: DiagnosedOn = None,
    reason: Why = "",
) -> Answer:
    """Say more of a disease, or put right what was said; what is not named stays.

    Example: surveillance condition describe 00417 1 --diagnosis "myxoid liposarcoma" --body-site thigh --as anna
    """
    given: dict[str, Any] = {
        "diagnosis": diagnosis, "body_site": body_site, "side": side, "code": code, "code_system": code_system,
        "grade": grade, "margin": margin, "stage": stage, "diagnosed_on": diagnosed_on,
    }  # fmt: skip
    named = {name: value for name, value in given.items() if value not in ("", None)}
    if not named:
        raise WrongUseError("say what is known of it: --diagnosis, --body-site, --side …")
    row = conditions.named(job.work, job.patient(mrn), condition)
    diagnoses.describe(job.work, row, named, reason)
    return _said("Described", row)


@app.command("take-back")
@writing
def take_back(job: Job, mrn: Mrn, condition: Named, reason: Reason) -> Answer:
    """A disease was recorded wrongly; one that has, or had, a plan stays.

    Example: surveillance condition take-back 00417 2 --reason "another patient's" --as anna
    """
    row = conditions.named(job.work, job.patient(mrn), condition)
    diagnoses.take_back(job.work, row, reason)
    return _said("Taken back", row)


def _said(done: str, row: Condition) -> Answer:
    return Answer([f"{done}: condition {row.number}, {conditions.name(row)}."], picture(row))
