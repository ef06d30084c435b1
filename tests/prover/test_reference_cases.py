"""The second prover against the reference cases: what is owed by when, and what became of it."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import cases
import pytest
from cases import Case

from surveillance.prover import schedule as prover
from surveillance.prover.schedule import Obligation

# The prover knows nothing of the days on which something is ordered or proposed: nobody is lost by those.
UNKNOWN = {"item", "month", "extra", "proposed", "proposed_outside_window", "late", "order_from", "due_from"}
SAME = {"to_order": "upcoming", "due": "upcoming", "reported": "performed", "reviewed": "performed"}
# Where a rhythm changed the prover tries bounds alone; what an operation refuses is nothing to prove.
CASES = [
    case
    for case in cases.cases()
    if "refused" not in case.then and not case.given["changes"] and not case.before["changes"]
]


def test_there_are_hundreds_of_cases() -> None:
    assert len(CASES) > 250


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_second_prover_agrees_with_the_case(case: Case) -> None:
    facts = cases.facts(case.given, case.before)
    owed = {row.key: row for row in prover.derive(facts, _until(case))}
    assert list(_problems(case, owed, facts.plan.ended_on)) == []


def _until(case: Case) -> date:
    if "until" in case.given:
        return cases.day(case.given["until"])
    days = re.findall(r"\d{4}-\d\d-\d\d", f"{case.given} {case.then}")
    return prover.add_months(max(map(date.fromisoformat, days)), 24)


def _problems(case: Case, owed: dict[Any, Obligation], ended: date | None) -> Iterator[str]:
    items = case.given["items"]
    only = next(iter(items)) if items and len(items) == 1 else None
    for entry in case.then.get("examinations", ()):
        key = (entry.get("item", only), entry.get("month"), entry.get("extra"))
        if key not in owed:
            yield f"{key} is not owed"
            continue
        for name, wanted in entry.items():
            yield from _of_row(case, owed[key], name, wanted, ended)
    for item, months in _by_item(case.then.get("months", {}), only):
        found = sorted(row.key[1] for row in owed.values() if row.key[0] == item and row.key[1])
        if found != months:
            yield f"months of {item}: {months}, found {found}"
    for item, months in _by_item(case.then.get("absent", {}), only):
        yield from (f"{item} {month} is owed" for month in months if (item, month, None) in owed)


def _by_item(told: Any, only: str | None) -> Iterator[tuple[Any, Any]]:
    yield from told.items() if isinstance(told, dict) else [(only, told)]


def _of_row(case: Case, row: Obligation, name: str, wanted: Any, ended: date | None) -> Iterator[str]:
    if name in UNKNOWN:
        return
    if name == "status":
        days = wanted if isinstance(wanted, dict) else {case.then["on_day"]: wanted}
        for day, word in days.items():
            found = _status(row, cases.day(day), ended)
            if found != SAME.get(word, word):
                yield f"{row.key} on {day}: {word}, found {found}"
        return
    if name == "window":
        wanted = wanted[1]
    if _told(wanted) != _told(_value(row, name)):
        yield f"{row.key} {name}: {wanted}, found {_value(row, name)}"


def _told(value: Any) -> str:
    return str(value).lower()


def _value(row: Obligation, name: str) -> Any:
    match name:
        case "window":
            return row.window_end
        case "cell":
            return [str(row.cell_start), str(row.cell_end - prover.DAY)]
        case "fulfilled_by":
            return row.study.id if row.study else "none"
        case "booked":
            return row.booking.id if row.booking else "none"
        case "timing":
            return _timing(row)
    return getattr(row, name)


def _timing(row: Obligation) -> str:
    if not row.study:
        return "none"
    if row.study.performed_on > row.window_end:
        return "late"
    opens = max(row.target - row.tolerance * prover.DAY, row.cell_start)
    return "early" if row.study.performed_on < opens else "on_time"


def _status(row: Obligation, day: date, ended: date | None) -> str:
    """The word of a day, as far as the prover knows it."""
    rules = (
        ("performed", row.study and row.study.performed_on <= day),
        ("ended", row.ended and ended and ended <= day),
        ("skipped", row.skip),
        ("held", row.hold and row.hold[0] <= day < row.hold[1]),
        ("outcome_unknown", row.booking and row.booking.day < day),
        ("not_done_hold", day >= row.cell_end and row.over_held),
        ("missed", day >= row.cell_end),
        ("booked", row.booking),
        ("overdue", day >= row.overdue_from),
    )
    return next((word for word, holds in rules if holds), "upcoming")
