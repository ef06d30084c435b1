"""Moving enrolled patients from one version of a protocol to another: looked at, then applied, plan by plan.

A site has hundreds of plans, so both go page by page in the order of the MRN. A plan that is on the new version
already is on no page any more: whoever is interrupted goes on where it stopped, and doing it twice changes nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.errors import ConflictError, InvalidInputError, SurveillanceError
from surveillance.core.protocols.protocol import Item, Protocol
from surveillance.core.schedule.examinations import Examination, Finding
from surveillance.core.schedule.reconcile import Changes
from surveillance.core.words import Role
from surveillance.operations.care import baselines, enrolment
from surveillance.operations.care.baselines import Baselines
from surveillance.operations.care.enrolment import NewTerms
from surveillance.operations.planning import imaging_gaps, preconditions, replanning
from surveillance.operations.planning.imaging_gaps import GapLine
from surveillance.operations.work import Work
from surveillance.store.planning import followed
from surveillance.store.planning import plans as store
from surveillance.store.tables import FindingRow, Patient, Plan, PlanTerms, Site

PAGE = 25  # plans that are looked at, or moved, in one go: well under two seconds


@dataclass(frozen=True, slots=True)
class Migration:
    """From one approved version to another of the same protocol at a site, from a day on."""

    site: Site
    old: Protocol
    new: Protocol
    since: date
    baselines: Baselines = field(default_factory=Baselines)  # chosen once for all plans to which an item is added

    @property
    def added(self) -> list[Item]:
        """The imaging items that the new version repeats by itself and the old one did not."""
        before = {item.code for item in self.old.items if item.enabled}
        return [item for item in self.new.items if item.enabled and item.modalities and item.code not in before]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a migration would change in one plan. ``refused`` is why it cannot be moved, or empty.

    ``gap``: the longest time without imaging, before and after; ``baselines``: the items that ask for one.
    """

    plan: Plan
    patient: Patient
    added: Sequence[Examination] = ()
    moved: Sequence[Examination] = ()
    cancelled: Sequence[Examination] = ()
    conflicts: Sequence[Finding] = ()
    refused: str = ""
    gap: GapLine | None = None
    baselines: Collection[str] = ()

    @property
    def unchanged(self) -> bool:
        return not (self.refused or self.added or self.moved or self.cancelled or self.conflicts)


@dataclass(frozen=True, slots=True)
class Refusal:
    patient: Patient
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What one go has done. ``last`` is the MRN after which the next go begins; None: there is nothing more."""

    moved: int
    refused: Sequence[Refusal]
    last: str | None


def migration(work: Work, site: Site, old: str, new: str, since: date) -> Migration:
    """Raises InvalidInputError or ConflictError where nobody can be moved so, NotFoundError for an unknown version."""
    if old == new:
        raise InvalidInputError("choose another version to move to")
    before, after = work.protocol(old), enrolment.approved_at(work, site, new)
    if before.id != after.id:
        raise InvalidInputError(f"{new} is another protocol than {old}: that is decided patient by patient")
    if before.clock is not after.clock:
        raise InvalidInputError(
            f"the days of {new} count from the {after.counts_from}, those of {old} from the {before.counts_from}:"
            " that is decided patient by patient"
        )
    preconditions.check_near(since, work.today(site), "a migration")
    return Migration(site, before, after, since)


# -- who is on a version -----------------------------------------------------------------------------------------


def counts(work: Work, site_ids: Sequence[UUID]) -> dict[tuple[UUID, str], int]:
    """(site, protocol version) → active plans that follow it, or will from a day that is set."""
    return followed.counts(work.session, site_ids)


def plans_on(work: Work, site: Site, key: str, after: str = "", most: int = PAGE) -> list[tuple[Plan, Patient]]:
    """Active plans that follow a version, in the order of the MRN, beginning after one."""
    statement = (
        select(Plan, Patient)
        .join(Patient, col(Patient.id) == col(Plan.patient_id))
        .join(PlanTerms, col(PlanTerms.plan_id) == col(Plan.id))
        .where(Plan.site_id == site.id, col(Plan.ended_on).is_(None), Patient.mrn > after)
        .where(PlanTerms.protocol_key == key, *followed.last_terms())
        .order_by(col(Patient.mrn))
        .limit(most)
    )
    return list(work.session.exec(statement).all())


# -- looking, and doing ------------------------------------------------------------------------------------------


def preview(work: Work, wanted: Migration, after: str = "", most: int = PAGE) -> list[Outlook]:
    """What would change in the next plans; nothing is written."""
    return [_outlook(work, wanted, *row) for row in plans_on(work, wanted.site, wanted.old.key, after, most)]


def _outlook(work: Work, wanted: Migration, plan: Plan, patient: Patient) -> Outlook:
    new = NewTerms(wanted.since, "looked at", wanted.new.key)
    try:
        _check_later(work, plan, wanted.since)
        changes = enrolment.preview_terms(work, plan, new)
    except SurveillanceError as error:
        return Outlook(plan, patient, refused=str(error))
    moved = [change.after for change in changes.move if _when(change.before) != _when(change.after)]
    conflicts = _new_conflicts(work, plan, changes)
    before = replanning.facts_of(work, plan)
    after, *_ = enrolment.with_terms(work, plan, new, before)
    gaps = imaging_gaps.compare(work, plan, before, after)
    asked = baselines.added(work, plan, after, wanted.since)
    gap = imaging_gaps.longest(gaps) if gaps else None
    return Outlook(plan, patient, changes.add, moved, changes.cancel, conflicts, gap=gap, baselines=asked)


def _check_later(work: Work, plan: Plan, since: date) -> None:
    """Raises ConflictError where terms are set for a later day: they would bring the old version back."""
    last = store.terms_in_force(work.session, plan.id)[-1]
    if last.since is not None and last.since >= since:
        raise ConflictError(f"the plan's terms change on {last.since}; move it from a later day on")


def _when(row: Examination) -> tuple[date, date, date]:
    """What a patient would notice; where a row's neighbours lie is no move."""
    return row.target, row.window_start, row.window_end


def _new_conflicts(work: Work, plan: Plan, changes: Changes) -> list[Finding]:
    """What does not fit together then and does now, such as a booked visit outside its new window."""
    stored = work.session.exec(select(FindingRow).where(FindingRow.plan_id == plan.id))
    known = {(row.kind, row.item, row.month, row.subject) for row in stored}
    return [found for found in changes.conflicts if (found.kind, found.item, found.month, found.subject) not in known]


def _terms(work: Work, wanted: Migration, plan: Plan, reason: str) -> NewTerms:
    """The new terms of one plan, with a word on the baseline of each item that is added to it."""
    new = NewTerms(wanted.since, reason, wanted.new.key)
    facts, *_ = enrolment.with_terms(work, plan, new, replanning.facts_of(work, plan))
    asked = baselines.added(work, plan, facts, wanted.since)
    return replace(new, baselines=wanted.baselines.among(asked))


def move(work: Work, wanted: Migration, reason: str, chosen: Collection[UUID], after: str = "") -> Batch:
    """Move the chosen ones of the next plans, each by itself: one that cannot be moved stays and is named.

    ``chosen``: the plans that somebody looked at. A clinician's decision, as the approval of a version is.

    Raises:
        ForbiddenError: the actor is not a clinician at the site.
        InvalidInputError: no reason, or no word on the baseline of an item that the new version adds.
    """
    work.require(wanted.site.id, Role.CLINICIAN)
    preconditions.reasoned(reason, "a migration")
    if silent := [item.title for item in wanted.added if item.code not in wanted.baselines.choices]:
        raise InvalidInputError(f"{', '.join(silent)}: added; say whether a baseline is wanted now, on a day, or not")
    found = plans_on(work, wanted.site, wanted.old.key, after, PAGE)
    moved, refused = 0, []
    for plan, patient in found:
        if plan.id not in chosen:
            continue
        try:
            with work.session.begin_nested():
                _check_later(work, plan, wanted.since)
                enrolment.change_terms(work, plan, _terms(work, wanted, plan, reason))
            moved += 1
        except SurveillanceError as error:
            refused.append(Refusal(patient, str(error)))
    return Batch(moved, refused, found[-1][1].mrn if len(found) == PAGE else None)
