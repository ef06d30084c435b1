"""A small clinic in New York for tests of messages: a clock to turn, a carrier that keeps what it is given."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import furnished
import sqlalchemy as sa
from approving import approved
from sqlmodel import select

from surveillance import bootstrap, worker
from surveillance.bootstrap import App
from surveillance.core.words import Channel, ReminderState, Step
from surveillance.operations.administration import places, sites
from surveillance.operations.care import enrolment
from surveillance.operations.job_context import JobContext, Limits
from surveillance.operations.registry import patients
from surveillance.operations.visits import booking
from surveillance.operations.work import Catalogue, Work
from surveillance.providers.base import Accepted, DeliveryError, Listed, Outgoing, Transport
from surveillance.settings import Settings
from surveillance.store import db
from surveillance.store.tables import Appointment, Attempt, Patient, Place, Plan, Reminder, Site

NEW_YORK = "America/New_York"
PUBLIC_URL = "https://clinic.example"
TOKEN = "0123456789abcdef0123456789abcdef"
NOON = datetime(2026, 6, 1, 16, 0, tzinfo=UTC)  # 12:00 in New York, a Monday
ANCHOR = date(2026, 4, 1)  # so that month 3 falls to 1 July
VISIT_DAY = date(2026, 6, 24)


@lru_cache
def catalogue() -> Catalogue:
    return bootstrap.open_catalogue(Settings())


@dataclass
class Clock:
    """Stands still until it is turned."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


@dataclass
class Carrier:
    """Takes every message, except where ``answers`` holds an error to raise; keeps a list that ``find`` reads."""

    channel: Channel
    clock: Clock
    name: str = "carrier"
    timeout_seconds: float = 20.0
    taken: list[Outgoing] = field(default_factory=list)
    listed: list[Listed] = field(default_factory=list)
    answers: list[DeliveryError] = field(default_factory=list)
    unreadable: DeliveryError | None = None

    @property
    def sender(self) -> str:
        return f"{self.name}-{self.channel}"

    def send(self, message: Outgoing) -> Accepted:
        if self.answers:
            raise self.answers.pop(0)
        return Accepted(self.take(message), "queued", self.sender, 1)

    def take(self, message: Outgoing) -> str:
        self.taken.append(message)
        provider_id = f"SM{len(self.listed):04}{self.channel}"
        self.listed.append(Listed(provider_id, message.to, message.body, "sent", self.clock()))
        return provider_id

    def find(self, to: str, since: datetime) -> list[Listed]:
        if self.unreadable:
            raise self.unreadable
        return [each for each in reversed(self.listed) if each.to == to and each.created_at >= since]


@dataclass
class Clinic:
    """One site with a scanner, live since January, and what a test does there."""

    app: App
    clock: Clock
    limits: Limits = field(default_factory=lambda: Limits(pace={Channel.SMS: 1000.0, Channel.EMAIL: 1000.0}))
    site_id: UUID | None = None
    place_id: UUID | None = None

    @contextmanager
    def work(self) -> Iterator[Work]:
        """One transaction, as the service's own account."""
        with db.writing(self.app.engine) as session:
            yield self.app.work(session, bootstrap.system_actor(session), self.clock())

    @property
    def sms(self) -> Any:
        return self.app.transports[Channel.SMS]

    @property
    def mail(self) -> Any:
        return self.app.transports[Channel.EMAIL]

    def context(self) -> JobContext:
        return worker.job_context_of(self.app, self.clock, self.limits)

    def tick(self, moment: datetime | None = None) -> dict[str, int]:
        self.clock.now = moment or self.clock.now
        return dict(worker.tick(self.app, self.clock.now, context=self.context()).counts)

    def site(self, work: Work) -> Site:
        return work.session.get_one(Site, self.site_id)

    def patient(self, mrn: str = "1", phone: str = "+1 202-555-0101", **changes: Any) -> UUID:
        """Anna, who agreed to SMS and email, enrolled at month 2."""
        contact = {"phone": phone, "email": f"anna{mrn}@clinic.example", "consents": (Channel.SMS, Channel.EMAIL)}
        contact |= changes.pop("contact", {})
        anchor, contacts = changes.pop("anchor", ANCHOR), changes.pop("contacts", None)
        fields = {"mrn": mrn, "family_name": "Ash", "given_name": "Anna", "birth_date": date(1980, 1, 1)} | changes
        with self.work() as work:
            new = patients.NewPatient(**fields, contacts=contacts or [patients.NewContact(**contact)])
            patient = patients.add_patient(work, self.site(work), new)
            if anchor:
                enrolment.enrol(work, patient, enrolment.Enrolment("asps-extremity", anchor))
            return patient.id

    def book(self, patient_id: UUID, day: date = VISIT_DAY, at: time = time(9, 30)) -> UUID:
        with self.work() as work:
            place = work.session.get_one(Place, self.place_id)
            return booking.book(work, work.session.get_one(Patient, patient_id), booking.Visit(day, at, place)).id

    def move(self, visit_id: UUID, day: date, at: time = time(9, 30)) -> None:
        with self.work() as work:
            place = work.session.get_one(Place, self.place_id)
            booking.move(work, work.session.get_one(Appointment, visit_id), booking.Visit(day, at, place))

    def cancel(self, visit_id: UUID) -> None:
        with self.work() as work:
            booking.cancel(work, work.session.get_one(Appointment, visit_id), "scanner broken")

    def plan(self, work: Work, patient_id: UUID) -> Plan:
        return work.session.exec(select(Plan).where(Plan.patient_id == patient_id).order_by(Plan.number.desc())).first()

    def rows(self, patient_id: UUID | None = None) -> list[Reminder]:
        with db.reading(self.app.engine) as session:
            rows = list(session.exec(select(Reminder).order_by(Reminder.due_at, Reminder.key)))
            return [row for row in rows if patient_id in (None, row.patient_id)]

    def row(self, step: Step, channel: Channel = Channel.SMS) -> Reminder:
        (found,) = [row for row in self.rows() if (row.step, row.channel) == (step, channel)]
        return found

    def states(self) -> dict[tuple[Step, Channel], ReminderState]:
        return {(row.step, row.channel): row.state for row in self.rows()}

    def attempts(self) -> list[Attempt]:
        with db.reading(self.app.engine) as session:
            return list(session.exec(select(Attempt).order_by(Attempt.created_at, Attempt.ordinal)))

    def all(self, table: Any) -> list[Any]:
        with db.reading(self.app.engine) as session:
            return list(session.exec(select(table)))


def open_clinic(
    engine: sa.Engine,
    clock: Clock | None = None,
    *,
    transports: Sequence[Transport] | None = None,
    **site: Any,
) -> Clinic:
    """The clinic on an empty, migrated database."""
    clinic = _closed(engine, clock or Clock(), transports)
    fields = {
        "code": "NY1", "name": "Elm Clinic", "short_name": "Elm Clinic", "time_zone": NEW_YORK, "country": "US",
        "phone": "+1 202-555-0199", "messages_from": date(2026, 1, 1), "languages": ("en", "es"),
    } | site  # fmt: skip
    name = f"{clinic.clock.now} {sorted(fields.items())}"
    clinic.site_id, clinic.place_id = furnished.once(engine, name, lambda: _furnish(clinic, sites.NewSite(**fields)))
    return clinic


def lived_in(engine: sa.Engine, name: str, live: Callable[[Clinic], object]) -> Clinic:
    """The clinic after what ``live`` does there, which the first test of a worker waits for."""

    def furnish() -> dict[str, Any]:
        clinic = open_clinic(engine)
        live(clinic)
        carried = {"sms": (clinic.sms.taken, clinic.sms.listed), "mail": (clinic.mail.taken, clinic.mail.listed)}
        return deepcopy({"now": clinic.clock.now, "ids": (clinic.site_id, clinic.place_id)} | carried)

    told = deepcopy(furnished.once(engine, name, furnish))
    clinic = _closed(engine, Clock(told["now"]))
    clinic.site_id, clinic.place_id = told["ids"]
    clinic.sms.taken, clinic.sms.listed = told["sms"]
    clinic.mail.taken, clinic.mail.listed = told["mail"]
    return clinic


def _closed(engine: sa.Engine, clock: Clock, transports: Sequence[Transport] | None = None) -> Clinic:
    """The clinic without what stands in its database."""
    carriers = transports or [Carrier(Channel.SMS, clock), Carrier(Channel.EMAIL, clock)]
    settings = Settings(public_url=PUBLIC_URL, twilio_auth_token=TOKEN)  # type: ignore[arg-type]
    return Clinic(App(settings, engine, catalogue(), {carrier.channel: carrier for carrier in carriers}), clock)


def _furnish(clinic: Clinic, site: sites.NewSite) -> tuple[UUID, UUID]:
    with clinic.work() as work:
        made = sites.add_site(work, site)
        approved(work, made)
        return made.id, places.add_place(work, made, "Scanner", "1 Elm Street").id
