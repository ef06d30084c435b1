"""The page of letters: what is printed and what cannot be, and the word that they were posted."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from browser import Screen
from sqlmodel import col, select
from staff import Staffed

from surveillance.core.words import Channel, ReminderState
from surveillance.operations.registry import patients as registry_patients
from surveillance.store.registry import patients
from surveillance.store.tables import Attempt, Patient, Reminder

ADDRESS = "12 Orchard Lane\nSpringfield VT 05156"


def letters(staffed: Staffed, count: int = 2) -> list[str]:
    """So many messages of visits to come that are letters by now; the names of their patients, the first ones first."""

    def change(work: Any) -> list[str]:
        ahead = select(Reminder).where(
            Reminder.state == ReminderState.PLANNED,
            col(Reminder.appointment_id).is_not(None),
            col(Reminder.subject_day) > (staffed.now + timedelta(days=10)).date(),
        )
        names, seen = [], set()
        for row in work.session.exec(ahead.order_by(col(Reminder.subject_day), col(Reminder.id))):
            if row.patient_id in seen or len(names) == count:
                continue
            seen.add(row.patient_id)
            row.state, row.channel, row.key = ReminderState.TASK, Channel.LETTER, row.key.rpartition(":")[0] + ":letter"
            patient = work.session.get_one(Patient, row.patient_id)
            contacts = patients.contacts(work.session, patient.id)
            contact = (
                contacts[0]
                if contacts
                else registry_patients.add_contact(work, patient, registry_patients.NewContact(), 1)
            )
            contact.postal_address = ADDRESS
            names.append(f"{patient.given_name} {patient.family_name}")
        return names

    return staffed.do(change)


def marks(page: str) -> list[str]:
    return re.findall(r'name="letter" type="checkbox" value="([^"]+)"', page)


def test_letters_are_printed_one_on_a_page_and_written_down_as_posted(staffed: Staffed) -> None:
    names = letters(staffed)
    client = staffed.client("grace")
    page = client.get("/messages/letters").text
    assert page.count("<article") == len(names) == 2
    assert all(f"Dear {name}," in page for name in names)
    assert "12 Orchard Lane" in page
    first, *others = marks(page)
    done = client.follow(client.post("/messages/letters/posted", letter=[first, *[each[:-1] + "x" for each in others]]))
    assert "1 letter is written down as posted." in done.text
    assert "it says something else by now: print it again" in done.text
    kept = staffed.look(lambda work: work.session.exec(select(Attempt).where(Attempt.channel == Channel.LETTER)).all())
    assert [attempt.transport for attempt in kept] == ["post"]
    assert marks(client.get("/messages/letters").text) == others


def test_a_letter_without_an_address_is_no_letter_and_says_what_to_do(staffed: Staffed) -> None:
    letters(staffed, 1)
    board = staffed.client("grace").get("/?list=unreachable").text
    assert "Print the letters" in board
    assert "Letter: " in board
    (row_id,) = (mark.partition(":")[0] for mark in marks(staffed.client("grace").get("/messages/letters").text))

    def remove(work: Any) -> None:
        row = work.session.get_one(Reminder, UUID(row_id))
        for contact in patients.contacts(work.session, row.patient_id):
            contact.postal_address = ""

    staffed.do(remove)
    page = staffed.client("grace").get("/messages/letters").text
    assert "There is no postal address: find another way to reach the patient." in page
    assert marks(page) == []


def test_a_call_has_the_numbers_and_the_words_at_hand_and_then_says_what_became_of_it(staffed: Staffed) -> None:
    letters(staffed, 1)

    def call(work: Any) -> UUID:
        row = work.session.exec(select(Reminder).where(Reminder.channel == Channel.LETTER)).one()
        row.channel = Channel.CALL
        return row.id

    page = staffed.client("grace").get(f"/messages/{staffed.do(call)}").text
    said, _, form = page.partition("What became of it?")
    assert "To say on the telephone" in said
    assert 'href="tel:+1' in said
    assert "please call +1 202-555-0100" in said
    assert "The patient was told" in form


@pytest.mark.parametrize("given", [[], ["no mark"], ["0a1b:2c"]])
def test_nothing_ticked_is_told(staffed: Staffed, given: list[str]) -> None:
    letters(staffed, 1)
    done = staffed.client("grace").post("/messages/letters/posted", letter=given)
    assert done.status_code == 422
    assert "Tick the letters that were posted" in done.text


def test_each_letter_is_a_sheet_of_the_countrys_paper(
    staffed: Staffed, window: Callable[..., AbstractContextManager[Screen]]
) -> None:
    letters(staffed)
    with window("grace") as shown:
        shown.sound(path="/messages/letters")
        printed = shown.page.pdf(prefer_css_page_size=True)
    sheets = re.findall(rb"/MediaBox\s*\[([^\]]*)\]", printed)
    assert sheets == [b"0 0 612 792"] * 2  # points of US Letter
