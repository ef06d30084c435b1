"""deferrals

Every way of putting somebody off is one thing with a reason, a role and a day; what stands before the upgrade is taken
over, and what was switched off without a day is looked at within three months.

Revision 0005, after 0004; 2026-12-01 04:34:06.595234+00:00.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KINDS = ("off", "move", "skip", "hold", "snooze", "restart", "transfer")
ROLES = ("admin", "coordinator", "clinician", "viewer")
LOOK_AGAIN = timedelta(days=92)  # what is off without a day
BEFORE = "recorded before deferrals were"
STANDING = "settled_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "deferral",
        sa.Column("recorded_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("kind", _one_of("deferral_kind", KINDS), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("item", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("role", _one_of("role", ROLES), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("cap", sa.Date(), nullable=False),
        sa.Column("settled_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("settled_by", sa.Uuid(), nullable=True),
        sa.Column("settled_why", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint("length(reason) > 0", name=op.f("ck_deferral_reason_given")),
        sa.CheckConstraint("until <= cap", name=op.f("ck_deferral_within_cap")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_deferral_patient_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_deferral_plan_id")),
        sa.ForeignKeyConstraint(["recorded_by"], ["user_account.id"], name=op.f("fk_deferral_recorded_by")),
        sa.ForeignKeyConstraint(["settled_by"], ["user_account.id"], name=op.f("fk_deferral_settled_by")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_deferral_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deferral")),
    )
    where = {"sqlite_where": sa.text(STANDING), "postgresql_where": sa.text(STANDING)}
    with op.batch_alter_table("deferral", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deferral_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_deferral_site_id"), ["site_id"], unique=False)
        batch_op.create_index("ix_deferral_until", ["site_id", "until", "id"], unique=False, **where)
        batch_op.create_index("uq_deferral_standing", ["kind", "subject", "item"], unique=True, **where)
    with op.batch_alter_table("site", schema=None) as batch_op:
        batch_op.add_column(sa.Column("deferral_caps", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("site", schema=None) as batch_op:
        batch_op.alter_column("deferral_caps", server_default=None)
    _take_over(op.get_bind())


def downgrade() -> None:
    with op.batch_alter_table("site", schema=None) as batch_op:
        batch_op.drop_column("deferral_caps")
    where = {"sqlite_where": sa.text(STANDING), "postgresql_where": sa.text(STANDING)}
    with op.batch_alter_table("deferral", schema=None) as batch_op:
        batch_op.drop_index("uq_deferral_standing", **where)
        batch_op.drop_index("ix_deferral_until", **where)
        batch_op.drop_index(batch_op.f("ix_deferral_site_id"))
        batch_op.drop_index(batch_op.f("ix_deferral_patient_id"))
    op.drop_table("deferral")


def _one_of(name: str, words: Sequence[str]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=24)


# -- what stands already ---------------------------------------------------------------------------------------


def _take_over(connection: sa.Connection) -> None:
    """Holds in force, moves and skips to come, rows put aside, restarts to come, and items that are off."""
    now = datetime.now(UTC)
    tables = sa.MetaData()
    tables.reflect(connection, only=[
        "patient", "plan", "plan_terms", "plan_hold", "override", "board_action", "protocol_version", "membership",
        "deferral", "audit_event",
    ])  # fmt: skip
    roles = {
        (_uuid(row.user_id), _uuid(row.site_id)): row.role
        for row in connection.execute(tables.tables["membership"].select())
    }
    found = list(_standing(connection, tables.tables, now.date()))
    for values in found:
        role = roles.get((values["recorded_by"], values["site_id"]), "")
        values["role"] = role if role in ("coordinator", "clinician") else "coordinator"
        values |= {"id": uuid4(), "cap": values["until"], "settled_why": "", "recorded_at": now}
    if not found:
        return
    connection.execute(sa.insert(_typed(tables.tables["deferral"])), found)
    connection.execute(sa.insert(_typed(tables.tables["audit_event"])), [_event(values, now) for values in found])


def _typed(table: sa.Table) -> sa.Table:
    """The reflected table with the types that the service writes: ids as UUIDs, moments in UTC."""
    for column in table.columns:
        if column.name in ("recorded_at", "at", "settled_at"):
            column.type = sqlmodel.sql.sqltypes.UTCDateTime()
        elif column.name in ("id", "site_id", "patient_id", "plan_id", "recorded_by", "user_id") and not isinstance(
            column.type, sa.Integer
        ):
            column.type = sa.Uuid()
    return table


def _event(values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "site_id": _uuid(values["site_id"]), "at": now, "user_id": _uuid(values["recorded_by"]), "account": "",
        "action": "deferral.grant", "subject": "deferral", "subject_id": str(values["id"]),
        "patient_id": _uuid(values["patient_id"]), "reason": BEFORE,
    }  # fmt: skip


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))


def _standing(connection: sa.Connection, tables: Any, today: date) -> Iterator[dict[str, Any]]:
    plans = {_uuid(row.id): row for row in connection.execute(tables["plan"].select())}
    active = {plan_id: row for plan_id, row in plans.items() if row.ended_on is None}
    alive = {_uuid(row.id) for row in connection.execute(tables["patient"].select()) if row.died_on is None}
    newest = {_uuid(row.patient_id): row for row in sorted(plans.values(), key=lambda row: row.number)}
    yield from _holds(connection, tables, active, today)
    yield from _words(connection, tables, active, today)
    yield from _aside(connection, tables, today)
    yield from _restarts(newest, alive, today)
    yield from _off(connection, tables, active, today)


def _row(source: Any, kind: str, subject: str, until: date, today: date, **more: Any) -> dict[str, Any]:
    values = {"item": "", "reason": BEFORE, "plan_id": None, **more}
    return values | {
        "kind": kind, "subject": subject, "since": min(today, until), "until": until,
        "site_id": _uuid(source.site_id), "recorded_by": _uuid(values.pop("by", None) or source.recorded_by),
        "patient_id": _uuid(values.pop("whose", None) or source.patient_id),
    }  # fmt: skip


def _holds(connection: sa.Connection, tables: Any, active: Mapping[UUID, Any], today: date) -> Iterator[dict[str, Any]]:
    hold = tables["plan_hold"]
    in_force = hold.select().where(hold.c.resumed_on.is_(None), hold.c.retracted_at.is_(None))
    for row in connection.execute(in_force):
        if plan := active.get(_uuid(row.plan_id)):
            more = {"item": row.item or "", "reason": row.reason, "plan_id": _uuid(row.plan_id)}
            yield _row(row, "hold", str(_uuid(row.id)), row.review_on, today, whose=plan.patient_id, **more)


def _words(connection: sa.Connection, tables: Any, active: Mapping[UUID, Any], today: date) -> Iterator[dict[str, Any]]:
    """Of several moves or skips of one examination the last one holds."""
    word = tables["override"]
    standing = word.select().where(word.c.kind.in_(("move", "skip")), word.c.retracted_at.is_(None))
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for row in connection.execute(standing.order_by(word.c.recorded_at, word.c.id)):
        plan = active.get(_uuid(row.plan_id))
        if plan is None or row.day < today:
            continue
        what = _uuid(row.extra_id) if row.month is None else row.month
        subject = f"{_uuid(row.plan_id)}:{row.item}:{what}"
        more = {"item": row.item, "reason": row.reason, "plan_id": _uuid(row.plan_id)}
        last[row.kind, subject] = _row(row, row.kind, subject, row.day, today, whose=plan.patient_id, **more)
    yield from last.values()


def _aside(connection: sa.Connection, tables: Any, today: date) -> Iterator[dict[str, Any]]:
    action = tables["board_action"]
    last: dict[str, Any] = {}
    for row in connection.execute(action.select().where(action.c.until.is_not(None)).order_by(action.c.at)):
        last[f"{row.worklist}:{row.subject}"] = row
    for subject, row in last.items():
        if row.until > today:
            yield _row(row, "snooze", subject, row.until, today, by=row.user_id, reason=row.text or BEFORE)


def _restarts(newest: Mapping[UUID, Any], alive: set[UUID], today: date) -> Iterator[dict[str, Any]]:
    for patient_id, row in newest.items():
        if row.ended_on is not None and row.restart_by is not None and patient_id in alive:
            by = row.end_signed_by or row.recorded_by
            yield _row(row, "restart", str(_uuid(row.id)), row.restart_by, today, by=by, plan_id=_uuid(row.id))


def _off(connection: sa.Connection, tables: Any, active: Mapping[UUID, Any], today: date) -> Iterator[dict[str, Any]]:
    """Items that a protocol repeats by itself and the last terms of a plan switch off."""
    documents = {row.key: _repeated(row.document) for row in connection.execute(tables["protocol_version"].select())}
    terms = tables["plan_terms"]
    last: dict[UUID, Any] = {}
    for row in connection.execute(terms.select().where(terms.c.retracted_at.is_(None)).order_by(terms.c.recorded_at)):
        before = last.get(_uuid(row.plan_id))
        if before is None or (row.since or date.min) >= (before.since or date.min):
            last[_uuid(row.plan_id)] = row
    for plan_id, row in last.items():
        chosen = row.intervals if isinstance(row.intervals, dict) else json.loads(row.intervals)
        for item in documents.get(row.protocol_key, ()) if plan_id in active else ():
            if item in chosen and chosen[item] is None:
                more = {"item": item, "plan_id": plan_id, "whose": active[plan_id].patient_id, "by": row.chosen_by}
                yield _row(row, "off", str(plan_id), today + LOOK_AGAIN, today, **more)


def _repeated(document: str) -> list[str]:
    try:
        items = json.loads(document)["items"]
    except (ValueError, KeyError, TypeError):
        return []  # no protocol of ours: nothing is known of its items
    return [item["code"] for item in items if item.get("enabled", item.get("default") != "off")]
