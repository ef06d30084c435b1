"""The signs of a timeline, as the lanes and the legend draw them: they differ in shape, not in colour alone."""

from xml.etree import ElementTree as ET

from surveillance.core.drawings.svg import FILL, INK, SOFT, add, put, write
from surveillance.core.drawings.timeline import MarkKind

BAR = 13  # pixels, the height of a window's bar


def anchor_line(svg: ET.Element, x: float, y: float, bottom: float, said: str) -> None:
    """The line that all months count from; ``said`` is what happened on that day."""
    group = add(svg, "g")
    add(group, "title", said)
    add(group, "line", x1=x, y1=y, x2=x, y2=bottom, stroke=INK, stroke_width=2.4)
    add(group, "path", d=f"M{x - 6:.1f} {y:.1f}h12l-6 9z", fill=INK)


def turn_line(svg: ET.Element, x: float, y: float, bottom: float) -> None:
    """Two thin lines: what came before was closed."""
    for offset in (-1.8, 1.8):
        add(svg, "line", x1=x + offset, y1=y, x2=x + offset, y2=bottom, stroke=INK, stroke_width=1.1)


def window_bar(
    group: ET.Element, left: float, right: float, x: float, middle: float, proposed: bool, extra: bool = False
) -> None:
    bar = add(group, "rect", x=left, y=middle - BAR / 2, width=max(right - left, 3), height=BAR, rx=2)
    put(bar, fill=FILL, stroke=INK, stroke_width=1)
    if extra:
        put(bar, fill="#fff", rx=BAR / 2, stroke_width=1.6)
    if proposed:
        put(bar, fill="#fff", stroke_dasharray="3 2")
    add(group, "line", x1=x, y1=middle - 9, x2=x, y2=middle + 9, stroke=INK, stroke_width=2.4)


def hatched(parent: ET.Element, x: float, y: float, width: float, height: float, prefix: str) -> None:
    fill = f"url(#{prefix}-hatch)"
    add(parent, "rect", x=x, y=y, width=width, height=height, stroke=SOFT, fill=fill, fill_opacity="0.45")


def mark_sign(group: ET.Element, kind: MarkKind, x: float, y: float) -> None:
    match kind:
        case MarkKind.DONE:
            add(group, "circle", cx=x, cy=y, r=8, fill=INK)
            add(group, "path", d=f"M{x - 4:.1f} {y:.1f}l3 3.5 5-7", fill="none", stroke="#fff", stroke_width=2)
        case MarkKind.BOOKED:
            add(group, "circle", cx=x, cy=y, r=7.5, fill="#fff", stroke=INK, stroke_width=2.2)
            add(group, "circle", cx=x, cy=y, r=2.4, fill=INK)
        case MarkKind.EVIDENCE:
            add(group, "path", d=f"M{x:.1f} {y - 7:.1f}l7 7-7 7-7-7z", fill="#fff", stroke=INK, stroke_width=1.8)
        case MarkKind.MISSED:
            cross = f"M{x - 6:.1f} {y - 6:.1f}l12 12m0-12l-12 12"
            add(group, "path", d=cross, stroke="#fff", stroke_width=6)
            add(group, "path", d=cross, stroke=INK, stroke_width=2.8)
        case MarkKind.SKIPPED:
            add(group, "circle", cx=x, cy=y, r=7.5, fill="#fff", stroke=INK, stroke_width=1.8)
            add(group, "line", x1=x - 7.5, y1=y, x2=x + 7.5, y2=y, stroke=INK, stroke_width=2.2)
        case MarkKind.OVERDUE:
            add(group, "path", d=f"M{x:.1f} {y - 9:.1f}l9.5 16h-19z", fill=INK, stroke="#fff", stroke_width=1)
            add(group, "path", d=f"M{x:.1f} {y - 3.5:.1f}v5m0 2v2", stroke="#fff", stroke_width=2)
        case MarkKind.UNKNOWN:
            add(group, "rect", x=x - 7.5, y=y - 7.5, width=15, height=15, fill="#fff", stroke=INK, stroke_width=1.8)
            write(group, x, y + 4.5, "?", size=13, weight="bold", anchor="middle")
