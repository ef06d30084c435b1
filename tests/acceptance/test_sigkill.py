"""Killed at any point of dispatch, two hundred times: each message goes out once, or is in doubt and on the list."""

import json
import random
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import sqlalchemy as sa
from fakes import killable
from fakes.killable import Strike, Workers
from sqlmodel import Session, select

from surveillance.core.words import AttemptState, ReminderState, Step
from surveillance.store import db
from surveillance.store.tables import Attempt, Reminder

PATIENTS = 45
KILLS = 50  # in each of four runs
POINTS = ("statement", "before_commit", "after_commit", "before_call", "during_call", "after_call", "time")
SETTLED = (ReminderState.SENT, ReminderState.DELIVERED)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A clinic on SQLite with one due message for everybody, to be copied for each run."""
    file = tmp_path_factory.mktemp("prepared") / "clinic.sqlite3"
    db.upgrade(f"sqlite:///{file}")
    engine = db.create_engine_for(f"sqlite:///{file}")
    killable.clinic_with_due_messages(engine, PATIENTS)
    engine.dispose()
    return str(file)


@pytest.fixture
def twilio(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    with killable.twilio_process(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as found:
        yield found


def strikes(seed: int) -> Iterator[Strike]:
    """Every point in turn, each at a place that chance chooses."""
    chance = random.Random(seed)
    while True:
        for point in POINTS:
            count = {"statement": chance.randint(1, 60), "before_commit": chance.randint(1, 6)}.get(point, 1)
            count = chance.randint(1, 8) if point == "after_commit" else count
            yield Strike(point, count, chance.uniform(0.0, 0.06))


def behave(url: str, chance: random.Random) -> None:
    """The next call is slow, or is never answered before or after the message was taken, or goes as usual."""
    kind = chance.choice(["slow", "slow", "hang_after", "hang_before", "drop_after", "drop_before", "fault_after"])
    order = {"do": "behave", "kind": kind, "latency": chance.choice([0.0, 0.03])}
    request = Request(f"{url}/_control", json.dumps(order).encode(), {"Content-Type": "application/json"})
    urlopen(request, timeout=5).close()


def kill_again_and_again(workers: Workers, database_url: str, twilio_url: str, seed: int) -> int:
    """How many processes died by SIGKILL."""
    killed = 0
    chance = random.Random(seed)
    for strike in strikes(seed):
        if killed == KILLS:
            return killed
        if chance.random() < 0.3:
            behave(twilio_url, chance)
        killed += workers.run(database_url, twilio_url, strike, 1.0) == [-signal.SIGKILL]
    raise AssertionError("the list of strikes has no end")


def finish(workers: Workers, database_url: str, twilio_url: str) -> None:
    """A worker that nobody kills has time to find out what became of everything."""
    assert workers.run(database_url, twilio_url, Strike(), 8.0) == [0]


def check(engine: sa.Engine, accepted: Path) -> None:
    sent = Counter(json.loads(line)["to"] for line in accepted.read_text().splitlines())
    with Session(engine) as session:
        rows = list(session.exec(select(Reminder).where(Reminder.step == Step.ON_BOOKING)))
        numbers = dict(session.exec(select(Attempt.reminder_id, Attempt.to_address)).all())
        taken = {attempt.reminder_id for attempt in session.exec(select(Attempt)) if attempt.provider_id}
        open_attempts = [a for a in session.exec(select(Attempt)) if a.state is AttemptState.IN_FLIGHT]
    assert len(rows) == PATIENTS
    assert open_attempts == []
    assert max(sent.values()) == 1, "somebody got a message twice"
    for row in rows:
        if row.state in SETTLED:
            assert sent[numbers[row.id]] == 1
            assert row.id in taken
        else:
            assert row.state in (ReminderState.IN_DOUBT, ReminderState.TASK), row.state
            assert row.reason
    assert sum(row.state in SETTLED for row in rows) == PATIENTS  # this provider's list can be read, so all are found


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.year), pytest.param(3, marks=pytest.mark.year)])
def test_killed_anywhere_on_sqlite_each_message_goes_out_once(prepared, tmp_path, twilio, workers, seed: int) -> None:
    url, accepted = twilio
    database_url = f"sqlite:///{shutil.copy(prepared, tmp_path / 'clinic.sqlite3')}"
    assert kill_again_and_again(workers, database_url, url, seed) == KILLS
    finish(workers, database_url, url)
    engine = db.create_engine_for(database_url)
    check(engine, accepted)
    engine.dispose()


@pytest.mark.slow
@pytest.mark.postgres
def test_killed_anywhere_on_postgresql_each_message_goes_out_once(postgres_url: str, twilio, workers) -> None:
    url, accepted = twilio
    engine = db.create_engine_for(postgres_url)
    killable.clinic_with_due_messages(engine, PATIENTS)
    assert kill_again_and_again(workers, postgres_url, url, 4) == KILLS
    finish(workers, postgres_url, url)
    check(engine, accepted)
    engine.dispose()
