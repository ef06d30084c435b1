"""``make mutants``: plants faults in the rules, one at a time, and asks whether the cases and properties see them.

A fault that changes nothing anybody can see stands in ``equivalent.yaml`` with the reason; whatever else survives is
printed, and more than one in a hundred fails. ``--seed`` and ``--number`` choose; ``--module`` looks at one module.
"""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import yaml

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from mutation.mutants import ROOT, Mutant, mutants  # noqa: E402

SCHEDULE = ("acceptance/test_cases.py", "core/schedule", "core/protocols", "core/test_dates.py")
MESSAGES = ("core/messages",)
RULES: dict[str, Sequence[str]] = {  # which tests are asked about the faults of which modules
    "core/dates.py": SCHEDULE,
    "core/deferrals.py": ("core/test_deferrals.py", "operations/care/test_deferrals.py"),
    "core/schedule/*.py": SCHEDULE,
    "core/protocols/[!_]*.py": (*SCHEDULE, "catalogue"),
    "core/messages/*.py": MESSAGES,
}
PURE = ("core", "catalogue", "acceptance/test_cases.py")
SECONDS = 300  # a fault that lets a loop run for ever is seen, too
SURVIVED, SEEN = 0, 1


def tests_of(module: str) -> Sequence[str]:
    return next(tests for pattern, tests in RULES.items() if Path(module).match(pattern))


def chosen(number: int, seed: int, only: str) -> list[Mutant]:
    modules = sorted({str(file.relative_to(ROOT)) for pattern in RULES for file in ROOT.glob(pattern)})
    every = [each for module in modules if only in module for each in mutants(module)]
    return sorted(Random(seed).sample(every, min(number, len(every))), key=lambda each: (each.module, each.number))


def survives(mutant: Mutant) -> bool:
    """Whether the tests pass with the fault."""
    return _pass(tests_of(mutant.module), mutant)


def _pass(tests: Sequence[str], mutant: Mutant | None = None) -> bool:
    """Whether tests pass; they run in a process of their own, which ends by itself."""
    child = os.fork()
    if child == 0:
        _in_child(tests, mutant)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == SURVIVED


def _in_child(tests: Sequence[str], mutant: Mutant | None) -> None:
    signal.alarm(SECONDS)
    with (
        Path(os.devnull).open("w") as nothing,
        contextlib.redirect_stdout(nothing),
        contextlib.redirect_stderr(nothing),
    ):
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
        code = SEEN  # also where the fault breaks the run itself
        with contextlib.suppress(BaseException):
            code = _tried(tests, mutant)
        os._exit(code)


def _tried(tests: Sequence[str], mutant: Mutant | None) -> int:
    import pytest

    from mutation import plant

    if mutant is not None:
        plant.into_imports(mutant)
    paths = [str(TESTS / name) for name in tests]
    options = [
        "-x",
        "-q",
        "-m",
        "not postgres and not browser and not long",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
    ]
    if all(name.startswith(PURE) for name in tests):  # these need no database, which takes its time to be imported
        options += ["--confcutdir", str(TESTS / "core")]
    code = pytest.main([*options, "-p", "mutation.plant", *paths])
    return SURVIVED if code == pytest.ExitCode.OK else SEEN


def equivalent() -> dict[str, str]:
    """Faults that nobody can see, by their keys, with the reason."""
    return yaml.safe_load((Path(__file__).parent / "equivalent.yaml").read_text(encoding="utf-8")) or {}


def survivors(tried: Sequence[Mutant], processes: int) -> Iterator[Mutant]:
    with ThreadPoolExecutor(processes) as pool:
        for count, (mutant, survived) in enumerate(zip(tried, pool.map(survives, tried), strict=True), 1):
            print(f"\r{count} of {len(tried)}", end="", file=sys.stderr, flush=True)
            if survived:
                yield mutant


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--number", type=int, default=400)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--module", default="")
    asked.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = asked.parse_args()
    known = equivalent()
    found = chosen(given.number, given.seed, given.module)
    tried = [mutant for mutant in found if mutant.key not in known]
    for tests in {tests_of(mutant.module) for mutant in tried}:
        if not _pass(tests):
            print(f"without any fault these do not pass: {', '.join(tests)}")
            return 2
    left = []
    for mutant in survivors(tried, given.processes):
        left.append(mutant)
        print(f"\rnobody saw {mutant.name}", flush=True)
    seen = len(tried) - len(left)
    print(
        f"\rseed {given.seed}: {seen} of {len(tried)} faults seen ({seen / max(1, len(tried)):.1%}); "
        f"{len(found) - len(tried)} more change nothing anybody can see"
    )
    return 1 if len(left) * 100 > len(tried) else 0


if __name__ == "__main__":
    sys.exit(main())
