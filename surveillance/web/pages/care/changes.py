"""What the pages that change a plan share: a change is shown as a difference first, and applied as it was shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from fastapi.responses import Response
from sqlmodel import SQLModel

from surveillance.core import plain
from surveillance.core.errors import ConflictError, NotFoundError
from surveillance.core.schedule.examinations import Examination, Finding, FindingKind
from surveillance.core.words import AppointmentState
from surveillance.operations.board.row_words import CONFLICTS
from surveillance.operations.planning import differences, imaging_gaps, plan_record, preconditions
from surveillance.operations.planning.differences import Difference, Line, Seen
from surveillance.operations.planning.imaging_gaps import GapLine
from surveillance.store.planning import plans
from surveillance.store.tables import Patient, Place, Plan
from surveillance.web import words
from surveillance.web.page_context import PageContext
from surveillance.web.render import day, short_day

R = TypeVar("R", bound=SQLModel)

SEEN = "seen"  # the field with the fingerprint of the difference that a person has looked at


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a change would do, in words: examinations, visits called off or restored, messages, what to look at."""

    lines: list[tuple[str, str]]  # an examination, and what happens to it
    visits: list[str]
    messages: str
    findings: list[str]
    gaps: list[tuple[str, str, str]]  # an item, its longest time without imaging, and what becomes of that
    fingerprint: str
    again: bool  # it was looked at before, and is another one now

    @property
    def empty(self) -> bool:
        return not (self.lines or self.visits or self.messages or self.findings)


def weigh(context: PageContext, patient: Patient, change: Callable[[], object]) -> Proposal | None:
    """Apply a change that was looked at, and return None; else say what it would do.

    Mistakes stand on the form. What the operation refuses is refused when it is looked at already.
    """
    form = context.form
    shown: Difference | None = None
    with form.trying(context.session):
        shown = differences.previewed(context.work, patient, change)
    if shown is None:
        return None
    given = form.value(SEEN)
    if given == shown.fingerprint:
        with form.trying(context.session):
            change()
        return None
    return _proposal(context, patient, shown, again=bool(given))


def _proposal(context: PageContext, patient: Patient, shown: Difference, *, again: bool) -> Proposal:
    titles = plan_record.titles_of_patient(context.work, patient.id)
    several = len({line.plan for line in shown.lines}) > 1
    return Proposal(
        [_line(shown, line, titles, several) for line in shown.lines],
        _visits(context, shown),
        _messages(shown),
        [_finding(finding, titles) for finding in shown.findings],
        [_gap(line, titles) for line in shown.gaps],
        shown.fingerprint,
        again,
    )


def _line(shown: Difference, line: Line, titles: Mapping[str, str], several: bool) -> tuple[str, str]:
    before, after = shown.sides(line)
    name = f"{examination_name(line.row, titles)}{f' (plan {line.plan})' if several else ''}"
    if before is None or after is None:
        side = before or after
        assert side is not None  # noqa: S101  # a line has at least one side
        return name, f"{line.what}: {day(side.target)}, {_state(side)}"
    days = _days(before, after)
    if _state(before) == _state(after):
        return name, f"{days}, {_state(after)}"
    return name, f"{days}: {_state(before)} → {_state(after)}"


def _days(before: Seen, after: Seen) -> str:
    """The day, or from which to which it goes."""
    if before.target != after.target:
        return f"{day(before.target)} → {day(after.target)}"
    if (before.window_start, before.window_end) != (after.window_start, after.window_end):
        return f"{day(after.target)}, now on time {short_day(after.window_start)} to {short_day(after.window_end)}"
    return day(after.target)


def examination_name(row: Examination, titles: Mapping[str, str]) -> str:
    place = "extra" if row.month is None else f"month {row.month}"
    return f"{titles.get(row.item, plain.item(row.item))}, {place}"


def _state(side: Seen) -> str:
    state = words.STATUS[side.status]
    if side.booked_on is not None:
        return f"{state} for {short_day(side.booked_on)}"
    if side.skip_review_on is not None:
        return f"{state}, to be looked at again on {short_day(side.skip_review_on)}"
    return state


def _visits(context: PageContext, shown: Difference) -> list[str]:
    places = {row.id: row for row in differences.released(context.work, shown)}
    found = []
    for line in shown.visits:
        row = places.get(line.id)
        if line.before is AppointmentState.BOOKED and row is not None:
            place = context.session.get(Place, row.place_id) if row.place_id else None
            slot = f" Release the slot{f' at {place.name}' if place else ''}."
            found.append(f"The visit of {day(line.day)} is called off.{slot}")
        else:
            found.append(
                f"The visit of {day(line.day)}: {words.VISIT[line.before]} before, {words.VISIT[line.after]} after."
            )
    return found


def _messages(shown: Difference) -> str:
    parts = []
    if shown.voided:
        parts.append(f"{shown.voided} planned message{'s' * (shown.voided > 1)} will not go out")
    if shown.planned:
        parts.append(f"{shown.planned} message{'s' * (shown.planned > 1)} will be planned instead")
    return "; ".join(parts)


def _gap(line: GapLine, titles: Mapping[str, str]) -> tuple[str, str, str]:
    name = titles.get(line.item, plain.item(line.item)) if line.item else "Imaging of any kind"
    before, after = (imaging_gaps.spelled(gap, short_day) for gap in (line.before, line.after))
    return name, before, "the same" if line.before == line.after else after


def _finding(finding: Finding, titles: Mapping[str, str]) -> str:
    title = titles.get(finding.item, plain.item(finding.item))
    if finding.kind is FindingKind.LAST_SCAN_UNKNOWN:
        return f"{title}: no earlier study is known; ask when it was last done."
    why, action = CONFLICTS[finding.kind]
    place = f", month {finding.month}" if finding.month is not None else ""
    return f"{title}{place}: {why.format(day=short_day(finding.since))}; {action}."


# -- whom and what a page is about -----------------------------------------------------------------------------


def with_plan(context: PageContext, patient_id: UUID) -> tuple[Patient, Plan]:
    """The patient and the active plan. Raises ConflictError where there is none."""
    patient = context.patient(patient_id)
    plan = plans.active_plan(context.session, patient.id)
    if plan is None:
        raise ConflictError("this patient has no active plan")
    return patient, plan


def own(context: PageContext, patient: Patient, table: type[R], row_id: UUID) -> R:
    """A record about this very patient. Raises NotFoundError where it is none."""
    row = context.row(table, row_id)
    plan_id = getattr(row, "plan_id", None)
    owner = getattr(row, "patient_id", None) or (
        preconditions.plan_of(context.work, plan_id).patient_id if plan_id else None
    )
    if owner != patient.id:
        raise NotFoundError("there is no such record about this patient")
    return row


def page(
    context: PageContext, template: str, patient: Patient, proposal: Proposal | None = None, **values: Any
) -> Response:
    """A page that asks for a change, with what it would do once that is known."""
    titles = plan_record.titles_of_patient(context.work, patient.id)
    today: date = context.today(patient)
    return context.page(template, patient=patient, proposal=proposal, titles=titles, today=today, words=words, **values)


def home(patient: Patient, part: str = "") -> str:
    return f"/patients/{patient.id}{f'#{part}' if part else ''}"
