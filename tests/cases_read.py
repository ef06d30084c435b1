"""The cases of tests/cases/ and the protocols that they may name, for tests."""

from functools import cache
from pathlib import Path

from surveillance.catalogue import cases as files_of
from surveillance.catalogue import protocols
from surveillance.catalogue.cases import Case, Group
from surveillance.core.protocols.protocol import Protocol
from surveillance.paths import cases_folder, config_folder

FOLDER = cases_folder()


def files() -> list[Path]:
    return files_of.files(FOLDER)


@cache
def groups() -> tuple[Group, ...]:
    return files_of.load(FOLDER)


def cases() -> list[Case]:
    return files_of.chosen(groups())


@cache
def shipped() -> dict[str, Protocol]:
    return protocols.load_all(config_folder() / "protocols")


def protocol_of(named: str) -> Protocol:
    """A shipped protocol by ``id@version``."""
    return protocols.find(shipped(), named)
