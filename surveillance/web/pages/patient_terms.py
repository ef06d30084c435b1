"""Other intervals, another protocol, another anchor, a new plan: each shown as a difference before it is applied."""

from datetime import timedelta
from uuid import UUID

from fastapi.responses import Response
from sqlmodel import col, select

from surveillance.core.errors import ConflictError
from surveillance.core.protocol import Item, Protocol
from surveillance.operations import enrolment
from surveillance.store import plans
from surveillance.store.tables import Approval, Patient, Plan
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import Form
from surveillance.web.pages import Pages
from surveillance.web.pages.patient_changes import Proposal, home, page, weigh, with_plan
from surveillance.web.render import day

pages = Pages(prefix="/patients")

OFF = "off"
SHOW = "show"  # the button that shows the intervals of another protocol and does nothing else
Intervals = dict[str, int | None]


# -- intervals and protocol ------------------------------------------------------------------------------------


@pages.get("/{patient_id}/terms", needs=Permission.WORK)
def terms_page(desk: Desk, patient_id: UUID) -> Response:
    patient, plan = with_plan(desk, patient_id)
    tomorrow = desk.today(patient) + timedelta(days=1)
    return _terms_page(desk, patient, plan, form=Form.filled(since=tomorrow, protocol=_protocol_of(desk, plan)))


@pages.post("/{patient_id}/terms", needs=Permission.WORK)
def terms(desk: Desk, patient_id: UUID) -> Response:
    """Go on by other intervals or another protocol from a day on; what lies before is never cut again."""
    patient, plan = with_plan(desk, patient_id)
    form = desk.form
    if form.flag(SHOW):
        return _terms_page(desk, patient, plan)
    since = form.day("since", "the day from which it holds", required=True)
    reason = form.text("reason", "the reason", required=True, longest=1000)
    protocol = _chosen_protocol(desk, patient)
    intervals = _intervals(form, protocol) if protocol else {}
    proposal = None
    if form.ok and since and protocol:
        other = protocol.key if protocol.key != _protocol_of(desk, plan) else None
        if other is None and not intervals:
            form.fault("protocol", "Choose another interval or another protocol")
        else:
            new = enrolment.NewTerms(since, reason, other, intervals)
            proposal = weigh(desk, patient, lambda: enrolment.change_terms(desk.work, plan, new))
            if proposal is None and form.ok:
                return desk.done(home(patient, "plan"), f"Changed from {day(since)} on.")
    return _terms_page(desk, patient, plan, proposal)


def _terms_page(
    desk: Desk, patient: Patient, plan: Plan, proposal: Proposal | None = None, form: Form | None = None
) -> Response:
    present = plans.terms_in_force(desk.session, plan.id)[-1]
    shown = _shown_protocol(desk, patient, form or desk.form)
    return page(
        desk,
        "terms.html",
        patient,
        proposal,
        form=form,
        protocols=_approved(desk, patient),
        fields=_fields(shown),
        present={item: words.every(months) for item, months in present.intervals.items()},
        shown=shown,
    )


# -- the anchor ------------------------------------------------------------------------------------------------


@pages.get("/{patient_id}/anchor", needs=Permission.WORK)
def anchor_page(desk: Desk, patient_id: UUID) -> Response:
    patient, plan = with_plan(desk, patient_id)
    return page(desk, "anchor.html", patient, plan=plan, form=Form.filled(anchor=plan.anchor))


@pages.post("/{patient_id}/anchor", needs=Permission.WORK)
def anchor(desk: Desk, patient_id: UUID) -> Response:
    """The anchor was recorded wrongly: everything is computed anew from the right one."""
    patient, plan = with_plan(desk, patient_id)
    form = desk.form
    right = form.day("anchor", "the day on which treatment ended", required=True)
    reason = form.text("reason", "how it came to be wrong", required=True, longest=1000)
    proposal = None
    if form.ok and right == plan.anchor:
        form.fault("anchor", "This is the day that is recorded already")
    if form.ok and right:
        proposal = weigh(desk, patient, lambda: enrolment.correct_anchor(desk.work, plan, right, reason))
        if proposal is None and form.ok:
            return desk.done(home(patient), f"The end of treatment is {day(right)}.")
    return page(desk, "anchor.html", patient, proposal, plan=plan)


# -- a new plan ------------------------------------------------------------------------------------------------


@pages.get("/{patient_id}/restart", needs=Permission.WORK)
def restart_page(desk: Desk, patient_id: UUID) -> Response:
    patient = desk.patient(patient_id)
    previous = _previous(desk, patient)
    return _restart_page(desk, patient, previous, form=Form.filled(protocol=_protocol_of(desk, previous)))


@pages.post("/{patient_id}/restart", needs=Permission.WORK)
def restart(desk: Desk, patient_id: UUID) -> Response:
    """Start over at month 0 from a new anchor; the old plan stays in view."""
    patient = desk.patient(patient_id)
    previous = _previous(desk, patient)
    form = desk.form
    if form.flag(SHOW):
        return _restart_page(desk, patient, previous)
    anchor = form.day("anchor", "the day on which the new treatment ended", required=True)
    reason = form.text("reason", "the reason", required=previous.ended_on is None, longest=1000)
    protocol = _chosen_protocol(desk, patient)
    intervals = _intervals(form, protocol) if protocol else {}
    proposal = None
    if form.ok and anchor and protocol:
        new = enrolment.Enrolment(protocol.key, anchor, intervals, reason=reason)
        proposal = weigh(desk, patient, lambda: enrolment.restart(desk.work, patient, new))
        if proposal is None and form.ok:
            return desk.done(home(patient), f"Restarted from {day(anchor)} as plan {previous.number + 1}.")
    return _restart_page(desk, patient, previous, proposal)


def _restart_page(
    desk: Desk, patient: Patient, previous: Plan, proposal: Proposal | None = None, form: Form | None = None
) -> Response:
    shown = _shown_protocol(desk, patient, form or desk.form)
    return page(
        desk,
        "restart.html",
        patient,
        proposal,
        form=form,
        previous=previous,
        protocols=_approved(desk, patient),
        fields=_fields(shown),
        shown=shown,
    )


def _previous(desk: Desk, patient: Patient) -> Plan:
    found = next(iter(plans.all_plans(desk.session, patient.id)), None)
    if found is None:
        raise ConflictError("this patient has no plan to restart; enrol the patient instead")
    return found


# -- protocols and their intervals as fields -------------------------------------------------------------------


def _approved(desk: Desk, patient: Patient) -> list[tuple[str, str]]:
    """The protocol versions that the patient's site approved, by title."""
    statement = select(col(Approval.protocol_key)).where(
        Approval.site_id == patient.site_id, col(Approval.retracted_at).is_(None)
    )
    found = {key: desk.work.protocol(key) for key in desk.session.exec(statement)}
    return sorted(((key, f"{protocol.title} ({key})") for key, protocol in found.items()), key=lambda pair: pair[1])


def _protocol_of(desk: Desk, plan: Plan) -> str:
    return plans.terms_in_force(desk.session, plan.id)[-1].protocol_key


def _shown_protocol(desk: Desk, patient: Patient, form: Form) -> Protocol | None:
    """The protocol whose intervals stand on the page."""
    key = form.value("protocol")
    return desk.work.protocol(key) if key in dict(_approved(desk, patient)) else None


def _chosen_protocol(desk: Desk, patient: Patient) -> Protocol | None:
    key = desk.form.one_of("protocol", "a protocol", dict(_approved(desk, patient)))
    return desk.work.protocol(key) if key else None


def _fields(protocol: Protocol | None) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """For each item: the field's name, the title, and what can be chosen beside leaving it as it is."""
    if protocol is None:
        return []
    return [(f"interval-{item.code}", item.title, _options(item)) for item in protocol.items]


def _options(item: Item) -> list[tuple[str, str]]:
    phases = [phase for phase in item.phases if len(phase.choices()) > 1] or item.phases
    choices = sorted({months for phase in phases for months in phase.choices()})
    return [*((str(months), words.every(months)) for months in choices), (OFF, "not at all")]


def _intervals(form: Form, protocol: Protocol) -> Intervals:
    """What was chosen; an item left as it is has none."""
    found: Intervals = {}
    for item in protocol.items:
        name = f"interval-{item.code}"
        given = form.one_of(name, f"an interval of {item.title}", dict(_options(item)), required=False)
        if given:
            found[item.code] = None if given == OFF else int(given)
    return found
