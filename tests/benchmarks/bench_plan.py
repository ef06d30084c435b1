"""Making one patient's plan over ten years, against ``dateutil.rrule`` giving the same targets.

Run: ``python -m tests.benchmarks.bench_plan``. Both sides are timed in turns in one run and the best of each
counts, so that a busy machine slows both. ``surveillance`` gives windows and cells as well, ``rrule`` targets only.
"""

from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from time import perf_counter

from dateutil.relativedelta import relativedelta
from dateutil.rrule import MONTHLY, rrule

from surveillance.catalogue import protocols
from surveillance.core import schedule
from surveillance.core.dates import add_months
from surveillance.core.examinations import PlanFacts, derive
from surveillance.core.matching import Study
from surveillance.core.schedule import Slot, slots

ITEMS = ("mri_primary", "chest_imaging")
PHASES = ((0, 36, 3), (36, 60, 6), (60, 120, 12))
REQUIRED = 20
ROUNDS = 48

PROTOCOL = protocols.load(Path(__file__).parents[2] / "config" / "protocols" / "asps-extremity.yaml")
TERMS = (schedule.terms(PROTOCOL, {}),)
# Patients by the month of their anchor: a turn takes one month, so that nothing is remembered of an anchor itself.
PLAIN = [[date(2024 + n // 12, n % 12 + 1, day) for day in range(1, 29)] for n in range(24)]
MONTH_ENDS = [[date(2024, month, day) for month in (1, 3, 5, 7, 8, 10, 12) for day in (29, 30, 31)]]


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
    for number in range(ROUNDS):
        anchors = turns[number % len(turns)]
        for which, contender in enumerate(contenders):
            began = perf_counter()
            for anchor in anchors:
                contender(anchor)
            least[which] = min(least[which], (perf_counter() - began) / len(anchors))
    return least


def check(anchors: list[date]) -> None:
    for anchor in anchors:
        if [[slot.target for slot in found] for found in slot_plan(anchor)] != rrule_plan(anchor):
            raise SystemExit(f"the two do not agree for the anchor {anchor}")


def measure(name: str, turns: list[list[date]]) -> float:
    """Print what one patient costs; return how many times as long ``rrule`` takes."""
    anchors = [anchor for turn in turns for anchor in turn]
    check(anchors)
    decade = {anchor: (facts(anchor, range(3, 33, 3)), add_months(anchor, 120)) for anchor in anchors}
    horizon = {anchor: (facts(anchor, range(3, 12, 3)), add_months(anchor, 9 + 24)) for anchor in anchors}
    slow, fast = best([rrule_plan, slot_plan], turns)
    far, near = best([lambda anchor: derive(*decade[anchor]), lambda anchor: derive(*horizon[anchor])], turns)
    print(f"{name}: rrule {slow * 1e6:.0f} µs, slots {fast * 1e6:.1f} µs, ratio {slow / fast:.1f}×")
    print(f"  derive: {far * 1e6:.0f} µs for 10 years with 10 studies, {near * 1e6:.0f} µs for 24 months ahead with 3")
    return slow / fast


def main() -> None:
    ratios = [measure("anchor on days 1–28", PLAIN), measure("anchor on days 29–31", MONTH_ENDS)]
    if min(ratios) < REQUIRED:
        raise SystemExit(f"plan generation is {min(ratios):.1f}× as fast as rrule; {REQUIRED}× is required")


if __name__ == "__main__":
    main()
