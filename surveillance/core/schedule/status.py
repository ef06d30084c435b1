"""Where an examination stands on a day (schedule rule 14): derived from the row and the day, never stored."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from surveillance.core.dates import add_months
from surveillance.core.schedule.examinations import Examination
from surveillance.core.words import Status


class Reading(NamedTuple):
    """How far a study has come: four facts, four dates."""

    reported_on: date | None = None
    reviewed_on: date | None = None
    told_on: date | None = None


def status(row: Examination, today: date, reading: Reading | None = None) -> Status:
    """The status of ``row`` on ``today``, the site's local day, in the order of rule 14."""
    if row.study is not None:
        return _performed(today, reading)
    if row.ended:
        return Status.ENDED
    if row.skip_review_on is not None:
        return Status.SKIPPED
    if _held(row, today):
        return Status.HELD
    if row.booked_on is not None and row.booked_on < today:
        return Status.OUTCOME_UNKNOWN
    if row.lost_to_hold and row.held_until is not None and row.held_until <= today:
        return Status.NOT_DONE_HOLD
    if today >= row.cell_end:
        return Status.MISSED
    if row.booked_on is not None:
        return Status.BOOKED
    return _waiting(row, today)


def _performed(today: date, reading: Reading | None) -> Status:
    if reading and reading.reviewed_on and reading.reviewed_on <= today:
        return Status.REVIEWED
    if reading and reading.reported_on and reading.reported_on <= today:
        return Status.REPORTED
    return Status.PERFORMED


def _waiting(row: Examination, today: date) -> Status:
    if today >= row.overdue_from:
        return Status.OVERDUE
    if today >= row.due_from:
        return Status.DUE
    if today >= row.order_from:
        return Status.TO_ORDER
    return Status.UPCOMING


def late(row: Examination, today: date) -> bool:
    """Overdue, whether or not it is booked: what a booked examination is flagged with."""
    settled = row.study is not None or row.skip_review_on is not None or row.ended
    return not settled and not _held(row, today) and row.overdue_from <= today < row.cell_end


def _held(row: Examination, today: date) -> bool:
    return row.held_from is not None and row.held_from <= today and (row.held_until is None or today < row.held_until)


def current(rows: Iterable[Examination], today: date) -> Examination | None:
    """The item's examination whose time it is on ``today``, or the next one to come; extras are looked at apart."""
    regular = (row for row in rows if row.month is not None and today < row.cell_end)
    return min((row for row in regular if row.open), key=lambda row: row.target, default=None)


def up_to_date(last_study: date | None, interval: int, tolerance: int, today: date) -> bool:
    """Whether the last study lies within one interval (months) and its tolerance (days) of ``today``."""
    return last_study is not None and today <= add_months(last_study, interval) + timedelta(days=tolerance)


def timing(row: Examination, performed_on: date) -> str:
    """``early``, ``on_time`` or ``late`` against the window: the numerator of the on-time rate (rule 14)."""
    if performed_on < row.window_start:
        return "early"
    return "on_time" if performed_on <= row.window_end else "late"
