"""The one small interface between the service and whoever carries a message.

A transport hands one message over and says what came of it: it returns what was accepted, or raises a
``DeliveryError`` that names what to do next. It never retries, never sleeps, never reads the database; deciding
is the caller's part.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from surveillance.core.errors import SurveillanceError
from surveillance.core.words import Channel


class Failure(StrEnum):
    """What an error means for the message and for the queue behind it (design section 4 rule 8)."""

    RETRY = "retry"  # certainly not sent: try again later, bounded
    AMBIGUOUS = "ambiguous"  # may have been sent: look for it before anything else
    PERMANENT = "permanent"  # this address cannot get it: next channel, at last a person
    OPTED_OUT = "opted_out"  # the number said stop: withdraw the consent, never use another sender
    SENDER = "sender"  # the sender may not send: stop that sender, alert
    CREDENTIALS = "credentials"  # the account is refused: stop the queue, alert
    CONFIGURATION = "configuration"  # refused as things are set up: no retry until a person changes that
    BLOCKED = "blocked"  # held back by a filter, or for a reason not known: no retry, alert


class NumberTrouble(StrEnum):
    """What an error says about the phone number or the mailbox itself, once nothing more is tried."""

    LANDLINE = "landline"  # no SMS ever: calls only
    WRONG = "wrong"  # no SMS until a person has verified the number
    NO_MAILBOX = "no_mailbox"  # no email until the address is changed or agreed to anew
    SILENT = "silent"  # it may be the right one: a person looks into it, messages go on


class DeliveryError(SurveillanceError):
    """A provider did not take a message, or nobody knows whether it did.

    ``code`` is the provider's own, for the record. ``text`` is one line for a person; it never holds an address
    or a body. ``retry_limit`` bounds the retries more tightly than the policy does; None leaves it to the policy.
    ``trouble`` is what it says about the number.
    """

    def __init__(
        self,
        failure: Failure,
        code: str,
        text: str,
        retry_limit: int | None = None,
        trouble: NumberTrouble | None = None,
    ) -> None:
        super().__init__(text)
        self.failure = failure
        self.code = code
        self.text = text
        self.retry_limit = retry_limit
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message as it is to arrive. SMS uses ``body``; email uses ``subject``, ``html`` and ``calendar`` too.

    ``attempt_id`` is the row written before the call. ``validity_seconds`` is how long the provider may still
    try, so that nothing arrives in quiet hours. ``calendar`` is one iCalendar object (RFC 5545) in UTF-8.
    ``unsubscribe`` is the address of a page on which email is stopped.
    """

    attempt_id: str
    to: str
    body: str
    callback_url: str | None = None
    validity_seconds: int | None = None
    subject: str = ""
    html: str = ""
    calendar: bytes | None = None
    unsubscribe: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A provider took a message: its id there, the first status, who it goes out as, and its parts if known."""

    provider_id: str
    status: str
    sender: str
    parts: int | None


@dataclass(frozen=True, slots=True)
class Listed:
    """One outbound message that a provider knows. ``redacted`` means ``body`` cannot be compared. Times in UTC."""

    provider_id: str
    to: str
    body: str
    status: str
    created_at: datetime
    sent_at: datetime | None = None
    error_code: int | None = None
    redacted: bool = False


class Transport(Protocol):
    """Someone who carries messages of one channel.

    ``timeout_seconds`` is the longest that ``send`` waits for the other side: an attempt without a result is in
    doubt only after that.
    """

    @property
    def channel(self) -> Channel: ...

    @property
    def name(self) -> str: ...

    @property
    def sender(self) -> str: ...

    @property
    def timeout_seconds(self) -> float: ...

    def send(self, message: Outgoing) -> Accepted:
        """Hand ``message`` over, once.

        Raises:
            DeliveryError: it was not taken, or it may have been and nobody knows.
        """
        ...

    def find(self, to: str, since: datetime) -> list[Listed]:
        """Every outbound message to ``to`` created at or after ``since`` (UTC), newest first.

        An empty list means that there certainly is none.

        Raises:
            DeliveryError: the provider cannot tell.
        """
        ...
