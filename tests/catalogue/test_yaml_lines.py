"""Files are read with their lines, and refused with one clear line for each mistake."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from surveillance.catalogue import yaml_lines
from surveillance.core.errors import InvalidFileError

PLAIN = """\
# a comment
country: no
flags: [on, yes, true, false]
span: 3d
day: 2026-01-31
at: 10:30
phone: +15550100
record: 007
number: -12
share: 0.5
nothing:
steps:
  - name: first
    days: {3: 14, 6: 28}
  - second
"""


def problems_of(text: str) -> list[tuple[int, str]]:
    with pytest.raises(InvalidFileError) as refusal:
        yaml_lines.parse(text, "x.yaml")
    assert {problem.file for problem in refusal.value.problems} == {"x.yaml"}
    return [(problem.line, problem.reason) for problem in refusal.value.problems]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("country", "no"),
        ("flags", ["on", "yes", True, False]),
        ("span", "3d"),
        ("day", "2026-01-31"),
        ("at", "10:30"),
        ("phone", "+15550100"),
        ("record", "007"),
        ("number", -12),
        ("share", 0.5),
        ("nothing", None),
        ("steps", [{"name": "first", "days": {3: 14, 6: 28}}, "second"]),
    ],
)
def test_only_true_and_false_are_booleans_and_days_stay_text(key: str, value: Any) -> None:
    assert yaml_lines.parse(PLAIN, "x.yaml").data[key] == value


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 2),
        (("country",), 2),
        (("steps",), 12),
        (("steps", 0), 13),
        (("steps", 0, "days", 6), 14),
        (("steps", 1), 15),
        (("steps", 0, "missing"), 13),
        (("nowhere", "at", "all"), 2),
        (("steps", 0, "missing", "name"), 13),
    ],
)
def test_a_path_leads_to_the_line_of_its_nearest_node(path: tuple[str | int, ...], line: int) -> None:
    assert yaml_lines.parse(PLAIN, "x.yaml").line(path) == line


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "the file is empty"),
        ("# only a comment\n", 1, "the file is empty"),
        ("- a\n- b\n", 1, "the top level must be"),
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("a: 1\nb: 2\na: 3\n", 3, "the key a stands twice, first on line 1"),
        ("a:\n  b: 1\n  b: 2\n", 3, "the key b stands twice, first on line 2"),
        ("a: &x [1]\nb: *x\n", 1, "anchors and aliases"),
        ("a: 1\nb: *x\n", 2, "anchors and aliases"),
        ("a: !!python/name:os.system\n", 1, "tags (!) are not allowed"),
        ("a: !!int text\n", 1, "tags (!) are not allowed"),
        ("a: " + "[" * 60, 1, "nested deeper than 40 levels"),
        ("a: " + "[" * 5000, 1, "nesting depth"),
        ("a: 1\nb: \x07\n", 2, "U+0007"),
        ("a: 1\n---\nb: 2\n", 2, "single document"),
        ("a:\n  true: 1\n", 2, "a key must be text or a whole number"),
        ("a:\n  ? [1, 2]\n  : 1\n", 2, "a key must be text or a whole number"),
    ],
)
def test_a_broken_file_is_refused_on_its_line(text: str, line: int, reason: str) -> None:
    [(found_line, found_reason)] = problems_of(text)
    assert found_line == line
    assert reason in found_reason


def test_every_key_that_stands_twice_is_named() -> None:
    assert [line for line, _ in problems_of("a: 1\na: 2\nb: 3\nb: 4\n")] == [2, 4]


def test_a_file_that_is_not_there_or_not_utf8_is_refused(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: 1\nb: caf\xe9\n")
    for path, line, reason in [
        (tmp_path / "none.yaml", 1, "there is no such file"),
        (tmp_path, 1, "cannot be read"),
        (latin, 2, "save it as UTF-8"),
    ]:
        with pytest.raises(InvalidFileError, match=reason) as refusal:
            yaml_lines.read(path)
        assert str(refusal.value).startswith(f"{path}:{line}: ")


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "mark.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert yaml_lines.read(path).data == {"a": 1}


class Step(BaseModel):
    model_config = ConfigDict(extra="forbid")
    days: int = Field(ge=0)
    start: int | None = Field(default=None, alias="from")


class Policy(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    steps: list[Step] = []
    by_code: dict[str, Step] = {}
    other: Step | None = None


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("steps: []\n", 1, "name is missing"),
        ("name: 2026.1\n", 1, "name must be text, not 2026.1; put it in quotes"),
        (
            "name: x\nsteps:\n  - days: 1\n    form: 2\n",
            4,
            "steps[0].form is not a known key; did you mean from?",
        ),
        ("name: x\nby_code:\n  a:\n    days: 1\n    zzz: 2\n", 5, "known are days, from"),
        ("name: x\nother:\n  days: 1\n  dayz: 2\n", 4, "did you mean days?"),
        ("name: x\nnmae: y\n", 2, "did you mean name?"),
        ("name: x\nsteps:\n  - days: soon\n", 3, "steps[0].days: should be a valid integer"),
        ("name: x\nsteps:\n  - days: -1\n", 3, "should be greater than or equal to 0, not -1"),
        ("name: x\nsteps:\n  - 3\n", 3, "steps[0] must be 'key: value' lines, not 3"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(InvalidFileError) as refusal:
        yaml_lines.validate(yaml_lines.parse(text, "x.yaml"), Policy)
    [problem] = refusal.value.problems
    assert problem.line == line
    assert reason in problem.reason


def test_all_values_that_do_not_fit_are_named_in_the_order_of_their_lines() -> None:
    document = yaml_lines.parse("steps:\n  - days: x\n  - days: y\n", "x.yaml")
    with pytest.raises(InvalidFileError) as refusal:
        yaml_lines.validate(document, Policy)
    assert [problem.line for problem in refusal.value.problems] == [1, 2, 3]


names = st.text("abcxyz_", min_size=1, max_size=6)
trees = st.recursive(
    st.integers(-999, 999) | st.booleans() | st.none() | st.text("abc: #-'\"éß\n", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(names, trees, min_size=1, max_size=4))
def test_what_yaml_writes_is_read_back_and_each_key_knows_its_line(data: dict[str, Any]) -> None:
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    document = yaml_lines.parse(text, "x.yaml")
    assert document.data == data
    for key in data:
        assert text.splitlines()[document.line([key]) - 1].lstrip("?'\"").startswith(key)


@given(st.text("ab:-[]{}&*!|>'\"#% \n\t\x00é", max_size=40))
def test_any_text_is_read_or_refused_as_an_invalid_file(text: str) -> None:
    with contextlib.suppress(InvalidFileError):
        assert isinstance(yaml_lines.parse(text, "x.yaml").data, dict)
