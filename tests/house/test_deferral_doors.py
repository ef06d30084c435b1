"""Whatever puts a patient off passes the one place that knows the limits: a new door without it fails here."""

import ast
from pathlib import Path

import pytest

OPERATIONS = Path(__file__).parents[2] / "surveillance" / "operations"
# A row of each of these may take somebody off a list; whoever makes one asks the room of deferrals.
PUTS_OFF = frozenset({"PlanHold", "PlanTerms", "BoardAction"})
OVERRIDES = frozenset({"MOVE", "SKIP"})
ASKS = frozenset({"grant", "allow", "follow", "off_items"})
MADE_BY_RULE = {"visits/results.py", "visits/study_checks.py"}  # an override that rules on a study puts nobody off


def calls(tree: ast.Module) -> set[str]:
    """The names that a module calls, and the tables whose rows it loads in bulk."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            found.add(name)
        if (
            isinstance(node, ast.Yield)
            and isinstance(node.value, ast.Tuple)
            and isinstance(node.value.elts[0], ast.Name)
        ):
            found.add(node.value.elts[0].id)
    return found


def is_open(source: str) -> bool:
    """Whether a module makes what puts off and does not ask whether it may."""
    made = calls(ast.parse(source))
    return bool(made & (PUTS_OFF | {"Override"})) and not made & ASKS


@pytest.mark.parametrize(
    "file", sorted(OPERATIONS.rglob("*.py")), ids=lambda file: file.relative_to(OPERATIONS).as_posix()
)
def test_whoever_makes_what_puts_off_asks_whether_it_may(file: Path) -> None:
    if file.relative_to(OPERATIONS).as_posix() in MADE_BY_RULE:
        return
    assert not is_open(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "planted",
    [
        "def pause(work):\n    work.session.add(PlanHold(plan_id=1))",
        "def later(work):\n    row = BoardAction(until=day)\n    work.session.add(row)",
        "def off(work):\n    work.session.add(tables.PlanTerms(intervals={}))",
        "def leave_out(work):\n    work.session.add(Override(kind=OverrideKind.SKIP))",
        "def load():\n    yield PlanTerms, TERMS, self.terms",
    ],
)
def test_a_planted_door_is_found(planted: str) -> None:
    assert is_open(planted)


def test_the_doors_that_there_are_are_seen() -> None:
    made = {
        file.relative_to(OPERATIONS).as_posix()
        for file in OPERATIONS.rglob("*.py")
        if calls(ast.parse(file.read_text(encoding="utf-8"))) & (PUTS_OFF | {"Override"})
    }
    assert made >= {"care/holds.py", "care/overrides.py", "care/enrolment.py", "board/acts.py", "imports/bulk.py"}
