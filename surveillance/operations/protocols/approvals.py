"""A clinician's word that a protocol version may be used at a site."""

from sqlmodel import col, select

from surveillance.catalogue import protocols as protocol_files
from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.words import Role
from surveillance.operations.work import Work
from surveillance.store.tables import Approval, ProtocolVersion, Site


def approve_protocol(work: Work, site: Site, key: str, *, read_source: bool = False) -> Approval:
    """A clinician's word that a protocol version may be used at a site; the version is frozen as it stands now.

    ``read_source``: the clinician's word to have read, in its issuer's own present edition, what the protocol knows
    only from an old edition, an undated one or somebody else's text. Twice is once.

    Raises:
        ForbiddenError: the actor is not a clinician of the site.
        InvalidInputError: it is a draft, or there is such a text, and nobody says to have read it.
        ConflictError: the version was approved before with other content.
        NotFoundError: there is no such protocol.
    """
    work.require_person(site.id, Role.CLINICIAN)
    protocol = protocol_files.find(work.catalogue.protocols, key)
    digest = _unchanged(work, protocol)
    standing = approval(work, site, protocol.key)
    if standing is not None:
        return standing
    _check_finished(protocol)
    _check_read(protocol, read_source=read_source)
    _freeze(work, protocol, digest)
    row = Approval(site_id=site.id, protocol_key=protocol.key, recorded_at=work.now, recorded_by=work.actor.user_id)
    work.session.add(row)
    work.session.flush()
    read = [source.cited for source in protocol.to_read]
    said = {"protocol": protocol.key, "digest": digest} | ({"sources_read": read} if read else {})
    work.audit("protocol.approve", row, after=said)
    return row


def _unchanged(work: Work, protocol: Protocol) -> str:
    """The digest of a version. Raises ConflictError where it stands in the database with other content."""
    digest = protocol_files.digest(protocol)
    version = work.session.get(ProtocolVersion, protocol.key)
    if version is not None and version.digest != digest:
        raise ConflictError(
            f"protocol {protocol.key} was approved before with other content; give the changed file a new version"
        )
    return digest


def _check_finished(protocol: Protocol) -> None:
    if protocol.draft:
        raise InvalidInputError(
            f"protocol {protocol.key} is a draft and cannot be approved; whoever answers for it reads it through, puts"
            " in its own numbers and sources, and changes 'status' in the file"
        )


def _check_read(protocol: Protocol, *, read_source: bool) -> None:
    if protocol.to_read and not read_source:
        texts = "; ".join(
            f"{source.cited}{f' <{source.address}>' if source.address else ''}" for source in protocol.to_read
        )
        raise InvalidInputError(
            f"protocol {protocol.key} rests on what was not read in a dated edition of the issuer's own; a clinician"
            f" reads the source before approving it, and says so: {texts}"
        )


def _freeze(work: Work, protocol: Protocol, digest: str) -> None:
    if work.session.get(ProtocolVersion, protocol.key) is None:
        document = protocol_files.dump(protocol)
        work.session.add(ProtocolVersion(key=protocol.key, document=document, digest=digest, created_at=work.now))
        work.session.flush()


def approval(work: Work, site: Site, key: str) -> Approval | None:
    """The standing approval of a protocol version at a site."""
    return work.session.exec(
        select(Approval).where(
            Approval.site_id == site.id, Approval.protocol_key == key, col(Approval.retracted_at).is_(None)
        )
    ).first()
