"""Holding all messages back, at one site or everywhere (design section 4 rule 12)."""

from sqlmodel import select

from surveillance.core.errors import InvalidInputError, NotFoundError
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.messages.reminders import ALL_SITES
from surveillance.store.tables import DispatchPause, Site


def scope_of(site: Site | None) -> str:
    """The word for a site in the table of pauses; None is all sites."""
    return str(site.id) if site else ALL_SITES


def pause(work: Work, site: Site | None, why: str) -> DispatchPause:
    """Send nothing for a site, or for all; a pause that stands keeps its day and gets the new reason.

    Raises:
        InvalidInputError: no reason.
    """
    if not why.strip():
        raise InvalidInputError("a pause needs a reason: those who find it must know what to wait for")
    scope = scope_of(site)
    row = work.session.get(DispatchPause, scope)
    if row is None:
        row = DispatchPause(scope=scope, since=work.now, why=why.strip(), user_id=work.actor.user_id)
        work.session.add(row)
    row.why, row.user_id = why.strip(), work.actor.user_id
    work.session.flush()
    work.audit("dispatch.pause", row, site_id=site.id if site else None, after=picture(row), reason=why)
    return row


def resume(work: Work, site: Site | None, why: str = "") -> None:
    """Let messages go out again. What has become too late meanwhile is work for a person, not sent late.

    Raises:
        NotFoundError: nothing is paused there.
    """
    row = work.session.get(DispatchPause, scope_of(site))
    if row is None:
        raise NotFoundError(f"messages of {site.code if site else 'all sites'} are not paused")
    before = picture(row)
    work.session.delete(row)
    work.session.flush()
    work.audit("dispatch.resume", row, site_id=site.id if site else None, before=before, reason=why)


def standing(work: Work) -> list[DispatchPause]:
    """Every pause there is."""
    return list(work.session.exec(select(DispatchPause)))
