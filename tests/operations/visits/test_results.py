"""What became of visits, and the way of a study: performed, reported, reviewed, told (design section 5)."""

from datetime import date

import pytest
from clinic import ANCHOR, BRAIN, CHEST, DAY, MRI, TODAY, change, events, findings, months, row_of
from sqlmodel import select

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from surveillance.core.schedule.examinations import FindingKind, Key
from surveillance.core.words import AppointmentState, Outcome
from surveillance.operations.care import lifecycle
from surveillance.operations.visits import booking, reports, results
from surveillance.operations.visits import outcomes as visits_outcomes
from surveillance.operations.visits.outcomes import OutcomeOf
from surveillance.store.tables import Override, OverrideKind, Study
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


def test_a_retracted_study_takes_no_further_facts(clinic):
    with clinic.work(clinic.helen) as work:
        patient, _ = clinic.enrolled(work)
        study = clinic.scan(work, patient, TODAY, MRI, accession="A1")
        lifecycle.retract(work, patient, study, "another patient's")
        with pytest.raises(ConflictError, match="was retracted"):
            reports.report(work, study, TODAY)
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


# -- modality and region -----------------------------------------------------------------------------------------


MISFITS = {
    "an X-ray for the MRI": (MRI, {"modality": "CR"}, "CR does not count for mri_primary, which asks for MR"),
    "an MRI for the chest": (CHEST, {"modality": "mr"}, "MR does not count for chest_imaging, which asks for CT or CR"),
    "a CT of the head for the chest": (
        CHEST,
        {"modality": "CT", "body_region": "HEAD"},
        "a study of the region HEAD does not count for chest_imaging, which asks for the chest",
    ),
    "an MRI of the brain for that of the tumour": (
        MRI,
        {"modality": "MR", "body_region": "BRAIN"},
        "a study of the region BRAIN does not count for mri_primary, which asks for the primary site",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_a_study_counts_for_no_item_that_it_does_not_fit_unless_a_clinician_rules_so(sqlite_clinic, case):
    item, fields, told = MISFITS[case]
    with sqlite_clinic.work() as work:
        patient, plan = sqlite_clinic.enrolled(work)
        with pytest.raises(InvalidInputError, match=told) as refused:
            sqlite_clinic.scan(work, patient, TODAY, item, **fields)
        assert "a clinician may rule with a reason" in str(refused.value)
        with pytest.raises(ForbiddenError):
            sqlite_clinic.scan(work, patient, TODAY, item, ruling="it shows the same", **fields)
        assert row_of(work, plan, item, 3).study is None
        helen = sqlite_clinic.by(work, sqlite_clinic.helen)
        study = sqlite_clinic.scan(helen, patient, TODAY, item, ruling=" it shows the same ", **fields)
        assert row_of(work, plan, item, 3).study == str(study.id)
        assert change(work, "examination.fits")[2] == "it shows the same"
        (word,) = work.session.exec(select(Override))
        assert (word.kind, word.item, word.study_id) == (OverrideKind.FITS, item, study.id)
        with pytest.raises(ConflictError, match="stands with its study"):
            lifecycle.retract(work, patient, word, "no")
        lifecycle.retract(work, patient, study, "was another patient's")
        assert row_of(work, plan, item, 3).study is None


FITS = {
    "nothing is said": (CHEST, {}),
    "a plain X-ray of the chest": (CHEST, {"modality": "DX", "body_region": "CHEST"}),
    "a CT of chest and abdomen": (CHEST, {"modality": "CT", "body_region": "CHESTABDPELVIS"}),
    "a PET-CT": (CHEST, {"modality": "CT\\PT", "body_region": "Thorax"}),
    "an MRI of a limb": (MRI, {"modality": "MR", "body_region": "THIGH"}),
    "an MRI of a tumour of the chest wall": (MRI, {"modality": "MR", "body_region": "CHEST"}),
    "an MRI of the head for the brain": (BRAIN, {"modality": "MR", "body_region": "Head"}),
}


@pytest.mark.parametrize("case", FITS)
def test_a_study_that_fits_or_of_which_nobody_said_anything_counts(sqlite_clinic, case):
    item, fields = FITS[case]
    with sqlite_clinic.work() as work:
        patient, _ = sqlite_clinic.enrolled(work)
        study = sqlite_clinic.scan(work, patient, TODAY, item, **fields)
        assert study.modality_stated is bool(fields)
        assert events(work, "examination.fits") == []


def test_the_outcome_of_a_visit_is_refused_as_a_study_of_another_modality_is(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, TODAY)
        for wrong in (
            [OutcomeOf(MRI, DONE, modality="DX")],
            [OutcomeOf(MRI, DONE, modality="DX", accession="A1"), OutcomeOf(CHEST, DONE, accession="A1")],
        ):
            with (
                pytest.raises(InvalidInputError, match="DX does not count for mri_primary"),
                work.session.begin_nested(),
            ):
                visits_outcomes.record(work, visit, wrong)
        both = [
            OutcomeOf(MRI, DONE, modality="MR", accession="B1"),
            OutcomeOf(CHEST, DONE, modality="CT", accession="B1"),
        ]
        (study,) = visits_outcomes.record(work, visit, both)
        assert study.modality == "MR+CT"
        assert row_of(work, plan, MRI, 3).study == row_of(work, plan, CHEST, 3).study == str(study.id)


def test_a_study_that_is_on_record_proves_no_examination_that_it_does_not_fit(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        clinic.scan(work, patient, TODAY, CHEST, modality="CR", accession="A1", source="fhir")
        visit = clinic.book(work, patient, TODAY, Key(MRI, 3))
        done = [OutcomeOf(MRI, DONE, accession="A1")]
        with pytest.raises(InvalidInputError, match="CR does not count for mri_primary"), work.session.begin_nested():
            visits_outcomes.record(work, visit, done)
        work.session.refresh(visit)
        assert row_of(work, plan, MRI, 3).booking == str(visit.id)
