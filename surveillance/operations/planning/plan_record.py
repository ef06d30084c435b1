"""One plan with everything that belongs to it: terms, examinations, holds, decisions, and its timeline."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise
from uuid import UUID

from sqlmodel import col, select

from surveillance.core import plain
from surveillance.core.dates import add_months
from surveillance.core.drawings.plan_timeline import Done, Pause, PlanPicture, months_in_view, of_plan
from surveillance.core.drawings.timeline import Timeline, Turn
from surveillance.core.protocols import interval_words
from surveillance.core.schedule.examinations import Examination, Finding, Key, PlanFacts, derive
from surveillance.core.schedule.slots import Terms
from surveillance.core.schedule.status import Reading, current, status
from surveillance.core.schedule.trips import trips_a_year
from surveillance.core.words import EndReason, Status
from surveillance.operations.planning import replanning
from surveillance.operations.planning.differences import findings
from surveillance.operations.registry.working_days import site_calendar
from surveillance.operations.work import Work
from surveillance.store.planning import plans
from surveillance.store.tables import ExtraExamination, Override, Plan, PlanHold, PlanTerms, Site, Study
from surveillance.store.visits import studies as study_store

YEARS_SHOWN = 7  # the first yearly interval of every shipped protocol lies within


@dataclass(frozen=True, slots=True)
class Evidence:
    """A study with the items that it serves."""

    row: Study
    items: tuple[str, ...]

    @property
    def reading(self) -> Reading:
        return study_store.reading(self.row)


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan as it stands on ``today``. ``rows`` are its examinations by target, ``ids`` those of their stored rows."""

    plan: Plan
    today: date
    facts: PlanFacts
    terms: Sequence[PlanTerms]
    titles: Mapping[str, str]
    rows: Sequence[Examination]
    ids: Mapping[Key, UUID]
    holds: Sequence[PlanHold]
    decisions: Sequence[Override]
    extras: Sequence[ExtraExamination]
    findings: Sequence[Finding]
    studies: Mapping[str, Evidence]
    clock: str  # what its days count from, in words
    advice: Sequence[str] = ()  # what the patient is to be told to do

    @property
    def active(self) -> bool:
        return self.plan.ended_on is None

    @property
    def standing_holds(self) -> list[PlanHold]:
        return [hold for hold in self.holds if hold.resumed_on is None]

    @property
    def held_items(self) -> set[str | None]:
        return {hold.item for hold in self.standing_holds}

    def title(self, item: str) -> str:
        return self.titles.get(item, plain.item(item))

    def name(self, key: Key | Examination) -> str:
        """An examination as people call it: ``MRI of the primary site, month 6``."""
        return f"{self.title(key.item)}, {'extra' if key.month is None else f'month {key.month}'}"

    def status(self, row: Examination) -> Status:
        study = self.studies.get(row.study or "")
        return status(row, self.today, study.reading if study else None)

    def current(self, item: str) -> Examination | None:
        """The examination of an item whose time it is, or the next one."""
        return current((row for row in self.rows if row.item == item), self.today)

    def last_done(self, item: str) -> date | None:
        """When an item was examined last to any use, for this plan or beside it."""
        useful = (study for study in self.studies.values() if study.row.repeat_by is None)
        own = (study.row.performed_on for study in useful if item in study.items)
        return max((day for day in own if day >= self.plan.anchor), default=None)


def gather(work: Work, plan: Plan, studies: Mapping[str, Evidence]) -> PlanRecord:
    """One plan; ``studies`` are all of its patient, by id."""
    session = work.session
    stored = plans.projected(session, plan.id)
    terms = plans.terms_in_force(session, plan.id)
    protocol = work.protocol(terms[-1].protocol_key)
    rows = sorted(map(plans.examination, stored.values()), key=lambda row: (row.target, row.item))
    return PlanRecord(
        plan=plan,
        today=work.today(work.site(plan.site_id)),
        facts=replanning.facts_of(work, plan),
        terms=terms,
        titles=titles(work, terms),
        rows=rows,
        ids={key: row.id for key, row in stored.items()},
        holds=holds(work, plan),
        decisions=plans.overrides(session, plan.id),
        extras=extras(work, plan),
        findings=findings(work, plan),
        studies=studies,
        clock=protocol.counts_from,
        advice=interval_words.advised(protocol, terms[-1].intervals),
    )


def titles(work: Work, terms: Iterable[PlanTerms]) -> dict[str, str]:
    """What the protocol versions of a plan call their items; the last version has the last word."""
    return {item.code: item.title for row in terms for item in work.protocol(row.protocol_key).items}


def titles_of_patient(work: Work, patient_id: UUID) -> dict[str, str]:
    """What all plans of a patient call their items."""
    every = reversed(plans.all_plans(work.session, patient_id))
    return {
        code: title
        for plan in every
        for code, title in titles(work, plans.terms_in_force(work.session, plan.id)).items()
    }


def holds(work: Work, plan: Plan) -> list[PlanHold]:
    """The holds of a plan that are not retracted, oldest first."""
    statement = select(PlanHold).where(PlanHold.plan_id == plan.id, col(PlanHold.retracted_at).is_(None))
    return list(work.session.exec(statement.order_by(col(PlanHold.start))))


def extras(work: Work, plan: Plan) -> list[ExtraExamination]:
    """The extra examinations that were asked for and are not retracted."""
    statement = select(ExtraExamination).where(ExtraExamination.plan_id == plan.id)
    return list(work.session.exec(statement.where(col(ExtraExamination.retracted_at).is_(None))))


# -- how often the patient travels -----------------------------------------------------------------------------


def years(work: Work, plan: Plan, facts: PlanFacts | None = None) -> list[int]:
    """How often the patient travels in each year after the anchor, by the plan's terms and the site's calendar."""
    known = facts or replanning.facts_of(work, plan)
    return years_of(work, work.site(plan.site_id), plan.anchor, known.terms)


def years_of(work: Work, site: Site, anchor: date, terms: tuple[Terms, ...]) -> list[int]:
    """As ``years``, for terms that need not be anybody's yet."""
    rows = derive(PlanFacts(anchor, anchor, terms), add_months(anchor, 12 * YEARS_SHOWN)).examinations
    is_working = site_calendar(work.session, site, work.today(site)).is_working
    return [trips_a_year(rows, anchor, year, is_working) for year in range(1, YEARS_SHOWN + 1)]


def spelled_years(counts: Sequence[int]) -> str:
    """``4 in years 1–3, 2 in years 4–5, 1 from year 6 on``."""
    parts, year = [], 1
    for count, group in groupby(counts):
        last = year + len(list(group)) - 1
        span = f"years {year}–{last}" if last > year else f"year {year}"
        parts.append(f"{count} from year {year} on" if last == len(counts) else f"{count} in {span}")
        year = last + 1
    return ", ".join(parts)


# -- the plan as a drawing -------------------------------------------------------------------------------------


def timeline(record: PlanRecord, visits: Mapping[str, str]) -> Timeline:
    """The plan from its anchor on; what lies beyond the stored rows is derived. ``visits``: id → when, in words."""
    plan = record.plan
    months = months_in_view(plan.anchor, record.today, plan.ended_on)
    rows = derive(record.facts, max(plan.horizon, add_months(plan.anchor, months))).examinations
    end = add_months(plan.anchor, months)
    return of_plan(
        PlanPicture(
            title=f"Plan {plan.number}",
            anchor=plan.anchor,
            months=months,
            today=record.today,
            titles=record.titles,
            rows=[row for row in rows if row.target <= end],
            studies=[_done(study) for study in record.studies.values()],
            pauses=[Pause(row.item, row.start, row.resumed_on, plain.HOLD[row.reason]) for row in record.holds],
            turns=tuple(_turns(record)),
            ended_on=plan.ended_on,
            visits=visits,
            clock=record.clock,
        )
    )


def _done(study: Evidence) -> Done:
    row = study.row
    label = f"accession {row.accession}" if row.accession else ""
    return Done(str(row.id), row.performed_on, frozenset(study.items), study.reading, label)


def _turns(record: PlanRecord) -> Iterable[Turn]:
    for before, after in pairwise(record.terms):
        if after.since is not None:
            yield Turn(after.since, _change(before, after))
    plan = record.plan
    if plan.ended_on is not None and plan.end_reason is not None:
        restarted = plan.end_reason is EndReason.RESTARTED
        yield Turn(plan.ended_on, "restarted" if restarted else f"ended: {plain.END[plan.end_reason]}")


def _change(before: PlanTerms, after: PlanTerms) -> str:
    if before.protocol_key != after.protocol_key:
        return f"now by {after.protocol_key}"
    fresh = {key: months for key, months in after.intervals.items() if before.intervals.get(key) != months}
    same = set(fresh.values()) if not any("." in key for key in fresh) else set()
    return f"now {plain.every(same.pop())}" if len(same) == 1 else "other intervals"
