"""A year in the life of a clinic, tick by tick: who gets a message, when, and who gets none."""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from fakes.clinic import Clinic, Clock, open_clinic
from sqlmodel import col, select

from surveillance import worker
from surveillance.core.dates import DAY, local_day
from surveillance.core.messages.policy import NOTICES
from surveillance.core.words import AppointmentState, AttemptState, Channel, HoldReason, Outcome, ReminderState, Step
from surveillance.operations.care import holds, lifecycle
from surveillance.operations.messages import pauses
from surveillance.operations.proof import check as proof_check
from surveillance.operations.registry import consents as registry_consents
from surveillance.operations.registry import patients as registry_patients
from surveillance.operations.visits import booking, outcomes
from surveillance.store import db
from surveillance.store.tables import Appointment, AppointmentItem, Attempt, Patient, Place, PlanHold, Reminder

START = datetime(2026, 1, 5, 17, 0, tzinfo=UTC)
ZONES = ("America/New_York", "America/Los_Angeles", "Europe/Berlin")  # clocks change on three pairs of days
FATES = ("usual", "usual", "usual", "dies", "hold", "opts_out", "paused_number", "no_consent", "moves", "cancels")
PAUSE = (100, 103)  # days of the year: three days of silence for all, in the middle of April
AHEAD = 40  # days before a proposed day at which its visit is booked


@dataclass
class Year:
    """What the test did, so that it can say what had to happen. ``silent`` holds from when and until when nobody may
    write to a patient, by patient."""

    clinic: Clinic
    chance: random.Random
    patients: dict[UUID, str] = field(default_factory=dict)
    zones: dict[UUID, str] = field(default_factory=dict)
    silent: dict[UUID, list[tuple[datetime, datetime]]] = field(default_factory=lambda: defaultdict(list))
    done: dict[UUID, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def now(self) -> datetime:
        return self.clinic.clock()

    def begin(self, count: int) -> None:
        for number in range(count):
            anchor = date(2025, 10, 1) + timedelta(days=number * 7 % 90)
            consents = () if FATES[number % len(FATES)] == "no_consent" else (Channel.SMS, Channel.EMAIL)
            zone = ZONES[number % len(ZONES)]
            patient = self.clinic.patient(
                f"{number:04}",
                phone=f"+1 415-555-{100 + number:04}",
                anchor=anchor,
                time_zone=zone,
                contact={"consents": consents},
            )
            self.patients[patient], self.zones[patient] = FATES[number % len(FATES)], zone

    def live_until(self, end: datetime) -> None:
        """Tick when a message is due, when a day begins, and each hour while a message waits."""
        context = self.clinic.context()
        while self.now < end:
            worker.tick(self.clinic.app, self.now, context=context)
            self.clinic.clock.now = max(self.now + timedelta(seconds=1), self._next(end))

    def _next(self, end: datetime) -> datetime:
        with db.reading(self.clinic.app.engine) as session:
            planned = list(session.exec(select(col(Reminder.due_at)).where(Reminder.state == ReminderState.PLANNED)))
            moments = [end, worker.next_sweep(session, self.now) or end]
        moments += [due for due in planned if due > self.now]
        if any(due <= self.now for due in planned):
            moments.append(self.now.replace(minute=0, second=0) + timedelta(hours=1))
        return min(moments)

    def work_day(self) -> None:
        """What people do in a day: book what is near, record what was done, and what befalls patients."""
        today = local_day(self.now, "America/New_York")
        with self.clinic.work() as work:
            near = work.session.exec(
                select(Appointment).where(
                    Appointment.state == AppointmentState.PROPOSED,
                    col(Appointment.day) <= today + timedelta(days=AHEAD),
                )
            )
            proposals = [(row.id, row.patient_id, row.day) for row in near]
            past = list(
                work.session.exec(
                    select(col(Appointment.id)).where(
                        Appointment.state == AppointmentState.BOOKED, col(Appointment.day) < today
                    )
                )
            )
        for visit in past:
            self._record(visit)
        for proposal in proposals:
            self._book(*proposal)
        for patient, fate in self.patients.items():
            if self.chance.random() < 0.01:
                getattr(self, f"_{fate}", lambda _: None)(patient)

    def _record(self, visit_id: UUID) -> None:
        with self.clinic.work() as work:
            visit = work.session.get_one(Appointment, visit_id)
            lines = list(work.session.exec(select(AppointmentItem).where(AppointmentItem.appointment_id == visit_id)))
            open_lines = [line for line in lines if line.outcome is None]
            outcomes.record(work, visit, [outcomes.OutcomeOf(line.item, Outcome.PERFORMED) for line in open_lines])

    def _book(self, proposal_id: UUID, patient_id: UUID, day: date) -> None:
        if self.chance.random() < 0.15:
            return  # another day, or never: then it becomes overdue
        with self.clinic.work() as work:
            if work.session.get(Appointment, proposal_id) is None:
                return
            place = work.session.get_one(Place, self.clinic.place_id)
            at = time(8 + self.chance.randrange(9), self.chance.choice((0, 30)))
            booking.book(work, work.session.get_one(Patient, patient_id), booking.Visit(day, at, place))

    # -- what befalls a patient once, or now and then -----------------------------------------------------------

    def _once(self, patient: UUID, fate: str) -> bool:
        fresh = fate not in self.done[patient]
        self.done[patient].add(fate)
        return fresh

    def _for_good(self, patient: UUID) -> None:
        self.silent[patient].append((self.now, datetime.max.replace(tzinfo=UTC)))

    def _dies(self, patient: UUID) -> None:
        if self._once(patient, "dies"):
            with self.clinic.work() as work:
                lifecycle.died(work, work.session.get_one(Patient, patient), work.now.date() - DAY, "letter")
            self._for_good(patient)

    def _hold(self, patient: UUID) -> None:
        with self.clinic.work() as work:
            plan = self.clinic.plan(work, patient)
            standing = work.session.exec(
                select(PlanHold).where(PlanHold.plan_id == plan.id, col(PlanHold.resumed_on).is_(None))
            ).first()
            today = work.today(self.clinic.site(work))
            if standing:
                holds.resume(work, plan, standing, today)
                begun, _ = self.silent[patient].pop()
                self.silent[patient].append((begun, self.now))
                return
            booked = work.session.exec(
                select(col(Appointment.id)).where(
                    Appointment.patient_id == patient, Appointment.state == AppointmentState.BOOKED
                )
            )
            holds.hold(work, plan, holds.NewHold(HoldReason.AWAY, today + 60 * DAY, today, keep=list(booked)))
        self._for_good(patient)

    def _opts_out(self, patient: UUID) -> None:
        if self._once(patient, "opts_out"):
            with self.clinic.work() as work:
                for contact in registry_patients.store.contacts(work.session, patient):
                    registry_consents.opt_out(work, contact.phone, "reply STOP")
            self.silent[patient].append((self.now, self.now.replace(year=9000)))

    def _paused_number(self, patient: UUID) -> None:
        if self._once(patient, "paused_number"):
            with self.clinic.work() as work:
                for contact in registry_patients.store.contacts(work.session, patient):
                    registry_consents.pause_number(work, contact.phone, "may be an opt-out")
            self._for_good(patient)

    def _moves(self, patient: UUID) -> None:
        self._edit(patient, lambda visit: self.clinic.move(visit.id, visit.day + DAY, time(11)))

    def _cancels(self, patient: UUID) -> None:
        self._edit(patient, lambda visit: self.clinic.cancel(visit.id))

    def _edit(self, patient: UUID, change) -> None:
        today = local_day(self.now, "America/New_York")
        rows = [row for row in self.clinic.all(Appointment) if row.patient_id == patient]
        ahead = [row for row in rows if row.state is AppointmentState.BOOKED and row.day > today]
        if ahead:
            change(ahead[0])


def check(year: Year) -> None:
    clinic = year.clinic
    rows = {row.id: row for row in clinic.all(Reminder)}
    attempts = [attempt for attempt in clinic.all(Attempt) if attempt.provider_id]
    texts = [attempt for attempt in attempts if attempt.channel is Channel.SMS]
    assert len(clinic.sms.taken) == len(texts)
    _each_once(attempts, rows)
    _at_permitted_hours(year, attempts, rows)
    _to_nobody_silent(year, attempts, rows)
    _within_caps(year, attempts, rows)
    _one_day_before(year, rows)
    assert not [row for row in rows.values() if row.state is ReminderState.CLAIMED]
    with clinic.work() as work:
        assert proof_check.check(work) == []


def _each_once(attempts: list[Attempt], rows: dict[UUID, Reminder]) -> None:
    stems = Counter(rows[attempt.reminder_id].key.rpartition(":")[0] for attempt in attempts)
    assert set(stems.values()) == {1}


def _at_permitted_hours(year: Year, attempts: list[Attempt], rows: dict[UUID, Reminder]) -> None:
    days = set()
    for attempt in attempts:
        local = attempt.created_at.astimezone(ZoneInfo(year.zones[rows[attempt.reminder_id].patient_id]))
        assert time(9) <= local.time() < time(20), local
        days.add((local.tzinfo, local.dst()))
    assert len(days) == 2 * len(ZONES), "both sides of both changes of the clock, in every zone"


def _to_nobody_silent(year: Year, attempts: list[Attempt], rows: dict[UUID, Reminder]) -> None:
    for attempt in attempts:
        patient = rows[attempt.reminder_id].patient_id
        assert year.patients[patient] != "no_consent"
        for begun, ended in year.silent[patient]:
            if year.patients[patient] in ("opts_out", "paused_number") and attempt.channel is Channel.EMAIL:
                continue  # a stop by text is about texts
            assert not begun <= attempt.created_at < ended, year.patients[patient]


def _within_caps(year: Year, attempts: list[Attempt], rows: dict[UUID, Reminder]) -> None:
    days: dict[UUID, Counter[date]] = defaultdict(Counter)
    for attempt in attempts:
        row = rows[attempt.reminder_id]
        if row.step not in NOTICES:
            days[row.patient_id][local_day(attempt.created_at, year.zones[row.patient_id])] += 1
    for counted in days.values():
        assert max(counted.values()) == 1
        assert all(sum(counted[day + ahead * DAY] for ahead in range(7)) <= 3 for day in counted)


def _one_day_before(year: Year, rows: dict[UUID, Reminder]) -> None:
    """Every visit that took place was told the day before, at ten by the patient's clock, in summer and in winter."""
    visits = [row for row in year.clinic.all(Appointment) if row.state is AppointmentState.FULFILLED]
    usual = [row for row in visits if year.patients[row.patient_id] == "usual" and not _paused(row.day - DAY)]
    usual = [row for row in usual if local_day(row.booked_at, row.zone) < row.day - 2 * DAY]
    told = {(row.patient_id, row.subject_day): row for row in rows.values() if row.step is Step.DAYS_1}
    assert len(usual) > len(year.patients) // 3
    for visit in usual:
        row = told[visit.patient_id, visit.day]
        assert row.state is ReminderState.SENT
        local = row.sent_at.astimezone(ZoneInfo(year.zones[visit.patient_id]))
        assert (local.date(), local.hour, local.minute) == (visit.day - DAY, 10, 0)


def _paused(day: date) -> bool:
    return PAUSE[0] <= (day - START.date()).days <= PAUSE[1] + 1


def live(engine: sa.Engine, patients: int, seed: int) -> Year:
    clinic = open_clinic(engine, Clock(START))
    year = Year(clinic, random.Random(seed))
    year.begin(patients)
    for day in range(365):
        year.live_until(START + timedelta(days=day + 1))
        year.work_day()
        if day in PAUSE:
            with clinic.work() as work:
                pauses.pause(work, None, "moving house") if day == PAUSE[0] else pauses.resume(work, None)
        if day == PAUSE[0]:
            for patient in year.patients:
                year.silent[patient].insert(0, (year.now, year.now + timedelta(days=3)))
    return year


@pytest.mark.long
def test_a_year_of_ticks_for_a_clinic_on_sqlite(sqlite_engine: sa.Engine) -> None:
    check(live(sqlite_engine, 40, seed=1))


@pytest.mark.long
@pytest.mark.postgres
def test_a_year_of_ticks_for_a_small_clinic_on_postgresql(postgres_url: str) -> None:
    engine = db.create_engine_for(postgres_url)
    check(live(engine, 5, seed=2))
    engine.dispose()


@pytest.mark.parametrize("status", [AttemptState.ACCEPTED])
def test_the_year_would_notice_a_second_message(status: AttemptState) -> None:
    """The test of the test: two accepted attempts at one message are seen."""
    row = Reminder(key="p:1d:2026-01-01:sms", patient_id=UUID(int=1), id=UUID(int=2))
    twice = [Attempt(reminder_id=row.id, state=status), Attempt(reminder_id=row.id, state=status)]
    with pytest.raises(AssertionError):
        _each_once(twice, {row.id: row})
