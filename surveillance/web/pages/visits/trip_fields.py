"""One trip of a form: its day out of those offered or another one, its time, place and length; read, and filled in."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from surveillance.core.dates import to_utc
from surveillance.core.schedule.examinations import Key
from surveillance.operations.planning.flags import Answers
from surveillance.operations.visits.booking import Visit
from surveillance.operations.visits.offers import Leg
from surveillance.store.tables import Place
from surveillance.web.forms import Form
from surveillance.web.render import clock, day, moment

OTHER: Final = "other"
TIMES: Final = tuple(time(hour) for hour in (8, 9, 10, 11, 13, 14, 15))
MINUTES: Final = (5, 600)
_CODE: Final = re.compile(r"\b([a-z][a-z_]*)(?:@(\d+)| \(extra\))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trip:
    """What the form says of one trip, as far as it can be read."""

    number: int
    leg: Leg
    day: date | None
    at: time | None
    place: Place | None
    minutes: int

    def visit(self, note: str, answers: Answers) -> Visit | None:
        """What is to be booked, with what is said of its own examinations; None while something is missing."""
        if self.day is None or self.at is None or self.place is None:
            return None
        keys = [one.row.key for one in self.leg.choices]
        items = {key.item for key in keys}
        own = Answers({item: code for item, code in answers.instead.items() if item in items}, answers.reason)
        return Visit(self.day, self.at, self.place, keys, self.minutes, note, own)


def read(form: Form, number: int, leg: Leg, places: Sequence[Place]) -> Trip:
    """One trip; what is missing or wrong stands on the form beside its field."""
    which = f" of trip {number + 1}" if number else ""
    chosen = _day(form, number, leg, which)
    at = form.clock(f"at-{number}", f"the time{which}", required=True)
    place = form.record(f"place-{number}", f"the place{which}")
    found = next((each for each in places if each.id == place), None)
    if place is not None and found is None:
        form.fault(f"place-{number}", f"Choose the place{which} from the list")
    minutes = form.whole(f"minutes-{number}", f"the length{which} in minutes", *MINUTES, required=True)
    return Trip(number, leg, chosen, at, found, minutes or 60)


def _day(form: Form, number: int, leg: Leg, which: str) -> date | None:
    name = f"day-{number}"
    given = form.value(name)
    if given == OTHER:
        return form.day(f"other-{number}", f"the other day{which}", required=True)
    offered = next((offer.day for offer in leg.offers.days if offer.day.isoformat() == given), None)
    if form.value(f"other-{number}"):
        form.fault(name, f"Choose the day{which}: one of those offered, or “Another day” for the one that is typed")
    if offered is None:
        form.fault(name, f"Choose the day{which}" + ("; what is offered has changed" if given else ""))
    return offered


def day_so_far(form: Form, number: int) -> date | None:
    """The chosen day, without a word about it: what later trips follow."""
    name = f"other-{number}" if form.value(f"day-{number}") == OTHER else f"day-{number}"
    try:
        return date.fromisoformat(form.value(name))
    except ValueError:
        return None


def filled(form: Form, legs: Sequence[Leg], place: UUID | None, asked: str = "") -> Form:
    """The form as it is to be shown while somebody fills it in: what nobody chose yet stands at the likeliest.

    A day that was only proposed gives way when other examinations make another one better. ``asked``: a button that
    sets a time, ``time-0-09:00``.
    """
    changes: dict[str, Sequence[str]] = {}
    for number, leg in enumerate(legs):
        offered = [offer.day.isoformat() for offer in leg.offers.days]
        given = form.value(f"day-{number}")
        untouched = given == form.value(f"best-{number}")
        best = offered[0] if offered else OTHER
        if given != OTHER and (untouched or given not in offered):
            changes[f"day-{number}"] = [best]
        changes[f"best-{number}"] = [best]
        changes[f"place-{number}"] = [form.value(f"place-{number}", str(place or ""))]
        changes[f"minutes-{number}"] = [form.value(f"minutes-{number}", "60")]
    what, _, rest = asked.partition("-")
    number_asked, _, at = rest.partition("-")
    if what == "time" and any(at == clock(each) for each in TIMES):
        changes[f"at-{number_asked}"] = [at]
    return form.but(**changes)


# -- words -----------------------------------------------------------------------------------------------------


def when(trip: Trip) -> str:
    """``Tue 1 Dec 2026, 10:30, Riverside Imaging``, as far as it is known."""
    parts = [day(trip.day) if trip.day else "", clock(trip.at), trip.place.name if trip.place else ""]
    return ", ".join(part for part in parts if part)


def clocks(trip: Trip, zone: str) -> list[str]:
    """What the clocks have to say: another zone than the patient's, a local time that a change of clocks skips."""
    if trip.day is None or trip.at is None or trip.place is None:
        return []
    starts = to_utc(trip.day, trip.at, trip.place.time_zone)
    local = starts.astimezone(ZoneInfo(trip.place.time_zone))
    found = []
    if local.time() != trip.at:
        found.append(f"The clocks change that night: there is no {clock(trip.at)}, it becomes {clock(local.time())}.")
    if _differ(starts, zone, trip.place.time_zone):
        found.append(f"By the patient's own clock ({zone}) that is {moment(starts, zone)}.")
    return found


def _differ(at: datetime, one: str, other: str) -> bool:
    return at.astimezone(ZoneInfo(one)).utcoffset() != at.astimezone(ZoneInfo(other)).utcoffset()


def spoken(text: str, name: Callable[[Key], str]) -> str:
    """A sentence of an operation with the names of examinations as people call them, not as programs do."""

    def said(found: re.Match[str]) -> str:
        return name(Key(found[1].lower(), int(found[2]) if found[2] else None, None if found[2] else "extra"))

    return _CODE.sub(said, text)


def say_plainly(form: Form, titles: Mapping[str, str], name: Callable[[Key], str]) -> None:
    """The mistakes of a form without the codes of items."""
    for field, text in form.errors.items():
        plain = spoken(text, name)
        for code, title in titles.items():
            plain = re.sub(rf"\b{code}\b", title, plain, flags=re.IGNORECASE)
        form.errors[field] = plain


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def listed(names: Iterable[str]) -> str:
    """``one``, ``one and two``, ``one, two and three``"""
    every = list(names)
    return " and ".join([", ".join(every[:-1]), every[-1]]) if len(every) > 1 else "".join(every)
