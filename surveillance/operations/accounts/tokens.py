"""API tokens: how a program comes in. It acts as its user, at that user's sites, within the token's scopes.

A token holds 256 random bits and only its SHA-256 is stored. It begins with ``PREFIX`` so that a scanner for
leaked secrets knows it when it stands where it should not.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError
from surveillance.operations.accounts import users
from surveillance.operations.calendars.feeds import hashed
from surveillance.operations.work import Work, of_digits
from surveillance.store.audit.events import picture
from surveillance.store.tables import ApiToken, Membership, Site, User

PREFIX: Final = "srv_"
SECRET_BYTES: Final = 32
USE_NOTED: Final = timedelta(minutes=1)  # a busy program would otherwise write with every request
_LONGEST_NAME: Final = 100
_SHOWN: Final = ("user_id", "name", "scopes", "expires_at")


class Scope(StrEnum):
    """What a program may do, within what its user's role allows."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token for a program that acts as ``user``; without ``expires_at`` it works until it is revoked."""

    user: User
    name: str
    scopes: Sequence[Scope] = (Scope.READ,)
    expires_at: datetime | None = None


def create(work: Work, new: NewToken) -> tuple[ApiToken, str]:
    """A new token and its secret, which is shown this once and stored nowhere.

    Raises:
        InvalidInputError: no name, no scope, or an end that has passed.
        ForbiddenError: the user is disabled or the service's own account, or the actor does not administer every
            site at which the user works.
    """
    users.require_over(work, new.user)
    if new.user.system or new.user.disabled_at is not None:
        raise ForbiddenError(f"user {new.user.username!r} may not sign in, so no program may act in that name")
    name = new.name.strip()
    if not name or len(name) > _LONGEST_NAME:
        raise InvalidInputError(f"name the program that will use the token, in at most {_LONGEST_NAME} characters")
    if not new.scopes:
        raise InvalidInputError(f"a token needs a scope: {' or '.join(Scope)}")
    if new.expires_at is not None and new.expires_at <= work.now:
        raise InvalidInputError("the token would have expired already")
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    token = ApiToken(
        user_id=new.user.id,
        name=name,
        token_hash=hashed(secret),
        scopes=sorted({scope.value for scope in new.scopes}),
        created_at=work.now,
        created_by=work.actor.user_id,
        expires_at=new.expires_at,
    )
    work.session.add(token)
    work.session.flush()
    work.audit("token.create", token, after=picture(token, _SHOWN))
    return token, secret


def revoke(work: Work, token: ApiToken, reason: str = "") -> None:
    """End a token for good. Raises ForbiddenError as ``create``, ConflictError for one that is revoked already."""
    users.require_over(work, work.session.get_one(User, token.user_id))
    if token.revoked_at is not None:
        raise ConflictError(f"the token {token.name!r} is revoked already")
    users.end_token(work, token, reason)


def resolve(session: Session, secret: str, now: datetime) -> tuple[ApiToken, User] | None:
    """The token of a secret and the user it acts as; None for one that is unknown, revoked or expired.

    It only looks: ``note_use`` is called in a transaction of its own, where ``use_is_due``.
    """
    statement = (
        select(ApiToken, User)
        .join(User, col(User.id) == col(ApiToken.user_id))
        .where(ApiToken.token_hash == hashed(secret), col(ApiToken.revoked_at).is_(None))
        .where(col(User.disabled_at).is_(None), col(User.system).is_(False))
        .where(sa.or_(col(ApiToken.expires_at).is_(None), col(ApiToken.expires_at) > now))
    )
    row = session.exec(statement).first()
    return (row[0], row[1]) if row else None


def use_is_due(token: ApiToken, now: datetime) -> bool:
    """Whether the last noted use is over a minute old."""
    return token.last_used_at is None or now - token.last_used_at >= USE_NOTED


def note_use(session: Session, token: ApiToken, now: datetime) -> None:
    """Write down that a token was used, at most once a minute. Not an audited change: it affects no patient."""
    stale = sa.or_(col(ApiToken.last_used_at).is_(None), col(ApiToken.last_used_at) <= now - USE_NOTED)
    statement = sa.update(ApiToken).where(col(ApiToken.id) == token.id, stale)
    session.connection().execute(statement.values(last_used_at=now))


def listed(work: Work, sites: Sequence[Site]) -> list[tuple[ApiToken, User]]:
    """The tokens of those who work at these sites, revoked ones too, the newest first."""
    staff = select(col(Membership.user_id)).where(col(Membership.site_id).in_([site.id for site in sites]))
    statement = (
        select(ApiToken, User)
        .join(User, col(User.id) == col(ApiToken.user_id))
        .where(col(ApiToken.user_id).in_(staff))
        .order_by(col(ApiToken.created_at).desc(), col(ApiToken.id))
    )
    return [(token, user) for token, user in work.session.exec(statement)]


def token_named(work: Work, sites: Sequence[Site], prefix: str) -> ApiToken:
    """A token by the first digits of its id. Raises NotFoundError, or ConflictError if several begin so."""
    return of_digits([token for token, _ in listed(work, sites)], prefix, "token", "tokens")
