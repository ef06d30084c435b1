"""A study's own page: the life of its report, what a clinician signs, what follows from it, and its tasks."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import col, select
from staff import HERE, NOW, Staffed, Visitor

from surveillance.core.words import FollowUp, Outcome, Result
from surveillance.operations.accounts import users
from surveillance.operations.registry import sites
from surveillance.operations.visits import booking, results
from surveillance.operations.visits.booking import Visit
from surveillance.operations.work import Work
from surveillance.store.planning import plans
from surveillance.store.tables import (
    Appointment,
    ExtraExamination,
    Override,
    Patient,
    Place,
    Plan,
    PlanHold,
    ResultTask,
    Study,
    StudyFollowUp,
)
from surveillance.store.visits import obligations

TODAY = NOW.date()
LATER = TODAY + timedelta(days=42)
MRN = "000102"  # followed without a gap


@pytest.fixture
def address(staffed: Staffed) -> str:
    """An MRI of yesterday, reported, that nobody has reviewed."""

    def add(work: Work) -> UUID:
        patient = work.session.exec(select(Patient).where(Patient.mrn == MRN)).one()
        day = TODAY - timedelta(days=1)
        return results.add_study(work, patient, results.NewStudy(["mri_primary"], day, reported_on=day)).id

    return f"/patients/{staffed.patient_id(MRN)}/studies/{staffed.do(add, 'grace')}"


def study_at(clinic: Staffed, address: str) -> Study:
    return clinic.look(lambda work: work.session.get_one(Study, UUID(address.rsplit("/", 1)[1])))


def followed(clinic: Staffed, address: str) -> StudyFollowUp | None:
    return clinic.look(lambda work: obligations.follow_up(work.session, study_at(clinic, address).id))


def book(clinic: Staffed) -> Appointment:
    def make(work: Work) -> Appointment:
        patient = work.session.exec(select(Patient).where(Patient.mrn == MRN)).one()
        place = work.session.exec(select(Place).where(Place.site_id == patient.site_id)).first()
        day = TODAY + timedelta(days=20)
        return booking.book(work, patient, Visit(day, NOW.time().replace(hour=10), place))

    return clinic.do(make, "grace")


def signed(helen: Visitor, address: str, **fields: object) -> str:
    return helen.follow(helen.post(f"{address}/review", **({"day": TODAY} | fields))).text


def test_an_amended_report_after_the_review_asks_for_another_one(staffed: Staffed, address: str) -> None:
    grace, helen = staffed.client("grace"), staffed.client("helen")
    assert "Reviewed: clear." in signed(helen, address, result="clear", day=TODAY - timedelta(days=1))
    grace.post(f"{address}/told", day=TODAY)
    late = grace.post(f"{address}/report", day=TODAY, status="final")
    assert (late.status_code, "cannot be later than its review" in late.text) == (422, True)
    amended = grace.post(f"{address}/report", day=TODAY, status="amended", report_note="a nodule of 4 mm")
    page = grace.follow(amended).text
    assert "The amended report of Tue 24 Nov 2026 is recorded." in page
    assert "came after this review: a clinician reviews the study again" in page
    assert "a nodule of 4 mm" in page
    assert "of what the report said before" in page
    assert "reviews the amended report before the patient is told" in grace.post(f"{address}/told", day=TODAY).text
    assert "The patient does not know the result yet." in signed(
        helen, address, result="suspicious", next_action="biopsy"
    )
    assert study_at(staffed, address).told_on is None


def test_a_version_that_was_recorded_wrongly_is_taken_back_from_the_page(staffed: Staffed, address: str) -> None:
    grace, helen = staffed.client("grace"), staffed.client("helen")
    signed(helen, address, result="clear")
    grace.post(f"{address}/report", day=TODAY, status="corrected")
    (path,) = re.findall(r'href="(/patients/[^"]+/retract/report/[^"]+)"', grace.get(address).text)
    shown = grace.post(path, reason="another patient's").text
    seen = re.search(r'name="seen"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="seen"', shown)
    assert seen is not None
    grace.follow(grace.post(path, reason="another patient's", seen=seen[1] or seen[2]))
    assert study_at(staffed, address).to_review_since is None


def test_a_preliminary_report_is_reviewed_as_such_or_not_at_all(staffed: Staffed) -> None:
    grace, helen = staffed.client("grace"), staffed.client("helen")
    path = f"/patients/{staffed.patient_id(MRN)}/studies"
    grace.post(f"{path}/new", item=["mri_primary"], performed_on=TODAY, accession="P1")
    study = staffed.look(lambda work: work.session.exec(select(Study).where(Study.accession == "P1")).one())
    address = f"{path}/{study.id}"
    grace.post(f"{address}/report", day=TODAY, status="preliminary")
    page = helen.get(address).text
    assert "The final report is not there yet." in page
    assert "Review the preliminary report" in page
    assert "wait for the final one" in helen.post(f"{address}/review", day=TODAY, result="clear").text
    assert "Reviewed: clear." in signed(helen, address, result="clear", preliminary="yes")


def test_a_recurrence_is_signed_with_a_hold_in_one_step(staffed: Staffed, address: str) -> None:
    helen, visit = staffed.client("helen"), book(staffed)
    bare = helen.post(f"{address}/review", day=TODAY, result="recurrence", next_action="tumour board")
    assert (bare.status_code, "Choose what follows from it" in bare.text) == (422, True)
    hold = {"follow": "hold", "hold_reason": "treatment", "hold_review": LATER}
    asked = helen.post(f"{address}/review", day=TODAY, result="recurrence", **hold)
    assert "whether the visit of Mon 14 Dec 2026 is kept or cancelled" in asked.text
    assert 'href="#visit-' in asked.text
    page = signed(helen, address, result="recurrence", **hold, **{f"visit-{visit.id}": "cancel"})
    assert "Reviewed: recurrence. Release the slot of Mon 14 Dec 2026." in page
    assert "Carried on since" in page
    (row,) = staffed.look(
        lambda work: work.session.exec(
            select(PlanHold).where(col(PlanHold.recorded_at) >= NOW - timedelta(minutes=1))
        ).all()
    )
    found = followed(staffed, address)
    assert (found.kind, found.hold_id) == (FollowUp.HOLD, row.id)


def test_a_recurrence_ends_the_plan_or_goes_on_with_a_reason(staffed: Staffed, address: str) -> None:
    helen = staffed.client("helen")
    asked = helen.post(f"{address}/review", day=TODAY, result="recurrence", follow="continue")
    assert "Enter why the plan goes on" in asked.text
    why = "resected with clear margins in one session"
    page = signed(helen, address, result="recurrence", follow="continue", continue_reason=why)
    assert why in page
    end = {"follow": "end", "end_restart_by": LATER, "next_action": "surgery"}
    assert "Carried on since" in signed(helen, address, result="recurrence", **end)
    plan = staffed.look(lambda work: work.session.get_one(Plan, followed(staffed, address).plan_id))
    assert (plan.ended_on, plan.restart_by) == (TODAY, LATER)


def test_acting_records_the_fact_or_links_one_and_a_tick_does_nothing(staffed: Staffed, address: str) -> None:
    grace, helen = staffed.client("grace"), staffed.client("helen")
    page = signed(helen, address, result="indeterminate", next_action="repeat CT in six weeks")
    assert "Nothing follows yet." in page
    assert grace.post(f"{address}/acted", day=TODAY).status_code == 422
    patient = staffed.patient_id(MRN)
    extra = {"item": "chest_imaging", "day": LATER, "tolerance": 7, "reason": "repeat CT"}
    shown = grace.post(f"/patients/{patient}/extra", **extra).text
    seen = re.search(r'name="seen"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="seen"', shown)
    assert seen is not None
    grace.follow(grace.post(f"/patients/{patient}/extra", **extra, seen=seen[1] or seen[2]))
    (row,) = staffed.look(
        lambda work: work.session.exec(select(ExtraExamination).where(ExtraExamination.target == LATER)).all()
    )
    assert f'value="extra:{row.id}"' in grace.get(address).text
    assert "Choose what follows from it from the list" in grace.post(f"{address}/acted", follow="link").text
    grace.follow(grace.post(f"{address}/acted", follow="link", there=f"extra:{row.id}"))
    assert followed(staffed, address).extra_id == row.id
    again = grace.post(f"{address}/acted", follow="link", there=f"extra:{row.id}")
    assert "follows from this result already" in again.text


def test_a_task_is_somebodys_until_what_came_of_it_is_written_down(staffed: Staffed, address: str) -> None:
    grace, helen = staffed.client("grace"), staffed.client("helen")
    signed(helen, address, result="suspicious", next_action="biopsy")
    page = grace.get(address).text
    assert "Until then the patient is not told that an examination is due." in page
    owner = staffed.look(lambda work: users.user_named(work, "helen").id)
    asked = grace.post(f"{address}/acted", follow="task", task_what="biopsy", task_owner=owner)
    assert "Enter the day by which it is done" in asked.text
    task = {"task_what": "biopsy of the nodule", "task_owner": owner, "task_due": TODAY}
    assert "by: task (biopsy of the nodule)" in grace.follow(grace.post(f"{address}/acted", follow="task", **task)).text
    (row,) = staffed.look(
        lambda work: work.session.exec(select(ResultTask).where(ResultTask.what == "biopsy of the nodule")).all()
    )
    assert "Enter what came of it" in grace.post(f"{address}/tasks/{row.id}", day=TODAY).text
    assert grace.post(f"{address}/tasks/{staffed.site_id()}", day=TODAY, outcome="x").status_code == 404
    page = helen.follow(helen.post(f"{address}/tasks/{row.id}", day=TODAY, outcome="benign")).text
    assert "Done: biopsy of the nodule." in page
    assert "benign" in page


def test_an_inadequate_study_asks_for_the_day_of_the_repeat(staffed: Staffed, address: str) -> None:
    helen = staffed.client("helen")
    asked = helen.post(f"{address}/review", day=TODAY, result="inadequate")
    assert "Enter the day by which it is repeated" in asked.text
    page = signed(helen, address, result="inadequate", repeat_by=LATER, next_action="moved")
    assert "Reviewed: inadequate, to be repeated." in page
    patient = helen.get(address.partition("/studies")[0]).text
    assert "Study to be repeated" in patient
    assert "another one is wanted by" in patient


def test_a_study_of_another_modality_counts_only_by_a_clinicians_ruling(staffed: Staffed) -> None:
    grace, helen = staffed.client("grace"), staffed.client("helen")
    path = f"/patients/{staffed.patient_id(MRN)}/studies/new"
    xray = {"item": ["mri_primary"], "performed_on": TODAY, "modality": "dx", "accession": "X1"}
    refused = grace.post(path, **xray)
    assert (refused.status_code, "DX does not count for" in refused.text) == (422, True)
    assert "Why it counts all the same" not in refused.text
    assert grace.post(path, **xray, ruling="no").status_code == 403
    assert "is recorded" in helen.follow(helen.post(path, **xray, ruling="metal in the limb")).text
    word = staffed.look(lambda work: work.session.exec(select(Override).where(Override.kind == "fits")).one())
    assert (word.item, word.reason) == ("mri_primary", "metal in the limb")


def test_so_does_the_outcome_of_a_visit(staffed: Staffed) -> None:
    visit = book(staffed)
    staffed.later(days=20)
    grace, helen = staffed.client("grace"), staffed.client("helen")
    path = f"/visits/{visit.id}/outcomes"
    xray = {"outcome-mri_primary": Outcome.PERFORMED, "modality-mri_primary": "DX"}
    refused = grace.post(path, **xray)
    assert (refused.status_code, "DX does not count for" in refused.text) == (422, True)
    assert "Why it counts all the same" in helen.post(path, **xray).text
    done = helen.follow(helen.post(path, **xray, **{"ruling-mri_primary": "metal in the limb"}))
    assert "Recorded for" in done.text
    (study,) = staffed.look(lambda work: work.session.exec(select(Study).where(Study.appointment_id == visit.id)).all())
    assert (study.modality, study.result) == ("DX", None)


def test_what_was_signed_stands_in_words(staffed: Staffed, address: str) -> None:
    helen = staffed.client("helen")
    extra = {"extra_item": "chest_imaging", "extra_day": LATER, "extra_reason": "staging"}
    page = signed(helen, address, result="recurrence", follow="extra", **extra)
    assert "by: extra examination" in page
    assert study_at(staffed, address).result is Result.RECURRENCE
    site = staffed.look(lambda work: sites.site_by_code(work, HERE).id)
    plan = staffed.look(lambda work: plans.active_plan(work.session, staffed.patient_id(MRN)))
    assert plan is not None
    assert plan.site_id == site
