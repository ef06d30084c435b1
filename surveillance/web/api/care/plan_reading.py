"""A plan as the API shows it: its rows with where each stands today, and everything that was decided about it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.schedule.departures import of_terms
from surveillance.core.schedule.examinations import Examination, Finding
from surveillance.core.schedule.gaps import Gap
from surveillance.core.schedule.reconcile import Changes
from surveillance.core.schedule.status import late, status
from surveillance.operations.planning import imaging_gaps, replanning
from surveillance.store.planning import plans as store
from surveillance.store.tables import ExtraExamination, FindingRow, Plan, PlanHold
from surveillance.store.visits import studies
from surveillance.web.api.call import Call
from surveillance.web.api.models.common import Model
from surveillance.web.api.models.plans import (
    DecisionPublic,
    DifferencePublic,
    ExaminationChange,
    ExaminationPublic,
    ExtraPublic,
    FindingPublic,
    GapChange,
    GapPublic,
    HoldPublic,
    PlanDetail,
    PlanPublic,
    TermsPublic,
)
from surveillance.web.api.models.protocols import DeparturePublic

M = TypeVar("M", bound=Model)
_AS_STORED = frozenset(ExaminationPublic.model_fields) & frozenset(Examination._fields)


def plan_public(plan: Plan) -> PlanPublic:
    return PlanPublic.model_validate(plan)


def plan_detail(call: Call, plan: Plan) -> PlanDetail:
    session = call.session
    rows = [store.examination(row) for row in store.projected(session, plan.id).values()]
    statement = select(FindingRow).where(FindingRow.plan_id == plan.id)
    findings = session.exec(statement.order_by(col(FindingRow.since), col(FindingRow.id)))
    terms = store.terms_in_force(session, plan.id)
    last = terms[-1]
    departs = of_terms(call.work.protocol(last.protocol_key), plan.anchor, last.intervals, last.since)
    return PlanDetail(
        **plan_public(plan).model_dump(),
        terms=_each(TermsPublic, terms),
        examinations=_Reader(call, plan).read(rows),
        holds=_each(HoldPublic, _standing(call, PlanHold, plan, PlanHold.start)),
        decisions=_each(DecisionPublic, store.overrides(session, plan.id)),
        extras=_each(ExtraPublic, _standing(call, ExtraExamination, plan, ExtraExamination.target)),
        findings=_each(FindingPublic, findings),
        departures=[DeparturePublic(**each._asdict()) for each in departs],
    )


def difference(call: Call, plan: Plan, change: Callable[[], Changes]) -> DifferencePublic:
    """Make a change of the plan, and say what it did to its examinations and to the longest time without imaging."""
    before = replanning.facts_of(call.work, plan)
    changes = change()
    gaps = imaging_gaps.compare(call.work, plan, before, replanning.facts_of(call.work, plan))
    reader = _Reader(call, plan)
    moved = [
        ExaminationChange(before=reader.public(change.before), after=reader.public(change.after))
        for change in changes.move
    ]
    return DifferencePublic(
        added=reader.read(changes.add),
        changed=sorted(moved, key=lambda each: (each.after.target, each.after.item)),
        withdrawn=reader.read(changes.cancel),
        findings=_each(FindingPublic, map(_finding, changes.conflicts)),
        longest_gaps=[GapChange(item=line.item, before=_gap(line.before), after=_gap(line.after)) for line in gaps],
    )


def _gap(gap: Gap | None) -> GapPublic | None:
    return GapPublic.model_validate(imaging_gaps.data(gap)) if gap else None


def _finding(finding: Finding) -> dict[str, Any]:
    return finding._asdict()


def _each(model: type[M], rows: Iterable[Any]) -> list[M]:
    return [model.model_validate(row) for row in rows]


def _standing(call: Call, table: Any, plan: Plan, by: Any) -> Sequence[Any]:
    statement = select(table).where(table.plan_id == plan.id, col(table.retracted_at).is_(None))
    return list(call.session.exec(statement.order_by(by, table.id)))


class _Reader:
    """Examinations as they stand today, with the studies that fulfil them fetched once."""

    def __init__(self, call: Call, plan: Plan) -> None:
        self.today: date = call.today(plan)
        own = studies.of_patient(call.session, plan.patient_id)
        self.readings = {str(row.id): studies.reading(row) for row in own}

    def read(self, rows: Iterable[Examination]) -> list[ExaminationPublic]:
        return [self.public(row) for row in sorted(rows, key=lambda row: (row.target, row.item))]

    def public(self, row: Examination) -> ExaminationPublic:
        values = {name: getattr(row, name) for name in _AS_STORED}
        return ExaminationPublic(
            **values,
            extra_id=_id(row.extra),
            study_id=_id(row.study),
            visit_id=_id(row.booking),
            status=status(row, self.today, self.readings.get(row.study or "")),
            late=late(row, self.today),
        )


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
