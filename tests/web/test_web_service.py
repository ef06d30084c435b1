"""Probes, metrics, the front page, the headers on every answer, and how errors are told."""

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import APIRouter, FastAPI
from prometheus_client.parser import text_string_to_metric_families
from web_clinic import METRICS_TOKEN, Clinic, Server, serving

import surveillance
from surveillance import logs
from surveillance.core.errors import (
    ConfigurationError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    SurveillanceError,
    UnavailableError,
)
from surveillance.store import db
from surveillance.store.tables import Counter, Heartbeat
from surveillance.web.app import create_app
from surveillance.web.calendars.fetches import RenderedFeeds
from surveillance.web.security import masked

TOKEN = {"Authorization": f"Bearer {METRICS_TOKEN}"}


class Ticks:
    """Work beside the requests, as the worker is."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def start(self) -> None:
        self.seen.append("start")

    def stop(self) -> None:
        self.seen.append("stop")


def beat(clinic: Clinic) -> None:
    """A sign of life of a worker, which has counted an error."""

    def write(work: Any) -> None:
        row = work.session.get(Heartbeat, "one") or Heartbeat(worker="one", started_at=work.now, beat_at=work.now)
        row.beat_at = work.now
        work.session.add_all([row, Counter(name="worker_errors", value=1)])

    clinic.do(write)


# -- probes ----------------------------------------------------------------------------------------------------


def test_a_service_without_any_worker_yet_is_ready(clinic: Clinic, server: Server) -> None:
    answer = server.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"ready": True, "database": "ok", "schema": "ok", "worker": "none yet"},
    )


def test_a_service_whose_workers_fell_silent_is_not_ready(clinic: Clinic, server: Server) -> None:
    beat(clinic)
    clinic.later(minutes=2)
    assert server.get("/readyz").json()["worker"] == "ok"
    clinic.later(seconds=1)
    answer = server.get("/readyz")
    assert (answer.status_code, answer.json()["worker"]) == (503, "silent")


def test_a_process_with_its_own_worker_waits_for_its_first_beat(sqlite_clinic: Clinic) -> None:
    ticks = Ticks()
    with serving(sqlite_clinic, ticks) as server:
        assert server.get("/readyz").json()["worker"] == "not started"
        beat(sqlite_clinic)
        assert server.get("/readyz").status_code == 200
        assert ticks.seen == ["start"]
    assert ticks.seen == ["start", "stop"]


def test_an_old_schema_is_not_ready(clinic: Clinic, server: Server) -> None:
    with clinic.app.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    answer = server.get("/readyz")
    assert (answer.status_code, answer.json()["schema"]) == (503, "not the newest")


def test_without_its_database_the_service_lives_but_is_not_ready_and_says_nothing_more(
    sqlite_clinic: Clinic, sqlite_server: Server
) -> None:
    secret = sqlite_clinic.feed()
    engine = sqlite_clinic.app.engine
    engine.dispose()
    file = Path(str(engine.url.database))
    for part in file.parent.glob(f"{file.name}*"):
        part.unlink()
    file.mkdir()  # so that no empty database takes its place
    answer = sqlite_server.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "down")
    assert file.name not in answer.text
    assert sqlite_server.get("/healthz").status_code == 200
    feed = sqlite_server.get(f"/calendar/{secret}.ics")
    assert (feed.status_code, feed.headers["content-type"]) == (503, "application/problem+json")
    assert file.name not in feed.text
    assert sqlite_server.client.get("/metrics", headers=TOKEN).status_code == 503


@pytest.mark.postgres
def test_without_its_server_the_service_is_not_ready(postgres_url: str, sqlite_clinic: Clinic) -> None:
    gone = sa.make_url(postgres_url).set(database="never_was").render_as_string(hide_password=False)
    object.__setattr__(sqlite_clinic.app, "engine", db.create_engine_for(gone))
    with serving(sqlite_clinic) as server:
        answer = server.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "down")
    assert "never_was" not in answer.text


def test_healthz_asks_the_database_nothing(clinic: Clinic, server: Server, statements: list[str]) -> None:
    assert server.get("/healthz").json() == {"alive": True}
    assert statements == []


# -- metrics ---------------------------------------------------------------------------------------------------


def samples(answer: httpx.Response) -> dict[tuple[str, ...], float]:
    assert answer.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"Basic {METRICS_TOKEN}", "Bearer ü"])
def test_metrics_need_the_token(sqlite_server: Server, given: str) -> None:
    answer = sqlite_server.client.get("/metrics", headers={"Authorization": given.encode()})
    assert (answer.status_code, answer.text) == (401, "")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_without_a_token_in_the_settings_metrics_are_for_nobody(sqlite_clinic: Clinic) -> None:
    settings = sqlite_clinic.app.settings.model_copy(update={"metrics_token": None})
    object.__setattr__(sqlite_clinic.app, "settings", settings)
    with serving(sqlite_clinic) as server:
        for given in ("", "Bearer", "Bearer None"):
            assert server.get("/metrics", Authorization=given).status_code == 401


def test_metrics_count_what_the_board_would_list(clinic: Clinic, server: Server) -> None:
    beat(clinic)
    secret = clinic.feed()
    server.get(f"/calendar/{secret}.ics")
    server.get("/no/such/page")
    first = samples(server.client.get("/metrics", headers=TOKEN))
    assert first["surveillance_examinations_overdue",] == 0
    assert first["surveillance_worker_heartbeat_age_seconds",] == 0
    assert first["surveillance_attempts_in_doubt",] == first["surveillance_oldest_doubt_seconds",] == 0
    assert first["surveillance_senders_stopped",] == 0
    assert first["surveillance_feeds",] == 1
    assert first["surveillance_events_total", "worker_errors"] == 1
    assert first["surveillance_reminders", "planned"] == 0
    assert first["surveillance_build_info", surveillance.__version__] == 1
    assert first["surveillance_http_request_seconds_count", "GET", "/calendar/{secret}.ics", "200"] == 1
    assert first["surveillance_http_request_seconds_count", "GET", "none", "404"] == 1
    clinic.later(days=60)  # past the windows around 1 December
    later = samples(server.client.get("/metrics", headers=TOKEN))
    assert later["surveillance_examinations_overdue",] == 2
    assert later["surveillance_worker_heartbeat_age_seconds",] == timedelta(days=60).total_seconds()


def test_a_booked_examination_is_not_counted_as_overdue(clinic: Clinic, server: Server) -> None:
    clinic.later(days=40)
    clinic.book(clinic.now.date() + timedelta(days=10))
    counted = samples(server.client.get("/metrics", headers=TOKEN))
    assert counted["surveillance_examinations_overdue",] == 0


def test_metrics_hold_no_secret(sqlite_clinic: Clinic, sqlite_server: Server) -> None:
    secret = sqlite_clinic.feed()
    sqlite_server.get(f"/calendar/{secret}.ics")
    sqlite_server.get(f"/p/{secret}")
    assert secret not in sqlite_server.client.get("/metrics", headers=TOKEN).text


# -- the front page, and what stands on every answer -----------------------------------------------------------


def test_whoever_is_not_signed_in_learns_of_no_patient_and_of_no_clinic(clinic: Clinic, server: Server) -> None:
    clinic.book(clinic.now.date() + timedelta(days=8))
    assert server.get("/").headers["location"] == "/sign-in"
    answer = server.get("/sign-in")
    assert answer.status_code == 200
    assert surveillance.__version__ in answer.text
    for told in ("Ada", "Fiction", "MRN-0001", "Sarcoma", "LDN1", "Anna", "ancer", "ncolog", "umour", "umor"):
        assert told not in answer.text


def test_every_link_of_the_sign_in_page_leads_somewhere(sqlite_clinic: Clinic, sqlite_server: Server) -> None:
    links = re.findall(r'(?:href|src)="([^"]+)"', sqlite_server.get("/sign-in").text)
    assert len(links) > 4
    answers = {link: sqlite_server.get(link).status_code for link in links if not link.startswith("#")}
    assert set(answers.values()) <= {200, 303}
    assert all(link.startswith(("/", "#")) for link in links)


@pytest.mark.parametrize("path", ["/", "/healthz", "/no/such/page", "/static/app.js", "/calendar/none.ics"])
def test_every_answer_has_the_safety_headers(sqlite_server: Server, path: str) -> None:
    headers = sqlite_server.get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["strict-transport-security"]
    assert re.fullmatch("[0-9a-f]{32}", headers["x-request-id"])


def test_a_proxys_request_number_is_kept_unless_it_is_no_plain_one(sqlite_server: Server) -> None:
    assert sqlite_server.get("/", X_Request_ID="proxy-12345").headers["x-request-id"] == "proxy-12345"
    assert sqlite_server.get("/", X_Request_ID="x\ty<script>").headers["x-request-id"] != "x\ty<script>"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/calendar/abc-D_1.ics", "/calendar/….ics"),
        ("/calendar/abc-D_1", "/calendar/…"),
        ("/p/abc-D_1/visits", "/p/…/visits"),
        ("/patients/1", "/patients/1"),
        ("/", "/"),
    ],
)
def test_the_secret_of_a_path_is_replaced_by_digits_of_its_hash(path: str, shown: str) -> None:
    told, reader = masked(path)
    assert told == shown
    assert "abc-D_1" not in told
    assert bool(reader) is ("abc" in path)


# -- errors ----------------------------------------------------------------------------------------------------

KINDS: dict[str, tuple[SurveillanceError, int]] = {
    "invalid": (InvalidInputError("the day is no day"), 422),
    "absent": (NotFoundError("there is no visit"), 404),
    "forbidden": (ForbiddenError("you may not"), 403),
    "conflict": (ConflictError("it is booked"), 409),
    "unavailable": (UnavailableError("the database at host db.internal is down"), 503),
    "configured": (ConfigurationError("config/en.yaml:3: bad"), 500),
}


def failing(clinic: Clinic) -> FastAPI:
    """The service with routes that fail, each in its way."""
    web = create_app(clinic.app, clock=lambda: clinic.now)
    router = APIRouter()

    @router.get("/api/fail/{kind}")
    @router.get("/fail/{kind}")
    def fail(kind: str, number: int = 0) -> None:
        if kind in KINDS:
            raise KINDS[kind][0]
        raise RuntimeError("a mistake about patient Ada Fiction")

    web.include_router(router)
    return web


async def ask(web: FastAPI, path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(web, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path, headers=headers)


def run(web: FastAPI, path: str, **headers: str) -> httpx.Response:
    # In a thread of its own: where a browser's tests ran before in this process, the main one has a loop running.
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(lambda: asyncio.run(ask(web, path, **headers))).result()


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_told_as_problem_details(sqlite_clinic: Clinic, kind: str) -> None:
    error, status = KINDS[kind]
    answer = run(failing(sqlite_clinic), f"/api/fail/{kind}", accept="text/html")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"].startswith("/api/v1/problems/")
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert (str(error) in problem["detail"]) is (status < 500)


def test_a_mistake_of_ours_is_told_without_its_reason_and_with_all_headers(sqlite_clinic: Clinic) -> None:
    answer = run(failing(sqlite_clinic), "/api/fail/bug")
    assert answer.status_code == 500
    assert "Ada" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_wrong_value_is_named_and_not_repeated(sqlite_clinic: Clinic) -> None:
    answer = run(failing(sqlite_clinic), "/api/fail/absent?number=Ada")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "query.number"
    assert "Ada" not in answer.text


def test_a_person_gets_a_page_and_what_it_says_is_escaped(sqlite_clinic: Clinic) -> None:
    answer = run(failing(sqlite_clinic), "/fail/absent", accept="text/html,*/*")
    assert answer.headers["content-type"].startswith("text/html")
    assert "There is no visit" in answer.text
    hostile = NotFoundError("<script>alert(1)</script>")
    KINDS["hostile"] = (hostile, 404)
    try:
        assert "<script>alert" not in run(failing(sqlite_clinic), "/fail/hostile", accept="text/html").text
    finally:
        del KINDS["hostile"]


def test_a_request_is_one_line_of_the_log_with_its_number(
    sqlite_clinic: Clinic, capsys: pytest.CaptureFixture[str], log_as_before: None
) -> None:
    logs.configure(as_json=True)
    answer = run(failing(sqlite_clinic), "/api/fail/conflict?number=77")
    told = capsys.readouterr().err
    (line,) = [json.loads(line) for line in told.splitlines() if '"event": "request"' in line]
    assert (line["path"], line["status"], line["method"]) == ("/api/fail/conflict", 409, "GET")
    assert line["request_id"] == answer.headers["x-request-id"]
    assert "77" not in line["path"]


def test_rendered_feeds_are_kept_up_to_a_limit_the_oldest_go_first() -> None:
    kept = RenderedFeeds(limit=10)
    made: list[str] = []

    def render(tag: str, size: int) -> bytes:
        return kept.get(tag, lambda: (made.append(tag), b"x" * size)[1])

    for tag in ("a", "b", "a", "c", "a", "b"):
        assert render(tag, 4) == b"xxxx"
    assert made == ["a", "b", "c", "b"]
    assert render("large", 11) == b"x" * 11
    render("large", 11)
    assert made[-2:] == ["large", "large"]
