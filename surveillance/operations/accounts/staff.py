"""Administering accounts: who works where, first passwords, and closing an account with everything it opened."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlmodel import col, select

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.words import Role
from surveillance.operations.accounts import second_factor, sessions
from surveillance.operations.accounts import users as user_accounts
from surveillance.operations.accounts.users import NewUser
from surveillance.operations.registry.phones import read_email
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.tables import Membership, Site, User

_LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that is read as something else
_GROUPS, _GROUP = 4, 4  # 16 of 31 letters: 79 bits


@dataclass(frozen=True, slots=True)
class Member:
    """A user and where they work."""

    user: User
    roles: tuple[tuple[Site, Role], ...]


def members(work: Work, sites: Sequence[Site]) -> list[Member]:
    """Everybody who works at one of the sites, by name, those who may not sign in any more last."""
    here = select(col(Membership.user_id)).where(col(Membership.site_id).in_([site.id for site in sites]))
    statement = select(User).where(col(User.system).is_(False), col(User.id).in_(here))
    users = work.session.exec(statement.order_by(col(User.disabled_at).is_not(None), col(User.name)))
    return [Member(user, tuple(user_accounts.roles_of(work, user))) for user in users]


def add(work: Work, new: NewUser, site: Site, role: Role) -> tuple[User, str]:
    """An account with a first password, which is shown this once and must be changed at the first sign-in.

    Raises as ``users.add_user``.
    """
    password = first_password()
    return user_accounts.add_user(work, replace(new, password=password), site, role), password


def edit(work: Work, user: User, name: str, email: str) -> None:
    """Correct somebody's name or email address.

    Raises:
        InvalidInputError: no name, or no email address.
        ConflictError: nothing was changed.
        ForbiddenError: the actor does not administer every site at which the user works.
    """
    user_accounts.require_over(work, user)
    if not name.strip():
        raise InvalidInputError("the name is empty")
    if email.strip() and read_email(email) is None:
        raise InvalidInputError(f"{email!r} is not an email address")
    before = picture(user, ("name", "email"))
    user.name, user.email = name.strip(), email.strip()
    if picture(user, before) == before:
        raise ConflictError("nothing was changed")
    work.session.flush()
    work.audit("user.edit", user, before=before, after=picture(user, before))


def reset_password(work: Work, user: User) -> str:
    """A new first password, shown this once; whoever is signed in as this user is signed out.

    Raises:
        ConflictError: one's own password is changed on one's own account's page.
        ForbiddenError: as ``edit``.
    """
    if user.id == work.actor.user_id:
        raise ConflictError("change your own password on the page of your account")
    password = first_password()
    user_accounts.reset_password(work, user, password)
    sessions.end_all(work, user, "the password was reset")
    return password


def reset_second_factor(work: Work, user: User, reason: str) -> None:
    """Take a lost second factor away; the user sets a new one up.

    Raises:
        ConflictError: there is none, or it is one's own, which is removed on one's own account's page, by password.
        InvalidInputError: no reason.
        ForbiddenError: as ``edit``.
    """
    if user.id == work.actor.user_id:
        raise ConflictError("remove your own second factor on the page of your account")
    user_accounts.require_over(work, user)
    if user.totp_confirmed_at is None:
        raise ConflictError(f"{user.name} has no second factor")
    second_factor.remove(work, user, reason)
    sessions.end_all(work, user, "the second factor was reset")


def disable(work: Work, user: User, reason: str) -> None:
    """Close an account: sessions end, calendar addresses and API tokens are revoked. Raises as ``users.disable``."""
    if user.id == work.actor.user_id:
        raise ConflictError("nobody disables the account they work with")
    user_accounts.disable(work, user, reason)
    sessions.end_all(work, user, "the account was disabled")


def first_password() -> str:
    """A random password that is easy to read out: four groups of four letters."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)
