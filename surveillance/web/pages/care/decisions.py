"""A person's word about one examination or one fact: move, skip, ask for more, keep, confirm, take back (rule 11)."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from uuid import UUID

from fastapi.responses import Response
from sqlmodel import SQLModel

from surveillance.core.errors import NotFoundError
from surveillance.core.schedule.examinations import FindingKind, Key
from surveillance.operations.care import lifecycle, overrides
from surveillance.operations.care.lifecycle import Retracted
from surveillance.operations.planning import differences, plan_record, preconditions
from surveillance.operations.visits import booking
from surveillance.store.planning import plans
from surveillance.store.tables import (
    Appointment,
    Death,
    ExaminationRow,
    ExtraExamination,
    Override,
    OverrideKind,
    Patient,
    Plan,
    PlanHold,
    PlanTerms,
    ResultTask,
    Study,
    StudyReport,
)
from surveillance.store.visits import studies
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.care.changes import Proposal, examination_name, home, own, page, weigh, with_plan
from surveillance.web.pages.routing import Pages
from surveillance.web.render import day, short_day

pages = Pages(prefix="/patients")


# -- one examination -------------------------------------------------------------------------------------------


def _examination(
    context: PageContext, patient_id: UUID, examination_id: UUID
) -> tuple[Patient, Plan, ExaminationRow, str]:
    """An examination of the active plan, with its name. Raises NotFoundError where it is none."""
    patient, plan = with_plan(context, patient_id)
    row = own(context, patient, ExaminationRow, examination_id)
    if row.plan_id != plan.id or row.withdrawn:
        raise NotFoundError("the plan has no such examination any more")
    titles = plan_record.titles_of_patient(context.work, patient.id)
    return patient, plan, row, examination_name(plans.examination(row), titles)


@pages.get("/{patient_id}/examinations/{examination_id}/move", needs=Permission.WORK)
def move_page(context: PageContext, patient_id: UUID, examination_id: UUID) -> Response:
    patient, _, row, name = _examination(context, patient_id, examination_id)
    return page(context, "care/move.html", patient, row=row, name=name, form=Form.filled(day=row.target))


@pages.post("/{patient_id}/examinations/{examination_id}/move", needs=Permission.WORK)
def move(context: PageContext, patient_id: UUID, examination_id: UUID) -> Response:
    """Move one examination to another day."""
    patient, plan, row, name = _examination(context, patient_id, examination_id)
    on = context.form.day("day", "the day to move it to", required=True)
    proposal = _override(context, patient, plan, row, OverrideKind.MOVE, on)
    if proposal is None and context.form.ok:
        return context.done(context.back(home(patient)), f"{name} is moved to {day(on)}.")
    return page(context, "care/move.html", patient, proposal, row=row, name=name)


@pages.get("/{patient_id}/examinations/{examination_id}/skip", needs=Permission.WORK)
def skip_page(context: PageContext, patient_id: UUID, examination_id: UUID) -> Response:
    patient, _, row, name = _examination(context, patient_id, examination_id)
    return page(context, "care/skip.html", patient, row=row, name=name)


@pages.post("/{patient_id}/examinations/{examination_id}/skip", needs=Permission.WORK)
def skip(context: PageContext, patient_id: UUID, examination_id: UUID) -> Response:
    """Leave one examination out, and look at that again on a day."""
    patient, plan, row, name = _examination(context, patient_id, examination_id)
    on = context.form.day("day", "the day on which somebody looks at it again", required=True)
    proposal = _override(context, patient, plan, row, OverrideKind.SKIP, on)
    if proposal is None and context.form.ok:
        return context.done(context.back(home(patient)), f"{name} is skipped; to be looked at again on {day(on)}.")
    return page(context, "care/skip.html", patient, proposal, row=row, name=name)


def _override(
    context: PageContext, patient: Patient, plan: Plan, row: ExaminationRow, kind: OverrideKind, on: date | None
) -> Proposal | None:
    reason = context.form.text("reason", "the reason", required=True, longest=1000)
    if not context.form.ok:
        return None
    new = overrides.NewOverride(kind, plans.examination(row).key, reason, on)
    return weigh(context, patient, lambda: overrides.override(context.work, plan, new))


# -- beside the protocol ---------------------------------------------------------------------------------------


def _items(context: PageContext, plan: Plan) -> list[tuple[str, str]]:
    """What an examination can be asked for, in the protocol's words."""
    titles = plan_record.titles(context.work, plans.terms_in_force(context.session, plan.id))
    return [(item, titles.get(item, item)) for item in sorted(preconditions.known_items(context.work, plan))]


@pages.get("/{patient_id}/extra", needs=Permission.WORK)
def extra_page(context: PageContext, patient_id: UUID) -> Response:
    patient, plan = with_plan(context, patient_id)
    return page(context, "care/extra.html", patient, items=_items(context, plan), form=Form.filled(tolerance=7))


@pages.post("/{patient_id}/extra", needs=Permission.WORK)
def extra(context: PageContext, patient_id: UUID) -> Response:
    """Ask for an examination beside the protocol: repeat the CT in six weeks."""
    patient, plan = with_plan(context, patient_id)
    form, items = context.form, _items(context, plan)
    item = form.one_of("item", "what is to be examined", dict(items))
    on = form.day("day", "the day around which it is wanted", required=True)
    tolerance = form.whole("tolerance", "the days on each side", 0, 60, required=True)
    reason = form.text("reason", "the reason", required=True, longest=1000)
    proposal = None
    if form.ok and on and tolerance is not None:
        new = overrides.NewExtra(item, on, reason, tolerance)
        proposal = weigh(context, patient, lambda: overrides.extra(context.work, plan, new))  # noqa: S610  (no Django here)
        if proposal is None and form.ok:
            return context.done(home(patient), f"An extra examination ({dict(items)[item]}) is asked for: {day(on)}.")
    return page(context, "care/extra.html", patient, proposal, items=items)


@pages.get("/{patient_id}/known-blank", needs=Permission.WORK)
def known_blank_page(context: PageContext, patient_id: UUID) -> Response:
    patient, plan = with_plan(context, patient_id)
    return page(context, "care/known-blank.html", patient, items=_unknown(context, plan))


@pages.post("/{patient_id}/known-blank", needs=Permission.WORK)
def known_blank(context: PageContext, patient_id: UUID) -> Response:
    """Confirm that no study of an item exists from before enrolment."""
    patient, plan = with_plan(context, patient_id)
    form, items = context.form, _unknown(context, plan)
    known = {item for item, _, _ in items}
    chosen = [item for item in form.many("item") if item in known]
    if not chosen:
        form.fault("item", "Choose what was never examined before")
    reason = form.text("reason", "how you know", required=True, longest=1000)
    if form.ok:
        with form.trying(context.session):
            for item in chosen:
                new = overrides.NewOverride(OverrideKind.KNOWN_BLANK, Key(item, None), reason)
                overrides.override(context.work, plan, new)
        if form.ok:
            return context.done(context.back(home(patient)), "Noted: no earlier study exists.")
    return page(context, "care/known-blank.html", patient, items=items)


def _unknown(context: PageContext, plan: Plan) -> list[tuple[str, str, str]]:
    """The items of which no earlier study is known."""
    found = differences.findings(context.work, plan)
    unknown = {finding.item for finding in found if finding.kind is FindingKind.LAST_SCAN_UNKNOWN}
    return [(item, title, "") for item, title in _items(context, plan) if item in unknown]


# -- a booking that does not fit ---------------------------------------------------------------------------------


@pages.get("/{patient_id}/visits/{visit_id}/keep", needs=Permission.WORK)
def keep_page(context: PageContext, patient_id: UUID, visit_id: UUID) -> Response:
    patient, plan = with_plan(context, patient_id)
    return page(
        context,
        "care/keep.html",
        patient,
        visit=own(context, patient, Appointment, visit_id),
        items=_odd(context, plan, visit_id),
    )


@pages.post("/{patient_id}/visits/{visit_id}/keep", needs=Permission.WORK)
def keep(context: PageContext, patient_id: UUID, visit_id: UUID) -> Response:
    """A person keeps a booking although the window moved away from it."""
    patient, plan = with_plan(context, patient_id)
    visit = own(context, patient, Appointment, visit_id)
    items = _odd(context, plan, visit_id)
    reason = context.form.text("reason", "why it is kept", required=True, longest=1000)
    proposal = None
    if not items:
        context.form.fault("reason", "Nothing is wrong with this visit any more")
    if context.form.ok:
        proposal = weigh(context, patient, lambda: _accept(context, visit, items, reason))
        if proposal is None and context.form.ok:
            return context.done(context.back(home(patient, "visits")), f"The visit of {day(visit.day)} is kept.")
    return page(context, "care/keep.html", patient, proposal, visit=visit, items=items)


def _accept(context: PageContext, visit: Appointment, items: Mapping[str, str], reason: str) -> None:
    for item in items:
        booking.accept(context.work, visit, item, reason)


def _odd(context: PageContext, plan: Plan, visit_id: UUID) -> dict[str, str]:
    """The items of a visit that lie outside their window, by title."""
    titles = plan_record.titles(context.work, plans.terms_in_force(context.session, plan.id))
    found = differences.findings(context.work, plan)
    odd = [each for each in found if each.kind is FindingKind.BOOKED_OUTSIDE_WINDOW and each.subject == str(visit_id)]
    return {finding.item: titles.get(finding.item, finding.item) for finding in odd}


# -- taking a fact back ------------------------------------------------------------------------------------------

FACTS: Mapping[str, type[SQLModel]] = MappingProxyType(
    {
        "study": Study,
        "hold": PlanHold,
        "decision": Override,
        "extra": ExtraExamination,
        "terms": PlanTerms,
        "death": Death,
        "report": StudyReport,
        "task": ResultTask,
    }
)


def _fact(context: PageContext, patient_id: UUID, kind: str, fact_id: UUID) -> tuple[Patient, Retracted]:
    patient = context.patient(patient_id)
    if kind not in FACTS:
        raise NotFoundError("there is no such record about this patient")
    row = own(context, patient, FACTS[kind], fact_id)
    assert isinstance(row, Retracted)  # noqa: S101  # FACTS holds nothing else
    if row.retracted_at is not None:
        raise NotFoundError("this was taken back already")
    return patient, row


@pages.get("/{patient_id}/retract/{kind}/{fact_id}", needs=Permission.WORK)
def retract_page(context: PageContext, patient_id: UUID, kind: str, fact_id: UUID) -> Response:
    patient, row = _fact(context, patient_id, kind, fact_id)
    return page(context, "care/retract.html", patient, fact=_told(context, patient, row), kind=kind)


@pages.post("/{patient_id}/retract/{kind}/{fact_id}", needs=Permission.WORK)
def retract(context: PageContext, patient_id: UUID, kind: str, fact_id: UUID) -> Response:
    """Take a recorded fact back, with a reason: everything is then as if it had never been recorded."""
    patient, row = _fact(context, patient_id, kind, fact_id)
    told = _told(context, patient, row)
    reason = context.form.text("reason", "why it was wrong", required=True, longest=1000)
    proposal = None
    if context.form.ok:
        proposal = weigh(context, patient, lambda: lifecycle.retract(context.work, patient, row, reason))
        if proposal is None and context.form.ok:
            return context.done(home(patient), f"Taken back: {told}.")
    return page(context, "care/retract.html", patient, proposal, fact=told, kind=kind)


def _told(context: PageContext, patient: Patient, row: Retracted) -> str:
    """The fact in words."""
    titles = plan_record.titles_of_patient(context.work, patient.id)

    def item(code: str | None) -> str:
        return titles.get(code, code) if code else "the whole plan"

    match row:
        case Study():
            of = ", ".join(item(code) for code in sorted(studies.items(context.session, row.id)))
            return f"the study of {day(row.performed_on)} ({of}{f', {row.accession}' if row.accession else ''})"
        case PlanHold():
            return f"the hold of {item(row.item)} from {day(row.start)} ({words.HOLD[row.reason]})"
        case Override():
            month = f", month {row.month}" if row.month is not None else ""
            return f"the decision about {item(row.item)}{month}: {words.OVERRIDE[row.kind]} ({row.reason})"
        case ExtraExamination():
            return f"the extra examination of {item(row.item)} around {day(row.target)}"
        case PlanTerms():
            return f"the change of intervals or protocol from {short_day(row.since)} on"
        case Death():
            return f"the death on {day(row.died_on)}"
        case StudyReport():
            return f"the {words.REPORT[row.status]} report of {day(row.day)}"
        case ResultTask():
            return f"the task of {day(row.due_on)} ({row.what})"
