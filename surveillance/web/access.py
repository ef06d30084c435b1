"""Who may open which route: the one place that decides.

Every route states what it needs; a route that states nothing cannot be made. The operations behind a route ask
again who acts: this is the door, theirs is the lock.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar

from surveillance.core.words import Role

F = TypeVar("F", bound=Callable[..., Any])


class Permission(StrEnum):
    """What a route needs. The first three ask for no role at any site."""

    PUBLIC = "public"  # anybody: sign-in, what a calendar or a provider calls
    PENDING = "pending"  # somebody who gave a password, but no second factor yet, or has to choose a new password
    SIGNED_IN = "signed in"  # any member of staff: their own account
    VIEW = "view"  # look at patients
    WORK = "work"  # enrol, book, record, answer
    RECORD = "record"  # register and correct patients, contacts, places: coordinators' and administrators' work
    SIGN = "sign"  # what a clinician answers for: protocols, ends, reviews
    APPROVE = "approve"  # what patients are told: clinicians' and administrators' word
    ADMINISTER = "administer"  # sites, users, tokens, the audit log


HOLDERS = MappingProxyType(
    {
        Permission.VIEW: frozenset(Role),
        Permission.WORK: frozenset({Role.COORDINATOR, Role.CLINICIAN}),
        Permission.RECORD: frozenset({Role.COORDINATOR, Role.CLINICIAN, Role.ADMIN}),
        Permission.SIGN: frozenset({Role.CLINICIAN}),
        Permission.APPROVE: frozenset({Role.CLINICIAN, Role.ADMIN}),
        Permission.ADMINISTER: frozenset({Role.ADMIN}),
    }
)


def allows(role: Role | None, needed: Permission) -> bool:
    """Whether a role at a site, or none there, is enough for what belongs to that site."""
    return role is not None and role in HOLDERS.get(needed, frozenset(Role))


def allows_anywhere(roles: Iterable[Role], needed: Permission) -> bool:
    """Whether a route may be opened at all: some site must allow it, or it asks for no role."""
    return needed not in HOLDERS or any(allows(role, needed) for role in roles)


def states(endpoint: F, needed: Permission) -> F:
    """Write on an endpoint what its route needs."""
    vars(endpoint)["needs"] = needed
    return endpoint


def public(endpoint: F) -> F:
    """For a route that anybody may call: what it gives is guarded by a secret, a signature, or is no secret."""
    return states(endpoint, Permission.PUBLIC)


def stated(endpoint: Any) -> Permission | None:
    """What a route said that it needs; None where it said nothing."""
    return getattr(endpoint, "needs", None)
