"""The life of a report (FHIR R4 DiagnosticReport.status): which version may follow, and what its versions add up to.

A report counts as there once it is final. A preliminary one may be reviewed as such; the final one is then reviewed
again, and so is one that is amended or corrected.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from surveillance.core.words import ReportStatus

FINISHED: Final = (ReportStatus.FINAL, ReportStatus.AMENDED, ReportStatus.CORRECTED)
CHANGED: Final = (ReportStatus.AMENDED, ReportStatus.CORRECTED)


class Version(NamedTuple):
    """One version of a report. ``read``: a clinician has reviewed the study with it."""

    status: ReportStatus
    day: date
    read: bool = False


class Standing(NamedTuple):
    """What the versions add up to.

    ``reported_on``: the day of the first version that counts, None before; ``to_review_since``: the day of the first
    version that counts and that no review has seen.
    """

    status: ReportStatus | None
    reported_on: date | None
    to_review_since: date | None


def standing(versions: Sequence[Version]) -> Standing:
    """What the versions of one report, in the order in which they were recorded, add up to."""
    if not versions:
        return Standing(None, None, None)
    finished = [version for version in versions if version.status in FINISHED]
    last_read = max((number for number, version in enumerate(versions) if version.read), default=-1)
    unread = [version.day for version in versions[last_read + 1 :] if version.status in FINISHED]
    return Standing(versions[-1].status, finished[0].day if finished else None, min(unread, default=None))


def corrects_day(versions: Sequence[Version], status: ReportStatus) -> bool:
    """Whether a further version only says on which other day the final one arrived."""
    finished = [version for version in versions if version.status in FINISHED]
    return status is ReportStatus.FINAL and len(finished) == 1 and finished[0].status is ReportStatus.FINAL


def refusal(versions: Sequence[Version], status: ReportStatus, day: date) -> str:
    """Why a version cannot follow those there are; empty where it can."""
    if corrects_day(versions, status):
        return ""
    if status not in CHANGED and any(version.status in FINISHED for version in versions):
        return "the report is final already; what follows is amended or corrected"
    if status is ReportStatus.REGISTERED and versions and versions[-1].status is ReportStatus.PRELIMINARY:
        return "a preliminary report is there already"
    if versions and day < versions[-1].day:
        return (
            f"the {status} report of {day} cannot be earlier than the {versions[-1].status} one of {versions[-1].day}"
        )
    return ""
