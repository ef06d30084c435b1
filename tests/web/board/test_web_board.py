"""The board over HTTP: what it shows to whom, what each form in a row's panel does, its file and its paper."""

import csv
import io
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlmodel import col, select
from staff import HERE, NOW, Staffed

from surveillance.core.words import AppointmentState, Result, Source
from surveillance.operations.board import worklist
from surveillance.operations.board.worklist import Filter, Worklist, WorklistRow
from surveillance.operations.replies import receiving
from surveillance.operations.visits import reschedule_requests
from surveillance.operations.work import Work
from surveillance.store.tables import (
    Appointment,
    AuditEvent,
    BoardAction,
    Contact,
    Inbound,
    Patient,
    PromiseCheck,
    Study,
)
from surveillance.web.pages.board import view

TODAY = NOW.date()


def rows(staffed: Staffed, name: Worklist, wanted: Filter = Filter()) -> list[WorklistRow]:  # noqa: B008
    return staffed.look(lambda work: worklist.rows(work, [staffed.site_id()], name, wanted))


def first(staffed: Staffed, name: Worklist) -> WorklistRow:
    return rows(staffed, name)[0]


def address(row: WorklistRow, what: str = "") -> str:
    return f"/board/{row.list}/{row.subject}" + (f"/{what}" if what else "")


def test_every_list_has_a_group_and_counts_what_it_shows(staffed: Staffed) -> None:
    assert sorted(view.in_order()) == sorted(Worklist)
    page = staffed.client("grace").get("/").text
    for name in Worklist:
        assert view.title(name, short=True) in page
    everything = rows(staffed, Worklist.OVERDUE)
    assert page.count('id="act-on-') == len(everything) > 0
    assert all(row.name in page and f"/patients/{row.patient_id}" in page for row in everything)


def test_a_look_at_the_board_is_in_the_trail_for_each_patient_shown(staffed: Staffed) -> None:
    staffed.client("grace").get("/?list=overdue")
    seen = staffed.look(
        lambda work: set(work.session.exec(select(col(AuditEvent.patient_id)).where(AuditEvent.action == "board.view")))
    )
    assert seen == {row.patient_id for row in rows(staffed, Worklist.OVERDUE)}


@pytest.mark.parametrize("visitor", ["visitor", "admin"])
def test_who_only_looks_is_offered_nothing_to_do(staffed: Staffed, visitor: str) -> None:
    page = staffed.client(visitor).get("/?list=overdue")
    assert page.status_code == 200
    assert "act-on-" not in page.text
    assert staffed.client(visitor).get(address(first(staffed, Worklist.OVERDUE))).status_code == 403


def test_another_clinics_rows_do_not_exist_here(staffed: Staffed) -> None:
    oscar, row = staffed.client("oscar"), first(staffed, Worklist.OVERDUE)
    assert row.name not in oscar.get("/?list=overdue").text
    assert oscar.get(address(row)).status_code == 404
    assert oscar.post(address(row, "note"), note="hello").status_code == 404
    assert oscar.get(f"/?site={HERE}").status_code == 404
    assert "Outsider" in oscar.get("/?list=without_plan").text
    assert "Outsider" not in staffed.client("grace").get("/?list=without_plan").text


def test_a_call_hides_the_row_and_leads_back_to_where_one_was(staffed: Staffed) -> None:
    grace, row = staffed.client("grace"), first(staffed, Worklist.OVERDUE)
    back = "/?list=overdue&sort=name"
    answer = grace.post(address(row, "call"), call="left a message", back=back)
    assert answer.headers["location"] == back
    page = grace.follow(answer).text
    assert "The call is written down" in page
    assert f"/board/overdue/{row.subject}" not in page
    aside = grace.get(back + "&hidden=yes").text
    assert "left a message" in aside
    assert "Put aside until 27 Nov 2026" in aside


def test_a_live_form_answers_with_the_board_and_its_counts(staffed: Staffed) -> None:
    grace, row = staffed.client("grace"), first(staffed, Worklist.OVERDUE)
    before = len(rows(staffed, Worklist.OVERDUE))
    answer = grace.post(address(row, "call"), live=True, call="nobody there", back="/?list=overdue", at="0")
    assert (answer.status_code, answer.headers["hx-retarget"]) == (200, "#board")
    assert answer.text.lstrip().startswith('<div id="board"')
    assert answer.text.count('id="act-on-') == before - 1
    assert answer.text.count("data-focus") == 1, "the row that followed takes the reader's place"


@pytest.mark.parametrize(
    ("what", "fields", "complaint"),
    [
        ("call", {"call": " "}, "Enter what came of the call"),
        ("snooze", {}, "Enter the day on which the row comes back"),
        ("snooze", {"snooze": "2020-01-01"}, "is past"),
        ("assign", {}, "Choose who takes it over"),
        ("skip", {"reason": "patient abroad"}, "Enter the day on which somebody looks at it again"),
    ],
)
def test_a_form_that_lacks_something_says_so_and_keeps_what_was_typed(
    staffed: Staffed, what: str, fields: dict[str, str], complaint: str
) -> None:
    row = first(staffed, Worklist.OVERDUE)
    for live in (True, False):
        answer = staffed.client("grace").post(address(row, what), live=live, back="/?list=overdue", **fields)
        assert answer.status_code == 422
        assert complaint in answer.text
        assert all(value in answer.text for value in fields.values() if value.strip())
    assert staffed.look(lambda work: work.session.exec(select(BoardAction)).all()) == []


def done(staffed: Staffed, username: str, name: Worklist, what: str, **fields: object) -> str:
    """Settle the first row of a list and say what the next page tells; the row is gone then."""
    client, row = staffed.client(username), first(staffed, name)
    page = client.follow(client.post(address(row, what), back=f"/?list={name}", **fields)).text
    assert row.subject not in {left.subject for left in rows(staffed, name)}
    assert client.get(address(row)).status_code == 404
    return page


def test_a_coordinator_settles_rows_of_every_kind(staffed: Staffed) -> None:
    later = TODAY + timedelta(days=40)
    assert "is skipped" in done(staffed, "grace", Worklist.OVERDUE, "skip", reason="abroad", review_on=later)
    assert "The report on" in done(staffed, "grace", Worklist.NO_REPORT, "report", on=TODAY)
    assert "was told the result" in done(staffed, "grace", Worklist.NOT_TOLD, "told", told_on=TODAY)
    board = done(staffed, "grace", Worklist.RESULT_TASKS, "task", on=TODAY, task_outcome="follow up in 3 months")
    assert "present the CT at the tumour board" in board


def test_a_result_that_is_not_clear_is_not_ticked_off_on_the_board(staffed: Staffed) -> None:
    grace, row = staffed.client("grace"), first(staffed, Worklist.NO_NEXT_ACTION)
    assert grace.post(address(row, "acted"), on=TODAY).status_code == 404
    board = grace.get("/?list=no_next_action").text
    assert f"/patients/{row.patient_id}/studies/{row.study_id}?" in board
    assert "Say what follows" in board


def test_the_outcome_of_a_visit_is_recorded_for_each_examination(staffed: Staffed) -> None:
    grace, row = staffed.client("grace"), first(staffed, Worklist.OUTCOME_UNKNOWN)
    panel = grace.live(address(row)).text
    names = sorted({part.split('"')[0] for part in panel.split('name="outcome-')[1:]})
    assert "MRI of the primary site" in panel
    one, *others = names
    fields = {f"outcome-{one}": "performed"} | {f"outcome-{other}": "noshow" for other in others}
    page = grace.follow(grace.post(address(row, "outcome"), back="/?list=outcome_unknown", **fields)).text
    assert "is recorded" in page
    assert row.subject not in page


def test_only_a_clinician_reviews_and_what_is_not_clear_needs_a_next_action(staffed: Staffed) -> None:
    row = first(staffed, Worklist.NOT_REVIEWED)
    grace, helen = staffed.client("grace"), staffed.client("helen")
    assert "A clinician reviews it" in grace.live(address(row)).text
    assert grace.post(address(row, "review"), on=TODAY, result="clear").status_code == 403
    refused = helen.post(address(row, "review"), live=True, on=TODAY, result="suspicious")
    assert (refused.status_code, "Enter the next action" in refused.text) == (422, True)
    for result in ("recurrence", "inadequate"):
        refused = helen.post(address(row, "review"), live=True, on=TODAY, result=result, next_action="x")
        assert (refused.status_code, "own page, with what follows" in refused.text) == (422, True)
    done(staffed, "helen", Worklist.NOT_REVIEWED, "review", on=TODAY, result="suspicious", next_action="biopsy")
    study = staffed.look(lambda work: work.session.get(Study, row.study_id))
    assert (study.result, study.next_action) == (Result.SUSPICIOUS, "biopsy")


def test_a_reply_is_listed_with_what_to_know_and_settled(staffed: Staffed) -> None:
    phone = staffed.look(lambda work: _phone(work))
    sent = {"MessageSid": "SM1", "From": phone, "To": "+1", "Body": "Which entrance?"}
    staffed.do(lambda work: receiving.receive(work, sent))
    row = first(staffed, Worklist.REPLIES)
    page = staffed.client("grace").get("/?list=replies").text
    assert "Which entrance?" in page
    assert f"/patients/{row.patient_id}/replies/{UUID(row.subject)}" in page
    assert "Choose what was meant" in staffed.client("grace").post(address(row, "reply")).text
    page = done(staffed, "grace", Worklist.REPLIES, "reply", meant="go-on", said="called back")
    assert "The reply is settled" in page
    assert staffed.look(lambda work: work.session.exec(select(Inbound)).one().handling) == "called back"


def test_a_wish_for_another_day_is_listed_with_its_days_and_leads_to_moving_the_visit(staffed: Staffed) -> None:
    def wish(work) -> UUID:
        booked = (Appointment.state == AppointmentState.BOOKED, col(Appointment.starts_at) > work.now)
        visit = work.session.exec(select(Appointment).where(*booked)).first()
        reschedule_requests.request_reschedule(work, visit, Source.PAGE, "work that week", [TODAY + timedelta(days=30)])
        return visit.id

    visit_id = staffed.do(wish)
    page = staffed.client("grace").get("/?list=reschedule").text
    for words in ("on the patient&#39;s page", "work that week", "24 Dec 2026", f"/visits/{visit_id}/move"):
        assert words in page
    row = first(staffed, Worklist.RESCHEDULE)
    assert "Enter what was agreed" in staffed.client("grace").post(address(row, "wish")).text
    told = done(staffed, "grace", Worklist.RESCHEDULE, "wish", agreed="comes as booked")
    assert "for another day is settled" in told


def _phone(work) -> str:

    return work.session.exec(select(col(Contact.phone)).where(col(Contact.phone).is_not(None))).first()


def test_a_row_is_handed_over_and_found_among_its_new_owners(staffed: Staffed) -> None:
    ivan, row = staffed.client("ivan"), rows(staffed, Worklist.OVERDUE)[-1]
    to = staffed.look(
        lambda work: next(user.id for user in worklist.people(work, [row.site_id]) if user.username == "grace")
    )
    ivan.post(address(row, "assign"), to=to, back="/")
    assert row.subject in staffed.client("grace").get("/?list=overdue&owner=mine").text
    assert row.subject in ivan.get("/?list=overdue&owner=grace").text
    assert row.subject in ivan.get("/?list=overdue&owner=mine&cover=grace").text
    assert row.subject not in ivan.get("/?list=overdue&owner=nobody").text


@pytest.mark.parametrize(
    "query", ["list=nonsense", "page=x", "page=99999999", "sort=no&owner=no&cover=no", "list=holds&page=9"]
)
def test_an_address_that_nobody_made_is_harmless(staffed: Staffed, query: str) -> None:
    assert staffed.client("grace").get(f"/?{query}").status_code == 200


def test_an_unknown_row_list_or_action_is_not_found(staffed: Staffed) -> None:
    grace, row = staffed.client("grace"), first(staffed, Worklist.OVERDUE)
    for path in ("/board/overdue/zz", "/board/nothing/aa", f"/board/overdue/{'0' * 32}", "/board/overdue/%2B1"):
        assert grace.get(path).status_code == 404, path
    assert grace.post(address(row, "fly")).status_code == 404


# -- the file and the paper ------------------------------------------------------------------------------------


def test_the_file_of_a_list_has_all_its_rows_and_no_cell_is_a_formula(staffed: Staffed) -> None:
    def rename(work: Work) -> None:
        row = work.session.get(Patient, first(staffed, Worklist.OVERDUE).patient_id)
        row.family_name = "=cmd()"

    staffed.do(rename)
    answer = staffed.client("grace").get("/board/rows.csv?list=overdue")
    assert answer.headers["content-disposition"] == 'attachment; filename="overdue.csv"'
    cells = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [cell["MRN"] for cell in cells] == [row.mrn for row in rows(staffed, Worklist.OVERDUE)]
    assert any(cell["Patient"].startswith("'=cmd()") for cell in cells)


def test_the_paper_of_a_day_names_its_visits_and_the_calls_to_make(staffed: Staffed) -> None:
    page = staffed.client("grace").get("/board/day").text
    assert "Tue 24 Nov 2026" in page
    assert all(row.name in page for row in rows(staffed, Worklist.OVERDUE))
    assert "202-555-" in page


# -- the nightly proof -----------------------------------------------------------------------------------------


def proved(staffed: Staffed, *found: dict[str, str], hours: float = 1) -> str:
    at = NOW - timedelta(hours=hours)
    check = PromiseCheck(started_at=at, finished_at=at, plans=12, violations=len(found), found=list(found))
    staffed.do(lambda work: work.session.add(check))
    return staffed.client("grace").get("/").text


def test_the_board_tells_what_the_last_proof_found_at_ones_own_clinic(staffed: Staffed) -> None:
    assert "is not checked yet" in staffed.client("grace").get("/").text
    assert "Checked Tue 24 Nov 2026, 07:00: nobody is lost, in 12 plans" in proved(staffed)
    broken = {"rule": "one plan", "subject": "MRN 7", "what": "2 active plans", "mend": "end all but one of them"}
    page = proved(staffed, broken | {"site": HERE}, broken | {"site": "ELSEWHERE", "subject": "MRN 8"}, hours=0.5)
    assert "MRN 7" in page
    assert "MRN 8" not in page


def test_a_proof_that_is_too_old_is_said_to_be(staffed: Staffed) -> None:
    assert "a night was missed" in proved(staffed, hours=40)


# -- search ------------------------------------------------------------------------------------------------------


def test_a_search_finds_by_name_and_by_birth_date_and_is_in_the_trail(staffed: Staffed) -> None:
    grace, row = staffed.client("grace"), first(staffed, Worklist.OVERDUE)
    patient = staffed.look(lambda work: work.session.get_one(Patient, row.patient_id))
    born: date = patient.birth_date
    for text in (patient.family_name[:4], f"{born:%d.%m.%Y}", f"{patient.family_name} {born.isoformat()}"):
        assert f"/patients/{patient.id}" in grace.get(f"/search?q={text}").text
    actions = staffed.look(lambda work: set(work.session.exec(select(AuditEvent.action))))
    assert "patient.find" in actions


def test_an_mrn_leads_straight_to_its_patient_and_nobody_is_found_elsewhere(staffed: Staffed) -> None:
    row = first(staffed, Worklist.OVERDUE)
    found = staffed.client("grace").get(f"/search?q={row.mrn}")
    assert (found.status_code, found.headers["location"]) == (303, f"/patients/{row.patient_id}")
    assert "Nobody at your sites" in staffed.client("oscar").get(f"/search?q={row.mrn}").text
    for text in ("", "%", "'; --", "a" * 5000):
        assert staffed.client("grace").get("/search").status_code == 200
        assert staffed.client("grace").client.get("/search", params={"q": text}).status_code == 200
