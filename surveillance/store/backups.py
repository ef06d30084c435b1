"""Backup and restore of the whole database, to and from one file.

A restored database still believes what it knew on the day of its backup; whoever restores one must pause
dispatch before anything is sent (design: reminder rule 12).
"""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from psycopg.conninfo import make_conninfo

from surveillance.core.errors import ConflictError, InvalidInputError, UnavailableError
from surveillance.store.db import parsed, place

_ARCHIVE: Final = b"PGDMP"  # how a file of pg_dump's custom format begins


def backup(url: str, file: Path) -> None:
    """Write a consistent copy of the database to ``file`` while the service goes on; only its owner may read it.

    SQLite: a database file, by SQLite's online backup. PostgreSQL: an archive of ``pg_dump``.

    Raises:
        ConflictError: the file exists already; a backup never replaces another one.
        UnavailableError: database, folder or PostgreSQL's programs are not there.
    """
    if file.exists():
        raise ConflictError(f"{file} exists already; a backup never replaces another, give a new name")
    parts = parsed(url)
    with _new_file(file) as part:
        if parts.get_backend_name() == "sqlite":
            _copy(_existing(parts), part)
        else:
            _run("pg_dump", parts, "--format=custom", "--no-owner", "--no-privileges", f"--file={part}")


def restore(url: str, file: Path) -> None:
    """Replace everything in the database by what ``file`` holds: all of it, or nothing where that fails.

    Raises:
        InvalidInputError: the file is not a backup of this kind of database, or is damaged.
        UnavailableError: the database or PostgreSQL's programs are not there.
    """
    parts = parsed(url)
    if not file.is_file():
        raise InvalidInputError(f"there is no backup {file}")
    if parts.get_backend_name() == "sqlite":
        _refuse_damaged(file)
        target = Path(parts.database or "")
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(file, target)
    else:
        _restore_postgresql(parts, file)


@contextmanager
def _new_file(file: Path) -> Iterator[Path]:
    """A file that gets its name only when it is whole."""
    part = file.with_name(f".{file.name}.part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        yield part
        part.replace(file)
    except OSError as error:
        raise UnavailableError(f"cannot write the backup {file}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _existing(parts: sa.URL) -> Path:
    database = Path(parts.database or "")
    if not database.is_file():
        raise UnavailableError(f"{place(parts)} does not exist; check SURVEILLANCE_DATABASE_URL")
    return database


def _copy(source: Path, target: Path) -> None:
    """SQLite's online backup: other connections to either file stay usable and see the old or the new state."""
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target, timeout=30)) as new:
            old.backup(new)
    except sqlite3.Error as error:
        raise UnavailableError(f"cannot copy {source} to {target}: {error}") from error


def _refuse_damaged(file: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as copy:
            (verdict,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
            copy.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise InvalidInputError(f"{file} is not a backup of a SQLite database of this service: {error}") from error
    if verdict != "ok":
        raise InvalidInputError(f"{file} is damaged: {verdict}; use another backup")


def _restore_postgresql(parts: sa.URL, file: Path) -> None:
    """One transaction empties the database and fills it again.

    ``pg_restore --clean`` would leave the tables that came after the backup, and the next upgrade would trip
    over them. The statements go through a file, not a pipe: one that breaks off must not be committed.
    """
    with file.open("rb") as archive:
        if archive.read(len(_ARCHIVE)) != _ARCHIVE:
            raise InvalidInputError(f"{file} is not a backup of a PostgreSQL database of this service")
    with tempfile.TemporaryDirectory(prefix="restore-") as folder:
        script = Path(folder) / "restore.sql"
        _run("pg_restore", None, "--no-owner", "--no-privileges", f"--file={script}", str(file))
        _run(
            "psql",
            parts,
            "--no-psqlrc",
            "--quiet",
            "--single-transaction",
            "--set=ON_ERROR_STOP=1",
            "--command=SET client_min_messages = warning",
            "--command=DROP SCHEMA public CASCADE",
            "--command=CREATE SCHEMA public",
            f"--file={script}",
        )


def _run(program: str, parts: sa.URL | None, *arguments: str) -> None:
    """Run one of PostgreSQL's programs. The password goes by the environment: arguments are seen by every user."""
    path = shutil.which(program)
    if path is None:
        raise UnavailableError(f"{program} is not installed; it comes with PostgreSQL's client programs")
    environment = dict(os.environ)
    connection = []
    if parts is not None:
        if parts.password:
            environment["PGPASSWORD"] = str(parts.password)
        connection = [f"--dbname={_conninfo(parts)}"]
    done = subprocess.run(  # noqa: S603  # the program is found on PATH, nothing passes a shell
        [path, *connection, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise UnavailableError(f"{program} failed: {lines[0]}")


def _conninfo(parts: sa.URL) -> str:
    """The address in libpq's form, with its options (sslmode and others) but without the password."""
    known: dict[str, Any] = {"dbname": parts.database, "host": parts.host, "port": parts.port, "user": parts.username}
    known |= parts.query
    return make_conninfo(**{key: value for key, value in known.items() if value is not None})
