"""What planning of messages works on: visits, due examinations, what a patient was told, and the planned message.

Keys (design section 4 rule 2) are built here and nowhere else. They hold stable facts only, days as ISO dates,
never a formatted date: the same facts give the same key for ever, and a UNIQUE constraint on it keeps a message
from going out twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

from surveillance.core.dates import to_utc
from surveillance.core.words import Channel, Step

CAPPED = "cap: "  # how the reason of a message that a cap dropped begins


@dataclass(frozen=True, slots=True)
class Recipient:
    """A patient as the receiver of messages.

    ``messages_from`` is the first day, in the site's zone, on which the site sends anything; None: not yet.
    ``active``: has an active plan that is not on hold. Without it nothing is sent, but a patient who was told of
    a visit that changed is still told, by a person.
    """

    patient_id: str
    zone: str
    site_zone: str
    messages_from: date | None
    alive: bool = True
    active: bool = True


@dataclass(frozen=True, slots=True)
class Visit:
    """A booked or cancelled appointment: local day and time at its place.

    ``sequence`` rises with each edit of day, time, place or state. ``booked_at`` and ``edited_at`` are the UTC
    moments at which these were recorded here, not the days they are about.
    """

    appointment_id: str
    day: date
    at: time
    zone: str
    place: str
    sequence: int
    booked_at: datetime
    edited_at: datetime
    cancelled: bool = False

    @property
    def moment(self) -> datetime:
        return to_utc(self.day, self.at, self.zone)

    @property
    def known_at(self) -> datetime:
        return max(self.booked_at, self.edited_at)


@dataclass(frozen=True, slots=True)
class Due:
    """One examination that is not done. ``window_start`` and ``overdue_from`` are days at the site, the latter
    the day after the window's last. ``known_at``: the UTC moment since which it is wanted (enrolment, re-plan).
    """

    window_start: date
    overdue_from: date
    booked: bool
    known_at: datetime
    label: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One message that reached a patient, or may have: what it said of the day of a visit.

    ``appointment_id``, ``sequence`` and ``key`` are those of the planned message. A person who told the patient
    without one writes it with an empty key. ``day`` is the message's ``subject_day``; time, zone and place are
    those of that day's first visit when it went out, or, for a cancellation, of what was called off.
    """

    appointment_id: str
    sequence: int
    day: date
    at: time
    zone: str
    place: str
    told_at: datetime
    cancelled: bool = False
    key: str = ""

    @property
    def moment(self) -> datetime:
        return to_utc(self.day, self.at, self.zone)

    def fits(self, visit: Visit) -> bool:
        """Whether a patient who believes this comes to the right place at the right time."""
        return not self.cancelled and (self.moment, self.place, self.day) == (visit.moment, visit.place, visit.day)


@dataclass(frozen=True, slots=True)
class Planned:
    """One message that should go out. ``due_at`` and ``expires_at`` in UTC; ``dropped`` says which cap dropped it.

    ``subject_day`` is the visit's local day, or the window's first day.
    """

    key: str
    step: Step
    channel: Channel
    subject_day: date
    appointment_id: str | None
    sequence: int | None
    due_at: datetime
    expires_at: datetime
    dropped: str | None = None


def reminder_key(patient_id: str, step: Step, day: date, channel: Channel) -> str:
    """The key of a reminder: visit steps by the visit's local day, others by the window's first day."""
    return f"{patient_id}:{step}:{day.isoformat()}:{channel}"


def notice_key(appointment_id: str, sequence: int, channel: Channel, again: int = 0) -> str:
    """The key of a change or cancel notice. ``again`` counts the notices that had this key before: a day with
    several visits can come back to a truth that was told once already.
    """
    return f"{appointment_id}:notice:{sequence}{f'.{again}' if again else ''}:{channel}"


def stem(key: str) -> str:
    """The key without its channel: equal for a message and its fallbacks on other channels."""
    return key.rpartition(":")[0]


def on_channel(key: str, channel: Channel) -> str:
    """The key of the same message on another channel."""
    return f"{stem(key)}:{channel}"


def first_visits(visits: Iterable[Visit]) -> Mapping[date, Visit]:
    """The earliest visit of each day: it stands for the day, so that one message tells of it (rule 2)."""
    first: dict[date, Visit] = {}
    for visit in sorted(visits, key=lambda visit: (visit.moment, visit.appointment_id)):
        if not visit.cancelled:
            first.setdefault(visit.day, visit)
    return first
