"""Protocols and plans for the tests of the schedule core: small ones to read, and strategies that make many."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from hypothesis import strategies as st

from surveillance.core.dates import add_months
from surveillance.core.examinations import Booking, Examination, Finding, FindingKind, Hold, Key, PlanFacts
from surveillance.core.matching import Extra, Ruling, Study
from surveillance.core.protocol import Item, Phase, Protocol, ProtocolEnd
from surveillance.core.schedule import Rhythm, Terms, rhythm, terms

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


def plan(*studies: Study, enrolled: float = 0, **facts: object) -> PlanFacts:
    """A plan that asks for MRI every three months, enrolled so many months after the anchor."""
    given = {"anchor": ANCHOR, "enrolled_on": months(enrolled), "terms": mri_terms((None, 3)), "studies": studies}
    return PlanFacts(**(given | facts))  # type: ignore[arg-type]


def scan(id: str, day: date, *items: str, **facts: object) -> Study:
    return Study(id, frozenset(items or [MRI]), day, **facts)  # type: ignore[arg-type]


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


@st.composite
def rhythms(draw: st.DrawFn) -> Rhythm:
    """The rhythm of some item, with an interval that its first phase admits."""
    chosen = draw(st.sampled_from(PROTOCOLS))
    code = draw(st.sampled_from(chosen.items))
    return rhythm(chosen, code.code, draw(st.sampled_from(code.phases[0].choices())))


@st.composite
def successions(draw: st.DrawFn, anchor: date, *, switched_off: bool = True) -> tuple[Terms, ...]:
    """Up to four terms one after the other, each with its protocol and intervals."""
    days = sorted(draw(st.sets(st.integers(1, 2500), max_size=3)))
    result = []
    for since in [None, *(anchor + timedelta(days=number) for number in days)]:
        chosen = draw(st.sampled_from(PROTOCOLS))
        intervals = {
            one.code: draw(st.sampled_from([*one.phases[0].choices(), *([None] if switched_off else [])]))
            for one in chosen.items
        }
        result.append(terms(chosen, intervals, since))
    return tuple(result)


def _few(strategy: st.SearchStrategy[object], most: int) -> st.SearchStrategy[list[object]]:
    return st.lists(strategy, max_size=most)


@st.composite
def plans(draw: st.DrawFn, *, overrides: bool = True, switched_off: bool = True) -> PlanFacts:
    """Any plan; without ``overrides`` one without holds, skips, moves, bookings, extras and an end."""
    anchor = draw(anchors)
    days = st.integers(0, 2500).map(lambda number: anchor + timedelta(days=number))
    succession = draw(successions(anchor, switched_off=switched_off))
    items = st.sampled_from([MRI, CHEST])
    studies = draw(
        _few(
            st.tuples(
                st.sets(items, min_size=1),
                days,
                st.sets(st.tuples(items, st.integers(1, 24)), max_size=2),
                st.dictionaries(items, st.sampled_from(Ruling), max_size=1),
            ),
            12,
        )
    )
    facts = PlanFacts(
        anchor,
        anchor + timedelta(days=draw(st.one_of(st.just(0), st.integers(0, 1500)))),
        succession,
        studies=tuple(Study(f"s{n}", frozenset(i), d, frozenset(b), r) for n, (i, d, b, r) in enumerate(studies)),
    )
    return draw(_overridden(facts, items, days)) if overrides else facts


@st.composite
def _overridden(
    draw: st.DrawFn, facts: PlanFacts, items: st.SearchStrategy[str], days: st.SearchStrategy[date]
) -> PlanFacts:
    spans = draw(_few(st.tuples(st.none() | items, days, st.none() | st.integers(-5, 600)), 3))
    extras = draw(_few(st.tuples(items, days, st.integers(0, 20), st.integers(0, 90)), 3))
    bookings = draw(_few(st.tuples(items, days, st.integers(1, 40), st.none() | st.sampled_from(["e0", "e1"])), 4))
    slots = st.tuples(items, st.integers(1, 60))
    skips = draw(st.dictionaries(slots.map(lambda key: Key(*key)), days, max_size=3))
    skipped_extras = {Key(extras[0][0], None, "e0"): facts.anchor} if extras and draw(st.booleans()) else {}
    return PlanFacts(
        facts.anchor,
        facts.enrolled_on,
        facts.terms,
        holds=tuple(Hold(i, d, None if n is None else d + timedelta(days=n), d) for i, d, n in spans),
        studies=facts.studies,
        bookings=tuple(Booking(f"b{n}", i, d, m, d, e) for n, (i, d, m, e) in enumerate(bookings)),
        extras=tuple(
            Extra(f"e{n}", i, d, tolerance, d - timedelta(days=lead))
            for n, (i, d, tolerance, lead) in enumerate(extras)
        ),
        moves=draw(st.dictionaries(slots, days, max_size=3)),
        skips=skips | skipped_extras,
        known_blank=frozenset(draw(st.sets(items))),
        ended_on=draw(st.none() | days),
    )
