"""Reports on small random clinics, on both databases, against a count that looks at every plan by itself."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from clinic import ANCHOR, CHEST, DAY, MRI, NOW, TODAY, Clinic, rows
from sqlmodel import col, select

from surveillance.core.dates import add_months
from surveillance.core.errors import InvalidInputError, SurveillanceError
from surveillance.core.reports import counting as rules
from surveillance.core.reports.counting import Period, ReportName, Timing
from surveillance.core.schedule import status
from surveillance.core.schedule.examinations import Examination, Key
from surveillance.core.words import (
    AppointmentState,
    AttemptState,
    Channel,
    EndReason,
    HoldReason,
    Outcome,
    Status,
    Step,
)
from surveillance.operations.care import holds, lifecycle, overrides
from surveillance.operations.reports import reports
from surveillance.operations.work import Work
from surveillance.store.reports import contact
from surveillance.store.reports import examinations as counted
from surveillance.store.reports.examinations import Where
from surveillance.store.tables import (
    Appointment,
    AppointmentItem,
    Attempt,
    Contact,
    Inbound,
    OverrideKind,
    Patient,
    Plan,
    Reminder,
    Study,
    StudyItem,
)
from surveillance.store.visits import appointments

PERIOD = Period(date(2025, 1, 10), TODAY)
DONE = (Status.PERFORMED, Status.REPORTED, Status.REVIEWED)
GRACE = timedelta(days=90)


def years(start: date, day: date) -> int:
    """Years that are over on ``day``; one that began on 29 February is over on 1 March."""
    return day.year - start.year - ((day.month, day.day) < (start.month, start.day))


class Chance:
    """A clinic in which much goes wrong, the same for the same seed."""

    def __init__(self, clinic: Clinic, work: Work, seed: int) -> None:
        self.clinic, self.work, self.dice = clinic, work, Random(seed)

    def furnish(self, patients: int) -> None:
        for number in range(patients):
            anchor = TODAY - timedelta(days=self.dice.randrange(30, 1300))
            enrolled_on = min(TODAY, anchor + timedelta(days=self.dice.randrange(0, 300)))
            interval = self.dice.choice([3, 4, 6])
            options: dict[str, Any] = {"intervals": {MRI: interval, CHEST: 6}, "enrolled_on": enrolled_on}
            patient, plan = self.clinic.enrolled(self.work, f"R{number}", anchor, **options)
            self._scans(patient, plan, interval)
            for step in (self._visit, self._hold, self._skip, self._reply, self._end):
                if self.dice.random() < 0.4:
                    self._try(step, patient, plan)

    def _scans(self, patient: Patient, plan: Plan, interval: int) -> None:
        last = TODAY if self.dice.random() < 0.5 else TODAY - timedelta(days=300)  # many are not seen any more
        for month in range(interval, 45, interval):
            day = add_months(plan.anchor, month) + timedelta(days=self.dice.randrange(-45, 45))
            if plan.anchor <= day <= last and self.dice.random() < 0.6:
                items = self.dice.choice([(MRI,), (CHEST,), (MRI, CHEST)])
                self._try(lambda who, _, on=day, what=items: self.clinic.scan(self.work, who, on, *what), patient, plan)

    def _try(self, step: Any, patient: Patient, plan: Plan) -> None:
        """What the rules do not allow at this patient does not happen."""
        try:
            with self.work.session.begin_nested():
                step(patient, plan)
        except SurveillanceError:
            pass

    def _key(self, plan: Plan) -> Key:
        return self.dice.choice([row.key for row in rows(self.work, plan).values() if row.month and row.open])

    def _visit(self, patient: Patient, plan: Plan) -> None:
        if self.dice.random() < 0.4:
            key = self._key(plan)
            day = max(TODAY, rows(self.work, plan)[key].window_start) + timedelta(days=self.dice.randrange(0, 20))
            self.clinic.book(self.work, patient, day, key)
        for _ in range(self.dice.randrange(4)):
            self._past_visit(patient, plan)

    def _past_visit(self, patient: Patient, plan: Plan) -> None:
        """As it stands when its outcome was recorded long ago."""
        day = TODAY - timedelta(days=self.dice.randrange(1, 500))
        outcome = self.dice.choice([Outcome.PERFORMED, Outcome.NOT_DONE, Outcome.NOSHOW, Outcome.CANCELLED])
        states = {Outcome.NOSHOW: AppointmentState.NOSHOW, Outcome.CANCELLED: AppointmentState.CANCELLED}
        at = datetime.combine(day, time(15), UTC)
        common: dict[str, Any] = {"site_id": patient.site_id, "id": UUID(int=self.dice.getrandbits(128))}
        visit = Appointment(
            **common,
            patient_id=patient.id,
            plan_id=plan.id,
            state=states.get(outcome, AppointmentState.FULFILLED),
            day=day,
            at=time(10),
            zone="America/New_York",
            starts_at=at,
            was_booked=True,
            booked_at=at - timedelta(days=self.dice.randrange(60)),
            changed_at=at,
            changed_by=self.work.actor.user_id,
        )
        self.work.session.add(visit)
        self.work.session.flush()
        for item in self.dice.choice([(MRI,), (MRI, CHEST)]):
            line = AppointmentItem(
                site_id=visit.site_id, appointment_id=visit.id, item=item, month=3, target=day, outcome=outcome
            )
            self.work.session.add(line)

    def _hold(self, _: Patient, plan: Plan) -> None:
        start = TODAY - timedelta(days=self.dice.randrange(0, 200))
        item = self.dice.choice([None, MRI])
        held = holds.hold(self.work, plan, holds.NewHold(HoldReason.AWAY, TODAY + 30 * DAY, start, item))
        if self.dice.random() < 0.5:
            holds.resume(self.work, plan, held, min(TODAY, start + timedelta(days=self.dice.randrange(1, 100))), "back")

    def _skip(self, _: Patient, plan: Plan) -> None:
        skip = overrides.NewOverride(OverrideKind.SKIP, self._key(plan), "declined", TODAY + 60 * DAY)
        overrides.override(self.work, plan, skip)

    def _reply(self, patient: Patient, _: Plan) -> None:
        phone = self.work.session.exec(select(Contact.phone).where(Contact.patient_id == patient.id)).first()
        at = NOW - timedelta(days=self.dice.randrange(0, 200))
        self.work.session.add(
            Inbound(provider_id=f"IN{patient.mrn}", from_number=phone, to_number="", body="hello", received_at=at)
        )

    def _end(self, _: Patient, plan: Plan) -> None:
        if self.dice.random() < 0.4:
            end = lifecycle.NewEnd(EndReason.TRANSFER, TODAY - timedelta(days=self.dice.randrange(0, 30)), "moved")
            lifecycle.end(self.clinic.by(self.work, self.clinic.helen), plan, end)


class Naive:
    """The same numbers, one plan after the other, by the rules of the core."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.plans = list(work.session.exec(select(Plan)))
        self.days = {str(study.id): study.performed_on for study in work.session.exec(select(Study))}

    def rows(self, plan: Plan) -> list[Examination]:
        return list(rows(self.work, plan).values())

    def performed(self, plan: Plan, item: str | None = None) -> list[date]:
        statement = select(Study.performed_on).join(StudyItem, col(StudyItem.study_id) == col(Study.id))
        found = statement.where(Study.patient_id == plan.patient_id, col(Study.retracted_at).is_(None))
        return sorted(self.work.session.exec(found.where(StudyItem.item == item) if item else found))

    def timing(self, plan: Plan, row: Examination) -> Timing:
        now = status.status(row, TODAY)
        if now in DONE and row.study:
            day = self.days[row.study]
            return Timing(status.timing(row, day)) if day >= plan.enrolled_on else Timing.LEFT_OUT
        return {Status.MISSED: Timing.MISSED, Status.SKIPPED: Timing.SKIPPED}.get(now, Timing.LEFT_OUT)

    def timings(self) -> Counter[tuple[int, Timing]]:
        return Counter(
            (rules.month_number(row.target), self.timing(plan, row))
            for plan in self.plans
            for row in self.rows(plan)
            if row.month is not None and PERIOD.first <= row.target <= PERIOD.last
        )

    def delays(self) -> Counter[tuple[int, Timing]]:
        return Counter(
            ((self.days[row.study] - row.target).days, self.timing(plan, row))
            for plan in self.plans
            for row in self.rows(plan)
            if row.month is not None and row.study and PERIOD.first <= self.days[row.study] <= PERIOD.last
            if self.days[row.study] >= plan.enrolled_on
        )

    def overdue(self, plan: Plan) -> list[Examination]:
        return [row for row in self.rows(plan) if status.status(row, TODAY) is Status.OVERDUE]

    def overdue_ages(self) -> tuple[Counter[int], Counter[int]]:
        ages = [[(TODAY - row.overdue_since).days for row in self.overdue(plan)] for plan in self.plans]
        return Counter(age for found in ages for age in found), Counter(max(found) for found in ages if found)

    def up_to_date(self, day: date) -> tuple[int, int]:
        asked = [found for plan in self.plans if (found := self._fresh(plan, day))]
        return len(asked), sum(map(all, asked))

    def _fresh(self, plan: Plan, day: date) -> list[bool]:
        """For each item that the plan asks for on a day, whether it is up to date."""
        if day < plan.enrolled_on or (plan.ended_on is not None and day >= plan.ended_on):
            return []
        found = []
        for row in self.rows(plan):
            here = row.month is not None and row.cell_start <= day < row.cell_end
            held = row.held_from and row.held_from <= day and (row.held_until is None or day < row.held_until)
            if here and not held:
                done = [on for on in self.performed(plan, row.item) if plan.anchor <= on <= day]
                if done or day > row.window_end:
                    tolerance = (row.window_end - row.target).days
                    found.append(status.up_to_date(max(done, default=None), row.interval, tolerance, day))
        return found

    def no_shows(self) -> dict[int, tuple[int, int]]:
        found: dict[int, list[bool]] = {}
        for visit in self.work.session.exec(select(Appointment)):
            outcomes = {line.outcome for line in appointments.lines(self.work.session, visit.id)}
            if outcomes - {None, Outcome.CANCELLED} and PERIOD.first <= visit.day <= PERIOD.last:
                found.setdefault(rules.month_number(visit.day), []).append(Outcome.NOSHOW in outcomes)
        return {month: (len(visits), sum(visits)) for month, visits in found.items()}

    def courses(self) -> Counter[tuple[int, int, bool]]:
        return Counter(self._course(plan) for plan in self.plans)

    def _course(self, plan: Plan) -> tuple[int, int, bool]:
        late = [row.overdue_since for row in self.overdue(plan)]
        visits = list(self.work.session.exec(select(Appointment).where(Appointment.patient_id == plan.patient_id)))
        coming = any(visit.state is AppointmentState.BOOKED and visit.day >= TODAY for visit in visits)
        gone = max(min(late), *self._signs(plan, visits)) + GRACE if late else TODAY + DAY
        lost = gone <= TODAY and not coming
        until = gone if lost else plan.ended_on or TODAY
        first, last = (years(plan.anchor, day) + 1 for day in (plan.enrolled_on, until))
        return first, last, lost

    def _signs(self, plan: Plan, visits: list[Appointment]) -> list[date]:
        of_patient = select(Inbound).join(Contact, col(Contact.phone) == col(Inbound.from_number))
        replies = self.work.session.exec(of_patient.where(Contact.patient_id == plan.patient_id))
        return [
            *self.performed(plan),
            *(visit.day for visit in visits if visit.state is AppointmentState.FULFILLED),
            *(visit.booked_at.date() for visit in visits if visit.booked_at),
            *(reply.received_at.date() for reply in replies),
        ]


@pytest.mark.parametrize("seed", [1, 8])
def test_the_database_counts_what_the_rules_say(clinic: Clinic, seed: int) -> None:
    with clinic.work() as work:
        Chance(clinic, work, seed).furnish(8)
        work.session.flush()
        naive, where = Naive(work), Where(clinic.site_id, TODAY)
        assert counted.timings(work.session, where, PERIOD) == naive.timings()
        assert counted.delays(work.session, where, PERIOD) == naive.delays()
        assert counted.overdue_ages(work.session, where) == naive.overdue_ages()
        assert contact.no_shows(work.session, where, PERIOD) == naive.no_shows()
        courses = Counter({course[:3]: course.plans for course in contact.courses(work.session, where)})
        assert courses == naive.courses()
        told = reports.report(work, [clinic.site(work)], ReportName.UP_TO_DATE, PERIOD)
        assert [row[1:3] for row in told.rows] == [naive.up_to_date(day) for day in PERIOD.points]


def test_messages_count_in_the_month_of_the_site(clinic: Clinic) -> None:
    """22:30 on 31 October in Washington is November in UTC."""
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        late = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)
        for number, (at, state, parts) in enumerate(
            [
                (late, AttemptState.DELIVERED, 2),
                (late + timedelta(hours=1, minutes=30), AttemptState.UNDELIVERED, 1),
                (late + timedelta(days=2), AttemptState.REFUSED, 3),
                (late + timedelta(days=2), AttemptState.ABSENT, None),
                (late + timedelta(days=3), AttemptState.IN_DOUBT, 1),
                (datetime(2024, 12, 1, 4, 59, tzinfo=UTC), AttemptState.DELIVERED, 9),  # before the period
            ]
        ):
            _attempt(work, patient, number, at, state, parts)
        found = reports.report(work, [clinic.site(work)], ReportName.MESSAGES, rules.period(TODAY))
        october, november = 12 * 2026 + 9, 12 * 2026 + 10
        assert found.rows == [(october, "SMS", 1, 0, 0, 0, 0, 1, 2), (november, "SMS", 0, 1, 2, 1, 0, 4, 2)]
        assert found.said == "3 of 5 messages (60%) did not arrive or were not sent; 4 SMS parts were handed over."


def _attempt(work: Work, patient: Patient, number: int, at: datetime, state: AttemptState, parts: int | None) -> None:
    common = {"site_id": patient.site_id, "channel": Channel.SMS, "created_at": at}
    moments = {"due_at": at, "expires_at": at, "changed_at": at}
    reminder = Reminder(
        patient_id=patient.id, key=f"k{number}", step=Step.DAYS_1, subject_day=at.date(), **common, **moments
    )
    work.session.add(reminder)
    work.session.flush()
    attempt = Attempt(
        reminder_id=reminder.id,
        ordinal=1,
        to_address=f"+1202555{number:04}",
        body="",
        language="en",
        transport="console",
        state=state,
        parts=parts,
        deadline_at=at,
        in_doubt_from=at,
        finished_at=at,
        **common,
    )
    work.session.add(attempt)
    work.session.flush()


def test_two_sites_are_counted_together(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        anchor = ANCHOR - 200 * DAY
        sqlite_clinic.enrolled(work, anchor=anchor, enrolled_on=anchor)
        here = [sqlite_clinic.site(work)]
        one = reports.report(work, here, ReportName.OVERDUE, rules.period(TODAY))
        twice = reports.report(work, here * 2, ReportName.OVERDUE, rules.period(TODAY))
        assert [2 * row[1] for row in one.rows] == [row[1] for row in twice.rows]  # type: ignore[operator]
        assert sum(row[1] for row in one.rows) > 0  # type: ignore[misc]


@pytest.mark.parametrize("name", list(ReportName))
def test_a_clinic_without_patients_says_that_there_is_nothing(sqlite_clinic: Clinic, name: ReportName) -> None:
    with sqlite_clinic.work() as work:
        found = reports.report(work, [sqlite_clinic.site(work)], name, rules.period(TODAY))
        assert found.empty
        assert found.words.none.endswith(".")
        assert reports.as_csv(found, bom=True).startswith("\ufeff" + found.words.columns[0].key + ",")


def test_a_report_is_about_some_site(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work, pytest.raises(InvalidInputError, match="no site"):
        reports.period(work, [])
