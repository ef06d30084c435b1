"""Four workers on one PostgreSQL database: every message goes out once, whoever sends it."""

import json
from collections import Counter
from pathlib import Path

import pytest
from fakes import killable
from fakes.killable import Strike
from sqlmodel import Session, select

from surveillance.core.words import ReminderState, Step
from surveillance.store import db
from surveillance.store.tables import Attempt, Reminder

PATIENTS = 40  # a batch for each worker


@pytest.mark.postgres
def test_four_workers_send_every_message_once(postgres_url: str, tmp_path: Path) -> None:
    engine = db.create_engine_for(postgres_url)
    killable.clinic_with_due_messages(engine, PATIENTS)
    with killable.twilio_process(tmp_path) as (url, accepted), killable.Workers() as workers:
        ended = workers.run(postgres_url, url, Strike(), 5.0, copies=4, usual=True)
        sent = Counter(json.loads(line)["to"] for line in accepted.read_text().splitlines())
    with Session(engine) as session:
        states = Counter(session.exec(select(Reminder.state).where(Reminder.step == Step.ON_BOOKING)))
        attempts = len(list(session.exec(select(Attempt.id))))
    engine.dispose()
    assert ended == [0] * 4
    assert (states, attempts) == ({ReminderState.SENT: PATIENTS}, PATIENTS)
    assert (len(sent), set(sent.values())) == (PATIENTS, {1})
