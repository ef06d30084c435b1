"""flags and people

Safety flags that a clinician confirmed for a booked examination, and what is done instead; who came of age.

Revision 0008, after 0007; 2026-12-01 10:00:00+00:00.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0008"
down_revision: str | Sequence[str] | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

FINDINGS = (
    *("study_early", "booked_outside_window", "booked_unwanted", "booked_twice", "move_not_possible"),
    *("last_scan_unknown", "protocol_ends", "repeat_wanted"),
)
GAPS = ("unreachable", "without_plan", "restart")
CONFLICT = "ix_finding_conflict"
NO_CONFLICT = ("last_scan_unknown", "protocol_ends", "repeat_wanted")
CONFIRMED = (
    "(flags_confirmed_at IS NULL) = (flags_confirmed_by IS NULL) AND (flags_confirmed_at IS NULL) = (flags_reason = '')"
)
REVIEWED = "(of_age_reviewed_on IS NULL) = (of_age_reviewed_by IS NULL)"
CONFIRMATION = ("substitute", "flags_confirmed", "flags_reason", "flags_confirmed_at", "flags_confirmed_by")
REVIEW = ("of_age_reviewed_on", "of_age_reviewed_by")
AT_ONCE = 1000  # rows

_TEXT, _MOMENT = sqlmodel.sql.sqltypes.AutoString(), sqlmodel.sql.sqltypes.UTCDateTime()


def upgrade() -> None:
    with op.batch_alter_table("appointment_item", schema=None) as batch_op:
        batch_op.add_column(sa.Column("substitute", _TEXT, nullable=False, server_default=""))
        batch_op.add_column(sa.Column("flags_confirmed", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("flags_reason", _TEXT, nullable=False, server_default=""))
        batch_op.add_column(sa.Column("flags_confirmed_at", _MOMENT, nullable=True))
        batch_op.add_column(sa.Column("flags_confirmed_by", sa.Uuid(), nullable=True))
        _names_a_user(batch_op, "appointment_item", "flags_confirmed_by")
        batch_op.create_check_constraint(op.f("ck_appointment_item_flags_confirmed_by_name"), sa.text(CONFIRMED))
    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.add_column(sa.Column("of_age_reviewed_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("of_age_reviewed_by", sa.Uuid(), nullable=True))
        _names_a_user(batch_op, "patient", "of_age_reviewed_by")
        batch_op.create_check_constraint(op.f("ck_patient_of_age_reviewed_by_name"), sa.text(REVIEWED))
    _conflicts((*FINDINGS, "flag_unconfirmed"), (*NO_CONFLICT, "flag_unconfirmed"))
    _words("gap", "gap_kind", (*GAPS, "of_age"))
    _insert(op.get_bind())


def downgrade() -> None:
    op.execute("DELETE FROM finding WHERE kind = 'flag_unconfirmed'")
    op.execute("DELETE FROM gap WHERE kind = 'of_age'")
    _words("gap", "gap_kind", GAPS)
    _conflicts(FINDINGS, NO_CONFLICT)
    for table, check, columns in (
        ("patient", "of_age_reviewed_by_name", REVIEW),
        ("appointment_item", "flags_confirmed_by_name", CONFIRMATION),
    ):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(op.f(f"ck_{table}_{check}"), type_="check")
            batch_op.drop_constraint(op.f(f"fk_{table}_{columns[-1]}"), type_="foreignkey")
            for column in columns:
                batch_op.drop_column(column)


def _names_a_user(batch_op: Any, table: str, column: str) -> None:
    batch_op.create_foreign_key(op.f(f"fk_{table}_{column}"), "user_account", [column], ["id"])


def _conflicts(kinds: Sequence[str], other: Sequence[str]) -> None:
    """What a finding may be, and which of them are no conflicts."""
    op.drop_index(CONFLICT, "finding")
    _words("finding", "finding_kind", kinds)
    condition = sa.text(f"kind NOT IN ({_listed(other)})")
    op.create_index(CONFLICT, "finding", ["site_id", "since", "id"], sqlite_where=condition, postgresql_where=condition)


def _words(table: str, name: str, words: Sequence[str]) -> None:
    with op.batch_alter_table(table, schema=None) as batch_op:
        batch_op.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
        batch_op.create_check_constraint(op.f(f"ck_{table}_{name}"), sa.text(f"kind IN ({_listed(words)})"))


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


# -- who was registered as a minor ---------------------------------------------------------------------------------

_PATIENT = sa.table(
    "patient",
    *(sa.column(name, sa.Uuid()) for name in ("id", "site_id")),
    *(sa.column(name, sa.Date()) for name in ("birth_date", "died_on")),
    sa.column("created_at", _MOMENT),
)
_SITE = sa.table(
    "site", sa.column("id", sa.Uuid()), sa.column("age_of_majority", sa.Integer()), sa.column("time_zone", sa.String())
)
_PLAN = sa.table(
    "plan", *(sa.column(name, sa.Uuid()) for name in ("id", "patient_id")), sa.column("ended_on", sa.Date())
)
_GAP = sa.table(
    "gap",
    *(sa.column(name, sa.Uuid()) for name in ("patient_id", "site_id", "plan_id")),
    sa.column("kind", sa.String()),
    sa.column("since", sa.Date()),
)


def _insert(connection: sa.Connection) -> None:
    rows = list(_minors(connection))
    for start in range(0, len(rows), AT_ONCE):
        connection.execute(sa.insert(_GAP), rows[start : start + AT_ONCE])


def _minors(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """Living patients with an active plan who were under age when they were registered."""
    statement = (
        sa.select(_PATIENT, _SITE.c.age_of_majority, _SITE.c.time_zone, _PLAN.c.id.label("plan_id"))
        .join(_SITE, _SITE.c.id == _PATIENT.c.site_id)
        .join(_PLAN, sa.and_(_PLAN.c.patient_id == _PATIENT.c.id, _PLAN.c.ended_on.is_(None)))
        .where(_PATIENT.c.died_on.is_(None))
    )
    for row in connection.execute(statement):
        day = _birthday(row.birth_date, row.age_of_majority)
        if row.created_at.astimezone(ZoneInfo(row.time_zone)).date() < day:
            owners = {"patient_id": row.id, "site_id": row.site_id, "plan_id": row.plan_id}
            yield owners | {"kind": "of_age", "since": day}


def _birthday(born: date, years: int) -> date:
    """Who is born on 29 February comes of age on 28 February where the year has no other."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 2, 28)
