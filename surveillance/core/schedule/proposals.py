"""Which stored proposal becomes which wanted trip, so that a proposed visit keeps its identity when it moves."""

from collections.abc import Iterable
from typing import NamedTuple

from surveillance.core.schedule.examinations import Key
from surveillance.core.schedule.trips import Trip


class Proposal(NamedTuple):
    """A stored proposed visit."""

    id: str
    trip: Trip


class ProposalChanges(NamedTuple):
    add: tuple[Trip, ...]
    change: tuple[Proposal, ...]  # the stored id with the wanted trip
    drop: tuple[str, ...]


def reconcile_proposals(wanted: Iterable[Trip], stored: Iterable[Proposal]) -> ProposalChanges:
    """Give each wanted trip the stored proposal that shares most of its examinations; twice changes nothing.

    A proposal is in people's calendars as a tentative day: it should move there, not vanish and come back.
    """
    free = {proposal.id: proposal for proposal in stored}
    add, change = [], []
    for trip in sorted(wanted, key=_order):
        best = max(free.values(), key=lambda p: (_shared(p.trip, trip), p.trip.day == trip.day, p.id), default=None)
        if best is None or not _shared(best.trip, trip):
            add.append(trip)
            continue
        del free[best.id]
        if best.trip != trip:
            change.append(Proposal(best.id, trip))
    return ProposalChanges(tuple(add), tuple(change), tuple(sorted(free)))


def _order(trip: Trip) -> tuple[object, ...]:
    """By day; months and extras of one item cannot be compared as they are, since one of the two is always None."""
    return trip.day, [_plain(key) for key in trip.examinations], trip.outside


def _plain(key: Key) -> tuple[str, int, str]:
    return key.item, key.month or 0, key.extra or ""


def _shared(one: Trip, other: Trip) -> int:
    return len(set(one.examinations) & set(other.examinations))
