"""Who is signed in, who tried to, and what programs may come in: only hashes of secrets are stored."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from surveillance.store.tables.columns import Identified, fact_json


class WebSession(SQLModel, table=True):
    """A browser that is signed in. ``proven_at`` is when the second factor was given, or was not asked for.

    ``how`` it was opened: an account may have a password and the hospital's sign-in, which ask for different things.
    ``notice`` is what the next page says once ("Booked."): it may name a patient, so it stays on the server.
    """

    __tablename__ = "web_session"
    token_hash: str = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="user_account.id", index=True)
    how: str = ""
    created_at: datetime
    seen_at: datetime
    proven_at: datetime | None = None
    ended_at: datetime | None = None
    ended_why: str = ""
    notice: str = ""


class SignInFailure(Identified, table=True):
    """A log-in that failed, or another try that is counted. ``subject`` is a hash, as what was typed may have been a
    password."""

    __tablename__ = "sign_in_failure"
    __table_args__ = (sa.Index("ix_sign_in_failure_subject", "subject", "at"),)
    subject: str
    at: datetime


class RecoveryCode(SQLModel, table=True):
    """A code that stands in once for a lost second factor."""

    __tablename__ = "recovery_code"
    code_hash: str = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="user_account.id", index=True)
    used_at: datetime | None = None


class ApiToken(Identified, table=True):
    """A program's way in: it acts as its user, at that user's sites, within ``scopes``."""

    __tablename__ = "api_token"
    user_id: UUID = Field(foreign_key="user_account.id", index=True)
    name: str
    token_hash: str = Field(unique=True)
    scopes: list[str] = fact_json()
    created_at: datetime
    created_by: UUID = Field(foreign_key="user_account.id")
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


class IdempotencyKey(SQLModel, table=True):
    """The answer that a POST got; the same key gives it again instead of doing the work twice."""

    __tablename__ = "idempotency_key"
    token_id: UUID = Field(foreign_key="api_token.id", primary_key=True)
    key: str = Field(primary_key=True, max_length=255)
    fingerprint: str  # of method, path and body: the same key for another request is a mistake
    status: int
    answer: dict[str, Any] = fact_json()
    created_at: datetime = Field(index=True)
