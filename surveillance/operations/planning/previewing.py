"""What an enrolment would give: the schedule, the trips, what is due at once. Nothing is written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

from sqlmodel import col, select

from surveillance.catalogue import protocols as protocol_files
from surveillance.core.dates import add_months
from surveillance.core.drawings.plan_timeline import Done, PlanPicture, months_in_view, of_plan
from surveillance.core.drawings.timeline import Timeline
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.schedule.examinations import Examination, Finding, FindingKind, PlanFacts, derive
from surveillance.core.schedule.matching import Study as Evidence
from surveillance.core.schedule.status import status
from surveillance.core.schedule.trips import Trip
from surveillance.core.words import Role, Status
from surveillance.operations.planning import plan_record, replanning
from surveillance.operations.registry.working_days import site_calendar
from surveillance.operations.work import Work
from surveillance.store.tables import Approval, Membership, Patient, Site, User
from surveillance.store.visits import studies as study_store


@dataclass(frozen=True, slots=True)
class Scan:
    """A past study as it is entered: the items that it served, and its day."""

    items: frozenset[str]
    day: date


@dataclass(frozen=True, slots=True)
class Draft:
    """The terms of an enrolment that is being thought about; ``intervals`` as in ``enrolment.Enrolment``."""

    protocol: Protocol
    anchor: date
    intervals: Mapping[str, int | None] = field(default_factory=dict)
    scans: Sequence[Scan] = ()


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a draft comes to on ``today``. ``trips`` as they would be proposed, ``years`` how many in each year."""

    today: date
    draft: Draft
    rows: Sequence[Examination]
    findings: Sequence[Finding]
    trips: Sequence[Trip]
    years: Sequence[int]
    timeline: Timeline

    def title(self, item: str) -> str:
        return self.draft.protocol.item(item).title

    def now(self, *wanted: Status) -> list[Examination]:
        """The examinations that would stand so at once."""
        return [row for row in self.rows if status(row, self.today) in wanted]

    def found(self, kind: FindingKind) -> list[Finding]:
        return [finding for finding in self.findings if finding.kind is kind]

    def covered(self, trip: Trip) -> list[str]:
        """What would be done on a trip: ``MRI of the primary site, month 6``."""
        return [f"{self.title(key.item)}, month {key.month}" for key in trip.examinations]


def outlook(work: Work, site: Site, draft: Draft, patient: Patient | None = None) -> Outlook:
    """The plan as an enrolment today would make it, with what is on record for the patient already.

    Raises InvalidInputError for an interval that the protocol does not allow.
    """
    today = work.today(site)
    scans = [*(_on_record(work, patient) if patient else ()), *draft.scans]
    facts = PlanFacts(
        anchor=draft.anchor,
        enrolled_on=today,
        terms=(work.terms(draft.protocol.key, draft.intervals, None),),
        studies=tuple(Evidence(f"{number}", scan.items, scan.day) for number, scan in enumerate(scans)),
    )
    derived = derive(facts, replanning.horizon(today))
    is_working = site_calendar(work.session, site, today).is_working
    return Outlook(
        today=today,
        draft=draft,
        rows=derived.examinations,
        findings=derived.findings,
        trips=replanning.propose_trips(derived.examinations, replanning.follow_ups(draft.protocol), today, is_working),
        years=plan_record.years_of(work, site, draft.anchor, facts.terms),
        timeline=_drawn(draft, facts, scans, today),
    )


def _on_record(work: Work, patient: Patient) -> Iterable[Scan]:
    useful = (row for row in study_store.of_patient(work.session, patient.id) if row.repeat_by is None)
    for row in useful:
        yield Scan(frozenset(study_store.items(work.session, row.id)), row.performed_on)


def _drawn(draft: Draft, facts: PlanFacts, scans: Sequence[Scan], today: date) -> Timeline:
    months = months_in_view(draft.anchor, today, None)
    return of_plan(
        PlanPicture(
            title="The schedule",
            anchor=draft.anchor,
            months=months,
            today=today,
            titles={item.code: item.title for item in draft.protocol.items},
            rows=derive(facts, add_months(draft.anchor, months)).examinations,
            studies=[Done(f"{number}", scan.day, scan.items) for number, scan in enumerate(scans)],
            clock=draft.protocol.counts_from,
        )
    )


# -- what may be chosen ----------------------------------------------------------------------------------------


def approved(work: Work, site: Site) -> list[Protocol]:
    """The protocols on which a site may enrol, by title: of each the newest version that it approved."""
    statement = select(col(Approval.protocol_key)).where(
        Approval.site_id == site.id, col(Approval.retracted_at).is_(None)
    )
    standing = {key: work.protocol(key) for key in work.session.exec(statement)}
    by_id = groupby(sorted(standing), lambda key: key.split("@")[0])
    newest = (protocol_files.find(standing, name) for name, _ in by_id)
    return sorted(newest, key=lambda protocol: protocol.title)


def staff(work: Work, site: Site, *roles: Role) -> list[User]:
    """Who works at a site in one of these roles, by name; without accounts that are closed."""
    statement = (
        select(User)
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(Membership.site_id == site.id, col(Membership.role).in_(roles), col(User.disabled_at).is_(None))
    )
    return list(work.session.exec(statement.order_by(col(User.name))))
