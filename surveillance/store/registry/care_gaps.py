"""The gaps of patients as they are stored, and what the facts say of them."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import orm
from sqlmodel import Session, col, select

from surveillance.core.dates import local_day
from surveillance.core.people.care_gaps import End, GapKind, Standing, care_gaps
from surveillance.core.words import Channel, ConsentAct
from surveillance.store.tables import CareGap, Consent, Contact, Number, Patient, Plan, Site

Wanted = Mapping[GapKind, CareGap]


def _consents(channel: Channel, address: Any) -> Any:
    """The last line of the ledger is a yes, given for this very address; of one moment a withdrawal holds."""
    given = sa.and_(col(Consent.act) == ConsentAct.GIVEN, col(Consent.address) == address)
    last = (
        sa.select(sa.case((given, 1), else_=0))
        .where(col(Consent.contact_id) == col(Contact.id), col(Consent.channel) == channel)
        .order_by(col(Consent.at).desc(), col(Consent.recorded_at).desc(), col(Consent.act).desc())
        .limit(1)
    )
    return last.correlate(Contact).scalar_subquery() == 1


def _reachable() -> sa.ColumnElement[bool]:
    """A contact that a message, a letter or, on a landline, a call can reach."""
    barred = sa.exists().where(col(Number.phone) == col(Contact.phone), col(Number.opted_out_at).is_not(None))
    mobile = sa.and_(col(Contact.phone_mobile), _consents(Channel.SMS, col(Contact.phone)), ~barred.correlate(Contact))
    by_phone = sa.and_(col(Contact.phone).is_not(None), sa.or_(col(Contact.phone_mobile).is_(False), mobile))
    mailbox = sa.and_(col(Contact.email).is_not(None), col(Contact.email_failed_at).is_(None))
    by_email = sa.and_(mailbox, _consents(Channel.EMAIL, col(Contact.email)))
    by_post = col(Contact.postal_address) != ""
    mine = sa.and_(col(Contact.patient_id) == col(Patient.id), col(Contact.removed_at).is_(None))
    return sa.exists().where(mine, sa.or_(by_email, by_phone, by_post)).correlate(Patient)


def wanted(session: Session, *conditions: Any) -> Iterator[tuple[UUID, Wanted]]:
    """Every patient that the conditions hold for, with the gaps that the facts make."""
    statement = _facts().where(*conditions).execution_options(yield_per=1000)
    for row in session.connection().execute(statement).mappings():
        yield row["patient_id"], _gaps(dict(row))


@lru_cache(maxsize=1)
def _facts() -> sa.Select[Any]:
    """What decides about the gaps of patients. Making it takes longer than asking it of one of them; so it is kept."""
    active, last, later = orm.aliased(Plan), orm.aliased(Plan), orm.aliased(Plan)
    newest = ~sa.exists().where(col(later.patient_id) == col(last.patient_id), col(later.number) > col(last.number))
    columns: list[Any] = [
        col(Patient.id).label("patient_id"),
        col(Patient.site_id).label("site_id"),
        col(Patient.died_on).label("died_on"),
        col(Patient.created_at).label("created_at"),
        col(Site.time_zone).label("zone"),
        col(active.id).label("plan_id"),
        col(active.enrolled_on).label("enrolled_on"),
        col(last.id).label("last_id"),
        col(last.ended_on).label("ended_on"),
        col(last.end_reason).label("end_reason"),
        col(last.restart_by).label("restart_by"),
        _reachable().label("reachable"),
    ]
    return (
        sa.select(*columns)
        .select_from(Patient)
        .join(Site, col(Site.id) == col(Patient.site_id))
        .outerjoin(active, sa.and_(col(active.patient_id) == col(Patient.id), col(active.ended_on).is_(None)))
        .outerjoin(last, sa.and_(col(last.patient_id) == col(Patient.id), newest))
    )


def _gaps(row: Mapping[str, Any]) -> Wanted:
    if row["died_on"] is not None:
        return {}
    end = None if row["ended_on"] is None else End(row["ended_on"], row["end_reason"], row["restart_by"])
    standing = Standing(local_day(row["created_at"], row["zone"]), row["enrolled_on"], row["reachable"], end)
    about = {GapKind.UNREACHABLE: row["plan_id"], GapKind.RESTART: row["last_id"]}
    return {
        kind: CareGap(
            patient_id=row["patient_id"], kind=kind, site_id=row["site_id"], since=since, plan_id=about.get(kind)
        )
        for kind, since in care_gaps(standing)
    }


def of_patients(patient_ids: Iterable[UUID]) -> Any:
    return col(Patient.id).in_(list(patient_ids))


def of_site(site_id: UUID) -> Any:
    return col(Patient.site_id) == site_id


def outdated(session: Session, *conditions: Any) -> list[UUID]:
    """Patients whose stored gaps are not those that the facts make."""
    owners = sa.select(col(Patient.id)).where(*conditions)
    stored: dict[UUID, dict[GapKind, CareGap]] = {}
    for row in session.exec(select(CareGap).where(col(CareGap.patient_id).in_(owners))):
        stored.setdefault(row.patient_id, {})[row.kind] = row
    return [
        patient_id for patient_id, now in wanted(session, *conditions) if not _same(stored.get(patient_id, {}), now)
    ]


def _same(before: Wanted, now: Wanted) -> bool:
    return {kind: _said(row) for kind, row in before.items()} == {kind: _said(row) for kind, row in now.items()}


def _said(row: CareGap) -> tuple[Any, ...]:
    return row.site_id, row.since, row.plan_id


def refresh(session: Session, patient_ids: Iterable[UUID]) -> None:
    """Make the stored gaps of these patients those that the facts make."""
    ids = list(patient_ids)
    before = {
        (row.patient_id, row.kind): row for row in session.exec(select(CareGap).where(col(CareGap.patient_id).in_(ids)))
    }
    now = {
        (patient_id, kind): row for patient_id, own in wanted(session, of_patients(ids)) for kind, row in own.items()
    }
    for key, row in before.items():
        if key not in now:
            session.delete(row)
    for key, row in now.items():
        if key not in before:
            session.add(row)
        elif _said(before[key]) != _said(row):
            before[key].sqlmodel_update(row.model_dump())
    session.flush()
