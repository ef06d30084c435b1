"""Column helpers shared by all tables: ids, moments, enumerations by value, and who recorded or retracted a fact."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

# Named constraints can be altered by a later migration on both engines.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def one_of(words: type[StrEnum], **options: Any) -> Any:
    """A text column that holds the *values* of an enumeration; the database refuses any other."""
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in words.__name__).strip("_")
    kind = sa.Enum(
        words,
        native_enum=False,
        create_constraint=True,
        name=name,
        length=24,
        values_callable=lambda members: [member.value for member in members],
    )
    return Field(sa_type=kind, **options)


def fact_json(**options: Any) -> Any:
    """A small JSON value."""
    return Field(sa_type=sa.JSON, **options)


def new_id() -> UUID:
    return uuid4()


def partial_index(name: str, *columns: str, where: str) -> sa.Index:
    """An index over the rows of which ``where`` holds; a query takes it only if it says the same in the same words."""
    condition = sa.text(where)
    return sa.Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


class Identified(SQLModel):
    id: UUID = Field(default_factory=new_id, primary_key=True)


class OfSite(SQLModel):
    """Every row knows its site: no effect across sites, and tables can be partitioned by it."""

    site_id: UUID = Field(foreign_key="site.id", index=True)


class Recorded(SQLModel):
    """Who wrote a fact down, and when (UTC)."""

    recorded_at: datetime
    recorded_by: UUID = Field(foreign_key="user_account.id")


class Retractable(SQLModel):
    """A recorded fact is never deleted: it is retracted, with a reason, and then leaves every derivation."""

    retracted_at: datetime | None = None
    retracted_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    retracted_reason: str | None = None
