"""The form in which a case is put to an engine, and in which it answers: ``surveillance-cases/1``.

A question holds everything that an engine needs, the protocols written out, and nothing of what the case expects.
Months count from the anchor; both ends of a window and of a cell are inside; a day is a day at the site.
"""

import re
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, StringConstraints, WithJsonSchema

FORM: Final = "surveillance-cases/1"
YEARS: Final = range(1890, 2151)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day(value: Any) -> Any:
    if isinstance(value, date):
        return value
    try:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            raise ValueError
        found = date.fromisoformat(value)
        if found.year not in YEARS:
            raise ValueError
    except ValueError:
        raise ValueError("write a day like 2026-12-01, between the years 1890 and 2150") from None
    return found


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Id = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[a-z0-9][a-z0-9.-]*$")]
ItemCode = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[a-z][a-z0-9_]*$")]
Key = Annotated[str, StringConstraints(min_length=3, max_length=90, pattern=r"^[a-z0-9][a-z0-9-]*@[0-9.]+$")]
Month = Annotated[int, Strict(), Field(ge=0, le=1200)]
Interval = Annotated[int, Strict(), Field(ge=1, le=120)]
Days = Annotated[int, Strict(), Field(ge=0, le=400)]
Weekday = Annotated[int, Strict(), Field(ge=1, le=7)]
Flag = Annotated[bool, Strict()]
Zone = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[A-Za-z][A-Za-z0-9_+/-]*$")]
Utc = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}Z$")]
Local = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}$")]
Word = Annotated[str, StringConstraints(max_length=60)]


class Model(BaseModel):
    """A closed object: a member that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


# -- the question ------------------------------------------------------------------------------------------------


class PhaseForm(Model):
    """Slots after month ``from`` up to and with ``to``; without one, endless. The interval may be chosen in a range."""

    start: Month = Field(alias="from")
    end: Month | None = Field(default=None, alias="to")
    min: Interval
    max: Interval
    default: Interval


class AfterForm(Model):
    """A visit that follows another item's examination by some days."""

    item: ItemCode
    min_days: Days
    max_days: Days


class ItemForm(Model):
    code: ItemCode
    enabled: Flag = Field(description="Whether it is on where nobody chose.")
    phases: list[PhaseForm] = Field(min_length=1, max_length=20)
    after: AfterForm | None = None


class ToleranceForm(Model):
    interval: Interval = Field(description="Months. An interval between two entries takes the lower one.")
    days: Days = Field(description="On each side of the target.")


class ProtocolForm(Model):
    """The rules of one version of a protocol, without words and sources."""

    key: Key
    lead_days: Days = Field(description="So long before its target an unbooked examination is to order.")
    tolerance: list[ToleranceForm] = Field(min_length=1, max_length=20)
    items: list[ItemForm] = Field(min_length=1, max_length=20)


class ChoiceForm(Model):
    item: ItemCode
    months: Interval | None = Field(description="The chosen interval; null: the item is off.")


class TermsForm(Model):
    """What is wanted from a day on: a protocol and the choices; an item without a choice is as the protocol has it."""

    since: Day | None = Field(default=None, description="Left out in the first ones: from the anchor on.")
    protocol: Key
    choices: list[ChoiceForm] = Field(default=[], max_length=20)


class SlotForm(Model):
    item: ItemCode
    month: Month


class RulingForm(Model):
    item: ItemCode
    word: Literal["counts", "extra"]


class StudyForm(Model):
    id: Id
    day: Day
    items: list[ItemCode] = Field(min_length=1, max_length=20, description="Every item that it is evidence for.")
    booked_for: list[SlotForm] = Field(default=[], max_length=20)
    rulings: list[RulingForm] = Field(default=[], max_length=20)
    repeat_by: Day | None = Field(default=None, description="It was inadequate, and another is wanted by this day.")
    reported: Day | None = None
    reviewed: Day | None = None
    told: Day | None = None


class HoldForm(Model):
    item: ItemCode | None = Field(default=None, description="Left out: the whole plan.")
    start: Day = Field(alias="from", description="First held day.")
    resumed: Day | None = Field(default=None, description="First day that is not held any more.")
    review: Day


class BookingForm(Model):
    """One examination of a booked visit whose outcome nobody recorded."""

    id: Id
    item: ItemCode
    day: Day
    month: Month | None = None
    extra: Id | None = None
    target: Day = Field(description="Where the target of the examination lay when the visit was booked.")


class ExtraForm(Model):
    id: Id
    item: ItemCode
    target: Day
    tolerance: Days
    requested: Day


class MoveForm(SlotForm):
    to: Day


class SkipForm(Model):
    item: ItemCode
    month: Month | None = None
    extra: Id | None = None
    review: Day


class FactsForm(Model):
    """All that is known about a plan."""

    anchor: Day
    enrolled: Day
    until: Day = Field(description="The horizon: the last day that a target may have.")
    terms: list[TermsForm] = Field(min_length=1, max_length=20)
    studies: list[StudyForm] = Field(default=[], max_length=200)
    holds: list[HoldForm] = Field(default=[], max_length=50)
    bookings: list[BookingForm] = Field(default=[], max_length=50)
    extras: list[ExtraForm] = Field(default=[], max_length=50)
    moves: list[MoveForm] = Field(default=[], max_length=50)
    skips: list[SkipForm] = Field(default=[], max_length=50)
    known_blank: list[ItemCode] = Field(default=[], max_length=20)
    ended: Day | None = None


class SiteForm(Model):
    working_days: list[Weekday] = Field(min_length=1, max_length=7, description="1 is Monday.")
    closed: list[Day] = Field(default=[], max_length=400, description="Days on which the site is closed none the less.")


class MomentForm(Model):
    utc: Utc
    zone: Zone


class LocalForm(Model):
    local: Local
    zone: Zone


class Question(Model):
    """One case as an engine is asked: facts, and what is wanted of them."""

    form: Literal["surveillance-cases/1"] = FORM
    case: Id
    protocols: list[ProtocolForm] = Field(min_length=1, max_length=10)
    facts: FactsForm
    before: FactsForm | None = Field(default=None, description="Then the difference to these facts is wanted.")
    site: SiteForm
    on_day: Day | None = Field(default=None, description="Today; then proposals, trips, rate and gaps are wanted.")
    days: list[Day] = Field(default=[], max_length=200, description="The days whose statuses are wanted.")
    years: list[Annotated[int, Strict(), Field(ge=1, le=100)]] = Field(
        default=[], max_length=20, description="Years after the anchor whose trips are wanted."
    )
    up_to_date: list[Day] = Field(default=[], max_length=50)
    gaps_of: list[ItemCode] = Field(default=[], max_length=20, description="Items whose longest gap is wanted.")
    at: list[MomentForm] = Field(default=[], max_length=20, description="Moments whose statuses are wanted.")
    moments: list[LocalForm] = Field(default=[], max_length=20, description="Local times whose moment is wanted.")
    local_days: list[MomentForm] = Field(default=[], max_length=20, description="Moments whose local day is wanted.")


# -- the answer --------------------------------------------------------------------------------------------------


class StatusAnswer(Model):
    day: Day
    status: Word
    late: Flag = False


class ExaminationAnswer(Model):
    item: Word
    month: int | None = None
    extra: Word | None = None
    interval: int
    target: Day
    window: tuple[Day, Day]
    cell: tuple[Day, Day | None] = Field(description="First and last day; the cell of an extra one has no last day.")
    order_from: Day
    due_from: Day
    overdue_from: Day
    overdue_since: Day
    fulfilled_by: Word | None = None
    booked: Word | None = None
    moved: Flag = False
    timing: Literal["early", "on_time", "late"] | None = None
    proposed: Day | None = None
    proposed_outside_window: Flag | None = None
    statuses: list[StatusAnswer] = Field(default=[], description="One for each day that was asked for.")


class FindingAnswer(Model):
    kind: Word
    item: Word
    month: int | None = None
    about: Word | None = None
    since: Day


class PlaceAnswer(Model):
    item: Word
    month: int | None = None
    extra: Word | None = None


class TripAnswer(Model):
    day: Day
    examinations: list[PlaceAnswer]
    outside_window: Flag = False


class YearAnswer(Model):
    year: int
    trips: int


class UpToDateAnswer(Model):
    day: Day
    up_to_date: Flag


class RateAnswer(Model):
    on_time: int
    early: int
    late: int
    skipped: int
    of: int


class GapAnswer(Model):
    item: Word
    days: int | None = Field(default=None, description="Null: it has no end.")
    start: Day = Field(alias="from")
    end: Day | None = Field(default=None, alias="to")


class ChangesAnswer(Model):
    add: list[PlaceAnswer] = []
    move: list[PlaceAnswer] = []
    cancel: list[PlaceAnswer] = []
    keep: list[PlaceAnswer] = []


class MonthStatus(Model):
    item: Word
    month: int
    status: Word


class Answer(Model):
    """What an engine makes of a question; what was not asked for may be left out."""

    form: Literal["surveillance-cases/1"] = FORM
    case: Id
    refused: list[Literal["gap", "overlap", "does_not_divide", "windows_overlap", "interval_not_allowed", "other"]] = (
        Field(default=[], description="Why a protocol or a choice is refused; then nothing else is answered.")
    )
    examinations: list[ExaminationAnswer] = []
    findings: list[FindingAnswer] = []
    trips: list[TripAnswer] = []
    trips_a_year: list[YearAnswer] = []
    up_to_date: list[UpToDateAnswer] = []
    rate: RateAnswer | None = None
    gaps: list[GapAnswer] = []
    changes: ChangesAnswer | None = None
    at: list[list[MonthStatus]] = Field(default=[], description="For each moment of the question, in its order.")
    moments: list[Utc] = Field(default=[], description="For each local time of the question, in its order.")
    local_days: list[Day] = Field(default=[], description="For each moment of the question, in its order.")
