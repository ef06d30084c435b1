"""What a change would do is known before it is done: the rehearsal leaves nothing, and tells what then happens."""

from datetime import date

import pytest
from clinic import DAY, MRI, TODAY, Clinic, events, rows
from sqlmodel import select

from surveillance.core.errors import ConflictError
from surveillance.core.schedule.examinations import FindingKind
from surveillance.core.words import AppointmentState, HoldReason
from surveillance.operations.care import enrolment, holds, lifecycle, overrides
from surveillance.operations.planning import differences
from surveillance.operations.planning.differences import GONE, MOVED
from surveillance.store.tables import AuditEvent, PlanHold


def test_a_rehearsal_tells_what_then_happens_and_leaves_nothing(clinic: Clinic) -> None:
    with clinic.work() as work:
        clinic.site(work).messages_from = TODAY
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, date(2026, 12, 8))
        before, written = rows(work, plan), len(work.session.exec(select(AuditEvent)).all())
        new = holds.NewHold(HoldReason.AWAY, TODAY + 90 * DAY, TODAY, cancel=[visit.id])
        shown = differences.previewed(work, patient, lambda: holds.hold(work, plan, new))
        assert rows(work, plan) == before
        assert visit.state is AppointmentState.BOOKED
        assert work.session.exec(select(PlanHold)).all() == []
        assert len(work.session.exec(select(AuditEvent)).all()) == written
        assert [(line.id, line.before, line.after) for line in shown.visits] == [
            (visit.id, AppointmentState.BOOKED, AppointmentState.CANCELLED)
        ]
        assert differences.released(work, shown) == [visit]
        assert shown.voided > 0

        picture = differences.picture(work, patient)
        holds.hold(work, plan, new)
        assert differences.since(work, patient, picture).fingerprint == shown.fingerprint
        assert events(work, "plan.hold")


def test_a_death_can_be_rehearsed_as_often_as_one_likes(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        tries = [
            differences.previewed(work, patient, lambda: lifecycle.died(work, patient, TODAY, "family"))
            for _ in range(2)
        ]
        assert tries[0].fingerprint == tries[1].fingerprint
        assert {line.what for line in tries[0].lines} >= {GONE}
        assert patient.died_on is None


def test_what_is_refused_is_refused_at_the_rehearsal(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        clinic.book(work, patient, date(2026, 12, 1))
        new = holds.NewHold(HoldReason.AWAY, TODAY + 90 * DAY, TODAY)
        with pytest.raises(ConflictError, match="say whether to keep or cancel it"):
            differences.previewed(work, patient, lambda: holds.hold(work, plan, new))
        assert work.session.exec(select(PlanHold)).all() == []


def test_an_extra_examination_has_one_fingerprint_whatever_its_id(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        new = overrides.NewExtra(MRI, TODAY + 42 * DAY, "nodule")
        tries = {
            differences.previewed(work, patient, lambda: overrides.extra(work, plan, new)).fingerprint for _ in range(2)
        }
        assert len(tries) == 1


def test_a_corrected_anchor_moves_examinations_and_names_what_no_longer_fits(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        clinic.book(work, patient, date(2026, 12, 1))
        right = plan.anchor - 40 * DAY
        shown = differences.previewed(
            work, patient, lambda: enrolment.correct_anchor(work, plan, right, "typing error")
        )
        assert {line.what for line in shown.lines} >= {MOVED}
        assert {finding.kind for finding in shown.findings} == {
            FindingKind.LAST_SCAN_UNKNOWN,
            FindingKind.BOOKED_OUTSIDE_WINDOW,
        }
        nothing = differences.previewed(work, patient, lambda: None)
        assert nothing.empty
        assert nothing.fingerprint != shown.fingerprint
