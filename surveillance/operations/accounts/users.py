"""Staff accounts: who may act, at which sites, in which role; passwords as Argon2id (facts: security)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlmodel import Session, col, select

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError
from surveillance.core.words import Role
from surveillance.operations.registry import owners
from surveillance.operations.registry.phones import read_email
from surveillance.operations.work import Actor, Work, found
from surveillance.store.audit.events import picture
from surveillance.store.registry import staff
from surveillance.store.tables import ApiToken, Feed, Membership, Site, User

SHORTEST: Final = 8  # characters (OWASP ASVS 6.2); no rule on which ones, no forced change
RECOMMENDED: Final = 15
_LONGEST: Final = 1024  # hashing takes time that grows with the length
_USERNAME: Final = re.compile(r"[a-z][a-z0-9._-]{1,63}")
_SHOWN: Final = ("username", "name", "email", "must_change_password", "disabled_at")


@dataclass(frozen=True, slots=True)
class NewUser:
    """A member of staff. Without a password the account acts on the command line only and cannot sign in."""

    username: str
    name: str
    email: str = ""
    password: str | None = None


def has_staff(session: Session) -> bool:
    """Whether anybody but the service itself has an account yet."""
    statement = select(col(User.id)).where(col(User.system).is_(False), col(User.disabled_at).is_(None)).limit(1)
    return session.exec(statement).first() is not None


def sites_of(work: Work, actor: Actor) -> list[Site]:
    """The sites at which somebody works, by code; all of them for the service itself."""
    statement = select(Site).order_by(col(Site.code))
    user = work.session.get(User, actor.user_id)
    if user is None or not user.system:
        mine = select(col(Membership.site_id)).where(Membership.user_id == actor.user_id)
        statement = statement.where(col(Site.id).in_(mine))
    return list(work.session.exec(statement))


def user_named(work: Work, username: str) -> User:
    """A member of staff. Raises NotFoundError; the service's own account is not one."""
    statement = select(User).where(User.username == username.strip().lower(), col(User.system).is_(False))
    return found(work.session.exec(statement).first(), "user", username)


def roles_of(work: Work, user: User) -> list[tuple[Site, Role]]:
    """Where a user works, by the site's code."""
    statement = (
        select(Site, col(Membership.role))
        .join(Membership, col(Membership.site_id) == col(Site.id))
        .where(Membership.user_id == user.id)
        .order_by(col(Site.code))
    )
    return [(site, role) for site, role in work.session.exec(statement)]


def actor_of(user: User) -> Actor:
    """A member of staff as somebody who acts."""
    return Actor(user.id, user.name)


def require_administrator(work: Work) -> None:
    """For what belongs to no site yet. Raises ForbiddenError unless the actor is an administrator somewhere."""
    user = work.session.get(User, work.actor.user_id)
    if user is not None and user.system:
        return
    if user is None or Role.ADMIN not in {role for _, role in roles_of(work, user)}:
        raise ForbiddenError(f"{work.actor.name} may not do this: it takes an administrator")


def administer(work: Work, site: Site) -> None:
    """Whoever adds a site is its first administrator; the service itself needs no role."""
    user = work.session.get(User, work.actor.user_id)
    if user is None or user.system:
        return
    work.session.add(Membership(user_id=user.id, site_id=site.id, role=Role.ADMIN))
    work.session.flush()
    _end_foreign_tokens(work, user, site)
    work.audit("user.role", user, site_id=site.id, after={"user": user.username, "role": Role.ADMIN})


def add_user(work: Work, new: NewUser, site: Site, role: Role) -> User:
    """Make an account with a role at a site. The first one is an administrator: somebody must add the others.

    Raises:
        InvalidInputError: an unusable user name, email or password, or a first user who is no administrator.
        ConflictError: the user name is taken.
        ForbiddenError: the actor is no administrator of that site.
    """
    work.require(site.id, Role.ADMIN)
    if role is not Role.ADMIN and not has_staff(work.session):
        raise InvalidInputError("the first user is an administrator (--role admin); that one adds the others")
    username = new.username.strip().lower()
    if not _USERNAME.fullmatch(username):
        raise InvalidInputError(
            f"{new.username!r} is no user name: 2 to 64 small letters, digits, '.', '_' or '-', a letter first"
        )
    if not new.name.strip():
        raise InvalidInputError(f"user {username}: the name is empty")
    if new.email.strip() and read_email(new.email) is None:
        raise InvalidInputError(f"user {username}: {new.email!r} is not an email address")
    if work.session.exec(select(User).where(User.username == username)).first():
        raise ConflictError(f"user {username!r} exists already")
    user = User(
        username=username,
        name=new.name.strip(),
        email=new.email.strip(),
        password_hash=hashed(new.password) if new.password is not None else None,
        created_at=work.now,
    )
    work.session.add(user)
    work.session.flush()
    work.audit("user.add", user, site_id=site.id, after=picture(user, _SHOWN))
    set_role(work, user, site, role)
    return user


def set_role(work: Work, user: User, site: Site, role: Role | None, *, leave_empty: bool = False) -> None:
    """Give a user a role at a site, or with None take the site away; whose patients they are is then work.

    Raises:
        ForbiddenError: the actor is no administrator of the site.
        ConflictError: the site would be left without an administrator who acts there, or, unless somebody said to
            ``leave_empty``, a live site without a coordinator or without a clinician.
    """
    work.require(site.id, Role.ADMIN)
    row = work.session.get(Membership, (user.id, site.id))
    before = {"user": user.username, "role": row.role} if row else None
    if row is not None and row.role is Role.ADMIN and role is not Role.ADMIN:
        _keep_an_administrator(work, user, site)
    if row is not None and row.role is not role and not leave_empty:
        _keep_staff(work, user, site, row.role)
    if role is None:
        work.session.delete(found(row, f"role of {user.username} at site", site.code))
    elif row is None:
        row = Membership(user_id=user.id, site_id=site.id, role=role)
        work.session.add(row)
        _end_foreign_tokens(work, user, site)
    else:
        row.role = role
    work.session.flush()
    after = {"user": user.username, "role": role} if role else None
    work.audit("user.role", user, site_id=site.id, before=before, after=after)


def _end_foreign_tokens(work: Work, user: User, site: Site) -> None:
    """A token reaches all sites of its user: one that somebody made who has no say at this one must not reach it."""
    for token in standing_tokens(work, user):
        maker = work.session.get_one(User, token.created_by)
        there = work.session.get(Membership, (maker.id, site.id))
        if not maker.system and (there is None or there.role is not Role.ADMIN):
            end_token(work, token, f"{user.name} works at {site.code} now, and no administrator of it made the token")


def standing_tokens(work: Work, user: User) -> list[ApiToken]:
    statement = select(ApiToken).where(ApiToken.user_id == user.id, col(ApiToken.revoked_at).is_(None))
    return list(work.session.exec(statement))


def _keep_an_administrator(work: Work, user: User, site: Site) -> None:
    # Locked, so that of two administrators who take the role from each other at once, one stays.
    work.session.refresh(site, with_for_update=True)
    others = (
        select(col(User.id))
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(Membership.site_id == site.id, Membership.role == Role.ADMIN)
        .where(col(User.disabled_at).is_(None), User.id != user.id)
    )
    if work.session.exec(others).first() is None:
        raise ConflictError(f"{user.username} is the last administrator of {site.code}; make another one first")


def _keep_staff(work: Work, user: User, site: Site, role: Role) -> None:
    """Raises ConflictError where a live site would be left with nobody in a role that its patients need."""
    if user.disabled_at is not None or role not in staff.NEEDED or not staff.is_live(site, work.now):
        return
    work.session.refresh(site, with_for_update=True)  # as for the administrators: of two who leave at once, one stays
    if not staff.has(work.session, site.id, role, but=user.id):
        raise ConflictError(
            f"{user.username} is the last {role} who acts at {site.code}, and the site is live: its work would be "
            f"nobody's; give somebody else the role first, or confirm that it is left without one"
        )


@dataclass(frozen=True, slots=True)
class Leaving:
    """What becomes of whom somebody looked after: handed to ``hand_to``, or shown on the board. ``leave_empty``: it is
    meant that a live site is left without a coordinator or a clinician."""

    hand_to: User | None = None
    leave_empty: bool = False


NOTHING_SAID: Final = Leaving()


def disable(work: Work, user: User, reason: str, leaving: Leaving = NOTHING_SAID) -> int:
    """Close an account: it may not act any more, its calendar addresses and API tokens are revoked.

    Its patients are handed over, or fall to the board's list of those whose owner is gone. Returns how many addresses.

    Raises:
        InvalidInputError: no reason, or whoever takes over does not act where there are patients.
        ConflictError: it is closed already, or a site would be left without an administrator, or a live one without a
            coordinator or clinician and nobody said that this is meant.
        ForbiddenError: the actor is not an administrator of all sites at which the user works.
    """
    require_over(work, user)
    if not reason.strip():
        raise InvalidInputError("disabling an account needs a reason")
    if user.disabled_at is not None:
        raise ConflictError(f"user {user.username!r} is disabled already")
    for site, role in roles_of(work, user):
        if role is Role.ADMIN:
            _keep_an_administrator(work, user, site)
        if not leaving.leave_empty:
            _keep_staff(work, user, site, role)
        if leaving.hand_to is not None and owners.owned(work, site, user):
            owners.hand_over(work, site, user, leaving.hand_to)
    user.disabled_at = work.now
    feeds = list(work.session.exec(select(Feed).where(Feed.user_id == user.id, col(Feed.revoked_at).is_(None))))
    for feed in feeds:
        feed.revoked_at = work.now
        work.audit("feed.revoke", feed, after=picture(feed, ("revoked_at",)), reason=reason)
    for token in standing_tokens(work, user):
        end_token(work, token, reason)
    work.session.flush()
    work.audit("user.disable", user, after=picture(user, ("disabled_at",)), reason=reason)
    return len(feeds)


def end_token(work: Work, token: ApiToken, reason: str) -> None:
    """A program may not come in with this token any more."""
    token.revoked_at = work.now
    work.session.flush()
    work.audit("token.revoke", token, after=picture(token, ("name", "revoked_at")), reason=reason)


def enable(work: Work, user: User, reason: str) -> None:
    """Open a closed account again; revoked calendar addresses and tokens stay revoked. Raises as ``disable`` does."""
    require_over(work, user)
    if not reason.strip():
        raise InvalidInputError("enabling an account needs a reason")
    if user.disabled_at is None:
        raise ConflictError(f"user {user.username!r} is not disabled")
    user.disabled_at = None
    work.session.flush()
    work.audit("user.enable", user, after=picture(user, ("disabled_at",)), reason=reason)


def reset_password(work: Work, user: User, password: str) -> None:
    """Set a password; unless users set their own, they must change it when they sign in.

    Raises InvalidInputError for a password that is too short, ForbiddenError as ``disable`` does.
    """
    own = work.actor.user_id == user.id
    if not own:
        require_over(work, user)
    user.password_hash, user.must_change_password = hashed(password), not own
    work.session.flush()
    work.audit("user.reset", user, after=picture(user, ("must_change_password",)))


def require_over(work: Work, user: User) -> None:
    """An account works at all its sites at once: whoever closes, takes over or lends it must administer every one."""
    there = roles_of(work, user)
    if not there:
        require_administrator(work)
    for site, _ in there:
        work.require(site.id, Role.ADMIN)


def hashed(password: str) -> str:
    """The Argon2id hash of a password. Raises InvalidInputError where it is too short or absurdly long."""
    if len(password) < SHORTEST:
        raise InvalidInputError(f"a password has {SHORTEST} characters or more; {RECOMMENDED} are better")
    if len(password) > _LONGEST:
        raise InvalidInputError(f"a password has at most {_LONGEST} characters")
    return _hasher().hash(password)


def matches(user: User, password: str) -> bool:
    """Whether this is the user's password; the time it takes tells nothing about an account without one."""
    stored = user.password_hash or _nobodys()
    return _hasher().verify(password, stored) and user.password_hash is not None and user.disabled_at is None


@lru_cache
def _nobodys() -> str:
    """Hashed once: hashing it anew each time would take as long again as looking at a real one."""
    return _hasher().hash("nobody knows this")


def _hasher() -> PasswordHash:
    return PasswordHash((Argon2Hasher(),))
