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

from surveillance.operations.accounts import second_factor as second_factors
from surveillance.operations.accounts import users
from surveillance.operations.work import Work
from surveillance.store.tables import SignInFailure, User, WebSession

IDLE: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(hours=12)
SEEN_EVERY: Final = timedelta(minutes=1)  # a session is written to at most so often, or every page view would write
COUNTED: Final = timedelta(minutes=15)  # failures count for so long
TRIES_BY_NAME: Final = 5
TRIES_BY_ADDRESS: Final = 30  # a whole clinic may sit behind one address
SINGLE_SIGN_ON: Final = "single sign-on"
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Refused:
    """Why somebody was not let in, in words that tell a guesser nothing. ``wait`` is for how long nobody is asked."""

    why: str
    wait: timedelta | None = None


WRONG: Final = Refused("User name or password is not right.")


def sign_in(work: Work, username: str, password: str, client: str) -> User | Refused:
    """Whether somebody may come in by name and password; what failed is counted in the same transaction.

    Where there is a second factor, failures count until that is given, too: whoever knows the password alone would
    else clear them with it and guess at the codes for ever.
    """
    name = username.strip().lower()
    # Locked, so that tries at the same moment come one after the other and each sees the failures before it.
    known = select(User).where(User.username == name, col(User.system).is_(False)).with_for_update()
    user = work.session.exec(known).first()
    if wait := must_wait(work, username, client):
        return _waits(wait)
    # An unknown name takes as long as a known one, so that time tells nobody which names there are.
    if not users.matches(user or User(username="", name="", created_at=work.now), password) or user is None:
        failed(work, username, client)
        if user is not None:
            work.audit("user.sign_in_refused", user)
        return WRONG
    if user.totp_confirmed_at is None:
        _forget(work, user)
    return user


def proves(work: Work, user: User, password: str, client: str) -> Refused | None:
    """Whether whoever is signed in knows the account's password: an open browser is no proof. Failures count."""
    work.session.refresh(user, with_for_update=True)
    if wait := must_wait(work, user.username, client):
        return _waits(wait)
    if users.matches(user, password):
        return None
    failed(work, user.username, client)
    return Refused("This is not your present password")


def second_factor(work: Work, user: User, safe: second_factors.Safe, code: str, client: str) -> Refused | None:
    """Whether a code proves who it is, after the password did; failures are counted as those of passwords are."""
    work.session.refresh(user, with_for_update=True)
    if wait := must_wait(work, user.username, client):
        return _waits(wait)
    if second_factors.check(work, user, safe, code):
        _forget(work, user)
        return None
    failed(work, user.username, client)
    work.audit("user.sign_in_refused", user, reason="second factor")
    return Refused("This code is not right, or was used before")


def _waits(wait: timedelta) -> Refused:
    return Refused(f"Too many tries. Try again in {_minutes(wait)}.", wait)


def failed(work: Work, username: str, client: str) -> None:
    """Count one failure, of a password or of a second factor, and forget those that count no more."""
    work.session.connection().execute(sa.delete(SignInFailure).where(col(SignInFailure.at) < work.now - COUNTED))
    for subject in (_subject("name", username.strip().lower()), _subject("address", client)):
        work.session.add(SignInFailure(subject=subject, at=work.now))
    work.session.flush()


def must_wait(work: Work, username: str, client: str) -> timedelta | None:
    """How long nobody is asked under this name or from this address; None where anybody may try."""
    subjects = (_subject("name", username.strip().lower()), _subject("address", client))
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


def _forget(work: Work, user: User) -> None:
    """Whoever came in is no guesser; failures from the same address under other names go on counting."""
    subject = _subject("name", user.username)
    work.session.connection().execute(sa.delete(SignInFailure).where(col(SignInFailure.subject) == subject))


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
        how=how,
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
