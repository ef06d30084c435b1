"""Booking, moving, cancelling and recording visits, and the calendar of a site, as a browser asks for them."""

import re
from datetime import date, time, timedelta
from html import unescape

import pytest
from sqlmodel import select
from staff import HERE, THERE, Staffed, Visitor

from surveillance.core.words import AppointmentState, Outcome
from surveillance.store.tables import Appointment, AuditEvent, Closure, Patient, Study
from surveillance.store.visits import appointments

NEW, SOON, OVER, LATE, SILENT = "000101", "000117", "000131", "000122", "000152"  # by their stories
DAY = timedelta(days=1)
VISIT = date(2026, 12, 22)  # the target of the newly enrolled


def address(staffed: Staffed, mrn: str = NEW) -> str:
    return f"/patients/{staffed.patient_id(mrn)}/book"


def ticked(page: str, name: str) -> list[str]:
    """The values of the boxes and radios that are chosen."""
    tags = re.findall(rf'<input[^>]* name="{name}"[^>]*>', page)
    return [re.search(r'value="([^"]*)"', tag)[1] for tag in tags if " checked" in tag]


def values(page: str, name: str) -> list[str]:
    return re.findall(r'value="([^"]*)"', " ".join(re.findall(rf'<input[^>]* name="{name}"[^>]*>', page)))


def filled(page: str, **changes: object) -> dict[str, object]:
    """The form of a booking as it is shown, with a time, and some fields otherwise."""
    place = re.search(r'<select[^>]*name="place-0".*?value="([^"]+)" selected', page, re.DOTALL)
    form = {
        "chosen": "yes",
        "examination": ticked(page, "examination"),
        "trips": ticked(page, "trips"),
        "day-0": ticked(page, "day-0"),
        "best-0": values(page, "best-0"),
        "at-0": "09:30",
        "place-0": place[1] if place else "",
        "minutes-0": "60",
        "do": "book",
    }
    return form | {name.replace("__", "-"): value for name, value in changes.items()}


def text(page: str) -> str:
    """What a page says, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.partition("<main")[2])).split())


def visits(staffed: Staffed, mrn: str, *states: AppointmentState) -> list[Appointment]:
    patient = staffed.patient_id(mrn)
    wanted = states or (AppointmentState.BOOKED,)
    return staffed.look(lambda work: appointments.of_patient(work.session, patient, *wanted))


def said(answer: object, visitor: Visitor) -> str:
    return text(visitor.follow(answer).text)


# -- booking -----------------------------------------------------------------------------------------------------


def test_what_it_is_time_for_is_booked_on_the_best_day_with_its_messages_known_before(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    page = grace.get(address(staffed)).text
    assert len(ticked(page, "examination")) == 2
    assert ticked(page, "day-0") == [str(VISIT)]
    assert "Left out: Fri 25 Dec 2026 (Christmas Day)" in text(page)
    shown = grace.post(address(staffed), **filled(page, do="show"))
    assert shown.status_code == 200
    assert "Sat 19 Dec 2026, 10:00 , 3 days before: SMS" in text(shown.text)
    assert "app-sms" in shown.text  # the text of a message
    assert visits(staffed, NEW) == []
    answer = grace.post(address(staffed), **filled(page))
    assert answer.headers["location"] == f"/patients/{staffed.patient_id(NEW)}"
    assert "Booked: Tue 22 Dec 2026, 09:30, Riverside Imaging. 4 messages planned." in said(answer, grace)
    (row,) = visits(staffed, NEW)
    assert (row.day, row.at, row.minutes) == (VISIT, time(9, 30), 60)


def test_separate_trips_are_booked_together_and_lead_back_to_where_one_came_from(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    page = grace.get(address(staffed) + "?trips=split&back=/calendar").text
    place = filled(page)["place-0"]
    second = {"day-1": ticked(page, "day-1"), "at-1": "14", "place-1": place, "minutes-1": "30"}
    answer = grace.post(address(staffed), **filled(page, back=values(page, "back")), **second)
    assert answer.headers["location"] == "/calendar"
    assert [(row.day, row.at) for row in visits(staffed, NEW)] == [(VISIT, time(9, 30)), (VISIT + DAY, time(14))]


MISTAKES = {
    "nothing chosen": ({"examination": []}, "Choose at least one examination"),
    "no time": ({"at__0": ""}, "Enter the time"),
    "no such time": ({"at__0": "25:00"}, "The time must be a time, like 10:30"),
    "another site's place": ({"place__0": "00000000-0000-4000-8000-000000000000"}, "Choose the place from the list"),
    "too long": ({"minutes__0": "9999"}, "must be a number from 5 to 600"),
    "a day not offered": ({"day__0": "2026-11-30"}, "Choose the day; what is offered has changed"),
    "two days": ({"other__0": "2026-12-30"}, "one of those offered, or “Another day”"),
    "past": ({"day__0": "other", "other__0": "2026-11-02"}, "2 Nov 2026 is past (today is 24 Nov 2026)"),
    "another slot": (
        {"day__0": "other", "other__0": "2027-03-22"},
        "MRI of the primary site, month 3 can be done from",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_at_its_field_and_nothing_is_lost(staffed: Staffed, case: str) -> None:
    changes, told = MISTAKES[case]
    grace = staffed.client("grace")
    page = grace.get(address(staffed)).text
    answer = grace.post(address(staffed), **filled(page, note="in the morning", **changes))
    assert answer.status_code == 422
    if case == "another slot":
        assert re.search(r"month 3 can be done from .* not on 22 Mar 2027", text(answer.text))
    else:
        assert told in text(answer.text)
    assert "mri_primary" not in text(answer.text)
    assert values(answer.text, "note") == ["in the morning"]
    assert visits(staffed, NEW) == []


def test_of_two_who_book_at_once_the_second_is_told_who_was_quicker(staffed: Staffed) -> None:
    grace, ivan = staffed.client("grace"), staffed.client("ivan")
    page = grace.get(address(staffed)).text
    assert ivan.post(address(staffed), **filled(page, at__0="11:00")).status_code == 303
    answer = grace.post(address(staffed), **filled(page, note="kept"))
    assert answer.status_code == 422
    told = text(answer.text)
    assert re.search(
        r"MRI of the primary site, month 3 was booked meanwhile by Ivan \w+ for Tue 22 Dec 2026, 11:00", told
    )
    assert values(answer.text, "note") == ["kept"]
    assert len(visits(staffed, NEW)) == 1


def test_the_live_part_answers_to_other_examinations_times_and_trips(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    page = grace.get(address(staffed)).text
    form = filled(page, do="", at__0="")
    live = address(staffed) + "/live?part="
    one = grace.post(live + "what", live=True, **form | {"examination": form["examination"][:1]}).text
    assert 'hx-target="#trips"' in one
    assert "<main" not in one
    assert "Still open: Enter the time" in text("<main" + one)
    at = grace.post(live + "time-0", live=True, **form | {"do": "time-0-09:00"}).text
    assert 'id="at-0" name="at-0" type="time" value="09:00"' in at
    assert "3 days before" in at
    apart = grace.post(live + "what", live=True, **form | {"trips": "split"}).text
    assert 'id="trip-1"' in apart


def test_who_cannot_be_written_to_is_a_call_task_before_it_is_saved(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    page = grace.get(address(staffed, SILENT)).text
    shown = text(grace.post(address(staffed, SILENT), **filled(page, do="show")).text)
    assert "a call task no consent to SMS" in shown


def test_the_hour_of_the_place_the_patient_and_the_change_of_clocks_are_told(staffed: Staffed) -> None:
    def far(work: object) -> None:
        work.session.get_one(Patient, staffed.patient_id(NEW)).time_zone = "America/Denver"

    staffed.do(far)
    grace = staffed.client("grace")
    page = grace.get(address(staffed)).text
    told = text(grace.post(address(staffed), **filled(page, do="show")).text)
    assert "By the patient's own clock (America/Denver) that is Tue 22 Dec 2026, 07:30." in told
    month_six = values(page, "examination")[2:]
    form = filled(page, do="show", examination=month_six, day__0="other", other__0="2027-03-14", at__0="02:30")
    told = text(grace.post(address(staffed), **form).text)
    assert "there is no 02:30, it becomes 03:00" in told
    assert "does not work on Sun 14 Mar 2027: nobody works on a Sunday" in told


def test_nobody_books_without_the_role_elsewhere_or_without_a_plan(staffed: Staffed) -> None:
    here = address(staffed)
    assert staffed.client("visitor").get(here).status_code == 403
    assert staffed.client("admin").post(here, do="book").status_code == 403
    assert staffed.client("oscar").get(here).status_code == 404
    assert "has no plan yet" in staffed.client("grace").get(address(staffed, "000154")).text


# -- one visit ---------------------------------------------------------------------------------------------------


def visit_of(staffed: Staffed, mrn: str) -> Appointment:
    return visits(staffed, mrn)[0]


def test_a_visit_tells_when_where_what_and_which_messages_go_with_it(staffed: Staffed) -> None:
    row = visit_of(staffed, SOON)
    page = text(staffed.client("visitor").get(f"/visits/{row.id}").text)
    assert "Mon 30 Nov 2026, 12:30 (America/New_York)" in page
    assert "MRI of the primary site, month 6" in page
    assert "3 days before" in page
    assert "Ivan Petrov" in page  # who booked it
    assert "Take back" not in page
    assert staffed.client("oscar").get(f"/visits/{row.id}").status_code == 404
    seen = staffed.look(
        lambda work: work.session.exec(select(AuditEvent).where(AuditEvent.patient_id == row.patient_id)).all()
    )
    assert "patient.view" in {event.action for event in seen}


def test_moving_shows_what_is_voided_and_told_before_it_is_done(staffed: Staffed) -> None:
    grace, row = staffed.client("grace"), visit_of(staffed, SOON)
    there = f"/visits/{row.id}/move"
    page = grace.get(there).text
    assert ticked(page, "day-0") == [str(row.day)]
    unchanged = grace.post(there, **filled(page, do="save", at__0="12:30"))
    assert "Nothing is changed yet" in text(unchanged.text)
    form = filled(page, do="show", day__0="other", other__0="2026-12-08", at__0="15")
    shown = text(grace.post(there, **form).text)
    assert "notice of the change: SMS" in shown
    assert "Not sent any more" in shown
    assert visit_of(staffed, SOON).day == row.day
    answer = grace.post(there, **form | {"do": "save", "reason": "asked by telephone"})
    assert "Moved from Mon 30 Nov 2026, 12:30 to Tue 8 Dec 2026, 15:00, Riverside Imaging." in said(answer, grace)
    moved = visit_of(staffed, SOON)
    assert (moved.id, moved.day, moved.at) == (row.id, date(2026, 12, 8), time(15))
    assert "asked by telephone" in text(grace.get(f"/visits/{row.id}").text)


def test_a_part_of_a_visit_is_cancelled_then_the_whole(staffed: Staffed) -> None:
    grace, row = staffed.client("grace"), visit_of(staffed, SOON)
    there = f"/visits/{row.id}/cancel"
    page = grace.get(there).text
    assert ticked(page, "item") == ["chest_imaging", "mri_primary"]
    assert "Enter the reason" in text(grace.post(there, item="mri_primary", do="save").text)
    shown = grace.post(there + "/live", live=True, item=["chest_imaging", "mri_primary"]).text
    assert "notice of the cancellation" in shown
    answer = grace.post(there, item="mri_primary", reason="scanner out of order", do="save")
    assert "A part of the visit" in said(answer, grace)
    grace.post(there, item="chest_imaging", reason="ill", do="save", back="/calendar")
    assert visits(staffed, SOON) == []
    shown = text(grace.get(f"/visits/{row.id}").text)
    assert "cancelled: scanner out of order" in shown
    assert grace.get(there).headers["location"] == f"/visits/{row.id}"


def test_outcomes_are_recorded_examination_by_examination_and_taken_back(staffed: Staffed) -> None:
    helen, row = staffed.client("helen"), visit_of(staffed, OVER)
    there = f"/visits/{row.id}/outcomes"
    assert "Say what became of an examination" in text(helen.post(there, do="record").text)
    form = {"outcome-mri_primary": "performed", "accession-mri_primary": "A77", "outcome-chest_imaging": "not_done"}
    refused = helen.post(there, do="record", **form)
    assert "Say why Chest CT or chest X-ray, month 12 was not done" in text(refused.text)
    assert values(refused.text, "accession-mri_primary") == ["A77"]
    early = helen.post(there, do="record", **form | {"reason-chest_imaging": "broken", "on-mri_primary": "2026-12-30"})
    assert "cannot lie after today" in text(early.text)
    form |= {"reason-chest_imaging": "broken", "on-mri_primary": "2026-11-20"}
    answer = helen.post(there, do="record", **form)
    assert "Chest CT or chest X-ray not done; MRI of the primary site done" in said(answer, helen)
    (study,) = staffed.look(lambda work: work.session.exec(select(Study).where(Study.accession == "A77")).all())
    assert (study.performed_on, study.appointment_id) == (date(2026, 11, 20), row.id)
    back = f"/visits/{row.id}/reopen/chest_imaging"
    assert "recorded as not done (broken)" in text(helen.get(back).text)
    assert helen.post(back, reason="").status_code == 422
    assert helen.post(back, reason="wrong patient").status_code == 303
    lines = staffed.look(lambda work: appointments.lines(work.session, row.id))
    assert {line.item: line.outcome for line in lines} == {"chest_imaging": None, "mri_primary": Outcome.PERFORMED}
    assert helen.get(f"/visits/{row.id}/reopen/mri_brain").status_code == 404


def test_one_button_says_that_nobody_came(staffed: Staffed) -> None:
    grace, row = staffed.client("grace"), visit_of(staffed, OVER)
    answer = grace.post(f"/visits/{row.id}/outcomes", do="noshow", back="/calendar?view=day")
    assert answer.headers["location"] == "/calendar?view=day"
    assert visits(staffed, OVER, AppointmentState.NOSHOW)[0].id == row.id


def test_only_who_works_with_patients_changes_a_visit(staffed: Staffed) -> None:
    row = visit_of(staffed, SOON)
    for name, status in (("visitor", 403), ("admin", 403), ("oscar", 404)):
        for path in ("move", "cancel", "outcomes"):
            assert staffed.client(name).post(f"/visits/{row.id}/{path}", do="save").status_code == status


# -- the calendar ------------------------------------------------------------------------------------------------


def test_the_calendar_shows_month_week_and_day_with_holidays_and_who_comes(staffed: Staffed) -> None:
    visitor = staffed.client("visitor")
    month = text(visitor.get("/calendar?view=month").text)
    assert "November 2026" in month
    assert "Thanksgiving Day" in month
    assert "12:30 Diallo A." in month
    week = text(visitor.get("/calendar?view=week&day=2026-11-30").text)
    assert "12:30 Diallo, Amara Riverside Imaging" in week
    page = visitor.get("/calendar?view=day&day=2026-11-30").text
    assert "MRN 000117" in text(page)
    assert "Diallo" in page
    assert ">Move<" not in page
    looks = staffed.look(
        lambda work: work.session.exec(
            select(AuditEvent).where(
                AuditEvent.action == "patient.view", AuditEvent.patient_id == staffed.patient_id(SOON)
            )
        ).all()
    )
    assert len(looks) == 3
    assert text(visitor.get("/calendar?view=decade&day=soon&place=x&owner=y").text)  # what cannot be read is not asked


def test_the_calendar_leads_to_recording_booking_and_what_was_called_off(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    row = visit_of(staffed, OVER)
    page = grace.get(f"/calendar?view=day&day={row.day}").text
    assert f"/visits/{row.id}?back=/calendar%3Fview%3Dday%26day%3D{row.day}" in page
    proposed = grace.get("/calendar?view=day&day=2026-11-25").text
    assert "Proposed for this day, nothing booked yet" in proposed
    link = re.search(r"/patients/[0-9a-f-]+/book\?visit=[0-9a-f-]+", proposed)[0]
    assert ticked(grace.get(link).text, "examination")
    grace.post(f"/visits/{row.id}/cancel", item=["chest_imaging", "mri_primary"], reason="ill", do="save")
    assert str(row.id) not in grace.get(f"/calendar?view=day&day={row.day}").text
    assert str(row.id) in grace.get(f"/calendar?view=day&day={row.day}&cancelled=yes").text


def test_the_calendar_of_another_site_is_not_there_and_feeds_still_are(staffed: Staffed) -> None:
    assert staffed.client("grace").get(f"/calendar?site={THERE}").status_code == 404
    assert "Diallo" not in staffed.client("oscar").get("/calendar?view=month&day=2026-11-30").text
    assert staffed.client().get("/calendar/nobody-knows-this.ics").status_code == 404


def test_an_administrator_closes_a_day_and_opens_it_again(staffed: Staffed) -> None:
    admin, row = staffed.client("admin"), visit_of(staffed, SOON)
    form = {"site": HERE, "day": row.day}
    assert "Enter why nobody works" in text(admin.post("/calendar/closures", **form).text)
    answer = admin.post("/calendar/closures", **form, reason="Scanner service")
    page = said(answer, admin)
    assert "is closed on Mon 30 Nov 2026." in page
    assert "Nobody works on this day: Scanner service." in page
    assert staffed.client("grace").post("/calendar/closures", **form, reason="No").status_code == 403
    assert staffed.client("olga").post("/calendar/closures", **form, reason="No").status_code == 404
    admin.post("/calendar/closures", **form, do="open")
    assert staffed.look(lambda work: work.session.get(Closure, (row.day, row.site_id))) is None
    assert admin.post("/calendar/closures", site=HERE, day="soon", reason="x").status_code == 404
