"""Plants a fault where a module is imported, and makes a run of tests quick: no example is made smaller or kept."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import CodeType, ModuleType

import pytest

from mutation.mutants import ROOT, Mutant, planted


class _Planted(SourceLoader):
    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        self.path = str(ROOT / mutant.module)

    def get_filename(self, fullname: str) -> str:
        return self.path

    def get_data(self, path: str) -> bytes:
        raise OSError("a fault is never read from a cache")

    def get_code(self, fullname: str) -> CodeType:
        return compile(planted(self.mutant.module, self.mutant.number), self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self.loader = _Planted(mutant)
        self.name = "surveillance." + mutant.module.removesuffix(".py").replace("/", ".")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == self.name:
            return spec_from_file_location(fullname, self.loader.path, loader=self.loader)
        return None


def into_imports(mutant: Mutant) -> None:
    sys.meta_path.insert(0, _Finder(mutant))


def pytest_configure(config: pytest.Config) -> None:
    from hypothesis import Phase, settings

    settings.register_profile(
        "faults", phases=[Phase.explicit, Phase.generate], database=None, derandomize=True, deadline=None
    )
    settings.load_profile("faults")
