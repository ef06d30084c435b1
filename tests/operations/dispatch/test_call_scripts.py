"""What is at hand to whoever calls a patient: the numbers, and the words in the patient's language and in English."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from fakes.clinic import NOON, Clinic, lived_in

from surveillance.core.words import Channel, ContactKind, ReminderState, Step
from surveillance.operations.dispatch.call_scripts import CallNote, call_note
from surveillance.operations.registry.patients import NewContact
from surveillance.store.tables import Patient, Reminder

LATER = timedelta(minutes=11)
PARENT = NewContact(ContactKind.PARENT, "Ruth Ash", phone="+1 202-555-0122", language="es")
SELF = NewContact(phone="+1 202-555-0101", language="en")


@pytest.fixture
def clinic(engine: sa.Engine) -> Clinic:
    """Nobody agreed to messages: the booking is a call."""

    def live(clinic: Clinic) -> None:
        clinic.book(clinic.patient(contacts=[PARENT, SELF]))
        clinic.tick(NOON + LATER)

    return lived_in(engine, "to be called", live)


def note(clinic: Clinic) -> CallNote:
    row = clinic.row(Step.ON_BOOKING, Channel.CALL)
    assert row.state is ReminderState.TASK
    with clinic.work() as work:
        patient = work.session.get_one(Patient, row.patient_id)
        return call_note(work, work.session.get_one(Reminder, row.id), patient)


def test_the_first_contact_with_a_phone_is_called_first_in_its_own_language_and_english_stands_beside(
    clinic: Clinic,
) -> None:
    found = note(clinic)
    assert [contact.phone for contact in found.contacts] == ["+12025550122", "+12025550101"]
    assert [(spoken.language, spoken.direction) for spoken in found.texts] == [("es", "ltr"), ("en", "ltr")]
    spanish, english = (" ".join(spoken.paragraphs) for spoken in found.texts)
    assert "miércoles 24 de junio de 2026" in spanish
    assert "Wednesday, June 24, 2026, 9:30 AM" in english
    assert "STOP" not in spanish + english


def test_a_visit_that_has_gone_leaves_the_numbers(clinic: Clinic) -> None:
    with clinic.work() as work:
        for visit in {row.appointment_id for row in clinic.rows()}:
            work.session.connection().execute(
                sa.text("UPDATE appointment SET state = 'cancelled' WHERE id = :id").bindparams(
                    sa.bindparam("id", visit, sa.Uuid())
                )
            )
    found = note(clinic)
    assert found.contacts
    assert found.texts == []
