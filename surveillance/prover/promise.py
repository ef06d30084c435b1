"""The promise from outside, proved on what is stored and shown (design: sections 1 and 10): every living patient has a
dated obligation not farther ahead than a clinician signed, that an active person can see, or an end that one signed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from surveillance.prover.facts import PatientFacts, read
from surveillance.prover.schedule import DAY, Obligation, PlanFacts, Row, add_months, changed, derive, longest_gap

FAR = 366 * DAY  # how far anything may be put off without a clinician's word, and how far ahead rows exist
SEERS, FINAL = {"coordinator", "clinician", "admin"}, {"transfer", "patient_wish", "completed"}
Said = Iterator[tuple[str, str]]  # about what; what is wrong


@dataclass
class Proof:
    """``differences`` are work for a person; ``counts``: patients, plans, and far, of patients."""

    differences: list[tuple[str, ...]] = field(default_factory=list)  # site, MRN, about what, what is wrong
    counts: Counter[str] = field(default_factory=Counter)
    signed: set[str] = field(default_factory=set)  # by whom somebody is put off beyond 12 months
    overdue: set[UUID] = field(default_factory=set)  # patients who have to be on the board


def prove(connection: sa.Connection, ids: Sequence[UUID], now: datetime) -> Proof:
    """Prove the promise for these patients at a moment (aware)."""
    proof = Proof()
    for patient in read(connection, ids):
        judge(proof, patient, now.astimezone(ZoneInfo(patient.site.time_zone)).date())
    return proof


def judge(proof: Proof, patient: PatientFacts, today: date) -> None:
    """Pure: adds to the proof what the facts of one patient say on a day."""
    alone = len({facts.plan.condition_id for facts in patient.plans}) == 1  # else what counts for two needs a judgement
    found = [said for facts in patient.plans if alone for said in compared(facts)]
    if {row.died_on for row in patient.deaths} != {patient.patient.died_on} - {None}:
        found.append(("death", f"{patient.patient.died_on} is stored otherwise than recorded"))
    active = [facts for facts in patient.plans if facts.plan.ended_on is None and not patient.deaths]
    asked = [row for facts in active for row in facts.shown.values() if row.open and not row.booking_id]
    asked = [row for row in asked if not row.held_from or not row.held_from <= today < (row.held_until or date.max)]
    overdue = any(row.overdue_from <= today < row.cell_end for row in asked)
    proof.counts.update(patients=1, plans=len(patient.plans))
    proof.overdue |= {patient.patient.id} if overdue else set()
    if not patient.deaths:
        found += [said for facts in active for said in _ahead(facts, today)]
        found += [*_deferred(proof, patient, active, today), *_left(patient)]
        if not any(row.role in SEERS and not row.disabled_at and not row.system for row in patient.staff.values()):
            found.append(("seen", "by nobody: no active person works at the site"))
    proof.differences += [(patient.site.code, patient.patient.mrn, *said) for said in found]


def compared(facts: PlanFacts) -> Said:
    """What is shown of a plan against what is owed, of the items whose rhythm never changed."""
    owed = {row.key: row for row in derive(facts, facts.plan.horizon)}
    for key in sorted(owed.keys() | {key for key in facts.shown if not changed(facts, key[0])}, key=str):
        row, found, about = owed.get(key), facts.shown.get(key), f"{key[0]} {key[1] or 'extra'}"
        if row is None or found is None:
            yield about, "is owed and not shown" if row else "is shown and not owed"
            continue
        for name, wanted in _stored(row).items():
            if (shown := getattr(found, name)) != wanted:
                yield about, f"{name} is {shown} and not {wanted}"


def _stored(row: Obligation) -> dict[str, Any]:
    """What has to be stored of an obligation: why it asks for nothing, or from when it does."""
    said = {"study_id": row.study and row.study.id, "skip_review_on": row.skip, "ended": row.ended}
    if row.closed:
        return said | {"open": False}
    start, end = row.hold or (None, date.max)
    said |= {"open": True, "held_from": start, "held_until": None if end == date.max else end}
    said |= {"overdue_from": row.overdue_from, "overdue_since": row.overdue_since, "cell_end": row.cell_end}
    return said | {"booking_id": row.booking and row.booking.id}


def _ahead(facts: PlanFacts, today: date) -> Said:
    """Each item that is followed has something owed by a day (rules 6 and 13)."""
    if facts.plan.horizon < today + FAR:
        yield "horizon", f"nothing is known after {facts.plan.horizon}"
    now = [at for at in facts.terms if at.since <= today][-1]
    for item in sorted(now.rhythms.keys() - facts.over):
        ahead = [row for row in facts.shown.values() if (row.item, row.open) == (item, True) and row.month]
        first = min((row for row in ahead if row.cell_end > today), key=lambda row: row.cell_end, default=None)
        if first is None:
            yield item, "nothing is owed by a day"
        elif changed(facts, item):
            yield from _bounded(facts, item, first)


def _bounded(facts: PlanFacts, item: str, first: Row) -> Said:
    """After a change nobody goes one and a half intervals and is not overdue (rules 3 and 6), but by a hold or move."""
    done = [row.performed_on for row in facts.studies if row.item == item and not row.repeat_by]
    put_off = [row.day for row in facts.overrides if row.item == item and row.day]
    lifted = [row.resumed_on for row in facts.holds if row.item in (None, item) and row.resumed_on]
    last = max([facts.plan.enrolled_on, *done, *put_off, *lifted, *(at.since for at in facts.terms)])
    phases = [phase for at in facts.terms for phase in at.rhythms.get(item, ())]
    longest = max(months for _, end, months in phases if not end or first.month <= end + months)
    if first.overdue_from > longest_gap(last, longest) and not first.held_from:
        yield f"{item} {first.month}", f"overdue from {first.overdue_from}, too long after {last}"


def _deferred(proof: Proof, patient: PatientFacts, active: list[PlanFacts], today: date) -> Said:
    """Nobody is put off further than a clinician has signed; a hold or an item that is off, by nobody unnamed."""
    granted, signed = {(row.kind, row.subject, row.item): row for row in patient.deferrals}, set()
    for kind, subject, item, until, since in _put_off(patient, active):
        row = granted.get((kind, subject, item))
        until = until or (row.until if row else today)
        if far := until > max(today, since) + FAR:
            signed.add(patient.staff[row.recorded_by].name if row and row.recorded_by in patient.staff else "nobody")
        if row.until < until if row else far or kind in ("hold", "off", "restart"):
            yield f"{kind} {item}".strip(), f"until {until}, granted by nobody"
        elif far and row and row.role != "clinician":
            yield f"{kind} {item}".strip(), f"until {until}, signed by a {row.role}"
    proof.counts["far"] += bool(signed)
    proof.signed |= signed


def _put_off(patient: PatientFacts, active: list[PlanFacts]) -> Iterator[tuple[str, str, str, date | None, date]]:
    """The facts that put somebody off: kind, which one, item, until when if that is a fact, from when on (rule 11)."""
    for facts in active:
        plan, day = facts.plan, facts.plan.anchor
        holds = [("hold", str(row.id), row.item or "", row.review_on, day) for row in facts.holds if not row.resumed_on]
        yield from [*holds, *(("off", str(plan.id), item, None, day) for item in facts.terms[-1].off)]
        words = {(row.item, row.month, row.extra_id): row for row in facts.overrides if row.kind in ("move", "skip")}
        for (item, month, extra), row in words.items():
            yield row.kind, f"{plan.id}:{item}:{extra or month}", item, row.day, add_months(day, month or 0)
    rows = {f"{row.worklist}:{row.subject}": row for row in sorted(patient.aside, key=lambda row: str(row.at))}
    yield from (("snooze", subject, "", row.until, date.min) for subject, row in rows.items())
    plans = [facts.plan for facts in patient.plans[-1:] if facts.plan.restart_by and not active]
    yield from (("restart", str(plan.id), "", plan.restart_by, plan.ended_on) for plan in plans)


def _left(patient: PatientFacts) -> Said:
    """A disease of the living that no plan follows: an end that a clinician signed, or work that is shown (rule 10)."""
    for number, disease in [row[1:] for row in patient.conditions] or [(0, None)]:
        last = next((each.plan for each in reversed(patient.plans) if each.plan.condition_id == disease), None)
        signer = last and patient.staff.get(last.end_signed_by)  # none of the site's any more: then a clinician once
        if last is None or (last.ended_on and last.end_reason not in FINAL):
            if not {("without_plan", number), ("restart", number)} & {row[1:] for row in patient.gaps}:
                yield "without a plan", "is work that is shown nowhere"
        elif last.ended_on and (not last.end_signed_by or (signer and signer.role != "clinician")):
            yield "end", f"{last.end_reason}, and no clinician signed it"
