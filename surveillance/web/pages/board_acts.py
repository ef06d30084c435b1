"""Acting on a row of the board without leaving it: its panel, and what each form in it does.

With scripts the panel opens below its row and the board is drawn anew when it is done; without them the panel is a
page of its own that leads back.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.errors import InvalidInputError, NotFoundError
from surveillance.core.words import Outcome, Result
from surveillance.operations import (
    booking,
    lifecycle,
    message_acts,
    numbers,
    planning,
    registry,
    results,
    settling,
    wishes,
    worklist,
    worklist_acts,
)
from surveillance.operations.message_acts import TaskOutcome
from surveillance.operations.worklist import WorklistRow
from surveillance.operations.worklist_acts import WorklistAction
from surveillance.operations.worklist_words import item_title
from surveillance.store import appointments, plans
from surveillance.store.tables import Appointment, ExaminationRow, OverrideKind, Reminder, RescheduleWish, Study
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import LONGEST_TEXT
from surveillance.web.pages import Pages, board_view
from surveillance.web.pages.board import shown
from surveillance.web.pages.board_rows import FORMS, links
from surveillance.web.pages.messages import OUTCOMES as TASK_OUTCOMES
from surveillance.web.render import day

pages = Pages(prefix="/board")

Act = Callable[[Desk, WorklistRow], str]  # does it and says what was done


@pages.get("/{name}/{subject}", needs=Permission.WORK)
def panel(desk: Desk, name: str, subject: str) -> Response:
    return _panel(desk, _row(desk, name, subject))


@pages.post("/{name}/{subject}/review", needs=Permission.SIGN)
def review(desk: Desk, name: str, subject: str) -> Response:
    """A clinician has read a report."""
    return _do(desk, _row(desk, name, subject), "review", _review)


@pages.post("/{name}/{subject}/{what}", needs=Permission.WORK)
def act(desk: Desk, name: str, subject: str, what: str) -> Response:
    if what not in ACTS:
        raise NotFoundError("there is no such action")
    return _do(desk, _row(desk, name, subject), what, ACTS[what])


def _row(desk: Desk, name: str, subject: str) -> WorklistRow:
    try:
        row = worklist.find_row(desk.work, [site.id for site in desk.sites], f"{name}:{subject}")
    except InvalidInputError as error:
        raise NotFoundError("there is no such row on the board") from error
    board_view.looked_at(desk, [row])
    return row


def _do(desk: Desk, row: WorklistRow, what: str, act: Act) -> Response:
    """Act, and show the board as it is then; the row that followed takes the reader's place."""
    told = ""
    with desk.form.trying(desk.session):
        told = act(desk, row)
    if desk.form.errors:
        return _panel(desk, row, what)
    view = board_view.came_from(desk)
    if not desk.live:
        return desk.done(view.address(), told)
    place = desk.form.value("at")
    answer = shown(desk, board_view.gather(desk, view), at=int(place[:4]) if place.isdecimal() else 0, told=told)
    answer.headers["HX-Retarget"], answer.headers["HX-Reswap"] = "#board", "outerHTML"
    return answer


def _panel(desk: Desk, row: WorklistRow, what: str = "") -> Response:
    back = desk.back("/")
    return desk.page(
        "board/_panel.html" if desk.live else "board/row.html",
        row=row,
        what=what,
        forms=FORMS.get(row.kind, ()),
        links=list(links(row, back)),
        back=back,
        at=desk.form.value("at") or desk.request.query_params.get("at", ""),
        people=[(user.id, user.name) for user in board_view.came_from(desk).people],
        today=desk.today(desk.work.site(row.site_id)),
        title=board_view.title,
        words=words,
        item_title=partial(item_title, desk.work),
        task_outcomes=[(value.value, text) for value, (text, _) in TASK_OUTCOMES.items()],
        **_about(desk, row),
    )


def _about(desk: Desk, row: WorklistRow) -> dict[str, Any]:
    """The record that the row is about, for the fields of its forms."""
    found: dict[str, Any] = {}
    if row.study_id is not None:
        found["study"] = desk.session.get(Study, row.study_id)
    if row.kind == "outcome_unknown" and row.appointment_id is not None:
        lines = appointments.lines(desk.session, row.appointment_id)
        found["lines"] = [line for line in lines if line.outcome is None]
    if row.reminder_id is not None:
        found["message"] = desk.session.get(Reminder, row.reminder_id)
    return found


# -- what every row knows --------------------------------------------------------------------------------------


def _call(desk: Desk, row: WorklistRow) -> str:
    text = desk.form.text("call", "what came of the call", required=True, longest=LONGEST_TEXT)
    until = desk.form.day("until", "the day on which the row comes back")
    if not desk.form.ok:
        return ""
    action = worklist_acts.act(desk.work, row, WorklistAction.CALL, text=text, until=until)
    return f"The call is written down; {row.name} comes back on {day(action.until)}."


def _note(desk: Desk, row: WorklistRow) -> str:
    text = desk.form.text("note", "the note", required=True, longest=LONGEST_TEXT)
    if desk.form.ok:
        worklist_acts.act(desk.work, row, WorklistAction.NOTE, text=text)
    return f"The note on {row.name} is kept."


def _snooze(desk: Desk, row: WorklistRow) -> str:
    until = desk.form.day("snooze", "the day on which the row comes back", required=True)
    text = desk.form.text("why", "the reason", longest=LONGEST_TEXT)
    if desk.form.ok:
        worklist_acts.act(desk.work, row, WorklistAction.SNOOZE, until=until, text=text)
    return f"{row.name} is put aside until {day(until)}."


def _assign(desk: Desk, row: WorklistRow) -> str:
    to = desk.form.record("to", "who takes it over")
    if not desk.form.ok or to is None:
        return ""
    worklist_acts.act(desk.work, row, WorklistAction.ASSIGN, assigned_to=to)
    name = next((user.name for user in board_view.came_from(desk).people if user.id == to), "somebody else")
    return f"{row.name} is {name}'s now."


# -- what settles a row ----------------------------------------------------------------------------------------


def _skip(desk: Desk, row: WorklistRow) -> str:
    reason = desk.form.text("reason", "the reason", required=True, longest=LONGEST_TEXT)
    review_on = desk.form.day("review_on", "the day on which somebody looks at it again", required=True)
    if not desk.form.ok or row.examination_id is None:
        return ""
    wanted = desk.row(ExaminationRow, row.examination_id)
    key = plans.examination(wanted).key
    new = lifecycle.NewOverride(OverrideKind.SKIP, key, reason, review_on)
    lifecycle.override(desk.work, planning.plan_of(desk.work, wanted.plan_id), new)
    return f"{row.what} of {row.name} is skipped; to be looked at again on {day(review_on)}."


def _outcome(desk: Desk, row: WorklistRow) -> str:
    """What became of each examination of a visit; those without an answer stay unknown."""
    if row.appointment_id is None:
        raise NotFoundError("there is no such visit")
    visit, form = desk.row(Appointment, row.appointment_id), desk.form
    told = []
    for line in appointments.lines(desk.session, visit.id):
        outcome = form.choice(f"outcome-{line.item}", "what became of it", Outcome, required=False)
        reason = form.text(f"reason-{line.item}", "the reason", longest=LONGEST_TEXT)
        if outcome is not None and line.outcome is None:
            told.append(booking.OutcomeOf(line.item, outcome, reason))
    if form.ok:
        booking.record(desk.work, visit, told)
    return f"The outcome of the visit of {row.name} is recorded."


def _report(desk: Desk, row: WorklistRow) -> str:
    on = desk.form.day("on", "the day of the report", required=True)
    if desk.form.ok and on:
        results.report(desk.work, _study(desk, row), on)
    return f"The report on {row.name} is recorded; it waits for its review."


def _review(desk: Desk, row: WorklistRow) -> str:
    form = desk.form
    on = form.day("on", "the day of the review", required=True)
    result = form.choice("result", "what it showed", Result)
    action = form.text(
        "next_action", "the next action", required=result not in (None, Result.CLEAR), longest=LONGEST_TEXT
    )
    if form.ok and on and result:
        results.review(desk.work, _study(desk, row), on, result, action)
    return f"The study of {row.name} is reviewed." if result is None else f"{row.name}: {words.RESULT[result]}."


def _acted(desk: Desk, row: WorklistRow) -> str:
    on = desk.form.day("on", "the day on which it was done", required=True)
    if desk.form.ok and on:
        results.act(desk.work, _study(desk, row), on)
    return f"The next action for {row.name} was taken."


def _told(desk: Desk, row: WorklistRow) -> str:
    on = desk.form.day("told_on", "the day on which the patient was told", required=True)
    if desk.form.ok and on:
        results.tell(desk.work, _study(desk, row), on)
    return f"{row.name} was told the result."


def _study(desk: Desk, row: WorklistRow) -> Study:
    if row.study_id is None:
        raise NotFoundError("there is no such study")
    return desk.row(Study, row.study_id)


def _settle(desk: Desk, row: WorklistRow) -> str:
    outcome = desk.form.choice("outcome", "what became of the message", TaskOutcome)
    note = desk.form.text("settle_note", "the note", longest=LONGEST_TEXT)
    if desk.form.ok and outcome is not None:
        message_acts.done(desk.work, _message(desk, row), outcome, note)
    return f"The message to {row.name} is settled."


def _resend(desk: Desk, row: WorklistRow) -> str:
    message_acts.resend(desk.work, _message(desk, row))
    return f"The message to {row.name} is planned again and decided afresh before it goes out."


def _message(desk: Desk, row: WorklistRow) -> Reminder:
    if row.reminder_id is None:
        raise NotFoundError("there is no such message")
    return desk.row(Reminder, row.reminder_id)


def _reply(desk: Desk, row: WorklistRow) -> str:
    meant = desk.form.one_of("meant", "what was meant", ("stop", "go-on"))
    note = desk.form.text("said", "what was said and done", required=True, longest=LONGEST_TEXT)
    if desk.form.ok:
        settling.settle_reply(desk.work, UUID(row.subject), opt_out=meant == "stop", note=note)
    return "The reply is settled." if meant != "stop" else "The reply is settled; no more messages go to this number."


def _wish(desk: Desk, row: WorklistRow) -> str:
    how = desk.form.text("agreed", "what was agreed", required=True, longest=LONGEST_TEXT)
    if desk.form.ok:
        wishes.settle(desk.work, desk.row(RescheduleWish, UUID(row.subject)), how)
    return f"The wish of {row.name} for another day is settled."


def _number(desk: Desk, row: WorklistRow) -> str:
    meant = desk.form.one_of("meant", "what was meant", ("stop", "go-on"))
    if desk.form.ok and meant == "stop":
        registry.opt_out(desk.work, row.subject, "decided by a person")
    elif desk.form.ok:
        registry.release_number(desk.work, row.subject)
    return "No more messages go to this number." if meant == "stop" else "The number may be written to again."


def _verified(desk: Desk, row: WorklistRow) -> str:
    how = desk.form.text("how", "how you know", required=True, longest=LONGEST_TEXT)
    if desk.form.ok:
        numbers.verified(desk.work, row.subject, how)
    return "The number is right: it is written to again."


ACTS: Final[Mapping[str, Act]] = MappingProxyType(
    {
        "call": _call,
        "note": _note,
        "snooze": _snooze,
        "assign": _assign,
        "skip": _skip,
        "outcome": _outcome,
        "report": _report,
        "acted": _acted,
        "told": _told,
        "settle": _settle,
        "resend": _resend,
        "reply": _reply,
        "number": _number,
        "verified": _verified,
        "wish": _wish,
    }
)
