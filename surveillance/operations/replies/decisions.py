"""What a person makes of a reply that waits: it asked for no more messages, or the number may be written to again."""

from uuid import UUID

from sqlmodel import col, select

from surveillance.core.errors import NotFoundError
from surveillance.core.replies.vocabulary import Meaning
from surveillance.core.words import Role
from surveillance.operations.registry import consents
from surveillance.operations.replies import answers
from surveillance.operations.work import Work, found
from surveillance.store.registry import patients
from surveillance.store.tables import Contact, Inbound, Patient, Reminder

READERS = (Role.COORDINATOR, Role.CLINICIAN)
SHOWN = 80  # characters of an answer that the settled reply repeats


def reply_named(work: Work, prefix: str) -> Inbound:
    """The open reply whose id begins with these digits, as the board names it. Raises NotFoundError."""
    digits = prefix.rpartition(":")[2].replace("-", "").lower()
    open_ones = work.session.exec(select(Inbound).where(col(Inbound.handled_at).is_(None)))
    matches = [row for row in open_ones if row.id.hex.startswith(digits)]
    return found(matches[0] if len(matches) == 1 else None, "single open reply", prefix)


def settle_reply(work: Work, inbound_id: UUID, *, opt_out: bool, note: str) -> None:
    """A person has read a reply: either it asked for no more messages, or the number may be written to again.

    Raises:
        NotFoundError: there is no such reply, or it was dealt with already.
        ForbiddenError: the number belongs to patients, and none of them is at a site where the actor works.
    """
    row = found(work.session.get(Inbound, inbound_id), "reply", str(inbound_id))
    consents.locked_number(work, row.from_number)  # two who decide, or a reply that just comes, go one by one
    work.session.refresh(row)
    if row.handled_at is not None:
        raise NotFoundError(f"this reply was dealt with already: {row.handling}")
    holders = patients.holders(work.session, row.from_number)
    sites = [contact.site_id for contact in holders]
    if sites and not any(work.allows(site_id, *READERS) for site_id in sites):
        work.require(sites[0], *READERS)
    if opt_out:
        consents.opt_out(work, row.from_number, f"reply, read by a person: {note}")
    else:
        _release(work, row)
    row.handled_at, row.handled_by = work.now, work.actor.user_id
    row.handling = note or ("opted out" if opt_out else "no opt-out")
    for patient_id, site_id in {contact.patient_id: contact.site_id for contact in holders}.items():
        after = {"handling": row.handling, "opted out": opt_out}
        work.audit("reply.settle", row, site_id=site_id, patient_id=patient_id, after=after, reason=note)


def answer_reply(work: Work, inbound_id: UUID, patient: Patient, contact: Contact, text: str) -> Reminder:
    """Write back, which settles the reply in the same step: a number that waited for a decision may be written to.

    Raises:
        NotFoundError: there is no such reply, or it was dealt with already.
        ForbiddenError, InvalidInputError, ConflictError: as ``answers.write`` does.
    """
    said = " ".join(text.split())
    shown = said if len(said) <= SHOWN else f"{said[:SHOWN].rstrip()} …"
    settle_reply(work, inbound_id, opt_out=False, note=f"answered: {shown}")
    row = work.session.get_one(Inbound, inbound_id)
    row.patient_id = row.patient_id or patient.id
    work.session.flush()
    return answers.write(work, patient, contact, text)


def _release(work: Work, row: Inbound) -> None:
    """Only the last unread reply of a number takes its pause away."""
    statement = select(Inbound).where(Inbound.from_number == row.from_number, Inbound.id != row.id)
    waiting = statement.where(col(Inbound.handled_at).is_(None), Inbound.keyword == Meaning.MIGHT_BE_STOP)
    if work.session.exec(waiting).first() is None:
        consents.release_number(work, row.from_number)
