"""The audit trail as a chain: sealed once and in order, and every kind of tampering is found."""

import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from clinic import NOW, Clinic, catalogue, open_clinic
from psycopg import sql
from sqlmodel import select

from surveillance.core.audit.chain import Head, forge
from surveillance.core.errors import InvalidInputError
from surveillance.operations.audit import sealing
from surveillance.operations.audit.sealing import Verdict
from surveillance.operations.care import corrections
from surveillance.operations.job_context import JobContext
from surveillance.operations.proof import check
from surveillance.operations.work import Work
from surveillance.store import db, locks
from surveillance.store.audit import seals
from surveillance.store.proof import heartbeats
from surveillance.store.tables import Patient

HOUR = timedelta(hours=1)
SINCE = timedelta(minutes=61)


def context(clinic: Clinic, now: object = NOW) -> JobContext:
    return JobContext(clinic.engine, catalogue(), {}, "http://localhost", clinic.system, lambda: now)  # type: ignore[arg-type,return-value]


def live(clinic: Clinic) -> None:
    """A little of what a clinic does, two of it with values before and after."""
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        changes = {"family_name": "Birch", "egfr": 61.5, "egfr_on": date(2026, 11, 1)}
        corrections.edit_patient(work, patient, changes, "married")
    with clinic.work() as work:  # so that the edit is not the last event
        work.audit("patient.view", work.session.exec(select(Patient)).one())


def verdict(clinic: Clinic, noted: Head | None = None, now: object = NOW) -> Verdict:
    with db.reading(clinic.engine) as session:  # type: ignore[arg-type]
        return sealing.verify(Work(session, now, clinic.system, catalogue()), noted)  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def trail(
    request: pytest.FixtureRequest, migrated_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clinic]:
    """A clinic whose trail is sealed; tests work on a connection of which nothing stays."""
    if request.param == "sqlite":
        url = f"sqlite:///{shutil.copy(migrated_file, tmp_path_factory.mktemp('trail') / 'clinic.sqlite3')}"
    else:
        server, name = request.getfixturevalue("postgres_server"), f"trail_{uuid.uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE migrated").format(sql.Identifier(name)))
        url = sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    engine = db.create_engine_for(url)
    clinic = open_clinic(engine)
    live(clinic)
    sealing.seal(context(clinic))
    yield clinic
    engine.dispose()


def test_a_sealed_trail_is_whole_and_keeps_the_promise(trail: Clinic) -> None:
    with db.reading(trail.engine) as session:  # type: ignore[arg-type]
        work = Work(session, NOW, trail.system, catalogue())
        found = sealing.verify(work)
        assert found.whole
        assert found.head == sealing.head(work)
        assert found.head.number == session.connection().scalar(sa.text("SELECT count(*) FROM audit_event"))
        assert check.check(work) == []
        unsalted = "SELECT count(*) FROM audit_value WHERE length(salt) <> 32"
        assert session.connection().scalar(sa.text(unsalted)) == 0


def test_sealing_again_adds_what_is_new_and_nothing_else(trail: Clinic) -> None:
    head = verdict(trail).head
    assert sealing.seal(context(trail)) == {}
    assert verdict(trail).head == head
    with trail.work() as work:
        patient = trail.patient(work, "002")
        work.audit("patient.view", patient, patient_id=patient.id)
    assert sealing.seal(context(trail, NOW + 48 * HOUR))["sealed"] == 4  # patient, contact, consent, look
    assert verdict(trail, head).whole


EVENT = "(SELECT id FROM audit_event WHERE action = 'patient.edit')"
CHANGED = "link {n}, event {e}: the event, or this link or the one before it, was changed"
OTHER_VALUES = "link {n}, event {e}: the values of the event were changed"
MISSING = "link {n}+1, event {e}+1: link {n} before it is missing"
SWAP = (
    "UPDATE audit_seal SET number = -1 WHERE number = {n}",
    "UPDATE audit_seal SET number = {n} WHERE number = {n} + 1",
    "UPDATE audit_seal SET number = {n} + 1 WHERE number = -1",
)
OSCAR = "(SELECT id FROM user_account WHERE username = 'oscar')"
TAMPERING: dict[str, tuple[tuple[str, ...], str]] = {
    "another user did it": ((f"UPDATE audit_event SET user_id = {OSCAR} WHERE id = {{e}}",), CHANGED),
    "another reason": (("UPDATE audit_event SET reason = 'asked' WHERE id = {e}",), CHANGED),
    "another value": (("UPDATE audit_value SET after = '5' WHERE event_id = {e}",), OTHER_VALUES),
    "a value blanked but not its salt": (("UPDATE audit_value SET after = 'null' WHERE event_id = {e}",), OTHER_VALUES),
    "a salt blanked but not its value": (("UPDATE audit_value SET salt = '' WHERE event_id = {e}",), OTHER_VALUES),
    "an event deleted": (("DELETE FROM audit_event WHERE id = {e}",), "link {n}, event {e}: the event is missing"),
    "an event deleted with its link": (
        ("DELETE FROM audit_seal WHERE event_id = {e}", "DELETE FROM audit_event WHERE id = {e}"), MISSING),
    "a link deleted": (("DELETE FROM audit_seal WHERE event_id = {e}",), MISSING),
    "a link rewritten": (("UPDATE audit_seal SET hash = 'x' WHERE event_id = {e}",), CHANGED),
    "links in another order": (SWAP, CHANGED.replace("{e}", "{e}+1")),
}  # fmt: skip


@pytest.fixture
def tamper(trail: Clinic) -> Iterator[Callable[..., Clinic]]:
    """Change the database by hand, against its constraints if need be; it is undone afterwards."""
    with trail.undone() as clinic:
        assert isinstance(clinic.engine, sa.Connection)

        def by_hand(*statements: str) -> Clinic:
            if clinic.engine.dialect.name == "sqlite":
                clinic.engine.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            else:
                for table in ("audit_seal", "audit_value"):
                    clinic.engine.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT fk_{table}_event_id")
            for statement in statements:
                clinic.engine.exec_driver_sql(statement)
            return clinic

        yield by_hand


@pytest.fixture
def place(trail: Clinic) -> dict[str, int]:
    """The event that is tampered with, and its link's number."""
    with db.reading(trail.engine) as session:  # type: ignore[arg-type]
        statement = f"SELECT number AS n, event_id AS e FROM audit_seal WHERE event_id = {EVENT}"
        return dict(session.connection().execute(sa.text(statement)).mappings().one())


def told(text: str, place: dict[str, int]) -> str:
    """``{n}+1`` as a number."""
    following = {f"{{{name}}}+1": str(number + 1) for name, number in place.items()}
    for sign, number in following.items():
        text = text.replace(sign, number)
    return text.format(**place)


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_found_and_its_first_link_and_event_are_named(
    tamper: Callable[..., Clinic], place: dict[str, int], name: str
) -> None:
    statements, what = TAMPERING[name]
    clinic = tamper(*(statement.format(**place) for statement in statements))
    found = verdict(clinic)
    assert (found.whole, found.first) == (False, told(what, place))
    with db.reading(clinic.engine) as session:  # type: ignore[arg-type]
        violations = check.check(Work(session, NOW, clinic.system, catalogue()))
    assert found.first in str(next(line for line in violations if line.rule == "the trail is whole"))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_value WHERE event_id = {e}",
        "UPDATE audit_value SET before = NULL, after = NULL, salt = '' WHERE event_id = {e}",
        "UPDATE audit_value SET before = 'null', after = 'null', salt = '' WHERE event_id = {e}",
    ],
)
def test_an_erased_value_leaves_the_chain_whole(
    tamper: Callable[..., Clinic], place: dict[str, int], statement: str
) -> None:
    found = verdict(tamper(statement.format(**place)))
    assert (found.whole, found.erased) == (True, 1)


def test_a_chain_made_anew_is_known_by_a_head_that_was_noted(trail: Clinic, tamper: Callable[..., Clinic]) -> None:
    noted = verdict(trail).head
    clinic = tamper("DELETE FROM audit_seal", "UPDATE audit_event SET reason = 'asked'")
    with db.writing(clinic.engine) as session:  # type: ignore[arg-type]
        assert verdict(clinic).whole
        gone = verdict(clinic, noted)
        assert f"link {noted.number}: it was noted, but the chain ends with link 0" in gone.first
        values = seals.unsealed(session, 0, 1000)
        forged = [forge(Head(), values[0][0], values[0][1])]
        seals.append(session, forged, {}, NOW)
    assert "it is not the link that was noted" in verdict(clinic, Head(1, noted.hash)).first


def test_an_event_that_nobody_sealed_for_an_hour_is_found_while_a_worker_runs(trail: Clinic) -> None:
    later = NOW + 2 * HOUR
    with trail.undone() as clinic:
        with clinic.work() as work:
            clinic.patient(work, "late")
        with db.writing(clinic.engine) as session:  # type: ignore[arg-type]
            assert verdict(clinic, now=later).whole  # no worker
            heartbeats.beat(session, "w", later - SINCE, later - HOUR, 1, "")
            assert verdict(clinic, now=later).whole  # a worker that stopped
            heartbeats.beat(session, "w", later, later, 1, "")
            assert verdict(clinic, now=later).whole  # one that has just started
            heartbeats.beat(session, "w", later - SINCE, later, 1, "")
        found = verdict(clinic, now=later)
        assert (found.whole, found.late, found.broken) == (False, 3, 0)
        with db.reading(clinic.engine) as session:  # type: ignore[arg-type]
            violations = check.check(Work(session, later, clinic.system, catalogue()))
        assert f"event {found.first_late}: 3 events are not sealed" in "".join(map(str, violations))


@pytest.mark.postgres
def test_a_lower_number_that_is_committed_later_is_sealed_later(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "BATCH", 2)
    clinic = open_clinic(db.create_engine_for(postgres_url))
    with clinic.work() as slow:
        site = clinic.site(slow)
        slow.audit("site.edit", site)
        slow.session.flush()
        with clinic.work() as quick:
            for _ in range(5):
                quick.audit("site.edit", clinic.site(quick))
        assert sealing.seal(context(clinic))["sealed"] > 5
    assert sealing.seal(context(clinic)) == {"sealed": 1}
    with db.reading(clinic.engine) as session:  # type: ignore[arg-type]
        ids = [joint.link.event_id for joint in seals.joints(session, batch=2)]
    assert ids != sorted(ids)
    assert sorted(ids) == list(range(1, len(ids) + 1))
    assert verdict(clinic).whole


@pytest.mark.postgres
def test_of_several_sealers_one_does_it(postgres_url: str) -> None:
    clinic = open_clinic(db.create_engine_for(postgres_url))
    with locks.alone(clinic.engine, "audit seal"):  # type: ignore[arg-type]
        assert sealing.seal(context(clinic)) == {}
    sealers = [threading.Thread(target=sealing.seal, args=(context(clinic),)) for _ in range(3)]
    for thread in sealers:
        thread.start()
    for thread in sealers:
        thread.join()
    assert verdict(clinic).whole
    assert verdict(clinic).head.number > 0


def test_a_head_is_read_as_it_was_told() -> None:
    head = Head(12, "ab" * 32)
    assert sealing.noted_head(f" {head}\n") == head
    for text in ("", "12", "12:", "12:xyz", f"x:{'ab' * 32}", f"12:{'AB' * 32}", f"-1:{'ab' * 32}"):
        with pytest.raises(InvalidInputError):
            sealing.noted_head(text)
