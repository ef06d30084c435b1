"""The visits of a site between two days, as its calendar shows them: few columns, some of each day, and the counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from surveillance.core.words import AppointmentState, Source
from surveillance.store.tables import Appointment, Membership, Patient, PlanTerms, User

_NEEDS = ("mri_unsafe", "contrast_allergy", "interpreter", "sedation", "claustrophobia")


@dataclass(frozen=True, slots=True)
class Filter:
    """What of a site's visits is wanted; None: any place, any owner."""

    site_id: UUID
    first: date
    last: date
    states: tuple[AppointmentState, ...]
    place_id: UUID | None = None
    owner_id: UUID | None = None


class Entry(NamedTuple):
    """A visit with its patient."""

    id: UUID
    patient_id: UUID
    plan_id: UUID
    state: AppointmentState
    day: date
    at: time | None
    zone: str
    minutes: int
    place_id: UUID | None
    outside: bool
    note: str
    confirmed_at: datetime | None
    confirmed_how: Source | None
    mrn: str
    family_name: str
    given_name: str
    birth_date: date
    owner_id: UUID | None
    mri_unsafe: bool
    contrast_allergy: bool
    interpreter: bool
    sedation: bool
    claustrophobia: bool

    @property
    def needs(self) -> list[str]:
        """The names of the patient's flags that are set."""
        return [name for name in _NEEDS if getattr(self, name)]


_OF_VISIT = frozenset(Entry._fields[: Entry._fields.index("mrn")])


def counts(session: Session, wanted: Filter) -> dict[date, dict[AppointmentState, int]]:
    """How many visits each day has, by their state: one query on the index of site and day."""
    number = sa.func.count()
    statement = sa.select(col(Appointment.day), col(Appointment.state), number).where(*_which(wanted))
    found: dict[date, dict[AppointmentState, int]] = {}
    for day, state, count in session.connection().execute(
        statement.group_by(col(Appointment.day), col(Appointment.state))
    ):
        found.setdefault(day, {})[AppointmentState(state)] = count
    return found


def entries(session: Session, wanted: Filter, of_a_day: int) -> list[Entry]:
    """The first ``of_a_day`` visits of each day, by time; those without a time come last."""
    order = (col(Appointment.at).is_(None), col(Appointment.at), col(Appointment.id))
    place = sa.func.row_number().over(partition_by=col(Appointment.day), order_by=order).label("place")
    ranked = sa.select(col(Appointment.id), place).where(*_which(wanted)).subquery()
    columns = [col(getattr(Appointment if name in _OF_VISIT else Patient, name)) for name in Entry._fields]
    statement = (
        sa.select(*columns)
        .join(ranked, ranked.c.id == col(Appointment.id))
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .where(ranked.c.place <= of_a_day)
        .order_by(col(Appointment.day), *order)
    )
    return [Entry(*row) for row in session.connection().execute(statement)]


def _which(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    which = [
        col(Appointment.site_id) == wanted.site_id,
        col(Appointment.day) >= wanted.first,
        col(Appointment.day) <= wanted.last,
        col(Appointment.state).in_(wanted.states),
    ]
    if wanted.place_id is not None:
        which.append(col(Appointment.place_id) == wanted.place_id)
    if wanted.owner_id is not None:
        mine = sa.select(col(Patient.id)).where(
            col(Patient.site_id) == wanted.site_id, col(Patient.owner_id) == wanted.owner_id
        )
        which.append(col(Appointment.patient_id).in_(mine))
    return which


def protocols(session: Session, plan_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The protocol version that each plan follows now."""
    statement = (
        select(col(PlanTerms.plan_id), col(PlanTerms.protocol_key))
        .where(col(PlanTerms.plan_id).in_(set(plan_ids)), col(PlanTerms.retracted_at).is_(None))
        .order_by(col(PlanTerms.since).is_not(None), col(PlanTerms.since), col(PlanTerms.recorded_at))
    )
    return dict(session.exec(statement).all())


def owners(session: Session, site_id: UUID) -> list[tuple[UUID, str]]:
    """Who looks after patients at a site, by name."""
    statement = (
        select(col(User.id), col(User.name))
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(Membership.site_id == site_id, col(User.disabled_at).is_(None))
    )
    return sorted(session.exec(statement).all(), key=lambda row: row[1])
