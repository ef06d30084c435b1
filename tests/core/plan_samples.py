"""Protocols and plans for the tests of the schedule core: small ones to read, and strategies that make many."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st

from surveillance.core.dates import add_months
from surveillance.core.protocols.protocol import Item, Phase, Protocol, ProtocolEnd
from surveillance.core.schedule.examinations import Booking, Examination, Finding, FindingKind, Hold, Key, PlanFacts
from surveillance.core.schedule.matching import Extra, Ruling, Study
from surveillance.core.schedule.slots import Rhythm, Terms, terms

MRI, CHEST, BRAIN = "mri_primary", "chest_imaging", "mri_brain"
ANCHOR = date(2026, 1, 15)


def item(code: str, *phases: tuple[int, int | None, int, int, int], enabled: bool = True) -> Item:
    """An item whose phases are given as ``(start, end, min, max, default)`` months."""
    return Item(code, code, ("MR",), "body", tuple(Phase(*phase) for phase in phases), enabled)


def protocol(id: str, *items: Item, tolerance: Mapping[int, int] | None = None) -> Protocol:
    ends = items[0].phases[-1].end is not None
    days = tolerance or {3: 14, 6: 28, 12: 42}
    end = ProtocolEnd.DECIDE if ends else ProtocolEnd.NEVER
    return Protocol(id, "1", id, "", items, days, 56, (), end)


LONG_TERM = ((0, 36, 3, 6, 3), (36, 60, 6, 6, 6), (60, None, 12, 12, 12))
ASPS = protocol(
    "asps", item(MRI, *LONG_TERM), item(CHEST, *LONG_TERM), item(BRAIN, (0, None, 3, 12, 12), enabled=False)
)
ENDING = protocol("ending", item(MRI, (0, 24, 4, 6, 4)), item(CHEST, (0, 24, 3, 12, 6)))
YEARLY = protocol("yearly", item(MRI, (0, None, 12, 12, 12)), item(CHEST, (0, None, 6, 12, 12)))
# As wide as windows may be: almost half an interval on each side.
WIDE = protocol("wide", item(MRI, (0, 12, 1, 3, 3), (12, None, 6, 12, 12)), tolerance={1: 13, 3: 44, 6: 89, 12: 180})
PROTOCOLS = (ASPS, ENDING, YEARLY, WIDE)

BASE = terms(ASPS, {})
CHEST_ONLY = (terms(ASPS, {MRI: None}),)


def months(count: float, anchor: date = ANCHOR) -> date:
    """``count`` months after the anchor; a part of a month counts 30 days."""
    whole = int(count)
    return add_months(anchor, whole) + timedelta(days=round((count - whole) * 30))


def mri_terms(*changes: tuple[float | None, int]) -> tuple[Terms, ...]:
    """Terms that ask for MRI alone, each with the month from which it holds and its interval."""
    return tuple(
        terms(ASPS, {MRI: interval, CHEST: None}, None if since is None else months(since))
        for since, interval in changes
    )


def plan(*studies: Study, enrolled: float = 0, **facts: Any) -> PlanFacts:
    """A plan that asks for MRI every three months, enrolled so many months after the anchor."""
    usual: dict[str, Any] = {
        "anchor": ANCHOR,
        "enrolled_on": months(enrolled),
        "terms": mri_terms((None, 3)),
        "studies": studies,
    }
    return PlanFacts(**(usual | facts))


def scan(id: str, day: date, *items: str, **facts: Any) -> Study:
    return Study(id, frozenset(items or [MRI]), day, **facts)


def scans(*at: float) -> tuple[Study, ...]:
    """MRI studies so many months after the anchor, each named after its month."""
    return tuple(scan(f"{month:g}", months(month)) for month in at)


def row_of(rows: Iterable[Examination], month: int, code: str = MRI) -> Examination:
    return next(row for row in rows if row.key == Key(code, month))


def kinds(findings: Iterable[Finding]) -> list[FindingKind]:
    return [finding.kind for finding in findings]


# -- strategies ------------------------------------------------------------------------------------------------

anchors = st.one_of(
    st.dates(date(2015, 1, 1), date(2035, 12, 31)),
    st.sampled_from([date(2023, 12, 31), date(2024, 2, 29), date(2025, 1, 30), date(2026, 1, 31), date(2027, 8, 29)]),
)

# Days are drawn as numbers from the anchor on; strategies stand here because making one is what takes time.
_codes = st.sampled_from([MRI, CHEST])
_days = st.integers(0, 2500)
_slots = st.tuples(_codes, st.integers(1, 60))
_rulings = st.dictionaries(_codes, st.sampled_from(Ruling), max_size=1)
_studies = st.lists(
    st.tuples(st.frozensets(_codes, min_size=1), _days, st.frozensets(_slots, max_size=2), _rulings), max_size=12
)
_changes = st.sets(st.integers(1, 2500), max_size=3)
_enrolments = st.just(0) | st.integers(0, 1500)
_holds = st.lists(st.tuples(st.none() | _codes, _days, st.none() | st.integers(-5, 600)), max_size=3)
_extras = st.lists(st.tuples(_codes, _days, st.integers(0, 20), st.integers(0, 90)), max_size=3)
_booked = st.tuples(_codes, _days, st.integers(1, 40), st.none() | st.sampled_from(["e0", "e1"]))
_bookings = st.lists(_booked, max_size=4)
_moves = st.dictionaries(_slots, _days, max_size=3)
_skips = st.lists(_slots.map(lambda slot: Key(*slot)) | _codes.map(lambda code: Key(code, None, "e0")), max_size=3)
_blank = st.frozensets(_codes)
_ends = st.none() | _days


@cache
def _terms(number: int, *, switched_off: bool) -> st.SearchStrategy[Terms]:
    chosen = PROTOCOLS[number]
    intervals = itertools.product(
        *([*one.phases[0].choices(), *([None] if switched_off else [])] for one in chosen.items)
    )
    codes = [one.code for one in chosen.items]
    return st.sampled_from([terms(chosen, dict(zip(codes, choice, strict=True))) for choice in intervals])


_any_terms = st.one_of([_terms(number, switched_off=True) for number in range(len(PROTOCOLS))])
_terms_without_off = st.one_of([_terms(number, switched_off=False) for number in range(len(PROTOCOLS))])


@st.composite
def rhythms(draw: st.DrawFn) -> Rhythm:
    """The rhythm of some item, with an interval that its first phase admits."""
    return draw(st.sampled_from(list(draw(_terms_without_off).rhythms.values())))


@st.composite
def successions(draw: st.DrawFn, anchor: date, *, switched_off: bool = True) -> tuple[Terms, ...]:
    """Up to four terms one after the other, each with its protocol and intervals."""
    some = _any_terms if switched_off else _terms_without_off
    later = [replace(draw(some), since=anchor + timedelta(days=number)) for number in sorted(draw(_changes))]
    return (draw(some), *later)


@st.composite
def plans(draw: st.DrawFn, *, overrides: bool = True, switched_off: bool = True) -> PlanFacts:
    """Any plan; without ``overrides`` one without holds, skips, moves, bookings, extras and an end."""
    anchor = draw(anchors)
    on = [anchor + timedelta(days=number) for number in range(2600)]
    facts = PlanFacts(
        anchor,
        on[draw(_enrolments)],
        draw(successions(anchor, switched_off=switched_off)),
        studies=tuple(Study(f"s{n}", i, on[d], b, r) for n, (i, d, b, r) in enumerate(draw(_studies))),
    )
    return draw(_overridden(facts, on)) if overrides else facts


@st.composite
def _overridden(draw: st.DrawFn, facts: PlanFacts, on: list[date]) -> PlanFacts:
    ended = draw(_ends)
    return replace(
        facts,
        holds=tuple(
            Hold(code, on[day], None if length is None else on[day] + timedelta(days=length), on[day])
            for code, day, length in draw(_holds)
        ),
        bookings=tuple(
            Booking(f"b{n}", code, on[day], month, on[day], extra)
            for n, (code, day, month, extra) in enumerate(draw(_bookings))
        ),
        extras=tuple(
            Extra(f"e{n}", code, on[day], tolerance, on[day] - timedelta(days=lead))
            for n, (code, day, tolerance, lead) in enumerate(draw(_extras))
        ),
        moves={slot: on[day] for slot, day in draw(_moves).items()},
        skips=dict.fromkeys(draw(_skips), facts.anchor),
        known_blank=draw(_blank),
        ended_on=None if ended is None else on[ended],
    )
