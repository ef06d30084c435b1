"""The last look before a message goes out (design section 4 rules 6 and 10).

Everything is read again at sending time. A fact that cannot be read stops the message and becomes work for a
person; only a fact that voids the message anyway is stronger, so that nobody is asked to call the dead.
"""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import Enum

from surveillance.core.messages.fallback import NextChannel, Task, next_channel
from surveillance.core.messages.planned import Planned
from surveillance.core.messages.policy import BY_PERSON, NOTICES, Policy, closing, next_permitted
from surveillance.core.words import Channel

SENDER_STOPPED = "the sender is stopped until a person has mended it"
PACE_USED_UP = "the sender's pace is used up for the moment"
UNDECIDED = "a result that may be a recurrence waits for somebody to decide what follows"
RECHECK = timedelta(minutes=15)  # how soon a paused message is looked at again
FOR_A_PERSON = timedelta(hours=4)  # what somebody needs who is to tell of a visit instead, on a working day
IN_FLIGHT = timedelta(minutes=1)  # an attempt has ended or is in doubt by then


class Unreadable(Enum):
    """A fact that could not be read: neither yes nor no."""

    UNREADABLE = "unreadable"


UNREADABLE = Unreadable.UNREADABLE


@dataclass(frozen=True, slots=True)
class SendingFacts:
    """All that decides, read afresh for one message on one channel.

    ``still_wanted``: planning anew still wants this message's stem; so visit, day and policy are as planned.
    ``opted_out``, ``number_paused`` (a reply that might be an opt-out waits for a person), ``attempt_in_flight``
    and ``shared`` are about the address, at all sites. ``language`` is an approved one, None if there is none.
    ``cap`` is the reason of ``caps.cap_reason`` for today. ``sender_free_at``: when the sender's rate, or a stop
    of the sender, lets the next message out; None means now. ``told_otherwise``: the patient knows what this
    message says, or another one is planned that says it. ``person_has_it``: a person already has this visit or
    window on the list. ``has_phone`` and ``has_address`` (a postal one) say how a person could tell it.
    ``result_undecided``: a suspicious result or a recurrence was reviewed, and nothing follows from it yet.
    """

    alive: bool | Unreadable
    plan_active: bool | Unreadable
    on_hold: bool | Unreadable
    still_wanted: bool | Unreadable
    dispatch_paused: bool | Unreadable
    consent: bool | Unreadable
    address: str | Unreadable | None
    opted_out: bool | Unreadable
    number_paused: bool | Unreadable
    shared: bool | Unreadable
    first_name_allowed: bool | Unreadable
    has_phone: bool | Unreadable
    language: str | Unreadable | None
    attempt_in_flight: bool | Unreadable
    cap: str | Unreadable | None
    sender_free_at: datetime | Unreadable | None
    told_otherwise: bool | Unreadable
    person_has_it: bool | Unreadable
    has_address: bool | Unreadable = False
    sender_stopped: bool | Unreadable = False
    result_undecided: bool | Unreadable = False


@dataclass(frozen=True, slots=True)
class Send:
    """To be sent now, and handed over for delivery no later than ``deadline`` (UTC)."""

    to: str
    language: str
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """To be decided again at ``until`` (UTC)."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Void:
    """No longer true."""

    reason: str


@dataclass(frozen=True, slots=True)
class TooLate:
    """Still true, but it will not go out; a task where nothing else tells the patient."""

    reason: str
    tell_a_person: bool


Decision = Send | Wait | Void | TooLate | NextChannel | Task


def decide(
    planned: Planned, channels: tuple[Channel, ...], facts: SendingFacts, policy: Policy, zone: str, now: datetime
) -> Decision:
    """What to do with one message now. The first that applies:

    1. untrue: dead, no longer wanted; plan ended or on hold (void, but a notice then goes to a person)
    2. a fact cannot be read: a person
    3. its useful time has ended: too late
    4. a result waits for its decision: a reminder waits, a notice does not; of a visit a person tells in time
    5. a call or letter: a person
    6. dispatch is paused: wait
    7. the address cannot be used: next channel
    8. the address is paused by a possible opt-out or has an attempt in flight; outside the send hours; a cap;
       the sender's rate: wait
    9. send

    A wait that would outlast the message is too late. ``channels`` are the step's, ``zone`` is the patient's.
    """
    if stopped := _untrue(planned, facts):
        return stopped
    if names := [field.name for field in fields(facts) if getattr(facts, field.name) is UNREADABLE]:
        return Task(f"could not be read: {', '.join(names).replace('_', ' ')}; nothing was sent")
    if now >= planned.expires_at:
        return _too_late("its useful time has ended", facts)
    if facts.result_undecided is True and planned.step not in NOTICES:
        return _until_decided(planned, facts, now)
    if planned.channel in BY_PERSON:
        return Task(f"to be told by {planned.channel}")
    paused = facts.dispatch_paused is True
    if not paused and (reason := _unusable(planned, facts)):
        return _fall_back(planned, channels, facts, reason)
    wait = Wait(now + RECHECK, "dispatch is paused") if paused else _not_yet(planned, facts, policy, zone, now)
    if wait is not None:
        return wait if wait.until < planned.expires_at else _too_late(wait.reason, facts)
    return Send(str(facts.address), str(facts.language), min(planned.expires_at, closing(policy, now, zone)))


def _untrue(planned: Planned, facts: SendingFacts) -> Void | Task | None:
    if facts.alive is False:
        return Void("the patient has died")
    if facts.still_wanted is False:
        return Void("no longer wanted: the visit, the window or the policy changed")
    for silent, reason in (
        (facts.plan_active is False, "the plan has ended"),
        (facts.on_hold is True, "the plan is on hold"),
    ):
        if silent and planned.step in NOTICES:
            return Task(f"{reason}, and the patient was told of a visit that changed: tell the patient in person")
        if silent:
            return Void(reason)
    return None


def _until_decided(planned: Planned, facts: SendingFacts, now: datetime) -> Wait | TooLate:
    """That something is due is said by nobody until the decision; a booked visit is told by a person, in time."""
    of_visit = planned.appointment_id is not None
    wait = Wait(now + RECHECK, UNDECIDED)
    if wait.until < planned.expires_at - (FOR_A_PERSON if of_visit else timedelta()):
        return wait
    return _too_late(UNDECIDED, facts) if of_visit else TooLate(f"too late: {UNDECIDED}", tell_a_person=False)


def _too_late(reason: str, facts: SendingFacts) -> TooLate:
    return TooLate(f"too late: {reason}", tell_a_person=facts.told_otherwise is not True)


def _unusable(planned: Planned, facts: SendingFacts) -> str | None:
    if facts.opted_out is True:
        return f"opted out of {planned.channel}"
    if facts.consent is not True:
        return f"no consent to {planned.channel}"
    if not isinstance(facts.address, str) or not facts.address:
        return f"no address for {planned.channel}"
    if not isinstance(facts.language, str):
        return "no approved language"
    if _needs_a_voice(facts):
        return "the address is shared and the site allows no first name"
    return None


def _needs_a_voice(facts: SendingFacts) -> bool:
    """A message to a shared address says whom it is for by first name; where it may not, a person calls."""
    return facts.shared is True and facts.first_name_allowed is not True


def _fall_back(
    planned: Planned, channels: tuple[Channel, ...], facts: SendingFacts, reason: str
) -> NextChannel | TooLate | Task:
    """Where no text can help (language, shared address) a person is next; a person is asked once for a visit."""
    if not isinstance(facts.language, str):
        channels = ()  # a letter would have no text either
    elif _needs_a_voice(facts):
        channels = tuple(each for each in channels if each in BY_PERSON)
    following = next_channel(channels, planned.channel, facts.has_phone is True, facts.has_address is True)
    if following in BY_PERSON and facts.person_has_it is True and planned.step not in NOTICES:
        return TooLate(f"{reason}; a person already has this on the list", tell_a_person=False)
    return NextChannel(following, reason) if following else Task(reason)


def _not_yet(planned: Planned, facts: SendingFacts, policy: Policy, zone: str, now: datetime) -> Wait | None:
    if facts.number_paused is True:
        return Wait(now + RECHECK, "a reply from this number may be an opt-out; a person decides")
    if facts.attempt_in_flight is True:
        return Wait(now + IN_FLIGHT, "another message to this address is in flight")
    opening = next_permitted(policy, now, zone)
    if opening > now:
        return Wait(opening, "outside the send hours")
    if isinstance(facts.cap, str) and planned.step not in NOTICES:
        tomorrow = next_permitted(policy, closing(policy, now, zone), zone)
        return Wait(tomorrow, facts.cap)
    if isinstance(facts.sender_free_at, datetime) and facts.sender_free_at > now:
        return Wait(facts.sender_free_at, SENDER_STOPPED if facts.sender_stopped is True else PACE_USED_UP)
    return None
