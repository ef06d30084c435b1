"""From what is stored to what is wanted: complete, and nothing happens twice."""

from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from plan_samples import MRI, months, mri_terms, plan, plans, scans
from reconciled import applied

from surveillance.core.schedule.examinations import Booking, Derived, FindingKind, PlanFacts, derive
from surveillance.core.schedule.reconcile import reconcile

HORIZON = months(24)


def derived(facts: PlanFacts) -> Derived:
    return derive(facts, facts.anchor + timedelta(days=900))


def test_everything_is_added_to_nothing() -> None:
    wanted = derive(plan(), months(6))
    changes = reconcile(wanted, [])
    assert (changes.add, changes.move, changes.cancel, changes.keep) == (wanted.examinations, (), (), ())


def test_a_change_of_interval_cancels_moves_and_keeps() -> None:
    stored = derive(plan(*scans(3)), months(12)).examinations
    wanted = derive(plan(*scans(3), terms=mri_terms((None, 3), (4, 6))), months(12))
    changes = reconcile(wanted, stored)
    assert [row.month for row in changes.add] == []
    assert [change.after.month for change in changes.move] == [6, 12]  # their cells and windows are wider
    assert [row.month for row in changes.cancel] == [9]
    assert [row.month for row in changes.keep] == [3]


def test_conflicts_are_what_does_not_fit() -> None:
    booking = Booking("b", MRI, months(9), 9, months(9))
    facts = plan(*scans(3), terms=mri_terms((None, 3), (4, 6)), bookings=(booking,))
    (conflict,) = reconcile(derive(facts, months(12)), []).conflicts
    assert (conflict.kind, conflict.subject, conflict.month) == (FindingKind.BOOKED_OUTSIDE_WINDOW, "b", 12)


@given(plans(), plans())
def test_the_changes_applied_give_exactly_what_is_wanted(old: PlanFacts, new: PlanFacts) -> None:
    stored, wanted = derived(old).examinations, derived(new)
    changes = reconcile(wanted, stored)
    assert applied(changes, stored) == {row.key: row for row in wanted.examinations}
    named = [*changes.add, *changes.keep, *(change.after for change in changes.move)]
    assert sorted(map(repr, named)) == sorted(map(repr, wanted.examinations))
    assert all(change.before.key == change.after.key and change.before != change.after for change in changes.move)


@given(plans(), plans())
def test_done_twice_nothing_changes(old: PlanFacts, new: PlanFacts) -> None:
    stored, wanted = derived(old).examinations, derived(new)
    again = reconcile(wanted, applied(reconcile(wanted, stored), stored).values())
    assert again.empty
    assert set(again.keep) == set(wanted.examinations)


@given(plans(), st.randoms(use_true_random=False))
def test_the_order_of_what_is_stored_does_not_matter(facts: PlanFacts, random: Random) -> None:
    stored = list(derived(facts).examinations)
    random.shuffle(stored)
    assert reconcile(derived(facts), stored).empty


@given(plans())
def test_no_key_stands_twice(facts: PlanFacts) -> None:
    rows = derived(facts).examinations
    assert len({row.key for row in rows}) == len(rows)
