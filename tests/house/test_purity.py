"""The core is a function of what it is given: no clock, no chance, no files, no network."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import surveillance.core

CORE = Path(surveillance.core.__file__).parent
FILES = sorted(CORE.rglob("*.py"))

# fmt: off
WORLDLY = frozenset({
    "asyncio", "builtins", "ctypes", "getpass", "http", "importlib", "io", "logging", "multiprocessing", "os",
    "pathlib", "platform", "pty", "random", "resource", "secrets", "select", "shelve", "shutil", "signal",
    "smtplib", "socket", "socketserver", "sqlite3", "ssl", "subprocess", "sys", "syslog", "tempfile", "threading",
    "time", "urllib.request", "webbrowser",
})
# fmt: on
ALLOWED = frozenset({"babel", "surveillance.core"})
CLOCK_AND_CHANCE = frozenset({"now", "today", "utcnow", "uuid1", "uuid4", "time", "time_ns", "monotonic", "localtime"})
CLOCKS = frozenset({"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "datetime.datetime.now"})
BUILTINS = frozenset({"open", "input", "print", "exec", "eval", "__import__", "breakpoint"})


def breaches(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (f"line {node.lineno} imports {alias.name}" for alias in node.names if not pure(alias.name))
        elif isinstance(node, ast.ImportFrom):
            if node.level or not pure(node.module or ""):
                yield f"line {node.lineno} imports from {'.' * node.level}{node.module or ''}"
        elif isinstance(node, ast.Call) and forbidden_call(node):
            yield f"line {node.lineno} calls {ast.unparse(node.func)}"
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in CLOCKS:
            yield f"line {node.lineno} names {ast.unparse(node)}"


def pure(module: str) -> bool:
    parents = [".".join(module.split(".")[: n + 1]) for n in range(module.count(".") + 1)]
    if any(parent in ALLOWED for parent in parents):
        return True
    return parents[0] in sys.stdlib_module_names and not WORLDLY.intersection(parents)


def forbidden_call(node: ast.Call) -> bool:
    if isinstance(node.func, ast.Name):
        return node.func.id in BUILTINS | {"uuid1", "uuid4"}
    # An instant's own .time() takes no argument and reads no clock: only module-like receivers count for it.
    if isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_AND_CHANCE:
        return node.func.attr != "time" or ast.unparse(node.func.value) == "time"
    return False


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CORE)))
def test_the_core_touches_nothing_of_the_world(file: Path) -> None:
    assert list(breaches(ast.parse(file.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "impure",
    [
        "datetime.now(UTC)",
        "date.today()",
        "today = date.today",
        "field(default_factory=datetime.now)",
        "datetime.datetime.utcnow()",
        "uuid.uuid4()",
        "from uuid import uuid4\nuuid4()",
        "import random",
        "from random import choice",
        "import time",
        "from time import time",
        "import os.path",
        "from pathlib import Path",
        "open('x')",
        "import sqlmodel",
        "from surveillance.store import db",
        "from surveillance import settings",
        "from . import words",
        "import urllib.request",
    ],
)
def test_the_check_sees_every_breach(impure: str) -> None:
    assert list(breaches(ast.parse(impure)))


@pytest.mark.parametrize(
    "harmless",
    [
        "from datetime import UTC, date, datetime, time",
        "from surveillance.core.words import Role",
        "from babel.dates import format_date",
        "moment.astimezone(UTC).time()",
        "facts.today",
        "uuid.uuid5(space, key)",
        "from zoneinfo import ZoneInfo",
        "import urllib.parse",
    ],
)
def test_the_check_lets_pure_code_pass(harmless: str) -> None:
    assert list(breaches(ast.parse(harmless))) == []


def test_the_check_reads_the_whole_core() -> None:
    assert {"dates.py", "protocol.py"} <= {file.name for file in FILES}
