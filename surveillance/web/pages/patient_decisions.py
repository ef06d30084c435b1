"""A person's word about one examination or one fact: move, skip, ask for more, keep, confirm, take back (rule 11)."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from uuid import UUID

from fastapi.responses import Response
from sqlmodel import SQLModel

from surveillance.core.errors import NotFoundError
from surveillance.core.examinations import FindingKind, Key
from surveillance.operations import booking, lifecycle, overrides, plan_record, planning
from surveillance.operations.lifecycle import Retracted
from surveillance.store import plans, studies
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
    Study,
)
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import Form
from surveillance.web.pages import Pages
from surveillance.web.pages.patient_changes import Proposal, examination_name, home, own, page, weigh, with_plan
from surveillance.web.render import day, short_day

pages = Pages(prefix="/patients")


# -- one examination -------------------------------------------------------------------------------------------


def _examination(desk: Desk, patient_id: UUID, examination_id: UUID) -> tuple[Patient, Plan, ExaminationRow, str]:
    """An examination of the active plan, with its name. Raises NotFoundError where it is none."""
    patient, plan = with_plan(desk, patient_id)
    row = own(desk, patient, ExaminationRow, examination_id)
    if row.plan_id != plan.id or row.withdrawn:
        raise NotFoundError("the plan has no such examination any more")
    titles = plan_record.titles_of_patient(desk.work, patient.id)
    return patient, plan, row, examination_name(plans.examination(row), titles)


@pages.get("/{patient_id}/examinations/{examination_id}/move", needs=Permission.WORK)
def move_page(desk: Desk, patient_id: UUID, examination_id: UUID) -> Response:
    patient, _, row, name = _examination(desk, patient_id, examination_id)
    return page(desk, "move.html", patient, row=row, name=name, form=Form.filled(day=row.target))


@pages.post("/{patient_id}/examinations/{examination_id}/move", needs=Permission.WORK)
def move(desk: Desk, patient_id: UUID, examination_id: UUID) -> Response:
    """Move one examination to another day."""
    patient, plan, row, name = _examination(desk, patient_id, examination_id)
    on = desk.form.day("day", "the day to move it to", required=True)
    proposal = _override(desk, patient, plan, row, OverrideKind.MOVE, on)
    if proposal is None and desk.form.ok:
        return desk.done(desk.back(home(patient)), f"{name} is moved to {day(on)}.")
    return page(desk, "move.html", patient, proposal, row=row, name=name)


@pages.get("/{patient_id}/examinations/{examination_id}/skip", needs=Permission.WORK)
def skip_page(desk: Desk, patient_id: UUID, examination_id: UUID) -> Response:
    patient, _, row, name = _examination(desk, patient_id, examination_id)
    return page(desk, "skip.html", patient, row=row, name=name)


@pages.post("/{patient_id}/examinations/{examination_id}/skip", needs=Permission.WORK)
def skip(desk: Desk, patient_id: UUID, examination_id: UUID) -> Response:
    """Leave one examination out, and look at that again on a day."""
    patient, plan, row, name = _examination(desk, patient_id, examination_id)
    on = desk.form.day("day", "the day on which somebody looks at it again", required=True)
    proposal = _override(desk, patient, plan, row, OverrideKind.SKIP, on)
    if proposal is None and desk.form.ok:
        return desk.done(desk.back(home(patient)), f"{name} is skipped; to be looked at again on {day(on)}.")
    return page(desk, "skip.html", patient, proposal, row=row, name=name)


def _override(
    desk: Desk, patient: Patient, plan: Plan, row: ExaminationRow, kind: OverrideKind, on: date | None
) -> Proposal | None:
    reason = desk.form.text("reason", "the reason", required=True, longest=1000)
    if not desk.form.ok:
        return None
    new = overrides.NewOverride(kind, plans.examination(row).key, reason, on)
    return weigh(desk, patient, lambda: overrides.override(desk.work, plan, new))


# -- beside the protocol ---------------------------------------------------------------------------------------


def _items(desk: Desk, plan: Plan) -> list[tuple[str, str]]:
    """What an examination can be asked for, in the protocol's words."""
    titles = plan_record.titles(desk.work, plans.terms_in_force(desk.session, plan.id))
    return [(item, titles.get(item, item)) for item in sorted(planning.known_items(desk.work, plan))]


@pages.get("/{patient_id}/extra", needs=Permission.WORK)
def extra_page(desk: Desk, patient_id: UUID) -> Response:
    patient, plan = with_plan(desk, patient_id)
    return page(desk, "extra.html", patient, items=_items(desk, plan), form=Form.filled(tolerance=7))


@pages.post("/{patient_id}/extra", needs=Permission.WORK)
def extra(desk: Desk, patient_id: UUID) -> Response:
    """Ask for an examination beside the protocol: repeat the CT in six weeks."""
    patient, plan = with_plan(desk, patient_id)
    form, items = desk.form, _items(desk, plan)
    item = form.one_of("item", "what is to be examined", dict(items))
    on = form.day("day", "the day around which it is wanted", required=True)
    tolerance = form.whole("tolerance", "the days on each side", 0, 60, required=True)
    reason = form.text("reason", "the reason", required=True, longest=1000)
    proposal = None
    if form.ok and on and tolerance is not None:
        new = overrides.NewExtra(item, on, reason, tolerance)
        proposal = weigh(desk, patient, lambda: overrides.extra(desk.work, plan, new))  # noqa: S610  (no Django here)
        if proposal is None and form.ok:
            return desk.done(home(patient), f"An extra examination ({dict(items)[item]}) is asked for: {day(on)}.")
    return page(desk, "extra.html", patient, proposal, items=items)


@pages.get("/{patient_id}/known-blank", needs=Permission.WORK)
def known_blank_page(desk: Desk, patient_id: UUID) -> Response:
    patient, plan = with_plan(desk, patient_id)
    return page(desk, "known-blank.html", patient, items=_unknown(desk, plan))


@pages.post("/{patient_id}/known-blank", needs=Permission.WORK)
def known_blank(desk: Desk, patient_id: UUID) -> Response:
    """Confirm that no study of an item exists from before enrolment."""
    patient, plan = with_plan(desk, patient_id)
    form, items = desk.form, _unknown(desk, plan)
    known = {item for item, _, _ in items}
    chosen = [item for item in form.many("item") if item in known]
    if not chosen:
        form.fault("item", "Choose what was never examined before")
    reason = form.text("reason", "how you know", required=True, longest=1000)
    if form.ok:
        with form.trying(desk.session):
            for item in chosen:
                new = overrides.NewOverride(OverrideKind.KNOWN_BLANK, Key(item, None), reason)
                overrides.override(desk.work, plan, new)
        if form.ok:
            return desk.done(desk.back(home(patient)), "Noted: no earlier study exists.")
    return page(desk, "known-blank.html", patient, items=items)


def _unknown(desk: Desk, plan: Plan) -> list[tuple[str, str, str]]:
    """The items of which no earlier study is known."""
    found = plan_record.findings(desk.work, plan)
    unknown = {finding.item for finding in found if finding.kind is FindingKind.LAST_SCAN_UNKNOWN}
    return [(item, title, "") for item, title in _items(desk, plan) if item in unknown]


# -- a booking that does not fit ---------------------------------------------------------------------------------


@pages.get("/{patient_id}/visits/{visit_id}/keep", needs=Permission.WORK)
def keep_page(desk: Desk, patient_id: UUID, visit_id: UUID) -> Response:
    patient, plan = with_plan(desk, patient_id)
    return page(
        desk, "keep.html", patient, visit=own(desk, patient, Appointment, visit_id), items=_odd(desk, plan, visit_id)
    )


@pages.post("/{patient_id}/visits/{visit_id}/keep", needs=Permission.WORK)
def keep(desk: Desk, patient_id: UUID, visit_id: UUID) -> Response:
    """A person keeps a booking although the window moved away from it."""
    patient, plan = with_plan(desk, patient_id)
    visit = own(desk, patient, Appointment, visit_id)
    items = _odd(desk, plan, visit_id)
    reason = desk.form.text("reason", "why it is kept", required=True, longest=1000)
    proposal = None
    if not items:
        desk.form.fault("reason", "Nothing is wrong with this visit any more")
    if desk.form.ok:
        proposal = weigh(desk, patient, lambda: _accept(desk, visit, items, reason))
        if proposal is None and desk.form.ok:
            return desk.done(desk.back(home(patient, "visits")), f"The visit of {day(visit.day)} is kept.")
    return page(desk, "keep.html", patient, proposal, visit=visit, items=items)


def _accept(desk: Desk, visit: Appointment, items: Mapping[str, str], reason: str) -> None:
    for item in items:
        booking.accept(desk.work, visit, item, reason)


def _odd(desk: Desk, plan: Plan, visit_id: UUID) -> dict[str, str]:
    """The items of a visit that lie outside their window, by title."""
    titles = plan_record.titles(desk.work, plans.terms_in_force(desk.session, plan.id))
    found = plan_record.findings(desk.work, plan)
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
    }
)


def _fact(desk: Desk, patient_id: UUID, kind: str, fact_id: UUID) -> tuple[Patient, Retracted]:
    patient = desk.patient(patient_id)
    if kind not in FACTS:
        raise NotFoundError("there is no such record about this patient")
    row = own(desk, patient, FACTS[kind], fact_id)
    assert isinstance(row, Retracted)  # noqa: S101  # FACTS holds nothing else
    if row.retracted_at is not None:
        raise NotFoundError("this was taken back already")
    return patient, row


@pages.get("/{patient_id}/retract/{kind}/{fact_id}", needs=Permission.WORK)
def retract_page(desk: Desk, patient_id: UUID, kind: str, fact_id: UUID) -> Response:
    patient, row = _fact(desk, patient_id, kind, fact_id)
    return page(desk, "retract.html", patient, fact=_told(desk, patient, row), kind=kind)


@pages.post("/{patient_id}/retract/{kind}/{fact_id}", needs=Permission.WORK)
def retract(desk: Desk, patient_id: UUID, kind: str, fact_id: UUID) -> Response:
    """Take a recorded fact back, with a reason: everything is then as if it had never been recorded."""
    patient, row = _fact(desk, patient_id, kind, fact_id)
    told = _told(desk, patient, row)
    reason = desk.form.text("reason", "why it was wrong", required=True, longest=1000)
    proposal = None
    if desk.form.ok:
        proposal = weigh(desk, patient, lambda: lifecycle.retract(desk.work, patient, row, reason))
        if proposal is None and desk.form.ok:
            return desk.done(home(patient), f"Taken back: {told}.")
    return page(desk, "retract.html", patient, proposal, fact=told, kind=kind)


def _told(desk: Desk, patient: Patient, row: Retracted) -> str:
    """The fact in words."""
    titles = plan_record.titles_of_patient(desk.work, patient.id)

    def item(code: str | None) -> str:
        return titles.get(code, code) if code else "the whole plan"

    match row:
        case Study():
            of = ", ".join(item(code) for code in sorted(studies.items(desk.session, row.id)))
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
