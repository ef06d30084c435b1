"""sources looked at again

A clinician's word to have looked again at a source on which an approved protocol rests, and the day of the next look.

Revision 0010, after 0009; 2026-12-01 10:50:00+00:00.
"""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0010"
down_revision: str | Sequence[str] | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TEXT, _MOMENT = sqlmodel.sql.sqltypes.AutoString(), sqlmodel.sql.sqltypes.UTCDateTime()
# column → the table whose row it names
KEYS = {"protocol_key": "protocol_version.key", "recorded_by": "user_account.id", "site_id": "site.id"}
INDEXED = ("protocol_key", "site_id")


def upgrade() -> None:
    op.create_table(
        "source_review",
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("protocol_key", _TEXT, nullable=False),
        sa.Column("source", _TEXT, nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("found", _TEXT, nullable=False),
        sa.CheckConstraint("length(found) > 0", name=op.f("ck_source_review_found_given")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_review")),
        *(
            sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_source_review_{column}"))
            for column, target in KEYS.items()
        ),
    )
    with op.batch_alter_table("source_review", schema=None) as batch_op:
        for column in INDEXED:
            batch_op.create_index(batch_op.f(f"ix_source_review_{column}"), [column], unique=False)


def downgrade() -> None:
    op.drop_table("source_review")
