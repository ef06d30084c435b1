"""The reference cases as a set with a version: which files it has, and the digest by which one knows it again."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from surveillance.catalogue import cases, protocols
from surveillance.catalogue.cases import Case, Data, Group
from surveillance.core.errors import ConfigurationError
from surveillance.core.protocols.protocol import Protocol

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class CaseSet:
    """Data (protocols), logic (``rules.md``) and cases, as they stand in this installation."""

    version: str
    folder: Path
    groups: tuple[Group, ...]
    shipped: Mapping[str, Protocol]

    @property
    def protocols(self) -> dict[str, Protocol]:
        """The protocols that the cases name, by id and version."""
        named = sorted({key for case in cases.chosen(self.groups) for key in _named(case)})
        return {key: protocols.find(self.shipped, key) for key in named}

    def files(self) -> dict[str, bytes]:
        """Everything that a release of the set carries, by path, but for the manifest."""
        found = {_place(path.relative_to(self.folder)): path.read_bytes() for path in _files(self.folder)}
        written = {f"protocols/{key}.json": protocols.dump(each) for key, each in self.protocols.items()}
        return found | {name: f"{text}\n".encode() for name, text in written.items()}

    @property
    def digest(self) -> str:
        """SHA-256 over the files in the order of their paths: equal sets have equal digests."""
        made = hashlib.sha256()
        for name, body in sorted(self.files().items()):
            made.update(f"{name}\0{hashlib.sha256(body).hexdigest()}\n".encode())
        return made.hexdigest()

    def manifest(self) -> dict[str, Any]:
        """What stands in ``manifest.json``."""
        return {
            "name": "surveillance-cases",
            "version": self.version,
            "digest": f"sha256:{self.digest}",
            "cases": len(cases.chosen(self.groups)),
            "protocols": sorted(self.protocols),
        }


def load(folder: Path, shipped: Mapping[str, Protocol]) -> CaseSet:
    """Raises ConfigurationError where the manifest cannot be read, InvalidFileError for a file of cases."""
    try:
        version = str(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{folder / MANIFEST} has no version to read: {error}") from error
    return CaseSet(version, folder, cases.load(folder), shipped)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in (".yaml", ".json", ".md") and path.name != MANIFEST:
            yield path


def _place(path: Path) -> str:
    return f"cases/{path.as_posix()}" if path.suffix == ".yaml" else path.as_posix()


def _named(case: Case) -> Iterator[str]:
    for facts in (case.given, case.now_given):
        for entry in (facts, *facts.get("changes", [])):
            yield from _key(entry)


def _key(entry: Data) -> Iterator[str]:
    if isinstance(entry.get("protocol"), str):
        yield entry["protocol"]
