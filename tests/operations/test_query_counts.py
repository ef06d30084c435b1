"""How often a use case asks the database: few times, however long a plan has run. ``-s`` shows the table."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from counting import statements
from fakes.clinic import ANCHOR, NOON, VISIT_DAY, Clinic, open_clinic

from surveillance.operations.care import enrolment
from surveillance.operations.dispatch.sending import send_due
from surveillance.operations.visits import results
from surveillance.store.tables import Patient

# With the one to four statements that find who acts, the patient, the visit and the place.
MOST = {
    "register a patient": 16,
    "enrol": 23,
    "book a visit": 23,
    "move it": 27,
    "send a first message": 25,
    "send a further message": 23,
    "look when nothing is due": 2,
    "cancel it": 29,
}
DELAY = timedelta(minutes=11)  # until the message on what was just done goes out


@pytest.fixture
def clinic(engine: sa.Engine) -> Clinic:
    return open_clinic(engine)


class Counts(dict[str, int]):
    """How many statements each use case took."""

    def __init__(self, clinic: Clinic) -> None:
        self.engine = clinic.app.engine

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        with statements(self.engine) as sent:
            yield
        self[name] = len(sent)


def enrolled(clinic: Clinic, patient_id: UUID, anchor: date) -> None:
    with clinic.work() as work:
        patient = work.session.get_one(Patient, patient_id)
        enrolment.enrol(work, patient, enrolment.Enrolment("asps-extremity", anchor, enrolled_on=anchor))


def send(clinic: Clinic) -> int:
    clinic.clock.now += DELAY
    return send_due(clinic.context(), threading.Event())["sent"]


def counted(clinic: Clinic) -> Counts:
    """One patient from the registration to a visit that is cancelled, and a second one's first message."""
    counts = Counts(clinic)
    with counts.of("register a patient"):
        patient_id = clinic.patient(anchor=None)
    with counts.of("enrol"):
        enrolled(clinic, patient_id, ANCHOR)
    with counts.of("book a visit"):
        visit_id = clinic.book(patient_id)
    with counts.of("move it"):
        clinic.move(visit_id, VISIT_DAY + timedelta(days=1))
    with counts.of("send a first message"):
        assert send(clinic) == 1
    clinic.book(clinic.patient("2", phone="+1 202-555-0102"))
    with counts.of("send a further message"):
        assert send(clinic) == 1
    with counts.of("look when nothing is due"):
        assert send(clinic) == 0
    with counts.of("cancel it"):
        clinic.cancel(visit_id)
    return counts


def test_a_use_case_asks_the_database_few_times(clinic: Clinic) -> None:
    counts = counted(clinic)
    print(
        f"\n{clinic.app.engine.dialect.name}:", *(f"{name:<26}{count:>4}" for name, count in counts.items()), sep="\n"
    )
    assert counts.keys() == MOST.keys()
    assert {name: count for name, count in counts.items() if count > MOST[name]} == {}


def followed(clinic: Clinic, mrn: str, years: int) -> UUID:
    """A patient who has been examined every six months for so many years."""
    anchor = ANCHOR.replace(year=ANCHOR.year - years)
    patient_id = clinic.patient(mrn, phone=f"+1 202-555-01{years:02}", anchor=None)
    enrolled(clinic, patient_id, anchor)
    with clinic.work() as work:
        patient = work.session.get_one(Patient, patient_id)
        for month in range(6, 12 * years, 6):
            day = anchor + timedelta(days=30 * month)
            new = results.NewStudy(("mri_primary", "chest_imaging"), min(day, NOON.date()))
            results.add_study(work, patient, new, settle=month + 6 >= 12 * years)
    return patient_id


ACTS: dict[str, Callable[[Clinic, UUID], object]] = {
    "book": lambda clinic, patient_id: clinic.book(patient_id, VISIT_DAY + timedelta(days=14)),
    "book far ahead": lambda clinic, patient_id: clinic.book(patient_id, date(2030, 4, 1)),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_plan_of_nine_years_asks_as_often_as_one_of_two(clinic: Clinic, act: str) -> None:
    counts = Counts(clinic)
    for years in (2, 9):
        patient_id = followed(clinic, str(years), years)
        with counts.of(str(years)):
            ACTS[act](clinic, patient_id)
    assert counts["2"] == counts["9"] <= 2 * MOST["book a visit"]


def test_a_batch_of_messages_asks_once_what_is_due(clinic: Clinic) -> None:
    counts = Counts(clinic)
    for number in range(1, 6):
        clinic.book(clinic.patient(str(number), phone=f"+1 202-555-011{number}"))
    with counts.of("five"):
        assert send(clinic) == 5
    assert counts["five"] <= MOST["send a first message"] + 4 * (MOST["send a further message"] - 4)
