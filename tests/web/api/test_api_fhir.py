"""``POST /fhir/PlanDefinition/{protocol}/$apply`` from outside: FHIR in and out, at the API's door."""

import json
from typing import Any

import httpx
import pytest
from api_program import token
from fhir.resources.R4B.careplan import CarePlan
from fhir.resources.R4B.operationoutcome import OperationOutcome
from web_clinic import Clinic, Server

from surveillance.operations.accounts.tokens import Scope

FHIR = "application/fhir+json"
GIVEN = {
    "resourceType": "Parameters",
    "parameter": [
        {"name": "subject", "valueReference": {"reference": "Patient/17"}},
        {"name": "anchor", "valueDate": "2026-06-01"},
    ],
}


@pytest.fixture
def ask(sqlite_clinic: Clinic, sqlite_server: Server) -> Any:
    secret = token(sqlite_clinic, sqlite_clinic.user_id, [Scope.READ])

    def asked(
        body: Any = GIVEN, protocol: str = "asps-extremity", media: str = FHIR, bearer: str = secret
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": media} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
        address = f"{str(sqlite_server.client.base_url).rstrip('/')}/api/v1/fhir/PlanDefinition/{protocol}/$apply"
        return httpx.post(address, content=content, headers=headers)

    return asked


@pytest.mark.parametrize("media", [FHIR, "application/json", f"{FHIR}; charset=utf-8"])
@pytest.mark.parametrize("protocol", ["asps-extremity", "asps-extremity@2026.1"])
def test_a_protocol_is_applied_to_the_facts_of_a_request(ask: Any, media: str, protocol: str) -> None:
    answer = ask(media=media, protocol=protocol)
    assert (answer.status_code, answer.headers["content-type"]) == (200, FHIR)
    made = answer.json()
    CarePlan.model_validate(made)
    assert "mri-primary-3" in [each["id"] for each in made["contained"]]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"body": b"{"}, 400, "structure"),
        ({"body": b"[" * 100_000}, 400, "structure"),
        ({"body": b"\xff"}, 400, "structure"),
        ({"body": []}, 422, "invalid"),
        ({"body": {"resourceType": "Parameters"}}, 422, "invalid"),
        ({"protocol": "unknown"}, 404, "not-found"),
        ({"media": "text/plain"}, 415, "not-supported"),
        ({"bearer": ""}, 401, "login"),
        ({"bearer": "x" * 40}, 401, "login"),
    ],
)
def test_every_refusal_is_an_operation_outcome(ask: Any, asked: dict[str, Any], status: int, code: str) -> None:
    answer = ask(**asked)
    assert (answer.status_code, answer.headers["content-type"]) == (status, FHIR)
    OperationOutcome.model_validate(answer.json())
    [issue] = answer.json()["issue"]
    assert (issue["severity"], issue["code"]) == ("error", code)
    assert issue["diagnostics"]


def test_a_refusal_says_where(ask: Any) -> None:
    wrong = {"resourceType": "Parameters", "parameter": [{"name": "subject", "valueCode": "17"}]}
    [issue] = ask(wrong).json()["issue"]
    assert issue["expression"] == ["Parameters.parameter[0]"]
