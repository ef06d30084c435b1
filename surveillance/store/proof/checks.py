"""The results of the proofs of the promise, the last of which the board shows."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from surveillance.store.tables import ImportBatch, PromiseCheck, Sweep

SHOWN = 200  # violations that are kept in words; how many there were is kept besides
KEPT = timedelta(days=365)

DUE = "a proof is due"


def last(session: Session) -> PromiseCheck | None:
    return session.exec(select(PromiseCheck).order_by(col(PromiseCheck.finished_at).desc()).limit(1)).first()


def last_sweep(session: Session) -> datetime | None:
    """When a site was last swept."""
    moment: datetime | None = session.exec(select(sa.func.max(Sweep.done_at))).one()
    return moment


def last_import(session: Session) -> datetime | None:
    """When a file was last taken in."""
    moment: datetime | None = session.exec(select(sa.func.max(ImportBatch.at))).one()
    return moment


def keep(session: Session, started_at: datetime, now: datetime, plans: int, violations: Sequence[Any]) -> PromiseCheck:
    """Write down what a proof has found, and forget those of more than a year ago."""
    session.connection().execute(sa.delete(PromiseCheck).where(col(PromiseCheck.finished_at) < now - KEPT))
    row = PromiseCheck(
        started_at=started_at,
        finished_at=now,
        plans=plans,
        violations=len(violations),
        found=[asdict(violation) for violation in violations[:SHOWN]],
    )
    session.add(row)
    session.flush()
    return row


def ask(session: Session, now: datetime, why: str) -> None:
    """A proof is due before its night: until it was made, this stands in the place of the last one."""
    mend = "a worker proves it within minutes, 'surveillance check' at once"
    row = PromiseCheck(started_at=now, finished_at=now, plans=0, violations=1)
    row.found = [{"rule": DUE, "site": "", "subject": "", "what": why, "mend": mend}]
    session.add(row)
    session.flush()


def is_asked(row: PromiseCheck) -> bool:
    return [found["rule"] for found in row.found] == [DUE]
