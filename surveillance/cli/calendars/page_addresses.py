"""``surveillance patient page``: addresses of a patient's own page."""

from typing import Annotated

import typer

from surveillance.cli import show
from surveillance.cli.context import Answer, Job, WrongUseError, reading, writing
from surveillance.cli.options import Mrn
from surveillance.operations.calendars import page_addresses
from surveillance.operations.care import corrections
from surveillance.operations.patient_page import page as patient_page
from surveillance.store.registry import patients
from surveillance.store.tables import Contact, Patient, PatientPage

app = typer.Typer(no_args_is_help=True, help="The patient's own page: make, list and close its addresses.")

Number = Annotated[
    int | None, typer.Option("--contact", help="For which contact, by the number in 'patient show'; the first without.")
]
Language = Annotated[str | None, typer.Option(help="Language of the page; the contact's own if it is left out.")]
Why = Annotated[str, typer.Option("--reason", help="Why, such as 'telephone lost'.")]
PageName = Annotated[str, typer.Argument(metavar="[ID]", help="The first digits of the address's id.")]
Every = Annotated[bool, typer.Option("--all", help="Every address of the patient.")]


@app.command()
@writing
def create(job: Job, mrn: Mrn, number: Number = None, language: Language = None) -> Answer:
    """Make an address and show it once.

    Example: surveillance patient page create 00417 --as anna
    """
    patient = job.patient(mrn)
    contact = _contact(job, patient, number)
    at = job.work.site(patient.site_id)
    wanted = language or (contact.language if contact else None) or at.languages[0]
    spoken = patient_page.choose(job.work, at, wanted).language
    row, secret = page_addresses.new_page(job.work, patient, contact, spoken)
    # An address that was tried and taken back leads nowhere, so a dry run shows none.
    link = "" if job.options.dry_run else page_addresses.address(job.app.settings.public_url, secret)
    until = show.moment(row.expires_at, at.time_zone)
    said = [f"Address {_short(row)} of the page of patient {patient.mrn}, in {spoken}, until {until}."]
    if link:
        said += ["Hand it over like a key. It is shown only now.", f"  {link}"]
    return Answer(said, data=_data(row, patient) | {"address": link})


@app.command("list")
@reading
def list_pages(job: Job, mrn: Mrn) -> Answer:
    """Every address, for whom and until when, with the wrong birth dates that were given.

    Example: surveillance patient page list 00417
    """
    patient = job.patient(mrn)
    zone = job.work.site(patient.site_id).time_zone
    table = show.table("Addresses of the patient's page", "ID", "For", "Language", "Made", "Until", "Wrong", "State")
    rows = page_addresses.of_patient(job.work.session, patient.id)
    for row in rows:
        made, until = show.moment(row.created_at, zone), show.moment(row.expires_at, zone)
        show.add(table, _short(row), _whose(job, row), row.language, made, until, row.tries, _state(job, row))
    data = [_data(row, patient) | {"state": _state(job, row)} for row in rows]
    return Answer([show.section(table, "none yet")], data=data)


@app.command()
@writing
def revoke(job: Job, mrn: Mrn, page: PageName = "", every: Every = False, reason: Why = "") -> Answer:
    """Close one address for good, or all: whoever opens it sees nothing.

    Example: surveillance patient page revoke 00417 --all --reason "telephone lost" --as anna
    """
    if bool(page) == every:
        raise WrongUseError("say which address: its ID, or --all")
    patient = job.patient(mrn)
    if every:
        count = page_addresses.revoke_all(job.work, patient, reason)
        return Answer([f"{count} address{'' if count == 1 else 'es'} closed."], data={"closed": count})
    row = page_addresses.page_named(job.work.session, patient, page)
    page_addresses.revoke(job.work, row, reason)
    return Answer([f"Address {_short(row)} is closed."], data=_data(row, patient))


def _contact(job: Job, patient: Patient, number: int | None) -> Contact | None:
    """The contact of a number, else the first one; None where there is nobody to write to."""
    if number is not None:
        return corrections.contact_named(job.work, patient, number)
    return next(iter(patients.contacts(job.work.session, patient.id)), None)


def _state(job: Job, row: PatientPage) -> str:
    state = page_addresses.state(job.work.session, row, job.work.now)
    return "locked" if state is page_addresses.State.OPEN and row.locked_at else str(state)


def _whose(job: Job, row: PatientPage) -> str:
    contact = job.work.session.get(Contact, row.contact_id) if row.contact_id else None
    return f"contact {contact.priority}" if contact else "nobody"


def _data(row: PatientPage, patient: Patient) -> dict[str, object]:
    return {
        "id": row.id,
        "mrn": patient.mrn,
        "contact_id": row.contact_id,
        "language": row.language,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "tries": row.tries,
        "locked_at": row.locked_at,
    }


def _short(row: PatientPage) -> str:
    return row.id.hex[:8]
