"""The part of a form that says what follows from a result: read as one decision, and offered with what is there."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from surveillance.core.words import EndReason, FollowUp, HoldReason
from surveillance.operations.board import worklist
from surveillance.operations.care import following
from surveillance.operations.care.following import Follow, GoOn, Link
from surveillance.operations.care.holds import NewHold
from surveillance.operations.care.lifecycle import NewEnd
from surveillance.operations.care.overrides import NewExtra
from surveillance.operations.planning import plan_record, preconditions
from surveillance.operations.visits.result_tasks import NewTask
from surveillance.store.planning import plans
from surveillance.store.tables import Patient, Plan, Study
from surveillance.store.visits import appointments
from surveillance.web import words
from surveillance.web.forms import LONGEST_TEXT, Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.care.plan import touched, which

LINK: Final = "link"
# What each choice is called, in the order in which it is offered.
CHOICES: Final[Mapping[str, tuple[str, str]]] = {
    FollowUp.EXTRA: ("An extra examination", "Repeat the CT in six weeks, an ultrasound, a visit in clinic."),
    FollowUp.HOLD: ("Put the plan on hold", "Nothing is due or sent until somebody resumes it."),
    FollowUp.END: ("End the plan", "It starts again after the treatment: the board asks for the restart."),
    FollowUp.TASK: ("Something else, by somebody", "A biopsy, a tumour board, a call: with an owner and a day."),
    FollowUp.CONTINUE: ("The plan goes on as it is", "A recurrence, and a reason why nothing changes."),
    LINK: ("Something that is on record already", "An extra examination, a hold, a task, an end, a restart."),
}


def offered(context: PageContext, patient: Patient, study: Study, kinds: frozenset[FollowUp]) -> dict[str, Any]:
    """What the part of the form shows: the choices, and what can be chosen in each of them."""
    plan = plans.active_plan(context.session, patient.id)
    visits = touched(context, plan) if plan else []
    lines = appointments.lines_of(context.session, [row.id for row in visits])
    titles = plan_record.titles_of_patient(context.work, patient.id)
    there = following.linkable(context.work, patient, study)
    return {
        "choices": [kind for kind in CHOICES if kind in kinds or (kind == LINK and there)],
        "said": CHOICES,
        "items": _items(context, plan, titles),
        "holds": list(words.HOLD.items()),
        "visits": visits,
        "covers": {row: ", ".join(titles.get(line.item, line.item) for line in own) for row, own in lines.items()},
        "people": [(user.id, user.name) for user in worklist.people(context.work, [patient.site_id])],
        "there": [(f"{link.kind}:{link.id}", said) for link, said in there],
    }


def _items(context: PageContext, plan: Plan | None, titles: Mapping[str, str]) -> list[tuple[str, str]]:
    known = sorted(preconditions.known_items(context.work, plan)) if plan else ()
    return [(item, titles.get(item, item)) for item in known]


def read(context: PageContext, patient: Patient, *, required: bool) -> Follow | None:
    """What follows, as it was chosen; None where nothing was, or where a field of it has a mistake."""
    form = context.form
    match form.one_of("follow", "what follows from it", CHOICES, required=required):
        case FollowUp.EXTRA:
            return _extra(context, patient, form)
        case FollowUp.HOLD:
            return _hold(context, patient, form)
        case FollowUp.END:
            return _end(context, patient, form)
        case FollowUp.TASK:
            return _task(form)
        case FollowUp.CONTINUE:
            return GoOn(form.text("continue_reason", "why the plan goes on", required=True, longest=LONGEST_TEXT))
        case "link":
            return _link(form)
    return None


def _extra(context: PageContext, patient: Patient, form: Form) -> Follow | None:
    plan = plans.active_plan(context.session, patient.id)
    known = preconditions.known_items(context.work, plan) if plan else ()
    item = form.one_of("extra_item", "what is to be examined", known)
    on = form.day("extra_day", "the day around which it is wanted", required=True)
    why = form.text("extra_reason", "the reason", required=True, longest=1000)
    return NewExtra(item, on, why) if on else None


def _hold(context: PageContext, patient: Patient, form: Form) -> Follow | None:
    reason = form.choice("hold_reason", "why nothing is due for now", HoldReason)
    review_on = form.day("hold_review", "the day on which somebody looks at it again", required=True)
    plan = plans.active_plan(context.session, patient.id)
    chosen = {
        row.id: form.one_of(f"visit-{row.id}", which(row), ("keep", "cancel"))
        for row in (touched(context, plan) if plan else ())
    }
    if reason is None or review_on is None:
        return None
    cancel, keep = ([row for row, word in chosen.items() if word == wanted] for wanted in ("cancel", "keep"))
    return NewHold(reason, review_on, context.today(patient), cancel=cancel, keep=keep)


def _end(context: PageContext, patient: Patient, form: Form) -> Follow | None:
    restart_by = form.day("end_restart_by", "the day by which follow-up restarts", required=True)
    note = form.text("end_note", "the note", longest=1000)
    return NewEnd(EndReason.RECURRENCE, context.today(patient), note, restart_by) if restart_by else None


def _task(form: Form) -> Follow | None:
    what = form.text("task_what", "what is to be done", required=True)
    owner = form.record("task_owner", "who does it")
    due = form.day("task_due", "the day by which it is done", required=True)
    return NewTask(what, owner, due) if owner and due else None


def _link(form: Form) -> Follow | None:
    kind, _, digits = form.value("there").partition(":")
    try:
        return Link(FollowUp(kind), UUID(digits))
    except ValueError:
        form.fault("there", "Choose what follows from it from the list")
        return None
