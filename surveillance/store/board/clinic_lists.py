"""The lists of the board about people and the clinic itself: who came of age, whose owner is gone, who is missing.

Rows of the clinic itself are about no patient.
"""

from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from surveillance.core.people.care_gaps import GapKind
from surveillance.core.words import Role
from surveillance.store.board.base import APPROVED_BY, SITE, TODAY, Query, alive, chosen, fields, gap, plain_id
from surveillance.store.registry import staff
from surveillance.store.tables import Approval, CareGap, Patient, Plan, PlanTerms, ResultTask, Site, User


def of_age() -> Query:
    """Registered as minors; their contacts and consents are theirs to say since the age of majority."""
    query = gap(GapKind.OF_AGE, col(Patient.id), *fields(Patient, "birth_date"))
    return query.where(col(CareGap.since) <= TODAY)


def _since_gone() -> Any:
    """When the owner's account was closed; whoever left the site is gone as of today."""
    return sa.type_coerce(sa.func.coalesce(sa.func.date(col(User.disabled_at)), TODAY), sa.Date)


def _nobody() -> Any:
    return sa.cast(sa.null(), sa.Uuid())


def owner_gone() -> Query:
    """Living patients in follow-up whose owner may not act here any more; the row is nobody's."""
    query = chosen(Patient.id, _since_gone(), col(User.name).label("owner_name"), owner=_nobody())
    followed = sa.or_(
        sa.exists().where(col(Plan.patient_id) == col(Patient.id), col(Plan.ended_on).is_(None)),
        sa.exists().where(col(CareGap.patient_id) == col(Patient.id)),
    )
    return (
        query.select_from(Patient)
        .join(User, col(User.id) == col(Patient.owner_id))
        .where(
            col(Patient.site_id) == SITE, sa.text("patient.owner_id IS NOT NULL"), staff.gone(SITE), alive(), followed
        )
    )


def task_owner_gone() -> Query:
    """Tasks that came of a result whose owner may not act here any more."""
    row = ResultTask
    facts = fields(row, "what", "due_on", "study_id")
    query = chosen(row.id, _since_gone(), col(User.name).label("owner_name"), *facts, owner=_nobody())
    return (
        query.select_from(row)
        .join(Patient, col(Patient.id) == col(row.patient_id))
        .join(User, col(User.id) == col(row.owner_id))
        .where(
            col(row.site_id) == SITE,
            sa.text("result_task.done_on IS NULL"),
            sa.text("result_task.retracted_at IS NULL"),
            staff.gone(SITE),
            alive(),
        )
    )


# -- the clinic itself -------------------------------------------------------------------------------------------


def _of_clinic(subject: Any, since: Any, *more: Any) -> Query:
    """The columns that every list begins with, without a patient."""
    no_text = sa.cast(sa.null(), sa.String())
    return sa.select(
        plain_id(subject).label("subject"),
        subject.label("row_id"),
        since.label("since"),
        _nobody().label("patient_id"),
        sa.type_coerce(SITE, sa.Uuid()).label("site_id"),
        no_text.label("mrn"),
        no_text.label("family_name"),
        no_text.label("given_name"),
        no_text.label("folded"),
        _nobody().label("owner_id"),
        *more,
    )


def _without(role: Role) -> Query:
    said = sa.literal(role.value).label("role")
    query = _of_clinic(col(Site.id), col(Site.messages_from), said).where(
        col(Site.id) == SITE, col(Site.messages_from) <= TODAY
    )
    return query.where(~staff.acts(SITE, role))


def without_coordinator() -> Query:
    """The site is live, and no coordinator may act there."""
    return _without(Role.COORDINATOR)


def without_clinician() -> Query:
    """The site is live, and no clinician may act there."""
    return _without(Role.CLINICIAN)


def approvals() -> Query:
    """Approvals of protocols that plans follow, which expired or whose clinician is gone; the service itself, which
    signed before a name was asked for, cannot be."""
    facts = (*fields(Approval, "protocol_key", "recorded_at"), col(User.name).label("signer"), col(User.disabled_at))
    followed = (
        sa.exists()
        .where(
            col(PlanTerms.site_id) == SITE,
            col(PlanTerms.protocol_key) == col(Approval.protocol_key),
            col(PlanTerms.retracted_at).is_(None),
            col(Plan.id) == col(PlanTerms.plan_id),
            col(Plan.ended_on).is_(None),
        )
        .correlate(Approval)
    )
    expired = col(Approval.recorded_at) <= APPROVED_BY
    signer_gone = sa.and_(col(User.system).is_(False), staff.gone(SITE, (Role.CLINICIAN,)))
    return (
        _of_clinic(col(Approval.id), col(Approval.recorded_at), *facts)
        .select_from(Approval)
        .join(User, col(User.id) == col(Approval.recorded_by))
        .where(
            col(Approval.site_id) == SITE,
            col(Approval.retracted_at).is_(None),
            sa.or_(expired, signer_gone),
            followed,
        )
    )
