"""What the service keeps about itself: audit, feeds, the board's actions, imports, heartbeats."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from surveillance.core.words import Privacy
from surveillance.store.tables.columns import Identified, OfSite, fact_json, one_of, partial_index


class AuditEvent(SQLModel, table=True):
    """Who did what to which record, when (UTC) and why. Append-only; holds no personal value itself."""

    __tablename__ = "audit_event"
    id: int | None = Field(
        default=None,
        sa_column=sa.Column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
    )
    site_id: UUID | None = Field(default=None, foreign_key="site.id", index=True)
    at: datetime = Field(index=True)
    user_id: UUID = Field(foreign_key="user_account.id")
    account: str = ""  # the system account behind a command line
    action: str
    subject: str  # kind of record
    subject_id: str
    patient_id: UUID | None = Field(default=None, index=True)
    reason: str = ""


class AuditValue(SQLModel, table=True):
    """The values before and after, kept apart so that erasure of a person leaves the events whole."""

    __tablename__ = "audit_value"
    event_id: int = Field(
        sa_column=sa.Column(
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.ForeignKey("audit_event.id"), primary_key=True
        )
    )
    site_id: UUID | None = Field(default=None, index=True)
    salt: str = ""  # makes the digest in the seal tell nothing about values that were erased
    before: dict[str, Any] | None = fact_json(default=None, nullable=True)
    after: dict[str, Any] | None = fact_json(default=None, nullable=True)


class AuditSeal(SQLModel, table=True):
    """One link of the chain over the audit trail: ``hash`` covers the event, its values' digest and the link before."""

    __tablename__ = "audit_seal"
    number: int = Field(
        sa_column=sa.Column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False)
    )
    event_id: int = Field(
        sa_column=sa.Column(
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.ForeignKey("audit_event.id"),
            unique=True,
            nullable=False,
        )
    )
    values_digest: str = ""  # empty for an event without values
    hash: str
    sealed_at: datetime


class FeedKind(StrEnum):
    PATIENT = "patient"
    COORDINATOR = "coordinator"
    SITE = "site"


class Feed(Identified, OfSite, table=True):
    """A revocable calendar address; only the hash of its secret is stored.

    ``page_id`` is the patient's own page that it was made on, if it was. ``shown_tag`` is the entity tag that was
    served last, ``shown_since`` (UTC) since when: its Last-Modified.
    """

    kind: FeedKind = one_of(FeedKind)
    secret_hash: str = Field(unique=True)
    patient_id: UUID | None = Field(default=None, foreign_key="patient.id", index=True)
    user_id: UUID | None = Field(default=None, foreign_key="user_account.id", index=True)
    page_id: UUID | None = Field(default=None, foreign_key="patient_page.id")
    label: str = ""
    language: str = "en"
    privacy: Privacy = one_of(Privacy, default=Privacy.NEUTRAL)
    created_at: datetime
    created_by: UUID = Field(foreign_key="user_account.id")
    revoked_at: datetime | None = None
    last_fetched_at: datetime | None = None
    fetches: int = 0
    shown_tag: str = ""
    shown_since: datetime | None = None


class BoardAction(Identified, OfSite, table=True):
    """What a person did about a row of the board; the rows themselves are a query over the facts."""

    __tablename__ = "board_action"
    __table_args__ = (
        sa.Index("ix_board_action_until", "site_id", "worklist", "until"),
        partial_index(
            "ix_board_action_assigned", "site_id", "worklist", "assigned_to", where="assigned_to IS NOT NULL"
        ),
    )
    patient_id: UUID = Field(foreign_key="patient.id", index=True)
    worklist: str
    subject: str = ""
    kind: str  # note, call, snooze, assign
    text: str = ""
    until: date | None = None
    assigned_to: UUID | None = Field(default=None, foreign_key="user_account.id")
    user_id: UUID = Field(foreign_key="user_account.id")
    at: datetime


class ImportBatch(Identified, OfSite, table=True):
    """One file that was taken in."""

    __tablename__ = "import_batch"
    file_name: str
    digest: str
    added: int
    changed: int
    unchanged: int
    user_id: UUID = Field(foreign_key="user_account.id")
    at: datetime


class ImportMapping(SQLModel, table=True):
    """The columns that a site chose for the headers of a file: the next file with the same headers needs no choice."""

    __tablename__ = "import_mapping"
    site_id: UUID = Field(foreign_key="site.id", primary_key=True)
    fingerprint: str = Field(primary_key=True)  # of the headers
    mapping: dict[str, str] = fact_json()
    user_id: UUID = Field(foreign_key="user_account.id")
    at: datetime


class UploadState(StrEnum):
    UPLOADED = "uploaded"  # the columns are to be chosen
    COMPARED = "compared"  # the difference is shown and waits for a person's yes
    APPLYING = "applying"
    APPLIED = "applied"
    FAILED = "failed"
    DISCARDED = "discarded"


class ImportUpload(Identified, OfSite, table=True):
    """A file on its way in. ``content`` (its cells, packed) and ``preview`` (the difference as it is shown) are dropped
    when it was applied or discarded; ``problems`` keep the rows that did not go in, for a while.
    """

    __tablename__ = "import_upload"
    user_id: UUID = Field(foreign_key="user_account.id")
    file_name: str
    digest: str
    content: bytes | None = Field(default=None, sa_type=sa.LargeBinary)
    mapping: dict[str, str] = fact_json(default_factory=dict)
    state: UploadState = one_of(UploadState, default=UploadState.UPLOADED)
    skip_errors: bool = False
    counts: dict[str, int] = fact_json(default_factory=dict)
    problems: list[dict[str, Any]] = fact_json(default_factory=list)
    preview: dict[str, Any] = fact_json(default_factory=dict)
    total: int = 0
    done: int = 0
    failure: str = ""
    batch_id: UUID | None = Field(default=None, foreign_key="import_batch.id")
    created_at: datetime
    changed_at: datetime


class Heartbeat(SQLModel, table=True):
    """A worker is alive while this is fresh."""

    worker: str = Field(primary_key=True)
    started_at: datetime
    beat_at: datetime
    ticks: int = 0
    last_error: str = ""


class Sweep(SQLModel, table=True):
    """The daily sweep of a site has been done for a local day; the key makes it once across all workers."""

    site_id: UUID = Field(foreign_key="site.id", primary_key=True)
    day: date = Field(primary_key=True)
    done_at: datetime


class PromiseCheck(Identified, table=True):
    """One proof of the promise on this database: how many plans were derived again, and what was found.

    ``found`` holds the first violations in words, for the board; ``violations`` says how many there were.
    """

    __tablename__ = "promise_check"
    started_at: datetime
    finished_at: datetime = Field(index=True)
    plans: int
    violations: int
    found: list[dict[str, str]] = fact_json()


class Counter(SQLModel, table=True):
    """A number of the service that must survive restarts, for the metrics."""

    name: str = Field(primary_key=True)
    value: int = 0
