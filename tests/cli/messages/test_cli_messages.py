"""Messages on the command line: what goes out, holding it back, and what a person does about it."""

import json

import pytest
from sqlmodel import col, select

from surveillance import paths
from surveillance.operations.registry.phones import readable
from surveillance.store import db
from surveillance.store.tables import Contact, Inbound, Number, Sender

MESSAGES = ("messages", "list")
LANGUAGES = ("ar", "de", "en", "es", "fr", "pt", "vi", "zh-Hans")
BOOKING = ("book", "00417", "--on", "2026-12-01", "--at", "10:30", "--place", "MRI 2", "--yes")


@pytest.fixture
def booked(clinic):
    """A live site and a visit that was booked on 23 November at 4:00 in New York."""
    clinic("site", "go-live", "NYC1", "--from", "2026-11-01", "--yes", user="anna")
    clinic(*BOOKING)
    return clinic


def steps(rows) -> list[str]:
    return [row["step"] for row in rows]


def test_the_upcoming_list_shows_local_hours_in_the_order_in_which_messages_go_out(booked):
    rows = booked.json(*MESSAGES, "--upcoming")
    assert steps(rows) == ["on_booking", "7d", "3d", "1d"]
    assert [row["at"][:16] for row in rows][:2] == ["2026-11-23T09:00", "2026-11-24T10:00"]
    assert "Mon 2026-11-23 09:00 EST" in booked(*MESSAGES, "--upcoming")


def test_a_tick_as_of_another_moment_sends_what_is_due_then(booked):
    counts = booked.json("tick", "--now", "2026-11-23T15:00+00:00")
    assert counts["sent"] == 1
    assert booked.json(*MESSAGES)[0]["state"] == "delivered"


def test_simulated_days_send_each_message_once(booked):
    counts = json.loads(booked("tick", "--now", "2026-11-23T15:00+00:00", "--days", "9", "--json"))
    assert (counts["sent"], counts["sites"]) == (4, 10)


def test_a_pause_of_a_site_holds_everything_back_until_it_is_resumed(booked):
    booked("dispatch", "pause", "--site", "NYC1", "--reason", "moving house")
    assert "moving house" in booked("dispatch", "status")
    assert "sent" not in booked.json("tick", "--now", "2026-11-23T15:00+00:00")
    booked("dispatch", "resume", "--site", "NYC1")
    assert booked.json("tick", "--now", "2026-11-23T15:16+00:00")["sent"] == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("dispatch", "pause", "--reason", "why"), "say where"),
        (("dispatch", "resume", "--site", "NYC1"), "not paused"),
        (("dispatch", "pause", "--all", "--reason", "why"), "takes an administrator"),
        (("messages", "resend", "zz"), "no id of a message"),
        (("messages", "done", "12345678", "--outcome", "told"), "there is no message"),
        (("tick", "--now", "tomorrow"), "no moment"),
        (("tick", "--now", "2026-11-23T15:00"), "no zone"),
        (("messages", "list", "--failed", "--doubt"), "choose one"),
        (("report", "costs", "--month", "2026-11", "--from", "2026-11-01"), "--month, or --from and --to"),
        (("report", "costs", "--month", "November"), "write it like 2026-11"),
    ],
)
def test_wrong_use_gets_one_clear_line(clinic, words, told):
    before = clinic.dump()
    result = clinic.run(*words)
    assert result.exit_code in (1, 2)
    assert told in result.output
    assert clinic.dump() == before


def test_production_refuses_another_moment(booked):
    booked.environment = {
        "SURVEILLANCE_ENVIRONMENT": "production",
        "SURVEILLANCE_SECRET_KEY": "x" * 40,
        "SURVEILLANCE_PUBLIC_URL": "https://clinic.example",
        "SURVEILLANCE_SMS_TRANSPORT": "twilio",
        "SURVEILLANCE_TWILIO_ACCOUNT_SID": "AC" + "1" * 32,
        "SURVEILLANCE_TWILIO_AUTH_TOKEN": "1" * 32,
        "SURVEILLANCE_TWILIO_FROM": "+15005550006",
    }
    for words in (("--now", "2026-11-23T15:00+00:00"), ("--days", "3")):
        result = booked.run("tick", *words)
        assert (result.exit_code, "refused in production" in result.output) == (1, True)


def test_a_task_is_settled_by_a_person(clinic):
    clinic("site", "go-live", "NYC1", "--from", "2026-11-01", "--yes", user="anna")
    clinic("consent", "withdraw", "00417", "sms", "--how", "at the desk")
    clinic(*BOOKING)
    clinic("tick", "--now", "2026-11-23T15:00+00:00")
    (task,) = clinic.json(*MESSAGES, "--tasks")
    assert task["channel"] == "call"
    clinic("messages", "done", task["id"][:8], "--outcome", "told", "--note", "spoke to her")
    assert clinic.json(*MESSAGES, "--tasks") == []
    refused = clinic.run("messages", "done", task["id"][:8], "--outcome", "told")
    assert (refused.exit_code, "not a task" in refused.output) == (1, True)


def test_what_was_sent_is_not_sent_again(booked):
    booked("tick", "--now", "2026-11-23T15:00+00:00")
    sent = booked.json(*MESSAGES)[0]
    refused = booked.run("messages", "resend", sent["id"][:8])
    assert (refused.exit_code, "was sent, or may have been" in refused.output) == (1, True)


def test_the_preview_shows_every_text_with_its_size(clinic):
    rows = clinic.json("messages", "preview")
    assert {(row["language"], row["privacy"]) for row in rows} == {
        (language, level) for language in LANGUAGES for level in ("neutral", "full")
    }
    assert {row["encoding"] for row in rows if row["language"] == "en"} == {"GSM-7"}
    assert all(row["characters"] <= 320 for row in rows)
    assert "2 parts" in clinic("messages", "preview", "--language", "es")


@pytest.mark.parametrize(("meant", "paused", "barred"), [("--no-opt-out", False, False), ("--opt-out", False, True)])
def test_a_reply_that_a_person_has_read_frees_or_bars_its_number(booked, meant, paused, barred):
    engine = db.create_engine_for(f"sqlite:///{booked.file}")
    with db.writing(engine) as session:
        number = session.exec(select(col(Contact.phone)).where(col(Contact.phone).is_not(None))).first()
        reply = Inbound(
            provider_id="SM1", from_number=number, to_number="+12025550100", body="please stop", received_at=booked.now
        )
        session.add_all([reply, Number(phone=number, paused_at=booked.now, paused_why="may be an opt-out")])
        session.flush()
        prefix = reply.id.hex[:8]
    assert "is settled: spoke to her" in booked("messages", "settle", prefix, meant, "--note", "spoke to her")
    with db.reading(engine) as session:
        row = session.get_one(Number, number)
        assert (row.paused_at is not None, row.opted_out_at is not None) == (paused, barred)
    assert "no single open reply" in booked.run("messages", "settle", prefix, meant).stderr


def test_staff_write_to_a_patient_and_answer_a_reply(booked):
    with db.reading(db.create_engine_for(f"sqlite:///{booked.file}")) as session:
        phone = session.exec(select(col(Contact.phone)).where(col(Contact.phone).is_not(None))).first()
    written = booked.json("messages", "write", "00417", "Please bring your old pictures.")
    assert (written["to"], written["parts"]) == (phone, 1)
    refused = booked.run("messages", "write", "00417", "hello", "--to", "+12025550187")
    assert (refused.exit_code, "has no contact +12025550187" in refused.output) == (1, True)
    with db.writing(db.create_engine_for(f"sqlite:///{booked.file}")) as session:
        reply = Inbound(provider_id="SM1", from_number=phone, to_number="+1", body="where?", received_at=booked.now)
        session.add(reply)
        session.flush()
        prefix = f"replies:{reply.id.hex[:8]}"
    assert "where?" in booked("worklist", "--list", "replies")
    assert f"goes to {readable(phone)}: 17 characters GSM-7, 1 part." in booked(
        "messages", "answer", prefix, "Behind the house."
    )
    assert "where?" not in booked("worklist", "--list", "replies")


def test_what_a_patient_says_of_a_visit_is_noted(booked):
    visit = BOOKING[3]
    assert "Confirmed: " in booked("visit", "confirm", "00417", visit)
    assert "Was confirmed already: " in booked("visit", "confirm", "00417", visit)
    booked("visit", "wish", "00417", visit, "--said", "works that day", "--day", "2026-12-09")
    board = booked("worklist", "--list", "reschedule")
    assert ("works that day" in board, "2026-12-09" in board) == (True, True)
    assert "Settled: comes after all." in booked("visit", "agreed", "00417", visit, "--how", "comes after all")
    assert "no wish for another day waits" in booked.run("visit", "agreed", "00417", visit, "--how", "x").output


def test_a_message_is_shown_with_each_turn_of_its_life(booked):
    booked("dispatch", "pause", "--site", "NYC1", "--reason", "moving house")
    for minute in (0, 15, 30):
        booked("tick", "--now", f"2026-11-23T15:{minute:02}+00:00")
    booked("dispatch", "resume", "--site", "NYC1")
    booked("tick", "--now", "2026-11-23T16:00+00:00")
    (message, *_) = booked.json(*MESSAGES)
    found = booked.json("messages", "show", message["id"][:8])
    assert [line["what"] for line in found["life"]][:3] == ["turn", "turn", "call"]
    assert (found["life"][1]["reason"], found["life"][1]["times"]) == ("dispatch is paused", 3)
    shown = booked("messages", "show", message["id"][:8])
    assert "Waits until Mon 2026-11-23 10:45 EST: dispatch is paused (3 times" in shown
    assert "delivered" in shown
    assert booked("messages", "show", message["id"][:8], "--csv").startswith("at,what,channel,state")


def test_what_messages_cost_in_a_month_is_reported(booked):
    booked.environment = {"SURVEILLANCE_SMS_PRICE": "0.01", "SURVEILLANCE_CONFIG_DIR": str(paths.config_folder())}
    booked("tick", "--now", "2026-11-23T15:00+00:00")
    report = booked.json("report", "costs", "--month", "2026-11")
    (row,) = [row for row in report["rows"] if row["step"] == "on booking"]
    assert (row["month"], row["site"], row["messages"], row["parts"], row["cost"]) == ("2026-11", "NYC1", 1, 1, 0.01)


def test_a_sender_in_trouble_fails_the_doctor_until_it_is_mended_and_looked_into(booked):
    booked("tick", "--now", "2026-11-23T15:00+00:00")
    with db.writing(db.create_engine_for(f"sqlite:///{booked.file}")) as session:
        sender = session.exec(select(Sender)).first()
        sender.stopped_at, sender.stopped_why = sender.next_free_at, "not registered (30034)"
        sender.alert_at, sender.alert_why, sender.alerts = sender.next_free_at, "filtered (30007)", 2
        name = sender.name
    result = booked.run("doctor")
    assert result.exit_code == 1
    assert "not registered (30034)" in result.output
    assert "2 refused since" in result.output
    assert "2 refused, the last: filtered (30007)" in booked("dispatch", "status")
    booked("dispatch", "resume", "--sender", name, user="anna")
    booked("dispatch", "seen", "--sender", name, user="anna")
    assert "refused since" not in booked("doctor")
