"""Which approved protocol versions rest on a text that somebody has to look at again, and who did."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session, col, select

from surveillance.catalogue.protocols import parse_canonical
from surveillance.core.errors import InvalidInputError, NotFoundError
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.protocols.sources import Review, next_look_fault, reviews
from surveillance.core.words import Role
from surveillance.operations.protocols.approvals import approval
from surveillance.operations.work import Work
from surveillance.store.planning import followed
from surveillance.store.tables import Approval, ProtocolVersion, Site, SourceReview

KEPT = 256  # versions whose frozen text was read; it never changes
_parsed = lru_cache(maxsize=KEPT)(parse_canonical)


class Due(NamedTuple):
    """A source that somebody of a site has to look at again, for a version that is in use there."""

    site_id: UUID
    protocol: Protocol
    review: Review

    @property
    def next_action(self) -> str:
        return "a clinician looks whether there is a newer edition, and says what was found"


def due_at(work: Work, sites: Sequence[Site]) -> list[Due]:
    """What waits at sites on their own day."""
    return list(due(work.session, {site.id: work.today(site) for site in sites}))


def due(session: Session, days: Mapping[UUID, date]) -> Iterator[Due]:
    """By site and version, then in the order of its sources; ``days`` gives each site its day.

    What expired is not withdrawn: a clinician decides what follows. A version is in use where it is the last of its
    protocol that was approved, or while a plan follows it.
    """
    found = list(_all_due(session, days))
    newest = {(row.site_id, _parsed(text).id): row.protocol_key for row, text in _approved(session, days)}
    old = {due.site_id for due in found if newest[due.site_id, due.protocol.id] != due.protocol.key}
    plans = followed.counts(session, sorted(old)) if old else {}
    for due in found:
        key = due.protocol.key
        if newest[due.site_id, due.protocol.id] == key or (due.site_id, key) in plans:
            yield due


def _all_due(session: Session, days: Mapping[UUID, date]) -> Iterator[Due]:
    looked = _looked(session, days)
    rows = sorted(_approved(session, days), key=lambda found: (found[0].site_id, found[0].protocol_key))
    for row, text in rows:
        protocol = _parsed(text)
        for review in reviews(protocol.sources, days[row.site_id], looked.get((row.site_id, protocol.key), {})):
            yield Due(row.site_id, protocol, review)


def _approved(session: Session, days: Mapping[UUID, date]) -> list[tuple[Approval, str]]:
    """Standing approvals with the frozen text, the last one last."""
    statement = (
        select(Approval, col(ProtocolVersion.document))
        .join(ProtocolVersion, col(ProtocolVersion.key) == col(Approval.protocol_key))
        .where(col(Approval.site_id).in_(list(days)), col(Approval.retracted_at).is_(None))
        .order_by(col(Approval.recorded_at), col(Approval.id))
    )
    return list(session.exec(statement))


def _looked(session: Session, days: Mapping[UUID, date]) -> dict[tuple[UUID, str], dict[str, date]]:
    """(site, version) → source → the day of the next look, by the last word about it."""
    statement = select(SourceReview).where(col(SourceReview.site_id).in_(list(days)))
    found: dict[tuple[UUID, str], dict[str, date]] = {}
    for row in session.exec(statement.order_by(col(SourceReview.recorded_at), col(SourceReview.id))):
        found.setdefault((row.site_id, row.protocol_key), {})[row.source] = row.until
    return found


def look_again(work: Work, site: Site, key: str, source: str, until: date, found: str) -> SourceReview:
    """A clinician's word to have looked again at a source of an approved version, and when the next look is.

    Raises:
        ForbiddenError: the actor is not a clinician of the site.
        NotFoundError: the version is not approved at the site, or has no such source.
        InvalidInputError: nothing is said of what was found, or the next look is not within a year.
    """
    work.require_person(site.id, Role.CLINICIAN)
    standing = approval(work, site, key)
    if standing is None:
        raise NotFoundError(f"protocol {key!r} is not approved at {site.code}")
    _check_look(work, site, work.protocol(key), source, until, found)
    row = SourceReview(
        site_id=site.id,
        protocol_key=key,
        source=source,
        until=until,
        found=found.strip(),
        recorded_at=work.now,
        recorded_by=work.actor.user_id,
    )
    work.session.add(row)
    work.session.flush()
    said = {"protocol": key, "source": source, "found": row.found, "until": until.isoformat()}
    work.audit("protocol.look_again", row, after=said)
    return row


def _check_look(work: Work, site: Site, protocol: Protocol, source: str, until: date, found: str) -> None:
    known = [each.id for each in protocol.sources]
    if source not in known:
        raise NotFoundError(f"protocol {protocol.key} has no source {source!r}; it has {', '.join(known)}")
    if not found.strip():
        raise InvalidInputError("say what was found: the same edition, or which newer one")
    if fault := next_look_fault(until, work.today(site)):
        raise InvalidInputError(fault)
