"""Studies: recorded, then reported, reviewed and told; four facts, each on its own day (design section 5)."""

from uuid import UUID

from fastapi.responses import Response

from surveillance.core.examinations import FindingKind
from surveillance.core.words import Result
from surveillance.operations import plan_record, planning, results
from surveillance.store import plans
from surveillance.store import studies as store
from surveillance.store.tables import Patient, Study, User
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import Form
from surveillance.web.pages import Pages
from surveillance.web.pages.patient_changes import home, own, page
from surveillance.web.render import day

pages = Pages(prefix="/patients")


# -- recording -------------------------------------------------------------------------------------------------


@pages.get("/{patient_id}/studies/new", needs=Permission.WORK)
def new_page(desk: Desk, patient_id: UUID) -> Response:
    patient = desk.patient(patient_id)
    return page(desk, "study-new.html", patient, items=_items(desk, patient), form=Form.filled())


@pages.post("/{patient_id}/studies/new", needs=Permission.WORK)
def new(desk: Desk, patient_id: UUID) -> Response:
    """Record that examinations were performed, at a visit or anywhere else."""
    patient = desk.patient(patient_id)
    form, items = desk.form, _items(desk, patient)
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
        with form.trying(desk.session):
            results.add_study(desk.work, patient, found)
        if form.ok:
            return desk.done(desk.back(home(patient, "studies")), f"The study of {day(on)} is recorded.")
    return page(desk, "study-new.html", patient, items=items)


def _items(desk: Desk, patient: Patient) -> list[tuple[str, str, str]]:
    """What a study can serve: the items of every plan that the patient has or had."""
    known = {
        item for plan in plans.all_plans(desk.session, patient.id) for item in planning.known_items(desk.work, plan)
    }
    titles = plan_record.titles_of_patient(desk.work, patient.id)
    return [(item, titles.get(item, item), "") for item in sorted(known)]


# -- one study -------------------------------------------------------------------------------------------------


def _study(desk: Desk, patient_id: UUID, study_id: UUID) -> tuple[Patient, Study]:
    patient = desk.patient(patient_id)
    return patient, own(desk, patient, Study, study_id)


@pages.get("/{patient_id}/studies/{study_id}", needs=Permission.VIEW)
def show(desk: Desk, patient_id: UUID, study_id: UUID) -> Response:
    patient, study = _study(desk, patient_id, study_id)
    return _show(desk, patient, study, Form.filled(day=desk.today(patient)))


def _show(desk: Desk, patient: Patient, study: Study, form: Form | None = None, asked: str = "") -> Response:
    """The study with its facts; ``asked`` names the form that was sent and has mistakes."""
    titles = plan_record.titles_of_patient(desk.work, patient.id)
    reviewer = desk.session.get(User, study.reviewed_by) if study.reviewed_by else None
    return page(
        desk,
        "study.html",
        patient,
        form=form,
        asked=asked,
        study=study,
        names=", ".join(titles.get(item, item) for item in sorted(store.items(desk.session, study.id))),
        early=_early(desk, patient, study),
        reviewer=reviewer.name if reviewer else "",
        results=[(result.value, said, "") for result, said in words.RESULT.items()],
    )


def _early(desk: Desk, patient: Patient, study: Study) -> list[str]:
    """The items for which the study came so early that a person decides whether it counts."""
    plan = plans.active_plan(desk.session, patient.id)
    found = plan_record.findings(desk.work, plan) if plan else []
    return [each.item for each in found if each.kind is FindingKind.STUDY_EARLY and each.subject == str(study.id)]


@pages.post("/{patient_id}/studies/{study_id}/report", needs=Permission.WORK)
def report(desk: Desk, patient_id: UUID, study_id: UUID) -> Response:
    patient, study = _study(desk, patient_id, study_id)
    on = desk.form.day("day", "the day of the report", required=True)
    if desk.form.ok and on:
        with desk.form.trying(desk.session):
            results.report(desk.work, study, on)
        if desk.form.ok:
            return desk.done(desk.back(_address(patient, study)), f"The report of {day(on)} is recorded.")
    return _show(desk, patient, study, asked="report")


@pages.post("/{patient_id}/studies/{study_id}/review", needs=Permission.SIGN)
def review(desk: Desk, patient_id: UUID, study_id: UUID) -> Response:
    """A clinician has read the report; what is not clear needs a next action."""
    patient, study = _study(desk, patient_id, study_id)
    form = desk.form
    on = form.day("day", "the day of the review", required=True)
    result = form.choice("result", "what it showed", Result)
    action = form.text("next_action", "the next action", required=result not in (None, Result.CLEAR), longest=1000)
    if form.ok and on and result:
        with form.trying(desk.session):
            results.review(desk.work, study, on, result, action)
        if form.ok:
            return desk.done(desk.back(_address(patient, study)), f"Reviewed: {words.RESULT[result]}.")
    return _show(desk, patient, study, asked="review")


@pages.post("/{patient_id}/studies/{study_id}/told", needs=Permission.WORK)
def told(desk: Desk, patient_id: UUID, study_id: UUID) -> Response:
    patient, study = _study(desk, patient_id, study_id)
    on = desk.form.day("day", "the day on which the patient was told", required=True)
    if desk.form.ok and on:
        with desk.form.trying(desk.session):
            results.tell(desk.work, study, on)
        if desk.form.ok:
            return desk.done(desk.back(_address(patient, study)), f"The patient was told on {day(on)}.")
    return _show(desk, patient, study, asked="told")


@pages.post("/{patient_id}/studies/{study_id}/acted", needs=Permission.WORK)
def acted(desk: Desk, patient_id: UUID, study_id: UUID) -> Response:
    """The next action has been taken."""
    patient, study = _study(desk, patient_id, study_id)
    on = desk.form.day("day", "the day on which it was done", required=True)
    if desk.form.ok and on:
        with desk.form.trying(desk.session):
            results.act(desk.work, study, on)
        if desk.form.ok:
            return desk.done(desk.back(_address(patient, study)), f"The next action was taken on {day(on)}.")
    return _show(desk, patient, study, asked="acted")


@pages.post("/{patient_id}/studies/{study_id}/count", needs=Permission.WORK)
def count(desk: Desk, patient_id: UUID, study_id: UUID) -> Response:
    """A person's word on a study that came early: it counts, or it is extra evidence."""
    patient, study = _study(desk, patient_id, study_id)
    form = desk.form
    items = _early(desk, patient, study)
    word = form.one_of("counts", "whether it counts", ("counts", "extra"))
    reason = form.text("reason", "the reason", required=True, longest=1000)
    if not items:
        form.fault("counts", "Nobody asks about this study any more")
    if form.ok:
        with form.trying(desk.session):
            for item in items:
                results.rule_on(desk.work, patient, study, item, counts=word == "counts", reason=reason)
        if form.ok:
            said = (
                "The study counts."
                if word == "counts"
                else "The study is extra evidence; the examination is still wanted."
            )
            return desk.done(desk.back(home(patient)), said)
    return _show(desk, patient, study, asked="count")


def _address(patient: Patient, study: Study) -> str:
    return f"/patients/{patient.id}/studies/{study.id}"
