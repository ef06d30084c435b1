"""The patient's page: what comes next on top, the whole way as a timeline, and all that was ever said or done."""

from dataclasses import dataclass
from uuid import UUID

from fastapi.responses import Response
from markupsafe import Markup

from surveillance.core import timeline, timeline_svg
from surveillance.core.errors import NotFoundError
from surveillance.core.examinations import Examination
from surveillance.core.words import Channel, Privacy
from surveillance.operations import explain, history, patient_record, plan_record, reach, schedule_sheet
from surveillance.operations.dispatch.texts import readable
from surveillance.operations.patient_record import PatientRecord
from surveillance.operations.plan_record import PlanRecord
from surveillance.store import plans
from surveillance.store.tables import ExaminationRow
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.pages import Pages, person_fields, writing
from surveillance.web.pages.patient_steps import next_steps
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
def show(desk: Desk, patient_id: UUID) -> Response:
    patient = desk.patient(patient_id)
    record = patient_record.gather(desk.work, patient)
    return desk.page(
        "patient/show.html",
        record=record,
        patient=patient,
        drawn=[_drawn(desk, record, plan) for plan in record.plans],
        steps=next_steps(record),
        contacts=[_contact(desk, record, found) for found in record.reaches],
        examinations=_examinations(record.plan) if record.plan else ([], []),
        history=history.gather(desk.work, patient, record.titles, EVENTS),
        covered=lambda visit: patient_record.covered(visit, record.titles),
        head=writing.letterhead(desk, patient, desk.form) if desk.may(Permission.WORK, patient.site_id) else None,
        words=words,
    )


def _drawn(desk: Desk, record: PatientRecord, plan: PlanRecord) -> Drawn:
    shown = plan_record.timeline(plan, record.when())
    drawing = markup(timeline_svg.render_strip(shown, f"plan-{plan.plan.number}"))
    trips = plan_record.spelled_years(plan_record.years(desk.work, plan.plan, plan.facts)) if plan.active else ""
    return Drawn(plan, drawing, timeline.table(shown), trips)


def _contact(desk: Desk, record: PatientRecord, found: reach.Reach) -> dict[str, object]:
    """A contact in words."""
    contact = found.contact
    kind = words.CONTACT[contact.kind]
    return {
        "who": f"{contact.name} ({kind})" if contact.name else kind.capitalize(),
        "phone": readable(contact.phone) if contact.phone else "",
        "dial": contact.phone,
        "given": contact.phone_given,
        "sms": reach.consent_words(found, Channel.SMS, short_day),
        "email": contact.email,
        "consent_email": reach.consent_words(found, Channel.EMAIL, short_day),
        "postal": contact.postal_address,
        "language": words.language_name(contact.language or record.site.languages[0]),
        "fell_back": person_fields.fallen_back(desk.work, record.site, contact.language or ""),
        "problems": reach.problems(found, short_day),
    }


def _examinations(plan: PlanRecord) -> tuple[list[Examination], list[Examination]]:
    """Those whose time it is or comes next, soonest first; then all others of the plan, the newest first."""
    waiting = [row for row in plan.rows if row.open and row.cell_end > plan.today]
    soon = waiting[:SOON]
    return soon, [row for row in reversed(plan.rows) if row not in soon]


@pages.get("/{patient_id}/history", needs=Permission.VIEW)
def whole_history(desk: Desk, patient_id: UUID, before: int | None = None) -> Response:
    """Every change about the patient, page by page."""
    patient = desk.patient(patient_id)
    titles = plan_record.titles_of_patient(desk.work, patient.id)
    found = history.gather(desk.work, patient, titles, 50, before)
    zone = desk.work.site(patient.site_id).time_zone
    return desk.page("patient/history.html", patient=patient, history=found, zone=zone)


@pages.get("/{patient_id}/examinations/{examination_id}", needs=Permission.VIEW)
def examination(desk: Desk, patient_id: UUID, examination_id: UUID) -> Response:
    """Why an examination is due when it is, and what can be decided about it."""
    patient = desk.patient(patient_id)
    row = desk.row(ExaminationRow, examination_id)
    if row.patient_id != patient.id or row.withdrawn:
        raise NotFoundError("the plan has no such examination any more")
    (told,) = explain.explain(desk.work, patient, key=plans.examination(row).key)
    template = "patient/_why.html" if desk.live else "patient/examination.html"
    return desk.page(template, patient=patient, row=row, told=told, words=words)


@pages.get("/{patient_id}/schedule", needs=Permission.VIEW)
def schedule(desk: Desk, patient_id: UUID) -> Response:
    """The sheet that the patient takes home, in a language and at a privacy level that can be chosen."""
    patient = desk.patient(patient_id, "patient.view")
    record = patient_record.gather(desk.work, patient)
    wanted = desk.request.query_params.get("language", "")
    level = desk.request.query_params.get("privacy", record.site.privacy)
    privacy = Privacy(level) if level in list(Privacy) else record.site.privacy
    languages = sorted(desk.work.catalogue.messages)
    sheet = schedule_sheet.made(desk.work, record, wanted if wanted in languages else "", privacy)
    return desk.page(
        "patient/schedule.html",
        patient=patient,
        record=record,
        sheet=sheet,
        privacy=privacy,
        languages=[(code, words.language_name(code)) for code in languages],
    )
