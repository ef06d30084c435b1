"""The pages about messages: lists, one message's life, its texts, and holding all of it back."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from browser import PHONE, Screen
from sqlmodel import col, select
from staff import Staffed

from surveillance.core.messages.policy import PLANNED_STEPS
from surveillance.core.words import Privacy, ReminderState, Step
from surveillance.operations.dispatch import senders
from surveillance.operations.messages.acts import TaskOutcome
from surveillance.operations.messages.events import turning
from surveillance.operations.messages.lists import Which
from surveillance.operations.registry import numbers
from surveillance.store.messages import reminders as store
from surveillance.store.tables import AuditEvent, Callback, Contact, DispatchPause, Number, Patient, Reminder, Sender
from surveillance.web.pages.messages import messages


def one(staffed: Staffed, *states: ReminderState, **values: Any) -> UUID:
    """A message in one of these states, with some of its values changed."""

    def change(work: Any) -> UUID:
        statement = select(Reminder).where(col(Reminder.state).in_(states)).order_by(col(Reminder.due_at).desc())
        row = work.session.exec(statement).first()
        row.sqlmodel_update(values)
        return row.id

    return staffed.do(change)


def row(staffed: Staffed, message_id: UUID) -> Reminder:
    return staffed.look(lambda work: work.session.get_one(Reminder, message_id))


def a_task(staffed: Staffed) -> UUID:
    return one(staffed, ReminderState.PLANNED, state=ReminderState.TASK, reason="no phone that takes messages")


def test_every_word_that_the_pages_know_is_there() -> None:
    assert set(messages.LISTS) == set(Which)
    assert set(messages.OUTCOMES) == set(TaskOutcome)
    assert set(messages.COLOURS) == set(ReminderState)


def test_the_list_shows_the_patients_own_time_and_the_clinics_beside_it(staffed: Staffed) -> None:
    message_id = one(staffed, ReminderState.PLANNED)
    patient_id = row(staffed, message_id).patient_id
    staffed.do(lambda work: setattr(work.session.get_one(Patient, patient_id), "time_zone", "America/Los_Angeles"))
    page = staffed.client("visitor").get("/messages?list=upcoming").text
    assert "in Los Angeles" in page
    assert "UTC" not in page
    looks = select(AuditEvent).where(AuditEvent.action == "patient.view", AuditEvent.patient_id == patient_id)
    assert staffed.look(lambda work: work.session.exec(looks).first()) is not None


def test_every_list_opens_in_words(staffed: Staffed) -> None:
    a_task(staffed)
    for which in Which:
        page = staffed.client("grace").get(f"/messages?list={which}")
        assert page.status_code == 200
        read = re.sub(r"<[^>]+>", " ", page.text)
        assert [raw for raw in ("in_doubt", "on_booking", "7d", "task", "UTC") if raw in read] == []


def shown(staffed: Staffed, **query: str) -> set[UUID]:
    """The ids of the messages that a search shows."""
    answer = staffed.client("grace").client.get("/messages", params=query, headers={"accept": "text/html"})
    rows = staffed.look(lambda work: list(work.session.exec(select(col(Reminder.id)))))
    return {each for each in rows if f"/messages/{each}" in answer.text}


def test_a_search_narrows_by_patient_step_channel_and_local_day(staffed: Staffed) -> None:
    message_id = one(staffed, ReminderState.PLANNED)
    message = row(staffed, message_id)
    patient = staffed.look(lambda work: work.session.get_one(Patient, message.patient_id))
    everything = shown(staffed, list="upcoming")
    own = shown(staffed, list="upcoming", patient=patient.family_name.upper())
    assert message_id in own < everything
    assert shown(staffed, list="upcoming", patient=patient.mrn) == own
    assert shown(staffed, list="upcoming", step=message.step) < everything
    assert shown(staffed, list="upcoming", channel="email") == set()
    day = message.due_at - timedelta(hours=5)  # New York in winter
    assert message_id in shown(staffed, list="upcoming", day=day.date().isoformat())
    assert message_id not in shown(staffed, list="upcoming", day=(day.date() - timedelta(days=1)).isoformat())
    assert shown(staffed, list="upcoming", page="2") == set()
    assert "must be a real day" in staffed.client("grace").get("/messages?day=tomorrow").text


def test_a_message_tells_its_life_from_plan_to_arrival(staffed: Staffed) -> None:
    message_id = one(staffed, ReminderState.DELIVERED)

    def report(work: Any) -> None:
        attempt = store.attempts(work.session, message_id)[0]
        work.session.add(
            Callback(
                provider_id=str(attempt.provider_id), status="undelivered", attempt_id=attempt.id, error_code="30003",
                received_at=work.now,
            )
        )  # fmt: skip

    staffed.do(report)
    page = staffed.client("grace").get(f"/messages/{message_id}").text
    for words in ("Planned", "Riverside Clinic:", "in English: delivered", "did not arrive (code 30003)", "Went out"):
        assert words in page
    assert "Settle it" not in page
    assert "Try it again" not in page


def test_a_planned_message_shows_what_it_would_say_now(staffed: Staffed) -> None:
    page = staffed.client("visitor").get(f"/messages/{one(staffed, ReminderState.PLANNED)}").text
    assert "As it would read now" in page
    assert "Riverside Clinic" in page


def test_a_task_is_settled_with_what_became_of_it(staffed: Staffed) -> None:
    message_id, grace = a_task(staffed), staffed.client("grace")
    page = grace.get(f"/messages/{message_id}").text
    assert "no phone that takes messages" in page
    assert "The message had arrived" not in page, "it was never sent"
    assert "Choose what became of it" in grace.post(f"/messages/{message_id}/settle").text
    answer = grace.post(f"/messages/{message_id}/settle", outcome="told", note="spoke to her mother")
    page = grace.follow(answer).text
    assert "The message is settled." in page
    assert "Settled by Grace Okafor. The patient was told: spoke to her mother" in page
    assert row(staffed, message_id).state is ReminderState.DELIVERED
    again = grace.post(f"/messages/{message_id}/settle", outcome="told")
    assert again.status_code == 422


def test_what_failed_is_tried_again(staffed: Staffed) -> None:
    message_id = one(staffed, ReminderState.PLANNED, state=ReminderState.FAILED, reason="the line was busy")
    grace = staffed.client("grace")
    assert "Try it again" in grace.get(f"/messages/{message_id}").text
    grace.follow(grace.post(f"/messages/{message_id}/resend"))
    assert row(staffed, message_id).state is ReminderState.PLANNED
    assert "is not sent again" in grace.post(f"/messages/{message_id}/resend").text


def test_who_only_looks_changes_nothing_and_another_clinic_sees_nothing(staffed: Staffed) -> None:
    message_id = a_task(staffed)
    viewer = staffed.client("visitor")
    assert "Settle it" not in viewer.get(f"/messages/{message_id}").text
    assert viewer.post(f"/messages/{message_id}/settle", outcome="told").status_code == 403
    assert viewer.get("/messages/sending").status_code == 403
    assert staffed.client("oscar").get(f"/messages/{message_id}").status_code == 404
    assert staffed.client("oscar").get(f"/messages/{uuid4()}").status_code == 404


# -- holding back ------------------------------------------------------------------------------------------------


def standing(staffed: Staffed) -> list[str]:
    return staffed.look(lambda work: [pause.why for pause in work.session.exec(select(DispatchPause))])


def test_a_pause_holds_a_clinic_back_with_its_reason_in_view_until_it_is_resumed(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    assert "Enter a reason" in grace.post("/messages/sending/pause", where="RIVERSIDE").text
    page = grace.follow(grace.post("/messages/sending/pause", where="RIVERSIDE", reason="new scanner, times change"))
    assert "Nothing is sent for Riverside" in page.text
    assert standing(staffed) == ["new scanner, times change"]
    for path in ("/", "/messages", "/messages/sending"):
        assert "new scanner, times change" in grace.get(path).text
    assert "new scanner" not in staffed.client("oscar").get("/messages").text
    page = grace.follow(grace.post("/messages/sending/resume", where="RIVERSIDE"))
    assert "go out again" in page.text
    assert standing(staffed) == []
    assert "are not paused" in grace.post("/messages/sending/resume", where="RIVERSIDE").text


def test_only_an_administrator_holds_all_clinics_back(staffed: Staffed) -> None:
    assert staffed.client("grace").post("/messages/sending/pause", where="all", reason="why").status_code == 422
    admin = staffed.client("admin")
    admin.follow(admin.post("/messages/sending/pause", where="all", reason="restored from a backup"))
    assert "Messages of all clinics are paused" in staffed.client("oscar").get("/messages").text
    assert staffed.client("oscar").post("/messages/sending/resume", where="all").status_code == 422
    assert "An administrator resumes it" in staffed.client("oscar").get("/messages/sending").text
    admin.follow(admin.post("/messages/sending/resume", where="all"))
    assert standing(staffed) == []


def test_a_stopped_sender_is_in_view_and_an_administrator_lets_it_send_again(staffed: Staffed) -> None:
    name = staffed.look(lambda work: work.session.exec(select(Sender)).first()).name
    staffed.do(lambda work: senders.stop(work, name, "the account is suspended"))
    assert "the account is suspended" in staffed.client("visitor").get("/messages").text
    assert staffed.client("grace").post("/messages/sending/sender", sender=name).status_code == 403
    admin = staffed.client("admin")
    assert "sends again" in admin.follow(admin.post("/messages/sending/sender", sender=name)).text


def test_a_clinic_that_is_not_live_says_so(staffed: Staffed) -> None:
    assert "sends no messages yet" in staffed.client("oscar").get("/messages").text


# -- texts -------------------------------------------------------------------------------------------------------


def test_the_texts_are_shown_with_what_they_cost(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    page = grace.get("/messages/texts").text
    assert page.count('<blockquote class="app-sms"') == len(PLANNED_STEPS) * len(Privacy)
    assert "1 part, GSM-7" in page
    assert "used here" in page
    page = grace.get(f"/messages/texts?language=es&step={Step.DAYS_1}").text
    assert page.count('<blockquote class="app-sms" lang="es" dir="ltr"') == len(Privacy)
    page = grace.get(f"/messages/texts?language=ar&step={Step.DAYS_1}").text
    assert page.count('<blockquote class="app-sms" lang="ar" dir="rtl"') == len(Privacy)
    assert grace.get("/messages/texts?language=xx&step=nonsense").status_code == 200


@pytest.mark.browser
def test_the_pages_are_sound_on_a_desk_and_on_a_telephone(
    staffed: Staffed, window: Callable[..., AbstractContextManager[Screen]]
) -> None:
    task, sent = a_task(staffed), one(staffed, ReminderState.DELIVERED)
    staffed.do(lambda work: senders.stop(work, work.session.exec(select(Sender)).first().name, "suspended"))
    paths = ["/messages", f"/messages/{task}", f"/messages/{sent}", "/messages/texts"]
    with window("admin") as screen:
        for path in (*paths, "/messages/sending"):
            screen.sound(path=path)
        screen.page.get_by_role("button", name="Pause").click()
        screen.page.wait_for_selector("text=There is a problem")
        screen.sound()
        screen.page.set_viewport_size({"width": PHONE, "height": 800})
        for path in paths[:2]:
            screen.sound(path=path)


# -- the life of a message, and alerts -----------------------------------------------------------------------------


def test_a_messages_page_tells_every_turn_and_gives_its_life_as_a_file(staffed: Staffed) -> None:
    message_id = one(staffed, ReminderState.PLANNED)

    def waits(work: Any) -> None:
        row = work.session.get_one(Reminder, message_id)
        with turning(work, row, until=work.now + timedelta(hours=2), again=True):
            row.not_before, row.reason = work.now + timedelta(hours=2), "outside the send hours"

    staffed.do(waits)
    staffed.do(waits)
    grace = staffed.client("grace")
    page = grace.get(f"/messages/{message_id}").text
    assert page.count("outside the send hours") == 2  # why it waits, and the turn
    assert "(2 times, the last at" in page
    life = grace.get(f"/messages/{message_id}/life.csv")
    assert [line.split(",")[1] for line in life.text.splitlines()] == ["what", "turn", "turn"]
    taken_out = select(AuditEvent).where(AuditEvent.action == "message.export")
    assert staffed.look(lambda work: len(list(work.session.exec(taken_out)))) == 1


def test_refused_messages_stand_on_the_board_until_an_administrator_looked_into_them(staffed: Staffed) -> None:
    def refused(work: Any) -> None:
        work.session.merge(Sender(name="+12025550199", next_free_at=work.now))
        work.session.flush()
        senders.alert(work, "+12025550199", "a carrier filtered the message (30007)")

    staffed.do(refused)
    for page in ("/", "/messages", "/messages/sending"):
        assert "a carrier filtered the message (30007)" in staffed.client("grace").get(page).text
    admin = staffed.client("admin")
    admin.follow(admin.post("/messages/sending/seen", sender="+12025550199"))
    assert "filtered" not in admin.get("/").text


def test_a_message_that_failed_is_told_by_telephone(staffed: Staffed) -> None:
    message_id = one(staffed, ReminderState.PLANNED, state=ReminderState.FAILED, reason="the number is not valid")
    grace = staffed.client("grace")
    assert "The patient knows it all the same?" in grace.get(f"/messages/{message_id}").text
    grace.follow(grace.post(f"/messages/{message_id}/settle", outcome="told", note="spoke to him"))
    assert row(staffed, message_id).state is ReminderState.DELIVERED


def test_a_wrong_number_is_verified_on_the_board(staffed: Staffed) -> None:
    phone = staffed.look(lambda work: work.session.exec(select(Contact.phone).where(Contact.phone != "")).first())
    staffed.do(lambda work: numbers.in_trouble(work, phone, "the number is not valid (21211)", wrong=True))
    grace = staffed.client("grace")
    assert "the number is not valid (21211)" in grace.get("/?list=unreachable").text.replace("The number", "the number")
    grace.post(f"/board/unreachable/{phone}/verified", how="she read it out to me")
    assert not staffed.look(lambda work: work.session.get_one(Number, phone).wrong)
