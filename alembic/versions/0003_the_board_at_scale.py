"""the board at scale

Projections and indexes with which the board of 100,000 patients is as quick as that of 1,000; words to search
patients by; the results of the nightly proof.

Revision 0003, after 0002; 2026-11-24 19:13:36.453582+00:00.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

AT_ONCE = 1000  # rows

# name, table, columns, of which rows (None: of all)
INDEXES: Sequence[tuple[str, str, Sequence[str], str | None]] = (
    ("ix_board_action_until", "board_action", ("site_id", "worklist", "until"), None),
    (
        "ix_board_action_assigned",
        "board_action",
        ("site_id", "worklist", "assigned_to"),
        "assigned_to IS NOT NULL",
    ),
    ("ix_patient_owner", "patient", ("owner_id",), "owner_id IS NOT NULL"),
    (
        "ix_examination_overdue",
        "examination",
        ("site_id", "overdue_since", "id", "overdue_from", "cell_end"),
        "open AND booked_on IS NULL",
    ),
    (
        "ix_examination_due",
        "examination",
        ("site_id", "due_from", "id", "overdue_from"),
        "open AND booked_on IS NULL AND due_from < overdue_from",
    ),
    (
        "ix_examination_to_order",
        "examination",
        ("site_id", "order_from", "id", "due_from"),
        "open AND booked_on IS NULL AND order_from < due_from",
    ),
    (
        "ix_examination_skip",
        "examination",
        ("site_id", "skip_review_on", "id"),
        "skip_review_on IS NOT NULL AND NOT skip_settled",
    ),
    ("ix_finding_kind", "finding", ("site_id", "kind", "since", "id"), None),
    (
        "ix_finding_conflict",
        "finding",
        ("site_id", "since", "id"),
        "kind NOT IN ('last_scan_unknown', 'protocol_ends')",
    ),
    ("ix_number_paused", "number", ("paused_at",), "paused_at IS NOT NULL"),
    (
        "ix_plan_hold_review",
        "plan_hold",
        ("site_id", "review_on", "id"),
        "resumed_on IS NULL AND retracted_at IS NULL",
    ),
    (
        "ix_reminder_work",
        "reminder",
        ("site_id", "changed_at", "id"),
        "state IN ('task', 'failed') AND resolved_at IS NULL",
    ),
    ("ix_reminder_doubt", "reminder", ("site_id", "changed_at", "id"), "state = 'in_doubt' AND resolved_at IS NULL"),
    (
        "ix_study_unreported",
        "study",
        ("site_id", "performed_on", "id"),
        "reported_on IS NULL AND retracted_at IS NULL AND NOT history",
    ),
    (
        "ix_study_unreviewed",
        "study",
        ("site_id", "reported_on", "id"),
        "reviewed_on IS NULL AND reported_on IS NOT NULL AND retracted_at IS NULL AND NOT history",
    ),
)
REPLACED: Sequence[tuple[str, str, Sequence[str], str | None]] = (
    ("ix_examination_order", "examination", ("site_id", "order_from"), "open"),
    ("ix_examination_skip", "examination", ("site_id", "skip_review_on"), "skip_review_on IS NOT NULL"),
    ("ix_plan_restart", "plan", ("site_id", "restart_by"), "restart_by IS NOT NULL"),
    ("ix_plan_hold_review_on", "plan_hold", ("review_on",), None),
    ("ix_study_unread", "study", ("site_id", "performed_on"), "reviewed_on IS NULL AND retracted_at IS NULL"),
)


def upgrade() -> None:
    op.create_table(
        "promise_check",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("finished_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("plans", sa.Integer(), nullable=False),
        sa.Column("violations", sa.Integer(), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promise_check")),
    )
    op.create_index(op.f("ix_promise_check_finished_at"), "promise_check", ["finished_at"])
    op.create_table(
        "patient_word",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("word", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_patient_word_patient_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_patient_word_site_id")),
        sa.PrimaryKeyConstraint("patient_id", "word", name=op.f("pk_patient_word")),
    )
    op.create_index("ix_patient_word_word", "patient_word", ["site_id", "word", "patient_id"])
    op.create_table(
        "gap",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "unreachable",
                "without_plan",
                "restart",
                name="gap_kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_gap_patient_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_gap_plan_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_gap_site_id")),
        sa.PrimaryKeyConstraint("patient_id", "kind", name=op.f("pk_gap")),
    )
    op.create_index("ix_gap_list", "gap", ["site_id", "kind", "since", "patient_id"])
    for table, column in (("examination", "skip_settled"), ("study", "history")):
        op.add_column(table, sa.Column(column, sa.Boolean(), server_default=sa.false(), nullable=False))
    _drop(REPLACED)
    _fill(op.get_bind())
    _create(INDEXES)


def downgrade() -> None:
    _drop(INDEXES)
    # Both engines drop a column that no index or key names; nothing has to be built anew.
    op.execute("ALTER TABLE study DROP COLUMN history")
    op.execute("ALTER TABLE examination DROP COLUMN skip_settled")
    _create(REPLACED)
    for table in ("gap", "patient_word", "promise_check"):
        op.drop_table(table)


def _create(indexes: Sequence[tuple[str, str, Sequence[str], str | None]]) -> None:
    for name, table, columns, where in indexes:
        condition = None if where is None else sa.text(where)
        op.create_index(name, table, list(columns), sqlite_where=condition, postgresql_where=condition)


def _drop(indexes: Sequence[tuple[str, str, Sequence[str], str | None]]) -> None:
    for name, table, *_ in indexes:
        op.drop_index(name, table)


# -- what the facts of today say ---------------------------------------------------------------------------------


def _fill(connection: sa.Connection) -> None:
    for statement in (SETTLED_SKIPS, HISTORY[connection.dialect.name], UNREACHABLE, RESTART, ENDED):
        connection.exec_driver_sql(statement)
    _insert(connection, "gap", _never_enrolled(connection))
    _insert(connection, "patient_word", _words(connection))


SETTLED_SKIPS = """
UPDATE examination SET skip_settled = (
    study_id IS NOT NULL OR withdrawn
    OR EXISTS (SELECT 1 FROM plan WHERE plan.id = examination.plan_id AND plan.ended_on IS NOT NULL)
    OR EXISTS (
        SELECT 1 FROM examination AS later
        WHERE later.plan_id = examination.plan_id AND later.item = examination.item
            AND later.target > examination.target AND later.study_id IS NOT NULL
    )
) WHERE skip_review_on IS NOT NULL
"""
_HISTORY = """
UPDATE study SET history = NOT EXISTS (
    SELECT 1 FROM plan WHERE plan.patient_id = study.patient_id AND plan.enrolled_on <= {a_month_later}
)
"""
HISTORY = {
    "sqlite": _HISTORY.format(a_month_later="date(study.performed_on, '+30 days')"),
    "postgresql": _HISTORY.format(a_month_later="study.performed_on + 30"),
}
_LAST_CONSENT = """(
    SELECT CASE WHEN consent.act = 'given' AND consent.address = {address} THEN 1 ELSE 0 END FROM consent
    WHERE consent.contact_id = contact.id AND consent.channel = '{channel}'
    ORDER BY consent.at DESC, consent.recorded_at DESC, consent.act DESC LIMIT 1
) = 1"""
_BY_EMAIL = _LAST_CONSENT.format(address="contact.email", channel="email")
_BY_SMS = _LAST_CONSENT.format(address="contact.phone", channel="sms")
_ALIVE_ON_A_PLAN = "FROM patient JOIN plan ON plan.patient_id = patient.id WHERE patient.died_on IS NULL"
_LAST = """NOT EXISTS (
    SELECT 1 FROM plan AS later
    WHERE later.patient_id = patient.id AND (later.number > plan.number OR later.ended_on IS NULL)
)"""
UNREACHABLE = f"""
INSERT INTO gap (patient_id, kind, site_id, since, plan_id)
SELECT patient.id, 'unreachable', patient.site_id, plan.enrolled_on, plan.id {_ALIVE_ON_A_PLAN}
    AND plan.ended_on IS NULL AND NOT EXISTS (
        SELECT 1 FROM contact WHERE contact.patient_id = patient.id AND contact.removed_at IS NULL AND (
            (contact.email IS NOT NULL AND {_BY_EMAIL})
            OR (contact.phone IS NOT NULL AND NOT contact.phone_mobile)
            OR (contact.phone IS NOT NULL AND {_BY_SMS} AND NOT EXISTS (
                SELECT 1 FROM number WHERE number.phone = contact.phone AND number.opted_out_at IS NOT NULL
            ))
        )
    )
"""  # noqa: S608  # made of the texts above
RESTART = f"""
INSERT INTO gap (patient_id, kind, site_id, since, plan_id)
SELECT patient.id, 'restart', patient.site_id, plan.restart_by, plan.id {_ALIVE_ON_A_PLAN}
    AND plan.restart_by IS NOT NULL AND {_LAST}
"""
ENDED = f"""
INSERT INTO gap (patient_id, kind, site_id, since, plan_id)
SELECT patient.id, 'without_plan', patient.site_id, plan.ended_on, NULL {_ALIVE_ON_A_PLAN}
    AND plan.restart_by IS NULL AND plan.end_reason NOT IN ('transfer', 'patient_wish', 'completed') AND {_LAST}
"""


def _never_enrolled(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    moment = sqlmodel.sql.sqltypes.UTCDateTime()
    patient = sa.table("patient", *_columns(id=sa.Uuid(), site_id=sa.Uuid(), created_at=moment, died_on=sa.Date()))
    site = sa.table("site", *_columns(id=sa.Uuid(), time_zone=sa.String()))
    plan = sa.table("plan", *_columns(patient_id=sa.Uuid()))
    statement = (
        sa.select(patient.c.id, patient.c.site_id, patient.c.created_at, site.c.time_zone)
        .join(site, site.c.id == patient.c.site_id)
        .where(patient.c.died_on.is_(None), ~sa.exists().where(plan.c.patient_id == patient.c.id))
    )
    for patient_id, site_id, created_at, zone in connection.execute(statement).all():
        since = created_at.astimezone(ZoneInfo(zone)).date()
        yield {"patient_id": patient_id, "kind": "without_plan", "site_id": site_id, "since": since, "plan_id": None}


def _words(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    columns = _columns(id=sa.Uuid(), site_id=sa.Uuid(), folded=sa.String(), mrn=sa.String())
    patient = sa.table("patient", *columns)
    for patient_id, site_id, folded, mrn in connection.execute(sa.select(*patient.c)).all():
        for word in {*folded.split(), *_folded(mrn).split()}:
            yield {"patient_id": patient_id, "site_id": site_id, "word": word}


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _columns(**types: Any) -> list[sa.ColumnClause[Any]]:
    return [sa.column(name, kind) for name, kind in types.items()]


def _insert(connection: sa.Connection, name: str, rows: Iterator[Mapping[str, Any]]) -> None:
    every = list(rows)
    kinds = {"since": sa.Date(), "kind": sa.String(), "word": sa.String()}
    for start in range(0, len(every), AT_ONCE):
        some = every[start : start + AT_ONCE]
        table = sa.table(name, *_columns(**{column: kinds.get(column, sa.Uuid()) for column in some[0]}))
        connection.execute(sa.insert(table), some)
