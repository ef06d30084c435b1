"""The program, run in this process on a database of its own, at a moment that the test sets."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer import testing
from typer.testing import CliRunner, Result

from surveillance import bootstrap
from surveillance.cli.root import app

TODAY = datetime(2026, 11, 23, 9, tzinfo=UTC)  # a Monday
SITE = (
    *("site", "add", "NYC1", "--name", "Sarcoma unit, Riverside Hospital", "--short-name", "Riverside"),
    *("--zone", "America/New_York", "--country", "us", "--phone", "(212) 555-0100"),
)


@pytest.fixture(scope="session", autouse=True)
def commands() -> Iterator[None]:
    """The tree of all commands is built once: building it takes longer than most commands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(testing, "_get_command", cache(testing._get_command))
        yield


@dataclass
class Program:
    """Runs one command at a time; ``user`` acts in all of them unless another one is named."""

    file: Path
    now: datetime = TODAY
    user: str | None = "bob"
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, user: str | None = None, typed: str | None = None) -> Result:
        variables: dict[str, str | None] = {
            "SURVEILLANCE_DATABASE_URL": f"sqlite:///{self.file}",
            "SURVEILLANCE_USER": user or self.user,
            **self.environment,
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bootstrap, "utc_now", lambda: self.now)
            return CliRunner(env=variables).invoke(app, arguments, input=typed, prog_name="surveillance")

    def __call__(self, *arguments: str, user: str | None = None, typed: str | None = None) -> str:
        """What a command says that must succeed."""
        result = self.run(*arguments, user=user, typed=typed)
        assert result.exit_code == 0, f"{arguments}: {result.output}"
        return result.stdout

    def json(self, *arguments: str, user: str | None = None) -> Any:
        return json.loads(self(*arguments, "--json", user=user))

    def add_site(self) -> str:
        return self(*SITE)

    def dump(self) -> list[str]:
        """Everything in every table."""
        with closing(sqlite3.connect(self.file)) as connection:
            return list(connection.iterdump())


@pytest.fixture
def empty(sqlite_url: str) -> Program:
    """A migrated database without anybody in it."""
    return Program(Path(sqlite_url.removeprefix("sqlite:///")), user=None)


@pytest.fixture(scope="session")
def clinic_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clinic with an administrator, a coordinator, a clinician and one patient on a plan, made by the program."""
    program = Program(tmp_path_factory.mktemp("clinic") / "clinic.sqlite3", user=None)
    shutil.copy(migrated_file, program.file)
    program.add_site()
    program("site", "place-add", "NYC1", "MRI 2", "--address", "12 High Street")
    program("user", "add", "anna", "--name", "Anna Bell", "--role", "admin")
    program("user", "add", "bob", "--name", "Bob Hill", "--role", "coordinator", user="anna")
    program("user", "add", "dr.reed", "--name", "Jo Reed", "--role", "clinician", user="anna")
    program("site", "approve-protocol", "NYC1", "asps-extremity", "--source-read", user="dr.reed")
    program(
        *("patient", "add", "00417", "--family", "Okafor", "--given", "Ada", "--born", "1998-05-14"),
        *("--phone", "(212) 555-0123", "--consent", "sms", "--consent-how", "signed form"),
        user="bob",
    )
    program(
        *("enrol", "00417", "--protocol", "asps-extremity", "--anchor", "2026-08-25", "--yes"),
        user="bob",
    )
    return program.file


@pytest.fixture
def clinic(clinic_file: Path, tmp_path: Path) -> Program:
    file = tmp_path / "a-clinic.sqlite3"
    shutil.copy(clinic_file, file)
    return Program(file)


@pytest.fixture(scope="session")
def two_patients(clinic_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The clinic with a second patient, who has no plan; for tests that change nothing."""
    program = Program(tmp_path_factory.mktemp("two") / "clinic.sqlite3")
    shutil.copy(clinic_file, program.file)
    program("patient", "add", "00418", "--family", "Vale", "--given", "Kim", "--born", "1971-02-28")
    return program
