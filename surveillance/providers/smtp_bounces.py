"""What a mail server reports when it could not deliver an email that another one had taken.

Source: RFC 3464 (the report), RFC 3463 (its status codes), RFC 6522 (the mail that carries it).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, message_from_string
from email.message import Message
from typing import Final
from uuid import UUID

from surveillance.core.errors import InvalidInputError
from surveillance.providers.base import DeliveryError, Failure
from surveillance.providers.smtp import trouble_of

LONGEST: Final = 300  # characters of what the other server said
_ID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_STATUS: Final = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
# Where a mail server writes down for whom a mail was that it handed over.
_FOR: Final = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
_WORDS: Final = {
    (1, None): "the mailbox or its domain does not exist",
    (2, 1): "the mailbox is closed",
    (2, 2): "the mailbox is full",
    (2, None): "the mailbox takes no mail",
    (4, None): "the other mail server could not be reached",
    (7, None): "the other mail server refuses mail from here",
}


@dataclass(frozen=True, slots=True)
class Bounce:
    """``action`` is the report's: failed, delayed, delivered, relayed, expanded. ``status`` is like 5.1.1.

    ``said`` is the other server's own line, which may hold the patient's address. ``attempt_id`` is None where the
    report names none of ours.
    """

    attempt_id: UUID | None
    action: str
    status: str
    said: str

    @property
    def failed(self) -> bool:
        """Given up, whatever the class of the status: some servers keep the last 4.x.x of days of trying."""
        return self.action == "failed"

    def error(self) -> DeliveryError:
        """What it means here. A refusal for a reason of our own says nothing of the mailbox."""
        found = _STATUS.search(self.status)
        subject, detail = (int(found[2]), int(found[3])) if found else (0, 0)
        words = _WORDS.get((subject, detail)) or _WORDS.get((subject, None)) or "the other mail server did not take it"
        failure = Failure.BLOCKED if subject == 7 else Failure.PERMANENT
        text = f"it came back: {words} ({self.status or 'no status'})"
        return DeliveryError(failure, self.status, text, trouble=trouble_of(subject, detail))


def read(raw: bytes, recipient: str = "") -> Bounce:
    """Read one mail; ``recipient`` is the address that it was sent to, where the mail server tells.

    Raises:
        InvalidInputError: it is no report of a delivery.
    """
    try:
        return _read(raw, recipient)
    except RecursionError:  # hundreds of mails inside each other: no mail server writes such a report
        raise InvalidInputError("it is no report of a delivery: too many mails lie inside each other") from None


def _read(raw: bytes, recipient: str) -> Bounce:
    mail = message_from_bytes(raw)  # the older policy, which reads damaged headers too
    report = next((part for part in mail.walk() if part.get_content_type() == "message/delivery-status"), None)
    groups = [part for part in report.get_payload() if isinstance(part, Message)] if report else []
    about = [group for group in groups if group.get("Action")]
    if not about:
        raise InvalidInputError("it is no report of a delivery (RFC 3464)")
    # One email has one recipient; of several the one that failed is the news.
    group = next((each for each in about if _word(each, "Action") == "failed"), about[0])
    status = _STATUS.search(str(group.get("Status", "")))
    said = str(group.get("Diagnostic-Code", "")).partition(";")[2]
    return Bounce(
        next(_ids(mail, groups, recipient), None),
        _word(group, "Action"),
        status.group() if status else "",
        " ".join(said.split())[:LONGEST],
    )


def _word(group: Message, name: str) -> str:
    return str(group.get(name, "")).strip().casefold()


def _ids(mail: Message, groups: list[Message], recipient: str) -> Iterator[UUID]:
    """The attempt: by the address that the report went to, else by the Message-ID of the mail that came back."""
    texts = [recipient, *(str(value) for name in _FOR for value in mail.get_all(name, []))]
    texts += [str(group.get("Original-Envelope-Id", "")) for group in groups]
    texts += [str(returned.get("Message-ID", "")) for returned in _returned(mail)]
    for text in texts:
        yield from (UUID(found) for found in _ID.findall(text))


def _returned(mail: Message) -> Iterator[Message]:
    for part in mail.walk():
        kind, payload = part.get_content_type(), part.get_payload()
        if kind == "message/rfc822" and isinstance(payload, list):
            yield from (each for each in payload if isinstance(each, Message))
        elif kind in ("text/rfc822-headers", "message/rfc822-headers"):
            text = part.get_payload(decode=True)
            yield message_from_string(text.decode("utf-8", "replace") if isinstance(text, bytes) else str(payload))
