"""a result is an obligation

The versions of a report, what follows from a result and the tasks that come of it; inadequate studies; the days that a
site gives each step.

Revision 0006, after 0005; 2026-12-01 04:30:00+00:00.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0006"
down_revision: str | Sequence[str] | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

AT_ONCE = 1000  # rows
REPORT_STATUS = ("registered", "preliminary", "final", "amended", "corrected", "cancelled")
FOLLOW_UP = ("extra", "hold", "end", "restart", "task", "continue", "repeat", "noted")
# table, column, name of the constraint, the words there were, the words there are
WORDS: Sequence[tuple[str, str, str, Sequence[str], Sequence[str]]] = (
    ("study", "result", "result", ("clear", "indeterminate", "suspicious", "recurrence"), ("inadequate",)),
    (
        "finding",
        "kind",
        "finding_kind",
        (
            *("study_early", "booked_outside_window", "booked_unwanted", "booked_twice", "move_not_possible"),
            *("last_scan_unknown", "protocol_ends"),
        ),
        ("repeat_wanted",),
    ),
    ("override", "kind", "override_kind", ("move", "skip", "counts", "extra_evidence", "known_blank"), ("fits",)),
)
_UNTOLD = "reviewed_on IS NOT NULL AND told_on IS NULL AND to_review_since IS NULL AND retracted_at IS NULL"
# name, table, columns, of which rows
INDEXES: Sequence[tuple[str, str, Sequence[str], str]] = (
    (
        "ix_study_unreviewed",
        "study",
        ("site_id", "to_review_since", "id"),
        "to_review_since IS NOT NULL AND retracted_at IS NULL AND NOT history",
    ),
    (
        "ix_study_unsettled",
        "study",
        ("site_id", "reviewed_on", "id"),
        "result <> 'clear' AND next_action_done_on IS NULL AND retracted_at IS NULL",
    ),
    (
        "ix_study_untold",
        "study",
        ("site_id", "reviewed_on", "id"),
        f"{_UNTOLD} AND NOT history",
    ),
    (
        "ix_study_undecided",
        "study",
        ("patient_id",),
        "result IN ('suspicious', 'recurrence') AND next_action_done_on IS NULL AND retracted_at IS NULL",
    ),
    (
        "ix_finding_conflict",
        "finding",
        ("site_id", "since", "id"),
        "kind NOT IN ('last_scan_unknown', 'protocol_ends', 'repeat_wanted')",
    ),
)
REPLACED: Sequence[tuple[str, str, Sequence[str], str]] = (
    (
        "ix_study_unreviewed",
        "study",
        ("site_id", "reported_on", "id"),
        "reviewed_on IS NULL AND reported_on IS NOT NULL AND retracted_at IS NULL AND NOT history",
    ),
    (
        "ix_study_unsettled",
        "study",
        ("site_id", "reviewed_on"),
        "result <> 'clear' AND next_action_done_on IS NULL AND retracted_at IS NULL",
    ),
    (
        "ix_finding_conflict",
        "finding",
        ("site_id", "since", "id"),
        "kind NOT IN ('last_scan_unknown', 'protocol_ends')",
    ),
)
REVIEWED_AFTER_REPORT = "reviewed_on IS NULL OR {} IS NOT NULL"
REPEAT_OF_INADEQUATE = "(repeat_by IS NOT NULL) = (result IS NOT NULL AND result = 'inadequate')"
# A report that is there was final; one that no review has seen waits for its review.
COUNT_REPORTS = (
    "UPDATE study SET report_status = 'final' WHERE reported_on IS NOT NULL",
    "UPDATE study SET to_review_since = reported_on WHERE reported_on IS NOT NULL AND reviewed_on IS NULL",
    "UPDATE site SET report_days = 14",  # what all sites had until now
)
# What the version before has no words for; only a review that saw no final report had none.
FORGET = (
    "UPDATE study SET result = 'indeterminate', repeat_by = NULL WHERE result = 'inadequate'",
    "UPDATE study SET reported_on = reviewed_on WHERE reported_on IS NULL AND reviewed_on IS NOT NULL",
    "DELETE FROM override WHERE kind = 'fits'",
    "DELETE FROM finding WHERE kind = 'repeat_wanted'",
)

_TEXT, _MOMENT = sqlmodel.sql.sqltypes.AutoString(), sqlmodel.sql.sqltypes.UTCDateTime()


def upgrade() -> None:
    with op.batch_alter_table("site", schema=None) as batch_op:
        for name in ("report_days", "review_days", "told_days"):
            batch_op.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="7"))
    _create_tables()
    _drop(REPLACED)
    with op.batch_alter_table("study", schema=None) as batch_op:
        batch_op.add_column(sa.Column("report_status", _one_of("report_status", REPORT_STATUS), nullable=True))
        for name in ("to_review_since", "repeat_by"):
            batch_op.add_column(sa.Column(name, sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("modality_stated", sa.Boolean(), nullable=False, server_default=sa.false()))
    for statement in COUNT_REPORTS:
        op.execute(statement)
    for table, column, name, before, more in WORDS:
        _words(table, column, name, (*before, *more))
    with op.batch_alter_table("study", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_study_reviewed_after_report"), type_="check")
        condition = sa.text(REVIEWED_AFTER_REPORT.format("report_status"))
        batch_op.create_check_constraint(op.f("ck_study_reviewed_after_report"), condition)
        batch_op.create_check_constraint(op.f("ck_study_repeat_of_inadequate"), sa.text(REPEAT_OF_INADEQUATE))
    _create(INDEXES)
    connection = op.get_bind()
    _insert(connection, "study_report", _versions(connection))
    _insert(connection, "study_follow_up", _ticks(connection))


def downgrade() -> None:
    _drop(INDEXES)
    with op.batch_alter_table("study", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_study_repeat_of_inadequate"), type_="check")
    for statement in FORGET:
        op.execute(statement)
    for table, column, name, before, _ in WORDS:
        _words(table, column, name, before)
    with op.batch_alter_table("study", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_study_reviewed_after_report"), type_="check")
        condition = sa.text(REVIEWED_AFTER_REPORT.format("reported_on"))
        batch_op.create_check_constraint(op.f("ck_study_reviewed_after_report"), condition)
        batch_op.drop_constraint(op.f("ck_study_report_status"), type_="check")
        for column in ("modality_stated", "repeat_by", "to_review_since", "report_status"):
            batch_op.drop_column(column)
    _create(REPLACED)
    for table in ("study_follow_up", "result_task", "study_report"):
        op.drop_table(table)
    with op.batch_alter_table("site", schema=None) as batch_op:
        for column in ("told_days", "review_days", "report_days"):
            batch_op.drop_column(column)


# -- tables ----------------------------------------------------------------------------------------------------


def _one_of(name: str, words: Sequence[str]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=24)


def _create_tables() -> None:
    _table(
        "study_report",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", _one_of("report_status", REPORT_STATUS), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("note", _TEXT, nullable=False),
        sa.Column("read_on", sa.Date(), nullable=True),
        sa.Column("read_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(read_on IS NULL) = (read_by IS NULL)", name=op.f("ck_study_report_read_by_somebody")),
        sa.UniqueConstraint("study_id", "number", name=op.f("uq_study_report_study_id_number")),
        keys={"read_by": "user_account"},
    )
    _table(
        "result_task",
        sa.Column("what", _TEXT, nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("done_by", sa.Uuid(), nullable=True),
        sa.Column("outcome", _TEXT, nullable=False),
        sa.CheckConstraint("length(what) > 0", name=op.f("ck_result_task_what_given")),
        sa.CheckConstraint(
            "done_on IS NULL OR (done_by IS NOT NULL AND length(outcome) > 0)",
            name=op.f("ck_result_task_done_has_outcome"),
        ),
        keys={"owner_id": "user_account", "done_by": "user_account"},
        indexed=("study_id", "owner_id"),
    )
    _table(
        "study_follow_up",
        sa.Column("kind", _one_of("follow_up", FOLLOW_UP), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=True) for name in ("extra_id", "hold_id", "plan_id", "task_id")),
        sa.Column("reason", _TEXT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_study_follow_up_{name}"))
            for name, condition in (
                ("extra_linked", "(kind = 'extra') = (extra_id IS NOT NULL)"),
                ("hold_linked", "(kind = 'hold') = (hold_id IS NOT NULL)"),
                ("plan_linked", "(kind IN ('end', 'restart')) = (plan_id IS NOT NULL)"),
                ("task_linked", "(kind = 'task') = (task_id IS NOT NULL)"),
                ("continue_has_reason", "kind <> 'continue' OR length(reason) > 0"),
            )
        ),
        keys={
            "extra_id": "extra_examination",
            "hold_id": "plan_hold",
            "plan_id": "plan",
            "task_id": "result_task",
        },
        indexed=("extra_id", "hold_id", "plan_id", "task_id"),
    )
    _create((("ix_result_task_open", "result_task", ("site_id", "due_on", "id"), _OPEN_TASK),))
    condition = sa.text("retracted_at IS NULL")
    op.create_index(
        "uq_study_follow_up",
        "study_follow_up",
        ["study_id"],
        unique=True,
        sqlite_where=condition,
        postgresql_where=condition,
    )


_OPEN_TASK = "done_on IS NULL AND retracted_at IS NULL"


def _table(name: str, *own: sa.schema.SchemaItem, keys: Mapping[str, str], indexed: Sequence[str] = ()) -> None:
    """A table of facts about a study, each recorded by somebody and retractable."""
    owners = {"site_id": "site", "patient_id": "patient", "study_id": "study"}
    people = {"recorded_by": "user_account", "retracted_by": "user_account"}
    op.create_table(
        name,
        sa.Column("retracted_at", _MOMENT, nullable=True),
        sa.Column("retracted_by", sa.Uuid(), nullable=True),
        sa.Column("retracted_reason", _TEXT, nullable=True),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("study_id", sa.Uuid(), nullable=False),
        *own,
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_{name}_{column}"))
            for column, table in (owners | people | keys).items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    for column in ("site_id", "patient_id", *indexed):
        op.create_index(op.f(f"ix_{name}_{column}"), name, [column])


def _words(table: str, column: str, name: str, words: Sequence[str]) -> None:
    """What a column may say; the name of the constraint is taken as it is."""
    listed = ", ".join(f"'{word}'" for word in words)
    with op.batch_alter_table(table, schema=None) as batch_op:
        batch_op.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
        batch_op.create_check_constraint(op.f(f"ck_{table}_{name}"), sa.text(f"{column} IN ({listed})"))


def _create(indexes: Sequence[tuple[str, str, Sequence[str], str]]) -> None:
    for name, table, columns, where in indexes:
        condition = sa.text(where)
        op.create_index(name, table, list(columns), sqlite_where=condition, postgresql_where=condition)


def _drop(indexes: Sequence[tuple[str, str, Sequence[str], str]]) -> None:
    for name, table, *_ in indexes:
        op.drop_index(name, table)


# -- what was recorded before ------------------------------------------------------------------------------------

_STUDY = sa.table(
    "study",
    *(sa.column(name, sa.Uuid()) for name in ("id", "site_id", "patient_id", "recorded_by", "reviewed_by")),
    *(sa.column(name, sa.Date()) for name in ("reported_on", "reviewed_on", "next_action_done_on")),
    sa.column("next_action", sa.String()),
    sa.column("recorded_at", _MOMENT),
)


def _versions(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """The final version of each report that is on record."""
    said = _last_word(connection, "study.report")
    for row in connection.execute(sa.select(_STUDY).where(_STUDY.c.reported_on.is_not(None))).all():
        at, by = said.get(row.id, (row.recorded_at, row.recorded_by))
        read = (row.reviewed_on, row.reviewed_by) if row.reviewed_by else (None, None)
        yield _about(row, at, by) | {
            "number": 1,
            "status": "final",
            "day": row.reported_on,
            "note": "",
            "read_on": read[0],
            "read_by": read[1],
        }


def _ticks(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """Next actions that were ticked off: the history stays as it was told."""
    said = _last_word(connection, "study.acted")
    for row in connection.execute(sa.select(_STUDY).where(_STUDY.c.next_action_done_on.is_not(None))).all():
        at, by = said.get(row.id, (row.recorded_at, row.reviewed_by or row.recorded_by))
        yield _about(row, at, by) | {"kind": "noted", "reason": row.next_action, "day": row.next_action_done_on}


def _about(row: Any, at: datetime, by: UUID) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "site_id": row.site_id,
        "patient_id": row.patient_id,
        "study_id": row.id,
        "recorded_at": at,
        "recorded_by": by,
    }


def _last_word(connection: sa.Connection, action: str) -> dict[UUID, tuple[datetime, UUID]]:
    """Who did something to which study, when; the last time counts."""
    event = sa.table(
        "audit_event",
        sa.column("at", _MOMENT),
        sa.column("user_id", sa.Uuid()),
        sa.column("action", sa.String()),
        sa.column("subject_id", sa.String()),
    )
    rows = connection.execute(
        sa.select(event.c.subject_id, event.c.at, event.c.user_id).where(event.c.action == action).order_by(event.c.at)
    )
    return {UUID(subject): (at, user) for subject, at, user in rows}


def _insert(connection: sa.Connection, name: str, rows: Iterator[Mapping[str, Any]]) -> None:
    every = list(rows)
    kinds: Mapping[type, Any] = {
        int: sa.Integer(),
        UUID: sa.Uuid(),
        datetime: _MOMENT,
        date: sa.Date(),
        str: sa.String(),
    }
    dates = ("read_on",)
    for start in range(0, len(every), AT_ONCE):
        some = every[start : start + AT_ONCE]
        columns = [
            sa.column(column, sa.Date() if column in dates else kinds.get(type(value), sa.Uuid()))
            for column, value in some[0].items()
        ]
        connection.execute(sa.insert(sa.table(name, *columns)), some)
