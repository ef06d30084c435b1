"""What a living patient may lack although everything is recorded: a plan, a restart, a way to be reached.

A function of facts alone, and of no day: whether a restart is due, or a review at the age of majority, follows from
its day and from today.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from surveillance.core.words import EndReason

FINAL_ENDS = (EndReason.TRANSFER, EndReason.PATIENT_WISH, EndReason.COMPLETED)


class GapKind(StrEnum):
    UNREACHABLE = "unreachable"  # an active plan, and no contact that a message or a call can reach
    WITHOUT_PLAN = "without_plan"  # a disease that no plan, no final end and no day to restart by looks after
    RESTART = "restart"  # the last plan for a disease ended with a day to restart by
    OF_AGE = "of_age"  # registered as a minor, and nobody has reviewed the contacts since the age of majority


class End(NamedTuple):
    """How the last plan ended."""

    day: date
    reason: EndReason
    restart_by: date | None


class Disease(NamedTuple):
    """Where the care of one disease stands: the day of the active plan's enrolment, or how the last plan ended."""

    number: int
    recorded_on: date
    enrolled_on: date | None
    last_end: End | None


class Standing(NamedTuple):
    """Where a living patient stands, with every disease that is followed.

    ``of_age_on``: the site's age of majority; ``of_age_reviewed_on``: when contacts and consents were last reviewed.
    """

    registered_on: date
    reachable: bool
    diseases: Sequence[Disease]
    of_age_on: date | None = None
    of_age_reviewed_on: date | None = None


class Lack(NamedTuple):
    """What is lacking, for which disease (0: for the patient as a whole), and since when."""

    kind: GapKind
    number: int
    since: date


def care_gaps(standing: Standing) -> Iterator[Lack]:
    """What is lacking of the patient and of each disease: a plan for one does not stand in for the other."""
    enrolled = [each.enrolled_on for each in standing.diseases if each.enrolled_on is not None]
    if enrolled and not standing.reachable:
        yield Lack(GapKind.UNREACHABLE, 0, min(enrolled))
    if enrolled and standing.of_age_on is not None and _to_review(standing, standing.of_age_on):
        yield Lack(GapKind.OF_AGE, 0, standing.of_age_on)
    if not standing.diseases:
        yield Lack(GapKind.WITHOUT_PLAN, 0, standing.registered_on)
    for disease in standing.diseases:
        if disease.enrolled_on is None:
            yield from _unfollowed(disease)


def _unfollowed(disease: Disease) -> Iterator[Lack]:
    end = disease.last_end
    if end is None:
        yield Lack(GapKind.WITHOUT_PLAN, disease.number, disease.recorded_on)
    elif end.restart_by is not None:
        yield Lack(GapKind.RESTART, disease.number, end.restart_by)
    elif end.reason not in FINAL_ENDS:
        yield Lack(GapKind.WITHOUT_PLAN, disease.number, end.day)


def _to_review(standing: Standing, of_age_on: date) -> bool:
    """Whoever was a minor when registered says anew, once of age, whom to write to."""
    reviewed = standing.of_age_reviewed_on
    return standing.registered_on < of_age_on and (reviewed is None or reviewed < of_age_on)
