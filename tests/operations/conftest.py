"""One clinic for all tests of operations, on both databases: each test works in a transaction that is undone.

A new engine compiles every statement anew, which takes longer than the tests themselves.
"""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from clinic import Clinic, open_clinic
from psycopg import sql

from surveillance.store import db


@pytest.fixture(scope="session")
def clinic_on_sqlite(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    file = shutil.copy(migrated_file, tmp_path_factory.mktemp("clinic") / "clinic.sqlite3")
    yield from _opened(f"sqlite:///{file}")


@pytest.fixture(scope="session")
def clinic_on_postgres(postgres_server: str) -> Iterator[Clinic]:
    name = f"clinic_{uuid.uuid4().hex}"
    with closing(psycopg.connect(postgres_server, autocommit=True)) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE migrated").format(sql.Identifier(name)))
    yield from _opened(sa.make_url(postgres_server).set(database=name).render_as_string(hide_password=False))


def _opened(url: str) -> Iterator[Clinic]:
    engine = db.create_engine_for(url)
    yield open_clinic(engine)
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def clinic(request: pytest.FixtureRequest) -> Iterator[Clinic]:
    """The clinic as it was opened; the test runs once on SQLite and once on PostgreSQL."""
    with request.getfixturevalue(f"clinic_on_{request.param}").undone() as clinic:
        yield clinic


@pytest.fixture
def sqlite_clinic(clinic_on_sqlite: Clinic) -> Iterator[Clinic]:
    """For tables of cases, which no database makes any difference to."""
    with clinic_on_sqlite.undone() as clinic:
        yield clinic
