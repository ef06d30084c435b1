"""Protocol files: each mistake is refused on its line, the shipped files are right, frozen text comes back exactly."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from surveillance import paths
from surveillance.catalogue import protocols, yaml_lines
from surveillance.core.errors import ConfigurationError, InvalidFileError, InvalidInputError, NotFoundError
from surveillance.core.protocols.clocks import Clock
from surveillance.core.protocols.faults import faults
from surveillance.core.protocols.protocol import After, Item, Phase, Protocol, ProtocolEnd
from surveillance.core.protocols.sources import Evidence, Grade, Source

SHIPPED = paths.config_folder() / "protocols"
SCHEMA = SHIPPED / "protocol.schema.json"

GOOD = """\
id: example
version: "2026.1"
title: Example
description: For the tests.
end: decide
tolerance: {3: 14, 6: 28, 12: 42}
sources:
  us:
    citation: Our own choice
items:
  - code: mri
    title: MRI
    modalities: [MR]
    body_region: primary_site
    phases:
      - {from: 0, to: 36, interval: {min: 3, max: 6, default: 3}, source: us, evidence: proposed}
      - {from: 36, to: 60, interval: 6, source: us, evidence: proposed}
  - code: visit
    title: Visit
    after: {item: mri, days: [2, 7]}
    phases:
      - {from: 0, to: 60, interval: 6, source: us, evidence: proposed}
"""


def write(folder: Path, text: str, name: str = "example.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def problems_of(path: Path) -> list[tuple[int, str]]:
    with pytest.raises(InvalidFileError) as refusal:
        protocols.load(path)
    return [(problem.line, problem.reason) for problem in refusal.value.problems]


def test_a_good_file_becomes_a_protocol(tmp_path: Path) -> None:
    protocol = protocols.load(write(tmp_path, GOOD))
    assert protocol.key == "example@2026.1"
    assert protocol.lead_days == 56
    assert protocol.sources == (Source("us", "Our own choice"),)
    assert protocol.item("mri").phases[1] == Phase(36, 60, 6, 6, 6, "us", Evidence.PROPOSED)
    assert protocol.item("visit").after == After("mri", 2, 7)


RULES: list[tuple[str, str, int, str]] = [
    # the schedule's own rules (schedule rule 2)
    ("from: 36, to: 60", "from: 40, to: 60", 17, "gap: the phase starts at month 40, the one before ends at 36"),
    ("from: 36, to: 60", "from: 30, to: 60", 17, "overlap: the phase starts at month 30, the one before ends at 36"),
    ("from: 0, to: 36", "from: 6, to: 36", 16, "gap: the first phase starts at month 6"),
    ("from: 0, to: 36", "from: 0", 16, "only the last phase may be without an end"),
    ("from: 36, to: 60", "from: 36, to: 36", 17, "ends at month 36, not after its start 36"),
    ("interval: 6, source: us", "interval: 5, source: us", 17, "5 months does not divide the 24 months"),
    ("default: 3", "default: 5", 16, "5 months does not divide the 36 months"),
    ("default: 3", "default: 9", 16, "default 9 lies outside 3–6"),
    ("min: 3, max: 6", "min: 6, max: 3", 16, "min 6 and max 3 must rise from 1"),
    ("{3: 14", "{3: 45", 16, "windows could overlap: ±45 and ±45 days, but 3 months can have only 89"),
    ("}\n  -", "}\n      - {from: 60, to: 61, interval: 1, source: us, evidence: proposed}\n  -", 18,
     "windows could overlap: ±14 and ±28 days, but 1 months can have only 28"),
    ("from: 36, to: 60, interval: 6, source: us", "from: 36, to: 60, interval: 6, source: them", 17, "source 'them'"),
    ("code: visit", "code: mri", 18, "item mri stands twice"),
    ("after: {item: mri", "after: {item: ct", 20, "follows item 'ct', which the protocol does not have"),
    ("after: {item: mri", "after: {item: visit", 20, "an item cannot follow itself"),
    ("days: [2, 7]", "days: [7, 2]", 20, "days must rise from 0"),
    ("end: decide", "end: never", 5, "end is 'never' but an item's last phase ends"),
    ("from: 36, to: 60", "from: 36", 5, "end is 'decide' but an item's last phase has no end"),
    # where the numbers were read
    ("Our own choice", "Our own choice\n    grade: S", 8, "a source of grade S says on which day it was read"),
    ("Our own choice", "Our own choice\n    grade: U\n    read: 2026-12-01", 10, "grade U is for what was not read"),
    ("Our own choice", "Our own choice\n    grade: U", 17, "source 'us' was not read (grade U)"),
    ("Our own choice", "Our own choice\n    grade: X", 10, "should be 'P', 'P-old', 'S', 'proposed' or 'U'"),
    ("Our own choice", "Our own choice\n    read: 1 May", 10, "read: not a day such as 2026-12-01: '1 May'"),
    ("Our own choice", "Our own choice\n    expires: 2026-13-01", 10, "not a day such as 2026-12-01"),
    ("Our own choice", "Our own choice\n    doi: doi.org/10.1/x", 10, "doi: String should match"),
    ("Our own choice", "Our own choice\n    year: soon", 10, "year: should be a valid integer"),
    ("Our own choice", "Our own choice\n    read: 2026-12-01\n    review_by: 2026-12-01", 11,
     "2026-12-01 does not lie after the day of reading"),
    (", evidence: proposed}\n  -", "}\n  -", 17, "say the evidence, or give source 'us' a grade"),
    # what an item is
    ("modalities: [MR]", "kind: advice\n    modalities: [MR]", 14, "an item of kind advice has no modalities"),
    ("modalities: [MR]", "kind: visit\n    modalities: [MR]", 14, "an item of kind visit has no modalities"),
    ("    modalities: [MR]\n", "    kind: imaging\n", 13, "imaging needs the modalities"),
    ("title: Visit\n", "title: Visit\n    kind: advice\n", 21, "advice has no day: it follows nothing"),
    ("title: Visit\n", "title: Visit\n    kind: reading\n", 20, "should be 'imaging', 'visit', 'test' or 'advice'"),
    ("end: decide", "end: decide\nstatus: finished", 6, "status: should be 'draft' or 'ready', not 'finished'"),
    # the form
    ("title: Example\n", "", 1, "title is missing"),
    ("    title: MRI\n", "", 11, "items[0].title is missing"),
    ("    title: MRI\n", "    titel: MRI\n    title: MRI\n", 12, "titel is not a known key; did you mean title?"),
    ('"2026.1"', "2026.1", 2, "version must be text, not 2026.1; put it in quotes"),
    ('"2026.1"', '"2026.01"', 2, "version: String should match"),
    ("id: example", "id: Example One", 1, "id: String should match"),
    ("[MR]", "[MRI]", 13, "items[0].modalities[0]: should be 'MR', 'CT'"),
    ("end: decide", "end: no", 5, "end: should be 'never' or 'decide', not 'no'"),
    ("end: decide", "end: decide\nclock: birth", 6, "clock: should be 'end_of_treatment', 'end_of_chemotherapy'"),
    ("{3: 14, ", "{3: two, ", 6, "tolerance[3]: should be a valid integer, not 'two'"),
    ("{3: 14, ", "{three: 14, ", 6, "the key three of tolerance: should be a valid integer"),
    ("interval: 6, source: us", "interval: often, source: us", 17, "interval must be 'key: value' lines, not 'often'"),
    ("interval: 6, source: us", "interval: {mni: 6}, source: us", 17, "did you mean min?"),
    ("interval: 6, source: us", "interval: true, source: us", 17, "interval must be"),
    ("interval: 6, source: us", "interval: 0, source: us", 17, "greater than or equal to 1, not 0"),
    ("from: 36", "from: '36'", 17, "from: should be a valid integer, not '36'"),
    ("from: 36", "from: -1", 17, "greater than or equal to 0"),
    ("to: 36", "to: {one_of: [24, 36]}", 16, "to.default is missing"),
    ("to: 36", "to: {one_of: [24, 48], default: 36}", 16, "default 36 is none of 24, 48"),
    ("to: 36", "to: {one_of: [36, 60], default: 36}", 17, "not after its start 60, where month 60 is chosen"),
    ("to: 36", "to: often", 16, "to must be 'key: value' lines, not 'often'"),
    ("from: 36, to: 60", "name: until, from: 36, to: 60", 17, "take another name"),
    ("from: 36, to: 60", "name: Later, from: 36, to: 60", 17, "name: String should match"),
    ("evidence: proposed}\n  -", "evidence: sure}\n  -", 17, "should be 'primary', 'secondary' or 'proposed'"),
    ("days: [2, 7]", "days: [2]", 20, "at least 2 items"),
    ("items:", "items: []\nothers:", 10, "items: List should have at least 1 item"),
    ("id: example", "id: example\nid: again", 2, "the key id stands twice"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "reason"), RULES, ids=[f"{r[3][:50]}" for r in RULES])
def test_each_mistake_is_refused_on_its_line(tmp_path: Path, old: str, new: str, line: int, reason: str) -> None:
    assert old in GOOD
    found = problems_of(write(tmp_path, GOOD.replace(old, new, 1)))
    assert any(at == line and reason in said for at, said in found), found


GRADED = GOOD.replace("Our own choice", "A guideline\n    grade: S\n    read: 2026-12-01").replace(
    ", evidence: proposed", ""
)


def test_an_interval_is_as_sure_as_its_source_unless_it_says_that_it_is_proposed(tmp_path: Path) -> None:
    text = GRADED.replace("to: 36, interval", "to: 36, evidence: proposed, interval")
    protocol = protocols.load(write(tmp_path, text))
    assert [protocol.grade_of(phase) for phase in protocol.item("mri").phases] == [Grade.PROPOSED, Grade.REPORTED]
    assert protocol.cited == protocol.sources


def test_evidence_that_contradicts_the_grade_is_refused_and_what_is_unread_may_be_named(tmp_path: Path) -> None:
    wrong = GRADED.replace("from: 36, to: 60", "from: 36, evidence: primary, to: 60")
    [(line, reason)] = problems_of(write(tmp_path, wrong))
    assert (line, reason.partition(";")[0]) == (19, "primary does not go with source 'us' of grade S")
    named = GRADED.replace("items:", "  esmo:\n    citation: ESMO\n    grade: U\n    doi: 10.1000/x\nitems:", 1)
    assert protocols.load(write(tmp_path, named)).sources[1].grade is Grade.UNREAD


def test_all_mistakes_of_a_file_are_told_at_once_in_the_order_of_its_lines(tmp_path: Path) -> None:
    text = GOOD.replace("end: decide", "end: never").replace("from: 36", "from: 42").replace("days: [2", "days: [9")
    assert [line for line, _ in problems_of(write(tmp_path, text))] == [5, 17, 20]


def test_an_end_and_a_phase_can_be_left_to_the_clinician(tmp_path: Path) -> None:
    text = GOOD.replace("to: 36,", "to: {one_of: [24, 36], default: 36},")
    later = "{name: later, from: 36, to: 60, interval: {min: 6, max: 12, default: 6}"
    text = text.replace("{from: 36, to: 60, interval: 6", later)
    path = write(tmp_path, text)
    first, later = protocols.load(path).item("mri").phases
    assert (first.end, first.ends, later.name, later.choices()) == (36, (24, 36), "later", [6, 8, 12])
    assert protocols.parse_canonical(protocols.dump(protocols.load(path))) == protocols.load(path)


def test_an_interval_in_the_range_that_does_not_divide_is_refused_only_when_chosen(tmp_path: Path) -> None:
    mri = protocols.load(write(tmp_path, GOOD)).item("mri")
    assert mri.phases[0].choices() == [3, 4, 6]
    with pytest.raises(InvalidInputError, match=r"mri cannot be repeated every 5 months.*months 0–36: 3, 4, 6"):
        mri.intervals(5)


def test_problems_of_all_files_of_a_directory_are_told(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("end: decide", "end: never"), "a.yaml")
    write(tmp_path, "a: [", "b.yaml")
    with pytest.raises(InvalidFileError) as refusal:
        protocols.load_all(tmp_path)
    assert {Path(problem.file).name for problem in refusal.value.problems} == {"a.yaml", "b.yaml"}


def test_a_version_stands_in_one_file_only(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "a.yaml")
    write(tmp_path, GOOD, "b.yaml")
    with pytest.raises(InvalidFileError, match=r"b\.yaml:2: example@2026\.1 already stands in a\.yaml"):
        protocols.load_all(tmp_path)


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere is not a directory"):
        protocols.load_all(tmp_path / "nowhere")


def test_the_latest_version_goes_by_number_not_by_letter(tmp_path: Path) -> None:
    for version in ("2026.9", "2026.10", "2025.12"):
        write(tmp_path, GOOD.replace("2026.1", version), f"{version}.yaml")
    found = protocols.load_all(tmp_path)
    assert protocols.latest(found, "example").version == "2026.10"
    assert protocols.find(found, "example").version == "2026.10"
    assert protocols.find(found, "example@2026.9").version == "2026.9"


@pytest.mark.parametrize(
    ("name", "hint"), [("exmaple", "did you mean example"), ("zzz", "known are example"), ("example@2026.2", "2026.1")]
)
def test_a_name_that_is_not_there_gets_a_hint(tmp_path: Path, name: str, hint: str) -> None:
    write(tmp_path, GOOD)
    with pytest.raises(NotFoundError, match=hint):
        protocols.find(protocols.load_all(tmp_path), name)


def test_the_shipped_protocols_are_the_ones_that_are_promised() -> None:
    assert not any(protocol.draft for protocol in protocols.load_all(SHIPPED).values())
    assert {protocol.id for protocol in protocols.load_all(SHIPPED).values()} == {
        "asps-extremity",
        "canada-sts",
        "cruk-sts-high",
        "cruk-sts-low",
        "esmo-bone",
        "esmo-sts-high",
        "esmo-sts-low",
        "france-sts",
        "gist-high",
        "gist-low-intermediate",
        "nccn-sts-high",
        "nccn-sts-low",
        "norway-retroperitoneal",
        "norway-sts-high",
        "norway-sts-low",
        "safety-3-monthly",
        "safety-6-monthly",
        "sweden-sts-high",
        "sweden-sts-low",
        "toss-3-monthly",
        "toss-6-monthly",
        "vogt-sts-high",
        "vogt-sts-low",
    }


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_file_keeps_the_schema_that_its_editor_line_names(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("# ")
    assert "# yaml-language-server: $schema=protocol.schema.json\n" in path.read_text(encoding="utf-8")
    data = json.loads(json.dumps(yaml_lines.read(path).data))  # JSON has text keys only, as an editor sees them
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(data)
    assert protocols.load(path).id == path.stem


def test_the_committed_schema_is_what_the_program_says() -> None:
    Draft202012Validator.check_schema(protocols.json_schema())
    committed = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert committed == protocols.json_schema(), (
        "run: surveillance protocol schema > config/protocols/protocol.schema.json"
    )


@pytest.mark.parametrize("key", sorted(protocols.load_all(SHIPPED)))
def test_a_shipped_protocol_comes_back_from_its_frozen_text(key: str) -> None:
    protocol = protocols.load_all(SHIPPED)[key]
    assert protocols.parse_canonical(protocols.dump(protocol)) == protocol


# Versions that sites have approved: what was frozen then must be what the program would freeze today.
FROZEN = {
    "asps-extremity@2026.1": "5ad5cc2f538f1233ecc043bb9f229aec4624fe568d91cc89e6d6896e40b25fd7",
    "esmo-sts-high@2026.1": "963f1f149fd847aa5e4666f8eb2018fcfcb61dc9f0c12b9d8c50334c2bde9697",
    "esmo-sts-low@2026.1": "ff739b973f7adbbc268cd4785595b5d756c720af9f17c1f23b2c9c8fee0a4841",
    "nccn-sts-high@2026.1": "ce8aa24e750e9930fdf5d928ceb71411e30540f36b6d66bf4207e08b9d67c1d4",
    "norway-retroperitoneal@2026.1": "2383615533c83b43b1bcdcd87dcf8c759b529ef06939dd61595deeb8c2e258fa",
    "norway-sts-high@2026.1": "df3a82935e92c9f4fcd159c5e82040618c904ee5f484b087f2052ef6f74735e7",
    "sweden-sts-low@2026.1": "1eb8d9e923c31836dded32a5e2596fea2a134a465a4c7880094757e8d8c2619d",
}


@pytest.mark.parametrize("key", sorted(FROZEN))
def test_a_version_that_was_shipped_never_changes(key: str) -> None:
    assert protocols.digest(protocols.load_all(SHIPPED)[key]) == FROZEN[key]


def test_frozen_text_is_itself_a_protocol_file(tmp_path: Path) -> None:
    protocol = protocols.load(SHIPPED / "asps-extremity.yaml")
    assert protocols.load(write(tmp_path, protocols.dump(protocol), "frozen.yaml")) == protocol


def test_the_digest_changes_with_any_value_and_with_nothing_else(tmp_path: Path) -> None:
    digest = protocols.digest(protocols.load(write(tmp_path, GOOD)))
    reordered = GOOD.replace("{3: 14, 6: 28, 12: 42}", "{12: 42, 6: 28, 3: 14} # a comment")
    assert protocols.digest(protocols.load(write(tmp_path, reordered))) == digest
    assert protocols.digest(protocols.load(write(tmp_path, GOOD.replace("Our own", "Our")))) != digest


ADVICE = """\
  - code: advice
    title: Look at the scar
    kind: advice
    phases:
      - {from: 0, interval: 1, source: us, evidence: proposed}
"""


def test_advice_needs_neither_an_end_nor_windows(tmp_path: Path) -> None:
    protocol = protocols.load(write(tmp_path, GOOD + ADVICE))
    assert [item.code for item in protocol.scheduled] == ["mri", "visit"]
    assert protocols.parse_canonical(protocols.dump(protocol)) == protocol


def test_a_protocol_of_advice_alone_repeats_nothing(tmp_path: Path) -> None:
    head = GOOD.partition("items:\n")[0]
    (problem,) = problems_of(write(tmp_path, f"{head}items:\n{ADVICE}"))
    assert "all items are advice" in problem[1]


def test_a_draft_stays_one_in_its_frozen_text_and_ready_is_not_said(tmp_path: Path) -> None:
    draft = protocols.load(write(tmp_path, GOOD.replace("end: decide", "end: decide\nstatus: draft")))
    ready = protocols.load(write(tmp_path, GOOD.replace("end: decide", "end: decide\nstatus: ready")))
    assert protocols.parse_canonical(protocols.dump(draft)).draft
    assert protocols.digest(ready) == protocols.digest(protocols.load(write(tmp_path, GOOD)))


@pytest.mark.parametrize("text", ["", "{}", "[1]", "{", '{"id": 3}'])
def test_text_that_was_not_frozen_by_this_program_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="the stored protocol cannot be read"):
        protocols.parse_canonical(text)


def test_a_key_that_this_program_does_not_know_is_not_passed_over() -> None:
    text = protocols.dump(protocols.load(SHIPPED / "asps-extremity.yaml"))
    with pytest.raises(InvalidInputError, match="lead_dayz is not a known key; did you mean lead_days"):
        protocols.parse_canonical(text.replace('"lead_days"', '"lead_dayz"'))


def test_the_example_of_the_authors_guide_is_in_order(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "protocol-authors-guide.md").read_text(encoding="utf-8")
    example = guide.split("```yaml\n")[1].split("```")[0]
    assert protocols.load(write(tmp_path, example)).key == "our-sts-high@2026.1"


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20)


@st.composite
def any_protocol(draw: st.DrawFn) -> Protocol:
    interval = draw(st.sampled_from([3, 4, 6, 12]))
    ends = draw(st.booleans())
    evidence = draw(st.sampled_from(list(Evidence)))
    cut = draw(st.sampled_from([(), (24, 36), (12, 24, 36)]))
    phases = (
        Phase(0, 36, 3, 12, interval, "s", evidence, draw(words), ends=cut),
        Phase(36, 60 if ends else None, 12, 12, 12, "t", Evidence.PRIMARY, name=draw(st.sampled_from(["", "later"]))),
    )
    items = (
        Item("mri", draw(words), ("MR",), "brain", phases, draw(st.booleans())),
        Item("visit", draw(words), (), "", phases, after=draw(st.none() | st.just(After("mri", 0, 7)))),
    )
    years, days = st.none() | st.integers(1900, 2200), st.none() | st.dates()
    known = {"edition": draw(st.just("") | words), "year": draw(years), "read": draw(days), "expires": draw(days)}
    graded = Source("s", draw(words), "https://example.org", "10.1000/x", **known)
    sources = draw(st.permutations([graded, Source("t", draw(words))]))
    tolerance = {3: draw(st.integers(0, 14)), 12: 42}
    end = ProtocolEnd.DECIDE if ends else ProtocolEnd.NEVER
    clock = draw(st.sampled_from(list(Clock)))
    return Protocol("some", "1.0", draw(words), draw(words), items, tolerance, 56, tuple(sources), end, clock)


@given(any_protocol())
def test_any_protocol_comes_back_exactly_from_its_frozen_text(protocol: Protocol) -> None:
    assert not list(faults(protocol))
    text = protocols.dump(protocol)
    assert protocols.parse_canonical(text) == protocol
    assert protocols.dump(protocols.parse_canonical(text)) == text
