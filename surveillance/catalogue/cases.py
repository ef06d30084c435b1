"""The reference cases: what follows from given facts, as data. ``tests/cases/README.md`` tells their form."""

from collections.abc import Iterator, Mapping, Sequence
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
class Step:
    """One day of a story: what became known on it, what follows, and what the patient was sent until its end."""

    day: str
    told: str
    add: Data
    set: Data
    drop: Data
    case: Case
    sent: Sequence[Data] | None
    end: str  # why the plan ends on this day


@dataclass(frozen=True, slots=True)
class Story:
    """A patient from enrolment to the end; each step is a case of its own."""

    id: str
    title: str
    because: str
    given: Data
    steps: tuple[Step, ...]


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
    stories: tuple[Story, ...] = ()  # then ``cases`` are their steps


def load(folder: Path) -> tuple[Group, ...]:
    """Every group of a folder, then its stories, in the order of the file names. Raises InvalidFileError."""
    told = [_story_group(path) for path in story_files(folder)]
    return (*map(_group, files(folder)), *told)


def files(folder: Path) -> list[Path]:
    """The groups of single cases."""
    return sorted(folder.glob("*.yaml"))


def story_files(folder: Path) -> list[Path]:
    return sorted((folder / "stories").glob("*.yaml"))


def stories(folder: Path) -> list[Story]:
    return [story for path in story_files(folder) for story in _stories(yaml_lines.read(path).data)]


def chosen(groups: Sequence[Group], ids: Sequence[str] = ()) -> list[Case]:
    """The cases with these ids, or those of a group or story that is named; without ids every one."""
    return [case for group in groups for case in group.cases if not ids or _named(case, group, ids)]


def _named(case: Case, group: Group, ids: Sequence[str]) -> bool:
    return case.id in ids or group.name in ids or case.id.partition(".")[0] in ids


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


# -- stories -----------------------------------------------------------------------------------------------------


def _story_group(path: Path) -> Group:
    data = yaml_lines.read(path).data
    told = tuple(_stories(data))
    steps = tuple(step.case for story in told for step in story.steps)
    return Group(f"stories-{path.stem}", data["title"], data["about"], data["source"], {}, steps, stories=told)


def _stories(data: Data) -> Iterator[Story]:
    for entry in data["stories"]:
        steps: list[Step] = []
        known: Data = entry["given"]
        for number, told in enumerate(entry["steps"], start=1):
            known = _grown(known, told)
            steps.append(_step(entry, f"{entry['id']}.{number}", told, known, data["source"]))
        yield Story(entry["id"], entry["title"], entry["because"], entry["given"], tuple(steps))


def _step(story: Data, id: str, told: Data, known: Data, source: str) -> Step:
    then = {"on_day": told["day"], **told["then"]}
    rules = tuple(told.get("rules", story["rules"]))
    case = Case(id, story["title"], rules, story.get("source", source), told["told"], known, None, then)
    add, put, drop = (told.get(name, {}) for name in ("add", "set", "drop"))
    return Step(told["day"], told["told"], add, put, drop, case, told.get("sent"), told.get("end", ""))


def _grown(known: Data, told: Data) -> Data:
    """What is known from this step on: ``drop`` by id, then ``add`` (the same id stands for it anew), then ``set``."""
    grown = dict(known)
    for name, ids in told.get("drop", {}).items():
        grown[name] = [entry for entry in grown.get(name, []) if entry["id"] not in ids]
    for name, entries in told.get("add", {}).items():
        anew = {entry["id"] for entry in entries if "id" in entry}
        grown[name] = [*(entry for entry in grown.get(name, []) if entry.get("id") not in anew), *entries]
    return grown | dict(told.get("set", {}))
