"""What a change does to a patient's plans, told on the command line before it is applied (schedule rule 12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from rich.console import RenderableType

from surveillance.cli import show, words
from surveillance.core.schedule.examinations import Examination, Finding
from surveillance.core.schedule.gaps import Gap
from surveillance.core.schedule.status import status
from surveillance.operations.planning import differences, imaging_gaps
from surveillance.operations.planning.differences import Picture
from surveillance.operations.planning.imaging_gaps import GapLine
from surveillance.operations.work import Work
from surveillance.store.tables import Patient


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
    gaps: tuple[GapLine, ...] = ()

    @property
    def data(self) -> dict[str, Any]:
        rows = [{name: getattr(line, name) for name in Line.__slots__} for line in self.lines]
        return {"changes": rows, "conflicts": list(self.conflicts), "longest_gaps": list(map(_gap_data, self.gaps))}

    def shown(self, none: str = "No examination changes.") -> list[RenderableType]:
        """A table of what changes, and what a person must then look at."""
        found = show.table("What changes", "Examination", "", "Before", "After")
        for line in self.lines:
            show.add(found, line.name, line.what, line.before, line.after)
        parts: list[RenderableType] = [found if self.lines else none]
        parts += _gaps_shown(self.gaps)
        return parts + [f"To look at: {conflict}" for conflict in self.conflicts]


def since(work: Work, patient: Patient, before: Picture) -> Difference:
    """What has changed since ``before`` was taken."""
    found = differences.since(work, patient, before)
    lines = (
        Line(
            line.plan, line.what, words.name(line.row), _told(line.before, found.today), _told(line.after, found.today)
        )
        for line in found.lines
    )
    return Difference(tuple(lines), tuple(map(told, found.findings)), found.gaps)


def _gaps_shown(gaps: Sequence[GapLine]) -> list[RenderableType]:
    """The longest time without imaging before and after; in a line where nothing changes it."""
    if not gaps:
        return []
    if all(line.before == line.after for line in gaps):
        longest = imaging_gaps.longest(gaps)
        return [f"Longest time without imaging, as before: {longest.name}, {_spelled(longest.after)}."]
    found = show.table("Longest time without imaging", "Item", "Before", "After")
    for line in gaps:
        show.add(found, line.name, _spelled(line.before), _spelled(line.after))
    return [found]


def _spelled(gap: Gap | None) -> str:
    return imaging_gaps.spelled(gap, show.day)


def _gap_data(line: GapLine) -> dict[str, Any]:
    sides = {"before": line.before, "after": line.after}
    return {"plan": line.plan, "item": line.item} | {name: imaging_gaps.data(gap) for name, gap in sides.items()}


def told(finding: Finding) -> str:
    """A contradiction in the facts, in words, with what settles it."""
    where = f"{finding.item}@{finding.month}" if finding.month is not None else finding.item
    return f"{where}, since {show.day(finding.since)}: {words.FINDING[finding.kind]}"


def _told(row: Examination | None, today: date) -> str:
    """One examination in a line: its day, its window, and where it stands."""
    if row is None:
        return ""
    state = "done" if row.study is not None else words.STATUS[status(row, today)]
    if row.booked_on is not None:
        state = f"{state} for {show.day(row.booked_on)}"
    elif row.skip_review_on is not None:
        state = f"{state}, to look at again on {row.skip_review_on}"
    return f"{show.day(row.target)} ({row.window_start} to {row.window_end}), {state}"
