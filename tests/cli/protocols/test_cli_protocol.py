"""``surveillance protocol`` from the outside: what it writes, and how it refuses."""

import csv
import io
import json
from datetime import date
from pathlib import Path

import icalendar
import pytest
import typer
from typer.testing import CliRunner, Result

from surveillance import paths
from surveillance.cli.protocols.protocol import app
from surveillance.core.dates import add_months
from surveillance.core.errors import InvalidFileError, InvalidInputError, NotFoundError, SurveillanceError

ROOT = typer.Typer()
ROOT.add_typer(app, name="protocol")
ASPS = paths.config_folder() / "protocols" / "asps-extremity.yaml"
PREVIEW = ("preview", "asps-extremity", "--anchor", "2026-01-31")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(ROOT, ["protocol", *arguments], env={"COLUMNS": "60"})


def output(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def refusal(*arguments: str) -> SurveillanceError:
    error = run(*arguments).exception
    assert isinstance(error, SurveillanceError)
    return error


def test_the_preview_of_asps_over_ten_years_is_the_one_that_was_promised() -> None:
    rows = json.loads(output(*PREVIEW, "--interval", "mri_primary=3", "--years", "10", "--format", "json"))
    mri = [row for row in rows if row["item"] == "mri_primary"]
    assert [row["month"] for row in mri] == [*range(3, 37, 3), 42, 48, 54, 60, 72, 84, 96, 108, 120]
    assert [row["target"][5:] for row in mri[:4]] == ["04-30", "07-31", "10-31", "01-31"]
    assert mri[0] == {
        "item": "mri_primary",
        "month": 3,
        "target": "2026-04-30",
        "window_start": "2026-04-16",
        "window_end": "2026-05-14",
    }
    assert {row["item"] for row in rows} == {"mri_primary", "chest_imaging"}
    assert rows == sorted(rows, key=lambda row: (row["target"], row["item"]))


@pytest.mark.parametrize(("anchor", "february"), [("2026-08-31", "2027-02-28"), ("2027-08-31", "2028-02-29")])
def test_a_slot_in_february_lies_on_its_last_day(anchor: str, february: str) -> None:
    rows = json.loads(output("preview", "asps-extremity", "--anchor", anchor, "--years", "1", "--format", "json"))
    assert february in {row["target"] for row in rows if row["month"] == 6}


def test_norway_goes_quarterly_then_four_monthly() -> None:
    rows = json.loads(output("preview", "norway-sts-high@2026.1", "--anchor", "2026-01-31", "--format", "json"))
    months = [row["month"] for row in rows if row["item"] == "mri_primary"]
    assert months == [3, 6, 9, 12, 16, 20, 24, 28, 32, 36, 42, 48, 54, 60, 72, 84, 96, 108, 120]


def test_an_interval_can_change_from_a_day_on_and_an_item_can_be_left_out_or_added() -> None:
    chosen = ("mri_primary=6@2026-11-15", "chest_imaging=off", "mri_brain=12")
    rows = json.loads(output(*PREVIEW, *(f"--interval={text}" for text in chosen), "--years", "2", "--format", "json"))
    assert [(row["item"], row["month"]) for row in rows] == [
        ("mri_primary", 3),
        ("mri_primary", 6),
        ("mri_primary", 9),
        ("mri_brain", 12),
        ("mri_primary", 12),
        ("mri_primary", 18),
        ("mri_brain", 24),
        ("mri_primary", 24),
    ]


TO_THE_LETTER = ("--until=mri_primary=24", "--interval=mri_primary.later=12", "--interval=chest_imaging=off")


def test_the_rule_for_asps_can_be_followed_to_the_letter_and_what_that_leaves_out_is_said() -> None:
    rows = json.loads(output(*PREVIEW, *TO_THE_LETTER, "--years", "10", "--format", "json"))
    assert [row["month"] for row in rows] == [*range(3, 25, 3), *range(36, 121, 12)]
    table = output(*PREVIEW, *TO_THE_LETTER)
    assert "MRI of the primary site leaves out months 27, 30, 33, 42 and 54 of the protocol's own schedule." in table
    assert "leaves out" not in output(*PREVIEW)


def test_the_first_years_can_be_made_shorter_from_a_day_on() -> None:
    chosen = ("--until=mri_primary=24@2028-01-01", "--interval=chest_imaging=off")
    rows = json.loads(output(*PREVIEW, *chosen, "--years", "4", "--format", "json"))
    assert [row["month"] for row in rows] == [*range(3, 25, 3), 30, 36, 42, 48]
    assert "months 27 and 33 of the protocol's own" in output(*PREVIEW, *chosen)


def test_csv_holds_the_same_rows_as_json() -> None:
    rows = json.loads(output(*PREVIEW, "--format", "json"))
    sheet = list(csv.DictReader(io.StringIO(output(*PREVIEW, "--format", "csv"))))
    assert [row | {"month": int(row["month"])} for row in sheet] == rows


def test_the_calendar_holds_a_tentative_day_for_each_target() -> None:
    rows = json.loads(output(*PREVIEW, "--format", "json"))
    calendar = icalendar.Calendar.from_ical(output(*PREVIEW, "--format", "ics"))
    events = calendar.walk("VEVENT")
    assert [event["DTSTART"].dt.isoformat() for event in events] == [row["target"] for row in rows]
    assert {str(event["STATUS"]) for event in events} == {"TENTATIVE"}
    assert len({str(event["UID"]) for event in events}) == len(rows)
    assert output(*PREVIEW, "--format", "ics") == output(*PREVIEW, "--format", "ics")


def test_the_timeline_is_written_as_svg() -> None:
    svg = output(*PREVIEW, "--format", "svg")
    assert svg.startswith("<svg ")
    assert "Alveolar soft part sarcoma" in svg


def test_a_table_in_a_pipe_is_never_cut() -> None:
    table = output(*PREVIEW, "--years", "1")
    assert "Thu 2026-04-30" in table
    assert "Chest CT or chest X-ray" in table
    assert "…" not in table
    assert "…" not in output("list")


def test_the_list_names_each_protocol_with_its_digest() -> None:
    assert "asps-extremity@2026.2" in output("list")
    keys = {entry["key"]: entry for entry in json.loads(output("list", "--json"))}
    asps = keys["asps-extremity@2026.2"]
    assert "asps-extremity@2026.1" in keys  # patients may still be on it
    assert asps["items"] == ["mri_primary", "chest_imaging", "mri_brain", "clinic_visit", "self_examination"]
    assert len(asps["digest"]) == 64


def test_a_protocol_is_shown_with_the_source_of_each_interval() -> None:
    shown = output("show", "asps-extremity")
    for words in ("3, 4, 6 (default 3)", " S ", "proposed", "Portera 2001", "off by default", "56 days"):
        assert words in shown
    assert json.loads(output("show", "asps-extremity", "--json"))["version"] == "2026.2"


def test_brackets_in_a_note_are_shown_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "bracket.yaml"
    path.write_text(ASPS.read_text(encoding="utf-8").replace("title: MRI of the brain", 'title: "MRI [red]brain"'))
    assert "MRI [red]brain" in output("show", str(path))
    assert "MRI [red]brain" in output("preview", str(path), "--anchor", "2026-01-31", "--interval", "mri_brain=12")


def test_a_file_is_checked_and_previewed_before_it_is_installed(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(ASPS.read_text(encoding="utf-8").replace("id: asps-extremity", "id: mine"), encoding="utf-8")
    assert "mine@2026.2 is in order (5 items)" in output("check", str(path))
    assert json.loads(output("check", str(path), "--json")) == []
    assert json.loads(output("preview", str(path), "--anchor", "2026-01-31", "--format", "json"))


def test_a_wrong_file_is_refused_with_line_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    text = ASPS.read_text(encoding="utf-8").replace("from: 36, to: 60", "from: 38, to: 60", 1)
    path.write_text(text, encoding="utf-8")
    error = refusal("check", str(path))
    assert isinstance(error, InvalidFileError)
    assert "gap: the phase starts at month 38" in str(error)
    result = run("check", str(path), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)[0].keys() == {"file", "line", "reason"}


def test_the_schema_is_the_committed_one() -> None:
    assert output("schema") == ASPS.with_name("protocol.schema.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (("show", "asps"), NotFoundError, "there is no protocol 'asps'"),
        (("show", "asps-extremity@1999.1"), NotFoundError, "did you mean asps-extremity@2026."),
        ((*PREVIEW, "--interval", "mri_primary=5"), InvalidInputError, "cannot be repeated every 5 months"),
        ((*PREVIEW, "--interval", "mri_primary=12"), InvalidInputError, "cannot be repeated every 12 months"),
        ((*PREVIEW, "--interval", "mri_foot=3"), InvalidInputError, "has no item 'mri_foot'"),
        ((*PREVIEW, "--until", "mri_foot=24"), InvalidInputError, "has no item 'mri_foot'"),
        ((*PREVIEW, "--until", "mri_primary=30"), InvalidInputError, "until cannot be month 30; the protocol allows"),
        ((*PREVIEW, "--until", "mri_brain=24"), InvalidInputError, "no choice of when a phase of mri_brain ends"),
        ((*PREVIEW, "--interval", "mri_primary.later=9"), InvalidInputError, "months 36–60: 6, 8, 12"),
        ((*PREVIEW, "--interval", "mri_primary.late=6"), InvalidInputError, "mri_primary has no phase late"),
        ((*PREVIEW, "--interval", "mri_primary.later=off"), InvalidInputError, "mri_primary=off leaves the item out"),
        (("show", "no/such.yaml"), InvalidFileError, "there is no such file"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(
    arguments: tuple[str, ...], kind: type[SurveillanceError], words: str
) -> None:
    error = refusal(*arguments)
    assert isinstance(error, kind)
    assert words in str(error)


@pytest.mark.parametrize(
    "arguments",
    [
        ("preview", "asps-extremity"),
        ("preview", "asps-extremity", "--anchor", "31.1.2026"),
        ("preview", "asps-extremity", "--anchor", "2026-02-30"),
        ("preview", "asps-extremity", "--anchor", "9990-01-01"),
        (*PREVIEW, "--interval", "mri_primary"),
        (*PREVIEW, "--interval", "mri_primary=0"),
        (*PREVIEW, "--interval", "mri_primary=3@tomorrow"),
        (*PREVIEW, "--until", "mri_primary"),
        (*PREVIEW, "--until", "mri_primary=24@tomorrow"),
        (*PREVIEW, "--years", "0"),
        (*PREVIEW, "--format", "pdf"),
    ],
)
def test_wrong_use_exits_with_two(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_another_folder_of_protocols_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "protocols").mkdir()
    monkeypatch.setenv("SURVEILLANCE_CONFIG_DIR", str(tmp_path))
    assert json.loads(output("list", "--json")) == []


def test_the_targets_are_counted_from_the_anchor_and_never_from_each_other() -> None:
    rows = json.loads(output(*PREVIEW, "--years", "20", "--format", "json"))
    assert all(row["target"] == add_months(date(2026, 1, 31), row["month"]).isoformat() for row in rows)


def dated(folder: Path, text: str) -> Path:
    """A folder of one protocol whose first source says this of itself."""
    (folder / "protocols").mkdir()
    path = folder / "protocols" / "mine.yaml"
    found = ASPS.read_text(encoding="utf-8").replace("id: asps-extremity", "id: mine")
    path.write_text(found.replace("  nccn:\n", f"  nccn:\n    {text}\n", 1), encoding="utf-8")
    return path


def test_an_edition_that_expired_is_told_in_the_list_and_on_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = dated(tmp_path, "expires: 2020-09-06")
    monkeypatch.setenv("SURVEILLANCE_CONFIG_DIR", str(tmp_path))
    assert "the edition expired on 2020-09-06" in output("list")
    [entry] = json.loads(output("list", "--json"))
    assert entry["reviews"] == [{"source": "nccn", "since": "2020-09-06", "expired": True}]
    assert entry["grades"] == ["S", "proposed"]
    assert "To look at again: " in output("show", str(path))


def test_each_interval_is_shown_with_edition_and_grade() -> None:
    shown = output("show", "asps-extremity")
    for words in ("undated copies, year not stated", " S ", "read 2026-12-01", "1989", "A clinician reads before"):
        assert words in shown
