"""A patient's plan as a timeline: what was wanted, what was done, what is arranged, and what paused or ended it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from surveillance.core import plain
from surveillance.core.dates import add_months, month_number
from surveillance.core.drawings.timeline import (
    FIRST_CUTS,
    LATER_CUT,
    Lane,
    Mark,
    MarkKind,
    Span,
    Timeline,
    Turn,
    Window,
    spelled,
)
from surveillance.core.protocols.clocks import CLOCKS, Clock
from surveillance.core.schedule.facts import Examination
from surveillance.core.schedule.status import Reading, late, status, timing
from surveillance.core.words import Status

AHEAD = 24  # months after today that are always in view


@dataclass(frozen=True, slots=True)
class Done:
    """A study as the timeline shows it: its day, its items, how far it has come; ``label`` such as its number."""

    id: str
    day: date
    items: frozenset[str]
    reading: Reading | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """A hold with its reason in words; ``item`` None covers the whole plan, ``end`` None is in force."""

    item: str | None
    start: date
    end: date | None
    label: str


@dataclass(frozen=True, slots=True)
class PlanPicture:
    """All that is drawn of one plan. ``titles`` are those of its items, in the protocol's order; ``clock`` says what
    its days count from.
    """

    title: str
    anchor: date
    months: int
    today: date
    titles: Mapping[str, str]
    rows: Sequence[Examination]
    studies: Sequence[Done] = ()
    pauses: Sequence[Pause] = ()
    turns: Sequence[Turn] = ()
    ended_on: date | None = None
    visits: Mapping[str, str] = field(default_factory=dict)  # booking id → when, in words
    clock: str = CLOCKS[Clock.END_OF_TREATMENT]


def of_plan(picture: PlanPicture) -> Timeline:
    """The plan as lanes, one for each item that was ever asked for or examined."""
    items = dict.fromkeys([*picture.titles, *(row.item for row in picture.rows)])
    lanes = (_lane(picture, item) for item in items)
    return Timeline(
        title=picture.title,
        subtitle=f"{picture.clock.capitalize()} {spelled(picture.anchor)}",
        anchor=picture.anchor,
        months=picture.months,
        lanes=tuple(lane for lane in lanes if lane.windows or lane.marks),
        today=picture.today if picture.ended_on is None else None,
        turns=tuple(picture.turns),
        clock=picture.clock,
    )


def months_in_view(anchor: date, today: date, ended_on: date | None) -> int:
    """How far a plan is drawn: to the end of the panel that holds the next two years, or up to its end."""
    if ended_on is not None:
        return max(month_number(ended_on) - month_number(anchor) + 1, 1)
    wanted = month_number(today) - month_number(anchor) + AHEAD
    cut = next((cut for cut in FIRST_CUTS if wanted <= cut), 0)
    while cut < wanted:
        cut = (cut or FIRST_CUTS[-1]) + LATER_CUT
    return cut


def _lane(picture: PlanPicture, item: str) -> Lane:
    own = sorted((row for row in picture.rows if row.item == item), key=lambda row: row.target)
    studies = {study.id: study for study in picture.studies if item in study.items}
    shown = [row for row in own if not row.ended or row.target <= (picture.ended_on or row.target)]
    marks = [_placed(row, mark) for row in shown if (mark := _mark(row, picture.today, studies)) is not None]
    used = {row.study for row in own}
    end = picture.ended_on or add_months(picture.anchor, picture.months)
    beside = [s for s in studies.values() if s.id not in used and picture.anchor <= s.day <= end]
    marks += [Mark(study.day, MarkKind.EVIDENCE, study.label) for study in beside]
    return Lane(
        title=picture.titles.get(item, plain.item(item)),
        windows=tuple(_window(picture, row, studies) for row in shown),
        marks=tuple(sorted(marks, key=lambda mark: mark.day)),
        spans=tuple(_spans(picture.pauses, item)),
    )


def _window(picture: PlanPicture, row: Examination, studies: Mapping[str, Done]) -> Window:
    said = standing(row, picture.today, studies.get(row.study or ""), picture.visits.get(row.booking or "", ""))
    return Window(row.month, row.interval, row.target, row.window_start, row.window_end, said=said)


def _mark(row: Examination, today: date, studies: Mapping[str, Done]) -> Mark | None:
    """What became of an examination, on the day on which it shows; nothing while it only waits."""
    match status(row, today):
        case Status.PERFORMED | Status.REPORTED | Status.REVIEWED:
            study = studies.get(row.study or "")
            return Mark(study.day, MarkKind.DONE, study.label) if study else None
        case Status.BOOKED:
            return Mark(row.booked_on or row.target, MarkKind.BOOKED)
        case Status.OUTCOME_UNKNOWN:
            return Mark(row.booked_on or row.target, MarkKind.UNKNOWN)
        case Status.MISSED:
            return Mark(row.target, MarkKind.MISSED)
        case Status.SKIPPED:
            return Mark(row.target, MarkKind.SKIPPED)
        case Status.OVERDUE:
            return Mark(row.overdue_from, MarkKind.OVERDUE)
    return None


def _placed(row: Examination, mark: Mark) -> Mark:
    """Inside its window a mark is drawn with it, also where that stands at the end of a panel."""
    return replace(mark, month=row.month) if timing(row, mark.day) == "on_time" else mark


def _spans(pauses: Iterable[Pause], item: str) -> Iterable[Span]:
    return (Span(pause.start, pause.end, pause.label) for pause in pauses if pause.item in (None, item))


def standing(row: Examination, today: date, study: Done | None = None, visit: str = "") -> str:
    """Where an examination stands, as one reads it: ``overdue since 15 Dec 2026``."""
    stands = status(row, today, study.reading if study else None)
    word = plain.STATUS[stands]
    match stands:
        case Status.PERFORMED | Status.REPORTED | Status.REVIEWED:
            return f"{word} ({spelled(study.day)})" if study else word
        case Status.BOOKED | Status.OUTCOME_UNKNOWN:
            booked = visit or (spelled(row.booked_on) if row.booked_on else "")
            return f"{word}: {booked}" + (", after its window" if late(row, today) else "")
        case Status.OVERDUE:
            return f"{word} since {spelled(row.overdue_since)}"
        case Status.SKIPPED if row.skip_review_on:
            return f"skipped, to be looked at again on {spelled(row.skip_review_on)}"
        case Status.HELD if row.held_from:
            return f"{word} since {spelled(row.held_from)}"
    return f"{word}, moved by hand" if row.moved else word
