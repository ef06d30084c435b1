"""The chain over the audit trail: what a link covers, and whether a chain as it stands is whole.

A link's hash covers the link before, its own number, the event and a digest of the event's values. The digest is
salted and the salt is kept with the values: where both are erased, the chain stays whole and the digest that
remains tells nothing, not even to somebody who guesses a value and tries.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

START: Final = "0" * 64  # what the first link follows


@dataclass(frozen=True, slots=True)
class Event:
    """An audit event, every column of it."""

    id: int
    at: datetime
    site: str
    user: str
    account: str
    action: str
    subject: str
    subject_id: str
    patient: str
    reason: str


@dataclass(frozen=True, slots=True)
class Values:
    """What stands beside an event: the values before and after, and their salt. Erased, all three are empty."""

    salt: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    @property
    def erased(self) -> bool:
        return not self.salt and not self.before and not self.after

    def digest(self) -> str:
        return _digest([self.salt, self.before, self.after])


@dataclass(frozen=True, slots=True)
class Head:
    """The last link. Noted elsewhere, it proves later that the chain up to it was not made anew."""

    number: int = 0
    hash: str = START

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Link:
    """One link as it is stored. ``values_digest`` is empty for an event that had no values."""

    number: int
    event_id: int
    values_digest: str
    hash: str

    @property
    def head(self) -> Head:
        """The end of a chain that ends with this link."""
        return Head(self.number, self.hash)


@dataclass(frozen=True, slots=True)
class Joint:
    """A stored link beside what it speaks of as that stands now."""

    link: Link
    event: Event | None
    values: Values | None

    @property
    def erased(self) -> bool:
        """Whether values were sealed with the event and have been erased since."""
        return bool(self.link.values_digest) and (self.values is None or self.values.erased)


def forge(head: Head, event: Event, values: Values | None) -> Link:
    """The link that follows ``head``."""
    number, digest = head.number + 1, values.digest() if values is not None else ""
    return Link(number, event.id, digest, _hash(head.hash, number, event, digest))


def fault(head: Head, joint: Joint) -> str:
    """What is wrong with a link that is expected to follow ``head``; empty where nothing is.

    It is held against the hash that the link before has, not the one it should have: one broken link does not hide
    what is wrong, or right, after it.
    """
    return _missing(head.number, joint.link.number) or _changed(head.hash, joint)


def _missing(before: int, number: int) -> str:
    gap = number - before - 1
    if gap == 0:
        return ""
    return f"link {before + 1} before it is missing" if gap == 1 else f"{gap} links before it are missing"


def _changed(previous: str, joint: Joint) -> str:
    link, event, values = joint.link, joint.event, joint.values
    if event is None:
        return "the event is missing"
    if link.hash != _hash(previous, link.number, event, link.values_digest):
        return "the event, or this link or the one before it, was changed"
    if values is None or values.erased:
        return ""
    if not link.values_digest:
        return "values were added to the event"
    return "" if values.digest() == link.values_digest else "the values of the event were changed"


def _hash(previous: str, number: int, event: Event, values_digest: str) -> str:
    at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    who = [event.site, event.user, event.account, event.patient]
    what = [event.action, event.subject, event.subject_id, event.reason]
    return _digest([previous, number, event.id, at, *who, *what, values_digest])


def _digest(value: Any) -> str:
    """SHA-256 of the one way to write a JSON value: keys sorted, no spaces, nothing but ASCII."""
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
