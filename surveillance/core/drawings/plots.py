"""Plots of reports as SVG: bars that are stacked, or a line of shares, with what they say in words beside them.

They must read in black and white: series differ by pattern, points have a mark, and the largest and the last values
are written out. Only presentation attributes are used, as in ``timeline_sheet``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, log10
from xml.etree import ElementTree as ET

from surveillance.core.drawings.svg import FILL, FONT, INK, PALE, SOFT, add, put, write

LETTER = 0.56  # of its size: how wide a letter is on average


class Pattern(StrEnum):
    SOLID = "solid"
    PALE = "pale"
    HATCHED = "hatched"
    EMPTY = "empty"
    DOTTED = "dotted"
    LINED = "lined"


@dataclass(frozen=True, slots=True)
class Series:
    title: str
    values: tuple[float | None, ...]
    pattern: Pattern = Pattern.SOLID


@dataclass(frozen=True, slots=True)
class Plot:
    """``labels`` name the places along the axis, one for each value. ``shares``: a line from 0 to 100 %."""

    title: str
    said: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    shares: bool = False
    axis: str = ""

    @property
    def empty(self) -> bool:
        return not any(value for series in self.series for value in series.values)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where things stand on one size of sheet, in pixels."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    text: float
    plain: bool = False  # without legend and values: a small plot that leads to the large one

    def y(self, share: float) -> float:
        return self.bottom - share * (self.bottom - self.top)

    def step(self, places: int) -> float:
        return (self.right - self.left) / max(1, places)

    def x(self, place: int, places: int) -> float:
        """The middle of a place."""
        return self.left + (place + 0.5) * self.step(places)


SHEET = Frame(960, 400, 58, 948, 62, 340, 12)
SMALL = Frame(340, 150, 40, 332, 14, 122, 11, plain=True)


def render(plot: Plot, prefix: str, frame: Frame = SHEET) -> str:
    """One ``<svg>`` element; ``prefix`` keeps ids apart where a page holds several."""
    svg = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg"})
    put(svg, role="img", font_family=FONT, aria_labelledby=f"{prefix}-title {prefix}-desc")
    put(svg, viewBox=f"0 0 {frame.width} {frame.height}", width=frame.width, height=frame.height)
    add(svg, "title", plot.title, id=f"{prefix}-title")
    add(svg, "desc", plot.said, id=f"{prefix}-desc")
    _patterns(svg, prefix)
    add(svg, "rect", width=frame.width, height=frame.height, fill="#fff")
    top = 1.0 if plot.shares else _nice_top(max(_totals(plot), default=0))
    _draw_scale(svg, plot, frame, top)
    _draw_labels(svg, plot, frame)
    if plot.shares:
        for series in plot.series:
            _draw_line(svg, plot, series, frame)
    else:
        _draw_bars(svg, plot, frame, top, prefix)
    if not frame.plain:
        _draw_legend(svg, plot, frame, prefix)
    return ET.tostring(svg, encoding="unicode")


def _patterns(svg: ET.Element, prefix: str) -> None:
    definitions = add(svg, "defs")
    hatch = add(definitions, "pattern", id=f"{prefix}-hatched", width=6, height=6)
    put(hatch, patternUnits="userSpaceOnUse", patternTransform="rotate(45)")
    add(hatch, "rect", width=6, height=6, fill="#fff")
    add(hatch, "line", x1=0, y1=0, x2=0, y2=6, stroke=INK, stroke_width=2.4)
    dots = add(definitions, "pattern", id=f"{prefix}-dotted", width=6, height=6)
    put(dots, patternUnits="userSpaceOnUse")
    add(dots, "rect", width=6, height=6, fill="#fff")
    add(dots, "circle", cx=3, cy=3, r=1.3, fill=INK)
    lines = add(definitions, "pattern", id=f"{prefix}-lined", width=6, height=6)
    put(lines, patternUnits="userSpaceOnUse")
    add(lines, "rect", width=6, height=6, fill="#fff")
    add(lines, "line", x1=0, y1=3, x2=6, y2=3, stroke=INK, stroke_width=1.2)


def _fill(pattern: Pattern, prefix: str) -> str:
    plain = {Pattern.SOLID: INK, Pattern.PALE: FILL, Pattern.EMPTY: "#fff"}
    return plain.get(pattern, f"url(#{prefix}-{pattern})")


def _totals(plot: Plot) -> Iterator[float]:
    for place in range(len(plot.labels)):
        yield sum(series.values[place] or 0 for series in plot.series)


def _nice_top(most: float) -> float:
    """The end of a scale: 1, 2 or 5 times a power of ten, twice or more of them, and not below ``most``."""
    if most <= 4:
        return 4
    size: float = 10.0 ** (ceil(log10(most)) - 1)
    return next(size * step for step in (1, 2, 4, 6, 8, 10) if size * step >= most)


def _draw_scale(svg: ET.Element, plot: Plot, frame: Frame, top: float) -> None:
    for share in (0, 0.5, 1) if frame.plain else (0, 0.25, 0.5, 0.75, 1):
        y = frame.y(share)
        stroke, width = (INK, 1.2) if share == 0 else (PALE, 1)
        add(svg, "line", x1=frame.left, y1=y, x2=frame.right, y2=y, stroke=stroke, stroke_width=width)
        value = f"{share:.0%}" if plot.shares else f"{share * top:,.10g}"
        write(svg, frame.left - 6, y + 4, value, size=frame.text, fill=SOFT, anchor="end")


def _draw_labels(svg: ET.Element, plot: Plot, frame: Frame) -> None:
    """As many labels as have room; the last one always stands, as it is the newest."""
    places = len(plot.labels)
    widest = max((len(label) for label in plot.labels), default=1) * LETTER * frame.text + 8
    every = places if frame.plain and places > 3 else max(1, ceil(widest / frame.step(places)))
    shown = [place for place in range(places) if (places - 1 - place) % every == 0]
    if frame.plain and places > 3:
        shown = [0, places - 1]
    for place in shown:
        x, anchor = frame.x(place, places), "middle"
        half = len(plot.labels[place]) * LETTER * frame.text / 2
        if x + half > frame.width - 2:
            x, anchor = frame.right, "end"
        if x - half < 2 and anchor == "middle":
            x, anchor = frame.left, "start"
        write(svg, x, frame.bottom + 18, plot.labels[place], size=frame.text, anchor=anchor)
    if plot.axis and not frame.plain:
        middle = (frame.left + frame.right) / 2
        write(svg, middle, frame.bottom + 42, plot.axis, size=frame.text, fill=SOFT, anchor="middle")


def _draw_bars(svg: ET.Element, plot: Plot, frame: Frame, top: float, prefix: str) -> None:
    places = len(plot.labels)
    width = min(frame.step(places) * 0.72, 64)
    roomy = not frame.plain and frame.step(places) >= 30
    for place, total in enumerate(_totals(plot)):
        x, below = frame.x(place, places) - width / 2, 0.0
        for series in plot.series:
            value = series.values[place] or 0
            if not value:
                continue
            upper, lower = frame.y((below + value) / top), frame.y(below / top)
            bar = add(svg, "rect", x=x, y=upper, width=width, height=lower - upper, stroke=INK, stroke_width=1)
            put(bar, fill=_fill(series.pattern, prefix))
            add(bar, "title", f"{plot.labels[place]}: {series.title} {value:,.10g}")
            below += value
        if roomy and total:
            at = frame.x(place, places)
            write(svg, at, frame.y(total / top) - 5, f"{total:,.10g}", size=frame.text, anchor="middle")


def _draw_line(svg: ET.Element, plot: Plot, series: Series, frame: Frame) -> None:
    places = len(plot.labels)
    points = [
        (frame.x(place, places), frame.y(value), place, value)
        for place, value in enumerate(series.values)
        if value is not None
    ]
    for stretch in _stretches(points):
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y, _, _ in stretch)
        add(svg, "path", d=f"M{path}", fill="none", stroke=INK, stroke_width=2, stroke_linejoin="round")
    for x, y, place, value in points:
        dot = add(svg, "circle", cx=x, cy=y, r=1.8 if frame.plain else 3.4, fill=INK)
        add(dot, "title", f"{plot.labels[place]}: {value:.0%}")
    if points:
        x, y, _, value = points[-1]
        label = write(svg, min(x, frame.right), y - 10, f"{value:.0%}", size=frame.text + 2, weight="bold")
        put(label, text_anchor="end" if x > frame.right - 24 else "middle")
        put(label, paint_order="stroke", stroke="#fff", stroke_width=3)


def _stretches(points: Sequence[tuple[float, float, int, float]]) -> Iterator[list[tuple[float, float, int, float]]]:
    """The line is broken where there is nothing to divide by."""
    stretch: list[tuple[float, float, int, float]] = []
    for point in points:
        if stretch and point[2] != stretch[-1][2] + 1:
            yield stretch
            stretch = []
        stretch.append(point)
    if stretch:
        yield stretch


def _draw_legend(svg: ET.Element, plot: Plot, frame: Frame, prefix: str) -> None:
    x: float = frame.left
    for series in plot.series:
        if plot.shares:
            add(svg, "line", x1=x, y1=24, x2=x + 22, y2=24, stroke=INK, stroke_width=2)
            add(svg, "circle", cx=x + 11, cy=24, r=3.4, fill=INK)
        else:
            add(svg, "rect", x=x, y=17, width=22, height=14, fill=_fill(series.pattern, prefix), stroke=INK)
        write(svg, x + 29, 29, series.title, size=13)
        x += 29 + len(series.title) * LETTER * 13 + 28
