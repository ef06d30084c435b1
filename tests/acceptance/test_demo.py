"""The fictional clinic shows every list of the board, and the promise holds for everybody in it."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from fakes.clinic import catalogue
from sampling import Sampling
from sqlmodel import select

from surveillance import bootstrap
from surveillance.cli.service.demo import fill
from surveillance.core.schedule.status import status
from surveillance.core.words import Status
from surveillance.operations.board import worklist
from surveillance.operations.proof import check
from surveillance.operations.work import Work
from surveillance.settings import Settings
from surveillance.store import db
from surveillance.store.board.worklist import Worklist
from surveillance.store.planning import plans
from surveillance.store.tables import ExaminationRow, Patient, Site

# A demo sends no real message, so nothing of it can be in doubt.
# Nothing is in doubt; nobody of the fictional staff has left.
NOTHING_TO_SHOW = {Worklist.IN_DOUBT, Worklist.OWNER_GONE, Worklist.CLINIC}
BY_DAY = {Worklist.OF_AGE}  # who of them comes of age in the weeks before


@pytest.fixture(scope="module")
def now(sample: Sampling) -> datetime:
    """Whenever somebody may try it out: any hour of any day of the year that begins today."""
    return datetime.combine(bootstrap.utc_now(), time(), UTC) + timedelta(
        minutes=sample.chance("demo").randrange(366 * 24 * 60)
    )


@pytest.fixture(scope="module")
def clinic_url(migrated_file: Path, made_once: Callable[..., Path], now: datetime) -> str:
    """What ``surveillance demo`` leaves behind."""

    def make(file: Path) -> None:
        shutil.copy(migrated_file, file)
        app = bootstrap.open_app(Settings(database_url=f"sqlite:///{file}"))
        fill(app, now, if_empty=False)
        app.close()

    return f"sqlite:///{made_once('demo.sqlite3', make)}"


def test_every_list_of_the_board_has_something_to_show(clinic_url: str, now: datetime) -> None:
    with db.reading(db.create_engine_for(clinic_url)) as session:
        work = Work(session, now, bootstrap.system_actor(session), catalogue())
        counts = worklist.counts(work, [session.exec(select(Site)).one().id], worklist.Filter())
    assert {name for name, count in counts.items() if not count} - BY_DAY == NOTHING_TO_SHOW


def test_the_promise_holds_for_everybody(clinic_url: str, now: datetime) -> None:
    with db.reading(db.create_engine_for(clinic_url)) as session:
        work = Work(session, now, bootstrap.system_actor(session), catalogue())
        assert [str(violation) for violation in check.check(work)] == []


def test_sixty_patients_are_in_every_state_an_examination_can_have(clinic_url: str, now: datetime) -> None:
    with db.reading(db.create_engine_for(clinic_url)) as session:
        assert len(session.exec(select(Patient)).all()) == 60
        work = Work(session, now, bootstrap.system_actor(session), catalogue())
        today = work.today(session.exec(select(Site)).one())
        rows = [plans.examination(row) for row in session.exec(select(ExaminationRow)) if not row.withdrawn]
    shown = {status(row, today) for row in rows} | {Status.REPORTED, Status.REVIEWED}  # those need the study's dates
    assert shown == set(Status)
