"""The field's words as people read them on a page; no enumeration's value is ever shown as it is."""

from collections.abc import Mapping
from typing import Final

from surveillance.core.languages import english_name as language_name
from surveillance.core.plain import (
    ATTEMPT,
    CHANNEL,
    CONSENT,
    CONTACT,
    DEFERRAL,
    END,
    FOLLOW_UP,
    HOLD,
    MESSAGE,
    OUTCOME,
    OVERRIDE,
    REPORT,
    RESULT,
    ROLE,
    SEX,
    SOURCE,
    STATUS,
    STEP,
    VISIT,
    age,
    every,
)
from surveillance.core.words import AppointmentState, Privacy, Result, Status

__all__ = [
    "ATTEMPT",
    "CHANNEL",
    "CONSENT",
    "CONTACT",
    "DEFERRAL",
    "END",
    "FOLLOW_UP",
    "HOLD",
    "MESSAGE",
    "OUTCOME",
    "OVERRIDE",
    "PRIVACY",
    "REPORT",
    "RESULT",
    "RESULT_COLOUR",
    "ROLE",
    "SEX",
    "SOURCE",
    "STATUS",
    "STATUS_COLOUR",
    "STEP",
    "VISIT",
    "VISIT_COLOUR",
    "age",
    "every",
    "language_name",
]

PRIVACY: Final[Mapping[Privacy, str]] = {
    Privacy.NEUTRAL: "neutral: names no examination",
    Privacy.FULL: "full: names the examinations",
}
# The colour of a tag only repeats what its word says.
STATUS_COLOUR: Final[Mapping[Status, str]] = {
    Status.REVIEWED: "green",
    Status.REPORTED: "yellow",
    Status.PERFORMED: "yellow",
    Status.ENDED: "grey",
    Status.SKIPPED: "grey",
    Status.HELD: "purple",
    Status.NOT_DONE_HOLD: "grey",
    Status.OUTCOME_UNKNOWN: "red",
    Status.MISSED: "red",
    Status.BOOKED: "blue",
    Status.OVERDUE: "red",
    Status.DUE: "orange",
    Status.TO_ORDER: "yellow",
    Status.UPCOMING: "grey",
}
VISIT_COLOUR: Final[Mapping[AppointmentState, str]] = {
    AppointmentState.PROPOSED: "grey",
    AppointmentState.BOOKED: "blue",
    AppointmentState.FULFILLED: "green",
    AppointmentState.NOSHOW: "red",
    AppointmentState.CANCELLED: "grey",
}
RESULT_COLOUR: Final[Mapping[Result, str]] = {
    Result.CLEAR: "green",
    Result.INDETERMINATE: "yellow",
    Result.SUSPICIOUS: "orange",
    Result.RECURRENCE: "red",
    Result.INADEQUATE: "purple",
}
