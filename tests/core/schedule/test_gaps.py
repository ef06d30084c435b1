"""How long a patient goes without imaging, and whether a change makes that longer than the protocol admits."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_samples import ANCHOR, ASPS, BRAIN, CHEST, MRI, PROTOCOLS, months, mri_terms, plan, plans, scans

from surveillance.core.dates import add_months
from surveillance.core.schedule.examinations import Booking, Hold, Key, PlanFacts, derive
from surveillance.core.schedule.gaps import Gap, Limit, Mark, exceeds, gaps, limit, longest_gap, made_longer
from surveillance.core.schedule.matching import Extra
from surveillance.core.schedule.rhythms import terms

KNOWN = {protocol.key: protocol for protocol in PROTOCOLS}


def longest(facts: PlanFacts, today: float, *items: str, until: float = 30) -> Gap | None:
    return longest_gap(facts, derive(facts, months(until)).examinations, items or (MRI,), months(today))


def days(facts: PlanFacts, today: float) -> list[int | None]:
    found = gaps(facts, derive(facts, months(21)).examinations, {MRI}, months(today))
    return [gap.days for gap in found]


def test_a_gap_reaches_from_the_last_examination_to_the_next_target() -> None:
    found = longest(plan(*scans(3)), 4, until=6)
    assert found == Gap(Mark(months(3), Key(MRI, 3), True), Mark(months(6), Key(MRI, 6), False))
    assert (found.days, found.months) == (91, 3.0)


@pytest.mark.parametrize(
    ("facts", "today", "expected"),
    [
        (plan(*scans(3, 6)), 7, [92, 92, 90, 91, 92]),
        (plan(*scans(3)), 6.8, [115, 68, 92, 90, 91, 92]),  # month 6 is overdue, so it is expected today
        (plan(*scans(3), bookings=(Booking("b", MRI, months(6.2), 6, months(6)),)), 5, [97, 86, 92, 90, 91, 92]),
        (plan(*scans(3), skips={Key(MRI, 6): months(8)}), 5, [183, 92, 90, 91, 92]),
        (plan(*scans(3), moves={(MRI, 6): months(7)}), 5, [122, 61, 92, 90, 91, 92]),
        (plan(*scans(3), extras=(Extra("e", MRI, months(4), 7, months(3.5)),)), 3.6, [30, 61, 92, 92, 90, 91, 92]),
        (plan(*scans(3), holds=(Hold(None, months(4), None, months(9)),)), 5, []),
        (plan(*scans(3), ended_on=months(4)), 5, []),
        (plan(), 1, [90, 91, 92, 92, 90, 91, 92]),  # counted from the anchor
        (plan(*scans(3), terms=(*mri_terms((None, 3)), terms(ASPS, {MRI: None}, months(8)))), 4, [91, None]),
    ],
)
def test_the_gaps_of_a_plan(facts: PlanFacts, today: float, expected: list[int | None]) -> None:
    assert days(facts, today) == expected


def test_an_extra_examination_behind_all_known_targets_makes_no_gap() -> None:
    facts = plan(*scans(3), extras=(Extra("e", MRI, months(60), 7, months(3.5)),))
    assert max(days(facts, 4)) == 92  # type: ignore[type-var]


def test_without_an_end_is_longest() -> None:
    facts = plan(*scans(3), terms=(*mri_terms((None, 3)), terms(ASPS, {MRI: None}, months(8))))
    found = longest(facts, 4)
    assert found is not None
    assert (found.start.day, found.end, found.days, found.months) == (months(6), None, None, None)


def test_imaging_of_any_item_ends_a_gap_of_all() -> None:
    facts = plan(terms=(terms(ASPS, {MRI: 6, CHEST: 3}),))
    found = [longest(facts, 1, *items, until=24) for items in ((MRI,), (CHEST,), (MRI, CHEST))]
    assert [each.days for each in found if each] == [184, 92, 92]


@pytest.mark.parametrize(
    ("item", "end", "expected"),
    [
        (MRI, 36, Limit(6, 28)),
        (MRI, 42, Limit(6, 28)),
        (MRI, 60, Limit(6, 28)),
        (MRI, 72, Limit(12, 42)),
        (BRAIN, 12, Limit(12, 42)),
    ],
)
def test_the_limit_is_the_longest_interval_of_the_phase_in_which_a_gap_ends(
    item: str, end: int, expected: Limit
) -> None:
    facts = plan(terms=(terms(ASPS, {BRAIN: 12}),))
    gap = Gap(Mark(ANCHOR, None, False), Mark(months(end), Key(item, end), False))
    assert limit(facts, item, gap, KNOWN.__getitem__) == expected


def test_a_gap_may_be_as_long_as_the_interval_and_its_tolerance() -> None:
    start = Mark(ANCHOR, None, True)
    last = add_months(ANCHOR, 6) + timedelta(days=28)
    assert not exceeds(Gap(start, Mark(last, None, False)), Limit(6, 28))
    assert exceeds(Gap(start, Mark(last + timedelta(days=1), None, False)), Limit(6, 28))
    assert exceeds(Gap(start, None), Limit(6, 28))


def gap(start: float, end: float | None) -> Gap:
    return Gap(Mark(months(start), None, True), None if end is None else Mark(months(end), None, False))


@pytest.mark.parametrize(
    ("after", "before", "made"),
    [
        ([gap(3, 12)], [gap(3, 6), gap(6, 9), gap(9, 12)], [0]),
        ([gap(3, 17), gap(17, 23)], [gap(3, 17), gap(17, 20), gap(20, 23)], [1]),  # the first was there already
        ([gap(3, 6), gap(6, None)], [gap(3, 6), gap(6, 9)], [1]),
        ([gap(3, None)], [gap(3, None)], []),
        ([gap(3, 12)], [gap(3, None)], []),  # an item that was off
    ],
)
def test_a_change_makes_the_gaps_that_are_longer_than_those_of_their_time(
    after: list[Gap], before: list[Gap], made: list[int]
) -> None:
    assert made_longer(after, before) == [after[number] for number in made]


# -- what always holds -----------------------------------------------------------------------------------------


@given(plans(), st.integers(0, 2400))
def test_gaps_follow_one_another_and_the_longest_is_one_of_them(facts: PlanFacts, number: int) -> None:
    today = facts.anchor + timedelta(days=number)
    rows = derive(facts, add_months(today, 24)).examinations
    found = gaps(facts, rows, {MRI}, today)
    for one, other in pairwise(found):
        assert one.end == other.start
        assert one.end is not None
    assert all((each.days or 1) > 0 for each in found)
    longest = longest_gap(facts, rows, {MRI}, today)
    assert longest in found if found else longest is None
    assert not any(each.longer_than(longest) for each in found if longest)
    assert made_longer(found, found) == []


@given(plans(), st.integers(0, 2400))
def test_more_items_never_make_the_longest_gap_longer(facts: PlanFacts, number: int) -> None:
    today = facts.anchor + timedelta(days=number)
    rows = derive(facts, add_months(today, 24)).examinations
    both, one = (gaps(facts, rows, items, today) for items in ({MRI, CHEST}, {MRI}))
    for each in both:
        inside = [other for other in one if other.overlaps(each)]
        assert not inside or not all(each.longer_than(other) for other in inside)


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(1, 12), st.integers(0, 60))
def test_one_day_more_than_the_limit_is_too_long(start: date, interval: int, tolerance: int) -> None:
    last = add_months(start, interval) + timedelta(days=tolerance)
    assert not exceeds(Gap(Mark(start, None, True), Mark(last, None, False)), Limit(interval, tolerance))
    assert exceeds(
        Gap(Mark(start, None, True), Mark(last + timedelta(days=1), None, False)), Limit(interval, tolerance)
    )
