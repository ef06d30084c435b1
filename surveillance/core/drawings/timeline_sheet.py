"""A timeline as SVG: one sheet of A4 on its side, to be printed and hung up, or a strip inside a page.

It must read without colour: windows are outlined bars, targets strokes, marks differ in shape, holds are hatched.
Only presentation attributes are used, never ``style``, so that it can stand in a page whose Content-Security-Policy
allows no inline styles.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple
from xml.etree import ElementTree as ET

from surveillance.core.dates import add_months
from surveillance.core.drawings.legend import MARGIN, SHEET, draw_legend, legend_height
from surveillance.core.drawings.signs import BAR, anchor_line, hatched, mark_sign, turn_line, window_bar
from surveillance.core.drawings.svg import BAND, FONT, INK, PALE, SOFT, add, put, write
from surveillance.core.drawings.timeline import Lane, Panel, Span, Timeline, Turn, Window, month_name, panels, spelled

LABELS = 176  # the column of lane titles
INSET = 40  # between the column's end and the first day: half a date's width, so that none is cut
HEAD, FOOT_LINE, PANEL_HEAD = 84, 13, 50
LANE_HEIGHTS = (42, 72)  # least and most
STRIP_TOP, STRIP_LANE, STRIP_FOOT = -8, 48, 22
LABEL_ROOM = 150  # pixels that the words beside a line take at most
DATE_WIDTHS = (72, 44)  # of "30 Sep 2026" and of "30 Sep" in the size used, with air around them


class Scale(NamedTuple):
    """Days of a panel to pixels across."""

    panel: Panel
    left: float
    right: float

    def x(self, day: date) -> float:
        share = (day - self.panel.start).days / (self.panel.end - self.panel.start).days
        return self.left + share * (self.right - self.left)


def render(timeline: Timeline, prefix: str = "timeline") -> str:
    """The timeline as one ``<svg>`` element; ``prefix`` keeps ids apart where a page holds several."""
    rows = panels(timeline)
    notes = _wrapped_notes(timeline.footnotes)
    foot = 26 + legend_height(timeline) + FOOT_LINE * len(notes)
    lanes = max(1, len(rows) * len(timeline.lanes))
    lane_height = _clamped((SHEET[1] - HEAD - foot - len(rows) * PANEL_HEAD) / lanes, *LANE_HEIGHTS)
    height = max(SHEET[1], HEAD + foot + len(rows) * PANEL_HEAD + lanes * lane_height)
    svg = _sheet(timeline, prefix, height)
    write(svg, MARGIN, 44, timeline.title, size=24, weight="bold")
    write(svg, MARGIN, 66, timeline.subtitle, size=13, fill=SOFT)
    y: float = HEAD
    for panel in rows:
        _draw_panel(svg, timeline, panel, y, lane_height, prefix)
        y += PANEL_HEAD + lane_height * len(timeline.lanes)
    _draw_foot(svg, timeline, notes, height - foot + 18, prefix)
    return ET.tostring(svg, encoding="unicode")


def render_strip(timeline: Timeline, prefix: str = "timeline") -> str:
    """The timeline as a part of a page that has its title already: no taller than its lanes, one to one in pixels."""
    rows = panels(timeline)
    panel_height = PANEL_HEAD + STRIP_LANE * len(timeline.lanes)
    height = STRIP_TOP + len(rows) * panel_height + STRIP_FOOT + legend_height(timeline)
    svg = _sheet(timeline, prefix, height)
    put(svg, width=SHEET[0], height=height)
    for number, panel in enumerate(rows):
        _draw_panel(svg, timeline, panel, STRIP_TOP + number * panel_height, STRIP_LANE, prefix)
    draw_legend(svg, timeline, height - 8 - legend_height(timeline), prefix)
    return ET.tostring(svg, encoding="unicode")


def _sheet(timeline: Timeline, prefix: str, height: float) -> ET.Element:
    svg = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg"})
    put(svg, role="img", font_family=FONT, aria_labelledby=f"{prefix}-title {prefix}-desc")
    put(svg, viewBox=f"0 0 {SHEET[0]} {height:.0f}", width="297mm", height=f"{297 * height / SHEET[0]:.0f}mm")
    add(svg, "title", timeline.title, id=f"{prefix}-title")
    add(svg, "desc", _description(timeline), id=f"{prefix}-desc")
    hatch = add(add(svg, "defs"), "pattern", id=f"{prefix}-hatch", width=7, height=7)
    put(hatch, patternUnits="userSpaceOnUse", patternTransform="rotate(45)")
    add(hatch, "line", x1=0, y1=0, x2=0, y2=7, stroke=SOFT, stroke_width=1.6)
    add(svg, "rect", width=SHEET[0], height=height, fill="#fff")
    return svg


def _description(timeline: Timeline) -> str:
    """What a screen reader says in place of the drawing."""
    parts = [timeline.subtitle]
    for lane in timeline.lanes:
        if lane.windows:
            first, last = spelled(lane.windows[0].target), spelled(lane.windows[-1].target)
            parts.append(f"{lane.title}: {len(lane.windows)} examinations, the first on {first}, the last on {last}")
        parts += [f"{mark.kind} on {spelled(mark.day)} {mark.label}".rstrip() for mark in lane.marks]
        parts += [f"{span.label} from {spelled(span.start)}" for span in lane.spans]
    parts += [f"{turn.label} on {spelled(turn.day)}" for turn in timeline.turns]
    return ". ".join(parts) + "."


def _draw_panel(svg: ET.Element, timeline: Timeline, panel: Panel, top: float, lane_height: float, prefix: str) -> None:
    scale = Scale(panel, MARGIN + LABELS + INSET, SHEET[0] - MARGIN - INSET)
    bottom = top + PANEL_HEAD + lane_height * len(timeline.lanes) - 8
    write(svg, MARGIN, top + 20, panel.name, size=16, weight="bold")
    write(svg, MARGIN, top + 35, f"{spelled(panel.start)} – {spelled(panel.end)}", size=10.5, fill=SOFT)
    for number in range(len(timeline.lanes)):
        if number % 2 == 0:
            y = top + PANEL_HEAD - 8 + number * lane_height
            add(svg, "rect", x=MARGIN, y=y, width=SHEET[0] - 2 * MARGIN, height=lane_height, fill=BAND)
    _draw_axis(svg, timeline.anchor, scale, top + 38, bottom)
    for number, lane in enumerate(timeline.lanes):
        _draw_lane(svg, lane, scale, top + PANEL_HEAD - 8 + number * lane_height, lane_height, prefix)
    for turn in timeline.turns:
        if panel.contains(turn.day):
            _draw_turn(svg, turn, scale, timeline.today, top + 38, bottom)
    if panel.first == 0:
        anchor_line(svg, scale.x(panel.start), top + 38, bottom, timeline.clock)
    if timeline.today and panel.contains(timeline.today):
        _draw_today(svg, timeline, scale, top + 38, bottom)


def _draw_today(svg: ET.Element, timeline: Timeline, scale: Scale, top: float, bottom: float) -> None:
    today = timeline.today or timeline.anchor
    x = scale.x(today)
    add(svg, "line", x1=x, y1=top, x2=x, y2=bottom, stroke=INK, stroke_width=1.6, stroke_dasharray="5 3")
    near = [away for turn in timeline.turns if abs(away := scale.x(turn.day) - x) < LABEL_ROOM]
    anchor = "middle" if not near else "end" if near[0] > 0 else "start"
    _halo(write(svg, x, bottom + 9, f"today, {spelled(today)}", size=10.5, weight="bold", anchor=anchor))


def _draw_turn(svg: ET.Element, turn: Turn, scale: Scale, today: date | None, top: float, bottom: float) -> None:
    """Its words stand beside today's, on the other side."""
    x = scale.x(turn.day)
    group = add(svg, "g")
    add(group, "title", f"{turn.label}: {spelled(turn.day)}")
    turn_line(group, x, top, bottom)
    left = x > scale.right - LABEL_ROOM or (today is not None and scale.x(today) - LABEL_ROOM < x <= scale.x(today))
    shift, anchor = (2, "end") if left else (-2, "start")
    _halo(write(group, x + shift, bottom + 9, turn.label, size=10.5, weight="bold", anchor=anchor))


def _halo(label: ET.Element) -> None:
    """Keeps words legible where a line or hatching runs behind them."""
    put(label, paint_order="stroke", stroke="#fff", stroke_width=3)


def _draw_axis(svg: ET.Element, anchor: date, scale: Scale, y: float, bottom: float) -> None:
    panel = scale.panel
    step = _step(panel.last - panel.first)
    add(svg, "line", x1=scale.left, y1=y, x2=scale.right, y2=y, stroke=INK, stroke_width=1.2)
    for month in range(panel.first, panel.last + 1):
        x, day = scale.x(add_months(anchor, month)), add_months(anchor, month)
        if month % 12 == 0:
            add(svg, "line", x1=x, y1=y, x2=x, y2=bottom, stroke=PALE, stroke_width=1)
        if step <= 6 or month % 3 == 0:
            add(svg, "line", x1=x, y1=y - (7 if month % step == 0 else 3), x2=x, y2=y, stroke=INK, stroke_width=1)
        if month % step == 0:
            name = f"month {month}" if month == panel.first else str(month)
            write(svg, x, y - 21, name, size=11.5, weight="bold" if month % 12 == 0 else "normal", anchor="middle")
            write(svg, x, y - 10, month_name(day), size=9.5, fill=SOFT, anchor="middle")


def _draw_lane(svg: ET.Element, lane: Lane, scale: Scale, top: float, height: float, prefix: str) -> None:
    windows = [window for window in lane.windows if scale.panel.holds(window)]
    title = textwrap.shorten(lane.title, 27, placeholder="…")
    write(svg, MARGIN + 6, top + height / 2 - 2, title, size=12.5, weight="bold")
    write(svg, MARGIN + 6, top + height / 2 + 13, _rhythm(windows), size=11, fill=SOFT)
    middle = top + height / 2 - (1 if lane.spans else 5)  # a hold's label stands above the bars
    for span in lane.spans:
        _draw_span(svg, span, scale, top + 2, height - 4, prefix)
    for window, date_label in _date_labels(windows, scale):
        _draw_window(svg, lane.title, window, scale, middle, date_label)
    for mark in lane.marks:
        if scale.panel.shows(mark):
            group = add(svg, "g")
            add(group, "title", f"{mark.kind}: {spelled(mark.day)} {mark.label}".rstrip())
            x = _clamped(scale.x(mark.day), scale.left - INSET, scale.right + INSET)
            mark_sign(group, mark.kind, x, middle)


def _date_labels(windows: Sequence[Window], scale: Scale) -> Iterator[tuple[Window, str]]:
    """Each window with the date to write under it: without the year where it is tight, none where it would touch."""
    places = [scale.x(window.target) for window in windows]
    tightest = min((right - left for left, right in pairwise(places)), default=SHEET[0])
    short = tightest < DATE_WIDTHS[0]
    free_from = 0.0
    for window, x in zip(windows, places, strict=True):
        fits = x >= free_from
        if fits:
            free_from = x + DATE_WIDTHS[short]
        text = spelled(window.target)
        yield window, (text.rpartition(" ")[0] if short else text) if fits else ""


def _rhythm(windows: Sequence[Window]) -> str:
    """The intervals of a lane in one panel, with the numbers of their footnotes."""
    said: dict[int, list[int]] = {}
    for window in windows:
        if window.month is None:
            continue
        notes = said.setdefault(window.interval, [])
        if window.footnote and window.footnote not in notes:
            notes.append(window.footnote)
    notes_of = [(months, "".join(f" [{note}]" for note in notes)) for months, notes in said.items()]
    if len(notes_of) == 1:
        return "every {} months{}".format(*notes_of[0])
    return f"every {', then '.join(map(''.join, ((str(m), n) for m, n in notes_of)))} months" if notes_of else "none"


def _draw_window(svg: ET.Element, title: str, window: Window, scale: Scale, middle: float, date_label: str) -> None:
    left, right, x = scale.x(window.start), scale.x(window.end), scale.x(window.target)
    group = add(svg, "g")
    said = f"{title}, {window.name}: {spelled(window.target)}, from {spelled(window.start)} to {spelled(window.end)}"
    add(group, "title", f"{said}; {window.said}" if window.said else said)
    window_bar(group, left, right, x, middle, window.proposed, extra=window.month is None)
    if date_label:
        _halo(write(group, x, middle + BAR / 2 + 14, date_label, size=11, anchor="middle"))


def _draw_span(svg: ET.Element, span: Span, scale: Scale, top: float, height: float, prefix: str) -> None:
    panel = scale.panel
    end = min(span.end or panel.end, panel.end)
    start = max(span.start, panel.start)
    if start >= end:
        return
    left, right = scale.x(start), scale.x(end)
    group = add(svg, "g")
    add(group, "title", f"{span.label}, from {spelled(span.start)}{f' to {spelled(span.end)}' if span.end else ''}")
    hatched(group, left, top, right - left, height, prefix)
    _halo(write(group, left + 3, top + 9, span.label, size=10, weight="bold"))


def _draw_foot(svg: ET.Element, timeline: Timeline, notes: Iterable[str], y: float, prefix: str) -> None:
    add(svg, "line", x1=MARGIN, y1=y - 16, x2=SHEET[0] - MARGIN, y2=y - 16, stroke=PALE)
    draw_legend(svg, timeline, y, prefix)
    for number, line in enumerate(notes):
        write(svg, MARGIN, y + 4 + legend_height(timeline) + number * FOOT_LINE, line, size=10, fill=SOFT)


def _wrapped_notes(footnotes: Sequence[str]) -> list[str]:
    lines = []
    for number, note in enumerate(footnotes, 1):
        lines += textwrap.wrap(f"[{number}] {note}", 220, subsequent_indent="\u2003\u2002")
    return lines


def _step(months: int) -> int:
    """Months from one label of the axis to the next, so that about a dozen labels stand side by side."""
    return next((step for step in (1, 3, 6) if months / step <= 12), 12)


def _clamped(value: float, least: float, most: float) -> float:
    return max(least, min(value, most))
