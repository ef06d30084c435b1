"""Protocols as approved, plans with their terms, holds and overrides, and the examinations derived from them."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from surveillance.core.schedule.examinations import FindingKind
from surveillance.core.words import DeferralKind, EndReason, HoldReason, Role
from surveillance.store.tables.columns import (
    Identified,
    OfSite,
    Recorded,
    Retractable,
    fact_json,
    one_of,
    partial_index,
)


class ProtocolVersion(SQLModel, table=True):
    """A protocol as it was when a site first approved it, frozen: a later edit of the file does not change a plan."""

    __tablename__ = "protocol_version"
    key: str = Field(primary_key=True)  # id@version
    document: str = Field(sa_type=sa.Text)  # canonical JSON
    digest: str
    created_at: datetime


class Approval(Identified, OfSite, Recorded, Retractable, table=True):
    """A clinician's word that a protocol version may be used at a site."""

    protocol_key: str = Field(foreign_key="protocol_version.key", index=True)


class SourceReview(Identified, OfSite, Recorded, table=True):
    """A clinician's word to have looked again at a source on which an approved version rests; the last one counts.

    ``source`` is its name in the protocol, ``until`` the day of the next look, ``found`` what there was to say.
    """

    __tablename__ = "source_review"
    __table_args__ = (sa.CheckConstraint("length(found) > 0", name="found_given"),)
    protocol_key: str = Field(foreign_key="protocol_version.key", index=True)
    source: str
    until: date
    found: str


class Plan(Identified, OfSite, Recorded, table=True):
    """A patient on a protocol from an anchor date, for one disease.

    ``number`` counts all plans of the patient, ``previous_id`` is the one of the same disease that this one follows.
    ``horizon`` is the last target day for which rows exist.
    """

    __table_args__ = (
        # One active plan a disease: the promise that nobody is counted twice or lost between two plans of it.
        sa.Index(
            "uq_plan_active",
            "condition_id",
            unique=True,
            sqlite_where=sa.text("ended_on IS NULL"),
            postgresql_where=sa.text("ended_on IS NULL"),
        ),
        sa.UniqueConstraint("patient_id", "number"),
        sa.CheckConstraint("enrolled_on >= anchor", name="enrolled_after_anchor"),
        sa.CheckConstraint("ended_on IS NULL OR end_reason IS NOT NULL", name="end_has_reason"),
    )
    patient_id: UUID = Field(foreign_key="patient.id", index=True)
    condition_id: UUID = Field(foreign_key="condition.id", index=True)
    number: int = 1
    previous_id: UUID | None = Field(default=None, foreign_key="plan.id")
    anchor: date
    enrolled_on: date
    away_since: date | None = (
        None  # followed elsewhere from this day to the enrolment, from where studies are asked for
    )
    horizon: date = Field(index=True)
    ended_on: date | None = None
    end_reason: EndReason | None = one_of(EndReason, default=None, nullable=True)
    end_note: str = ""
    end_signed_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    restart_by: date | None = None


class PlanTerms(Identified, OfSite, Recorded, Retractable, table=True):
    """A protocol version and what was chosen of it, in force from ``since``.

    ``intervals``: item → months, null switches it off; ``item.until`` → the month in which its first years end;
    ``item.name`` → months in the phase of that name (``core.protocols.choices``).
    """

    __tablename__ = "plan_terms"
    plan_id: UUID = Field(foreign_key="plan.id", index=True)
    since: date | None = None  # None: from the anchor
    protocol_key: str = Field(foreign_key="protocol_version.key")
    intervals: dict[str, int | None] = fact_json()
    chosen_by: UUID = Field(foreign_key="user_account.id")
    reason: str = ""


class PlanHold(Identified, OfSite, Recorded, Retractable, table=True):
    """A pause of a plan or of one item, always with a day to review it."""

    __tablename__ = "plan_hold"
    __table_args__ = (
        # One hold in force, of the plan and of each item; an item that is none counts as different from every other.
        sa.Index(
            "uq_plan_hold_of_plan",
            "plan_id",
            unique=True,
            sqlite_where=sa.text("item IS NULL AND resumed_on IS NULL AND retracted_at IS NULL"),
            postgresql_where=sa.text("item IS NULL AND resumed_on IS NULL AND retracted_at IS NULL"),
        ),
        sa.Index(
            "uq_plan_hold_of_item",
            "plan_id",
            "item",
            unique=True,
            sqlite_where=sa.text("resumed_on IS NULL AND retracted_at IS NULL"),
            postgresql_where=sa.text("resumed_on IS NULL AND retracted_at IS NULL"),
        ),
        partial_index(
            "ix_plan_hold_review", "site_id", "review_on", "id", where="resumed_on IS NULL AND retracted_at IS NULL"
        ),
        sa.CheckConstraint("review_on >= start", name="review_after_start"),
        sa.CheckConstraint("resumed_on IS NULL OR resumed_on >= start", name="resumed_after_start"),
    )
    plan_id: UUID = Field(foreign_key="plan.id", index=True)
    item: str | None = None
    reason: HoldReason = one_of(HoldReason)
    note: str = ""
    start: date
    review_on: date
    resumed_on: date | None = None
    resumed_by: UUID | None = Field(default=None, foreign_key="user_account.id")


class OverrideKind(StrEnum):
    MOVE = "move"  # day: where the examination goes
    SKIP = "skip"  # day: when to look at it again
    COUNTS = "counts"  # an early study counts for its slot
    EXTRA_EVIDENCE = "extra_evidence"  # an early study does not
    KNOWN_BLANK = "known_blank"  # no earlier study of the item exists
    FITS = "fits"  # a study counts for the item although its modality or region is another


class Override(Identified, OfSite, Recorded, Retractable, table=True):
    """A person's word that goes before the rules, with a reason."""

    __table_args__ = (
        sa.CheckConstraint("kind NOT IN ('move', 'skip') OR day IS NOT NULL", name="day_given"),
        sa.CheckConstraint("length(reason) > 0", name="reason_given"),
    )
    plan_id: UUID = Field(foreign_key="plan.id", index=True)
    kind: OverrideKind = one_of(OverrideKind)
    item: str
    month: int | None = None
    extra_id: UUID | None = Field(default=None, foreign_key="extra_examination.id")
    study_id: UUID | None = Field(default=None, foreign_key="study.id")
    day: date | None = None
    reason: str


class ExtraExamination(Identified, OfSite, Recorded, Retractable, table=True):
    """An examination beside the protocol, with its own target; ``tolerance`` in days."""

    __tablename__ = "extra_examination"
    plan_id: UUID = Field(foreign_key="plan.id", index=True)
    item: str
    target: date
    tolerance: int = 7
    requested_on: date
    reason: str


class Deferral(Identified, OfSite, Recorded, table=True):
    """Somebody is put off: by what, why, until when and in which role that was decided (schedule rule 11).

    ``subject`` names the fact that puts off: the id of a hold, of an override, of a plan that ended or whose item is
    off, or the subject of a row of the board. ``cap`` is the farthest day that the role could have named.
    ``settled_at``: it puts nobody off any more.
    """

    __table_args__ = (
        sa.Index(
            "uq_deferral_standing",
            *("kind", "subject", "item"),
            unique=True,
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        ),
        partial_index("ix_deferral_until", "site_id", "until", "id", where="settled_at IS NULL"),
        sa.CheckConstraint("length(reason) > 0", name="reason_given"),
        sa.CheckConstraint("until <= cap", name="within_cap"),
    )
    patient_id: UUID = Field(foreign_key="patient.id", index=True)
    plan_id: UUID | None = Field(default=None, foreign_key="plan.id")
    kind: DeferralKind = one_of(DeferralKind)
    subject: str
    item: str = ""
    reason: str
    role: Role = one_of(Role)
    since: date
    until: date
    cap: date
    settled_at: datetime | None = None
    settled_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    settled_why: str = ""


class ExaminationRow(Identified, OfSite, table=True):
    """A projection of a plan's facts (``core.schedule.examinations.derive``), kept so that the board is one query.

    Nobody edits it: reconciliation writes it. ``withdrawn`` rows are no longer wanted and are kept as history.
    ``skip_settled``: it was skipped, and a later study of the item or the end of the plan was its review.
    """

    __tablename__ = "examination"
    __table_args__ = (
        sa.UniqueConstraint("plan_id", "item", "month"),
        sa.UniqueConstraint("plan_id", "extra_id"),
        sa.CheckConstraint("(month IS NULL) <> (extra_id IS NULL)", name="slot_or_extra"),
        sa.CheckConstraint("window_start <= window_end", name="window_ordered"),
        partial_index("ix_examination_open", "site_id", "overdue_from", where="open"),
        # The lists of the board, each in its order. Only the first of a chain of unmet examinations is ever to order
        # or due: the later ones are overdue from the day on which their cell begins (rule 6).
        partial_index(
            "ix_examination_overdue",
            *("site_id", "overdue_since", "id", "overdue_from", "cell_end"),
            where="open AND booked_on IS NULL",
        ),
        partial_index(
            "ix_examination_due",
            *("site_id", "due_from", "id", "overdue_from"),
            where="open AND booked_on IS NULL AND due_from < overdue_from",
        ),
        partial_index(
            "ix_examination_to_order",
            *("site_id", "order_from", "id", "due_from"),
            where="open AND booked_on IS NULL AND order_from < due_from",
        ),
        partial_index(
            "ix_examination_skip",
            *("site_id", "skip_review_on", "id"),
            where="skip_review_on IS NOT NULL AND NOT skip_settled",
        ),
    )
    patient_id: UUID = Field(foreign_key="patient.id", index=True)
    plan_id: UUID = Field(foreign_key="plan.id")
    item: str
    month: int | None = None
    extra_id: UUID | None = None
    interval: int
    target: date
    window_start: date
    window_end: date
    cell_start: date
    cell_end: date
    order_from: date
    due_from: date
    overdue_from: date
    overdue_since: date
    study_id: UUID | None = None
    booking_id: UUID | None = None
    booked_on: date | None = None
    skip_review_on: date | None = None
    held_from: date | None = None
    held_until: date | None = None
    ended: bool = False
    moved: bool = False
    open: bool = True
    withdrawn: bool = False
    skip_settled: bool = False


class FindingRow(Identified, OfSite, table=True):
    """What does not fit together in a plan's facts: a projection like the examinations."""

    __tablename__ = "finding"
    __table_args__ = (
        sa.Index("ix_finding_kind", "site_id", "kind", "since", "id"),
        partial_index(
            "ix_finding_conflict",
            *("site_id", "since", "id"),
            where="kind NOT IN ('last_scan_unknown', 'protocol_ends', 'repeat_wanted', 'flag_unconfirmed')",
        ),
    )
    patient_id: UUID = Field(foreign_key="patient.id", index=True)
    plan_id: UUID = Field(foreign_key="plan.id", index=True)
    kind: FindingKind = one_of(FindingKind)
    item: str
    month: int | None = None
    subject: str = ""
    since: date
