"""Planning a patient's messages on a real database: what is planned follows the facts, whatever happens to them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from fakes.clinic import NEW_YORK, NOON, VISIT_DAY, Clinic, open_clinic
from sqlmodel import select

from surveillance.core.messages.planned import Due, Recipient
from surveillance.core.schedule.facts import Key
from surveillance.core.words import AppointmentState, Channel, HoldReason, ReminderState, Step
from surveillance.operations.care import holds, lifecycle
from surveillance.operations.messages import lists, scheduling
from surveillance.operations.messages.patient_context import policy_for
from surveillance.operations.visits import booking
from surveillance.operations.visits.preview_effects import Outgoing, preview
from surveillance.operations.work import Work
from surveillance.store.tables import Appointment, Patient, Place, PlanHold, Reminder, Site

PLANNED, VOIDED = ReminderState.PLANNED, ReminderState.VOIDED


@pytest.fixture
def clinic(engine: sa.Engine) -> Clinic:
    return open_clinic(engine)


def steps(clinic: Clinic, state: ReminderState = PLANNED) -> list[Step]:
    return [row.step for row in clinic.rows() if row.state is state]


def foreseen(work: Work, patient_id: UUID, day: date, at: time) -> Sequence[Outgoing]:
    """What booking a visit would send, as the form shows it."""
    patient = work.session.get_one(Patient, patient_id)
    return preview(work, patient, lambda: [booking.book(work, patient, visit(work, day, at))]).goes_out


def visit(work: Work, day: date, at: time, *examinations: Key) -> booking.Visit:
    return booking.Visit(day, at, work.session.exec(select(Place)).one(), examinations)


def test_a_booking_plans_its_messages_at_the_patients_local_hours(clinic: Clinic) -> None:
    clinic.book(clinic.patient(time_zone="America/Los_Angeles"))
    due = {row.step: row.due_at.astimezone(UTC) for row in clinic.rows()}
    assert due[Step.ON_BOOKING] == NOON + timedelta(minutes=10)
    assert due[Step.DAYS_7] == datetime(2026, 6, 17, 17, 0, tzinfo=UTC)  # 10:00 in Los Angeles
    assert due[Step.DAYS_1] == datetime(2026, 6, 23, 17, 0, tzinfo=UTC)


def test_planning_anew_changes_nothing(clinic: Clinic) -> None:
    patient = clinic.patient()
    clinic.book(patient)
    before = [row.model_dump() for row in clinic.rows()]
    with clinic.work() as work:
        changes = scheduling.refresh(work, patient)
    written = [*changes.add, *changes.move, *changes.reopen, *changes.drop, *changes.void]
    assert written == []
    assert [row.model_dump() for row in clinic.rows()] == before


def test_a_moved_visit_voids_its_messages_and_one_moved_back_reopens_them(clinic: Clinic) -> None:
    visit = clinic.book(clinic.patient())
    clinic.clock.turn(minutes=1)
    clinic.move(visit, date(2026, 6, 29))
    assert {row.subject_day for row in clinic.rows() if row.state is PLANNED} == {date(2026, 6, 29)}
    assert {row.subject_day for row in clinic.rows() if row.state is VOIDED} == {VISIT_DAY}
    clinic.move(visit, VISIT_DAY)
    assert {row.subject_day for row in clinic.rows() if row.state is PLANNED} == {VISIT_DAY}
    assert len({row.key for row in clinic.rows()}) == len(clinic.rows())


def test_a_wait_survives_planning_anew(clinic: Clinic) -> None:
    patient = clinic.patient()
    clinic.book(patient)
    later = NOON + timedelta(days=1)
    with clinic.work() as work:
        for row in work.session.exec(select(Reminder)):
            row.not_before = later
    with clinic.work() as work:
        scheduling.refresh(work, patient)
    assert {row.not_before for row in clinic.rows()} == {later}


def test_a_cancelled_visit_of_which_nobody_heard_brings_no_notice(clinic: Clinic) -> None:
    visit = clinic.book(clinic.patient())
    clinic.cancel(visit)
    assert steps(clinic) == []


def test_a_cancelled_visit_that_was_told_brings_one_notice(clinic: Clinic) -> None:
    visit = clinic.book(clinic.patient())
    clinic.tick(NOON + timedelta(minutes=11))
    clinic.cancel(visit)
    assert steps(clinic) == [Step.CANCEL]


def test_a_hold_silences_the_plan_and_its_end_brings_the_messages_back(clinic: Clinic) -> None:
    patient = clinic.patient()
    visit = clinic.book(patient)
    with clinic.work() as work:
        hold = holds.NewHold(HoldReason.AWAY, date(2026, 9, 1), NOON.date(), keep=[visit])
        holds.hold(work, clinic.plan(work, patient), hold)
    assert steps(clinic) == []
    with clinic.work() as work:
        row = work.session.exec(select(PlanHold)).one()
        holds.resume(work, clinic.plan(work, patient), row, NOON.date())
    assert Step.DAYS_7 in steps(clinic)


def test_nothing_is_planned_for_the_dead_and_a_retracted_death_plans_it_again(clinic: Clinic) -> None:
    patient = clinic.patient()
    clinic.tick()
    with clinic.work() as work:
        lifecycle.died(work, work.session.get_one(Patient, patient), NOON.date(), "letter")
    assert steps(clinic) == []


def test_a_site_that_is_not_live_plans_nothing_until_its_first_day(engine: sa.Engine) -> None:
    clinic = open_clinic(engine, messages_from=None)
    clinic.book(clinic.patient())
    assert clinic.rows() == []
    with clinic.work() as work:
        site = clinic.site(work)
        site.messages_from = date(2026, 6, 20)
        scheduling.refresh_site(work, site)
    assert steps(clinic) == [Step.DAYS_3, Step.DAYS_1]


def test_who_becomes_overdue_is_planned_for_by_the_daily_sweep(clinic: Clinic) -> None:
    clinic.patient(anchor=date(2026, 4, 1))  # month 3: 1 July, overdue from 16 July
    clinic.tick(datetime(2026, 6, 30, 16, 0, tzinfo=UTC))
    assert steps(clinic) == []
    clinic.tick(datetime(2026, 7, 2, 16, 0, tzinfo=UTC))
    assert steps(clinic) == [Step.OVERDUE]
    assert clinic.row(Step.OVERDUE).due_at == datetime(2026, 7, 16, 15, 0, tzinfo=UTC)  # 11:00 in New York


def test_who_has_become_overdue_is_proposed_for_the_next_working_day(clinic: Clinic) -> None:
    clinic.patient(anchor=date(2026, 4, 1))  # month 3: 1 July; its cell ends on 16 August
    clinic.tick(datetime(2026, 8, 17, 16, 0, tzinfo=UTC))  # a Monday; month 6 lies on 1 October
    with clinic.work() as work:
        proposed = work.session.exec(select(Appointment).where(Appointment.state == AppointmentState.PROPOSED))
        assert min(visit.day for visit in proposed) == date(2026, 8, 18)


def test_the_sweep_plans_for_whom_an_import_wrote_rows_and_no_messages(clinic: Clinic) -> None:
    clinic.tick(datetime(2026, 7, 3, 16, 0, tzinfo=UTC))
    clinic.patient(anchor=date(2026, 4, 1))
    with clinic.work() as work:
        for row in work.session.exec(select(Reminder)):
            work.session.delete(row)
    clinic.tick(datetime(2026, 7, 4, 16, 0, tzinfo=UTC))
    assert steps(clinic) == [Step.OVERDUE]


def test_who_was_overdue_before_enrolling_gets_no_back_dated_message(clinic: Clinic) -> None:
    clinic.patient(anchor=date(2025, 1, 1))
    clinic.tick(NOON + timedelta(days=1))
    assert [row for row in clinic.rows() if row.due_at < NOON] == []


def test_an_overdue_message_goes_when_the_visit_is_booked(clinic: Clinic) -> None:
    patient = clinic.patient()
    clinic.tick(datetime(2026, 7, 10, 16, 0, tzinfo=UTC))
    assert steps(clinic) == [Step.OVERDUE]
    clinic.book(patient, date(2026, 7, 20))
    assert clinic.row(Step.OVERDUE).state is VOIDED


def test_a_cap_drops_the_lighter_message_and_says_why(clinic: Clinic) -> None:
    patient = clinic.patient()
    with clinic.work() as work:
        first = visit(work, VISIT_DAY, time(9, 30), Key("mri_primary", 3))
        booking.book(work, work.session.get_one(Patient, patient), first)
        then = foreseen(work, patient, date(2026, 6, 25), time(9))
    assert [(each.step, bool(each.dropped)) for each in then] == [
        (Step.ON_BOOKING, True),
        (Step.DAYS_7, True),
        (Step.DAYS_3, True),
        (Step.DAYS_1, False),
    ]


def test_the_preview_of_a_booking_shows_local_times_and_texts(clinic: Clinic) -> None:
    patient = clinic.patient(time_zone="America/Denver")
    with clinic.work() as work:
        found = foreseen(work, patient, VISIT_DAY, time(9, 30))
    assert [(each.step, f"{each.at:%m-%d %H:%M}", each.zone) for each in found] == [
        (Step.ON_BOOKING, "06-01 10:10", "America/Denver"),
        (Step.DAYS_7, "06-17 10:00", "America/Denver"),
        (Step.DAYS_3, "06-21 10:00", "America/Denver"),
        (Step.DAYS_1, "06-23 10:00", "America/Denver"),
    ]
    assert "Wednesday, June 24, 2026, 9:30 AM (local time there)" in found[0].text
    assert clinic.rows() == []


def test_the_upcoming_list_shows_the_true_local_time_after_a_wait(clinic: Clinic) -> None:
    patient = clinic.patient(time_zone="America/Los_Angeles")
    clinic.book(patient)
    with clinic.work() as work:
        row = work.session.exec(select(Reminder).where(Reminder.step == Step.ON_BOOKING)).one()
        row.not_before = datetime(2026, 6, 1, 17, 30, tzinfo=UTC)
        lines = lists.upcoming(work, [row.site_id])
        first = next(line for line in lines if line.row.step is Step.ON_BOOKING)
        assert f"{first.at:%H:%M} {first.zone}" == "10:30 America/Los_Angeles"


def test_the_narrower_send_hours_of_policy_and_site_hold(engine: sa.Engine) -> None:
    clinic = open_clinic(engine, send_from=time(11), send_until=time(22))
    clinic.book(clinic.patient())
    assert clinic.row(Step.DAYS_7).due_at == datetime(2026, 6, 17, 15, 0, tzinfo=UTC)  # 11:00, not 10:00
    with clinic.work() as work:
        policy = policy_for(work.catalogue.policy, clinic.site(work))
    assert (policy.send_from, policy.send_until) == (time(11), time(20))


def test_rows_for_a_bulk_import_are_those_that_planning_would_write(clinic: Clinic) -> None:
    patient = clinic.patient(anchor=date(2026, 3, 15))  # month 3: 15 June
    clinic.tick(datetime(2026, 6, 20, 16, 0, tzinfo=UTC))
    (stored,) = clinic.rows()
    with clinic.work() as work:
        site = work.session.get_one(Site, clinic.site_id)
        recipient = Recipient(str(patient), NEW_YORK, NEW_YORK, site.messages_from)
        due = Due(stored.subject_day, date(2026, 6, 30), False, NOON)
        policy = policy_for(work.catalogue.policy, site)
        (made,) = scheduling.rows_for_new(policy, site.id, recipient, [], [due], clinic.clock())
    same = ("key", "step", "channel", "subject_day", "due_at", "expires_at", "state", "patient_id", "site_id")
    assert {name: getattr(made, name) for name in same} == {name: getattr(stored, name) for name in same}


def test_a_change_that_comes_too_late_for_a_text_is_a_call_at_once(clinic: Clinic) -> None:
    visit = clinic.book(clinic.patient())
    clinic.tick(NOON + timedelta(minutes=11))
    clinic.clock.now = datetime(2026, 6, 24, 3, 0, tzinfo=UTC)  # 23:00 the evening before
    clinic.cancel(visit)
    row = clinic.row(Step.CANCEL, Channel.CALL)
    assert row.state is ReminderState.TASK
