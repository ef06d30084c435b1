"""What all facts of a plan make of its slots: enrolment, holds, ends, bookings, extras, and nobody lost."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from itertools import takewhile
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from plan_samples import (
    ANCHOR,
    ASPS,
    BASE,
    CHEST,
    CHEST_ONLY,
    ENDING,
    MRI,
    kinds,
    months,
    mri_terms,
    plan,
    plans,
    row_of,
    scan,
    scans,
)

from surveillance.core.dates import add_months
from surveillance.core.schedule.examinations import (
    Booking,
    Derived,
    Examination,
    Finding,
    FindingKind,
    Hold,
    Key,
    PlanFacts,
    derive,
)
from surveillance.core.schedule.matching import Extra, Ruling
from surveillance.core.schedule.slots import terms
from surveillance.core.schedule.status import current, late, status
from surveillance.core.words import Status

DAY = timedelta(days=1)
HORIZON = months(36)


def rows(facts: PlanFacts, until: date = HORIZON) -> dict[int | str, Examination]:
    return {row.extra or row.month or 0: row for row in derive(facts, until).examinations}


def found(facts: PlanFacts, until: date = HORIZON) -> list[tuple[FindingKind, int | None, str]]:
    return [(finding.kind, finding.month, finding.subject) for finding in derive(facts, until).findings]


def booked(day: date, month: int | None = 6, extra: str | None = None, id: str = "b") -> Booking:
    return Booking(id, MRI, day, month, day, extra)


# -- missed, and overdue without a break (rule 6) ----------------------------------------------------------------


def test_a_cell_that_ends_empty_makes_the_next_due_and_overdue_that_day() -> None:
    some = rows(plan())
    assert (some[6].due_from, some[6].overdue_from) == (some[3].cell_end, some[3].cell_end)
    assert some[9].overdue_since == some[6].overdue_since == some[3].overdue_from == some[3].window_end + DAY


def test_a_study_a_skip_or_a_hold_ends_the_chain() -> None:
    for facts in (plan(*scans(6)), plan(skips={Key(MRI, 6): months(9)})):
        assert rows(facts)[9].due_from == rows(facts)[9].window_start
    held = plan(holds=(Hold(None, months(5), months(8.2), months(8)),))
    assert rows(held)[9].overdue_since == rows(held)[9].window_end + DAY


def test_an_unbooked_examination_is_not_to_order_while_the_one_before_is_open() -> None:
    assert rows(plan())[6].order_from == rows(plan())[6].cell_start
    ordered = rows(plan(bookings=(booked(months(3.2), 3),)))[6]
    assert ordered.order_from == ordered.target - timedelta(days=56)


def test_an_early_study_that_counts_does_not_leave_a_gap_over_one_and_a_half_intervals() -> None:
    early = scan("early", months(4.7), rulings={MRI: Ruling.COUNTS})
    nine = rows(plan(*scans(3), early))[9]
    interval = (add_months(early.performed_on, 3) - early.performed_on).days
    assert nine.overdue_from == early.performed_on + timedelta(days=interval * 3 // 2 + 1)
    assert nine.overdue_from < nine.window_end


def test_a_shorter_interval_makes_nobody_overdue_before_the_day_it_holds_from() -> None:
    facts = plan(*scans(12), terms=mri_terms((None, 6), (17, 3)))
    assert rows(facts)[18].overdue_from == max(months(17), months(16.5))
    assert status(rows(facts)[18], months(16.9)) is not Status.OVERDUE


def test_a_shorter_interval_chosen_before_the_first_study_counts_from_the_anchor() -> None:
    three = rows(plan(terms=mri_terms((None, 6), (3.1, 3))))[3]  # the new rhythm had it three days before
    assert three.target == months(3.1)
    assert status(three, months(3.1)) is Status.DUE


# -- enrolling mid-way (rule 8) ------------------------------------------------------------------------------------


def test_enrolment_at_month_14_with_scans_at_3_6_and_12() -> None:
    some = rows(plan(*scans(3, 6, 12), enrolled=14))
    assert list(some)[:4] == [3, 6, 12, 15]
    assert (some[15].due_from, some[15].overdue_from) == (some[15].window_start, some[15].window_end + DAY)
    assert found(plan(*scans(3, 6, 12), enrolled=14)) == []


def test_enrolment_after_a_closed_window_is_due_at_once_with_one_tolerance_of_grace() -> None:
    enrolled = months(7)
    six = rows(plan(enrolled=7))[6]
    assert (six.due_from, six.overdue_from) == (enrolled, min(enrolled + timedelta(days=15), six.cell_end))


def test_an_unknown_last_scan_is_work_until_a_person_says_there_was_none() -> None:
    unknown = (FindingKind.LAST_SCAN_UNKNOWN, None, "")
    assert found(plan(enrolled=7)) == [unknown]
    assert found(plan(enrolled=3)) == []
    assert found(plan(*scans(6), enrolled=7)) == []
    assert found(plan(enrolled=7, known_blank=frozenset({MRI}))) == []


def test_who_enrols_long_after_the_last_scan_is_overdue_at_once() -> None:
    some = rows(plan(*scans(3), enrolled=11))
    assert list(some)[:2] == [3, 12]
    assert (some[12].due_from, some[12].overdue_from) == (months(11), months(11))


# -- holds (rule 9) ------------------------------------------------------------------------------------------------


def test_a_hold_over_months_5_to_9_with_a_scan_at_7() -> None:
    some = rows(plan(*scans(3, 7), holds=(Hold(None, months(5), months(9), months(9)),)))
    assert (some[6].study, some[9].due_from) == ("7", months(9))
    assert status(some[9], months(9) - DAY) is Status.HELD
    assert status(some[9], months(9)) is Status.DUE


def test_on_resuming_the_slot_of_that_day_is_due_and_earlier_empty_ones_are_not_done() -> None:
    resumed = months(8)
    some = rows(plan(*scans(3), holds=(Hold(MRI, months(4), resumed, months(8)),)))
    assert some[6].lost_to_hold
    assert (some[9].due_from, some[9].overdue_from) == (resumed, some[9].window_end + DAY)


def test_a_hold_resumed_on_the_first_day_of_a_cell_makes_its_slot_due_that_day() -> None:
    first_day = rows(plan())[9].cell_start
    some = rows(plan(*scans(3), holds=(Hold(MRI, months(4), first_day, first_day),)))
    assert some[6].lost_to_hold
    assert some[9].due_from == first_day
    assert status(some[9], first_day) is Status.DUE


def test_a_hold_of_another_item_does_not_matter() -> None:
    assert rows(plan(holds=(Hold(CHEST, months(1), None, months(2)),))) == rows(plan())


def test_overlapping_holds_are_one() -> None:
    apart = (Hold(MRI, months(4), months(6), months(6)), Hold(None, months(5), months(8), months(8)))
    assert rows(plan(holds=apart)) == rows(plan(holds=(Hold(None, months(4), months(8), months(8)),)))


@pytest.mark.parametrize("resumed_on", [months(4), months(3)])
def test_a_hold_resumed_before_it_began_never_was(resumed_on: date) -> None:
    assert rows(plan(holds=(Hold(MRI, months(4), resumed_on, months(8)),))) == rows(plan())


def test_a_hold_over_the_window_of_an_extra_gives_it_a_tolerance_after_resuming() -> None:
    extra = Extra("e", MRI, months(5), 7, months(4))
    one = rows(plan(*scans(3), extras=(extra,), holds=(Hold(None, months(4.5), months(7), months(7)),)))["e"]
    assert one.overdue_from == months(7) + timedelta(days=8)


# -- ending (rule 10) ----------------------------------------------------------------------------------------------


def test_ending_closes_what_is_open_and_keeps_history() -> None:
    some = rows(plan(*scans(3), ended_on=months(7)))
    assert list(some) == [3, 6]
    assert (some[3].ended, some[6].ended) == (False, True)


def test_an_end_leaves_only_booked_visits_to_release() -> None:
    extra = Extra("e", MRI, months(8), 7, months(6.5))
    facts = plan(
        *scans(3),
        extras=(extra,),
        bookings=(booked(months(8), None, "e", "for extra"), booked(months(9), 9, None, "for slot")),
        moves={(MRI, 12): months(13)},
        ended_on=months(7),
    )
    assert found(facts) == [
        (FindingKind.BOOKED_UNWANTED, None, "for extra"),
        (FindingKind.BOOKED_UNWANTED, 9, "for slot"),
    ]


def test_studies_after_the_end_and_before_the_anchor_belong_to_another_plan() -> None:
    assert rows(plan(*scans(3, 6), ended_on=months(5)))[6].study is None
    assert rows(plan(scan("s", ANCHOR - DAY))) == rows(plan())


# -- overrides and bookings (rule 11) --------------------------------------------------------------------------------


def test_a_move_that_would_pass_a_neighbour_is_work() -> None:
    assert found(plan(moves={(MRI, 6): months(10)})) == [(FindingKind.MOVE_NOT_POSSIBLE, 6, "")]
    assert found(plan(moves={(MRI, 6): months(7)})) == []
    two = plan(moves={(MRI, 12): months(20), (MRI, 6): months(10)})
    assert [month for _, month, _ in found(two)] == [6, 12]
    assert rows(plan(moves={(MRI, 6): months(7)}))[6].target == months(7)
    assert found(plan(moves={(MRI, 7): months(7)})) == [(FindingKind.MOVE_NOT_POSSIBLE, 7, "")]


def test_a_booking_counts_for_the_slot_whose_cell_holds_its_day() -> None:
    some = rows(plan(*scans(3), bookings=(booked(months(8), 6),)))
    assert (some[6].booking, some[9].booking, some[9].booked_on) == (None, "b", months(8))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"bookings": (booked(months(6)),)}, []),
        ({"bookings": (booked(months(6)), booked(months(6.2), id="c"))}, [(FindingKind.BOOKED_TWICE, 6, "c")]),
        ({"bookings": (booked(months(1), 3),)}, [(FindingKind.BOOKED_UNWANTED, 3, "b")]),  # before the first cell
        ({"bookings": (Booking("b", CHEST, months(6), 6, months(6)),)}, [(FindingKind.BOOKED_UNWANTED, 6, "b")]),
        # Done since, on the same day or before: the first is the visit itself, whose outcome is still to be recorded.
        ({"bookings": (booked(months(6)),), "studies": scans(3, 6)}, []),
        ({"bookings": (booked(months(6.3)),), "studies": scans(3, 6)}, [(FindingKind.BOOKED_UNWANTED, 6, "b")]),
        (
            {"bookings": (booked(months(6)),), "skips": {Key(MRI, 6): months(8)}},
            [(FindingKind.BOOKED_UNWANTED, 6, "b")],
        ),
    ],
)
def test_bookings_that_nothing_asks_for_are_work(
    facts: dict[str, Any], expected: list[tuple[FindingKind, int | None, str]]
) -> None:
    assert found(plan(**({"studies": scans(3)} | facts))) == expected


def test_a_booking_left_behind_by_its_window_is_work() -> None:
    before = Booking("b", MRI, months(6), 6, months(6))
    moved = replace(plan(*scans(3), bookings=(before,)), anchor=ANCHOR + timedelta(days=20))
    assert (FindingKind.BOOKED_OUTSIDE_WINDOW, 6, "b") in found(moved)
    assert rows(moved)[6].booking == "b"


def test_a_booking_beyond_the_horizon_is_no_work() -> None:
    facts = plan(*scans(3), bookings=(Booking("b", MRI, months(11.5), 12, months(12)),))
    assert found(facts, months(11)) == found(facts, months(11.9)) == found(facts, months(12)) == []
    assert rows(facts, months(12))[12].booking == "b"


def test_a_booking_far_beyond_the_last_slot_is_work() -> None:
    facts = plan(terms=(terms(ENDING, {CHEST: None}),), bookings=(booked(months(30), 24),))
    assert (FindingKind.BOOKED_UNWANTED, 24, "b") in found(facts, months(26))


# -- extras --------------------------------------------------------------------------------------------------------


def test_an_extra_examination_has_its_own_dates() -> None:
    extra = Extra("e", MRI, months(7.5), 7, months(6.5))
    one = rows(plan(*scans(3, 6), extras=(extra,)))["e"]
    assert (one.order_from, one.due_from, one.overdue_from) == (
        extra.requested_on,
        extra.window_start,
        extra.window_end + DAY,
    )
    assert one.cell_end == date.max  # overdue until it is done, skipped or ended


def test_an_extra_examination_of_an_item_that_the_plan_does_not_have_is_not_lost() -> None:
    extra = Extra("e", CHEST, months(5), 7, months(4))
    facts = plan(*scans(3), extras=(extra,), bookings=(Booking("b", CHEST, months(5), None, months(5), "e"),))
    assert (rows(facts)["e"].item, rows(facts)["e"].booking) == (CHEST, "b")
    assert found(facts) == []


def test_a_skipped_extra_examination_takes_no_study_from_the_slot() -> None:
    extra = Extra("e", MRI, months(6), 7, months(5))
    assert rows(plan(*scans(3, 6), extras=(extra,)))[6].study is None
    skipped = rows(plan(*scans(3, 6), extras=(extra,), skips={Key(MRI, None, "e"): months(8)}))
    assert (skipped[6].study, skipped["e"].study) == ("6", None)


# -- the end of a protocol (rule 1) -----------------------------------------------------------------------------------

ENDS = FindingKind.PROTOCOL_ENDS


@pytest.mark.parametrize(
    ("facts", "since"),
    [
        ({}, months(24) + 61 * DAY),  # nobody came: when the last cell is over
        ({"studies": scans(24)}, months(24)),
        ({"enrolled": 40}, months(40)),
        ({"enrolled": 40, "studies": scans(24)}, months(40)),
    ],
)
def test_the_last_slot_of_a_protocol_that_ends_becomes_work(facts: dict[str, Any], since: date) -> None:
    ending: dict[str, Any] = {"terms": (terms(ENDING, {CHEST: None}),)}
    findings = [f for f in derive(plan(**(facts | ending)), months(48)).findings if f.kind is ENDS]
    assert findings == [Finding(ENDS, MRI, 24, "", since)]
    assert ENDS not in kinds(derive(plan(**(facts | ending)), months(23)).findings)
    assert ENDS not in kinds(derive(plan(**(facts | ending), ended_on=months(41)), months(48)).findings)


def test_a_change_to_a_protocol_that_is_over_already_becomes_work() -> None:
    facts = plan(*scans(24, 30), terms=(*mri_terms((None, 6)), terms(ENDING, {CHEST: None}, months(31))))
    assert found(facts, months(54)) == [(ENDS, 24, "")]
    assert [f.since for f in derive(facts, months(54)).findings] == [months(31)]


def test_a_plan_whose_item_is_off_asks_for_nothing() -> None:
    assert all(row.item == CHEST for row in derive(plan(terms=CHEST_ONLY), HORIZON).examinations)


# -- what always holds ---------------------------------------------------------------------------------------------


@given(plans(), st.data())
def test_the_order_in_which_facts_arrived_does_not_matter(facts: PlanFacts, data: st.DataObject) -> None:
    until = facts.anchor + timedelta(days=1500)

    def shuffled(some: Iterable[Any]) -> list[Any]:
        return data.draw(st.permutations(list(some)))

    other = replace(
        facts,
        holds=tuple(shuffled(facts.holds)),
        studies=tuple(shuffled(facts.studies)),
        bookings=tuple(shuffled(facts.bookings)),
        extras=tuple(shuffled(facts.extras)),
        moves=dict(shuffled(facts.moves.items())),
        skips=dict(shuffled(facts.skips.items())),
    )
    assert derive(other, until) == derive(facts, until)


@given(plans(), st.integers(0, 1500), st.integers(0, 1500))
def test_a_further_horizon_only_adds_rows(facts: PlanFacts, one: int, other: int) -> None:
    near, far = (facts.anchor + timedelta(days=number) for number in sorted((one, other)))
    shorter, longer = derive(facts, near).examinations, derive(facts, far).examinations
    assert shorter == tuple(row for row in longer if row.target <= near or row.extra)


@given(plans())
def test_every_study_fulfils_waits_or_is_extra_evidence_beside_another(facts: PlanFacts) -> None:
    derived = derive(facts, facts.anchor + timedelta(days=3000))
    asked = {(f.item, f.month) for f in derived.findings if f.kind is FindingKind.STUDY_EARLY}
    for row in derived.examinations:
        inside = [
            study
            for study in facts.studies
            if row.item in study.items
            and row.month is not None
            and row.cell_start <= study.performed_on < row.cell_end
            and study.rulings.get(row.item) is not Ruling.EXTRA
            and facts.anchor <= study.performed_on <= (facts.ended_on or date.max)
            and not any(extra.study == study.id for extra in derived.examinations if extra.extra)
        ]
        assert not inside or row.study is not None or (row.item, row.month) in asked


@given(plans(), st.sets(st.integers(0, 11)))
def test_an_inadequate_study_settles_nothing_and_is_wanted_again_or_settled_by_another(
    facts: PlanFacts, chosen: set[int]
) -> None:
    until, by = facts.anchor + timedelta(days=3000), facts.anchor
    useless = {study.id for number, study in enumerate(facts.studies) if number in chosen}
    doubted = tuple(s._replace(repeat_by=by) if s.id in useless else s for s in facts.studies)
    without = derive(replace(facts, studies=tuple(s for s in facts.studies if s.id not in useless)), until)
    derived = derive(replace(facts, studies=doubted), until)
    assert derived.examinations == without.examinations
    wanted = {(f.item, f.subject) for f in derived.findings if f.kind is FindingKind.REPEAT_WANTED}
    assert {subject for _, subject in wanted} <= useless
    for item in facts.items:
        own = [s for s in doubted if item in s.items and s.performed_on >= facts.anchor]
        if own and facts.ended_on is None and not facts.holds and not facts.bookings:
            last = max(own, key=lambda s: (s.performed_on, s.repeat_by is None, s.id))
            assert ((item, last.id) in wanted) is (last.repeat_by is not None)


@given(plans())
def test_every_booking_is_placed_or_is_work(facts: PlanFacts) -> None:
    derived = derive(facts, facts.anchor + timedelta(days=3000))
    named = {row.booking for row in derived.examinations} | {finding.subject for finding in derived.findings}
    assert {booking.id for booking in facts.bookings} <= named


@given(plans())
def test_nothing_begins_after_the_end_and_nothing_stays_open_past_it(facts: PlanFacts) -> None:
    assume(facts.ended_on is not None)
    ended_on = facts.ended_on or date.max
    for row in derive(facts, facts.anchor + timedelta(days=3000)).examinations:
        assert row.extra or row.cell_start <= ended_on or row.study
        assert row.cell_end <= ended_on or row.study or row.ended


@given(plans(overrides=False, switched_off=False), st.integers(0, 2400))
def test_no_gap_over_one_and_a_half_intervals_without_overdue_showing(facts: PlanFacts, days: int) -> None:
    """Rule 6, for each item on any day on which it is looked at, knowing the studies up to that day."""
    today = max(facts.anchor + timedelta(days=days), facts.enrolled_on)
    known = replace(facts, studies=tuple(study for study in facts.studies if study.performed_on <= today))
    derived = derive(known, add_months(today, 120))
    for item in known.terms[-1].rhythms:
        own = [row for row in derived.examinations if row.item == item]
        due = current(own, today)
        if due is None:
            shown_by = max([today, *(terms.since for terms in known.terms[1:] if terms.since)])
            assert any(f.kind is ENDS and f.item == item and f.since <= shown_by for f in derived.findings)
        elif today > _patience_ends(known, item, due):
            assert late(due, today)


def _patience_ends(facts: PlanFacts, item: str, due: Examination) -> date:
    """One and a half intervals after the last study, but not before enrolment or the change that brought the slot.

    An item that was off has its patience again from the day on which it was switched on: its baseline is asked for.
    """
    last = max((s.performed_on for s in facts.studies if item in s.items), default=None)
    in_force = [terms for terms in facts.terms if terms.since is None or terms.since <= due.target]
    on = list(takewhile(lambda terms: item in terms.rhythms, reversed(in_force)))
    asked = on[-1].since or facts.anchor
    start = max(last or max(facts.anchor, facts.enrolled_on), asked)
    limit = start + timedelta(days=(add_months(start, due.interval) - start).days * 3 // 2)
    changes = [terms.since for terms in facts.terms if terms.since is not None and terms.since <= due.target]
    return max([limit, facts.enrolled_on, *changes])


@given(plans(overrides=False, switched_off=False), st.integers(0, 2400))
def test_overdue_does_not_break_off_without_a_study(facts: PlanFacts, days: int) -> None:
    """Rule 6: who is overdue and does not come is overdue every day from then on, while the item is on."""
    today = facts.anchor + timedelta(days=days)
    known = replace(facts, studies=tuple(study for study in facts.studies if study.performed_on <= today))
    derived = derive(known, add_months(today, 60))
    for item in (code for code in (MRI, CHEST) if all(code in each.rhythms for each in facts.terms)):
        own = [row for row in derived.examinations if row.item == item]
        if any(late(row, today) for row in own):
            last = max(row.cell_end for row in own)
            for ahead in (today + timedelta(days=number) for number in range(1, 900, 7)):
                assert ahead >= last or any(late(row, ahead) for row in own)


def test_each_item_is_derived_by_itself() -> None:
    both = PlanFacts(ANCHOR, ANCHOR, (BASE,), studies=(scan("s", months(3), MRI, CHEST), scan("c", months(6), CHEST)))
    derived: Derived = derive(both, months(12))
    assert row_of(derived.examinations, 3).study == row_of(derived.examinations, 3, CHEST).study == "s"
    assert (row_of(derived.examinations, 6).study, row_of(derived.examinations, 6, CHEST).study) == (None, "c")


def test_mri_every_six_months_beside_chest_every_three() -> None:
    facts = PlanFacts(ANCHOR, ANCHOR, (terms(ASPS, {MRI: 6}),))
    some = derive(facts, months(12)).examinations
    assert [(row.item, row.month) for row in some] == [
        (MRI, 6),
        (MRI, 12),
        *((CHEST, month) for month in (3, 6, 9, 12)),
    ]
