"""The upgrade to safety flags and people who come of age, on a database of the version before with both in it."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from fakes.clinic import NOON, Clinic, open_clinic
from sqlmodel import select

from surveillance.core.people.care_gaps import GapKind
from surveillance.core.schedule.examinations import FindingKind
from surveillance.core.words import Role
from surveillance.operations.care import corrections
from surveillance.operations.planning.flags import Answers
from surveillance.operations.proof import check
from surveillance.operations.visits import booking
from surveillance.operations.work import Actor, Work
from surveillance.store import db
from surveillance.store.tables import Appointment, AppointmentItem, CareGap, FindingRow, Membership, Patient, User

pytestmark = pytest.mark.every_database

DAY, WHY = timedelta(days=1), "the implant is MR conditional"
YOUNG = date(2010, 2, 28)


def furnish(clinic: Clinic) -> None:
    """One visit that a clinician answered for, one that waits, and a patient who is not of age yet."""
    answered, waiting = clinic.patient("1"), clinic.patient("2", "+1 202-555-0102")
    clinic.patient("3", "+1 202-555-0103", birth_date=YOUNG)
    clinic.patient("4", "+1 202-555-0104", birth_date=YOUNG, anchor=None)
    visits = [clinic.book(each) for each in (answered, waiting)]
    with clinic.work() as work:
        helen = User(username="helen", name="Helen", created_at=NOON)
        work.session.add(helen)
        work.session.flush()
        work.session.add(Membership(user_id=helen.id, site_id=clinic.site_id, role=Role.CLINICIAN))
        work.session.flush()
        for each in (answered, waiting):
            corrections.edit_patient(work, work.session.get_one(Patient, each), {"mri_unsafe": True})
        signed = Work(work.session, work.now, Actor(helen.id, helen.name), work.catalogue)
        booking.answer(signed, work.session.get_one(Appointment, visits[0]), Answers(reason=WHY))


def stands(clinic: Clinic) -> tuple[list[str], list[tuple[object, ...]], list[str]]:
    """Who waits for an answer, who comes of age when, and what was said."""
    with db.reading(clinic.app.engine) as session:
        waiting = select(Patient.mrn).join(FindingRow, FindingRow.patient_id == Patient.id)
        of_age = (
            select(Patient.mrn, CareGap.since)
            .join(CareGap, CareGap.patient_id == Patient.id)
            .where(CareGap.kind == GapKind.OF_AGE)
        )
        return (
            list(session.exec(waiting.where(FindingRow.kind == FindingKind.FLAG_UNCONFIRMED))),
            [tuple(row) for row in session.exec(of_age)],
            list(session.exec(select(AppointmentItem.flags_reason).where(AppointmentItem.flags_reason != ""))),
        )


def test_flags_go_down_without_their_answers_and_come_up_as_work(engine, database_url) -> None:
    clinic = open_clinic(engine)
    furnish(clinic)
    assert stands(clinic) == (["2"], [("3", date(2028, 2, 28))], [WHY])
    engine.dispose()
    db.downgrade(database_url, "0007")
    with db.reading(clinic.app.engine) as session:
        assert session.execute(sa.text("SELECT count(*) FROM gap WHERE kind = 'of_age'")).scalar() == 0
        assert session.execute(sa.text("SELECT count(*) FROM appointment WHERE state = 'booked'")).scalar() == 2
    engine.dispose()
    db.upgrade(database_url)
    assert stands(clinic) == ([], [("3", date(2028, 2, 28))], [])
    with clinic.work() as work:  # the answer is gone with its column: the proof says so, and the sweep makes it work
        unseen = [each for each in check.check(work) if each.rule == "flags are asked"]
        assert sorted(each.subject for each in unseen) == ["MRN 1", "MRN 2"]
    clinic.tick(NOON + DAY)  # the sweep of the next day
    assert sorted(stands(clinic)[0]) == ["1", "2"]
    with clinic.work() as work:
        assert [str(each) for each in check.check(work) if each.rule in ("flags are asked", "stored is derived")] == []
