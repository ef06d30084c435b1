"""Looks into the indexes by which patients are found; each is limited to some sites and to some rows."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import orm
from sqlmodel import Session, col, select

from surveillance.store.tables import Contact, Patient, PatientWord, Plan

Condition = sa.ColumnElement[bool]

LAST = "\U0010ffff"  # no word goes on with it


def by_mrn(session: Session, sites: Sequence[UUID], mrn: str) -> list[Patient]:
    return list(session.exec(select(Patient).where(col(Patient.site_id).in_(sites), has_mrn(mrn))))


def has_mrn(mrn: str) -> Condition:
    """Exactly, or in capitals, as many systems write it."""
    return col(Patient.mrn).in_({mrn, mrn.upper()})


def by_phone(session: Session, sites: Sequence[UUID], numbers: Sequence[str], limit: int) -> list[Patient]:
    statement = select(Patient).where(col(Patient.site_id).in_(sites), has_phone(numbers))
    return list(session.exec(statement.order_by(col(Patient.folded), col(Patient.id)).limit(limit)))


def has_phone(numbers: Sequence[str]) -> Condition:
    """Whoever has the number, or is cared for by somebody who has it."""
    holders = select(col(Contact.patient_id)).where(col(Contact.phone).in_(numbers), col(Contact.removed_at).is_(None))
    return col(Patient.id).in_(holders)


def by_birth(session: Session, sites: Sequence[UUID], days: Sequence[date], limit: int) -> list[Patient]:
    statement = select(Patient).where(col(Patient.birth_date).in_(days), col(Patient.site_id).in_(sites))
    return list(session.exec(statement.order_by(col(Patient.folded), col(Patient.id)).limit(limit)))


def by_words(
    session: Session, sites: Sequence[UUID], words: Sequence[str], born: Sequence[date], limit: int
) -> list[Patient]:
    """Patients of whose words one begins with each of ``words``, born on one of the days if any is given.

    The longest word, which is the rarest, leads; of the others each patient is asked. Whole words come first.
    """
    first, *others = sorted(words, key=len, reverse=True)
    found: list[Patient] = []
    for site_id in sites:
        led = col(PatientWord.site_id) == site_id, *_begins(PatientWord, first)
        statement = select(Patient).join(PatientWord, col(PatientWord.patient_id) == col(Patient.id)).where(*led)
        statement = statement.where(has_words(others, born))
        ordered = statement.order_by(col(PatientWord.word), col(PatientWord.patient_id)).limit(limit)
        found.extend(session.exec(ordered))
    return found


def has_words(words: Sequence[str], born: Sequence[date]) -> Condition:
    """One of the patient's words begins with each of these, and the birth date is one of the days, if any is given."""
    asked = [_has_word(word) for word in words]
    return sa.and_(sa.true(), *asked, *([col(Patient.birth_date).in_(born)] if born else ()))


def _has_word(word: str) -> Condition:
    other = orm.aliased(PatientWord)
    return sa.exists().where(col(other.patient_id) == col(Patient.id), *_begins(other, word)).correlate(Patient)


def by_parts(
    session: Session, sites: Sequence[UUID], words: Sequence[str], born: Sequence[date], limit: int
) -> list[Patient]:
    """As ``by_words``, with each word anywhere in the name: every name of the sites is looked at."""
    statement = select(Patient).where(col(Patient.site_id).in_(sites), has_parts(words, born))
    return list(session.exec(statement.order_by(col(Patient.folded), col(Patient.id)).limit(limit)))


def has_parts(words: Sequence[str], born: Sequence[date]) -> Condition:
    asked = [col(Patient.folded).contains(word, autoescape=True) for word in words]
    return sa.and_(sa.true(), *asked, *([col(Patient.birth_date).in_(born)] if born else ()))


def _begins(table: type[PatientWord], word: str) -> tuple[Condition, ...]:
    return col(table.word) >= word, col(table.word) < word + LAST


def with_active_plan(session: Session, patient_ids: Sequence[UUID]) -> set[UUID]:
    statement = select(col(Plan.patient_id)).where(col(Plan.patient_id).in_(patient_ids), col(Plan.ended_on).is_(None))
    return set(session.exec(statement))
