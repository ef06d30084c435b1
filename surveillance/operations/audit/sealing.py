"""Sealing the audit trail into a hash chain, and proving that it is whole (45 CFR 164.312(b) and (c)).

Writers never wait for each other: they only add events, and a tick forges the links afterwards. A link's number
is its place in the chain; on PostgreSQL an event with a lower id may be committed later and then stands later.

Whoever can write to the database can also forge a whole new chain. Against that helps what is kept elsewhere: the
head is logged with every tick that sealed something, and told by ``check``.
"""

import re
import secrets
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

import structlog

from surveillance.core.audit.chain import Head, Link, fault, forge
from surveillance.core.errors import InvalidInputError
from surveillance.operations.job_context import JobContext
from surveillance.operations.work import Work
from surveillance.store import db, locks
from surveillance.store.audit import seals
from surveillance.store.proof import heartbeats

log = structlog.get_logger(__name__)

BATCH: Final = 1000  # links in one transaction: on SQLite writers wait for it some 50 ms
SALT_BYTES: Final = 16
LONGEST_TRANSACTION: Final = timedelta(days=1)  # an event that is committed later is found by ``verify``
_HASH: Final = re.compile(r"[0-9a-f]{64}")
GRACE: Final = timedelta(hours=1)  # an event is sealed within a minute or so


@dataclass(slots=True)
class Verdict:
    """What the verification found: how the chain ends, its first break of ``broken``, and what was not sealed in time.

    ``erased`` counts values that were removed for good, which is no break.
    """

    head: Head = field(default_factory=Head)
    first: str = ""
    broken: int = 0
    erased: int = 0
    late: int = 0
    first_late: int = 0

    @property
    def whole(self) -> bool:
        return not self.broken and not self.late

    def broke(self, link: str, what: str) -> None:
        self.broken += 1
        self.first = self.first or f"{link}: {what}"


# -- sealing ---------------------------------------------------------------------------------------------------


def seal(context: JobContext) -> Counter[str]:
    """Add every event that is not sealed yet to the chain; of several workers one does it."""
    done: Counter[str] = Counter()
    with locks.alone(context.engine, "audit seal") as mine:
        after = _start(context) if mine else None
        while after is not None:
            links = _seal_batch(context, after)
            after = links[-1].event_id if len(links) == BATCH else None
            done["sealed"] += len(links)
            if links:
                log.info("audit trail sealed", events=len(links), head=str(links[-1].head))
    return +done


def _start(context: JobContext) -> int:
    """The event after which to look for unsealed ones: the whole trail would be too much once a minute."""
    with db.reading(context.engine) as session:
        return seals.sealed_up_to(session, context.clock() - LONGEST_TRANSACTION)


def _seal_batch(context: JobContext, after: int) -> list[Link]:
    """Seal the next events. The head is read in the transaction that moves it on."""
    links: list[Link] = []
    salts: dict[int, str] = {}
    with db.writing(context.engine) as session:
        head = seals.head(session)
        for event, values in seals.unsealed(session, after, BATCH):
            if values is not None:
                salts[event.id] = secrets.token_hex(SALT_BYTES)
                values = replace(values, salt=salts[event.id])
            links.append(forge(head, event, values))
            head = links[-1].head
        if links:
            seals.append(session, links, salts, context.clock())
    return links


# -- proving ---------------------------------------------------------------------------------------------------


def verify(work: Work, noted: Head | None = None) -> Verdict:
    """Hold every link against what it speaks of. ``noted`` is a head that was kept elsewhere and must still be there.

    The chain is read once, in batches: little of it is in memory, however long it is.
    """
    verdict = Verdict()
    for joint in seals.joints(work.session):
        link = joint.link
        if what := fault(verdict.head, joint):
            verdict.broke(f"link {link.number}, event {link.event_id}", what)
        if noted is not None and noted.number == link.number and noted.hash != link.hash:
            verdict.broke(f"link {link.number}, event {link.event_id}", "it is not the link that was noted")
        verdict.erased += joint.erased
        verdict.head = link.head
    if noted is not None and noted.number > verdict.head.number:
        verdict.broke(f"link {noted.number}", f"it was noted, but the chain ends with link {verdict.head.number}")
    if heartbeats.running_since(work.session, work.now - GRACE, work.now):
        verdict.late, verdict.first_late = seals.left_unsealed(work.session, work.now - GRACE)
    return verdict


def noted_head(text: str) -> Head:
    """A head as it was noted, ``NUMBER:HASH``. Raises InvalidInputError for anything else."""
    number, _, digest = text.strip().partition(":")
    if not number.isdecimal() or not _HASH.fullmatch(digest):
        raise InvalidInputError(f"{text!r} is no head of the audit chain; write it as it was told, NUMBER:HASH")
    return Head(int(number), digest)


def head(work: Work) -> Head:
    """How the chain ends now; what ``verify`` tells, without verifying."""
    return seals.head(work.session)
