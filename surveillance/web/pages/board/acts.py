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
from surveillance.operations.board import acts as board_acts
from surveillance.operations.board import worklist
from surveillance.operations.board.acts import WorklistAction
from surveillance.operations.board.study_words import item_title
from surveillance.operations.board.worklist import WorklistRow
from surveillance.operations.care import lifecycle, overrides, reviews
from surveillance.operations.care.reviews import NewReview
from surveillance.operations.deferrals import granting
from surveillance.operations.messages import acts
from surveillance.operations.messages.acts import TaskOutcome
from surveillance.operations.planning import preconditions
from surveillance.operations.registry import consents, numbers
from surveillance.operations.replies import decisions
from surveillance.operations.visits import outcomes, reports, reschedule_requests, result_tasks
from surveillance.store.planning import plans
from surveillance.store.tables import (
    Appointment,
    Deferral,
    ExaminationRow,
    OverrideKind,
    Reminder,
    RescheduleRequest,
    ResultTask,
    Study,
)
from surveillance.store.visits import appointments
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.forms import LONGEST_TEXT
from surveillance.web.page_context import PageContext
from surveillance.web.pages.board import view as board_view
from surveillance.web.pages.board.rows import FORMS, links
from surveillance.web.pages.board.worklist import shown
from surveillance.web.pages.messages.messages import OUTCOMES as TASK_OUTCOMES
from surveillance.web.pages.routing import Pages
from surveillance.web.render import day

pages = Pages(prefix="/board")

ASK_IN_WORDS: Final = (Result.INDETERMINATE, Result.SUSPICIOUS)  # the others ask more, or nothing

Act = Callable[[PageContext, WorklistRow], str]  # does it and says what was done


@pages.get("/{name}/{subject}", needs=Permission.WORK)
def panel(context: PageContext, name: str, subject: str) -> Response:
    return _panel(context, _row(context, name, subject))


@pages.post("/{name}/{subject}/review", needs=Permission.SIGN)
def review(context: PageContext, name: str, subject: str) -> Response:
    """A clinician has read a report."""
    return _do(context, _row(context, name, subject), "review", _review)


@pages.post("/{name}/{subject}/{what}", needs=Permission.WORK)
def act(context: PageContext, name: str, subject: str, what: str) -> Response:
    if what not in ACTS:
        raise NotFoundError("there is no such action")
    return _do(context, _row(context, name, subject), what, ACTS[what])


def _row(context: PageContext, name: str, subject: str) -> WorklistRow:
    try:
        row = worklist.find_row(context.work, [site.id for site in context.sites], f"{name}:{subject}")
    except InvalidInputError as error:
        raise NotFoundError("there is no such row on the board") from error
    board_view.looked_at(context, [row])
    return row


def _do(context: PageContext, row: WorklistRow, what: str, act: Act) -> Response:
    """Act, and show the board as it is then; the row that followed takes the reader's place."""
    told = ""
    with context.form.trying(context.session):
        told = act(context, row)
    if context.form.errors:
        return _panel(context, row, what)
    view = board_view.came_from(context)
    if not context.live:
        return context.done(view.address(), told)
    place = context.form.value("at")
    answer = shown(context, board_view.gather(context, view), at=int(place[:4]) if place.isdecimal() else 0, told=told)
    answer.headers["HX-Retarget"], answer.headers["HX-Reswap"] = "#board", "outerHTML"
    return answer


def _panel(context: PageContext, row: WorklistRow, what: str = "") -> Response:
    back = context.back("/")
    return context.page(
        "board/_panel.html" if context.live else "board/row.html",
        row=row,
        what=what,
        forms=FORMS.get(row.kind, ()),
        links=list(links(row, back)),
        back=back,
        at=context.form.value("at") or context.request.query_params.get("at", ""),
        people=[(user.id, user.name) for user in board_view.came_from(context).people],
        today=context.today(context.work.site(row.site_id)),
        title=board_view.title,
        words=words,
        item_title=partial(item_title, context.work),
        task_outcomes=[(value.value, text) for value, (text, _) in TASK_OUTCOMES.items()],
        **_about(context, row),
    )


def _about(context: PageContext, row: WorklistRow) -> dict[str, Any]:
    """The record that the row is about, for the fields of its forms."""
    found: dict[str, Any] = {}
    if row.study_id is not None:
        found["study"] = context.session.get(Study, row.study_id)
    if row.kind == "outcome_unknown" and row.appointment_id is not None:
        lines = appointments.lines(context.session, row.appointment_id)
        found["lines"] = [line for line in lines if line.outcome is None]
    if row.reminder_id is not None:
        found["message"] = context.session.get(Reminder, row.reminder_id)
    return found


# -- what every row knows --------------------------------------------------------------------------------------


def _call(context: PageContext, row: WorklistRow) -> str:
    text = context.form.text("call", "what came of the call", required=True, longest=LONGEST_TEXT)
    until = context.form.day("until", "the day on which the row comes back")
    if not context.form.ok:
        return ""
    action = board_acts.act(context.work, row, WorklistAction.CALL, text=text, until=until)
    return f"The call is written down; {row.name} comes back on {day(action.until)}."


def _note(context: PageContext, row: WorklistRow) -> str:
    text = context.form.text("note", "the note", required=True, longest=LONGEST_TEXT)
    if context.form.ok:
        board_acts.act(context.work, row, WorklistAction.NOTE, text=text)
    return f"The note on {row.name} is kept."


def _snooze(context: PageContext, row: WorklistRow) -> str:
    until = context.form.day("snooze", "the day on which the row comes back", required=True)
    text = context.form.text("why", "the reason", longest=LONGEST_TEXT)
    if context.form.ok:
        board_acts.act(context.work, row, WorklistAction.SNOOZE, until=until, text=text)
    return f"{row.name} is put aside until {day(until)}."


def _assign(context: PageContext, row: WorklistRow) -> str:
    to = context.form.record("to", "who takes it over")
    if not context.form.ok or to is None:
        return ""
    board_acts.act(context.work, row, WorklistAction.ASSIGN, assigned_to=to)
    name = next((user.name for user in board_view.came_from(context).people if user.id == to), "somebody else")
    return f"{row.name} is {name}'s now."


# -- what settles a row ----------------------------------------------------------------------------------------


def _skip(context: PageContext, row: WorklistRow) -> str:
    reason = context.form.text("reason", "the reason", required=True, longest=LONGEST_TEXT)
    review_on = context.form.day("review_on", "the day on which somebody looks at it again", required=True)
    if not context.form.ok or row.examination_id is None:
        return ""
    wanted = context.row(ExaminationRow, row.examination_id)
    key = plans.examination(wanted).key
    new = overrides.NewOverride(OverrideKind.SKIP, key, reason, review_on)
    overrides.override(context.work, preconditions.plan_of(context.work, wanted.plan_id), new)
    return f"{row.what} of {row.name} is skipped; to be looked at again on {day(review_on)}."


def _renew(context: PageContext, row: WorklistRow) -> str:
    until = context.form.day("renew_until", "the day on which somebody looks at it again", required=True)
    reason = context.form.text("renew_why", "the reason", required=True, longest=LONGEST_TEXT)
    if context.form.ok and until:
        granting.renew(context.work, context.row(Deferral, UUID(row.subject)), until, reason)
    return f"{row.name}: to be looked at again on {day(until)}."


def _confirmed(context: PageContext, row: WorklistRow) -> str:
    who = context.form.text("accepted_by", "who took over", required=True, longest=LONGEST_TEXT)
    plan_id = context.row(Deferral, UUID(row.subject)).plan_id
    if context.form.ok and plan_id is not None:
        lifecycle.confirm_transfer(context.work, preconditions.plan_of(context.work, plan_id), who)
    return f"{row.name}: the transfer is confirmed."


def _outcome(context: PageContext, row: WorklistRow) -> str:
    """What became of each examination of a visit; those without an answer stay unknown."""
    if row.appointment_id is None:
        raise NotFoundError("there is no such visit")
    visit, form = context.row(Appointment, row.appointment_id), context.form
    told = []
    for line in appointments.lines(context.session, visit.id):
        outcome = form.choice(f"outcome-{line.item}", "what became of it", Outcome, required=False)
        reason = form.text(f"reason-{line.item}", "the reason", longest=LONGEST_TEXT)
        if outcome is not None and line.outcome is None:
            told.append(outcomes.OutcomeOf(line.item, outcome, reason))
    if form.ok:
        outcomes.record(context.work, visit, told)
    return f"The outcome of the visit of {row.name} is recorded."


def _report(context: PageContext, row: WorklistRow) -> str:
    on = context.form.day("on", "the day of the report", required=True)
    if context.form.ok and on:
        reports.report(context.work, _study(context, row), on)
    return f"The report on {row.name} is recorded; it waits for its review."


def _review(context: PageContext, row: WorklistRow) -> str:
    form = context.form
    on = form.day("on", "the day of the review", required=True)
    result = form.choice("result", "what it showed", Result)
    action = form.text("next_action", "the next action", required=result in ASK_IN_WORDS, longest=LONGEST_TEXT)
    if result in (Result.RECURRENCE, Result.INADEQUATE):
        form.fault("result", "Sign a recurrence or an inadequate study on the study's own page, with what follows")
    if form.ok and on and result:
        reviews.sign(context.work, _study(context, row), NewReview(on, result, action))
    return f"The study of {row.name} is reviewed." if result is None else f"{row.name}: {words.RESULT[result]}."


def _told(context: PageContext, row: WorklistRow) -> str:
    on = context.form.day("told_on", "the day on which the patient was told", required=True)
    if context.form.ok and on:
        reports.tell(context.work, _study(context, row), on)
    return f"{row.name} was told the result."


def _task(context: PageContext, row: WorklistRow) -> str:
    """What came of a task."""
    on = context.form.day("on", "the day on which it was done", required=True)
    outcome = context.form.text("task_outcome", "what came of it", required=True, longest=LONGEST_TEXT)
    if context.form.ok and on:
        result_tasks.settle(context.work, context.row(ResultTask, UUID(row.subject)), on, outcome)
    return f"Done for {row.name}: {row.what}."


def _study(context: PageContext, row: WorklistRow) -> Study:
    if row.study_id is None:
        raise NotFoundError("there is no such study")
    return context.row(Study, row.study_id)


def _settle(context: PageContext, row: WorklistRow) -> str:
    outcome = context.form.choice("outcome", "what became of the message", TaskOutcome)
    note = context.form.text("settle_note", "the note", longest=LONGEST_TEXT)
    if context.form.ok and outcome is not None:
        acts.done(context.work, _message(context, row), outcome, note)
    return f"The message to {row.name} is settled."


def _resend(context: PageContext, row: WorklistRow) -> str:
    acts.resend(context.work, _message(context, row))
    return f"The message to {row.name} is planned again and decided afresh before it goes out."


def _message(context: PageContext, row: WorklistRow) -> Reminder:
    if row.reminder_id is None:
        raise NotFoundError("there is no such message")
    return context.row(Reminder, row.reminder_id)


def _reply(context: PageContext, row: WorklistRow) -> str:
    meant = context.form.one_of("meant", "what was meant", ("stop", "go-on"))
    note = context.form.text("said", "what was said and done", required=True, longest=LONGEST_TEXT)
    if context.form.ok:
        decisions.settle_reply(context.work, UUID(row.subject), opt_out=meant == "stop", note=note)
    return "The reply is settled." if meant != "stop" else "The reply is settled; no more messages go to this number."


def _close_request(context: PageContext, row: WorklistRow) -> str:
    how = context.form.text("agreed", "what was agreed", required=True, longest=LONGEST_TEXT)
    if context.form.ok:
        reschedule_requests.close(context.work, context.row(RescheduleRequest, UUID(row.subject)), how)
    return f"The wish of {row.name} for another day is settled."


def _number(context: PageContext, row: WorklistRow) -> str:
    meant = context.form.one_of("meant", "what was meant", ("stop", "go-on"))
    if context.form.ok and meant == "stop":
        consents.opt_out(context.work, row.subject, "decided by a person")
    elif context.form.ok:
        consents.release_number(context.work, row.subject)
    return "No more messages go to this number." if meant == "stop" else "The number may be written to again."


def _verified(context: PageContext, row: WorklistRow) -> str:
    how = context.form.text("how", "how you know", required=True, longest=LONGEST_TEXT)
    if context.form.ok:
        numbers.verified(context.work, row.subject, how)
    return "The number is right: it is written to again."


ACTS: Final[Mapping[str, Act]] = MappingProxyType(
    {
        "call": _call,
        "note": _note,
        "snooze": _snooze,
        "assign": _assign,
        "skip": _skip,
        "renew": _renew,
        "confirmed": _confirmed,
        "outcome": _outcome,
        "report": _report,
        "told": _told,
        "task": _task,
        "settle": _settle,
        "resend": _resend,
        "reply": _reply,
        "number": _number,
        "verified": _verified,
        "wish": _close_request,
    }
)
