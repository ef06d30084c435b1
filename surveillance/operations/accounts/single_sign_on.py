"""Letting somebody in whom the hospital's sign-in has named. It opens accounts that exist; it never makes one.

An account is linked on the first use: by the user name, else by an email address that the issuer has verified. From
then on only issuer and subject count, so that a name that is given to somebody else later opens nothing.
"""

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from surveillance.core.errors import ConflictError
from surveillance.core.people.identity import Identity
from surveillance.operations.accounts import users
from surveillance.operations.accounts.sessions import Refused
from surveillance.operations.planning.preconditions import reasoned
from surveillance.operations.work import Work
from surveillance.store.tables import User

UNKNOWN = Refused("There is no account for you here. Ask an administrator of your clinic to add one.")
CLOSED = Refused("Your account here is closed. Ask an administrator of your clinic.")


def account_of(session: Session, identity: Identity) -> User | Refused:
    """The account that an identity may open."""
    user = _linked(session, identity) or _named(session, identity) or _mailed(session, identity)
    if user is None:
        return UNKNOWN
    return CLOSED if user.disabled_at is not None else user


def admit(work: Work, identity: Identity) -> User | Refused:
    """The account, linked now if this is the first time; a refusal of a known account stands in the trail."""
    user = account_of(work.session, identity)
    if isinstance(user, Refused):
        closed = _linked(work.session, identity)
        if closed is not None:
            work.audit("user.sign_in_refused", closed, reason="single sign-on")
        return user
    if user.oidc_subject is None:
        user.oidc_subject = identity.key
        work.session.flush()
        linked = {"single_sign_on": identity.issuer, "as": identity.username or identity.email}
        work.audit("user.single_sign_on", user, after=linked)
    return user


def unlink(work: Work, user: User, reason: str) -> None:
    """Forget whom an account is linked to; the next matching sign-in links it anew.

    Raises ConflictError where it is not linked, InvalidInputError without a reason, ForbiddenError as other changes
    of an account.
    """
    users.require_over(work, user)
    reasoned(reason, "forgetting the hospital's sign-in")
    if user.oidc_subject is None:
        raise ConflictError(f"{user.name} does not use the hospital's sign-in")
    issuer = user.oidc_subject.partition(" ")[0]
    user.oidc_subject = None
    work.session.flush()
    work.audit("user.single_sign_on", user, before={"single_sign_on": issuer}, reason=reason)


def _linked(session: Session, identity: Identity) -> User | None:
    return session.exec(select(User).where(User.oidc_subject == identity.key)).first()


def _named(session: Session, identity: Identity) -> User | None:
    name = identity.username.strip().lower()
    return session.exec(_unlinked().where(User.username == name)).first() if name else None


def _mailed(session: Session, identity: Identity) -> User | None:
    """By email, if one account alone has it; addresses do not differ by case in practice."""
    email = identity.email.strip().casefold()
    if not email or not identity.email_verified:
        return None
    found = [user for user in session.exec(_unlinked().where(col(User.email) != "")) if user.email.casefold() == email]
    return found[0] if len(found) == 1 else None


def _unlinked() -> SelectOfScalar[User]:
    return select(User).where(col(User.oidc_subject).is_(None), col(User.system).is_(False))
