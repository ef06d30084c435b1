"""one plan a disease

The diseases of a patient, each with its own plan; whose primary site a study examined; what each disease lacks.

Revision 0009, after 0008; 2026-12-01 10:30:00+00:00.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0009"
down_revision: str | Sequence[str] | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

AT_ONCE = 1000  # rows
SIDES = ("left", "right", "both", "midline", "unknown")
ACTIVE = "ended_on IS NULL"
# A patient who had a plan has one disease, and that is what a plan, a restart and each study are about.
WHOLE, FIRST = 0, 1
OF_THE_DISEASE = """
UPDATE gap SET number = 1 WHERE kind = 'restart'
    OR (kind = 'without_plan' AND EXISTS (SELECT 1 FROM plan WHERE plan.patient_id = gap.patient_id))
"""
LINK_PLANS = """
UPDATE plan SET condition_id = (SELECT condition.id FROM condition WHERE condition.patient_id = plan.patient_id)
"""
LINK_STUDIES = """
UPDATE study SET condition_id = (SELECT condition.id FROM condition WHERE condition.patient_id = study.patient_id)
"""
# Going back: of what the version before keeps once a patient, the oldest one stays.
KEEP_OLDEST = """
DELETE FROM gap WHERE EXISTS (
    SELECT 1 FROM gap AS other WHERE other.patient_id = gap.patient_id AND other.kind = gap.kind
        AND (other.since < gap.since OR (other.since = gap.since AND other.number < gap.number)))
"""
SEVERAL = """
SELECT count(*) FROM (
    SELECT patient_id FROM plan WHERE ended_on IS NULL GROUP BY patient_id HAVING count(*) > 1) AS several
"""

_TEXT, _MOMENT = sqlmodel.sql.sqltypes.AutoString(), sqlmodel.sql.sqltypes.UTCDateTime()


def upgrade() -> None:
    _create_conditions()
    for table in ("plan", "study"):
        op.add_column(table, sa.Column("condition_id", sa.Uuid(), nullable=True))
    op.add_column("gap", sa.Column("number", sa.Integer(), nullable=False, server_default=str(WHOLE)))
    connection = op.get_bind()
    _give_conditions(connection)
    for statement in (LINK_PLANS, LINK_STUDIES, OF_THE_DISEASE):
        op.execute(statement)
    _plans_of("condition_id")
    with op.batch_alter_table("study", schema=None) as batch_op:
        batch_op.create_foreign_key(op.f("fk_study_condition_id"), "condition", ["condition_id"], ["id"])
    with op.batch_alter_table("plan", schema=None) as batch_op:
        batch_op.alter_column("condition_id", nullable=False, existing_type=sa.Uuid())
        batch_op.create_foreign_key(op.f("fk_plan_condition_id"), "condition", ["condition_id"], ["id"])
    op.create_index(op.f("ix_plan_condition_id"), "plan", ["condition_id"])
    _gaps_by("patient_id", "kind", "number")
    with op.batch_alter_table("gap", schema=None) as batch_op:
        batch_op.alter_column("number", server_default=None)


def downgrade() -> None:
    several = op.get_bind().scalar(sa.text(SEVERAL))
    if several:
        raise RuntimeError(
            f"{several} patients have plans for more than one disease, which the version before cannot keep; end all"
            " but one of each patient's first"
        )
    op.execute(KEEP_OLDEST)
    _gaps_by("patient_id", "kind")
    op.drop_index(op.f("ix_plan_condition_id"), "plan")
    _plans_of("patient_id")
    with op.batch_alter_table("gap", schema=None) as batch_op:
        batch_op.drop_column("number")
    with op.batch_alter_table("study", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("fk_study_condition_id"), type_="foreignkey")
        batch_op.drop_column("condition_id")
    with op.batch_alter_table("plan", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("fk_plan_condition_id"), type_="foreignkey")
        batch_op.drop_column("condition_id")
    op.drop_table("condition")


def _create_conditions() -> None:
    words = ("diagnosis", "code", "code_system", "body_site", "grade", "margin", "stage")
    side = sa.Enum(*SIDES, name="side", native_enum=False, create_constraint=True, length=24)
    op.create_table(
        "condition",
        sa.Column("retracted_at", _MOMENT, nullable=True),
        sa.Column("retracted_by", sa.Uuid(), nullable=True),
        sa.Column("retracted_reason", _TEXT, nullable=True),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        *(sa.Column(name, _TEXT, nullable=False) for name in words),
        sa.Column("side", side, nullable=False),
        sa.Column("diagnosed_on", sa.Date(), nullable=True),
        sa.CheckConstraint("number > 0", name=op.f("ck_condition_counted_from_one")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_condition_patient_id")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user_account.id"], name=op.f("fk_condition_recorded_by")),
        sa.ForeignKeyConstraint(["retracted_by"], ["user_account.id"], name=op.f("fk_condition_retracted_by")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_condition_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_condition")),
        sa.UniqueConstraint("patient_id", "number", name=op.f("uq_condition_patient_id_number")),
    )
    op.create_index(op.f("ix_condition_patient_id"), "condition", ["patient_id"])
    op.create_index(op.f("ix_condition_site_id"), "condition", ["site_id"])


def _plans_of(column: str) -> None:
    """One active plan for each value of the column."""
    where = sa.text(ACTIVE)
    op.drop_index("uq_plan_active", "plan")
    op.create_index("uq_plan_active", "plan", [column], unique=True, sqlite_where=where, postgresql_where=where)


def _gaps_by(*columns: str) -> None:
    with op.batch_alter_table("gap", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("pk_gap"), type_="primary")
        batch_op.create_primary_key(op.f("pk_gap"), list(columns))


# -- what was recorded before ------------------------------------------------------------------------------------

_PLAN = sa.table(
    "plan",
    *(sa.column(name, sa.Uuid()) for name in ("id", "site_id", "patient_id", "recorded_by")),
    sa.column("number", sa.Integer()),
    sa.column("recorded_at", _MOMENT),
)


def _give_conditions(connection: sa.Connection) -> None:
    """Each patient with a plan has one disease, of which nobody has said more yet; and the event that tells of it."""
    firsts: dict[UUID, Any] = {}
    for row in connection.execute(sa.select(_PLAN).order_by(_PLAN.c.number)):
        firsts.setdefault(row.patient_id, row)
    given = [
        {
            "id": uuid4(), "site_id": row.site_id, "patient_id": row.patient_id, "number": FIRST, "diagnosis": "",
            "code": "", "code_system": "", "body_site": "", "side": "unknown", "grade": "", "margin": "", "stage": "",
            "recorded_at": row.recorded_at, "recorded_by": row.recorded_by,
        }
        for row in firsts.values()
    ]  # fmt: skip
    _insert(connection, "condition", given)
    _insert(connection, "audit_event", map(_event, given))


def _event(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "site_id": row["site_id"], "at": row["recorded_at"], "user_id": row["recorded_by"], "account": "",
        "action": "condition.add", "subject": "condition", "subject_id": str(row["id"]),
        "patient_id": row["patient_id"], "reason": "recorded before diseases were told apart",
    }  # fmt: skip


def _insert(connection: sa.Connection, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    every = list(rows)
    kinds = {"at": _MOMENT, "recorded_at": _MOMENT, "number": sa.Integer()}
    for start in range(0, len(every), AT_ONCE):
        some = every[start : start + AT_ONCE]
        columns = [
            sa.column(column, kinds.get(column, sa.Uuid() if isinstance(value, UUID) else sa.String()))
            for column, value in some[0].items()
        ]
        connection.execute(sa.insert(sa.table(name, *columns)), some)
