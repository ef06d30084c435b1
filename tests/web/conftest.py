"""The clinic and its server, on SQLite and on PostgreSQL."""

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from browser import FLAGS, Screen, screen
from playwright.sync_api import Browser, sync_playwright
from staff import Staffed, copied, furnish
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


# -- the staffed clinic, by HTTP and in a browser -----------------------------------------------------------------


@pytest.fixture(scope="session")
def furnished(migrated_file: Path, made_once: Callable[..., Path]) -> Path:
    """The clinic as a file that tests copy."""

    def make(file: Path) -> None:
        shutil.copy(migrated_file, file)
        furnish(f"sqlite:///{file}")

    return made_once("furnished.sqlite3", make)


@pytest.fixture
def staffed(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staffed]:
    """The clinic with its staff and one patient of each story, on SQLite; nothing that a test does stays."""
    with copied(furnished, tmp_path_factory.getbasetemp()) as clinic:
        yield clinic


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for all tests of a worker; each test has a window, cookies and a server of its own."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def window(browser: Browser, staffed: Staffed) -> Callable[..., AbstractContextManager[Screen]]:
    """``window("grace")``, ``window("grace", PHONE)``, ``window(None)``, ``window("grace", scripts=False)``."""
    return partial(screen, browser, staffed)


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
