"""A result is an obligation: signed with what it asks for, carried on by a recorded fact, told again if it changes."""

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from clinic import CHEST, DAY, MRI, TODAY, Clinic, change, events, findings, row_of, rows
from sqlmodel import select

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError
from surveillance.core.schedule.examinations import FindingKind
from surveillance.core.words import EndReason, FollowUp, HoldReason, ReportStatus, Result
from surveillance.operations.board import worklist
from surveillance.operations.board.worklist import Worklist
from surveillance.operations.care import enrolment, following, holds, lifecycle, overrides, reviews
from surveillance.operations.care.following import Follow, GoOn, Link
from surveillance.operations.care.holds import NewHold
from surveillance.operations.care.lifecycle import NewEnd
from surveillance.operations.care.overrides import NewExtra
from surveillance.operations.care.reviews import NewReview
from surveillance.operations.proof import check
from surveillance.operations.visits import reports, result_tasks
from surveillance.operations.visits.result_tasks import NewTask
from surveillance.operations.work import Work
from surveillance.store.planning import plans
from surveillance.store.tables import ExtraExamination, Patient, Plan, PlanHold, ResultTask, Study, StudyFollowUp
from surveillance.store.visits import obligations

SIX_WEEKS = TODAY + timedelta(days=42)
HOLD = NewHold(HoldReason.TREATMENT, SIX_WEEKS, TODAY, note="chemotherapy")
END = NewEnd(EndReason.RECURRENCE, TODAY, "surgery", SIX_WEEKS)
EXTRA = NewExtra(CHEST, SIX_WEEKS, "repeat CT in six weeks")
GO_ON = GoOn("solitary, resected with the scan; tumour board of 20 November")


def reported(clinic: Clinic, work: Work, mrn: str = "001", *, day: date = TODAY) -> tuple[Patient, Plan, Study]:
    """A patient whose MRI was reported on ``day``; whoever works reviews it."""
    patient, plan = clinic.enrolled(clinic.by(work, clinic.grace), mrn)
    study = clinic.scan(clinic.by(work, clinic.grace), patient, day, MRI, reported_on=day)
    return patient, plan, study


def sign(work: Work, study: Study, result: Result, action: str = "", day: date = TODAY, **more: object) -> Study:
    return reviews.sign(work, study, NewReview(day, result, action, **more)).study


def follow_up(work: Work, study: Study) -> FollowUp | None:
    row = obligations.follow_up(work.session, study.id)
    return row.kind if row else None


def lists(clinic: Clinic, work: Work) -> set[Worklist]:
    """The lists about results that somebody is on."""
    counts = worklist.counts(work, [clinic.site_id])
    about = (
        *(Worklist.NO_REPORT, Worklist.NOT_REVIEWED, Worklist.NOT_TOLD, Worklist.NO_NEXT_ACTION),
        *(Worklist.RESULT_TASKS, Worklist.REPEAT_DUE),
    )
    return {name for name in about if counts[name]}


# -- the report's life -----------------------------------------------------------------------------------------


def test_the_facts_of_a_study_have_their_order_and_their_people(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        helen = clinic.by(work, clinic.helen)
        study = clinic.scan(work, patient, TODAY - 5 * DAY, MRI)
        with pytest.raises(InvalidInputError, match="before its review"):
            sign(helen, study, Result.CLEAR)
        with pytest.raises(InvalidInputError, match="must lie between"):
            reports.report(work, study, TODAY - 6 * DAY)
        reports.report(work, study, TODAY - 3 * DAY)
        with pytest.raises(InvalidInputError, match="must lie between 2026-11-20"):
            sign(helen, study, Result.CLEAR, day=TODAY - 4 * DAY)
        for actor in (clinic.grace, clinic.system):
            with pytest.raises(ForbiddenError):
                sign(clinic.by(work, actor), study, Result.CLEAR)
        with pytest.raises(InvalidInputError, match="reviews the result"):
            reports.tell(work, study, TODAY)
        sign(helen, study, Result.CLEAR, day=TODAY - DAY)
        reports.tell(work, study, TODAY)
        assert (study.reviewed_by, study.told_on) == (clinic.helen.user_id, TODAY)


def test_an_amended_report_may_come_after_the_review_and_asks_for_another_one_and_for_telling(clinic):
    with clinic.work(clinic.helen) as work:
        _, _, study = reported(clinic, work, day=TODAY - 4 * DAY)
        sign(work, study, Result.CLEAR, day=TODAY - 3 * DAY)
        reports.tell(work, study, TODAY - 2 * DAY)
        with pytest.raises(InvalidInputError, match="later than its review"):
            reports.report(work, study, TODAY - DAY)
        reports.report(work, study, TODAY - DAY, ReportStatus.AMENDED, "a second reader sees a nodule")
        assert (study.report_status, study.reported_on) == (ReportStatus.AMENDED, TODAY - 4 * DAY)
        assert lists(clinic, work) == {Worklist.NOT_REVIEWED}
        with pytest.raises(InvalidInputError, match="reviews the amended report before"):
            reports.tell(work, study, TODAY)
        sign(work, study, Result.CLEAR)  # what it says is the same, and yet the patient heard of another report
        assert (study.told_on, lists(clinic, work)) == (None, {Worklist.NOT_TOLD})
        (event, _), *_ = events(work, "study.report")
        assert event.reason == "a second reader sees a nodule"
        told = [(row.status, row.day, row.read_on) for row in obligations.versions(work.session, study.id)]
        assert told == [
            (ReportStatus.FINAL, TODAY - 4 * DAY, TODAY - 3 * DAY),
            (ReportStatus.AMENDED, TODAY - DAY, TODAY),
        ]


def test_a_preliminary_report_counts_for_nothing_unless_it_is_reviewed_as_such(clinic):
    with clinic.work(clinic.helen) as work:
        patient, _ = clinic.enrolled(work)
        study = clinic.scan(work, patient, TODAY - 9 * DAY, MRI)
        reports.report(work, study, TODAY - 9 * DAY, ReportStatus.PRELIMINARY)
        assert (study.reported_on, lists(clinic, work)) == (None, {Worklist.NO_REPORT})
        with pytest.raises(InvalidInputError, match="is preliminary: wait for the final one"):
            sign(work, study, Result.CLEAR)
        sign(work, study, Result.CLEAR, preliminary=True)
        reports.tell(work, study, TODAY)
        assert lists(clinic, work) == {Worklist.NO_REPORT}  # the final one is still to come
        reports.report(work, study, TODAY)
        assert (study.reported_on, lists(clinic, work)) == (TODAY, {Worklist.NOT_REVIEWED})
        sign(work, study, Result.CLEAR)
        assert (study.told_on, lists(clinic, work)) == (TODAY, set())


def test_a_version_that_was_recorded_wrongly_is_taken_back_unless_a_review_has_read_it(clinic):
    with clinic.work(clinic.helen) as work:
        patient, _, study = reported(clinic, work)
        sign(work, study, Result.CLEAR)
        reports.tell(work, study, TODAY)
        reports.report(work, study, TODAY, ReportStatus.CORRECTED)
        final, corrected = obligations.versions(work.session, study.id)
        with pytest.raises(ConflictError, match="was reviewed"):
            lifecycle.retract(work, patient, final, "wrong patient")
        lifecycle.retract(work, patient, corrected, "wrong patient")
        assert (study.report_status, study.to_review_since, study.told_on) == (ReportStatus.FINAL, None, TODAY)
        assert lists(clinic, work) == set()


def test_of_a_cancelled_report_only_an_inadequate_study_can_be_signed(clinic):
    with clinic.work(clinic.helen) as work:
        patient, _ = clinic.enrolled(work)
        study = clinic.scan(work, patient, TODAY, MRI)
        reports.report(work, study, TODAY, ReportStatus.CANCELLED)
        with pytest.raises(InvalidInputError, match="only be found inadequate"):
            sign(work, study, Result.CLEAR)
        sign(work, study, Result.INADEQUATE, repeat_by=SIX_WEEKS)
        assert study.result is Result.INADEQUATE


# -- what each result asks for ---------------------------------------------------------------------------------

REFUSED = {
    "nothing said about a doubt": ({"result": Result.INDETERMINATE}, "needs a next action"),
    "nothing said about a suspicion": ({"result": Result.SUSPICIOUS, "next_action": "  "}, "needs a next action"),
    "a recurrence with words alone": (
        {"result": Result.RECURRENCE, "next_action": "tumour board"},
        "needs a decision about the plan when it is signed",
    ),
    "a recurrence and a task": (
        {"result": Result.RECURRENCE, "follow": NewTask("tumour board", uuid4(), TODAY)},
        "not settled by “task”, but by extra examination, hold, end of the plan, restart, the plan goes on",
    ),
    "a recurrence goes on without a reason": (
        {"result": Result.RECURRENCE, "follow": GoOn(" ")},
        "to go on after a recurrence needs a reason",
    ),
    "an end without a day to restart by": (
        {"result": Result.RECURRENCE, "follow": NewEnd(EndReason.RECURRENCE, TODAY)},
        "say by when follow-up should restart",
    ),
    "a doubt goes on": ({"result": Result.INDETERMINATE, "follow": GO_ON}, "not settled by “the plan goes on”"),
    "inadequate without a day": ({"result": Result.INADEQUATE}, "say by when it is to be repeated"),
    "inadequate by a day that is past": (
        {"result": Result.INADEQUATE, "repeat_by": TODAY - DAY},
        "today .* or later",
    ),
    "inadequate and a hold": (
        {"result": Result.INADEQUATE, "repeat_by": SIX_WEEKS, "follow": HOLD},
        "follows an inadequate study is repeated",
    ),
    "clear and repeated": ({"result": Result.CLEAR, "repeat_by": SIX_WEEKS}, "only an inadequate study"),
    "clear and a hold": ({"result": Result.CLEAR, "follow": HOLD}, "from a result that is clear follows nothing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_result_is_not_signed_without_what_it_asks_for(sqlite_clinic, case):
    values, told = REFUSED[case]
    with sqlite_clinic.work(sqlite_clinic.helen) as work:
        _, plan, study = reported(sqlite_clinic, work)
        with pytest.raises(InvalidInputError, match=told), work.session.begin_nested():
            reviews.sign(work, study, NewReview(TODAY, **values))
        work.session.refresh(study)
        assert (study.reviewed_on, follow_up(work, study), plan.ended_on) == (None, None, None)


@pytest.mark.parametrize(
    ("follow", "kind"),
    [(HOLD, FollowUp.HOLD), (END, FollowUp.END), (EXTRA, FollowUp.EXTRA), (GO_ON, FollowUp.CONTINUE)],
    ids=lambda value: str(value) if isinstance(value, FollowUp) else "",
)
def test_a_recurrence_is_signed_with_its_decision_in_one_step(clinic, follow, kind):
    with clinic.work(clinic.helen) as work:
        patient, plan, study = reported(clinic, work)
        visit = clinic.book(work, patient, TODAY + 9 * DAY)
        if isinstance(follow, NewHold):
            with pytest.raises(ConflictError, match="keep or cancel"), work.session.begin_nested():
                sign(work, study, Result.RECURRENCE, follow=follow)
            follow = NewHold(HOLD.reason, HOLD.review_on, HOLD.start, cancel=[visit.id])
        found = reviews.sign(work, study, NewReview(TODAY, Result.RECURRENCE, "local, 3 cm", follow=follow))
        assert (follow_up(work, study), study.next_action_done_on) == (kind, TODAY)
        assert list(found.released) == ([visit] if kind in (FollowUp.HOLD, FollowUp.END) else [])
        assert lists(clinic, work) == {Worklist.NOT_TOLD}
        assert (plan.ended_on is not None) is (kind is FollowUp.END)
        assert len(plans.extras(work.session, plan.id)) == (kind is FollowUp.EXTRA)
        _, after, reason = change(work, "study.acted")
        assert after["follow_up"] == kind
        assert reason == (GO_ON.reason if kind is FollowUp.CONTINUE else "")


def test_a_second_study_of_one_recurrence_is_signed_with_the_end_that_the_first_one_led_to(clinic):
    with clinic.work(clinic.helen) as work:
        patient, plan, first = reported(clinic, work)
        second = clinic.scan(work, patient, TODAY, CHEST, reported_on=TODAY)
        sign(work, first, Result.RECURRENCE, follow=END)
        with pytest.raises(InvalidInputError, match="not settled by “hold”, but by end of the plan"):
            sign(work, second, Result.RECURRENCE, follow=HOLD)
        sign(work, second, Result.RECURRENCE, follow=Link(FollowUp.END, plan.id))
        assert [row.plan_id for row in work.session.exec(select(StudyFollowUp))] == [plan.id, plan.id]


def test_of_the_dead_nothing_is_asked(clinic):
    with clinic.work(clinic.helen) as work:
        patient, _, study = reported(clinic, work)
        lifecycle.died(work, patient, TODAY, "letter")
        sign(work, study, Result.RECURRENCE)
        assert lists(clinic, work) == set()


# -- acting ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("result", [Result.INDETERMINATE, Result.SUSPICIOUS])
def test_repeat_ct_in_six_weeks_is_an_examination_of_the_plan_and_not_a_tick(clinic, result):
    with clinic.work(clinic.helen) as work:
        _, plan, study = reported(clinic, work)
        sign(work, study, result, "repeat CT in six weeks")
        assert Worklist.NO_NEXT_ACTION in lists(clinic, work)
        following.act(clinic.by(work, clinic.grace), study, TODAY, EXTRA)
        assert (follow_up(work, study), study.next_action_done_on) == (FollowUp.EXTRA, TODAY)
        (extra,) = [row for row in rows(work, plan).values() if row.extra]
        assert (extra.item, extra.target, extra.open) == (CHEST, SIX_WEEKS, True)
        assert Worklist.NO_NEXT_ACTION not in lists(clinic, work)
        with pytest.raises(ConflictError, match="extra examination follows from this result already"):
            following.act(work, study, TODAY, HOLD)


def test_only_a_result_that_is_not_clear_is_acted_on_after_its_review(clinic):
    with clinic.work(clinic.helen) as work:
        _, _, study = reported(clinic, work, day=TODAY - DAY)
        with pytest.raises(InvalidInputError, match="reviews the result before something follows"):
            following.act(work, study, TODAY, EXTRA)
        sign(work, study, Result.CLEAR, "see you in three months")
        with pytest.raises(InvalidInputError, match="asks for no next action: a clear result"):
            following.act(work, study, TODAY, EXTRA)
        sign(work, study, Result.SUSPICIOUS, "biopsy")
        with pytest.raises(InvalidInputError, match="must lie between"):
            following.act(work, study, TODAY - DAY, EXTRA)
        with pytest.raises(ForbiddenError):
            following.act(clinic.by(work, clinic.oscar), study, TODAY, EXTRA)


def _extra(work: Work, plan: Plan) -> UUID:
    return overrides.extra(work, plan, EXTRA).id


def _end(work: Work, plan: Plan) -> UUID:
    lifecycle.end(work, plan, END)
    return plan.id


LINKS = {FollowUp.EXTRA: _extra, FollowUp.HOLD: lambda work, plan: holds.hold(work, plan, HOLD).id, FollowUp.END: _end}


@pytest.mark.parametrize("kind", LINKS)
def test_a_fact_is_linked_if_it_is_this_patients_and_no_older_than_the_review(clinic, kind):
    with clinic.work(clinic.helen) as work:
        _, plan, study = reported(clinic, work, day=TODAY - DAY)
        _, other, _ = reported(clinic, work, "002")
        sign(work, study, Result.SUSPICIOUS, "biopsy", day=TODAY)
        strange = LINKS[kind](work, other)
        for wrong in (strange, uuid4()):
            with pytest.raises(InvalidInputError, match="has no such"):
                following.act(work, study, TODAY, Link(kind, wrong))
        following.act(work, study, TODAY, Link(kind, LINKS[kind](work, plan)))
        assert follow_up(work, study) is kind


@pytest.mark.parametrize("kind", LINKS)
def test_what_was_there_before_the_review_does_not_follow_from_it(clinic, kind):
    with clinic.work(clinic.helen) as work:
        _, plan, study = reported(clinic, work)
        fact = LINKS[kind](work, plan)
    with clinic.work(clinic.helen, TODAY + DAY) as work:
        study = work.session.get_one(Study, study.id)
        sign(work, study, Result.SUSPICIOUS, "biopsy", day=TODAY + DAY)
        with pytest.raises(InvalidInputError, match="was there before the review of 2026-11-24"):
            following.act(work, study, TODAY + DAY, Link(kind, fact))


def test_a_plan_that_goes_on_is_no_end_and_a_first_one_no_restart(clinic):
    with clinic.work(clinic.helen) as work:
        patient, plan, study = reported(clinic, work)
        sign(work, study, Result.SUSPICIOUS, "biopsy")
        for kind in (FollowUp.END, FollowUp.RESTART):
            with pytest.raises(InvalidInputError, match="this plan is no"):
                following.act(work, study, TODAY, Link(kind, plan.id))
        again = enrolment.restart(work, patient, enrolment.Enrolment("asps-extremity", TODAY, reason="re-resection"))
        following.act(work, study, TODAY, Link(FollowUp.RESTART, again.id))
        assert follow_up(work, study) is FollowUp.RESTART


def test_a_recurrence_that_waits_for_its_decision_is_decided_by_a_clinician(clinic):
    with clinic.work(clinic.helen) as work:
        patient, _, study = reported(clinic, work)
        sign(work, study, Result.RECURRENCE, follow=HOLD)
        (hold,) = work.session.exec(select(PlanHold))
        lifecycle.retract(work, patient, hold, "wrong patient")
        assert lists(clinic, work) == {Worklist.NO_NEXT_ACTION, Worklist.NOT_TOLD}
        with pytest.raises(ForbiddenError):
            following.act(clinic.by(work, clinic.grace), study, TODAY, EXTRA)
        following.act(work, study, TODAY, GO_ON)
        assert follow_up(work, study) is FollowUp.CONTINUE


# -- when what followed is gone --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("follow", "table"),
    [(EXTRA, ExtraExamination), (HOLD, PlanHold), ("task", ResultTask)],
    ids=["extra", "hold", "task"],
)
def test_a_fact_that_is_taken_back_leaves_the_result_open_again(clinic, follow, table):
    with clinic.work(clinic.helen) as work:
        patient, _, study = reported(clinic, work)
        sign(work, study, Result.SUSPICIOUS, "biopsy")
        given: Follow = NewTask("biopsy", clinic.grace.user_id, TODAY) if follow == "task" else follow
        following.act(work, study, TODAY, given)
        assert Worklist.NO_NEXT_ACTION not in lists(clinic, work)
        (row,) = work.session.exec(select(table))
        lifecycle.retract(work, patient, row, "another patient's")
        assert (follow_up(work, study), study.next_action_done_on) == (None, None)
        assert lists(clinic, work) == {Worklist.NO_NEXT_ACTION, Worklist.NOT_TOLD}
        assert change(work, "study.reopen")[2].endswith("was taken back: another patient's")
        assert check.check(clinic.by(work, clinic.system)) == []


def test_an_end_that_is_taken_back_leaves_the_recurrence_undecided(clinic):
    with clinic.work(clinic.helen) as work:
        _, plan, study = reported(clinic, work)
        sign(work, study, Result.RECURRENCE, follow=END)
        lifecycle.reopen(work, plan, "another patient's")
        assert (follow_up(work, study), obligations.undecided(work.session, plan.patient_id)) == (None, True)


def test_with_a_study_go_the_tasks_that_came_of_it(clinic):
    with clinic.work(clinic.helen) as work:
        patient, _, study = reported(clinic, work)
        sign(work, study, Result.SUSPICIOUS, "biopsy")
        following.act(work, study, TODAY, NewTask("biopsy", clinic.grace.user_id, TODAY))
        assert Worklist.RESULT_TASKS in lists(clinic, work)
        lifecycle.retract(work, patient, study, "another patient's")
        assert lists(clinic, work) == set()
        assert obligations.of_patient(work.session, patient.id) == []


# -- reviewing again -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "action", "again"),
    [
        (Result.SUSPICIOUS, "biopsy", False),
        (Result.SUSPICIOUS, "repeat MRI", True),  # the same word means something else now
        (Result.INDETERMINATE, "biopsy", True),
        (Result.CLEAR, "", True),
    ],
)
def test_another_result_or_meaning_asks_for_telling_and_for_the_next_action_again(clinic, result, action, again):
    with clinic.work(clinic.helen) as work:
        _, _, study = reported(clinic, work)
        sign(work, study, Result.SUSPICIOUS, "biopsy")
        following.act(work, study, TODAY, NewTask("biopsy", clinic.grace.user_id, SIX_WEEKS))
        reports.tell(work, study, TODAY)
        assert lists(clinic, work) == set()
        sign(work, study, result, action)
        wanted = {Worklist.NOT_TOLD} | ({Worklist.NO_NEXT_ACTION} if result is not Result.CLEAR else set())
        assert lists(clinic, work) == (wanted if again else set())


def test_a_clear_result_that_is_suspicious_after_all_is_told_and_acted_on(clinic):
    with clinic.work(clinic.helen) as work:
        _, _, study = reported(clinic, work)
        sign(work, study, Result.CLEAR)
        reports.tell(work, study, TODAY)
        sign(work, study, Result.SUSPICIOUS, "biopsy")
        assert study.told_on is None
        before, after, _ = change(work, "study.review")
        assert (before["result"], after["result"], before["told_on"]) == ("clear", "suspicious", str(TODAY))
        assert lists(clinic, work) == {Worklist.NOT_TOLD, Worklist.NO_NEXT_ACTION}


def test_a_recurrence_that_an_amended_report_confirms_keeps_its_decision(clinic):
    with clinic.work(clinic.helen) as work:
        _, plan, study = reported(clinic, work)
        sign(work, study, Result.RECURRENCE, "3 cm", follow=EXTRA)
        (extra,) = plans.extras(work.session, plan.id)
    with clinic.work(clinic.helen, TODAY + DAY) as work:
        study = work.session.get_one(Study, study.id)
        reports.report(work, study, TODAY + DAY, ReportStatus.AMENDED)
        sign(work, study, Result.RECURRENCE, "3 cm", day=TODAY + DAY)
        assert follow_up(work, study) is FollowUp.EXTRA
        with pytest.raises(InvalidInputError, match="needs a decision"):
            sign(work, study, Result.RECURRENCE, "3 cm and a nodule", day=TODAY + DAY)
        link = Link(FollowUp.EXTRA, extra.id)  # it carried the study on before
        sign(work, study, Result.RECURRENCE, "3 cm and a nodule", day=TODAY + DAY, follow=link)
        assert (follow_up(work, study), study.told_on) == (FollowUp.EXTRA, None)


# -- inadequate ------------------------------------------------------------------------------------------------


def test_an_inadequate_study_leaves_its_examination_open_until_another_one_is_made(clinic):
    with clinic.work(clinic.helen) as work:
        patient, plan, study = reported(clinic, work)
        assert row_of(work, plan, MRI, 3).study == str(study.id)
        sign(work, study, Result.INADEQUATE, "moved", repeat_by=TODAY + 5 * DAY)
        assert (row_of(work, plan, MRI, 3).study, row_of(work, plan, MRI, 3).open) == (None, True)
        assert findings(work, plan) == {FindingKind.REPEAT_WANTED}
        assert (follow_up(work, study), study.next_action_done_on) == (FollowUp.REPEAT, TODAY)
        with pytest.raises(InvalidInputError, match="its repeat settles it"):
            following.act(work, study, TODAY, EXTRA)
    with clinic.work(clinic.helen, TODAY + 3 * DAY) as work:
        patient, plan = work.session.get_one(Patient, patient.id), work.session.get_one(Plan, plan.id)
        again = clinic.scan(work, patient, TODAY + 3 * DAY, MRI)
        assert (row_of(work, plan, MRI, 3).study, findings(work, plan)) == (str(again.id), set())
        reports.report(work, again, TODAY + 3 * DAY)
        sign(work, again, Result.INADEQUATE, day=TODAY + 3 * DAY, repeat_by=TODAY + 9 * DAY)
        assert findings(work, plan) == {FindingKind.REPEAT_WANTED}
        study = work.session.get_one(Study, study.id)
        sign(work, study, Result.CLEAR, day=TODAY + 3 * DAY)  # a second reader finds the first one good enough
        assert row_of(work, plan, MRI, 3).study == str(study.id)


def test_without_a_plan_the_repeat_is_a_task_of_who_signed(clinic):
    with clinic.work(clinic.helen) as work:
        _, plan, study = reported(clinic, work)
        lifecycle.end(work, plan, NewEnd(EndReason.TRANSFER, TODAY, "moved away"))
        sign(work, study, Result.INADEQUATE, repeat_by=TODAY + 5 * DAY)
        (task,) = obligations.tasks(work.session, [study.id])
        assert (task.due_on, task.owner_id) == (TODAY + 5 * DAY, clinic.helen.user_id)
        assert Worklist.RESULT_TASKS in lists(clinic, work)


# -- tasks -----------------------------------------------------------------------------------------------------


def test_a_task_has_an_owner_who_may_act_here_and_a_day_and_is_done_once_with_what_came_of_it(clinic):
    with clinic.work(clinic.helen) as work:
        _, _, study = reported(clinic, work)
        sign(work, study, Result.SUSPICIOUS, "biopsy")
        for new, told in (
            (NewTask(" ", clinic.grace.user_id, TODAY), "say what is to be done"),
            (NewTask("biopsy", clinic.oscar.user_id, TODAY), "coordinator's or a clinician's who works at DC1"),
            (NewTask("biopsy", clinic.ada.user_id, TODAY), "coordinator's or a clinician's"),
            (NewTask("biopsy", uuid4(), TODAY), "coordinator's or a clinician's"),
            (NewTask("biopsy", clinic.grace.user_id, TODAY - DAY), "due today"),
            (NewTask("biopsy", clinic.grace.user_id, date(2066, 1, 1)), "check the year"),
        ):
            with pytest.raises(InvalidInputError, match=told), work.session.begin_nested():
                following.act(work, study, TODAY, new)
        following.act(work, study, TODAY, NewTask(" biopsy ", clinic.grace.user_id, TODAY + DAY))
        (task,) = obligations.tasks(work.session, [study.id])
        assert (task.what, task.owner_id) == ("biopsy", clinic.grace.user_id)
        with pytest.raises(InvalidInputError, match="what came of the task"):
            result_tasks.settle(work, task, TODAY, " ")
        with pytest.raises(InvalidInputError, match="must lie between"):
            result_tasks.settle(work, task, TODAY + DAY, "benign")
        result_tasks.settle(clinic.by(work, clinic.grace), task, TODAY, "benign")
        assert (task.done_by, change(work, "result_task.done")[1]["outcome"]) == (clinic.grace.user_id, "benign")
        with pytest.raises(ConflictError, match="was done on 2026-11-23: benign"):
            result_tasks.settle(work, task, TODAY, "again")
