"""Plain English for every state a person can see, with a colour that only repeats what the word says."""

from types import MappingProxyType
from typing import Final

from rich.text import Text

from surveillance.core.plain import CONSENT, END, HOLD, OUTCOME, OVERRIDE, REPORT, RESULT, ROLE, SEX, STATUS, VISIT
from surveillance.core.schedule.examinations import Examination, FindingKind, Key
from surveillance.core.words import Status

__all__ = [
    "CONSENT",
    "END",
    "FINDING",
    "HOLD",
    "OUTCOME",
    "OVERRIDE",
    "REPORT",
    "RESULT",
    "ROLE",
    "SEX",
    "STATUS",
    "VISIT",
    "name",
    "short",
    "status",
]

_STYLES: Final = MappingProxyType(
    {
        Status.REVIEWED: "green",
        Status.REPORTED: "yellow",
        Status.PERFORMED: "yellow",
        Status.ENDED: "dim",
        Status.SKIPPED: "dim",
        Status.HELD: "magenta",
        Status.NOT_DONE_HOLD: "dim",
        Status.OUTCOME_UNKNOWN: "bold red",
        Status.MISSED: "red",
        Status.BOOKED: "cyan",
        Status.OVERDUE: "bold red",
        Status.DUE: "bold yellow",
        Status.TO_ORDER: "yellow",
        Status.UPCOMING: "",
    }
)
FINDING: Final = MappingProxyType(
    {
        FindingKind.STUDY_EARLY: "a study came early: does it count? ('study rule')",
        FindingKind.BOOKED_OUTSIDE_WINDOW: "booked outside its window ('visit move' or 'visit accept')",
        FindingKind.BOOKED_UNWANTED: "booked, but nothing asks for it any more ('visit cancel')",
        FindingKind.BOOKED_TWICE: "booked twice ('visit cancel' one of them)",
        FindingKind.MOVE_NOT_POSSIBLE: "the day it was moved to no longer fits ('plan move' again)",
        FindingKind.LAST_SCAN_UNKNOWN: "no earlier study is known ('record --study' or 'plan no-earlier-scan')",
        FindingKind.REPEAT_WANTED: "the last study was inadequate: another one is wanted by then ('book')",
        FindingKind.PROTOCOL_ENDS: "the protocol ends: discharge or continue ('plan end' or 'plan protocol')",
    }
)


def status(value: Status, *, late: bool = False) -> Text:
    """The word for a status; a booked examination whose window is over is flagged."""
    word, style = STATUS[value], _STYLES[value]
    return Text(f"{word}, late", style="red") if late and value is Status.BOOKED else Text(word, style=style)


def name(key: Key | Examination) -> str:
    """How a person names an examination to a command: ``mri_primary@6``, ``chest_imaging@x1f2e3d4c`` for an extra."""
    if key.month is not None:
        return f"{key.item}@{key.month}"
    return f"{key.item}@x{key.extra.replace('-', '')[:8]}" if key.extra else key.item


def short(identifier: object) -> str:
    """The first digits of an id, enough to name it to a command."""
    return str(identifier).replace("-", "")[:8]
