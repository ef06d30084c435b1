"""The gaps of patients as they are stored, and what the facts say of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import orm
from sqlmodel import Session, col, select

from surveillance.core.dates import add_months, local_day
from surveillance.core.people.care_gaps import Disease, End, GapKind, Standing, care_gaps
from surveillance.core.words import Channel, ConsentAct
from surveillance.store.tables import CareGap, Condition, Consent, Contact, Number, Patient, Plan, Site

Wanted = Mapping[tuple[GapKind, int], CareGap]


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
    rows = session.connection().execute(statement).mappings()
    for patient_id, own in groupby(rows, key=lambda row: row["patient_id"]):
        yield patient_id, _gaps([dict(row) for row in own])


@lru_cache(maxsize=1)
def _facts() -> sa.Select[Any]:
    """What decides about the gaps of patients, a row for each of their diseases. Making it takes longer than asking it
    of one of them; so it is kept."""
    active, last, later = orm.aliased(Plan), orm.aliased(Plan), orm.aliased(Plan)
    same = col(later.condition_id) == col(last.condition_id)
    newest = ~sa.exists().where(same, col(later.number) > col(last.number))
    columns: list[Any] = [
        col(Patient.id).label("patient_id"),
        col(Patient.site_id).label("site_id"),
        col(Patient.died_on).label("died_on"),
        col(Patient.created_at).label("created_at"),
        col(Site.time_zone).label("zone"),
        col(Condition.number).label("number"),
        col(Condition.recorded_at).label("recorded_at"),
        col(Site.age_of_majority).label("majority"),
        col(Patient.birth_date).label("birth_date"),
        col(Patient.of_age_reviewed_on).label("of_age_reviewed_on"),
        col(active.id).label("plan_id"),
        col(active.enrolled_on).label("enrolled_on"),
        col(last.id).label("last_id"),
        col(last.ended_on).label("ended_on"),
        col(last.end_reason).label("end_reason"),
        col(last.restart_by).label("restart_by"),
        _reachable().label("reachable"),
    ]
    standing = sa.and_(col(Condition.patient_id) == col(Patient.id), col(Condition.retracted_at).is_(None))
    return (
        sa.select(*columns)
        .select_from(Patient)
        .join(Site, col(Site.id) == col(Patient.site_id))
        .outerjoin(Condition, standing)
        .outerjoin(active, sa.and_(col(active.condition_id) == col(Condition.id), col(active.ended_on).is_(None)))
        .outerjoin(last, sa.and_(col(last.condition_id) == col(Condition.id), newest))
        .order_by(col(Patient.id), col(Condition.number))
    )


def _gaps(rows: Sequence[Mapping[str, Any]]) -> Wanted:
    """Of one patient, whose rows are the diseases; one row without any where there is none."""
    first = rows[0]
    if first["died_on"] is not None:
        return {}
    diseases = [_disease(row) for row in rows if row["number"] is not None]
    standing = Standing(
        local_day(first["created_at"], first["zone"]),
        first["reachable"],
        diseases,
        add_months(first["birth_date"], 12 * first["majority"]),
        first["of_age_reviewed_on"],
    )
    restarts = {row["number"]: row["last_id"] for row in rows}
    active = next((row["plan_id"] for row in rows if row["plan_id"] is not None), None)
    about = {GapKind.UNREACHABLE: {0: active}, GapKind.OF_AGE: {0: active}, GapKind.RESTART: restarts}
    return {
        (kind, number): CareGap(
            patient_id=first["patient_id"],
            kind=kind,
            number=number,
            site_id=first["site_id"],
            since=since,
            plan_id=about.get(kind, {}).get(number),
        )
        for kind, number, since in care_gaps(standing)
    }


def _disease(row: Mapping[str, Any]) -> Disease:
    end = None if row["ended_on"] is None else End(row["ended_on"], row["end_reason"], row["restart_by"])
    return Disease(row["number"], local_day(row["recorded_at"], row["zone"]), row["enrolled_on"], end)


def of_patients(patient_ids: Iterable[UUID]) -> Any:
    return col(Patient.id).in_(list(patient_ids))


def of_site(site_id: UUID) -> Any:
    return col(Patient.site_id) == site_id


def outdated(session: Session, *conditions: Any) -> list[UUID]:
    """Patients whose stored gaps are not those that the facts make."""
    owners = sa.select(col(Patient.id)).where(*conditions)
    stored: dict[UUID, dict[tuple[GapKind, int], CareGap]] = {}
    for row in session.exec(select(CareGap).where(col(CareGap.patient_id).in_(owners))):
        stored.setdefault(row.patient_id, {})[row.kind, row.number] = row
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
    rows = session.exec(select(CareGap).where(col(CareGap.patient_id).in_(ids)))
    before = {(row.patient_id, (row.kind, row.number)): row for row in rows}
    now = {
        (patient_id, what): row for patient_id, own in wanted(session, of_patients(ids)) for what, row in own.items()
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
