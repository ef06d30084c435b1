"""A clinic in which ordinary life has happened, and damage that somebody does to it by hand."""

from collections.abc import Callable
from datetime import date, timedelta

import sqlalchemy as sa
from board_clinic import START, TODAY, Clinic, open_clinic

from surveillance.core.words import AttemptState, Channel, EndReason, HoldReason, Outcome, ReminderState, Result
from surveillance.operations.care import following, holds, lifecycle, reviews
from surveillance.operations.visits import booking, outcomes, reports
from surveillance.operations.visits.result_tasks import NewTask
from surveillance.operations.work import Work
from surveillance.store.tables import Attempt, Patient

DAY = timedelta(days=1)
ANCHOR = date(2026, 8, 25)


def lived_in(engine: sa.Engine) -> Clinic:
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
