"""How a new rhythm takes over: what lay before a change stays, and the next target is neither too near nor too far."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from plan_samples import (
    ASPS,
    BRAIN,
    MRI,
    YEARLY,
    item,
    months,
    mri_terms,
    plan,
    plans,
    protocol,
    scan,
    scans,
)

from surveillance.core.dates import add_months
from surveillance.core.schedule.examinations import Examination, PlanFacts, derive
from surveillance.core.schedule.matching import Extra, Ruling, Study
from surveillance.core.schedule.rhythms import Terms, terms
from surveillance.core.schedule.status import status
from surveillance.core.words import Status

DAY = timedelta(days=1)


def regular(facts: PlanFacts, until: float = 48) -> dict[int, Examination]:
    found = derive(facts, months(until)).examinations
    return {row.month: row for row in found if row.month is not None and row.item == MRI}


def changed(first: int, *then: tuple[float, int], studies: tuple[Study, ...]) -> dict[int, Examination]:
    return regular(plan(*studies, terms=mri_terms((None, first), *then)))


def ahead(rows: dict[int, Examination], since: float) -> list[int]:
    return [month for month, row in rows.items() if row.study is None and row.cell_end > months(since)][:4]


# -- what lay before -------------------------------------------------------------------------------------------


def test_a_scan_of_four_days_ago_stays_the_one_of_its_month() -> None:
    rows = changed(6, (7.6, 3), studies=scans(7.46))
    assert rows[6].study is not None
    assert status(rows[6], months(7.6)) is Status.PERFORMED
    assert not any(status(row, months(7.6)) is Status.OVERDUE for row in rows.values())
    assert rows[6].cell_end == rows[9].cell_start == months(7.6)


@pytest.mark.parametrize(("first", "then"), [(4, 6), (3, 6), (4, 3), (6, 4)])
def test_an_examination_done_before_its_target_stays_done_where_the_new_rhythm_has_no_such_month(
    first: int, then: int
) -> None:
    early = 4 * first - 0.5
    rows = changed(first, (early + 0.2, then), studies=scans(*range(first, 4 * first, first), early))
    assert rows[4 * first].study is not None
    assert rows[4 * first].interval == (first if (4 * first) % then else rows[4 * first].interval)


def test_what_is_examined_on_the_day_of_the_change_counts_as_before_it() -> None:
    rows = changed(6, (8, 3), studies=scans(8))
    assert rows[6].study is not None
    assert rows[6].cell_end == rows[9].cell_start == months(8) + DAY


def test_the_cell_of_the_change_ends_in_the_middle_of_the_old_target_and_the_new_one() -> None:
    rows = changed(6, (6.5, 3), studies=scans(6))
    assert rows[6].cell_end == rows[9].cell_start == date(2026, 8, 30)  # 15 July and 15 October


def test_a_cell_that_was_over_is_not_opened_again() -> None:
    rows = changed(3, (11, 6), studies=scans(3, 6))
    assert rows[9].cell_end == regular(plan(*scans(3, 6)))[9].cell_end < months(11)
    assert status(rows[9], months(11)) is Status.MISSED
    assert rows[12].overdue_since == rows[9].overdue_from


def test_an_item_off_and_on_again_keeps_its_cells_and_leaves_the_time_between_alone() -> None:
    off = terms(ASPS, {MRI: None}, months(10))
    again = terms(ASPS, {MRI: 3}, months(20))
    facts = plan(*scans(3, 6), terms=(*mri_terms((None, 3)), off, again))
    before, rows = regular(plan(*scans(3, 6), terms=(*mri_terms((None, 3)), off))), regular(facts)
    assert list(before) == [3, 6, 9]
    assert {month: rows[month] for month in before} == before
    assert rows[21].cell_start == date(2027, 8, 30)  # where the cell of month 21 begins by itself
    assert rows[21].overdue_since == rows[21].overdue_from > rows[21].target  # no blame for the time between


def test_an_item_off_for_a_day_goes_on_as_if_it_had_not_been() -> None:
    off, again = terms(ASPS, {MRI: None}, months(9.6)), terms(ASPS, {MRI: 3}, months(9.6) + DAY)
    rows = regular(plan(*scans(3, 6), terms=(*mri_terms((None, 3)), off, again)))
    usual = regular(plan(*scans(3, 6)))
    assert {month: row.overdue_since for month, row in rows.items()} == {
        month: row.overdue_since for month, row in usual.items()
    }


def test_a_study_that_an_extra_examination_uses_up_freezes_nothing() -> None:
    extra = Extra("e", MRI, months(11.5), 7, months(10))
    rows = regular(plan(*scans(4, 8, 11.5), extras=(extra,), terms=mri_terms((None, 4), (11.6, 6))))
    assert 12 not in rows  # but it counts as the last examination, and two weeks later is too soon
    assert rows[18].target == months(17.5)


def test_a_ruled_study_freezes_the_month_that_it_was_ruled_for() -> None:
    early = scan("early", months(14.2), rulings={MRI: Ruling.COUNTS})
    rows = changed(4, (14.5, 6), studies=(*scans(4, 8, 12), early))
    assert rows[16].study == "early"
    assert ahead(rows, 14.5) == [18, 24, 30, 36]


# -- where the new rhythm takes over ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "then", "since", "done", "expected"),
    [
        # in its interval, and not nearer than half of it
        (3, 6, 10, (3, 6, 9), [12, 18]),
        (4, 6, 9, (4, 8), [12, 18]),
        (6, 3, 7, (6,), [9, 12]),
        (6, 4, 7, (6,), [8, 12]),
        # too near, so that a target of the old rhythm goes before
        (3, 4, 3.2, (3,), [6, 8, 12]),
        (3, 6, 10, (3, 6, 9.3), [15, 18]),
        (4, 6, 4.2, (4,), [8, 12]),
        # the new month has gone by already: the old one goes before, too
        (3, 4, 4.1, (3,), [6, 8, 12]),
        (4, 6, 6.1, (4,), [8, 12]),
        (4, 6, 18.1, (4, 8, 12, 16), [20, 24]),
        # neither: too near is better than too late
        (4, 3, 8.2, (4, 8), [9, 12]),
        (6, 4, 7, (6.3,), [8, 12]),
        # nothing in the interval: the slot whose time it is
        (6, 3, 9.2, (6,), [9, 12]),
        (6, 3, 11, (6,), [12, 15]),
        (6, 4, 8.2, (6,), [8, 12]),
        (6, 4, 4.5, (), [4, 8]),
    ],
)
def test_the_next_targets_after_a_change(
    first: int, then: int, since: float, done: tuple[float, ...], expected: list[int]
) -> None:
    rows = changed(first, (since, then), studies=scans(*done))
    assert ahead(rows, since)[: len(expected)] == expected


@pytest.mark.parametrize(
    ("first", "then", "since", "done", "month", "target"),
    [
        (6, 3, 9.2, (6,), 9, months(9.2)),  # passed over: asked for on the day of the change
        (6, 3, 11, (6,), 12, months(11)),
        (6, 4, 8.2, (6,), 8, months(10)),  # four months after the last one, and two before the next
        (6, 4, 8.2, (6.2,), 12, months(10.2)),  # month 8 would be too near before month 12
        (3, 6, 12.1, (3, 6, 9, 11.9), 18, add_months(months(11.9), 6)),  # three days early, so three days sooner
    ],
)
def test_a_target_beyond_the_interval_is_pulled_forward_and_keeps_its_month(
    first: int, then: int, since: float, done: tuple[float, ...], month: int, target: date
) -> None:
    rows = changed(first, (since, then), studies=scans(*done))
    assert rows[month].target == target
    assert not rows[month].moved
    later = [row.target for number, row in rows.items() if number > month]
    assert later == [months(number) for number in rows if number > month]


@pytest.mark.parametrize(
    ("first", "then", "since", "done", "expected"),
    [
        (3, 6, 13.6, (3, 6, 9), [15, 18, 24]),  # month 12 is missed and 15 took its place
        (4, 6, 14.7, (4,), [16, 18, 24]),
        (6, 3, 9.6, (), [9, 12, 15]),  # month 9 of the new rhythm was passed over
        (4, 3, 14.5, (8,), [16, 18, 21]),
    ],
)
def test_who_is_overdue_is_examined_now_and_the_new_interval_counts_from_there(
    first: int, then: int, since: float, done: tuple[float, ...], expected: list[int]
) -> None:
    rows = changed(first, (since, then), studies=scans(*done))
    assert ahead(rows, since)[: len(expected)] == expected
    assert rows[expected[0]].overdue_from <= months(since)


def test_a_target_that_both_rhythms_have_at_the_same_interval_stays() -> None:
    other = protocol("other", item(MRI, (0, 36, 3, 3, 3), (36, None, 6, 6, 6)))
    facts = plan(*scans(3, 6, 8.6), terms=(terms(ASPS, {}), terms(other, {}, months(9))))
    rows = regular(facts, 60)
    assert rows[9].study is not None
    assert rows[12].target == months(12)  # though it lies more than three months after the last one
    assert 66 not in rows
    assert 66 in regular(facts, 66)


def test_an_item_switched_on_begins_where_its_rhythm_has_a_target() -> None:
    facts = plan(terms=(*mri_terms((None, 3)), terms(ASPS, {BRAIN: 12}, months(13))))
    brain = [row for row in derive(facts, months(40)).examinations if row.item == BRAIN]
    assert [row.month for row in brain] == [24, 36]
    assert brain[0].cell_start == months(13)  # from the day on which somebody asked for it
    assert brain[0].overdue_from == brain[0].window_end + DAY


def test_a_longer_interval_of_another_protocol_waits_for_the_old_one() -> None:
    facts = plan(*scans(3), terms=(*mri_terms((None, 3)), terms(YEARLY, {}, months(4))))
    assert list(regular(facts)) == [3, 12, 24, 36, 48]


# -- what always holds -----------------------------------------------------------------------------------------


@st.composite
def one_more_change(draw: st.DrawFn, *, switched_off: bool = True) -> tuple[PlanFacts, PlanFacts, date]:
    """A plan before and after its last change, with everything that was done until that day."""
    facts = draw(plans(switched_off=switched_off))
    since = facts.terms[-1].since
    assume(since is not None)
    assert since is not None
    done = tuple(study for study in facts.studies if study.performed_on <= since)
    facts = replace(facts, studies=done, bookings=(), ended_on=None)
    return replace(facts, terms=facts.terms[:-1]), facts, since


@given(one_more_change())
def test_what_was_done_before_a_change_stays_done(sample: tuple[PlanFacts, PlanFacts, date]) -> None:
    before, after, since = sample
    until = add_months(since, 30)
    then = {row.key: row.study for row in derive(after, until).examinations}
    for row in derive(before, until).examinations:
        assert row.study is None or then.get(row.key) == row.study


@given(one_more_change())
def test_what_was_over_before_a_change_is_not_cut_again(sample: tuple[PlanFacts, PlanFacts, date]) -> None:
    before, after, since = sample
    until = add_months(since, 30)
    then = {row.key: row for row in derive(after, until).examinations}
    for row in derive(before, until).examinations:
        if row.cell_end <= since:
            assert then[row.key] == row


@given(one_more_change(), st.integers(0, 900))
def test_the_same_terms_again_change_nothing(sample: tuple[PlanFacts, PlanFacts, date], later: int) -> None:
    _, facts, since = sample
    again: Terms = replace(facts.terms[-1], since=since + timedelta(days=later))
    until = add_months(since, 60)
    assert derive(replace(facts, terms=(*facts.terms, again)), until) == derive(facts, until)


@given(one_more_change(switched_off=False))
def test_while_an_item_is_on_every_day_belongs_to_one_slot(sample: tuple[PlanFacts, PlanFacts, date]) -> None:
    _, facts, since = sample
    facts = replace(facts, enrolled_on=facts.anchor)
    rows = [row for row in derive(facts, add_months(since, 30)).examinations if row.item == MRI and row.month]
    for earlier, later in pairwise(rows):
        assert earlier.target < earlier.cell_end == later.cell_start <= later.target
