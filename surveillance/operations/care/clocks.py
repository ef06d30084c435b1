"""What the days of a plan count from: a date keeps its meaning, whatever protocol a patient goes on by."""

from surveillance.core.errors import ConflictError
from surveillance.core.protocols.protocol import Protocol
from surveillance.operations.work import Work
from surveillance.store.planning import plans as store
from surveillance.store.tables import Plan


def of_plan(work: Work, plan: Plan) -> Protocol:
    """The protocol version that the plan's last terms name."""
    return work.protocol(store.terms_in_force(work.session, plan.id)[-1].protocol_key)


def check_same(work: Work, plan: Plan, protocol: Protocol) -> None:
    """Raises ConflictError where a protocol counts from something else: the plan's anchor would be another day's."""
    before = of_plan(work, plan)
    if protocol.clock is not before.clock:
        raise ConflictError(
            f"the days of {protocol.key} count from the {protocol.counts_from}, those of this plan from the"
            f" {before.counts_from} ({plan.anchor}); restart the plan on {protocol.id} from the right day instead"
        )
