"""The last look before a message goes out: every fact is read again (design section 4 rule 6)."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from surveillance.core.dates import local_day
from surveillance.core.errors import InvalidInputError, SurveillanceError
from surveillance.core.messages.answers import AnswerFacts, decide_answer, kind_of
from surveillance.core.messages.caps import cap_reason
from surveillance.core.messages.decision import UNREADABLE, Decision, Send, SendingFacts, Unreadable, Wait, decide
from surveillance.core.messages.planned import Planned, stem
from surveillance.core.messages.policy import NOTICES
from surveillance.core.messages.reminders import told_otherwise
from surveillance.core.words import Channel, ConsentAct, ReminderState, Step
from surveillance.operations.dispatch.senders import SenderState
from surveillance.operations.job_context import JobContext
from surveillance.operations.messages.patient_context import PatientContext
from surveillance.operations.messages.scheduling import planned_of
from surveillance.operations.messages.undecided import result_undecided
from surveillance.operations.wording import languages
from surveillance.operations.work import Work
from surveillance.store.messages import contact_facts
from surveillance.store.messages import reminders as store
from surveillance.store.messages.contact_facts import ContactFacts
from surveillance.store.registry import patients
from surveillance.store.tables import Contact, Number, Reminder, Sender

T = TypeVar("T")

# What reading a damaged fact raises: a zone or an enumeration that is none, a row that is gone, a date out of range.
DAMAGE = (LookupError, ValueError, TypeError, ArithmeticError, SurveillanceError)


@dataclass(frozen=True, slots=True)
class Recheck:
    """What was found and decided. ``locale`` is how dates are written in the contact's language, ``sender`` as seen."""

    decision: Decision
    planned: Planned
    contact: Contact | None
    locale: str
    sender: Sender | None


def recheck(context: JobContext, work: Work, now: PatientContext, row: Reminder) -> Recheck:
    """Decide about one message of a patient whose rows are locked."""
    if row.step is Step.ANSWER:
        return _recheck_answer(context, work, now, row)
    channels = now.policy.steps[row.step].channels
    wanted = _readable(now.wanted)
    true = _true(wanted, row)
    planned = replace(true, key=row.key, channel=row.channel) if true else planned_of(row)
    addressee, sender_state = (
        _Addressee(context, work, now, row.channel),
        SenderState(context, work, now.site.id, row.channel),
    )
    facts = _facts(work, now, planned, wanted, addressee, sender_state)
    decision = decide(planned, channels, facts, now.policy, now.recipient.zone, work.now)
    if isinstance(decision, Send) and true is not None and true.due_at > work.now:
        decision = Wait(true.due_at, "it is due later now")
    sender = _readable(sender_state.sender)
    return Recheck(
        decision, planned, addressee.contact, addressee.locale, None if isinstance(sender, Unreadable) else sender
    )


def _recheck_answer(context: JobContext, work: Work, now: PatientContext, row: Reminder) -> Recheck:
    """An answer goes to the number it was written for, in the language it was written in."""
    number = patients.number(work.session, row.to_address)
    contact = work.session.get(Contact, row.contact_id) if row.contact_id else None
    sender_state = SenderState(context, work, now.site.id, row.channel)
    facts = AnswerFacts(
        alive=now.patient.died_on is None,
        carried=row.channel in context.transports,
        dispatch_paused=sender_state.is_paused(),
        opted_out=number is not None and number.opted_out_at is not None,
        attempt_in_flight=store.open_attempt_to(work.session, row.to_address),
        sender_free_at=sender_state.free_at(),
        sender_stopped=sender_state.is_stopped(),
        number_paused=number is not None and number.paused_at is not None,
        withdrawn=_withdrew(work, row),
        lost=_lost(row, contact, number),
    )
    decision = decide_answer(
        kind_of(row.key),
        row.to_address,
        row.language,
        facts,
        now.policy,
        now.recipient.zone,
        row.expires_at,
        work.now,
    )
    return Recheck(decision, planned_of(row), contact, row.language, sender_state.sender())


def _lost(row: Reminder, contact: Contact | None, number: Number | None) -> str:
    """Why a number that was written to is none to write to by now; empty where it is."""
    if contact is not None and (contact.removed_at is not None or contact.phone != row.to_address):
        return "it was written to a number that the patient's contacts do not have any more"
    out = number is not None and (number.landline or number.wrong)
    return "SMS does not reach this number" if out else ""


def _withdrew(work: Work, row: Reminder) -> bool:
    if row.contact_id is None:
        return False
    last = patients.consents(work.session, row.patient_id).get((row.contact_id, Channel.SMS))
    return last is not None and last.act is ConsentAct.WITHDRAWN


def _readable(read: Callable[[], T]) -> T | Unreadable:
    """What ``read`` gives; a damaged fact is neither yes nor no and becomes a person's work."""
    try:
        return read()
    except DAMAGE:
        return UNREADABLE


def _true(wanted: Sequence[Planned] | Unreadable, row: Reminder) -> Planned | None:
    """The message as the facts want it now; a fallback is the same message on another channel."""
    if isinstance(wanted, Unreadable):
        return None
    return next((planned for planned in wanted if stem(planned.key) == stem(row.key)), None)


def _facts(
    work: Work,
    now: PatientContext,
    planned: Planned,
    wanted: Sequence[Planned] | Unreadable,
    addressee: "_Addressee",
    sender_state: SenderState,
) -> SendingFacts:
    listed: Sequence[Planned] = () if isinstance(wanted, Unreadable) else wanted
    unclear = isinstance(wanted, Unreadable)
    return SendingFacts(
        alive=now.patient.died_on is None,
        plan_active=now.plan is not None,
        on_hold=now.on_hold,
        still_wanted=UNREADABLE if unclear else any(stem(each.key) == stem(planned.key) for each in listed),
        dispatch_paused=_readable(sender_state.is_paused),
        consent=_readable(addressee.has_consent),
        address=_readable(addressee.address),
        opted_out=_readable(addressee.is_opted_out),
        number_paused=_readable(addressee.is_paused),
        shared=_readable(addressee.is_shared),
        first_name_allowed=now.site.first_names,
        has_phone=any(contact.phone for contact in addressee.contacts),
        has_address=any(contact.postal_address for contact in addressee.contacts),
        language=_readable(addressee.language),
        attempt_in_flight=_readable(addressee.in_flight),
        cap=_readable(lambda: _cap(now, work)),
        sender_free_at=_readable(sender_state.free_at),
        sender_stopped=_readable(sender_state.is_stopped),
        told_otherwise=_readable(lambda: told_otherwise(planned, _others(now, listed, planned), now.visits, now.told)),
        person_has_it=_readable(lambda: _person_has_it(now, planned)),
        result_undecided=planned.step not in NOTICES and _readable(lambda: result_undecided(work, now.patient)),
    )


def _cap(now: PatientContext, work: Work) -> str | None:
    zone = now.recipient.zone
    days = Counter(local_day(moment, zone) for moment in now.sent().values())
    return cap_reason(now.policy, local_day(work.now, zone), days)


def _others(now: PatientContext, wanted: Sequence[Planned], planned: Planned) -> list[Planned]:
    """The other messages that are still to be sent."""
    waiting = {stem(row.key) for row in now.rows if row.state in (ReminderState.PLANNED, ReminderState.CLAIMED)}
    return [each for each in wanted if stem(each.key) in waiting - {stem(planned.key)}]


def _person_has_it(now: PatientContext, planned: Planned) -> bool:
    return any(
        row.state is ReminderState.TASK
        and row.resolved_at is None
        and row.step is not Step.ANSWER
        and row.subject_day == planned.subject_day
        and (row.appointment_id is None) == (planned.appointment_id is None)
        and (row.step in NOTICES) == (planned.step in NOTICES)
        for row in now.rows
    )


class _Addressee:
    """How a patient is reached on one channel: the first contact in priority who agreed and has a usable address."""

    def __init__(self, context: JobContext, work: Work, now: PatientContext, channel: Channel) -> None:
        self.work, self.now, self.channel = work, now, channel
        self.carried = channel in context.transports
        every = contact_facts.of_patient(work.session, now.patient.id, channel)
        self.contacts = [each.contact for each in every]
        self.locale = ""
        usable = [each for each in every if self._usable(each)]
        agreed = [each for each in usable if self._agreed(each)]
        self.chosen = next(iter([*agreed, *usable]), None)

    @property
    def contact(self) -> Contact | None:
        return self.chosen.contact if self.chosen else None

    def _address_of(self, contact: Contact) -> str | None:
        return contact.phone if self.channel is Channel.SMS else contact.email

    def _usable(self, each: ContactFacts) -> bool:
        if not self.carried or not self._address_of(each.contact):
            return False
        if self.channel is Channel.EMAIL:
            return each.contact.email_failed_at is None
        return each.contact.phone_mobile and not self._is_out(each.number)

    def _is_out(self, number: Number | None) -> bool:
        """A landline, or a number that a person has to verify first."""
        return number is not None and (number.landline or number.wrong)

    def _agreed(self, each: ContactFacts) -> bool:
        """Consent is to an address: a new number needs a new one (47 CFR 64.1200, facts: messaging)."""
        last = each.consent
        return last is not None and last.act is ConsentAct.GIVEN and last.address == self._address_of(each.contact)

    def has_consent(self) -> bool:
        return self.chosen is not None and self._agreed(self.chosen)

    def address(self) -> str | None:
        return self._address_of(self.chosen.contact) if self.chosen else None

    def is_opted_out(self) -> bool:
        number = self.chosen.number if self.chosen else None
        return number is not None and number.opted_out_at is not None

    def is_paused(self) -> bool:
        number = self.chosen.number if self.chosen else None
        return number is not None and number.paused_at is not None

    def is_shared(self) -> bool:
        """Whether somebody else's messages go to this address too, at whatever site."""
        return self.chosen is not None and self.chosen.shared

    def in_flight(self) -> bool:
        return self.chosen is not None and self.chosen.in_flight

    def language(self) -> str | None:
        """The book to use: in a language that the site approved."""
        try:
            choice = languages.choose(self.work, self.now.site, self.contact.language if self.contact else None)
        except InvalidInputError:
            return None
        self.locale = choice.locale
        return choice.language
