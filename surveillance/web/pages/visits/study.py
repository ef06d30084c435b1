"""One study: reported, reviewed and told, each on its own day; and what follows from its result (design 5)."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from fastapi.responses import Response
from sqlmodel import col, select

from surveillance.core.errors import NotFoundError
from surveillance.core.results.follow_up import SILENCING, may_follow
from surveillance.core.results.report_life import CHANGED
from surveillance.core.schedule.examinations import FindingKind
from surveillance.core.words import FollowUp, ReportStatus, Result
from surveillance.operations.care import following, reviews
from surveillance.operations.care.following import Followed
from surveillance.operations.planning import differences, plan_record
from surveillance.operations.visits import reports, result_tasks, results
from surveillance.store.planning import plans
from surveillance.store.tables import Patient, ResultTask, Study, StudyFollowUp, StudyReport, User
from surveillance.store.visits import obligations
from surveillance.store.visits import studies as store
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.forms import LONGEST_TEXT, Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.care.changes import home, own, page
from surveillance.web.pages.routing import Pages
from surveillance.web.pages.visits import follow_form
from surveillance.web.render import day

pages = Pages(prefix="/patients")

ANY_RESULT: Final = frozenset(FollowUp) - {FollowUp.REPEAT, FollowUp.NOTED}  # what a review may be signed with


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
    versions = obligations.versions(context.session, study.id)
    tasks = obligations.tasks(context.session, [study.id])
    row = obligations.follow_up(context.session, study.id)
    open_result = row is None and study.result not in (None, Result.CLEAR)
    has_plan = plans.active_plan(context.session, patient.id) is not None
    kinds = may_follow(study.result, has_plan=has_plan) if study.result and open_result else ANY_RESULT
    names_of = _people(context, versions, tasks, study)
    return page(
        context,
        "visits/study.html",
        patient,
        form=form,
        asked=asked,
        study=study,
        names=", ".join(titles.get(item, item) for item in sorted(store.items(context.session, study.id))),
        early=_early(context, patient, study),
        reviewer=names_of.get(study.reviewed_by, ""),
        results=[(result.value, said, "") for result, said in words.RESULT.items()],
        statuses=_statuses(study),
        versions=versions,
        tasks=tasks,
        names_of=names_of,
        open_result=open_result,
        silent=study.result in SILENCING,
        followed=_followed(row, tasks) if row else "",
        offered=follow_form.offered(context, patient, study, kinds if asked != "review" else ANY_RESULT),
    )


def _people(
    context: PageContext, versions: Sequence[StudyReport], tasks: Sequence[ResultTask], study: Study
) -> dict[UUID | None, str]:
    ids = {row.recorded_by for row in versions} | {row.owner_id for row in tasks} | {study.reviewed_by}
    rows = context.session.exec(select(User).where(col(User.id).in_([each for each in ids if each])))
    return {user.id: user.name for user in rows}


def _statuses(study: Study) -> list[tuple[str, str]]:
    """What a further version of the report can be: once one is final, what changes it, or its day."""
    later = (*CHANGED, ReportStatus.FINAL) if study.reported_on else tuple(ReportStatus)
    return [(status.value, words.REPORT[status]) for status in later]


def _followed(row: StudyFollowUp, tasks: Sequence[ResultTask]) -> str:
    """What carries a result on, in words."""
    said = row.reason or next((task.what for task in tasks if task.id == row.task_id), "")
    return f"{words.FOLLOW_UP[row.kind]}{f' ({said})' if said else ''}"


def _early(context: PageContext, patient: Patient, study: Study) -> list[str]:
    """The items for which the study came so early that a person decides whether it counts."""
    plan = plans.active_plan(context.session, patient.id)
    found = differences.findings(context.work, plan) if plan else []
    return [each.item for each in found if each.kind is FindingKind.STUDY_EARLY and each.subject == str(study.id)]


@pages.post("/{patient_id}/studies/{study_id}/report", needs=Permission.WORK)
def report(context: PageContext, patient_id: UUID, study_id: UUID) -> Response:
    """A version of the report has arrived."""
    patient, study = _study(context, patient_id, study_id)
    form = context.form
    on = form.day("day", "the day of the report", required=True)
    status = form.choice("status", "what the report is", ReportStatus, required=False) or ReportStatus.FINAL
    note = form.text("report_note", "what changed", longest=1000)
    if form.ok and on:
        with form.trying(context.session):
            reports.report(context.work, study, on, status, note)
        if form.ok:
            said = f"The {words.REPORT[status]} report of {day(on)} is recorded."
            return context.done(context.back(_address(patient, study)), said)
    return _show(context, patient, study, asked="report")


@pages.post("/{patient_id}/studies/{study_id}/review", needs=Permission.SIGN)
def review(context: PageContext, patient_id: UUID, study_id: UUID) -> Response:
    """A clinician has read the report, and signs what it shows with what follows from it."""
    patient, study = _study(context, patient_id, study_id)
    form = context.form
    on = form.day("day", "the day of the review", required=True)
    result = form.choice("result", "what it showed", Result)
    action = form.text("next_action", "the next action", longest=1000)
    repeat_by = form.day("repeat_by", "the day by which it is repeated", required=result is Result.INADEQUATE)
    undecided = obligations.follow_up(context.session, study.id) is None
    follow = follow_form.read(context, patient, required=result is Result.RECURRENCE and undecided)
    if result in (Result.INDETERMINATE, Result.SUSPICIOUS) and not action and follow is None:
        form.fault("next_action", "Enter the next action, or choose what follows")
    if form.ok and on and result:
        new = reviews.NewReview(on, result, action, form.flag("preliminary"), repeat_by, follow)
        done = Followed(study)
        with form.trying(context.session):
            done = reviews.sign(context.work, study, new)
        if form.ok:
            said = f"Reviewed: {words.RESULT[result]}.{_released(done)}"
            return context.done(context.back(_address(patient, study)), said)
    return _show(context, patient, study, asked="review")


def _released(done: Followed) -> str:
    days = ", ".join(day(row.day) for row in done.released)
    return f" Release the slot{'s' * (len(done.released) > 1)} of {days}." if days else ""


@pages.post("/{patient_id}/studies/{study_id}/told", needs=Permission.WORK)
def told(context: PageContext, patient_id: UUID, study_id: UUID) -> Response:
    patient, study = _study(context, patient_id, study_id)
    on = context.form.day("day", "the day on which the patient was told", required=True)
    if context.form.ok and on:
        with context.form.trying(context.session):
            reports.tell(context.work, study, on)
        if context.form.ok:
            return context.done(context.back(_address(patient, study)), f"The patient was told on {day(on)}.")
    return _show(context, patient, study, asked="told")


@pages.post("/{patient_id}/studies/{study_id}/acted", needs=Permission.WORK)
def acted(context: PageContext, patient_id: UUID, study_id: UUID) -> Response:
    """What follows from a result that is not clear: linked, or recorded in the same step."""
    patient, study = _study(context, patient_id, study_id)
    form, done = context.form, Followed(study)
    follow = follow_form.read(context, patient, required=True)
    if form.ok and follow is not None:
        with form.trying(context.session):
            done = following.act(context.work, study, context.today(patient), follow)
        if form.ok:
            said = f"The result is carried on.{_released(done)}"
            return context.done(context.back(_address(patient, study)), said)
    return _show(context, patient, study, asked="acted")


@pages.post("/{patient_id}/studies/{study_id}/tasks/{task_id}", needs=Permission.WORK)
def task_done(context: PageContext, patient_id: UUID, study_id: UUID, task_id: UUID) -> Response:
    """A task that came of the result is done."""
    patient, study = _study(context, patient_id, study_id)
    task, form = own(context, patient, ResultTask, task_id), context.form
    if task.study_id != study.id:
        raise NotFoundError("there is no such task of this study")
    on = form.day("day", "the day on which it was done", required=True)
    outcome = form.text("outcome", "what came of it", required=True, longest=LONGEST_TEXT)
    if form.ok and on:
        with form.trying(context.session):
            result_tasks.settle(context.work, task, on, outcome)
        if form.ok:
            return context.done(context.back(_address(patient, study)), f"Done: {task.what}.")
    return _show(context, patient, study, asked=str(task.id))


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
