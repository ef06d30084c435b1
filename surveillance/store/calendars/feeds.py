"""Calendar feeds and the visits they hold, in few columns: what decides a revision comes before names and texts."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from surveillance.core.words import AppointmentState
from surveillance.store.tables import Appointment, AppointmentItem, Feed, FeedKind, Patient, Place, PlanTerms

_CALLED_OFF = (AppointmentState.CANCELLED, AppointmentState.NOSHOW)


class Revision(NamedTuple):
    """The little that decides whether a visit is shown, and as which revision. Meets ``core.calendars.feeds.Row``.

    Apart from ``VisitRow`` because a large site's feed is asked for often and seldom changed: reading four ids of
    each visit instead of one takes most of the time.
    """

    id: UUID
    sequence: int
    changed_at: datetime
    state: AppointmentState
    at: time | None
    zone: str

    @property
    def uid(self) -> str:
        return str(self.id)


class VisitRow(NamedTuple):
    """A visit without its texts; ``initials`` as the patient's names begin."""

    id: UUID
    patient_id: UUID
    plan_id: UUID
    place_id: UUID | None
    sequence: int
    changed_at: datetime
    state: AppointmentState
    day: date
    at: time | None
    zone: str
    minutes: int
    initials: str


class Line(NamedTuple):
    """An examination of a visit, with the target that tells under which terms it was planned."""

    appointment_id: UUID
    item: str
    target: date


class Term(NamedTuple):
    """A protocol version that a plan follows from ``since`` on (None: from its anchor)."""

    plan_id: UUID
    since: date | None
    protocol_key: str


class Span(NamedTuple):
    """What of a feed's visits is looked at: days of staff feeds, and since when (UTC) one was called off."""

    first_day: date
    last_day: date
    called_off_since: datetime


def one_view(session: Session) -> None:
    """Let all queries of this session see the same state, so that a revision belongs to what is rendered under it.

    SQLite does so by itself. To be called before the first query.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def by_hash(session: Session, secret_hash: str) -> Feed | None:
    return session.exec(select(Feed).where(Feed.secret_hash == secret_hash)).first()


def of_sites(session: Session, site_ids: Iterable[UUID]) -> list[Feed]:
    """The feeds of sites, revoked ones too, oldest first."""
    statement = select(Feed).where(col(Feed.site_id).in_(list(site_ids)))
    return list(session.exec(statement.order_by(col(Feed.created_at), col(Feed.id))))


def of_patient(session: Session, patient_id: UUID) -> list[Feed]:
    """The feeds of a patient, revoked ones too, oldest first."""
    statement = select(Feed).where(Feed.patient_id == patient_id)
    return list(session.exec(statement.order_by(col(Feed.created_at), col(Feed.id))))


def revisions(session: Session, feed: Feed, span: Span) -> list[Revision]:
    """Each visit that the feed may show, in the columns of its revision: one query on an index."""
    table = Appointment
    columns = (col(table.id), col(table.sequence), col(table.changed_at), col(table.state), col(table.at))
    statement = sa.select(*columns, col(table.zone)).where(*_scope(feed, span))
    return [Revision._make(row) for row in session.connection().execute(statement)]


def initials(session: Session, feed: Feed, span: Span) -> dict[UUID, str]:
    """How the names of those visits' patients begin."""
    of_visits = sa.select(col(Appointment.patient_id)).where(*_scope(feed, span))
    rows = session.exec(select(col(Patient.id), _initials()).where(col(Patient.id).in_(of_visits)))
    return dict(rows.all())


def visits(session: Session, feed: Feed, span: Span) -> list[VisitRow]:
    """The same visits with all that is shown of them."""
    return _visits(session, *_scope(feed, span))


def visit(session: Session, appointment_id: UUID) -> VisitRow:
    """One visit with all that is shown of it;"""
    (row,) = _visits(session, col(Appointment.id) == appointment_id)
    return row


def _visits(session: Session, *which: sa.ColumnElement[bool]) -> list[VisitRow]:
    columns = [col(getattr(Appointment, name)) for name in VisitRow._fields if name != "initials"]
    statement = sa.select(*columns, _initials()).join(Patient, col(Patient.id) == col(Appointment.patient_id))
    return [VisitRow._make(row) for row in session.connection().execute(statement.where(*which))]


def _initials() -> sa.ColumnElement[str]:
    first: sa.ColumnElement[str] = sa.func.substr(Patient.given_name, 1, 1)
    return first.concat(sa.func.substr(Patient.family_name, 1, 1))


def lines(session: Session, feed: Feed, span: Span) -> list[Line]:
    """The examinations of those visits."""
    statement = (
        sa.select(col(AppointmentItem.appointment_id), col(AppointmentItem.item), col(AppointmentItem.target))
        .join(Appointment, col(Appointment.id) == col(AppointmentItem.appointment_id))
        .where(*_scope(feed, span))
        .order_by(col(AppointmentItem.item))
    )
    return [Line._make(row) for row in session.connection().execute(statement)]


def terms(session: Session, feed: Feed, span: Span) -> list[Term]:
    """The protocol versions of the plans of those visits, the oldest first, those of the anchor before all others."""
    plans = sa.select(col(Appointment.plan_id)).where(*_scope(feed, span))
    return _terms(session, col(PlanTerms.plan_id).in_(plans))


def terms_of_plan(session: Session, plan_id: UUID) -> list[Term]:
    return _terms(session, col(PlanTerms.plan_id) == plan_id)


def _terms(session: Session, which: sa.ColumnElement[bool]) -> list[Term]:
    columns = (col(PlanTerms.plan_id), col(PlanTerms.since), col(PlanTerms.protocol_key))
    statement = sa.select(*columns).where(which, col(PlanTerms.retracted_at).is_(None))
    found = [Term._make(row) for row in session.connection().execute(statement.order_by(col(PlanTerms.recorded_at)))]
    return sorted(found, key=lambda term: term.since or date.min)


def places(session: Session, site_id: UUID) -> dict[UUID, tuple[str, str]]:
    """Name and address of each place of a site."""
    rows = session.exec(select(col(Place.id), col(Place.name), col(Place.address)).where(Place.site_id == site_id))
    return {place_id: (name, address) for place_id, name, address in rows}


def _scope(feed: Feed, span: Span) -> Sequence[sa.ColumnElement[bool]]:
    still_told = sa.or_(
        col(Appointment.state).not_in(_CALLED_OFF), col(Appointment.changed_at) >= span.called_off_since
    )
    if feed.kind is FeedKind.PATIENT:
        return (col(Appointment.patient_id) == feed.patient_id, still_told)
    in_days = col(Appointment.day).between(span.first_day, span.last_day)
    of_site = (col(Appointment.site_id) == feed.site_id, in_days, still_told)
    if feed.kind is FeedKind.SITE:
        return of_site
    own = sa.select(col(Patient.id)).where(col(Patient.site_id) == feed.site_id, col(Patient.owner_id) == feed.user_id)
    return (*of_site, col(Appointment.patient_id).in_(own))


def record_fetches(session: Session, feed_id: UUID, count: int, at: datetime, tag: str, since: datetime) -> None:
    """Note fetches of a feed and what it showed. Not an audited change: it affects no patient."""
    session.connection().execute(
        sa.update(Feed)
        .where(col(Feed.id) == feed_id)
        .values(fetches=col(Feed.fetches) + count, last_fetched_at=at, shown_tag=tag, shown_since=since)
    )
