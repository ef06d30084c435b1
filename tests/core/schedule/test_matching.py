"""Which study fulfils what: a function of all studies, in whatever order they arrived."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_samples import ANCHOR, BASE, CHEST, MRI, months, mri_terms, scan, scans

from surveillance.core.schedule.matching import Extra, Matches, Ruling, Study, match
from surveillance.core.schedule.slots import Slot, slots

QUARTERLY = slots(MRI, ANCHOR, mri_terms((None, 3)), months(36))
YEARS_6_TO_9 = [slot for slot in slots(MRI, ANCHOR, [BASE], months(108)) if slot.month >= 72]
DAY = timedelta(days=1)


def fulfilled(matches: Matches) -> dict[int, str]:
    return {month: study.id for month, study in matches.slots.items()}


def waiting(matches: Matches) -> list[tuple[str, int]]:
    return [(study.id, month) for study, month in matches.waiting]


def extra(id: str, target: date, tolerance: int = 7, requested: date | None = None) -> Extra:
    return Extra(id, MRI, target, tolerance, requested or target - timedelta(days=42))


def test_the_worked_example_of_scans_at_odd_months() -> None:
    found = match(MRI, QUARTERLY, [], scans(2.2, 4.4, 4.6, 8, 13))
    assert fulfilled(found) == {3: "2.2", 12: "13"}
    assert waiting(found) == [("4.6", 6), ("8", 9)]


@pytest.mark.parametrize(
    ("days_early", "interval", "counts"),
    [(28, 3, True), (29, 3, False), (84, 12, True), (85, 12, False), (-14, 3, True), (-40, 3, True)],
)
def test_a_study_more_than_two_tolerances_early_waits_for_a_person(
    days_early: int, interval: int, counts: bool
) -> None:
    slot = (QUARTERLY if interval == 3 else YEARS_6_TO_9)[1]
    study = scan("s", slot.target - timedelta(days=days_early))
    found = match(MRI, [slot], [], [study])
    assert fulfilled(found) == ({slot.month: "s"} if counts else {})
    assert waiting(found) == ([] if counts else [("s", slot.month)])


@pytest.mark.parametrize(
    ("facts", "expected", "asked"),
    [
        ({}, {}, [("s", 6)]),
        ({"booked_for": frozenset({(MRI, 6)})}, {6: "s"}, []),
        ({"booked_for": frozenset({(MRI, 9)})}, {}, [("s", 6)]),
        ({"booked_for": frozenset({(CHEST, 6)})}, {}, [("s", 6)]),
        ({"rulings": {MRI: Ruling.COUNTS}}, {6: "s"}, []),
        ({"rulings": {MRI: Ruling.EXTRA}}, {}, []),
        ({"rulings": {MRI: Ruling.EXTRA}, "booked_for": frozenset({(MRI, 6)})}, {}, []),
        ({"rulings": {CHEST: Ruling.COUNTS}}, {}, [("s", 6)]),
    ],
)
def test_what_lets_an_early_study_count(
    facts: dict[str, object], expected: dict[int, str], asked: list[tuple[str, int]]
) -> None:
    found = match(MRI, QUARTERLY, [], [scan("s", months(4.6), **facts)])
    assert (fulfilled(found), waiting(found)) == (expected, asked)


def test_nobody_is_asked_about_an_early_study_once_another_fulfils_the_slot() -> None:
    found = match(MRI, QUARTERLY, [], scans(4.6, 6))
    assert (fulfilled(found), waiting(found)) == ({6: "6"}, [])


def test_of_two_equally_near_the_earlier_study_counts() -> None:
    studies = [scan("a", months(6) + 3 * DAY), scan("b", months(6) - 3 * DAY)]
    assert fulfilled(match(MRI, QUARTERLY, [], studies)) == {6: "b"}


@pytest.mark.parametrize(("day", "month"), [(QUARTERLY[1].cell_start, 6), (QUARTERLY[1].cell_start - DAY, 3)])
def test_the_first_day_of_a_cell_belongs_to_it(day: date, month: int) -> None:
    found = match(MRI, QUARTERLY, [], [scan("s", day, rulings={MRI: Ruling.COUNTS})])
    assert fulfilled(found) == {month: "s"}


def test_one_study_serves_several_items_and_others_none() -> None:
    both = scan("s", months(3), MRI, CHEST)
    chest = [slot._replace(item=CHEST) for slot in QUARTERLY]
    assert fulfilled(match(MRI, QUARTERLY, [], [both])) == {3: "s"} == fulfilled(match(CHEST, chest, [], [both]))
    assert fulfilled(match(MRI, QUARTERLY, [], [scan("c", months(3), CHEST)])) == {}


@pytest.mark.parametrize(
    ("study_day", "answers", "slot_too"),
    [
        (months(7.5), True, False),  # on its target
        (months(7.5) - 14 * DAY, True, False),  # two tolerances early
        (months(7.5) - 15 * DAY, False, False),
        (months(7.5) + 14 * DAY, True, False),
        (months(7.5) + 15 * DAY, True, True),  # that was the regular scan, which answers the question too
        (months(9), True, True),
    ],
)
def test_an_open_extra_examination_matches_first(study_day: date, answers: bool, slot_too: bool) -> None:
    study = scan("s", study_day, rulings={MRI: Ruling.COUNTS} if slot_too else {})
    found = match(MRI, QUARTERLY, [extra("e", months(7.5))], [study])
    assert list(found.extras) == (["e"] if answers else [])
    assert (9 in found.slots) is slot_too


def test_a_study_before_the_request_does_not_answer_it() -> None:
    requested = extra("e", months(7), tolerance=30, requested=months(6.8))
    assert match(MRI, QUARTERLY, [requested], scans(6.6)).extras == {}


def test_two_extra_examinations_need_two_studies() -> None:
    wanted = [extra("second", months(8)), extra("first", months(7.8))]
    found = match(MRI, QUARTERLY, wanted, scans(7.8))
    assert {id: study.id for id, study in found.extras.items()} == {"first": "7.8"}


studies_of_mri = st.lists(
    st.builds(
        lambda number, ruling, booked: (ANCHOR + timedelta(days=number), ruling, booked),
        st.integers(0, 900),
        st.sampled_from([{}, {MRI: Ruling.COUNTS}, {MRI: Ruling.EXTRA}]),
        st.sampled_from([frozenset(), frozenset({(MRI, 6)}), frozenset({(MRI, 12)})]),
    ),
    max_size=10,
).map(lambda facts: [Study(f"s{n}", frozenset({MRI}), d, b, r) for n, (d, r, b) in enumerate(facts)])
some_extras = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 20), st.integers(0, 60)), max_size=3).map(
    lambda facts: [
        Extra(f"e{n}", MRI, ANCHOR + timedelta(days=day), tolerance, ANCHOR + timedelta(days=day - lead))
        for n, (day, tolerance, lead) in enumerate(facts)
    ]
)


@given(st.data(), studies_of_mri, some_extras)
def test_matching_does_not_depend_on_the_order_of_arrival(
    data: st.DataObject, studies: list[Study], extras: list[Extra]
) -> None:
    once = match(MRI, QUARTERLY, extras, studies)
    assert match(MRI, QUARTERLY, data.draw(st.permutations(extras)), data.draw(st.permutations(studies))) == once


@given(studies_of_mri, some_extras)
def test_each_study_fulfils_one_slot_in_its_own_cell_or_waits_there(studies: list[Study], extras: list[Extra]) -> None:
    found = match(MRI, QUARTERLY, extras, studies)
    cells = {slot.month: slot for slot in QUARTERLY}
    uses = [(study.id, month) for month, study in found.slots.items()] + waiting(found)
    assert len({id for id, _ in uses}) == len(uses)
    by_id = {study.id: study for study in studies}
    for id, month in uses:
        assert cells[month].cell_start <= by_id[id].performed_on < cells[month].cell_end
    assert not {month for _, month in waiting(found)} & found.slots.keys()


@given(studies_of_mri)
def test_a_fulfilled_slot_has_the_nearest_study_that_may_count(studies: list[Study]) -> None:
    found = match(MRI, QUARTERLY, [], studies)
    for slot in QUARTERLY:
        inside: list[Study] = [s for s in studies if slot.cell_start <= s.performed_on < slot.cell_end]
        chosen = found.slots.get(slot.month)
        if chosen is not None:
            unruled = [s for s in inside if _near_enough(s, slot) and MRI not in s.rulings]
            assert all(abs(chosen.performed_on - slot.target) <= abs(s.performed_on - slot.target) for s in unruled)
        else:
            assert not any(_near_enough(s, slot) and MRI not in s.rulings for s in inside)


def _near_enough(study: Study, slot: Slot) -> bool:
    return (slot.target - study.performed_on).days <= 2 * slot.tolerance


@given(studies_of_mri, studies_of_mri)
def test_a_study_more_never_leaves_a_slot_empty_that_was_fulfilled(some: list[Study], others: list[Study]) -> None:
    more = [*some, *(study._replace(id=f"other {study.id}") for study in others)]
    assert match(MRI, QUARTERLY, [], some).slots.keys() <= match(MRI, QUARTERLY, [], more).slots.keys()
