"""A protocol approved as it must be, for tests about something else: by a clinician who has read its sources."""

from sqlmodel import select

from surveillance import bootstrap
from surveillance.core.words import Role
from surveillance.operations.protocols import approvals
from surveillance.operations.work import Actor, Work
from surveillance.store.tables import Approval, Membership, Site, User


def approved(work: Work, site: Site, key: str = "asps-extremity") -> Approval:
    """The approval at a site, by a clinician who has left since, in the name of the service: nobody meets either."""
    name = f"signer-{site.code.lower()}"
    signer = work.session.exec(select(User).where(User.username == name)).first()
    if signer is None:
        signer = User(username=name, name="A Signer", created_at=work.now)
        work.session.add(signer)
        work.session.flush()
        work.session.add(Membership(user_id=signer.id, site_id=site.id, role=Role.CLINICIAN))
    signer.disabled_at = None
    clinician = Work(work.session, work.now, Actor(signer.id, signer.name), work.catalogue)
    row = approvals.approve_protocol(clinician, site, key, read_source=True)
    row.recorded_by = bootstrap.system_actor(work.session).user_id  # whoever has left would make the approval work
    signer.disabled_at = work.now
    work.session.flush()
    return row
