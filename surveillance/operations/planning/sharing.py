"""What of a patient's other diseases counts for a plan: their studies, and the visits that are booked for them."""

from collections.abc import Iterator
from functools import cached_property
from uuid import UUID

from surveillance.core.protocols import sharing
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.protocols.sharing import Made, Primary
from surveillance.core.schedule.examinations import Booking
from surveillance.operations.work import Work
from surveillance.store.planning import conditions
from surveillance.store.planning import plans as store
from surveillance.store.planning.plans import Examined, Recorded
from surveillance.store.tables import OverrideKind, Plan
from surveillance.store.visits.appointments import Visits


class Sharing:
    """Looks at other diseases only where there is something of theirs: most patients have one."""

    def __init__(self, work: Work, told: Recorded) -> None:
        self.work, self.plan = work, told.plan
        self.terms = told.terms
        self.ruled = {(word.study_id, word.item) for word in told.words if word.kind is OverrideKind.FITS}

    def items(self, study: Examined) -> frozenset[str]:
        """The items of the plan that a study is evidence of."""
        if study.condition_id in (None, self.plan.condition_id):
            return study.items
        made = Made(study.modality, study.body_region, self._primaries.get(study.condition_id))
        return frozenset(item for item in study.items if (study.id, item) in self.ruled or self._counts(item, made))

    def bookings(self, visits: Visits) -> Iterator[Booking]:
        """What is booked for another disease, and would be evidence for this one."""
        for row, line in visits.booked_beside(self.plan.id):
            other = self.work.session.get_one(Plan, row.plan_id)
            if self._counts(line.item, Made("", "", self._primaries.get(other.condition_id))):
                yield Booking(str(row.id), line.item, row.day, None, line.target, shared=True)

    def _counts(self, item: str, made: Made) -> bool:
        return sharing.counts(item, self._protocols, made, self._primaries.get(self.plan.condition_id))

    @cached_property
    def _protocols(self) -> list[Protocol]:
        """The versions that the plan follows or followed, the newest first."""
        return [self.work.protocol(row.protocol_key) for row in reversed(store.in_force(self.terms))]

    @cached_property
    def _primaries(self) -> dict[UUID | None, Primary]:
        every = conditions.of_patient(self.work.session, self.plan.patient_id, taken_back=True)
        return {row.id: Primary(row.body_site, row.side) for row in every}
