"""What failed, set against what the patient has: where a message ends. One row for each way it can go."""

from dataclasses import replace

import pytest
from reminder_samples import NEW_YORK, POLICY
from test_decision import GOOD, NOON, REMINDER

from surveillance.core.messages.decision import decide
from surveillance.core.messages.fallback import NextChannel, Retry, Task, after_failure
from surveillance.core.words import Channel

SMS, EMAIL, CALL, LETTER = Channel
USUAL, POSTED = (SMS, EMAIL, CALL), (SMS, EMAIL, LETTER)
NOTHING, PHONE, ADDRESS, BOTH = (False, False), (True, False), (False, True), (True, True)

# Before anything is sent: what the last look finds wrong, the step's channels, on which one, a phone and an address.
LOOKED = [
    ("opted out", {"opted_out": True}, USUAL, SMS, BOTH, EMAIL),
    ("no consent to SMS", {"consent": False}, USUAL, SMS, BOTH, EMAIL),
    ("a landline, or a number that is none", {"address": None}, USUAL, SMS, BOTH, EMAIL),
    ("opted out, and no consent to email", {"consent": False}, USUAL, EMAIL, PHONE, CALL),
    ("no mailbox, or mail came back from it", {"address": None}, USUAL, EMAIL, PHONE, CALL),
    ("no phone either", {"address": None}, USUAL, EMAIL, ADDRESS, LETTER),
    ("nothing at all", {"address": None}, USUAL, EMAIL, NOTHING, LETTER),
    ("the policy ends with a letter", {"address": None}, POSTED, EMAIL, BOTH, LETTER),
    ("a letter without an address", {"address": None}, POSTED, EMAIL, PHONE, CALL),
    ("no approved language: a voice", {"language": None}, USUAL, SMS, BOTH, CALL),
    ("no approved language: no letter has a text", {"language": None}, POSTED, SMS, BOTH, CALL),
    ("no approved language, no phone", {"language": None}, USUAL, SMS, ADDRESS, LETTER),
    ("a shared number: email could be shared too", {"shared": True}, USUAL, SMS, BOTH, CALL),
    ("a shared number: a letter has a name", {"shared": True}, POSTED, SMS, BOTH, LETTER),
    ("SMS only", {"opted_out": True}, (SMS,), SMS, PHONE, CALL),
]


@pytest.mark.parametrize(("why", "wrong", "channels", "channel", "has", "to"), LOOKED, ids=[row[0] for row in LOOKED])
def test_what_cannot_be_sent_goes_on_by_the_next_way(why, wrong, channels, channel, has, to):
    facts = replace(GOOD, has_phone=has[0], has_address=has[1], **wrong)
    found = decide(replace(REMINDER, channel=channel), channels, facts, POLICY, NEW_YORK, NOON)
    assert isinstance(found, NextChannel), why
    assert found.channel is to
    assert found.reason


# After a provider said no: its word, tries so far, its own bound, the step's channels, on which one, what is there.
FAILED = [
    ("an invalid number", "permanent", 1, 0, USUAL, SMS, BOTH, EMAIL),
    ("a landline", "permanent", 1, 0, USUAL, SMS, BOTH, EMAIL),
    ("opted out at the provider", "opted_out", 1, 0, USUAL, SMS, BOTH, EMAIL),
    ("filtered by the carrier", "blocked", 1, 0, USUAL, SMS, BOTH, EMAIL),
    ("the handset does not answer, once", "retry", 1, 2, USUAL, SMS, BOTH, "again"),
    ("the handset does not answer, twice", "retry", 2, 2, USUAL, SMS, BOTH, "again"),
    ("the handset does not answer, three times", "retry", 3, 2, USUAL, SMS, BOTH, EMAIL),
    ("the mailbox does not exist", "permanent", 1, None, USUAL, EMAIL, PHONE, CALL),
    ("the mailbox does not exist, no phone", "permanent", 1, None, USUAL, EMAIL, ADDRESS, LETTER),
    ("the mailbox does not exist, a letter is wanted", "permanent", 1, None, POSTED, EMAIL, BOTH, LETTER),
    ("the mailbox does not exist, nothing else", "permanent", 1, None, USUAL, EMAIL, NOTHING, LETTER),
    ("nobody knows whether it went out", "ambiguous", 1, None, USUAL, SMS, BOTH, "person"),
]


@pytest.mark.parametrize(
    ("why", "failure", "tries", "bound", "channels", "channel", "has", "to"), FAILED, ids=[row[0] for row in FAILED]
)
def test_what_failed_goes_on_by_the_next_way(why, failure, tries, bound, channels, channel, has, to):
    found = after_failure(failure, tries, channels, channel, POLICY, has[0], NOON, 0.5, bound, has[1])
    words = {Retry: "again", Task: "person"}
    assert (found.channel if isinstance(found, NextChannel) else words[type(found)]) == to, why
