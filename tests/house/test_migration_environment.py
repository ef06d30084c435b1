"""The migration environment, tried on two migrations of its own."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from surveillance import paths
from surveillance.core.errors import SurveillanceError
from surveillance.store import db

pytestmark = pytest.mark.every_database

FIRST = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "first", None

def upgrade():
    op.create_table("parent", sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.String(5)))
    op.create_table(
        "child",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("parent", sa.Integer, sa.ForeignKey("parent.id", ondelete="CASCADE"), nullable=False),
    )

def downgrade():
    op.drop_table("child")
    op.drop_table("parent")
"""
SECOND = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "second", "first"

def upgrade():
    with op.batch_alter_table("parent") as batch:
        batch.alter_column("text", existing_type=sa.String(5), type_=sa.String(50), nullable=False)

def downgrade():
    with op.batch_alter_table("parent") as batch:
        batch.alter_column("text", existing_type=sa.String(50), type_=sa.String(5), nullable=True)
"""
BROKEN = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "broken", "second"

def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("SELECT * FROM no_such_table")
"""


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of alembic/ that holds the two migrations above instead of the service's."""
    folder = tmp_path / "migrations 100%"
    (folder / "versions").mkdir(parents=True)
    shutil.copy(paths.alembic_folder() / "env.py", folder)
    (folder / "versions" / "first.py").write_text(FIRST)
    (folder / "versions" / "second.py").write_text(SECOND)
    monkeypatch.setattr(paths, "alembic_folder", lambda: folder)
    return folder / "versions"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deep/down/new.sqlite3"
    url = str(request.getfixturevalue("postgres_url"))
    engine = db.create_engine_for(url)
    with db.writing(engine) as session:
        session.execute(sa.text("DROP SCHEMA public CASCADE"))
        session.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()
    return url


@pytest.fixture
def empty(empty_url: str, versions: Path) -> Iterator[sa.Engine]:
    engine = db.create_engine_for(empty_url)
    yield engine
    engine.dispose()


def tables(engine: sa.Engine) -> set[str]:
    return set(sa.inspect(engine).get_table_names())


def rows(engine: sa.Engine) -> tuple[int, int]:
    with db.reading(engine) as session:
        parents, children = (
            session.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one() for table in ("parent", "child")
        )
    return parents, children


def fill(engine: sa.Engine) -> None:
    with db.writing(engine) as session:
        session.execute(sa.text("INSERT INTO parent VALUES (1, 'a')"))
        session.execute(sa.text("INSERT INTO child VALUES (1, 1)"))


def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(empty: sa.Engine, empty_url: str) -> None:
    db.upgrade(empty_url, "first")
    fill(empty)
    db.upgrade(empty_url)
    assert (db.current_revision(empty), rows(empty)) == ("second", (1, 1))
    db.downgrade(empty_url, "first")
    assert (db.current_revision(empty), rows(empty)) == ("first", (1, 1))
    db.downgrade(empty_url, "base")
    assert tables(empty) == {"alembic_version"}


def test_a_migration_that_fails_half_way_leaves_nothing(empty: sa.Engine, empty_url: str, versions: Path) -> None:
    (versions / "broken.py").write_text(BROKEN)
    with pytest.raises((SurveillanceError, sa.exc.DBAPIError), match="no_such_table"):
        db.upgrade(empty_url)
    assert tables(empty) == set()


def test_a_migration_that_leaves_dangling_rows_is_undone(tmp_path: Path, versions: Path) -> None:
    url = f"sqlite:///{tmp_path}/clinic.sqlite3"
    db.upgrade(url)
    engine = db.create_engine_for(url)
    fill(engine)
    (versions / "broken.py").write_text(
        BROKEN.replace('op.execute("SELECT * FROM no_such_table")', 'op.execute("DELETE FROM parent")')
    )
    with pytest.raises(sa.exc.IntegrityError, match="dangling rows in child"):
        db.upgrade(url)
    assert rows(engine) == (1, 1)
    engine.dispose()


def test_two_processes_that_upgrade_at_once_queue(empty: sa.Engine, empty_url: str) -> None:
    """Alembic keeps its context in one place for a process, so the second process is a lock that is held."""
    db.upgrade(empty_url, "first")
    done = threading.Event()

    def other() -> None:
        db.upgrade(empty_url)
        done.set()

    with empty.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7200518)"))
        thread = threading.Thread(target=other)
        thread.start()
        assert not done.wait(0.3)
    thread.join(timeout=20)
    assert done.is_set()
    assert db.current_revision(empty) == "second"
