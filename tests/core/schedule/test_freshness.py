"""Who was up to date on each of many days, counted at once, is what looking at each patient on each day gives."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.schedule.freshness import Asked, tally
from surveillance.core.schedule.status import up_to_date

DAY = timedelta(days=1)
START = date(2026, 1, 31)
Lived = tuple[list[date], list[Asked], dict[tuple[object, str], Sequence[date]]]  # days, slots and studies


def on(number: int) -> date:
    return START + number * DAY


def asked(patient: object = "a", item: str = "mri", cell: tuple[int, int] = (46, 137), **other: object) -> Asked:
    """The slot of month 3 of a three-monthly item, target day 91, unless said otherwise."""
    facts = {
        "interval": 3, "target": on(91), "window_end": on(105), "held_from": None, "held_until": None,
        "anchor": START, "enrolled_on": START, "ended_on": None,
    } | other  # fmt: skip
    return Asked(patient, item, on(cell[0]), on(cell[1]), **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("day", "studies", "found"),
    [
        (45, [], (0, 0)),  # before the cell nothing is asked
        (46, [], (0, 0)),  # too early for a first study
        (105, [], (0, 0)),
        (106, [], (1, 0)),  # the window has closed
        (136, [], (1, 0)),
        (137, [], (0, 0)),  # the next cell's day
        (106, [on(100)], (1, 1)),
        (106, [on(106)], (1, 1)),
        (105, [on(106)], (0, 0)),  # that study is still to come
        (46, [on(0)], (1, 1)),
        (136, [START - DAY], (1, 0)),  # before the anchor: of another course
        (104, [START - DAY], (0, 0)),
        (103, [on(0)], (1, 1)),  # up to 2026-05-14: three months and 14 days
        (104, [on(-1), on(0)], (1, 0)),
    ],
)
def test_a_patient_is_up_to_date_as_long_as_the_last_study_is_recent(
    day: int, studies: list[date], found: tuple[int, int]
) -> None:
    assert tally([on(day)], [asked()], {("a", "mri"): studies}) == [found]


@pytest.mark.parametrize(
    ("held", "day", "counted"),
    [
        ((110, 120), 109, 1),
        ((110, 120), 110, 0),
        ((110, 120), 119, 0),
        ((110, 120), 120, 1),
        ((110, None), 109, 1),
        ((110, None), 136, 0),
    ],
)
def test_on_hold_nothing_is_asked(held: tuple[int, int | None], day: int, counted: int) -> None:
    start, end = held
    one = asked(held_from=on(start), held_until=None if end is None else on(end))
    assert tally([on(day)], [one], {}) == [(counted, 0)]


@pytest.mark.parametrize(("day", "counted"), [(106, 0), (109, 0), (110, 1), (124, 1), (125, 0)])
def test_only_the_days_of_the_plan_count(day: int, counted: int) -> None:
    assert tally([on(day)], [asked(enrolled_on=on(110), ended_on=on(125))], {}) == [(counted, 0)]


def test_whoever_lacks_one_of_two_is_not_up_to_date() -> None:
    both = [asked(), asked(item="ct"), asked("b"), asked("b", "ct")]
    done = {("a", "mri"): [on(100)], ("b", "mri"): [on(100)], ("b", "ct"): [on(100)]}
    assert tally([on(106), on(107)], both, done) == [(2, 1), (2, 1)]


@st.composite
def many(draw: st.DrawFn) -> Lived:
    days = sorted(draw(st.sets(st.integers(0, 300), min_size=1, max_size=6)))
    slots = []
    for patient in range(draw(st.integers(1, 4))):
        for item in draw(st.sets(st.sampled_from(["mri", "ct"]), min_size=1)):
            start = draw(st.integers(0, 200))
            hold = draw(st.none() | st.integers(0, 300))
            slots.append(
                asked(
                    patient, item, (start, start + draw(st.integers(1, 120))),
                    target=on(start + 40), window_end=on(start + 54),
                    held_from=None if hold is None else on(hold),
                    held_until=None if hold is None else draw(st.none() | st.just(on(hold + 20))),
                    enrolled_on=on(draw(st.integers(0, 100))),
                    ended_on=draw(st.none() | st.integers(0, 300).map(on)),
                )
            )  # fmt: skip
    done: dict[tuple[object, str], Sequence[date]] = {
        (one.patient, one.item): sorted(map(on, draw(st.lists(st.integers(-20, 300), max_size=3)))) for one in slots
    }
    return [on(day) for day in days], slots, done


@given(many())
def test_counting_at_once_is_looking_at_each(
    clinic: tuple[list[date], list[Asked], dict[tuple[object, str], Sequence[date]]],
) -> None:
    days, slots, done = clinic
    assert tally(days, slots, done) == [_looked_at(day, slots, done) for day in days]


def _looked_at(day: date, slots: list[Asked], done: dict[tuple[object, str], Sequence[date]]) -> tuple[int, int]:
    fresh = defaultdict(list)
    for one in slots:
        in_cell = one.cell_start <= day < one.cell_end
        in_force = one.enrolled_on <= day and (one.ended_on is None or day < one.ended_on)
        held = one.held_from is not None and one.held_from <= day and (one.held_until is None or day < one.held_until)
        if not in_cell or not in_force or held:
            continue
        before = [study for study in done[one.patient, one.item] if study <= day]
        before = before if before and before[-1] >= one.anchor else []
        if not before and day <= one.window_end:
            continue
        tolerance = (one.window_end - one.target).days
        fresh[one.patient].append(bool(before) and up_to_date(before[-1], one.interval, tolerance, day))
    return len(fresh), sum(all(each) for each in fresh.values())
