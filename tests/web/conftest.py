"""The clinic and its server, on SQLite and on PostgreSQL."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from web_clinic import Clinic, Server, open_clinic, serving

from surveillance import bootstrap
from surveillance.operations.work import Catalogue
from surveillance.settings import Settings


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return bootstrap.open_catalogue(Settings())


@pytest.fixture
def clinic(database_url: str, catalogue: Catalogue) -> Iterator[Clinic]:
    """Once on SQLite, once on PostgreSQL."""
    clinic = open_clinic(database_url, catalogue)
    yield clinic
    clinic.app.close()


@pytest.fixture
def sqlite_clinic(sqlite_url: str, catalogue: Catalogue) -> Iterator[Clinic]:
    clinic = open_clinic(sqlite_url, catalogue)
    yield clinic
    clinic.app.close()


@pytest.fixture
def server(clinic: Clinic) -> Iterator[Server]:
    with serving(clinic) as server:
        yield server


@pytest.fixture
def sqlite_server(sqlite_clinic: Clinic) -> Iterator[Server]:
    with serving(sqlite_clinic) as server:
        yield server


@pytest.fixture
def log_as_before() -> Iterator[None]:
    """For tests that set up the log themselves, once their stderr is captured: afterwards it is as it was."""
    root = logging.getLogger()
    before = (root.handlers, root.level)
    yield
    root.handlers, root.level = before
    structlog.reset_defaults()


@pytest.fixture
def statements(clinic: Clinic) -> Iterator[list[str]]:
    """Every statement that the service sends to its database, as it goes."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    sa.event.listen(clinic.app.engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(clinic.app.engine, "before_cursor_execute", note)
