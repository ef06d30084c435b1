"""People who may be on record twice: the same name and birth date under another medical record number."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.folding import folded
from surveillance.operations.imports.compare import batches
from surveillance.operations.imports.rows import ImportedPatient
from surveillance.operations.work import Work
from surveillance.store.tables import Patient, Site

_Who = tuple[str, date]


@dataclass(frozen=True, slots=True)
class Namesake:
    """A row of the file, and the same name and birth date elsewhere: on record (``patient_id``) or further up."""

    row: ImportedPatient
    mrn: str
    patient_id: UUID | None = None


def namesakes(work: Work, site: Site, rows: Sequence[ImportedPatient]) -> list[Namesake]:
    """New patients of a file who look like somebody else of the site, or of the file, in the order of the file."""
    registered = _registered(work, site, {row.values["birth_date"] for row in rows})
    above: dict[_Who, str] = {}
    found = []
    for row in rows:
        who = (folded(row.values["given_name"], row.values["family_name"]), row.values["birth_date"])
        if who in registered:
            patient_id, mrn = registered[who]
            found.append(Namesake(row, mrn, patient_id))
        elif who in above:
            found.append(Namesake(row, above[who]))
        above.setdefault(who, row.mrn)
    return found


def _registered(work: Work, site: Site, born: Iterable[date]) -> dict[_Who, tuple[UUID, str]]:
    columns = (col(Patient.folded), col(Patient.birth_date), col(Patient.id), col(Patient.mrn))
    found: dict[_Who, tuple[UUID, str]] = {}
    for some in batches(sorted(born)):
        statement = select(*columns).where(Patient.site_id == site.id, col(Patient.birth_date).in_(some))
        found.update(((name, day), (patient_id, mrn)) for name, day, patient_id, mrn in work.session.exec(statement))
    return found
