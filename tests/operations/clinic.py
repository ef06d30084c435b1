"""A clinic in Washington with a fixed cast, for the tests of what people do: every transaction must leave it sound."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from approving import approved
from sqlmodel import select

from surveillance import bootstrap
from surveillance.core.schedule.examinations import Examination, Finding, FindingKind, Key, derive
from surveillance.core.words import AppointmentState, Channel, Role
from surveillance.operations.administration import places, sites
from surveillance.operations.care import enrolment
from surveillance.operations.planning import replanning
from surveillance.operations.registry import patients
from surveillance.operations.visits import booking, results
from surveillance.operations.work import Actor, Catalogue, Work
from surveillance.settings import Settings
from surveillance.store import db
from surveillance.store.planning import plans
from surveillance.store.tables import (
    Appointment,
    AuditEvent,
    AuditValue,
    FindingRow,
    Membership,
    Patient,
    Place,
    Plan,
    Site,
    User,
)
from surveillance.store.visits import appointments

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)  # 10:00 in Washington, a Monday
TODAY = date(2026, 11, 23)
ANCHOR = date(2026, 9, 1)  # month 3 on 1 December (cell 17 October to 14 January), month 6 on 1 March
DAY = timedelta(days=1)
MRI, CHEST, BRAIN = "mri_primary", "chest_imaging", "mri_brain"
PROTOCOL = "asps-extremity"


@lru_cache
def catalogue() -> Catalogue:
    return bootstrap.open_catalogue(Settings())


@dataclass
class Clinic:
    """Grace coordinates, Helen is the clinician, Ada administers; Oscar coordinates at another site."""

    engine: sa.Engine | sa.Connection
    site_id: UUID
    system: Actor
    grace: Actor
    helen: Actor
    ada: Actor
    oscar: Actor

    @contextmanager
    def undone(self) -> Iterator["Clinic"]:
        """The same clinic on one connection, of which nothing stays: commits inside end at its transaction."""
        assert isinstance(self.engine, sa.Engine)
        with self.engine.connect() as connection:
            transaction = connection.begin()
            yield replace(self, engine=connection)
            transaction.rollback()

    @contextmanager
    def work(self, actor: Actor | None = None, day: date = TODAY) -> Iterator[Work]:
        """A transaction of Grace's, or of somebody else's, at ten in the morning; all plans must be sound after it."""
        with db.writing(self.engine) as session:  # type: ignore[arg-type]
            work = Work(session, NOW + (day - TODAY), actor or self.grace, catalogue())
            yield work
            sound(work)

    def by(self, work: Work, actor: Actor) -> Work:
        """Somebody else in the same transaction."""
        return Work(work.session, work.now, actor, work.catalogue)

    def site(self, work: Work) -> Site:
        return work.site(self.site_id)

    def scanner(self, work: Work, name: str = "Scanner") -> Place:
        return work.session.exec(select(Place).where(Place.name == name)).one()

    def patient(self, work: Work, mrn: str = "001", phone: str = "(202) 555-0101", **values: Any) -> Patient:
        contact = patients.NewContact(phone=phone, consents=[Channel.SMS])
        fields: dict[str, Any] = {"family_name": "Ash", "given_name": "Anna", "birth_date": date(2001, 1, 1)}
        new = patients.NewPatient(mrn, contacts=[contact], **(fields | values))
        return patients.add_patient(work, self.site(work), new)

    def enrolled(self, work: Work, mrn: str = "001", anchor: date = ANCHOR, **options: Any) -> tuple[Patient, Plan]:
        """A patient with MRI and chest imaging every three months, unless the options say otherwise."""
        patient = self.patient(work, mrn)
        new = enrolment.Enrolment(options.pop("protocol", PROTOCOL), anchor, **options)
        return patient, enrolment.enrol(work, patient, new)

    def book(self, work: Work, patient: Patient, day: date, *examinations: Key, **visit: Any) -> Appointment:
        place = visit.pop("place", None) or self.scanner(work)
        return booking.book(
            work, patient, booking.Visit(day, visit.pop("at", time(10, 30)), place, examinations, **visit)
        )

    def move(self, work: Work, row: Appointment, day: date, at: time = time(10, 30), reason: str = "") -> Appointment:
        return booking.move(work, row, booking.Visit(day, at, self.scanner(work)), reason)

    def scan(self, work: Work, patient: Patient, day: date, *items: str, **values: Any) -> Any:
        return results.add_study(work, patient, results.NewStudy(items or (MRI, CHEST), day, **values))


def open_clinic(engine: sa.Engine) -> Clinic:
    with db.writing(engine) as session:
        names = ("system", "grace", "helen", "ada", "oscar")
        users = {
            name: User(username=name, name=name.title(), system=name == "system", created_at=NOW) for name in names
        }
        session.add_all(users.values())
        session.flush()
        actors = {name: Actor(user.id, user.name) for name, user in users.items()}
        work = Work(session, NOW, actors["system"], catalogue())
        here, there = _site(work, "DC1", "Scanner"), _site(work, "DC2", "Other scanner")
        roles = {"grace": Role.COORDINATOR, "helen": Role.CLINICIAN, "ada": Role.ADMIN}
        session.add_all(Membership(user_id=users[name].id, site_id=here.id, role=role) for name, role in roles.items())
        session.add(Membership(user_id=users["oscar"].id, site_id=there.id, role=Role.COORDINATOR))
        return Clinic(engine, here.id, **actors)


def _site(work: Work, code: str, scanner: str) -> Site:
    new = sites.NewSite(code, f"Clinic {code}", code, "America/New_York", "US", "(202) 555-0199")
    site = sites.add_site(work, new)
    for protocol in (PROTOCOL, "norway-sts-high"):
        approved(work, site, protocol)
    places.add_place(work, site, scanner)
    return site


# -- what a test looks at --------------------------------------------------------------------------------------


def rows(work: Work, plan: Plan) -> dict[Key, Examination]:
    """The stored examinations of a plan."""
    return {key: plans.examination(row) for key, row in plans.projected(work.session, plan.id).items()}


def row_of(work: Work, plan: Plan, item: str, month: int | None, extra: str | None = None) -> Examination:
    return rows(work, plan)[Key(item, month, extra)]


def findings(work: Work, plan: Plan) -> set[FindingKind]:
    statement = select(FindingRow).where(FindingRow.plan_id == plan.id)
    return {row.kind for row in work.session.exec(statement)}


def months(work: Work, row: Appointment) -> dict[str, int | None]:
    """The examinations of a visit that are still to be done."""
    return {line.item: line.month for line in appointments.lines(work.session, row.id) if line.outcome is None}


def proposed(work: Work, plan: Plan) -> list[Appointment]:
    return appointments.of_plan(work.session, plan.id, AppointmentState.PROPOSED)


def events(work: Work, action: str) -> list[tuple[AuditEvent, AuditValue]]:
    """The events of one kind with their values, oldest first."""
    statement = select(AuditEvent, AuditValue).outerjoin(AuditValue, AuditValue.event_id == AuditEvent.id)
    return list(work.session.exec(statement.where(AuditEvent.action == action).order_by(AuditEvent.id)))


def change(work: Work, action: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Before, after and reason of the last event of one kind."""
    event, value = events(work, action)[-1]
    return value.before or {}, value.after or {}, event.reason


# -- what must always hold -------------------------------------------------------------------------------------


def sound(work: Work) -> None:
    """Every plan's rows and findings are those of its facts; proposals cover what can be booked, each once."""
    work.session.flush()
    for plan in work.session.exec(select(Plan)):
        derived = derive(replanning.facts_of(work, plan), plan.horizon)
        assert rows(work, plan) == {row.key: row for row in derived.examinations}
        statement = select(FindingRow).where(FindingRow.plan_id == plan.id)
        stored = [
            Finding(row.kind, row.item, row.month, row.subject, row.since) for row in work.session.exec(statement)
        ]
        assert sorted(map(str, stored)) == sorted(map(str, set(derived.findings)))
        _proposals_are_complete(work, plan, derived.examinations)


def _proposals_are_complete(work: Work, plan: Plan, examinations: Sequence[Examination]) -> None:
    lines = appointments.lines_of(work.session, [row.id for row in proposed(work, plan)])
    covered = Counter(appointments.key(line) for own in lines.values() for line in own)
    today = work.today(work.site(plan.site_id))
    wanted = (
        Counter(row.key for row in replanning.proposable(examinations, today)) if plan.ended_on is None else Counter()
    )
    assert covered == wanted
    assert all(lines.get(row.id) for row in proposed(work, plan))
    targets = {row.key: row.target for row in examinations}
    assert all(line.target == targets[appointments.key(line)] for own in lines.values() for line in own)
