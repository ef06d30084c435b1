"""The nightly proof of the promise: once after the day's sweep, in batches, its result kept for the board."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlmodel import Session

from surveillance.operations import promise
from surveillance.operations.dispatch import Office
from surveillance.operations.promise import Violation
from surveillance.operations.work import Work
from surveillance.store import checks, db, locks
from surveillance.store import promise as store
from surveillance.store.tables import PromiseCheck, Site

log = structlog.get_logger(__name__)

EVERY: Final = timedelta(hours=20)  # a night's proof, which need not begin on the minute of the last one
LATE: Final = timedelta(hours=36)  # a proof that is older proves little


def prove(office: Office, stopping: threading.Event) -> Counter[str]:
    """Prove the promise if it is time; of several workers one does it."""
    with db.reading(office.engine) as session:
        if not _is_time(session, office.clock()):
            return Counter()
    with locks.alone(office.engine, "proof of the promise") as mine:
        return _prove(office, stopping) if mine else Counter()


def _is_time(session: Session, now: datetime) -> bool:
    """A day was swept since the last proof, and that one is not of this night."""
    last, swept = checks.last(session), checks.last_sweep(session)
    if swept is None:
        return False
    return last is None or (last.finished_at < swept and last.finished_at <= now - EVERY)


def _prove(office: Office, stopping: threading.Event) -> Counter[str]:
    started_at = office.clock()
    with db.reading(office.engine) as session:
        found = list(promise.whole(office.work(session)))
        plan_ids = store.plan_ids(session)
    for some in _batches(plan_ids):
        if stopping.is_set():
            return Counter()
        found += _of_plans(office, some)
    with db.writing(office.engine) as session:
        checks.keep(session, started_at, office.clock(), len(plan_ids), found)
    if found:
        log.error("the promise is broken", violations=len(found), rules=sorted({each.rule for each in found}))
    return Counter(proved=len(plan_ids), violations=len(found))


def _batches(plan_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(plan_ids), promise.BATCH):
        yield plan_ids[start : start + promise.BATCH]


def _of_plans(office: Office, plan_ids: Sequence[UUID]) -> list[Violation]:
    """Each batch is one short look. What somebody changed in the middle of it is looked at again."""
    doubtful = list(_looked(office, plan_ids))
    return [violation for each in _looked(office, doubtful).values() for violation in each]


def _looked(office: Office, plan_ids: Sequence[UUID]) -> dict[UUID, list[Violation]]:
    if not plan_ids:
        return {}
    with db.reading(office.engine) as session:
        work = office.work(session)
        found = {plan_id: list(promise.of_plans(work, [plan_id])) for plan_id in plan_ids}
    return {plan_id: own for plan_id, own in found.items() if own}


# -- for the board -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proof:
    """The last proof as the board shows it: ``violations`` of the sites that somebody looks at, in words.

    ``more`` were found that are not kept in words; ``late``: it is older than a night.
    """

    at: datetime
    plans: int
    violations: Sequence[Violation]
    more: int
    late: bool


def last_proof(work: Work, sites: Sequence[Site]) -> Proof | None:
    row = checks.last(work.session)
    return _shown(row, {site.code for site in sites}, work.now) if row is not None else None


def _shown(row: PromiseCheck, codes: set[str], now: datetime) -> Proof:
    found = [Violation(**each) for each in row.found]
    mine = [each for each in found if each.site in codes or not each.site]
    return Proof(row.finished_at, row.plans, mine, row.violations - len(found), row.finished_at < now - LATE)
