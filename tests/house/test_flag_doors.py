"""Whatever books a visit passes the one place that asks about safety flags: a new door without it fails here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "surveillance"
OPERATIONS = PACKAGE / "operations"
ASKS = "ask"


def name_of(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def is_booked(node: ast.AST) -> bool:
    """``AppointmentState.BOOKED``, or its value, wherever it comes from."""
    if isinstance(node, ast.Attribute):
        return node.attr == "BOOKED" and name_of(node.value) == "AppointmentState"
    return isinstance(node, ast.Constant) and node.value == "booked"


def makes(tree: ast.Module) -> Iterator[int]:
    """The lines on which a visit becomes a booked one: by an assignment, a keyword, a key, or a row that is loaded."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Attribute(attr="state")], value=value) if any(map(is_booked, ast.walk(value))):
                yield node.lineno
            case ast.keyword(arg="state", value=value) if any(map(is_booked, ast.walk(value))):
                yield value.lineno
            case ast.Dict() if any(
                isinstance(key, ast.Constant) and key.value == "state" and is_booked(value)
                for key, value in zip(node.keys, node.values, strict=True)
            ):
                yield node.lineno
            case ast.Call(func=function, args=args) if name_of(function) in ("append", "setattr", "update", "replace"):
                rows = [each for each in args if isinstance(each, (ast.Tuple, ast.Attribute, ast.Constant))]
                if any(is_booked(part) for row in rows for part in (row, *getattr(row, "elts", ()))):
                    yield node.lineno
            case ast.Yield(value=ast.Tuple(elts=parts)) if any(map(is_booked, parts)):
                yield node.lineno


def asks(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == ASKS
        and name_of(node.func.value) == "flags"
        for node in ast.walk(tree)
    )


def is_open(source: str) -> bool:
    """Whether a module books a visit and never asks about flags."""
    tree = ast.parse(source)
    return bool(list(makes(tree))) and not asks(tree)


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_whoever_books_a_visit_asks_about_safety_flags(file: Path) -> None:
    assert not is_open(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "planted",
    [
        "def take(work, row):\n    row.state = AppointmentState.BOOKED",
        "def take(work):\n    work.session.add(Appointment(state=AppointmentState.BOOKED, day=day))",
        "def take(work, row):\n    row.state = words.AppointmentState.BOOKED if free else row.state",
        "def load(tables):\n    tables.visits.append((visit_id, AppointmentState.BOOKED, day))",
        "def load():\n    yield Appointment, AppointmentState.BOOKED",
        "def take(work):\n    work.session.execute(sa.update(Appointment).values(state='booked'))",
        "def take(row):\n    row.sqlmodel_update({'state': AppointmentState.BOOKED})",
        "def take(row):\n    setattr(row, 'state', AppointmentState.BOOKED)",
    ],
)
def test_a_planted_door_is_found(planted: str) -> None:
    assert is_open(planted)
    assert not is_open(f"{planted}\n\ndef then(work):\n    flags.ask(work)")


@pytest.mark.parametrize(
    "looking",
    [
        "rows = appointments.of_patient(session, patient_id, AppointmentState.BOOKED)",
        "if row.state is AppointmentState.BOOKED:\n    pass",
        "SHOWN = (AppointmentState.PROPOSED, AppointmentState.BOOKED)",
    ],
)
def test_whoever_only_looks_at_what_is_booked_is_no_door(looking: str) -> None:
    assert not is_open(looking)


def test_the_doors_that_there_are_are_seen() -> None:
    made = {
        file.relative_to(OPERATIONS).as_posix()
        for file in OPERATIONS.rglob("*.py")
        if list(makes(ast.parse(file.read_text(encoding="utf-8"))))
    }
    assert made == {"visits/booking.py", "visits/outcomes.py"}
