"""Where the interval of a phase comes from, how it was read, and when somebody has to look at the text again.

A protocol is only as good as what was read for it. So a source says who read which edition and when; what nobody here
could read may be named, but no interval may rest on it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple


class Evidence(StrEnum):
    """How sure an interval is, as files said it before sources had a grade; ``proposed`` is still said so."""

    PRIMARY = "primary"  # read in the guideline itself
    SECONDARY = "secondary"  # read in a source that reports the guideline
    PROPOSED = "proposed"  # this project's choice, to be signed off by a clinician


class Grade(StrEnum):
    """In which text a number was read."""

    ISSUER = "P"
    OLD = "P-old"
    REPORTED = "S"
    PROPOSED = "proposed"
    UNREAD = "U"


GRADES: Final = MappingProxyType(
    {
        Grade.ISSUER: "grade P, read in the issuer's own text",
        Grade.OLD: "grade P-old, read in an old edition of the issuer's text",
        Grade.REPORTED: "grade S, read in somebody else's text about it",
        Grade.PROPOSED: "proposed, to be signed off by a clinician",
        Grade.UNREAD: "grade U, not read: no interval may rest on it",
    }
)
OLDER_WORDS: Final = MappingProxyType(
    {
        Grade.ISSUER: Evidence.PRIMARY,
        Grade.OLD: Evidence.PRIMARY,
        Grade.REPORTED: Evidence.SECONDARY,
        Grade.PROPOSED: Evidence.PROPOSED,
    }
)
LOOK_HOLDS: Final = 366  # days: so long, at most, a clinician's look at a source stands before the next one is due
NOT_LOOKED: Final[Mapping[str, date]] = MappingProxyType({})
READ: Final = (Grade.ISSUER, Grade.OLD, Grade.REPORTED)  # where the number stands in a text of somebody else's
# What an interval's evidence says about a source that has no grade of its own, and which grades go with it.
_OF_EVIDENCE: Final = MappingProxyType(
    {
        Evidence.PRIMARY: (Grade.ISSUER, Grade.OLD),
        Evidence.SECONDARY: (Grade.REPORTED,),
        Evidence.PROPOSED: (Grade.PROPOSED, *READ),
    }
)


@dataclass(frozen=True, slots=True)
class Source:
    """A publication, or the decision of a named group.

    ``year`` None: the edition is undated. ``read`` is the day on which it was read for this protocol, ``expires`` the
    last day of the edition, ``review_by`` the day by which somebody should look whether there is a newer one.
    """

    id: str
    citation: str
    url: str = ""
    doi: str = ""
    edition: str = ""
    year: int | None = None
    grade: Grade | None = None
    read: date | None = None
    expires: date | None = None
    review_by: date | None = None

    @property
    def address(self) -> str:
        return self.url or (f"https://doi.org/{self.doi}" if self.doi else "")

    @property
    def dated(self) -> str:
        """The edition and its year in words: ``version 1.0, 2017``."""
        year = str(self.year) if self.year is not None else "year not stated"
        return f"{self.edition}, {year}" if self.edition and year not in self.edition else self.edition or year

    @property
    def cited(self) -> str:
        """The citation with what is known of its edition, for a footnote."""
        told = not self.edition and (self.year is None or str(self.year) in self.citation)
        return self.citation if told else f"{self.citation} ({self.dated})"


class Review(NamedTuple):
    """A source that somebody has to look at: its edition expired, or the day of its review has come."""

    source: Source
    since: date
    expired: bool

    @property
    def said(self) -> str:
        what = "the edition expired on" if self.expired else "it was to be looked at again by"
        return f"{self.source.citation}: {what} {self.since}"


def grade_of(evidence: Evidence | None, source: Source | None) -> Grade:
    """How an interval was read: proposed where the phase says so, else as its source was."""
    if evidence is Evidence.PROPOSED:
        return Grade.PROPOSED
    if source is not None and source.grade is not None:
        return source.grade
    return _OF_EVIDENCE[evidence][0] if evidence is not None else Grade.PROPOSED


def agrees(evidence: Evidence | None, grade: Grade | None) -> bool:
    """Whether what a phase says of its evidence goes with the grade of its source."""
    return evidence is None or grade is None or grade in _OF_EVIDENCE[evidence]


def reviews(sources: Iterable[Source], today: date, looked: Mapping[str, date] = NOT_LOOKED) -> Iterator[Review]:
    """What is to be looked at on ``today``, in the order of the protocol. ``expires`` is the edition's last day.

    ``looked``: the sources that a clinician has looked at since, each with the day of the next look.
    """
    for source in sources:
        if source.id in looked:
            if looked[source.id] <= today:
                yield Review(source, looked[source.id], expired=False)
        elif source.expires is not None and source.expires < today:
            yield Review(source, source.expires, expired=True)
        elif source.review_by is not None and source.review_by <= today:
            yield Review(source, source.review_by, expired=False)


def next_look_fault(until: date, today: date) -> str:
    """What is wrong with the day of the next look, or nothing: a look is not for ever, or nobody would look again."""
    if until <= today:
        return f"the next look is on a day to come, not on {until}"
    if until > (latest := today + timedelta(days=LOOK_HOLDS)):
        return f"the next look is at most a year away, by {latest}, not on {until}"
    return ""
