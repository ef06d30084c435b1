"""What a timeline shows: lanes of windows on the years after the anchor. How it looks is in ``timeline_sheet``.

The first years are dense and the later ones sparse, so the time line is cut into panels with their own scales.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from surveillance.core.dates import add_months
from surveillance.core.protocols.choices import Choices, phase_at
from surveillance.core.protocols.clocks import CLOCKS, Clock
from surveillance.core.protocols.protocol import Phase, Protocol
from surveillance.core.protocols.sources import GRADES, Grade
from surveillance.core.schedule.slots import Choice, Slot, chosen_on

FIRST_CUTS = (36, 60, 120)  # months: the phases that nearly every sarcoma guideline has
LATER_CUT = 60
SHORTEST_PANEL = 12

_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class MarkKind(StrEnum):
    """What happened, or is to happen, on one day of a patient's timeline; each has a shape of its own."""

    BOOKED = "booked"
    DONE = "done"
    EVIDENCE = "extra evidence"
    MISSED = "missed"
    SKIPPED = "skipped"
    OVERDUE = "overdue"
    UNKNOWN = "outcome unknown"


@dataclass(frozen=True, slots=True)
class Window:
    """One examination that is wanted: days from ``start`` to ``end`` (both inside) around ``target``.

    ``footnote`` counts from 1 into the timeline's footnotes; ``proposed`` is drawn with a broken outline. Without a
    month it is an extra examination, drawn with round ends. ``said`` is where it stands, in words.
    """

    month: int | None
    interval: int
    target: date
    start: date
    end: date
    footnote: int | None = None
    proposed: bool = False
    said: str = ""

    @property
    def name(self) -> str:
        return "extra" if self.month is None else f"month {self.month}"


@dataclass(frozen=True, slots=True)
class Mark:
    """``month``: the window inside which it lies, with which it is drawn where two panels meet."""

    day: date
    kind: MarkKind
    label: str = ""
    month: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of days that is hatched, such as a hold; ``end`` None runs to the end of the timeline."""

    start: date
    end: date | None
    label: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A day from which something is different for all lanes: the plan ended, its terms changed."""

    day: date
    label: str


@dataclass(frozen=True, slots=True)
class Lane:
    title: str
    windows: tuple[Window, ...]
    marks: tuple[Mark, ...] = ()
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that one sheet shows, over ``months`` from the anchor. ``today`` draws a line where it is given.

    ``clock``: what happened on the anchor, in words.
    """

    title: str
    subtitle: str
    anchor: date
    months: int
    lanes: tuple[Lane, ...]
    footnotes: tuple[str, ...] = ()
    today: date | None = None
    turns: tuple[Turn, ...] = ()
    clock: str = CLOCKS[Clock.END_OF_TREATMENT]


@dataclass(frozen=True, slots=True)
class Panel:
    """One row of the sheet: the months ``(first, last]`` after the anchor, and their days."""

    first: int
    last: int
    start: date
    end: date

    @property
    def name(self) -> str:
        years = (self.first // 12 + 1, -(-self.last // 12))
        return f"Year {years[0]}" if years[0] == years[1] else f"Years {years[0]}–{years[1]}"

    def holds(self, window: Window) -> bool:
        if window.month is None:
            return self.contains(window.target)
        return self.first < window.month <= self.last

    def shows(self, mark: Mark) -> bool:
        if mark.month is None:
            return self.contains(mark.day)
        return self.first < mark.month <= self.last

    def contains(self, day: date) -> bool:
        """Whether ``day`` is drawn here: the panel's last day belongs to the next one, if there is one."""
        return self.start <= day < self.end


def panels(timeline: Timeline) -> list[Panel]:
    """The rows of the sheet: years 1–3, 4–5, 6–10, then five years each, as far as the timeline goes."""
    found: list[Panel] = []
    first = 0
    for cut in _cuts():
        last = max(min(cut, timeline.months), first + SHORTEST_PANEL)
        days = (add_months(timeline.anchor, first), add_months(timeline.anchor, last))
        found.append(Panel(first, last, *days))
        if last >= timeline.months:
            break
        first = last
    return found


def of_preview(
    protocol: Protocol, slots: Sequence[Slot], anchor: date, months: int, choices: Sequence[Choice] = ()
) -> Timeline:
    """A protocol's slots as they were chosen, with a footnote on the source of each interval.

    Items without slots have no lane.
    """
    notes: dict[str, int] = {}
    order = [item.code for item in protocol.items]
    windows: dict[str, list[Window]] = {code: [] for code in order}
    for slot in sorted(slots, key=lambda slot: (slot.month, order.index(slot.item))):  # footnotes rise as one reads
        windows[slot.item].append(_window(protocol, chosen_on(choices, slot.target), slot, notes))
    return Timeline(
        title=protocol.title,
        subtitle=f"Protocol {protocol.key} · {protocol.counts_from} {spelled(anchor)} · {_length(months)} of follow-up",
        anchor=anchor,
        months=months,
        lanes=tuple(Lane(item.title, tuple(windows[item.code])) for item in protocol.items if windows[item.code]),
        footnotes=tuple(notes),
        clock=protocol.counts_from,
    )


@dataclass(frozen=True, slots=True)
class TableRow:
    """What the drawing shows, for who cannot see it: one window, mark, hold or turn in words."""

    day: date
    lane: str
    what: str
    when: str
    on_time: str
    said: str


def table(timeline: Timeline) -> list[TableRow]:
    """The same timeline as rows in the order of their days; a mark that its window tells of has no row of its own."""
    rows: list[TableRow] = []
    for lane in timeline.lanes:
        rows += [_window_row(lane, window) for window in lane.windows]
        told = [mark for mark in lane.marks if mark.kind is MarkKind.EVIDENCE]
        rows += [TableRow(mark.day, lane.title, "study", spelled(mark.day), "", _labelled(mark)) for mark in told]
    spans = dict.fromkeys((span, lane.title) for lane in timeline.lanes for span in lane.spans)
    rows += [
        TableRow(span.start, title, "hold", _from_to(span.start, span.end), "", span.label) for span, title in spans
    ]
    rows += [TableRow(turn.day, "", "plan", spelled(turn.day), "", turn.label) for turn in timeline.turns]
    return sorted(rows, key=lambda row: (row.day, row.lane))


def _window_row(lane: Lane, window: Window) -> TableRow:
    on_time = _from_to(window.start, window.end)
    return TableRow(window.target, lane.title, window.name, spelled(window.target), on_time, window.said)


def _labelled(mark: Mark) -> str:
    return f"{mark.kind}, {mark.label}" if mark.label else str(mark.kind)


def _from_to(start: date, end: date | None) -> str:
    return f"{spelled(start)} to {spelled(end)}" if end else f"from {spelled(start)} on"


def spelled(day: date) -> str:
    """A day as it is read everywhere in the world: 31 Jan 2026."""
    return f"{day.day} {_NAMES[day.month - 1]} {day.year}"


def month_name(day: date) -> str:
    return f"{_NAMES[day.month - 1]} {day.year}"


def _cuts() -> Iterator[int]:
    yield from FIRST_CUTS
    cut = FIRST_CUTS[-1]
    while True:
        cut += LATER_CUT
        yield cut


def _window(protocol: Protocol, chosen: Choices, slot: Slot, notes: dict[str, int]) -> Window:
    phase = phase_at(protocol, chosen, slot.item, slot.month)
    footnote = notes.setdefault(_footnote(protocol, phase), len(notes) + 1) if phase else None
    return Window(
        month=slot.month,
        interval=slot.interval,
        target=slot.target,
        start=slot.window_start,
        end=slot.window_end,
        footnote=footnote,
        proposed=phase is not None and protocol.grade_of(phase) is Grade.PROPOSED,
    )


def _footnote(protocol: Protocol, phase: Phase) -> str:
    source = protocol.source_of(phase)
    citation = source.cited if source else phase.source
    return f"{citation}; {GRADES[protocol.grade_of(phase)]}.{f' {phase.note}' if phase.note else ''}"


def _length(months: int) -> str:
    years, rest = divmod(months, 12)
    return f"{years} year{'s' * (years != 1)}" if not rest else f"{months} months"
