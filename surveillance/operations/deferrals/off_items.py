"""Items that are off although their protocol repeats them: each a deferral, and never all of them (rule 11)."""

from collections.abc import Mapping
from datetime import date

from surveillance.core.errors import InvalidInputError
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.words import DeferralKind
from surveillance.operations.deferrals import granting
from surveillance.operations.deferrals.granting import NewDeferral
from surveillance.operations.work import Work
from surveillance.store.tables import Deferral, Plan

OFF = DeferralKind.OFF


def off_items(work: Work, protocol: Protocol, intervals: Mapping[str, int | None]) -> list[str]:
    """What the protocol repeats by itself and these intervals switch off.

    Raises:
        InvalidInputError: an interval that the protocol does not allow, or nothing is repeated any more: then
            follow-up is ended or held, each with a signature and a day, and not switched off.
    """
    repeated = work.terms(protocol.key, intervals, None).rhythms
    if not repeated:
        raise InvalidInputError("every item is off; a plan repeats at least one (put it on hold, or end it)")
    return [item.code for item in protocol.scheduled if item.enabled and item.code not in repeated]


def follow(work: Work, plan: Plan, key: str, intervals: Mapping[str, int | None], new: "Off") -> None:
    """Make the deferrals of a plan those of its terms: granted where an item goes off, settled where it is on again.

    An item that stays off keeps the day on which it is looked at. Raises as ``granting.grant`` and ``off_items``.
    """
    protocol = work.protocol(key)
    off = off_items(work, protocol, intervals)
    standing = {row.item: row for row in granting.standing(work, OFF, str(plan.id))}
    for item in standing.keys() - set(off):
        granting.settle(work, OFF, str(plan.id), "the item is repeated again", item=item)
    for item in off:
        if item not in standing:
            granting.grant(work, plan.patient_id, plan.site_id, _deferral(work, plan, item, new))


class Off:
    """Until when items that go off are off, and why; without a day as long as whoever acts may."""

    def __init__(self, since: date | None = None, until: date | None = None, reason: str = "") -> None:
        self.since, self.until, self.reason = since, until, reason.strip()


def _deferral(work: Work, plan: Plan, item: str, new: Off) -> NewDeferral:
    today = work.today(work.site(plan.site_id))
    counted_from = max(today, new.since or today)
    until = new.until or granting.farthest(work, plan.site_id, OFF, counted_from)
    reason = new.reason or f"{item} was switched off when the plan began"
    return NewDeferral(OFF, str(plan.id), until, reason, item, plan.id, counted_from)


def of_plan(work: Work, plan: Plan) -> list[Deferral]:
    """The items of a plan that are off at the moment, with the day of their review."""
    return granting.standing(work, OFF, str(plan.id))
