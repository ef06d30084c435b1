"""Killed at any point of dispatch, again and again: each message goes out once, or is in doubt and on the list.

The run's seed chooses where each database is struck, about thrice at each point; 'make long' strikes 200 times.
"""

import json
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.request import Request, urlopen

import pytest
import sqlalchemy as sa
from fakes import killable
from fakes.killable import Strike, Workers
from sampling import Sampling
from sqlmodel import Session, select

from surveillance.core.words import AttemptState, ReminderState, Step
from surveillance.store import db
from surveillance.store.tables import Attempt, Reminder

POINTS = ("statement", "before_commit", "after_commit", "before_call", "during_call", "after_call", "time")
SETTLED = (ReminderState.SENT, ReminderState.DELIVERED)


@dataclass(frozen=True)
class Size:
    """So many messages that there is work to be struck at until the last kill."""

    patients: int
    kills: int


@pytest.fixture(scope="module")
def size(sample: Sampling) -> Size:
    return Size(45, 50) if sample.everything else Size(20, 3 * len(POINTS))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, size: Size) -> str:
    """A clinic on SQLite with one due message for everybody, to be copied for each run."""
    file = tmp_path_factory.mktemp("prepared") / "clinic.sqlite3"
    db.upgrade(f"sqlite:///{file}")
    engine = db.create_engine_for(f"sqlite:///{file}")
    killable.clinic_with_due_messages(engine, size.patients)
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


def strikes(chance: Random) -> Iterator[Strike]:
    """Every point in turn, each at a place that chance chooses."""
    while True:
        for point in POINTS:
            count = {"statement": chance.randint(1, 60), "before_commit": chance.randint(1, 6)}.get(point, 1)
            count = chance.randint(1, 8) if point == "after_commit" else count
            yield Strike(point, count, chance.uniform(0.0, 0.06))


def behave(url: str, chance: Random) -> None:
    """The next call is slow, or is never answered before or after the message was taken, or goes as usual."""
    kind = chance.choice(["slow", "slow", "hang_after", "hang_before", "drop_after", "drop_before", "fault_after"])
    order = {"do": "behave", "kind": kind, "latency": chance.choice([0.0, 0.03])}
    request = Request(f"{url}/_control", json.dumps(order).encode(), {"Content-Type": "application/json"})
    urlopen(request, timeout=5).close()


def kill_again_and_again(workers: Workers, database_url: str, twilio_url: str, kills: int, chance: Random) -> int:
    """How many processes died by SIGKILL."""
    killed = 0
    for strike in strikes(chance):
        if killed == kills:
            return killed
        if chance.random() < 0.3:
            behave(twilio_url, chance)
        killed += workers.run(database_url, twilio_url, strike, 1.0) == [-signal.SIGKILL]
    raise AssertionError("the list of strikes has no end")


def finish(workers: Workers, database_url: str, twilio_url: str) -> None:
    """A worker that nobody kills has time to find out what became of everything."""
    assert workers.run(database_url, twilio_url, Strike(), 8.0) == [0]


def check(engine: sa.Engine, accepted: Path, patients: int) -> None:
    sent = Counter(json.loads(line)["to"] for line in accepted.read_text().splitlines())
    with Session(engine) as session:
        rows = list(session.exec(select(Reminder).where(Reminder.step == Step.ON_BOOKING)))
        numbers = dict(session.exec(select(Attempt.reminder_id, Attempt.to_address)).all())
        taken = {attempt.reminder_id for attempt in session.exec(select(Attempt)) if attempt.provider_id}
        open_attempts = [a for a in session.exec(select(Attempt)) if a.state is AttemptState.IN_FLIGHT]
    assert len(rows) == patients
    assert open_attempts == []
    assert max(sent.values()) == 1, "somebody got a message twice"
    for row in rows:
        if row.state in SETTLED:
            assert sent[numbers[row.id]] == 1
            assert row.id in taken
        else:
            assert row.state in (ReminderState.IN_DOUBT, ReminderState.TASK), row.state
            assert row.reason
    assert sum(row.state in SETTLED for row in rows) == patients  # this provider's list can be read, so all are found


@pytest.mark.parametrize("run", [1, pytest.param(2, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)])
def test_killed_anywhere_on_sqlite_each_message_goes_out_once(
    prepared, tmp_path, twilio, workers, sample: Sampling, size: Size, run: int
) -> None:
    url, accepted = twilio
    database_url = f"sqlite:///{shutil.copy(prepared, tmp_path / 'clinic.sqlite3')}"
    chance = sample.chance(f"kills on SQLite {run}")
    assert kill_again_and_again(workers, database_url, url, size.kills, chance) == size.kills
    finish(workers, database_url, url)
    engine = db.create_engine_for(database_url)
    check(engine, accepted, size.patients)
    engine.dispose()


@pytest.mark.postgres
def test_killed_anywhere_on_postgresql_each_message_goes_out_once(
    postgres_url: str, twilio, workers, sample: Sampling, size: Size
) -> None:
    url, accepted = twilio
    engine = db.create_engine_for(postgres_url)
    killable.clinic_with_due_messages(engine, size.patients)
    chance = sample.chance("kills on PostgreSQL")
    assert kill_again_and_again(workers, postgres_url, url, size.kills, chance) == size.kills
    finish(workers, postgres_url, url)
    check(engine, accepted, size.patients)
    engine.dispose()
