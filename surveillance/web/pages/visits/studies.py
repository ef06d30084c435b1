"""Recording that something was examined, at a visit or anywhere else."""

from uuid import UUID

from fastapi.responses import Response

from surveillance.operations.planning import plan_record, preconditions
from surveillance.operations.visits import results
from surveillance.store.planning import plans
from surveillance.store.tables import Patient
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.care.changes import home, page
from surveillance.web.pages.routing import Pages
from surveillance.web.render import day

pages = Pages(prefix="/patients")


@pages.get("/{patient_id}/studies/new", needs=Permission.WORK)
def new_page(context: PageContext, patient_id: UUID) -> Response:
    patient = context.patient(patient_id)
    return page(context, "visits/study-new.html", patient, items=_items(context, patient), form=Form.filled())


@pages.post("/{patient_id}/studies/new", needs=Permission.WORK)
def new(context: PageContext, patient_id: UUID) -> Response:
    """Record that examinations were performed, at a visit or anywhere else."""
    patient = context.patient(patient_id)
    form, items = context.form, _items(context, patient)
    chosen = [item for item, _, _ in items if item in form.many("item")]
    if not chosen:
        form.fault("item", "Choose what was examined")
    on = form.day("performed_on", "the day of the study", required=True)
    reported_on = form.day("reported_on", "the day of the report")
    if form.ok and on:
        found = results.NewStudy(
            chosen,
            on,
            modality=form.text("modality", "the modality", longest=16).upper(),
            body_region=form.text("body_region", "the region of the body", longest=40),
            ruling=form.text("ruling", "why it counts all the same", longest=1000),
            accession=form.text("accession", "the accession number", longest=64) or None,
            reported_on=reported_on,
            note=form.text("note", "the note", longest=1000),
        )
        with form.trying(context.session):
            results.add_study(context.work, patient, found)
        if form.ok:
            return context.done(context.back(home(patient, "studies")), f"The study of {day(on)} is recorded.")
    return page(context, "visits/study-new.html", patient, items=items)


def _items(context: PageContext, patient: Patient) -> list[tuple[str, str, str]]:
    """What a study can serve: the items of every plan that the patient has or had."""
    known = {
        item
        for plan in plans.all_plans(context.session, patient.id)
        for item in preconditions.known_items(context.work, plan)
    }
    titles = plan_record.titles_of_patient(context.work, patient.id)
    return [(item, titles.get(item, item), "") for item in sorted(known)]
