"""``surveillance retract``: a recorded fact was wrong; everything is then as if it had never been recorded."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from sqlmodel import col, select

from surveillance.cli import show, words
from surveillance.cli.context import Answer, Job, confirming
from surveillance.cli.options import Mrn
from surveillance.cli.planning import changes
from surveillance.core.errors import ConflictError, InvalidInputError, NotFoundError
from surveillance.operations.care import lifecycle
from surveillance.operations.planning import differences
from surveillance.operations.visits import results
from surveillance.operations.work import Work
from surveillance.store.planning import plans
from surveillance.store.tables import (
    Death,
    ExtraExamination,
    Override,
    Patient,
    PlanHold,
    PlanTerms,
    ResultTask,
    StudyReport,
)


class Kind(StrEnum):
    """What can be taken back."""

    STUDY = "study"
    HOLD = "hold"
    DECISION = "decision"  # a move, a skip, a ruling, "no earlier scan"
    EXTRA = "extra"
    TERMS = "terms"
    DEATH = "death"
    REPORT = "report"
    TASK = "task"


_TABLES: dict[Kind, type[PlanHold] | type[Override] | type[ExtraExamination] | type[PlanTerms]] = {
    Kind.HOLD: PlanHold,
    Kind.DECISION: Override,
    Kind.EXTRA: ExtraExamination,
    Kind.TERMS: PlanTerms,
}


@confirming
def retract(
    job: Job,
    mrn: Mrn,
    kind: Annotated[Kind, typer.Argument(help="What was recorded; a decision is a move, a skip or a ruling.")],
    name: Annotated[
        str, typer.Argument(metavar="[ID]", help="First digits of its id, or a study's accession number.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why it was wrong; it stays in the history.")] = "",
) -> Answer:
    """Take back a recorded fact, with a reason. The ID may be left out where there is only one of its kind.

    Example: surveillance retract 00417 study A1001 --reason "wrong patient" --as anna
    """
    patient = job.patient(mrn)
    row = _fact(job.work, patient, kind, name)
    before = differences.picture(job.work, patient)
    lifecycle.retract(job.work, patient, row, reason)
    found = changes.since(job.work, patient, before)
    change = [f"Retract the {kind} {words.short(row.id)}: {_what(row)}.", *found.shown()]
    data = {"mrn": patient.mrn, "kind": kind, "id": row.id} | found.data
    return Answer([f"The {kind} is retracted."], data, change, compared=found.data)


def _fact(work: Work, patient: Patient, kind: Kind, name: str) -> lifecycle.Retracted:
    if kind is Kind.STUDY:
        if not name:
            raise InvalidInputError("say which study: its accession number or the first digits of its id")
        return results.study_named(work, patient, name)
    rows = _of_patient(work, patient, kind) if kind in _OF_PATIENT else _of_plans(work, patient, kind)
    digits = name.replace("-", "").lower()
    matches = [row for row in rows if row.id.hex.startswith(digits)]
    if not matches:
        raise NotFoundError(f"patient {patient.mrn} has no {kind} {name}".rstrip() + " on record")
    if len(matches) > 1:
        ids = show.joined([f"{words.short(row.id)} ({_what(row)})" for row in matches])
        raise ConflictError(f"patient {patient.mrn} has {len(matches)} facts of this kind, give an ID: {ids}")
    return matches[0]


_OF_PATIENT: dict[Kind, type[Death] | type[StudyReport] | type[ResultTask]] = {
    Kind.DEATH: Death,
    Kind.REPORT: StudyReport,
    Kind.TASK: ResultTask,
}


def _of_patient(work: Work, patient: Patient, kind: Kind) -> Sequence[Death | StudyReport | ResultTask]:
    table: Any = _OF_PATIENT[kind]
    statement = select(table).where(col(table.patient_id) == patient.id, col(table.retracted_at).is_(None))
    return list(work.session.exec(statement))


def _of_plans(work: Work, patient: Patient, kind: Kind) -> Sequence[PlanHold | Override | ExtraExamination | PlanTerms]:
    table: Any = _TABLES[kind]
    ids = [plan.id for plan in plans.all_plans(work.session, patient.id)]
    statement = select(table).where(col(table.plan_id).in_(ids), col(table.retracted_at).is_(None))
    if table is PlanTerms:
        statement = statement.where(col(PlanTerms.since).is_not(None))
    return list(work.session.exec(statement))


def _what(row: lifecycle.Retracted) -> str:
    match row:
        case PlanHold():
            return f"{words.HOLD[row.reason]} from {row.start}"
        case Override():
            return f"{row.item}{'' if row.month is None else f'@{row.month}'} {words.OVERRIDE[row.kind]}"
        case ExtraExamination():
            return f"{row.item} on {row.target}"
        case PlanTerms():
            return f"{row.protocol_key} from {row.since}"
        case Death():
            return f"death on {row.died_on}"
        case StudyReport():
            return f"{words.REPORT[row.status]} report of {row.day}"
        case ResultTask():
            return f"{row.what}, due on {row.due_on}"
    return f"{row.modality} done {row.performed_on}"
