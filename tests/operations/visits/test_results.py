"""What became of visits, and the way of a study: performed, reported, reviewed, told (design section 5)."""

from datetime import date

import pytest
from clinic import ANCHOR, CHEST, DAY, MRI, TODAY, change, events, findings, months, row_of
from sqlmodel import select

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from surveillance.core.schedule.examinations import FindingKind, Key
from surveillance.core.words import AppointmentState, Outcome, Result
from surveillance.operations.care import lifecycle
from surveillance.operations.visits import booking, results
from surveillance.operations.visits import outcomes as visits_outcomes
from surveillance.operations.visits.outcomes import OutcomeOf
from surveillance.store.tables import Study
from surveillance.store.visits import studies as store

DONE = Outcome.PERFORMED


# -- outcomes --------------------------------------------------------------------------------------------------


def test_examinations_of_one_accession_number_are_one_study(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, TODAY)
        (study,) = visits_outcomes.record(
            work, visit, [OutcomeOf(item, DONE, accession=" A1 ") for item in (MRI, CHEST)]
        )
        assert sorted(store.items(work.session, study.id)) == [CHEST, MRI]
        assert study.accession == "A1"
        assert visit.state is AppointmentState.FULFILLED
        assert row_of(work, plan, MRI, 3).study == row_of(work, plan, CHEST, 3).study == str(study.id)


def test_an_examination_that_is_recorded_later_joins_the_study_of_its_number(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        known = clinic.scan(work, patient, TODAY, MRI, accession="A1", source="fhir")
        visit = clinic.book(work, patient, TODAY, Key(CHEST, 3))
        assert visits_outcomes.record(work, visit, [OutcomeOf(CHEST, DONE, accession="A1")]) == [known]
        assert known.appointment_id == visit.id
        assert change(work, "study.serve")[1]["items"] == [CHEST, MRI]
        assert len(list(work.session.exec(select(Study)))) == 1


def test_an_accession_number_is_one_patients_and_has_one_day(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        other, _ = clinic.enrolled(work, "002")
        clinic.scan(work, other, TODAY, MRI, accession="A1")
        with pytest.raises(ConflictError, match="recorded for MRN 002 already"):
            clinic.scan(work, patient, TODAY, MRI, accession="A1")
        visit = clinic.book(work, patient, TODAY)
        days = [OutcomeOf(MRI, DONE, "", "B1", TODAY), OutcomeOf(CHEST, DONE, "", "B1", TODAY - DAY)]
        with pytest.raises(InvalidInputError, match="cannot have two days"), work.session.begin_nested():
            visits_outcomes.record(work, visit, days)


def test_the_outcome_is_each_examinations_own(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, TODAY)
        visits_outcomes.record(work, visit, [OutcomeOf(MRI, DONE)])
        assert visit.state is AppointmentState.BOOKED
        with pytest.raises(ConflictError, match="recorded as performed already"):
            visits_outcomes.record(work, visit, [OutcomeOf(MRI, Outcome.NOSHOW)])
        with pytest.raises(InvalidInputError, match="say why"), work.session.begin_nested():
            visits_outcomes.record(work, visit, [OutcomeOf(CHEST, Outcome.NOT_DONE)])
        visits_outcomes.record(work, visit, [OutcomeOf(CHEST, Outcome.NOT_DONE, "scanner broken")])
        assert visit.state is AppointmentState.FULFILLED
        assert row_of(work, plan, CHEST, 3).booking is None
        assert change(work, "visit.not_done")[2] == "scanner broken"
        clinic.book(work, patient, TODAY + DAY, Key(CHEST, 3))


def test_a_no_show_is_unbooked_at_once_and_taken_back_with_a_reason(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, TODAY)
        visits_outcomes.record(work, visit, [OutcomeOf(item, Outcome.NOSHOW) for item in (MRI, CHEST)])
        assert visit.state is AppointmentState.NOSHOW
        assert row_of(work, plan, MRI, 3).booking is None
        with pytest.raises(InvalidInputError, match="reason"):
            visits_outcomes.reopen(work, visit, MRI, "")
        visits_outcomes.reopen(work, visit, MRI, "was in the other waiting room")
        assert months(work, visit) == {MRI: 3}
        assert row_of(work, plan, MRI, 3).booking == str(visit.id)
        with pytest.raises(ConflictError, match="no outcome"):
            visits_outcomes.reopen(work, visit, MRI, "again")
        visits_outcomes.record(work, visit, [OutcomeOf(MRI, DONE)])
        with pytest.raises(ConflictError, match="retract its study"):
            visits_outcomes.reopen(work, visit, MRI, "not done after all")


def test_a_cancelled_visit_comes_back_only_while_nothing_else_is_booked(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        visit = clinic.book(work, patient, date(2026, 12, 1), Key(MRI, 3))
        booking.cancel(work, visit, "ill")
        other = clinic.book(work, patient, date(2026, 12, 3), Key(MRI, 3))
        with pytest.raises(ConflictError, match="is booked for 2026-12-03"):
            visits_outcomes.reopen(work, visit, MRI, "well again")
        booking.cancel(work, other, "well again")
        visits_outcomes.reopen(work, visit, MRI, "well again")
        assert visit.state is AppointmentState.BOOKED


REFUSED = {
    "nothing": ([], InvalidInputError, "at least one"),
    "unknown item": ([OutcomeOf("spleen", DONE)], NotFoundError, "spleen"),
    "done tomorrow": ([OutcomeOf(MRI, DONE, performed_on=TODAY + DAY)], InvalidInputError, "after today"),
    "called off": ([OutcomeOf(MRI, Outcome.CANCELLED)], InvalidInputError, "say why"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_outcome_that_cannot_be_is_refused(sqlite_clinic, case):
    outcomes, error, told = REFUSED[case]
    with sqlite_clinic.work() as work:
        patient, _ = sqlite_clinic.enrolled(work)
        visit = sqlite_clinic.book(work, patient, TODAY)
        with pytest.raises(error, match=told), work.session.begin_nested():
            visits_outcomes.record(work, visit, outcomes)


def test_a_visit_to_come_has_no_outcome(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        visit = clinic.book(work, patient, TODAY + DAY)
        with pytest.raises(InvalidInputError, match="still to come"):
            visits_outcomes.record(work, visit, [OutcomeOf(MRI, DONE)])
        with pytest.raises(ForbiddenError):
            visits_outcomes.record(clinic.by(work, clinic.oscar), visit, [OutcomeOf(MRI, DONE)])


# -- studies ---------------------------------------------------------------------------------------------------


def test_a_study_is_of_this_patient_in_life_and_of_a_visit_of_its_own(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        other, _ = clinic.enrolled(work, "002")
        visit = clinic.book(work, other, TODAY)
        for values, told in (
            ({"day": TODAY + DAY}, "after today"),
            ({"day": date(2000, 1, 1)}, "before birth"),
            ({"items": ("spleen",)}, "no item spleen"),
            ({"reported_on": TODAY - DAY}, "between study and today"),
            ({"appointment_id": visit.id}, "no booked visit"),
        ):
            fields = {"day": TODAY} | values
            day, items = fields.pop("day"), fields.pop("items", (MRI,))
            with pytest.raises(InvalidInputError, match=told):
                clinic.scan(work, patient, day, *items, **fields)


def test_the_four_facts_of_a_study_have_their_order_and_their_people(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        helen = clinic.by(work, clinic.helen)
        study = clinic.scan(work, patient, TODAY - 5 * DAY, MRI)
        with pytest.raises(InvalidInputError, match="before its review"):
            results.review(helen, study, TODAY, Result.CLEAR)
        with pytest.raises(InvalidInputError, match="must lie between"):
            results.report(work, study, TODAY - 6 * DAY)
        results.report(work, study, TODAY - 3 * DAY)
        with pytest.raises(ForbiddenError):
            results.review(work, study, TODAY, Result.CLEAR)
        with pytest.raises(InvalidInputError, match="needs a next action"):
            results.review(helen, study, TODAY, Result.SUSPICIOUS)
        with pytest.raises(InvalidInputError, match="reviews the result"):
            results.tell(work, study, TODAY)
        results.review(helen, study, TODAY - DAY, Result.CLEAR)
        results.tell(work, study, TODAY)
        with pytest.raises(InvalidInputError, match="no next action"):
            results.act(work, study, TODAY)
        with pytest.raises(InvalidInputError, match="later than its review"):
            results.report(work, study, TODAY)
        assert (study.reviewed_by, study.told_on) == (clinic.helen.user_id, TODAY)


def test_who_was_told_another_result_is_to_be_told_again(clinic):
    with clinic.work(clinic.helen) as work:
        patient, _ = clinic.enrolled(work)
        study = clinic.scan(work, patient, TODAY, MRI, reported_on=TODAY)
        results.tell(work, results.review(work, study, TODAY, Result.CLEAR), TODAY)
        results.review(work, study, TODAY, Result.SUSPICIOUS, "biopsy")
        assert study.told_on is None
        before, after, _ = change(work, "study.review")
        assert (before["result"], after["result"], before["told_on"]) == ("clear", "suspicious", str(TODAY))
        results.act(work, study, TODAY)
        assert study.next_action_done_on == TODAY


def test_a_retracted_study_takes_no_further_facts(clinic):
    with clinic.work(clinic.helen) as work:
        patient, _ = clinic.enrolled(work)
        study = clinic.scan(work, patient, TODAY, MRI, accession="A1")
        lifecycle.retract(work, patient, study, "another patient's")
        with pytest.raises(ConflictError, match="was retracted"):
            results.report(work, study, TODAY)
        with pytest.raises(InvalidInputError, match="no such study"):
            results.rule_on(work, patient, study, MRI, counts=True, reason="why")
        assert clinic.scan(work, patient, TODAY, MRI, accession="A1").id != study.id


def test_a_person_rules_on_an_early_study_and_the_last_word_counts(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work, enrolled_on=ANCHOR)
        study = clinic.scan(work, patient, date(2026, 10, 20), MRI)
        assert findings(work, plan) == {FindingKind.STUDY_EARLY}
        with pytest.raises(InvalidInputError, match="does not serve"):
            results.rule_on(work, patient, study, CHEST, counts=True, reason="why")
        first = results.rule_on(work, patient, study, MRI, counts=True, reason="moved forward by the surgeon")
        assert row_of(work, plan, MRI, 3).study == str(study.id)
        work.now += DAY
        second = results.rule_on(work, patient, study, MRI, counts=False, reason="done for pain")
        assert row_of(work, plan, MRI, 3).study is None
        lifecycle.retract(work, patient, second, "was right at first")
        assert row_of(work, plan, MRI, 3).study == str(study.id)
        lifecycle.retract(work, patient, first, "ask again")
        assert findings(work, plan) == {FindingKind.STUDY_EARLY}
        assert len(events(work, "study.rule")) == 2
