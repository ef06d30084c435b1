"""``surveillance feed`` and ``serve`` from the outside: addresses are shown once, and a server is a good neighbour."""

import json
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, date, datetime

import furnished
import httpx
import pytest
from typer.testing import CliRunner, Result

from surveillance import bootstrap
from surveillance.cli.root import app
from surveillance.core.words import Role
from surveillance.operations.administration import sites
from surveillance.operations.registry import patients
from surveillance.settings import Settings
from surveillance.store import db
from surveillance.store.tables import Membership, User


@pytest.fixture(autouse=True)
def clinic(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Patient MRN-0001 and coordinator Anna at LDN1; returns the database's address."""
    monkeypatch.setenv("SURVEILLANCE_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("SURVEILLANCE_PUBLIC_URL", "https://clinic.example")
    furnished.once(db.create_engine_for(sqlite_url), "cli feeds", lambda: _furnish(sqlite_url))
    return sqlite_url


def _furnish(url: str) -> None:
    service = bootstrap.open_app(Settings(database_url=url))
    now = datetime(2026, 11, 23, 8, tzinfo=UTC)
    with db.writing(service.engine) as session:
        work = service.work(session, bootstrap.system_actor(session), now)
        new = sites.NewSite("LDN1", "Clinic", "Clinic", "Europe/London", "GB", "+442079460123")
        site = sites.add_site(work, new)
        user = User(username="anna", name="Anna", created_at=now)
        session.add(user)
        session.flush()
        session.add(Membership(user_id=user.id, site_id=site.id, role=Role.COORDINATOR))
        patients.add_patient(work, site, patients.NewPatient("MRN-0001", "Fiction", "Ada", date(2001, 5, 17)))
    service.close()


def feed(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["feed", *arguments])


def made(*arguments: str) -> dict[str, str]:
    result = feed("create", *arguments, "--as", "anna", "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, str] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["--patient", "MRN-0001", "--privacy", "full"], "patient"),
        (["--user", "anna"], "coordinator"),
        (["--site", "LDN1"], "site"),
    ],
)
def test_an_address_is_shown_in_three_forms_and_only_once(arguments: list[str], kind: str) -> None:
    result = feed("create", *arguments, "--as", "anna")
    assert result.exit_code == 0, result.output
    assert "https://clinic.example/calendar/" in result.stdout
    assert "webcal://clinic.example/calendar/" in result.stdout
    assert "https://calendar.google.com/calendar/r/settings/addbyurl" in result.stdout
    listed = feed("list", "--json", "--as", "anna")
    (row,) = json.loads(listed.stdout)
    assert row["kind"] == kind
    assert "/calendar/" not in listed.stdout + feed("list", "--as", "anna").stdout


def test_a_dry_run_makes_no_address_and_shows_none() -> None:
    result = feed("create", "--patient", "MRN-0001", "--as", "anna", "--dry-run")
    assert result.exit_code == 0
    assert "/calendar/" not in result.stdout
    assert "none yet" in feed("list", "--as", "anna").stdout


def test_revoking_closes_an_address_and_rotating_gives_another() -> None:
    first = made("--patient", "MRN-0001")
    rotated = feed("rotate", first["id"][:8], "--as", "anna", "--json")
    second = json.loads(rotated.stdout)
    assert second["https"] != first["https"]
    assert feed("revoke", second["id"][:8], "--as", "anna").exit_code == 0
    states = [row["revoked_at"] is not None for row in json.loads(feed("list", "--as", "anna", "--json").stdout)]
    assert states == [True, True]
    again = feed("rotate", second["id"][:8], "--as", "anna")
    assert (again.exit_code, "revoked" in again.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        ([], 2, "whose calendar"),
        (["--patient", "MRN-0001", "--user", "anna"], 2, "exclude"),
        (["--patient", "MRN-9999"], 1, "MRN-9999"),
        (["--user", "nobody"], 1, "nobody"),
        (["--site", "NOPE"], 1, "NOPE"),
        (["--patient", "MRN-0001", "--language", "tlh"], 1, "tlh"),
        (["--patient", "MRN-0001", "--privacy", "open"], 2, "open"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(arguments: list[str], status: int, told: str) -> None:
    result = feed("create", *arguments, "--as", "anna")
    assert (result.exit_code, result.stdout) == (status, "")
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1


def start(port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from surveillance.cli import main; main()", "serve", "--port", str(port)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_server_answers_with_its_worker_and_stops_in_good_order() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = start(port)
    try:
        for _ in range(300):
            try:
                ready = httpx.get(f"http://127.0.0.1:{port}/readyz")
                break
            except httpx.TransportError:
                assert server.poll() is None, server.communicate()
                time.sleep(0.1)
        assert ready.json() == {"ready": True, "database": "ok", "schema": "ok", "worker": "ok"}
    finally:
        server.send_signal(signal.SIGTERM)
        told, log = server.communicate(timeout=30)
    assert "surveillance runs at https://clinic.example" in told
    assert "worker stopped" in log
    assert "Traceback" not in log


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = start(taken.getsockname()[1])
        told, log = server.communicate(timeout=60)
    assert (server.returncode, told) == (1, "")
    assert log.splitlines()[-1].endswith("Address already in use; choose another --port")


# -- the patient's own page --------------------------------------------------------------------------------------


def page(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["patient", "page", *arguments, "--as", "anna"])


def test_an_address_of_a_patients_own_page_is_shown_once_listed_and_closed() -> None:
    first = json.loads(page("create", "MRN-0001", "--json").stdout)
    assert first["address"].startswith("https://clinic.example/p/")
    assert json.loads(page("create", "MRN-0001", "--dry-run", "--json").stdout)["result"]["address"] == ""
    page("create", "MRN-0001")
    listed = page("list", "MRN-0001")
    assert first["id"][:8] in listed.stdout
    assert first["address"].rpartition("/")[2] not in listed.stdout
    assert "is closed" in page("revoke", "MRN-0001", first["id"][:8], "--reason", "lost").stdout
    assert "1 address closed" in page("revoke", "MRN-0001", "--all").stdout
    states = {row["state"] for row in json.loads(page("list", "MRN-0001", "--json").stdout)}
    assert states == {"revoked"}


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["revoke", "MRN-0001"], 2, "say which address"),
        (["revoke", "MRN-0001", "1f2e", "--all"], 2, "say which address"),
        (["revoke", "MRN-0001", "1f2e"], 1, "there is no address"),
        (["create", "MRN-0001", "--contact", "3"], 1, "there is no contact"),
        (["create", "MRN-9999"], 1, "MRN-9999"),
    ],
)
def test_what_cannot_be_done_about_a_page_is_told_in_one_line(arguments: list[str], status: int, says: str) -> None:
    result = page(*arguments)
    assert (result.exit_code, says in result.stderr) == (status, True)
