"""Transferred, followed elsewhere for two years, and back (schedule rules 8 and 10)."""

from datetime import date

import pytest
from clinic import CHEST, DAY, MRI, TODAY, Clinic, change, findings, rows

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.schedule.examinations import FindingKind
from surveillance.core.words import DeferralKind, EndReason
from surveillance.operations.board import worklist
from surveillance.operations.care import enrolment, lifecycle
from surveillance.operations.care.returning import Return, come_back
from surveillance.operations.deferrals import granting
from surveillance.operations.visits.results import NewStudy
from surveillance.operations.work import Work
from surveillance.store.board.worklist import Worklist
from surveillance.store.tables import Patient, Plan

ANCHOR = date(2022, 3, 1)
LEFT = TODAY - 730 * DAY


def left(clinic: Clinic, reason: EndReason = EndReason.TRANSFER, day: date = LEFT) -> tuple[Patient, Plan]:
    """A patient who was examined on the last day here; the plan ended then."""
    with clinic.work(clinic.helen, day) as work:
        patient, plan = clinic.enrolled(work, anchor=ANCHOR, intervals={MRI: 6})
        clinic.scan(work, patient, day)
        lifecycle.end(work, plan, lifecycle.NewEnd(reason, day, "moved to another city"))
        return patient, plan


def back(clinic: Clinic, work: Work, patient: Patient, **facts: object) -> Plan:
    new = Return(**({"reason": "moved back"} | facts))  # type: ignore[arg-type]
    return come_back(work, work.session.get_one(Patient, patient.id), new)


def test_the_time_elsewhere_asks_for_nothing_and_what_is_due_now_is_due_at_once(clinic: Clinic) -> None:
    patient, before = left(clinic)
    with clinic.work() as work:
        plan = back(clinic, work, patient)
        found = rows(work, plan)
        assert (plan.anchor, plan.enrolled_on, plan.previous_id, plan.number) == (ANCHOR, TODAY, before.id, 2)
        assert not [key for key, row in found.items() if row.cell_end <= TODAY and row.open]
        for item in (MRI, CHEST):
            first = min((row for row in found.values() if row.item == item and row.open), key=lambda row: row.target)
            assert first.cell_start <= TODAY < first.cell_end
            assert first.due_from <= first.overdue_from
            assert first.overdue_from >= TODAY  # nobody is reproached with two years
        assert FindingKind.LAST_SCAN_UNKNOWN in findings(work, plan)
        assert {row.patient_id for row in worklist.rows(work, [clinic.site_id], Worklist.LAST_SCAN_UNKNOWN)} == {
            patient.id
        }
        _, after, reason = change(work, "plan.return")
        assert (after["intervals"], reason) == ({MRI: 6}, "moved back")


def test_studies_from_elsewhere_are_evidence_and_nobody_asks_any_more(clinic: Clinic) -> None:
    patient, _ = left(clinic)
    with clinic.work() as work:
        study = NewStudy([MRI, CHEST], TODAY - 60 * DAY)
        plan = back(clinic, work, patient, studies=[study])
        assert FindingKind.LAST_SCAN_UNKNOWN not in findings(work, plan)


def test_a_return_settles_the_transfer_that_nobody_confirmed(clinic: Clinic) -> None:
    patient, plan = left(clinic, day=TODAY - 10 * DAY)
    with clinic.work() as work:
        assert granting.standing(work, DeferralKind.TRANSFER, str(plan.id))
        back(clinic, work, patient)
        assert not granting.standing(work, DeferralKind.TRANSFER, str(plan.id))


@pytest.mark.parametrize("reason", [EndReason.PATIENT_WISH, EndReason.COMPLETED])
def test_whoever_wished_to_stop_may_come_back_too(clinic: Clinic, reason: EndReason) -> None:
    patient, _ = left(clinic, reason)
    with clinic.work() as work:
        assert back(clinic, work, patient).ended_on is None


def test_the_other_ways_say_which_one_is_right(clinic: Clinic) -> None:
    patient, _ = left(clinic)
    with clinic.work() as work:
        patient = work.session.get_one(Patient, patient.id)
        again = enrolment.Enrolment("asps-extremity", ANCHOR, reason="back")
        with pytest.raises(ConflictError, match="record the return"):
            enrolment.enrol(work, patient, again)
        with pytest.raises(InvalidInputError, match="returns"):
            enrolment.restart(work, patient, again)


def test_a_return_that_cannot_be_is_refused(clinic: Clinic) -> None:
    patient, _ = left(clinic)
    with clinic.work() as work:
        for facts, why in [
            ({"reason": " "}, "needs a reason"),
            ({"day": TODAY + DAY}, "comes back from then to today"),
            ({"day": LEFT - DAY}, "comes back from then to today"),
        ]:
            with pytest.raises(InvalidInputError, match=why):
                back(clinic, work, patient, **facts)
        back(clinic, work, patient)
        with pytest.raises(ConflictError, match="active plan"):
            back(clinic, work, patient)


def test_after_a_recurrence_one_restarts(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        patient, plan = clinic.enrolled(work)
        end = lifecycle.NewEnd(EndReason.RECURRENCE, TODAY, "lung", restart_by=TODAY + 90 * DAY)
        lifecycle.end(work, plan, end)
        with pytest.raises(ConflictError, match="restart it from the new anchor"):
            back(clinic, work, patient)


def test_who_was_never_here_is_enrolled(clinic: Clinic) -> None:
    with clinic.work() as work, pytest.raises(ConflictError, match="enrol the patient"):
        back(clinic, work, clinic.patient(work))
