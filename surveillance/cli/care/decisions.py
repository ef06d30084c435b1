"""``surveillance plan``, the decisions of a person: hold, resume, end, move, skip, extra, no earlier scan, reopen."""

from datetime import date
from typing import Annotated
from uuid import UUID

import typer

from surveillance.cli import show, words
from surveillance.cli.care.plans import changed
from surveillance.cli.context import Answer, Job, confirming, writing
from surveillance.cli.options import Examination, Item, Mrn, Note, OnDay, Reason, Why, examination, iso_day
from surveillance.cli.planning import changes
from surveillance.cli.record.patient_details import to_release
from surveillance.core.errors import NotFoundError
from surveillance.core.schedule.examinations import Key
from surveillance.core.words import EndReason, HoldReason
from surveillance.operations.care import holds, lifecycle, overrides
from surveillance.operations.planning import differences
from surveillance.operations.visits import booking
from surveillance.store.planning import plans as store
from surveillance.store.tables import OverrideKind, Patient

app = typer.Typer()  # joins the commands of ``plan``

OneItem = Annotated[str | None, typer.Option("--item", help="Of this item only; the whole plan without.")]
ReviewOn = Annotated[date, typer.Option(parser=iso_day, metavar="DATE", help="When somebody looks at it again.")]
Visits = Annotated[
    list[str] | None, typer.Option(metavar="VISIT", help="A booked visit, by its id or day. Repeatable.")
]


@app.command()
@confirming
def hold(
    job: Job,
    mrn: Mrn,
    because: Annotated[HoldReason, typer.Option(help="Why nothing is due for now.")],
    review_on: ReviewOn,
    start: Annotated[date | None, typer.Option("--from", parser=iso_day, metavar="DATE", help="Today without.")] = None,
    item: OneItem = None,
    note: Note = "",
    keep: Visits = None,
    cancel: Visits = None,
) -> Answer:
    """Pause a plan or one item: nothing is due or sent until it is resumed. Each booked visit is kept or cancelled.

    Example: surveillance plan hold 00417 --because pregnancy --review-on 2027-03-01 --keep 2026-12-01 --as anna
    """
    patient, plan = job.plan(mrn)
    before = differences.picture(job.work, patient)
    new = holds.NewHold(
        because, review_on, start or job.today(plan), item, note, _ids(job, patient, cancel), _ids(job, patient, keep)
    )
    holds.hold(job.work, plan, new)
    said = f"On hold ({words.HOLD[because]}); on the board from {show.day(review_on)}."
    return changed(job, patient, before, said)


def _ids(job: Job, patient: Patient, names: list[str] | None) -> list[UUID]:
    return [booking.visit_named(job.work, patient, name).id for name in names or ()]


@app.command()
@confirming
def resume(job: Job, mrn: Mrn, on: OnDay = None, item: OneItem = None, reason: Why = "") -> Answer:
    """End a hold: the examination whose time it is becomes due.

    Example: surveillance plan resume 00417 --as anna
    """
    patient, plan = job.plan(mrn)
    before = differences.picture(job.work, patient)
    day = on or job.today(plan)
    row = holds.open_hold(job.work, plan, item)
    holds.resume(job.work, plan, row, day, reason)
    return changed(job, patient, before, f"Resumed on {show.day(day)}.")


@app.command()
@writing
def review_hold(
    job: Job,
    mrn: Mrn,
    review_on: ReviewOn,
    reason: Reason,
    item: OneItem = None,
) -> Answer:
    """Keep a hold and look at it again later.

    Example: surveillance plan review-hold 00417 --review-on 2027-06-01 --reason "still abroad" --as anna
    """
    _, plan = job.plan(mrn)
    row = holds.open_hold(job.work, plan, item)
    holds.review_hold(job.work, plan, row, review_on, reason)
    return Answer([f"The hold is reviewed on {show.day(review_on)}."], {"mrn": mrn, "review_on": review_on})


@app.command()
@confirming
def end(
    job: Job,
    mrn: Mrn,
    because: Annotated[EndReason, typer.Option(help="Why follow-up here is over.")],
    on: OnDay = None,
    note: Note = "",
    restart_by: Annotated[
        date | None,
        typer.Option(parser=iso_day, metavar="DATE", help="After a recurrence: follow-up restarts by then."),
    ] = None,
    accepted_by: Annotated[str, typer.Option(help="After a transfer: who there confirmed that they take over.")] = "",
) -> Answer:
    """End a plan for good, signed by the clinician who acts: open examinations are cancelled, history stays.

    Example: surveillance plan end 00417 --because transfer --note "moved to Leeds" --as dr.reed
    """
    patient, plan = job.plan(mrn)
    before = differences.picture(job.work, patient)
    day = on or job.today(plan)
    released = lifecycle.end(job.work, plan, lifecycle.NewEnd(because, day, note, restart_by, accepted_by))
    found = changes.since(job.work, patient, before)
    data = {"mrn": mrn, "ended_on": day, "released": [row.id for row in released]} | found.data
    said = f"Ended on {show.day(day)}: {words.END[because]}."
    return Answer([said], data, [*found.shown(), *to_release(job.work, released)], compared=found.data)


@app.command("confirm-transfer")
@writing
def confirm_transfer(
    job: Job, mrn: Mrn, accepted_by: Annotated[str, typer.Argument(help="The clinic, and who there confirmed it.")]
) -> Answer:
    """Record that the other clinic took over; until then the transfer stays on the board.

    Example: surveillance plan confirm-transfer 00417 "Dr Hall, Leeds" --as anna
    """
    patient = job.patient(mrn)
    plan = next(iter(store.all_plans(job.work.session, patient.id)), None)
    if plan is None:
        raise NotFoundError(f"patient {mrn} has no plan; 'enrol {mrn}' gives one")
    lifecycle.confirm_transfer(job.work, plan, accepted_by)
    return Answer([f"Confirmed by {accepted_by}."], {"mrn": mrn, "accepted_by": accepted_by})


@app.command()
@confirming
def reopen(job: Job, mrn: Mrn, reason: Reason) -> Answer:
    """Take back an end that was recorded wrongly; cancelled visits stay cancelled.

    Example: surveillance plan reopen 00417 --reason "wrong patient" --as dr.reed
    """
    patient = job.patient(mrn)
    plan = next(iter(store.all_plans(job.work.session, patient.id)), None)
    if plan is None:
        raise NotFoundError(f"patient {mrn} has no plan; 'enrol {mrn}' gives one")
    before = differences.picture(job.work, patient)
    lifecycle.reopen(job.work, plan, reason)
    return changed(job, patient, before, "The plan goes on.")


@app.command()
@confirming
def move(
    job: Job,
    mrn: Mrn,
    name: Examination,
    day: Annotated[date, typer.Option("--to", parser=iso_day, metavar="DATE", help="The new target.")],
    reason: Reason,
) -> Answer:
    """Move one examination to another day.

    Example: surveillance plan move 00417 mri_primary@6 --to 2027-01-20 --reason "holiday" --as anna
    """
    return _override(job, mrn, name, OverrideKind.MOVE, day, reason, f"Moved {name} to {show.day(day)}.")


@app.command()
@confirming
def skip(job: Job, mrn: Mrn, name: Examination, review_on: ReviewOn, reason: Reason) -> Answer:
    """Leave one examination out, and look at that again on a day.

    Example: surveillance plan skip 00417 chest_imaging@6 --review-on 2027-03-01 --reason "CT elsewhere" --as dr.reed
    """
    said = f"Skipped {name}; to look at again on {show.day(review_on)}."
    return _override(job, mrn, name, OverrideKind.SKIP, review_on, reason, said)


def _override(job: Job, mrn: str, name: str, kind: OverrideKind, day: date, reason: str, said: str) -> Answer:
    patient, plan = job.plan(mrn)
    before = differences.picture(job.work, patient)
    key = examination(job.work, plan, name)
    if key.month is None and key.extra is None:
        raise typer.BadParameter(f"{name!r} names an item; name one examination of it, such as {name}@6")
    overrides.override(job.work, plan, overrides.NewOverride(kind, key, reason, day))
    return changed(job, patient, before, said)


@app.command()
@confirming
def extra(
    job: Job,
    mrn: Mrn,
    item: Annotated[str, typer.Argument(help="The item, such as chest_imaging.")],
    target: Annotated[date, typer.Option("--on", parser=iso_day, metavar="DATE", help="The target day.")],
    reason: Reason,
    tolerance: Annotated[int, typer.Option(min=0, max=60, help="Days on each side that are still on time.")] = 7,
) -> Answer:
    """Ask for an examination beside the protocol.

    Example: surveillance plan extra 00417 chest_imaging --on 2027-01-11 --reason "repeat CT in six weeks" --as dr.reed
    """
    patient, plan = job.plan(mrn)
    before = differences.picture(job.work, patient)
    overrides.extra(job.work, plan, overrides.NewExtra(item, target, reason, tolerance))  # noqa: S610 (no Django here)
    found = changes.since(job.work, patient, before)
    compared = [(line.what, line.before, line.after) for line in found.lines]  # each try gives the extra a new id
    said = f"Asked for an extra {item} on {show.day(target)}."
    return Answer([said], {"mrn": mrn} | found.data, found.shown(), compared=compared)


@app.command()
@writing
def no_earlier_scan(job: Job, mrn: Mrn, item: Item, reason: Reason) -> Answer:
    """Confirm that no study of an item exists from before enrolment.

    Example: surveillance plan no-earlier-scan 00417 chest_imaging --reason "asked the referring clinic" --as anna
    """
    patient, plan = job.plan(mrn)
    before = differences.picture(job.work, patient)
    new = overrides.NewOverride(OverrideKind.KNOWN_BLANK, Key(item, None), reason)
    overrides.override(job.work, plan, new)
    return changed(job, patient, before, f"Noted: no earlier {item} exists.")
