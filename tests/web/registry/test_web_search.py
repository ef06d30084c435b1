"""One search behind three doors: browser, command line and API find the same patients in the same order."""

import json
import re
from datetime import date

import pytest
from staff import NOW, Staffed, catalogue
from typer.testing import CliRunner

from surveillance import bootstrap
from surveillance.cli.root import app
from surveillance.operations.accounts import tokens, users
from surveillance.operations.accounts.tokens import Scope
from surveillance.operations.registry import patients, sites
from surveillance.operations.work import Work

PEOPLE = (
    patients.NewPatient("NB", "Núñez", "Ann Marie", date(1998, 5, 14)),
    patients.NewPatient("900100", "Nunezborg", "Bo", date(1990, 1, 2)),
    patients.NewPatient(
        "900101", "García Márquez", "Ana", date(1998, 5, 14), contacts=[patients.NewContact(phone="+1 202 555 0187")]
    ),
    patients.NewPatient("900102", "Annas", "Marie-Ann", date(1990, 2, 1)),
)


@pytest.fixture
def registered(staffed: Staffed) -> Staffed:
    def add(work: Work) -> None:
        here = sites.site_by_code(work, "RIVERSIDE")
        for person in PEOPLE:
            patients.add_patient(work, here, person)

    staffed.do(add)
    return staffed


def in_browser(clinic: Staffed, text: str) -> list[str]:
    grace = clinic.client("grace")
    answer = grace.client.get("/search", params={"q": text})
    if answer.status_code == 303:  # an MRN that only one patient has leads straight there
        return re.findall(r"MRN (\w+)", grace.get(answer.headers["location"]).text)[:1]
    return re.findall(r'data-label="MRN">([^<]*)<', answer.text)


def by_api(clinic: Staffed, text: str) -> list[str]:
    def make(work: Work) -> str:
        return tokens.create(work, tokens.NewToken(users.user_named(work, "grace"), "the registry", [Scope.READ]))[1]

    headers = {"Authorization": f"Bearer {clinic.do(make)}"}
    answer = clinic.client().client.post("/api/v1/patients/search", json={"text": text}, headers=headers)
    return [patient["mrn"] for patient in answer.json()["items"]]


def on_the_command_line(clinic: Staffed, text: str) -> list[str]:
    environment = {"SURVEILLANCE_DATABASE_URL": clinic.app.settings.database_url}
    found = CliRunner(env=environment).invoke(app, ["patient", "find", text, "--as", "grace", "--json"])
    assert found.exit_code == 0, found.output
    return [patient["mrn"] for patient in json.loads(found.stdout)]


@pytest.fixture(autouse=True)
def _as_at_the_clinic(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = catalogue()
    monkeypatch.setattr(bootstrap, "utc_now", lambda: NOW)
    monkeypatch.setattr(bootstrap, "open_catalogue", lambda _settings: shipped)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nunez", ["NB", "900100"]),
        ("NÚÑEZ ann", ["NB"]),
        ("ann", ["NB", "900102"]),
        ("marq ana", ["900101"]),
        ("14.05.1998", ["900101", "NB"]),
        ("ann 14 May 1998", ["NB"]),
        ("5/14/1998", ["900101", "NB"]),
        ("(202) 555-0187", ["900101"]),
        ("borg", ["900100"]),  # no name begins so
        ("nb", ["NB"]),
        ("900", ["900102", "900101", "900100"]),
        ("outsider", []),  # a patient of another clinic
        ("%", []),
    ],
)
def test_browser_command_line_and_api_find_the_same(registered: Staffed, text: str, expected: list[str]) -> None:
    assert in_browser(registered, text) == expected
    assert by_api(registered, text) == expected
    assert on_the_command_line(registered, text) == expected
