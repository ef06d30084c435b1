"""The small values that all models are made of: days, times of day, moments, lines of text, and who is who.

A program that writes a date as a number or a flag as a word has made a mistake: nothing is guessed.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    WithJsonSchema,
)

YEARS: Final = range(1890, 2151)  # outside these a date is a typing error
CLOCK: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_LINE: Final = r"^[^\x00-\x1f\x7f]*$"
_SAID: Final = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
_TEXT: Final = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"


class Model(BaseModel):
    """A closed object: a member that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, from_attributes=True)


def _read(what: str, pattern: re.Pattern[str], convert: Callable[[str], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if isinstance(value, (date, time)):
            return value
        try:
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise ValueError
            return convert(value)
        except ValueError:
            raise ValueError(what) from None

    return read


def _day(text: str) -> date:
    found = date.fromisoformat(text)
    if found.year not in YEARS:
        raise ValueError
    return found


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.year not in YEARS:
        raise ValueError
    return found.astimezone(UTC)


def _flag(value: Any) -> Any:
    if value in ("true", "false", True, False):
        return value in ("true", True)
    raise ValueError("write true or false")


def _number(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch("-?[0-9]{1,9}", value):
        raise ValueError("write a whole number")
    return value


Day = Annotated[
    date,
    BeforeValidator(_read("write a day like 2026-12-01, between the years 1890 and 2150", _DAY, _day)),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-12-01"]}),
]
Clock = Annotated[
    time,
    BeforeValidator(_read("write a time of day like 09:30", re.compile(CLOCK), time.fromisoformat)),
    PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": CLOCK, "examples": ["09:30"]}),
]
Moment = Annotated[
    datetime,
    BeforeValidator(_read("write a moment with its offset, like 2026-12-01T10:30:00Z", _MOMENT, _moment)),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-12-01T10:30:00Z"]}),
]
Line = Annotated[str, StringConstraints(max_length=200, pattern=_LINE)]  # one line; may be empty
Said = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_SAID)]  # one line; may not be empty
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=_SAID)]
Text = Annotated[str, StringConstraints(max_length=4000, pattern=_TEXT)]  # several lines; may be empty
Item = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[a-z][a-z0-9_]*$")]
ChoiceKey = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$")
]
Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Months = Annotated[int, Strict(), Field(ge=1, le=120)]
QueryFlag = Annotated[bool, BeforeValidator(_flag)]
QueryNumber = Annotated[int, BeforeValidator(_number)]


class ExaminationRef(Model):
    """An examination of a plan: its item with the month of the slot, or with the id of an extra examination.

    With neither of the two it is whatever of the item falls to the day that is spoken of.
    """

    item: Item = Field(description="The item, as the protocol names it.", examples=["mri_primary"])
    month: Annotated[int, Strict(), Field(ge=0, le=1200)] | None = Field(
        default=None, description="Months after the anchor, for a slot of the protocol.", examples=[6]
    )
    extra_id: UUID | None = Field(default=None, description="The extra examination, for one beside the protocol.")


class ReasonGiven(Model):
    """Why something is done; it stays in the history."""

    reason: Reason = Field(examples=["asked by telephone"])
