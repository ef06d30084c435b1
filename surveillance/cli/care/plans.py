"""``surveillance enrol`` and ``surveillance plan``: give a patient a plan, look at it, change its terms."""

from datetime import date
from typing import Annotated

import typer
from rich.console import RenderableType

from surveillance.cli import show
from surveillance.cli.context import Answer, Job, confirming, reading
from surveillance.cli.options import (
    BaselineChoices,
    BaselineReason,
    From,
    Intervals,
    Mrn,
    Reason,
    Studies,
    Until,
    Why,
    baselines,
    choices,
    iso_day,
    studies,
)
from surveillance.cli.planning import changes
from surveillance.cli.record import patient_details, plan_details
from surveillance.core.errors import NotFoundError
from surveillance.core.schedule.departures import of_terms
from surveillance.operations.care import enrolment, returning
from surveillance.operations.planning import differences, plan_record
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.planning import plans as store
from surveillance.store.tables import Appointment, Patient, Plan

app = typer.Typer(help="Plans: show, change, hold, resume, end, restart.", no_args_is_help=True)

Anchor = Annotated[
    date,
    typer.Option(
        parser=iso_day, metavar="DATE", help="The day from which the protocol counts; 'protocol show' names it."
    ),
]
ProtocolName = Annotated[str, typer.Option("--protocol", metavar="ID", help="A protocol's id, or id@version.")]
EnrolledOn = Annotated[
    date | None, typer.Option("--on", parser=iso_day, metavar="DATE", help="Day of enrolment; today without.")
]


@confirming
def enrol(
    job: Job,
    mrn: Mrn,
    protocol: ProtocolName,
    anchor: Anchor,
    interval: Intervals = None,
    until: Until = None,
    study: Studies = None,
    on: EnrolledOn = None,
    reason: Why = "",
) -> Answer:
    """Give a patient a plan, with what was examined before.

    Example: surveillance enrol 00417 --protocol asps-extremity --anchor 2026-06-30 --interval mri_primary=4
    --study mri_primary+chest_imaging=2026-10-28 --as anna
    """
    patient = job.patient(mrn)
    before = differences.picture(job.work, patient)
    new = enrolment.Enrolment(protocol, anchor, choices(interval, until), studies(study), on, reason)
    plan = enrolment.enrol(job.work, patient, new)
    found = changes.since(job.work, patient, before)
    change = [*_headline(job.work, patient, plan), *found.shown()]
    return Answer([f"Enrolled {mrn}."], _data(job.work, plan, found), change, compared=found.data)


def _headline(work: Work, patient: Patient, plan: Plan) -> list[RenderableType]:
    trips = plan_record.spelled_years(plan_record.years(work, plan))
    protocol = work.protocol(store.terms_in_force(work.session, plan.id)[-1].protocol_key)
    name = f"{patient.given_name} {patient.family_name}, MRN {patient.mrn}"
    first = f"{name}: {protocol.key} from {show.day(plan.anchor)}, the {protocol.counts_from}."
    return [first, f"Trips a year: {trips}.", *_departures(work, plan)]


def _departures(work: Work, plan: Plan) -> list[RenderableType]:
    """Where the newest terms of a plan depart from the protocol's own schedule, item by item."""
    last = store.terms_in_force(work.session, plan.id)[-1]
    found = of_terms(work.protocol(last.protocol_key), plan.anchor, last.intervals, last.since)
    return [f"{each.said}." for each in found]


def _data(work: Work, plan: Plan, found: changes.Difference) -> dict[str, object]:
    return picture(plan) | {"trips_a_year": plan_record.years(work, plan)} | found.data


OffUntil = Annotated[
    date | None,
    typer.Option(parser=iso_day, metavar="DATE", help="When what is off is looked at again; a clinician's word."),
]


@app.command("show")
@reading
def show_plan(
    job: Job,
    mrn: Mrn,
    every: Annotated[bool, typer.Option("--all", help="Earlier plans as well.")] = False,
) -> Answer:
    """A patient's plan: protocol, intervals, trips a year, items, examinations, holds.

    Example: surveillance plan show 00417
    """
    patient = job.patient(mrn)
    found = store.all_plans(job.work.session, patient.id)
    if not found:
        raise NotFoundError(f"patient {mrn} has no plan; 'enrol {mrn}' gives one")
    parts: list[RenderableType] = []
    data = []
    for plan in found if every else found[:1]:
        page = plan_details.gather(job.work, plan)
        title = f"{patient.given_name} {patient.family_name}, MRN {mrn}: plan {plan.number}"
        parts += [show.heading(title), *page.parts]
        data.append(page.data)
    return Answer(parts, data if every else data[0])


@app.command("interval")
@confirming
def change_interval(
    job: Job,
    mrn: Mrn,
    since: From,
    reason: Reason,
    interval: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ITEM=MONTHS…", help="The new interval; ITEM.PHASE=MONTHS in a phase with a name; ITEM=off ends it."
        ),
    ] = None,
    until: Until = None,
    off_until: OffUntil = None,
    baseline: BaselineChoices = None,
    baseline_reason: BaselineReason = "",
) -> Answer:
    """Change intervals from a day on; what lies before is never cut again.

    An item that is added asks for its baseline. The longest time without imaging is shown, before and after; where it
    goes over the protocol's longest interval and its tolerance, a clinician decides.

    Example: surveillance plan interval 00417 mri_primary=6 --from 2027-06-30 --reason "TOSS" --as dr.reed
    """
    chosen = choices(interval, until)
    if not chosen:
        raise typer.BadParameter("say what changes, such as mri_primary=6", param_hint="ITEM=MONTHS…")
    first = baselines(baseline, baseline_reason)
    return _terms(job, mrn, enrolment.NewTerms(since, reason, None, chosen, off_until, first))


@app.command("protocol")
@confirming
def change_protocol(
    job: Job,
    mrn: Mrn,
    protocol: Annotated[str, typer.Argument(metavar="ID", help="A protocol's id, or id@version.")],
    since: From,
    reason: Reason,
    interval: Intervals = None,
    until: Until = None,
    off_until: OffUntil = None,
    baseline: BaselineChoices = None,
    baseline_reason: BaselineReason = "",
) -> Answer:
    """Go on by another protocol or version from a day on.

    Example: surveillance plan protocol 00417 nccn-sts-high --from 2027-01-01 --reason "second opinion" --as dr.reed
    """
    first = baselines(baseline, baseline_reason)
    return _terms(job, mrn, enrolment.NewTerms(since, reason, protocol, choices(interval, until), off_until, first))


def _terms(job: Job, mrn: str, new: enrolment.NewTerms) -> Answer:
    patient, plan = job.plan(mrn)
    before = differences.picture(job.work, patient)
    enrolment.change_terms(job.work, plan, new)
    found = changes.since(job.work, patient, before)
    data = {"mrn": patient.mrn} | found.data
    change = [*_departures(job.work, plan), *found.shown()]
    return Answer([f"Changed from {show.day(new.since)} on."], data, change, compared=found.data)


@app.command("anchor")
@confirming
def correct_anchor(
    job: Job,
    mrn: Mrn,
    day: Annotated[
        date, typer.Argument(parser=iso_day, metavar="DATE", help="The right day from which the plan counts.")
    ],
    reason: Reason,
) -> Answer:
    """Correct an anchor that was recorded wrongly; a new treatment is 'plan restart' instead.

    Example: surveillance plan anchor 00417 2026-07-20 --reason "radiotherapy ended later" --as anna
    """
    patient, plan = job.plan(mrn)
    before = differences.picture(job.work, patient)
    enrolment.correct_anchor(job.work, plan, day, reason)
    return changed(job, patient, before, f"The anchor is {show.day(day)}.")


@app.command()
@confirming
def restart(
    job: Job,
    mrn: Mrn,
    protocol: ProtocolName,
    anchor: Anchor,
    reason: Reason,
    interval: Intervals = None,
    until: Until = None,
    study: Studies = None,
) -> Answer:
    """Start over at month 0 from a new anchor, after a recurrence was treated; the old plan stays as history.

    Example: surveillance plan restart 00417 --protocol asps-extremity --anchor 2027-02-01 --reason "re-resection"
    --as anna
    """
    patient = job.patient(mrn)
    before = differences.picture(job.work, patient)
    new = enrolment.Enrolment(protocol, anchor, choices(interval, until), studies(study), None, reason)
    booked = [plan for plan in store.all_plans(job.work.session, patient.id) if plan.ended_on is None]
    visits = [row for plan in booked for row in _booked(job.work, plan)]
    plan = enrolment.restart(job.work, patient, new)
    found = changes.since(job.work, patient, before)
    released = [f"Release the slot: {line}" for line in visits]
    change = [*_headline(job.work, patient, plan), *found.shown(), *released]
    return Answer(
        [f"Restarted {mrn} as plan {plan.number}."], _data(job.work, plan, found), change, compared=found.data
    )


@app.command("return")
@confirming
def come_back(
    job: Job,
    mrn: Mrn,
    reason: Reason,
    on: Annotated[
        date | None, typer.Option("--on", parser=iso_day, metavar="DATE", help="Since when; today without.")
    ] = None,
    study: Studies = None,
    protocol: Annotated[
        str | None, typer.Option("--protocol", metavar="ID", help="Another protocol than before the patient left.")
    ] = None,
    off_until: OffUntil = None,
) -> Answer:
    """Take back a patient who was followed elsewhere: the days count from the same anchor as before.

    Example: surveillance plan return 00417 --reason "moved back" --study mri_primary+chest_imaging=2026-09-14 --as anna
    """
    patient = job.patient(mrn)
    before = differences.picture(job.work, patient)
    new = returning.Return(reason, on, studies(study), protocol, None, off_until)
    plan = returning.come_back(job.work, patient, new)
    found = changes.since(job.work, patient, before)
    change = [*_headline(job.work, patient, plan), *found.shown()]
    said = f"{mrn} is followed here again, as plan {plan.number}."
    return Answer([said], _data(job.work, plan, found), change, compared=found.data)


def _booked(work: Work, plan: Plan) -> list[str]:
    rows: list[Appointment] = plan_details.booked(work, plan)
    today = work.today(work.site(plan.site_id))
    return [patient_details.visit_line(work, row) for row in rows if row.day >= today]


def changed(job: Job, patient: Patient, before: differences.Picture, said: str) -> Answer:
    """The answer of a command that changed a plan: its difference, first shown and then compared."""
    found = changes.since(job.work, patient, before)
    return Answer([said], {"mrn": patient.mrn} | found.data, found.shown(), compared=found.data)
