"""Sources of protocols that wait for a clinician: on the board, in doctor, and what is said about them."""

import sqlite3
from contextlib import closing
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

TODAY = date(2026, 11, 23)
KEY = "asps-extremity@2026.2"
SAID = ("--found", "the same edition holds", "--until", str(TODAY + timedelta(days=200)))


@pytest.fixture
def waiting(clinic: Any) -> Any:
    """The clinic, where somebody looked at a source long ago, and the day of the next look has come."""
    with closing(sqlite3.connect(clinic.file)) as connection, connection:
        connection.execute(
            "INSERT INTO source_review (id, site_id, recorded_at, recorded_by, protocol_key, source, until, found)"
            " SELECT ?, site_id, ?, recorded_by, protocol_key, 'nccn', ?, 'the same' FROM approval",
            (uuid4().hex, "2026-01-01 08:00:00.000000", str(TODAY - timedelta(days=3))),
        )
    return clinic


def test_the_board_tells_of_a_source_until_a_clinician_has_looked(waiting: Any) -> None:
    board = waiting("worklist")
    assert "Sources of protocols to look at again" in board
    assert KEY in board
    assert "site look-again" in board
    (due,) = waiting.json("worklist")["sources"]
    assert (due["site"], due["protocol"], due["source"], due["expired"]) == ("NYC1", KEY, "nccn", False)
    assert due["since"] == str(TODAY - timedelta(days=3))
    assert "Next look by" in waiting("site", "look-again", "NYC1", KEY, "nccn", *SAID, user="dr.reed")
    assert waiting.json("worklist")["sources"] == []
    assert "Sources of protocols" not in waiting("worklist")


def test_a_board_that_is_narrowed_down_is_about_patients(waiting: Any) -> None:
    assert "Sources of protocols" not in waiting("worklist", "--list", "overdue")
    assert "sources" not in waiting.json("worklist", "--find", "Okafor")


def test_doctor_names_the_version_the_site_and_what_to_do(waiting: Any) -> None:
    told = waiting("doctor")
    assert f"protocol {KEY}" in told
    assert "in use at NYC1" in " ".join(told.split())
    assert "a clinician looks whether there is a newer edition" in " ".join(told.split())


def test_a_dry_run_says_the_same_and_writes_nothing(waiting: Any) -> None:
    before = waiting.dump()
    told = waiting("site", "look-again", "NYC1", KEY, "nccn", *SAID, "--dry-run", user="dr.reed")
    assert "the same edition holds" in told
    assert waiting.dump() == before
