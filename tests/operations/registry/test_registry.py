"""Patients, contacts, consent, and what is known of a phone number itself (design section 4 rule 10)."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from clinic import DAY, TODAY, change, events
from sqlmodel import select

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from surveillance.core.words import Channel, ConsentAct
from surveillance.operations.administration import places
from surveillance.operations.protocols import approvals
from surveillance.operations.registry import consents, phones, sites, working_days
from surveillance.operations.registry import patients as registry_patients
from surveillance.store.registry import patients
from surveillance.store.tables import Consent, Contact, Number

PHONE = "+12025550101"
HOUR = timedelta(hours=1)


def contact_of(work, patient) -> Contact:
    (contact,) = patients.contacts(work.session, patient.id)
    return contact


def agrees(work, patient) -> bool:
    contact = contact_of(work, patient)
    last = patients.consents(work.session, patient.id).get((contact.id, Channel.SMS))
    return last is not None and last.act is ConsentAct.GIVEN


def ledger(work) -> int:
    return len(list(work.session.exec(select(Consent))))


def test_an_opt_out_binds_the_number_at_all_sites_and_is_explained(clinic):
    with clinic.work(clinic.system) as work:
        here = clinic.patient(work)
        there = registry_patients.add_patient(
            work,
            sites.site_by_code(work, "DC2"),
            registry_patients.NewPatient(
                "9",
                "Birch",
                "Ben",
                date(1990, 1, 1),
                contacts=[registry_patients.NewContact(phone=PHONE, consents=["sms"])],
            ),
        )
        work.now += HOUR
        consents.opt_out(work, PHONE, "reply 'STOP'")
        assert not agrees(work, here)
        assert not agrees(work, there)
        before, after, reason = change(work, "number.opt_out")
        assert (before["opted_out_at"], after["phone"], reason) == (None, PHONE, "reply 'STOP'")
        assert {event.patient_id for event, _ in events(work, "consent.withdrawn")} == {here.id, there.id}
        assert PHONE not in str([vars(event) for event, _ in events(work, "number.opt_out")])


def test_saying_stop_twice_changes_nothing_more(clinic):
    with clinic.work(clinic.system) as work:
        clinic.patient(work)
        work.now += HOUR
        consents.opt_out(work, PHONE, "reply 'STOP'")
        first, lines = work.session.get_one(Number, PHONE).opted_out_at, ledger(work)
        work.now += HOUR
        consents.opt_out(work, PHONE, "reply 'stop it'")
        assert work.session.get_one(Number, PHONE).opted_out_at == first
        assert ledger(work) == lines
        assert len(events(work, "number.opt_out")) == 1


def test_start_gives_back_only_what_the_number_itself_withdrew(clinic):
    with clinic.work(clinic.system) as work:
        stays, context, never, before = (clinic.patient(work, mrn) for mrn in "1234")
        contact = contact_of(work, never)
        work.session.execute(sa.delete(Consent).where(Consent.contact_id == contact.id))
        consents.consent(work, contact_of(work, before), Channel.SMS, ConsentAct.WITHDRAWN, "at the desk", work.now)
        work.now += HOUR
        consents.opt_out(work, PHONE, "reply 'STOP'")
        work.now += HOUR
        consents.consent(work, contact_of(work, context), Channel.SMS, ConsentAct.WITHDRAWN, "at the desk")
        work.now += HOUR
        back = consents.opt_in(work, PHONE, "reply 'START'")
        assert [row.patient_id for row in back] == [stays.id]
        assert [agrees(work, patient) for patient in (stays, context, never, before)] == [True, False, False, False]
        assert work.session.get_one(Number, PHONE).opted_out_at is None
        assert consents.opt_in(work, PHONE, "reply 'START'") == []
        assert len(events(work, "number.opt_in")) == 1


def test_a_paused_number_waits_for_a_person(clinic):
    with clinic.work() as work:
        clinic.patient(work)
        consents.pause_number(work, PHONE, "“leave me alone” may be an opt-out")
        assert work.session.get_one(Number, PHONE).paused_at == work.now
        consents.release_number(work, PHONE)
        assert work.session.get_one(Number, PHONE).paused_at is None
        consents.release_number(work, PHONE)
        assert [len(events(work, f"number.{what}")) for what in ("pause", "release")] == [1, 1]


def test_only_who_works_with_a_holder_speaks_for_a_number_or_a_contact(clinic):
    with clinic.work() as work:
        patient = clinic.patient(work)
        oscar = clinic.by(work, clinic.oscar)
        for speak in (consents.opt_out, consents.opt_in, consents.pause_number):
            with pytest.raises(ForbiddenError):
                speak(oscar, PHONE, "by telephone")
        with pytest.raises(ForbiddenError):
            consents.consent(oscar, contact_of(work, patient), Channel.SMS, ConsentAct.GIVEN, "by telephone")
        with pytest.raises(ForbiddenError):
            registry_patients.add_contact(oscar, patient, registry_patients.NewContact(phone=PHONE), 2)
        with pytest.raises(ForbiddenError):
            places.add_place(oscar, clinic.site(work), "Back door")
        with pytest.raises(InvalidInputError, match="in the future"):
            consents.consent(work, contact_of(work, patient), Channel.SMS, ConsentAct.GIVEN, "form", work.now + HOUR)


def test_of_two_words_of_one_moment_the_withdrawal_holds(clinic):
    with clinic.work() as work:
        patient = clinic.patient(work)
        for act in (ConsentAct.WITHDRAWN, ConsentAct.GIVEN):
            consents.consent(work, contact_of(work, patient), Channel.SMS, act, "by telephone")
        assert not agrees(work, patient)


def test_a_bad_phone_number_never_blocks_saving_a_patient(clinic):
    with clinic.work() as work:
        patient = clinic.patient(work, phone="ask his mother")
        assert (contact_of(work, patient).phone, contact_of(work, patient).phone_given) == (None, "ask his mother")
        clinic.enrolled(work, "002")


@pytest.mark.parametrize(
    ("values", "error", "told"),
    [
        ({"mrn": "  "}, InvalidInputError, "MRN is empty"),
        ({"family_name": " "}, InvalidInputError, "family name"),
        ({"birth_date": TODAY + DAY}, InvalidInputError, "birth date"),
        ({"time_zone": "Mars/Olympus"}, InvalidInputError, "no time zone"),
        ({"flags": {"brave": True}}, InvalidInputError, "unknown flag brave"),
        ({"mrn": " 001 "}, ConflictError, "taken at DC1"),
    ],
)
def test_a_patient_who_cannot_be_is_refused(sqlite_clinic, values, error, told):
    with sqlite_clinic.work() as work:
        sqlite_clinic.patient(work)
        fields = {"mrn": "002", "family_name": "Ash", "given_name": "Ann", "birth_date": date(2000, 1, 1)} | values
        with pytest.raises(error, match=told):
            registry_patients.add_patient(work, sqlite_clinic.site(work), registry_patients.NewPatient(**fields))


def test_an_mrn_names_one_patient_of_the_sites_that_are_asked(clinic):
    with clinic.work(clinic.system) as work:
        patient = clinic.patient(work)
        there = sites.site_by_code(work, "DC2")
        registry_patients.add_patient(
            work, there, registry_patients.NewPatient("001", "Birch", "Ben", date(1990, 1, 1))
        )
        assert registry_patients.patient_named(work, [clinic.site_id], " 001 ") is patient
        with pytest.raises(ConflictError, match="DC1, DC2"):
            registry_patients.patient_named(work, [clinic.site_id, there.id], "001")
        with pytest.raises(NotFoundError):
            registry_patients.patient_named(work, [], "001")


def test_only_a_clinician_approves_a_protocol_and_once(clinic):
    with clinic.work() as work:
        site = clinic.site(work)
        with pytest.raises(ForbiddenError, match="takes a clinician"):
            approvals.approve_protocol(work, site, "nccn-sts-high")
        helen = clinic.by(work, clinic.helen)
        first = approvals.approve_protocol(helen, site, "nccn-sts-high", read_source=True)
        assert approvals.approve_protocol(helen, site, "nccn-sts-high", read_source=True) is first


@pytest.mark.parametrize(
    ("typed", "e164", "mobile"),
    [
        ("(202) 555-0101", "+12025550101", True),
        ("+44 20 7946 0000", "+442079460000", False),
        ("+46 70 174 06 05", "+46701740605", True),
        ("202 555 0101 ext. 7", "+12025550101", False),
        ("555-0101", None, False),
        ("none", None, False),
        ("", None, False),
    ],
)
def test_a_phone_number_is_read_as_it_is_dialled_in_the_country(typed, e164, mobile):
    phone = phones.read_phone(typed, "US")
    assert (phone.e164, phone.mobile) == (e164, mobile)
    assert bool(phone.problem) is (e164 is None)


@pytest.mark.parametrize(
    ("typed", "read"),
    [(" a@b.example ", "a@b.example"), ("a@b", None), ("a b@c.example", None), ("a@b.example\nBcc: x@y.example", None)],
)
def test_an_address_that_cannot_be_a_mailbox_is_none(typed, read):
    assert phones.read_email(typed) == read


def test_a_site_works_on_its_own_days(clinic):
    with clinic.work() as work:
        calendar = working_days.site_calendar(work.session, clinic.site(work), TODAY)
        days = {
            date(2026, 11, 23): True,
            date(2026, 11, 26): False,
            date(2026, 11, 28): False,
        }  # Thanksgiving, Saturday
        assert {day: calendar.is_working(day) for day in days} == days
    with pytest.raises(InvalidInputError, match="no holiday calendar 'XX'"):
        working_days.public_holidays("XX", 2026, 2026)
