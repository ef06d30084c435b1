"""Phases, intervals and tolerances of a protocol, and the rules its data must keep."""

from dataclasses import replace
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.dates import fewest_days
from surveillance.core.errors import InvalidInputError
from surveillance.core.protocols.faults import faults
from surveillance.core.protocols.protocol import After, Item, Phase, Protocol, ProtocolEnd
from surveillance.core.protocols.sources import Evidence, Grade, Source

PHASES = (Phase(0, 36, 3, 6, 3, "s"), Phase(36, 60, 6, 6, 6, "s"), Phase(60, None, 12, 12, 12, "s"))
MRI = Item("mri", "MRI", ("MR",), "primary_site", PHASES)
TOLERANCE = {3: 14, 6: 28, 12: 42}


def protocol_of(*items: Item, end: ProtocolEnd = ProtocolEnd.NEVER, tolerance: dict[int, int] = TOLERANCE) -> Protocol:
    return Protocol("example", "1", "Example", "", items, tolerance, 56, (Source("s", "A source"),), end)


@pytest.mark.parametrize(
    ("chosen", "intervals"), [(None, (3, 6, 12)), (3, (3, 6, 12)), (4, (4, 6, 12)), (6, (6, 6, 12))]
)
def test_a_chosen_interval_holds_where_the_phase_admits_it(chosen: int | None, intervals: tuple[int, ...]) -> None:
    assert MRI.intervals(chosen) == intervals


@pytest.mark.parametrize("chosen", [0, 1, 2, 5, 7, 12, 24])
def test_an_interval_that_would_change_nothing_or_does_not_divide_is_refused(chosen: int) -> None:
    with pytest.raises(InvalidInputError, match="mri cannot be repeated every"):
        MRI.intervals(chosen)


def test_where_no_phase_leaves_a_choice_its_own_intervals_may_be_named() -> None:
    fixed = replace(MRI, phases=PHASES[1:])
    assert fixed.intervals(12) == (6, 12)


def test_the_slots_of_a_phase_end_where_it_ends_and_go_on_where_it_does_not() -> None:
    assert list(PHASES[0].months(6)) == [6, 12, 18, 24, 30, 36]
    assert list(PHASES[1].months(6)) == [42, 48, 54, 60]
    assert list(islice(PHASES[2].months(12), 3)) == [72, 84, 96]


@pytest.mark.parametrize(
    ("interval", "days"), [(1, 14), (3, 14), (4, 14), (5, 14), (6, 28), (11, 28), (12, 42), (24, 42)]
)
def test_an_interval_between_two_tolerances_takes_the_lower_one(interval: int, days: int) -> None:
    assert protocol_of(MRI).tolerance_of(interval) == days


def test_an_item_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(InvalidInputError, match=r"example@1 has no item 'ct'; it has mri"):
        protocol_of(MRI).item("ct")


def test_the_default_schedule_has_no_fault() -> None:
    assert list(faults(protocol_of(MRI, replace(MRI, code="visit", after=After("mri", 2, 7))))) == []


@pytest.mark.parametrize(
    ("phases", "path", "reason"),
    [
        ((Phase(0, 36, 0, 6, 3, "s"), *PHASES[1:]), (0, "interval"), "must rise from 1"),
        ((Phase(0, 36, 3, 6, 5, "s"), *PHASES[1:]), (0, "interval"), "does not divide"),
        ((PHASES[0], Phase(37, None, 12, 12, 12, "s")), (1, "from"), "gap"),
        ((PHASES[0], Phase(35, None, 12, 12, 12, "s")), (1, "from"), "overlap"),
        ((PHASES[2], PHASES[2]), (0,), "only the last phase"),
        ((Phase(0, None, 12, 12, 12, "unknown"),), (0, "source"), "not in the list"),
    ],
)
def test_a_fault_names_the_place_in_the_file(
    phases: tuple[Phase, ...], path: tuple[str | int, ...], reason: str
) -> None:
    found = {(fault.path, reason in fault.reason) for fault in faults(protocol_of(replace(MRI, phases=phases)))}
    assert (("items", 0, "phases", *path), True) in found


@pytest.mark.parametrize("end", list(ProtocolEnd))
def test_the_end_of_the_protocol_and_of_its_phases_agree(end: ProtocolEnd) -> None:
    endless, ending = MRI, replace(MRI, phases=PHASES[:2])
    wrong = ending if end is ProtocolEnd.NEVER else endless
    right = endless if end is ProtocolEnd.NEVER else ending
    assert [fault.path for fault in faults(protocol_of(wrong, end=end))] == [("end",)]
    assert list(faults(protocol_of(right, end=end))) == []


def test_windows_may_come_within_a_day_of_each_other_but_not_touch() -> None:
    yearly = replace(MRI, phases=PHASES[2:])
    yearly = replace(yearly, phases=(replace(yearly.phases[0], start=0),))
    widest = (fewest_days(12) - 1) // 2
    assert list(faults(protocol_of(yearly, tolerance={12: widest}))) == []
    [fault] = faults(protocol_of(yearly, tolerance={12: widest + 1}))
    assert "windows could overlap" in fault.reason


@given(st.integers(1, 24), st.integers(1, 24), st.integers(1, 6))
def test_an_admitted_interval_meets_the_end_of_its_phase(minimum: int, spread: int, years: int) -> None:
    phase = Phase(0, years * 12, minimum, minimum + spread, minimum, "s")
    for interval in phase.choices():
        months = list(phase.months(interval))
        assert months[-1] == phase.end
        assert {later - earlier for earlier, later in pairwise(months)} <= {interval}


GRADED = st.sampled_from([Grade.ISSUER, Grade.OLD, Grade.REPORTED, Grade.PROPOSED])
MARKED = st.sampled_from([None, Evidence.PROPOSED])


@given(st.lists(st.tuples(GRADED, st.none() | st.just(2020), MARKED), min_size=1, max_size=4))
def test_a_source_is_to_be_read_exactly_where_an_interval_rests_on_it_unsurely(
    drawn: list[tuple[Grade, int | None, Evidence | None]],
) -> None:
    sources = tuple(Source(f"s{n}", f"T{n}", grade=grade, year=year) for n, (grade, year, _) in enumerate(drawn))
    phases = tuple(Phase(n, n + 1, 1, 1, 1, f"s{n}", mark) for n, (_, _, mark) in enumerate(drawn))
    made = replace(protocol_of(replace(MRI, phases=phases)), sources=sources)
    unsure = [
        source
        for source, phase in zip(sources, phases, strict=True)
        if phase.evidence is None
        and (source.grade in (Grade.OLD, Grade.REPORTED) or (source.grade is Grade.ISSUER and source.year is None))
    ]
    assert list(made.to_read) == unsure
    assert set(made.to_read) <= set(made.cited)
