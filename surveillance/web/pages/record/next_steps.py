"""What to do next about a patient: the board's rows with the pages where it is done."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from surveillance.operations.board.worklist import WorklistRow
from surveillance.operations.record.patient_record import PatientRecord
from surveillance.store.board.worklist import Worklist
from surveillance.web.pages.board.rows import RESULTS, of_result

Link = tuple[str, str]  # words and address


@dataclass(frozen=True, slots=True)
class Step:
    """What the board asks for about this patient; ``links`` lead to where it is done, the likeliest first.

    ``what`` names all that is asked for in the same words: MRI and chest go on one trip.
    """

    row: WorklistRow
    headline: str
    what: str
    links: tuple[Link, ...]


_HEADLINES = {
    Worklist.OVERDUE: "Overdue",
    Worklist.TO_ORDER: "To order",
    Worklist.DUE: "Due and not booked",
    Worklist.OUTCOME_UNKNOWN: "Visit over, outcome unknown",
    Worklist.UNREACHABLE: "Message not delivered, or no way to reach",
    Worklist.REPLIES: "Reply to answer",
    Worklist.RESCHEDULE: "Another day asked for",
    Worklist.NO_REPORT: "No report",
    Worklist.NOT_REVIEWED: "Report to review",
    Worklist.NO_NEXT_ACTION: "Result not clear, next action open",
    Worklist.RESULT_TASKS: "To do after a result",
    Worklist.REPEAT_DUE: "Study to be repeated",
    Worklist.NOT_TOLD: "Result to tell",
    Worklist.CONFLICTS: "Facts that do not fit",
    Worklist.HOLDS: "To look at again",
    Worklist.LAST_SCAN_UNKNOWN: "Last scan unknown",
    Worklist.WITHOUT_PLAN: "Without a plan",
    Worklist.RESTART_DUE: "Restart due",
    Worklist.IN_DOUBT: "Message in doubt",
}


def next_steps(record: PatientRecord) -> list[Step]:
    """The weightiest first."""
    return [_step(record, list(rows)) for _, rows in groupby(record.steps, key=_alike)]


def _alike(row: WorklistRow) -> tuple[object, ...]:
    """Examinations that are asked for with the same words, and one study or visit that does not fit several of them,
    are one step; everything else stands by itself."""
    together = row.list in (Worklist.OVERDUE, Worklist.TO_ORDER, Worklist.DUE, Worklist.CONFLICTS)
    about = (row.study_id, row.appointment_id) if row.list is Worklist.CONFLICTS else None
    return row.list, row.since, row.why, row.next_action, about if together else row.subject


def _step(record: PatientRecord, rows: list[WorklistRow]) -> Step:
    links = list(_links(record, rows[0]))
    what = " and ".join(row.what for row in rows)
    about_each = len(rows) > 1 and rows[0].list is not Worklist.CONFLICTS  # skipping is decided one by one
    return Step(rows[0], _HEADLINES[rows[0].list], what, tuple(links[:1] if about_each else links))


def _links(record: PatientRecord, row: WorklistRow) -> Iterator[Link]:
    here = f"/patients/{record.patient.id}"
    match row.list:
        case Worklist.OVERDUE | Worklist.TO_ORDER | Worklist.DUE:
            yield "Book a visit", f"{here}/book"
            yield from _of_examination(here, row)
        case Worklist.OUTCOME_UNKNOWN:
            yield "Record the outcome", f"/visits/{row.appointment_id or UUID(row.subject)}"
        case _ if row.list in RESULTS:
            yield from of_result(row, here)
        case Worklist.CONFLICTS:
            yield from _of_conflict(here, row)
        case Worklist.REPLIES | Worklist.RESCHEDULE | Worklist.UNREACHABLE | Worklist.IN_DOUBT:
            yield from _of_messages(here, row)
        case _:
            yield from _of_plan(record, here, row)


def _of_plan(record: PatientRecord, here: str, row: WorklistRow) -> Iterator[Link]:
    match row.list:
        case Worklist.HOLDS if row.examination_id is not None:
            yield from _of_examination(here, row)
        case Worklist.HOLDS:
            yield "Resume", f"{here}/holds/{UUID(row.subject)}/resume"
            yield "Set the next review", f"{here}/holds/{UUID(row.subject)}/review"
        case Worklist.LAST_SCAN_UNKNOWN:
            yield "Record a study", f"{here}/studies/new"
            yield "There was none", f"{here}/known-blank"
        case Worklist.WITHOUT_PLAN if not record.plans:
            yield "Enrol", f"{here}/enrol"
        case Worklist.RESTART_DUE | Worklist.WITHOUT_PLAN:
            yield "Restart", f"{here}/restart"


def _of_messages(here: str, row: WorklistRow) -> Iterator[Link]:
    if row.kind == "reschedule":
        yield "Move the visit", f"/visits/{row.appointment_id}/move"
        yield "Say what was agreed", f"/visits/{row.appointment_id}#confirmed"
        return
    if row.list is Worklist.REPLIES and not row.subject.startswith("+"):
        yield "Answer and settle", f"{here}/replies/{UUID(row.subject)}"
        return
    if row.reminder_id is not None:
        yield "Open the message", f"/messages/{row.reminder_id}"
    yield "See the conversation", "#conversation"
    yield "Contacts and consent", f"{here}/contacts"


def _of_examination(here: str, row: WorklistRow) -> Iterator[Link]:
    if row.examination_id is not None:
        yield "Skip with a reason", f"{here}/examinations/{row.examination_id}/skip"
        yield "Why?", f"{here}/examinations/{row.examination_id}"


def _of_conflict(here: str, row: WorklistRow) -> Iterator[Link]:
    if row.study_id is not None:
        yield "Decide about the study", f"{here}/studies/{row.study_id}"
    if row.appointment_id is not None:
        yield "Keep it as it is", f"{here}/visits/{row.appointment_id}/keep"
        yield "Move or cancel it", f"/visits/{row.appointment_id}"
    if row.study_id is None and row.appointment_id is None:
        yield "See the plan", "#plan"
