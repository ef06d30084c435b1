"""How follow-up that ended goes on: an end taken back, a new beginning, or a return from elsewhere (schedule rule 10).

Three ways that are easily confused, each with one meaning:

- **reopen**: the end was recorded wrongly; the plan goes on as if it had never ended, and all of it is due.
- **restart**: the disease was treated anew; a new plan begins at month 0 from a new anchor.
- **return**: the patient was followed elsewhere and comes back; the same clock goes on, and the time between is known
  as elsewhere: nothing of it is missed here.
"""

from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from surveillance.core.people.care_gaps import FINAL_ENDS, End
from surveillance.core.words import EndReason

CONFIRM_WITHIN: Final = timedelta(days=28)  # another clinic says within so many that it takes over; proposed


class Way(StrEnum):
    REOPEN = "reopen"
    RESTART = "restart"
    RETURN = "return"


_RETURNS: Final = "who was followed elsewhere returns ('plan return')"


def refusal(way: Way, end: End | None, today: date, *, confirmed: bool = False) -> str:
    """Why follow-up cannot go on in this way, in one sentence that names the right one; empty where it can.

    ``end``: how the plan ended, None while it is active. ``confirmed``: another clinic said that it took over.
    """
    if end is None:
        active = {Way.REOPEN: "the plan has not ended", Way.RETURN: "there is an active plan; nobody left it"}
        return active.get(way, "")
    if end.reason is EndReason.DEATH:
        return "the patient's death ended the plan; if that is wrong, retract the death"
    if way is Way.REOPEN:
        return _reopening(end, today, confirmed=confirmed)
    if way is Way.RETURN and end.reason is EndReason.RECURRENCE:
        return f"the plan ended on {end.day} by a recurrence; after a new treatment restart it from the new anchor"
    return ""


def _reopening(end: End, today: date, *, confirmed: bool) -> str:
    """A transfer that took place was no mistake: reopened, all of the time elsewhere would be overdue here."""
    taken_over = confirmed and today > end.day
    if end.reason is not EndReason.TRANSFER or not (taken_over or today - end.day > CONFIRM_WITHIN):
        return ""
    why = "and the other clinic took over" if taken_over else f"{(today - end.day).days} days ago"
    return (
        f"the plan ended on {end.day} by a transfer, {why}; {_RETURNS}, only an end that was recorded wrongly reopens"
    )


def instead_of_enrolling(end: End) -> str:
    """What to do where somebody enrols a patient whose plan for this disease ended."""
    if end.reason is EndReason.DEATH:
        return "retract the death"
    if end.reason in FINAL_ENDS:
        return "restart it after a new treatment, or record the return of who was elsewhere"
    return "after a new treatment restart it from the new anchor"


def anchor_refusal(end: End | None) -> str:
    """What to do instead where the anchor of a restart does not lie after the old one."""
    returns = f", and {_RETURNS}" if end is not None and end.reason in FINAL_ENDS else ""
    return f"a wrong anchor is corrected instead{returns}"
