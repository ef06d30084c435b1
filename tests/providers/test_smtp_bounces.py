"""What a mail server's report is read as: whose email it was, whether it was given up, and what is to blame."""

from contextlib import suppress
from uuid import UUID

import pytest
from fakes.bounces import ATTEMPT, report
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.errors import InvalidInputError
from surveillance.providers.base import Failure, NumberTrouble
from surveillance.providers.smtp_bounces import LONGEST, read

NO_MAILBOX = NumberTrouble.NO_MAILBOX
ELSEWHERE = "postmaster@elm.example"


def test_a_report_names_the_attempt_the_status_and_what_the_other_server_said():
    bounce = read(report())
    assert (bounce.attempt_id, bounce.status, bounce.failed) == (UUID(ATTEMPT), "5.1.1", True)
    assert bounce.said == "550 5.1.1 <ana@patient.example>: Recipient address rejected: User unknown"


@pytest.mark.parametrize(
    ("mail", "recipient"),
    [
        (report(returned=""), ""),
        (report(to=ELSEWHERE), ""),
        (report(to=ELSEWHERE, returned="text/rfc822-headers"), ""),
        (report(to=ELSEWHERE, returned="", extra=f"Original-Envelope-Id: {ATTEMPT}\r\n"), ""),
        (report(to=ELSEWHERE, returned=""), f"bounces+{ATTEMPT.upper()}@elm.example"),
    ],
    ids=["the address", "the mail", "its headers", "the envelope's id", "the pipe's argument"],
)
def test_the_attempt_is_found_by_whatever_the_report_still_holds(mail, recipient):
    assert read(mail, recipient).attempt_id == UUID(ATTEMPT)


def test_a_report_about_somebody_elses_mail_names_no_attempt():
    assert read(report(to=ELSEWHERE, message_id="<1234@elsewhere.example>")).attempt_id is None


STATUSES = [
    ("5.1.1", Failure.PERMANENT, NO_MAILBOX, "does not exist"),
    ("5.1.2", Failure.PERMANENT, NO_MAILBOX, "does not exist"),
    ("5.2.1", Failure.PERMANENT, NO_MAILBOX, "closed"),
    ("5.2.2", Failure.PERMANENT, None, "full"),
    ("5.4.1", Failure.PERMANENT, None, "could not be reached"),
    ("4.4.1", Failure.PERMANENT, None, "could not be reached"),
    ("5.7.1", Failure.BLOCKED, None, "refuses mail from here"),
    ("5.0.0", Failure.PERMANENT, None, "did not take it"),
    ("", Failure.PERMANENT, None, "no status"),
]


@pytest.mark.parametrize(("status", "failure", "trouble", "words"), STATUSES)
def test_only_what_is_about_the_mailbox_is_held_against_it(status, failure, trouble, words):
    error = read(report(status=status)).error()
    assert (error.failure, error.trouble) == (failure, trouble)
    assert words in error.text
    assert "ana@" not in error.text


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
def test_what_is_still_tried_or_arrived_is_no_failure(action):
    assert not read(report(action=action, status="4.4.1")).failed


def test_the_word_failed_counts_in_any_case_and_whatever_class_its_status_has():
    assert read(report(action="Failed", status="4.4.7")).failed


@pytest.mark.parametrize(
    "mail",
    [
        b"",
        b"From: ana@patient.example\r\nSubject: out of office\r\n\r\nI am away.\r\n",
        b"From: MAILER-DAEMON@old.example\r\nSubject: failure notice\r\n\r\nHi. This is the qmail-send program.\r\n",
        report().replace(b"Action:", b"Actoin:"),
    ],
    ids=["nothing", "an answer of a person", "no standard form", "damaged"],
)
def test_what_is_no_report_is_refused(mail):
    with pytest.raises(InvalidInputError, match="no report of a delivery"):
        read(mail)


def test_a_long_answer_is_cut():
    assert len(read(report(said="smtp; " + "no such user " * 100)).said) == LONGEST


@given(st.binary(max_size=400), st.integers(0, 1200))
def test_no_mail_breaks_the_reader(noise, at):
    mail = report()
    with suppress(InvalidInputError):
        read(mail[:at] + noise + mail[at:])


@pytest.mark.parametrize(
    "shell", [b"Content-Type: message/rfc822\n\n", b"Content-Type: multipart/x; boundary=b\n\n--b\n"]
)
def test_mails_inside_each_other_without_end_are_refused_like_any_other_mail(shell):
    with pytest.raises(InvalidInputError, match="no report"):
        read(shell * 3000)
