"""Explanations name the rule that made the days, and the persons who decided."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from board_clinic import START, TODAY, Clinic, open_clinic

from surveillance.core.errors import NotFoundError
from surveillance.core.schedule.examinations import Key
from surveillance.core.words import HoldReason, Status
from surveillance.operations.care import enrolment, holds, lifecycle, overrides
from surveillance.operations.record.explanation import Explanation, explain
from surveillance.operations.visits import results
from surveillance.operations.work import Work
from surveillance.store.tables import OverrideKind, Patient

DAY = timedelta(days=1)


@pytest.fixture
def clinic(engine: sa.Engine) -> Clinic:
    return open_clinic(engine)


def told(work: Work, patient: Patient, month: int) -> Explanation:
    (found,) = explain(work, patient, key=Key("mri_primary", month))
    return found


def test_the_plain_case_tells_anchor_interval_source_window_and_what_comes_next(clinic):
    with clinic.work() as work:
        anchor = date(2026, 5, 25)
        patient, _ = clinic.enrolled(
            work, "A1", anchor, studies=clinic.scanned(date(2026, 8, 24)), reason="tumour board"
        )
        clinic.book(work, patient, date(2026, 11, 26))
        (found,) = explain(work, patient, "mri_primary")
        assert (found.title, found.status) == ("MRI of the primary site, month 6", Status.BOOKED)
        assert found.sentences == (
            "Treatment ended on 2026-05-25 (the anchor); 6 months later is 2026-11-25.",
            (
                "Alveolar soft part sarcoma, extremity and trunk (asps-extremity@2026.2) asks for it every 3 months in"
                " months 0 to 36."
            ),
            "Every 3 months was chosen by Dr May on 2026-11-23 (tumour board).",
            (
                "Source: NCCN, soft tissue sarcoma of extremity and trunk, as reported by BC Cancer and by NCI protocol"
                " EA7222 (undated copies, year not stated); grade S, read in somebody else's text about it."
            ),
            "The source says 2–3 years. That month 36 and 3 months are usual is proposed. For 6 months see TOSS.",
            "On time is 2026-11-11 to 2026-12-09: 14 days around 2026-11-25.",
            "The one before (month 3, 2026-08-25) was done on 2026-08-24.",
            "It is due from 2026-11-11 and overdue from 2026-12-10.",
            "It is to order from 2026-09-30, 56 days ahead.",
            "A visit is booked for 2026-11-26.",
            "Today (2026-11-23) it is booked.",
            "Next comes month 9, around 2027-02-25.",
        )
        assert found.history[0].endswith("Dr May: visit.book")


def test_a_missed_examination_before_makes_the_next_one_due_at_once(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work, "A1", date(2026, 6, 1), enrolled_on=date(2026, 6, 1))
        found = told(work, patient, 6)
    assert "The one before (month 3, 2026-09-01) was missed." in found.sentences
    assert "Today (2026-11-23) it is overdue, since 2026-09-16." in found.sentences
    assert any("this one takes its place that day" in sentence for sentence in found.sentences)


def test_a_late_enrolment_has_a_grace(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work, "A1", date(2026, 8, 1))  # month 3: the window ended on 15 November
        found = told(work, patient, 3)
    assert (
        "The enrolment on 2026-11-23 came after the window: due at once, with a grace of one tolerance, so overdue"
        " from 2026-12-08." in found.sentences
    )


def test_a_long_gap_after_the_last_scan_is_told(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(
            work, "A1", date(2026, 1, 1), enrolled_on=date(2026, 9, 20), studies=clinic.scanned(date(2026, 5, 15))
        )
        found = told(work, patient, 9)
    assert any(
        sentence.startswith("One and a half intervals after the last examination") for sentence in found.sentences
    )


def test_holds_moves_and_skips_name_who_and_why(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work, "A1", date(2026, 8, 25), enrolled_on=date(2026, 8, 25))
        hold = holds.hold(work, plan, holds.NewHold(HoldReason.AWAY, TODAY + DAY, TODAY - 20 * DAY, note="at sea"))
        holds.resume(work, plan, hold, TODAY)
        found = told(work, patient, 3)
        assert "On hold (away) from 2026-11-03 until 2026-11-23, by Dr May (at sea)." in found.sentences
        assert any(sentence.startswith("It is due since the hold ended on 2026-11-23") for sentence in found.sentences)
        move = overrides.NewOverride(OverrideKind.MOVE, Key("mri_primary", 6), "wedding", date(2027, 3, 1))
        overrides.override(work, plan, move)
        assert "It was moved to 2027-03-01 by Dr May on 2026-11-23 (wedding)." in told(work, patient, 6).sentences
        skip = overrides.NewOverride(OverrideKind.SKIP, Key("mri_primary", 3), "done elsewhere", TODAY + 30 * DAY)
        overrides.override(work, plan, skip)
        found = told(work, patient, 3)
        assert found.status is Status.SKIPPED
        assert any("looked at again on 2026-12-23, by Dr May" in sentence for sentence in found.sentences)
        assert "The one before (month 3, 2026-11-25) was skipped." in told(work, patient, 6).sentences


def test_an_extra_examination_tells_who_asked_for_it(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work, "A1", date(2026, 8, 25), enrolled_on=date(2026, 8, 25))
        extra = overrides.extra(work, plan, overrides.NewExtra("mri_primary", TODAY + 42 * DAY, "nodule of 4 mm"))
        (found,) = explain(work, patient, key=Key("mri_primary", None, str(extra.id)))
    assert found.sentences[0] == (
        "Dr May asked for it on 2026-11-23 beside the protocol, for 2027-01-04 (nodule of 4 mm)."
    )


def test_changed_terms_name_who_changed_them(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work, "A1", date(2026, 8, 25), enrolled_on=date(2026, 8, 25))
        new = enrolment.NewTerms(date(2027, 1, 1), "stable for long", intervals={"mri_primary": 6})
        enrolment.change_terms(work, plan, new)
        assert any(
            sentence == "Every 6 months was chosen from 2027-01-01 on by Dr May on 2026-11-23 (stable for long)."
            for sentence in told(work, patient, 6).sentences
        )


def test_who_changed_what_shows_before_and_after(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work, "A1", date(2026, 8, 25), enrolled_on=date(2026, 8, 25))
        enrolment.correct_anchor(work, plan, date(2026, 8, 20), "letter of the surgeon")
        newest = told(work, patient, 3).history[0]
    assert newest == "2026-11-23 08:00 Dr May: plan.anchor, anchor 2026-08-25 → 2026-08-20 (letter of the surgeon)"


def test_an_ended_plan_and_a_done_examination_are_explained_too(clinic):
    with clinic.work(datetime(2026, 11, 26, 12, tzinfo=UTC)) as work:
        patient, _ = clinic.enrolled(work, "A1", date(2026, 8, 25), enrolled_on=date(2026, 8, 25))
        results.add_study(work, patient, results.NewStudy(["mri_primary"], TODAY, accession="ACC1"))
        found = told(work, patient, 3)
        assert "It was done on 2026-11-23 (accession ACC1), recorded by Dr May." in found.sentences
        other, _ = clinic.enrolled(work, "A2", date(2026, 8, 25), enrolled_on=date(2026, 8, 25))
        lifecycle.died(work, other, TODAY + DAY, "letter")
        assert told(work, other, 3).sentences[-1] == (
            "Today (2026-11-26) it is ended, as the plan ended on 2026-11-24."
        )


def test_what_does_not_exist_is_not_found(clinic):
    with clinic.work(START) as work:
        unplanned = clinic.patient(work, "A0")
        with pytest.raises(NotFoundError, match="no plan yet"):
            explain(work, unplanned)
        patient, _ = clinic.enrolled(work, "A1", date(2026, 8, 25))
        with pytest.raises(NotFoundError, match="mri_primary@4"):
            told(work, patient, 4)
        with pytest.raises(NotFoundError, match="mri_brain"):
            explain(work, patient, "mri_brain")
