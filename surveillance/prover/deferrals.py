"""Everything by which somebody is put off: kind, item, until when and by whom (rule 11). One function for each kind."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple
from uuid import UUID

from surveillance.prover.facts import PatientFacts, StoredPlan


class Deferral(NamedTuple):
    kind: str
    item: str | None
    until: date | None  # None: for ever
    by: UUID


def deferrals(patient: PatientFacts, today: date) -> list[Deferral]:
    """Those in force on a day."""
    active = [plan for plan in patient.plans if plan.facts.plan.ended_on is None]
    found = [deferral for plan in active for kind in (off, held, moved, skipped) for deferral in kind(plan, today)]
    return [*found, *snoozed(patient, today)]


def off(plan: StoredPlan, today: date) -> Iterator[Deferral]:
    """An item that was followed, or that the protocol has on, and is not followed now."""
    now = [number for number, term in enumerate(plan.facts.terms) if term.since <= today][-1:]
    for number in now:
        term, before = plan.facts.terms[number], {item for term in plan.facts.terms[:number] for item in term.rhythms}
        for item in sorted(before.union(term.off).difference(term.rhythms)):
            yield Deferral("off", item, None, plan.chosen[number].chosen_by)


def held(plan: StoredPlan, today: date) -> Iterator[Deferral]:
    for row in plan.facts.holds:
        if row.start <= today and (row.resumed_on is None or row.resumed_on > today):
            yield Deferral("hold", row.item, row.resumed_on or row.review_on, row.recorded_by)


def moved(plan: StoredPlan, today: date) -> Iterator[Deferral]:
    for row in plan.facts.overrides:
        if row.kind == "move" and row.day > today:
            yield Deferral("move", row.item, row.day, row.recorded_by)


def skipped(plan: StoredPlan, today: date) -> Iterator[Deferral]:
    for row in plan.facts.overrides:
        if row.kind == "skip" and row.day > today:
            yield Deferral("skip", row.item, row.day, row.recorded_by)


def snoozed(patient: PatientFacts, today: date) -> Iterator[Deferral]:
    """The last word on each row of the board."""
    last = {(row.worklist, row.subject): row for row in sorted(patient.actions, key=lambda row: str(row.at))}
    for row in last.values():
        if row.until > today:
            yield Deferral("snooze", None, row.until, row.user_id)
