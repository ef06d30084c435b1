"""Which disease of a patient a study was made for, and whose protocols say what it is evidence of."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from surveillance.core.errors import InvalidInputError, NotFoundError
from surveillance.core.protocols.fit import PRIMARY
from surveillance.core.protocols.protocol import Protocol
from surveillance.operations.planning import conditions
from surveillance.operations.work import Work
from surveillance.store.planning import plans
from surveillance.store.tables import Patient, Plan


@dataclass(frozen=True, slots=True)
class Courses:
    """The plans of a patient, the newest first, each with its protocol versions, the newest first."""

    work: Work
    patient: Patient
    plans: Sequence[tuple[Plan, Sequence[Protocol]]]

    def of(self, condition_id: UUID | None) -> list[Protocol]:
        """Every protocol version of the patient, those of a disease first."""
        ordered = sorted(self.plans, key=lambda each: each[0].condition_id != condition_id)
        return [protocol for _, protocols in ordered for protocol in protocols]

    def meant(self, items: Sequence[str], wanted: UUID | None) -> UUID | None:
        """The disease that a study of these items was made for: the one that is named, or the only one it can be.

        Raises:
            InvalidInputError: it shows the primary site, and several diseases are followed.
            NotFoundError: the disease that is named has no plan.
        """
        every = list(dict.fromkeys(plan.condition_id for plan, _ in reversed(self.plans)))
        if wanted is not None and wanted not in every:
            raise NotFoundError(f"patient {self.patient.mrn} has no plan for such a condition")
        if wanted is not None or not every:
            return wanted
        active = [plan.condition_id for plan, _ in reversed(self.plans) if plan.ended_on is None] or every
        own = [one for one in active if self._has(one, items)] or active
        doubtful = [one for one in own if self._of_primary(one, items)]
        if len(doubtful) > 1:
            rows = conditions.listed(conditions.by_id(self.work, self.patient, one) for one in doubtful)
            raise InvalidInputError(f"say for which condition the primary site was examined: {rows}")
        return (doubtful or own)[0]

    def _has(self, condition_id: UUID, items: Sequence[str]) -> bool:
        return set(items) <= {item.code for protocol in self._own(condition_id) for item in protocol.items}

    def _of_primary(self, condition_id: UUID, items: Sequence[str]) -> bool:
        every = (item for protocol in self._own(condition_id) for item in protocol.items)
        return any(item.code in items and item.body_region == PRIMARY for item in every)

    def _own(self, condition_id: UUID) -> list[Protocol]:
        return [protocol for plan, own in self.plans if plan.condition_id == condition_id for protocol in own]


def of_patient(work: Work, patient: Patient) -> Courses:
    """As they stand in the database, in two queries for all plans."""
    every = plans.all_plans(work.session, patient.id)
    told = plans.recorded_terms(work.session, every)
    return Courses(
        work,
        patient,
        [
            (plan, [work.protocol(row.protocol_key) for row in reversed(plans.in_force(told[plan.id]))])
            for plan in every
        ],
    )
