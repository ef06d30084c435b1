"""The turns in a message's life in plain sentences: what it waits for and until when, by the patient's own clock."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from surveillance.core.drawings.timeline import spelled
from surveillance.core.plain import MESSAGE
from surveillance.core.words import ReminderState


def city(zone: str) -> str:
    """A zone as people name it: ``Los Angeles``."""
    return zone.rpartition("/")[2].replace("_", " ")


def clock(moment: datetime, zone: str, today: date) -> str:
    """A moment by the clock of ``zone``: ``09:00 in Los Angeles``, with the day unless that is ``today`` there."""
    local = moment.astimezone(ZoneInfo(zone))
    day = "" if local.date() == today else f" on {spelled(local.date())}"
    return f"{local:%H:%M}{day} in {city(zone)}"


def waits(until: datetime, reason: str, zone: str, today: date) -> str:
    """Why a planned message has not gone out yet: ``waits until 09:00 in Los Angeles: outside the send hours``."""
    return f"waits until {clock(until, zone, today)}: {reason}"


def turn(state: ReminderState, reason: str, until: str, times: int, last: str, *, first: bool) -> str:
    """One turn; ``until`` and ``last`` are moments as they are to be read, ``last`` the last time that it was found."""
    again = f" ({times} times, the last at {last})" if times > 1 else ""
    if state is not ReminderState.PLANNED:
        said = MESSAGE[state]
        return f"{said[0].upper()}{said[1:]}{f': {reason}' if reason else ''}"
    if first:
        return f"Planned for {until}{f', {reason}' if reason else ''}"
    if not until:
        return f"To be decided afresh: {reason}"
    return f"Waits until {until}: {reason}{again}"
