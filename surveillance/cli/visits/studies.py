"""``surveillance record`` and ``study rule``: what was done, and what it counts for; its result is in ``results``."""

from functools import partial
from typing import Annotated

import typer
from rich.console import RenderableType

from surveillance.cli import show, words
from surveillance.cli.context import Answer, Job, WrongUseError, confirming
from surveillance.cli.options import Item, Mrn, OnDay, Reason, StudyName, pair
from surveillance.cli.planning import changes
from surveillance.core.words import Outcome, ReportStatus
from surveillance.operations.planning import differences
from surveillance.operations.visits import booking, outcomes, results
from surveillance.operations.visits.outcomes import OutcomeOf
from surveillance.store.audit.events import picture
from surveillance.store.tables import Appointment, Patient, Study
from surveillance.store.visits import appointments
from surveillance.store.visits import studies as store

app = typer.Typer(help="Studies: report, review, what follows, telling the patient.", no_args_is_help=True)


@confirming
def record(
    job: Job,
    mrn: Mrn,
    visit: Annotated[str | None, typer.Argument(help="The visit's day or id; none with --study.")] = None,
    done: Annotated[list[str] | None, typer.Option(metavar="ITEM[=ACCESSION]", help="It was done. Repeatable.")] = None,
    not_done: Annotated[
        list[str] | None, typer.Option(metavar='ITEM="WHY"', help="It was not done, and why. Repeatable.")
    ] = None,
    noshow: Annotated[bool, typer.Option("--noshow", help="The patient did not come.")] = False,
    study: Annotated[
        list[str] | None, typer.Option(metavar="ITEM", help="A study without a visit. Repeatable.")
    ] = None,
    on: OnDay = None,
    accession: Annotated[str | None, typer.Option(help="Accession number, with --study.")] = None,
    modality: Annotated[str, typer.Option(help="DICOM modality; the protocol's first without.")] = "",
    region: Annotated[str, typer.Option(help="Region of the body, as the scanner names it.")] = "",
    ruling: Annotated[str, typer.Option(help="A clinician's reason why it counts although it does not fit.")] = "",
    note: Annotated[str, typer.Option(help="About the study or the no-show.")] = "",
) -> Answer:
    """Record what became of each examination of a visit, or a study that was done without one.

    Example: surveillance record 00417 2026-12-01 --done mri_primary=A1001 --not-done chest_imaging="scanner broken"
    --as anna

    Example: surveillance record 00417 --study chest_imaging --on 2026-11-20 --accession B77 --modality CR --as anna
    """
    if bool(study) is bool(visit):
        raise WrongUseError("give a visit, or --study ITEM for a study without one")
    patient = job.patient(mrn)
    before = differences.picture(job.work, patient)
    if study:
        if done or not_done or noshow:
            raise WrongUseError("--done, --not-done and --noshow belong to a visit")
        day = on or job.today(patient)
        new = results.NewStudy(study, day, modality, region, accession, note=note, ruling=ruling)
        made = [results.add_study(job.work, patient, new)]
        return _recorded(job, patient, before, made, [])
    row = booking.visit_named(job.work, patient, visit or "")
    lines = _noshow(job, row, note) if noshow else []
    fit = partial(OutcomeOf, performed_on=on, modality=modality, body_region=region, ruling=ruling)
    lines += [fit(*_done(text)) for text in done or ()]
    lines += [OutcomeOf(item, Outcome.NOT_DONE, why) for item, why in map(pair, not_done or ())]
    if not lines:
        raise WrongUseError("say what became of it: --done ITEM, --not-done ITEM=WHY or --noshow")
    if noshow and (done or not_done):
        raise WrongUseError("--noshow is about the whole visit; name each item with --done or --not-done instead")
    made = outcomes.record(job.work, row, lines)
    visit_now = f"Visit of {show.day(row.day)}: {words.VISIT[row.state]}."
    return _recorded(job, patient, before, made, [visit_now])


def _done(text: str) -> tuple[str, Outcome, str, str | None]:
    item, number = pair(text)
    return item, Outcome.PERFORMED, "", number or None


def _noshow(job: Job, row: Appointment, note: str) -> list[OutcomeOf]:
    lines = appointments.lines(job.work.session, row.id)
    return [OutcomeOf(line.item, Outcome.NOSHOW, note) for line in lines if line.outcome is None]


def _recorded(job: Job, patient: Patient, before: differences.Picture, made: list[Study], notes: list[str]) -> Answer:
    found = changes.since(job.work, patient, before)
    said = [f"Study {words.short(row.id)}: {line(job, row)}" for row in made] or ["Recorded."]
    change: list[RenderableType] = [*notes, *(line(job, row) for row in made), *found.shown()]
    known = {"studies": [data(job, row) for row in made]} | found.data
    return Answer(said, known, change, compared=[(line.name, line.before, line.after) for line in found.lines])


def line(job: Job, row: Study) -> str:
    """A study in one line: what, when, its number, and how far it has come."""
    items = show.joined(sorted(store.items(job.work.session, row.id)))
    number = f", accession {row.accession}" if row.accession else ""
    reported = words.REPORT[row.report_status] if row.report_status not in (None, ReportStatus.FINAL) else ""
    facts = [("reported", row.reported_on), ("reviewed", row.reviewed_on), ("told", row.told_on)]
    known = "".join(f", {word} {show.day(day)}" for word, day in facts if day)
    result = f", {words.RESULT[row.result]}" if row.result else ""
    result += f", {reported} report" if reported else ""
    result += f", to review since {show.day(row.to_review_since)}" if row.to_review_since and row.reviewed_on else ""
    result += f", to repeat by {show.day(row.repeat_by)}" if row.repeat_by else ""
    return f"{items} ({row.modality}) done {show.day(row.performed_on)}{number}{known}{result}"


def data(job: Job, row: Study) -> dict[str, object]:
    return picture(row) | {"items": sorted(store.items(job.work.session, row.id))}


@app.command()
@confirming
def rule(
    job: Job,
    mrn: Mrn,
    study: StudyName,
    item: Item,
    reason: Reason,
    counts: Annotated[bool | None, typer.Option("--counts/--extra", help="For its slot, or beside the plan.")] = None,
) -> Answer:
    """Say whether a study that came early counts for its slot or is extra evidence.

    Example: surveillance study rule 00417 A1001 mri_primary --counts --reason "same question" --as dr.reed
    """
    if counts is None:
        raise WrongUseError("say --counts or --extra")
    patient = job.patient(mrn)
    row = results.study_named(job.work, patient, study)
    before = differences.picture(job.work, patient)
    results.rule_on(job.work, patient, row, item, counts=counts, reason=reason)
    found = changes.since(job.work, patient, before)
    said = f"The {item} of {show.day(row.performed_on)} {'counts' if counts else 'is extra evidence'}."
    return Answer([said], data(job, row) | found.data, found.shown(), compared=found.data)
