"""What dispatch works with: the database, who carries messages, the clock, and the limits it keeps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

import sqlalchemy as sa
from sqlmodel import Session

from surveillance.core.words import Channel
from surveillance.operations.work import Actor, Catalogue, Work
from surveillance.providers.base import Transport

# Messages a second from one sender. Twilio: a long code carries about one; other kinds are told with 'dispatch pace'.
PACE: Mapping[Channel, float] = MappingProxyType({Channel.SMS: 1.0, Channel.EMAIL: 10.0})


@dataclass(frozen=True, slots=True)
class Limits:
    """``hand_over`` bounds the time from the attempt's row to the call; ``give_up`` is how long a message in doubt is
    looked for (design section 4 rule 7). ``burst`` is how far a sender may run ahead of its pace.
    """

    batch: int = 10
    lease: timedelta = timedelta(minutes=5)
    hand_over: timedelta = timedelta(seconds=30)
    give_up: timedelta = timedelta(minutes=10)
    burst: timedelta = timedelta(seconds=10)
    shortest: timedelta = timedelta(minutes=1)  # a message that may live no longer is not sent any more
    pace: Mapping[Channel, float] = field(default_factory=lambda: PACE)


@dataclass(frozen=True, slots=True)
class JobContext:
    """Where messages are handed out. ``clock`` gives the moment it is, in UTC."""

    engine: sa.Engine
    catalogue: Catalogue
    transports: Mapping[Channel, Transport]
    public_url: str
    actor: Actor
    clock: Callable[[], datetime]
    limits: Limits = field(default_factory=Limits)

    def work(self, session: Session) -> Work:
        """One unit of work, now."""
        return Work(session, self.clock(), self.actor, self.catalogue)
