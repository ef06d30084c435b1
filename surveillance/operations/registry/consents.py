"""The ledger of consent, and what is known of a phone number itself, which binds at all sites (section 4 rule 10)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlmodel import select

from surveillance.core.errors import InvalidInputError
from surveillance.core.words import Channel, ConsentAct, Role
from surveillance.operations.registry import care_gaps
from surveillance.operations.work import Note, Work
from surveillance.store.audit.events import picture
from surveillance.store.messages import reminders
from surveillance.store.registry import patients as store
from surveillance.store.tables import Consent, Contact, Number

WRITERS: Final = (Role.COORDINATOR, Role.CLINICIAN, Role.ADMIN)
# These tell what a number itself withdrew from what was withdrawn at the desk.
OPT_OUT: Final = "opt-out of the number: "
OPT_IN: Final = "opt-in of the number: "
ON_PAGE: Final = "on the patient's own page"  # what was stopped so alone can be taken back so


def consent(
    work: Work, contact: Contact, channel: Channel, act: ConsentAct, method: str, at: datetime | None = None
) -> Consent:
    """Add a line to the ledger. ``method`` says how consent was given or withdrawn; it may not be empty.

    Raises:
        InvalidInputError: no method, or a moment in the future.
    """
    work.require(contact.site_id, *WRITERS)
    return write_consent(work, contact, channel, act, method, at)


def write_consent(
    work: Work, contact: Contact, channel: Channel, act: ConsentAct, method: str, at: datetime | None = None
) -> Consent:
    """As ``consent``, for an operation that has asked who acts."""
    row = line(work, contact, channel, act, method, at)
    write_lines(work, [row])
    care_gaps.refresh(work, contact.patient_id)
    return row


def line(
    work: Work, contact: Contact, channel: Channel, act: ConsentAct, method: str, at: datetime | None = None
) -> Consent:
    """A line of the ledger that is not written yet; raises as ``consent``."""
    if not method.strip():
        raise InvalidInputError("say how consent was given or withdrawn (signed form, by telephone, …)")
    if at is not None and at > work.now:
        raise InvalidInputError(f"consent at {at} lies in the future")
    if channel is Channel.EMAIL and act is ConsentAct.GIVEN:
        contact.email_failed_at, contact.email_failed_why = None, ""  # who agrees to it anew says that it works
    return Consent(
        site_id=contact.site_id,
        patient_id=contact.patient_id,
        contact_id=contact.id,
        channel=channel,
        act=act,
        address=contact.phone if channel is Channel.SMS else contact.email,
        method=method,
        at=at or work.now,
        recorded_at=work.now,
        recorded_by=work.actor.user_id,
    )


def write_lines(work: Work, rows: Sequence[Consent]) -> None:
    """Put lines into the ledger; what the patients lack then is the caller's to settle."""
    work.session.add_all(rows)
    work.session.flush()
    work.audit_all(map(note, rows))


def note(row: Consent) -> Note:
    """What the audit trail says of a line."""
    return Note(f"consent.{row.act}", row, after=picture(row, ("channel", "method", "at", "address")))


def opt_out(work: Work, phone: str, how: str) -> list[Contact]:
    """Withdraw consent for SMS of everyone who has this number, at all sites, and bar the number itself.

    Said twice, it changes nothing: the first moment stays, and what is withdrawn already stays as it was withdrawn.
    Only what the patient's page stopped, and then somebody says otherwise too, the page cannot take back any more.

    Raises:
        ForbiddenError: the actor works at none of the sites where somebody has the number.
    """
    holders, row = _spoken_for(work, phone)
    before = picture(row)
    if row.opted_out_at is None:
        row.opted_out_at, row.opted_out_how = work.now, how
    elif row.opted_out_how == ON_PAGE:
        row.opted_out_how = how
    row.paused_at, row.paused_why = None, ""
    _keep_number(work, row, "number.opt_out", before, how)
    agreed = [contact for contact in holders if _agreed(work, contact)]
    write_lines(work, [line(work, each, Channel.SMS, ConsentAct.WITHDRAWN, OPT_OUT + how) for each in agreed])
    care_gaps.refresh(work, *(contact.patient_id for contact in holders))
    return holders


def opt_in(work: Work, phone: str, how: str) -> list[Contact]:
    """The number itself said START: it may be written to again; the consents that its opt-out withdrew stand again.

    Nobody consents by this who never did, or who withdrew at the desk. Returns those whose consent stands again.
    """
    holders, row = _spoken_for(work, phone)
    before = picture(row)
    row.opted_out_at, row.opted_out_how, row.paused_at, row.paused_why = None, "", None, ""
    _keep_number(work, row, "number.opt_in", before, how)
    back = [contact for contact in holders if _withdrawn_by_number(work, contact)]
    write_lines(work, [line(work, contact, Channel.SMS, ConsentAct.GIVEN, OPT_IN + how) for contact in back])
    care_gaps.refresh(work, *(contact.patient_id for contact in holders))
    return back


def _agreed(work: Work, contact: Contact) -> bool:
    last = store.consents(work.session, contact.patient_id).get((contact.id, Channel.SMS))
    return last is not None and last.act is ConsentAct.GIVEN


def _withdrawn_by_number(work: Work, contact: Contact) -> bool:
    last = store.consents(work.session, contact.patient_id).get((contact.id, Channel.SMS))
    if last is None or last.act is not ConsentAct.WITHDRAWN or last.address != contact.phone:
        return False
    return last.method.startswith(OPT_OUT)


def pause_number(work: Work, phone: str, why: str) -> None:
    """Send nothing to a number until a person has decided what its owner meant."""
    _, row = _spoken_for(work, phone)
    before = picture(row)
    row.paused_at, row.paused_why = work.now, why
    _keep_number(work, row, "number.pause", before, why)


def release_number(work: Work, phone: str) -> None:
    """A person decided that the reply was no opt-out: the number may be written to again."""
    _, row = _spoken_for(work, phone)
    before = picture(row)
    row.paused_at, row.paused_why = None, ""
    if before != picture(row):
        _keep_number(work, row, "number.release", before, "decided by a person")


def _spoken_for(work: Work, phone: str) -> tuple[list[Contact], Number]:
    """Who has a number, and what is known about it. Somebody must work where one of its holders is a patient."""
    holders = store.holders(work.session, phone)
    sites = sorted({contact.site_id for contact in holders})
    if sites and not any(work.allows(site_id, *WRITERS) for site_id in sites):
        work.require(sites[0], *WRITERS)
    return holders, locked_number(work, phone)


def locked_number(work: Work, phone: str) -> Number:
    """As ``known_number``, for a change that may touch all who have it: patients are locked before their number."""
    for patient_id in sorted({contact.patient_id for contact in store.holders(work.session, phone)}):
        reminders.lock_patient(work.session, patient_id)
    return known_number(work, phone)


def known_number(work: Work, phone: str) -> Number:
    """What is known of a number, made if it is not there, and changed by nobody else until the transaction ends."""
    reminders.add_if_missing(work.session, Number, Number(phone=phone).model_dump())
    statement = select(Number).where(Number.phone == phone).with_for_update()
    return work.session.exec(statement.execution_options(populate_existing=True)).one()


def _keep_number(work: Work, row: Number, action: str, before: dict[str, Any], reason: str) -> None:
    """The number stands among the values of the event, which an erasure takes away, and not in the event itself."""
    work.session.add(row)
    work.session.flush()
    after = picture(row)
    if before != after:
        work.audit(action, row, before=before | {"phone": None}, after=after, reason=reason)
