"""Signing in and being signed in: sessions on the server, ended by time, by hand, or when a user is disabled.

Limits: 15 minutes idle, 12 hours in all (45 CFR 164.312(a)(2)(iii), OWASP ASVS 7.3). A session's secret has 256 random
bits and only its hash is stored (ASVS 7.2.3). Failed sign-ins are counted by name and by address, so that neither one
account can be guessed at nor many.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from surveillance.operations import accounts
from surveillance.operations.work import Work
from surveillance.store.tables import SignInFailure, User, WebSession

IDLE: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(hours=12)
SEEN_EVERY: Final = timedelta(minutes=1)  # a session is written to at most so often, or every page view would write
COUNTED: Final = timedelta(minutes=15)  # failures count for so long
TRIES_BY_NAME: Final = 5
TRIES_BY_ADDRESS: Final = 30  # a whole clinic may sit behind one address
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Refused:
    """Why somebody was not let in, in words that tell a guesser nothing. ``wait`` is for how long nobody is asked."""

    why: str
    wait: timedelta | None = None


WRONG: Final = Refused("User name or password is not right.")


def sign_in(work: Work, username: str, password: str, client: str) -> User | Refused:
    """Whether somebody may come in by name and password; what failed is counted in the same transaction."""
    subjects = (_subject("name", username.strip().lower()), _subject("address", client))
    if wait := _must_wait(work, subjects):
        return Refused(f"Too many tries. Try again in {_minutes(wait)}.", wait)
    user = work.session.exec(
        select(User).where(User.username == username.strip().lower(), col(User.system).is_(False))
    ).first()
    # An unknown name takes as long as a known one, so that time tells nobody which names there are.
    if not accounts.matches(user or User(username="", name="", created_at=work.now), password) or user is None:
        failed(work, username, client)
        if user is not None:
            work.audit("user.sign_in_refused", user)
        return WRONG
    _forget(work, subjects)
    return user


def failed(work: Work, username: str, client: str) -> None:
    """Count one failure, of a password or of a second factor, and forget those that count no more."""
    work.session.connection().execute(sa.delete(SignInFailure).where(col(SignInFailure.at) < work.now - COUNTED))
    for subject in (_subject("name", username.strip().lower()), _subject("address", client)):
        work.session.add(SignInFailure(subject=subject, at=work.now))
    work.session.flush()


def must_wait(work: Work, username: str, client: str) -> timedelta | None:
    """How long nobody is asked under this name or from this address; None where anybody may try."""
    return _must_wait(work, (_subject("name", username.strip().lower()), _subject("address", client)))


def _must_wait(work: Work, subjects: tuple[str, str]) -> timedelta | None:
    for subject, allowed in zip(subjects, (TRIES_BY_NAME, TRIES_BY_ADDRESS), strict=True):
        statement = (
            select(col(SignInFailure.at))
            .where(SignInFailure.subject == subject, col(SignInFailure.at) > work.now - COUNTED)
            .order_by(col(SignInFailure.at).desc())
            .limit(allowed)
        )
        moments = list(work.session.exec(statement))
        if len(moments) == allowed:
            return moments[-1] + COUNTED - work.now
    return None


def _forget(work: Work, subjects: tuple[str, str]) -> None:
    """Whoever came in is no guesser; failures from the same address under other names go on counting."""
    work.session.connection().execute(sa.delete(SignInFailure).where(col(SignInFailure.subject) == subjects[0]))


def _subject(kind: str, text: str) -> str:
    return sha256(f"{kind}:{text}".encode()).hexdigest()


def _minutes(span: timedelta) -> str:
    minutes = max(1, round(span.total_seconds() / 60))
    return "a minute" if minutes == 1 else f"{minutes} minutes"


# -- sessions --------------------------------------------------------------------------------------------------


def open_session(work: Work, user: User, how: str, *, proven: bool) -> str:
    """A new session; its secret goes to the browser alone. ``proven``: no second factor is asked for."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    row = WebSession(
        token_hash=hashed(secret),
        user_id=user.id,
        created_at=work.now,
        seen_at=work.now,
        proven_at=work.now if proven else None,
    )
    work.session.add(row)
    work.session.flush()
    work.audit("user.sign_in", user, reason=how)
    return secret


def resolve(session: Session, secret: str, now: datetime) -> tuple[WebSession, User] | None:
    """Who a session belongs to; None where it has ended, for whatever reason."""
    row = session.get(WebSession, hashed(secret))
    if row is None or row.ended_at is not None or now - row.seen_at > IDLE or now - row.created_at > LONGEST:
        return None
    user = session.get(User, row.user_id)
    return None if user is None or user.disabled_at is not None else (row, user)


def end(work: Work, row: WebSession, why: str) -> None:
    """End one session."""
    row.ended_at, row.ended_why = work.now, why
    work.session.flush()


def end_all(work: Work, user: User, why: str, but: WebSession | None = None) -> int:
    """End every session of a user, save perhaps the one at hand; returns how many."""
    statement = select(WebSession).where(WebSession.user_id == user.id, col(WebSession.ended_at).is_(None))
    rows = [row for row in work.session.exec(statement) if but is None or row.token_hash != but.token_hash]
    for row in rows:
        end(work, row, why)
    return len(rows)


def forget_old(session: Session, now: datetime) -> None:
    """Drop sessions that ended by time long ago; the audit trail keeps who was in."""
    session.connection().execute(sa.delete(WebSession).where(col(WebSession.created_at) < now - 2 * LONGEST))


def hashed(secret: str) -> str:
    """What is stored of a secret; a random one of 256 bits needs no salt and no slow hash."""
    return sha256(secret.encode()).hexdigest()
