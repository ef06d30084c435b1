"""What leaves the service as a file: calendars, a table of examinations, FHIR (design section 7).

Making one only reads. Whoever hands it over calls ``audit`` first, in a transaction that is committed: a large file
would else hold the write lock of an SQLite database for as long as it takes.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, TextIO
from uuid import UUID, uuid4

from sqlmodel import col, select

from surveillance.core.errors import ConflictError
from surveillance.core.schedule.status import late, status
from surveillance.core.words import Privacy
from surveillance.operations.calendars import feed_contents
from surveillance.operations.csv_text import BOM, safe
from surveillance.operations.fhir.bundle import bundle
from surveillance.operations.work import Work
from surveillance.store.planning import plans
from surveillance.store.tables import ExaminationRow, Feed, FeedKind, Patient, Plan, PlanTerms, Site, Study
from surveillance.store.visits import studies

COLUMNS = (
    "site", "mrn", "family_name", "given_name", "birth_date", "plan", "protocol", "anchor", "item", "month", "extra",
    "interval", "target", "window_start", "window_end", "status", "late", "booked_on", "performed_on", "accession",
    "reported_on", "reviewed_on", "result",
)  # fmt: skip


def write_csv(work: Work, sites: Sequence[Site], out: TextIO, *, bom: bool = False) -> int:
    """Every examination that is wanted or was done, one row each, by patient; returns how many rows."""
    if bom:
        out.write(BOM)
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    number = 0
    for site in sites:
        for cells in _cells(work, site):
            writer.writerow([safe(cell) for cell in cells])
            number += 1
    return number


def _cells(work: Work, site: Site) -> Iterator[tuple[Any, ...]]:
    today = work.today(site)
    statement = (
        select(ExaminationRow, Patient, Plan, Study)
        .join(Patient, col(Patient.id) == col(ExaminationRow.patient_id))
        .join(Plan, col(Plan.id) == col(ExaminationRow.plan_id))
        .outerjoin(Study, col(Study.id) == col(ExaminationRow.study_id))
        .where(ExaminationRow.site_id == site.id, col(ExaminationRow.withdrawn).is_(False))
        .order_by(col(Patient.mrn), col(Plan.number), col(ExaminationRow.target), col(ExaminationRow.item))
    )
    protocols = _protocols(work, site)
    for row, patient, plan, study in work.session.exec(statement.execution_options(yield_per=500)):
        yield (
            site.code,
            patient.mrn,
            patient.family_name,
            patient.given_name,
            patient.birth_date,
            plan.number,
            protocols.get(plan.id, ""),
            plan.anchor,
            *_examination(row, study, today),
        )


def _examination(row: ExaminationRow, study: Study | None, today: date) -> tuple[Any, ...]:
    examination = plans.examination(row)
    reading = studies.reading(study) if study else None
    known = (
        (study.performed_on, study.accession, study.reported_on, study.reviewed_on, study.result)
        if study
        else (None, None, None, None, None)
    )
    return (
        row.item,
        row.month,
        "yes" if row.extra_id else "",
        row.interval or None,
        row.target,
        row.window_start,
        row.window_end,
        status(examination, today, reading).value,
        "yes" if late(examination, today) else "",
        row.booked_on,
        *known,
    )


def _protocols(work: Work, site: Site) -> dict[UUID, str]:
    """The protocol version of each plan's last terms."""
    statement = (
        select(col(PlanTerms.plan_id), col(PlanTerms.protocol_key))
        .where(PlanTerms.site_id == site.id, col(PlanTerms.retracted_at).is_(None))
        .order_by(col(PlanTerms.recorded_at))
    )
    return dict(work.session.exec(statement).all())


def ics(work: Work, site: Site, public_url: str, patient: Patient | None = None, *, full: bool = False) -> bytes:
    """The visits of a patient, or of a site's patients, as one calendar file.

    The entries have the same UIDs as in the feeds, so a calendar that has both shows each visit once. At the
    neutral level, the default, no examination is named.

    Raises:
        ConflictError: the patient has died.
    """
    if patient is not None and patient.died_on is not None:
        raise ConflictError(f"patient {patient.mrn} died on {patient.died_on}; there is no calendar any more")
    reader = Feed(  # never added to the session: it only says what is to be read
        id=uuid4(),
        site_id=site.id,
        kind=FeedKind.SITE if patient is None else FeedKind.PATIENT,
        secret_hash="",
        patient_id=patient.id if patient else None,
        language=site.languages[0],
        privacy=Privacy.FULL if full else Privacy.NEUTRAL,
        created_at=work.now,
        created_by=work.actor.user_id,
    )
    return feed_contents.rendered(work, feed_contents.outline(work, reader, public_url))


def fhir(work: Work, site: Site, public_url: str, patient: Patient | None = None, indent: int | None = 2) -> str:
    """A FHIR R4 Bundle of a patient, or of all patients of a site, as JSON."""
    people: Iterable[Patient] = (
        [patient]
        if patient is not None
        else work.session.exec(select(Patient).where(Patient.site_id == site.id).order_by(col(Patient.mrn)))
    )
    return str(bundle(work, site, list(people), public_url).model_dump_json(indent=indent))


def audit(work: Work, site: Site, form: str, patient: Patient | None = None) -> None:
    """Who took data out of the service, and in which form."""
    work.audit(f"export.{form}", patient or site, site_id=site.id, patient_id=patient.id if patient else None)


def csv_text(work: Work, sites: Sequence[Site], *, bom: bool = False) -> str:
    out = io.StringIO(newline="")
    write_csv(work, sites, out, bom=bom)
    return out.getvalue()
