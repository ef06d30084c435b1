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

from surveillance.prover.deferrals import Deferral, deferrals
from surveillance.prover.facts import PatientFacts, StoredPlan, read
from surveillance.prover.obligations import DAY, Obligation, derive

FAR = 366 * DAY  # how far anything may be put off, and how far ahead its rows exist
SEERS, FINAL = {"coordinator", "clinician", "admin"}, {"transfer", "patient_wish", "completed"}
WAITING = {"upcoming", "to_order", "due", "overdue", "booked", "outcome_unknown", "held"}


class Difference(NamedTuple):
    """Something that is not as the facts have it: work for a person."""

    patient_id: UUID
    plan_id: UUID | None
    what: str
    expected: str
    found: str


@dataclass
class Proof:
    """``counts``: patients, plans, overdue, ended, without_plan, unseen. ``far``: what is put off beyond 12 months."""

    differences: list[Difference] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    far: list[tuple[UUID, Deferral]] = field(default_factory=list)


def prove(connection: sa.Connection, ids: Sequence[UUID], now: datetime) -> Proof:
    """Prove the promise for these patients at a moment (aware)."""
    proof = Proof()
    for patient in read(connection, ids):
        judge(proof, patient, now.astimezone(ZoneInfo(patient.site.time_zone)).date())
    return proof


def prove_all(connection: sa.Connection, now: datetime, size: int = 500) -> Proof:
    """Prove the promise for everybody, ``size`` patients at a time."""
    whole, last = Proof(), UUID(int=0)
    patient = sa.table("patient", sa.column("id", sa.Uuid()))
    asked = sa.select(patient.c.id).order_by(patient.c.id).limit(size)
    while ids := connection.scalars(asked.where(patient.c.id > last)).all():
        proof, last = prove(connection, ids, now), ids[-1]
        whole.differences += proof.differences
        whole.counts += proof.counts
        whole.far += proof.far
    return whole


def judge(proof: Proof, patient: PatientFacts, today: date) -> None:
    """Pure: adds to the proof what the facts of one patient say on a day."""
    alive, active = not patient.deaths, [plan for plan in patient.plans if plan.facts.plan.ended_on is None]
    proof.counts.update(patients=1, plans=len(patient.plans))
    found = [difference for plan in patient.plans for difference in _compared(plan, today, proof.counts)]
    if {row.died_on for row in patient.deaths} != {patient.patient.died_on} - {None}:
        found.append((None, "death", str([row.died_on for row in patient.deaths]), str(patient.patient.died_on)))
    if alive:
        found += [*_put_off(proof, patient, today), *_seen(patient, proof.counts)]
        if not active:
            found += _left(patient, proof.counts)
    proof.differences += [Difference(patient.patient.id, *difference) for difference in found]


def _compared(plan: StoredPlan, today: date, counts: Counter[str]) -> Iterator[tuple[Any, str, str, str]]:
    """What is shown of a plan against what is owed."""
    known = plan.facts.plan
    rows, findings = derive(plan.facts, known.horizon)
    owed = {row.key: row for row in rows}
    for key in sorted(owed.keys() | plan.shown.keys(), key=str):
        expected, found = _days(owed.get(key)), _shown(plan.shown.get(key))
        if expected != found:
            yield known.id, f"{key[0]} {key[1] or key[2]}", _text(expected, found), _text(found, expected)
    for finding in findings ^ plan.findings:
        sides = (str(finding), "nothing")
        yield (known.id, "finding", *(sides if finding in findings else sides[::-1]))
    if known.ended_on is None:
        counts["overdue"] += any(row.word(today) == "overdue" for row in rows)
        if not any(row.word(today) in WAITING for row in rows) and not findings:
            yield known.id, "obligation", "something that is owed by a day", "nothing"
        if known.horizon < today + FAR:
            yield known.id, "horizon", f"at least {today + FAR}", str(known.horizon)


def _days(row: Obligation | None) -> dict[str, Any]:
    """What has to be stored of an obligation: why it asks for nothing, or from when it does."""
    if row is None:
        return {}
    said: dict[str, Any] = {"done": row.study and row.study.id, "skip": row.skip, "ended": bool(row.ended)}
    if not row.study and not row.ended and not row.skip:
        start, end = row.hold or (None, date.max)
        said |= {"due": row.due_from, "overdue": row.overdue_from, "since": row.overdue_since, "missed": row.cell_end}
        said |= {"booked": row.booking and row.booking.id, "held": start, "resumed": None if end == date.max else end}
    return said


def _shown(row: Any) -> dict[str, Any]:
    if row is None:
        return {}
    said: dict[str, Any] = {"done": row.study_id, "skip": row.skip_review_on, "ended": bool(row.ended)}
    if not row.study_id and not row.ended and not row.skip_review_on:
        said |= {"due": row.due_from, "overdue": row.overdue_from, "since": row.overdue_since, "missed": row.cell_end}
        said |= {"booked": row.booking_id, "held": row.held_from, "resumed": row.held_until}
    return said


def _text(said: dict[str, Any], other: dict[str, Any]) -> str:
    return ", ".join(f"{word} {value}" for word, value in said.items() if other.get(word, "") != value) or "nothing"


def _put_off(proof: Proof, patient: PatientFacts, today: date) -> Iterator[tuple[Any, str, str, str]]:
    """Nobody is put off further than a clinician has signed."""
    for deferral in deferrals(patient, today):
        if deferral.until is None or deferral.until > today + FAR:
            proof.far.append((patient.patient.id, deferral))
            if (role := _role(patient, deferral.by)) != "clinician":
                yield None, deferral.kind, "signed by a clinician", f"until {deferral.until}, signed by {role}"


def _seen(patient: PatientFacts, counts: Counter[str]) -> Iterator[tuple[Any, str, str, str]]:
    active = [row for row in patient.staff.values() if row.role in SEERS and not row.disabled_at and not row.system]
    if not active:
        counts["unseen"] += 1
        yield None, "seen", "by an active person of the site", "by nobody"


def _left(patient: PatientFacts, counts: Counter[str]) -> Iterator[tuple[Any, str, str, str]]:
    """A living patient on no plan: an end that a clinician signed, or work that is shown."""
    last = patient.plans[-1].facts.plan if patient.plans else None
    if last and last.end_reason in FINAL:
        counts["ended"] += 1
        if (role := _role(patient, last.end_signed_by)) != "clinician":
            yield last.id, "end", "signed by a clinician", f"{last.end_reason}, signed by {role}"
        return
    counts["without_plan"] += 1
    if not {"without_plan", "restart"} & {row.kind for row in patient.gaps}:
        yield last and last.id, "without a plan", "shown as work", "nowhere"


def _role(patient: PatientFacts, user: UUID | None) -> str:
    row = patient.staff.get(user) if user else None
    return row.role if row else "nobody of the site"
