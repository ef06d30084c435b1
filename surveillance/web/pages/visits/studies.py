"""Studies: recorded, then reported, reviewed and told; four facts, each on its own day (design section 5)."""

from collections.abc import Callable
from datetime import date
from functools import partial
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.schedule.examinations import FindingKind
from surveillance.core.words import Result
from surveillance.operations.planning import differences, plan_record, preconditions
from surveillance.operations.visits import results
from surveillance.store.planning import plans
from surveillance.store.tables import Patient, Study, User
from surveillance.store.visits import studies as store
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.care.changes import home, own, page
from surveillance.web.pages.routing import Pages
from surveillance.web.render import day

pages = Pages(prefix="/patients")


# -- recording -------------------------------------------------------------------------------------------------


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


# -- one study -------------------------------------------------------------------------------------------------


def _study(context: PageContext, patient_id: UUID, study_id: UUID) -> tuple[Patient, Study]:
    patient = context.patient(patient_id)
    return patient, own(context, patient, Study, study_id)


@pages.get("/{patient_id}/studies/{study_id}", needs=Permission.VIEW)
def show(context: PageContext, patient_id: UUID, study_id: UUID) -> Response:
    patient, study = _study(context, patient_id, study_id)
    return _show(context, patient, study, Form.filled(day=context.today(patient)))


def _show(context: PageContext, patient: Patient, study: Study, form: Form | None = None, asked: str = "") -> Response:
    """The study with its facts; ``asked`` names the form that was sent and has mistakes."""
    titles = plan_record.titles_of_patient(context.work, patient.id)
    reviewer = context.session.get(User, study.reviewed_by) if study.reviewed_by else None
    return page(
        context,
        "visits/study.html",
        patient,
        form=form,
        asked=asked,
        study=study,
        names=", ".join(titles.get(item, item) for item in sorted(store.items(context.session, study.id))),
        early=_early(context, patient, study),
        reviewer=reviewer.name if reviewer else "",
        results=[(result.value, said, "") for result, said in words.RESULT.items()],
    )


def _early(context: PageContext, patient: Patient, study: Study) -> list[str]:
    """The items for which the study came so early that a person decides whether it counts."""
    plan = plans.active_plan(context.session, patient.id)
    found = differences.findings(context.work, plan) if plan else []
    return [each.item for each in found if each.kind is FindingKind.STUDY_EARLY and each.subject == str(study.id)]


@pages.post("/{patient_id}/studies/{study_id}/report", needs=Permission.WORK)
def report(context: PageContext, patient_id: UUID, study_id: UUID) -> Response:
    patient, study = _study(context, patient_id, study_id)
    on = context.form.day("day", "the day of the report", required=True)
    step = partial(results.report, context.work, study)
    return _taken(context, patient, study, "report", on, step, "The report of {} is recorded.")


@pages.post("/{patient_id}/studies/{study_id}/review", needs=Permission.SIGN)
def review(context: PageContext, patient_id: UUID, study_id: UUID) -> Response:
    """A clinician has read the report; what is not clear needs a next action."""
    patient, study = _study(context, patient_id, study_id)
    form = context.form
    on = form.day("day", "the day of the review", required=True)
    result = form.choice("result", "what it showed", Result)
    action = form.text("next_action", "the next action", required=result not in (None, Result.CLEAR), longest=1000)
    if result is None:
        return _show(context, patient, study, asked="review")
    step = partial(results.review, context.work, study, result=result, next_action=action)
    return _taken(context, patient, study, "review", on, step, f"Reviewed: {words.RESULT[result]}.")


@pages.post("/{patient_id}/studies/{study_id}/told", needs=Permission.WORK)
def told(context: PageContext, patient_id: UUID, study_id: UUID) -> Response:
    patient, study = _study(context, patient_id, study_id)
    on = context.form.day("day", "the day on which the patient was told", required=True)
    step = partial(results.tell, context.work, study)
    return _taken(context, patient, study, "told", on, step, "The patient was told on {}.")


@pages.post("/{patient_id}/studies/{study_id}/acted", needs=Permission.WORK)
def acted(context: PageContext, patient_id: UUID, study_id: UUID) -> Response:
    """The next action has been taken."""
    patient, study = _study(context, patient_id, study_id)
    on = context.form.day("day", "the day on which it was done", required=True)
    step = partial(results.act, context.work, study)
    return _taken(context, patient, study, "acted", on, step, "The next action was taken on {}.")


def _taken(
    context: PageContext,
    patient: Patient,
    study: Study,
    asked: str,
    on: date | None,
    step: Callable[[date], object],
    said: str,
) -> Response:
    """One step of a study that the form ``asked`` asks for; ``{}`` in ``said`` stands for its day."""
    form = context.form
    if form.ok and on:
        with form.trying(context.session):
            step(on)
        if form.ok:
            return context.done(context.back(_address(patient, study)), said.format(day(on)))
    return _show(context, patient, study, asked=asked)


@pages.post("/{patient_id}/studies/{study_id}/count", needs=Permission.WORK)
def count(context: PageContext, patient_id: UUID, study_id: UUID) -> Response:
    """A person's word on a study that came early: it counts, or it is extra evidence."""
    patient, study = _study(context, patient_id, study_id)
    form = context.form
    items = _early(context, patient, study)
    word = form.one_of("counts", "whether it counts", ("counts", "extra"))
    reason = form.text("reason", "the reason", required=True, longest=1000)
    if not items:
        form.fault("counts", "Nobody asks about this study any more")
    if form.ok:
        with form.trying(context.session):
            for item in items:
                results.rule_on(context.work, patient, study, item, counts=word == "counts", reason=reason)
        if form.ok:
            said = (
                "The study counts."
                if word == "counts"
                else "The study is extra evidence; the examination is still wanted."
            )
            return context.done(context.back(home(patient)), said)
    return _show(context, patient, study, asked="count")


def _address(patient: Patient, study: Study) -> str:
    return f"/patients/{patient.id}/studies/{study.id}"
