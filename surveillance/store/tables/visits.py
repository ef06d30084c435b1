"""Visits to places, and the studies that prove what was done."""

from datetime import date, datetime, time
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from surveillance.core.words import AppointmentState, Outcome, ReportStatus, Result, Source
from surveillance.store.tables.columns import Identified, OfSite, Recorded, Retractable, one_of, partial_index


class Appointment(Identified, OfSite, table=True):
    """One trip: proposed (a day) or booked (place, local time and zone). Its id is the calendar's UID for ever.

    ``sequence`` rises with each change of time, place or state (RFC 5545 3.8.7.4); ``changed_at`` is the
    calendar's LAST-MODIFIED; ``edited_at`` the last edit that the patient must hear of. ``confirmed_at`` is when the
    patient said to come; a move takes it back, as nobody has confirmed the new day.
    """

    __table_args__ = (
        sa.CheckConstraint(
            "state IN ('proposed', 'cancelled') OR (at IS NOT NULL AND starts_at IS NOT NULL)", name="booked_has_time"
        ),
        sa.Index("ix_appointment_feed", "patient_id", "changed_at"),
        sa.Index("ix_appointment_day", "site_id", "day"),
        # What the board asks for, so that it stays as quick when years of history lie behind it.
        sa.Index(
            "ix_appointment_booked",
            "site_id",
            "day",
            sqlite_where=sa.text("state = 'booked'"),
            postgresql_where=sa.text("state = 'booked'"),
        ),
    )
    patient_id: UUID = Field(foreign_key="patient.id")
    plan_id: UUID = Field(foreign_key="plan.id", index=True)
    state: AppointmentState = one_of(AppointmentState)
    day: date
    at: time | None = None
    zone: str
    starts_at: datetime | None = None
    minutes: int = 60
    place_id: UUID | None = Field(default=None, foreign_key="place.id")
    outside: bool = False  # a proposal for which no working day was left in the window
    sequence: int = 0
    was_booked: bool = False
    note: str = ""
    booked_at: datetime | None = None
    edited_at: datetime | None = None
    confirmed_at: datetime | None = None
    confirmed_how: Source | None = one_of(Source, default=None, nullable=True)
    changed_at: datetime
    changed_by: UUID = Field(foreign_key="user_account.id")


class AppointmentItem(Identified, OfSite, table=True):
    """One examination of a visit: what it was booked for, and what became of it."""

    __tablename__ = "appointment_item"
    __table_args__ = (sa.UniqueConstraint("appointment_id", "item"),)
    appointment_id: UUID = Field(foreign_key="appointment.id")
    item: str
    month: int | None = None
    extra_id: UUID | None = Field(default=None, foreign_key="extra_examination.id")
    target: date
    outcome: Outcome | None = one_of(Outcome, default=None, nullable=True)
    outcome_reason: str = ""
    outcome_at: datetime | None = None


class Study(Identified, OfSite, Recorded, Retractable, table=True):
    """Evidence. Performed, reported, reviewed, told: four facts, four dates; none follows from another.

    ``report_status``, ``reported_on`` (when the report was first final) and ``to_review_since`` (when a version arrived
    that no review has seen) add up the versions of the report, see ``StudyReport``. A review stands until the next one:
    ``result`` is what the last one found. ``next_action_done_on``: since when a fact carries on what is not clear, see
    ``StudyFollowUp``. ``repeat_by``: it was inadequate and fulfils nothing; another study is wanted by then.
    ``modality_stated``: somebody said so; else it is the first one that the protocol names, and proves nothing.

    ``history``: made long before the enrolment; its report was read where it was made. A projection: it follows from
    the days of the study and of the enrolment, and is kept so that the board need not look at a registry's past.
    """

    __table_args__ = (
        sa.Index(
            "uq_study_accession",
            "site_id",
            "accession",
            unique=True,
            sqlite_where=sa.text("accession IS NOT NULL AND retracted_at IS NULL"),
            postgresql_where=sa.text("accession IS NOT NULL AND retracted_at IS NULL"),
        ),
        partial_index(
            "ix_study_unreported",
            *("site_id", "performed_on", "id"),
            where="reported_on IS NULL AND retracted_at IS NULL AND NOT history",
        ),
        partial_index(
            "ix_study_unreviewed",
            *("site_id", "to_review_since", "id"),
            where="to_review_since IS NOT NULL AND retracted_at IS NULL AND NOT history",
        ),
        partial_index(
            "ix_study_unsettled",
            *("site_id", "reviewed_on", "id"),
            where="result <> 'clear' AND next_action_done_on IS NULL AND retracted_at IS NULL",
        ),
        partial_index(
            "ix_study_untold",
            *("site_id", "reviewed_on", "id"),
            where="reviewed_on IS NOT NULL AND told_on IS NULL AND to_review_since IS NULL AND retracted_at IS NULL"
            " AND NOT history",
        ),
        # The few whose patient is told nothing of what is due; asked for each message before it goes out.
        partial_index(
            "ix_study_undecided",
            "patient_id",
            where="result IN ('suspicious', 'recurrence') AND next_action_done_on IS NULL AND retracted_at IS NULL",
        ),
        sa.CheckConstraint("reported_on IS NULL OR reported_on >= performed_on", name="reported_after_performed"),
        sa.CheckConstraint("(reviewed_on IS NULL) = (result IS NULL)", name="review_has_result"),
        sa.CheckConstraint("reviewed_on IS NULL OR report_status IS NOT NULL", name="reviewed_after_report"),
        sa.CheckConstraint("told_on IS NULL OR reviewed_on IS NOT NULL", name="told_after_review"),
        sa.CheckConstraint(
            "(repeat_by IS NOT NULL) = (result IS NOT NULL AND result = 'inadequate')", name="repeat_of_inadequate"
        ),
    )
    patient_id: UUID = Field(foreign_key="patient.id", index=True)
    appointment_id: UUID | None = Field(default=None, foreign_key="appointment.id", index=True)
    source: str = "person"  # person, import, fhir, dicomweb, hl7v2
    accession: str | None = None
    modality: str
    modality_stated: bool = False
    body_region: str = ""
    performed_on: date
    report_status: ReportStatus | None = one_of(ReportStatus, default=None, nullable=True)
    reported_on: date | None = None
    to_review_since: date | None = None
    reviewed_on: date | None = None
    reviewed_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    result: Result | None = one_of(Result, default=None, nullable=True)
    next_action: str = ""
    next_action_done_on: date | None = None
    repeat_by: date | None = None
    told_on: date | None = None
    note: str = ""
    history: bool = False


class StudyItem(SQLModel, table=True):
    """An item that a study serves."""

    __tablename__ = "study_item"
    study_id: UUID = Field(foreign_key="study.id", primary_key=True)
    item: str = Field(primary_key=True)
    site_id: UUID = Field(foreign_key="site.id", index=True)
