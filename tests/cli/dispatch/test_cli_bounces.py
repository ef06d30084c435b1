"""Reports of mail servers on the command line: taken once, and what is none of ours is kept aside and not lost."""

from pathlib import Path

import pytest
from fakes.bounces import ATTEMPT, report
from sqlmodel import select

from surveillance.core.words import AttemptState, Channel, ReminderState
from surveillance.store import db
from surveillance.store.tables import Attempt, Reminder

BOOKING = ("book", "00417", "--on", "2026-12-01", "--at", "10:30", "--place", "MRI 2", "--yes")


@pytest.fixture
def mailed(clinic):
    """An email that the mail server took, and nobody knows yet whether it arrived."""
    clinic("site", "go-live", "NYC1", "--from", "2026-11-01", "--yes", user="anna")
    clinic("contact", "change", "00417", "1", "--phone", "", "--email", "ada@patient.example", "--yes")
    clinic("consent", "give", "00417", "email", "--how", "signed form")
    clinic(*BOOKING)
    clinic("tick", "--now", "2026-11-23T15:00+00:00")
    engine = db.create_engine_for(f"sqlite:///{clinic.file}")
    with db.writing(engine) as session:
        attempt = session.exec(select(Attempt).where(Attempt.channel == Channel.EMAIL)).one()
        attempt.state, attempt.provider_status = AttemptState.ACCEPTED, "sent"
        session.get_one(Reminder, attempt.reminder_id).state = ReminderState.SENT
        found = str(attempt.id)
    engine.dispose()
    return clinic, found


def test_a_report_is_acted_on_once_by_the_service_itself(mailed, tmp_path):
    clinic, attempt = mailed
    file = tmp_path / "report.eml"
    file.write_bytes(report().replace(ATTEMPT.encode(), attempt.encode()))
    assert "did not arrive: it came back: the mailbox or its domain does not exist (5.1.1)" in clinic(
        "messages", "bounce", str(file), user=None
    )
    assert "it was known already" in clinic("messages", "bounce", str(file), user=None)
    assert "came back on 2026-11-23" in " ".join(clinic("patient", "show", "00417").split())


@pytest.mark.parametrize(
    ("mail", "why"),
    [
        ("From: ana@patient.example\r\n\r\nI am away.\r\n", "it is no report of a delivery"),
        (report().decode(), "it is about no email that was sent from here"),
    ],
)
def test_what_is_none_of_ours_ends_with_2_and_is_kept_aside_for_its_owner_alone(clinic, tmp_path: Path, mail, why):
    aside = tmp_path / "aside"
    for _ in range(2):
        result = clinic.run("messages", "bounce", "--aside", str(aside), typed=mail)
        assert (result.exit_code, why in result.output) == (2, True), result.output
    (kept,) = aside.iterdir()
    assert kept.read_bytes() == mail.encode()
    assert kept.stat().st_mode & 0o077 == 0


def test_what_cannot_be_read_or_kept_is_one_line_and_is_tried_again(clinic, tmp_path: Path):
    (tmp_path / "file").write_text("no folder")
    for arguments, said in [
        ((str(tmp_path / "none.eml"),), "error: cannot read"),
        (("--aside", str(tmp_path / "file")), "error: cannot write"),
    ]:
        result = clinic.run("messages", "bounce", *arguments, typed="no report\n")
        assert (result.exit_code, result.stderr.startswith(said), result.stderr.count("\n")) == (1, True, 1)
