"""Answers among the messages: sent once, to the number they were written for, and never planned away."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from fakes.clinic import NOON, Clinic, open_clinic

from surveillance.core.errors import ConflictError, InvalidInputError, NotFoundError
from surveillance.core.messages.answers import Answer
from surveillance.core.words import Channel, ConsentAct, ReminderState, Step
from surveillance.operations.care import corrections
from surveillance.operations.messages import scheduling
from surveillance.operations.registry import consents, numbers
from surveillance.operations.replies import answers, decisions, receiving
from surveillance.operations.work import Work
from surveillance.providers.base import DeliveryError, Failure
from surveillance.store.registry import patients
from surveillance.store.tables import Contact, Inbound, Number, Patient, Reminder

PHONE = "+12025550101"


@pytest.fixture
def clinic(engine: sa.Engine) -> Clinic:
    return open_clinic(engine)


def write(clinic: Clinic, patient_id: UUID, text: str = "Please bring your old pictures.") -> UUID:
    with clinic.work() as work:
        patient = work.session.get_one(Patient, patient_id)
        contact = patients.contacts(work.session, patient_id)[0]
        return answers.write(work, patient, contact, text).id


def say(clinic: Clinic, patient_id: UUID, kind: Answer, about: UUID) -> Reminder | None:
    with clinic.work() as work:
        patient = work.session.get_one(Patient, patient_id)
        return answers.say(work, patient, None, PHONE, "Thank you.", "en", kind, about)


def the_answer(clinic: Clinic, channel: Channel = Channel.SMS) -> Reminder:
    return clinic.row(Step.ANSWER, channel)


def test_what_staff_write_goes_out_as_it_was_written_and_is_not_planned_away(clinic: Clinic) -> None:
    patient = clinic.patient()
    write(clinic, patient)
    with clinic.work() as work:
        scheduling.refresh(work, patient)
    clinic.tick()
    assert the_answer(clinic).state is ReminderState.SENT
    assert [(sent.to, sent.body) for sent in clinic.sms.taken] == [(PHONE, "Please bring your old pictures.")]


def test_answers_are_not_counted_by_the_caps(clinic: Clinic) -> None:
    patient = clinic.patient()
    for text in ("one", "two", "three"):
        write(clinic, patient, text)
        clinic.tick(clinic.clock.turn(minutes=1))
    clinic.book(patient)
    clinic.tick(clinic.clock.turn(minutes=11))
    assert clinic.row(Step.ON_BOOKING).state is ReminderState.SENT


def test_the_service_answers_one_message_once(clinic: Clinic) -> None:
    patient, about = clinic.patient(), uuid4()
    assert say(clinic, patient, Answer.CONFIRMED, about) is not None
    assert say(clinic, patient, Answer.CONFIRMED, about) is None
    clinic.tick()
    assert len(clinic.sms.taken) == 1


def test_a_number_that_opted_out_hears_only_that_it_did(clinic: Clinic) -> None:
    patient, about = clinic.patient(), uuid4()
    write(clinic, patient)
    with clinic.work() as work:
        consents.opt_out(work, PHONE, "reply 'stop please'")
    say(clinic, patient, Answer.STOPPED, about)
    clinic.tick()
    assert [sent.body for sent in clinic.sms.taken] == ["Thank you."]
    call = the_answer(clinic, Channel.CALL)
    assert (call.state, call.text) == (ReminderState.TASK, "Please bring your old pictures.")


def test_a_lost_answer_of_staff_becomes_a_call_and_one_of_the_service_does_not(clinic: Clinic) -> None:
    patient, about = clinic.patient(), uuid4()
    refusal = DeliveryError(Failure.PERMANENT, "21211", "the number is not valid")
    clinic.sms.answers = [refusal, refusal]
    write(clinic, patient)
    say(clinic, patient, Answer.HELP, about)
    clinic.tick()
    clinic.tick(NOON + timedelta(minutes=2))
    states = {(row.channel, row.state) for row in clinic.rows(patient)}
    assert states == {(Channel.SMS, ReminderState.FAILED), (Channel.CALL, ReminderState.TASK)}
    assert len(clinic.rows(patient)) == 3


@pytest.mark.parametrize(("text", "fault"), [("  ", "write what"), ("x" * 321, "321 characters")])
def test_nothing_and_too_much_is_refused(clinic: Clinic, text: str, fault: str) -> None:
    patient = clinic.patient()
    with pytest.raises(InvalidInputError, match=fault):
        write(clinic, patient, text)


def test_nobody_writes_to_a_number_that_opted_out_or_waits(clinic: Clinic) -> None:
    patient = clinic.patient()
    with clinic.work() as work:
        consents.pause_number(work, PHONE, "a reply may be an opt-out")
    with pytest.raises(ConflictError, match="settle it first"):
        write(clinic, patient)
    with clinic.work() as work:
        consents.opt_out(work, PHONE, "at the desk")
    with pytest.raises(ConflictError, match="opted out"):
        write(clinic, patient)


def test_who_did_not_agree_to_sms_is_answered_but_not_written_to(clinic: Clinic) -> None:
    patient = clinic.patient(contact={"consents": ()})
    with pytest.raises(ConflictError, match="nobody consented to SMS"):
        write(clinic, patient)
    with clinic.work() as work:
        sent = {"MessageSid": "SM1", "From": PHONE, "Body": "Where do I park?"}
        receiving.receive(work, sent)
    write(clinic, patient)
    with clinic.work() as work:
        contact = patients.contacts(work.session, patient)[0]
        consents.consent(work, contact, Channel.SMS, ConsentAct.WITHDRAWN, "at the desk")
    with pytest.raises(ConflictError, match="was withdrawn"):
        write(clinic, patient)
    clinic.tick()
    assert clinic.sms.taken == []
    assert the_answer(clinic, Channel.CALL).state is ReminderState.TASK


def test_to_answer_a_reply_settles_it_and_frees_the_number(clinic: Clinic) -> None:
    patient = clinic.patient()
    with clinic.work() as work:
        sent = {"MessageSid": "SM1", "From": PHONE, "Body": "STOP 12345"}
        row = receiving.receive(work, sent)
    assert row is not None
    with pytest.raises(ConflictError, match="settle it first"):
        write(clinic, patient)
    with clinic.work() as work:
        contact = patients.contacts(work.session, patient)[0]
        decisions.answer_reply(
            work, row.id, work.session.get_one(Patient, patient), contact, "Was that meant for us? " * 5
        )
    (kept,) = clinic.all(Inbound)
    assert kept.handling == f"answered: {('Was that meant for us? ' * 5)[:80].strip()} …"
    assert clinic.all(Number)[0].paused_at is None
    clinic.tick()
    assert len(clinic.sms.taken) == 1
    with pytest.raises(NotFoundError, match="dealt with already: answered"), clinic.work() as work:
        decisions.settle_reply(work, row.id, opt_out=True, note="")


def _removed(work: Work, patient: Patient, contact: Contact) -> None:
    corrections.remove_contact(work, patient, contact, "the number is somebody else's")


def _changed(work: Work, patient: Patient, contact: Contact) -> None:
    corrections.change_contact(work, patient, contact, {"phone": "+12025550177"})


def _wrong(work: Work, patient: Patient, contact: Contact) -> None:
    numbers.in_trouble(work, PHONE, "no such number", wrong=True)


@pytest.mark.parametrize("change", [_removed, _changed, _wrong])
def test_what_staff_wrote_goes_to_no_number_that_is_not_the_contacts_any_more(
    clinic: Clinic, change: Callable[[Work, Patient, Contact], None]
) -> None:
    patient = clinic.patient()
    write(clinic, patient)
    with clinic.work() as work:
        change(work, work.session.get_one(Patient, patient), patients.contacts(work.session, patient)[0])
    clinic.tick()
    assert clinic.sms.taken == []
    assert the_answer(clinic, Channel.CALL).state is ReminderState.TASK
