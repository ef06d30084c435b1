"""The database: engines, the two ways to use one, its schema's versions, backup and restore.

SQLite serves one clinic, PostgreSQL any number of processes. Application code never commits: ``writing``
is one transaction with one commit at its end, ``reading`` leaves nothing behind.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from sqlmodel import Session

from surveillance import paths
from surveillance.core.errors import ConfigurationError, InvalidInputError, UnavailableError

HEAD: Final = "0010"  # the newest migration in alembic/versions; a test compares
LOCK_WAIT: Final = 30  # seconds that a SQLite writer waits for another one to finish
STATEMENTS: Final = 3000  # compiled statements that are kept: the service knows more than SQLAlchemy's 500
CONNECT_WAIT: Final = 10  # seconds that a PostgreSQL server has to answer
_BEGIN: Final = "sqlite_begin"


def parsed(url: str) -> sa.URL:
    """The address of a database, with the driver this service uses.

    Raises:
        ConfigurationError: it is no address, or one of another kind of database. The address is not repeated,
            as it may hold a password.
    """
    try:
        parts = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        parts = sa.URL.create("unreadable")
    match parts.get_backend_name():
        case "sqlite":
            return parts.set(drivername="sqlite")
        case "postgresql" | "postgres":
            return parts.set(drivername="postgresql+psycopg")
    raise ConfigurationError(
        "SURVEILLANCE_DATABASE_URL must be like sqlite:///data/surveillance.sqlite3 or postgresql://user:password@host/name"
    )


def place(url: sa.URL) -> str:
    """Where the database is, for people to read: never with user or password."""
    if url.get_backend_name() == "sqlite":
        return f"the database file {url.database or ':memory:'}"
    return f"the database {url.database} at {url.host or url.query.get('host', 'localhost')}:{url.port or 5432}"


def create_engine_for(url: str) -> sa.Engine:
    """An engine for the database at ``url``; nothing is opened yet.

    On SQLite a transaction takes the write lock when it begins (BEGIN IMMEDIATE): one that begins as a reader
    and then writes cannot wait for another writer and fails at once. ``reading`` is exempt.
    """
    parts = parsed(url)
    # A statement's parameters are patients' data; without hiding them they would stand in tracebacks and logs.
    common: dict[str, Any] = {"hide_parameters": True, "query_cache_size": STATEMENTS}
    if parts.get_backend_name() == "sqlite":
        engine = sa.create_engine(parts, **common, connect_args={"timeout": LOCK_WAIT})
        sa.event.listen(engine, "do_connect", _connect_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    options = {"connect_timeout": CONNECT_WAIT, "application_name": "surveillance"}
    engine = sa.create_engine(parts, **common, pool_pre_ping=True, connect_args=options)
    sa.event.listen(engine, "do_connect", _connect_postgresql)
    return engine


def _connect_sqlite(dialect: sa.Dialect, _record: Any, arguments: Any, options: Any) -> Any:
    try:
        connection = dialect.connect(*arguments, **options)
        _set_up_sqlite(connection)
    except sqlite3.Error as error:
        raise UnavailableError(
            f"the database file {arguments[0]} cannot be opened: {error}; check SURVEILLANCE_DATABASE_URL"
            " and run 'surveillance db upgrade'"
        ) from error
    return connection


def _set_up_sqlite(connection: Any) -> None:
    connection.isolation_level = None  # sqlite3 must not begin transactions of its own
    try:
        for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {setting}")
    except sqlite3.Error:
        connection.close()
        raise


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get(_BEGIN, 'IMMEDIATE')}")


def _connect_postgresql(dialect: sa.Dialect, _record: Any, arguments: Any, options: Any) -> Any:
    try:
        return dialect.connect(*arguments, **options)
    except psycopg.OperationalError as error:
        where = f"{options.get('dbname')} at {options.get('host', 'localhost')}:{options.get('port', 5432)}"
        raise UnavailableError(f"the database {where} does not answer: {_first_line(error)}") from error


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def reading(engine: sa.Engine) -> Iterator[Session]:
    """A session that only looks: one consistent view on SQLite, no write lock, and nothing of it is ever kept."""
    with _translated(engine), Session(engine.execution_options(**{_BEGIN: "DEFERRED"})) as session:
        yield session


@contextmanager
def writing(engine: sa.Engine) -> Iterator[Session]:
    """One transaction: committed once, at the end, or rolled back as a whole when anything is raised.

    What was loaded stays readable after the commit.

    Raises:
        UnavailableError: the database went away, or stayed locked for ``LOCK_WAIT`` seconds.
    """
    with _translated(engine), Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def _translated(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    except sa.exc.OperationalError as error:
        raise UnavailableError(f"{place(engine.url)} does not do its work: {_first_line(error.orig)}") from error


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the schema to ``revision``. Safe to run from several processes at once: they queue.

    Raises:
        UnavailableError: the database cannot be reached.
        InvalidInputError: there is no such revision.
    """
    parts = parsed(url)
    if parts.get_backend_name() == "sqlite" and parts.database:
        _make_folder(Path(parts.database).parent)
    _migrate(url, "upgrade", revision)


def downgrade(url: str, revision: str) -> None:
    """Take the schema back to ``revision``; raises as ``upgrade`` does."""
    _migrate(url, "downgrade", revision)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(f"cannot make the folder {folder} for the database: {error.strerror}") from error


def _migrate(url: str, direction: str, revision: str) -> None:
    from alembic import command  # here: a quarter of a second that only a change of the schema should take
    from alembic.util import CommandError

    engine = create_engine_for(url)
    config = alembic_config()
    config.attributes["engine"] = engine
    try:
        with _translated(engine):
            getattr(command, direction)(config, revision)
    except CommandError as error:
        raise InvalidInputError(f"the schema cannot be brought to {revision!r}: {_first_line(error)}") from error
    finally:
        engine.dispose()


def alembic_config() -> Any:
    """Alembic's configuration: where the migrations of this installation stand."""
    from alembic.config import Config

    config = Config()
    # '%' begins an interpolation in alembic's configuration.
    config.set_main_option("script_location", str(paths.alembic_folder()).replace("%", "%%"))
    return config


def current_revision(engine: sa.Engine) -> str | None:
    """The revision of the database's schema; None before the first upgrade."""
    with reading(engine) as session:
        if not sa.inspect(session.connection()).has_table("alembic_version"):
            return None
        found: str | None = session.connection().execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        return found


def head_revision() -> str:
    """The newest revision this installation knows; ``readyz`` compares it with the database's."""
    return HEAD


def require_current(engine: sa.Engine) -> None:
    """Raises UnavailableError unless the schema is the one this installation was written for."""
    found, wanted = current_revision(engine), head_revision()
    if found != wanted:
        raise UnavailableError(
            f"{place(engine.url)} has schema {found or 'none'}, this version needs {wanted};"
            " run 'surveillance db upgrade'"
        )
