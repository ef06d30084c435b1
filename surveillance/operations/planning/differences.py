"""What a change does to a patient: to examinations, visits and messages, known before it is applied (rule 12)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.schedule.examinations import Derived, Examination, Finding, PlanFacts
from surveillance.core.schedule.reconcile import reconcile
from surveillance.core.schedule.status import status
from surveillance.core.words import AppointmentState, ReminderState, Status
from surveillance.operations.planning import imaging_gaps, replanning
from surveillance.operations.planning.imaging_gaps import GapLine
from surveillance.operations.work import Work
from surveillance.store.messages import reminders
from surveillance.store.planning import plans
from surveillance.store.tables import Appointment, FindingRow, Patient, Plan, Reminder
from surveillance.store.visits import appointments

NEW: Final = "new"
MOVED: Final = "moved"
GONE: Final = "not wanted any more"
CHANGED: Final = "changed"
_WAITING = (ReminderState.PLANNED, ReminderState.CLAIMED)


class Seen(NamedTuple):
    """What of an examination a person sees; two that look the same are no difference."""

    target: date
    window_start: date
    window_end: date
    status: Status
    booked_on: date | None
    skip_review_on: date | None


@dataclass(frozen=True, slots=True)
class Line:
    """One examination of a plan before and after; ``what`` is NEW, MOVED, GONE or CHANGED."""

    plan: int
    what: str
    before: Examination | None
    after: Examination | None

    @property
    def row(self) -> Examination:
        row = self.after or self.before
        assert row is not None  # noqa: S101  # a line has at least one side
        return row


@dataclass(frozen=True, slots=True)
class VisitLine:
    """A booked visit that is called off, or one that is booked again; ``row`` as it stands after the change."""

    id: UUID
    day: date
    before: AppointmentState
    after: AppointmentState


@dataclass(frozen=True, slots=True)
class Difference:
    """``voided`` and ``planned`` count the messages that will not go out any more, and those that will instead.

    ``gaps``: the longest time without imaging, of each item and of all, as it was and as it becomes.
    """

    today: date
    lines: tuple[Line, ...]
    findings: tuple[Finding, ...]
    visits: tuple[VisitLine, ...] = ()
    voided: int = 0
    planned: int = 0
    gaps: tuple[GapLine, ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.lines or self.findings or self.visits or self.voided or self.planned)

    @property
    def fingerprint(self) -> str:
        """Equal for equal differences: what a person has looked at is what is applied, or it is shown again.

        Without the ids of what the change itself makes: they are others at each try.
        """
        rows = [(line.plan, line.what, line.row.item, line.row.month, *self.sides(line)) for line in self.lines]
        odd = sorted((finding.kind, finding.item, str(finding.month), finding.since) for finding in self.findings)
        said = (rows, odd, self.visits, self.voided, self.planned, list(map(_without_extras, self.gaps)))
        return sha256(repr(said).encode()).hexdigest()

    def sides(self, line: Line) -> tuple[Seen | None, Seen | None]:
        return seen(line.before, self.today), seen(line.after, self.today)


@dataclass(frozen=True, slots=True)
class Picture:
    """All plans of a patient as they stand, with what does not fit, the visits and the messages that wait."""

    today: date
    rows: Mapping[int, Sequence[Examination]]
    findings: Mapping[int, frozenset[Finding]]
    visits: Mapping[UUID, tuple[date, AppointmentState]]
    waiting: frozenset[tuple[Any, ...]]
    facts: Mapping[int, PlanFacts]


def _without_extras(line: GapLine) -> tuple[Any, ...]:
    """A gap by its days: an extra examination that the change itself makes has another id at each try."""
    sides = [(gap.start.day, gap.end.day if gap.end else None) if gap else None for gap in (line.before, line.after)]
    return line.plan, line.item, *sides


def seen(row: Examination | None, today: date) -> Seen | None:
    if row is None:
        return None
    state = status(row, today)
    return Seen(row.target, row.window_start, row.window_end, state, row.booked_on, row.skip_review_on)


def picture(work: Work, patient: Patient) -> Picture:
    """How things stand before a change; the plan is brought up to date first, so that only the change shows."""
    replanning.replan_patient(work, patient)
    return _picture(work, patient)


def since(work: Work, patient: Patient, before: Picture) -> Difference:
    """What has changed since ``before`` was taken."""
    after = _picture(work, patient)
    lines: list[Line] = []
    fresh: list[Finding] = []
    for number, rows in sorted(after.rows.items()):
        lines += _lines(number, rows, before.rows.get(number, ()), after.today)
        new = after.findings[number] - before.findings.get(number, frozenset())
        fresh += sorted(new, key=str)
    return Difference(
        after.today,
        tuple(sorted(lines, key=_order)),
        tuple(fresh),
        tuple(_visits(before, after)),
        len(before.waiting - after.waiting),
        len(after.waiting - before.waiting),
        tuple(_gaps(work, patient, before, after)),
    )


def _gaps(work: Work, patient: Patient, before: Picture, after: Picture) -> Iterator[GapLine]:
    """Of the plans that go on."""
    for plan in reversed(plans.all_plans(work.session, patient.id)):
        if plan.ended_on is None:
            yield from imaging_gaps.compare(work, plan, before.facts.get(plan.number), after.facts[plan.number])


def previewed(work: Work, patient: Patient, change: Callable[[], object]) -> Difference:
    """What ``change`` would do: it is done, looked at and taken back."""
    with work.session.begin_nested() as trial:
        before = picture(work, patient)
        change()
        work.session.flush()
        found = since(work, patient, before)
        trial.rollback()
    return found


def findings(work: Work, plan: Plan) -> list[Finding]:
    """What does not fit together in a plan's facts, oldest first."""
    rows = work.session.exec(select(FindingRow).where(FindingRow.plan_id == plan.id))
    found = [Finding(row.kind, row.item, row.month, row.subject, row.since) for row in rows]
    return sorted(found, key=lambda finding: (finding.since, str(finding)))


def _picture(work: Work, patient: Patient) -> Picture:
    session = work.session
    every = plans.all_plans(session, patient.id)
    rows = {
        plan.number: [plans.examination(row) for row in plans.projected(session, plan.id).values()] for plan in every
    }
    found = {plan.number: frozenset(findings(work, plan)) for plan in every}
    visits = appointments.of_patient(session, patient.id, *AppointmentState)
    shown = {row.id: (row.day, row.state) for row in visits if row.was_booked}
    waiting = frozenset(_identity(row) for row in reminders.of_patient(session, patient.id) if row.state in _WAITING)
    facts = {plan.number: replanning.facts_of(work, plan) for plan in every if plan.ended_on is None}
    return Picture(work.today(work.site(patient.site_id)), rows, found, shown, waiting, facts)


def _identity(row: Reminder) -> tuple[Any, ...]:
    """A message by what it is for; a notice is planned ten minutes after the edit, which no one need see."""
    return row.step, row.channel, row.subject_day


def _lines(number: int, rows: Sequence[Examination], before: Sequence[Examination], today: date) -> list[Line]:
    changes = reconcile(Derived(tuple(rows), ()), before)
    lines = [Line(number, NEW, None, row) for row in changes.add]
    lines += [Line(number, GONE, row, None) for row in changes.cancel]
    lines += [
        Line(number, MOVED if old.target != new.target else CHANGED, old, new)
        for old, new in changes.move
        if seen(old, today) != seen(new, today)
    ]
    return lines


def _order(line: Line) -> tuple[int, date, str, int]:
    return line.plan, line.row.target, line.row.item, line.row.month or 0


def _visits(before: Picture, after: Picture) -> list[VisitLine]:
    """Visits whose state changed between booked and called off."""
    found = []
    for visit_id, (day, state) in after.visits.items():
        old = before.visits.get(visit_id, (day, AppointmentState.PROPOSED))[1]
        if old is not state and AppointmentState.BOOKED in (old, state):
            found.append(VisitLine(visit_id, day, old, state))
    return sorted(found, key=lambda line: (line.day, str(line.id)))


def released(work: Work, difference: Difference) -> list[Appointment]:
    """The visits to come that are called off: their scanner slots are to be given back."""
    ids = [
        line.id for line in difference.visits if line.before is AppointmentState.BOOKED and line.day >= difference.today
    ]
    statement = select(Appointment).where(col(Appointment.id).in_(ids)).order_by(col(Appointment.day))
    return list(work.session.exec(statement)) if ids else []
