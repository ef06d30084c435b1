"""The form of a source in a protocol file: what was read, in which edition, when, and until when that holds."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, validate_by_name=True)


def _day(value: Any) -> Any:
    """A day stays text in a file; anything but YYYY-MM-DD is refused."""
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or len(value) != len("2026-12-01"):
        raise ValueError(f"not a day such as 2026-12-01: {value!r}")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"not a day such as 2026-12-01: {value!r}") from None


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]


class SourcePart(Part):
    """A publication, or the decision of a named group, that intervals rest on."""

    citation: str = Field(
        min_length=1,
        max_length=500,
        title="Citation",
        description="As one would cite it, with where it was read if that is not the guideline itself.",
    )
    url: str = Field(
        default="",
        pattern="^(https?://.+)?$",
        title="Address",
        description="A web address where it can be read.",
    )
    doi: str = Field(
        default="", pattern=r"^(10\.[0-9]{4,9}/\S+)?$", title="DOI", description="Without the address before it: 10.…/…"
    )
    edition: str = Field(
        default="",
        max_length=100,
        title="Edition",
        description="Which edition it is, as the issuer names it, such as 'version 1.0'; 'undated' if it has no date.",
    )
    year: int | None = Field(
        default=None,
        ge=1900,
        le=2200,
        title="Year",
        description="The year of the edition. Left out, it is undated, and a clinician has to read it before approval.",
    )
    grade: Literal["P", "P-old", "S", "proposed", "U"] | None = Field(
        default=None,
        title="Grade",
        description=(
            "P: read in the issuer's own text. P-old: in an old edition of it. S: in somebody else's text about it. "
            "proposed: nobody published it. U: nobody has read it yet, so no interval may rest on it."
        ),
    )
    read: Day | None = Field(default=None, title="Read", description="The day on which it was read for this protocol.")
    expires: Day | None = Field(default=None, title="Expires", description="The last day of this edition.")
    review_by: Day | None = Field(
        default=None,
        title="Review by",
        description="From this day on somebody is asked to look whether there is a newer edition.",
    )
