"""``surveillance study``: the life of a report, its review with what follows, telling the patient, tasks (design 5)."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import typer

from surveillance.cli import show, words
from surveillance.cli.context import Answer, Job, WrongUseError, reading, writing
from surveillance.cli.options import Mrn, OnDay, StudyName, iso_day
from surveillance.cli.record.patient_details import to_release
from surveillance.cli.visits.follow_options import (
    Asked,
    Continue,
    Due,
    Extra,
    Hold,
    Linked,
    Owner,
    RestartBy,
    ReviewOn,
    Task,
    Visits,
)
from surveillance.cli.visits.studies import data, line
from surveillance.core.errors import ConflictError, NotFoundError
from surveillance.core.words import ReportStatus, Result
from surveillance.operations.care import following, reviews
from surveillance.operations.care.following import Followed
from surveillance.operations.visits import reports, result_tasks, results
from surveillance.store.audit.events import picture
from surveillance.store.tables import Study, User

app = typer.Typer()  # joins the commands of ``study``


@app.command()
@writing
def report(
    job: Job,
    mrn: Mrn,
    study: StudyName,
    on: OnDay = None,
    status: Annotated[ReportStatus, typer.Option(help="What it is.")] = ReportStatus.FINAL,
    note: Annotated[str, typer.Option(help="What an amended or corrected one changed.")] = "",
) -> Answer:
    """A version of the report has arrived; one that no review has seen asks for a review.

    Example: surveillance study report 00417 A1001 --on 2026-12-02 --as anna

    Example: surveillance study report 00417 A1001 --status amended --note "a second reader sees a nodule" --as anna
    """
    row, day = _named(job, mrn, study, on)
    return _told(job, reports.report(job.work, row, day, status, note))


@app.command()
@writing
def review(
    job: Job,
    mrn: Mrn,
    study: StudyName,
    result: Annotated[Result, typer.Option(help="What it shows.")],
    next_action: Annotated[str, typer.Option(help="What is to happen, in words, unless the result is clear.")] = "",
    on: OnDay = None,
    preliminary: Annotated[
        bool, typer.Option("--preliminary", help="A preliminary report is reviewed as such.")
    ] = False,
    repeat_by: Annotated[
        date | None, typer.Option(parser=iso_day, metavar="DATE", help="Of an inadequate study: another one by then.")
    ] = None,
    extra: Extra = None,
    hold: Hold = None,
    review_on: ReviewOn = None,
    keep: Visits = None,
    cancel: Visits = None,
    end_restart_by: RestartBy = None,
    task: Task = None,
    owner: Owner = "",
    due: Due = None,
    go_on: Continue = None,
    link: Linked = None,
) -> Answer:
    """A clinician has read the report and signs what it shows. A recurrence is signed with what becomes of the plan.

    Example: surveillance study review 00417 A1001 --result clear --as dr.reed

    Example: surveillance study review 00417 A1001 --result recurrence --hold treatment --review-on 2027-03-01
    --as dr.reed
    """
    row, day = _named(job, mrn, study, on)
    asked = Asked(extra, hold, review_on, keep, cancel, end_restart_by, task, owner, due, go_on, link)
    new = reviews.NewReview(day, result, next_action, preliminary, repeat_by, asked.follow(job, row, next_action))
    return _followed(job, reviews.sign(job.work, row, new))


@app.command()
@writing
def act(
    job: Job,
    mrn: Mrn,
    study: StudyName,
    on: OnDay = None,
    reason: Annotated[str, typer.Option(help="Why the extra examination is wanted; the next action without.")] = "",
    extra: Extra = None,
    hold: Hold = None,
    review_on: ReviewOn = None,
    keep: Visits = None,
    cancel: Visits = None,
    end_restart_by: RestartBy = None,
    task: Task = None,
    owner: Owner = "",
    due: Due = None,
    go_on: Continue = None,
    link: Linked = None,
) -> Answer:
    """Say what follows from a result that is not clear: it is recorded now, or linked if it is on record.

    Example: surveillance study act 00417 A1001 --extra chest_imaging=2027-01-11 --as anna

    Example: surveillance study act 00417 A1001 --task "biopsy of the nodule" --owner dr.reed --due 2026-12-09 --as anna
    """
    row, day = _named(job, mrn, study, on)
    asked = Asked(extra, hold, review_on, keep, cancel, end_restart_by, task, owner, due, go_on, link)
    follow = asked.follow(job, row, reason or row.next_action)
    if follow is None:
        raise WrongUseError("say what follows: --extra, --hold, --end-restart-by, --task, --continue or --link")
    return _followed(job, following.act(job.work, row, day, follow))


@app.command()
@writing
def tell(job: Job, mrn: Mrn, study: StudyName, on: OnDay = None) -> Answer:
    """The patient was told the result.

    Example: surveillance study tell 00417 A1001 --on 2026-12-04 --as anna
    """
    row, day = _named(job, mrn, study, on)
    return _told(job, reports.tell(job.work, row, day))


@app.command()
@reading
def tasks(job: Job, mrn: Mrn) -> Answer:
    """What somebody has to do about a patient's results, and what came of it.

    Example: surveillance study tasks 00417
    """
    patient = job.patient(mrn)
    found = show.table("", "Id", "What", "By", "Due", "Done", "What came of it")
    rows = result_tasks.named(job.work, patient.id, "")
    for row in rows:
        owner = job.work.session.get_one(User, row.owner_id)
        show.add(found, words.short(row.id), row.what, owner.name, row.due_on, row.done_on, row.outcome)
    return Answer([show.section(found, "No result gave anybody anything to do.")], [picture(row) for row in rows])


@app.command()
@writing
def done(
    job: Job,
    mrn: Mrn,
    outcome: Annotated[str, typer.Option(help="What came of it.")],
    task: Annotated[
        str, typer.Argument(metavar="[TASK]", help="First digits of its id; the only open one without.")
    ] = "",
    on: OnDay = None,
) -> Answer:
    """A task that came of a result is done.

    Example: surveillance study done 00417 --outcome "biopsy: benign" --as dr.reed
    """
    patient = job.patient(mrn)
    rows = result_tasks.named(job.work, patient.id, task)
    rows = rows if task else [row for row in rows if row.done_on is None]
    if len(rows) > 1:
        listed = ", ".join(f"{words.short(row.id)} ({row.what})" for row in rows)
        raise ConflictError(f"patient {mrn} has {len(rows)} such tasks, give an ID: {listed}")
    if not rows:
        raise NotFoundError(f"patient {mrn} has no such task")
    row = result_tasks.settle(job.work, rows[0], on or job.today(patient), outcome)
    return Answer([f"Done: {row.what}; {row.outcome}."], picture(row))


def _named(job: Job, mrn: str, study: str, on: date | None) -> tuple[Study, date]:
    patient = job.patient(mrn)
    return results.study_named(job.work, patient, study), on or job.today(patient)


def _told(job: Job, row: Study, more: Sequence[str] = ()) -> Answer:
    return Answer([f"{line(job, row)}.", *more], data(job, row))


def _followed(job: Job, done: Followed) -> Answer:
    return _told(job, done.study, to_release(job.work, done.released))
