"""What a change does to a patient's plans, told before it is applied (schedule rule 12)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from rich.console import RenderableType
from sqlmodel import select

from surveillance.cli import show, words
from surveillance.core.examinations import Derived, Examination, Finding
from surveillance.core.reconcile import reconcile
from surveillance.core.status import status
from surveillance.operations import planning
from surveillance.operations.work import Work
from surveillance.store import plans
from surveillance.store.tables import FindingRow, Patient, Plan

_NEW, _MOVED, _GONE, _OTHER = "new", "moved", "not wanted any more", "changed"


@dataclass(frozen=True, slots=True)
class Line:
    """One examination before and after, in words."""

    plan: int
    what: str
    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    lines: tuple[Line, ...]
    conflicts: tuple[str, ...]

    @property
    def data(self) -> dict[str, Any]:
        rows = [{name: getattr(line, name) for name in Line.__slots__} for line in self.lines]
        return {"changes": rows, "conflicts": list(self.conflicts)}

    def shown(self, none: str = "No examination changes.") -> list[RenderableType]:
        """A table of what changes, and what a person must then look at."""
        found = show.table("What changes", "Examination", "", "Before", "After")
        for line in self.lines:
            show.add(found, line.name, line.what, line.before, line.after)
        parts: list[RenderableType] = [found if self.lines else none]
        return parts + [f"To look at: {conflict}" for conflict in self.conflicts]


@dataclass(frozen=True, slots=True)
class Picture:
    """All plans of a patient as they stand, each with its examinations and what does not fit."""

    today: date
    rows: Mapping[int, Sequence[Examination]]
    findings: Mapping[int, frozenset[Finding]]


def picture(work: Work, patient: Patient) -> Picture:
    """How things stand before a change; the plan is brought up to date first, so that only the change shows."""
    planning.replan_patient(work, patient)
    return _picture(work, patient)


def _picture(work: Work, patient: Patient) -> Picture:
    every = plans.all_plans(work.session, patient.id)
    rows = {
        plan.number: [plans.examination(row) for row in plans.projected(work.session, plan.id).values()]
        for plan in every
    }
    found = {plan.number: frozenset(findings(work, plan)) for plan in every}
    return Picture(work.today(work.site(patient.site_id)), rows, found)


def findings(work: Work, plan: Plan) -> list[Finding]:
    """What does not fit together in a plan's facts, oldest first."""
    rows = work.session.exec(select(FindingRow).where(FindingRow.plan_id == plan.id))
    found = [Finding(row.kind, row.item, row.month, row.subject, row.since) for row in rows]
    return sorted(found, key=lambda finding: (finding.since, str(finding)))


def since(work: Work, patient: Patient, before: Picture) -> Difference:
    """What has changed since ``before`` was taken."""
    after = _picture(work, patient)
    lines: list[Line] = []
    conflicts: list[str] = []
    for number, rows in sorted(after.rows.items()):
        changes = reconcile(Derived(tuple(rows), ()), before.rows.get(number, ()))
        today = after.today
        lines += [Line(number, _NEW, words.name(row), "", _told(row, today)) for row in changes.add]
        lines += [Line(number, _GONE, words.name(row), _told(row, today), "") for row in changes.cancel]
        lines += [
            Line(number, _kind(old, new), words.name(new), _told(old, today), _told(new, today))
            for old, new in changes.move
        ]
        fresh = after.findings[number] - before.findings.get(number, frozenset())
        conflicts += [told(finding) for finding in sorted(fresh, key=str)]
    visible = [line for line in lines if line.before != line.after]
    return Difference(tuple(sorted(visible, key=lambda line: (line.plan, _day_in(line), line.name))), tuple(conflicts))


def told(finding: Finding) -> str:
    """A contradiction in the facts, in words, with what settles it."""
    where = f"{finding.item}@{finding.month}" if finding.month is not None else finding.item
    return f"{where}, since {show.day(finding.since)}: {words.FINDING[finding.kind]}"


def _kind(before: Examination, after: Examination) -> str:
    return _MOVED if before.target != after.target else _OTHER


def _told(row: Examination, today: date) -> str:
    """One examination in a line: its day, its window, and where it stands."""
    state = "done" if row.study is not None else words.STATUS[status(row, today)]
    if row.booked_on is not None:
        state = f"{state} for {show.day(row.booked_on)}"
    elif row.skip_review_on is not None:
        state = f"{state}, to look at again on {row.skip_review_on}"
    return f"{show.day(row.target)} ({row.window_start} to {row.window_end}), {state}"


def _day_in(line: Line) -> str:
    return (line.after or line.before)[4:14]
