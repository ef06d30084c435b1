"""A clinic's own texts and its languages: written with a preview, approved by whom, shown as a patient gets them."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from browser import PHONE, Screen
from sqlmodel import select
from staff import HERE, Staffed, Visitor

from surveillance.core.messages.policy import PLANNED_STEPS
from surveillance.core.texts.message_book import Template
from surveillance.core.words import Privacy, Step
from surveillance.operations.registry import patients
from surveillance.operations.registry.patients import NewContact
from surveillance.operations.wording import languages, site_wording
from surveillance.operations.wording.site_wording import Which
from surveillance.store.tables import Patient, SiteText
from surveillance.web.pages.wording.languages import ANSWERS

EDITOR = f"/messages/texts/{HERE}/en/7d/neutral"
SMS = "{clinic}: we see you on {date}, {time}. Call {phone}."
BODY = "{clinic}\r\n\r\n{date}, {time}, {phone}\r\n"
TYPED = {"sms": SMS, "subject": "See you on {date}", "body": BODY}
READ = Template(SMS, TYPED["subject"], BODY.replace("\r\n", "\n").strip())
WHICH = Which("en", Step.DAYS_7, Privacy.NEUTRAL)


def drafted(staffed: Staffed) -> SiteText:
    """Grace's draft."""
    return staffed.do(lambda work: site_wording.draft(work, work.site(staffed.site_id()), WHICH, READ), "grace")


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def approve(visitor: Visitor, row: SiteText, **fields: Any) -> Any:
    values = {"sms": row.sms, "subject": row.subject, "body": row.body, "read": "yes"} | fields
    return visitor.post(f"/messages/texts/{row.id}/approve", **values)


def test_a_wording_goes_from_the_editor_to_the_patients(staffed: Staffed) -> None:
    grace, helen = staffed.client("grace"), staffed.client("helen")
    editor = grace.get(EDITOR).text
    assert "as the service brings it" in editor
    assert "{greeting}{clinic}: your appointment is on {date}" in editor
    assert "A clinician or an administrator" not in editor
    kept = grace.follow(grace.post(EDITOR, **TYPED, do="draft")).text
    assert "The draft is kept" in kept
    assert "A clinician or an administrator approves it" in kept
    (row,) = staffed.look(lambda work: list(work.session.exec(select(SiteText))))
    assert Template(row.sms, row.subject, row.body) == READ
    assert "a draft waits" in grace.get("/messages/texts").text
    assert "tick the box" in helen.post(f"/messages/texts/{row.id}/approve", **TYPED).text
    assert "changed this wording since you read it" in approve(helen, row, sms="something else").text
    done = helen.follow(approve(helen, row)).text
    assert "It is approved" in done
    assert "Withdraw our wording" in done
    listed = text_of(staffed.client("visitor").get("/messages/texts").text)
    assert "we see you on Wednesday, September 23, 2026" in listed
    assert "own wording" in listed
    assert "Changed since it was approved on" in listed
    withdrawn = helen.follow(helen.post(f"{EDITOR}/withdraw")).text
    assert "messages say what the service brings" in withdrawn
    assert "Helen" in withdrawn[withdrawn.index("History") :]
    assert "no wording of the clinic" in text_of(helen.post(f"{EDITOR}/withdraw").text)


def test_a_draft_is_discarded_and_what_is_used_already_is_none(staffed: Staffed) -> None:
    grace, row = staffed.client("grace"), drafted(staffed)
    assert "The draft is discarded" in grace.follow(grace.post(f"/messages/texts/{row.id}/discard")).text
    usual = staffed.look(lambda work: site_wording.brought(work, WHICH))
    again = grace.post(EDITOR, sms=usual.sms, subject=usual.subject, body=usual.body, do="draft")
    assert "This is the text that is used already" in again.text


def test_a_refusal_names_every_reason_at_its_field_and_keeps_what_was_typed(staffed: Staffed) -> None:
    answer = staffed.client("grace").post(
        EDITOR, sms="{clinic} {dat} Reply YES", subject="Your MRI", body=BODY, do="draft"
    )
    assert answer.status_code == 422
    summary = answer.text[answer.text.index("There is a problem") : answer.text.index("</h1>")]
    for words in (
        'href="#sms"', "holds {dat} at character 10", "invites to reply &#39;YES&#39; at character 22",
        'href="#subject"', "says &#39;MRI&#39; at character 6",
    ):  # fmt: skip
        assert words in summary
    assert "{clinic} {dat} Reply YES</textarea>" in answer.text
    assert staffed.look(lambda work: list(work.session.exec(select(SiteText)))) == []


def test_the_preview_shows_both_texts_filled_with_what_they_cost(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    live = grace.post(f"{EDITOR}/preview", **(TYPED | {"sms": SMS + " Señoría"}), live=True)
    assert live.status_code == 200
    assert "<html" not in live.text
    page = text_of(live.text)
    assert "we see you on Wednesday, September 23, 2026" in page
    assert "UCS-2, 2 parts" in page
    assert "holds &#39;í&#39; at character 60, which makes the message cost twice as much: write i" in page
    assert "What the service brings" in page
    whole = grace.post(EDITOR, **(TYPED | {"sms": "{clinic"}), do="preview")
    assert whole.status_code == 200
    assert "has a single &#39;{&#39; at character 1" in whole.text
    assert staffed.look(lambda work: list(work.session.exec(select(SiteText)))) == []


@pytest.mark.parametrize("path", ["en/7d/loud", "en/answer/neutral", "en/9d/neutral", "xx/7d/neutral"])
def test_a_text_that_is_none_does_not_exist(staffed: Staffed, path: str) -> None:
    assert staffed.client("grace").get(f"/messages/texts/{HERE}/{path}").status_code == 404


def test_coordinators_draft_and_do_not_approve(staffed: Staffed) -> None:
    row, grace, olga = drafted(staffed), staffed.client("grace"), staffed.client("olga")
    assert approve(grace, row).status_code == 403
    assert grace.post(f"{EDITOR}/withdraw").status_code == 403
    assert grace.post(f"/messages/languages/{HERE}/fr/approve", read="yes").status_code == 403
    assert approve(olga, row).status_code == 404  # who administers another clinic
    assert olga.get(EDITOR).status_code == 404
    assert staffed.client("visitor").get(EDITOR).status_code == 403


# -- languages -------------------------------------------------------------------------------------------------


def test_a_language_is_read_in_one_go_approved_and_withdrawn(staffed: Staffed) -> None:
    patient_id = staffed.patient_id("000101")

    def speak(work: Any) -> None:
        patients.add_contact(work, work.session.get_one(Patient, patient_id), NewContact(language="ar"), 2)

    staffed.do(speak)
    admin, grace = staffed.client("admin"), staffed.client("grace")
    assert "1 patient speaks Arabic" in text_of(grace.get(f"/messages/languages?site={HERE}").text)
    assert "has not approved messages in Arabic" in grace.get(f"/patients/{patient_id}/contacts").text
    assert "has not approved messages in Arabic" in text_of(grace.get(f"/patients/{patient_id}").text)
    page = admin.get(f"/messages/languages/{HERE}/ar").text
    assert page.count('<blockquote class="app-sms" lang="ar" dir="rtl"') == len(PLANNED_STEPS) + len(ANSWERS)
    texts = re.search(r'name="texts" value="(\w+)"', page)
    assert texts is not None
    address = f"/messages/languages/{HERE}/ar"
    assert "tick the box" in admin.post(f"{address}/approve", texts=texts[1]).text
    assert "changed since you read them" in admin.post(f"{address}/approve", texts="other", read="yes").text
    listed = text_of(admin.follow(admin.post(f"{address}/approve", texts=texts[1], read="yes")).text)
    assert "Arabic is approved" in listed
    assert "speaks Arabic" not in listed
    assert "has not approved" not in grace.get(f"/patients/{patient_id}").text
    gone = text_of(admin.follow(admin.post(f"{address}/withdraw")).text)
    assert "does not write in Arabic any more. 1 patient who speak it: messages go out in English" in gone
    for code in staffed.look(lambda work: list(languages.usable(work, work.site(staffed.site_id()))))[1:]:
        admin.post(f"/messages/languages/{HERE}/{code}/withdraw")
    assert "only language" in admin.post(f"/messages/languages/{HERE}/en/withdraw").text
    assert admin.get(f"/messages/languages/{HERE}/xx").status_code == 404


def test_a_wording_that_an_upgrade_broke_is_told_on_the_board_and_the_list(staffed: Staffed) -> None:
    def broken(work: Any) -> None:
        row = site_wording.draft(work, work.site(staffed.site_id()), WHICH, READ)
        row.sms, row.approved_at, row.approved_by = "{clinic} {gone}", work.now, work.actor.user_id

    staffed.do(broken)
    for path in ("/", "/messages"):
        page = text_of(staffed.client("grace").get(path).text)
        assert "own wording cannot be used any more (7 days before, English)" in page
        assert "holds {gone} at character 10" in page


@pytest.mark.browser
def test_the_preview_follows_what_is_typed_and_the_pages_are_sound(
    staffed: Staffed, window: Callable[..., AbstractContextManager[Screen]]
) -> None:
    drafted(staffed)
    with window("helen") as screen:
        page = screen.open(EDITOR)
        page.locator("#sms").press_sequentially(" Ă", delay=0)
        page.locator("#shown", has_text="makes the message cost twice as much").wait_for()
        screen.sound()
        screen.sound(path=f"/messages/languages/{HERE}/ar")
        page.set_viewport_size({"width": PHONE, "height": 800})
        for path in (EDITOR, f"/messages/languages?site={HERE}"):
            screen.sound(path=path)
