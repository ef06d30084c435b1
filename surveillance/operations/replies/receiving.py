"""What happens with a message from a phone (design section 4 rule 10).

Each is stored once, however often the provider repeats it. What is plain is done and answered at once; everything
else waits for a person, with what a person has to know.
"""

from collections.abc import Mapping
from uuid import UUID

from sqlmodel import select

from surveillance.core.errors import InvalidInputError
from surveillance.core.messages.answers import Answer
from surveillance.core.replies import vocabulary
from surveillance.core.replies.conversation import Act, Sorted, sort
from surveillance.core.replies.vocabulary import Meaning, Reading
from surveillance.core.words import Source
from surveillance.operations.registry import consents, numbers
from surveillance.operations.replies import automatic_answers
from surveillance.operations.replies import facts as reply_facts
from surveillance.operations.replies.facts import Facts
from surveillance.operations.visits import reschedule_requests
from surveillance.operations.work import Work
from surveillance.store import locks
from surveillance.store.messages import reminders as store
from surveillance.store.tables import Inbound

_QUOTED = 40  # letters of a reply that the record of an opt-out repeats


def receive(work: Work, form: Mapping[str, str]) -> Inbound | None:
    """Take one message as Twilio posts it; None if it came before.

    Source of the fields: https://www.twilio.com/docs/messaging/guides/webhook-request

    Raises:
        InvalidInputError: it names no message or no sender.
    """
    new = _read(work, form)
    locks.one_by_one(work.session, f"number {new.from_number}")
    if not store.add_if_missing(work.session, Inbound, new.model_dump()):
        return None
    row = work.session.exec(select(Inbound).where(Inbound.provider_id == new.provider_id)).one()
    facts = reply_facts.gather(work, row.from_number, _pictures(form))
    numbers.answered(work, row.from_number, "a message came from it")
    spoken = reply_facts.language(work, facts)
    reading = vocabulary.read(row.body, form.get("OptOutType"), work.catalogue.replies, spoken)
    found = sort(reading, facts.context, work.now)
    _keep(row, reading, found, reply_facts.foreign(work, facts, reading))
    handling = _act(work, row, reading, found, facts)
    if not found.person:
        row.handled_at, row.handled_by, row.handling = work.now, work.actor.user_id, handling
    work.session.flush()
    return row


def _read(work: Work, form: Mapping[str, str]) -> Inbound:
    provider_id, from_number = form.get("MessageSid", "").strip(), form.get("From", "").strip()
    missing = [name for name, value in (("MessageSid", provider_id), ("From", from_number)) if not value]
    if missing:
        raise InvalidInputError(f"an inbound message needs {' and '.join(missing)}")
    return Inbound(
        provider_id=provider_id,
        from_number=from_number,
        to_number=form.get("To", ""),
        body=form.get("Body", "").replace("\0", ""),  # PostgreSQL keeps no such letter
        received_at=work.now,
        parts=_number(form, "NumSegments") or None,
    )


def _pictures(form: Mapping[str, str]) -> int:
    return _number(form, "NumMedia")


def _number(form: Mapping[str, str], name: str) -> int:
    number = form.get(name, "")
    return int(number[:4]) if number.isascii() and number.isdecimal() else 0


def _keep(row: Inbound, reading: Reading, found: Sorted, foreign: str) -> None:
    """What it was taken for. Whatever paused its number counts as what might be an opt-out."""
    row.keyword = Meaning.MIGHT_BE_STOP if found.pause else reading.meaning
    row.language = reading.language
    row.why = "; ".join(part for part in (found.why, foreign) if part)
    row.patient_id = UUID(found.patient) if found.patient else None
    row.appointment_id = UUID(found.visit) if found.visit else None


def _act(work: Work, row: Inbound, reading: Reading, found: Sorted, facts: Facts) -> str:
    """Do what follows, and say what was done."""
    said = f"reply {' '.join(row.body.split())[:_QUOTED]!r}"
    if found.pause:
        consents.pause_number(work, row.from_number, f"{said} may be an opt-out")
    match found.act:
        case Act.OPT_OUT:
            consents.opt_out(work, row.from_number, said)
            quiet = facts.context.barred or found.person or reading.provider_keyword
            return _answered(work, row, facts, None if quiet else Answer.STOPPED, "opted out")
        case Act.OPT_IN:
            consents.opt_in(work, row.from_number, said)
            kind = None if reading.provider_keyword else Answer.STARTED
            return _answered(work, row, facts, kind, "opted in")
        case Act.HELP:
            return _answered(work, row, facts, Answer.HELP, "asked for help")
        case Act.CONFIRM:
            reschedule_requests.confirm(work, facts.visits[found.visit], Source.REPLY)
            return _answered(work, row, facts, Answer.CONFIRMED, "confirmed the visit")
        case Act.RESCHEDULE:
            return _request_reschedule(work, row, found, facts)
    return _nothing(reading)


def _request_reschedule(work: Work, row: Inbound, found: Sorted, facts: Facts) -> str:
    """Asked twice, the wish that waits says both, and is thanked for once."""
    waits = facts.context.visits[found.visit].another_day_asked
    text = (
        row.body if len(row.body) <= reschedule_requests.LONGEST else f"{row.body[: reschedule_requests.LONGEST - 1]}…"
    )
    reschedule_requests.request_reschedule(work, facts.visits[found.visit], Source.REPLY, text, inbound_id=row.id)
    return _answered(work, row, facts, None if waits else Answer.NOTED, "asked for another day")


def _answered(work: Work, row: Inbound, facts: Facts, kind: Answer | None, what: str) -> str:
    answered = kind is not None and automatic_answers.give(work, row, facts, kind)
    return f"{what}; answered" if answered else what


def _nothing(reading: Reading) -> str:
    """What a reply was that asks for nothing, or that is answered already."""
    match reading.meaning:
        case Meaning.THANKS:
            return "thanks: nothing to do"
        case Meaning.HELP:
            return "asked for help; the provider answered"
        case Meaning.CONFIRM:
            return "confirmed the visit, which was known"
    return "nothing to do"
