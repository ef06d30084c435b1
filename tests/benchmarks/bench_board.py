"""The board of 100,000 patients against that of 1,000, as the browser gets it: all counts and the rows of each list.

First both hold the same work; then every fifth patient is overdue, 200 and 20,000 of them, and both pages show the
first fifty. Both sizes are timed in turns in one run and the best of each counts, so that a busy machine slows both.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from approving import approved
from fastapi.testclient import TestClient
from psycopg import sql

from surveillance import bootstrap
from surveillance.core.dates import add_months
from surveillance.core.people.care_gaps import GapKind
from surveillance.core.schedule.examinations import Booking, Derived, PlanFacts, derive
from surveillance.core.schedule.matching import Study as Evidence
from surveillance.core.schedule.slots import Terms
from surveillance.core.words import AppointmentState, Channel, ReminderState, Result, Role, Sex, Step
from surveillance.operations.accounts import sessions
from surveillance.operations.administration import sites
from surveillance.operations.board import worklist
from surveillance.operations.board.worklist import Worklist
from surveillance.operations.work import Work
from surveillance.settings import Settings
from surveillance.store import bulk, db
from surveillance.store.planning import plans
from surveillance.store.tables import (
    Appointment,
    BoardAction,
    CareGap,
    ExaminationRow,
    Membership,
    Patient,
    Plan,
    PlanTerms,
    Reminder,
    Study,
    StudyItem,
    User,
)
from surveillance.web import cookies
from surveillance.web.app import create_app
from surveillance.web.pages.board import view

FEW, MANY = 1_000, 100_000
WORK = 400  # patients with work where both sizes have the same
ROUNDS = 12
REQUIRED = 1.5
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
TODAY = NOW.date()
UNTIL = add_months(TODAY, 24)
ITEM = "mri_primary"


@dataclass
class Life:
    """What has happened to a patient so far: a template that is loaded for many."""

    anchor: date
    studies: Sequence[date] = ()
    booked_on: date | None = None
    reported: bool = True
    planned: bool = True
    reachable: bool = True
    derived: Derived = field(init=False)

    def derive(self, terms: Terms) -> "Life":
        evidence = tuple(Evidence(f"{number:032x}", frozenset({ITEM}), day) for number, day in enumerate(self.studies))
        visits = () if self.booked_on is None else (Booking("0" * 32, ITEM, self.booked_on, None, self.booked_on),)
        facts = PlanFacts(self.anchor, self.anchor, (terms,), studies=evidence, bookings=visits)
        self.derived = derive(facts, UNTIL)
        return self


def targets(anchor: date, *months: int) -> list[date]:
    return [add_months(anchor, month) for month in months]


LONG_AGO = add_months(TODAY, -16)
QUIET = (  # nothing to do: examined in time, and the next one far ahead or booked
    Life(LONG_AGO, targets(LONG_AGO, 3, 6, 9, 12, 15)),
    Life(add_months(TODAY, -14), targets(add_months(TODAY, -14), 3, 6, 9, 12), TODAY + timedelta(days=30)),
    Life(add_months(TODAY, -7), targets(add_months(TODAY, -7), 3, 6)),
)
OVERDUE = Life(add_months(TODAY, -8), targets(add_months(TODAY, -8), 3))
BUSY = (
    OVERDUE,
    OVERDUE,
    Life(add_months(TODAY, -3), ()),  # due
    Life(add_months(TODAY, -2), ()),  # to order
    Life(LONG_AGO, targets(LONG_AGO, 3, 6, 9, 12, 15), reachable=False),
    Life(LONG_AGO, targets(LONG_AGO, 3, 6, 9, 12, 15), reported=False),
    Life(add_months(TODAY, -14), targets(add_months(TODAY, -14), 3, 6, 9, 12), TODAY - timedelta(days=3)),
    Life(TODAY, planned=False),
)

PATIENT = ("id", "site_id", "mrn", "family_name", "given_name", "folded", "birth_date", "sex", "mri_unsafe",
           "contrast_allergy", "interpreter", "sedation", "claustrophobia", "created_at")  # fmt: skip
PLAN = ("id", "site_id", "patient_id", "number", "anchor", "enrolled_on", "horizon", "end_note", "recorded_at",
        "recorded_by")  # fmt: skip
TERMS = ("id", "site_id", "plan_id", "protocol_key", "intervals", "chosen_by", "reason", "recorded_at", "recorded_by")
EXAMINATION = ("id", "site_id", "patient_id", "plan_id", *(plans.IDS.get(name, name) for name in plans.FIELDS),
               "open", "withdrawn", "skip_settled")  # fmt: skip
STUDY = ("id", "site_id", "patient_id", "source", "modality", "body_region", "performed_on", "reported_on",
         "reviewed_on", "result", "next_action", "note", "history", "recorded_at", "recorded_by")  # fmt: skip
VISIT = ("id", "site_id", "patient_id", "plan_id", "state", "day", "at", "starts_at", "zone", "minutes", "outside",
         "sequence", "was_booked", "note", "changed_at", "changed_by")  # fmt: skip
REMINDER = ("id", "site_id", "patient_id", "key", "step", "channel", "subject_day", "due_at", "expires_at", "state",
            "reason", "attempts", "told_zone", "told_cancelled", "resolution", "created_at", "changed_at",
            "resolved_at")  # fmt: skip
ACTION = ("id", "site_id", "patient_id", "worklist", "subject", "kind", "text", "until", "user_id", "at")
GAP = ("patient_id", "kind", "site_id", "since", "plan_id")
TABLES: Sequence[tuple[Any, Sequence[str]]] = (
    (Patient, PATIENT), (Plan, PLAN), (PlanTerms, TERMS), (ExaminationRow, EXAMINATION), (Study, STUDY),
    (StudyItem, ("study_id", "item", "site_id")), (Appointment, VISIT), (Reminder, REMINDER), (BoardAction, ACTION),
    (CareGap, GAP),
)  # fmt: skip


class Loader:
    """Rows of patients, table by table, for the database's own bulk load."""

    def __init__(self, work: Work, site_id: UUID, key: str) -> None:
        self.work, self.site, self.key, self.user = work, site_id.hex, key, work.actor.user_id.hex
        self.rows: dict[Any, list[tuple[Any, ...]]] = {table: [] for table, _ in TABLES}

    def add(self, life: Life, number: int) -> None:
        rows, site, user, patient = self.rows, self.site, self.user, bulk.text_id()
        name = f"Family{number:06d}"
        rows[Patient].append((patient, site, f"{number:06d}", name, "Ann", f"ann {name.lower()}", date(1990, 1, 1),
                              Sex.FEMALE, False, False, False, False, False, NOW))  # fmt: skip
        if not life.planned:
            rows[CareGap].append((patient, GapKind.WITHOUT_PLAN, site, TODAY, None))
            return
        plan = bulk.text_id()
        rows[Plan].append((plan, site, patient, 1, life.anchor, life.anchor, UNTIL, "", NOW, user))
        rows[PlanTerms].append((bulk.text_id(), site, plan, self.key, {"chest_imaging": None}, user, "", NOW, user))
        if not life.reachable:
            rows[CareGap].append((patient, GapKind.UNREACHABLE, site, life.anchor, plan))
        for row in life.derived.examinations:
            booking = None if row.booking is None else bulk.text_id()
            own = row._replace(study=None if row.study is None else bulk.text_id(), booking=booking)
            rows[ExaminationRow].append((bulk.text_id(), site, patient, plan, *own, row.open, False, False))
        self._past(life, number, patient, plan)

    def _past(self, life: Life, number: int, patient: str, plan: str) -> None:
        """Years of studies, messages and calls that are nobody's work any more."""
        rows, site, user = self.rows, self.site, self.user
        history = (life.anchor - timedelta(days=90), True)
        for day, old in (history, *((day, False) for day in life.studies)):
            study, known = bulk.text_id(), life.reported and not old
            read = (day, day, Result.CLEAR) if known else (None, None, None)
            rows[Study].append((study, site, patient, "person", "MR", "", day, *read, "", "", old, NOW, user))
            rows[StudyItem].append((study, ITEM, site))
            sent = f"{patient}:{day}", Step.DAYS_3, Channel.SMS, day, NOW, NOW
            state, resolved = (ReminderState.FAILED, NOW) if number % 5 == 0 else (ReminderState.DELIVERED, None)
            rows[Reminder].append((bulk.text_id(), site, patient, *sent, state, "", 1, "", False, "", NOW, NOW,
                                   resolved))  # fmt: skip
        action = ("overdue", bulk.text_id(), "call", "left a message", life.anchor)
        rows[BoardAction].append((bulk.text_id(), site, patient, *action, user, NOW))
        if life.booked_on is not None:
            at = NOW.time().replace(tzinfo=None)
            rows[Appointment].append((bulk.text_id(), site, patient, plan, AppointmentState.BOOKED, life.booked_on, at,
                                      NOW, "Europe/London", 60, False, 1, True, "", NOW, user))  # fmt: skip

    def load(self) -> None:
        for table, columns in TABLES:
            bulk.load(self.work.session, table, columns, self.rows[table])
            self.rows[table].clear()


@dataclass
class Board:
    """A clinic of one size, opened; somebody looks at its board."""

    app: bootstrap.App
    site_id: UUID
    key: str
    visitor: TestClient
    patients: int = 0

    def add(self, size: int, life: Callable[[int], Life]) -> None:
        with db.writing(self.app.engine) as session:
            work = self.app.work(session, bootstrap.system_actor(session), NOW)
            terms = work.terms(self.key, {"chest_imaging": None}, None)
            lives = {id(each): each.derive(terms) for each in (*QUIET, *BUSY)}
            loader = Loader(work, self.site_id, self.key)
            for number in range(self.patients, self.patients + size):
                loader.add(lives[id(life(number))], number)
                if number % 2000 == 0:
                    loader.load()
            loader.load()
        self.patients += size
        with self.app.engine.connect() as connection:
            connection.execute(sa.text("ANALYZE"))
            connection.commit()

    def counts(self) -> dict[Worklist, int]:
        with db.reading(self.app.engine) as session:
            work = self.app.work(session, bootstrap.system_actor(session), NOW)
            return worklist.counts(work, [self.site_id], most=view.MOST)

    def page(self, name: Worklist) -> int:
        """Ask for the page of a list; how many rows it shows."""
        return self.visitor.get(f"/?list={name}").text.count('id="act-on-')


def opened(url: str) -> Board:
    """An empty clinic with a coordinator who is signed in."""
    app = bootstrap.open_app(Settings(database_url=url, public_url="http://localhost"))
    with db.writing(app.engine) as session:
        work = app.work(session, bootstrap.system_actor(session), NOW)
        site = sites.add_site(work, sites.NewSite("B", "Bench", "Bench", "Europe/London", "GB", "+442079460000"))
        key = approved(work, site).protocol_key
        user = User(username="grace", name="Grace", must_change_password=False, created_at=NOW)
        session.add(user)
        session.flush()
        session.add(Membership(user_id=user.id, site_id=site.id, role=Role.COORDINATOR))
        session.flush()
        secret = sessions.open_session(work, user, "password", proven=True)
        site_id = site.id
    visitor = TestClient(create_app(app, clock=lambda: NOW), base_url="http://localhost")
    visitor.headers["accept"] = "text/html"
    visitor.cookies.set(cookies.SESSION, secret, domain="localhost.local", path="/")
    return Board(app, site_id, key, visitor)


def same_work(number: int) -> Life:
    return BUSY[number % len(BUSY)] if number < WORK else QUIET[number % len(QUIET)]


@contextmanager
def two_databases(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> Iterator[list[str]]:
    """Two fresh ones of a kind."""
    if kind == "sqlite":
        file = request.getfixturevalue("migrated_file")
        yield [f"sqlite:///{shutil.copy(file, tmp_path / f'{size}.sqlite3')}" for size in (FEW, MANY)]
        return
    server = request.getfixturevalue("postgres_server")
    names = [f"board_{size}" for size in (FEW, MANY)]
    with psycopg.connect(server, autocommit=True) as connection:
        for name in names:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE migrated").format(sql.Identifier(name)))
        yield [sa.make_url(server).set(database=name).render_as_string(hide_password=False) for name in names]
        for name in names:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def best(contenders: Sequence[Callable[[], Any]]) -> list[float]:
    """Seconds that each takes at best; they take turns, so that noise meets all alike."""
    least = [float("inf")] * len(contenders)
    for _ in range(ROUNDS):
        for which, contender in enumerate(contenders):
            began = perf_counter()
            contender()
            least[which] = min(least[which], perf_counter() - began)
    return least


def compare(kind: str, what: str, few: Board, many: Board) -> dict[Worklist, float]:
    """Each list that is not empty: how many times as long the page of the many takes."""
    counted, ratios = many.counts(), dict[Worklist, float]()
    for name in [each for each in Worklist if counted[each]]:
        assert few.page(name) == many.page(name) > 0
        small, large = best([partial(few.page, name), partial(many.page, name)])
        ratios[name] = large / small
        took = f"{small * 1000:.1f} ms, {large * 1000:.1f} ms, ratio {ratios[name]:.2f}"
        print(f"{kind}, {what}, {name}: {view.counted(counted[name])} rows, {took}")
    return ratios


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_board_of_100000_patients_takes_at_most_one_and_a_half_times_that_of_1000(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    with two_databases(request, kind, tmp_path) as urls:
        few, many = (opened(url) for url in urls)
        for board, size in ((few, FEW), (many, MANY)):
            board.add(size, same_work)
        assert few.counts() == many.counts()
        same = compare(kind, "the same work", few, many)
        for board, size in ((few, FEW), (many, MANY)):
            board.add(size // 5, lambda _: OVERDUE)
        proportional = compare(kind, "a fifth overdue", few, many)
        for board in (few, many):
            board.app.close()
    assert max(same.values()) <= REQUIRED, same
    assert max(proportional.values()) <= REQUIRED, proportional
