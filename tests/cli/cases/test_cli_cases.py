"""``surveillance cases``: what is run, how a disagreement is told, and the set that is taken out."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cases_read import cases
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from typer.testing import CliRunner, Result

from surveillance import bootstrap
from surveillance.cli.root import app
from surveillance.operations.cases.running import OwnEngine
from surveillance.providers.case_engine import HttpEngine


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["cases", *arguments], prog_name="surveillance")


def engine_that(changes: Callable[[dict[str, Any]], Any], status: int = 200) -> Callable[[str, str], HttpEngine]:
    """An engine at an address that answers as ours does, but for ``changes``."""

    def answered(request: httpx.Request) -> httpx.Response:
        answer = json.loads(OwnEngine().ask(request.content.decode()))
        return httpx.Response(status, json=changes(answer) or answer)

    return lambda url, token: HttpEngine(url, token, httpx.MockTransport(answered))


def late(answer: dict[str, Any]) -> None:
    for row in answer["examinations"]:
        row["overdue_from"] = "2030-01-01"
        for each in row["statuses"]:
            each["status"] = each["status"].replace("overdue", "due")


def test_the_engine_of_this_installation_agrees_with_every_case() -> None:
    result = run("run")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{len(cases())} of {len(cases())} agree; cases ")


def test_a_case_a_group_or_a_story_can_be_run_by_itself() -> None:
    assert run("run", "--case", "hold-01", "--case", "hold-02").output.startswith("2 of 2 agree")
    group = [case for case in cases() if case.id.startswith("window-")]
    assert run("run", "--case", "04-windows-and-status").output.startswith(f"{len(group)} of {len(group)} agree")


def test_a_slip_in_an_id_is_no_agreement() -> None:
    result = run("run", "--case", "hold-99")
    assert (result.exit_code, result.stderr) == (1, "error: there is no case, story or group 'hold-99'\n")


def test_an_engine_that_is_late_fails_and_every_difference_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "case_engine", engine_that(late))
    result = run("run", "--engine", "http://elsewhere", "--case", "window-01")
    assert result.exit_code == 1
    assert "mri_primary month 3 · status on 2024-04-30: expected overdue, found due" in result.output
    assert "because: Each status begins at a day's start" in result.output
    assert "0 of 1 agree" in result.output


def test_the_same_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "case_engine", engine_that(late))
    result = run("run", "--engine", "http://elsewhere", "--case", "window-01", "--format", "json")
    [told] = json.loads(result.stdout)["results"]
    assert (result.exit_code, told["case"], told["passed"], len(told["disagreements"])) == (1, "window-01", False, 2)


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        (lambda _: {"examinations": "none"}, 200, "the answer does not keep the form, at case"),
        (lambda _: {"detail": "no such item"}, 422, "the engine refused the question"),
        (lambda _: {"detail": "no"}, 401, "wants a token: give one with --token-file"),
        (lambda _: {"detail": "no"}, 500, "answered with status 500"),
    ],
)
def test_an_engine_that_does_not_keep_the_form_fails(
    monkeypatch: pytest.MonkeyPatch, changes: Callable[[dict[str, Any]], Any], status: int, said: str
) -> None:
    monkeypatch.setattr(bootstrap, "case_engine", engine_that(changes, status))
    result = run("run", "--engine", "http://elsewhere", "--case", "window-01")
    assert result.exit_code == 1
    assert said in result.output


def test_nothing_that_answers_and_no_address_are_told_in_a_line() -> None:
    assert "does not answer" in run("run", "--engine", "http://127.0.0.1:1", "--case", "window-01").stderr
    assert "is not an address such as" in run("run", "--engine", "localhost", "--case", "window-01").stderr


def test_an_address_with_a_path_is_asked_there_and_the_token_goes_along(tmp_path: Path) -> None:
    seen: list[httpx.Request] = []
    answered = httpx.MockTransport(lambda request: seen.append(request) or httpx.Response(200, text="{}"))
    HttpEngine("http://elsewhere/engine/ask", "secret", answered).ask("{}")
    HttpEngine("http://elsewhere:8000/", "", answered).ask("{}")
    assert [str(request.url) for request in seen] == [
        "http://elsewhere/engine/ask",
        "http://elsewhere:8000/api/v1/cases/answer",
    ]
    assert [request.headers.get("Authorization") for request in seen] == ["Bearer secret", None]


def test_the_question_of_a_case_says_nothing_of_what_it_expects() -> None:
    asked = run("ask", "hold-06").stdout
    assert {"facts", "protocols", "days"} <= json.loads(asked).keys()
    assert "overdue" not in asked
    assert "because" not in asked


def test_the_set_is_taken_out_whole_with_digests_and_forms_that_hold(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    result = run("export", str(folder))
    assert result.exit_code == 0, result.output
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["digest"].removeprefix("sha256:") in result.output
    assert manifest["cases"] == len(cases())
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == {*manifest["files"], "manifest.json"}
    assert {"README.md", "rules.md", "case.schema.json", "cases/09-holds.yaml"} <= there
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    form = json.loads((folder / "question.schema.json").read_text())
    Draft202012Validator.check_schema(form)
    questions = (folder / "questions.jsonl").read_text().splitlines()
    assert len(questions) == len(cases())
    assert [error.message for error in Draft202012Validator(form).iter_errors(json.loads(questions[0]))] == []
    answer = json.loads(OwnEngine().ask(questions[-1]))
    fits = Draft202012Validator(json.loads((folder / "answer.schema.json").read_text()))
    assert [error.message for error in fits.iter_errors(answer)] == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = run("export", str(tmp_path))
    assert (result.exit_code, "is not empty; nothing was written" in result.stderr) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
