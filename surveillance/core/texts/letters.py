"""Printed letters, the last way to tell somebody: how long the post takes, what one holds, how it is recognised."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from surveillance.core.dates import DAY
from surveillance.core.texts.frames import LetterFrame
from surveillance.core.words import ContactKind

POST_DAYS = 3  # working days on which a letter is on its way, the day of posting not counted
# Where people print on US Letter (CLDR, supplemental data for territories); everybody else has A4.
_US_LETTER = frozenset({"BZ", "CA", "CL", "CO", "CR", "GT", "MX", "NI", "PA", "PH", "PR", "SV", "US", "VE"})


def paper(country: str) -> str:
    """The size of paper of a country (ISO 3166), as CSS calls it."""
    return "letter" if country in _US_LETTER else "A4"


def arrival(posted: date, is_working: Callable[[date], bool]) -> date:
    """The day on which a letter that is posted on ``posted`` has arrived."""
    day, left = posted, POST_DAYS
    while left:
        day += DAY
        left -= is_working(day)
    return day


def hurry(today: date, days: Iterable[date], is_working: Callable[[date], bool]) -> date | None:
    """The first of the visit's ``days``, from today on, that a letter of today would miss; None where it is in time.

    A letter that says that a visit moved has to arrive before the earlier day of the two.
    """
    first = min((day for day in days if day >= today), default=None)
    return first if first is not None and arrival(today, is_working) >= first else None


@dataclass(frozen=True, slots=True)
class Letter:
    """What is printed. ``to`` are the lines of the envelope's window; ``sender`` says no more than a message may."""

    sender: str
    phone: str
    to: tuple[str, ...]
    date: str
    subject: str
    paragraphs: tuple[str, ...]
    frame: LetterFrame
    language: str
    direction: str
    paper: str

    @property
    def text(self) -> str:
        """All that it says, for the record."""
        frame = self.frame
        parts = (frame.about, frame.dear, *self.paragraphs, frame.why, f"{frame.regards}\n{self.sender}")
        return "\n\n".join(part for part in parts if part)

    @property
    def mark(self) -> str:
        """Changes with whatever the letter says, but its date: what was printed is known by it when it was posted."""
        return sha256("\0".join((*self.to, self.subject, self.text)).encode()).hexdigest()[:16]


def recipient(kind: ContactKind, name: str, patient: str) -> tuple[str, str]:
    """Whose name stands on the envelope, and whom the letter is about if that is somebody else."""
    if kind is ContactKind.SELF or not name:
        return patient, ""
    return name, patient


def paragraphs(body: str, left_out: str = "") -> tuple[str, ...]:
    """The paragraphs of a text, without lines that hold ``left_out``."""
    kept: Sequence[str] = [line for line in body.split("\n") if not left_out or left_out not in line]
    return tuple(part.strip() for part in "\n".join(kept).split("\n\n") if part.strip())
