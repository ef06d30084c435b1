"""Counting what somebody may do only so often, in the database, so that the count holds across all processes.

It shares the table of failed sign-ins, where rows count for fifteen minutes and are then forgotten.
"""

from datetime import timedelta
from hashlib import sha256

import sqlalchemy as sa
from sqlmodel import col, select

from surveillance.operations.accounts.sessions import COUNTED
from surveillance.operations.work import Work
from surveillance.store.tables import SignInFailure


def count(work: Work, subject: str) -> None:
    """Count one try of ``subject``, of which only a hash is kept, and forget those that count no more."""
    work.session.connection().execute(sa.delete(SignInFailure).where(col(SignInFailure.at) < work.now - COUNTED))
    work.session.add(SignInFailure(subject=_hashed(subject), at=work.now))
    work.session.flush()


def must_wait(work: Work, subject: str, allowed: int) -> timedelta | None:
    """How long to wait until another try is allowed; None where one is."""
    statement = (
        select(col(SignInFailure.at))
        .where(SignInFailure.subject == _hashed(subject), col(SignInFailure.at) > work.now - COUNTED)
        .order_by(col(SignInFailure.at).desc())
        .limit(allowed)
    )
    moments = list(work.session.exec(statement))
    return moments[-1] + COUNTED - work.now if len(moments) == allowed else None


def _hashed(subject: str) -> str:
    return sha256(subject.encode()).hexdigest()
