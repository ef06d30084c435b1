"""Every failure that Twilio's pages name (facts: messaging), by a Twilio on loopback, a row each.

Given what Twilio does, a row says what the ledger holds, what becomes of the message, where it goes on, what is known
of the number and of the sender, and how many requests Twilio saw.
"""

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from fakes.clinic import NOON, Carrier, Clinic, Clock, open_clinic
from fakes.twilio_server import ACCOUNT_SID, AUTH_TOKEN, SENDER, FakeTwilio
from psycopg import sql
from sqlmodel import col, select

from surveillance.core.messages.decision import SENDER_STOPPED
from surveillance.core.words import AttemptState, Channel, ConsentAct, ReminderState, Step
from surveillance.operations.dispatch import callbacks, senders
from surveillance.operations.registry import consents as registry_consents
from surveillance.operations.registry import numbers
from surveillance.providers.twilio import TwilioTransport
from surveillance.store import db
from surveillance.store.board import worklist
from surveillance.store.board.base import Scope
from surveillance.store.board.worklist import Filter, Worklist
from surveillance.store.proof import metrics
from surveillance.store.tables import Attempt, Contact, Counter, MessageEvent, Number, Reminder, Sender

AFTER = NOON + timedelta(minutes=11)  # when the message on a booking at noon goes out
PLANNED, SENT, DELIVERED = ReminderState.PLANNED, ReminderState.SENT, ReminderState.DELIVERED
FAILED, TASK, DOUBT = ReminderState.FAILED, ReminderState.TASK, ReminderState.IN_DOUBT
REFUSED, UNDELIVERED, ACCEPTED = AttemptState.REFUSED, AttemptState.UNDELIVERED, AttemptState.ACCEPTED
ABSENT, UNSURE = AttemptState.ABSENT, AttemptState.IN_DOUBT
TO_VERIFY, LANDLINE, OPTED_OUT = "to verify, nothing more is sent", "landline", "opted out"
TO_LOOK_AT = "to look at, messages go on"
STOPPED, ALERT = "stopped", "alert"

serial = itertools.count(1)


@dataclass(frozen=True)
class Case:
    """``refuses``: the answer to each request; ``reports``: the code of the failure reported after each was taken.

    ``then`` are the channel and state on which the message goes on (None: it stays with SMS). ``code`` stands in every
    attempt that failed, ``says`` in the reason.
    """

    name: str
    attempts: tuple[AttemptState, ...]
    ends: ReminderState
    refuses: tuple[int, int] | None = None  # HTTP status and Twilio's code
    reports: int | None = None
    behaves: str = ""  # what the connection does, once
    to: str = ""  # one of Twilio's test numbers
    email: bool = True  # whether the patient agreed to email
    then: tuple[Channel, ReminderState] | None = None
    code: str = ""
    says: str = ""
    number: str = ""
    sender: str = ""
    hours: tuple[float, float] = (0.0, 0.0)  # between the first request and the last one, at least and at most


BY_MAIL, BY_CALL = (Channel.EMAIL, SENT), (Channel.CALL, TASK)
ONCE = (REFUSED,)
BUSY = (REFUSED,) * 5  # once, and four times more
BUSY_HOURS = (1.2, 2.0)  # 5, 10, 20, 40 minutes and up to half more

CASES = [
    # Not processed, or the queue is full: again, with waits that grow.
    Case("20429", BUSY, FAILED, (429, 20429), then=BY_MAIL, code="20429", says="too many", hours=BUSY_HOURS),
    Case("20429 in passing", (REFUSED, ACCEPTED), SENT, behaves="busy", code="20429", hours=(0.08, 0.13)),
    Case("21611", BUSY, FAILED, (400, 21611), then=BY_MAIL, code="21611", says="queue is full", hours=BUSY_HOURS),
    Case("30001", (UNDELIVERED,) * 5, FAILED, reports=30001, then=BY_MAIL, code="30001", hours=BUSY_HOURS),
    # Perhaps sent: found out before anything else.
    Case("5xx, message taken", (ACCEPTED,), SENT, behaves="fault_after"),
    Case("5xx, message not taken", (ABSENT, ACCEPTED), SENT, behaves="fault_before", hours=(0.15, 0.3)),
    Case("timeout, message taken", (ACCEPTED,), SENT, behaves="hang_after"),
    Case("timeout, message not taken", (ABSENT, ACCEPTED), SENT, behaves="hang_before", hours=(0.15, 0.3)),
    Case("connection reset, message taken", (ACCEPTED,), SENT, behaves="drop_after"),
    Case("connection reset, message not taken", (ABSENT, ACCEPTED), SENT, behaves="drop_before", hours=(0.15, 0.3)),
    Case("a proxy's page instead of an answer", (ACCEPTED,), SENT, behaves="garbage"),
    # Permanent: a person puts the number right; meanwhile another channel.
    Case("21211", ONCE, FAILED, (400, 21211), then=BY_MAIL, code="21211", says="not valid", number=TO_VERIFY),
    Case("21211, no email", ONCE, FAILED, (400, 21211), email=False, then=BY_CALL, number=TO_VERIFY),
    Case("21614", ONCE, FAILED, (400, 21614), then=BY_MAIL, code="21614", number=TO_VERIFY),
    Case("21408", ONCE, FAILED, (400, 21408), then=BY_MAIL, code="21408", says="geo permissions", sender=ALERT),
    Case("21612", ONCE, FAILED, (400, 21612), then=BY_MAIL, code="21612", says="no route", sender=ALERT),
    Case("21610", ONCE, FAILED, (400, 21610), then=BY_MAIL, code="21610", says="opted out", number=OPTED_OUT),
    Case("21635", ONCE, FAILED, (400, 21635), then=BY_MAIL, code="21635", says="landline", number=LANDLINE),
    Case("30006", (UNDELIVERED,), FAILED, reports=30006, then=BY_MAIL, code="30006", number=LANDLINE),
    Case("30006, no email", (UNDELIVERED,), FAILED, reports=30006, email=False, then=BY_CALL, number=LANDLINE),
    # The handset.
    Case(
        "30003", (UNDELIVERED,) * 3, FAILED, reports=30003, email=False, then=BY_CALL, code="30003",
        says="cannot be reached", number=TO_LOOK_AT, hours=(3.0, 5.0),
    ),
    Case("30004", (UNDELIVERED,), FAILED, reports=30004, then=BY_MAIL, code="30004", number=TO_LOOK_AT),
    Case(
        "30005", (UNDELIVERED,) * 2, FAILED, reports=30005, then=BY_MAIL, code="30005", says="verify the number",
        number=TO_VERIFY, hours=(1.0, 1.6),
    ),
    # The carrier.
    Case("30007", (UNDELIVERED,), FAILED, reports=30007, then=BY_MAIL, code="30007", says="filtered", sender=ALERT),
    Case("30008", (UNDELIVERED,) * 3, FAILED, reports=30008, then=BY_MAIL, code="30008", hours=(3.0, 5.0)),
    Case("an unknown code", (UNDELIVERED,), FAILED, reports=39999, then=BY_MAIL, code="39999", sender=ALERT),
    Case("failed without a code", (UNDELIVERED,) * 3, FAILED, reports=0, then=BY_MAIL, code="30008", hours=(3.0, 5.0)),
    Case("30036", (UNDELIVERED,) * 5, FAILED, reports=30036, then=BY_MAIL, code="30036", hours=BUSY_HOURS),
    # The sender, the account: everything behind it waits.
    Case("20003", ONCE, PLANNED, (401, 20003), code="20003", says="TWILIO_AUTH_TOKEN", sender=STOPPED),
    Case("30024", (UNDELIVERED,), PLANNED, reports=30024, code="30024", says="not provisioned", sender=STOPPED),
    Case("30034", (UNDELIVERED,), PLANNED, reports=30034, code="30034", says="not registered", sender=STOPPED),
    Case("21606", ONCE, PLANNED, (400, 21606), code="21606", says="TWILIO_FROM", sender=STOPPED),
    # Twilio's test numbers.
    Case("test number …0001", ONCE, FAILED, to="+15005550001", then=BY_MAIL, code="21211", number=TO_VERIFY),
    Case("test number …0002", ONCE, FAILED, to="+15005550002", then=BY_MAIL, code="21612", sender=ALERT),
    Case("test number …0004", ONCE, FAILED, to="+15005550004", then=BY_MAIL, code="21610", number=OPTED_OUT),
    Case("test number …0009", ONCE, FAILED, to="+15005550009", then=BY_MAIL, code="21614", number=TO_VERIFY),
]  # fmt: skip


@dataclass
class PageContext:
    """The clinic and the Twilio that all rows share; a row has a patient of its own."""

    clinic: Clinic
    twilio: FakeTwilio
    patient: UUID | None = None
    phone: str = ""

    def book(self, case: Case, minute: int = 0) -> None:
        number = next(serial)
        self.phone = case.to or f"+1202555{100 + number:04}"
        consents = (Channel.SMS, Channel.EMAIL) if case.email else (Channel.SMS,)
        self.patient = self.clinic.patient(str(number), phone="+12025550101", contact={"consents": ()})
        self._reached_at(consents)
        self.clinic.book(self.patient, at=time(9, minute))

    def _reached_at(self, consents: tuple[Channel, ...]) -> None:
        """Past the check of phone numbers, which refuses Twilio's test numbers."""
        with self.clinic.work() as work:
            contact = work.session.exec(select(Contact).where(Contact.patient_id == self.patient)).one()
            contact.phone = self.phone
            work.session.flush()
            for channel in consents:
                registry_consents.consent(work, contact, channel, ConsentAct.GIVEN, "signed form")

    def row(self, channel: Channel = Channel.SMS) -> Reminder | None:
        rows = [row for row in self.clinic.rows(self.patient) if row.step is Step.ON_BOOKING]
        return next((row for row in rows if row.channel is channel), None)

    def sms(self) -> Reminder:
        row = self.row()
        assert row is not None
        return row

    def attempts(self) -> list[Attempt]:
        with db.reading(self.clinic.app.engine) as session:
            mine = select(Attempt).where(Attempt.reminder_id == self.sms().id).order_by(col(Attempt.ordinal))
            return list(session.exec(mine))

    def events(self) -> list[MessageEvent]:
        with db.reading(self.clinic.app.engine) as session:
            mine = select(MessageEvent).where(MessageEvent.reminder_id == self.sms().id)
            return list(session.exec(mine.order_by(col(MessageEvent.ordinal))))

    def requests(self) -> int:
        return len([each for each in self.twilio.state.requests if each["To"] == self.phone])

    def report(self, code: int) -> None:
        """Twilio reports that it could not deliver what it took last."""
        message = [each for each in self.twilio.messages if each.to == self.phone][-1]
        form = {"MessageSid": message.sid, "MessageStatus": "undelivered"} | ({"ErrorCode": str(code)} if code else {})
        with self.clinic.work() as work:
            report = callbacks.read_status(form)
            assert report is not None
            callbacks.status(work, report, UUID(message.callback.partition("attempt=")[2]))

    def number(self) -> str:
        with db.reading(self.clinic.app.engine) as session:
            row = session.get(Number, self.phone)
        if row is None:
            return ""
        words = {
            OPTED_OUT: row.opted_out_at is not None,
            LANDLINE: row.landline,
            TO_VERIFY: row.wrong,
            TO_LOOK_AT: row.trouble_at is not None and not row.wrong,
        }
        return " and ".join(word for word, holds in words.items() if holds)

    def sender(self) -> Sender:
        with db.reading(self.clinic.app.engine) as session:
            return session.get_one(Sender, SENDER)

    def on_board(self) -> set[str]:
        """What a person finds to do: where another channel carries the message, its failure is no work."""
        with db.reading(self.clinic.app.engine) as session:
            scope = Scope(self.sms().site_id, self.clinic.clock.now.date(), self.clinic.clock.now)
            wanted = Filter(patient_id=self.patient)
            return {kind for kind, _ in worklist.rows(session, Worklist.UNREACHABLE, scope, wanted, 100)}

    def clear(self) -> None:
        """Back to noon of the first day, with nothing planned and every sender well."""
        self.twilio.reset()
        self.twilio.state.progress = []
        self.clinic.clock.now = NOON
        self.clinic.mail.taken.clear()
        with db.writing(self.clinic.app.engine) as session:
            session.execute(sa.update(Reminder).values(state=ReminderState.VOIDED))
            session.execute(sa.delete(Sender))
            session.execute(sa.delete(Counter))


@pytest.fixture(scope="module")
def on_sqlite(migrated_file: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageContext]:
    file = tmp_path_factory.mktemp("failures") / "clinic.sqlite3"
    file.write_bytes(migrated_file.read_bytes())
    yield from opened(f"sqlite:///{file}")


@pytest.fixture(scope="module")
def on_postgres(postgres_server: str) -> Iterator[PageContext]:
    with closing(psycopg.connect(postgres_server, autocommit=True)) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS failures WITH (FORCE)"))
        connection.execute(sql.SQL("CREATE DATABASE failures TEMPLATE migrated"))
    yield from opened(sa.make_url(postgres_server).set(database="failures").render_as_string(hide_password=False))


def opened(url: str) -> Iterator[PageContext]:
    engine = db.create_engine_for(url)
    clock = Clock()
    with FakeTwilio(hang_seconds=0.4) as twilio:
        carrier = TwilioTransport(ACCOUNT_SID, AUTH_TOKEN, from_=SENDER, api_url=twilio.url, read_timeout=0.2)
        yield PageContext(open_clinic(engine, clock, transports=[carrier, Carrier(Channel.EMAIL, clock)]), twilio)
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def context(request: pytest.FixtureRequest) -> PageContext:
    found: PageContext = request.getfixturevalue(f"on_{request.param}")
    found.clear()
    return found


def arrange(context: PageContext, case: Case) -> None:
    if case.refuses:
        status, code = case.refuses
        context.twilio.behave("error", to=context.phone, times=-1, status=status, code=code)
    match case.behaves:
        case "":
            pass
        case "busy":
            context.twilio.behave("error", to=context.phone, status=429, code=20429)
        case "fault_before":
            context.twilio.behave("error", to=context.phone, status=503)
        case kind:
            context.twilio.behave(kind, to=context.phone, status=503)


def live(context: PageContext, case: Case) -> None:
    """From the first request until nothing more happens that day."""
    told = 0
    context.clinic.tick(AFTER)
    for _ in range(20):
        if case.reports is not None and context.requests() > told:
            told = context.requests()
            context.report(case.reports)
        row = context.sms()
        if row.state is DOUBT:
            context.clinic.clock.turn(minutes=5)
        elif row.state is PLANNED and not context.sender().stopped_at:
            context.clinic.clock.now = max(context.clinic.clock.now, row.not_before or row.due_at)
        elif row.state is not ReminderState.CLAIMED:
            break
        context.clinic.tick()
    context.clinic.tick()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_failure_ends_where_the_table_says(context: PageContext, case: Case) -> None:
    context.book(case)
    arrange(context, case)
    live(context, case)
    row, attempts = context.sms(), context.attempts()
    assert tuple(attempt.state for attempt in attempts) == case.attempts
    assert context.requests() == len(case.attempts)
    assert row.state is case.ends
    broken = [each for each in attempts if each.state in (REFUSED, UNDELIVERED)]
    assert {each.error_code for each in broken} <= {case.code or each.error_code for each in broken}
    assert all(each.error_text for each in broken)
    assert case.says in row.reason
    assert not broken or case.ends is SENT or row.reason == broken[-1].error_text
    assert context.number() == case.number
    sender = context.sender()
    assert (STOPPED if sender.stopped_at else ALERT if sender.alerts else "") == case.sender
    span = attempts[-1].created_at - attempts[0].created_at
    assert timedelta(hours=case.hours[0]) <= span <= timedelta(hours=case.hours[1])
    others = {
        other.channel: other.state for other in context.clinic.rows(context.patient) if other.step is Step.ON_BOOKING
    }
    del others[Channel.SMS]
    if case.then == BY_CALL:
        others.pop(Channel.EMAIL)  # tried on the way, and refused for want of consent
    assert others == dict([case.then] if case.then else [])
    to_do = {"wrong_number"} if case.number in (TO_VERIFY, TO_LOOK_AT) else set()
    assert context.on_board() == to_do | ({"undelivered"} if case.then == BY_CALL else set())


@pytest.fixture
def sqlite_desk(on_sqlite: PageContext) -> PageContext:
    on_sqlite.clear()
    return on_sqlite


SENDER_TROUBLE = [case for case in CASES if case.sender == STOPPED]


@pytest.mark.parametrize("case", SENDER_TROUBLE, ids=lambda case: case.name)
def test_behind_a_stopped_sender_everything_waits_and_goes_out_once_it_is_mended(
    sqlite_desk: PageContext, case: Case
) -> None:
    context = sqlite_desk
    context.book(case)
    first = (context.patient, context.phone)
    arrange(context, case)
    live(context, case)
    context.clinic.clock.now = NOON
    context.book(case, minute=10)
    context.clinic.tick(AFTER + timedelta(hours=1))
    assert (context.requests(), context.sms().state, context.sms().reason) == (
        0,
        PLANNED,
        SENDER_STOPPED,
    )
    context.twilio.state.behaviours.clear()
    with context.clinic.work() as work:
        senders.start(work, SENDER)
    context.clinic.tick(AFTER + timedelta(hours=2))
    assert context.sms().state is SENT
    context.patient, context.phone = first
    assert context.sms().state is SENT
    assert context.row(Channel.EMAIL) is None


def test_failures_are_counted_for_the_metrics(sqlite_desk: PageContext) -> None:
    case = next(each for each in CASES if each.name == "30007")
    sqlite_desk.book(case)
    live(sqlite_desk, case)
    with db.reading(sqlite_desk.clinic.app.engine) as session:
        found = metrics.numbers(session, sqlite_desk.clinic.clock.now)
    assert found.counters["dispatch_failed_blocked"] == 1
    assert (found.senders_stopped, found.sender_alerts) == (0, 1)


def test_after_a_number_opted_out_nothing_more_is_asked_of_twilio(sqlite_desk: PageContext) -> None:
    case = next(each for each in CASES if each.name == "21610")
    sqlite_desk.book(case)
    arrange(sqlite_desk, case)
    live(sqlite_desk, case)
    for day in range(2, 24):
        sqlite_desk.clinic.tick(AFTER + timedelta(days=day))
    assert sqlite_desk.requests() == 1


def test_a_verified_number_is_written_to_again(sqlite_desk: PageContext) -> None:
    case = next(each for each in CASES if each.name == "21211")
    sqlite_desk.book(case)
    arrange(sqlite_desk, case)
    live(sqlite_desk, case)
    sqlite_desk.twilio.state.behaviours.clear()
    sqlite_desk.clinic.tick(AFTER + timedelta(days=16, hours=2))  # seven days before the visit
    assert sqlite_desk.requests() == 1
    with sqlite_desk.clinic.work() as work:
        numbers.verified(work, sqlite_desk.phone, "called; two digits were swapped at Twilio's side")
    sqlite_desk.clinic.tick(AFTER + timedelta(days=20, hours=2))  # three days before
    assert sqlite_desk.requests() == 2


def test_every_turn_of_a_message_is_in_its_ledger(sqlite_desk: PageContext) -> None:
    case = next(each for each in CASES if each.name == "30003")
    sqlite_desk.book(case)
    live(sqlite_desk, case)
    turns = [(event.state, event.until is not None) for event in sqlite_desk.events()]
    assert turns == [(PLANNED, True), (PLANNED, True), (PLANNED, True), (FAILED, False)]
    reasons = [event.reason for event in sqlite_desk.events()]
    assert reasons[0] == ""
    assert all("30003" in reason for reason in reasons[1:])
