"""What the shipped protocols say, beside what was read: no number that nobody read, no range made one number."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
import render_protocols
from hypothesis import given
from hypothesis import strategies as st

from surveillance import paths
from surveillance.catalogue import protocols
from surveillance.core.protocols.choices import advice
from surveillance.core.protocols.clocks import Clock
from surveillance.core.protocols.protocol import ItemKind, Protocol, ProtocolEnd
from surveillance.core.protocols.sources import READ, Grade
from surveillance.core.schedule.slots import terms

FOLDER = paths.config_folder() / "protocols"
SHIPPED = protocols.load_all(FOLDER)
NEWEST = {id_: protocols.latest(SHIPPED, id_) for id_ in sorted({protocol.id for protocol in SHIPPED.values()})}
EXAMPLES = sorted((FOLDER / "examples").glob("*.yaml"))
GUIDE = Path(__file__).parents[2] / "docs" / "protocol-authors-guide.md"

# The intervals that were read: of which item, and of each phase its last month (or the months that may be chosen; None:
# without an end) with the least and the most months between two examinations; with the grade of the text.
Reading = tuple[str, list[tuple[object, int, int]], Grade]
FIRST = (24, 36)
READINGS: dict[str, Reading] = {
    "asps-extremity": ("mri_primary", [(FIRST, 3, 6), (60, 6, 12)], Grade.REPORTED),
    "canada-sts": ("clinic_visit", [(24, 3, 6), (60, 6, 12), (120, 12, 12)], Grade.ISSUER),
    "cruk-sts-high": ("clinic_visit", [(FIRST, 3, 4), (60, 6, 6), (None, 12, 12)], Grade.REPORTED),
    "cruk-sts-low": ("clinic_visit", [((36, 60), 4, 6), (None, 12, 12)], Grade.REPORTED),
    "esmo-bone": ("chest_imaging", [(24, 2, 3), (48, 2, 4), (120, 6, 6), (None, 6, 12)], Grade.REPORTED),
    "esmo-sts-high": ("clinic_visit", [(FIRST, 3, 4), (60, 6, 6), (None, 12, 12)], Grade.REPORTED),
    "esmo-sts-low": ("mri_primary", [((36, 60), 4, 6), (None, 12, 12)], Grade.REPORTED),
    "france-sts": ("us_primary", [(FIRST, 4, 4), (60, 6, 6), (120, 12, 12)], Grade.REPORTED),
    "gist-high": ("abdomen_pelvis", [(36, 6, 6), (60, 3, 4), (120, 6, 12)], Grade.ISSUER),
    "gist-low-intermediate": ("abdomen_pelvis", [(60, 12, 12)], Grade.ISSUER),
    "nccn-sts-high": ("mri_primary", [(FIRST, 3, 6), (60, 6, 6), (None, 12, 12)], Grade.REPORTED),
    "nccn-sts-low": ("clinic_visit", [(FIRST, 3, 6), (None, 12, 12)], Grade.REPORTED),
    "norway-retroperitoneal": ("clinic_visit", [(60, 6, 6), (120, 12, 12)], Grade.OLD),
    "norway-sts-high": ("clinic_visit", [(12, 3, 3), (36, 4, 4), (60, 6, 6), (120, 12, 12)], Grade.ISSUER),
    "norway-sts-low": ("clinic_visit", [(60, 6, 6), (120, 12, 12)], Grade.ISSUER),
    "safety-3-monthly": ("chest_imaging", [(24, 3, 3)], Grade.REPORTED),
    "safety-6-monthly": ("chest_imaging", [(24, 6, 6)], Grade.REPORTED),
    "sweden-sts-high": ("clinic_visit", [(36, 3, 3), (60, 6, 6), (120, 12, 12)], Grade.OLD),
    "sweden-sts-low": ("clinic_visit", [(60, 6, 6), (120, 12, 12)], Grade.OLD),
    "toss-3-monthly": ("chest_imaging", [(24, 3, 3)], Grade.REPORTED),
    "toss-6-monthly": ("chest_imaging", [(24, 6, 6)], Grade.REPORTED),
    "vogt-sts-high": ("clinic_visit", [(36, 3, 3), (60, 6, 6), (120, 12, 12)], Grade.ISSUER),
    "vogt-sts-low": ("clinic_visit", [(60, 6, 6), (120, 12, 12)], Grade.ISSUER),
}


def test_each_protocol_is_held_against_what_was_read() -> None:
    assert sorted(READINGS) == sorted(NEWEST)


@pytest.mark.parametrize("name", READINGS)
def test_the_intervals_are_those_that_were_read_ranges_and_all(name: str) -> None:
    code, read, grade = READINGS[name]
    protocol = NEWEST[name]
    phases = [phase for phase in protocol.item(code).phases if protocol.grade_of(phase) in READ]
    assert [(phase.ends or phase.end, phase.min, phase.max) for phase in phases] == read
    assert {protocol.grade_of(phase) for phase in phases} == {grade}


@pytest.mark.parametrize("protocol", NEWEST.values(), ids=NEWEST)
def test_every_source_says_how_and_when_it_was_read_and_when_to_look_again(protocol: Protocol) -> None:
    for source in protocol.cited:
        assert source.grade in READ
        assert source.edition or source.year
        assert source.read is not None
    assert all(source.read is None for source in protocol.sources if source.grade is Grade.UNREAD)
    assert any(source.review_by for source in protocol.cited)


@pytest.mark.parametrize("protocol", NEWEST.values(), ids=NEWEST)
def test_whatever_was_not_read_in_a_dated_edition_is_read_by_who_approves(protocol: Protocol) -> None:
    undated = {s.id for s in protocol.cited if s.grade is not Grade.ISSUER or s.year is None}
    assert {source.id for source in protocol.to_read} == undated


OF_VISITS = (
    *("norway-sts-high", "norway-sts-low", "norway-retroperitoneal", "sweden-sts-high", "sweden-sts-low"),
    *("cruk-sts-high", "cruk-sts-low", "vogt-sts-high", "vogt-sts-low"),
)


@pytest.mark.parametrize("name", OF_VISITS)
def test_an_interval_of_visits_is_no_interval_of_scans(name: str) -> None:
    protocol = NEWEST[name]
    for item in protocol.items:
        grades = {protocol.grade_of(phase) for phase in item.phases}
        assert (grades == {Grade.PROPOSED}) == (item.what is ItemKind.IMAGING)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("norway-sts-high", ["2022", "2024", "1 October 2025", "undated"]),
        ("norway-retroperitoneal", ["2018–20"]),
        ("sweden-sts-low", ["22 November 2017"]),
        ("sweden-sts-high", ["22 November 2017"]),
    ],
)
def test_an_edition_is_named_and_its_age_shows(name: str, words: list[str]) -> None:
    told = " ".join(source.dated for source in NEWEST[name].cited)
    assert all(word in told for word in words)


@pytest.mark.parametrize("name", ["norway-retroperitoneal", "sweden-sts-low", "sweden-sts-high"])
def test_the_title_of_what_is_old_says_so(name: str) -> None:
    assert re.search("201[78]", NEWEST[name].title)


@pytest.mark.parametrize(
    ("name", "clock"),
    [
        ("esmo-bone", Clock.END_OF_CHEMOTHERAPY),
        ("gist-high", Clock.SURGERY),
        ("asps-extremity", Clock.END_OF_TREATMENT),
    ],
)
def test_months_count_from_what_the_source_counts_from(name: str, clock: Clock) -> None:
    assert NEWEST[name].clock is clock


def months(name: str, choices: dict[str, int | None], item: str, last: int = 96) -> list[int]:
    return [beat.month for beat in terms(NEWEST[name], choices).rhythms[item].beats if beat.month <= last]


ASPS_READINGS = {
    "to the letter, two years": (24, 12, 3, [*range(3, 25, 3), 36, 48, 60, 72, 84, 96]),
    "to the letter, three years": (36, 12, 6, [*range(6, 37, 6), 48, 60, 72, 84, 96]),
    "with 6-monthly years 4 and 5": (36, 6, 3, [*range(3, 37, 3), 42, 48, 54, 60, 72, 84, 96]),
}


@pytest.mark.parametrize(("until", "later", "every", "found"), ASPS_READINGS.values(), ids=ASPS_READINGS)
@pytest.mark.parametrize("item", ["mri_primary", "chest_imaging"])
def test_the_rule_for_asps_can_be_followed_in_each_reading(
    item: str, until: int, later: int, every: int, found: list[int]
) -> None:
    chosen: dict[str, int | None] = {item: every, f"{item}.until": until, f"{item}.later": later}
    assert months("asps-extremity", chosen, item) == found


def test_years_four_and_five_of_asps_are_half_yearly_unless_somebody_chooses() -> None:
    assert months("asps-extremity", {}, "mri_primary") == ASPS_READINGS["with 6-monthly years 4 and 5"][3]
    assert NEWEST["asps-extremity"].end is ProtocolEnd.NEVER


ASPS_CHOICES = st.tuples(st.sampled_from([24, 36]), st.sampled_from([3, 4, 6]), st.sampled_from([6, 12]))


@given(ASPS_CHOICES)
def test_no_choice_of_asps_leaves_more_than_a_year_between_two_examinations(chosen: tuple[int, int, int]) -> None:
    until, every, later = chosen
    choices = {"mri_primary": every, "mri_primary.until": until, "mri_primary.later": later}
    found = [0, *months("asps-extremity", dict(choices), "mri_primary", 240)]
    assert all(next_ - month <= 12 for month, next_ in pairwise(found))


@pytest.mark.parametrize(
    "name", ["asps-extremity", "nccn-sts-high", "nccn-sts-low", "toss-3-monthly", "toss-6-monthly"]
)
def test_advice_is_told_monthly_and_asks_for_nothing(name: str) -> None:
    protocol = NEWEST[name]
    assert [(item.code, every) for item, every in advice(protocol, {})] == [("self_examination", 1)]
    assert "self_examination" not in terms(protocol, {}).rhythms
    assert advice(protocol, {"self_examination": None}) == []


@pytest.mark.parametrize("name", ["nccn-sts-high", "esmo-bone"])
def test_echocardiography_is_a_test_every_two_years_for_whom_a_clinician_switches_it_on(name: str) -> None:
    item = NEWEST[name].item("echocardiography")
    assert (item.what, item.enabled) == (ItemKind.TEST, False)
    assert "echocardiography" not in terms(NEWEST[name], {}).rhythms
    assert months(name, {"echocardiography": 24}, "echocardiography", 72) == [24, 48, 72]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_worked_example_is_a_draft_of_a_site_and_cites_nobody(path: Path) -> None:
    protocol = protocols.load(path)
    assert protocol.id == path.stem
    assert protocol.draft
    assert {protocol.grade_of(phase) for item in protocol.items for phase in item.phases} == {Grade.PROPOSED}
    assert protocol.key not in SHIPPED  # a site copies it first
    assert protocols.parse_canonical(protocols.dump(protocol)) == protocol


def test_there_are_two_worked_examples() -> None:
    assert [path.stem for path in EXAMPLES] == ["our-post-metastasectomy", "our-stage4-on-treatment"]


def test_the_page_of_the_protocols_is_what_the_files_say() -> None:
    assert render_protocols.PAGE.read_text(encoding="utf-8") == render_protocols.page(), (
        "run: python tests/render_protocols.py"
    )


# -- what nobody here could read ---------------------------------------------------------------------------------


def to_be_read() -> str:
    """The part of the author's guide that lists what is to be read by a clinician."""
    return GUIDE.read_text(encoding="utf-8").split("## 7. To be read by a clinician")[1].split("\n## ")[0]


def test_the_guide_lists_every_unread_source_with_its_address() -> None:
    listed = to_be_read()
    for protocol in NEWEST.values():
        for source in protocol.sources:
            if source.grade is Grade.UNREAD:
                assert source.doi in listed
                assert source.citation.split(";")[0].split(",")[0] in listed, source.citation


@pytest.mark.parametrize(
    "address",
    [
        "10.1038/s41416-024-02674-y", "10.1038/s41416-024-02868-4", "10.1016/j.ejca.2019.11.013",
        "10.1001/jamaoncol.2024.1805", "10.1245/s10434-021-09654-z", "032-044OL", "Ann Oncol 32:1348",
        "kunskapsbanken", "NCT06480396",
    ],
)  # fmt: skip
def test_what_could_not_be_read_is_named_where_authors_look(address: str) -> None:
    assert address in to_be_read()


def test_what_could_not_be_read_gives_no_interval() -> None:
    assert not re.search(r"every \d|\d+[- ]month|\d–\d+ mo", to_be_read())
