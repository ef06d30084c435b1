"""Booking visits, moving and cancelling them, and recording what became of each examination (rule 11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from uuid import UUID

from surveillance.core.dates import to_utc
from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.examinations import Examination, Key
from surveillance.core.words import AppointmentState, Outcome, Role
from surveillance.operations import planning, proposals
from surveillance.operations.results import NewStudy, add_study
from surveillance.operations.work import Work, found
from surveillance.store import appointments as store
from surveillance.store import plans
from surveillance.store.audit import picture
from surveillance.store.tables import Appointment, AppointmentItem, Patient, Place, Plan, Study

BOOKERS = (Role.COORDINATOR, Role.CLINICIAN)
TOLD = ("day", "at", "zone", "place_id", "state", "minutes")


@dataclass(frozen=True, slots=True)
class Visit:
    """What is booked: one trip to a place. Without ``examinations`` everything that falls to the day goes along."""

    day: date
    at: time
    place: Place
    examinations: Sequence[Key] = ()
    minutes: int = 60
    note: str = ""


def book(work: Work, patient: Patient, visit: Visit) -> Appointment:
    """Book one trip. The proposal for these examinations, if there is one, becomes this visit and keeps its id.

    Raises:
        InvalidInputError: a day that is past, or nothing to examine that day.
        ConflictError: one of the examinations is booked already; the patient has no active plan.
    """
    work.require(patient.site_id, *BOOKERS)
    plan = planning.current_plan(work, patient)
    today = work.today(work.site(plan.site_id))
    if visit.day < today:
        raise InvalidInputError(f"{visit.day} is past (today is {today}); record what was done with 'record'")
    if visit.day > plan.horizon:
        plan.horizon = visit.day
        planning.replan(work, plan)
    keys = _keys(work, plan, visit)
    row = _proposal(work, plan, keys) or _blank(work, plan, visit)
    _fill(work, row, visit)
    _cover(work, plan, row, keys)
    work.session.flush()
    work.audit("visit.book", row, after=picture(row) | {"examinations": [_name(key) for key in keys]})
    planning.replan(work, plan)
    return row


def _keys(work: Work, plan: Plan, visit: Visit) -> list[Key]:
    """The examinations that a visit on this day would serve, each checked for a booking that stands."""
    rows = [plans.examination(row) for row in plans.projected(work.session, plan.id).values()]
    holding = {row.key: row for row in rows if row.open and _serves(row, visit.day)}
    if not visit.examinations:
        free = [row for row in holding.values() if row.month is not None and row.booking is None]
        chosen = [row for row in free if not row.held and (row.order_from <= visit.day)]
    else:
        chosen = [_wanted(key, holding, rows, visit.day) for key in visit.examinations]
    if not chosen:
        raise InvalidInputError(f"nothing of the plan falls to {visit.day}; name the examinations to book")
    for row in chosen:
        if row.booking is not None:
            raise ConflictError(f"{_name(row.key)} is booked for {row.booked_on}; move or cancel that visit")
    return [row.key for row in chosen]


def _serves(row: Examination, day: date) -> bool:
    return row.cell_start <= day < row.cell_end


def _wanted(key: Key, holding: dict[Key, Examination], rows: list[Examination], day: date) -> Examination:
    """A booking counts for the slot whose cell holds its day: to name another one is a mistake to be told of."""
    if key in holding:
        return holding[key]
    actual = next((row for row in holding.values() if row.item == key.item and row.month is not None), None)
    if key.month is None and key.extra is None and actual is not None:
        return actual
    there = next((row for row in rows if row.key == key), None)
    if there is None:
        raise InvalidInputError(f"the plan has no open examination {_name(key)}")
    instead = f"that day counts for {_name(actual.key)}" if actual else "nothing of this item falls to that day"
    raise InvalidInputError(
        f"{_name(key)} can be done from {there.cell_start} to the day before {there.cell_end}, not on {day}; {instead}"
    )


def _name(key: Key) -> str:
    return f"{key.item}@{key.month}" if key.month is not None else f"{key.item} (extra)"


def _proposal(work: Work, plan: Plan, keys: Sequence[Key]) -> Appointment | None:
    """The proposed visit that shares most with what is booked: it turns into the booked one."""
    rows = store.of_plan(work.session, plan.id, AppointmentState.PROPOSED)
    lines = store.lines_of(work.session, [row.id for row in rows])
    shared = {row.id: len({store.key(line) for line in lines.get(row.id, [])} & set(keys)) for row in rows}
    best = max(rows, key=lambda row: (shared[row.id], -row.day.toordinal()), default=None)
    return best if best is not None and shared[best.id] else None


def _blank(work: Work, plan: Plan, visit: Visit) -> Appointment:
    row = Appointment(
        site_id=plan.site_id,
        patient_id=plan.patient_id,
        plan_id=plan.id,
        state=AppointmentState.PROPOSED,
        day=visit.day,
        zone=visit.place.time_zone,
        changed_at=work.now,
        changed_by=work.actor.user_id,
    )
    work.session.add(row)
    work.session.flush()
    return row


def _fill(work: Work, row: Appointment, visit: Visit) -> None:
    row.state = AppointmentState.BOOKED
    row.day, row.at, row.zone = visit.day, visit.at, visit.place.time_zone
    row.starts_at = to_utc(visit.day, visit.at, visit.place.time_zone)
    row.place_id, row.minutes, row.note = visit.place.id, visit.minutes, visit.note
    row.outside = False
    row.was_booked = True
    row.booked_at = row.booked_at or work.now
    row.edited_at = work.now
    store.touch(row, work.now, work.actor.user_id)


def _cover(work: Work, plan: Plan, row: Appointment, keys: Sequence[Key]) -> None:
    for line in store.lines(work.session, row.id):
        work.session.delete(line)
    work.session.flush()
    targets = {key: examination.target for key, examination in plans.projected(work.session, plan.id).items()}
    work.session.add_all(proposals.line_for(row, key, targets) for key in keys)


def move(work: Work, row: Appointment, visit: Visit, reason: str = "") -> Appointment:
    """Put a booked visit on another day, time or place; its examinations go along.

    Raises:
        ConflictError: the visit is not booked.
        InvalidInputError: a day that is past, or one that counts for other examinations.
    """
    work.require(row.site_id, *BOOKERS)
    _must_be_booked(row)
    plan = planning.plan_of(work, row.plan_id)
    today = work.today(work.site(plan.site_id))
    if visit.day < today:
        raise InvalidInputError(f"{visit.day} is past (today is {today})")
    before = picture(row, TOLD)
    lines = store.lines(work.session, row.id)
    _fill(work, row, visit)
    plan.horizon = max(plan.horizon, visit.day)
    planning.replan(work, plan)
    for line in lines:
        _retarget(work, plan, line, visit.day)
    work.audit("visit.move", row, before=before, after=picture(row, TOLD), reason=reason)
    planning.replan(work, plan)
    return row


def _retarget(work: Work, plan: Plan, line: AppointmentItem, day: date) -> None:
    """After a move by a person the line belongs to the slot whose cell holds the new day."""
    if line.extra_id is not None:
        return
    rows = [row for row in plans.projected(work.session, plan.id).values() if row.item == line.item]
    slot = next((row for row in rows if row.month is not None and row.cell_start <= day < row.cell_end), None)
    if slot is not None:
        line.month, line.target = slot.month, slot.target


def accept(work: Work, row: Appointment, item: str, reason: str) -> None:
    """A person keeps a booking although the window moved: the conflict is settled."""
    work.require(row.site_id, *BOOKERS)
    plan = planning.plan_of(work, row.plan_id)
    line = found(next((x for x in store.lines(work.session, row.id) if x.item == item), None), "examination", item)
    before = picture(line, ("month", "target"))
    _retarget(work, plan, line, row.day)
    work.audit(
        "visit.accept",
        row,
        before=before,
        after=picture(line, ("month", "target")),
        reason=reason,
    )
    planning.replan(work, plan)


def cancel(work: Work, row: Appointment, reason: str, *, settle: bool = True) -> None:
    """Cancel a booked visit; its open examinations are unbooked at once.

    Raises:
        ConflictError: the visit is not booked.
        InvalidInputError: no reason.
    """
    work.require(row.site_id, *BOOKERS)
    _must_be_booked(row)
    if not reason.strip():
        raise InvalidInputError("a cancellation needs a reason")
    before = picture(row, TOLD)
    row.state = AppointmentState.CANCELLED
    row.edited_at = work.now
    store.touch(row, work.now, work.actor.user_id)
    for line in store.lines(work.session, row.id):
        if line.outcome is None:
            line.outcome, line.outcome_reason, line.outcome_at = Outcome.CANCELLED, reason, work.now
    work.session.flush()
    work.audit("visit.cancel", row, before=before, after=picture(row, TOLD), reason=reason)
    if settle:
        planning.replan(work, planning.plan_of(work, row.plan_id))


def _must_be_booked(row: Appointment) -> None:
    if row.state is not AppointmentState.BOOKED:
        raise ConflictError(f"the visit of {row.day} is {row.state}, not booked")


@dataclass(frozen=True, slots=True)
class OutcomeOf:
    """What became of one examination of a visit."""

    item: str
    outcome: Outcome
    reason: str = ""
    accession: str | None = None
    performed_on: date | None = None  # None: the day of the visit


def record(work: Work, row: Appointment, outcomes: Sequence[OutcomeOf]) -> list[Study]:
    """Record the outcome of each examination of a visit; those not named stay unknown.

    Performed examinations of one visit become one study for each modality's accession number or item.

    Raises:
        InvalidInputError: a visit in the future, an item the visit does not have, no reason for "not done".
        ConflictError: the visit is not booked, or an outcome is recorded already.
    """
    work.require(row.site_id, *BOOKERS)
    _must_be_booked(row)
    plan = planning.plan_of(work, row.plan_id)
    if row.day > work.today(work.site(row.site_id)):
        raise InvalidInputError(f"the visit is on {row.day}, which is still to come; cancel or move it instead")
    lines = {line.item: line for line in store.lines(work.session, row.id)}
    made = [_record_one(work, row, found(lines.get(o.item), "examination of this visit", o.item), o) for o in outcomes]
    _close(work, row, list(lines.values()))
    planning.replan(work, plan)
    return [study for study in made if study is not None]


def _record_one(work: Work, row: Appointment, line: AppointmentItem, outcome: OutcomeOf) -> Study | None:
    if line.outcome is not None:
        raise ConflictError(f"{line.item} of this visit is recorded as {line.outcome} already; retract that first")
    if outcome.outcome is Outcome.NOT_DONE and not outcome.reason.strip():
        raise InvalidInputError(f"say why {line.item} was not done")
    line.outcome, line.outcome_reason, line.outcome_at = outcome.outcome, outcome.reason, work.now
    work.session.flush()
    work.audit(
        f"visit.{outcome.outcome}",
        row,
        after={"item": line.item, "month": line.month, "outcome": outcome.outcome},
        reason=outcome.reason,
    )
    if outcome.outcome is not Outcome.PERFORMED:
        return None
    patient = found(work.session.get(Patient, row.patient_id), "patient", str(row.patient_id))
    new = NewStudy(
        items=[line.item],
        performed_on=outcome.performed_on or row.day,
        accession=outcome.accession,
        appointment_id=row.id,
        note=outcome.reason,
    )
    return add_study(work, patient, new, settle=False)


def _close(work: Work, row: Appointment, lines: Sequence[AppointmentItem]) -> None:
    """A visit is over once the outcome of every examination is known."""
    outcomes = {line.outcome for line in lines}
    if None in outcomes:
        return
    if Outcome.PERFORMED in outcomes:
        row.state = AppointmentState.FULFILLED
    elif outcomes == {Outcome.NOSHOW}:
        row.state = AppointmentState.NOSHOW
    else:
        row.state = AppointmentState.CANCELLED
    store.touch(row, work.now, work.actor.user_id)


def reopen(work: Work, row: Appointment, item: str, reason: str) -> None:
    """A recorded outcome was wrong: the examination is booked again, as if nothing had been recorded."""
    work.require(row.site_id, *BOOKERS)
    line = found(next((x for x in store.lines(work.session, row.id) if x.item == item), None), "examination", item)
    before = {"outcome": line.outcome}
    line.outcome, line.outcome_reason, line.outcome_at = None, "", None
    row.state = AppointmentState.BOOKED
    store.touch(row, work.now, work.actor.user_id)
    work.session.flush()
    work.audit("visit.reopen", row, before=before, after={"outcome": None, "item": item}, reason=reason)


def visit_named(work: Work, patient: Patient, prefix: str) -> Appointment:
    """A visit of the patient by the first digits of its id, or by its day."""
    rows = store.of_patient(work.session, patient.id, *AppointmentState)
    matches = [row for row in rows if row.id.hex.startswith(prefix.replace("-", "").lower())]
    matches = matches or [row for row in rows if row.day.isoformat() == prefix and row.state is AppointmentState.BOOKED]
    if len(matches) > 1:
        raise ConflictError(f"{prefix!r} names {len(matches)} visits; give more digits")
    return found(matches[0] if matches else None, f"visit of patient {patient.mrn}", prefix)


def by_id(work: Work, appointment_id: UUID) -> Appointment:
    return found(work.session.get(Appointment, appointment_id), "visit", str(appointment_id))
