"""The day from which a site sends messages, and what would go out."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.errors import ConflictError
from surveillance.core.words import Channel, Role, Step
from surveillance.operations.messages import lists, scheduling
from surveillance.operations.messages.lists import Line
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.tables import Approval, Site


def go_live(work: Work, site: Site, day: date | None) -> None:
    """Set the day from which messages go out; before it nobody is written to, without one nobody ever.

    Raises:
        ConflictError: no protocol is approved yet, or it is that day already.
        ForbiddenError: the actor is no administrator of the site.
    """
    work.require(site.id, Role.ADMIN)
    if site.messages_from == day:
        raise ConflictError(f"{site.code} {f'goes live on {day}' if day else 'is not live'} already")
    if day is not None and not approved(work, site):
        raise ConflictError(f"no protocol is approved at {site.code} yet; a clinician does that first")
    before = picture(site, ("messages_from",))
    site.messages_from = day
    work.session.flush()
    work.audit("site.go_live", site, site_id=site.id, before=before, after=picture(site, ("messages_from",)))
    scheduling.refresh_site(work, site)


@dataclass(frozen=True, slots=True)
class PlannedMessage:
    """A message that would go out, at the moment ``at`` of the patient's own clock."""

    patient_id: UUID
    patient: str
    mrn: str
    at: datetime
    zone: str
    step: Step
    channel: Channel
    text: str


def preview(work: Work, site: Site, day: date, limit: int) -> list[PlannedMessage]:
    """The first messages that would go out if the site went live on ``day``; it is tried and taken back.

    Raises as ``go_live``, but for a site that is live from that day already.
    """
    trial = work.session.begin_nested()
    try:
        if site.messages_from != day:
            go_live(work, site, day)
        return [_planned_message(work, line) for line in lists.upcoming(work, [site.id], limit)]
    finally:
        trial.rollback()


def approved(work: Work, site: Site) -> list[str]:
    """The protocol versions that may be used at a site."""
    statement = select(col(Approval.protocol_key)).where(Approval.site_id == site.id)
    statement = statement.where(col(Approval.retracted_at).is_(None)).order_by(col(Approval.protocol_key))
    return list(work.session.exec(statement))


def _planned_message(work: Work, line: Line) -> PlannedMessage:
    patient, row = line.patient, line.row
    name = f"{patient.given_name} {patient.family_name}"
    text = lists.text_of(work, row, patient)
    return PlannedMessage(patient.id, name, patient.mrn, line.at, line.zone, row.step, row.channel, text)
