"""Each list of the board has a patient who appears, and who goes when the work is done."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from board_clinic import START, TODAY, Clinic, open_clinic
from sqlmodel import select

from surveillance.core.errors import ForbiddenError, InvalidInputError, NotFoundError
from surveillance.core.schedule.examinations import Key
from surveillance.core.words import (
    AttemptState,
    Channel,
    ConsentAct,
    EndReason,
    HoldReason,
    Outcome,
    ReminderState,
    ReportStatus,
    Result,
)
from surveillance.operations.board import acts, worklist
from surveillance.operations.board.acts import WorklistAction
from surveillance.operations.board.worklist import Filter, Worklist, WorklistRow
from surveillance.operations.care import enrolment, following, holds, lifecycle, overrides, reviews
from surveillance.operations.planning import preconditions
from surveillance.operations.registry import care_gaps, consents
from surveillance.operations.registry import patients as registry_patients
from surveillance.operations.registry.phones import readable
from surveillance.operations.visits import booking, outcomes, reports, result_tasks, results
from surveillance.operations.visits.result_tasks import NewTask
from surveillance.operations.work import Work
from surveillance.store.registry import patients
from surveillance.store.tables import Attempt, BoardAction, Inbound, OverrideKind, Patient
from surveillance.store.visits import obligations

DAY = timedelta(days=1)
OVERDUE_ANCHOR = date(2026, 6, 1)  # month 3 on 1 September, window to the 15th, cell to mid-October; month 6 is due


@pytest.fixture
def clinic(engine: sa.Engine) -> Clinic:
    return open_clinic(engine)


def listed(clinic: Clinic, work: Work, name: Worklist, wanted: Filter = Filter()) -> list[str]:  # noqa: B008
    found = worklist.rows(work, [clinic.site_id], name, wanted)
    assert worklist.counts(work, [clinic.site_id], wanted)[name] == len(found)
    return [row.mrn for row in found]


def only_row(clinic: Clinic, work: Work, name: Worklist) -> WorklistRow:
    (row,) = worklist.rows(work, [clinic.site_id], name)
    return row


# anchor, lists on 2026-11-23 of a patient enrolled at the anchor's third month
@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        (date(2026, 10, 1), Worklist.TO_ORDER),  # month 3 on 1 January: 39 days ahead
        (date(2026, 8, 25), Worklist.DUE),  # month 3 on 25 November
        (date(2026, 8, 1), Worklist.OVERDUE),  # month 3 on 1 November, window to the 15th
        (date(2026, 11, 1), None),  # month 3 on 1 February: nothing to do yet
    ],
)
def test_an_open_examination_is_on_one_list_and_leaves_it_when_booked(clinic, anchor, expected):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work, "A1", anchor, enrolled_on=anchor)
        lists = (Worklist.TO_ORDER, Worklist.DUE, Worklist.OVERDUE)
        assert [name for name in lists if listed(clinic, work, name)] == ([expected] if expected else [])
        if expected:
            row = only_row(clinic, work, expected)
            assert (row.what, row.owner, row.examination_id is not None) == (
                "MRI of the primary site, month 3",
                "",
                True,
            )
            clinic.book(work, patient, TODAY + 30 * DAY if expected is Worklist.TO_ORDER else TODAY + DAY)
            assert not any(listed(clinic, work, name) for name in lists)


def test_a_chain_of_missed_examinations_tells_since_when(clinic):
    with clinic.work() as work:
        clinic.enrolled(work, "A1", OVERDUE_ANCHOR, enrolled_on=OVERDUE_ANCHOR)
        row = only_row(clinic, work, Worklist.OVERDUE)
        assert (row.what, row.since, row.age) == ("MRI of the primary site, month 6", date(2026, 9, 16), 68)
        assert "missed too" in row.why


def test_a_visit_that_is_over_asks_for_its_outcome(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work, "A1", date(2026, 8, 25))
        clinic.book(work, patient, TODAY + DAY)
        assert listed(clinic, work, Worklist.OUTCOME_UNKNOWN) == []
    with clinic.work(START + 2 * DAY) as work:
        row = only_row(clinic, work, Worklist.OUTCOME_UNKNOWN)
        assert row.what == "visit of 2026-11-24: MRI of the primary site"
        visit = booking.by_id(work, row.appointment_id)
        outcomes.record(work, visit, [outcomes.OutcomeOf("mri_primary", Outcome.PERFORMED)])
        assert listed(clinic, work, Worklist.OUTCOME_UNKNOWN) == []


NO_CONSENT = registry_patients.NewContact(phone="+12025550123")
UNREADABLE = registry_patients.NewContact(phone="call the neighbour")


@pytest.mark.parametrize(
    ("contacts", "why"),
    [
        ([], "there is no contact"),
        ([UNREADABLE], "the phone number 'call the neighbour' cannot be read"),
        (
            [registry_patients.NewContact(name="Mother")],
            "there is no phone number, no email address and no postal address",
        ),
        ([NO_CONSENT], "nobody consented to messages, or consent was withdrawn"),
    ],
)
def test_who_cannot_be_reached_is_work_until_a_contact_is_added(clinic, contacts, why):
    with clinic.work() as work:
        patient = clinic.patient(work, "A1", contacts=contacts)
        assert listed(clinic, work, Worklist.UNREACHABLE) == []  # nobody without a plan is written to
        enrolment.enrol(work, patient, enrolment.Enrolment("asps-extremity", date(2026, 10, 1)))
        assert only_row(clinic, work, Worklist.UNREACHABLE).why == why
        new = registry_patients.NewContact(email="ann@example.org", consents=[Channel.EMAIL])
        registry_patients.add_contact(work, patient, new, priority=2)
        assert listed(clinic, work, Worklist.UNREACHABLE) == []


def test_an_opt_out_or_a_withdrawn_consent_makes_a_patient_unreachable(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work, "A1", date(2026, 10, 1))
        (contact,) = patients.contacts(work.session, patient.id)
        consents.opt_out(work, contact.phone, "reply STOP")
        assert only_row(clinic, work, Worklist.UNREACHABLE).why == "the phone number has opted out"
    with clinic.work(START + DAY) as work:
        consents.opt_in(work, contact.phone, "reply START")
        assert listed(clinic, work, Worklist.UNREACHABLE) == []
        (contact,) = patients.contacts(work.session, patient.id)
    with clinic.work(START + 2 * DAY) as work:
        consents.consent(work, contact, Channel.SMS, ConsentAct.WITHDRAWN, "by telephone")
        assert listed(clinic, work, Worklist.UNREACHABLE) == ["A1"]


@pytest.mark.parametrize("state", [ReminderState.TASK, ReminderState.FAILED])
def test_a_message_that_a_person_must_take_over_is_work_until_it_is_settled(clinic, state):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work, "A1", date(2026, 10, 1))
        row = clinic.reminder(work, patient, state=state, reason="the number is a landline")
        assert only_row(clinic, work, Worklist.UNREACHABLE).why == "the number is a landline"
        row.resolved_at = work.now
        work.session.flush()
        assert listed(clinic, work, Worklist.UNREACHABLE) == []


def test_a_message_in_doubt_is_work_once_the_service_stopped_looking(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work, "A1", date(2026, 10, 1))
        reminder = clinic.reminder(work, patient, state=ReminderState.CLAIMED)
        attempt = Attempt(
            site_id=clinic.site_id, reminder_id=reminder.id, ordinal=1, channel=Channel.SMS, to_address="+12025550123",
            body="text", language="en", transport="console", created_at=work.now, deadline_at=work.now,
            in_doubt_from=work.now,
        )  # fmt: skip
        work.session.add(attempt)
    with clinic.work(START + timedelta(minutes=9)) as work:
        assert listed(clinic, work, Worklist.IN_DOUBT) == []
    with clinic.work(START + timedelta(minutes=10)) as work:
        assert only_row(clinic, work, Worklist.IN_DOUBT).reminder_id == reminder.id
        row = work.session.get_one(Attempt, attempt.id)
        row.state, row.finished_at = AttemptState.ACCEPTED, work.now
        work.session.flush()
        assert listed(clinic, work, Worklist.IN_DOUBT) == []
        clinic.reminder(work, patient, key="other", state=ReminderState.IN_DOUBT)
        assert listed(clinic, work, Worklist.IN_DOUBT) == ["A1"]


def test_a_reply_waits_for_an_answer_and_shows_every_patient_with_that_number(clinic):
    with clinic.work() as work:
        phone = "+12025550156"
        contact = registry_patients.NewContact(phone=phone, consents=[Channel.SMS])
        for mrn in ("A1", "A2"):
            clinic.patient(work, mrn, contacts=[contact])
        reply = Inbound(provider_id="1", from_number=phone, to_number="+44", body="I am\nill", received_at=work.now)
        stranger = Inbound(provider_id="2", from_number="+441", to_number="+44", body="?", received_at=work.now)
        work.session.add_all([reply, stranger])
        work.session.flush()
        assert listed(clinic, work, Worklist.REPLIES) == ["A1", "A2", ""]
        assert (
            worklist.rows(work, [clinic.site_id], Worklist.REPLIES)[0].what
            == f"message from {readable(phone)}: “I am ill”"
        )
        reply.handled_at = stranger.handled_at = work.now
        work.session.flush()
        assert listed(clinic, work, Worklist.REPLIES) == []
        consents.pause_number(work, phone, "“leave me alone” may be an opt-out")
        assert listed(clinic, work, Worklist.REPLIES) == ["A1", "A2"]
        consents.opt_out(work, phone, "decided by a person")
        assert listed(clinic, work, Worklist.REPLIES) == []


def test_a_study_goes_from_report_to_review_to_next_action(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work, "A1", date(2026, 8, 25), enrolled_on=date(2026, 8, 25))
        (new,) = clinic.scanned(TODAY - 14 * DAY)
        study = results.add_study(work, patient, new)
        assert only_row(clinic, work, Worklist.NO_REPORT).study_id == study.id
        reports.report(work, study, TODAY)
        assert (listed(clinic, work, Worklist.NO_REPORT), listed(clinic, work, Worklist.NOT_REVIEWED)) == ([], ["A1"])
        reviews.sign(work, study, reviews.NewReview(TODAY, Result.SUSPICIOUS, "biopsy"))
        assert listed(clinic, work, Worklist.NOT_REVIEWED) == []
        assert only_row(clinic, work, Worklist.NO_NEXT_ACTION).next_action == "biopsy"
        following.act(work, study, TODAY, NewTask("biopsy", clinic.coordinator.user_id, TODAY + 3 * DAY))
        assert listed(clinic, work, Worklist.NO_NEXT_ACTION) == []


@pytest.mark.parametrize(("limit", "missed"), [(7, []), (6, ["A1"])])
def test_a_report_is_missed_after_the_days_of_its_site_and_never_of_scans_long_before_the_enrolment(
    clinic, limit, missed
):
    with clinic.work() as work:
        work.site(clinic.site_id).report_days = limit
        old, fresh = clinic.scanned(date(2026, 5, 1), TODAY - 6 * DAY)
        clinic.enrolled(work, "A1", date(2026, 2, 1), studies=[old, fresh])
        assert listed(clinic, work, Worklist.NO_REPORT) == missed


def test_each_step_of_a_study_is_late_by_the_limit_of_its_site(clinic):
    with clinic.work() as work:
        anchor = date(2026, 8, 25)
        patient, _ = clinic.enrolled(work, "A1", anchor, enrolled_on=anchor)
        (new,) = clinic.scanned(TODAY - 9 * DAY)
        study = results.add_study(work, patient, new)
        assert only_row(clinic, work, Worklist.NO_REPORT).why == "no report, 9 days after the study; 7 are the limit"
        reports.report(work, study, TODAY - 8 * DAY, ReportStatus.PRELIMINARY)
        why = "the report is preliminary, and no final one is there, 9 days after the study; 7 are the limit"
        assert only_row(clinic, work, Worklist.NO_REPORT).why == why
        assert listed(clinic, work, Worklist.NOT_REVIEWED) == []
        reports.report(work, study, TODAY - 8 * DAY)
        row = only_row(clinic, work, Worklist.NOT_REVIEWED)
        assert row.why == "the final report of 2026-11-15 waits for a clinician; 1 day past the limit of 7"
        reviews.sign(work, study, reviews.NewReview(TODAY - 5 * DAY, Result.CLEAR))
        row = only_row(clinic, work, Worklist.NOT_TOLD)
        assert row.why == "reviewed on 2026-11-18: clear; the patient does not know yet"
        work.site(clinic.site_id).told_days = 3
        assert only_row(clinic, work, Worklist.NOT_TOLD).why.endswith("; 2 days past the limit of 3")
        reports.tell(work, study, TODAY)
        assert sum(worklist.counts(work, [clinic.site_id]).values()) == 0


def test_a_cancelled_report_is_work_at_once(clinic):
    with clinic.work() as work:
        anchor = date(2026, 8, 25)
        patient, _ = clinic.enrolled(work, "A1", anchor, enrolled_on=anchor)
        (new,) = clinic.scanned(TODAY)
        study = results.add_study(work, patient, new)
        assert listed(clinic, work, Worklist.NO_REPORT) == []
        reports.report(work, study, TODAY, ReportStatus.CANCELLED)
        row = only_row(clinic, work, Worklist.NO_REPORT)
        assert (row.why, row.next_action.split(",")[0]) == ("the report was cancelled", "have it reported")


def test_an_inadequate_study_is_to_be_repeated_until_a_visit_for_it_is_booked_or_it_was_made(clinic):
    with clinic.work() as work:
        anchor = date(2026, 8, 25)
        patient, _ = clinic.enrolled(work, "A1", anchor, enrolled_on=anchor)
        (new,) = clinic.scanned(TODAY)
        study = reports.report(work, results.add_study(work, patient, new), TODAY)
        assert listed(clinic, work, Worklist.DUE) == []
        moved = reviews.NewReview(TODAY, Result.INADEQUATE, "moved", repeat_by=TODAY + 9 * DAY)
        reviews.sign(work, study, moved)
        row = only_row(clinic, work, Worklist.REPEAT_DUE)
        assert (row.study_id, row.since) == (study.id, TODAY)
        assert row.why == "the last study was inadequate; another one is wanted by 2026-12-02"
        assert (listed(clinic, work, Worklist.NO_NEXT_ACTION), listed(clinic, work, Worklist.DUE)) == ([], ["A1"])
        visit = clinic.book(work, patient, TODAY + DAY)
        assert listed(clinic, work, Worklist.REPEAT_DUE) == listed(clinic, work, Worklist.DUE) == []
        booking.cancel(work, visit, "scanner broken")
        assert listed(clinic, work, Worklist.REPEAT_DUE) == ["A1"]
    with clinic.work(START + 12 * DAY) as work:
        row = only_row(clinic, work, Worklist.REPEAT_DUE)
        assert (row.age, row.why.split("; ")[1]) == (3, "another one was wanted by 2026-12-02")
        patient = work.session.get_one(Patient, patient.id)
        results.add_study(work, patient, results.NewStudy(["mri_primary"], TODAY + 12 * DAY))
        assert listed(clinic, work, Worklist.REPEAT_DUE) == []


def test_a_task_of_a_result_is_its_owners_from_two_weeks_before_its_day(clinic):
    carl, may = clinic.coordinator.user_id, clinic.clinician.user_id
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work, "A1", date(2026, 8, 25), enrolled_on=date(2026, 8, 25))
        patient.owner_id = may
        (new,) = clinic.scanned(TODAY)
        study = reports.report(work, results.add_study(work, patient, new), TODAY)
        reviews.sign(work, study, reviews.NewReview(TODAY, Result.SUSPICIOUS, "biopsy"))
        following.act(work, study, TODAY, NewTask("biopsy of the nodule", carl, TODAY + 15 * DAY))
        assert listed(clinic, work, Worklist.RESULT_TASKS) == []
    with clinic.work(START + DAY) as work:
        row = only_row(clinic, work, Worklist.RESULT_TASKS)
        assert (row.what, row.owner, row.study_id) == ("biopsy of the nodule", "Carl Coordinator", study.id)
        assert listed(clinic, work, Worklist.RESULT_TASKS, Filter(owner=carl)) == ["A1"]
        assert listed(clinic, work, Worklist.RESULT_TASKS, Filter(owner=may)) == []
        (task,) = obligations.tasks(work.session, [study.id])
        result_tasks.settle(work, task, TODAY + DAY, "benign")
        assert listed(clinic, work, Worklist.RESULT_TASKS) == []


def test_a_clear_result_and_a_retracted_study_are_no_work(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work, "A1", date(2026, 8, 1), enrolled_on=date(2026, 8, 1))
        (new,) = clinic.scanned(date(2026, 11, 2))
        study = results.add_study(work, patient, new)
        lifecycle.retract(work, patient, study, "another patient's")
        assert listed(clinic, work, Worklist.NO_REPORT) == []
        again = results.add_study(work, patient, new)
        reviews.sign(work, reports.report(work, again, TODAY), reviews.NewReview(TODAY, Result.CLEAR))
        assert listed(clinic, work, Worklist.NO_NEXT_ACTION) == []


def test_a_study_that_came_too_early_is_a_conflict_until_somebody_rules_on_it(clinic):
    with clinic.work() as work:
        anchor = date(2026, 8, 1)
        patient, _ = clinic.enrolled(work, "A1", anchor, enrolled_on=anchor)
        (new,) = clinic.scanned(date(2026, 9, 20))  # 42 days before 1 November: more than two tolerances
        study = results.add_study(work, patient, new)
        row = only_row(clinic, work, Worklist.CONFLICTS)
        assert (row.study_id, row.since) == (study.id, date(2026, 9, 20))
        results.rule_on(work, patient, study, "mri_primary", counts=False, reason="done for pain")
        assert listed(clinic, work, Worklist.CONFLICTS) == []


def test_a_hold_is_shown_two_weeks_before_its_review(clinic):
    with clinic.work() as work:
        _, plan = clinic.enrolled(work, "A1", date(2026, 10, 1))
        hold = holds.hold(work, plan, holds.NewHold(HoldReason.AWAY, TODAY + 15 * DAY, TODAY))
        assert listed(clinic, work, Worklist.TO_ORDER) == []  # held
        assert listed(clinic, work, Worklist.HOLDS) == []
    with clinic.work(START + DAY) as work:
        row = only_row(clinic, work, Worklist.HOLDS)
        assert (row.what, row.next_action) == ("hold of the whole plan", "resume, or set the next review")
        plan, hold = preconditions.plan_of(work, plan.id), work.session.merge(hold)
        holds.review_hold(work, plan, hold, TODAY + 60 * DAY, "still abroad")
        assert listed(clinic, work, Worklist.HOLDS) == []
        holds.resume(work, plan, hold, TODAY + DAY)
        assert listed(clinic, work, Worklist.TO_ORDER) == ["A1"]


def test_a_skip_is_reviewed_and_goes_with_the_next_study_of_its_item(clinic):
    with clinic.work() as work:
        anchor = date(2026, 8, 25)
        patient, plan = clinic.enrolled(work, "A1", anchor, enrolled_on=anchor)
        skip = overrides.NewOverride(OverrideKind.SKIP, Key("mri_primary", 3), "had one elsewhere", TODAY + 10 * DAY)
        overrides.override(work, plan, skip)
        assert only_row(clinic, work, Worklist.HOLDS).what == "MRI of the primary site, month 3"
        assert listed(clinic, work, Worklist.DUE) == []
    with clinic.work(datetime(2027, 3, 1, 9, tzinfo=UTC)) as work:
        assert listed(clinic, work, Worklist.HOLDS) == ["A1"]
        patient = work.session.get_one(Patient, patient.id)
        results.add_study(work, patient, results.NewStudy(["mri_primary"], date(2027, 2, 25)))
        assert listed(clinic, work, Worklist.HOLDS) == []


def test_a_mid_way_patient_without_studies_is_asked_for_the_last_scan(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work, "A1", date(2025, 1, 1))
        assert only_row(clinic, work, Worklist.LAST_SCAN_UNKNOWN).since == TODAY
        assert listed(clinic, work, Worklist.CONFLICTS) == []
        (new,) = clinic.scanned(date(2026, 10, 3))
        results.add_study(work, patient, new)
        assert listed(clinic, work, Worklist.LAST_SCAN_UNKNOWN) == []


def test_nobody_is_without_a_plan_for_long(clinic):
    with clinic.work() as work:
        patient = clinic.patient(work, "A1")
        assert only_row(clinic, work, Worklist.WITHOUT_PLAN).why == "registered, but never enrolled"
        plan = enrolment.enrol(work, patient, enrolment.Enrolment("asps-extremity", date(2026, 10, 1)))
        assert listed(clinic, work, Worklist.WITHOUT_PLAN) == []
        lifecycle.end(work, plan, lifecycle.NewEnd(EndReason.TRANSFER, TODAY, "moved away"))
        assert listed(clinic, work, Worklist.WITHOUT_PLAN) == []
        plan.end_reason = EndReason.RESTARTED  # a restart that left no successor
        care_gaps.refresh(work, patient.id)
        assert listed(clinic, work, Worklist.WITHOUT_PLAN) == ["A1"]


def test_the_dead_are_on_no_list(clinic):
    with clinic.work() as work:
        patient, _plan = clinic.enrolled(work, "A1", date(2026, 8, 1), enrolled_on=date(2026, 8, 1))
        other = clinic.patient(work, "A2", contacts=[])
        clinic.reminder(work, patient, state=ReminderState.TASK)
        assert sum(worklist.counts(work, [clinic.site_id]).values()) == 3  # overdue, a task, without a plan
        for person in (patient, other):
            lifecycle.died(work, person, TODAY, "letter")
        assert sum(worklist.counts(work, [clinic.site_id]).values()) == 0


def test_a_restart_is_due_on_its_day(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work, "A1", date(2026, 8, 25), enrolled_on=date(2026, 8, 25))
        lifecycle.end(work, plan, lifecycle.NewEnd(EndReason.RECURRENCE, TODAY, restart_by=TODAY + 30 * DAY))
        assert sum(worklist.counts(work, [clinic.site_id]).values()) == 0
    with clinic.work(START + 30 * DAY) as work:
        assert only_row(clinic, work, Worklist.RESTART_DUE).since == TODAY + 30 * DAY
        patient = work.session.get_one(Patient, patient.id)
        enrolment.restart(work, patient, enrolment.Enrolment("asps-extremity", TODAY))
        assert listed(clinic, work, Worklist.RESTART_DUE) == []


# -- what a person does about a row ----------------------------------------------------------------------------


@pytest.fixture
def overdue_row(clinic: Clinic) -> WorklistRow:
    with clinic.work() as work:
        clinic.enrolled(work, "A1", date(2026, 8, 1), enrolled_on=date(2026, 8, 1))
        return only_row(clinic, work, Worklist.OVERDUE)


def test_a_call_hides_the_row_for_some_days_and_leaves_its_outcome(clinic, overdue_row):
    with clinic.work(actor=clinic.coordinator) as work:
        acts.act(work, overdue_row, WorklistAction.CALL, text="left a message")
        assert listed(clinic, work, Worklist.OVERDUE) == []
        assert listed(clinic, work, Worklist.OVERDUE, Filter(hidden=True)) == ["A1"]
    with clinic.work(START + acts.CONTACTED_DAYS * DAY) as work:
        assert only_row(clinic, work, Worklist.OVERDUE).note == "left a message"


def test_a_snooze_ends_on_its_day_or_when_it_is_taken_back(clinic, overdue_row):
    with clinic.work() as work:
        acts.act(work, overdue_row, WorklistAction.SNOOZE, until=TODAY + 9 * DAY, text="on holiday")
    for days, expected in ((8, []), (9, ["A1"])):
        with clinic.work(START + days * DAY) as work:
            assert listed(clinic, work, Worklist.OVERDUE) == expected
    with clinic.work(START + DAY) as work:
        acts.act(work, overdue_row, WorklistAction.SNOOZE, until=TODAY + DAY)
        assert listed(clinic, work, Worklist.OVERDUE) == ["A1"]


def test_a_snooze_of_one_list_does_not_hide_the_next_step_of_the_same_examination(clinic):
    with clinic.work() as work:
        clinic.enrolled(work, "A1", date(2026, 8, 25), enrolled_on=date(2026, 8, 25))
        acts.act(
            work, only_row(clinic, work, Worklist.DUE), WorklistAction.SNOOZE, until=TODAY + 30 * DAY, text="abroad"
        )
    with clinic.work(START + 20 * DAY) as work:
        assert listed(clinic, work, Worklist.OVERDUE) == ["A1"]


def test_an_assigned_row_is_its_new_owners(clinic, overdue_row):
    carl, may = clinic.coordinator.user_id, clinic.clinician.user_id
    with clinic.work() as work:
        patient = work.session.get_one(Patient, overdue_row.patient_id)
        patient.owner_id = may
        work.session.flush()
        assert listed(clinic, work, Worklist.OVERDUE, Filter(owner=may)) == ["A1"]
        acts.act(work, overdue_row, WorklistAction.ASSIGN, assigned_to=carl)
        assert listed(clinic, work, Worklist.OVERDUE, Filter(owner=may)) == []
        assert listed(clinic, work, Worklist.OVERDUE, Filter(owner=carl)) == ["A1"]
        assert only_row(clinic, work, Worklist.OVERDUE).owner == "Carl Coordinator"


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (WorklistAction.NOTE, {}, "needs a text"),
        (WorklistAction.CALL, {"text": "  "}, "needs a text"),
        (WorklistAction.SNOOZE, {}, "until which day"),
        (WorklistAction.SNOOZE, {"until": TODAY - DAY}, "is past"),
        (WorklistAction.ASSIGN, {}, "only somebody who works at GB1"),
        (WorklistAction.ASSIGN, {"assigned_to": uuid4()}, "only somebody who works at GB1"),
    ],
)
def test_an_action_without_its_content_is_refused(clinic, overdue_row, kind, values, message):
    with clinic.work() as work:
        with pytest.raises(InvalidInputError, match=message):
            acts.act(work, overdue_row, kind, **values)
        assert work.session.exec(select(BoardAction)).all() == []


def test_after_so_many_missed_visits_a_row_goes_to_the_clinician(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work, "A1", date(2026, 8, 25))
    for number in range(2):
        with clinic.work(START + 2 * number * DAY) as work:
            visit = clinic.book(work, work.session.get_one(Patient, patient.id), TODAY + (2 * number + 1) * DAY)
        with clinic.work(START + (2 * number + 1) * DAY) as work:
            visit = work.session.merge(visit)
            outcomes.record(work, visit, [outcomes.OutcomeOf("mri_primary", Outcome.NOSHOW)])
            row = only_row(clinic, work, Worklist.DUE)
            assert row.to_clinician is (number == 1)
    assert row.next_action == "a clinician decides how to go on: 2 visits were missed"


def test_a_row_is_found_by_its_key_and_by_nothing_else(clinic, overdue_row):
    with clinic.work() as work:
        assert worklist.find_row(work, [clinic.site_id], overdue_row.key).subject == overdue_row.subject
        with pytest.raises(NotFoundError, match="its work may be done"):
            worklist.find_row(work, [clinic.site_id], "due:" + overdue_row.subject)
        for wrong in ("overdue", "overdue:", "nothing:abc"):
            with pytest.raises(InvalidInputError, match="no row of the board"):
                worklist.find_row(work, [clinic.site_id], wrong)


def test_an_outsider_does_nothing_about_a_row(clinic, overdue_row):
    with clinic.work() as work:
        outsider = type(work.actor)(uuid4(), "outsider")
    with clinic.work(actor=outsider) as work, pytest.raises(ForbiddenError):
        acts.act(work, overdue_row, WorklistAction.NOTE, text="hello")


@pytest.mark.parametrize(("text", "found"), [("exam", ["A1", "B2"]), ("ANN b2", ["B2"]), ("a1", ["A1"]), ("zz", [])])
def test_rows_are_filtered_by_name_and_record_number(clinic: Clinic, text: str, found: list[str]) -> None:
    with clinic.work() as work:
        for mrn in ("A1", "B2"):
            clinic.patient(work, mrn)
        assert listed(clinic, work, Worklist.WITHOUT_PLAN, Filter(text=text)) == found


def test_each_site_is_read_on_its_own_day_and_apart(clinic: Clinic) -> None:
    lists: Callable[[Work, list], int] = lambda work, sites: sum(worklist.counts(work, sites).values())  # noqa: E731
    with clinic.work(datetime(2026, 11, 15, 12, tzinfo=UTC)) as work:
        clinic.enrolled(work, "A1", date(2026, 8, 1), enrolled_on=date(2026, 8, 1))  # overdue from 16 November
        assert listed(clinic, work, Worklist.OVERDUE) == []
        work.site(clinic.site_id).time_zone = "Pacific/Auckland"  # where it is the 16th already
        assert listed(clinic, work, Worklist.OVERDUE) == ["A1"]
        assert lists(work, []) == 0
