"""Patients, contacts, consents and staff on the command line."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from sqlmodel import Session, select

from surveillance.operations.accounts import users
from surveillance.store import db
from surveillance.store.tables import AuditEvent, Feed, Site, User
from surveillance.store.tables.service import FeedKind

EDIT = ("patient", "edit", "00417", "--yes")
CHANGE = ("contact", "change", "00417", "1", "--yes")


def audited(program: Any) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(program.file)) as connection:
        return list(connection.execute("SELECT action, account, reason FROM audit_event ORDER BY id"))


def contact(program: Any, number: int = 1) -> dict[str, Any]:
    rows = program.json("patient", "show", "00417")["contacts"]
    return next(row for row in rows if row["priority"] == number)


def test_a_patient_is_shown_in_plain_words(clinic: Any) -> None:
    clinic(*EDIT, "--mri-unsafe", "--egfr", "25", "--egfr-on", "2026-10-01", "--interpreter", "--owner", "bob")
    page = clinic("patient", "show", "00417")
    for words in (
        "Ada Okafor, MRN 00417",
        "1998-05-14 (28 years)",
        "MRI UNSAFE, needs an interpreter, eGFR 25 on 2026-10-01, LOW",
        "Bob Hill",
        "given 2026-11-23 (signed form)",
        "4 in years 1–3, 2 in years 4–5, 1 from year 6 on",
        "MRI of the primary site",
        "patient: edit",
    ):
        assert words in page
    assert "outcome_unknown" not in page
    assert "\x1b" not in page  # no colour where nobody looks
    assert "…" not in page


def test_a_changed_name_keeps_before_after_and_reason(clinic: Any) -> None:
    clinic(*EDIT, "--family", "Okafor-Lind", "--born", "1998-05-15", "--reason", "married; passport seen")
    page = clinic("patient", "show", "00417")
    assert "family name: Okafor → Okafor-Lind" in page
    assert "married; passport seen" in page
    assert "00417" in clinic("patient", "find", "LIND okafor")
    assert "00417" in clinic("patient", "find", "1998-05-15")


def test_every_look_at_a_patient_is_audited_and_stays_out_of_the_history(clinic: Any) -> None:
    clinic("patient", "show", "00417")
    clinic("patient", "find", "okafor")
    looks = [row for row in audited(clinic) if row[0] in ("patient.view", "patient.find")]
    assert [action for action, _, _ in looks[-2:]] == ["patient.view", "patient.find"]
    assert all(account for _, account, _ in looks)
    assert "patient: view" not in clinic("patient", "show", "00417", "--history", "1000")


def test_a_phone_that_cannot_be_used_is_kept_and_told(clinic: Any) -> None:
    result = clinic.run("contact", "add", "00417", "--kind", "parent", "--name", "Ngozi Okafor", "--phone", "12345")
    assert result.exit_code == 0
    assert "'12345' is not a phone number that can be used; it is kept as given" in result.stderr
    assert contact(clinic, 2)["phone_given"] == "12345"
    clinic("contact", "remove", "00417", "2", "--reason", "wrong number", "--yes")
    assert len(clinic.json("patient", "show", "00417")["contacts"]) == 1


def test_consent_is_for_a_number_and_is_asked_for_again_when_it_changes(clinic: Any) -> None:
    shown = clinic(*CHANGE, "--phone", "(212) 555-0177", "--email", "ada@example.org")
    assert "but for +12125550123: ask again" in shown
    assert contact(clinic)["phone"] == "+12125550177"
    clinic("consent", "give", "00417", "sms", "--how", "at the desk")
    clinic("consent", "withdraw", "00417", "sms", "--how", "by telephone")
    assert contact(clinic)["consents"]["sms"]["act"] == "withdrawn"
    assert "withdrawn 2026-11-23 (by telephone)" in clinic("patient", "show", "00417")


def test_a_booking_plans_messages_and_a_death_voids_them(clinic: Any) -> None:
    clinic("site", "go-live", "NYC1", "--from", "2026-11-23", "--yes", user="anna")
    booked = clinic.json("book", "00417", "--on", "2026-12-04", "--at", "10:30", "--place", "MRI 2", "--yes")
    assert {"7d", "3d", "1d"} <= {message["step"] for message in booked["messages"]}
    clinic("patient", "died", "00417", "--on", "2026-11-23", "--source", "family", "--yes")
    with closing(sqlite3.connect(clinic.file)) as connection:
        states = {state for (state,) in connection.execute("SELECT state FROM reminder")}
    assert "planned" not in states


def test_a_password_is_read_from_standard_input_and_stored_as_argon2id(clinic: Any) -> None:
    add = ("user", "add", "kim", "--name", "Kim Vale", "--role", "viewer", "--password")
    short = clinic.run(*add, user="anna", typed="1234567\n")
    assert (short.exit_code, short.stderr) == (1, "error: a password has 8 characters or more; 15 are better\n")
    nothing = clinic.run(*add, user="anna", typed="")
    assert "no password was given" in nothing.stderr
    done = clinic.run(*add, user="anna", typed="eight ok\n")
    assert done.exit_code == 0
    assert "the password has 8 characters; 15 or more are better" in done.stderr
    assert "eight ok" not in done.output
    user = stored_user(clinic, "kim")
    assert user.password_hash is not None
    assert user.password_hash.startswith("$argon2id$")
    assert user.must_change_password
    assert users.matches(user, "eight ok")
    assert not users.matches(user, "eight OK")
    clinic("user", "reset", "kim", user="anna", typed="correct horse battery staple\n")
    assert users.matches(stored_user(clinic, "kim"), "correct horse battery staple")


def stored_user(program: Any, username: str) -> User:
    with opened(program) as session:
        return session.exec(select(User).where(User.username == username)).one()


def opened(program: Any) -> Session:
    return Session(db.create_engine_for(f"sqlite:///{program.file}"))


def test_a_disabled_user_can_do_nothing_and_the_calendar_addresses_are_closed(clinic: Any) -> None:
    with opened(clinic) as session:
        site, bob = session.exec(select(Site)).one(), session.exec(select(User).where(User.username == "bob")).one()
        owners = {"site_id": site.id, "user_id": bob.id, "created_by": bob.id}
        session.add(Feed(kind=FeedKind.COORDINATOR, secret_hash="x", created_at=clinic.now, **owners))
        session.commit()
    shown = clinic("user", "disable", "bob", "--reason", "left the clinic", "--yes", user="anna")
    assert "1 calendar addresses are revoked" in shown
    with opened(clinic) as session:
        assert session.exec(select(Feed.revoked_at)).one() is not None
        assert not users.matches(session.exec(select(User).where(User.username == "bob")).one(), "")
    refused = clinic.run("patient", "show", "00417")
    assert refused.stderr == "error: user 'bob' may not sign in\n"
    clinic("user", "enable", "bob", "--reason", "a mistake", user="anna")
    assert clinic.run("patient", "show", "00417").exit_code == 0
    assert "disabled since" not in clinic("user", "list")


def test_a_role_can_be_changed_and_taken_away(clinic: Any) -> None:
    clinic("user", "role", "bob", "viewer", user="anna")
    assert (
        "it takes a coordinator or clinician"
        in clinic.run("plan", "no-earlier-scan", "00417", "mri_primary", "--reason", "asked").stderr
    )
    clinic("user", "role", "bob", "--remove", user="anna")
    assert "there is no patient" in clinic.run("patient", "show", "00417").stderr
    both = clinic.run("user", "role", "bob", "viewer", "--remove", user="anna")
    assert both.stderr == "error: give either a role or --remove\n"


def test_the_first_user_is_an_administrator(empty: Any) -> None:
    empty.add_site()
    first = ("user", "add", "bob", "--name", "Bob Hill", "--role")
    assert "the first user is an administrator" in empty.run(*first, "coordinator").stderr
    empty(*first, "admin")
    assert empty.run("site", "place-add", "NYC1", "MRI 2").exit_code == 2  # from now on somebody must act


def test_whoever_adds_a_site_administers_it_and_others_do_not_see_it(clinic: Any) -> None:
    second = ("site", "add", "BOS1", "--name", "Clinic B", "--short-name", "Clinic B", "--zone", "America/New_York")
    clinic(*second, "--country", "US", "--phone", "(617) 555-0100", user="anna")
    assert [site["code"] for site in clinic.json("site", "list", user="anna")] == ["BOS1", "NYC1"]
    assert [site["code"] for site in clinic.json("site", "list")] == ["NYC1"]
    here = clinic.run("patient", "find", "okafor", "--site", "BOS1")
    assert here.stderr == "error: Bob Hill does not work at site BOS1\n"
    which = clinic.run("patient", "add", "1", "--family", "X", "--given", "Y", "--born", "1999-01-01", user="anna")
    assert "say which site with --site; there are BOS1, NYC1" in which.stderr


@pytest.mark.parametrize("text", ["Zoë \x1b[31mred", "Zo\rë", "Zo\x07ë"])
def test_what_a_terminal_would_obey_is_not_printed(clinic: Any, text: str) -> None:
    clinic("patient", "add", "1", "--family", text, "--given", "Kim", "--born", "1999-01-01")
    shown = clinic("patient", "find", "Kim")
    assert not {"\x1b", "\r", "\x07"} & set(shown)


def test_every_change_carries_the_user_and_the_system_account(clinic: Any) -> None:
    clinic(*EDIT, "--sex", "female")
    with opened(clinic) as session:
        event = session.exec(select(AuditEvent).where(AuditEvent.action == "patient.edit")).one()
        assert session.get_one(User, event.user_id).username == "bob"
        assert event.account
