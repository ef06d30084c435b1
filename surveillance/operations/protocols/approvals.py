"""A clinician's word that a protocol version may be used at a site."""

from sqlmodel import col, select

from surveillance.catalogue import protocols as protocol_files
from surveillance.core.errors import ConflictError
from surveillance.core.words import Role
from surveillance.operations.work import Work, found
from surveillance.store.tables import Approval, ProtocolVersion, Site


def approve_protocol(work: Work, site: Site, key: str) -> Approval:
    """A clinician's word that a protocol version may be used at a site; the version is frozen as it stands now."""
    work.require(site.id, Role.CLINICIAN)
    protocol = protocol_files.find(work.catalogue.protocols, key)
    version = work.session.get(ProtocolVersion, protocol.key)
    digest = protocol_files.digest(protocol)
    if version is not None and version.digest != digest:
        raise ConflictError(
            f"protocol {protocol.key} was approved before with other content; give the changed file a new version"
        )
    if version is None:
        document = protocol_files.dump(protocol)
        work.session.add(ProtocolVersion(key=protocol.key, document=document, digest=digest, created_at=work.now))
        work.session.flush()
    standing = approval(work, site, protocol.key)
    if standing is not None:
        return standing
    row = Approval(site_id=site.id, protocol_key=protocol.key, recorded_at=work.now, recorded_by=work.actor.user_id)
    work.session.add(row)
    work.session.flush()
    work.audit("protocol.approve", row, after={"protocol": protocol.key, "digest": digest})
    return row


def renew(work: Work, site: Site, key: str) -> Approval:
    """A clinician's word that a version which is in use stays in use: the word of whoever approved it before ends.

    The version stands as it was frozen, whatever became of its file.

    Raises:
        ForbiddenError: it is no clinician of the site, by name.
        NotFoundError: the site has not approved it.
    """
    work.require_person(site.id, Role.CLINICIAN)
    before = found(approval(work, site, key), f"approval at {site.code} of", key)
    why = f"approved anew by {work.actor.name}"
    before.retracted_at, before.retracted_by, before.retracted_reason = work.now, work.actor.user_id, why
    work.session.flush()
    work.audit("approval.retract", before, after={"protocol": key}, reason=why)
    row = Approval(site_id=site.id, protocol_key=key, recorded_at=work.now, recorded_by=work.actor.user_id)
    work.session.add(row)
    work.session.flush()
    version = work.session.get_one(ProtocolVersion, key)
    work.audit("protocol.approve", row, after={"protocol": key, "digest": version.digest})
    return row


def approval(work: Work, site: Site, key: str) -> Approval | None:
    """The standing approval of a protocol version at a site."""
    return work.session.exec(
        select(Approval).where(
            Approval.site_id == site.id, Approval.protocol_key == key, col(Approval.retracted_at).is_(None)
        )
    ).first()
