"""What a reply is about, and what follows from it (design section 4 rule 10).

Nothing is done by a guess: what is not certain goes to a person, with what a person has to know. Days in a reason
are ISO days; whoever shows it writes them out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from surveillance.core.dates import local_day
from surveillance.core.replies.context import Context, Said, Standing, When
from surveillance.core.replies.vocabulary import Meaning, Reading

TOGETHER = timedelta(hours=48)  # two visits told within this time of each other: a reply may mean either
SHARED = timedelta(days=7)  # two patients of one phone written to within this time: a reply may be either's


class Act(StrEnum):
    """What the service does by itself about a reply."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    HELP = "help"
    CONFIRM = "confirm"
    RESCHEDULE = "wish"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Sorted:
    """What follows from a reply. ``person``: somebody has to read it, and ``why`` says what to know.

    ``pause``: nothing is sent to the number until then. ``patient`` and ``visit`` only where they are certain.
    """

    act: Act = Act.NOTHING
    person: bool = False
    why: str = ""
    patient: str = ""
    visit: str = ""
    pause: bool = False


_WANTS = {Meaning.CONFIRM: "says to come", Meaning.ANOTHER_DAY: "asks for another day"}


def sort(reading: Reading, context: Context, now: datetime) -> Sorted:
    """What the service does about a reply, or why a person has to look."""
    found = _sort(reading, context, now)
    only = context.holders[0].patient if len(context.holders) == 1 else ""
    return replace(found, patient=found.patient or only)


def _sort(reading: Reading, context: Context, now: datetime) -> Sorted:
    dead = [holder.name for holder in context.holders if holder.died]
    died = f"{' and '.join(dead)} died: somebody else may be writing" if dead else ""
    if reading.meaning is Meaning.STOP:
        return Sorted(Act.OPT_OUT, bool(dead), died)
    if reading.meaning is Meaning.MIGHT_BE_STOP or reading.might_be_stop:
        why = "it may be an opt-out: nothing is sent to this number until somebody decides"
        also = f"it also {_WANTS[reading.meaning]}" if reading.meaning in _WANTS else ""
        parts = "; ".join(part for part in (why, also, died) if part)
        return Sorted(person=True, why=parts, visit=_visit_told(context, now), pause=not context.barred)
    if dead:
        return Sorted(person=True, why=died)
    if context.pictures:
        return Sorted(person=True, why=f"{_counted(context.pictures)} came with it; look at it at the provider")
    match reading.meaning:
        case Meaning.START:
            return _start(reading, context, now)
        case Meaning.THANKS:
            return Sorted()
        case Meaning.HELP if reading.provider_keyword:
            return Sorted()
        case _ if not context.holders:
            return Sorted(person=True, why="no patient has this number")
        case Meaning.HELP:
            return _help(context)
        case Meaning.CONFIRM | Meaning.ANOTHER_DAY:
            return _about_a_visit(reading, context, now)
    return Sorted(person=True, why=_last(context), visit=_visit_told(context, now))


def _counted(pictures: int) -> str:
    return "a picture" if pictures == 1 else f"{pictures} pictures"


def _start(reading: Reading, context: Context, now: datetime) -> Sorted:
    """A number that nobody barred has nothing to opt in to: YES is then an answer to what was last said.

    START takes back a reply that waits for a decision; a bare YES may be about anything.
    """
    if context.barred or (context.paused and not reading.assent):
        return Sorted(Act.OPT_IN)
    if not context.holders:
        return Sorted(person=True, why="no patient has this number, and it had not opted out")
    ahead = [] if context.apart else [str(visit.when) for visit in _ahead(context, now)]
    comes = f"; probably comes to {' or to '.join(ahead)}" if ahead else ""
    waits = "; an earlier reply still waits for a decision" if context.paused else ""
    last = _last(context, first=True)
    return Sorted(person=True, why=f"said YES or START without having opted out{comes}{waits}. {last}")


def _help(context: Context) -> Sorted:
    if context.barred or context.paused:
        return Sorted(person=True, why="asks for help, and nothing is sent to this number")
    return Sorted(Act.HELP, patient=context.said[0].patient if context.said else "")


def _about_a_visit(reading: Reading, context: Context, now: datetime) -> Sorted:
    whose = _one_patient(context, now)
    if isinstance(whose, _Unsure):
        return Sorted(person=True, why=f"{_WANTS[reading.meaning]}; {whose.why}")
    found = _meant(context, whose, now)
    if isinstance(found, str):
        return Sorted(person=True, why=f"{_WANTS[reading.meaning]}; {found}", patient=whose)
    about = Sorted(patient=found.patient, visit=found.visit)
    if reading.meaning is Meaning.ANOTHER_DAY:
        return replace(about, act=Act.RESCHEDULE)
    if found.another_day_asked:
        return replace(about, person=True, why=f"says to come, but had asked for another day than {found.when}")
    return about if found.confirmed else replace(about, act=Act.CONFIRM)


def _meant(context: Context, patient: str, now: datetime) -> Standing | str:
    """The visit that a reply can only mean: the one that was told last. Else why it is not certain."""
    ahead = [visit for visit in _ahead(context, now) if visit.patient == patient]
    said = [each for each in context.said if each.patient == patient and not each.answer]
    if not said:
        return f"nothing was sent to this number yet{_coming(ahead)}"
    last = said[0]
    on = local_day(last.moment, context.zone)
    if last.written:
        return f"it follows what staff wrote on {on}{_coming(ahead)}"
    if last.when is None:
        return f"the last message, of {on}, told of no visit{_coming(ahead)}"
    if last.cancelled:
        return f"the last message, of {on}, said that {last.when} is called off{_coming(ahead)}"
    near = {each.visit for each in said if last.moment - each.moment <= TOGETHER and not each.cancelled}
    either = [visit for visit in ahead if visit.visit in near]
    if len(either) > 1:
        return f"it may be about {' or '.join(str(visit.when) for visit in either)}: both were told within two days"
    return _as_told(context.visits.get(last.visit), last.when, now)


def _as_told(visit: Standing | None, told: When, now: datetime) -> Standing | str:
    """The visit, if it lies ahead just as it was told."""
    if visit is None:
        return f"{told} is not booked any more"
    if visit.when != told and visit.booked:
        return f"{told} has moved since it was told; now it is {visit.when}"
    if visit.starts_at <= now:
        return f"{visit.when} {_ago(visit.when, now)}"
    return visit if visit.booked else f"{told} is called off"


def _ago(when: When, now: datetime) -> str:
    days = (local_day(now, when.zone) - when.day).days
    if days == 0:
        return "is today and has begun"
    return "was yesterday" if days == 1 else f"was {days} days ago"


@dataclass(frozen=True, slots=True)
class _Unsure:
    why: str


def _one_patient(context: Context, now: datetime) -> str | _Unsure:
    """Whose reply it is, of all who have the number."""
    if len(context.holders) == 1:
        return context.holders[0].patient
    names = " and ".join(holder.name for holder in context.holders)
    if not context.said:
        return _Unsure(f"{names} share this number, and nothing was sent to it yet")
    recent = {each.patient for each in context.said if now - each.moment <= SHARED}
    last = context.said[0].patient
    if recent - {last}:
        return _Unsure(f"{names} share this number, and both were written to in the last {SHARED.days} days")
    return last


def _ahead(context: Context, now: datetime) -> list[Standing]:
    """The visits to come, soonest first."""
    coming = (visit for visit in context.visits.values() if visit.booked and visit.starts_at > now)
    return sorted(coming, key=lambda visit: visit.starts_at)


def _coming(ahead: Sequence[Standing]) -> str:
    return "".join(f"; {visit.when} lies ahead" for visit in ahead)


def _visit_told(context: Context, now: datetime) -> str:
    """The visit that the last message to the number's only patient told of, for a person to see."""
    told = next(_told(context), None) if len(context.holders) == 1 else None
    standing = context.visits.get(told.visit) if told else None
    return standing.visit if standing is not None and standing.booked and standing.starts_at > now else ""


def _told(context: Context) -> Iterator[Said]:
    return (each for each in context.said if not each.answer and each.when is not None)


def _last(context: Context, *, first: bool = False) -> str:
    """What was last said to the number, in words; ``first``: at the start of a sentence."""
    the = "The" if first else "the"
    last = next((each for each in context.said if not each.answer), None)
    if last is None:
        return f"{'Nothing' if first else 'nothing'} was sent to this number yet"
    to = next((f" to {each.name}" for each in context.holders if each.patient == last.patient), "")
    whom = to if len(context.holders) > 1 else ""
    on = local_day(last.moment, context.zone)
    if last.written:
        return f"{the} last message{whom}, of {on}, was written by staff"
    if context.apart:
        return f"{the} last message went{whom} on {on}"
    if last.when is None:
        return f"{the} last message{whom}, of {on}, told of no visit"
    how = f"said that {last.when} is called off" if last.cancelled else f"told of {last.when}"
    return f"{the} last message{whom}, of {on}, {how}"
