"""What follows when a channel fails: again, another channel, at last a person (design section 4 rule 8).

One patient in three could not be texted in one study of MRI reminders, so a fallback is not optional.
"""

from dataclasses import dataclass
from datetime import datetime

from surveillance.core.messages.policy import BY_PERSON, Policy
from surveillance.core.words import Channel

# The words of providers.base.Failure, which core may not import.
_AGAIN = frozenset({"retry", "sender", "credentials"})  # not sent; a stopped sender makes ``decide`` wait meanwhile
_ELSEWHERE = frozenset({"permanent", "opted_out", "blocked", "configuration"})


@dataclass(frozen=True, slots=True)
class NextChannel:
    """This channel cannot carry it: the same message on another one, which is decided afresh."""

    channel: Channel
    reason: str


@dataclass(frozen=True, slots=True)
class Task:
    """Work for a person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Retry:
    """The same channel again at ``at`` (UTC), after deciding afresh."""

    at: datetime


def next_channel(
    channels: tuple[Channel, ...], channel: Channel, has_phone: bool, has_address: bool = False
) -> Channel | None:
    """The channel after ``channel``: the step's own in order, at last a person's; None where a person has it."""
    if channel in BY_PERSON:
        return None
    automatic = [each for each in channels if each not in BY_PERSON]
    following = automatic[automatic.index(channel) + 1 :] if channel in automatic else []
    return following[0] if following else last_resort(channels, has_phone, has_address)


def last_resort(channels: tuple[Channel, ...], has_phone: bool, has_address: bool) -> Channel:
    """How a person tells it: a letter where the step ends with one and there is an address, else a call, and a letter
    without any phone. Where there is no address either, that letter is the sign that nobody can be reached.
    """
    if Channel.LETTER in channels and has_address:
        return Channel.LETTER
    return Channel.CALL if has_phone else Channel.LETTER


def after_failure(
    failure: str,
    attempts: int,
    channels: tuple[Channel, ...],
    channel: Channel,
    policy: Policy,
    has_phone: bool,
    now: datetime,
    jitter: float,
    retry_limit: int | None = None,
    has_address: bool = False,
) -> Retry | NextChannel | Task:
    """What follows a provider's error after ``attempts`` tries on ``channel``; ``jitter`` in 0…1 spreads retries.

    A failure that is ambiguous or not known may have reached the patient: a person looks, nothing is sent.
    ``retry_limit`` is the provider's tighter bound, given for handsets that do not answer: tried over hours.
    """
    if failure in _AGAIN and attempts <= (policy.retries if retry_limit is None else retry_limit):
        first = policy.retry_first if retry_limit is None else policy.retry_slowly
        return Retry(now + first * (2 ** (attempts - 1)) * (1 + jitter / 2))
    if failure in _AGAIN | _ELSEWHERE:
        following = next_channel(channels, channel, has_phone, has_address)
        return NextChannel(following, failure) if following else Task(f"{failure}: no channel is left")
    return Task(f"{failure}: it may have been sent; look before telling the patient")
