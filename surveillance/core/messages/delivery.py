"""How far a message has come on its way, as a provider's callbacks tell it in any order.

The words are those of Twilio's Message resource, which other providers' words can be put into. A status is kept
only where it is news: later in a message's life than what is known, and never after the message has ended.
Source: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status (the order of callbacks is
not guaranteed) and design section 4 rule 9 (terminal states never move back).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_RANKS: Mapping[str, int] = MappingProxyType(
    {
        "accepted": 1,  # taken, no sender chosen yet: the first status with a Messaging Service
        "scheduled": 2,
        "queued": 3,  # the first status with a fixed sender
        "sending": 4,
        "sent": 5,
        "delivered": 6,
        "undelivered": 6,
        "failed": 6,
        "canceled": 6,
        "read": 7,
    }
)

FINAL: frozenset[str] = frozenset({"delivered", "undelivered", "failed", "canceled", "read"})
ARRIVED: frozenset[str] = frozenset({"delivered", "read"})
LOST: frozenset[str] = FINAL - ARRIVED


@dataclass(frozen=True, slots=True)
class StatusCallback:
    """What a provider reports about one message: its id there, a status word, and a code if something failed."""

    provider_id: str
    status: str
    error_code: int | None = None


def rank(status: str) -> int:
    """How late in a message's life ``status`` comes; 0 for a word that is not known, so that it is never news."""
    return _RANKS.get(status, 0)


def advance(current: str, new: str) -> str:
    """What is known after ``new`` arrives: the later of both, but an end stays as it is.

    One step follows an end: a delivered message may be read. Two ends that contradict each other leave the
    first one standing.
    """
    if current in FINAL:
        return new if (current, new) == ("delivered", "read") else current
    return new if rank(new) > rank(current) else current
