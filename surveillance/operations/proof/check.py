"""The proof of the promise (design section 1) on the live database: nobody is silently lost. Two provers make it.

The first trusts no stored projection: every plan is derived again from its recorded facts and compared. The second
(``second_proof``) knows nothing of the planner. What they find
is damage, never ordinary work; ordinary work stands on the board, which is a query over the same facts.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from surveillance.core.deferrals import LONGEST
from surveillance.core.schedule.examinations import Derived, FindingKind, PlanFacts, derive
from surveillance.core.schedule.reconcile import reconcile
from surveillance.operations.audit import sealing
from surveillance.operations.deferrals import off_items
from surveillance.operations.planning import preconditions, replanning
from surveillance.operations.proof import second_proof
from surveillance.operations.proof.second_proof import Told
from surveillance.operations.proof.violation import Violation
from surveillance.operations.work import Work
from surveillance.store.planning import plans
from surveillance.store.proof import deferrals as deferred
from surveillance.store.proof import rules as store
from surveillance.store.registry import staff
from surveillance.store.tables import Patient, Plan

BATCH = 200  # plans or patients that are held in memory at a time
GRACE = timedelta(hours=1)  # a dispatcher that is an hour late is not running

Progress = Callable[[int, int], None]
_BY_HAND = "find out who changed the database by hand, and record the report or the next action again"


def check(work: Work, progress: Progress | None = None, told: Told | None = None) -> list[Violation]:
    """Everything on this database that breaks the promise, by both provers; an empty list proves it.

    ``progress`` is told how many plans of how many have been looked at, ``told`` what the second prover counted. The
    session is emptied on the way, so it should be used for nothing else.
    """
    work.session.flush()
    return [*whole(work), *_plans(work, progress), *_from_outside(work, told)]


def whole(work: Work) -> Iterator[Violation]:
    """What single queries over everything tell."""
    for part in (_staff, _people, _deferrals, _projections, _messages, _trail, _chain):
        yield from part(work)


def of_plans(work: Work, plan_ids: Iterable[UUID]) -> Iterator[Violation]:
    """What deriving some plans again tells."""
    for plan_id in plan_ids:
        yield from _plan(work, plan_id)


def _violations(work: Work, rows: Iterable[Any], rule: str, what: str, mend: str) -> Iterator[Violation]:
    """One violation for each row of site, MRN and what the sentence ``what`` names by position."""
    for site_id, mrn, *values in rows:
        yield Violation(rule, work.site(site_id).code, f"MRN {mrn}", what.format(*values), mend)


def _staff(work: Work) -> Iterator[Violation]:
    """An active person of each live site can see and do what its patients need."""
    for site, role in staff.lacking(work.session, work.now):
        what = f"the site is live and no {role} acts there: its work is nobody's"
        yield Violation("somebody acts", site.code, "", what, f"an administrator gives somebody the role of {role}")


def _people(work: Work) -> Iterator[Violation]:
    session = work.session
    yield from _violations(
        work, store.several_active_plans(session), "one plan", "{} active plans for one disease", "end all but one"
    )
    yield from _violations(
        work,
        store.of_somebody_else(session),
        "a plan is its patient's",
        "a {} is for a disease that is not the patient's, or was taken back",
        "find out who changed the database by hand",
    )
    yield from _violations(
        work,
        store.dead_with_active_plan(session),
        "the dead rest",
        "died on {} and still has an active plan",
        "retract the death and record it again",
    )
    yield from _violations(
        work,
        store.unsigned_ends(session),
        "signed end",
        "the plan ended on {} ({}) and nobody signed it",
        "reopen the plan and let a clinician end it",
    )
    yield from _violations(
        work,
        store.visits_without_lines(session),
        "visits name examinations",
        "the visit of {} names no examination",
        "cancel it and book again",
    )
    yield from _violations(
        work,
        store.visits_after_the_end(session),
        "ends cancel",
        "a visit is booked for {}, but the plan ended on {}",
        "cancel the visit",
    )


def _deferrals(work: Work) -> Iterator[Violation]:
    """Whoever is put off is put off by somebody who may, until a day that the board knows."""
    session, rule = work.session, "put off by name"
    longest = work.now.date() + timedelta(days=LONGEST)
    kinds = (
        (deferred.holds(session), "a hold until {} was granted by nobody", "review the hold, or resume it"),
        (deferred.rows_aside(session, longest), "a row of {} is put aside until {}", "bring it back to the board"),
        (deferred.restarts(session), "a restart by {} was granted by nobody", "reopen the plan, and end it again"),
    )
    for rows, what, mend in kinds:
        yield from _violations(work, rows, rule, what, mend)


def _projections(work: Work) -> Iterator[Violation]:
    """What is stored of people's facts, so that the board and a search are quick, is what the facts say."""
    session, rule = work.session, "stored is derived"
    kinds = (
        (store.wrong_gaps(session), "what the patient lacks", "the sweep of the next day stores it anew"),
        (store.wrong_words(session), "the words to search by", "edit the patient's name, and set it back"),
        (store.wrong_history(session), "which studies are history", "correct the anchor of the plan, and set it back"),
        (store.wrong_skips(session), "which skips are to review", "run 'tick', which plans anew"),
        (store.wrong_reports(session), "how far a report has come", _BY_HAND),
        (store.wrong_obligations(session), "what follows from a result", _BY_HAND),
    )
    for rows, what, mend in kinds:
        yield from _violations(work, rows, rule, f"{what} is stored otherwise than the facts say", mend)


def _messages(work: Work) -> Iterator[Violation]:
    session = work.session
    mend = "tell the patient, and look why in the attempts ('messages list')"
    yield from _violations(work, store.sent_twice(session), "sent once", "message {} went out {} times", mend)
    yield from _violations(
        work, store.sent_on_two_channels(session), "sent once", "message {} went out on {} channels", mend
    )
    yield from _violations(
        work,
        store.sent_without_attempt(session),
        "sent means taken",
        "message {} is {}, but no provider took it",
        "call the patient and settle the message",
    )
    yield from _violations(
        work,
        store.withdrawn_without_reason(session),
        "reasons",
        "message {} is {} without a reason",
        "look at the audit trail",
    )
    yield from _violations(
        work,
        store.forgotten(session, work.now - GRACE),
        "nothing forgotten",
        "message {} was of use until {} and nobody decided about it",
        "see that a worker runs ('doctor'), or run 'tick'",
    )


def _trail(work: Work) -> Iterator[Violation]:
    """Every recorded fact has the event that tells who recorded it."""
    mend = "find out who changed the database by hand"
    for table in store.AUDITED:
        for row_id in store.without_event(work.session, table):
            yield _silent(str(table.__tablename__), row_id, mend)
    for row_id in store.visits_without_event(work.session):
        yield _silent("appointment", row_id, mend)
    for row_id in store.deaths_without_event(work.session):
        yield _silent("death", row_id, mend)


def _silent(table: str, row_id: str, mend: str) -> Violation:
    return Violation("every change is explained", "", f"{table} {row_id[:8]}", "no audit event speaks of it", mend)


def _chain(work: Work) -> Iterator[Violation]:
    """The audit trail is the one that was sealed: nothing of it was changed, taken out or put in."""
    verdict = sealing.verify(work)
    if verdict.broken:
        more = f", and {verdict.broken - 1} more broken links" if verdict.broken > 1 else ""
        yield Violation(
            "the trail is whole",
            "",
            "audit chain",
            verdict.first + more,
            "keep this database as it is, compare it with a backup, and find out who can write to it",
        )
    if verdict.late:
        yield Violation(
            "the trail is sealed",
            "",
            f"event {verdict.first_late}",
            f"{verdict.late} events are not sealed, though a worker runs for over an hour",
            "look for 'seal' in the worker's log",
        )


def _from_outside(work: Work, told: Told | None) -> Iterator[Violation]:
    everybody, told = store.patient_ids(work.session), told or Told()
    for start in range(0, len(everybody), BATCH):
        yield from second_proof.of_patients(work, everybody[start : start + BATCH], told)
    yield from second_proof.of_board(work, told)


# -- plans, derived again --------------------------------------------------------------------------------------


def _plans(work: Work, progress: Progress | None) -> Iterator[Violation]:
    everything = store.plan_ids(work.session)
    for number, plan_id in enumerate(everything, start=1):
        yield from _plan(work, plan_id)
        if number % BATCH == 0 or number == len(everything):
            work.session.expunge_all()  # a registry of 100,000 patients does not fit into memory
            if progress is not None:
                progress(number, len(everything))


def _plan(work: Work, plan_id: UUID) -> Iterator[Violation]:
    plan = preconditions.plan_of(work, plan_id)
    patient = work.session.get_one(Patient, plan.patient_id)
    facts = replanning.facts_of(work, plan)
    derived = derive(facts, plan.horizon)

    def violation(rule: str, what: str, mend: str) -> Violation:
        return Violation(rule, work.site(plan.site_id).code, f"MRN {patient.mrn}", what, mend)

    mend = "run 'tick', which plans anew; if it stays, somebody changed the database by hand"
    for unseen in _flags_unseen(work, plan, derived):
        yield violation("flags are asked", unseen, "a clinician confirms it, or the visit is changed; then run 'tick'")
    for difference in _differences(work, plan, derived):
        yield violation("stored is derived", difference, mend)
    if plan.ended_on is None and patient.died_on is None:
        for item in _off_unsigned(work, plan):
            yield violation("put off by name", f"{item} is off, and nobody may have it so", "switch it on, or sign it")
        for item in _without_next(work, plan, facts):
            yield violation("a next examination", f"{item} has none up to {plan.horizon}, and no hold", mend)


def _differences(work: Work, plan: Plan, derived: Derived) -> Iterator[str]:
    stored = plans.projected(work.session, plan.id)
    changes = reconcile(derived, [plans.examination(row) for row in stored.values()])
    for row in changes.add:
        yield f"{_named(row.item, row.month)} is wanted and not stored"
    for row in changes.cancel:
        yield f"{_named(row.item, row.month)} is stored and not wanted"
    for before, after in changes.move:
        fields = [name for name, value in after._asdict().items() if getattr(before, name) != value]
        yield f"{_named(after.item, after.month)} is stored with another {', '.join(fields)} than its facts give"
    for key, line in stored.items():
        if line.open != plans.examination(line).open:
            yield f"{_named(key.item, key.month)} is stored as {'open' if line.open else 'closed'} against its facts"
    if store.findings(work.session, plan.id) != set(derived.findings):
        yield "the stored findings are not those of its facts"


def _flags_unseen(work: Work, plan: Plan, derived: Derived) -> Iterator[str]:
    """Visits that a safety flag speaks against which nobody confirmed, and that are no work on the board."""
    on_board, today = store.findings(work.session, plan.id), work.today(work.site(plan.site_id))
    for finding in derived.findings:
        if finding.kind is FindingKind.FLAG_UNCONFIRMED and finding.since >= today and finding not in on_board:
            yield f"a safety flag speaks against {finding.item} on {finding.since}, and the board does not say so"


def _named(item: str, month: int | None) -> str:
    return f"{item} (extra)" if month is None else f"{item}@{month}"


def _off_unsigned(work: Work, plan: Plan) -> list[str]:
    """Items that the protocol repeats, that the terms in force switch off, and that no deferral speaks of."""
    terms = plans.terms_in_force(work.session, plan.id)[-1]
    protocol = work.protocol(terms.protocol_key)
    repeated = work.terms(protocol.key, terms.intervals, None).rhythms
    signed = {row.item for row in off_items.of_plan(work, plan)}
    return [item.code for item in protocol.scheduled if item.enabled and item.code not in {*repeated, *signed}]


def _without_next(work: Work, plan: Plan, facts: PlanFacts) -> Iterator[str]:
    """Items of the terms in force that have no open examination ahead, unless their protocol is over.

    A held examination is open; a hold has a review date, as its column admits none without.
    """
    today = work.today(work.site(plan.site_id))
    current = [terms for terms in facts.terms if terms.since is None or terms.since <= today][-1]
    stored = plans.projected(work.session, plan.id).values()
    ahead = {row.item for row in stored if row.month is not None and row.open and row.cell_end > today}
    over = {
        finding.item for finding in store.findings(work.session, plan.id) if finding.kind is FindingKind.PROTOCOL_ENDS
    }
    return (item for item in current.rhythms if item not in ahead | over)
