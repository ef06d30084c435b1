"""``check`` is clean after ordinary work and finds each kind of damage done by hand."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import furnished
import pytest
import sqlalchemy as sa
from board_clinic import START, TODAY, Clinic, catalogue, open_clinic
from sqlmodel import select

from surveillance.core.words import AttemptState, Channel, EndReason, HoldReason, Outcome, ReminderState, Result
from surveillance.operations.care import following, holds, lifecycle, reviews
from surveillance.operations.proof import check
from surveillance.operations.registry import patients
from surveillance.operations.visits import booking, outcomes, reports
from surveillance.operations.visits.result_tasks import NewTask
from surveillance.operations.work import Work
from surveillance.store import db
from surveillance.store.tables import Attempt, Patient, Reminder

DAY = timedelta(days=1)
ANCHOR = date(2026, 8, 25)


@pytest.fixture
def clinic(engine: sa.Engine) -> Clinic:
    return replace(furnished.once(engine, "check", lambda: _lived_in(engine)))


def _lived_in(engine: sa.Engine) -> Clinic:
    """Ordinary life: booked, performed, suspicious and acted on, on hold, ended, dead, nobody's plan, and one message
    sent."""
    clinic = open_clinic(engine)
    with clinic.work() as work:
        booked, _ = clinic.enrolled(work, "BOOKED", ANCHOR, enrolled_on=ANCHOR)
        clinic.book(work, booked, TODAY)
        studies = clinic.scanned(date(2026, 5, 3), date(2026, 8, 1))
        clinic.enrolled(work, "MIDWAY", date(2026, 2, 1), studies=studies)
        _, held = clinic.enrolled(work, "HELD", ANCHOR)
        holds.hold(work, held, holds.NewHold(HoldReason.AWAY, TODAY + 30 * DAY, TODAY))
        _, ended = clinic.enrolled(work, "ENDED", ANCHOR, enrolled_on=ANCHOR)
        lifecycle.end(work, ended, lifecycle.NewEnd(EndReason.TRANSFER, TODAY))
        dead, _ = clinic.enrolled(work, "DEAD", ANCHOR)
        lifecycle.died(work, dead, TODAY, "letter")
        clinic.patient(work, "UNPLANNED")
        sent = clinic.reminder(work, booked, state=ReminderState.SENT, sent_at=work.now)
        attempted(clinic, work, sent.id, 1)
    with clinic.work(START + DAY) as work:
        visit = booking.visit_named(work, work.session.get_one(Patient, booked.id), str(TODAY))
        (study,) = outcomes.record(work, visit, [outcomes.OutcomeOf("mri_primary", Outcome.PERFORMED)])
        reports.report(work, study, TODAY + DAY)
        reviews.sign(work, study, reviews.NewReview(TODAY + DAY, Result.SUSPICIOUS, "biopsy"))
        following.act(work, study, TODAY + DAY, NewTask("biopsy", clinic.coordinator.user_id, TODAY + 9 * DAY))
    return clinic


def attempted(clinic: Clinic, work: Work, reminder_id, ordinal: int) -> None:
    work.session.add(
        Attempt(
            site_id=clinic.site_id, reminder_id=reminder_id, ordinal=ordinal, channel=Channel.SMS, body="text",
            to_address=f"+1202555{100 + ordinal:04}", language="en", transport="console", created_at=work.now,
            deadline_at=work.now, in_doubt_from=work.now, finished_at=work.now, state=AttemptState.ACCEPTED,
        )
    )  # fmt: skip
    work.session.flush()


def violations(clinic: Clinic, days: int = 1) -> list[check.Violation]:
    with db.reading(clinic.engine) as session:
        work = Work(session, START + days * DAY, clinic.clinician, catalogue())
        return check.check(work)


def test_ordinary_life_breaks_no_promise(clinic: Clinic) -> None:
    seen: list[tuple[int, int]] = []
    with db.reading(clinic.engine) as session:
        work = Work(session, START + DAY, clinic.clinician, catalogue())
        assert check.check(work, lambda done, of: seen.append((done, of))) == []
    assert seen == [(5, 5)]


def sql(*statements: str) -> Callable[[Clinic], None]:
    """Damage done by hand."""

    def damage(clinic: Clinic) -> None:
        with clinic.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    return damage


def plan_of(mrn: str) -> str:
    return f"plan_id = (SELECT p.id FROM plan p JOIN patient q ON q.id = p.patient_id WHERE q.mrn = '{mrn}')"


def patient_of(mrn: str) -> str:
    return f"patient_id = (SELECT id FROM patient WHERE mrn = '{mrn}')"


def unsent_message(state: ReminderState, reason: str = "") -> Callable[[Clinic], None]:
    def damage(clinic: Clinic) -> None:
        with clinic.work() as work:
            patient = patients.patient_named(work, [clinic.site_id], "MIDWAY")
            clinic.reminder(work, patient, state=state, reason=reason, expires_at=work.now)

    return damage


def sent_again(clinic: Clinic) -> None:
    with clinic.work() as work:
        row = work.session.exec(select(Reminder)).one()
        attempted(clinic, work, row.id, 2)


def sent_by_email_too(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient = patients.patient_named(work, [clinic.site_id], "BOOKED")
        values = {"key": f"{patient.id}:3d:{TODAY}:email", "channel": Channel.EMAIL, "state": ReminderState.DELIVERED}
        row = clinic.reminder(work, patient, **values)
        attempted(clinic, work, row.id, 2)


def unaudited_visit(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient = patients.patient_named(work, [clinic.site_id], "MIDWAY")
        clinic.book(work, patient, TODAY)
    sql("DELETE FROM audit_value", "DELETE FROM audit_event WHERE action = 'visit.book'")(clinic)


A_FINDING = (
    "INSERT INTO finding SELECT site_id, id, patient_id, plan_id, 'study_early', item, month, '', target"
    f" FROM examination WHERE month = 12 AND {plan_of('MIDWAY')}"
)
SIGNED_BY_THE_SERVICE = (
    "UPDATE plan SET end_signed_by = (SELECT id FROM user_account WHERE username = 'system')"
    " WHERE end_reason = 'transfer'"
)
NO_LINES = "DELETE FROM appointment_item WHERE appointment_id IN (SELECT id FROM appointment WHERE state = 'fulfilled')"
BOOKED_AGAIN = "UPDATE appointment SET state = 'booked' WHERE state = 'fulfilled'"
ENDED_BEFORE = f"UPDATE plan SET ended_on = '2026-11-20', end_reason = 'transfer' WHERE {patient_of('BOOKED')}"
ANOTHERS_PLAN = f"UPDATE plan SET {patient_of('HELD')}, number = 2 WHERE {patient_of('MIDWAY')}"
DAMAGE: dict[str, tuple[Callable[[Clinic], None], str, str]] = {
    "an examination moved by hand": (
        sql(f"UPDATE examination SET overdue_from = '2030-01-01' WHERE month = 6 AND {plan_of('MIDWAY')}"),
        "stored is derived",
        "mri_primary@6 is stored with another overdue_from than its facts give",
    ),
    "an examination deleted": (
        sql(f"DELETE FROM examination WHERE month = 12 AND {plan_of('MIDWAY')}"),
        "stored is derived",
        "mri_primary@12 is wanted and not stored",
    ),
    "an examination closed": (
        sql(f"UPDATE examination SET open = (1 = 0) WHERE month = 12 AND {plan_of('MIDWAY')}"),
        "stored is derived",
        "mri_primary@12 is stored as closed against its facts",
    ),
    "a study deleted": (
        sql("DELETE FROM study_item WHERE study_id IN (SELECT id FROM study WHERE performed_on = '2026-08-01')"),
        "stored is derived",
        "mri_primary@6 is stored and not wanted",
    ),
    "all that lies ahead deleted": (
        sql(f"DELETE FROM examination WHERE {plan_of('HELD')}"),
        "a next examination",
        "mri_primary has none up to",
    ),
    "a finding that nothing gives": (
        sql(A_FINDING),
        "stored is derived",
        "the stored findings are not those of its facts",
    ),
    "a result ticked off by hand": (
        sql("UPDATE study_follow_up SET retracted_at = recorded_at"),
        "stored is derived",
        "what follows from a result is stored otherwise",
    ),
    "a result opened by hand": (
        sql("UPDATE study SET next_action_done_on = NULL"),
        "stored is derived",
        "what follows from a result is stored otherwise",
    ),
    "a report without its versions": (
        sql("DELETE FROM study_report"),
        "stored is derived",
        "how far a report has come is stored otherwise",
    ),
    "a report of another day": (
        sql("UPDATE study SET reported_on = '2026-12-31' WHERE reported_on IS NOT NULL"),
        "stored is derived",
        "how far a report has come is stored otherwise",
    ),
    "a task without an event": (
        sql("DELETE FROM audit_value", "DELETE FROM audit_event WHERE action = 'result_task.add'"),
        "every change is explained",
        "no audit event speaks of it",
    ),
    "an end unsigned": (sql("UPDATE plan SET end_signed_by = NULL"), "signed end", "(transfer) and nobody signed it"),
    "an end signed by the service": (
        sql(SIGNED_BY_THE_SERVICE),
        "signed end",
        "(transfer) and nobody signed it",
    ),
    "a death without an end": (
        sql("UPDATE plan SET ended_on = NULL, end_reason = NULL WHERE end_reason = 'death'"),
        "the dead rest",
        "still has an active plan",
    ),
    "a visit without examinations": (
        sql(NO_LINES),
        "visits name examinations",
        "the visit of 2026-11-23 names no examination",
    ),
    "a plan ended by hand before a visit": (
        sql(BOOKED_AGAIN, ENDED_BEFORE),
        "ends cancel",
        "a visit is booked for 2026-11-23, but the plan ended on 2026-11-20",
    ),
    "two active plans": (
        sql("DROP INDEX uq_plan_active", ANOTHERS_PLAN),
        "one plan",
        "2 active plans",
    ),
    "a message sent twice": (sent_again, "sent once", "went out 2 times"),
    "a message sent on two channels": (sent_by_email_too, "sent once", "went out on 2 channels"),
    "a sent message without attempt": (sql("DELETE FROM attempt"), "sent means taken", "but no provider took it"),
    "a message voided silently": (unsent_message(ReminderState.VOIDED), "reasons", "is voided without a reason"),
    "a message forgotten": (unsent_message(ReminderState.PLANNED), "nothing forgotten", "nobody decided about it"),
    "a patient without an event": (
        sql("DELETE FROM audit_value", "DELETE FROM audit_event WHERE action = 'patient.add'"),
        "every change is explained",
        "no audit event speaks of it",
    ),
    "a death without an event": (
        sql("DELETE FROM audit_value", "DELETE FROM audit_event WHERE action = 'patient.died'"),
        "every change is explained",
        "no audit event speaks of it",
    ),
    "a visit without an event": (unaudited_visit, "every change is explained", "no audit event speaks of it"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found_and_says_how_to_mend_it(clinic: Clinic, name: str) -> None:
    damage, rule, what = DAMAGE[name]
    damage(clinic)
    found = [line for line in violations(clinic) if line.rule == rule]
    assert any(what in line.what for line in found), found
    assert all(line.mend for line in found)


@pytest.mark.parametrize(
    "message",
    [
        unsent_message(ReminderState.VOIDED, "the visit was cancelled"),
        unsent_message(ReminderState.TASK, "no mobile number"),
        unsent_message(ReminderState.IN_DOUBT),
    ],
)
def test_a_message_with_a_reason_or_on_the_board_is_no_damage(clinic: Clinic, message) -> None:
    message(clinic)
    assert violations(clinic) == []


def test_years_later_a_horizon_that_nobody_extended_is_damage(clinic: Clinic) -> None:
    found = violations(clinic, 3 * 365)
    assert {line.subject for line in found if line.rule == "a next examination"} == {
        "MRN BOOKED",
        "MRN MIDWAY",
        "MRN HELD",
    }
