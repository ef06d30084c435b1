"""The audit log, its chain and API tokens on the command line."""

import re
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from sqlmodel import Session

from surveillance.operations.accounts import tokens
from surveillance.store import db

HEAD = re.compile(r"\b\d+:[0-9a-f]{64}\b")


@pytest.fixture
def sealed(clinic: Any) -> Any:
    clinic("tick")
    return clinic


def run_sql(program: Any, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(program.file)) as connection:
        rows = list(connection.execute(statement))
        connection.commit()
    return rows


def test_the_log_is_searched_and_the_look_is_in_it(clinic: Any) -> None:
    clinic("patient", "edit", "00417", "--family", "Okafor-Lind", "--reason", "married", "--yes")
    shown = clinic(
        "audit", "--patient", "00417", "--user", "bob", "--from", "2026-11-23", "--action", "patient", user="anna"
    )
    assert "Bob Hill" in shown
    assert "changed the patient's record" in shown
    assert "Ada Okafor-Lind, MRN 00417" in shown
    assert "family name: Okafor → Okafor-Lind" in shown
    assert "married" in shown
    assert "Mon 2026-11-23 04:00 EST" in shown
    newest, *_ = clinic.json("audit", user="anna")
    assert (newest["action"], newest["who"]) == ("audit.view", "Anna Bell")
    assert {"name": "mrn", "before": "", "after": "00417"} in newest["changes"]


def test_the_log_goes_on_where_the_page_ended(clinic: Any) -> None:
    page = clinic("audit", "--limit", "2", user="anna")
    following = re.search(r"--before (\d+)", page)
    assert following is not None
    older = clinic.json("audit", "--limit", "500", "--before", following[1], user="anna")
    assert older[0]["number"] < int(following[1])
    assert older[-1]["action"] == "site.add"
    assert clinic("audit", "--find", "nothing like this", user="anna").strip() == "Nothing was found."


def test_only_an_administrator_reads_the_log_or_lends_a_name(clinic: Any) -> None:
    for command in (("audit",), ("audit", "--verify"), ("token", "create", "bob", "--name", "x")):
        refused = clinic.run(*command)
        assert (refused.exit_code, "administrator" in refused.stderr or "admin" in refused.stderr) == (1, True)


def test_the_chain_is_verified_and_its_head_told(sealed: Any) -> None:
    shown = sealed("audit", "--verify", user="anna")
    assert "The audit trail is whole" in shown
    [head] = HEAD.findall(shown)
    assert HEAD.findall(sealed("check")) == [head]
    sealed("patient", "show", "00417")
    sealed("tick")
    assert sealed.json("audit", "--verify", "--noted", head, user="anna")["whole"]
    run_sql(sealed, "UPDATE audit_event SET reason = 'never mind' WHERE action = 'patient.add'")
    [(number, event)] = run_sql(
        sealed, "SELECT number, event_id FROM audit_seal JOIN audit_event ON id = event_id WHERE action = 'patient.add'"
    )
    broken = sealed.run("audit", "--verify", user="anna")
    assert broken.exit_code == 1
    assert f"The chain is broken, first at link {number}, event {event}: the event," in broken.stdout
    checked = sealed.run("check")
    assert checked.exit_code == 1
    assert f"the trail is whole: audit chain: link {number}, event {event}" in checked.stdout


def test_a_chain_made_anew_is_told_from_the_noted_one(sealed: Any) -> None:
    [head] = HEAD.findall(sealed("check"))
    run_sql(sealed, "DELETE FROM audit_seal")
    sealed("tick")
    assert "is whole" in sealed("audit", "--verify", user="anna")
    broken = sealed.run("audit", "--verify", "--noted", head, user="anna")
    assert (broken.exit_code, "it is not the link that was noted" in broken.stdout) == (1, True)
    assert "is no head of the audit chain" in sealed.run("audit", "--verify", "--noted", "x", user="anna").stderr


def test_a_token_is_made_listed_and_revoked(clinic: Any) -> None:
    made = clinic(*("token", "create", "bob", "--name", "RIS bridge", "--write", "--until", "2026-12-31"), user="anna")
    [secret] = re.findall(r"srv_\S+", made)
    with Session(db.create_engine_for(f"sqlite:///{clinic.file}")) as session:
        found = tokens.resolve(session, secret, clinic.now)
        assert found is not None
        assert found[0].scopes == ["read", "write"]
    listed = clinic("token", "list", user="anna")
    assert "Fri 2027-01-01 00:00 EST" in listed
    assert "read and write" in listed
    [token] = clinic.json("token", "list", user="anna")
    assert secret not in str(token)
    clinic("token", "revoke", token["id"][:8], "--reason", "replaced", user="anna")
    assert "revoked" in clinic("token", "list", user="anna")


def test_a_dry_run_shows_no_secret(clinic: Any) -> None:
    shown = clinic("token", "create", "bob", "--name", "RIS bridge", "--dry-run", user="anna")
    assert "srv_" not in shown
    assert clinic.json("token", "list", user="anna") == []
