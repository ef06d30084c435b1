"""Plans: their terms, their examinations and where each stands, and what people decide about them."""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from surveillance.core.schedule.examinations import FindingKind
from surveillance.core.words import EndReason, HoldReason, Status
from surveillance.store.tables import OverrideKind
from surveillance.web.api.models.common import (
    ChoiceKey,
    Day,
    ExaminationRef,
    Flag,
    Item,
    Line,
    Model,
    Moment,
    Months,
    Reason,
    Said,
    Text,
    Whole,
)
from surveillance.web.api.models.protocols import DeparturePublic
from surveillance.web.api.models.sites import ProtocolName

Intervals = Annotated[
    dict[ChoiceKey, Months | None],
    Field(
        max_length=50,
        description=(
            "Item → months between two examinations; null switches the item off. `item.until` → the month in which the "
            "phase ends that leaves a choice of its end; `item.name` → months in the phase of that name. Others keep "
            "the protocol's own."
        ),
        examples=[{"mri_primary": 4, "mri_primary.until": 24, "clinic_visit": None}],
    ),
]


class EarlierStudy(Model):
    """What was examined before the enrolment."""

    items: list[Item] = Field(min_length=1, max_length=20, description="The items that it served.")
    performed_on: Day
    reported_on: Day | None = None
    modality: Line = Field(default="", max_length=16, description="DICOM; the protocol's first if left out.")
    accession: Said | None = Field(default=None, max_length=64, description="Unique at the site.")


class PlanCreate(Model):
    """An enrolment on a protocol from an anchor date."""

    protocol: ProtocolName = Field(
        description="An approved protocol: id for the newest approved version, or id@version.",
        examples=["asps-extremity"],
    )
    anchor: Day = Field(
        description="The day from which the protocol's `clock` counts, such as the end of definitive treatment.",
        examples=["2026-06-30"],
    )
    intervals: Intervals = Field(default={})
    studies: list[EarlierStudy] = Field(default=[], max_length=100)
    enrolled_on: Day | None = Field(default=None, description="Today at the site if left out.")
    reason: Line = Field(default="", description="Why these intervals; needed to restart a plan that has not ended.")


class ReturnCreate(Model):
    """A patient who was followed elsewhere comes back."""

    reason: Reason
    day: Day | None = Field(default=None, description="Since when the site follows again; today if left out.")
    studies: list[EarlierStudy] = Field(default=[], max_length=100, description="What was examined elsewhere.")
    protocol: ProtocolName | None = Field(default=None, description="The version of the plan before if left out.")
    intervals: Intervals | None = Field(default=None, description="What was chosen for the plan before if left out.")
    off_until: Day | None = Field(default=None, description="When an item that is off is looked at again.")


class TermsCreate(Model):
    """Other intervals, or another protocol version, from a day on; what lies before is never cut again."""

    since: Day
    reason: Reason
    protocol: ProtocolName | None = Field(default=None, description="The same protocol if left out.")
    intervals: Intervals = Field(default={}, description="Only what changes.")
    off_until: Day | None = Field(default=None, description="When an item that goes off is looked at again.")
    baselines: dict[Item, Day | Literal["now"] | None] = Field(
        default={},
        max_length=50,
        description=(
            "For each imaging item that is added and not due by itself: `now`, the day of its baseline, or null for"
            " none. A baseline becomes an extra examination."
        ),
        examples=[{"mri_brain": "now"}],
    )
    baseline_reason: Line = Field(default="", description="Why a baseline is wanted or not; needed for null.")


class AnchorCorrection(Model):
    """The anchor was recorded wrongly. After a new treatment, restart instead."""

    anchor: Day
    reason: Reason


class HoldCreate(Model):
    """A pause of the plan, or of one item; it always has a day to be looked at."""

    reason: HoldReason
    review_on: Day
    start: Day | None = Field(default=None, description="Today at the site if left out.")
    item: Item | None = Field(default=None, description="The whole plan if left out.")
    note: Line = ""
    cancel: list[UUID] = Field(default=[], max_length=100, description="Booked visits to cancel.")
    keep: list[UUID] = Field(
        default=[], max_length=100, description="Booked visits to keep: each booked visit must stand in one of the two."
    )


class HoldResume(Model):
    day: Day | None = Field(default=None, description="The first day that is not on hold; today if left out.")
    reason: Line = ""


class HoldReview(Model):
    review_on: Day = Field(description="The next day to look at it.")
    reason: Reason


class EndCreate(Model):
    """A final end, signed by the clinician whose token it is."""

    reason: EndReason = Field(description="`death` and `restarted` are recorded by a death or a restart.")
    day: Day | None = Field(default=None, description="Today at the site if left out.")
    note: Line = ""
    restart_by: Day | None = Field(default=None, description="After a recurrence: by when follow-up should restart.")
    accepted_by: Line = Field(default="", description="After a transfer: who there confirmed that they take over.")


class MoveCreate(Model):
    examination: ExaminationRef
    day: Day = Field(description="Where its target goes.")
    reason: Reason


class SkipCreate(Model):
    examination: ExaminationRef
    review_on: Day = Field(description="When to look at it again.")
    reason: Reason


class ExtraCreate(Model):
    """An examination beside the protocol: "repeat CT in six weeks"."""

    item: Item
    target: Day
    tolerance: Whole = Field(default=7, ge=0, le=180, description="Days on each side of the target.")
    reason: Reason


class BlankCreate(Model):
    """No earlier study of an item exists; somebody has asked."""

    item: Item
    reason: Reason


class TermsPublic(Model):
    id: UUID
    since: Day | None = Field(description="null: from the anchor")
    protocol: str = Field(validation_alias="protocol_key", description="id@version")
    intervals: dict[str, int | None] = Field(description="What was chosen; other items keep the default.")
    chosen_by: UUID
    reason: str
    recorded_at: Moment


class HoldPublic(Model):
    id: UUID
    plan_id: UUID
    item: str | None = Field(description="null: the whole plan")
    reason: HoldReason
    note: str
    start: Day
    review_on: Day
    resumed_on: Day | None = Field(description="The first day that is not held any more; null while it is in force.")
    recorded_at: Moment
    recorded_by: UUID


class DecisionPublic(Model):
    """A person's word that goes before the rules."""

    id: UUID
    plan_id: UUID
    kind: OverrideKind
    item: str
    month: int | None
    extra_id: UUID | None
    study_id: UUID | None
    day: Day | None = Field(description="Where it was moved to, or when a skip is looked at again.")
    reason: str
    recorded_at: Moment
    recorded_by: UUID


class ExtraPublic(Model):
    id: UUID
    plan_id: UUID
    item: str
    target: Day
    tolerance: int = Field(description="Days on each side of the target.")
    requested_on: Day
    reason: str
    recorded_at: Moment
    recorded_by: UUID


class ExaminationPublic(Model):
    """One obligation and where it stands today at the site. Days are the site's."""

    item: str
    month: int | None = Field(description="Months after the anchor; null for an extra examination.")
    extra_id: UUID | None
    status: Status
    late: bool = Field(description="Overdue, whether or not a visit is booked.")
    interval: int = Field(description="Months; 0 for an extra examination.")
    target: Day
    window_start: Day = Field(description="On time from this day …")
    window_end: Day = Field(description="… to this day, included.")
    order_from: Day = Field(description="Booking starts then.")
    due_from: Day
    overdue_from: Day
    study_id: UUID | None = Field(description="What fulfils it.")
    visit_id: UUID | None = Field(description="What is booked for it.")
    booked_on: Day | None
    skip_review_on: Day | None
    held_from: Day | None
    held_until: Day | None
    moved: bool = Field(description="A person moved its target.")


class FindingPublic(Model):
    """What does not fit together in the plan: work on the board."""

    kind: FindingKind
    item: str
    month: int | None
    subject: str = Field(description="The id of the study or visit that it is about, or empty.")
    since: Day


class PlanPublic(Model):
    id: UUID
    site_id: UUID
    patient_id: UUID
    number: int = Field(description="1 for a patient's first plan.")
    previous_id: UUID | None = Field(description="The plan that this one restarted.")
    anchor: Day
    enrolled_on: Day
    ended_on: Day | None = Field(description="null: it is active")
    end_reason: EndReason | None
    end_note: str
    end_signed_by: UUID | None
    restart_by: Day | None


class PlanDetail(PlanPublic):
    """A plan with all that belongs to it, as it stands today at its site."""

    terms: list[TermsPublic] = Field(description="In the order of their days; retracted ones are left out.")
    examinations: list[ExaminationPublic] = Field(description="By target; two years ahead.")
    holds: list[HoldPublic]
    decisions: list[DecisionPublic]
    extras: list[ExtraPublic]
    findings: list[FindingPublic]
    departures: list[DeparturePublic] = Field(
        description="Where what was chosen departs from the protocol's own schedule, in the first ten years."
    )


class DifferencePublic(Model):
    """What a change of a plan did to its examinations, or would do in a dry run."""

    added: list[ExaminationPublic]
    changed: list["ExaminationChange"]
    withdrawn: list[ExaminationPublic] = Field(description="No longer wanted.")
    findings: list[FindingPublic] = Field(description="What does not fit together now.")
    longest_gaps: list["GapChange"] = Field(
        description="The longest time without imaging from the last study on: of each item, then of all imaging."
    )


class GapPublic(Model):
    """From one examination to the next. What is overdue is expected today, a booked visit on its day."""

    days: int | None = Field(description="null: nothing is asked for any more.")
    months: float | None
    start: Day = Field(description="The last study, an expected examination, or the anchor.")
    start_month: int | None
    done: bool = Field(description="It starts with a study that was done.")
    end: Day | None
    end_month: int | None


class GapChange(Model):
    """The longest gap before and after a change; null where nothing is expected, as on hold."""

    item: str | None = Field(description="null: all imaging of the plan together.")
    before: GapPublic | None
    after: GapPublic | None


class ExaminationChange(Model):
    before: ExaminationPublic
    after: ExaminationPublic


class ExplanationPublic(Model):
    """Why the days of an examination are what they are, and who changed what."""

    item: str
    month: int | None
    extra_id: UUID | None
    title: str
    status: Status
    sentences: list[str]
    history: list[str] = Field(description="In the site's local time, the newest first.")


class Fact(StrEnum):
    """What can be taken back."""

    STUDY = "study"
    HOLD = "hold"
    DECISION = "decision"
    EXTRA = "extra"
    TERMS = "terms"
    DEATH = "death"
    REPORT = "report"
    TASK = "task"


class RetractionCreate(Model):
    """A recorded fact was wrong: everything is then as if it had never been recorded."""

    kind: Fact = Field(description="A decision is a move, a skip, a ruling or a confirmed blank.")
    id: UUID
    reason: Reason


class RetractionPublic(Model):
    kind: Fact
    id: UUID
    retracted_at: Moment
    retracted_by: UUID
    reason: Text = Field(validation_alias="retracted_reason")


class RulingCreate(Model):
    """A person's word on a study that came too early for its slot."""

    item: Item
    counts: Flag = Field(description="true: it counts for the slot. false: it is extra evidence.")
    reason: Reason
