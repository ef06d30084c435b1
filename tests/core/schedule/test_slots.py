"""Slots, windows and cells: examples one can count on one's fingers, and what holds for all of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_samples import (
    ANCHOR,
    ASPS,
    BASE,
    BRAIN,
    CHEST,
    ENDING,
    MRI,
    WIDE,
    anchors,
    months,
    mri_terms,
    rhythms,
    successions,
)

from surveillance.core.dates import add_months, middle
from surveillance.core.errors import InvalidInputError
from surveillance.core.protocols.choices import ItemChoice
from surveillance.core.schedule.slots import (
    LAST_MONTH,
    Choice,
    Rhythm,
    Slot,
    Terms,
    preview,
    rhythm,
    slots,
    terms,
    terms_of_choices,
)

DAY = timedelta(days=1)


def month_list(found: Sequence[Slot]) -> list[int]:
    return [slot.month for slot in found]


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (None, [*range(3, 37, 3), 42, 48, 54, 60, 72, 84, 96, 108, 120]),
        (3, [*range(3, 37, 3), 42, 48, 54, 60, 72, 84, 96, 108, 120]),
        (4, [*range(4, 37, 4), 42, 48, 54, 60, 72, 84, 96, 108, 120]),
        (6, [*range(6, 61, 6), 72, 84, 96, 108, 120]),
    ],
)
def test_ten_years_of_slots_by_the_interval_chosen(interval: int | None, expected: list[int]) -> None:
    assert month_list(slots(MRI, ANCHOR, [terms(ASPS, {MRI: interval} if interval else {})], months(120))) == expected


@pytest.mark.parametrize(
    ("anchor", "month", "target"),
    [
        (date(2026, 1, 31), 3, date(2026, 4, 30)),
        (date(2025, 11, 30), 3, date(2026, 2, 28)),
        (date(2027, 11, 30), 3, date(2028, 2, 29)),
        (date(2025, 11, 30), 6, date(2026, 5, 30)),  # counted from the anchor, not from 28 February
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
    ],
)
def test_a_target_is_the_anchors_day_or_the_months_last(anchor: date, month: int, target: date) -> None:
    found = slots(MRI, anchor, [BASE], add_months(anchor, 60))
    assert next(slot for slot in found if slot.month == month).target == target


def test_a_window_and_a_cell_of_the_first_slot() -> None:
    first = slots(MRI, ANCHOR, [BASE], months(3))[0]
    assert first == Slot(
        item=MRI,
        month=3,
        interval=3,
        tolerance=14,
        lead_days=56,
        target=date(2026, 4, 15),
        window_start=date(2026, 4, 1),
        window_end=date(2026, 4, 29),
        cell_start=date(2026, 3, 1),  # 45 days after the anchor and 45 before the target
        cell_end=date(2026, 5, 31),  # 46 days after the target, 45 before the next: the tie goes to the later
        moved=False,
    )


def test_tolerance_goes_by_interval() -> None:
    found = slots(MRI, ANCHOR, [BASE], months(72))
    assert {slot.interval: (slot.target - slot.window_start).days for slot in found} == {3: 14, 6: 28, 12: 42}


def test_an_item_that_is_off_has_no_slots() -> None:
    assert slots(BRAIN, ANCHOR, [BASE], months(60)) == []
    assert month_list(slots(BRAIN, ANCHOR, [terms(ASPS, {BRAIN: 6})], months(18))) == [6, 12, 18]


def test_an_item_switched_on_later_starts_with_the_first_slot_from_that_day() -> None:
    succession = terms_of_choices(ASPS, [Choice(BRAIN, 12, months(13))])
    assert month_list(slots(BRAIN, ANCHOR, succession, months(48))) == [24, 36, 48]


def test_an_item_switched_off_keeps_what_lies_before() -> None:
    succession = terms_of_choices(ASPS, [Choice(MRI, None, months(10))])
    assert month_list(slots(MRI, ANCHOR, succession, months(48))) == [3, 6, 9]


@pytest.mark.parametrize(
    ("changes", "last_study", "expected"),
    [
        ([(10, 6)], 9, [3, 6, 9, 12, 18]),  # three months since the last study are half the new six: 12 stays
        ([(10, 6)], 9.5, [3, 6, 9, 15, 18]),  # 12 is too near, 18 too far: the old 15 goes before
        ([(10, 6)], None, [3, 6, 9, 12, 18]),
        ([(11, 4)], 9, [3, 6, 9, 12, 16, 20]),
        ([(13, 3)], 12, [6, 12, 15, 18, 21]),
        ([(7, 6), (13, 3)], None, [3, 6, 12, 15, 18, 21]),
    ],
)
def test_a_change_of_interval_cuts_only_what_comes_after(
    changes: list[tuple[float, int]], last_study: float | None, expected: list[int]
) -> None:
    first = 6 if expected[0] == 6 else 3
    studied = [] if last_study is None else [months(last_study)]
    found = slots(MRI, ANCHOR, mri_terms((None, first), *changes), months(21.5), studied=studied)
    assert month_list(found) == expected


def test_a_slot_that_is_done_is_kept_and_no_reason_to_leave_the_next_one_out() -> None:
    found = slots(MRI, ANCHOR, mri_terms((None, 4), (11.6, 6)), months(24), studied=[months(11.5)])
    assert month_list(found) == [4, 8, 12, 18, 24]
    assert (found[2].interval, found[3].target) == (4, months(17.5))  # two weeks early, and so is the next


def test_a_study_that_does_not_fulfil_its_slot_keeps_nothing() -> None:
    terms_ = mri_terms((None, 4), (11.6, 6))
    found = slots(MRI, ANCHOR, terms_, months(24), studied=[months(11.5)], done=lambda slot, before: False)
    assert month_list(found) == [4, 8, 18, 24]


def test_where_two_terms_meet_a_window_ends_with_its_cell() -> None:
    yearly = replace(terms(WIDE, {}), since=months(10))  # half a year of tolerance on each side
    quarterly = replace(terms(ASPS, {MRI: 3}), since=months(25))
    found = {slot.month: slot for slot in slots(MRI, ANCHOR, [BASE, yearly, quarterly], months(30))}
    assert list(found) == [3, 6, 9, 12, 24, 27, 30]
    assert found[24].window_start == found[24].target - timedelta(days=180)
    assert found[24].window_end == found[24].cell_end - DAY == found[27].cell_start - DAY
    later = {slot.month: slot for slot in slots(MRI, ANCHOR, [BASE, replace(yearly, since=months(21.5))], months(36))}
    assert list(later)[-3:] == [21, 24, 36]
    assert later[24].window_start == later[24].cell_start == later[21].cell_end


def test_a_chosen_interval_that_no_phase_admits_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="cannot be repeated every 5 months"):
        rhythm(ASPS, MRI, ItemChoice(5))
    with pytest.raises(InvalidInputError, match="has no item 'pet'"):
        terms(ASPS, {"pet": 3})


@pytest.mark.parametrize(
    ("day", "followed"),
    [
        (months(6.5), True),
        (months(3) + DAY, True),
        (months(9) - DAY, True),
        (months(9), False),
        (months(3), False),
        (months(2), False),
    ],
)
def test_a_moved_slot_stays_between_its_neighbours(day: date, followed: bool) -> None:
    found = {slot.month: slot for slot in slots(MRI, ANCHOR, [BASE], months(12), moves={6: day})}
    assert found[6].moved is followed
    assert found[6].target == (day if followed else months(6))
    assert [month for month in found if month != 6] == [3, 9, 12]
    assert all(not found[month].moved for month in (3, 9, 12))


def test_moved_neighbours_do_not_pass_each_other() -> None:
    found = slots(MRI, ANCHOR, [BASE], months(12), moves={3: months(5), 6: months(4)})
    assert [(slot.month, slot.moved) for slot in found] == [(3, True), (6, False), (9, False), (12, False)]


def test_the_last_slot_of_a_protocol_that_ends_has_a_cell_of_one_interval() -> None:
    last = slots(MRI, ANCHOR, [terms(ENDING, {})], months(240))[-1]
    assert (last.month, last.cell_end) == (24, middle(last.target, add_months(last.target, 4)))


def test_the_horizon_is_the_last_day_that_a_target_may_have() -> None:
    assert month_list(slots(MRI, ANCHOR, [BASE], months(6))) == [3, 6]
    assert month_list(slots(MRI, ANCHOR, [BASE], months(6) - DAY)) == [3]
    assert slots(MRI, ANCHOR, [BASE], ANCHOR - DAY) == []


def test_slots_reach_a_hundred_years() -> None:
    assert slots(MRI, ANCHOR, [BASE], date.max)[-1].month == LAST_MONTH


def test_a_preview_is_sorted_by_target_and_item() -> None:
    found = preview(ASPS, date(2026, 1, 31), [Choice(MRI, 6), Choice(BRAIN, 12)], 12)
    assert [(slot.month, slot.item) for slot in found] == [
        (3, CHEST),
        (6, CHEST),
        (6, MRI),
        (9, CHEST),
        (12, CHEST),
        (12, BRAIN),
        (12, MRI),
    ]


# -- what always holds -----------------------------------------------------------------------------------------

moves = st.dictionaries(st.integers(1, 60), st.dates(date(2015, 1, 1), date(2041, 1, 1)), max_size=3)


@st.composite
def some_slots(draw: st.DrawFn) -> tuple[date, list[Slot]]:
    anchor = draw(anchors)
    succession = draw(successions(anchor))
    studied = draw(st.lists(st.integers(0, 2500).map(lambda days: anchor + timedelta(days=days)), max_size=3))
    until = add_months(anchor, draw(st.integers(0, 150)))
    return anchor, slots(MRI, anchor, succession, until, studied=studied, moves=draw(moves))


@given(some_slots())
def test_windows_are_ordered_and_disjoint_and_lie_in_their_cells(sample: tuple[date, list[Slot]]) -> None:
    _, found = sample
    for slot in found:
        assert slot.cell_start <= slot.window_start <= slot.target <= slot.window_end < slot.cell_end
    for earlier, later in pairwise(found):
        assert earlier.month < later.month
        assert earlier.target < later.target
        assert earlier.window_end < later.window_start


@given(anchors, rhythms(), st.integers(0, 240), moves)
def test_cells_divide_the_time_line_in_the_middle(
    anchor: date, chosen: Rhythm, until: int, moved: dict[int, date]
) -> None:
    only = [Terms(None, "any", {chosen.item: chosen})]
    found = slots(chosen.item, anchor, only, add_months(anchor, until), moves=moved)
    for earlier, later in pairwise(found):
        assert earlier.cell_end == later.cell_start == middle(earlier.target, later.target)
    assert all(slot.cell_start == middle(anchor, slot.target) for slot in found[:1])


@given(anchors, rhythms(), st.integers(0, 240))
def test_every_target_is_counted_from_the_anchor(anchor: date, chosen: Rhythm, until: int) -> None:
    found = slots(chosen.item, anchor, [Terms(None, "any", {chosen.item: chosen})], add_months(anchor, until))
    assert [slot.target for slot in found] == [
        add_months(anchor, month) for month in chosen.shape.months[:-1] if month <= until
    ]
    for slot in found:
        assert slot.window_start == slot.target - timedelta(days=slot.tolerance)
        assert slot.window_end == slot.target + timedelta(days=slot.tolerance)


@given(st.data())
def test_looking_further_only_adds_slots(data: st.DataObject) -> None:
    anchor = data.draw(anchors)
    succession = data.draw(successions(anchor))
    days = st.integers(0, 3000).map(lambda number: anchor + timedelta(days=number))
    studied, moved = data.draw(st.lists(days, max_size=4)), data.draw(st.dictionaries(st.integers(1, 60), days))
    near, far = sorted([data.draw(days), data.draw(days)])
    shorter = slots(MRI, anchor, succession, near, studied=studied, moves=moved)
    longer = slots(MRI, anchor, succession, far, studied=studied, moves=moved)
    assert shorter == [slot for slot in longer if slot.target <= near]


@given(st.data())
def test_a_change_never_touches_targets_before_its_day(data: st.DataObject) -> None:
    anchor = data.draw(anchors)
    *before, last = data.draw(successions(anchor))
    if last.since is None:
        return
    until = anchor + timedelta(days=3000)
    old = [slot.target for slot in slots(MRI, anchor, before, until) if slot.target < last.since]
    new = [slot.target for slot in slots(MRI, anchor, [*before, last], until) if slot.target < last.since]
    assert new == old


@given(st.data())
def test_renewed_terms_change_nothing(data: st.DataObject) -> None:
    anchor = data.draw(anchors)
    (first, *_) = data.draw(successions(anchor))
    days = st.integers(0, 1500).map(lambda number: anchor + timedelta(days=number))
    studied, since = data.draw(st.lists(days, max_size=6)), data.draw(days)
    until = add_months(anchor, 120)
    assert slots(MRI, anchor, [first, replace(first, since=since)], until, studied=studied) == slots(
        MRI, anchor, [first], until
    )


def test_renewed_terms_keep_a_slot_whose_half_interval_has_more_days_than_its_cell() -> None:
    anchor, last_study = date(2027, 2, 8), date(2029, 3, 24)
    found = slots(MRI, anchor, [BASE, replace(BASE, since=last_study)], date(2029, 5, 8), studied=[last_study])
    assert month_list(found)[-2:] == [24, 27]
    assert last_study < found[-1].cell_start
