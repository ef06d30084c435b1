"""Plain English for every state a person can see, with a colour that only repeats what the word says."""

from types import MappingProxyType
from typing import Final

from rich.text import Text

from surveillance.core.examinations import Examination, FindingKind, Key
from surveillance.core.words import (
    AppointmentState,
    ConsentAct,
    EndReason,
    HoldReason,
    Outcome,
    Result,
    Role,
    Sex,
    Status,
)
from surveillance.store.tables import OverrideKind

STATUS: Final = MappingProxyType(
    {
        Status.REVIEWED: ("done and reviewed", "green"),
        Status.REPORTED: ("done, report to review", "yellow"),
        Status.PERFORMED: ("done, waiting for the report", "yellow"),
        Status.ENDED: ("ended with the plan", "dim"),
        Status.SKIPPED: ("skipped", "dim"),
        Status.HELD: ("on hold", "magenta"),
        Status.NOT_DONE_HOLD: ("not done: hold", "dim"),
        Status.OUTCOME_UNKNOWN: ("visit over, outcome unknown", "bold red"),
        Status.MISSED: ("missed", "red"),
        Status.BOOKED: ("booked", "cyan"),
        Status.OVERDUE: ("overdue", "bold red"),
        Status.DUE: ("due", "bold yellow"),
        Status.TO_ORDER: ("to order", "yellow"),
        Status.UPCOMING: ("upcoming", ""),
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
        FindingKind.PROTOCOL_ENDS: "the protocol ends: discharge or continue ('plan end' or 'plan protocol')",
    }
)
VISIT: Final = MappingProxyType(
    {
        AppointmentState.PROPOSED: "proposed",
        AppointmentState.BOOKED: "booked",
        AppointmentState.FULFILLED: "done",
        AppointmentState.NOSHOW: "did not come",
        AppointmentState.CANCELLED: "cancelled",
    }
)
OUTCOME: Final = MappingProxyType(
    {
        Outcome.PERFORMED: "done",
        Outcome.NOT_DONE: "not done",
        Outcome.NOSHOW: "did not come",
        Outcome.CANCELLED: "cancelled",
    }
)
RESULT: Final = MappingProxyType(
    {
        Result.CLEAR: "clear",
        Result.INDETERMINATE: "indeterminate",
        Result.SUSPICIOUS: "suspicious",
        Result.RECURRENCE: "recurrence",
    }
)
HOLD: Final = MappingProxyType(
    {
        HoldReason.METASTASIS: "metastasis, unresected",
        HoldReason.PREGNANCY: "pregnancy",
        HoldReason.TREATMENT: "treatment",
        HoldReason.AWAY: "away",
        HoldReason.DECLINED: "declined for now",
        HoldReason.OTHER: "other reason",
    }
)
END: Final = MappingProxyType(
    {
        EndReason.RECURRENCE: "recurrence",
        EndReason.TRANSFER: "transferred to another clinic",
        EndReason.PATIENT_WISH: "the patient's wish",
        EndReason.COMPLETED: "follow-up completed",
        EndReason.DEATH: "death",
        EndReason.RESTARTED: "restarted from a new anchor",
    }
)
OVERRIDE: Final = MappingProxyType(
    {
        OverrideKind.MOVE: "moved",
        OverrideKind.SKIP: "skipped, look again",
        OverrideKind.COUNTS: "early study counts",
        OverrideKind.EXTRA_EVIDENCE: "early study does not count",
        OverrideKind.KNOWN_BLANK: "no earlier study exists",
    }
)
CONSENT: Final = MappingProxyType({ConsentAct.GIVEN: "given", ConsentAct.WITHDRAWN: "withdrawn"})
SEX: Final = MappingProxyType({Sex.MALE: "male", Sex.FEMALE: "female", Sex.OTHER: "other", Sex.UNKNOWN: "unknown"})
ROLE: Final = MappingProxyType(
    {
        Role.ADMIN: "administrator",
        Role.COORDINATOR: "coordinator",
        Role.CLINICIAN: "clinician",
        Role.VIEWER: "viewer",
    }
)


def status(value: Status, *, late: bool = False) -> Text:
    """The word for a status; a booked examination whose window is over is flagged."""
    word, style = STATUS[value]
    return Text(f"{word}, late", style="red") if late and value is Status.BOOKED else Text(word, style=style)


def name(key: Key | Examination) -> str:
    """How a person names an examination to a command: ``mri_primary@6``, ``chest_imaging@x1f2e3d4c`` for an extra."""
    if key.month is not None:
        return f"{key.item}@{key.month}"
    return f"{key.item}@x{key.extra.replace('-', '')[:8]}" if key.extra else key.item


def short(identifier: object) -> str:
    """The first digits of an id, enough to name it to a command."""
    return str(identifier).replace("-", "")[:8]
