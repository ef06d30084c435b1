"""Who is being entered may be here already: the likeliest patients of one's sites, with why they come to mind."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from uuid import UUID

from sqlmodel import col, select

from surveillance.core import plain
from surveillance.core.folding import folded
from surveillance.core.people import likeness
from surveillance.operations.work import Work
from surveillance.store.tables import Contact, Patient

SHOWN: Final = 5
_BORN_THAT_DAY: Final = 500  # some registries write 1 January where nobody knows the day


@dataclass(frozen=True, slots=True)
class Entered:
    """What is known so far of somebody who is being entered; empty where nothing is typed yet.

    ``phones`` as E.164. ``but`` is the patient who is edited, and no duplicate of themselves.
    """

    mrn: str = ""
    given_name: str = ""
    family_name: str = ""
    birth_date: date | None = None
    phones: Sequence[str] = ()
    but: UUID | None = None


@dataclass(slots=True)
class Likely:
    """A patient who may be the same person; ``why`` in words, ``weight`` the more the likelier."""

    patient: Patient
    site: str
    weight: float = 0.0
    why: list[str] = field(default_factory=list)


def likely(work: Work, site_ids: Iterable[UUID], entered: Entered) -> list[Likely]:
    """Patients of these sites who may be the one that is entered, the likeliest first; a look at indexes only."""
    sites = list(site_ids)
    found: dict[UUID, Likely] = {}
    for patient, weight, why in (
        *_by_mrn(work, sites, entered),
        *_by_birth(work, sites, entered),
        *_by_name(work, sites, entered),
        *_by_phone(work, sites, entered),
    ):
        if patient.id == entered.but:
            continue
        there = found.setdefault(patient.id, Likely(patient, work.site(patient.site_id).code))
        there.weight += weight
        there.why.append(why)
    ranked = sorted(found.values(), key=lambda one: (-one.weight, one.patient.folded, one.patient.mrn))
    return ranked[:SHOWN]


Found = list[tuple[Patient, float, str]]


def _by_mrn(work: Work, sites: Sequence[UUID], entered: Entered) -> Found:
    if not entered.mrn.strip():
        return []
    statement = select(Patient).where(col(Patient.site_id).in_(sites), Patient.mrn == entered.mrn.strip())
    return [
        (patient, 2.0, f"same MRN at {work.site(patient.site_id).code}") for patient in work.session.exec(statement)
    ]


def _by_birth(work: Work, sites: Sequence[UUID], entered: Entered) -> Found:
    """Born on the same day, with a name that resembles."""
    name = folded(entered.given_name, entered.family_name)
    if entered.birth_date is None or not name:
        return []
    born = select(col(Patient.id), col(Patient.folded)).where(
        col(Patient.site_id).in_(sites), Patient.birth_date == entered.birth_date
    )
    alike = {
        patient_id: degree
        for patient_id, other in work.session.exec(born.limit(_BORN_THAT_DAY))
        if (degree := likeness.of_names(name, other)) >= likeness.SIMILAR
    }
    rows = work.session.exec(select(Patient).where(col(Patient.id).in_(alike))) if alike else ()
    return [(row, 1.0 + alike[row.id], f"same birth date, {_degree(alike[row.id])} name") for row in rows]


def _degree(degree: float) -> str:
    return "same" if degree >= likeness.SAME else "similar"


def _by_name(work: Work, sites: Sequence[UUID], entered: Entered) -> Found:
    """The very same name with a birth date that may be mistyped."""
    name, born = folded(entered.given_name, entered.family_name), entered.birth_date
    if born is None or not entered.given_name.strip() or not entered.family_name.strip():
        return []
    rows = work.session.exec(select(Patient).where(col(Patient.site_id).in_(sites), Patient.folded == name))
    mistyped = (row for row in rows if row.birth_date != born and likeness.of_days(born, row.birth_date))
    return [(row, 1.2, "same name, birth date nearly the same") for row in mistyped]


def _by_phone(work: Work, sites: Sequence[UUID], entered: Entered) -> Found:
    """A family shares a phone, so this alone says least."""
    phones = [phone for phone in entered.phones if phone]
    if not phones:
        return []
    statement = (
        select(Patient, Contact)
        .join(Contact, col(Contact.patient_id) == col(Patient.id))
        .where(col(Contact.phone).in_(phones), col(Contact.removed_at).is_(None), col(Patient.site_id).in_(sites))
    )
    rows = work.session.exec(statement.order_by(col(Contact.priority)).limit(SHOWN * 4)).all()
    holders = {patient.id: (patient, contact) for patient, contact in reversed(rows)}
    return [(patient, 0.8, f"same phone ({plain.CONTACT[contact.kind]}'s)") for patient, contact in holders.values()]
