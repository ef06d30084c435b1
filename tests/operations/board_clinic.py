"""A small clinic on a day that the test chooses: what the tests of the board, the check and the exports work on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import furnished
import sqlalchemy as sa
from approving import approved

from surveillance import paths
from surveillance.catalogue.messages import load_messages
from surveillance.catalogue.policy import load_policy
from surveillance.catalogue.protocols import load_all
from surveillance.catalogue.replies import load_replies
from surveillance.core.words import Channel, ReminderState, Role, Step
from surveillance.operations.administration import places, sites
from surveillance.operations.care import enrolment
from surveillance.operations.registry import patients
from surveillance.operations.registry import sites as registry_sites
from surveillance.operations.visits import booking, results
from surveillance.operations.work import Actor, Catalogue, Work
from surveillance.store import db
from surveillance.store.tables import Appointment, Membership, Patient, Place, Plan, Reminder, Site, User

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
TODAY = date(2026, 11, 23)


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    folder = paths.config_folder()
    messages = load_messages(folder / "messages")
    return Catalogue(
        load_all(folder / "protocols"),
        load_policy(folder / "reminders.yaml"),
        messages,
        load_replies(folder / "replies", messages),
    )


@dataclass
class Clinic:
    """One site with a clinician, a coordinator and a scanner."""

    engine: sa.Engine
    site_id: UUID
    clinician: Actor
    coordinator: Actor
    numbers: int = 0  # of phones given out; the range 555-01xx is reserved for fiction

    @contextmanager
    def work(self, now: datetime = START, actor: Actor | None = None) -> Iterator[Work]:
        """A transaction; ``now`` may be given as a moment, the actor is the clinician unless another is named."""
        with db.writing(self.engine) as session:
            yield Work(session, now, actor or self.clinician, catalogue())

    def patient(self, work: Work, mrn: str, **options: Any) -> Patient:
        """A patient who can be reached, unless contacts are given."""
        self.numbers += 1
        contact = patients.NewContact(phone=f"+1202555{100 + self.numbers:04}", consents=[Channel.SMS])
        values: dict[str, Any] = {"contacts": [contact], "given_name": "Ann", "family_name": f"Example {mrn}"}
        return patients.add_patient(
            work, work.site(self.site_id), patients.NewPatient(mrn, birth_date=date(2001, 1, 1), **(values | options))
        )

    def enrolled(self, work: Work, mrn: str, anchor: date, **options: Any) -> tuple[Patient, Plan]:
        """A reachable patient on ``asps-extremity`` with the MRI alone, 3-monthly."""
        patient = self.patient(work, mrn)
        intervals = {"mri_primary": 3, "chest_imaging": None}
        new = enrolment.Enrolment("asps-extremity", anchor, options.pop("intervals", intervals), **options)
        return patient, enrolment.enrol(work, patient, new)

    def book(self, work: Work, patient: Patient, day: date) -> Appointment:
        place = registry_sites.place_named(work, work.site(self.site_id), "Scanner")
        return booking.book(work, patient, booking.Visit(day, time(10, 30), place))

    def scanned(self, *days: date, items: tuple[str, ...] = ("mri_primary",)) -> list[results.NewStudy]:
        return [results.NewStudy(items, day) for day in days]

    def reminder(self, work: Work, patient: Patient, **values: Any) -> Reminder:
        """A message as the planner writes it."""
        defaults: dict[str, Any] = {
            "key": f"{patient.id}:3d:{TODAY}:sms",
            "step": Step.DAYS_3,
            "channel": Channel.SMS,
            "state": ReminderState.PLANNED,
            "subject_day": TODAY,
            "due_at": work.now,
            "expires_at": work.now + timedelta(days=1),
            "created_at": work.now,
            "changed_at": work.now,
        }
        row = Reminder(site_id=self.site_id, patient_id=patient.id, **(defaults | values))
        work.session.add(row)
        work.session.flush()
        return row


def open_clinic(engine: sa.Engine, zone: str = "Europe/London") -> Clinic:
    return Clinic(engine, *furnished.once(engine, f"board {zone}", lambda: _furnish(engine, zone)))


def _furnish(engine: sa.Engine, zone: str) -> tuple[UUID, Actor, Actor]:
    with db.writing(engine) as session:
        users = [
            User(username="system", name="surveillance", system=True, created_at=START),
            User(username="dr.may", name="Dr May", created_at=START),
            User(username="carl", name="Carl Coordinator", created_at=START),
        ]
        session.add_all(users)
        session.flush()
        work = Work(session, START - timedelta(days=2000), Actor(users[0].id, "system"), catalogue())
        site = _site(work, zone)
        roles = (Role.CLINICIAN, Role.COORDINATOR)
        session.add_all(
            Membership(user_id=user.id, site_id=site.id, role=role) for user, role in zip(users[1:], roles, strict=True)
        )
        actors = [Actor(user.id, user.name) for user in users[1:]]
        return site.id, actors[0], actors[1]


def _site(work: Work, zone: str) -> Site:
    site = sites.add_site(work, sites.NewSite("GB1", "Clinic One", "Clinic", zone, "GB", "+442079460000"))
    approved(work, site)
    place: Place = places.add_place(work, site, "Scanner", "1 Example Street")
    assert place.id
    return site
