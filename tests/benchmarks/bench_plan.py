"""Making one patient's plan over ten years, against ``dateutil.rrule`` giving the same targets.

Both sides are timed in turns in one run and the best of each counts, so that a busy machine slows both. Ours gives
windows and cells as well, ``rrule`` targets only.
"""

from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from time import perf_counter

import pytest
from dateutil.relativedelta import relativedelta  # type: ignore[import-untyped]
from dateutil.rrule import MONTHLY, rrule  # type: ignore[import-untyped]

from surveillance.catalogue import protocols
from surveillance.core.dates import add_months
from surveillance.core.schedule import slots as schedule
from surveillance.core.schedule.examinations import PlanFacts, derive
from surveillance.core.schedule.matching import Study
from surveillance.core.schedule.slots import Slot, slots

ITEMS = ("mri_primary", "chest_imaging")
PHASES = ((0, 36, 3), (36, 60, 6), (60, 120, 12))
REQUIRED = 20

PROTOCOL = protocols.load(Path(__file__).parents[2] / "config" / "protocols" / "asps-extremity.yaml")
TERMS = (schedule.terms(PROTOCOL, {}),)
# A turn takes a few patients: long enough to time, short enough not to be interrupted.
PLAIN = [[date(2024, month, 4 * n + day) for day in range(1, 5)] for month in range(1, 13) for n in range(7)]
MONTH_ENDS = [[date(2024, month, day) for day in (29, 30, 31)] for month in (1, 3, 5, 7, 8, 10, 12)]
NEVER_SEEN = [[date(year, month, day) for day in range(20, 24)] for year in range(1990, 2020) for month in range(1, 13)]
ROUNDS = 400  # turns, at least


def by_rrule(anchor: date) -> list[date]:
    """The targets of one item: a recurrence for each phase, which starts with the day that the last one ended on."""
    clamped = {"bymonthday": tuple(range(28, anchor.day + 1)), "bysetpos": -1} if anchor.day > 28 else {}
    found: list[date] = []
    for start, end, interval in PHASES:
        first = datetime.combine(anchor, time()) + relativedelta(months=start)
        rule = rrule(MONTHLY, dtstart=first, interval=interval, count=(end - start) // interval + 1, **clamped)
        found += [moment.date() for moment in rule[1:]]
    return found


def rrule_plan(anchor: date) -> list[list[date]]:
    return [by_rrule(anchor) for _ in ITEMS]


def slot_plan(anchor: date) -> list[list[Slot]]:
    until = add_months(anchor, 120)
    return [slots(item, anchor, TERMS, until) for item in ITEMS]


def facts(anchor: date, months: range) -> PlanFacts:
    """A plan with a study of both items on each target of ``months``."""
    studies = tuple(Study(str(month), frozenset(ITEMS), add_months(anchor, month)) for month in months)
    return PlanFacts(anchor, anchor, TERMS, studies=studies)


def best(contenders: list[Callable[[date], object]], turns: list[list[date]]) -> list[float]:
    """Seconds that a plan takes each contender at best; they take turns, so that noise meets all alike."""
    least = [float("inf")] * len(contenders)
    for anchors in turns:
        for which, contender in enumerate(contenders):
            began = perf_counter()
            for anchor in anchors:
                contender(anchor)
            least[which] = min(least[which], (perf_counter() - began) / len(anchors))
    return least


@pytest.mark.parametrize("turns", [PLAIN, MONTH_ENDS], ids=["days 1 to 28", "days 29 to 31"])
def test_both_give_the_same_targets(turns: list[list[date]]) -> None:
    for anchor in {turn[-1] for turn in turns} | {turn[0] for turn in turns}:
        assert [[slot.target for slot in found] for found in slot_plan(anchor)] == rrule_plan(anchor)


@pytest.mark.parametrize("turns", [PLAIN, MONTH_ENDS], ids=["days 1 to 28", "days 29 to 31"])
def test_a_plan_of_10_years_is_made_at_least_20_times_as_fast_as_by_rrule(turns: list[list[date]]) -> None:
    slow, fast = best([rrule_plan, slot_plan], turns * (ROUNDS // len(turns) + 1))
    print(f"\nrrule {slow * 1e6:.0f} µs, slots {fast * 1e6:.1f} µs, ratio {slow / fast:.1f}×")
    assert slow / fast >= REQUIRED


def test_a_plan_from_an_anchor_never_seen_before_is_made_several_times_as_fast() -> None:
    slow, fast = best([rrule_plan, slot_plan], NEVER_SEEN)
    print(f"\nnever seen: rrule {slow * 1e6:.0f} µs, slots {fast * 1e6:.1f} µs, ratio {slow / fast:.1f}×")
    assert slow / fast >= REQUIRED / 4


def test_deriving_the_examinations_of_a_plan_takes_less_time_than_its_targets_take_rrule() -> None:
    anchors = [anchor for turn in PLAIN for anchor in turn]
    decade = {anchor: (facts(anchor, range(3, 33, 3)), add_months(anchor, 120)) for anchor in anchors}
    horizon = {anchor: (facts(anchor, range(3, 12, 3)), add_months(anchor, 9 + 24)) for anchor in anchors}
    slow, far, near = best(
        [rrule_plan, lambda anchor: derive(*decade[anchor]), lambda anchor: derive(*horizon[anchor])], PLAIN * 4
    )
    print(f"\nderive: {far * 1e6:.0f} µs for 10 years with 10 studies, {near * 1e6:.0f} µs for 24 months with 3")
    assert far < slow
