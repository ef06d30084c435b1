"""Finding a patient by MRN, name, birth date or phone, quick among 100,000; who fits best comes first.

Names are found by the beginnings of their words, in any order, whatever the case and the accents; where nobody is found
so, by any part: "lind" finds Okafor-Lind.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from surveillance.core.folding import folded
from surveillance.core.people import search as typed
from surveillance.core.people.search import Wanted
from surveillance.operations.registry.phones import read_phone
from surveillance.operations.work import Work
from surveillance.store.registry import search as store
from surveillance.store.tables import Patient, Site

MOST = 50
MONTH_FIRST = frozenset({"US", "PH", "FM", "MH", "PW"})  # countries that write the month before the day


class Why(IntEnum):
    """Why a patient was found; the smaller, the better it fits."""

    MRN = 0
    PHONE = 1
    BORN = 2
    NAME = 3


@dataclass(frozen=True, slots=True)
class Hit:
    patient: Patient
    why: Why


@dataclass(frozen=True, slots=True)
class Found:
    """The best first; ``more``: others fit as well, and what was typed has to be narrowed."""

    hits: Sequence[Hit] = ()
    more: bool = False

    @property
    def patients(self) -> list[Patient]:
        return [hit.patient for hit in self.hits]


def find(work: Work, sites: Sequence[Site], text: str, limit: int = MOST) -> Found:
    """Patients of ``sites`` that fit what was typed; at most ``limit``. Who asks audits the look.

    Browser, command line and API ask here, so that they give the same answers.
    """
    wanted = _read(sites, text)
    if not sites or not wanted.whole:
        return Found()
    found: dict[UUID, Hit] = {}
    for why, patients in _found(work, sites, wanted, limit + 1):
        for patient in patients:
            found.setdefault(patient.id, Hit(patient, why))
    if not found and wanted.words:
        ids = [site.id for site in sites]
        parts = store.by_parts(work.session, ids, wanted.words, wanted.born, limit + 1)
        found = {patient.id: Hit(patient, Why.NAME) for patient in parts}
    ranked = sorted(found.values(), key=lambda hit: (hit.why, *_closeness(hit.patient, wanted)))
    return Found(ranked[:limit], more=len(ranked) > limit)


def matching(work: Work, sites: Sequence[Site], text: str) -> sa.ColumnElement[bool]:
    """What ``find`` asks of a patient, as a condition: to look through something else of those patients."""
    wanted = _read(sites, text)
    here = col(Patient.site_id).in_([site.id for site in sites])
    asked = [store.has_mrn(wanted.whole)]
    if wanted.phone:
        asked.append(store.has_phone(_numbers(sites, wanted)))
    if wanted.born or wanted.words:
        asked.append(store.has_words(wanted.words, wanted.born))
    whoever = sa.and_(here, sa.or_(*asked))
    if wanted.words and work.session.exec(select(col(Patient.id)).where(whoever).limit(1)).first() is None:
        return sa.and_(here, store.has_parts(wanted.words, wanted.born))
    return whoever


def _read(sites: Sequence[Site], text: str) -> Wanted:
    return typed.read(text, month_first=any(site.country in MONTH_FIRST for site in sites))


def _numbers(sites: Sequence[Site], wanted: Wanted) -> list[str]:
    """The phone number that was typed, as each site's country dials it."""
    read = {read_phone(wanted.phone, site.country).e164 for site in sites}
    return sorted(number for number in read if number)


def _found(work: Work, sites: Sequence[Site], wanted: Wanted, limit: int) -> Iterator[tuple[Why, Iterable[Patient]]]:
    session, ids = work.session, [site.id for site in sites]
    yield Why.MRN, store.by_mrn(session, ids, wanted.whole)
    if wanted.phone:
        yield Why.PHONE, store.by_phone(session, ids, _numbers(sites, wanted), limit)
    if wanted.born and not wanted.words:
        yield Why.BORN, store.by_birth(session, ids, wanted.born, limit)
    if wanted.words:
        yield Why.NAME, store.by_words(session, ids, wanted.words, wanted.born, limit)


def _closeness(patient: Patient, wanted: Wanted) -> tuple[int, int, str, str]:
    """Words that are found whole before those that only begin so; then the day that was meant; then by name."""
    whole = {*patient.folded.split(), folded(patient.mrn)}
    begun = sum(word not in whole for word in wanted.words)
    place = wanted.born.index(patient.birth_date) if patient.birth_date in wanted.born else len(wanted.born)
    return begun, place, folded(f"{patient.family_name} {patient.given_name}"), patient.mrn


def standing(work: Work, patients: Sequence[Patient]) -> dict[UUID, str]:
    """Where each patient's follow-up stands, in a word or two."""
    active = store.with_active_plan(work.session, [patient.id for patient in patients])
    return {
        patient.id: "died" if patient.died_on else "in follow-up" if patient.id in active else "no active plan"
        for patient in patients
    }
