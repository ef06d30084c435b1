"""The patient's page: what comes next on top, the whole way as a timeline, and all that was ever said or done."""

from dataclasses import dataclass
from uuid import UUID

from fastapi.responses import Response
from markupsafe import Markup

from surveillance.core.drawings import timeline, timeline_sheet
from surveillance.core.errors import NotFoundError
from surveillance.core.protocols import interval_words
from surveillance.core.schedule.examinations import Examination
from surveillance.core.words import Channel, Privacy
from surveillance.operations.planning import plan_record
from surveillance.operations.planning.plan_record import PlanRecord
from surveillance.operations.record import explanation, history, patient_record, schedule_sheet
from surveillance.operations.record.patient_record import PatientRecord
from surveillance.operations.registry import reachability
from surveillance.operations.registry.phones import readable
from surveillance.store.planning import plans
from surveillance.store.tables import ExaminationRow
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.page_context import PageContext
from surveillance.web.pages.record.next_steps import next_steps
from surveillance.web.pages.registry import person_fields
from surveillance.web.pages.replies import writing
from surveillance.web.pages.routing import Pages
from surveillance.web.render import markup, short_day

pages = Pages(prefix="/patients")

EVENTS = 8  # of the history on the page itself; its own page goes on
SOON = 6  # examinations of each plan that stand open on the page; the others are one click away


@dataclass(frozen=True, slots=True)
class Drawn:
    """A plan with its timeline, as a drawing and as a table."""

    record: PlanRecord
    drawing: Markup
    table: list[timeline.TableRow]
    trips: str


@pages.get("/{patient_id}", needs=Permission.VIEW)
def show(context: PageContext, patient_id: UUID) -> Response:
    patient = context.patient(patient_id)
    record = patient_record.gather(context.work, patient)
    return context.page(
        "record/patient.html",
        chosen=interval_words.said,
        record=record,
        patient=patient,
        drawn=[_drawn(context, record, plan) for plan in record.plans],
        steps=next_steps(record),
        contacts=[_contact(context, record, found) for found in record.reaches],
        examinations=_examinations(record.plan) if record.plan else ([], []),
        history=history.gather(context.work, patient, record.titles, EVENTS),
        covered=lambda visit: patient_record.covered(visit, record.titles),
        head=writing.letterhead(context, patient, context.form)
        if context.may(Permission.WORK, patient.site_id)
        else None,
        words=words,
    )


def _drawn(context: PageContext, record: PatientRecord, plan: PlanRecord) -> Drawn:
    shown = plan_record.timeline(plan, record.when())
    drawing = markup(timeline_sheet.render_strip(shown, f"plan-{plan.plan.number}"))
    trips = plan_record.spelled_years(plan_record.years(context.work, plan.plan, plan.facts)) if plan.active else ""
    return Drawn(plan, drawing, timeline.table(shown), trips)


def _contact(context: PageContext, record: PatientRecord, found: reachability.ContactReach) -> dict[str, object]:
    """A contact in words."""
    contact = found.contact
    kind = words.CONTACT[contact.kind]
    return {
        "who": f"{contact.name} ({kind})" if contact.name else kind.capitalize(),
        "phone": readable(contact.phone) if contact.phone else "",
        "dial": contact.phone,
        "given": contact.phone_given,
        "sms": reachability.consent_words(found, Channel.SMS, short_day),
        "email": contact.email,
        "consent_email": reachability.consent_words(found, Channel.EMAIL, short_day),
        "postal": contact.postal_address,
        "language": words.language_name(contact.language or record.site.languages[0]),
        "fell_back": person_fields.fallen_back(context.work, record.site, contact.language or ""),
        "problems": reachability.problems(found, short_day),
    }


def _examinations(plan: PlanRecord) -> tuple[list[Examination], list[Examination]]:
    """Those whose time it is or comes next, soonest first; then all others of the plan, the newest first."""
    waiting = [row for row in plan.rows if row.open and row.cell_end > plan.today]
    soon = waiting[:SOON]
    return soon, [row for row in reversed(plan.rows) if row not in soon]


@pages.get("/{patient_id}/history", needs=Permission.VIEW)
def whole_history(context: PageContext, patient_id: UUID, before: int | None = None) -> Response:
    """Every change about the patient, page by page."""
    patient = context.patient(patient_id)
    titles = plan_record.titles_of_patient(context.work, patient.id)
    found = history.gather(context.work, patient, titles, 50, before)
    zone = context.work.site(patient.site_id).time_zone
    return context.page("record/history.html", patient=patient, history=found, zone=zone)


@pages.get("/{patient_id}/examinations/{examination_id}", needs=Permission.VIEW)
def examination(context: PageContext, patient_id: UUID, examination_id: UUID) -> Response:
    """Why an examination is due when it is, and what can be decided about it."""
    patient = context.patient(patient_id)
    row = context.row(ExaminationRow, examination_id)
    if row.patient_id != patient.id or row.withdrawn:
        raise NotFoundError("the plan has no such examination any more")
    (told,) = explanation.explain(context.work, patient, key=plans.examination(row).key)
    template = "record/_why.html" if context.live else "record/examination.html"
    return context.page(template, patient=patient, row=row, told=told, words=words)


@pages.get("/{patient_id}/schedule", needs=Permission.VIEW)
def schedule(context: PageContext, patient_id: UUID) -> Response:
    """The sheet that the patient takes home, in a language and at a privacy level that can be chosen."""
    patient = context.patient(patient_id, "patient.view")
    record = patient_record.gather(context.work, patient)
    wanted = context.request.query_params.get("language", "")
    level = context.request.query_params.get("privacy", record.site.privacy)
    privacy = Privacy(level) if level in list(Privacy) else record.site.privacy
    languages = sorted(context.work.catalogue.messages)
    sheet = schedule_sheet.made(context.work, record, wanted if wanted in languages else "", privacy)
    return context.page(
        "record/schedule.html",
        patient=patient,
        record=record,
        sheet=sheet,
        privacy=privacy,
        languages=[(code, words.language_name(code)) for code in languages],
    )
