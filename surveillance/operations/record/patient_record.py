"""Everything about one patient as it stands today: what a page shows, gathered in a number of queries that does not
grow with the years of follow-up."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlmodel import col, select

from surveillance.core import plain
from surveillance.core.drawings.timeline import spelled
from surveillance.core.words import AppointmentState, Outcome
from surveillance.operations.board import worklist
from surveillance.operations.board.worklist import Filter, WorklistRow
from surveillance.operations.calendars import page_addresses
from surveillance.operations.messages.patient_context import zone_of
from surveillance.operations.planning import plan_record
from surveillance.operations.planning.plan_record import Evidence, PlanRecord
from surveillance.operations.record import conversation
from surveillance.operations.record.conversation import Conversation
from surveillance.operations.registry import reachability
from surveillance.operations.registry.reachability import ContactReach
from surveillance.operations.work import Work
from surveillance.store.board import worklist as board
from surveillance.store.calendars import feeds as feed_store
from surveillance.store.planning import plans
from surveillance.store.registry import patients
from surveillance.store.tables import (
    Appointment,
    AppointmentItem,
    Death,
    Feed,
    Patient,
    PatientPage,
    RescheduleRequest,
    Site,
    StudyItem,
    User,
)
from surveillance.store.visits import appointments
from surveillance.store.visits import studies as study_store

FLAGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mri_unsafe": "MRI UNSAFE",
        "contrast_allergy": "contrast allergy",
        "interpreter": "needs an interpreter",
        "sedation": "needs sedation",
        "claustrophobia": "claustrophobia",
    }
)
LOW_EGFR: Final = 30  # mL/min/1.73 m²: a flag for the order, never a reason to cancel (facts: clinical)


@dataclass(frozen=True, slots=True)
class VisitRecord:
    """A visit with what it covers and where."""

    row: Appointment
    lines: Sequence[AppointmentItem]
    place: str

    @property
    def open_lines(self) -> list[AppointmentItem]:
        return [line for line in self.lines if line.outcome is None]

    @property
    def booked(self) -> bool:
        return self.row.state is AppointmentState.BOOKED

    @property
    def when(self) -> str:
        """``1 Dec 2026, 10:30, Riverside Imaging``, local at the place."""
        parts = [spelled(self.row.day), f"{self.row.at:%H:%M}" if self.row.at else "", self.place]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """A patient on ``today``, the site's day. ``plans`` the newest first; ``steps`` the board's rows, by weight.

    ``pages`` are the addresses of the patient's own page that are in use, the newest first.
    """

    patient: Patient
    site: Site
    today: date
    zone: str
    age: int
    flags: Sequence[str]
    owner: str
    reaches: Sequence[ContactReach]
    steps: Sequence[WorklistRow]
    plans: Sequence[PlanRecord]
    visits: Sequence[VisitRecord]
    studies: Sequence[Evidence]
    feeds: Sequence[Feed]
    pages: Sequence[PatientPage]
    death: Death | None
    conversation: Conversation
    reschedule_requested: Set[UUID]  # the visits for which another day was asked
    names: Mapping[UUID, str]

    @property
    def plan(self) -> PlanRecord | None:
        """The active plan."""
        return next((plan for plan in self.plans if plan.active), None)

    @property
    def titles(self) -> dict[str, str]:
        return {item: title for plan in reversed(self.plans) for item, title in plan.titles.items()}

    @property
    def coming(self) -> list[VisitRecord]:
        """Proposed and booked visits, whose day or outcome is still to come."""
        ahead = (AppointmentState.PROPOSED, AppointmentState.BOOKED)
        return [visit for visit in self.visits if visit.row.state in ahead]

    @property
    def past(self) -> list[VisitRecord]:
        """What became of earlier visits, the newest first."""
        return [visit for visit in reversed(self.visits) if visit not in self.coming]

    def name(self, user_id: UUID | None) -> str:
        return self.names.get(user_id, "somebody unknown") if user_id else "nobody"

    def when(self) -> dict[str, str]:
        """Visits by id, in words: for the timeline."""
        return {str(visit.row.id): visit.when for visit in self.visits}


def gather(work: Work, patient: Patient) -> PatientRecord:
    """Everything about a patient at the moment of ``work``."""
    session, site = work.session, work.site(patient.site_id)
    today = work.today(site)
    studies = _studies(work, patient)
    by_id = {str(study.row.id): study for study in studies}
    found = [plan_record.gather(work, plan, by_id) for plan in plans.all_plans(session, patient.id)]
    said = conversation.gather(work, patient)
    visits = _visits(work, patient)
    death = _death(work, patient)
    names = _names(work, set(_people(patient, found, studies, said, death)))
    return PatientRecord(
        patient=patient,
        site=site,
        today=today,
        zone=zone_of(patient, site),
        age=plain.age(patient.birth_date, patient.died_on or today),
        flags=tuple(_flags(patient)),
        owner=names.get(patient.owner_id, "") if patient.owner_id else "",
        reaches=reachability.of_contacts(work, patient.id, patients.contacts(session, patient.id)),
        steps=steps(work, patient),
        plans=found,
        visits=visits,
        studies=studies,
        feeds=feed_store.of_patient(session, patient.id),
        pages=page_addresses.standing(session, patient.id, work.now),
        death=death,
        conversation=said,
        reschedule_requested=_reschedule_requested(work, patient),
        names=names,
    )


def steps(work: Work, patient: Patient) -> list[WorklistRow]:
    """What the board asks for about a patient, put aside or not, the weightiest first: page and board always agree."""
    wanted = Filter(patient_id=patient.id, hidden=True)
    (scope,) = worklist.scopes(work, [patient.site_id])
    counted = board.counts(work.session, scope, wanted)
    return [
        row
        for name, number in counted.items()
        if number
        for row in worklist.rows(work, [patient.site_id], name, wanted)
    ]


def _flags(patient: Patient) -> Iterator[str]:
    yield from (text for name, text in FLAGS.items() if getattr(patient, name))
    if patient.egfr is not None:
        low = ", LOW" if patient.egfr < LOW_EGFR else ""
        of = f" on {spelled(patient.egfr_on)}" if patient.egfr_on else ""
        yield f"eGFR {patient.egfr:g}{of}{low}"


def _studies(work: Work, patient: Patient) -> list[Evidence]:
    """The studies that stand, by day, each with its items."""
    rows = study_store.of_patient(work.session, patient.id)
    statement = select(StudyItem).where(col(StudyItem.study_id).in_([row.id for row in rows]))
    items: dict[UUID, list[str]] = {}
    for line in work.session.exec(statement.order_by(col(StudyItem.item))) if rows else ():
        items.setdefault(line.study_id, []).append(line.item)
    return [Evidence(row, tuple(items.get(row.id, ()))) for row in rows]


def _visits(work: Work, patient: Patient) -> list[VisitRecord]:
    rows = appointments.of_patient(work.session, patient.id, *AppointmentState)
    lines = appointments.lines_of(work.session, [row.id for row in rows])
    named = feed_store.places(work.session, patient.site_id)
    return [
        VisitRecord(row, lines.get(row.id, []), named.get(row.place_id, ("", ""))[0] if row.place_id else "")
        for row in rows
        if row.was_booked or row.state is AppointmentState.PROPOSED
    ]


def _death(work: Work, patient: Patient) -> Death | None:
    if patient.died_on is None:
        return None
    statement = select(Death).where(Death.patient_id == patient.id, col(Death.retracted_at).is_(None))
    return work.session.exec(statement).first()


def _reschedule_requested(work: Work, patient: Patient) -> set[UUID]:
    statement = select(col(RescheduleRequest.appointment_id)).where(
        RescheduleRequest.patient_id == patient.id, col(RescheduleRequest.settled_at).is_(None)
    )
    return set(work.session.exec(statement))


def _people(
    patient: Patient,
    found: Sequence[PlanRecord],
    studies: Sequence[Evidence],
    said: Conversation,
    death: Death | None,
) -> Iterator[UUID | None]:
    """Everybody whom the record names."""
    yield patient.owner_id
    yield death.recorded_by if death else None
    for plan in found:
        yield plan.plan.end_signed_by
        yield from (row.chosen_by for row in plan.terms)
        yield from (row.recorded_by for rows in (plan.holds, plan.decisions, plan.extras) for row in rows)
        yield from (row.resumed_by for row in plan.holds)
    for study in studies:
        yield from (study.row.recorded_by, study.row.reviewed_by)
    yield from (entry.user_id for entry in said.entries)


def _names(work: Work, users: set[UUID | None]) -> dict[UUID, str]:
    statement = select(col(User.id), col(User.name)).where(col(User.id).in_([user for user in users if user]))
    return dict(work.session.exec(statement).all())


def covered(visit: VisitRecord, titles: Mapping[str, str]) -> list[str]:
    """What a visit was for, each with what became of it."""
    return [_covered(line, titles) for line in visit.lines]


def _covered(line: AppointmentItem, titles: Mapping[str, str]) -> str:
    place = "extra" if line.month is None else f"month {line.month}"
    name = f"{titles.get(line.item, plain.item(line.item))}, {place}"
    if line.outcome is None:
        return name
    why = f" ({line.outcome_reason})" if line.outcome_reason and line.outcome is not Outcome.PERFORMED else ""
    return f"{name}: {plain.OUTCOME[line.outcome]}{why}"
