"""What patients say and how they are spoken to: wishes for another day, pages of their own, a site's own texts."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from surveillance.core.words import Privacy, Source, Step
from surveillance.store.tables.columns import Identified, OfSite, fact_json, one_of, partial_index


class RescheduleRequest(Identified, OfSite, table=True):
    """A patient asks for another day. It is work until it is settled; the visit stands until a person moves it.

    ``days`` are the preferred days as ISO dates, in the order of preference; ``text`` is what was said.
    """

    __tablename__ = "reschedule_wish"
    __table_args__ = (
        partial_index("ix_reschedule_wish_open", *("site_id", "created_at", "id"), where="settled_at IS NULL"),
        # A patient who asks again for one visit adds to the wish that waits, and does not make another.
        sa.Index(
            "uq_reschedule_wish_open",
            "appointment_id",
            unique=True,
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        ),
    )
    patient_id: UUID = Field(foreign_key="patient.id", index=True)
    appointment_id: UUID = Field(foreign_key="appointment.id")
    source: Source = one_of(Source)
    inbound_id: UUID | None = Field(default=None, foreign_key="inbound.id")
    text: str = ""
    days: list[str] = fact_json(default_factory=list)
    created_at: datetime
    settled_at: datetime | None = None
    settled_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    settlement: str = ""


class PatientPage(Identified, OfSite, table=True):
    """A revocable address of a patient's own page; only the hash of its secret is stored.

    ``tries`` counts wrong birth dates; from ``locked_at`` on nothing more than date and place is shown there.
    """

    __tablename__ = "patient_page"
    patient_id: UUID = Field(foreign_key="patient.id", index=True)
    contact_id: UUID | None = Field(default=None, foreign_key="contact.id")
    reminder_id: UUID | None = Field(default=None, foreign_key="reminder.id")
    secret_hash: str = Field(unique=True)
    language: str
    created_at: datetime
    created_by: UUID = Field(foreign_key="user_account.id")
    expires_at: datetime
    revoked_at: datetime | None = None
    tries: int = 0
    locked_at: datetime | None = None


class SiteText(Identified, OfSite, table=True):
    """A site's own wording of one text; it is used once approved, the newest approved one counts.

    ``withdrawn_at``: from then on the text that the service brings is used again.
    """

    __tablename__ = "site_text"
    __table_args__ = (sa.Index("ix_site_text_of", "site_id", "language", "step", "privacy"),)
    language: str
    step: Step = one_of(Step)
    privacy: Privacy = one_of(Privacy)
    sms: str
    subject: str
    body: str
    created_at: datetime
    created_by: UUID = Field(foreign_key="user_account.id")
    approved_at: datetime | None = None
    approved_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    withdrawn_at: datetime | None = None
    withdrawn_by: UUID | None = Field(default=None, foreign_key="user_account.id")


class LanguageApproval(SQLModel, table=True):
    """Who approved a site's texts in one language, and what exactly: ``digest`` is of all texts as they stood."""

    __tablename__ = "language_approval"
    site_id: UUID = Field(foreign_key="site.id", primary_key=True)
    language: str = Field(primary_key=True)
    digest: str
    approved_at: datetime
    approved_by: UUID = Field(foreign_key="user_account.id")
