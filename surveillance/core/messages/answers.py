"""Whether an answer goes out now (design section 4 rules 6 to 8 and 10).

An answer is one SMS to one number: the confirmation that somebody asked for, or what staff write back. It is no
reminder: no plan calls for it and no cap counts it. One thing may be said to a number that opted out: that it did
(47 CFR 64.1200(a)(12): one confirmation, within five minutes).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from surveillance.core.messages.decision import (
    IN_FLIGHT,
    PACE_USED_UP,
    RECHECK,
    SENDER_STOPPED,
    Decision,
    Send,
    TooLate,
    Void,
    Wait,
)
from surveillance.core.messages.fallback import NextChannel, Task
from surveillance.core.messages.policy import Policy, closing, next_permitted
from surveillance.core.words import Channel


class Answer(StrEnum):
    """What an answer says. All but the last are the service's own, from a site's texts."""

    STOPPED = "stopped"
    STARTED = "started"
    HELP = "help"
    CONFIRMED = "confirmed"
    NOTED = "noted"  # the wish for another day
    STAFF = "staff"

    @property
    def by_itself(self) -> bool:
        return self is not Answer.STAFF


# How long it has its use. Late thanks puzzle; what staff write is still wanted on Monday.
USEFUL = {kind: timedelta(minutes=5) if kind.by_itself else timedelta(days=3) for kind in Answer}


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """All that decides about an answer, read afresh. ``carried``: somebody carries SMS here.

    ``number_paused``: a reply of the number waits for a decision; ``withdrawn``: consent to SMS was, at the desk.
    ``lost``: why the number is none to write to any more, such as that the contact has another one now.
    """

    alive: bool
    carried: bool
    dispatch_paused: bool
    opted_out: bool
    attempt_in_flight: bool
    sender_free_at: datetime | None
    number_paused: bool = False
    withdrawn: bool = False
    sender_stopped: bool = False
    lost: str = ""


def answer_key(about: str, kind: Answer) -> str:
    """The key of an answer: one of each kind to one message, or one with an id of its own that staff wrote."""
    return f"answer:{about}:{kind}:{Channel.SMS}"


def kind_of(key: str) -> Answer:
    """What an answer is, by its key."""
    return Answer(key.split(":")[2])


def decide_answer(
    kind: Answer,
    to: str,
    language: str,
    facts: AnswerFacts,
    policy: Policy,
    zone: str,
    expires: datetime,
    now: datetime,
) -> Decision:
    """What to do with one answer now.

    The service answers at any hour whoever has just written; staff's own words wait for the send hours of ``zone``.
    """
    if not facts.alive:
        return Void("the patient has died")
    if facts.opted_out and kind is not Answer.STOPPED:
        return Void("the number opted out") if kind.by_itself else NextChannel(Channel.CALL, "the number opted out")
    if facts.withdrawn and not kind.by_itself:
        return NextChannel(Channel.CALL, "consent to SMS was withdrawn")
    if facts.lost and not kind.by_itself:
        return NextChannel(Channel.CALL, facts.lost)
    if now >= expires:
        return TooLate("too late: its useful time has ended", tell_a_person=not kind.by_itself)
    if not facts.carried:
        return Task("nobody carries SMS here: tell the patient in person")
    wait = _not_yet(kind, facts, policy, zone, now)
    if wait is not None:
        late = TooLate(f"too late: {wait.reason}", tell_a_person=not kind.by_itself)
        return wait if wait.until < expires else late
    return Send(to, language, expires if kind.by_itself else min(expires, closing(policy, now, zone)))


def _not_yet(kind: Answer, facts: AnswerFacts, policy: Policy, zone: str, now: datetime) -> Wait | None:
    if facts.dispatch_paused:
        return Wait(now + RECHECK, "dispatch is paused")
    if facts.number_paused and kind is not Answer.STOPPED:
        return Wait(now + RECHECK, "a reply from this number waits for a decision")
    if facts.attempt_in_flight:
        return Wait(now + IN_FLIGHT, "another message to this address is in flight")
    opening = next_permitted(policy, now, zone)
    if opening > now and not kind.by_itself:
        return Wait(opening, "outside the send hours")
    if facts.sender_free_at is not None and facts.sender_free_at > now:
        return Wait(facts.sender_free_at, SENDER_STOPPED if facts.sender_stopped else PACE_USED_UP)
    return None
