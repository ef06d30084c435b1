"""The service as an engine for the reference cases: put through itself over HTTP, and what it refuses."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from api_program import Program, token
from cases_read import cases, shipped
from web_clinic import Clinic, Server

from surveillance import bootstrap
from surveillance.core.errors import UnavailableError
from surveillance.operations.accounts.tokens import Scope
from surveillance.operations.cases import running

EVERY = 9  # of the cases go over the wire; all of them are asked in the process (tests/acceptance/test_cases.py)


def address(server: Server) -> str:
    return str(server.client.base_url).rstrip("/")


def asked(id: str = "hold-01") -> dict[str, Any]:
    [case] = [case for case in cases() if case.id == id]
    return json.loads(running.asked(case, shipped()))


def test_the_service_agrees_with_the_cases_that_are_put_to_it_over_http(
    sqlite_clinic: Clinic, sqlite_server: Server
) -> None:
    secret = token(sqlite_clinic, sqlite_clinic.user_id, [Scope.READ])
    engine = bootstrap.case_engine(address(sqlite_server), secret)
    some = [case for case in cases() if "refused" in case.then or "at" in case.then] + cases()[::EVERY]
    results = list(running.run(engine, some, shipped()))
    assert [line for result in results for line in result.lines] == []


def test_without_a_token_nothing_is_computed(sqlite_server: Server) -> None:
    engine = bootstrap.case_engine(address(sqlite_server))
    with pytest.raises(UnavailableError, match="wants a token"):
        list(running.run(engine, cases()[:1], shipped()))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"facts": {"anchor": "2024-02-30"}}, "#/facts/anchor"),
        ({"facts": {"until": "2140-01-01"}}, "the horizon lies between the anchor and a hundred years after it"),
        ({"facts": {"terms": [{"protocol": "unknown@1"}]}}, "unknown@1 is not among those of the question"),
        ({"facts": {"terms": [{"protocol": "asps-extremity@2026.1", "since": "2024-01-01"}]}}, "the first terms hold"),
        ({"site": {"working_days": []}}, "#/site/working_days"),
        ({"moments": [{"local": "2026-13-01 10:00", "zone": "Europe/Oslo"}]}, "is no local time"),
        ({"local_days": [{"utc": "2026-01-01T10:00Z", "zone": "Europe/Olso"}]}, "there is no time zone Europe/Olso"),
        ({"hint": "three"}, "#/hint"),
    ],
)
def test_a_question_of_no_use_is_told_so(
    sqlite_clinic: Clinic, sqlite_server: Server, change: dict[str, Any], said: str
) -> None:
    program = Program(sqlite_server, token(sqlite_clinic, sqlite_clinic.user_id))
    question = asked()
    for name, value in change.items():
        question[name] = {**question[name], **value} if isinstance(value, dict) else value
    answer = program.client.post("/cases/answer", json=question)
    assert answer.status_code in (400, 422), answer.text
    assert said in answer.json()["detail"]


def test_a_site_that_never_works_is_no_crash(sqlite_clinic: Clinic, sqlite_server: Server) -> None:
    program = Program(sqlite_server, token(sqlite_clinic, sqlite_clinic.user_id))
    mondays = [str(date(2024, 1, 1) + timedelta(weeks=week)) for week in range(200)]
    question = asked("trip-01") | {"site": {"working_days": [1], "closed": mondays}}
    answer = program.client.post("/cases/answer", json=question)
    assert (answer.status_code, "no answer" in answer.json()["detail"]) == (422, True)
