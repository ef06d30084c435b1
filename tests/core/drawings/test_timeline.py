"""The timeline as a drawing: complete, on its place, escaped, and legible over decades."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveillance.core.drawings.timeline import Lane, Mark, MarkKind, Span, Timeline, of_preview, panels, spelled
from surveillance.core.drawings.timeline_sheet import SHEET, render
from surveillance.core.protocols.protocol import Item, Phase, Protocol, ProtocolEnd
from surveillance.core.protocols.sources import Evidence, Source
from surveillance.core.schedule.slots import Choice, preview

SVG = "{http://www.w3.org/2000/svg}"
ANCHOR = date(2026, 1, 31)
PHASES = (
    Phase(0, 36, 3, 6, 3, "s", Evidence.SECONDARY),
    Phase(36, 60, 6, 6, 6, "s", Evidence.SECONDARY),
    Phase(60, None, 12, 12, 12, "s", Evidence.PROPOSED, "No end."),
)
ITEMS = (
    Item("mri", "MRI of the site", ("MR",), "site", PHASES),
    Item("brain", "MRI of the brain", ("MR",), "brain", (Phase(0, None, 3, 12, 12, "s"),), enabled=False),
)
PROTOCOL = Protocol(
    "example", "1", "Example", "", ITEMS, {3: 14, 6: 28, 12: 42}, 56, (Source("s", "A source"),), ProtocolEnd.NEVER
)


def timeline_of(months: int = 120, *choices: Choice) -> Timeline:
    return of_preview(PROTOCOL, preview(PROTOCOL, ANCHOR, choices, months), ANCHOR, months)


def drawn(timeline: Timeline) -> ET.Element:
    return ET.fromstring(render(timeline))


def tips(svg: ET.Element) -> list[str]:
    """The tooltips of all that is drawn."""
    return [title.text or "" for group in svg.iter(f"{SVG}g") for title in group.findall(f"{SVG}title")]


def words(svg: ET.Element) -> list[str]:
    return [text.text or "" for text in svg.iter(f"{SVG}text")]


@pytest.mark.parametrize(
    ("months", "names", "bounds"),
    [
        (12, ["Year 1"], [(0, 12)]),
        (36, ["Years 1–3"], [(0, 36)]),
        (48, ["Years 1–3", "Year 4"], [(0, 36), (36, 48)]),
        (40, ["Years 1–3", "Year 4"], [(0, 36), (36, 48)]),
        (120, ["Years 1–3", "Years 4–5", "Years 6–10"], [(0, 36), (36, 60), (60, 120)]),
        (
            240,
            ["Years 1–3", "Years 4–5", "Years 6–10", "Years 11–15", "Years 16–20"],
            [(0, 36), (36, 60), (60, 120), (120, 180), (180, 240)],
        ),
    ],
)
def test_dense_and_sparse_years_have_panels_of_their_own(
    months: int, names: list[str], bounds: list[tuple[int, int]]
) -> None:
    found = panels(timeline_of(months))
    assert [panel.name for panel in found] == names
    assert [(panel.first, panel.last) for panel in found] == bounds


def test_each_slot_is_drawn_once_with_its_days() -> None:
    slots = preview(PROTOCOL, ANCHOR, [Choice("brain", 6)], 120)
    svg = drawn(timeline_of(120, Choice("brain", 6)))
    assert "MRI of the site, month 3: 30 Apr 2026, from 16 Apr 2026 to 14 May 2026" in tips(svg)
    assert len([tip for tip in tips(svg) if ", month " in tip]) == len(slots)


def test_an_item_that_is_off_has_no_lane() -> None:
    assert [lane.title for lane in timeline_of().lanes] == ["MRI of the site"]
    assert [lane.title for lane in timeline_of(120, Choice("brain", 12)).lanes] == [item.title for item in ITEMS]


def test_each_kind_of_source_is_a_footnote_and_what_is_proposed_is_drawn_apart() -> None:
    timeline = timeline_of()
    assert timeline.footnotes == (
        "A source; grade S, read in somebody else's text about it.",
        "A source; proposed, to be signed off by a clinician. No end.",
    )
    assert {window.month > 60 for window in timeline.lanes[0].windows if window.proposed} == {True}
    svg = drawn(timeline)
    assert {"every 3 months [1]", "every 6 months [1]", "every 12 months [2]"} <= set(words(svg))
    dashed = [bar for bar in svg.iter(f"{SVG}rect") if bar.get("stroke-dasharray")]
    assert len(dashed) == 5 + 1  # years 6 to 10, and the legend


def test_a_screen_reader_hears_what_the_drawing_shows() -> None:
    svg = drawn(timeline_of())
    assert svg.get("role") == "img"
    ids = {element.get("id"): element.text or "" for element in svg.iter() if element.get("id")}
    title, description = (ids[name] for name in (svg.get("aria-labelledby") or "").split())
    assert title == "Example"
    assert "MRI of the site: 21 examinations, the first on 30 Apr 2026, the last on 31 Jan 2036" in description


def test_no_style_is_used_that_a_content_security_policy_would_refuse() -> None:
    for element in drawn(timeline_of()).iter():
        assert element.tag not in {f"{SVG}style", f"{SVG}script"}
        assert not any(name == "style" or name.startswith("on") for name in element.attrib)


def test_marks_spans_and_today_are_drawn_where_they_fall() -> None:
    lane = replace(
        timeline_of().lanes[0],
        marks=(Mark(date(2026, 5, 2), MarkKind.DONE, "CT"), Mark(date(2030, 2, 1), MarkKind.BOOKED)),
        spans=(Span(date(2028, 12, 1), date(2029, 3, 1), "on hold"),),
    )
    svg = drawn(replace(timeline_of(), lanes=(lane,), today=date(2026, 6, 1)))
    assert "done: 2 May 2026 CT" in tips(svg)
    assert "booked: 1 Feb 2030" in tips(svg)
    assert tips(svg).count("on hold, from 1 Dec 2028 to 1 Mar 2029") == 2  # on both sides of the panels' border
    assert "today, 1 Jun 2026" in words(svg)
    assert {"booked", "done", "on hold"} <= set(words(svg))
    assert "missed" not in words(svg)  # the legend explains only what is there


@pytest.mark.parametrize("today", [ANCHOR - timedelta(days=1), date(2036, 1, 31), date(2050, 1, 1)])
def test_a_day_outside_the_sheet_draws_no_line(today: date) -> None:
    assert not any(word.startswith("today") for word in words(drawn(replace(timeline_of(), today=today))))


def test_two_timelines_on_a_page_share_no_id() -> None:
    ids = [
        {element.get("id") for element in ET.fromstring(render(timeline_of(), prefix)).iter() if element.get("id")}
        for prefix in ("one", "two")
    ]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize("interval", [3, 4, 6])
def test_dates_under_the_bars_never_touch(interval: int) -> None:
    svg = drawn(timeline_of(240, Choice("mri", interval), Choice("brain", interval)))
    lines: dict[str, list[tuple[float, str]]] = {}
    for group in svg.iter(f"{SVG}g"):
        for text in group.findall(f"{SVG}text"):
            lines.setdefault(text.get("y", ""), []).append((float(text.get("x", "0")), text.text or ""))
    assert lines
    for line in lines.values():
        for (left, first), (right, second) in pairwise(sorted(line)):
            assert right - left >= (len(first) + len(second)) / 2 * 5.6


@given(st.text(max_size=30), st.text(max_size=300), st.dates(date(1990, 1, 1), date(2100, 1, 1)))
@settings(max_examples=30)
def test_any_text_is_escaped_and_stays_inside_the_sheet(title: str, note: str, today: date) -> None:
    lane = Lane(
        title, timeline_of().lanes[0].windows, (Mark(today, MarkKind.MISSED, note),), (Span(today, None, note),)
    )
    svg = drawn(Timeline(title, note, ANCHOR, 120, (lane,), (note, title), today))
    for element in svg.iter():
        for name in ("x", "x1", "x2", "cx"):
            assert 0 <= float(element.get(name, "0")) <= SHEET[0]


def test_a_sheet_of_ten_years_keeps_to_one_page_of_a4() -> None:
    assert drawn(timeline_of(120, Choice("brain", 6))).get("height") == "210mm"


def test_nothing_to_draw_is_still_a_sheet() -> None:
    assert drawn(Timeline("Empty", "", ANCHOR, 12, ())).find(f"{SVG}title") is not None


def test_days_are_spelled_so_that_nobody_mixes_up_day_and_month() -> None:
    assert spelled(date(2026, 2, 1)) == "1 Feb 2026"
