"""Safety flags at a booking: the one place that every way to a booked visit passes (row of design 2: Flags).

``ask`` stands between a change and its commit: an examination that a flag speaks against is booked only where a
clinician confirmed it with a reason, or where what the protocol names instead is done. A flag that is set later makes
the visit a finding of its plan, which is work on the board.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from surveillance.core.errors import BeyondLimitError, ConflictError, InvalidInputError
from surveillance.core.protocols import safety
from surveillance.core.protocols.protocol import Item, Substitute
from surveillance.core.protocols.safety import Concern, Flags
from surveillance.core.words import Role
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.planning import plans
from surveillance.store.planning.plans import Recorded
from surveillance.store.tables import Appointment, AppointmentItem, Patient, PlanTerms
from surveillance.store.visits.appointments import Unconfirmed

FACTS = ("substitute", "flags_confirmed", "flags_reason")


@dataclass(frozen=True, slots=True)
class Answers:
    """What whoever books says to the flags: what is done ``instead`` of an item (its code; "": the item itself after
    all), and the ``reason`` for which a clinician has the rest done as it is."""

    instead: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


NOTHING_SAID = Answers()


@dataclass(frozen=True, slots=True)
class Question:
    """An item that flags speak against on a day, and what the protocol names instead of it for one of them."""

    item: Item
    concerns: Sequence[Concern]
    substitutes: Sequence[Substitute]

    @property
    def why(self) -> str:
        return why(self.concerns)


@dataclass(frozen=True, slots=True)
class Asked:
    """An examination of a visit that flags speak against: what was confirmed of that, and what is not."""

    line: AppointmentItem
    item: Item
    concerns: Sequence[Concern]
    substitutes: Sequence[Substitute]

    @property
    def open(self) -> list[Concern]:
        """What nobody has confirmed."""
        return [each for each in self.concerns if each.token not in self.line.flags_confirmed]


def of_patient(patient: Patient) -> Flags:
    return Flags(patient.mri_unsafe, patient.contrast_allergy, patient.egfr, patient.egfr_on)


def item_of(work: Work, terms: Sequence[PlanTerms], code: str) -> Item | None:
    """An item as the newest protocol of a plan that has it describes it; ``terms`` in the order of their days."""
    for row in reversed(terms):
        for item in work.protocol(row.protocol_key).items:
            if item.code == code:
                return item
    return None


def questions(
    work: Work, patient: Patient, terms: Sequence[PlanTerms], wanted: Iterable[tuple[str, date]]
) -> list[Question]:
    """What is to be asked before items are booked, each for its day."""
    known, found = of_patient(patient), []
    for code, day in wanted if known != Flags() else ():
        item = item_of(work, terms, code)
        standing = safety.concerns(known, item, None, day) if item else []
        if item and standing:
            found.append(Question(item, standing, safety.substitutes(item, standing)))
    return found


def asked(
    work: Work, patient: Patient, terms: Sequence[PlanTerms], row: Appointment, lines: Sequence[AppointmentItem]
) -> Iterator[Asked]:
    """The open examinations of a visit that flags speak against, confirmed or not."""
    known = of_patient(patient)
    if known == Flags():
        return
    for line in lines:
        item = item_of(work, terms, line.item) if line.outcome is None else None
        if item is None:
            continue
        found = safety.concerns(known, item, item.substitute(line.substitute), row.day)
        if found:
            yield Asked(line, item, found, safety.substitutes(item, safety.concerns(known, item, None, row.day)))


def unconfirmed(work: Work, patient: Patient, told: Recorded) -> Unconfirmed:
    """Says of a line of a booked visit whether a flag speaks against it that nobody confirmed."""

    terms = plans.in_force(told.terms)

    def of_line(row: Appointment, line: AppointmentItem) -> bool:
        return any(each.open for each in asked(work, patient, terms, row, [line]))

    return of_line


# -- the door ----------------------------------------------------------------------------------------------------


def ask(
    work: Work,
    patient: Patient,
    told: Recorded,
    row: Appointment,
    lines: Sequence[AppointmentItem],
    answers: Answers = NOTHING_SAID,
) -> None:
    """See that what a visit is booked for was asked for; what is answered is written to its lines.

    A visit whose day is over is not asked for.

    Raises:
        InvalidInputError: a flag speaks against an examination and nobody said why it is done all the same, or the
            visit or the protocol has no such thing to do instead.
        BeyondLimitError: there is a reason, and it is no clinician who gives it.
    """
    terms = plans.in_force(told.terms)
    _replace(work, patient, terms, row, lines, answers.instead)
    if row.day < work.today(work.site(row.site_id)):
        return
    left = [each for each in asked(work, patient, terms, row, lines) if each.open]
    if left and not answers.reason.strip():
        raise InvalidInputError(f"{_said(left, row)}; {_ways(left)}")
    if left and not work.signs(row.site_id, Role.CLINICIAN):
        raise BeyondLimitError(f"{_said(left, row)}; only a clinician confirms that: ask one")
    if left:
        _confirm(work, row, left, answers.reason.strip())


def confirm(
    work: Work, patient: Patient, told: Recorded, row: Appointment, lines: Sequence[AppointmentItem], answers: Answers
) -> None:
    """Answer for a visit that is booked. Raises as ``ask``, and ConflictError where no flag waits for an answer."""
    waiting = [each for each in asked(work, patient, plans.in_force(told.terms), row, lines) if each.open]
    if not waiting and not answers.instead:
        raise ConflictError(f"no safety flag waits for an answer about the visit of {row.day}")
    ask(work, patient, told, row, lines, answers)


def forget(lines: Sequence[AppointmentItem]) -> None:
    """What was confirmed was confirmed for another place."""
    for line in lines:
        _unconfirm(line)


def _unconfirm(line: AppointmentItem) -> None:
    line.flags_confirmed, line.flags_reason = [], ""
    line.flags_confirmed_at, line.flags_confirmed_by = None, None


def _replace(
    work: Work,
    patient: Patient,
    terms: Sequence[PlanTerms],
    row: Appointment,
    lines: Sequence[AppointmentItem],
    instead: Mapping[str, str],
) -> None:
    there = {line.item: line for line in lines if line.outcome is None}
    for code, chosen in instead.items():
        item = item_of(work, terms, code)
        if code not in there or item is None:
            raise InvalidInputError(f"the visit of {row.day} has no open {code} to do something else for")
        line, substitute = there[code], item.substitute(chosen)
        if line.substitute == chosen:
            continue
        standing = safety.concerns(of_patient(patient), item, None, row.day)
        if substitute is not None and substitute not in safety.substitutes(item, standing):
            raise InvalidInputError(f"{substitute.title} is for patients with {_listed(substitute)}, not for this one")
        before = picture(line, FACTS)
        _unconfirm(line)
        line.substitute = chosen
        work.session.flush()
        after = picture(line, FACTS) | {"item": code}
        work.audit("visit.substitute", row, before=before | {"item": None}, after=after)


def _confirm(work: Work, row: Appointment, left: Sequence[Asked], reason: str) -> None:
    before = {each.line.item: _confirmed(each.line) for each in left}
    for each in left:
        each.line.flags_confirmed = sorted(concern.token for concern in each.concerns)
        each.line.flags_reason = reason
        each.line.flags_confirmed_at, each.line.flags_confirmed_by = work.now, work.actor.user_id
    work.session.flush()
    after = {each.line.item: _confirmed(each.line) for each in left}
    work.audit("visit.confirm_flags", row, before=before, after=after, reason=reason)


def _confirmed(line: AppointmentItem) -> str:
    """What was confirmed of an examination, for the trail."""
    return ", ".join(line.flags_confirmed)


# -- in words ----------------------------------------------------------------------------------------------------


def _said(left: Sequence[Asked], row: Appointment) -> str:
    return "; ".join(f"{each.item.code} on {row.day}: {why(each.open)}" for each in left)


def why(standing: Sequence[Concern]) -> str:
    """The clauses of one examination."""
    return " and ".join(each.why for each in standing)


def _ways(left: Sequence[Asked]) -> str:
    named = [f"{sub.title} ({each.item.code}={sub.code})" for each in left for sub in each.substitutes]
    instead = f"book {' or '.join(named)} instead, or " if named else ""
    return f"{instead}let a clinician confirm it with a reason"


def _listed(substitute: Substitute) -> str:
    return " or ".join(flag.replace("_", " ") for flag in substitute.flags)
