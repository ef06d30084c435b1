"""The board, the check, explanations and exports from the command line."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import furnished
import pytest
import sqlalchemy as sa
import typer
from approving import approved
from typer.testing import CliRunner, Result

from surveillance import bootstrap
from surveillance.cli.board import worklist
from surveillance.cli.exports import export
from surveillance.cli.reports import report
from surveillance.cli.root import Commands
from surveillance.core.words import Channel, Role
from surveillance.operations.administration import sites
from surveillance.operations.care import enrolment
from surveillance.operations.registry import patients
from surveillance.operations.work import Actor, Work
from surveillance.settings import Settings
from surveillance.store import db
from surveillance.store.tables import Membership, User

# The clock of a command is the real one, so days are counted from it.
TODAY = datetime.now(UTC).date()
ANCHOR = TODAY - timedelta(days=115)  # 3-monthly: month 3 was due some 24 days ago

app = typer.Typer(cls=Commands, no_args_is_help=True)
app.add_typer(worklist.app, name="worklist")
app.add_typer(export.app, name="export")
app.command()(worklist.check)
app.command()(worklist.explain)
app.command()(report.report)


@pytest.fixture(autouse=True)
def clinic(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Patient 007 is overdue and Ann's; patient 008 has no plan."""
    monkeypatch.setenv("SURVEILLANCE_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("SURVEILLANCE_PUBLIC_URL", "https://clinic.example")
    furnished.once(db.create_engine_for(sqlite_url), "cli board", lambda: _furnish(sqlite_url))
    return sqlite_url


def _furnish(url: str) -> None:
    service = bootstrap.open_app(Settings(database_url=url))
    with db.writing(service.engine) as session:
        work = service.work(session, bootstrap.system_actor(session), bootstrap.utc_now())
        site = sites.add_site(work, sites.NewSite("LDN1", "Clinic", "Clinic", "UTC", "GB", "+442079460123"))
        approved(work, site)
        users = [User(username=name, name=name.title(), created_at=work.now) for name in ("ann", "bob", "may")]
        session.add_all(users)
        session.flush()
        roles = (Role.COORDINATOR, Role.COORDINATOR, Role.CLINICIAN)
        session.add_all(
            Membership(user_id=user.id, site_id=site.id, role=role) for user, role in zip(users, roles, strict=True)
        )
        contact = patients.NewContact(phone="+12025550101", consents=[Channel.SMS])
        new = patients.NewPatient("007", "=Fiction", "Ada", date(2001, 5, 17), contacts=[contact])
        patient = patients.add_patient(work, site, new)
        patient.owner_id = users[0].id
        wanted = enrolment.Enrolment("asps-extremity", ANCHOR, {"chest_imaging": None}, enrolled_on=ANCHOR)
        may = Work(session, work.now, Actor(users[2].id, users[2].name), work.catalogue)
        enrolment.enrol(may, patient, wanted)  # an item is switched off by a clinician alone
        patients.add_patient(work, site, patients.NewPatient("008", "Nobody", "Ned", date(2001, 5, 17)))
    service.close()


def run(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == status, result.output
    return result


def rows(*arguments: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(run("worklist", *arguments, "--json").stdout)["rows"]
    return found


def test_the_board_counts_its_lists_and_prints_the_rows() -> None:
    printed = run("worklist").stdout
    assert "Overdue" in printed
    assert "Without a plan" in printed
    assert "MRI of the primary site, month 3" in printed
    assert "registered, but never enrolled" in printed
    assert run("worklist", "--list", "conflicts").stdout == "Nothing to do: every list is empty.\n"


def test_the_board_as_json_has_counts_and_rows() -> None:
    found = json.loads(run("worklist", "--json").stdout)
    assert {name: count for name, count in found["counts"].items() if count} == {"overdue": 1, "without_plan": 1}
    assert [row["mrn"] for row in found["rows"]] == ["007", "008"]
    UUID(found["rows"][0]["patient_id"])


def test_the_board_as_csv_is_safe_for_a_spreadsheet() -> None:
    (overdue, _) = csv.DictReader(io.StringIO(run("worklist", "--csv").stdout))
    assert (overdue["mrn"], overdue["name"], overdue["list"]) == ("007", "'=Fiction, Ada", "overdue")


def test_mine_are_the_rows_of_the_user_who_asks() -> None:
    assert [row["mrn"] for row in rows("--mine", "--as", "ann")] == ["007"]
    assert rows("--mine", "--as", "bob") == []
    assert "--mine needs --as USER" in run("worklist", "--mine", status=2).stderr


def test_a_row_is_called_about_snoozed_noted_and_assigned() -> None:
    (row,) = rows("--list", "overdue")
    run("worklist", "note", row["key"], "prefers mornings", "--as", "ann")
    assert rows("--list", "overdue")[0]["note"] == "prefers mornings"
    run("worklist", "assign", row["key"], "bob", "--as", "ann")
    assert [found["owner"] for found in rows("--mine", "--as", "bob")] == ["Bob"]
    run("worklist", "call", row["key"], "no answer", "--as", "bob")
    assert rows("--list", "overdue") == []
    assert rows("--list", "overdue", "--hidden")[0]["note"] == "no answer"
    run("worklist", "snooze", row["key"], "--until", TODAY.isoformat(), "--as", "bob")
    assert len(rows("--list", "overdue")) == 1


@pytest.mark.parametrize(
    ("arguments", "message", "status"),
    [
        (["note", "overdue:00000000", "x", "--as", "ann"], "there is no row 'overdue:00000000' on the board", 1),
        (["note", "nonsense", "x", "--as", "ann"], "'nonsense' is no row of the board", 1),
        (["note", "overdue:00000000", "x"], "say who acts", 2),
        (["snooze", "overdue:00000000", "--until", "soon", "--as", "ann"], "'soon' is not a date", 2),
    ],
)
def test_a_wrong_row_gets_one_clear_line(arguments: list[str], message: str, status: int) -> None:
    result = run("worklist", *arguments, status=status)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_check_proves_the_promise_and_fails_when_it_is_broken(clinic: str) -> None:
    assert "The promise holds" in run("check").stdout
    engine = db.create_engine_for(clinic)
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM examination"))
    engine.dispose()
    assert "a next examination: LDN1 MRN 007: mri_primary has none up to" in run("check", status=1).stdout
    assert json.loads(run("check", "--json", status=1).stdout)[0]["site"] == "LDN1"


def test_an_explanation_is_in_plain_sentences() -> None:
    said = run("explain", "007", "mri_primary@3").stdout
    assert f"Treatment ended on {ANCHOR} (the anchor)" in said
    assert "plan.enrol" not in said
    assert "surveillance" in run("explain", "007", "mri_primary", "--history").stdout
    found = json.loads(run("explain", "007", "--json").stdout)
    assert [one["key"] for one in found] == ["mri_primary@3"]
    assert "has no plan yet" in run("explain", "008", status=1).stderr
    assert "has no mri_primary@4" in run("explain", "007", "mri_primary@4", status=1).stderr


def test_exports_go_to_a_file_or_the_terminal_and_are_audited(clinic: str, tmp_path: Path) -> None:
    assert run("export", "csv", "--as", "ann").stdout.startswith("site,mrn,")
    file = tmp_path / "patient.ics"
    run("export", "ics", "--patient", "007", "--output", str(file), "--as", "ann")
    assert file.read_bytes().startswith(b"BEGIN:VCALENDAR")
    bundle = json.loads(run("export", "fhir", "--as", "ann").stdout)
    assert bundle["resourceType"] == "Bundle"
    engine = db.create_engine_for(clinic)
    with engine.connect() as connection:
        statement = sa.text("SELECT action FROM audit_event WHERE action LIKE 'export.%' ORDER BY id")
        assert list(connection.execute(statement).scalars()) == ["export.csv", "export.ics", "export.fhir"]
    engine.dispose()


def test_an_export_that_cannot_be_written_gets_one_line(tmp_path: Path) -> None:
    result = run("export", "csv", "--output", str(tmp_path / "no" / "folder.csv"), "--as", "ann", status=1)
    assert "cannot be written" in result.stderr
    assert "say who acts" in run("export", "csv", status=2).stderr


# -- reports ---------------------------------------------------------------------------------------------------


def test_a_report_is_a_table_json_or_csv_and_names_nobody() -> None:
    printed = run("report", "overdue").stdout
    assert "1 examination is overdue, of 1 patient" in printed
    assert "How this is counted" in printed
    assert "Fiction" not in printed
    found = json.loads(run("report", "overdue", "--json").stdout)
    assert sum(row["examinations"] for row in found["rows"]) == 1
    counted = list(csv.DictReader(io.StringIO(run("report", "overdue", "--csv").stdout)))
    assert sum(int(row["patients"]) for row in counted) == 1


def test_a_report_without_numbers_says_so() -> None:
    printed = run("report", "no_shows", "--from", TODAY.isoformat()).stdout
    assert printed.startswith("No visit of this period has an outcome.")


def test_a_report_that_was_asked_for_wrongly_is_refused() -> None:
    assert "not both" in run("report", "loss", "--csv", "--json", status=2).stderr
    later = (TODAY + timedelta(days=9)).isoformat()
    assert "a report looks back" in run("report", "loss", "--to", later, status=1).stderr
