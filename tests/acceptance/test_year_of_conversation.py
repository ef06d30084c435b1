"""A year of conversation with patients: what goes out, what is lost, what comes back, what people do about it.

Dispatch, callbacks, replies and the board are the real ones; only the network, the patients and the staff are played
here, by chance from a fixed seed. ``make long`` lives it with 300 patients, ``make test`` with one of each kind.
"""

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from fakes.clinic import Carrier, Clinic, Clock, open_clinic
from sqlmodel import col, select

from surveillance import worker
from surveillance.core.dates import DAY, local_day
from surveillance.core.messages.answers import kind_of
from surveillance.core.messages.delivery import StatusCallback
from surveillance.core.messages.planned import stem
from surveillance.core.messages.policy import UNCAPPED
from surveillance.core.words import AppointmentState, Channel, Outcome, ReminderState, Step
from surveillance.operations.care import lifecycle
from surveillance.operations.dispatch import callbacks
from surveillance.operations.dispatch.in_doubt import resolve_doubt
from surveillance.operations.dispatch.sending import send_due
from surveillance.operations.messages import acts
from surveillance.operations.messages.acts import TaskOutcome
from surveillance.operations.proof import check as proof_check
from surveillance.operations.replies import decisions, receiving
from surveillance.operations.visits import booking, outcomes, reschedule_requests
from surveillance.providers.base import Accepted, DeliveryError, Failure, Outgoing
from surveillance.providers.twilio import failure_of
from surveillance.store import db
from surveillance.store.messages import claims
from surveillance.store.messages import reminders as store
from surveillance.store.tables import (
    Appointment,
    AppointmentItem,
    Attempt,
    Inbound,
    Patient,
    Place,
    Reminder,
    RescheduleRequest,
)

START = datetime(2026, 1, 5, 14, 0, tzinfo=UTC)  # 09:00 in New York, a Monday
ZONES = ("America/New_York", "America/New_York", "America/Los_Angeles")
AHEAD = 30  # days before a proposed day at which its visit is booked
YEARS_AGO = (0, 1, 2, 3, 4, 6, 9)  # ends of treatment: most patients of a clinic come twice a year or once

# What a patient is like, and what that patient may write back to a message that tells of a visit.
REPLIES: dict[str, tuple[str, ...]] = {
    "confirms": ("C", "c.", "I will be there"),
    "spanish": ("C", "confirmo", "no puedo ir ese dia"),
    "asks": ("R", "can I have another day please", "C"),
    "polite": ("thanks", "👍", "ok"),
    "stops": ("STOP",),
    "stops in words": ("please don't text me any more",),
    "unclear": ("STOP 12345", "don't stop", "is parking free?", "wrong number?"),
    "returns": ("STOP", "START"),
}
SILENT = (
    "silent",
    "silent",
    "landline",
    "only email",
    "dead number",
    "no way",
    "lost phone",
    "opted out there",
    "dies",
)
KINDS = (*REPLIES, *SILENT)
LOST = (30003, 30005, 30006, 30007, 30008)
SMS, EMAIL = Channel.SMS, Channel.EMAIL


class Network(Carrier):
    """Takes messages as a network does: some it refuses, of some nobody hears whether it took them."""

    chance: random.Random
    kinds: dict[str, str]

    def send(self, message: Outgoing) -> Accepted:
        if self.channel is SMS:
            match self.kinds.get(message.to, ""):
                case "dead number":
                    raise failure_of(21211)
                case "opted out there":
                    raise failure_of(21610)
        dice = self.chance.random()
        if dice < 0.02:
            raise DeliveryError(Failure.RETRY, "20429", "too many requests")
        if dice < 0.04:
            if dice < 0.03:
                self.take(message)
            raise DeliveryError(Failure.AMBIGUOUS, "timeout", "no answer came")
        return super().send(message)


@dataclass
class Year:
    """The clinic, and what the test knows beside it: who is who, and from when to when a number wants no texts."""

    clinic: Clinic
    chance: random.Random
    kinds: dict[UUID, str] = field(default_factory=dict)
    zones: dict[UUID, str] = field(default_factory=dict)
    numbers: dict[str, UUID] = field(default_factory=dict)
    stopped: dict[str, list[tuple[datetime, datetime]]] = field(default_factory=lambda: defaultdict(list))
    lost: set[str] = field(default_factory=set)  # ids of messages that the network reported as lost
    seen: int = 0

    @property
    def now(self) -> datetime:
        return self.clinic.clock()

    # -- the patients ------------------------------------------------------------------------------------------

    def begin(self, count: int) -> None:
        """Every tenth shares the phone of the patient before."""
        network: Network = self.clinic.sms
        for number in range(count):
            kind = KINDS[number % len(KINDS)]
            phone = f"+1 415-555-{100 + number - (number % 10 == 9):04}"
            patient = self.clinic.patient(
                f"{number:04}",
                phone="+1 212-555-0100" if kind == "landline" else phone,
                anchor=date(2026 - YEARS_AGO[number % len(YEARS_AGO)], 1, 1) - timedelta(days=20 + number * 7 % 150),
                time_zone=ZONES[number % len(ZONES)],
                contact=self._contact(kind),
            )
            self.kinds[patient], self.zones[patient] = kind, ZONES[number % len(ZONES)]
            e164 = phone.replace(" ", "").replace("-", "")
            self.numbers.setdefault(e164, patient)
            network.kinds.setdefault(e164, kind)

    def _contact(self, kind: str) -> dict[str, object]:
        consents = {"only email": (EMAIL,), "no way": ()}.get(kind, (SMS, EMAIL))
        return {"consents": consents, "language": "es" if kind == "spanish" else "en"}

    # -- the days ----------------------------------------------------------------------------------------------

    def live(self, days: int) -> None:
        context = self.clinic.context()
        for _ in range(days):
            self.work_day()
            worker.tick(self.clinic.app, self.now, context=context)
            end = self.now.replace(hour=14, minute=0, second=0) + DAY
            while self.now < end:
                send_due(context, threading.Event())
                resolve_doubt(context)
                self.listen()
                self.clinic.clock.now = self._next(end)

    def _next(self, end: datetime) -> datetime:
        with db.reading(self.clinic.app.engine) as session:
            due = store.next_due(session, self.now)
            doubt = session.exec(select(sa.func.min(Attempt.created_at)).where(sa.text("attempt.finished_at IS NULL")))
            oldest = doubt.first()
            written, _ = claims.anything_due(session, self.now, {}, self.now)
        moments = [end] + ([due] if due else []) + ([oldest + timedelta(minutes=11)] if oldest else [])
        moments += [self.now + timedelta(minutes=1)] if written else []
        return max(self.now + timedelta(seconds=1), min(moments))

    def listen(self) -> None:
        """What the network reports and what patients write, of the messages that it took meanwhile."""
        network: Network = self.clinic.sms
        fresh, self.seen = network.taken[self.seen :], len(network.taken)
        ids = network.listed[len(network.listed) - len(fresh) :] if fresh else []
        for message, listed in zip(fresh, ids, strict=True):
            self._report(message, listed.provider_id)
            self._reply(message)

    def _report(self, message: Outgoing, provider_id: str) -> None:
        kind, dice = self.clinic.sms.kinds.get(message.to, ""), self.chance.random()
        if dice < 0.05:
            return  # the reports got lost
        code = self.chance.choice(LOST) if dice < 0.10 or (kind == "lost phone" and dice < 0.6) else None
        end = StatusCallback(provider_id, "undelivered" if code else "delivered", code)
        reports = [StatusCallback(provider_id, "sent"), end, end]
        self.chance.shuffle(reports)
        if code:
            self.lost.add(message.attempt_id)
        for report in reports:
            with self.clinic.work() as work:
                callbacks.status(work, report, UUID(message.attempt_id))

    def _reply(self, message: Outgoing) -> None:
        patient = self.numbers.get(message.to)
        words = REPLIES.get(self.kinds.get(patient, ""), ()) if patient else ()
        if not words or message.attempt_id in self.lost or self.chance.random() > 0.4:
            return
        self.say(message.to, self.chance.choice(words))

    def say(self, number: str, words: str) -> None:
        form = {"MessageSid": f"SM{uuid4().hex}", "From": number, "To": "+12025550199", "Body": words}
        for _ in range(1 + (self.chance.random() < 0.1)):  # Twilio repeats what it is not sure of
            with self.clinic.work() as work:
                receiving.receive(work, form)
        if words in ("STOP", *REPLIES["stops in words"]):
            self.stopped[number].append((self.now, datetime.max.replace(tzinfo=UTC)))
        elif words == "START":
            self.stopped[number] = [(begun, min(ended, self.now)) for begun, ended in self.stopped[number]]

    # -- what people do in the morning ---------------------------------------------------------------------------

    def work_day(self) -> None:
        today = local_day(self.now, "America/New_York")
        for visit in self._visits(AppointmentState.BOOKED, col(Appointment.day) < today):
            self._record(visit)
        for visit in self._visits(AppointmentState.PROPOSED, col(Appointment.day) <= today + AHEAD * DAY):
            if self.chance.random() < 0.8:
                self._book(visit)
        self._settle(today)
        for patient, kind in self.kinds.items():
            if kind == "dies" and self.chance.random() < 0.002:
                self._dies(patient)
            if kind == "returns" and self.chance.random() < 0.01:
                for number in [number for number, owner in self.numbers.items() if owner == patient]:
                    self.say(number, "START")

    def _visits(self, state: AppointmentState, *where: object) -> Iterator[Appointment]:
        with db.reading(self.clinic.app.engine) as session:
            statement = select(Appointment).where(Appointment.state == state, *where)
            yield from list(session.exec(statement.order_by(col(Appointment.day), col(Appointment.patient_id))))

    def _record(self, visit: Appointment) -> None:
        with self.clinic.work() as work:
            row = work.session.get_one(Appointment, visit.id)
            lines = work.session.exec(select(AppointmentItem).where(AppointmentItem.appointment_id == visit.id))
            done = [outcomes.OutcomeOf(line.item, Outcome.PERFORMED) for line in lines if line.outcome is None]
            outcomes.record(work, row, done)

    def _book(self, proposal: Appointment) -> None:
        with self.clinic.work() as work:
            if work.session.get(Appointment, proposal.id) is not None:
                place = work.session.get_one(Place, self.clinic.place_id)
                visit = booking.Visit(proposal.day, time(8 + self.chance.randrange(9)), place)
                booking.book(work, work.session.get_one(Patient, proposal.patient_id), visit)

    def _settle(self, today: date) -> None:
        """The board: wishes, replies, and what a person has to tell; one in ten is not reached."""
        with self.clinic.work() as work:
            for request in work.session.exec(
                select(RescheduleRequest).where(col(RescheduleRequest.settled_at).is_(None))
            ):
                row = work.session.get_one(Appointment, request.appointment_id)
                place = work.session.get_one(Place, self.clinic.place_id)
                booking.move(work, row, booking.Visit(max(row.day, today) + DAY, row.at or time(9), place))
                assert reschedule_requests.open_request(work, row.id) is None
            for reply in work.session.exec(select(Inbound).where(col(Inbound.handled_at).is_(None))).all():
                assert reply.why, reply.body
                if self.chance.random() < 0.7:
                    decisions.settle_reply(work, reply.id, opt_out=False, note="read")
            for task in work.session.exec(select(Reminder).where(Reminder.state == ReminderState.TASK)).all():
                told = self.chance.random() < 0.9
                acts.done(work, task, TaskOutcome.TOLD if told else TaskOutcome.NOT_REACHED, "called")

    def _dies(self, patient: UUID) -> None:
        with self.clinic.work() as work:
            row = work.session.get_one(Patient, patient)
            if row.died_on is None:
                lifecycle.died(work, row, work.now.date() - DAY, "letter")
                self.stopped[f"dead {patient}"].append((work.now, datetime.max.replace(tzinfo=UTC)))


# -- what has to be true ------------------------------------------------------------------------------------------


def check(year: Year) -> None:
    clinic = year.clinic
    rows = {row.id: row for row in clinic.all(Reminder)}
    attempts = {str(attempt.id): attempt for attempt in clinic.all(Attempt)}
    went_out = [(attempts[taken.attempt_id], taken) for carrier in (clinic.sms, clinic.mail) for taken in carrier.taken]
    _never_two(year, went_out, rows)
    _at_permitted_hours(year, went_out, rows)
    _within_caps(year, went_out, rows)
    _nothing_to_who_stopped(year, went_out, rows)
    _never_none(year, rows)
    _nothing_said_is_lost(year, rows)
    assert not [row for row in rows.values() if row.state is ReminderState.CLAIMED]
    with clinic.work() as work:
        assert proof_check.check(work) == []


Out = list[tuple[Attempt, Outgoing]]


def _never_two(year: Year, went_out: Out, rows: dict[UUID, Reminder]) -> None:
    """Of one message the network took one at most that it did not report as lost."""
    kept = Counter(
        stem(rows[attempt.reminder_id].key) for attempt, taken in went_out if taken.attempt_id not in year.lost
    )
    assert [message for message, count in kept.items() if count > 1] == []


def _at_permitted_hours(year: Year, went_out: Out, rows: dict[UUID, Reminder]) -> None:
    for attempt, _ in went_out:
        row = rows[attempt.reminder_id]
        local = attempt.created_at.astimezone(ZoneInfo(year.zones[row.patient_id]))
        answered = row.step is Step.ANSWER and kind_of(row.key).by_itself
        assert answered or time(9) <= local.time() < time(20), local


def _within_caps(year: Year, went_out: Out, rows: dict[UUID, Reminder]) -> None:
    days: dict[UUID, Counter[date]] = defaultdict(Counter)
    for attempt, taken in went_out:
        row = rows[attempt.reminder_id]
        if row.step not in UNCAPPED and taken.attempt_id not in year.lost:
            days[row.patient_id][local_day(attempt.created_at, year.zones[row.patient_id])] += 1
    for counted in days.values():
        assert max(counted.values()) == 1
        assert all(sum(counted[day + ahead * DAY] for ahead in range(7)) <= 3 for day in counted)


def _nothing_to_who_stopped(year: Year, went_out: Out, rows: dict[UUID, Reminder]) -> None:
    for attempt, taken in went_out:
        row = rows[attempt.reminder_id]
        for begun, ended in (*year.stopped[taken.to], *year.stopped[f"dead {row.patient_id}"]):
            said_so = row.key.startswith("answer:") and ":stopped:" in row.key
            assert said_so or not begun < attempt.created_at < ended, (taken.body, begun)


def _never_none(year: Year, rows: dict[UUID, Reminder]) -> None:
    """Of every visit that took place the patient heard, or a person was asked to tell it, before it began."""
    told = {
        (row.patient_id, row.subject_day)
        for row in rows.values()
        if row.appointment_id
        and (row.state in (ReminderState.SENT, ReminderState.DELIVERED, ReminderState.TASK) or row.resolved_at)
    }
    visits = [row for row in year.clinic.all(Appointment) if row.state is AppointmentState.FULFILLED]
    visits = [row for row in visits if local_day(row.booked_at, row.zone) < row.day]  # else it was booked on the phone
    assert len(visits) > len(year.kinds)
    assert [visit.day for visit in visits if (visit.patient_id, visit.day) not in told] == []


def _nothing_said_is_lost(year: Year, rows: dict[UUID, Reminder]) -> None:
    """Each message that came in is kept once, and settled or work; each kind of answer was given at least once."""
    replies = year.clinic.all(Inbound)
    assert len({reply.provider_id for reply in replies}) == len(replies) > len(year.kinds) // 2
    assert [reply.body for reply in replies if reply.handled_at is None and not reply.why] == []
    confirmed = [visit for visit in year.clinic.all(Appointment) if visit.confirmed_at]
    assert confirmed
    answered = {kind_of(row.key).value for row in rows.values() if row.step is Step.ANSWER}
    assert {"confirmed", "noted", "stopped"} <= answered
    per_reply = Counter(row.key.split(":")[1] for row in rows.values() if row.step is Step.ANSWER)
    assert max(per_reply.values()) == 1


def live(engine: sa.Engine, patients: int, seed: int) -> Year:
    clock, chance = Clock(START), random.Random(seed)
    network = Network(SMS, clock)
    network.chance, network.kinds = chance, {}
    year = Year(open_clinic(engine, clock, transports=[network, Carrier(EMAIL, clock)]), chance)
    year.begin(patients)
    year.live(365)
    return year


def test_a_year_of_conversation(sqlite_engine: sa.Engine) -> None:
    check(live(sqlite_engine, len(KINDS), seed=3))


@pytest.mark.long
def test_a_year_of_conversation_with_300_patients(sqlite_engine: sa.Engine) -> None:
    check(live(sqlite_engine, 300, seed=4))


def test_the_year_would_notice_a_second_message() -> None:
    """The test of the test: of two messages that arrived the second is seen, of one that was lost it is not."""
    row = Reminder(key="p:1d:2026-01-01:sms", patient_id=UUID(int=1), id=UUID(int=2))
    attempts = [Attempt(reminder_id=row.id, id=UUID(int=number)) for number in (3, 4)]
    went_out = [(attempt, Outgoing(str(attempt.id), "+12025550101", "text")) for attempt in attempts]
    year = Year(None, random.Random(1))  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        _never_two(year, went_out, {row.id: row})
    year.lost.add(str(attempts[0].id))
    _never_two(year, went_out, {row.id: row})
