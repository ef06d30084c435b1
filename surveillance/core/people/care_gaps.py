"""What a living patient may lack although everything is recorded: a plan, a restart, a way to be reached.

A function of facts alone, and of no day: when a restart is due follows from its day and from today.
"""

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from surveillance.core.words import EndReason

FINAL_ENDS = (EndReason.TRANSFER, EndReason.PATIENT_WISH, EndReason.COMPLETED)


class GapKind(StrEnum):
    UNREACHABLE = "unreachable"  # an active plan, and no contact that a message or a call can reach
    WITHOUT_PLAN = "without_plan"  # no plan, no final end and no day to restart by looks after the patient
    RESTART = "restart"  # the last plan ended with a day to restart by


class End(NamedTuple):
    """How the last plan ended."""

    day: date
    reason: EndReason
    restart_by: date | None


class Standing(NamedTuple):
    """Where a living patient stands: the day of the active plan's enrolment, or how the last plan ended."""

    registered_on: date
    enrolled_on: date | None
    reachable: bool
    last_end: End | None


def care_gaps(standing: Standing) -> Iterator[tuple[GapKind, date]]:
    """What is lacking, and since when."""
    if standing.enrolled_on is not None:
        if not standing.reachable:
            yield GapKind.UNREACHABLE, standing.enrolled_on
        return
    end = standing.last_end
    if end is None:
        yield GapKind.WITHOUT_PLAN, standing.registered_on
    elif end.restart_by is not None:
        yield GapKind.RESTART, end.restart_by
    elif end.reason not in FINAL_ENDS:
        yield GapKind.WITHOUT_PLAN, end.day
