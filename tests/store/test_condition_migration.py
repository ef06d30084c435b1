"""The upgrade to one plan a disease, on a database of the version before with people of every kind in it."""

from datetime import date, timedelta

import pytest
from fakes.clinic import NOON, Clinic, open_clinic
from sqlmodel import col, select

from surveillance.core.people.care_gaps import GapKind
from surveillance.core.words import EndReason, Role
from surveillance.operations.care import diagnoses, enrolment, lifecycle
from surveillance.operations.care.diagnoses import NewCondition
from surveillance.operations.care.enrolment import Enrolment
from surveillance.operations.proof import check
from surveillance.operations.visits.results import NewStudy, add_study
from surveillance.operations.work import Actor, Work
from surveillance.store import db
from surveillance.store.tables import AuditEvent, CareGap, Condition, Membership, Patient, Plan, Study, User

pytestmark = pytest.mark.every_database

TODAY, DAY = date.today(), timedelta(days=1)  # noqa: DTZ011  # a migration knows no other day than the machine's
BEFORE = "0007"
SEALING = "the trail is sealed"


def signed(clinic: Clinic, work: Work) -> Work:
    """Helen, a clinician, in the same transaction."""
    helen = work.session.exec(select(User).where(User.username == "helen")).first()
    if helen is None:
        helen = User(username="helen", name="Helen", created_at=NOON)
        work.session.add(helen)
        work.session.flush()
        work.session.add(Membership(user_id=helen.id, site_id=clinic.site_id, role=Role.CLINICIAN))
        work.session.flush()
    return Work(work.session, work.now, Actor(helen.id, helen.name), work.catalogue)


def furnish(clinic: Clinic) -> None:
    """Followed and examined; restarted; ended for good; to restart by a day; registered without a plan."""
    anchor = TODAY - 100 * DAY
    followed, again, left, waits = (clinic.patient(mrn, f"+1 202-555-010{mrn}", anchor=anchor) for mrn in "1234")
    clinic.patient("5", "+1 202-555-0105", anchor=None)
    with clinic.work() as work:
        helen = signed(clinic, work)
        add_study(helen, work.session.get_one(Patient, followed), NewStudy(["mri_primary"], TODAY - 5 * DAY))
        new = Enrolment("asps-extremity", TODAY - 10 * DAY, reason="resected again")
        enrolment.restart(helen, work.session.get_one(Patient, again), new)
        lifecycle.end(helen, clinic.plan(work, left), lifecycle.NewEnd(EndReason.COMPLETED, TODAY))
        end = lifecycle.NewEnd(EndReason.RECURRENCE, TODAY, restart_by=TODAY + 60 * DAY)
        lifecycle.end(helen, clinic.plan(work, waits), end)


def gaps(clinic: Clinic) -> set[tuple[object, ...]]:
    with db.reading(clinic.app.engine) as session:
        return {(row.patient_id, row.kind, row.number, row.since, row.plan_id) for row in session.exec(select(CareGap))}


def broken(clinic: Clinic) -> list[str]:
    with clinic.work() as work:
        return [str(each) for each in check.check(work) if each.rule != SEALING]


def opened(engine) -> Clinic:
    clinic = open_clinic(engine)
    clinic.clock.now = NOON.replace(year=TODAY.year, month=TODAY.month, day=TODAY.day)
    return clinic


def test_every_plan_is_given_the_one_disease_of_its_patient(engine, database_url) -> None:
    clinic = opened(engine)
    furnish(clinic)
    listed = gaps(clinic)
    assert {row[1] for row in listed} == {GapKind.WITHOUT_PLAN, GapKind.RESTART}
    engine.dispose()
    db.downgrade(database_url, BEFORE)
    db.upgrade(database_url)
    assert gaps(clinic) == listed
    assert broken(clinic) == []
    with clinic.work() as work:
        session = work.session
        rows = {row.patient_id: row for row in session.exec(select(Condition))}
        every = list(session.exec(select(Plan)))
        assert len(rows) == 4
        assert len(every) == 5
        assert all(plan.condition_id == rows[plan.patient_id].id for plan in every)
        (study,) = session.exec(select(Study))
        assert study.condition_id == rows[study.patient_id].id
        told = set(session.exec(select(col(AuditEvent.subject_id)).where(AuditEvent.action == "condition.add")))
        assert {str(row.id) for row in rows.values()} <= told


def test_a_second_primary_is_enrolled_after_the_upgrade(engine, database_url) -> None:
    clinic = opened(engine)
    furnish(clinic)
    engine.dispose()
    db.downgrade(database_url, BEFORE)
    db.upgrade(database_url)
    with clinic.work() as work:
        helen = signed(clinic, work)
        patient = work.session.exec(select(Patient).where(Patient.mrn == "1")).one()
        new = Enrolment("asps-extremity", TODAY - DAY, condition=NewCondition("melanoma"))
        assert enrolment.enrol(helen, patient, new).number == 2
    assert broken(clinic) == []


def test_several_diseases_cannot_go_back_to_where_a_patient_has_one_plan(engine, database_url) -> None:
    clinic = opened(engine)
    patient_id = clinic.patient("1")
    with clinic.work() as work:
        patient = work.session.get_one(Patient, patient_id)
        new = Enrolment("asps-extremity", TODAY - DAY, condition=NewCondition("melanoma"))
        second = enrolment.enrol(work, patient, new)
    with pytest.raises(RuntimeError, match="1 patients have plans for more than one disease"):
        db.downgrade(database_url, BEFORE)
    with clinic.work() as work:
        end = lifecycle.NewEnd(EndReason.RECURRENCE, TODAY, restart_by=TODAY + 9 * DAY)
        lifecycle.end(signed(clinic, work), work.session.get_one(Plan, second.id), end)
        diagnoses.add(work, work.session.get_one(Patient, patient_id), NewCondition("naevus"))
    engine.dispose()
    db.downgrade(database_url, BEFORE)
    db.upgrade(database_url)
    with clinic.work() as work:
        assert len(list(work.session.exec(select(Condition)))) == 1
