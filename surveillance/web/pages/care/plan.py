"""Pausing, resuming, ending and taking back: what a person decides about a whole plan (schedule rules 9 and 10)."""

from uuid import UUID

from fastapi.responses import Response

from surveillance.core.errors import NotFoundError
from surveillance.core.words import AppointmentState, EndReason, HoldReason
from surveillance.operations.care import holds, lifecycle
from surveillance.operations.messages.patient_context import zone_of
from surveillance.operations.planning import plan_record, replanning
from surveillance.operations.record import conversation
from surveillance.store.calendars import feeds as store_feeds
from surveillance.store.planning import plans
from surveillance.store.tables import Appointment, Patient, Plan, PlanHold
from surveillance.store.visits import appointments
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.care.changes import Proposal, home, own, page, weigh, with_plan
from surveillance.web.pages.routing import Pages
from surveillance.web.render import day

pages = Pages(prefix="/patients")

ENDS = (EndReason.RECURRENCE, EndReason.TRANSFER, EndReason.PATIENT_WISH, EndReason.COMPLETED)


# -- holds -----------------------------------------------------------------------------------------------------


@pages.get("/{patient_id}/hold", needs=Permission.WORK)
def hold_page(context: PageContext, patient_id: UUID) -> Response:
    patient, plan = with_plan(context, patient_id)
    return _hold_page(context, patient, plan, form=Form.filled(start=context.today(patient)))


@pages.post("/{patient_id}/hold", needs=Permission.WORK)
def hold(context: PageContext, patient_id: UUID) -> Response:
    """Pause the plan or one item; for each booked visit somebody says whether it is kept."""
    patient, plan = with_plan(context, patient_id)
    form = context.form
    reason = form.choice("reason", "why nothing is due for now", HoldReason)
    start = form.day("start", "the first day of the hold", required=True)
    review_on = form.day("review_on", "the day on which somebody looks at it again", required=True)
    item = form.one_of("item", "what is on hold", replanning.facts_of(context.work, plan).items, required=False) or None
    visits = touched(context, plan, item)
    chosen = {row.id: form.one_of(f"visit-{row.id}", which(row), ("keep", "cancel")) for row in visits}
    proposal = None
    if form.ok and reason and start and review_on:
        new = holds.NewHold(
            reason,
            review_on,
            start,
            item,
            form.text("note", "the note", longest=1000),
            cancel=[visit for visit, word in chosen.items() if word == "cancel"],
            keep=[visit for visit, word in chosen.items() if word == "keep"],
        )
        proposal = weigh(context, patient, lambda: holds.hold(context.work, plan, new))
        if proposal is None and form.ok:
            said = f"On hold: {words.HOLD[reason]}. It stands on the board before {day(review_on)}."
            return context.done(context.back(home(patient)), said)
    return _hold_page(context, patient, plan, proposal)


def which(row: Appointment) -> str:
    return f"whether the visit of {day(row.day)} is kept or cancelled"


def touched(context: PageContext, plan: Plan, item: str | None = None) -> list[Appointment]:
    """Booked visits from today on that cover the item, or any."""
    today = context.today(plan)
    rows = [row for row in appointments.of_plan(context.session, plan.id, AppointmentState.BOOKED) if row.day >= today]
    lines = appointments.lines_of(context.session, [row.id for row in rows])
    return [
        row for row in rows if any(line.outcome is None and item in (None, line.item) for line in lines.get(row.id, ()))
    ]


def _hold_page(
    context: PageContext, patient: Patient, plan: Plan, proposal: Proposal | None = None, form: Form | None = None
) -> Response:
    titles = plan_record.titles_of_patient(context.work, patient.id)
    visits = touched(context, plan)
    lines = appointments.lines_of(context.session, [row.id for row in visits])
    covers = {visit: ", ".join(titles.get(line.item, line.item) for line in own) for visit, own in lines.items()}
    return page(
        context,
        "care/hold.html",
        patient,
        proposal,
        form=form,
        items=[(item, titles.get(item, item)) for item in replanning.facts_of(context.work, plan).items],
        visits=visits,
        covers=covers,
        reasons=[(reason.value, said, "") for reason, said in words.HOLD.items()],
    )


def _standing(context: PageContext, patient_id: UUID, hold_id: UUID) -> tuple[Patient, Plan, PlanHold]:
    """A hold in force of the patient's plan. Raises NotFoundError for one that is over."""
    patient, plan = with_plan(context, patient_id)
    row = own(context, patient, PlanHold, hold_id)
    if row.resumed_on is not None or row.retracted_at is not None:
        raise NotFoundError("this hold is not in force any more")
    return patient, plan, row


@pages.get("/{patient_id}/holds/{hold_id}/resume", needs=Permission.WORK)
def resume_page(context: PageContext, patient_id: UUID, hold_id: UUID) -> Response:
    patient, _, row = _standing(context, patient_id, hold_id)
    return page(context, "care/resume.html", patient, hold=row, form=Form.filled(day=context.today(patient)))


@pages.post("/{patient_id}/holds/{hold_id}/resume", needs=Permission.WORK)
def resume(context: PageContext, patient_id: UUID, hold_id: UUID) -> Response:
    """The plan goes on: the examination whose time it is becomes due."""
    patient, plan, row = _standing(context, patient_id, hold_id)
    form = context.form
    on = form.day("day", "the day on which it goes on", required=True)
    reason = form.text("reason", "the reason", longest=1000)
    proposal = None
    if form.ok and on:
        proposal = weigh(context, patient, lambda: holds.resume(context.work, plan, row, on, reason))
        if proposal is None and form.ok:
            return context.done(context.back(home(patient)), f"Resumed on {day(on)}.")
    return page(context, "care/resume.html", patient, proposal, hold=row)


@pages.get("/{patient_id}/holds/{hold_id}/review", needs=Permission.WORK)
def review_page(context: PageContext, patient_id: UUID, hold_id: UUID) -> Response:
    patient, _, row = _standing(context, patient_id, hold_id)
    return page(context, "care/review-hold.html", patient, hold=row)


@pages.post("/{patient_id}/holds/{hold_id}/review", needs=Permission.WORK)
def review(context: PageContext, patient_id: UUID, hold_id: UUID) -> Response:
    """The hold stays, to be looked at again later."""
    patient, plan, row = _standing(context, patient_id, hold_id)
    form = context.form
    on = form.day("review_on", "the next day on which somebody looks at it", required=True)
    reason = form.text("reason", "why the hold goes on", required=True, longest=1000)
    if form.ok and on:
        with form.trying(context.session):
            holds.review_hold(context.work, plan, row, on, reason)
        if form.ok:
            return context.done(context.back(home(patient)), f"The hold is looked at again on {day(on)}.")
    return page(context, "care/review-hold.html", patient, hold=row)


# -- ends ------------------------------------------------------------------------------------------------------


@pages.get("/{patient_id}/end", needs=Permission.SIGN)
def end_page(context: PageContext, patient_id: UUID) -> Response:
    patient, _ = with_plan(context, patient_id)
    chosen = context.request.query_params.get("reason", "")
    return page(
        context, "care/end.html", patient, ends=_ends(), form=Form.filled(day=context.today(patient), reason=chosen)
    )


@pages.post("/{patient_id}/end", needs=Permission.SIGN)
def end(context: PageContext, patient_id: UUID) -> Response:
    """End the plan for good, signed by the clinician who does it."""
    patient, plan = with_plan(context, patient_id)
    form = context.form
    reason = form.choice("reason", "why follow-up here is over", EndReason)
    on = form.day("day", "the day of the end", required=True)
    restart_by = form.day("restart_by", "the day by which follow-up restarts", required=reason is EndReason.RECURRENCE)
    note = form.text("note", "the note", required=reason is EndReason.PATIENT_WISH, longest=1000)
    accepted_by = form.text("accepted_by", "who took over", longest=1000)
    if reason is not None and reason not in ENDS:
        form.fault("reason", "Choose why follow-up here is over")
    proposal = None
    if form.ok and reason and on:
        by = restart_by if reason is EndReason.RECURRENCE else None
        new = lifecycle.NewEnd(reason, on, note, by, accepted_by)
        proposal = weigh(context, patient, lambda: lifecycle.end(context.work, plan, new))
        if proposal is None and form.ok:
            said = f"The plan ended on {day(on)}: {words.END[reason]}. Signed by {context.user.name}."
            return context.done(context.back(home(patient)), said)
    return page(context, "care/end.html", patient, proposal, ends=_ends())


def _ends() -> list[tuple[str, str, str]]:
    return [(reason.value, words.END[reason], "") for reason in ENDS]


@pages.get("/{patient_id}/reopen", needs=Permission.WORK)
def reopen_page(context: PageContext, patient_id: UUID) -> Response:
    patient = context.patient(patient_id)
    return page(context, "care/reopen.html", patient, plan=_last(context, patient))


@pages.post("/{patient_id}/reopen", needs=Permission.WORK)
def reopen(context: PageContext, patient_id: UUID) -> Response:
    """An end was recorded wrongly: the plan goes on as if it had never ended."""
    patient = context.patient(patient_id)
    plan = _last(context, patient)
    reason = context.form.text("reason", "why the end was wrong", required=True, longest=1000)
    proposal = None
    if context.form.ok:
        proposal = weigh(context, patient, lambda: lifecycle.reopen(context.work, plan, reason))
        if proposal is None and context.form.ok:
            return context.done(home(patient), "The plan goes on. Cancelled visits stay cancelled: book them again.")
    return page(context, "care/reopen.html", patient, proposal, plan=plan)


def _last(context: PageContext, patient: Patient) -> Plan:
    plan = next(iter(plans.all_plans(context.session, patient.id)), None)
    if plan is None or plan.ended_on is None:
        raise NotFoundError("this patient has no plan that has ended")
    return plan


# -- death -----------------------------------------------------------------------------------------------------


@pages.get("/{patient_id}/died", needs=Permission.WORK)
def died_page(context: PageContext, patient_id: UUID) -> Response:
    return _died_page(context, context.patient(patient_id))


@pages.post("/{patient_id}/died", needs=Permission.WORK)
def died(context: PageContext, patient_id: UUID) -> Response:
    """Record a death: nothing more is due or sent, calendars and pages close."""
    patient = context.patient(patient_id)
    form = context.form
    on = form.day("day", "the day of death", required=True)
    source = form.text("source", "how you know", required=True)
    proposal = None
    if form.ok and on:
        proposal = weigh(context, patient, lambda: lifecycle.died(context.work, patient, on, source))
        if proposal is None and form.ok:
            handed = len(conversation.handed_over(context.work, patient))
            late = f" {handed} sent in the last hour cannot be taken back: see below." if handed else ""
            return context.done(home(patient), f"Recorded: died on {day(on)}. Nothing more is due or sent.{late}")
    return _died_page(context, patient, proposal)


def _died_page(context: PageContext, patient: Patient, proposal: Proposal | None = None) -> Response:
    return page(
        context,
        "care/died.html",
        patient,
        proposal,
        handed=conversation.handed_over(context.work, patient),
        feeds=[feed for feed in store_feeds.of_patient(context.session, patient.id) if feed.revoked_at is None],
        zone=zone_of(patient, context.work.site(patient.site_id)),
    )
