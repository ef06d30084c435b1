"""The faults that 'make mutants' plants are faults: each one compiles, differs from the source and is seen or known."""

import ast
from pathlib import Path

import pytest

from mutation import run
from mutation.mutants import ROOT, mutants, planted

MODULES = sorted({str(file.relative_to(ROOT)) for pattern in run.RULES for file in ROOT.glob(pattern)})


@pytest.mark.parametrize("module", [module for module in MODULES if mutants(module)])
def test_each_fault_changes_the_module_in_one_place(module: str) -> None:
    source = ast.unparse(ast.parse((ROOT / module).read_text(encoding="utf-8")))
    every = mutants(module)
    for mutant in (every[0], every[-1]):
        tree = planted(module, mutant.number)
        compile(tree, module, "exec")
        assert ast.unparse(tree) != source, mutant.name


def test_there_are_more_faults_than_are_asked_for() -> None:
    assert sum(len(mutants(module)) for module in MODULES) > 1000


def test_a_fault_that_nobody_can_see_stands_in_the_source_and_has_its_reason() -> None:
    there = {mutant.key for module in MODULES for mutant in mutants(module)}
    for key, reason in run.equivalent().items():
        assert key in there, f"{key} is no fault any more: take it out of equivalent.yaml"
        assert len(reason) > 20, key


def test_every_test_that_is_asked_is_there() -> None:
    for tests in run.RULES.values():
        assert all((Path(run.TESTS) / name).exists() for name in tests)
