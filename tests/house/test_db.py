import sqlite3
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from surveillance.core.errors import ConfigurationError, InvalidInputError, UnavailableError
from surveillance.store import db

pytestmark = pytest.mark.every_database


@pytest.fixture
def notes(engine: sa.Engine) -> sa.Engine:
    """The engine of a database that also has a small table to write to."""
    with db.writing(engine) as session:
        session.execute(sa.text("CREATE TABLE note (id INTEGER PRIMARY KEY, text VARCHAR NOT NULL)"))
    return engine


def write(engine: sa.Engine, number: int) -> None:
    with db.writing(engine) as session:
        session.execute(sa.text("INSERT INTO note VALUES (:id, 'x')"), {"id": number})


def count(engine: sa.Engine) -> int:
    with db.reading(engine) as session:
        return int(session.execute(sa.text("SELECT count(*) FROM note")).scalar_one())


def test_writing_commits_once_at_its_end(notes: sa.Engine) -> None:
    with db.writing(notes) as session:
        session.execute(sa.text("INSERT INTO note VALUES (1, 'x')"))
        assert count(notes) == 0
    assert count(notes) == 1


def test_an_error_undoes_everything_that_was_written(notes: sa.Engine) -> None:
    def half() -> None:
        with db.writing(notes) as session:
            session.execute(sa.text("INSERT INTO note VALUES (1, 'x')"))
            raise ConfigurationError("stop")

    with pytest.raises(ConfigurationError):
        half()
    assert count(notes) == 0


def test_reading_keeps_nothing(notes: sa.Engine) -> None:
    with db.reading(notes) as session:
        session.execute(sa.text("INSERT INTO note VALUES (1, 'x')"))
    assert count(notes) == 0


def test_a_reader_is_not_held_up_by_a_writer_and_sees_no_half_of_its_work(notes: sa.Engine) -> None:
    with db.writing(notes) as session:
        session.execute(sa.text("INSERT INTO note VALUES (1, 'x')"))
        with db.reading(notes) as reader:
            assert reader.execute(sa.text("SELECT count(*) FROM note")).scalar_one() == 0


def test_writers_wait_for_each_other_even_when_they_read_first(notes: sa.Engine) -> None:
    """Deferred transactions fail here: two readers that both go on to write cannot both be right (SQLITE_BUSY)."""
    failures: list[Exception] = []

    def work(first: int) -> None:
        try:
            for number in range(first, first + 10):
                with db.writing(notes) as session:
                    session.execute(sa.text("SELECT count(*) FROM note"))
                    session.execute(sa.text("INSERT INTO note VALUES (:id, 'x')"), {"id": number})
        except UnavailableError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(100 * number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert count(notes) == 50


def test_sqlite_runs_with_the_settings_that_correctness_needs(sqlite_engine: sa.Engine) -> None:
    with db.reading(sqlite_engine) as session:
        found = {
            name: session.execute(sa.text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        }
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": db.LOCK_WAIT * 1000, "synchronous": 2}


def test_a_locked_database_is_told_in_one_line(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "LOCK_WAIT", 0.1)
    engine = db.create_engine_for(sqlite_url)
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match=r"clinic\.sqlite3 does not do its work: database is locked"):
            write(engine, 1)
        other.execute("ROLLBACK")
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://clinic:hunter2@127.0.0.1:1/clinic", "clinic at 127.0.0.1:1 does not answer"),
        ("postgres://clinic:hunter2@localhost:1/clinic", "clinic at localhost:1 does not answer"),
        ("sqlite:////nowhere/at/all.sqlite3", "/nowhere/at/all.sqlite3 cannot be opened"),
    ],
)
def test_a_database_that_cannot_be_reached_is_named_without_its_password(url: str, told: str) -> None:
    engine = db.create_engine_for(url)
    with pytest.raises(UnavailableError, match=told) as refused, db.reading(engine) as session:
        session.execute(sa.text("SELECT 1"))
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_database_is_told_so(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear colleague,\n" * 100)
    with pytest.raises(UnavailableError, match=r"letter\.txt cannot be opened: file is not a database"):
        db.upgrade(f"sqlite:///{file}")


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://clinic:hunter2@host/clinic", "postgresql://h:port/clinic"])
def test_an_address_of_no_known_database_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SURVEILLANCE_DATABASE_URL must be like") as refused:
        db.create_engine_for(url)
    assert "hunter2" not in str(refused.value)


def test_a_postgresql_address_gets_its_driver_and_keeps_its_password() -> None:
    url = db.create_engine_for("postgresql://clinic:hunter2@db/clinic").url
    assert (url.drivername, url.password) == ("postgresql+psycopg", "hunter2")


def test_parameters_stay_out_of_the_errors_of_a_statement(notes: sa.Engine) -> None:
    with pytest.raises(sa.exc.IntegrityError) as refused, db.writing(notes) as session:
        session.execute(sa.text("INSERT INTO note VALUES (:id, :text)"), [{"id": 1, "text": "Ada"}] * 2)
    assert "Ada" not in str(refused.value)


def test_a_migrated_database_is_at_the_newest_revision(engine: sa.Engine) -> None:
    assert db.current_revision(engine) == db.head_revision()


def test_a_database_without_its_schema_is_told_how_to_get_it(engine: sa.Engine, tmp_path: Path) -> None:
    db.require_current(engine)
    bare = db.create_engine_for(f"sqlite:///{tmp_path}/bare.sqlite3")
    with pytest.raises(UnavailableError, match=r"bare\.sqlite3 has schema none, .* run 'surveillance db upgrade'"):
        db.require_current(bare)
    bare.dispose()


def test_an_unknown_revision_is_refused(database_url: str) -> None:
    with pytest.raises(InvalidInputError, match="cannot be brought to 'no-such-revision'"):
        db.upgrade(database_url, "no-such-revision")
