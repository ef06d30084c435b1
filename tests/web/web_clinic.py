"""A clinic with one patient, and the service for it on a real port."""

import threading
import time as clock
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from uuid import UUID

import furnished
import httpx
import uvicorn
from approving import approved
from fastapi import FastAPI
from pydantic import SecretStr
from sqlmodel import col, select

from surveillance import bootstrap
from surveillance.bootstrap import App
from surveillance.core.words import AppointmentState, Privacy, Role
from surveillance.operations.administration import places, sites
from surveillance.operations.calendars import feeds
from surveillance.operations.care import enrolment
from surveillance.operations.registry import patients
from surveillance.operations.visits import booking
from surveillance.operations.visits.booking import Visit
from surveillance.operations.visits.results import NewStudy
from surveillance.operations.work import Catalogue, Work
from surveillance.settings import Settings
from surveillance.store import db
from surveillance.store.tables import Appointment, Membership, Patient, Place, Site, User
from surveillance.web.app import attach, create_app
from surveillance.web.deps import Background, Clock

T = TypeVar("T")

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # a Monday
PUBLIC_URL = "https://clinic.example"
METRICS_TOKEN = "a token for the tests"


class Clinic:
    """The service over a fresh database, at a moment that a test moves by hand."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.now = NOW
        self.site_id, self.patient_id, self.user_id, self.place_id = furnished.once(
            app.engine, "web", lambda: self.do(_furnish)
        )

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    def do(self, change: Callable[[Work], T]) -> T:
        """Run operations in one transaction, as the service itself."""
        with db.writing(self.app.engine) as session:
            return change(self.app.work(session, bootstrap.system_actor(session), self.now))

    def patient(self, work: Work) -> Patient:
        return work.session.get_one(Patient, self.patient_id)

    def user(self, work: Work) -> User:
        return work.session.get_one(User, self.user_id)

    def site(self, work: Work) -> Site:
        return work.site(self.site_id)

    def book(self, day: date, at: time = time(10, 30)) -> UUID:
        """Book what falls to the day; returns the visit's id."""

        def change(work: Work) -> UUID:
            place = work.session.get_one(Place, self.place_id)
            return booking.book(work, self.patient(work), Visit(day, at, place)).id

        return self.do(change)

    def move(self, visit: UUID, day: date, at: time = time(10, 30)) -> None:
        def change(work: Work) -> None:
            place = work.session.get_one(Place, self.place_id)
            booking.move(work, booking.by_id(work, visit), Visit(day, at, place))

        self.do(change)

    def cancel(self, visit: UUID) -> None:
        self.do(lambda work: booking.cancel(work, booking.by_id(work, visit), "scanner broken"))

    def proposed(self) -> list[tuple[UUID, date]]:
        with db.reading(self.app.engine) as session:
            statement = select(Appointment).where(Appointment.state == AppointmentState.PROPOSED)
            return [(row.id, row.day) for row in session.exec(statement.order_by(col(Appointment.day)))]

    def feed(self, kind: str = "patient", privacy: Privacy | None = None, language: str | None = None) -> str:
        """The secret of a new feed: of the patient, of the coordinator ("user") or of the site."""

        def change(work: Work) -> str:
            patient = self.patient(work) if kind == "patient" else None
            user = self.user(work) if kind == "user" else None
            new = feeds.NewFeed(self.site(work), patient, user, "", language, privacy)
            return feeds.create(work, new)[1]

        return self.do(change)

    def revoke(self, secret: str) -> None:
        self.do(lambda work: feeds.revoke(work, found(feeds.resolve(work.session, secret)), "lost"))


def found(value: T | None) -> T:
    assert value is not None
    return value


def _furnish(work: Work) -> tuple[UUID, UUID, UUID, UUID]:
    """One site in London, its coordinator Anna, and her patient Ada Fiction, three months into a plan."""
    site = sites.add_site(
        work,
        sites.NewSite(
            "LDN1", "Sarcoma Clinic", "The Clinic", "Europe/London", "GB", "+442079460123", languages=("en", "es")
        ),
    )
    approved(work, site)
    place = places.add_place(work, site, "Sarcoma Imaging", "1 Example Street, London")
    user = User(username="anna", name="Anna Coordinator", created_at=work.now)
    work.session.add(user)
    work.session.flush()
    work.session.add(Membership(user_id=user.id, site_id=site.id, role=Role.COORDINATOR))
    new = patients.NewPatient("MRN-0001", "Fiction", "Ada", date(2001, 5, 17))
    patient = patients.add_patient(work, site, new)
    patient.owner_id = user.id
    done = [NewStudy(["mri_primary", "chest_imaging"], date(2026, 6, 2))]
    done += [NewStudy(["mri_primary", "chest_imaging"], date(2026, 9, 1))]
    enrolment.enrol(work, patient, enrolment.Enrolment("asps-extremity", date(2026, 3, 1), studies=done))
    return site.id, patient.id, user.id, place.id


def open_clinic(database_url: str, catalogue: Catalogue) -> Clinic:
    settings = Settings(database_url=database_url, public_url=PUBLIC_URL, metrics_token=SecretStr(METRICS_TOKEN))
    return Clinic(App(settings, db.create_engine_for(database_url), catalogue))


@dataclass
class Server:
    """A server that answers on loopback."""

    address: str
    client: httpx.Client

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


@contextmanager
def serving(clinic: Clinic, background: Background | None = None) -> Iterator[Server]:
    """The service under uvicorn, in a thread, until the block is left: then it stops in good order."""
    with (
        serving_app(web_of(clinic.app, lambda: clinic.now, background)) as address,
        httpx.Client(base_url=address) as client,
    ):
        yield Server(str(client.base_url), client)


_MADE: list[FastAPI] = []


def web_of(app: App, clock: Clock, background: Background | None = None) -> FastAPI:
    """The application over ``app``. It is made once for all tests of a worker: its routes take longer than a test."""
    if not _MADE:
        _MADE.append(create_app(app))
    attach(_MADE[0], app, background=background, clock=clock)
    return _MADE[0]


@contextmanager
def serving_app(web: FastAPI) -> Iterator[str]:
    """An application on a port of its own; the address where it answers."""
    server = uvicorn.Server(uvicorn.Config(web, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            clock.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://localhost:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
