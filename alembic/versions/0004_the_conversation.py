"""the conversation

Answers to patients, what they say of their visits, their own pages, a site's own texts and its approval of a language.

Revision 0004, after 0003; 2026-11-28 07:52:45.802841+00:00.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

STEPS = ("on_booking", "7d", "3d", "1d", "overdue", "book_now", "change", "cancel", "answer")
STATES = ("planned", "claimed", "sent", "delivered", "voided", "dropped", "failed", "in_doubt", "task")
NO_ANSWERS = (
    "UPDATE patient_page SET reminder_id = NULL",
    "DELETE FROM attempt WHERE reminder_id IN (SELECT id FROM reminder WHERE step = 'answer')",
    "DELETE FROM reminder WHERE step = 'answer'",
)


def upgrade() -> None:
    op.create_table(
        "language_approval",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("digest", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("approved_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["approved_by"], ["user_account.id"], name=op.f("fk_language_approval_approved_by")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_language_approval_site_id")),
        sa.PrimaryKeyConstraint("site_id", "language", name=op.f("pk_language_approval")),
    )
    op.create_table(
        "site_text",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "step",
            sa.Enum(
                "on_booking",
                "7d",
                "3d",
                "1d",
                "overdue",
                "book_now",
                "change",
                "cancel",
                "answer",
                name="step",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "privacy",
            sa.Enum("neutral", "full", name="privacy", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("sms", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("body", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("approved_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["approved_by"], ["user_account.id"], name=op.f("fk_site_text_approved_by")),
        sa.ForeignKeyConstraint(["created_by"], ["user_account.id"], name=op.f("fk_site_text_created_by")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_site_text_site_id")),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["user_account.id"], name=op.f("fk_site_text_withdrawn_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_text")),
    )
    with op.batch_alter_table("site_text", schema=None) as batch_op:
        batch_op.create_index("ix_site_text_of", ["site_id", "language", "step", "privacy"], unique=False)
        batch_op.create_index(batch_op.f("ix_site_text_site_id"), ["site_id"], unique=False)

    op.create_table(
        "patient_page",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("reminder_id", sa.Uuid(), nullable=True),
        sa.Column("secret_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("revoked_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("locked_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_patient_page_contact_id")),
        sa.ForeignKeyConstraint(["created_by"], ["user_account.id"], name=op.f("fk_patient_page_created_by")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_patient_page_patient_id")),
        sa.ForeignKeyConstraint(["reminder_id"], ["reminder.id"], name=op.f("fk_patient_page_reminder_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_patient_page_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_page")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_patient_page_secret_hash")),
    )
    with op.batch_alter_table("patient_page", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_patient_page_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_patient_page_site_id"), ["site_id"], unique=False)

    op.create_table(
        "reschedule_wish",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column(
            "source",
            sa.Enum("reply", "page", "staff", name="source", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("inbound_id", sa.Uuid(), nullable=True),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("days", sa.JSON(), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("settled_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("settled_by", sa.Uuid(), nullable=True),
        sa.Column("settlement", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointment.id"], name=op.f("fk_reschedule_wish_appointment_id")),
        sa.ForeignKeyConstraint(["inbound_id"], ["inbound.id"], name=op.f("fk_reschedule_wish_inbound_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_reschedule_wish_patient_id")),
        sa.ForeignKeyConstraint(["settled_by"], ["user_account.id"], name=op.f("fk_reschedule_wish_settled_by")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_reschedule_wish_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reschedule_wish")),
    )
    with op.batch_alter_table("reschedule_wish", schema=None) as batch_op:
        batch_op.create_index(
            "ix_reschedule_wish_open",
            ["site_id", "created_at", "id"],
            unique=False,
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_reschedule_wish_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_reschedule_wish_site_id"), ["site_id"], unique=False)
        batch_op.create_index(
            "uq_reschedule_wish_open",
            ["appointment_id"],
            unique=True,
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        )

    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("confirmed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "confirmed_how",
                sa.Enum("reply", "page", "staff", name="source", native_enum=False, create_constraint=True, length=24),
                nullable=True,
            )
        )

    with op.batch_alter_table("feed", schema=None) as batch_op:
        batch_op.add_column(sa.Column("page_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_feed_page_id"), "patient_page", ["page_id"], ["id"])

    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("language", sqlmodel.sql.sqltypes.AutoString(), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("why", sqlmodel.sql.sqltypes.AutoString(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("patient_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("appointment_id", sa.Uuid(), nullable=True))
        batch_op.create_index(batch_op.f("ix_inbound_patient_id"), ["patient_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_inbound_appointment_id"), "appointment", ["appointment_id"], ["id"])
        batch_op.create_foreign_key(batch_op.f("fk_inbound_patient_id"), "patient", ["patient_id"], ["id"])

    with op.batch_alter_table("reminder", schema=None) as batch_op:
        batch_op.add_column(sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False, server_default=""))
        batch_op.add_column(
            sa.Column("to_address", sqlmodel.sql.sqltypes.AutoString(), nullable=False, server_default="")
        )
        batch_op.add_column(
            sa.Column("language", sqlmodel.sql.sqltypes.AutoString(), nullable=False, server_default="")
        )

    _ledger()
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.add_column(sa.Column("email_failed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
        for name in ("email_failed_why", "postal_address"):
            batch_op.add_column(sa.Column(name, sqlmodel.sql.sqltypes.AutoString(), nullable=False, server_default=""))

    _steps(STEPS)
    _approve_what_is_used(op.get_bind())


def _ledger() -> None:
    """Each turn in the life of a message; what texts cost; what is wrong with senders and numbers."""
    op.create_table(
        "message_event",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("reminder_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(*STATES, name="reminder_state", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("until", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("last_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["reminder_id"], ["reminder.id"], name=op.f("fk_message_event_reminder_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_message_event_site_id")),
        sa.PrimaryKeyConstraint("reminder_id", "ordinal", name=op.f("pk_message_event")),
    )
    with op.batch_alter_table("message_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_message_event_site_id"), ["site_id"], unique=False)

    text, moment = sqlmodel.sql.sqltypes.AutoString(), sqlmodel.sql.sqltypes.UTCDateTime()
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.add_column(sa.Column("encoding", text, nullable=False, server_default=""))
        batch_op.add_column(sa.Column("text_parts", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("gsm_parts", sa.Integer(), nullable=True))
        batch_op.create_index("ix_attempt_month", ["site_id", "created_at"], unique=False)
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.add_column(sa.Column("parts", sa.Integer(), nullable=True))
    with op.batch_alter_table("sender", schema=None) as batch_op:
        batch_op.add_column(sa.Column("alert_at", moment, nullable=True))
        batch_op.add_column(sa.Column("alert_why", text, nullable=False, server_default=""))
        batch_op.add_column(sa.Column("alerts", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("number", schema=None) as batch_op:
        batch_op.add_column(sa.Column("wrong", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("trouble_at", moment, nullable=True))
        batch_op.add_column(sa.Column("trouble_why", text, nullable=False, server_default=""))
        batch_op.create_index("ix_number_trouble", ["trouble_at"], unique=False, **_where("trouble_at IS NOT NULL"))


def _where(condition: str) -> dict[str, sa.TextClause]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _no_ledger() -> None:
    with op.batch_alter_table("number", schema=None) as batch_op:
        batch_op.drop_index("ix_number_trouble", **_where("trouble_at IS NOT NULL"))
        for name in ("trouble_why", "trouble_at", "wrong"):
            batch_op.drop_column(name)
    with op.batch_alter_table("sender", schema=None) as batch_op:
        for name in ("alerts", "alert_why", "alert_at"):
            batch_op.drop_column(name)
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.drop_column("parts")
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_attempt_month")
        for name in ("gsm_parts", "text_parts", "encoding"):
            batch_op.drop_column(name)
    op.drop_table("message_event")


def downgrade() -> None:
    _no_ledger()
    connection = op.get_bind()
    for statement in NO_ANSWERS:
        connection.execute(sa.text(statement))
    _steps(STEPS[:-1])
    with op.batch_alter_table("contact", schema=None) as batch_op:
        for name in ("postal_address", "email_failed_why", "email_failed_at"):
            batch_op.drop_column(name)

    with op.batch_alter_table("reminder", schema=None) as batch_op:
        batch_op.drop_column("language")
        batch_op.drop_column("to_address")
        batch_op.drop_column("text")

    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_inbound_patient_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_inbound_appointment_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_inbound_patient_id"))
        batch_op.drop_column("appointment_id")
        batch_op.drop_column("patient_id")
        batch_op.drop_column("why")
        batch_op.drop_column("language")

    with op.batch_alter_table("feed", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_feed_page_id"), type_="foreignkey")
        batch_op.drop_column("page_id")

    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_appointment_source"), type_="check")
        batch_op.drop_column("confirmed_how")
        batch_op.drop_column("confirmed_at")

    with op.batch_alter_table("reschedule_wish", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_reschedule_wish_open",
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_reschedule_wish_site_id"))
        batch_op.drop_index(batch_op.f("ix_reschedule_wish_patient_id"))
        batch_op.drop_index(
            "ix_reschedule_wish_open",
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        )

    op.drop_table("reschedule_wish")
    with op.batch_alter_table("patient_page", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_patient_page_site_id"))
        batch_op.drop_index(batch_op.f("ix_patient_page_patient_id"))

    op.drop_table("patient_page")
    with op.batch_alter_table("site_text", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_site_text_site_id"))
        batch_op.drop_index("ix_site_text_of")

    op.drop_table("site_text")
    op.drop_table("language_approval")


def _steps(words: Sequence[str]) -> None:
    """What a message may be for; the name of the constraint is taken as it is."""
    listed = ", ".join(f"'{word}'" for word in words)
    with op.batch_alter_table("reminder", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_reminder_step"), type_="check")
        batch_op.create_check_constraint(op.f("ck_reminder_step"), sa.text(f"step IN ({listed})"))


def _approve_what_is_used(connection: sa.Connection) -> None:
    """The languages that a site sends in were approved before this was recorded; an upgrade must not silence it."""
    site = sa.table("site", sa.column("id", sa.Uuid()), sa.column("languages", sa.JSON()))
    user = sa.table("user_account", sa.column("id", sa.Uuid()), sa.column("system", sa.Boolean()))
    system = connection.execute(sa.select(user.c.id).where(user.c.system)).scalars().first()
    approval = sa.table(
        "language_approval",
        sa.column("site_id", sa.Uuid()),
        sa.column("language", sa.String()),
        sa.column("digest", sa.String()),
        sa.column("approved_at", sqlmodel.sql.sqltypes.UTCDateTime()),
        sa.column("approved_by", sa.Uuid()),
    )
    if system is None:
        return
    for site_id, languages in connection.execute(sa.select(site.c.id, site.c.languages)).all():
        for language in dict.fromkeys(languages):
            row = {"site_id": site_id, "language": language, "digest": "", "approved_by": system}
            connection.execute(sa.insert(approval), row | {"approved_at": datetime.now(UTC)})
