"""Other intervals, another protocol, another anchor, a new plan: each shown as a difference before it is applied."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from fastapi.responses import Response
from sqlmodel import col, select

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.protocols import interval_words
from surveillance.core.protocols.clocks import BEGINNINGS, CLOCKS, HINTS, Clock
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.schedule.departures import of_terms
from surveillance.core.schedule.examinations import Examination
from surveillance.operations.care import baselines, enrolment, returning
from surveillance.operations.care.enrolment import NewTerms
from surveillance.operations.care.returning import Return
from surveillance.operations.planning import replanning
from surveillance.store.planning import plans
from surveillance.store.tables import Approval, Patient, Plan
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.care import choice_fields
from surveillance.web.pages.care.changes import Proposal, home, page, weigh, with_plan
from surveillance.web.pages.protocols import baseline_fields
from surveillance.web.pages.routing import Pages
from surveillance.web.render import day

pages = Pages(prefix="/patients")

OFF = "off"
SHOW = "show"  # the button that shows the intervals of another protocol and does nothing else
Intervals = dict[str, int | None]


# -- intervals and protocol ------------------------------------------------------------------------------------


@pages.get("/{patient_id}/terms", needs=Permission.WORK)
def terms_page(context: PageContext, patient_id: UUID) -> Response:
    patient, plan = with_plan(context, patient_id)
    tomorrow = context.today(patient) + timedelta(days=1)
    return _terms_page(context, patient, plan, form=Form.filled(since=tomorrow, protocol=_protocol_of(context, plan)))


@pages.post("/{patient_id}/terms", needs=Permission.WORK)
def terms(context: PageContext, patient_id: UUID) -> Response:
    """Go on by other intervals or another protocol from a day on; what lies before is never cut again."""
    patient, plan = with_plan(context, patient_id)
    form = context.form
    if form.flag(SHOW):
        return _terms_page(context, patient, plan)
    since = form.day("since", "the day from which it holds", required=True)
    reason = form.text("reason", "the reason", required=True, longest=1000)
    protocol = _chosen_protocol(context, patient)
    intervals = choice_fields.chosen(form, protocol) if protocol else {}
    off_until = form.day("off_until", "the day on which an item that is off is looked at again")
    proposal, firsts, departs = None, dict[str, date](), list[str]()
    if form.ok and since and protocol:
        other = protocol.key if protocol.key != _protocol_of(context, plan) else None
        if other is None and not intervals:
            form.fault("protocol", "Choose another interval or another protocol")
        new = NewTerms(since, reason, other, intervals, off_until)
        firsts = _added(context, plan, new) if form.ok else {}
        new = replace(new, baselines=baseline_fields.read(form, _titles(protocol, firsts)))
        proposal = weigh(context, patient, lambda: enrolment.change_terms(context.work, plan, new)) if form.ok else None
        if proposal is None and form.ok:
            return context.done(home(patient, "plan"), f"Changed from {day(since)} on.")
        if proposal is not None:
            _, key, chosen = enrolment.with_terms(context.work, plan, new, replanning.facts_of(context.work, plan))
            departs = _departs(context, key, plan.anchor, chosen, since)
    return _terms_page(context, patient, plan, proposal, firsts=firsts, departs=departs)


def _added(context: PageContext, plan: Plan, new: NewTerms) -> dict[str, date]:
    """The items that ask for a baseline, with their first targets; none where the terms cannot be, as the form says."""
    added: Mapping[str, Examination] = {}
    with context.form.trying(context.session):
        facts, _, _ = enrolment.with_terms(context.work, plan, new, replanning.facts_of(context.work, plan))
        added = baselines.added(context.work, plan, facts, new.since)
    return {item: row.target for item, row in added.items()}


def _titles(protocol: Protocol, items: Iterable[str] | None = None) -> dict[str, str]:
    """The titles of these items, or of all."""
    return {item.code: item.title for item in protocol.items if items is None or item.code in set(items)}


def _terms_page(
    context: PageContext,
    patient: Patient,
    plan: Plan,
    proposal: Proposal | None = None,
    form: Form | None = None,
    firsts: Mapping[str, date] | None = None,
    departs: Sequence[str] = (),
) -> Response:
    present = plans.terms_in_force(context.session, plan.id)[-1]
    shown = _shown_protocol(context, patient, form or context.form)
    return page(
        context,
        "care/terms.html",
        patient,
        proposal,
        form=form,
        protocols=_approved(context, patient),
        fields=choice_fields.fields(shown),
        present=interval_words.said(present.intervals, _titles(context.work.protocol(present.protocol_key))),
        shown=shown,
        asked=_titles(shown, firsts or ()) if shown else {},
        firsts=firsts,
        departs=departs,
    )


# -- the anchor ------------------------------------------------------------------------------------------------


@pages.get("/{patient_id}/anchor", needs=Permission.WORK)
def anchor_page(context: PageContext, patient_id: UUID) -> Response:
    patient, plan = with_plan(context, patient_id)
    return _anchor_page(context, patient, plan, form=Form.filled(anchor=plan.anchor))


def _anchor_page(
    context: PageContext, patient: Patient, plan: Plan, proposal: Proposal | None = None, form: Form | None = None
) -> Response:
    clock = context.work.protocol(_protocol_of(context, plan)).clock
    said = {"counts_from": CLOCKS[clock], "beginning": BEGINNINGS[clock]}
    return page(context, "care/anchor.html", patient, proposal, plan=plan, form=form, **said)


@pages.post("/{patient_id}/anchor", needs=Permission.WORK)
def anchor(context: PageContext, patient_id: UUID) -> Response:
    """The anchor was recorded wrongly: everything is computed anew from the right one."""
    patient, plan = with_plan(context, patient_id)
    form = context.form
    counts_from = context.work.protocol(_protocol_of(context, plan)).counts_from
    right = form.day("anchor", f"the day of the {counts_from}", required=True)
    reason = form.text("reason", "how it came to be wrong", required=True, longest=1000)
    proposal = None
    if form.ok and right == plan.anchor:
        form.fault("anchor", "This is the day that is recorded already")
    if form.ok and right:
        proposal = weigh(context, patient, lambda: enrolment.correct_anchor(context.work, plan, right, reason))
        if proposal is None and form.ok:
            return context.done(home(patient), f"The {counts_from} is {day(right)}.")
    return _anchor_page(context, patient, plan, proposal)


# -- a new plan ------------------------------------------------------------------------------------------------


@pages.get("/{patient_id}/restart", needs=Permission.WORK)
def restart_page(context: PageContext, patient_id: UUID) -> Response:
    patient = context.patient(patient_id)
    previous = _previous(context, patient)
    return _restart_page(context, patient, previous, form=Form.filled(protocol=_protocol_of(context, previous)))


@pages.post("/{patient_id}/restart", needs=Permission.WORK)
def restart(context: PageContext, patient_id: UUID) -> Response:
    """Start over at month 0 from a new anchor; the old plan stays in view."""
    patient = context.patient(patient_id)
    previous = _previous(context, patient)
    form = context.form
    if form.flag(SHOW):
        return _restart_page(context, patient, previous)
    protocol = _chosen_protocol(context, patient)
    counts_from = CLOCKS[protocol.clock if protocol else Clock.END_OF_TREATMENT]
    anchor = form.day("anchor", f"the day of the new {counts_from}", required=True)
    reason = form.text("reason", "the reason", required=previous.ended_on is None, longest=1000)
    intervals = choice_fields.chosen(form, protocol) if protocol else {}
    proposal = None
    if form.ok and anchor and protocol:
        new = enrolment.Enrolment(protocol.key, anchor, intervals, reason=reason)
        proposal = weigh(context, patient, lambda: enrolment.restart(context.work, patient, new))
        if proposal is None and form.ok:
            return context.done(home(patient), f"Restarted from {day(anchor)} as plan {previous.number + 1}.")
    departs = _departs(context, protocol.key, anchor, intervals, None) if proposal and protocol and anchor else []
    return _restart_page(context, patient, previous, proposal, departs=departs)


def _restart_page(
    context: PageContext,
    patient: Patient,
    previous: Plan,
    proposal: Proposal | None = None,
    form: Form | None = None,
    departs: Sequence[str] = (),
) -> Response:
    shown = _shown_protocol(context, patient, form or context.form)
    return page(
        context,
        "care/restart.html",
        patient,
        proposal,
        form=form,
        previous=previous,
        clock=shown.clock if shown else Clock.END_OF_TREATMENT,
        clocks=CLOCKS,
        hints=HINTS,
        protocols=_approved(context, patient),
        fields=choice_fields.fields(shown),
        shown=shown,
        departs=departs,
    )


# -- coming back -----------------------------------------------------------------------------------------------


@pages.get("/{patient_id}/return", needs=Permission.WORK)
def return_page(context: PageContext, patient_id: UUID) -> Response:
    patient = context.patient(patient_id)
    return _return_page(context, patient, form=Form.filled(day=context.today(patient)))


def _return_page(
    context: PageContext, patient: Patient, proposal: Proposal | None = None, form: Form | None = None
) -> Response:
    previous = _previous(context, patient)
    return page(context, "care/return.html", patient, proposal, form=form, previous=previous)


@pages.post("/{patient_id}/return", needs=Permission.WORK)
def come_back(context: PageContext, patient_id: UUID) -> Response:
    """Followed elsewhere for a while, and here again; the days count from the same anchor."""
    patient = context.patient(patient_id)
    form = context.form
    on = form.day("day", "the day of the return", required=True)
    reason = form.text("reason", "the reason", required=True, longest=1000)
    proposal = None
    if form.ok and on:
        new = Return(reason, on)
        proposal = weigh(context, patient, lambda: returning.come_back(context.work, patient, new))
        if proposal is None and form.ok:
            return context.done(home(patient), "Followed here again. Record what was examined elsewhere.")
    return _return_page(context, patient, proposal)


def _previous(context: PageContext, patient: Patient) -> Plan:
    found = next(iter(plans.all_plans(context.session, patient.id)), None)
    if found is None:
        raise ConflictError("this patient has no plan to restart; enrol the patient instead")
    return found


# -- protocols and their intervals as fields -------------------------------------------------------------------


def _approved(context: PageContext, patient: Patient) -> list[tuple[str, str]]:
    """The protocol versions that the patient's site approved, by title."""
    statement = select(col(Approval.protocol_key)).where(
        Approval.site_id == patient.site_id, col(Approval.retracted_at).is_(None)
    )
    found = {key: context.work.protocol(key) for key in context.session.exec(statement)}
    return sorted(((key, f"{protocol.title} ({key})") for key, protocol in found.items()), key=lambda pair: pair[1])


def _protocol_of(context: PageContext, plan: Plan) -> str:
    return plans.terms_in_force(context.session, plan.id)[-1].protocol_key


def _shown_protocol(context: PageContext, patient: Patient, form: Form) -> Protocol | None:
    """The protocol whose intervals stand on the page."""
    key = form.value("protocol")
    return context.work.protocol(key) if key in dict(_approved(context, patient)) else None


def _chosen_protocol(context: PageContext, patient: Patient) -> Protocol | None:
    key = context.form.one_of("protocol", "a protocol", dict(_approved(context, patient)))
    return context.work.protocol(key) if key else None


def _departs(context: PageContext, key: str, anchor: date, intervals: Intervals, since: date | None) -> list[str]:
    """Where terms depart from their protocol's own schedule; nothing where they are not allowed."""
    try:
        return [each.said for each in of_terms(context.work.protocol(key), anchor, intervals, since)]
    except InvalidInputError:
        return []
