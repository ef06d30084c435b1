"""Importing a registry of 20,000 patients, planning included, against the bare bulk load of the rows it makes."""

import csv
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import psycopg
import pytest
import sqlalchemy as sa
from approving import approved

from surveillance import bootstrap
from surveillance.operations.administration import sites
from surveillance.operations.imports import apply, compare, reading
from surveillance.operations.imports import rows as imports_rows
from surveillance.operations.work import Work
from surveillance.settings import Settings
from surveillance.store import db
from surveillance.store.tables import Site, metadata

PATIENTS = 20_000
REQUIRED = 0.3
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def registry_file(path: Path) -> Path:
    """Half the registry has a phone and consent, most patients some studies; treatment ended within six years."""
    chance = Random(20)
    today = NOW.date()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        columns = "mrn family_name given_name birth_date sex phone language consent protocol anchor studies"
        writer.writerow(columns.split())
        for number in range(PATIENTS):
            anchor = today - timedelta(days=chance.randrange(2000))
            days = [anchor + timedelta(days=91 * k + chance.randrange(20) - 10) for k in range(1, 4)]
            studies = "; ".join(f"mri_primary+chest_imaging={day}" for day in days if day < today)
            phone = f"(202) 555-{number % 10000:04d}" if number % 2 else ""
            row = [f"{number:06d}", f"Family{number}", f"Given{number}", date(1990, 1, 1), "female", phone, "en"]
            writer.writerow([*row, "sms" if phone else "", "asps-extremity", anchor, studies])
    return path


def import_file(url: str, path: Path) -> float:
    """Seconds from opening the file to the commit."""
    app = bootstrap.open_app(Settings(database_url=url))
    with db.writing(app.engine) as session:
        work = app.work(session, bootstrap.system_actor(session), NOW)
        new = sites.NewSite("B", "Bench", "Bench", "America/New_York", "US", "(202) 555-0100")
        site = sites.add_site(work, new)
        approved(work, site)
    started = time.perf_counter()
    with db.writing(app.engine) as session:
        _take_in(app.work(session, bootstrap.system_actor(session), NOW), site, path)
    seconds = time.perf_counter() - started
    app.close()
    return seconds


def _take_in(work: Work, site: Site, path: Path) -> None:
    sheet = reading.read(path)
    parsed = imports_rows.parse(work, site, sheet)
    assert parsed.errors == []
    found = compare.compare(work, site, parsed.rows)
    assert len(found.new) == PATIENTS
    apply.apply(work, site, sheet, found)


def sqlite_bulk_load(url: str, tmp_path: Path) -> tuple[float, int]:
    """The same rows through sqlite3's executemany into an empty, migrated file with all its indexes."""
    target = f"sqlite:///{tmp_path / 'bulk.sqlite3'}"
    db.upgrade(target)
    source = sqlite3.connect(sa.make_url(url).database or "")
    rows = {table.name: source.execute(f'SELECT * FROM "{table.name}"').fetchall() for table in metadata.sorted_tables}
    connection = sqlite3.connect(sa.make_url(target).database or "")
    connection.execute("PRAGMA foreign_keys=ON")
    started = time.perf_counter()
    with connection:
        for name, values in rows.items():
            if values:
                marks = ", ".join("?" * len(values[0]))
                connection.executemany(f'INSERT INTO "{name}" VALUES ({marks})', values)
    return time.perf_counter() - started, sum(map(len, rows.values()))


def postgresql_bulk_load(url: str, tmp_path: Path) -> tuple[float, int]:
    """The same rows through COPY into the emptied tables, with all their indexes and foreign keys."""
    address = sa.make_url(url).render_as_string(hide_password=False)
    names = [table.name for table in metadata.sorted_tables]
    with psycopg.connect(address) as connection:
        data = {}
        for name in names:
            with connection.cursor().copy(f'COPY "{name}" TO STDOUT') as out:
                data[name] = b"".join(bytes(part) for part in out)
        connection.execute("TRUNCATE " + ", ".join(f'"{name}"' for name in names))
        connection.commit()
        started = time.perf_counter()
        for name in names:
            with connection.cursor().copy(f'COPY "{name}" FROM STDIN') as into:
                into.write(data[name])
        connection.commit()
        seconds = time.perf_counter() - started
    return seconds, sum(part.count(b"\n") for part in data.values())


@pytest.mark.parametrize(
    ("fixture", "bulk_load"), [("sqlite_url", sqlite_bulk_load), ("postgres_url", postgresql_bulk_load)]
)
def test_an_import_runs_at_a_third_of_the_speed_of_the_databases_own_bulk_load(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    fixture: str,
    bulk_load: Callable[[str, Path], tuple[float, int]],
) -> None:
    url = request.getfixturevalue(fixture)
    seconds = import_file(url, registry_file(tmp_path / "registry.csv"))
    bare, rows = bulk_load(url, tmp_path)
    ratio = bare / seconds
    print(f"\nimport of {PATIENTS:,} patients, {fixture}: {rows:,} rows, {ratio:.2f} of the speed of a bare bulk load")
    assert ratio >= REQUIRED
