"""Six thousand changes of interval on random days, after random histories: nothing that was done is undone by one, and
none makes a patient wait longer than the protocol admits, but for some who are overdue (schedule rules 3 and 5)."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise

import pytest
from cases_read import protocol_of

from surveillance.core.dates import DAY, add_months
from surveillance.core.schedule.examinations import Derived, Examination, PlanFacts, derive
from surveillance.core.schedule.gaps import Gap, exceeds, gaps, limit, made_longer
from surveillance.core.schedule.matching import Extra, Study
from surveillance.core.schedule.rhythms import terms
from surveillance.core.schedule.status import status
from surveillance.core.words import Status

ALL = 6000
USUAL = 600  # as many as every run of the tests takes
PROTOCOL = protocol_of("asps-extremity@2026.1")
MRI = "mri_primary"
TERMS = {months: terms(PROTOCOL, {MRI: months, "chest_imaging": None}) for months in (3, 4, 6)}
LAST_DAY = 1050  # of a change, after the anchor: two months before the years end in which one may choose


@dataclass(frozen=True)
class Change:
    """One plan before and after a change on ``day``, as it looks on that day."""

    seed: int
    day: date
    interval: int
    before: PlanFacts
    after: PlanFacts

    @cached_property
    def rows_before(self) -> Derived:
        return derive(self.before, add_months(self.day, 24))

    @cached_property
    def rows_after(self) -> Derived:
        return derive(self.after, add_months(self.day, 24))

    @property
    def overdue(self) -> bool:
        return any(status(row, self.day) is Status.OVERDUE for row in self.rows_before.examinations)

    def made_too_long(self) -> list[Gap]:
        """The gaps that the change makes and that are longer than the protocol's longest interval and its tolerance."""
        seen, found = (
            gaps(facts, rows.examinations, {MRI}, self.day)
            for facts, rows in ((self.before, self.rows_before), (self.after, self.rows_after))
        )
        protocols = {PROTOCOL.key: PROTOCOL}
        made = made_longer(found, seen)
        return [gap for gap in made if exceeds(gap, limit(self.after, MRI, gap, protocols.__getitem__))]


def random_change(seed: int) -> Change:
    rng = random.Random(seed)
    anchor = date(2024, 1, 1) + timedelta(days=rng.randrange(366))
    day = anchor + timedelta(days=rng.randint(5, LAST_DAY))
    old, new = rng.sample(sorted(TERMS), 2)
    extras = tuple(_extras(rng, anchor, day))
    before = PlanFacts(anchor, anchor, (TERMS[old],), studies=tuple(_studies(rng, anchor, day, old)), extras=extras)
    after = replace(before, terms=(TERMS[old], replace(TERMS[new], since=day)))
    return Change(seed, day, new, before, after)


def _studies(rng: random.Random, anchor: date, day: date, interval: int) -> Iterator[Study]:
    """Of five examinations one is missed, the others are up to four weeks early and six late; some come in between."""
    done = [
        add_months(anchor, month) + timedelta(days=rng.choice([0, rng.randint(-10, 10), rng.randint(-28, 45)]))
        for month in range(interval, 48, interval)
        if rng.random() < 0.8
    ]
    done += [anchor + timedelta(days=rng.randint(1, LAST_DAY)) for _ in range(rng.choice([0, 0, 1, 3]))]
    done += [day] * (rng.random() < 0.05)
    for number, performed in enumerate(sorted(done)):
        if anchor < performed <= day:
            yield Study(f"s{number}", frozenset({MRI}), performed)


def _extras(rng: random.Random, anchor: date, day: date) -> Iterator[Extra]:
    if rng.random() < 0.2:
        target = anchor + timedelta(days=rng.randint(30, LAST_DAY))
        yield Extra("extra", MRI, target, 7, min(day, target - timedelta(days=42)))


SAMPLES = [
    pytest.param(range(USUAL), id="a-sample"),
    *(
        pytest.param(range(first, first + USUAL), id=f"from-{first}", marks=pytest.mark.long)
        for first in range(USUAL, ALL, USUAL)
    ),
]


@pytest.mark.parametrize("seeds", SAMPLES)
def test_a_change_undoes_nothing_and_makes_nobody_wait_longer_than_the_protocol_admits(seeds: range) -> None:
    changes = map(random_change, seeds)
    assert [f"seed {change.seed}: {fault}" for change in changes for fault in _faults(change)] == []


@pytest.mark.parametrize("seeds", SAMPLES)
def test_a_clinician_is_needed_only_for_some_who_are_overdue(seeds: range) -> None:
    asked = [change for change in map(random_change, seeds) if change.made_too_long()]
    assert all(change.overdue for change in asked)
    assert len(asked) <= len(seeds) // 100


def _faults(change: Change) -> Iterator[str]:
    before, after = change.rows_before, change.rows_after
    yield from _undone(before, after)
    yield from _cut_again(change, before, after)
    yield from _too_late(change, after)
    if not change.overdue:
        yield from (f"{gap.days} days from {gap.start.day}" for gap in change.made_too_long())


def _undone(before: Derived, after: Derived) -> Iterator[str]:
    then = {row.key: row.study for row in after.examinations}
    for row in before.examinations:
        if row.study is not None and then.get(row.key) != row.study:
            yield f"{row.key} was done by {row.study} and is no more"


def _cut_again(change: Change, before: Derived, after: Derived) -> Iterator[str]:
    then = {row.key: (row.target, row.cell_start, row.cell_end) for row in after.examinations}
    for row in before.examinations:
        if row.cell_end <= change.day and then.get(row.key) != (row.target, row.cell_start, row.cell_end):
            yield f"{row.key} lay before the change and is cut again"
    for one, other in pairwise(_regular(after)):
        if one.cell_end != other.cell_start:
            yield f"nobody's day between {one.key} and {other.key}"


def _regular(derived: Derived) -> list[Examination]:
    return [row for row in derived.examinations if row.month is not None]


def _too_late(change: Change, after: Derived) -> Iterator[str]:
    """The first open target lies at most its interval after the last examination, or after the last unmet target.

    But for one that a done target precedes in both rhythms: nothing has changed there.
    """
    rows = [row for row in _regular(after) if row.cell_end > change.day]
    first = next(row for row in rows if row.study is None)
    done = [study.performed_on for study in change.after.studies]
    unmet = [row.target for row in _regular(after) if row.study is None and row.target < change.day]
    counted = max([change.after.anchor, *done, *unmet])
    longest = max(change.interval, first.interval)
    if first.target > max(change.day + DAY, add_months(counted, longest)) and not _as_before(change, first):
        yield f"{first.key} on {first.target} is more than {longest} months after {counted}"


def _as_before(change: Change, row: Examination) -> bool:
    rows = change.rows_before.examinations
    return any((old.key, old.target, old.interval) == (row.key, row.target, row.interval) for old in rows)
