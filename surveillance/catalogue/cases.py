"""The reference cases: what follows from given facts, as data. ``tests/cases/README.md`` tells their form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from surveillance.catalogue import yaml_lines

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One case with the group's defaults filled in. ``afterwards`` holds what is different after a change."""

    id: str
    title: str
    rules: tuple[int, ...]
    source: str
    because: str
    given: Data
    afterwards: Data | None
    then: Data

    @property
    def now_given(self) -> Data:
        """The facts that ``then`` speaks about."""
        return {**self.given, **(self.afterwards or {})}

    @property
    def item(self) -> str | None:
        """The item that an entry without one means: the only one that the case follows."""
        items = self.given.get("items") or {}
        return next(iter(items)) if len(items) == 1 else None


@dataclass(frozen=True, slots=True)
class Group:
    """One file: cases about one theme. ``given`` are the facts that hold where a case says nothing else."""

    name: str
    title: str
    about: str
    source: str
    given: Data
    cases: tuple[Case, ...]
    own: Mapping[str, Data] = field(default_factory=dict)  # by case id: what the case itself gives, for readers


def load(folder: Path) -> tuple[Group, ...]:
    """Every group of a folder, in the order of the file names. Raises InvalidFileError."""
    return tuple(map(_group, files(folder)))


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.yaml"))


def chosen(groups: Sequence[Group], ids: Sequence[str] = ()) -> list[Case]:
    """The cases with these ids, or those of a group or story that is named; without ids every one."""
    return [case for group in groups for case in group.cases if not ids or _named(case, group, ids)]


def _named(case: Case, group: Group, ids: Sequence[str]) -> bool:
    return case.id in ids or group.name in ids


def _group(path: Path) -> Group:
    data = yaml_lines.read(path).data
    found = tuple(_case(entry, data) for entry in data["cases"])
    own = {entry["id"]: entry.get("given", {}) for entry in data["cases"]}
    return Group(path.stem, data["title"], data["about"], data["source"], data["given"], found, own)


def _case(entry: Data, group: Data) -> Case:
    return Case(
        entry["id"],
        entry["title"],
        tuple(entry["rules"]),
        entry.get("source", group["source"]),
        entry["because"],
        {**group["given"], **entry.get("given", {})},
        entry.get("afterwards"),
        entry["then"],
    )
