"""The nightly proof: once after the day's sweep, by one worker, and what the board is told of it."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from board_clinic import START, Clinic, catalogue, open_clinic

from surveillance.operations.care.daily_sweep import sweep
from surveillance.operations.job_context import JobContext
from surveillance.operations.proof import nightly_check
from surveillance.store import db
from surveillance.store.proof import checks
from surveillance.store.tables import ImportBatch

HOUR = timedelta(hours=1)


class Night:
    """A clinic with a worker, and a clock to turn."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic, self.now = clinic, START
        self.context = JobContext(
            clinic.engine, catalogue(), {}, "http://localhost", clinic.clinician, lambda: self.now
        )

    def proof(self) -> dict[str, int]:
        return dict(nightly_check.prove(self.context, threading.Event()))

    def shown(self) -> nightly_check.Proof | None:
        with db.reading(self.clinic.engine) as session:
            work = self.context.work(session)
            return nightly_check.last_proof(work, [work.site(self.clinic.site_id)])


@pytest.fixture
def night(engine: sa.Engine) -> Night:
    clinic = open_clinic(engine)
    with clinic.work() as work:
        clinic.enrolled(work, "A1", START.date() - timedelta(days=90))
        clinic.patient(work, "A2")
    return Night(clinic)


def test_a_night_is_proved_once_and_after_its_sweep(night: Night) -> None:
    assert (night.proof(), night.shown()) == ({}, None)
    sweep(night.context)
    assert night.proof() == {"proved": 1, "violations": 0}
    shown = night.shown()
    assert shown is not None
    assert (shown.at, shown.plans, shown.violations, shown.late) == (START, 1, [], False)
    night.now += 15 * HOUR
    sweep(night.context)
    assert night.proof() == {}, "the same night"
    night.now += 10 * HOUR
    sweep(night.context)
    assert night.proof() == {"proved": 1, "violations": 0}
    night.now += 37 * HOUR
    assert night.shown().late, "a proof of the night before last proves little"


def test_a_restored_database_and_a_file_that_came_in_are_proved_before_the_night(night: Night) -> None:
    sweep(night.context)
    assert night.proof() == {"proved": 1, "violations": 0}
    night.now += HOUR
    assert night.proof() == {}
    with db.writing(night.clinic.engine) as session:
        checks.ask(session, night.now, "a backup was restored")
    shown = night.shown()
    assert shown is not None
    assert [each.what for each in shown.violations] == ["a backup was restored"]
    night.now += HOUR
    assert night.proof() == {"proved": 1, "violations": 0}
    shown = night.shown()
    assert shown is not None
    assert shown.violations == []
    night.now += HOUR
    with night.clinic.work(night.now) as work:
        counts = {"added": 1, "changed": 0, "unchanged": 0}
        user_id = night.clinic.coordinator.user_id
        work.session.add(
            ImportBatch(
                site_id=night.clinic.site_id, file_name="f", digest="d", user_id=user_id, at=night.now, **counts
            )
        )
    night.now += HOUR
    assert night.proof() == {"proved": 1, "violations": 0}
    night.now += HOUR
    assert night.proof() == {}


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        ("UPDATE examination SET withdrawn = (1 = 1)", "both provers agree"),
        ("UPDATE examination SET open = (1 = 0)", "stored is derived"),
        ("DELETE FROM gap", "stored is derived"),
        ("DELETE FROM patient_word", "stored is derived"),
    ],
)
def test_damage_is_told_to_those_who_work_at_the_site(night: Night, damage: str, rule: str) -> None:
    sweep(night.context)
    with night.clinic.engine.begin() as connection:
        connection.exec_driver_sql(damage)
    assert night.proof()["violations"] > 0
    shown = night.shown()
    assert {violation.rule for violation in shown.violations} >= {rule}
    with db.reading(night.clinic.engine) as session:
        assert nightly_check.last_proof(night.context.work(session), []).violations == []


def test_the_next_sweep_mends_what_patients_lack(night: Night) -> None:
    with night.clinic.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM gap")
    sweep(night.context)
    assert night.proof() == {"proved": 1, "violations": 0}


def test_a_worker_that_stops_leaves_no_half_proof(night: Night) -> None:
    sweep(night.context)
    stopping = threading.Event()
    stopping.set()
    assert (dict(nightly_check.prove(night.context, stopping)), night.shown()) == ({}, None)
