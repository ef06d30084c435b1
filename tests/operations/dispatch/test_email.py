"""Emails as they arrive: over real SMTP on loopback, their calendars read by a parser that shares no code with ours."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
import sqlalchemy as sa
import vobject
from fakes.clinic import NOON, VISIT_DAY, Carrier, Clinic, Clock, open_clinic
from fakes.smtp_server import FakeSmtpServer, Mail

from surveillance.core.schedule.examinations import Key
from surveillance.core.words import AttemptState, Channel, Privacy, Step
from surveillance.operations.calendars import page_addresses
from surveillance.operations.visits import booking
from surveillance.providers.base import Accepted, DeliveryError, Failure, Outgoing
from surveillance.providers.smtp import SmtpTransport
from surveillance.store import db
from surveillance.store.tables import Patient, PatientPage, Place, SiteText

SENDER = "Elm Clinic <visits@elm.example>"
BOUNCES = "bounces@elm.example"
BY_EMAIL = {"consents": (Channel.EMAIL,)}
LATER = timedelta(minutes=11)
PAGE = re.compile(r"https://clinic\.example/p/([A-Za-z0-9]+)")


@pytest.fixture
def server() -> Iterator[FakeSmtpServer]:
    with FakeSmtpServer() as running:
        yield running


@pytest.fixture
def clinic(engine: sa.Engine, server: FakeSmtpServer) -> Clinic:
    clock = Clock()
    mail = SmtpTransport(f"smtp://127.0.0.1:{server.port}", SENDER, bounces_to=BOUNCES)
    return open_clinic(engine, clock, transports=[Carrier(Channel.SMS, clock), mail])


def calendar(mail: Mail) -> Any:
    """The calendar of an email, the same in both its parts, whose Content-Type names its method and its charset."""
    parts = [part for part in mail.message.walk() if part.get_content_type() == "text/calendar"]
    assert [(part.get_param("method"), part.get_content_charset()) for part in parts] == [("PUBLISH", "utf-8")] * 2
    assert parts[0].get_payload(decode=True) == parts[1].get_payload(decode=True)
    read = vobject.readOne(parts[0].get_payload(decode=True).decode())
    assert (read.method.value, read.version.value) == ("PUBLISH", "2.0")
    return read


def event(mail: Mail) -> Any:
    (found,) = calendar(mail).vevent_list
    return found


def text(mail: Mail, kind: str = "plain") -> str:
    part = mail.message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_visit_its_move_and_its_cancellation_are_one_entry_that_grows(clinic: Clinic, server: FakeSmtpServer) -> None:
    visit = clinic.book(clinic.patient(contact=BY_EMAIL))
    clinic.tick(NOON + LATER)
    clinic.clock.turn(hours=1)
    clinic.move(visit, date(2026, 6, 29), time(14))
    clinic.tick(clinic.clock.turn(minutes=11))
    clinic.clock.turn(hours=1)
    clinic.cancel(visit)
    clinic.tick(clinic.clock.turn(minutes=11))
    booked, moved, cancelled = (event(mail) for mail in server.mails)
    assert {each.uid.value for each in (booked, moved, cancelled)} == {f"{visit}@clinic.example"}
    assert [each.status.value for each in (booked, moved, cancelled)] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    numbers = [int(each.sequence.value) for each in (booked, moved, cancelled)]
    assert numbers == sorted(set(numbers))
    then = [datetime(2026, 6, 24, 13, 30, tzinfo=UTC), *[datetime(2026, 6, 29, 18, tzinfo=UTC)] * 2]
    assert [each.dtstart.value for each in (booked, moved, cancelled)] == then
    stamps = [each.dtstamp.value for each in (booked, moved, cancelled)]
    assert stamps == sorted(stamps)
    assert [each.organizer.value for each in (booked, moved, cancelled)] == ["mailto:visits@elm.example"] * 3
    subjects = [mail.message["Subject"].partition(":")[0] for mail in server.mails]
    assert subjects == ["Your appointment on Wednesday, June 24, 2026", "Changed", "Cancelled"]


def test_two_visits_of_one_day_come_in_one_email_and_one_called_off_since_comes_as_such(
    clinic: Clinic, server: FakeSmtpServer
) -> None:
    patient_id, visits = clinic.patient(contact=BY_EMAIL), []
    for item, at in (("mri_primary", time(9, 30)), ("chest_imaging", time(14))):
        with clinic.work() as work:
            visit = booking.Visit(VISIT_DAY, at, work.session.get_one(Place, clinic.place_id), [Key(item, 3)])
            visits.append(booking.book(work, work.session.get_one(Patient, patient_id), visit).id)
    clinic.tick(NOON + LATER)
    clinic.cancel(visits[1])
    clinic.tick(NOON + timedelta(days=16, hours=1))
    first, second = (calendar(mail).vevent_list for mail in server.mails)
    assert [(each.uid.value, each.status.value) for each in first] == [
        (f"{visit}@clinic.example", "CONFIRMED") for visit in visits
    ]
    assert [each.status.value for each in second] == ["CONFIRMED", "CANCELLED"]


def test_the_envelope_names_the_attempt_so_that_a_bounce_finds_it(clinic: Clinic, server: FakeSmtpServer) -> None:
    clinic.book(clinic.patient(contact=BY_EMAIL))
    clinic.tick(NOON + LATER)
    (attempt,), (mail,) = clinic.attempts(), server.mails
    assert mail.sender == f"bounces+{attempt.id}@elm.example"
    assert mail.message["Message-ID"] == attempt.provider_id == f"<{attempt.id}@elm.example>"


def test_the_page_of_the_patient_is_linked_and_its_secret_is_stored_nowhere(
    clinic: Clinic, server: FakeSmtpServer
) -> None:
    patient_id = clinic.patient(contact=BY_EMAIL)
    clinic.book(patient_id)
    clinic.tick(NOON + LATER)
    (mail,), (attempt,) = server.mails, clinic.attempts()
    secrets = {found for said in (text(mail), text(mail, "html"), str(mail.message["List-Unsubscribe"]))
               for found in PAGE.findall(said)}  # fmt: skip
    (secret,) = secrets
    with db.reading(clinic.app.engine) as session:
        found = page_addresses.resolve(session, secret, clinic.clock())
    assert found is not None
    page, state = found
    assert (page.patient_id, page.reminder_id, state) == (patient_id, attempt.reminder_id, page_addresses.State.OPEN)
    assert page.expires_at.date() > VISIT_DAY
    assert "https://clinic.example/p/…" in attempt.body
    assert attempt.body.replace("…", secret).split() == text(mail).split()
    assert "List-Unsubscribe-Post" not in mail.message


def test_an_sms_holds_no_link_and_makes_no_page(clinic: Clinic) -> None:
    clinic.book(clinic.patient())
    clinic.tick(NOON + LATER)
    assert [("/p/" in message.body) for message in clinic.sms.taken] == [False]
    assert clinic.all(PatientPage) == []


class Html(HTMLParser):
    """What a mail program sees of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.attributes: dict[str, dict[str, str | None]] = {}
        self.addresses: list[str | None] = []
        self.said: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes[tag] = dict(attrs)
        self.addresses += [value for name, value in attrs if name in ("href", "src", "background", "action")]

    def handle_data(self, data: str) -> None:
        self.said.append(data)


@dataclass(frozen=True, slots=True)
class Spoken:
    language: str
    direction: str
    why: str


SPOKEN = [
    Spoken("en", "ltr", "To stop them, open the page above."),
    Spoken("ar", "rtl", "لإيقافها افتحوا الصفحة أعلاه."),
]


@pytest.mark.parametrize("spoken", SPOKEN, ids=lambda each: each.language)
def test_the_page_of_an_email_is_readable_says_why_it_came_and_loads_nothing(
    engine: sa.Engine, server: FakeSmtpServer, spoken: Spoken
) -> None:
    clock = Clock()
    mail = SmtpTransport(f"smtp://127.0.0.1:{server.port}", SENDER)
    clinic = open_clinic(engine, clock, transports=[mail], languages=("en", "ar"), privacy=Privacy.FULL)
    clinic.book(clinic.patient(family_name="<b>Ash", contact=BY_EMAIL | {"language": spoken.language}))
    clinic.tick(NOON + LATER)
    (received,) = server.mails
    page = Html(text(received, "html"))
    assert (page.attributes["html"]["lang"], page.attributes["html"]["dir"]) == (spoken.language, spoken.direction)
    assert page.attributes["meta"]["content"] == "width=device-width, initial-scale=1"
    (link,) = page.addresses
    assert link is not None
    assert PAGE.fullmatch(link)
    assert spoken.why in " ".join(page.said)
    assert spoken.why in text(received)
    assert received.sender == "visits@elm.example"


class Lost(Carrier):
    """Takes a message, and its answer is never heard."""

    def send(self, message: Outgoing) -> Accepted:
        self.take(message)
        raise DeliveryError(Failure.AMBIGUOUS, "timeout", "no answer")


def test_a_sites_own_sms_may_hold_the_page_and_is_found_again_by_its_text_without_the_secret(engine: sa.Engine) -> None:
    clock = Clock()
    clinic = open_clinic(engine, clock, transports=[Lost(Channel.SMS, clock)])
    with clinic.work() as work:
        user = work.actor.user_id
        said = "{clinic}: {date}, {time}. {link} Tel. {phone}"
        texts = {"sms": said, "subject": "{date}", "body": said}
        work.session.add(
            SiteText(site_id=clinic.site_id, language="en", step=Step.ON_BOOKING, privacy=Privacy.NEUTRAL, **texts,
                     created_at=work.now, created_by=user, approved_at=work.now, approved_by=user)
        )  # fmt: skip
    clinic.book(clinic.patient())
    clinic.tick(NOON + LATER)
    (message,) = clinic.sms.taken
    assert PAGE.search(message.body)
    clinic.tick(clock.turn(minutes=2))
    (attempt,) = clinic.attempts()
    assert "https://clinic.example/p/… Tel." in attempt.body
    assert (attempt.state, attempt.provider_id) == (AttemptState.ACCEPTED, "SM0000sms")
