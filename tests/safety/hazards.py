"""The safety file: hazards as data, checked against the code and the tests, and written as pages.

``python tests/safety/hazards.py`` (or ``make safety``) runs the linked tests, then writes ``docs/safety/hazard-log.md``
with what they said; it ends with 1 where a link is dead or a test does not pass. The structure is that of DCB0129 and
ISO 14971: cause, effect, severity and likelihood before and after the controls, the controls, what remains.
"""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).parents[2]
FOLDER = TOP / "docs" / "safety"
SEVERITY = ("minor", "significant", "considerable", "major", "catastrophic")
LIKELIHOOD = ("very low", "low", "medium", "high", "very high")
# Rows by severity, columns by likelihood; 4 and 5 are unacceptable, 3 is reduced as far as can be, 2 and 1 accepted.
# Proposed by this project; a site's safety officer may set another one.
CLASS = (
    (1, 1, 2, 2, 3),
    (1, 2, 2, 3, 4),
    (2, 2, 3, 3, 4),
    (2, 3, 3, 4, 5),
    (3, 3, 4, 5, 5),
)
ACCEPTABLE = 3  # the highest class that may remain


@dataclass(frozen=True)
class Control:
    what: str
    code: Sequence[str]  # module:name
    tests: Sequence[str]  # node ids of pytest, or files


@dataclass(frozen=True)
class Hazard:
    id: str
    hazard: str
    cause: str
    effect: str
    severity: str
    before: str  # likelihood without the controls
    after: str
    controls: Sequence[Control]
    remaining: str

    def risk(self, likelihood: str) -> int:
        return CLASS[SEVERITY.index(self.severity)][LIKELIHOOD.index(likelihood)]


def read(path: Path = FOLDER / "hazards.yaml") -> list[Hazard]:
    """Raises TypeError or KeyError where an entry lacks a part or has one that nobody knows."""
    data: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [Hazard(**(each | {"controls": [Control(**control) for control in each["controls"]]})) for each in data]


# -- links -----------------------------------------------------------------------------------------------------


def faults(hazards: Sequence[Hazard]) -> Iterator[str]:
    """What is wrong with the log, one sentence each."""
    ids = [each.id for each in hazards]
    for each in hazards:
        if ids.count(each.id) > 1:
            yield f"{each.id} stands twice"
        if each.severity not in SEVERITY or not {each.before, each.after} <= set(LIKELIHOOD):
            yield f"{each.id}: no such severity or likelihood"
            continue
        if each.risk(each.after) > ACCEPTABLE:
            yield f"{each.id}: a risk of class {each.risk(each.after)} must not remain"
        if each.risk(each.after) > each.risk(each.before):
            yield f"{each.id}: controls do not make a risk greater"
        for control in each.controls:
            yield from (f"{each.id}: {link}: {why}" for link, why in _dead(control))


def _dead(control: Control) -> Iterator[tuple[str, str]]:
    if not control.code or not control.tests:
        yield control.what, "names no code or no test"
    for link in control.code:
        if why := _no_code(link):
            yield link, why
    for link in control.tests:
        if why := _no_test(link):
            yield link, why


def _no_code(link: str) -> str:
    module, _, name = link.partition(":")
    try:
        found = importlib.import_module(module)
    except ImportError:
        return "there is no such module"
    return "" if name and hasattr(found, name) else "the module has no such name"


def _no_test(link: str) -> str:
    file, _, name = link.partition("::")
    if not (TOP / file).is_file():
        return "there is no such file of tests"
    names = _tests(file)
    return "" if not name or name in names else "the file has no such test"


@cache
def _tests(file: str) -> frozenset[str]:
    tree = ast.parse((TOP / file).read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


# -- the page --------------------------------------------------------------------------------------------------


HEAD = """# Hazard log

{hazards} hazards, {controls} controls. Written from `hazards.yaml` by `make safety`, which runs every test that is
named here on the release at hand and fails where a link is dead. How a class follows from severity and likelihood
stands at the end; [README.md](README.md) says what the file is for.
"""


def page(hazards: Sequence[Hazard]) -> str:
    """The log for reading."""
    lines = [HEAD.format(hazards=len(hazards), controls=sum(len(each.controls) for each in hazards))]
    lines += ["| Hazard | Severity | Likelihood | Class | Remains |", "|---|---|---|---|---|"]
    lines += map(_row, hazards)
    for each in hazards:
        lines += ["", *_told(each)]
    return "\n".join([*lines, "", *_table()]) + "\n"


def _row(each: Hazard) -> str:
    likelihood, classes = f"{each.before} → {each.after}", f"{each.risk(each.before)} → {each.risk(each.after)}"
    name = f"[{each.id}](#{each.id.lower()}) {each.hazard}"
    return f"| {name} | {each.severity} | {likelihood} | {classes} | {each.remaining} |"


def _told(each: Hazard) -> Iterator[str]:
    yield from (f"## {each.id}", "", f"**{each.hazard}.**", "")
    yield f"- Cause: {each.cause}. Effect: {each.effect}."
    yield f"- Severity {each.severity}; likelihood {each.before} without, {each.after} with the controls."
    for control in each.controls:
        code, tests = (", ".join(f"`{link}`" for link in links) for links in (control.code, control.tests))
        yield f"- **Control:** {control.what}. Code: {code}. Tests: {tests}."
    yield f"- Remains: {each.remaining}"


def _table() -> list[str]:
    rows = zip(SEVERITY, CLASS, strict=True)
    accepted = f"Nothing above class {ACCEPTABLE} may remain. Proposed by this project; a site may set another table."
    return [
        "## How the class follows",
        "",
        "| Severity | " + " | ".join(LIKELIHOOD) + " |",
        "|---|" + "---|" * len(LIKELIHOOD),
        *(f"| {name} | " + " | ".join(map(str, row)) + " |" for name, row in rows),
        "",
        accepted,
    ]


def main() -> int:
    hazards = read()
    dead = list(faults(hazards))
    print(*dead, sep="\n", end="\n" if dead else "")
    if dead:
        return 1
    linked = sorted({link for each in hazards for control in each.controls for link in control.tests})
    outcome = subprocess.run([sys.executable, "-m", "pytest", "-q", *linked], cwd=TOP, check=False)
    if outcome.returncode:
        print("a control's test does not pass: the page was not written")
        return 1
    (FOLDER / "hazard-log.md").write_text(page(hazards), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
