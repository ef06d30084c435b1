"""The legend of a timeline: only the signs that the drawing shows are explained."""

from xml.etree import ElementTree as ET

from surveillance.core.drawings.signs import anchor_line, hatched, mark_sign, turn_line, window_bar
from surveillance.core.drawings.svg import write
from surveillance.core.drawings.timeline import MarkKind, Timeline

SHEET = (1123, 794)  # A4 on its side at 96 pixels an inch
MARGIN = 34
LINE = 20  # pixels from one line of signs to the next
_KEYS = {
    "window": "on-time window with its target day",
    "proposed": "interval that is proposed, not published",
    "extra": "extra examination",
    "booked": "booked",
    "done": "done",
    "extra evidence": "done beside the plan",
    "missed": "missed",
    "skipped": "skipped",
    "overdue": "overdue",
    "outcome unknown": "outcome unknown",
    "hold": "on hold",
    "turn": "the plan changes or ends",
}


def draw_legend(svg: ET.Element, timeline: Timeline, y: float, prefix: str) -> None:
    """All signs, the first line of them at ``y``."""
    for number, line in enumerate(_lines(timeline)):
        x: float = MARGIN
        for kind in line:
            _draw_key(svg, timeline, kind, x, y + number * LINE, prefix)
            x += _width(timeline, kind)


def legend_height(timeline: Timeline) -> int:
    return LINE * len(_lines(timeline))


def _lines(timeline: Timeline) -> list[list[str]]:
    """The signs, on as many lines as it takes."""
    lines: list[list[str]] = [[]]
    for kind in _shown(timeline):
        if sum(_width(timeline, each) for each in [*lines[-1], kind]) > SHEET[0] - 2 * MARGIN:
            lines.append([])
        lines[-1].append(kind)
    return lines


def _shown(timeline: Timeline) -> list[str]:
    windows = [window for lane in timeline.lanes for window in lane.windows]
    marks = {mark.kind for lane in timeline.lanes for mark in lane.marks}
    shown = ["anchor", "window"]
    if any(window.proposed for window in windows):
        shown.append("proposed")
    if any(window.month is None for window in windows):
        shown.append("extra")
    shown += [kind for kind in MarkKind if kind in marks]
    if any(lane.spans for lane in timeline.lanes):
        shown.append("hold")
    return shown + (["turn"] if timeline.turns else [])


def _width(timeline: Timeline, kind: str) -> float:
    return _sign(kind) + 22 + 5.4 * len(_words(timeline, kind))


def _words(timeline: Timeline, kind: str) -> str:
    return timeline.clock if kind == "anchor" else _KEYS[kind]


def _sign(kind: str) -> int:
    return 34 if kind in ("window", "proposed", "extra", "hold") else 18


def _draw_key(svg: ET.Element, timeline: Timeline, kind: str, x: float, y: float, prefix: str) -> None:
    if kind == "anchor":
        anchor_line(svg, x + 6, y - 9, y + 6, timeline.clock)
    elif kind == "turn":
        turn_line(svg, x + 6, y - 9, y + 6)
    elif kind in ("window", "proposed", "extra"):
        window_bar(svg, x, x + 28, x + 14, y - 2, kind == "proposed", extra=kind == "extra")
    elif kind == "hold":
        hatched(svg, x, y - 9, 28, 14, prefix)
    else:
        mark_sign(svg, MarkKind(kind), x + 8, y - 2)
    write(svg, x + _sign(kind) + 2, y + 2, _words(timeline, kind), size=11)
