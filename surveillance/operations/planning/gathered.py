"""What is known about a plan, read once in a few queries: a use case decides by it, keeps it in step, passes it on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from surveillance.core.schedule.examinations import Derived, Hold, Key, PlanFacts
from surveillance.core.schedule.matching import Extra, Ruling, Study
from surveillance.core.schedule.slots import Terms
from surveillance.operations.messages.patient_context import Course, course_of
from surveillance.operations.planning import preconditions
from surveillance.operations.work import Work, found
from surveillance.store.planning import plans as store
from surveillance.store.planning.plans import Examined, Recorded, Stored
from surveillance.store.tables import OverrideKind, Patient, Plan
from surveillance.store.visits import appointments
from surveillance.store.visits.appointments import Visits

_RULINGS = {OverrideKind.COUNTS: Ruling.COUNTS, OverrideKind.EXTRA_EVIDENCE: Ruling.EXTRA}


@dataclass(frozen=True, slots=True)
class Gathered:
    """One plan of a ``patient`` who is locked, with all of the patient's visits and studies."""

    patient: Patient
    recorded: Recorded
    stored: Stored
    visits: Visits
    studies: Sequence[Examined]

    @property
    def plan(self) -> Plan:
        return self.recorded.plan

    @property
    def targets(self) -> dict[Key, date]:
        """Where each examination that is stored lies."""
        return {row.key: row.target for row in self.stored.examinations}

    def facts(self, work: Work) -> PlanFacts:
        """Everything that is recorded about the plan and not retracted, as it stands now."""
        return facts(work, self.recorded, self.visits, self.studies)

    def course(self, work: Work, derived: Derived) -> Course:
        """What of an active plan decides about messages; ``derived`` are its examinations as they are stored."""
        return course_of(work, self.recorded, derived.examinations)


def gather(work: Work, patient: Patient, plan: Plan) -> Gathered:
    """One plan of a patient who was locked before."""
    (one,) = of_plans(work, patient, [plan])
    return one


def of_plans(work: Work, patient: Patient, plans: Sequence[Plan]) -> list[Gathered]:
    """As ``gather``, for several plans of the patient in as many queries as for one."""
    session = work.session
    visits, studies = appointments.visits(session, patient.id), store.studies(session, patient.id)
    both = zip(store.recorded(session, plans), store.stored(session, plans), strict=True)
    return [Gathered(patient, recorded, stored, visits, studies) for recorded, stored in both]


def locked(work: Work, patient_id: UUID, plan_id: UUID) -> Gathered:
    """As ``gather``, for a patient whom nobody has locked yet: lock, then read the plan again. Raises NotFoundError."""
    patient = preconditions.lock(work, patient_id)
    plan = work.session.get(Plan, plan_id, populate_existing=True)
    return gather(work, patient, found(plan, "plan", str(plan_id)))


def of_new(work: Work, patient: Patient, recorded: Recorded) -> Gathered:
    """The patient's first plan, which was just made: nothing is stored of it yet, and no visit can be."""
    return Gathered(patient, recorded, Stored(recorded.plan), Visits(), store.studies(work.session, patient.id))


# -- from rows to facts ----------------------------------------------------------------------------------------


def facts(work: Work, told: Recorded, visits: Visits, studies: Sequence[Examined]) -> PlanFacts:
    """What is recorded about a plan, as the core takes it."""
    plan, words = told.plan, told.words
    return PlanFacts(
        anchor=plan.anchor,
        enrolled_on=plan.enrolled_on,
        terms=_terms(work, told),
        holds=tuple(Hold(row.item, row.start, row.resumed_on, row.review_on) for row in told.holds),
        studies=tuple(_evidence(told, visits, studies)),
        bookings=visits.bookings(plan.id),
        extras=tuple(Extra(str(row.id), row.item, row.target, row.tolerance, row.requested_on) for row in told.extras),
        moves={
            (word.item, word.month): word.day
            for word in words
            if word.kind is OverrideKind.MOVE and word.month is not None and word.day is not None
        },
        skips={
            Key(word.item, word.month, str(word.extra_id) if word.extra_id else None): word.day
            for word in words
            if word.kind is OverrideKind.SKIP and word.day is not None
        },
        known_blank=frozenset(word.item for word in words if word.kind is OverrideKind.KNOWN_BLANK),
        ended_on=plan.ended_on,
        away_since=plan.away_since,
    )


def _terms(work: Work, told: Recorded) -> tuple[Terms, ...]:
    return tuple(work.terms(row.protocol_key, row.intervals, row.since) for row in store.in_force(told.terms))


def _evidence(told: Recorded, visits: Visits, studies: Sequence[Examined]) -> Iterator[Study]:
    """The studies with the slots that the plan's visits were booked for, and with persons' rulings."""
    rulings: dict[UUID, dict[str, Ruling]] = {}
    for word in told.words:
        if word.study_id is not None and word.kind in _RULINGS:
            rulings.setdefault(word.study_id, {})[word.item] = _RULINGS[word.kind]
    booked = visits.booked_for(told.plan.id)
    for study in studies:
        slots = booked.get(study.appointment_id, frozenset())
        ruled = rulings.get(study.id, {})
        yield Study(str(study.id), study.items, study.performed_on, slots, ruled, study.repeat_by)
