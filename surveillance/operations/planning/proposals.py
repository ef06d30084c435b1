"""Proposed visits: one tentative day for each trip, which keeps its identity while the plan moves."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from surveillance.core.schedule.examinations import Key
from surveillance.core.schedule.proposals import Proposal, ProposalChanges, reconcile_proposals
from surveillance.core.schedule.trips import Trip
from surveillance.core.words import AppointmentState
from surveillance.operations.planning.gathered import Gathered
from surveillance.operations.work import Work
from surveillance.store.bulk import write_whole
from surveillance.store.tables import Appointment, AppointmentItem
from surveillance.store.visits import appointments as store

Targets = Mapping[Key, date]


def write(work: Work, now: Gathered, wanted: Sequence[Trip], targets: Targets) -> None:
    """Make the proposed visits of a plan equal to the wanted trips; ``targets`` are those of the examinations.

    All that goes is written before all that comes, so that a proposal and its lines are two statements for any number.
    """
    rows = {row.id: row for row in now.visits.of_plan(now.plan.id, AppointmentState.PROPOSED)}
    for line in (line for row in rows.values() for line in now.visits.lines(row.id)):
        line.target = targets.get(store.key(line), line.target)
    changes = reconcile_proposals(wanted, [_as_proposed(now, row) for row in rows.values()])
    _clear(work, now, rows, changes)
    lines = [line_for(row, key, targets) for row, keys in _placed(work, now, rows, changes) for key in keys]
    work.session.flush()
    work.session.add_all(lines)
    work.session.flush()
    for line in lines:
        now.visits.put(line)


def _as_proposed(now: Gathered, row: Appointment) -> Proposal:
    keys = tuple(store.key(line) for line in now.visits.lines(row.id))
    return Proposal(str(row.id), Trip(row.day, keys, row.outside))


def _clear(work: Work, now: Gathered, rows: Mapping[UUID, Appointment], changes: ProposalChanges) -> None:
    """A proposal that nobody booked leaves no trace: the feeds simply stop showing it."""
    kept = {UUID(change.id): set(change.trip.examinations) for change in changes.change}
    gone = [UUID(proposal) for proposal in changes.drop]
    for visit_id in (*kept, *gone):
        for line in now.visits.lines(visit_id):
            if store.key(line) not in kept.get(visit_id, ()):
                now.visits.take(line)
                work.session.delete(line)
    work.session.flush()
    for visit_id in gone:
        now.visits.drop(rows[visit_id])
        work.session.delete(rows[visit_id])


def _placed(
    work: Work, now: Gathered, rows: Mapping[UUID, Appointment], changes: ProposalChanges
) -> list[tuple[Appointment, list[Key]]]:
    """The proposals that change, and the new ones, each with the examinations that it does not have yet."""
    placed = []
    for proposal in changes.change:
        row, trip = rows[UUID(proposal.id)], proposal.trip
        write_whole(row, ("day", "outside", "sequence", "changed_at", "changed_by"))
        row.day, row.outside = trip.day, trip.outside
        store.touch(row, work.now, work.actor.user_id)
        present = {store.key(line) for line in now.visits.lines(row.id)}
        placed.append((row, [key for key in trip.examinations if key not in present]))
    for trip in changes.add:
        row = blank(work, now, trip.day, work.site(now.plan.site_id).time_zone)
        row.outside = trip.outside
        placed.append((row, list(trip.examinations)))
    return placed


def blank(work: Work, now: Gathered, day: date, zone: str) -> Appointment:
    """A new proposed visit of the plan; it is not flushed."""
    row = Appointment(
        site_id=now.plan.site_id,
        patient_id=now.plan.patient_id,
        plan_id=now.plan.id,
        state=AppointmentState.PROPOSED,
        day=day,
        zone=zone,
        changed_at=work.now,
        changed_by=work.actor.user_id,
    )
    work.session.add(row)
    now.visits.add(row)
    return row


def line_for(row: Appointment, key: Key, targets: Targets) -> AppointmentItem:
    """A visit's line for an examination, with the target it has now: later moves show as a conflict."""
    return AppointmentItem(
        site_id=row.site_id,
        appointment_id=row.id,
        item=key.item,
        month=key.month,
        extra_id=UUID(key.extra) if key.extra else None,
        target=targets.get(key, row.day),
    )
