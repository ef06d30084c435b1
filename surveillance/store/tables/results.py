"""What belongs to a study's result: the versions of its report, what followed from it, and the tasks of it."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from surveillance.core.words import FollowUp, ReportStatus
from surveillance.store.tables.columns import Identified, OfSite, Recorded, Retractable, one_of, partial_index


class StudyReport(Identified, OfSite, Recorded, Retractable, table=True):
    """One version of a study's report (FHIR DiagnosticReport): its status, its day, who recorded it; by ``number``.

    ``read_on`` and ``read_by``: the last review that a clinician signed with this version.
    """

    __tablename__ = "study_report"
    __table_args__ = (
        sa.UniqueConstraint("study_id", "number"),
        sa.CheckConstraint("(read_on IS NULL) = (read_by IS NULL)", name="read_by_somebody"),
    )
    patient_id: UUID = Field(foreign_key="patient.id", index=True)
    study_id: UUID = Field(foreign_key="study.id")
    number: int
    status: ReportStatus = one_of(ReportStatus)
    day: date
    note: str = ""
    read_on: date | None = None
    read_by: UUID | None = Field(default=None, foreign_key="user_account.id")


class ResultTask(Identified, OfSite, Recorded, Retractable, table=True):
    """Something that follows from a result and is no examination of the plan: a biopsy, a tumour board, a letter.

    It has an owner and a day, and is done once somebody says what came of it.
    """

    __tablename__ = "result_task"
    __table_args__ = (
        partial_index(
            "ix_result_task_open", *("site_id", "due_on", "id"), where="done_on IS NULL AND retracted_at IS NULL"
        ),
        sa.CheckConstraint("length(what) > 0", name="what_given"),
        sa.CheckConstraint("done_on IS NULL OR (done_by IS NOT NULL AND length(outcome) > 0)", name="done_has_outcome"),
    )
    patient_id: UUID = Field(foreign_key="patient.id", index=True)
    study_id: UUID = Field(foreign_key="study.id", index=True)
    what: str
    owner_id: UUID = Field(foreign_key="user_account.id", index=True)
    due_on: date
    done_on: date | None = None
    done_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    outcome: str = ""


class StudyFollowUp(Identified, OfSite, Recorded, Retractable, table=True):
    """What carries on the obligation of a result that is not clear: a link to one recorded fact, or a reason.

    It is retracted with its fact, and when another review asks anew; the study then waits for its next action again.
    """

    __tablename__ = "study_follow_up"
    __table_args__ = (
        sa.Index(
            "uq_study_follow_up",
            "study_id",
            unique=True,
            sqlite_where=sa.text("retracted_at IS NULL"),
            postgresql_where=sa.text("retracted_at IS NULL"),
        ),
        sa.CheckConstraint("(kind = 'extra') = (extra_id IS NOT NULL)", name="extra_linked"),
        sa.CheckConstraint("(kind = 'hold') = (hold_id IS NOT NULL)", name="hold_linked"),
        sa.CheckConstraint("(kind IN ('end', 'restart')) = (plan_id IS NOT NULL)", name="plan_linked"),
        sa.CheckConstraint("(kind = 'task') = (task_id IS NOT NULL)", name="task_linked"),
        sa.CheckConstraint("kind <> 'continue' OR length(reason) > 0", name="continue_has_reason"),
    )
    patient_id: UUID = Field(foreign_key="patient.id", index=True)
    study_id: UUID = Field(foreign_key="study.id")
    kind: FollowUp = one_of(FollowUp)
    extra_id: UUID | None = Field(default=None, foreign_key="extra_examination.id", index=True)
    hold_id: UUID | None = Field(default=None, foreign_key="plan_hold.id", index=True)
    plan_id: UUID | None = Field(default=None, foreign_key="plan.id", index=True)
    task_id: UUID | None = Field(default=None, foreign_key="result_task.id", index=True)
    reason: str = ""
    day: date
