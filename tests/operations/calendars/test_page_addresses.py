"""A patient's own page: its addresses, what it shows to whom, and what a patient does there."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from clinic import DAY, NOW, TODAY, Clinic
from sqlmodel import col, select

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from surveillance.core.words import Channel, ConsentAct, Privacy, Source, Step
from surveillance.operations.accounts import rate_limits
from surveillance.operations.calendars import feeds
from surveillance.operations.calendars import page_addresses as pages
from surveillance.operations.calendars.page_addresses import State
from surveillance.operations.care import corrections, lifecycle
from surveillance.operations.patient_page import acts
from surveillance.operations.patient_page import page as patient_page
from surveillance.operations.patient_page.acts import Standing
from surveillance.operations.registry import consents
from surveillance.operations.registry import consents as registry_consents
from surveillance.operations.visits import booking, reschedule_requests
from surveillance.operations.wording import languages
from surveillance.operations.work import Work
from surveillance.store.registry import patients
from surveillance.store.tables import AuditEvent, Contact, Death, Feed, Patient, PatientPage, Reminder

VISIT_DAY = date(2026, 12, 1)
BORN = date(2001, 1, 1)
SENT = (Channel.SMS, Channel.EMAIL)


def made(work: Work, clinic: Clinic, **contact: object) -> tuple[Patient, PatientPage]:
    """Anna with a booked visit and a page of hers."""
    patient, _ = clinic.enrolled(work)
    (anna,) = patients.contacts(work.session, patient.id)
    corrections.change_contact(work, patient, anna, {"email": "anna@clinic.example"} | contact)
    consents.consent(work, anna, Channel.EMAIL, ConsentAct.GIVEN, "signed form")
    clinic.book(work, patient, VISIT_DAY)
    return patient, pages.new_page(work, patient, anna, "en")[0]


def as_patient(work: Work, clinic: Clinic, **later: float) -> Work:
    return Work(work.session, work.now + timedelta(**later), acts.actor(clinic.system), work.catalogue)


def actions(work: Work, patient: Patient) -> list[str]:
    statement = select(AuditEvent.action).where(AuditEvent.patient_id == patient.id).order_by(col(AuditEvent.id))
    return [action for action in work.session.exec(statement) if action.startswith("page.")]


# -- addresses ---------------------------------------------------------------------------------------------------


def test_an_address_is_known_by_its_secret_of_which_only_a_hash_is_kept(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        page, secret = pages.new_page(work, patient, None, "en")
        assert len(secret) == pages.SECRET_SIGNS
        assert secret.isalnum()
        assert secret not in str(page.model_dump())
        assert pages.address("https://clinic.example", secret) == f"https://clinic.example/p/{secret}"
        assert pages.resolve(work.session, secret, work.now) == (page, State.OPEN)
        assert pages.resolve(work.session, secret[:-1], work.now) is None
        assert actions(work, patient) == ["page.create"]


@pytest.mark.parametrize(
    ("booked", "about", "expires"),
    [
        (None, None, NOW + pages.LASTS_AT_LEAST),
        (VISIT_DAY, None, NOW + pages.LASTS_AT_LEAST),
        (date(2027, 3, 1), None, NOW.replace(year=2027, month=3, day=8, hour=0)),  # the visit's day and a week
        (VISIT_DAY, date(2027, 3, 1), NOW.replace(year=2027, month=3, day=8, hour=0)),  # what the message is about
    ],
)
def test_an_address_lasts_sixty_days_or_a_week_after_its_visit(
    sqlite_clinic: Clinic, booked: date | None, about: date | None, expires: object
) -> None:
    with sqlite_clinic.work() as work:
        patient, _ = sqlite_clinic.enrolled(work)
        visit = sqlite_clinic.book(work, patient, booked) if booked else None
        reminder = None
        if about and visit:
            reminder = message(work, patient, Channel.SMS, about, appointment_id=visit.id)
        assert pages.new_page(work, patient, None, "en", reminder)[0].expires_at == expires


Change = Callable[[Work, Patient, PatientPage], object]
CHANGES: dict[str, tuple[Change, State]] = {
    "nothing": (lambda work, patient, page: None, State.OPEN),
    "revoked": (lambda work, patient, page: pages.revoke(work, page), State.REVOKED),
    "all revoked": (lambda work, patient, page: pages.revoke_all(work, patient, "lost"), State.REVOKED),
    "died": (lambda work, patient, page: lifecycle.died(work, patient, TODAY, "family"), State.CLOSED),
    "contact removed": (
        lambda work, patient, page: corrections.remove_contact(
            work, patient, work.session.get_one(Contact, page.contact_id), "moved out"
        ),
        State.CLOSED,
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_address_stands_until_something_closes_it(sqlite_clinic: Clinic, what: str) -> None:
    change, state = CHANGES[what]
    with sqlite_clinic.work() as work:
        patient, page = made(work, sqlite_clinic)
        change(work, patient, page)
        assert pages.state(work.session, page, work.now) is state
        assert pages.state(work.session, page, page.expires_at) is not State.OPEN


def test_a_death_closes_the_page_and_its_retraction_opens_it_again(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, page = made(work, clinic)
        lifecycle.died(work, patient, TODAY, "family")
        assert pages.state(work.session, page, work.now) is State.CLOSED
        with pytest.raises(ConflictError, match="died"):
            pages.new_page(work, patient, None, "en")
        lifecycle.retract(work, patient, work.session.exec(select(Death)).one(), "another patient")
        assert pages.state(work.session, page, work.now) is State.OPEN


def test_staff_close_one_address_or_all_and_nobody_of_another_site_does(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, page = made(work, clinic)
        other = pages.new_page(work, patient, None, "de")[0]
        with pytest.raises(ForbiddenError):
            pages.revoke(clinic.by(work, clinic.oscar), page)
        with pytest.raises(ForbiddenError):
            pages.new_page(clinic.by(work, clinic.oscar), patient, None, "en")
        assert pages.page_named(work.session, patient, other.id.hex[:6]) == other
        pages.revoke(work, page, "lost")
        pages.revoke(work, page, "lost")
        assert pages.standing(work.session, patient.id, work.now) == [other]
        assert pages.revoke_all(work, patient, "lost") == 1
        assert pages.standing(work.session, patient.id, work.now) == []
        assert actions(work, patient).count("page.revoke") == 2


def test_a_page_is_for_a_contact_of_that_very_patient(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        patient, _ = sqlite_clinic.enrolled(work)
        stranger = sqlite_clinic.patient(work, "002", phone="(202) 555-0102")
        (theirs,) = patients.contacts(work.session, stranger.id)
        with pytest.raises(InvalidInputError, match="not one of patient 001"):
            pages.new_page(work, patient, theirs, "en")


@pytest.mark.parametrize(
    ("values", "closed"),
    [
        ({"email": "anna.b@clinic.example"}, [Channel.EMAIL]),
        ({"phone": "(202) 555-0177"}, [Channel.SMS]),
        ({"language": "es", "name": "Anna B"}, []),
    ],
)
def test_links_that_went_to_another_mailbox_or_number_close_when_it_is_corrected(
    sqlite_clinic: Clinic, values: dict[str, str], closed: list[Channel]
) -> None:
    with sqlite_clinic.work() as work:
        patient, at_the_desk = made(work, sqlite_clinic)
        (anna,) = patients.contacts(work.session, patient.id)
        sent = {
            channel: pages.new_page(work, patient, anna, "en", message(work, patient, channel))[0] for channel in SENT
        }
        corrections.change_contact(work, patient, anna, values)
        assert [channel for channel, page in sent.items() if page.revoked_at is not None] == closed
        assert at_the_desk.revoked_at is None


def message(work: Work, patient: Patient, channel: Channel, day: date = VISIT_DAY, **more: object) -> Reminder:
    moments = dict.fromkeys(("due_at", "expires_at", "created_at", "changed_at"), NOW)
    owner = {"site_id": patient.site_id, "patient_id": patient.id} | more
    row = Reminder(key=f"x{channel}", step=Step.DAYS_7, channel=channel, subject_day=day, **owner, **moments)
    work.session.add(row)
    work.session.flush()
    return row


def test_the_calendars_of_a_contact_who_was_removed_show_nothing_more(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, page = made(work, clinic)
        feed, _ = acts.make_feed(as_patient(work, clinic), page, "en")
        other, _ = acts.make_feed(as_patient(work, clinic), pages.new_page(work, patient, None, "en")[0], "en")
        corrections.remove_contact(work, patient, patients.contacts(work.session, patient.id)[0], "moved out")
        assert [feeds.is_closed(work.session, row) for row in (feed, other)] == [True, False]


# -- the birth date ------------------------------------------------------------------------------------------------


def test_five_wrong_birth_dates_lock_the_address_for_the_right_one_too(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, page = made(work, clinic)
        for number in range(pages.MOST_TRIES):
            assert page.locked_at is None
            assert not pages.knows_birth_date(work, page, BORN + number * DAY + DAY)
        assert (page.tries, page.locked_at) == (5, work.now)
        assert not pages.knows_birth_date(work, page, BORN)
        assert actions(work, patient) == ["page.create", *["page.wrong"] * 5, "page.lock"]
        assert pages.knows_birth_date(work, pages.new_page(work, patient, None, "en")[0], BORN)


def test_wrong_birth_dates_count_over_all_addresses_of_a_patient(sqlite_clinic: Clinic) -> None:
    """Whoever reads a mailbox with ten messages has ten addresses, and no ten times five tries."""
    with sqlite_clinic.work() as work:
        patient, _ = made(work, sqlite_clinic)
        every = [pages.new_page(work, patient, None, "en")[0] for _ in range(10)]
        counted = 0
        for page in every:
            while page.locked_at is None and page.tries < pages.MOST_TRIES - 1:
                assert not pages.knows_birth_date(work, page, TODAY)
                counted += 1
        assert counted == pages.MOST_TRIES - 1 + len(every) - 1
        assert pages.knows_birth_date(work, every[0], BORN)
        assert not pages.knows_birth_date(work, every[-1], BORN)
        stranger = sqlite_clinic.patient(work, "002", phone="(202) 555-0102")
        assert pages.tries_left(work, pages.new_page(work, stranger, None, "en")[0]) == pages.MOST_TRIES


def test_the_right_birth_date_forgives_the_wrong_ones(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        _, page = made(work, sqlite_clinic)
        for _ in range(3):
            assert not pages.knows_birth_date(work, page, TODAY)
            assert pages.knows_birth_date(work, page, BORN)
        assert page.tries == 0


def test_tries_count_for_a_quarter_of_an_hour_over_all_processes(clinic: Clinic) -> None:
    with clinic.work() as work:
        for _ in range(3):
            assert rate_limits.must_wait(work, "page", 3) is None
            rate_limits.count(work, "page")
        assert rate_limits.must_wait(work, "page", 3) == timedelta(minutes=15)
        assert rate_limits.must_wait(work, "another page", 3) is None
        later = replace(work, now=work.now + timedelta(minutes=15))
        assert rate_limits.must_wait(later, "page", 3) is None


# -- what it shows -------------------------------------------------------------------------------------------------


def shown(work: Work, page: PatientPage, *, opened: bool = False, wanted: str = "") -> patient_page.View:
    return patient_page.gather(work, page, opened=opened, wanted=wanted)


@pytest.mark.parametrize("level", Privacy)
@pytest.mark.parametrize("opened", [False, True])
def test_examinations_are_named_once_the_birth_date_was_given_and_the_site_tells_all(
    sqlite_clinic: Clinic, level: Privacy, opened: bool
) -> None:
    with sqlite_clinic.work() as work:
        sqlite_clinic.site(work).privacy = level
        sqlite_clinic.scanner(work).address = "1 Example Street"
        _, page = made(work, sqlite_clinic)
        (visit,) = shown(work, page, opened=opened).visits
        tells = opened and level is Privacy.FULL
        assert ("MRI" in visit.examinations) is tells
        assert visit.place == ("Place: Scanner, 1 Example Street" if tells else "Place: 1 Example Street")
        assert "MRI" not in visit.google


def test_without_a_booked_visit_it_says_that_the_clinic_will_call(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        patient, _ = sqlite_clinic.enrolled(work)
        page = pages.new_page(work, patient, None, "en")[0]
        view = shown(work, page)
        assert (view.visits, view.ahead) == ([], ())
        assert "December 2026" in view.planned
        assert "will call you" in view.planned
        assert shown(work, page, opened=True).ahead[0] == ("December 2026", "1 appointment")
        sqlite_clinic.book(work, patient, VISIT_DAY)
        assert shown(work, page).planned == ""


def test_a_visit_that_was_moved_or_called_off_is_shown_as_it_is_now(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        _, page = made(work, sqlite_clinic)
        (row,) = [patient_page.visit_of(work, page, str(shown(work, page).visits[0].id))]
        sqlite_clinic.move(work, row, VISIT_DAY + DAY)
        assert "December 2" in shown(work, page).visits[0].when
        booking.cancel(work, row, "scanner broken")
        view = shown(work, page)
        assert [(visit.cancelled, visit.open) for visit in view.visits] == [(True, False)]
        assert "will call you" in view.planned
        past = replace(work, now=work.now + timedelta(days=30))
        assert patient_page.gather(past, page, opened=False).visits == []


def test_it_is_shown_in_a_language_that_the_site_approved_and_in_no_other(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        site = sqlite_clinic.site(work)
        site.languages = ["en", "es", "de"]
        languages.sign(work, site, "es")
        _, page = made(work, sqlite_clinic)
        assert [code for code, _ in shown(work, page).languages] == ["en", "es"]
        for wanted, title in (("es", "Sus citas"), ("de", "Your appointments"), ("xx", "Your appointments")):
            assert shown(work, page, wanted=wanted).words.title == title
        assert page.language == "en"


# -- what a patient does ---------------------------------------------------------------------------------------------


def test_a_visit_of_somebody_else_is_not_there(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        _, page = made(work, sqlite_clinic)
        other, _ = sqlite_clinic.enrolled(work, "002")
        visit = sqlite_clinic.book(work, other, VISIT_DAY)
        for wanted in (str(visit.id), "nothing", ""):
            with pytest.raises(NotFoundError):
                patient_page.visit_of(work, page, wanted)


def test_what_is_said_of_a_visit_stands_on_the_page_and_in_the_trail_as_the_patients(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, page = made(work, clinic)
        mine = as_patient(work, clinic)
        row = patient_page.visit_of(mine, page, str(shown(mine, page).visits[0].id))
        days = patient_page.suggested(mine, row)
        assert days
        assert all(day > TODAY and day != VISIT_DAY for day in days)
        reschedule_requests.request_reschedule(mine, row, Source.PAGE, "after school", days[:2])
        (visit,) = shown(mine, page).visits
        assert visit.asked
        assert not visit.confirmed
        assert visit.open
        assert visit.days.count("·") == 1
        reschedule_requests.confirm(mine, row, Source.PAGE)
        (visit,) = shown(mine, page).visits
        assert visit.confirmed
        assert not visit.asked
        by = select(AuditEvent.account).where(AuditEvent.patient_id == patient.id, AuditEvent.action == "visit.confirm")
        assert list(work.session.exec(by)) == [acts.ACCOUNT]


def test_messages_stop_by_the_page_and_come_back_by_the_page(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, page = made(work, clinic)
        (anna,) = patients.contacts(work.session, patient.id)
        twin = clinic.patient(work, "002")  # who has the same number
        on, here = Standing.ON, Standing.STOPPED_HERE
        assert acts.standing(work, anna) == {Channel.SMS: on, Channel.EMAIL: on}
        acts.stop(as_patient(work, clinic), page, [Channel.SMS])
        assert acts.standing(work, anna) == {Channel.SMS: here, Channel.EMAIL: on}
        (theirs,) = patients.contacts(work.session, twin.id)
        assert acts.standing(work, theirs)[Channel.SMS] is here
        acts.stop(as_patient(work, clinic), page, [Channel.SMS, Channel.EMAIL])
        assert acts.standing(work, anna) == {Channel.SMS: here, Channel.EMAIL: here}
        for channel in (Channel.SMS, Channel.EMAIL):
            acts.start(as_patient(work, clinic, hours=1), page, channel)
        assert acts.standing(work, anna) == {Channel.SMS: on, Channel.EMAIL: on}
        with pytest.raises(InvalidInputError, match="choose"):
            acts.stop(work, page, [])


def test_what_was_stopped_otherwise_does_not_come_back_by_the_page(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        patient, page = made(work, sqlite_clinic)
        (anna,) = patients.contacts(work.session, patient.id)
        assert anna.phone is not None
        registry_consents.opt_out(work, anna.phone, "reply 'STOP'")
        consents.consent(work, anna, Channel.EMAIL, ConsentAct.WITHDRAWN, "by telephone")
        assert set(acts.standing(work, anna).values()) == {Standing.OFF}
        for channel in (Channel.SMS, Channel.EMAIL):
            with pytest.raises(ConflictError):
                acts.start(as_patient(work, sqlite_clinic, hours=1), page, channel)


def test_a_stop_by_reply_holds_although_the_page_had_stopped_messages_before(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        patient, page = made(work, sqlite_clinic)
        (anna,) = patients.contacts(work.session, patient.id)
        acts.stop(as_patient(work, sqlite_clinic), page, [Channel.SMS])
        registry_consents.opt_out(work, anna.phone or "", "reply 'please stop'")
        acts.stop(as_patient(work, sqlite_clinic), page, [Channel.SMS])
        assert acts.standing(work, anna)[Channel.SMS] is Standing.OFF
        with pytest.raises(ConflictError):
            acts.start(as_patient(work, sqlite_clinic, hours=1), page, Channel.SMS)


def test_a_page_of_nobody_stops_nothing(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        patient, _ = sqlite_clinic.enrolled(work)
        page = pages.new_page(work, patient, None, "en")[0]
        assert set(acts.standing(work, None).values()) == {Standing.NEVER}
        with pytest.raises(ConflictError, match="nobody"):
            acts.stop(work, page, [Channel.SMS])


def test_a_chosen_language_is_that_of_the_page_and_of_messages(clinic: Clinic) -> None:
    with clinic.work() as work:
        site = clinic.site(work)
        site.languages = ["en", "es"]
        languages.sign(work, site, "es")
        patient, page = made(work, clinic)
        (anna,) = patients.contacts(work.session, patient.id)
        acts.choose_language(as_patient(work, clinic), page, "es")
        acts.choose_language(as_patient(work, clinic), page, "es")
        assert (page.language, anna.language) == ("es", "es")
        assert actions(work, patient) == ["page.create", "page.language"]
        with pytest.raises(InvalidInputError, match="does not write"):
            acts.choose_language(as_patient(work, clinic), page, "de")


def test_a_reader_makes_three_calendar_addresses_and_sees_nobody_elses(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, page = made(work, clinic)
        feeds.create(work, feeds.NewFeed(clinic.site(work), patient))
        later = pages.new_page(work, patient, work.session.get(Contact, page.contact_id), "en")[0]
        mine = as_patient(work, clinic)
        made_here = [acts.make_feed(mine, which, "en")[0] for which in (page, later, page)]
        assert {feed.id for feed in patient_page.own_feeds(work, later)} == {feed.id for feed in made_here}
        with pytest.raises(ConflictError, match="3 calendar addresses"):
            acts.make_feed(mine, later, "en")
        new, _ = feeds.rotate(mine, made_here[0])
        assert new in patient_page.own_feeds(work, page)
        assert len(patient_page.own_feeds(work, page)) == 3
        nobody = pages.new_page(work, patient, None, "en")[0]
        assert patient_page.own_feeds(work, nobody) == []
        assert work.session.exec(select(Feed).where(col(Feed.page_id).is_(None))).one().patient_id == patient.id
