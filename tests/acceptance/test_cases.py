"""The open reference set of tests/cases/: its form, what the core makes of it, and the pages rendered from it."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import render_cases
from cases_check import disagreements
from cases_read import FOLDER, cases, files, groups
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from surveillance.catalogue import yaml_lines
from surveillance.catalogue.cases import Case, stories, story_files

SCHEMA = json.loads((FOLDER / "case.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_the_core_agrees_with_the_case(case: Case) -> None:
    differing = disagreements(case)
    assert not differing, "\n" + "\n".join(differing) + f"\nbecause: {case.because}"


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_each_file_keeps_the_schema(path: Path) -> None:
    data = json.loads(json.dumps(yaml_lines.read(path).data))
    problems = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMA).iter_errors(data)]
    assert problems == []


@pytest.mark.parametrize("path", story_files(FOLDER), ids=lambda path: path.stem)
def test_each_file_of_stories_keeps_the_schema(path: Path) -> None:
    form = {"$ref": "#/$defs/stories", "$defs": SCHEMA["$defs"]}
    data = json.loads(json.dumps(yaml_lines.read(path).data))
    problems = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(form).iter_errors(data)]
    assert problems == []


def test_the_days_of_a_story_rise() -> None:
    days = {story.id: [step.day for step in story.steps] for story in stories(FOLDER)}
    assert {id: found for id, found in days.items() if found != sorted(set(found))} == {}


def test_there_are_four_hundred_cases_and_forty_stories() -> None:
    single = [case for group in groups() if not group.stories for case in group.cases]
    assert len(stories(FOLDER)) >= 40
    assert len(single) + len(stories(FOLDER)) >= 400


def test_the_manifest_is_that_of_the_set() -> None:
    written = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    assert written == render_cases.case_set().manifest(), "run: python tests/render_cases.py, and raise the version"


def test_the_schema_itself_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_no_id_stands_twice() -> None:
    assert [id for id, count in Counter(case.id for case in cases()).items() if count > 1] == []


def test_every_schedule_rule_has_cases() -> None:
    shown = Counter(rule for case in cases() for rule in case.rules)
    assert [rule for rule in range(1, 16) if shown[rule] < 2] == []


def test_no_two_cases_teach_the_same_sentence() -> None:
    assert [line for line, count in Counter(case.because for case in cases()).items() if count > 1] == []


def test_the_pages_are_those_of_the_cases() -> None:
    there = [*render_cases.FOLDER.glob("*.md"), *render_cases.FOLDER.glob("*.json")]
    written = {path.name: path.read_text(encoding="utf-8") for path in there if path.name != "engines.md"}
    assert written == render_cases.pages(), "run: python tests/render_cases.py"


def named(id: str) -> Case:
    return next(case for case in cases() if case.id == id)


@pytest.mark.parametrize(
    ("id", "then", "line"),
    [
        (
            "window-01",
            {"examinations": [{"month": 3, "status": {"2024-04-30": "due"}}]},
            "mri_primary month 3 · status on 2024-04-30: expected due, found overdue",
        ),
        (
            "window-01",
            {"examinations": [{"month": 3, "target": "2024-04-16"}]},
            "mri_primary month 3 · target: expected 2024-04-16, found 2024-04-15",
        ),
        ("window-09", {"absent": [6]}, "mri_primary month 6: expected no examination, found one"),
        ("horizon-01", {"months": [3]}, "mri_primary · months: expected [3], found [3, 6]"),
        ("replan-03", {"changes": {"add": [3]}}, "changes · add: expected {'mri_primary': [3]}, found {}"),
        ("status-14", {"up_to_date": {"2024-07-30": True}}, "up to date on 2024-07-30: expected True, found False"),
        (
            "phase-17",
            {"refused": "windows_overlap"},
            "protocol: expected a refusal because of windows_overlap, found it accepted",
        ),
        (
            "phase-03",
            {"refused": "interval_not_allowed"},
            "protocol: expected a refusal because of interval_not_allowed, found it accepted",
        ),
    ],
)
def test_a_wrong_expectation_is_told_with_item_month_expected_and_found(
    id: str, then: dict[str, Any], line: str
) -> None:
    assert disagreements(replace(named(id), then=then)) == [f"{id} · {line}"]


def test_a_finding_that_no_case_expects_is_a_disagreement() -> None:
    lines = disagreements(replace(named("enrol-03"), then={"months": [15, 18]}))
    assert len(lines) == 1
    assert "expected no such finding, found ('last_scan_unknown', 'mri_primary'" in lines[0]


def test_a_finding_that_is_not_found_is_a_disagreement() -> None:
    finding = {"kind": "study_early", "month": 3, "since": "2024-04-01"}
    lines = disagreements(replace(named("window-01"), then={"findings": [finding]}))
    assert len(lines) == 1
    assert lines[0].endswith("found none")
