"""Booking visits, moving and cancelling them, and recording what became of each examination (rule 11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from uuid import UUID

from surveillance.core.dates import to_utc
from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.schedule.examinations import FindingKind, Key, derive
from surveillance.core.words import AppointmentState, Outcome
from surveillance.operations.planning import gathered, preconditions, proposals, replanning
from surveillance.operations.planning.gathered import Gathered
from surveillance.operations.visits import bookable, outcomes, reschedule_requests
from surveillance.operations.visits.outcomes import BOOKERS, TOLD
from surveillance.operations.work import Work, found
from surveillance.store.audit.events import picture
from surveillance.store.tables import Appointment, Patient, Place, Plan
from surveillance.store.visits import appointments as store


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
        InvalidInputError: a day that is past or years ahead, a place of another site, nothing to examine that day,
            or one item twice.
        ConflictError: one of the examinations is booked already.
        NotFoundError: the patient has no active plan.
    """
    work.require(patient.site_id, *BOOKERS)
    patient = preconditions.lock(work, patient.id)
    plan = preconditions.current_plan(work, patient)
    _check_visit(work, plan, visit)
    now = gathered.gather(work, patient, plan)
    replanning.look_ahead(work, now, visit.day)
    keys = bookable.keys_for(now.stored.examinations, visit.examinations, visit.day)
    row = _proposal(now, keys) or proposals.blank(work, now, visit.day, visit.place.time_zone)
    _fill(work, row, visit)
    _cover(work, now, row, keys)
    after = picture(row) | {"examinations": [bookable.name(key) for key in keys]}
    work.audit("visit.book", row, after=after)
    replanning.replan(work, plan, now)
    return row


def _check_visit(work: Work, plan: Plan, visit: Visit) -> None:
    today = work.today(work.site(plan.site_id))
    if visit.day < today:
        raise InvalidInputError(f"{visit.day} is past (today is {today}); record what was done with 'record'")
    preconditions.check_near(visit.day, today, "a visit")
    if visit.place.site_id != plan.site_id:
        raise InvalidInputError(f"{work.site(plan.site_id).code} has no such place; it belongs to another site")
    if visit.minutes < 1:
        raise InvalidInputError(f"a visit takes at least a minute, not {visit.minutes}")


def _proposal(now: Gathered, keys: Sequence[Key]) -> Appointment | None:
    """The proposed visit that shares most with what is booked: it turns into the booked one."""
    rows = now.visits.of_plan(now.plan.id, AppointmentState.PROPOSED)
    shared = {row.id: len({store.key(line) for line in now.visits.lines(row.id)} & set(keys)) for row in rows}
    best = max(rows, key=lambda row: (shared[row.id], -row.day.toordinal()), default=None)
    return best if best is not None and shared[best.id] else None


def _fill(work: Work, row: Appointment, visit: Visit) -> None:
    row.state = AppointmentState.BOOKED
    if (row.day, row.at, row.place_id) != (visit.day, visit.at, visit.place.id):
        row.confirmed_at, row.confirmed_how = None, None  # nobody has said to come then, and there
    row.day, row.at, row.zone = visit.day, visit.at, visit.place.time_zone
    row.starts_at = to_utc(visit.day, visit.at, visit.place.time_zone)
    row.place_id, row.minutes, row.note = visit.place.id, visit.minutes, visit.note
    row.outside = False
    row.was_booked = True
    row.booked_at = row.booked_at or work.now
    row.edited_at = work.now
    store.touch(row, work.now, work.actor.user_id)


def _cover(work: Work, now: Gathered, row: Appointment, keys: Sequence[Key]) -> None:
    """Make the lines of the visit those of ``keys``; a line of the proposal that stays keeps its id."""
    targets, present = now.targets, {store.key(line): line for line in now.visits.lines(row.id)}
    for key, line in present.items():
        if key not in keys:
            now.visits.take(line)
            work.session.delete(line)
    work.session.flush()
    for key in keys:
        line = present.get(key) or proposals.line_for(row, key, targets)
        line.target = targets.get(key, row.day)
        if key not in present:
            work.session.add(line)
            now.visits.put(line)
    work.session.flush()


def move(work: Work, row: Appointment, visit: Visit, reason: str = "") -> Appointment:
    """Put a booked visit on another day, time or place; its examinations go along.

    On another day each examination belongs to the slot whose cell holds that day.

    Raises:
        ConflictError: the visit is not booked or partly done, or the day counts for what is booked already.
        InvalidInputError: a day that is past or years ahead, a place of another site, or a day on which one of the
            examinations is not needed.
    """
    work.require(row.site_id, *BOOKERS)
    now = _gather(work, row)
    _check_visit(work, now.plan, visit)
    lines = now.visits.lines(row.id)
    if any(line.outcome not in (None, Outcome.CANCELLED) for line in lines):
        raise ConflictError(f"part of the visit of {row.day} is recorded; record the rest, then book a new visit")
    before = picture(row, TOLD) | outcomes.examinations(lines)
    if visit.day != row.day:
        replanning.look_ahead(work, now, visit.day)
        for line in lines:
            if line.outcome is None:
                bookable.retarget(now.stored.examinations, line, visit.day)
    _fill(work, row, visit)
    work.session.flush()
    work.audit("visit.move", row, before=before, after=picture(row, TOLD) | outcomes.examinations(lines), reason=reason)
    reschedule_requests.close_of(work, row.id, f"the visit was moved to {visit.day.isoformat()}")
    replanning.replan(work, now.plan, now)
    return row


def _gather(work: Work, row: Appointment) -> Gathered:
    """The plan of a visit, both read again under the patient's lock. Raises ConflictError unless both stand."""
    now = gathered.locked(work, row.patient_id, row.plan_id)
    preconditions.check_active(now.plan)
    outcomes.must_be_booked(row)
    return now


def accept(work: Work, row: Appointment, item: str, reason: str) -> None:
    """A person keeps a booking although the window moved: the conflict is settled.

    Raises:
        InvalidInputError: no reason, or the examination is not needed any more.
        ConflictError: the visit is not booked, or the conflict is no window that moved away from it.
    """
    work.require(row.site_id, *BOOKERS)
    if not reason.strip():
        raise InvalidInputError("keeping a visit outside its window needs a reason")
    now = _gather(work, row)
    line = outcomes.line_of(now.visits.lines(row.id), item)
    odd = derive(now.facts(work), now.plan.horizon).findings
    kinds = {finding.kind for finding in odd if finding.subject == str(row.id) and finding.item == item}
    if beyond_mending := kinds - {FindingKind.BOOKED_OUTSIDE_WINDOW}:
        what = ", ".join(sorted(beyond_mending)).replace("_", " ")
        raise ConflictError(f"{item} on {row.day} cannot be kept ({what}); move or cancel it")
    before = picture(line, ("item", "month", "target"))
    bookable.retarget(now.stored.examinations, line, row.day)
    after = picture(line, ("item", "month", "target"))
    work.audit("visit.accept", row, before=before | {"item": None}, after=after, reason=reason)
    replanning.replan(work, now.plan, now)


def cancel(work: Work, row: Appointment, reason: str, *, items: Sequence[str] | None = None) -> None:
    """Cancel a booked visit, or only some ``items`` of it; what was to be examined is unbooked at once.

    Raises:
        ConflictError: the visit is not booked.
        InvalidInputError: no reason, or the visit has no such item.
    """
    work.require(row.site_id, *BOOKERS)
    now = gathered.locked(work, row.patient_id, row.plan_id)
    outcomes.must_be_booked(row)
    if not reason.strip():
        raise InvalidInputError("a cancellation needs a reason")
    outcomes.call_off(work, row, now.visits.lines(row.id), reason, items)
    replanning.replan(work, now.plan, now)


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
