"""Planned messages, the calls made to send them, and what came back."""

from datetime import date, datetime, time
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from surveillance.core.words import AttemptState, Channel, ReminderState, Step
from surveillance.store.tables.columns import Identified, OfSite, one_of, partial_index


class Reminder(Identified, OfSite, table=True):
    """One planned message. ``key`` is a pure function of stable facts: the database refuses to plan it twice.

    ``told_*`` is what the text said about the visit, in its local time; the next notice compares it with the truth.
    ``text``, ``to_address`` and ``language`` are an answer's: what it says, to whom, in which language. ``not_before``
    is a wait or a retry: planning anew changes ``due_at`` and leaves it alone. ``sent_at`` is when it went out, or may
    have; it is empty again once that is known not to be so.
    """

    __table_args__ = (
        sa.UniqueConstraint("key"),
        sa.Index(
            "ix_reminder_due",
            "due_at",
            sqlite_where=sa.text("state = 'planned'"),
            postgresql_where=sa.text("state = 'planned'"),
        ),
        sa.Index(
            "ix_reminder_claimed",
            "claimed_until",
            sqlite_where=sa.text("state = 'claimed'"),
            postgresql_where=sa.text("state = 'claimed'"),
        ),
        sa.Index("ix_reminder_state", "site_id", "state"),
        partial_index("ix_reminder_sent", "site_id", "sent_at", where="state IN ('sent', 'delivered')"),
        # What the board asks for: years of messages that arrived, or that a person dealt with, lie beside it.
        partial_index(
            "ix_reminder_work",
            *("site_id", "changed_at", "id"),
            where="state IN ('task', 'failed') AND resolved_at IS NULL",
        ),
        partial_index(
            "ix_reminder_doubt", *("site_id", "changed_at", "id"), where="state = 'in_doubt' AND resolved_at IS NULL"
        ),
    )
    patient_id: UUID = Field(foreign_key="patient.id", index=True)
    key: str
    step: Step = one_of(Step)
    channel: Channel = one_of(Channel)
    subject_day: date
    appointment_id: UUID | None = Field(default=None, foreign_key="appointment.id", index=True)
    sequence: int | None = None
    text: str = ""
    to_address: str = ""
    language: str = ""
    due_at: datetime
    not_before: datetime | None = None
    expires_at: datetime
    state: ReminderState = one_of(ReminderState, default=ReminderState.PLANNED)
    reason: str = ""
    attempts: int = 0
    claimed_until: datetime | None = None
    contact_id: UUID | None = Field(default=None, foreign_key="contact.id")
    told_day: date | None = None
    told_at: time | None = None
    told_zone: str = ""
    told_place_id: UUID | None = Field(default=None, foreign_key="place.id")
    told_cancelled: bool = False
    sent_at: datetime | None = None
    resolved_at: datetime | None = None  # a task that a person has dealt with
    resolved_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    resolution: str = ""
    created_at: datetime
    changed_at: datetime


class MessageEvent(OfSite, table=True):
    """One turn in the life of a message, kept for good: put off, dropped, voided, taken up again, handed to a person.

    ``until`` is the moment it then waits for. A wait that is found again and again is one row: ``times``, the last time
    at ``last_at``. What was sent stands among the attempts.
    """

    __tablename__ = "message_event"
    reminder_id: UUID = Field(foreign_key="reminder.id", primary_key=True)
    ordinal: int = Field(primary_key=True)
    at: datetime
    state: ReminderState = one_of(ReminderState)
    reason: str = ""
    until: datetime | None = None
    times: int = 1
    last_at: datetime


class Attempt(Identified, OfSite, table=True):
    """One call to a provider. Written and committed before the call, so that a crash leaves a trace.

    It is open until ``finished_at``. ``deadline_at``: not handed over after that; ``in_doubt_from``: the provider
    would have answered by then. An attempt that stays in doubt when it is finished is a person's to settle.
    ``parts`` is what the provider said; ``encoding`` and ``text_parts`` are counted from the text of an SMS, and
    ``gsm_parts`` as if every letter of it were in the GSM alphabet.
    """

    __table_args__ = (
        # Never two messages on their way to one number: the second claim fails here, on both engines.
        sa.Index(
            "uq_attempt_in_flight",
            "to_address",
            unique=True,
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        ),
        sa.Index("ix_attempt_state", "state", "created_at"),
        sa.Index("ix_attempt_month", "site_id", "created_at"),
        sa.Index(
            "ix_attempt_open",
            "in_doubt_from",
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        ),
    )
    reminder_id: UUID = Field(foreign_key="reminder.id", index=True)
    ordinal: int
    channel: Channel = one_of(Channel)
    contact_id: UUID | None = Field(default=None, foreign_key="contact.id")
    to_address: str
    body: str
    subject: str = ""
    language: str
    transport: str
    sender: str = ""
    state: AttemptState = one_of(AttemptState, default=AttemptState.IN_FLIGHT)
    provider_id: str | None = Field(default=None, unique=True)
    provider_status: str = ""
    failure: str = ""
    error_code: str = ""
    error_text: str = ""
    parts: int | None = None
    encoding: str = ""
    text_parts: int | None = None
    gsm_parts: int | None = None
    created_at: datetime
    deadline_at: datetime
    in_doubt_from: datetime
    finished_at: datetime | None = None


class Callback(SQLModel, table=True):
    """A status report of the provider: stored once, however often it is repeated, known attempt or not."""

    provider_id: str = Field(primary_key=True)
    status: str = Field(primary_key=True)
    attempt_id: UUID | None = Field(default=None, index=True)
    error_code: str = ""
    received_at: datetime
    applied: bool = False


class Inbound(Identified, table=True):
    """A message from a phone, stored once.

    ``keyword`` is what it was taken to mean and ``language`` the language it was read in; ``why`` says what a person
    has to know, where one has to read it. It is about a patient and a visit where that is certain.
    """

    __table_args__ = (
        sa.Index(
            "ix_inbound_open",
            "received_at",
            sqlite_where=sa.text("handled_at IS NULL"),
            postgresql_where=sa.text("handled_at IS NULL"),
        ),
    )
    provider_id: str = Field(unique=True)
    from_number: str = Field(index=True)
    to_number: str
    body: str
    keyword: str = ""
    language: str = ""
    why: str = ""
    parts: int | None = None  # what the provider bills it by
    patient_id: UUID | None = Field(default=None, foreign_key="patient.id", index=True)
    appointment_id: UUID | None = Field(default=None, foreign_key="appointment.id")
    received_at: datetime
    handled_at: datetime | None = None
    handled_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    handling: str = ""


class Sender(SQLModel, table=True):
    """A number or service we send from: its pace holds across all workers, and it can be stopped.

    ``alert_*`` tell of refusals that do not stop it and that a person has to look into: the first since somebody
    looked, the last reason, how many.
    """

    name: str = Field(primary_key=True)
    per_second: float = 1.0
    next_free_at: datetime
    stopped_at: datetime | None = None
    stopped_why: str = ""
    alert_at: datetime | None = None
    alert_why: str = ""
    alerts: int = 0


class DispatchPause(SQLModel, table=True):
    """Nothing is sent for ``scope``: a site's id, or "all"."""

    __tablename__ = "dispatch_pause"
    scope: str = Field(primary_key=True)
    since: datetime
    why: str
    user_id: UUID = Field(foreign_key="user_account.id")
