"""``surveillance book`` and ``surveillance visit``: one trip for several examinations; move it, cancel it, keep it."""

from datetime import date, time
from typing import Annotated

import typer
from rich.console import RenderableType

from surveillance.cli import words
from surveillance.cli.context import Answer, Job, WrongUseError, confirming, writing
from surveillance.cli.messages import planned as messages_planned
from surveillance.cli.options import Item, Mrn, On, Reason, Visit, Why, clock, examination, iso_day
from surveillance.cli.planning import changes
from surveillance.cli.record import patient_details, plan_details
from surveillance.cli.replies import conversation
from surveillance.core.words import AppointmentState
from surveillance.operations.planning import differences, replanning
from surveillance.operations.registry import sites
from surveillance.operations.visits import booking, outcomes
from surveillance.store.audit.events import picture
from surveillance.store.tables import Appointment, Patient, Place

app = typer.Typer(help="Visits: move, cancel, accept, reopen; what patients say of them.", no_args_is_help=True)
for _command in (conversation.confirm, conversation.wish, conversation.agreed):
    app.command()(_command)

At = Annotated[time, typer.Option("--at", parser=clock, metavar="HH:MM", help="Local time at the place.")]
NewAt = Annotated[time | None, typer.Option("--at", parser=clock, metavar="HH:MM", help="Local time at the place.")]
PlaceName = Annotated[str, typer.Option("--place", help="A place of the site; 'site list' names them.")]
NewPlace = Annotated[str | None, typer.Option("--place", help="Another place of the site.")]
Minutes = Annotated[int, typer.Option(min=5, max=600, help="How long it takes.")]


@confirming
def book(
    job: Job,
    mrn: Mrn,
    on: On,
    at: At,
    place: PlaceName,
    exam: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ITEM@MONTH", help="What to examine; everything that falls to the day without. Repeatable."
        ),
    ] = None,
    minutes: Minutes = 60,
    note: Annotated[str, typer.Option(help="For staff.")] = "",
) -> Answer:
    """Book one trip; MRI and chest imaging normally go together.

    Example: surveillance book 00417 --on 2026-12-01 --at 10:30 --place "MRI 2" --as anna
    """
    patient, plan = job.plan(mrn)
    where = sites.place_named(job.work, job.work.site(patient.site_id), place)
    keys = [examination(job.work, plan, name) for name in exam or ()]
    before = differences.picture(job.work, patient)
    row = booking.book(job.work, patient, booking.Visit(on, at, where, keys, minutes, note))
    return _answer(job, patient, row, before, "Booked")


@app.command()
@confirming
def move(
    job: Job,
    mrn: Mrn,
    visit: Visit,
    on: Annotated[date | None, typer.Option("--on", parser=iso_day, metavar="DATE", help="The new day.")] = None,
    at: NewAt = None,
    place: NewPlace = None,
    reason: Why = "",
) -> Answer:
    """Put a booked visit on another day, time or place; what is not named stays.

    Example: surveillance visit move 00417 2026-12-01 --on 2026-12-03 --at 09:00 --reason "asked by phone" --as anna
    """
    if on is None and at is None and place is None:
        raise WrongUseError("say what changes: --on, --at or --place")
    patient = job.patient(mrn)
    row = booking.visit_named(job.work, patient, visit)
    before = differences.picture(job.work, patient)
    old = patient_details.visit_line(job.work, row)
    new = booking.Visit(on or row.day, at or row.at or time(), _place(job, row, place), (), row.minutes, row.note)
    booking.move(job.work, row, new, reason)
    return _answer(job, patient, row, before, "Moved", f"Was: {old}")


def _place(job: Job, row: Appointment, name: str | None) -> Place:
    if name is None and row.place_id is not None:
        return job.work.session.get_one(Place, row.place_id)
    return sites.place_named(job.work, job.work.site(row.site_id), name or "")


@app.command()
@confirming
def cancel(job: Job, mrn: Mrn, visit: Visit, reason: Reason) -> Answer:
    """Cancel a booked visit; its examinations are to be booked again at once.

    Example: surveillance visit cancel 00417 2026-12-01 --reason "patient is ill" --as anna
    """
    patient = job.patient(mrn)
    row = booking.visit_named(job.work, patient, visit)
    before = differences.picture(job.work, patient)
    booking.cancel(job.work, row, reason)
    return _answer(job, patient, row, before, "Cancelled")


@app.command()
@writing
def accept(
    job: Job,
    mrn: Mrn,
    visit: Visit,
    item: Item,
    reason: Reason,
) -> Answer:
    """Keep a booking although the window moved: the conflict is settled.

    Example: surveillance visit accept 00417 2026-12-01 mri_primary --reason "no earlier slot" --as anna
    """
    patient = job.patient(mrn)
    row = booking.visit_named(job.work, patient, visit)
    booking.accept(job.work, row, item, reason)
    return Answer([f"Kept: {patient_details.visit_line(job.work, row)}."], picture(row))


@app.command()
@confirming
def reopen(
    job: Job,
    mrn: Mrn,
    visit: Visit,
    item: Item,
    reason: Reason,
) -> Answer:
    """Take back "not done" or "did not come" that was recorded wrongly; for "done" use 'retract' on the study.

    Example: surveillance visit reopen 00417 1f2e3d4c mri_primary --reason "wrong patient" --as anna
    """
    patient = job.patient(mrn)
    row = booking.visit_named(job.work, patient, visit)
    before = differences.picture(job.work, patient)
    outcomes.reopen(job.work, row, item, reason)
    replanning.replan_patient(job.work, patient)
    return _answer(job, patient, row, before, "Reopened")


def _answer(
    job: Job, patient: Patient, row: Appointment, before: differences.Picture, done: str, *notes: str
) -> Answer:
    """The visit as it now is, what that changes, and which messages go when."""
    found = changes.since(job.work, patient, before)
    line = patient_details.visit_line(job.work, row)
    planned = messages_planned.of_visit(job.work, patient, row)
    change: list[RenderableType] = [*notes, f"{done}: {line}", *found.shown(), messages_planned.shown(planned)]
    data = picture(row) | {"messages": [message.data for message in planned]} | found.data
    compared = [(entry.name, entry.before, entry.after) for entry in found.lines]
    said = f"{done}; the visit is {words.short(row.id)}."
    return Answer([said], data, change, _outside(job, row), compared=compared)


def _outside(job: Job, row: Appointment) -> list[str]:
    """What is booked before or after its window: allowed, but nobody should do it unawares."""
    if row.state is not AppointmentState.BOOKED:
        return []
    booked = plan_details.examinations_of(job.work, row)
    return [
        f"{words.name(each)} is on time from {each.window_start} to {each.window_end}, not on {row.day}"
        for each in booked
        if not each.window_start <= row.day <= each.window_end
    ]
