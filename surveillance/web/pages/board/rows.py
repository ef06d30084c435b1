"""What can be done about a row of the board: the likeliest step, the forms of its panel, and the pages that go on."""

from collections.abc import Iterator
from urllib.parse import urlencode
from uuid import UUID

from surveillance.operations.board.row_words import PRINT
from surveillance.operations.board.worklist import Worklist, WorklistRow

Link = tuple[str, str]  # words and address

RESULTS = (
    *(Worklist.NO_REPORT, Worklist.NOT_REVIEWED, Worklist.NOT_TOLD),
    *(Worklist.NO_NEXT_ACTION, Worklist.RESULT_TASKS, Worklist.REPEAT_DUE),
)
BOOKABLE = (Worklist.OVERDUE, Worklist.DUE, Worklist.TO_ORDER)
# The forms that the panel of a row begins with, by the kind of the row; calls, notes, putting aside and handing over
# follow for every row of a patient.
FORMS = {
    "overdue": ("skip",),
    "due": ("skip",),
    "to_order": ("skip",),
    "outcome_unknown": ("outcome",),
    "off": ("renew",),
    "transfer": ("confirmed", "renew"),
    "no_report": ("report",),
    "not_reviewed": ("review",),
    "not_told": ("told",),
    "result_task": ("task",),
    "undelivered": ("settle", "resend"),
    "in_doubt": ("settle",),
    "lost": ("settle",),
    "reply": ("reply",),
    "reschedule": ("wish",),
    "paused_number": ("number",),
    "wrong_number": ("verified",),
}


def first_step(row: WorklistRow, back: str) -> Link | None:
    """The page on which the row is most likely settled; None where its panel is the place."""
    elsewhere = row.kind not in FORMS or row.list in BOOKABLE or row.kind in ("reply", "reschedule", "undelivered")
    return next(links(row, back), None) if elsewhere else None


def links(row: WorklistRow, back: str) -> Iterator[Link]:
    """The pages where more can be done; they lead back here."""
    if row.patient_id is None:
        return
    for words, address in _pages(row, f"/patients/{row.patient_id}"):
        yield words, f"{address}{'&' if '?' in address else '?'}{urlencode({'back': back})}"


def _pages(row: WorklistRow, here: str) -> Iterator[Link]:
    match row.kind:
        case "overdue" | "due" | "to_order":
            yield "Book", f"{here}/book?examination={row.examination_id}"
            yield "Why is it due?", f"{here}/examinations/{row.examination_id}"
        case "reschedule":
            yield "Move the visit", f"/visits/{row.appointment_id}/move"
            yield "Write to the patient", f"{here}/write"
        case "reply":
            yield "Write back", f"{here}/replies/{UUID(row.subject)}"
            if row.appointment_id is not None:
                yield "Open the visit", f"/visits/{row.appointment_id}"
        case "outcome_unknown":
            yield "Move or cancel the visit", f"/visits/{row.appointment_id}"
        case _ if row.list in RESULTS:
            yield from of_result(row, here)
        case "undelivered" | "in_doubt" | "lost":
            if row.next_action == PRINT:
                yield "Print the letters", "/messages/letters"
            yield "See the message", f"/messages/{row.reminder_id}"
        case "unreachable" | "wrong_number":
            yield "Contacts", f"{here}/contacts"
        case "conflict" | "protocol_ends":
            yield from _of_conflict(row, here)
        case _:
            yield from _of_plan(row, here)


def of_result(row: WorklistRow, here: str) -> Iterator[Link]:
    """Where a study goes on: on its own page, and a repeat is booked."""
    study = f"{here}/studies/{row.study_id}"
    if row.list is Worklist.NO_NEXT_ACTION:
        yield "Say what follows", study
        return
    if row.list is Worklist.REPEAT_DUE:
        yield "Book the repeat", f"{here}/book"
    yield "Open the study", study


def _of_conflict(row: WorklistRow, here: str) -> Iterator[Link]:
    if row.study_id is not None:
        yield "Decide", f"{here}/studies/{row.study_id}"
    elif row.appointment_id is not None:
        yield "Open the visit", f"/visits/{row.appointment_id}"
        yield "Keep it as it is", f"{here}/visits/{row.appointment_id}/keep"
    else:
        yield "See the plan", here


def _of_plan(row: WorklistRow, here: str) -> Iterator[Link]:
    match row.kind:
        case "hold":
            yield "Resume", f"{here}/holds/{UUID(row.subject)}/resume"
            yield "Set the next review", f"{here}/holds/{UUID(row.subject)}/review"
        case "off":
            yield "Switch it on", f"{here}/terms"
        case "transfer":
            yield "See the plan", here
        case "skip":
            yield "Look at it", f"{here}/examinations/{row.examination_id}"
        case "last_scan_unknown":
            yield "Record a study", f"{here}/studies/new"
            yield "There was none", f"{here}/known-blank"
        case "without_plan" if "never enrolled" in row.why:
            yield "Enrol", f"{here}/enrol"
        case "without_plan" | "restart_due":
            yield "Restart", f"{here}/restart"
