"""``surveillance db``: bring the schema up to date, back up, restore, check."""

from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer

from surveillance import bootstrap, settings
from surveillance.cli import show
from surveillance.cli.context import WrongUseError, account
from surveillance.cli.options import AsJson, Yes
from surveillance.core.errors import ConflictError, UnavailableError
from surveillance.store import backups, db
from surveillance.store.messages import reminders
from surveillance.store.tables import DispatchPause

app = typer.Typer(help="The database: upgrade, back up, restore, check.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup file.")]


@app.command()
def upgrade(as_json: AsJson = False) -> None:
    """Bring the schema to this version; safe to run from several places at once.

    Example: surveillance db upgrade
    """
    url = settings.load().database_url
    db.upgrade(url)
    revision = db.head_revision()
    where = db.place(db.parsed(url))
    if as_json:
        show.write_json({"database": where, "revision": revision})
    else:
        show.say(f"{where} is at revision {revision}.")


@app.command()
def backup(file: File, as_json: AsJson = False) -> None:
    """Write a consistent copy of the database to a new file, while the service goes on.

    Example: surveillance db backup /backups/clinic-2026-12-01.sqlite3
    """
    backups.backup(settings.load().database_url, file)
    size = file.stat().st_size
    if as_json:
        show.write_json({"file": file.as_posix(), "bytes": size})
    else:
        show.say(f"Wrote {file} ({size:,} bytes). It holds patients' data: keep it where only you can read it.")


@app.command()
def restore(file: File, as_json: AsJson = False, yes: Yes = False) -> None:
    """Replace everything in the database by a backup. Messages stay paused until 'dispatch resume'.

    Example: surveillance db restore /backups/clinic-2026-12-01.sqlite3
    """
    url = settings.load().database_url
    where = db.place(db.parsed(url))
    if not yes:
        if as_json:
            raise WrongUseError("--json asks nobody: give --yes to restore")
        show.say(f"Everything in {where} is replaced by {file}.")
        if not typer.confirm("Restore?", default=False):
            show.say("Nothing was changed.")
            raise typer.Exit(1)
    backups.restore(url, file)
    db.upgrade(url)
    _pause(url, file)
    if as_json:
        show.write_json({"database": where, "file": file.as_posix(), "dispatch": "paused"})
    else:
        show.say(f"{where} holds what {file} held. Messages are paused:")
        show.say("look at what was sent since the backup, then give them free with 'surveillance dispatch resume'.")


def _pause(url: str, file: Path) -> None:
    """What was sent after the backup is not in it: nothing goes out until a person has looked (reminder rule 12)."""
    engine = db.create_engine_for(url)
    try:
        with db.writing(engine) as session:
            values = {
                "scope": reminders.ALL_SITES,
                "since": bootstrap.utc_now(),
                "why": f"restored from {file.name} by {account()}",
                "user_id": bootstrap.system_actor(session).user_id,
            }
            reminders.add_if_missing(session, DispatchPause, values)
    finally:
        engine.dispose()


@app.command()
def check(as_json: AsJson = False) -> None:
    """Look whether the database answers, is whole, and has the schema of this version.

    Example: surveillance db check
    """
    url = settings.load().database_url
    engine = db.create_engine_for(url)
    try:
        db.require_current(engine)
        faults = _faults(engine)
    finally:
        engine.dispose()
    where = db.place(db.parsed(url))
    if as_json:
        show.write_json({"database": where, "revision": db.head_revision(), "faults": faults})
    if faults:
        raise ConflictError(f"{where} is damaged: {faults[0]}; restore a backup")
    if not as_json:
        show.say(f"{where} is whole and at revision {db.head_revision()}.")


def _faults(engine: sa.Engine) -> list[str]:
    """SQLite checks its file and every reference; PostgreSQL keeps both whole by itself."""
    if engine.dialect.name != "sqlite":
        return []
    with db.reading(engine) as session:
        connection = session.connection()
        try:
            damage = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(5)")]
            broken = [
                f"a row of {row[0]} refers to nothing" for row in connection.exec_driver_sql("PRAGMA foreign_key_check")
            ]
        except sa.exc.DatabaseError as error:
            raise UnavailableError(f"{db.place(engine.url)} cannot be read: {error.orig}") from error
    return [line for line in damage if line != "ok"] + broken
