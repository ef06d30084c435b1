"""What happens with a message from a phone: done and answered once, or before a person with what to know."""

import threading
from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from approving import approved
from fakes.clinic import NOON, VISIT_DAY, Clinic, open_clinic

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.replies.vocabulary import Meaning
from surveillance.core.schedule.examinations import Key
from surveillance.core.words import Channel, Source, Step
from surveillance.operations.administration import sites as administration_sites
from surveillance.operations.board import worklist
from surveillance.operations.board.worklist import Worklist
from surveillance.operations.care import corrections, lifecycle
from surveillance.operations.record import conversation
from surveillance.operations.registry import consents as registry_consents
from surveillance.operations.registry import numbers
from surveillance.operations.registry import patients as registry_patients
from surveillance.operations.replies import answers as staff_answers
from surveillance.operations.replies import decisions, receiving
from surveillance.operations.visits import booking, reschedule_requests
from surveillance.providers.base import DeliveryError, Failure
from surveillance.store.registry import patients
from surveillance.store.tables import (
    Appointment,
    Consent,
    Contact,
    Inbound,
    Number,
    Patient,
    Place,
    Reminder,
    RescheduleRequest,
)

PHONE, OTHER = "+12025550101", "+12025550102"
TOLD = NOON + timedelta(minutes=11)  # by then the message on booking went out
OTHER_DAY = VISIT_DAY + timedelta(days=14)


@pytest.fixture
def clinic(engine: sa.Engine) -> Clinic:
    return open_clinic(engine, first_names=True)  # so that a shared phone is written to


@pytest.fixture
def sqlite(sqlite_engine: sa.Engine) -> Clinic:
    """For tables of cases, which no database makes any difference to."""
    return open_clinic(sqlite_engine, first_names=True)


def form(body: str, sid: str = "SM1", phone: str = PHONE, **more: str) -> dict[str, str]:
    return {"MessageSid": sid, "From": phone, "To": "+15005550006", "Body": body} | more


def reply(clinic: Clinic, body: str, sid: str = "SM1", phone: str = PHONE, **more: str) -> Inbound:
    with clinic.work() as work:
        row = receiving.receive(work, form(body, sid, phone, **more))
    assert row is not None
    return row


def told(clinic: Clinic, *days: date, **patient: Any) -> tuple[UUID, list[UUID]]:
    """A patient who was told of a visit on each of ``days``, just now."""
    patient_id = clinic.patient(**patient)
    visits = [book(clinic, patient_id, day) for day in days or (VISIT_DAY,)]
    clinic.tick(clinic.clock.turn(minutes=11))
    clinic.clock.turn(minutes=1)
    return patient_id, visits


def book(clinic: Clinic, patient_id: UUID, day: date, item: str = "mri_primary") -> UUID:
    """A visit for one examination, so that there can be another."""
    with clinic.work() as work:
        place = work.session.get_one(Place, clinic.place_id)
        new = booking.Visit(day, time(9, 30), place, [Key(item, 3)])
        return booking.book(work, work.session.get_one(Patient, patient_id), new).id


def visit(clinic: Clinic, visit_id: UUID) -> Appointment:
    return next(row for row in clinic.all(Appointment) if row.id == visit_id)


def answers(clinic: Clinic) -> list[Reminder]:
    return [row for row in clinic.rows() if row.step is Step.ANSWER]


def sent(clinic: Clinic) -> list[str]:
    """What goes out within the next minute."""
    before = len(clinic.sms.taken)
    clinic.tick(clinic.clock.turn(minutes=1))
    return [message.body for message in clinic.sms.taken[before:]]


def number(clinic: Clinic) -> tuple[bool, bool]:
    """Whether the number opted out, and whether it waits for a decision."""
    rows = [row for row in clinic.all(Number) if row.phone == PHONE]
    return any(row.opted_out_at for row in rows), any(row.paused_at for row in rows)


def listed(clinic: Clinic, name: Worklist) -> list[tuple[str, str]]:
    with clinic.work() as work:
        return [(row.mrn, row.why) for row in worklist.rows(work, [clinic.site_id], name)]


# -- what is plain -------------------------------------------------------------------------------------------------


def test_a_confirmation_is_noted_and_thanked_for_once(clinic: Clinic) -> None:
    patient, (booked,) = told(clinic)
    row = reply(clinic, "C")
    assert (row.keyword, row.patient_id, row.appointment_id) == (Meaning.CONFIRM, patient, booked)
    assert (row.why, row.handling) == ("", "confirmed the visit; answered")
    assert (visit(clinic, booked).confirmed_at, visit(clinic, booked).confirmed_how) == (clinic.clock(), Source.REPLY)
    assert sent(clinic) == [
        "Elm Clinic: thank you, we expect you on Wednesday, June 24, 2026, 9:30 AM. Questions: +1 202-555-0199."
    ]
    again = reply(clinic, "c!", sid="SM2")
    assert (again.handling, sent(clinic)) == ("confirmed the visit, which was known", [])


def test_a_wish_for_another_day_becomes_work_and_is_thanked_for_once(clinic: Clinic) -> None:
    _, (booked,) = told(clinic)
    reply(clinic, "C", sid="SM0")
    row = reply(clinic, "R")
    (request,) = clinic.all(RescheduleRequest)
    assert (request.appointment_id, request.source, request.text, request.inbound_id) == (
        booked,
        Source.REPLY,
        "R",
        row.id,
    )
    assert (visit(clinic, booked).confirmed_at, row.handled_at) == (None, clinic.clock())
    assert any("another day" in body for body in sent(clinic))
    reply(clinic, "I can't come that day", sid="SM2")
    assert sent(clinic) == []
    (request,) = clinic.all(RescheduleRequest)
    assert request.text == "R\nI can't come that day"
    ((_, why),) = listed(clinic, Worklist.RESCHEDULE)
    assert why == "the patient said so by reply: “R I can't come that day”"
    assert listed(clinic, Worklist.REPLIES) == []
    clinic.move(booked, OTHER_DAY)
    assert listed(clinic, Worklist.RESCHEDULE) == []


def test_stop_in_free_words_binds_all_sites_and_is_answered_once(clinic: Clinic) -> None:
    told(clinic)
    row = reply(clinic, "opt out")
    assert (row.keyword, row.handling, number(clinic)) == (
        Meaning.STOP,
        "opted out; answered",
        (True, False),
    )
    (said,) = sent(clinic)
    assert "no more texts" in said
    assert reply(clinic, "Opt-out!", sid="SM2").handling == "opted out"
    assert sent(clinic) == []


@pytest.mark.parametrize(
    ("body", "more", "meaning", "handling"),
    [
        ("STOP", {}, Meaning.STOP, "opted out"),
        ("stop", {"OptOutType": "STOP"}, Meaning.STOP, "opted out"),
        ("HELP", {}, Meaning.HELP, "asked for help; the provider answered"),
        ("anything", {"OptOutType": "HELP"}, Meaning.HELP, "asked for help; the provider answered"),
    ],
)
def test_what_the_provider_has_answered_is_not_answered_twice(
    sqlite: Clinic, body: str, more: dict[str, str], meaning: Meaning, handling: str
) -> None:
    told(sqlite)
    row = reply(sqlite, body, **more)
    assert (row.keyword, row.handling, answers(sqlite)) == (meaning, handling, [])


def test_start_restores_what_the_number_withdrew_and_yes_is_no_opt_in(clinic: Clinic) -> None:
    told(clinic)
    guess = reply(clinic, "YES", sid="SM0")
    assert guess.handled_at is None
    assert "probably comes to the visit of 2026-06-24, 09:30" in guess.why
    assert all(row.confirmed_at is None for row in clinic.all(Appointment))
    reply(clinic, "STOP", sid="SM1")
    clinic.clock.turn(minutes=1)
    assert reply(clinic, "START", sid="SM2").handling == "opted in"
    assert number(clinic) == (False, False)
    acts = [row.act for row in sorted(clinic.all(Consent), key=lambda row: row.at) if row.channel is Channel.SMS]
    assert acts == ["given", "withdrawn", "given"]
    assert answers(clinic) == []


def test_a_number_that_writes_is_in_no_trouble(sqlite: Clinic) -> None:
    told(sqlite)
    with sqlite.work() as work:
        numbers.in_trouble(work, PHONE, "the handset cannot be reached (30003)", wrong=False)
    reply(sqlite, "thanks")
    assert [(row.trouble_at, row.trouble_why) for row in sqlite.all(Number)] == [(None, "")]


def test_thanks_are_filed_and_answered_by_nobody(sqlite: Clinic) -> None:
    told(sqlite)
    row = reply(sqlite, "Thank you!")
    assert (row.keyword, row.handling, answers(sqlite)) == (Meaning.THANKS, "thanks: nothing to do", [])


def test_help_in_another_language_is_answered_in_it_where_the_site_writes_it(sqlite: Clinic) -> None:
    told(sqlite)
    row = reply(sqlite, "ayuda")
    assert (row.language, row.why) == ("es", "wrote in Spanish")
    assert [answer.language for answer in answers(sqlite)] == ["es"]
    other = reply(sqlite, "Hilfe", sid="SM2")
    assert (other.language, other.why) == ("de", "wrote in German")
    assert sorted(answer.language for answer in answers(sqlite)) == ["en", "es"]


# -- what a person has to look at ----------------------------------------------------------------------------------


def test_what_may_be_an_opt_out_pauses_the_number_and_is_answered_by_nobody(clinic: Clinic) -> None:
    told(clinic)
    row = reply(clinic, "STOP 12345")
    assert (row.keyword, row.handled_at, number(clinic)) == (Meaning.MIGHT_BE_STOP, None, (False, True))
    assert row.why == "it may be an opt-out: nothing is sent to this number until somebody decides"
    reply(clinic, "C", sid="SM2")
    assert answers(clinic) == []


def _moved(clinic: Clinic, _: UUID, visits: Sequence[UUID]) -> None:
    clinic.move(visits[0], OTHER_DAY)


def _cancelled(clinic: Clinic, _: UUID, visits: Sequence[UUID]) -> None:
    clinic.cancel(visits[0])


def _over(clinic: Clinic, _: UUID, __: Sequence[UUID]) -> None:
    clinic.clock.turn(days=24)


def _died(clinic: Clinic, patient_id: UUID, _: Sequence[UUID]) -> None:
    with clinic.work() as work:
        lifecycle.died(work, work.session.get_one(Patient, patient_id), work.now.date(), "family")


def _shared(clinic: Clinic, _: UUID, __: Sequence[UUID]) -> None:
    told(clinic, mrn="2", family_name="Birch")


def _second(clinic: Clinic, patient_id: UUID, _: Sequence[UUID]) -> None:
    clinic.clock.turn(hours=24)  # only one message a day
    book(clinic, patient_id, OTHER_DAY, "chest_imaging")
    clinic.tick(clinic.clock.turn(minutes=11))


def _staff_wrote(clinic: Clinic, patient_id: UUID, _: Sequence[UUID]) -> None:
    with clinic.work() as work:
        patient = work.session.get_one(Patient, patient_id)
        staff_answers.write(work, patient, patients.contacts(work.session, patient_id)[0], "Do you need a taxi?")
    clinic.tick(clinic.clock.turn(minutes=1))


@pytest.mark.parametrize("body", ["C", "R"])
@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (_moved, "the visit of 2026-06-24, 09:30 has moved since it was told; now it is the visit of 2026-07-08"),
        (_cancelled, "the visit of 2026-06-24, 09:30 is called off"),
        (_over, "the visit of 2026-06-24, 09:30 was yesterday"),
        (_died, "Ash, Anna died: somebody else may be writing"),
        (_shared, "Ash, Anna … Birch, Anna … share this number, and both were written to"),
        (_second, "it may be about the visit of 2026-06-24, 09:30 or the visit of 2026-07-08, 09:30"),
        (_staff_wrote, "it follows what staff wrote on 2026-06-01"),
    ],
)
def test_what_is_not_certain_waits_for_a_person_with_the_reason(sqlite: Clinic, happens, why: str, body: str) -> None:
    patient_id, visits = told(sqlite)
    happens(sqlite, patient_id, visits)
    had = len(answers(sqlite))
    row = reply(sqlite, body)
    assert (row.handled_at, len(answers(sqlite)), sqlite.all(RescheduleRequest)) == (None, had, [])
    assert all(part in row.why for part in why.split(" … "))
    assert all(each.confirmed_at is None for each in sqlite.all(Appointment))
    assert row.why in [each for _, each in listed(sqlite, Worklist.REPLIES)]


@pytest.mark.parametrize(
    ("body", "more", "why"),
    [
        ("Which entrance?", {}, "the last message, of 2026-06-01, told of the visit of 2026-06-24, 09:30"),
        ("", {"NumMedia": "2"}, "2 pictures came with it; look at it at the provider"),
        ("", {}, "the last message, of 2026-06-01, told of the visit"),
        ("x" * 5000, {}, "the last message"),
        ("\0?", {}, "the last message"),
    ],
)
def test_every_other_reply_waits_with_what_was_said_last(clinic: Clinic, body: str, more: Any, why: str) -> None:
    told(clinic)
    row = reply(clinic, body, **more)
    assert (row.handled_at, row.body) == (None, body.replace("\0", ""))
    assert row.why.startswith(why)


@pytest.mark.parametrize(("body", "opted_out"), [("Who is this?", False), ("C", False), ("STOP", True)])
def test_a_number_that_nobody_has_is_seen_by_whoever_opens_the_board(
    sqlite: Clinic, body: str, opted_out: bool
) -> None:
    row = reply(sqlite, body)
    assert (answers(sqlite), row.patient_id) == ([], None)
    assert number(sqlite)[0] is opted_out
    with sqlite.work() as work:
        elsewhere = administration_sites.NewSite("B", "B", "B", "Europe/London", "GB", "+44 20 7946 0000")
        other = administration_sites.add_site(work, elsewhere).id
        shown = [len(worklist.rows(work, sites, Worklist.REPLIES)) for sites in ([sqlite.site_id], [other])]
    assert shown == ([0, 0] if opted_out else [1, 1])


def test_the_phone_of_the_dead_is_barred_without_an_answer_and_a_person_sees_it(sqlite: Clinic) -> None:
    patient_id, visits = told(sqlite)
    _died(sqlite, patient_id, visits)
    had = len(answers(sqlite))
    row = reply(sqlite, "opt out")
    assert (number(sqlite), row.handled_at, len(answers(sqlite))) == ((True, False), None, had)


def test_a_shared_phone_is_certain_where_only_one_was_written_to_and_stop_holds_for_both(sqlite: Clinic) -> None:
    sqlite.patient(mrn="2", family_name="Birch")
    patient_id, (booked,) = told(sqlite)
    assert reply(sqlite, "C").patient_id == patient_id
    assert visit(sqlite, booked).confirmed_how is Source.REPLY
    reply(sqlite, "STOP", sid="SM2")
    withdrawn = {row.patient_id for row in sqlite.all(Consent) if row.act == "withdrawn"}
    assert len(withdrawn) == 2


# -- taken once ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["MessageSid", "From"])
def test_a_message_without_an_id_or_a_sender_is_refused_without_a_word_of_what_it_said(sqlite: Clinic, missing) -> None:
    with pytest.raises(InvalidInputError) as refused, sqlite.work() as work:
        receiving.receive(work, form("my secret illness") | {missing: " "})
    assert str(refused.value) == f"an inbound message needs {missing}"


def test_a_message_that_the_provider_repeats_in_two_threads_at_once_is_taken_once(clinic: Clinic) -> None:
    told(clinic)
    start, taken, failed = threading.Barrier(4), [], []

    def take(sid: str) -> None:
        try:
            start.wait()
            with clinic.work() as work:
                taken.append(receiving.receive(work, form("C", sid)) is not None)
        except BaseException as error:  # noqa: BLE001  # told below
            failed.append(error)

    threads = [threading.Thread(target=take, args=(sid,)) for sid in ("SM1", "SM1", "SM1", "SM2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(taken) == [False, False, True, True]
    assert (len(clinic.all(Inbound)), len(answers(clinic))) == (2, 1)


def test_two_who_opt_one_number_out_at_the_same_moment_both_can(clinic: Clinic) -> None:
    """Such as a reply, and a report of the provider about a patient who shares the phone."""
    clinic.patient()
    begun, failed = threading.Event(), []

    def second() -> None:
        begun.set()
        try:
            with clinic.work() as work:
                registry_consents.opt_out(work, PHONE, "at the desk")
        except BaseException as error:  # noqa: BLE001  # told below
            failed.append(error)

    other = threading.Thread(target=second)
    with clinic.work() as work:
        registry_consents.opt_out(work, PHONE, "reply 'stop please'")
        other.start()
        begun.wait()
        other.join(0.3)  # it waits for this transaction by then
    other.join()
    assert failed == []
    assert number(clinic) == (True, False)


def test_a_decision_does_not_undo_the_pause_of_a_reply_that_came_meanwhile(clinic: Clinic) -> None:
    clinic.patient()
    first = reply(clinic, "STOP 12345")
    failed: list[BaseException] = []

    def decide() -> None:
        try:
            with clinic.work() as work:
                work.session.get_one(Number, PHONE)
                decisions.settle_reply(work, first.id, opt_out=False, note="a code")
        except BaseException as error:  # noqa: BLE001  # told below
            failed.append(error)

    other = threading.Thread(target=decide)
    with clinic.work() as work:
        receiving.receive(work, form("no more", "SM2"))
        other.start()
        other.join(0.3)
    other.join()
    assert failed == []
    assert number(clinic) == (False, True)


# -- consent in both directions --------------------------------------------------------------------------------------


def test_a_second_contact_is_reached_by_another_number_only_with_own_consent(sqlite: Clinic) -> None:
    own = registry_patients.NewContact(phone=PHONE, consents=[Channel.SMS])
    daughter = registry_patients.NewContact(name="Dora", phone=OTHER)
    patient_id = sqlite.patient(contacts=[own, daughter])
    reply(sqlite, "STOP")
    sqlite.book(patient_id)
    sqlite.tick(sqlite.clock.turn(minutes=11))
    assert sqlite.sms.taken == []
    with sqlite.work() as work:
        contact = next(row for row in work.session.exec(sa.select(Contact)).scalars() if row.phone == OTHER)
        registry_consents.consent(work, contact, Channel.SMS, "given", "by telephone")  # type: ignore[arg-type]
    sqlite.clock.turn(days=16)
    sqlite.tick(sqlite.clock.turn(hours=-2))
    assert {message.to for message in sqlite.sms.taken} == {OTHER}


def test_a_number_that_opted_out_stays_barred_when_a_new_patient_has_it(sqlite: Clinic) -> None:
    sqlite.patient()
    reply(sqlite, "STOP")
    patient_id = sqlite.patient(mrn="2")
    sqlite.book(patient_id)
    sqlite.tick(sqlite.clock.turn(minutes=11))
    assert sqlite.sms.taken == []
    reply(sqlite, "START", sid="SM2")
    consents = [row.act for row in sqlite.all(Consent) if row.patient_id == patient_id and row.channel is Channel.SMS]
    assert consents == ["given"], "START gives back what the number took, and asks for nothing that nobody withdrew"


def test_start_gives_back_nothing_that_was_withdrawn_at_the_desk(sqlite: Clinic) -> None:
    patient_id = sqlite.patient()
    with sqlite.work() as work:
        (contact,) = [row for row in work.session.exec(sa.select(Contact)).scalars() if row.patient_id == patient_id]
        registry_consents.consent(work, contact, Channel.SMS, "withdrawn", "at the desk")  # type: ignore[arg-type]
    sqlite.clock.turn(minutes=1)
    reply(sqlite, "STOP")
    sqlite.clock.turn(minutes=1)
    reply(sqlite, "START", sid="SM2")
    sqlite.book(patient_id)
    sqlite.tick(sqlite.clock.turn(minutes=11))
    assert sqlite.sms.taken == []
    assert [row.act for row in sqlite.all(Consent) if row.channel is Channel.SMS] == ["given", "withdrawn"]


def test_a_wish_that_a_person_settled_waits_no_more(sqlite: Clinic) -> None:
    told(sqlite)
    reply(sqlite, "R")
    with sqlite.work() as work:
        request = work.session.exec(sa.select(RescheduleRequest)).scalar_one()
        reschedule_requests.close(work, request, "comes as booked, a neighbour drives")
    assert listed(sqlite, Worklist.RESCHEDULE) == []


def elsewhere(clinic: Clinic, phone: str) -> UUID:
    """A patient of another site who has a number, and agreed to SMS there."""
    with clinic.work() as work:
        fields = {"holidays": None, "messages_from": date(2026, 1, 1)}
        site = administration_sites.add_site(
            work, administration_sites.NewSite("B", "Beech", "Beech", "America/New_York", "US", PHONE, **fields)
        )
        approved(work, site)
        contact = registry_patients.NewContact(phone=phone, consents=(Channel.SMS,))
        new = registry_patients.NewPatient("9", "Beech", "Bea", date(1980, 1, 1), contacts=[contact])
        return registry_patients.add_patient(work, site, new).id


@pytest.mark.parametrize("how", ["a reply", "the provider's refusal"])
def test_an_opt_out_withdraws_at_all_sites_and_nothing_goes_another_way_to_the_number(clinic: Clinic, how: str) -> None:
    there, here = elsewhere(clinic, PHONE), clinic.patient()
    if how == "a reply":
        reply(clinic, "STOP")
    else:
        clinic.sms.answers = [DeliveryError(Failure.OPTED_OUT, "21610", "the number opted out")]
        clinic.book(here)
        clinic.tick(clinic.clock.turn(minutes=11))
    assert number(clinic) == (True, False)
    withdrawn = {row.patient_id for row in clinic.all(Consent) if row.act == "withdrawn" and row.channel is Channel.SMS}
    assert withdrawn == {there, here}
    with clinic.work() as work:
        patient, contact = work.session.get_one(Patient, there), patients.contacts(work.session, there)[0]
        with pytest.raises(ConflictError, match="opted out"):
            staff_answers.write(work, patient, contact, "Please call us.")
    clinic.clock.turn(minutes=1)
    reply(clinic, "START", sid="SM9")
    standing = [row for row in clinic.all(Consent) if row.channel is Channel.SMS and row.act == "given"]
    assert {row.patient_id for row in standing if row.method.startswith("opt-in")} == {there, here}
    assert clinic.sms.taken == []


def test_clinics_that_share_a_number_do_not_learn_each_others_patients(sqlite: Clinic) -> None:
    elsewhere(sqlite, PHONE)
    told(sqlite)
    row = reply(sqlite, "Which entrance?")
    assert row.why == "the last message went to a patient of NY1 on 2026-06-01"
    ((mrn, why),) = listed(sqlite, Worklist.REPLIES)
    assert (mrn, why) == ("1", row.why)


def test_what_a_number_says_after_it_left_a_patient_is_not_shown_with_that_patient(clinic: Clinic) -> None:
    patient_id = clinic.patient()
    reply(clinic, "Where do I park?", sid="SM1")
    with clinic.work() as work:
        patient = work.session.get_one(Patient, patient_id)
        corrections.remove_contact(work, patient, patients.contacts(work.session, patient_id)[0], "a new number")
    clinic.clock.turn(days=30)
    reply(clinic, "I am somebody else's patient now", sid="SM2")
    with clinic.work() as work:
        talk = conversation.gather(work, work.session.get_one(Patient, patient_id))
    assert [entry.text for entry in talk.entries if entry.side is conversation.Side.IN] == ["Where do I park?"]
