"""Proposed visits: one tentative day for each trip, which keeps its identity while the plan moves."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from surveillance.core.schedule.examinations import Key
from surveillance.core.schedule.proposals import Proposal, reconcile_proposals
from surveillance.core.schedule.trips import Trip
from surveillance.core.words import AppointmentState
from surveillance.operations.work import Work
from surveillance.store.tables import Appointment, AppointmentItem, Plan
from surveillance.store.visits import appointments as store

Targets = Mapping[Key, date]


def write(work: Work, plan: Plan, wanted: Sequence[Trip], targets: Targets) -> None:
    """Make the proposed visits of a plan equal to the wanted trips; ``targets`` are those of the examinations."""
    rows = {row.id: row for row in store.of_plan(work.session, plan.id, AppointmentState.PROPOSED)}
    lines = store.lines_of(work.session, rows)
    for line in (line for own in lines.values() for line in own):
        line.target = targets.get(store.key(line), line.target)
    stored = [
        Proposal(str(row.id), Trip(row.day, tuple(map(store.key, lines.get(row.id, []))), row.outside))
        for row in rows.values()
    ]
    changes = reconcile_proposals(wanted, stored)
    for gone in changes.drop:
        _drop(work, rows[UUID(gone)], lines.get(UUID(gone), []))
    for proposal in changes.change:
        row = rows[UUID(proposal.id)]
        _change(work, row, lines.get(row.id, []), proposal.trip, targets)
    for trip in changes.add:
        _add(work, plan, trip, targets)
    work.session.flush()


def _drop(work: Work, row: Appointment, lines: list[AppointmentItem]) -> None:
    """A proposal that nobody booked leaves no trace: the feeds simply stop showing it."""
    for line in lines:
        work.session.delete(line)
    work.session.flush()
    work.session.delete(row)


def _change(work: Work, row: Appointment, lines: list[AppointmentItem], trip: Trip, targets: Targets) -> None:
    row.day, row.outside = trip.day, trip.outside
    store.touch(row, work.now, work.actor.user_id)
    present = {store.key(line): line for line in lines}
    for key, line in present.items():
        if key not in trip.examinations:
            work.session.delete(line)
    work.session.flush()
    for key in trip.examinations:
        if key not in present:
            work.session.add(line_for(row, key, targets))


def _add(work: Work, plan: Plan, trip: Trip, targets: Targets) -> None:
    row = Appointment(
        site_id=plan.site_id,
        patient_id=plan.patient_id,
        plan_id=plan.id,
        state=AppointmentState.PROPOSED,
        day=trip.day,
        zone=work.site(plan.site_id).time_zone,
        outside=trip.outside,
        changed_at=work.now,
        changed_by=work.actor.user_id,
    )
    work.session.add(row)
    work.session.flush()
    work.session.add_all(line_for(row, key, targets) for key in trip.examinations)


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
