"""The patient's page and everything that is done from it, by HTTP: shown before applied, by whom it may be done."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from approving import approved
from sqlmodel import SQLModel, col, select
from staff import NOW, Staffed, Visitor

from surveillance.core.words import EndReason, Result
from surveillance.operations.board import worklist
from surveillance.store.board.worklist import Worklist
from surveillance.store.messages import reminders
from surveillance.store.tables import (
    AuditEvent,
    Contact,
    Death,
    ExaminationRow,
    Feed,
    Inbound,
    Number,
    Override,
    OverrideKind,
    Patient,
    Plan,
    PlanHold,
    PlanTerms,
    Study,
)
from surveillance.web.pages.record import next_steps

TODAY = NOW.date()  # the site's day, too: 08:00 in New York
SEEN = re.compile(r'name="seen"[^>]*value="([0-9a-f]{64})"|value="([0-9a-f]{64})"[^>]*name="seen"')
STORIES = {
    "new": "000101", "booked": "000118", "outside": "000121", "overdue": "000122", "no_report": "000135",
    "review": "000137", "unclear": "000139", "held": "000141", "resumed": "000144", "recurrence": "000145",
    "restarted": "000146", "died": "000148", "unknown": "000153", "without": "000154", "early": "000155",
    "terms": "000157", "skipped": "000158", "moved": "000159",
}  # fmt: skip


def at(clinic: Staffed, story: str, rest: str = "") -> str:
    return f"/patients/{clinic.patient_id(STORIES[story])}{rest}"


def one(clinic: Staffed, table: type[SQLModel], story: str, *where: Any) -> Any:
    """The newest record of a kind about a patient."""
    patient_id = clinic.patient_id(STORIES[story])
    owner: Any = col(table.patient_id) if hasattr(table, "patient_id") else None  # type: ignore[attr-defined]
    statement = select(table)
    if owner is not None:
        statement = statement.where(owner == patient_id, *where)
    else:
        plan = select(col(Plan.id)).where(Plan.patient_id == patient_id)
        statement = statement.where(col(table.plan_id).in_(plan), *where)  # type: ignore[attr-defined]
    moment: Any = next((getattr(table, name) for name in ("recorded_at", "created_at") if hasattr(table, name)), None)
    newest = statement.order_by(moment) if moment is not None else statement
    return clinic.look(lambda work: work.session.exec(newest).all()[-1])


def confirm(visitor: Visitor, path: str, **fields: object) -> httpx.Response:
    """Look at what a change would do, then apply it as it was shown."""
    shown = visitor.post(path, **fields)
    assert shown.status_code == 200, shown.text[-3000:]
    found = SEEN.search(shown.text)
    assert found, shown.text[-3000:]
    assert "Nothing is changed yet" in shown.text
    return visitor.post(path, seen=found[1] or found[2], **fields)


# -- the page ----------------------------------------------------------------------------------------------------


def test_each_story_reads_without_a_raw_word_or_day(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    for story in STORIES:
        answer = grace.get(at(staffed, story))
        assert answer.status_code == 200, story
        text = re.sub(r"<[^>]+>|(?:src|href|id)=\"[^\"]*\"", " ", answer.text.split('id="content"')[1])
        assert not re.search(r"\b(outcome_unknown|to_order|not_done|patient_wish|known_blank|extra_evidence)\b", text)
        assert not re.search(r"\b\d{4}-\d\d-\d\d\b|\bUTC\b|\bNone\b|\+00:00", text), story


def test_the_next_step_stands_on_top_and_leads_to_where_it_is_done(staffed: Staffed) -> None:
    page = staffed.client("grace").get(at(staffed, "overdue")).text
    top = page.split('id="next-title"')[1].split("</section>")[0]
    assert re.search(r"Overdue since \w{3} \d+ \w{3} 2026", top)
    assert re.search(r"<strong>Call [^<]*book", top)
    assert at(staffed, "overdue", "/book") in top


def test_the_page_shows_identity_timeline_and_conversation(staffed: Staffed) -> None:
    page = staffed.client("grace").get(at(staffed, "booked")).text
    for words in (
        "Moreau, Felix",
        "MRN 000118",
        "45 years",
        "tel:+1202555",
        "signed form at discharge",
        "Booked a visit",
    ):
        assert words in page
    assert page.count("<svg") == 1
    assert "we keep Wednesday, November 25, 2026" in page
    assert "The timeline as a table" in page


def test_earlier_plans_stay_in_view(staffed: Staffed) -> None:
    page = staffed.client("grace").get(at(staffed, "restarted")).text
    assert "Earlier plan 1" in page
    assert "ended Fri 8 May 2026: recurrence" in page or re.search(r"ended \w+ \d+ \w+ \d{4}: recurrence", page)


def test_a_look_is_audited_and_a_viewer_sees_no_action(staffed: Staffed) -> None:
    page = staffed.client("visitor").get(at(staffed, "booked"))
    assert page.status_code == 200
    assert "/hold" not in page.text
    assert "/studies/new" not in page.text
    event = one(staffed, AuditEvent, "booked", AuditEvent.action == "patient.view")
    assert event.at == NOW


def test_each_list_of_the_board_has_a_headline() -> None:
    assert set(next_steps._HEADLINES) == set(Worklist)


def test_nobody_of_another_clinic_sees_the_patient(staffed: Staffed) -> None:
    oscar = staffed.client("oscar")
    for rest in ("", "/history", "/schedule", "/hold", "/died", "/feeds/new", "/studies/new"):
        assert oscar.get(at(staffed, "booked", rest)).status_code == 404, rest


def test_who_may_not_decide_is_refused(staffed: Staffed) -> None:
    for who in ("visitor", "admin"):
        visitor = staffed.client(who)
        for rest in ("/hold", "/died", "/restart", "/terms", "/anchor", "/extra", "/end"):
            assert visitor.get(at(staffed, "booked", rest)).status_code == 403, rest
    assert staffed.client("grace").get(at(staffed, "booked", "/end")).status_code == 403  # a clinician signs it


def test_why_an_examination_is_due_is_a_part_and_a_page(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    row = one(staffed, ExaminationRow, "new", ExaminationRow.month == 3, ExaminationRow.item == "mri_primary")
    path = at(staffed, "new", f"/examinations/{row.id}")
    whole, part = grace.get(path).text, grace.live(path).text
    assert "Why is this due?" in whole
    assert "<html" not in part
    assert "Treatment ended on" in part
    assert not re.search(r"\d{4}-\d\d-\d\d", part)
    assert grace.get(at(staffed, "booked", f"/examinations/{row.id}")).status_code == 404


def test_the_whole_history_goes_on_page_by_page(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    first = grace.get(at(staffed, "restarted", "/history")).text
    more = re.search(r"history\?before=(\d+)", first)
    assert more
    assert "Enrolled the patient" not in first
    assert "Enrolled the patient" in grace.get(at(staffed, "restarted", f"/history?before={more[1]}")).text


def test_the_sheet_is_printed_in_the_language_and_at_the_level_that_are_chosen(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    neutral = grace.get(at(staffed, "booked", "/schedule")).text
    assert "Wednesday, November 25, 2026" in neutral
    assert "MRI" not in neutral.split("app-sheet")[1]
    spanish = grace.get(at(staffed, "booked", "/schedule?language=es&privacy=full")).text
    assert "Su plan de seguimiento" in spanish
    assert "miércoles 25 de noviembre de 2026" in spanish
    assert "MRI of the primary site" in spanish
    arabic = grace.get(at(staffed, "booked", "/schedule?language=ar")).text
    assert '<article class="app-sheet" lang="ar" dir="rtl">' in arabic
    assert "الأربعاء، 25 نوفمبر 2026" in arabic


# -- holds -------------------------------------------------------------------------------------------------------


def hold(**more: object) -> dict[str, object]:
    return {"reason": "pregnancy", "start": TODAY, "review_on": TODAY + timedelta(days=90)} | more


def test_a_hold_asks_about_each_booked_visit_and_shows_what_it_does(staffed: Staffed) -> None:
    grace, path = staffed.client("grace"), at(staffed, "booked", "/hold")
    assert "Keep it" in grace.get(path).text
    asked = grace.post(path, **hold())
    assert asked.status_code == 422
    assert "Choose whether the visit of Wed 25 Nov 2026 is kept or cancelled" in asked.text
    visit = re.search(r'name="(visit-[0-9a-f-]{36})"', asked.text)
    assert visit
    shown = grace.post(path, **hold(**{visit[1]: "cancel"}))
    assert "The visit of Wed 25 Nov 2026 is called off. Release the slot at Riverside Imaging." in shown.text
    assert one(staffed, Plan, "booked").ended_on is None
    done = confirm(grace, path, **hold(**{visit[1]: "cancel"}))
    assert "On hold: pregnancy. It stands on the board before" in grace.follow(done).text
    assert one(staffed, PlanHold, "booked").review_on == TODAY + timedelta(days=90)


def test_what_was_changed_meanwhile_is_shown_again(staffed: Staffed) -> None:
    grace, path = staffed.client("grace"), at(staffed, "new", "/hold")
    answer = grace.post(path, seen="0" * 64, **hold())
    assert answer.status_code == 200
    assert "This is not what you looked at before" in answer.text


def test_a_mistake_stands_on_the_form(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    for fields, mistake in (
        ({"review_on": ""}, "Enter the day on which somebody looks at it again"),
        ({"reason": ""}, "Choose why nothing is due for now"),
        ({"review_on": TODAY - timedelta(days=9)}, "The review on 15 Nov 2026 must not lie before the start"),
        ({"start": TODAY + timedelta(days=3)}, "A hold starts between the anchor"),
        ({"item": "spleen"}, "Choose what is on hold"),
    ):
        answer = grace.post(at(staffed, "new", "/hold"), **(hold() | fields))
        assert (answer.status_code, mistake in answer.text) == (422, True), mistake


def test_a_hold_is_reviewed_and_resumed(staffed: Staffed) -> None:
    grace, row = staffed.client("grace"), one(staffed, PlanHold, "held")
    review = at(staffed, "held", f"/holds/{row.id}/review")
    assert grace.post(review, review_on=TODAY + timedelta(days=60), reason="").status_code == 422
    said = grace.follow(grace.post(review, review_on=TODAY + timedelta(days=60), reason="still pregnant"))
    assert "The hold is looked at again on Sat 23 Jan 2027." in said.text
    done = confirm(grace, at(staffed, "held", f"/holds/{row.id}/resume"), day=TODAY, reason="")
    assert "Resumed on Tue 24 Nov 2026." in grace.follow(done).text
    assert one(staffed, PlanHold, "held").resumed_on == TODAY
    assert grace.get(at(staffed, "held", f"/holds/{row.id}/resume")).status_code == 404


# -- ends, restarts, death -----------------------------------------------------------------------------------------


def test_a_clinician_ends_a_plan_and_a_coordinator_restarts_it(staffed: Staffed) -> None:
    helen, path = staffed.client("helen"), at(staffed, "new", "/end")
    end = {"reason": "recurrence", "day": TODAY, "note": "local"}
    missing = helen.post(path, **end)
    assert "Enter the day by which follow-up restarts" in missing.text
    done = confirm(helen, path, restart_by=TODAY + timedelta(days=120), **end)
    assert "Signed by Dr Helen Marsh." in helen.follow(done).text
    plan = one(staffed, Plan, "new")
    assert (plan.end_reason, plan.restart_by) == (EndReason.RECURRENCE, TODAY + timedelta(days=120))
    grace, path = staffed.client("grace"), at(staffed, "new", "/restart")
    fields = {"anchor": TODAY - timedelta(days=2), "protocol": "asps-extremity@2026.2", "interval-mri_primary": "4"}
    assert "Restarted from Sun 22 Nov 2026 as plan 2." in grace.follow(confirm(grace, path, **fields)).text
    assert one(staffed, PlanTerms, "new").intervals == {"mri_primary": 4}


def test_a_patient_who_was_followed_elsewhere_comes_back(staffed: Staffed) -> None:
    helen = staffed.client("helen")
    left = {"reason": "transfer", "day": TODAY, "note": "moved", "accepted_by": "City Hospital"}
    confirm(helen, at(staffed, "new", "/end"), **left)
    first = one(staffed, Plan, "new")
    grace, path = staffed.client("grace"), at(staffed, "new", "/return")
    assert "The patient comes back" in grace.get(at(staffed, "new")).text
    assert "Enter the reason" in grace.post(path, day=TODAY).text
    fields = {"day": TODAY, "reason": "came back from City Hospital"}
    assert "Days go on counting from" in grace.post(path, **fields).text
    assert "Followed here again." in grace.follow(confirm(grace, path, **fields)).text
    again = next(
        plan
        for plan in staffed.look(lambda work: list(work.session.exec(select(Plan))))
        if plan.previous_id == first.id
    )
    assert (again.anchor, again.number, again.away_since) == (first.anchor, first.number + 1, TODAY)


def test_an_end_is_taken_back(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    done = confirm(grace, at(staffed, "recurrence", "/reopen"), reason="wrong patient")
    assert "The plan goes on." in grace.follow(done).text
    assert one(staffed, Plan, "recurrence").ended_on is None


def test_a_death_says_what_will_happen_and_what_cannot_be_taken_back(staffed: Staffed) -> None:
    def just_now(work: Any) -> None:
        patient = work.session.get_one(Patient, staffed.patient_id(STORIES["booked"]))
        reminders.of_patient(work.session, patient.id)[-1].sent_at = NOW - timedelta(minutes=20)

    staffed.do(just_now)
    grace, path = staffed.client("grace"), at(staffed, "booked", "/died")
    shown = grace.post(path, day=TODAY, source="family")
    for words in (
        "Already handed over in the last hour",
        "The visit of Wed 25 Nov 2026 is called off",
        "is never sent again",
    ):
        assert words in shown.text
    done = grace.follow(confirm(grace, path, day=TODAY, source="family"))
    assert "Recorded: died on Tue 24 Nov 2026." in done.text
    assert "cannot be taken back" in done.text
    death = one(staffed, Death, "booked")
    back = confirm(grace, at(staffed, "booked", f"/retract/death/{death.id}"), reason="namesake")
    assert "Taken back: the death on Tue 24 Nov 2026." in grace.follow(back).text
    assert one(staffed, Plan, "booked").ended_on is None


# -- terms and anchor ----------------------------------------------------------------------------------------------


def test_other_intervals_are_shown_before_they_hold(staffed: Staffed) -> None:
    grace, path = staffed.client("grace"), at(staffed, "new", "/terms")
    fields = {"protocol": "asps-extremity@2026.2", "since": TODAY + timedelta(days=30), "reason": "TOSS"}
    assert "Choose another interval or another protocol" in grace.post(path, **fields).text
    fields |= {"interval-mri_primary": "6", "interval-chest_imaging": "6"}
    shown = grace.post(path, **fields).text
    assert "not wanted any more" in shown
    assert "Changed from Thu 24 Dec 2026 on." in grace.follow(confirm(grace, path, **fields)).text
    terms = one(staffed, PlanTerms, "new", col(PlanTerms.since).is_not(None))
    back = confirm(grace, at(staffed, "new", f"/retract/terms/{terms.id}"), reason="too early")
    assert "Taken back: the change of intervals" in grace.follow(back).text


def test_the_end_of_the_first_years_is_changed_with_what_that_leaves_out(staffed: Staffed) -> None:
    grace, path = staffed.client("grace"), at(staffed, "new", "/terms")
    fields = {"protocol": "asps-extremity@2026.2", "since": TODAY + timedelta(days=30), "reason": "as the rule says"}
    fields |= {"interval-mri_primary-until": "24", "interval-mri_primary-later": "12"}
    shown = grace.post(path, **fields).text
    assert "MRI of the primary site leaves out months 27, 30, 33, 42 and 54 of the protocol" in shown
    done = grace.follow(confirm(grace, path, **fields)).text
    assert "MRI of the primary site so often until month 24" in done
    assert one(staffed, PlanTerms, "new", col(PlanTerms.since).is_not(None)).intervals == {
        "mri_primary.until": 24,
        "mri_primary.later": 12,
    }
    assert "MRI of the primary site, later, every 12 months" in grace.get(path).text
    wrong = grace.post(path, **fields | {"interval-mri_primary-until": "30"})
    assert wrong.status_code == 422


def test_another_protocols_intervals_are_shown_on_request(staffed: Staffed) -> None:
    staffed.do(lambda work: approved(work, work.site(staffed.site_id()), "norway-sts-high"), "helen")
    grace, path = staffed.client("grace"), at(staffed, "new", "/terms")
    keys = re.findall(r'<option value="([^"@]+@[^"]+)"', grace.get(path).text)
    other = next(key for key in keys if not key.startswith("asps"))
    shown = grace.post(path, protocol=other, show="intervals", since=TODAY)
    assert shown.status_code == 200
    assert "There is a problem" not in shown.text
    assert "What changes" not in shown.text


def test_a_corrected_anchor_shows_its_difference(staffed: Staffed) -> None:
    grace, path = staffed.client("grace"), at(staffed, "new", "/anchor")
    anchor = one(staffed, Plan, "new").anchor
    same = grace.post(path, anchor=anchor, reason="typing error")
    assert "This is the day that is recorded already" in same.text
    right = anchor - timedelta(days=7)
    fields = {"anchor": right, "reason": "typing error"}
    assert re.search(r"\w{3} \d+ \w{3} \d{4} → \w{3} \d+ \w{3} \d{4}", grace.post(path, **fields).text)
    assert "The end of treatment is" in grace.follow(confirm(grace, path, **fields)).text
    assert one(staffed, Plan, "new").anchor == right


# -- one examination -----------------------------------------------------------------------------------------------


def test_an_examination_is_moved_skipped_and_the_skip_is_taken_back(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    row = one(staffed, ExaminationRow, "new", ExaminationRow.month == 6, ExaminationRow.item == "mri_primary")
    address = at(staffed, "new", f"/examinations/{row.id}")
    moved = confirm(grace, f"{address}/move", day=row.target + timedelta(days=10), reason="holiday")
    assert "MRI of the primary site, month 6 is moved to" in grace.follow(moved).text
    skipped = confirm(grace, f"{address}/skip", day=TODAY + timedelta(days=100), reason="done elsewhere")
    assert "is skipped; to be looked at again on" in grace.follow(skipped).text
    word = one(staffed, Override, "new", Override.kind == OverrideKind.SKIP)
    back = confirm(grace, at(staffed, "new", f"/retract/decision/{word.id}"), reason="not done elsewhere after all")
    assert "Taken back: the decision about MRI of the primary site, month 6" in grace.follow(back).text
    assert grace.get(at(staffed, "new", f"/retract/decision/{word.id}")).status_code == 404
    assert grace.get(at(staffed, "booked", f"/retract/decision/{word.id}")).status_code == 404


def test_an_extra_examination_is_asked_for(staffed: Staffed) -> None:
    grace, path = staffed.client("grace"), at(staffed, "new", "/extra")
    fields = {"item": "chest_imaging", "day": TODAY + timedelta(days=42), "tolerance": 7, "reason": "nodule"}
    assert "new" in grace.post(path, **fields).text
    assert "is asked for: Tue 5 Jan 2027" in grace.follow(confirm(grace, path, **fields)).text


def test_that_there_was_no_earlier_study_is_confirmed(staffed: Staffed) -> None:
    grace, path = staffed.client("grace"), at(staffed, "unknown", "/known-blank")
    items = re.findall(r'name="item"[^>]*value="(\w+)"|value="(\w+)"[^>]*name="item"', grace.get(path).text)
    assert items
    assert "Choose what was never examined before" in grace.post(path, reason="asked").text
    done = grace.post(path, item=[first or second for first, second in items], reason="asked the referring clinic")
    assert "Noted: no earlier study exists." in grace.follow(done).text
    assert "Last scan unknown" not in grace.get(at(staffed, "unknown")).text


def test_a_booking_outside_its_window_is_kept(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    site = staffed.site_id()
    rows = staffed.look(lambda work: worklist.rows(work, [site], Worklist.CONFLICTS))
    row = next(row for row in rows if row.appointment_id and row.study_id is None)
    path = f"/patients/{row.patient_id}/visits/{row.appointment_id}/keep"
    assert path in grace.get(f"/patients/{row.patient_id}").text
    done = grace.follow(confirm(grace, path, reason="the scanner is free only then"))
    assert "is kept." in done.text
    assert "Nothing is wrong with this visit any more" in grace.get(path).text


# -- studies -------------------------------------------------------------------------------------------------------


def test_a_study_goes_from_performed_to_told(staffed: Staffed) -> None:
    grace, helen = staffed.client("grace"), staffed.client("helen")
    path = at(staffed, "new", "/studies/new")
    assert "Choose what was examined" in grace.post(path, performed_on=TODAY).text
    done = grace.post(path, item=["mri_primary"], performed_on=TODAY - timedelta(days=1), accession="A9001")
    assert "The study of Mon 23 Nov 2026 is recorded." in grace.follow(done).text
    study = one(staffed, Study, "new")
    address = at(staffed, "new", f"/studies/{study.id}")
    said = grace.follow(grace.post(f"{address}/report", day=TODAY)).text
    assert "The final report of Tue 24 Nov 2026 is recorded." in said
    assert grace.post(f"{address}/review", day=TODAY, result="clear").status_code == 403
    unclear = helen.post(f"{address}/review", day=TODAY, result="suspicious")
    assert (unclear.status_code, "Enter the next action" in unclear.text) == (422, True)
    signed = helen.post(f"{address}/review", day=TODAY, result="suspicious", next_action="biopsy")
    assert "Reviewed: suspicious." in helen.follow(signed).text
    assert "Choose what follows from it" in grace.post(f"{address}/acted").text
    extra = {"extra_item": "mri_primary", "extra_day": TODAY + timedelta(days=42), "extra_reason": "repeat the MRI"}
    assert "The result is carried on." in grace.follow(grace.post(f"{address}/acted", follow="extra", **extra)).text
    assert "The patient was told" in grace.follow(grace.post(f"{address}/told", day=TODAY)).text
    study = one(staffed, Study, "new")
    assert (study.result, study.next_action_done_on, study.told_on) == (Result.SUSPICIOUS, TODAY, TODAY)
    assert grace.post(f"{address}/report", day=TODAY + timedelta(days=1)).status_code == 422


@pytest.mark.parametrize(("word", "said"), [("counts", "The study counts."), ("extra", "The study is extra evidence")])
def test_a_person_rules_on_an_early_study(staffed: Staffed, word: str, said: str) -> None:
    grace = staffed.client("grace")
    page = grace.get(at(staffed, "early")).text
    found = re.search(r"/studies/([0-9a-f-]{36})\" class=\"app-strong\"", page)
    assert found
    address = at(staffed, "early", f"/studies/{found[1]}")
    assert "Does it count?" in grace.get(address).text
    assert said in grace.follow(grace.post(f"{address}/count", counts=word, reason="agreed")).text
    assert grace.post(f"{address}/count", counts=word, reason="agreed").status_code == 422


# -- replies and calendars -----------------------------------------------------------------------------------------


def written(staffed: Staffed, story: str, body: str) -> UUID:
    def receive(work: Any) -> UUID:
        patient_id = staffed.patient_id(STORIES[story])
        phone = work.session.exec(select(Contact).where(Contact.patient_id == patient_id)).first().phone
        row = Inbound(provider_id=f"SM{body}", from_number=phone, to_number="+1", body=body, received_at=NOW)
        work.session.add(row)
        work.session.flush()
        return row.id

    return staffed.do(receive)


@pytest.mark.parametrize(("meant", "opted_out"), [("go-on", False), ("stop", True)])
def test_a_reply_is_settled(staffed: Staffed, meant: str, opted_out: bool) -> None:
    grace, reply = staffed.client("grace"), written(staffed, "new", "Where do I park?")
    path = at(staffed, "new", f"/replies/{reply}")
    assert path in grace.get(at(staffed, "new")).text
    assert "Where do I park?" in grace.get(path).text
    assert grace.post(path, meant=meant, note="").status_code == 422
    page = grace.follow(grace.post(path, meant=meant, note="called her"))
    assert "The reply is settled." in page.text
    assert "Settled a patient&#39;s reply" in page.text.split('id="history"')[1]
    phone = one(staffed, Contact, "new").phone
    number = staffed.look(lambda work: work.session.get(Number, phone))
    assert bool(number and number.opted_out_at) is opted_out
    assert grace.get(path).status_code == 404
    assert grace.get(at(staffed, "booked", f"/replies/{reply}")).status_code == 404


def test_a_calendar_address_is_shown_once_replaced_and_closed(staffed: Staffed) -> None:
    grace, path = staffed.client("grace"), at(staffed, "new", "/feeds/new")
    made = grace.post(path, language="es", privacy="neutral", label="her phone")
    assert made.status_code == 200
    address = re.search(r"http://localhost(/calendar/[0-9a-f]{48}\.ics)", made.text)
    assert address
    assert "<svg" in made.text.split("app-qr")[1]
    assert f"webcal://localhost{address[1]}" in made.text
    assert "Sus citas" in made.text  # the sheet that is printed
    assert grace.get(address[1]).status_code == 200
    feed = one(staffed, Feed, "new")
    assert address[1] not in grace.get(at(staffed, "new")).text
    fresh = grace.post(at(staffed, "new", f"/feeds/{feed.id}/rotate"), reason="phone lost")
    assert "shown only now" in fresh.text
    assert grace.get(address[1]).status_code == 410
    newest = one(staffed, Feed, "new", col(Feed.revoked_at).is_(None))
    closed = grace.follow(grace.post(at(staffed, "new", f"/feeds/{newest.id}/revoke"), reason=""))
    assert "The calendar address is closed" in closed.text
    assert grace.get(at(staffed, "new", f"/feeds/{newest.id}")).status_code == 404


def test_a_form_leads_back_to_where_it_came_from(staffed: Staffed) -> None:
    grace, row = staffed.client("grace"), one(staffed, PlanHold, "held")
    path = at(staffed, "held", f"/holds/{row.id}/review")
    fields = {"review_on": TODAY + timedelta(days=60), "reason": "so it is"}
    assert 'name="back" value="/?list=holds"' in grace.get(f"{path}?back=/?list=holds").text
    assert grace.post(path, back="/?list=holds", **fields).headers["location"] == "/?list=holds"


def test_a_study_and_a_hold_are_taken_back(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    study = one(staffed, Study, "booked")
    told = grace.follow(confirm(grace, at(staffed, "booked", f"/retract/study/{study.id}"), reason="other patient's"))
    assert "Taken back: the study of" in told.text
    held = one(staffed, PlanHold, "held")
    told = grace.follow(confirm(grace, at(staffed, "held", f"/retract/hold/{held.id}"), reason="never held"))
    assert "Taken back: the hold of the whole plan" in told.text
    assert grace.get(at(staffed, "held", f"/retract/nothing/{held.id}")).status_code == 404
