"""What is known about a number when it writes: who has it, what was said to it, which visits stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time


@dataclass(frozen=True, slots=True)
class When:
    """A visit's day and time at its place, as it was told or as it stands."""

    day: date
    at: time
    zone: str
    place: str = ""

    def __str__(self) -> str:
        return f"the visit of {self.day}, {self.at:%H:%M}"


@dataclass(frozen=True, slots=True)
class Standing:
    """A visit as it stands now. ``another_day_asked``: a wish for another day waits."""

    visit: str
    patient: str
    when: When
    starts_at: datetime
    booked: bool
    confirmed: bool = False
    another_day_asked: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """A message that went to the number, or may have. ``when`` is what it told of a visit; none where it told of none.

    ``written``: in the words of staff. ``answer``: the service's own answer, which changes nothing of what was told.
    """

    patient: str
    moment: datetime
    visit: str = ""
    when: When | None = None
    cancelled: bool = False
    written: bool = False
    answer: bool = False


@dataclass(frozen=True, slots=True)
class Holder:
    """A patient one of whose contacts has the number."""

    patient: str
    name: str
    died: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What is known about a number when it writes. ``said`` the newest first; ``zone``: by whose clock days are named.

    ``apart``: they are patients of several clinics, which hear nothing of each other's visits.
    ``barred``: it opted out; ``paused``: it waits for a decision; ``pictures`` that came with the reply.
    """

    holders: Sequence[Holder] = ()
    visits: Mapping[str, Standing] = field(default_factory=dict)
    said: Sequence[Said] = ()
    barred: bool = False
    paused: bool = False
    pictures: int = 0
    zone: str = "UTC"
    apart: bool = False
