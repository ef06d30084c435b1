"""Who acts at a site at the moment: what the board, the proof and the closing of an account ask about staff."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from surveillance.core.dates import local_day
from surveillance.core.words import Role
from surveillance.store.tables import Membership, Site, User

NEEDED: Final = (Role.COORDINATOR, Role.CLINICIAN)  # without one of each a live site's work is nobody's


def acts(site_id: Any, *roles: Role, but: UUID | None = None) -> sa.ColumnElement[bool]:
    """Somebody with one of the roles at the site may act; ``but`` one of them."""
    here = sa.and_(col(Membership.site_id) == site_id, col(Membership.role).in_(roles))
    active = sa.and_(col(User.id) == col(Membership.user_id), col(User.disabled_at).is_(None))
    other = sa.true() if but is None else col(User.id) != but
    return sa.exists().where(here, active, other)


def has(session: Session, site_id: UUID, role: Role, but: UUID | None = None) -> bool:
    """Whether somebody acts in a role at a site, other than ``but``."""
    return bool(session.scalar(sa.select(acts(site_id, role, but=but))))


def is_live(site: Site, now: datetime) -> bool:
    """Messages go out: the day from which they do has come."""
    return site.messages_from is not None and site.messages_from <= local_day(now, site.time_zone)


def lacking(session: Session, now: datetime) -> Iterator[tuple[Site, Role]]:
    """Live sites at which nobody acts in a role that a site needs."""
    sites = session.exec(select(Site).where(col(Site.messages_from).is_not(None)).order_by(col(Site.code)))
    for site in [each for each in sites if is_live(each, now)]:
        yield from ((site, role) for role in NEEDED if not has(session, site.id, role))


def gone(site_id: Any, roles: Sequence[Role] = NEEDED) -> sa.ColumnElement[bool]:
    """Of a user: disabled, or without one of the roles at the site."""
    works = sa.exists().where(
        col(Membership.user_id) == col(User.id), col(Membership.site_id) == site_id, col(Membership.role).in_(roles)
    )
    return sa.or_(col(User.disabled_at).is_not(None), ~works.correlate(User))
