"""A clinic that is furnished once for each worker of a run, and copied for each test that begins with it.

Whoever opens a clinic on a fresh database says ``once(engine, "its name", furnish)``. At the addresses that
``sqlite_url`` and ``postgres_url`` give, the database as ``furnish`` left it is kept the first time and put back the
next; what ``furnish`` told (ids, that no test changes) is told again.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg import sql

T = TypeVar("T")


class Address(Protocol):
    """Where the tests of a worker find their database. Nobody is connected to it when it is kept or put back."""

    def keep(self, name: str) -> None: ...

    def put_back(self, name: str) -> None: ...


@dataclass(frozen=True)
class File:
    """An SQLite file; what is kept lies beside it."""

    path: Path

    def keep(self, name: str) -> None:
        shutil.copy(self.path, self.path.with_name(name))

    def put_back(self, name: str) -> None:
        for left in self.path.parent.glob(f"{self.path.name}-*"):
            left.unlink()
        shutil.copy(self.path.with_name(name), self.path)


@dataclass(frozen=True)
class Database:
    """A PostgreSQL database; what is kept is a database of the same server."""

    server: psycopg.Connection
    name: str

    def keep(self, name: str) -> None:
        self._copy(self.name, f"{self.name}_{name}")

    def put_back(self, name: str) -> None:
        self.drop()
        self._copy(f"{self.name}_{name}", self.name)

    def create(self, template: str) -> None:
        self.drop()
        self._copy(template, self.name)

    def drop(self) -> None:
        self.server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.name)))

    def _copy(self, template: str, name: str) -> None:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self.server.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


ADDRESSES: dict[str, Address] = {}  # by URL, while a test uses it
_TOLD: dict[tuple[str, str], tuple[str, Any]] = {}  # by URL and name: under which name it is kept, what was told


def once(engine: sa.Engine, name: str, furnish: Callable[[], T]) -> T:
    """What ``furnish`` tells, with the database of ``engine`` as ``furnish`` leaves an empty one."""
    url = engine.url.render_as_string(hide_password=False)
    address = ADDRESSES.get(url)
    if address is None:
        return furnish()
    if (url, name) in _TOLD:
        kept, told = _TOLD[url, name]
        engine.dispose()
        address.put_back(kept)
        return told  # type: ignore[no-any-return]
    told = furnish()
    engine.dispose()
    address.keep(kept := f"kept{len(_TOLD)}")
    _TOLD[url, name] = kept, told
    return told
