"""A clinic with everybody who works there, and one patient of every story of the demo; and a second clinic elsewhere.

It is furnished once for each worker of a test run and copied for each test. Time stands still at ``NOW``.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import httpx
from approving import approved
from fastapi.testclient import TestClient
from rich.console import Console
from sqlmodel import select
from web_clinic import web_of

from surveillance import bootstrap, paths
from surveillance.bootstrap import App
from surveillance.catalogue import demo as demo_files
from surveillance.core.words import Role
from surveillance.operations.accounts import sessions, users
from surveillance.operations.administration import places, sites
from surveillance.operations.demo import stories
from surveillance.operations.registry import patients
from surveillance.operations.work import Catalogue, Work
from surveillance.settings import Settings
from surveillance.store import db
from surveillance.store.tables import Membership, Patient, Site, User
from surveillance.web import cookies, page_context
from surveillance.web.app import create_app
from surveillance.worker import simulate

T = TypeVar("T")

NOW = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)  # 08:00 in New York, a Tuesday
HERE, THERE = "RIVERSIDE", "ELSEWHERE"
PASSWORD = "follow-up for life"
# Who works here comes from the demo: grace and ivan coordinate, helen is the clinician, admin, visitor only looks.
THERE_TOO = {Role.ADMIN: "olga", Role.COORDINATOR: "oscar", Role.CLINICIAN: "oren", Role.VIEWER: "otto"}
BY_ROLE = {Role.ADMIN: "admin", Role.COORDINATOR: "grace", Role.CLINICIAN: "helen", Role.VIEWER: "visitor"}
LIVED = timedelta(days=3)  # so long the real dispatch sent messages before NOW


@lru_cache
def catalogue() -> Catalogue:
    return bootstrap.open_catalogue(Settings())


@lru_cache
def hashed_once() -> str:
    """Hashing takes long by design; everybody has the same password here."""
    return users.hashed(PASSWORD)


def open_app(url: str, **settings: object) -> App:
    made = Settings(database_url=url, public_url="http://localhost", **settings)  # type: ignore[arg-type]
    quiet = bootstrap.console_transports(made, Console(file=StringIO()))
    return App(made, db.create_engine_for(url), catalogue(), quiet)


@dataclass
class Staffed:
    """The service over its own copy of the furnished clinic."""

    app: App
    now: datetime = NOW
    apart: bool = False  # beside another one in the same test: it needs an application of its own

    def clock(self) -> datetime:
        return self.now

    def do(self, change: Callable[[Work], T], username: str | None = None) -> T:
        """Run operations in one transaction, as the service itself or as somebody."""
        with db.writing(self.app.engine) as session:
            actor = bootstrap.user_actor(session, username) if username else bootstrap.system_actor(session)
            return change(self.app.work(session, actor, self.now))

    def look(self, read: Callable[[Work], T]) -> T:
        with db.reading(self.app.engine) as session:
            return read(self.app.work(session, bootstrap.system_actor(session), self.now))

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    def patient_id(self, mrn: str) -> UUID:
        return self.look(lambda work: work.session.exec(select(Patient).where(Patient.mrn == mrn)).one().id)

    def site_id(self, code: str = HERE) -> UUID:
        return self.look(lambda work: work.session.exec(select(Site).where(Site.code == code)).one().id)

    # -- coming in ---------------------------------------------------------------------------------------------

    def secret(self, username: str) -> str:
        """The secret of a new session, made as sign-in makes it."""

        def enter(work: Work) -> str:
            return sessions.open_session(work, users.user_named(work, username), "password", proven=True)

        return self.do(enter)

    def client(self, username: str | None = None) -> "Visitor":
        """A browser without a screen, signed in."""
        web = create_app(self.app, clock=self.clock) if self.apart else web_of(self.app, self.clock)
        client = TestClient(web, base_url="http://localhost", follow_redirects=False)
        client.headers["accept"] = "text/html"
        secret = self.secret(username) if username else ""
        if secret:
            client.cookies.set(cookies.SESSION, secret, domain="localhost.local", path="/")
        else:
            client.get("/sign-in")  # a stranger's forms need the visitor's cookie
        return Visitor(client, self.app.settings, secret or str(client.cookies.get(cookies.VISITOR)))


@dataclass
class Visitor:
    """Somebody's browser: ``get`` and ``post``, with the token that every form carries."""

    client: httpx.Client
    settings: Settings
    cookie: str

    @property
    def token(self) -> str:
        return page_context.forgery_token(self.settings.secret_key.get_secret_value(), self.cookie)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=headers)

    def live(self, path: str) -> httpx.Response:
        """As htmx asks for a part of a page."""
        return self.client.get(path, headers={"HX-Request": "true"})

    def post(self, path: str, *, live: bool = False, **fields: object) -> httpx.Response:
        headers = {"HX-Request": "true"} if live else {}
        data = {"token": self.token, **{name: _sent(value) for name, value in fields.items()}}
        return self.client.post(path, data=data, headers=headers)

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """The page that a form led to."""
        assert answer.status_code == 303, (answer.status_code, answer.text[-2000:])
        return self.client.get(answer.headers["location"])


def _sent(value: object) -> object:
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else str(value)


# -- furnishing ------------------------------------------------------------------------------------------------


def furnish(url: str) -> None:
    """The demo with one patient of each story, their last days' messages sent, and a clinic elsewhere."""
    app = open_app(url)
    told = demo_files.load(paths.config_folder() / "demo" / "clinic.yaml")
    one_each = {patient.story: patient for patient in reversed(told.patients)}
    few = told.model_copy(update={"patients": sorted(one_each.values(), key=lambda patient: patient.mrn)})
    with db.writing(app.engine) as session:
        work = app.work(session, bootstrap.system_actor(session), NOW)
        stories.load(work, few)
        _elsewhere(work)
    for _ in simulate(app, NOW - LIVED, NOW):
        pass
    app.close()


def _elsewhere(work: Work) -> None:
    """A second clinic with one of each role and one patient; nobody works at both."""
    new = sites.NewSite(THERE, "Elsewhere Clinic", "Elsewhere", "Europe/London", "GB", "+442079460123")
    site = sites.add_site(work, new)
    places.add_place(work, site, "Elsewhere Imaging")
    approved(work, site)
    for role, name in THERE_TOO.items():
        user = User(
            username=name,
            name=name.title(),
            password_hash=hashed_once(),
            must_change_password=False,
            created_at=work.now,
        )
        work.session.add(user)
        work.session.flush()
        work.session.add(Membership(user_id=user.id, site_id=site.id, role=role))
    patients.add_patient(work, site, patients.NewPatient("E-1", "Outsider", "Olive", date(1990, 1, 1)))


@contextmanager
def copied(furnished: Path, into: Path) -> Iterator[Staffed]:
    """A clinic of one's own, on SQLite. Whoever copies into one folder again keeps the compiled statements."""
    file = into / "staffed.sqlite3"
    for left in into.glob(f"{file.name}-*"):
        left.unlink()
    shutil.copy(furnished, file)
    clinic = Staffed(open_app(f"sqlite:///{file}"))
    yield clinic
    clinic.app.close()


def settings_of(clinic: Staffed, **changes: object) -> Staffed:
    """The same clinic under other settings."""
    return Staffed(replace(clinic.app, settings=clinic.app.settings.model_copy(update=changes)), clinic.now, apart=True)
