"""The worker's ticks in the background: they send, they beat, they survive errors, and they stop in good order."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from fakes.clinic import NOON, Clinic, open_clinic
from sqlmodel import select

from surveillance import worker
from surveillance.bootstrap import utc_now
from surveillance.core.errors import UnavailableError
from surveillance.core.words import ReminderState, Step
from surveillance.operations.imports import uploads
from surveillance.store.tables import Counter, Heartbeat, Patient, Site, Sweep
from surveillance.worker import Worker

AFTER = NOON + timedelta(minutes=11)


@pytest.fixture
def clinic(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    monkeypatch.setattr(worker, "EVERY", dict.fromkeys(worker.EVERY, 0.1))
    clinic = open_clinic(engine)
    clinic.book(clinic.patient())
    clinic.clock.now = AFTER
    return clinic


def eventually(reached: Callable[[], object]) -> None:
    for _ in range(100):
        if reached():
            return
        time.sleep(0.1)
    raise AssertionError("it never came to that")


def test_a_worker_sends_sweeps_and_beats_until_it_is_stopped(clinic: Clinic) -> None:
    running = Worker(clinic.app, clinic.clock, clinic.limits)
    running.start()
    eventually(lambda: clinic.sms.taken and clinic.all(Sweep))
    running.stop()
    (beat,) = clinic.all(Heartbeat)
    assert (beat.beat_at, beat.last_error) == (AFTER, "")
    assert clinic.row(Step.ON_BOOKING).state is ReminderState.SENT
    clinic.book(clinic.patient("2", phone="+1 202-555-0102"))
    clinic.clock.turn(minutes=11)
    time.sleep(0.3)
    assert len(clinic.sms.taken) == 1


def test_a_tick_that_fails_is_told_and_the_next_one_goes_on(clinic: Clinic) -> None:
    broken = [UnavailableError("the provider's door is shut")]
    usual = clinic.sms.send

    def send(message):
        if broken:
            raise broken.pop()
        return usual(message)

    clinic.sms.send = send
    running = Worker(clinic.app, clinic.clock, clinic.limits)
    running.start()
    try:
        eventually(lambda: any(beat.last_error for beat in clinic.all(Heartbeat)))
        clinic.book(clinic.patient("2", phone="+1 202-555-0102"))
        clinic.clock.turn(minutes=11)
        eventually(lambda: "+12025550102" in {message.to for message in clinic.sms.taken})
        eventually(lambda: clinic.all(Counter))
    finally:
        running.stop()
    (beat,) = clinic.all(Heartbeat)
    assert beat.last_error.endswith("dispatch: the provider's door is shut")


def test_a_file_that_was_confirmed_goes_in_at_once_where_somebody_kicks(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "EVERY", worker.EVERY | {"imports": 3600})
    running = Worker(clinic.app, clinic.clock, clinic.limits)
    running.start()
    try:
        with clinic.work() as work:
            data = b"mrn,family_name,given_name,birth_date\n900,Berg,Tom,1980-05-01\n"
            upload = uploads.receive(work, work.session.exec(select(Site)).one(), "one.csv", data)
            uploads.choose(work, upload, upload.mapping)
            uploads.confirm(work, upload, skip_errors=False)
        running.kick("imports")
        eventually(lambda: any(patient.mrn == "900" for patient in clinic.all(Patient)))
    finally:
        running.stop()


def test_the_worker_process_ends_in_good_order_on_sigterm(sqlite_url: str) -> None:
    environment = os.environ | {"SURVEILLANCE_DATABASE_URL": sqlite_url}
    command = [sys.executable, "-c", "from surveillance.cli import main; main()", "worker"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any("worker started" in line for line in lines)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert "worker stopped" in process.stderr.read()


def test_the_moment_of_a_worker_is_that_of_the_one_clock() -> None:
    assert Worker.__init__.__defaults__[0] is utc_now
