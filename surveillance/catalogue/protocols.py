"""Protocols from files, and back to text that never changes.

A version that a site approved is frozen in the database as canonical JSON: equal protocols give equal text, and
the text is itself a valid protocol file.
"""

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from surveillance.catalogue import yaml_lines
from surveillance.catalogue.protocol_data import of_core, to_core
from surveillance.catalogue.protocol_document import ProtocolDocument
from surveillance.core.errors import ConfigurationError, InvalidFileError, InvalidInputError, NotFoundError, Problem
from surveillance.core.protocols.faults import faults
from surveillance.core.protocols.protocol import Protocol

EARLIER: Final = "earlier"  # versions that a newer one has followed: patients may still be on them


def load(path: Path) -> Protocol:
    """One protocol file.

    Raises:
        InvalidFileError: with one problem for each mistake. Mistakes of form come first; the schedule's own
            rules (design: schedule rule 2) are looked at once the form is right.
    """
    return _protocol(yaml_lines.read(path))


def load_all(directory: Path) -> dict[str, Protocol]:
    """All ``*.yaml`` of a directory, and of its folder of earlier versions, by ``id@version``.

    Raises:
        ConfigurationError: there is no such directory.
        InvalidFileError: with the problems of all files; two files with the same id and version are one.
    """
    if not directory.is_dir():
        raise ConfigurationError(f"{directory} is not a directory; protocol files are looked for there")
    found: dict[str, Protocol] = {}
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    for path in [*sorted(directory.glob("*.yaml")), *sorted((directory / EARLIER).glob("*.yaml"))]:
        try:
            document = yaml_lines.read(path)
            protocol = _protocol(document)
        except InvalidFileError as error:
            problems += error.problems
            continue
        if protocol.key in files:
            reason = f"{protocol.key} already stands in {files[protocol.key].name}; raise the version"
            problems.append(document.problem(["version"], reason))
        found[protocol.key] = protocol
        files[protocol.key] = path
    if problems:
        raise InvalidFileError(problems)
    return found


def latest(protocols: Mapping[str, Protocol], id: str) -> Protocol:
    """The highest version of protocol ``id``: 2026.10 is after 2026.9.

    Raises:
        NotFoundError: there is no such protocol.
    """
    versions = [protocol for protocol in protocols.values() if protocol.id == id]
    if not versions:
        raise NotFoundError(f"there is no protocol {id!r}; {_hint(id, {p.id for p in protocols.values()})}")
    return max(versions, key=_version)


def find(protocols: Mapping[str, Protocol], name: str) -> Protocol:
    """What ``name`` means: ``id`` the latest version, ``id@version`` that one.

    Raises:
        NotFoundError: there is no such protocol, or not in that version.
    """
    if "@" not in name:
        return latest(protocols, name)
    if name not in protocols:
        raise NotFoundError(f"there is no protocol version {name!r}; {_hint(name, protocols)}")
    return protocols[name]


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a protocol file, for editors and for ``config/protocols/protocol.schema.json``."""
    schema = ProtocolDocument.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Surveillance protocol",
    }


def dump(protocol: Protocol) -> str:
    """Canonical JSON: the keys in the order of the form, no spaces, UTF-8 as it is."""
    return json.dumps(of_core(protocol), ensure_ascii=False, separators=(",", ":"))


def parse_canonical(text: str) -> Protocol:
    """The protocol that ``dump`` wrote: ``parse_canonical(dump(protocol)) == protocol``.

    Raises:
        InvalidInputError: the text is not such JSON, or knows keys that this version of the program does not.
    """
    try:
        return to_core(ProtocolDocument.model_validate_json(text))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        reason = yaml_lines.reason(first, ProtocolDocument)
        raise InvalidInputError(f"the stored protocol cannot be read: {reason}") from error


def digest(protocol: Protocol) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal: shows whether a file still is what was approved."""
    return hashlib.sha256(dump(protocol).encode()).hexdigest()


def _protocol(document: yaml_lines.Document) -> Protocol:
    protocol = to_core(yaml_lines.validate(document, ProtocolDocument))
    problems = [document.problem(fault.path, fault.reason) for fault in faults(protocol)]
    if problems:
        raise InvalidFileError(sorted(problems, key=lambda problem: problem.line))
    return protocol


def _version(protocol: Protocol) -> tuple[int, ...]:
    return tuple(map(int, protocol.version.split(".")))


def _hint(wanted: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(wanted, list(known), n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known)) or 'none'}"
