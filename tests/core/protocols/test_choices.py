"""What a clinician may choose: how often, until when the first years go, how often afterwards; and nothing else."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.errors import InvalidInputError
from surveillance.core.protocols import interval_words
from surveillance.core.protocols.choices import fitting, of_items, phase_at, wanted
from surveillance.core.protocols.faults import faults
from surveillance.core.protocols.protocol import Item, Phase, Protocol, ProtocolEnd
from surveillance.core.protocols.sources import Source
from surveillance.core.schedule.departures import departures, of_terms
from surveillance.core.schedule.slots import Choice, terms

FIRST = Phase(0, 36, 3, 6, 3, "s", ends=(24, 36))
LATER = Phase(36, 60, 6, 12, 6, "s", name="later")
MRI = Item("mri", "MRI", ("MR",), "primary_site", (FIRST, LATER, Phase(60, None, 12, 12, 12, "s")))
BRAIN = Item("brain", "Brain", ("MR",), "brain", (Phase(0, None, 3, 12, 12, "s"),), enabled=False)
CT = replace(MRI, code="ct", title="CT", phases=(Phase(0, None, 12, 12, 12, "s"),))
ANCHOR = date(2026, 1, 31)


def protocol_of(*items: Item) -> Protocol:
    tolerance = {3: 14, 6: 28, 12: 42}
    return Protocol("p", "1", "P", "", items or (MRI, BRAIN, CT), tolerance, 56, (Source("s", "S"),), ProtocolEnd.NEVER)


def months(chosen: dict[str, int | None], item: str = "mri", last: int = 96) -> list[int]:
    found = terms(protocol_of(), chosen).rhythms.get(item)
    return [beat.month for beat in found.beats if beat.month <= last] if found else []


READINGS = {
    "as the protocol has it": ({}, [*range(3, 37, 3), 42, 48, 54, 60, 72, 84, 96]),
    "the end that it has anyway": ({"mri.until": 36}, [*range(3, 37, 3), 42, 48, 54, 60, 72, 84, 96]),
    "to the letter": ({"mri.until": 24, "mri.later": 12}, [*range(3, 25, 3), 36, 48, 60, 72, 84, 96]),
    "two years, then half-yearly": ({"mri": 6, "mri.until": 24}, [*range(6, 61, 6), 72, 84, 96]),
    "three years, then yearly": ({"mri": 4, "mri.later": 12}, [*range(4, 37, 4), 48, 60, 72, 84, 96]),
    "an interval that only the shorter first years leave room for": (
        {"mri.until": 24, "mri.later": 9}, [*range(3, 25, 3), 33, 42, 51, 60, 72, 84, 96],
    ),
    "off": ({"mri": None, "mri.until": 24}, []),
}  # fmt: skip


@pytest.mark.parametrize(("chosen", "found"), READINGS.values(), ids=READINGS)
def test_a_rule_can_be_read_in_each_way_that_it_leaves_open(chosen: dict[str, int | None], found: list[int]) -> None:
    assert months(chosen) == found


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ({"mri.until": 30}, r"mri\.until cannot be month 30; the protocol allows month 24 or 36"),
        ({"ct.until": 24}, "no choice of when a phase of ct ends"),
        ({"mri.later": 9}, r"mri\.later cannot be repeated every 9 months; the protocol allows months 36–60: 6, 8, 12"),
        ({"mri.until": 24, "mri.later": 8}, r"months 24–60: 6, 9, 12"),
        ({"mri.never": 6}, "mri has no phase never"),
        ({"mri.later": None}, "mri=off leaves the item out"),
        (
            {"mri": 12},
            r"mri cannot be repeated every 12 months; .* allows months 0–36: 3, 4, 6; months 60–…: 12",
        ),
        ({"pet.until": 24}, "has no item 'pet'"),
        ({"brain.until": 24}, "no choice of when a phase of brain ends"),  # though it is off
        ({"mri": None, "mri.until": 30}, r"mri\.until cannot be month 30"),
    ],
)
def test_what_the_protocol_does_not_leave_open_is_refused(chosen: dict[str, int | None], reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        terms(protocol_of(), chosen)


def test_the_interval_of_an_item_leaves_a_phase_with_a_name_as_it_is() -> None:
    assert months({"mri": 6}) == months({"mri": 6, "mri.later": 6})
    assert MRI.intervals(6, {"later": 12}) == (6, 12, 12)


def test_an_item_that_is_off_is_not_switched_on_by_a_choice_for_its_years() -> None:
    off = replace(MRI, enabled=False)
    assert wanted(protocol_of(off), {"mri.until": 24}) == {}
    assert wanted(protocol_of(off), {"mri": 3, "mri.until": 24})["mri"].until == 24


def test_choices_are_kept_where_another_protocol_knows_them() -> None:
    kept = {"mri": 4, "mri.until": 24, "mri.later": 12, "brain": 12, "gone": 3}
    assert fitting(protocol_of(), kept) == {"mri": 4, "mri.until": 24, "mri.later": 12, "brain": 12}
    plain = replace(MRI, phases=(replace(FIRST, ends=()), replace(LATER, name=""), MRI.phases[2]))
    assert fitting(protocol_of(plain), kept) == {"mri": 4}


def test_the_phase_of_a_month_is_the_one_that_was_chosen() -> None:
    protocol = protocol_of()
    assert phase_at(protocol, {}, "mri", 30) == FIRST
    assert phase_at(protocol, {"mri.until": 24}, "mri", 30) == replace(LATER, start=24)
    assert phase_at(protocol, {}, "pet", 30) is None


# -- in words ----------------------------------------------------------------------------------------------------


def test_each_choice_is_offered_with_the_protocols_own() -> None:
    until, later = interval_words.further(MRI)
    assert (until.key, until.title, until.own) == ("mri.until", "MRI: until", "month 36")
    assert until.options == ((24, "month 24"), (36, "month 36"))
    assert (later.key, later.title, later.own) == ("mri.later", "MRI: later", "every 6 months")
    assert [value for value, _ in later.options] == [6, 8, 9, 12]  # whichever end is chosen
    assert interval_words.further(BRAIN) == []
    assert interval_words.choices(MRI) == [3, 4, 6]


def test_an_interval_that_needs_another_end_can_still_be_told() -> None:
    wide = replace(MRI, phases=(replace(FIRST, max=8), *MRI.phases[1:]))
    assert interval_words.choices(wide) == [3, 4, 6, 8]
    assert [interval_words.spelled(wide, months) for months in interval_words.choices(wide)][-1].startswith("every 8")


def test_what_was_chosen_reads_like_a_sentence() -> None:
    chosen: dict[str, int | None] = {"mri": 4, "mri.until": 24, "mri.later": 12, "brain": None}
    assert interval_words.said(chosen, {"mri": "MRI"}) == [
        "MRI every 4 months",
        "MRI so often until month 24",
        "MRI, later, every 12 months",
        "brain off",
    ]


# -- what a choice leaves out ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({}, []),
        ({"mri": 3}, []),
        ({"mri.until": 24, "mri.later": 12},
         ["MRI leaves out months 27, 30, 33, 42 and 54 of the protocol's own schedule"]),
        ({"mri.later": 8},
         ["MRI leaves out months 42, 48 and 54 of the protocol's own schedule and adds months 44 and 52"]),
        ({"brain": 12}, []),  # switched on as the protocol has it
        ({"brain": 6}, ["Brain adds months 6, 18, 30, 42, 54, 66, 78, 90, 102 and 114"]),
        ({"ct": None},
         ["CT leaves out months 12, 24, 36, 48, 60, 72, 84, 96, 108 and 120 of the protocol's own schedule"]),
    ],
)  # fmt: skip
def test_a_choice_is_shown_with_what_it_leaves_out(chosen: dict[str, int | None], said: list[str]) -> None:
    assert [each.said for each in of_terms(protocol_of(), ANCHOR, chosen)] == said


def test_only_what_lies_ahead_of_a_change_is_told() -> None:
    found = of_terms(protocol_of(), ANCHOR, {"mri": 6}, date(2028, 6, 1))
    assert [each.left_out for each in found] == [(33,)]


@given(
    st.sampled_from([None, 3, 4, 6]), st.sampled_from([None, 24, 36]), st.sampled_from([None, 6, 12]),
    st.sampled_from([None, date(2027, 6, 1)]),
)  # fmt: skip
def test_what_is_left_out_and_added_accounts_for_every_month(
    interval: int | None, until: int | None, later: int | None, since: date | None
) -> None:
    parts = {"mri": interval, "mri.until": until, "mri.later": later}
    choices = [Choice(key, months, since) for key, months in parts.items() if months is not None]
    protocol = protocol_of(MRI)
    own = set(months({}, last=120))
    found = departures(protocol, ANCHOR, choices)
    left, added = ({*found[0].left_out}, {*found[0].added}) if found else (set(), set())
    assert left <= own
    assert not added & own
    if since is None:
        chosen = {key: value for key, value in parts.items() if value is not None}
        assert (own - left) | added == {*months(chosen, last=120)}


# -- the rules of a file -----------------------------------------------------------------------------------------


def faults_of(*phases: Phase) -> list[tuple[tuple[str | int, ...], str]]:
    return [(fault.path[3:], fault.reason) for fault in faults(protocol_of(replace(MRI, phases=phases)))]


@pytest.mark.parametrize(
    ("phases", "path", "reason"),
    [
        ((replace(FIRST, min=6, default=6, ends=(24, 33, 36)), *MRI.phases[1:]), (0, "interval"),
         "an interval of 6 months does not divide the 33 months of the phase, where month 33 is chosen"),
        ((replace(FIRST, ends=(36, 60)), *MRI.phases[1:]), (1, "to"),
         "not after its start 60, where month 60 is chosen"),
        ((replace(FIRST, ends=(24, 48)), *MRI.phases[1:]), (0, "to"), "default 36 is none of 24, 48"),
        ((replace(FIRST, ends=(36, 24)), *MRI.phases[1:]), (0, "to"), "must rise"),
        ((FIRST, replace(LATER, ends=(48, 60)), MRI.phases[2]), (1, "to"), "only one phase of item mri"),
        ((FIRST, replace(LATER, name="until"), MRI.phases[2]), (1, "name"), "take another name"),
        ((FIRST, LATER, replace(MRI.phases[2], name="later")), (2, "name"), "stands twice"),
        ((replace(FIRST, name="first"), LATER, replace(MRI.phases[2], name="last")), (0, "name"), "without a name"),
        ((FIRST, replace(LATER, start=24), MRI.phases[2]), (1, "from"), "overlap"),
    ],
)  # fmt: skip
def test_choices_keep_the_rules_whichever_is_taken(
    phases: tuple[Phase, ...], path: tuple[str | int, ...], reason: str
) -> None:
    found = faults_of(*phases)
    assert any(at == path and reason in said for at, said in found), found


def test_a_protocol_that_leaves_choices_has_no_fault() -> None:
    assert list(faults(protocol_of())) == []


@given(st.sampled_from([24, 36]), st.sampled_from([3, 4, 6]), st.sampled_from([6, 9, 12]))
def test_whatever_may_be_chosen_ends_where_its_phase_ends(until: int, first: int, later: int) -> None:
    chosen: dict[str, int | None] = {"mri": first, "mri.until": until, "mri.later": later}
    try:
        found = months(chosen)
    except InvalidInputError:
        assert (60 - until) % later
        return
    assert {until, 60} <= {*found}
    assert of_items(protocol_of(), chosen)["mri"].until == until
