"""What a provider tells us: how far a message has come, and what a phone answered (design section 4 rules 9, 10)."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.delivery import StatusCallback
from surveillance.core.errors import InvalidInputError, NotFoundError
from surveillance.core.replies import Keyword, asks_another_day, classify_keyword, might_be_opt_out
from surveillance.core.words import Role
from surveillance.operations import registry
from surveillance.operations.dispatch import recording
from surveillance.operations.work import Work, found
from surveillance.providers import twilio
from surveillance.store import patients
from surveillance.store import reminders as store
from surveillance.store.tables import Attempt, Callback, Inbound


def is_signed(tokens: Sequence[str], url: str, form: Mapping[str, str], signature: str) -> bool:
    """Whether Twilio made this request: signed with one of ``tokens`` for this public address."""
    return twilio.verify(tokens, url, form, signature)


def read_status(form: Mapping[str, str]) -> StatusCallback | None:
    """The report in a status callback; None where it is none."""
    return twilio.parse_status_callback(form)


def status(work: Work, report: StatusCallback, attempt_id: UUID | None) -> bool:
    """Take one report, once, in whatever order it comes. True if it was new.

    ``attempt_id`` is from the callback's own address, so a report adopts the attempt whose answer was never heard.
    A report about a message that nobody knows yet is kept until somebody does.
    """
    code = str(report.error_code or "")
    kept = {"provider_id": report.provider_id, "status": report.status, "error_code": code, "received_at": work.now}
    if not store.add_if_missing(work.session, Callback, kept | {"applied": False}):
        return False
    pair = _pair(work, report.provider_id, attempt_id)
    if pair is None:
        return True
    row = work.session.get_one(Callback, (report.provider_id, report.status))
    row.attempt_id, row.applied = pair[0].id, True
    recording.adopt(work, pair, report.provider_id)
    if pair[0].provider_id == report.provider_id:
        recording.progress(work, pair, report.status, report.error_code)
    return True


def _pair(work: Work, provider_id: str, attempt_id: UUID | None) -> recording.Pair | None:
    """The attempt that a report is about: by the provider's id, else by the id in the callback's address."""
    known = store.attempt_by_provider(work.session, provider_id) or attempt_id
    if known is None or work.session.get(Attempt, known) is None:
        return None
    return recording.locked(work, known)


def inbound(work: Work, form: Mapping[str, str]) -> Inbound | None:
    """Keep a message from a phone, once. STOP and START are obeyed at once and at all sites; Twilio has answered them.

    Free text that might be an opt-out pauses the number; all free text waits for a person. None if it came before.

    Raises:
        InvalidInputError: it names no message or no sender.
    """
    provider_id, from_number = form.get("MessageSid", ""), form.get("From", "")
    if not provider_id or not from_number:
        raise InvalidInputError("an inbound message needs MessageSid and From")
    body = form.get("Body", "")
    keyword = classify_keyword(body, form.get("OptOutType"))
    if keyword is Keyword.NONE and asks_another_day(body):
        keyword = Keyword.ANOTHER_DAY
    row = Inbound(
        provider_id=provider_id,
        from_number=from_number,
        to_number=form.get("To", ""),
        body=body,
        keyword=keyword.value or "",
        received_at=work.now,
    )
    if not store.add_if_missing(work.session, Inbound, row.model_dump()):
        return None
    kept = work.session.exec(select(Inbound).where(Inbound.provider_id == provider_id)).one()
    _obey(work, kept, keyword)
    return kept


def _obey(work: Work, row: Inbound, keyword: Keyword) -> None:
    said = f"reply {' '.join(row.body.split())[:40]!r}"
    match keyword:
        case Keyword.STOP:
            registry.opt_out(work, row.from_number, said)
            _handled(work, row, "opted out")
        case Keyword.START:
            registry.opt_in(work, row.from_number, said)
            _handled(work, row, "opted in")
        case Keyword.HELP:
            _handled(work, row, "the provider answered with help")
        case Keyword.NONE | Keyword.ANOTHER_DAY if might_be_opt_out(row.body):
            registry.pause_number(work, row.from_number, f"{said} may be an opt-out")


def _handled(work: Work, row: Inbound, how: str) -> None:
    row.handled_at, row.handled_by, row.handling = work.now, work.actor.user_id, how


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
    if row.handled_at is not None:
        raise NotFoundError(f"this reply was dealt with already: {row.handling}")
    holders = patients.holders(work.session, row.from_number)
    sites = [contact.site_id for contact in holders]
    if sites and not any(work.allows(site_id, Role.COORDINATOR, Role.CLINICIAN) for site_id in sites):
        work.require(sites[0], Role.COORDINATOR, Role.CLINICIAN)
    if opt_out:
        registry.opt_out(work, row.from_number, f"reply, read by a person: {note}")
    else:
        _release(work, row)
    _handled(work, row, note or ("opted out" if opt_out else "no opt-out"))
    about = {contact.patient_id: contact.site_id for contact in holders}
    for patient_id, site_id in about.items():
        after = {"handling": row.handling, "opted out": opt_out}
        work.audit("reply.settle", row, site_id=site_id, patient_id=patient_id, after=after, reason=note)


def _release(work: Work, row: Inbound) -> None:
    """Only the last unread reply of a number takes its pause away."""
    statement = select(Inbound).where(Inbound.from_number == row.from_number, Inbound.id != row.id)
    waiting = [other for other in work.session.exec(statement) if other.handled_at is None]
    if not any(might_be_opt_out(other.body) for other in waiting):
        registry.release_number(work, row.from_number)
