"""``surveillance export``: calendars, a table of examinations, FHIR; who took what out is audited first."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from surveillance.cli.context import Answer, Job, Options, run_read, run_write
from surveillance.cli.options import AsUser, AtSite
from surveillance.core.errors import InvalidInputError
from surveillance.operations.exports import files
from surveillance.store.tables import Patient, Site

app = typer.Typer(help="Take data out: calendars, a table of examinations, FHIR.", no_args_is_help=True)

Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file; else to the terminal.")
]
OfPatient = Annotated[
    str | None, typer.Option("--patient", metavar="MRN", help="This patient only; else everyone at the site.")
]
Make = Callable[[Job, Site, Patient | None], bytes]


@app.command()
def ics(
    patient: OfPatient = None,
    full: Annotated[bool, typer.Option("--full", help="Name the examinations; else the entries are neutral.")] = False,
    output: Output = None,
    user: AsUser = None,
    site: AtSite = None,
) -> None:
    """Visits as a calendar file."""

    def make(job: Job, at: Site, of: Patient | None) -> bytes:
        return files.ics(job.work, at, job.app.settings.public_url, of, full=full)

    _export("ics", make, patient, output, Options(user, site))


@app.command("csv")
def table(
    bom: Annotated[bool, typer.Option("--bom", help="Begin with a byte order mark, for Excel.")] = False,
    output: Output = None,
    user: AsUser = None,
    site: AtSite = None,
) -> None:
    """Examinations with their status, one row each; safe to open in a spreadsheet."""

    def make(job: Job, _at: Site, _of: Patient | None) -> bytes:
        return files.csv_text(job.work, job.sites(), bom=bom).encode()

    _export("csv", make, None, output, Options(user, site))


@app.command()
def fhir(patient: OfPatient = None, output: Output = None, user: AsUser = None, site: AtSite = None) -> None:
    """A FHIR R4 Bundle: patients, plans, examinations, visits, studies, messages, protocols."""

    def make(job: Job, at: Site, of: Patient | None) -> bytes:
        return files.fhir(job.work, at, job.app.settings.public_url, of).encode() + b"\n"

    _export("fhir", make, patient, output, Options(user, site))


def _export(form: str, make: Make, mrn: str | None, output: Path | None, options: Options) -> None:
    """Audit who takes the data out, then make it: a long export must not hold the database's write lock."""

    def audit(job: Job) -> Answer:
        patient = job.patient(mrn) if mrn else None
        for site in [job.work.site(patient.site_id)] if patient else _sites(job, form):
            files.audit(job.work, site, form, patient)
        return Answer()

    def look(job: Job) -> Answer:
        patient = job.patient(mrn) if mrn else None
        job.seen.clear()  # audited already, as an export
        site = job.work.site(patient.site_id) if patient else _sites(job, form)[0]
        made = make(job, site, patient)
        if output is None:
            sys.stdout.buffer.write(made)
            sys.stdout.buffer.flush()
            return Answer()
        _write(output, made)
        return Answer([f"{output}: {len(made)} bytes."])

    run_write(audit, options)
    run_read(look, options)


def _sites(job: Job, form: str) -> list[Site]:
    """A table may hold several sites; the other forms are of one."""
    return job.sites() if form == "csv" else [job.site()]


def _write(output: Path, made: bytes) -> None:
    try:
        output.write_bytes(made)
    except OSError as error:
        raise InvalidInputError(f"{output} cannot be written: {error.strerror}") from error
