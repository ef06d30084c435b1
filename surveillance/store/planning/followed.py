"""Which protocol versions plans follow."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import orm
from sqlmodel import Session, col

from surveillance.store.tables import Plan, PlanTerms


def counts(session: Session, site_ids: Sequence[UUID]) -> dict[tuple[UUID, str], int]:
    """(site, protocol version) → active plans that follow it, or will from a day that is set."""
    statement = (
        sa.select(col(Plan.site_id), col(PlanTerms.protocol_key), sa.func.count())
        .select_from(Plan)
        .join(PlanTerms, col(PlanTerms.plan_id) == col(Plan.id))
        .where(col(Plan.site_id).in_(site_ids), col(Plan.ended_on).is_(None), *last_terms())
        .group_by(col(Plan.site_id), col(PlanTerms.protocol_key))
    )
    return {(row[0], row[1]): row[2] for row in session.connection().execute(statement)}


def last_terms() -> tuple[Any, ...]:
    """Of the terms of a plan those that come last, as ``plans.terms_in_force`` orders them."""
    later, start = orm.aliased(PlanTerms), sa.literal(date.min, sa.Date)
    day, other = (sa.func.coalesce(col(row.since), start) for row in (PlanTerms, later))
    same_day = sa.and_(
        other == day,
        sa.tuple_(col(later.recorded_at), col(later.id)) > sa.tuple_(col(PlanTerms.recorded_at), col(PlanTerms.id)),
    )
    overruled = sa.exists().where(
        col(later.plan_id) == col(PlanTerms.plan_id), col(later.retracted_at).is_(None), sa.or_(other > day, same_day)
    )
    return col(PlanTerms.retracted_at).is_(None), ~overruled
