"""Which approved protocol versions rest on a text that somebody has to look at again."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from sqlmodel import Session, col, select

from surveillance.catalogue.protocols import parse_canonical
from surveillance.core.protocols.sources import Review, reviews
from surveillance.store.tables import Approval, ProtocolVersion, Site


class Due(NamedTuple):
    """A version in use and what is to be looked at; ``sites`` are the codes of those that approved it."""

    protocol: str
    review: Review
    sites: tuple[str, ...]


def due(session: Session, today: date) -> Iterator[Due]:
    """By version, then in the order of its sources. What expired is not withdrawn: a clinician decides what follows."""
    sites: dict[str, list[str]] = {}
    statement = (
        select(col(Approval.protocol_key), col(Site.code))
        .join(Site, col(Site.id) == col(Approval.site_id))
        .where(col(Approval.retracted_at).is_(None))
        .order_by(col(Approval.protocol_key), col(Site.code))
    )
    for key, code in session.exec(statement):
        sites.setdefault(key, []).append(code)
    versions = select(ProtocolVersion).where(col(ProtocolVersion.key).in_(sites)).order_by(col(ProtocolVersion.key))
    for version in session.exec(versions):
        for review in reviews(parse_canonical(version.document).sources, today):
            yield Due(version.key, review, tuple(sites[version.key]))
