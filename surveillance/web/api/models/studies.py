"""Studies: the evidence, the life of their reports, what a clinician found and what follows from it."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from surveillance.core.words import FollowUp, ReportStatus, Result
from surveillance.web.api.models.common import Day, Flag, Item, Line, Model, Moment, Reason, Said, Text
from surveillance.web.api.models.plans import EndCreate, ExtraCreate, HoldCreate

Modality = Annotated[Line, Field(max_length=16, description="DICOM; the protocol's first if left out.")]


class StudyCreate(Model):
    """Evidence that items were examined."""

    items: list[Item] = Field(min_length=1, max_length=20, description="The items of the protocol that it serves.")
    performed_on: Day
    modality: Modality = ""
    body_region: Line = Field(default="", max_length=40, description="As the scanner names it.")
    accession: Said | None = Field(default=None, max_length=64, description="Unique at the site.")
    reported_on: Day | None = Field(default=None, description="The day of the final report, if it is there.")
    visit_id: UUID | None = Field(default=None, description="The booked visit at which it was made.")
    note: Text = ""
    ruling: Line = Field(
        default="", description="Why it counts although it does not fit an item by modality or region: a clinician's."
    )


class StudyDay(Model):
    day: Day | None = Field(default=None, description="Today at the site if left out.")


class ReportCreate(StudyDay):
    """A version of the report has arrived. `partial` of FHIR is preliminary here, `appended` is amended."""

    status: ReportStatus = Field(default=ReportStatus.FINAL, description="FHIR's DiagnosticReport.status.")
    note: Line = Field(default="", description="What an amended or corrected one changed.")


class TaskCreate(Model):
    """Something with an owner and a day that is no examination of the plan."""

    what: Said
    owner_id: UUID = Field(description="A coordinator or clinician of the site.")
    due_on: Day


class FollowExtra(ExtraCreate):
    """An examination beside the protocol: repeat the CT in six weeks."""

    kind: Literal["extra"]


class FollowHold(HoldCreate):
    """The plan pauses."""

    kind: Literal["hold"]


class FollowEnd(EndCreate):
    """The plan ends; after a recurrence with a day to restart by."""

    kind: Literal["end"]


class FollowTask(TaskCreate):
    """Somebody has something to do by a day."""

    kind: Literal["task"]


class FollowContinue(Model):
    """A recurrence, and the plan goes on as it is."""

    kind: Literal["continue"]
    reason: Reason


class FollowLink(Model):
    """A fact about the patient that is on record, from the day of the review or later."""

    kind: Literal["link"]
    to: Literal["extra", "hold", "end", "restart", "task"] = Field(description="What the fact is.")
    id: UUID = Field(description="Of an extra examination, a hold or a task; of the plan that ended or was restarted.")


FollowCreate = Annotated[
    FollowExtra | FollowHold | FollowEnd | FollowTask | FollowContinue | FollowLink, Field(discriminator="kind")
]


class ReviewCreate(StudyDay):
    """A clinician has read the report and signs what it shows."""

    result: Result
    next_action: Line = Field(default="", description="In words; where it is not clear, this or `follow` is needed.")
    preliminary: Flag = Field(default=False, description="A preliminary report is reviewed as such.")
    repeat_by: Day | None = Field(default=None, description="Of an inadequate study, and needed there.")
    follow: FollowCreate | None = Field(
        default=None, description="What follows; a recurrence cannot be signed without."
    )


class ActCreate(StudyDay):
    """The next action of a result that is not clear."""

    follow: FollowCreate


class ReportPublic(Model):
    """One version of a report."""

    id: UUID
    status: ReportStatus
    day: Day
    note: str
    recorded_at: Moment
    recorded_by: UUID
    read_on: Day | None = Field(description="The day of the last review that was signed with it.")
    read_by: UUID | None


class TaskPublic(Model):
    """A task that came of a result."""

    id: UUID
    site_id: UUID
    patient_id: UUID
    study_id: UUID
    what: str
    owner_id: UUID
    due_on: Day
    done_on: Day | None
    done_by: UUID | None
    outcome: str = Field(description="What came of it.")
    recorded_at: Moment
    recorded_by: UUID


class TaskDone(StudyDay):
    outcome: Reason = Field(description="What came of it.")


class FollowUpPublic(Model):
    """What carries a result on: exactly one of the ids, or a reason."""

    kind: FollowUp = Field(
        description="`repeat`: an inadequate study; `noted`: ticked off before a fact was asked for."
    )
    extra_id: UUID | None
    hold_id: UUID | None
    plan_id: UUID | None
    task_id: UUID | None
    reason: str
    day: Day
    recorded_at: Moment
    recorded_by: UUID


class ResultPublic(Model):
    """Everything that is known of a study's result."""

    reports: list[ReportPublic] = Field(description="The versions of the report, the oldest first.")
    follow_up: FollowUpPublic | None = Field(description="null: nothing follows yet, or nothing has to.")
    tasks: list[TaskPublic]


class StudyPublic(Model):
    """Performed, reported, reviewed, told: four facts, four days; none follows from another."""

    id: UUID
    site_id: UUID
    patient_id: UUID
    visit_id: UUID | None = Field(validation_alias="appointment_id")
    items: list[str]
    source: str
    accession: str | None
    modality: str
    modality_stated: bool = Field(description="false: the protocol's first, as nobody said.")
    body_region: str
    performed_on: Day
    report_status: ReportStatus | None = Field(description="Of the last version of the report; null: nothing is known.")
    reported_on: Day | None = Field(description="When the report was first final.")
    to_review_since: Day | None = Field(description="When a version arrived that no review has seen.")
    reviewed_on: Day | None
    reviewed_by: UUID | None
    result: Result | None = Field(description="Of the last review; it stands until the next one.")
    next_action: str
    next_action_done_on: Day | None = Field(description="Since when a fact carries on what is not clear.")
    repeat_by: Day | None = Field(description="It was inadequate and fulfils nothing; another one is wanted by then.")
    told_on: Day | None
    note: str
    recorded_at: Moment
    recorded_by: UUID
    retracted_at: Moment | None
