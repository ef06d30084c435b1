"""What became of the examinations of a visit: performed, not done, not come, called off; and taking that back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.words import AppointmentState, Outcome, Role
from surveillance.operations.planning import gathered, preconditions, replanning
from surveillance.operations.visits import bookable, reschedule_requests
from surveillance.operations.visits.results import NewStudy, add_study, serve_visit
from surveillance.operations.work import Work, found
from surveillance.store.audit.events import picture
from surveillance.store.tables import Appointment, AppointmentItem, Patient, Study
from surveillance.store.visits import appointments as store
from surveillance.store.visits import studies

BOOKERS = (Role.COORDINATOR, Role.CLINICIAN)
TOLD = ("day", "at", "zone", "place_id", "state", "minutes")


@dataclass(frozen=True, slots=True)
class OutcomeOf:
    """What became of one examination of a visit. ``modality``, ``body_region``, ``ruling``: as of a study."""

    item: str
    outcome: Outcome
    reason: str = ""
    accession: str | None = None
    performed_on: date | None = None  # None: the day of the visit
    modality: str = ""
    body_region: str = ""
    ruling: str = ""


def record(work: Work, row: Appointment, outcomes: Sequence[OutcomeOf]) -> list[Study]:
    """Record the outcome of each examination of a visit; those not named stay unknown.

    What was performed becomes one study for each accession number, or for each item without one.

    Raises:
        InvalidInputError: nothing to record, a visit in the future, no reason for what was not done, or two days
            for one accession number.
        NotFoundError: an item the visit does not have.
        ConflictError: the visit is not booked, an outcome is recorded already, or another study has the number.
    """
    work.require(row.site_id, *BOOKERS)
    patient = preconditions.lock(work, row.patient_id)
    work.session.refresh(row)
    must_be_booked(row)
    if not outcomes:
        raise InvalidInputError("say what became of at least one examination of the visit")
    if row.day > work.today(work.site(row.site_id)):
        raise InvalidInputError(f"the visit is on {row.day}, which is still to come; cancel or move it instead")
    lines = {line.item: line for line in store.lines(work.session, row.id)}
    for outcome in outcomes:
        _note(work, row, found(lines.get(outcome.item), "examination of this visit", outcome.item), outcome)
    made = [_prove(work, patient, row, group) for group in _by_accession(outcomes)]
    _close(work, row, list(lines.values()))
    replanning.replan_patient(work, patient)
    return made


def _note(work: Work, row: Appointment, line: AppointmentItem, outcome: OutcomeOf) -> None:
    if line.outcome is not None:
        raise ConflictError(f"{line.item} of this visit is recorded as {line.outcome} already; retract that first")
    if outcome.outcome in (Outcome.NOT_DONE, Outcome.CANCELLED) and not outcome.reason.strip():
        raise InvalidInputError(f"say why {line.item} was not done")
    line.outcome, line.outcome_reason, line.outcome_at = outcome.outcome, outcome.reason, work.now
    work.session.flush()
    work.audit(
        f"visit.{outcome.outcome}",
        row,
        before={"item": None, "month": None, "outcome": None},
        after={"item": line.item, "month": line.month, "outcome": outcome.outcome},
        reason=outcome.reason,
    )


def _by_accession(outcomes: Sequence[OutcomeOf]) -> list[list[OutcomeOf]]:
    """What was performed, the examinations of one accession number together: they are one study."""
    groups: dict[str, list[OutcomeOf]] = {}
    for number, outcome in enumerate(outcomes):
        if outcome.outcome is Outcome.PERFORMED:
            accession = (outcome.accession or "").strip()
            groups.setdefault(f"accession {accession}" if accession else f"outcome {number}", []).append(outcome)
    return list(groups.values())


def _prove(work: Work, patient: Patient, row: Appointment, group: Sequence[OutcomeOf]) -> Study:
    days = {outcome.performed_on or row.day for outcome in group}
    accession = (group[0].accession or "").strip() or None
    if len(days) > 1:
        listed = ", ".join(map(str, sorted(days)))
        raise InvalidInputError(f"accession number {accession} is one study; it cannot have two days: {listed}")
    items, (day,) = [outcome.item for outcome in group], days
    known = studies.by_accession(work.session, row.site_id, accession) if accession else None
    modality, ruling = _joined("+", (one.modality for one in group)), _joined("; ", (one.ruling for one in group))
    if known is not None and (known.patient_id, known.performed_on) == (row.patient_id, day):
        return serve_visit(work, known, items, row, modality, ruling)
    new = NewStudy(
        items=items,
        performed_on=day,
        modality=modality,
        body_region=_joined("+", (one.body_region for one in group)),
        accession=accession,
        appointment_id=row.id,
        note=_joined("; ", (one.reason for one in group)),
        ruling=ruling,
    )
    return add_study(work, patient, new, replan=False)


def _joined(sign: str, texts: Iterable[str]) -> str:
    """What was said of the examinations of one study, each once."""
    return sign.join(dict.fromkeys(text.strip() for text in texts if text.strip()))


def _close(work: Work, row: Appointment, lines: Sequence[AppointmentItem]) -> bool:
    """A visit is over once the outcome of every examination is known; whether it is."""
    outcomes = {line.outcome for line in lines}
    if None in outcomes:
        return False
    if Outcome.PERFORMED in outcomes:
        row.state = AppointmentState.FULFILLED
    elif Outcome.NOSHOW in outcomes:
        row.state = AppointmentState.NOSHOW
    else:
        row.state, row.edited_at = AppointmentState.CANCELLED, work.now
    store.touch(row, work.now, work.actor.user_id)
    called_off = row.state is AppointmentState.CANCELLED
    reschedule_requests.close_of(work, row.id, "the visit was called off" if called_off else "the visit is over")
    return True


def reopen(work: Work, row: Appointment, item: str, reason: str) -> None:
    """A recorded outcome was wrong: the examination is booked again, as if nothing had been recorded.

    Raises:
        InvalidInputError: no reason, or the examination is not needed any more on the day of the visit.
        ConflictError: no outcome is recorded, it was performed, the plan ended before, or it is booked elsewhere.
    """
    work.require(row.site_id, *BOOKERS)
    if not reason.strip():
        raise InvalidInputError("to take back an outcome needs a reason")
    now = gathered.locked(work, row.patient_id, row.plan_id)
    line, plan = line_of(now.visits.lines(row.id), item), now.plan
    if line.outcome is None:
        raise ConflictError(f"no outcome of {item} on {row.day} is recorded")
    if line.outcome is Outcome.PERFORMED:
        raise ConflictError(f"{item} on {row.day} was performed; retract its study instead")
    if plan.ended_on is not None and row.day >= plan.ended_on:
        raise ConflictError(f"the plan ended on {plan.ended_on}; a visit on {row.day} cannot stand")
    if row.day >= work.today(work.site(row.site_id)):
        bookable.retarget(now.stored.examinations, line, row.day)
    restore(work, row, line, reason)
    replanning.replan(work, plan, now)


def restore(work: Work, row: Appointment, line: AppointmentItem, reason: str) -> None:
    """Make a line of a visit what it was before its outcome was recorded; without any check."""
    fields = ("item", "outcome", "outcome_reason")
    before = picture(line, fields) | {"state": row.state}
    line.outcome, line.outcome_reason, line.outcome_at = None, "", None
    if row.state is AppointmentState.CANCELLED:
        row.edited_at = work.now
    row.state = AppointmentState.BOOKED
    store.touch(row, work.now, work.actor.user_id)
    work.session.flush()
    after = picture(line, fields) | {"state": row.state}
    work.audit("visit.reopen", row, before=before | {"item": None}, after=after, reason=reason)


def call_off(
    work: Work, row: Appointment, lines: Sequence[AppointmentItem], reason: str, items: Sequence[str] | None = None
) -> None:
    """Cancel what is still open of a booked visit with its ``lines``; what was recorded stays, and the visit with it.

    Raises:
        InvalidInputError: one of ``items`` is not open in this visit.
    """
    still = [line for line in lines if line.outcome is None and (items is None or line.item in items)]
    if missing := set(items or ()) - {line.item for line in still}:
        raise InvalidInputError(f"the visit of {row.day} has no open {', '.join(sorted(missing))}")
    before = picture(row, TOLD) | examinations(lines)
    for line in still:
        line.outcome, line.outcome_reason, line.outcome_at = Outcome.CANCELLED, reason, work.now
    if not _close(work, row, lines):
        store.touch(row, work.now, work.actor.user_id)
    work.session.flush()
    work.audit("visit.cancel", row, before=before, after=picture(row, TOLD) | examinations(lines), reason=reason)


def must_be_booked(row: Appointment) -> None:
    """Raises ConflictError where a visit, which was read again, is not booked."""
    if row.state is not AppointmentState.BOOKED:
        raise ConflictError(f"the visit of {row.day} is {row.state}, not booked")


def line_of(lines: Sequence[AppointmentItem], item: str) -> AppointmentItem:
    """Raises NotFoundError where a visit has no such item."""
    return found(next((line for line in lines if line.item == item), None), "examination of this visit", item)


def examinations(lines: Sequence[AppointmentItem]) -> dict[str, list[str]]:
    """What is still to be examined, for the before and after of an event."""
    return {"examinations": [bookable.name(store.key(line)) for line in lines if line.outcome is None]}
