"""The nightly proof of the promise: once after the day's sweep, in batches, its result kept for the board."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from sqlmodel import Session

from surveillance.operations.job_context import JobContext
from surveillance.operations.proof import check, second_proof
from surveillance.operations.proof.second_proof import Told
from surveillance.operations.proof.violation import Violation
from surveillance.operations.work import Work
from surveillance.store import db, locks
from surveillance.store.proof import checks
from surveillance.store.proof import rules as store
from surveillance.store.tables import PromiseCheck, Site

log = structlog.get_logger(__name__)

EVERY: Final = timedelta(hours=20)  # a night's proof, which need not begin on the minute of the last one
LATE: Final = timedelta(hours=36)  # a proof that is older proves little


def prove(context: JobContext, stopping: threading.Event) -> Counter[str]:
    """Prove the promise if it is time; of several workers one does it."""
    with db.reading(context.engine) as session:
        if not _is_time(session, context.clock()):
            return Counter()
    with locks.alone(context.engine, "proof of the promise") as mine:
        return _prove(context, stopping) if mine else Counter()


def _is_time(session: Session, now: datetime) -> bool:
    """Somebody asked, a file came in, or a day was swept since the last proof and that one is not of this night."""
    last, swept, came = checks.last(session), checks.last_sweep(session), checks.last_import(session)
    if last is None:
        return swept is not None
    if checks.is_asked(last) or (came is not None and last.started_at <= came):
        return True
    return swept is not None and last.finished_at < swept and last.finished_at <= now - EVERY


def _prove(context: JobContext, stopping: threading.Event) -> Counter[str]:
    started_at = context.clock()
    with db.reading(context.engine) as session:
        found = list(check.whole(context.work(session)))
        plan_ids, patient_ids = store.plan_ids(session), store.patient_ids(session)
    told = Told()
    provers: tuple[tuple[Look, Sequence[UUID]], ...] = (
        (check.of_plans, plan_ids),
        (partial(second_proof.of_patients, told=told), patient_ids),
    )
    parts = [(look, some) for look, ids in provers for some in _batches(ids)]
    for look, some in parts:
        if stopping.is_set():
            return Counter()
        found += _twice(context, look, some)
    with db.reading(context.engine) as session:
        found += second_proof.of_board(context.work(session), told)
    with db.writing(context.engine) as session:
        checks.keep(session, started_at, context.clock(), len(plan_ids), found)
    if found:
        log.error("the promise is broken", violations=len(found), rules=sorted({each.rule for each in found}))
    return Counter(proved=len(plan_ids), violations=len(found))


def _batches(plan_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(plan_ids), check.BATCH):
        yield plan_ids[start : start + check.BATCH]


Look = Callable[[Work, Sequence[UUID]], Iterable[Violation]]


def _twice(context: JobContext, look: Look, ids: Sequence[UUID]) -> list[Violation]:
    """Each batch is one short look. What somebody changed in the middle of it is not seen the same way again."""
    first = _looked(context, look, ids)
    return [each for each in _looked(context, look, ids) if each in first] if first else []


def _looked(context: JobContext, look: Look, ids: Sequence[UUID]) -> list[Violation]:
    with db.reading(context.engine) as session:
        return list(look(context.work(session), ids))


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
