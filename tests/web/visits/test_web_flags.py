"""Safety flags as a browser asks for them: booking, moving, answering later, the list of the day and the order."""

from datetime import timedelta

from staff import Staffed
from test_web_booking import address, filled, said, text, visits

from surveillance.operations.care import corrections
from surveillance.store.tables import AppointmentItem, Patient
from surveillance.store.visits import appointments

NEW, SOON, UNSAFE = "000101", "000117", "000160"  # by their stories
WHY = "the implant is MR conditional at 1.5 T"


def flagged(staffed: Staffed, mrn: str, **flags: object) -> None:
    patient_id = staffed.patient_id(mrn)
    staffed.do(lambda work: corrections.edit_patient(work, work.session.get_one(Patient, patient_id), flags), "grace")


def line(staffed: Staffed, mrn: str) -> AppointmentItem:
    (visit,) = visits(staffed, mrn)
    lines = staffed.look(lambda work: appointments.lines(work.session, visit.id))
    return next(each for each in lines if each.item == "mri_primary")


def test_a_coordinator_is_told_to_ask_a_clinician_and_nothing_is_booked(staffed: Staffed) -> None:
    flagged(staffed, NEW, mri_unsafe=True)
    grace = staffed.client("grace")
    page = grace.get(address(staffed)).text
    assert "MRI of the primary site : the patient is MRI-unsafe." in text(page)
    assert "Only a clinician confirms a safety flag" in text(page)
    assert 'name="flags_reason"' not in page
    answer = grace.post(address(staffed), **filled(page))
    assert answer.status_code == 422
    assert "let a clinician confirm it with a reason" in text(answer.text)
    forged = grace.post(address(staffed), **filled(page, flags_reason=WHY))
    assert forged.status_code == 422
    assert visits(staffed, NEW) == []


def test_a_clinician_says_why_beside_the_field_and_it_stands_on_the_visit(staffed: Staffed) -> None:
    flagged(staffed, NEW, mri_unsafe=True)
    helen = staffed.client("helen")
    page = helen.get(address(staffed)).text
    missing = helen.post(address(staffed), **filled(page))
    assert missing.status_code == 422
    assert 'href="#flags_reason"' in missing.text
    assert "Say why MRI of the primary site is done although the patient is MRI-unsafe" in text(missing.text)
    helen.post(address(staffed), **filled(page, flags_reason=WHY))
    assert line(staffed, NEW).flags_reason == WHY
    (visit,) = visits(staffed, NEW)
    shown = text(helen.get(f"/visits/{visit.id}").text)
    assert f"The patient is MRI-unsafe; confirmed by Dr Helen Marsh, Tue 24 Nov 2026, 08:00: {WHY}" in shown
    order = text(helen.get(f"/visits/{visit.id}/order").text)
    assert "MRI UNSAFE" in order
    assert WHY in order


def test_a_visit_of_before_the_flag_is_answered_for_from_the_board(staffed: Staffed) -> None:
    (visit,) = visits(staffed, UNSAFE)
    grace, helen = staffed.client("grace"), staffed.client("helen")
    board = text(grace.get("/?list=flags").text)
    assert "patient is MRI-unsafe and eGFR 28 on" in board
    assert "safety flag not confirmed" in text(grace.get(f"/visits/{visit.id}").text)
    assert "Not confirmed:" in text(grace.get(f"/visits/{visit.id}/order").text)
    own = f"/visits/{visit.id}/flags"
    assert "Only a clinician" in text(grace.get(own).text)
    assert grace.post(own).status_code == 422
    assert 'href="#flags_reason"' in helen.post(own).text
    answered = helen.post(own, flags_reason=WHY)
    assert "are answered for" in said(answered, helen)
    assert "Ekström" not in text(grace.get("/?list=flags").text).partition("Nothing")[0].partition("Oldest first")[2]
    assert line(staffed, UNSAFE).flags_reason == WHY


def test_a_move_asks_and_keeps_what_was_confirmed(staffed: Staffed) -> None:
    (visit,) = visits(staffed, UNSAFE)
    helen, own = staffed.client("helen"), f"/visits/{visit.id}/move"
    page = helen.get(own).text
    form = filled(page, day_0="other", other_0=visit.day + timedelta(days=1), do="save") | {
        "day-0": "other", "other-0": str(visit.day + timedelta(days=1)), "at-0": "10:00",
    }  # fmt: skip
    assert 'href="#flags_reason"' in helen.post(own, **form).text
    helen.post(own, **form, flags_reason=WHY)
    assert visits(staffed, UNSAFE)[0].day == visit.day + timedelta(days=1)
    assert "A clinician has confirmed it for this visit" in text(helen.get(own).text)


def test_the_list_of_the_day_says_what_was_confirmed(staffed: Staffed) -> None:
    (visit,) = visits(staffed, UNSAFE)
    staffed.now += visit.day - staffed.now.date()
    page = text(staffed.client("grace").get("/board/day").text)
    assert "MRI UNSAFE; eGFR 28 on" in page
    assert "MRI of the primary site: NOT CONFIRMED: the patient is MRI-unsafe" in page
