"""The installed program as a process of its own: exit status, one line on stderr, nothing cut off; and its database."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from surveillance.settings import Settings

PROGRAM = (sys.executable, "-c", "from surveillance.cli import main; main()")
PROJECT = Path(__file__).parents[2]


def environment(**more: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SURVEILLANCE_")}
    return {**plain, "PYTHONPATH": str(PROJECT), "COLUMNS": "60", **more}


def started(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*PROGRAM, *arguments),
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_program_works_as_a_process_and_a_piped_table_is_whole(clinic: Any) -> None:
    url = f"sqlite:///{clinic.file}"
    shown = started("patient", "show", "00417", SURVEILLANCE_DATABASE_URL=url, SURVEILLANCE_USER="bob")
    assert (shown.returncode, shown.stderr) == (0, "")
    [row] = [line for line in shown.stdout.splitlines() if line.startswith(" chest_imaging@3 ")]
    assert row.split()[1:5] == ["Wed", "2026-11-25", "2026-11-11", "2026-12-09"]
    refused = started("patient", "show", "nobody", SURVEILLANCE_DATABASE_URL=url)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "error: there is no patient with MRN 'nobody' here\n"


def test_a_database_that_does_not_answer_gets_one_line(tmp_path: Path) -> None:
    absent = started("site", "list", SURVEILLANCE_DATABASE_URL="postgresql://clinic:secret@127.0.0.1:1/clinic")
    assert absent.returncode == 1
    assert absent.stderr.startswith("error: the database clinic at 127.0.0.1:1 does not answer")
    assert "secret" not in absent.stderr
    assert absent.stderr.count("\n") == 1


def test_a_traceback_is_shown_to_who_asks_for_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'none' / 'clinic.sqlite3'}"
    asked = started("site", "list", SURVEILLANCE_DATABASE_URL=url, SURVEILLANCE_DEBUG="1")
    assert asked.returncode == 1
    assert "Traceback (most recent call last)" in asked.stderr
    assert "error: the database file" in asked.stderr.splitlines()[-1]


def test_control_c_at_a_question_stops_without_a_word_of_python(clinic: Any) -> None:
    before = clinic.dump()
    process = subprocess.Popen(
        (*PROGRAM, "plan", "anchor", "00417", "2026-08-20", "--reason", "x", "--as", "bob"),
        env=environment(SURVEILLANCE_DATABASE_URL=f"sqlite:///{clinic.file}"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while "Apply this?" not in (read := os.read(process.stdout.fileno(), 65536).decode()):
        assert read, "it ended before it asked"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (1, 130)
    assert "Traceback" not in errors
    assert clinic.dump() == before


# -- the database ----------------------------------------------------------------------------------------------


def test_a_backup_is_restored_with_messages_paused(clinic: Any, tmp_path: Path) -> None:
    copy = tmp_path / "backup.sqlite3"
    clinic("db", "backup", str(copy))
    assert "exists already" in clinic.run("db", "backup", str(copy)).stderr
    clinic("patient", "died", "00417", "--on", "2026-11-23", "--source", "family", "--yes")
    kept = clinic.run("db", "restore", str(copy), typed="n\n")
    assert kept.exit_code == 1
    assert "died" in clinic("patient", "find", "00417")
    assert clinic.json("db", "restore", str(copy), "--yes")["dispatch"] == "paused"
    assert "asps-extremity@2026.2" in clinic("patient", "find", "00417")
    assert "paused for all" in clinic("doctor")
    assert "is whole" in clinic("db", "check")


def test_what_is_no_backup_is_refused_and_the_database_stays(clinic: Any, tmp_path: Path) -> None:
    before = clinic.dump()
    wrong = tmp_path / "wrong.sqlite3"
    wrong.write_text("not a database")
    for file in (wrong, tmp_path / "absent.sqlite3"):
        result = clinic.run("db", "restore", str(file), "--yes")
        assert result.exit_code == 1
        assert result.stderr.count("\n") == 1
    assert clinic.dump() == before


def test_a_database_of_another_version_names_the_way_out(clinic: Any, tmp_path: Path) -> None:
    clinic.file = tmp_path / "fresh.sqlite3"
    assert "run 'surveillance db upgrade'" in clinic.run("site", "list").stderr
    assert "run 'surveillance db upgrade'" in clinic.run("db", "check").stderr
    clinic("db", "upgrade")
    assert clinic.json("db", "check")["faults"] == []


# -- the doctor ------------------------------------------------------------------------------------------------


def verdicts(program: Any) -> dict[str, str]:
    found = json.loads(program.run("doctor", "--json").stdout)
    return {finding["subject"]: finding["verdict"] for finding in found}


def test_the_doctor_tells_what_is_missing_in_development_without_failing(clinic: Any) -> None:
    found = verdicts(clinic)
    assert found == {
        "settings": "warn",
        "configuration": "ok",
        "SMS": "warn",
        "email": "warn",
        "database": "ok",
        "time zones": "ok",
        "sites": "warn",
        "worker": "warn",
    }
    assert clinic.run("doctor").exit_code == 0


@pytest.mark.parametrize(
    ("variables", "subject"),
    [
        ({"SURVEILLANCE_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, "database"),
        ({"SURVEILLANCE_SMS_TRANSPORT": "twilio"}, "settings"),
        ({"SURVEILLANCE_CONFIG_DIR": "/nowhere"}, "configuration"),
    ],
)
def test_the_doctor_fails_with_one_where_something_is_broken(
    clinic: Any, variables: dict[str, str], subject: str
) -> None:
    clinic.environment = variables
    assert verdicts(clinic)[subject] == "fail"
    assert clinic.run("doctor").exit_code == 1


def test_a_live_site_in_production_without_a_worker_is_a_failure(clinic: Any) -> None:
    clinic("site", "go-live", "NYC1", "--from", "2026-11-23", "--yes", user="anna")
    clinic.environment = {
        "SURVEILLANCE_ENVIRONMENT": "production",
        "SURVEILLANCE_SECRET_KEY": "k" * 40,
        "SURVEILLANCE_PUBLIC_URL": "https://surveillance.example",
        "SURVEILLANCE_SMS_TRANSPORT": "twilio",
        "SURVEILLANCE_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "SURVEILLANCE_TWILIO_AUTH_TOKEN": "not a real token",
        "SURVEILLANCE_TWILIO_FROM": "+12125550100",
    }
    found = verdicts(clinic)
    assert (found["settings"], found["SMS"], found["worker"]) == ("ok", "ok", "fail")


def test_the_doctor_tells_the_set_up_code_until_there_is_an_administrator(empty: Any) -> None:
    empty.environment = {
        "SURVEILLANCE_ENVIRONMENT": "production",
        "SURVEILLANCE_SECRET_KEY": "k" * 40,
        "SURVEILLANCE_PUBLIC_URL": "https://surveillance.example",
        "SURVEILLANCE_SMS_TRANSPORT": "twilio",
        "SURVEILLANCE_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "SURVEILLANCE_TWILIO_AUTH_TOKEN": "not a real token",
        "SURVEILLANCE_TWILIO_FROM": "+12125550100",
    }
    code = Settings(secret_key="k" * 40).setup_code
    told = [finding["text"] for finding in json.loads(empty.run("doctor", "--json").stdout)]
    assert any(code in text for text in told)
