"""What the core makes of a case: where it disagrees, and what holds of the core's answer in every case."""

from collections.abc import Iterator
from dataclasses import replace

from cases_read import shipped
from reconciled import applied

from surveillance.catalogue.cases import Case
from surveillance.core.schedule.examinations import PlanFacts, derive
from surveillance.core.schedule.reconcile import reconcile
from surveillance.operations.cases import facts, running
from surveillance.operations.cases.questions import question


def disagreements(case: Case) -> list[str]:
    """Where the core and the case differ; empty if they agree."""
    result = next(running.run(running.OwnEngine(), [case], shipped()))
    return [*result.lines, *(f"{case.id} · {line}" for line in _invariants(case))]


def _invariants(case: Case) -> Iterator[str]:
    if "refused" in case.then:
        return
    asked = question(case, shipped())
    known = facts.protocols_of(asked)
    plan = facts.plan_facts(asked.facts, known)
    derived = derive(plan, asked.facts.until)
    if derive(_reversed(plan), asked.facts.until) != derived:
        yield "the same facts in another order of arrival give another plan"
    if not reconcile(derived, derived.examinations).empty:
        yield "planning a second time changes something"
    for row in derived.examinations:
        inside = row.cell_start <= row.window_start <= row.target <= row.window_end < row.cell_end
        if row.month is not None and not inside:
            yield f"{row.item} month {row.month}: the window does not lie inside the cell"
    if asked.before is not None:
        before = derive(facts.plan_facts(asked.before, known), asked.before.until)
        rows = {row.key: row for row in derived.examinations}
        if applied(reconcile(derived, before.examinations), before.examinations) != rows:
            yield "changes: applied to what was stored they do not give what is wanted"


def _reversed(given: PlanFacts) -> PlanFacts:
    return replace(
        given,
        holds=given.holds[::-1],
        studies=given.studies[::-1],
        bookings=given.bookings[::-1],
    )
