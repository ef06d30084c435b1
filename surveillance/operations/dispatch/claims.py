"""Taking due messages to work on: of several workers each gets its own, and gives back what it does not begin with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from surveillance.operations.dispatch import senders
from surveillance.operations.job_context import JobContext
from surveillance.store import db
from surveillance.store.messages import claims as store


@dataclass(frozen=True, slots=True)
class Claim:
    """One message that is ours to work on until then."""

    reminder_id: UUID
    patient_id: UUID
    until: datetime


def take(context: JobContext) -> list[Claim]:
    """The next messages; nothing is locked where nothing is due."""
    names = senders.names(context)
    with db.reading(context.engine) as session:
        now = context.work(session).now
        due, known = store.anything_due(session, now, names, senders.ahead(context, now))
    if not due:
        return []
    with db.writing(context.engine) as session:
        work = context.work(session)
        if not known:
            senders.know(context, work)
        until, ahead = work.now + context.limits.lease, senders.ahead(context, work.now)
        taken = store.claim(session, work.now, until, context.limits.batch, names, ahead)
    return [Claim(reminder_id, patient_id, until) for reminder_id, patient_id in taken]


def give_back(context: JobContext, claims: Sequence[Claim]) -> None:
    """What a worker that is to stop has not begun with."""
    with db.writing(context.engine) as session:
        store.release(session, [claim.reminder_id for claim in claims], claims[0].until)
