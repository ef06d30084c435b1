"""Protocols as installed: what they ask for, where each number was read, and what a choice makes of it."""

from pydantic import Field

from surveillance.web.api.models.common import ChoiceKey, Day, Model, Months, Whole


class ProtocolPublic(Model):
    """One installed version of a protocol."""

    key: str = Field(description="id@version", examples=["asps-extremity@2026.1"])
    id: str
    version: str
    title: str
    description: str
    status: str = Field(description="`draft`: nobody can approve it yet. `ready`: it may be approved.")
    clock: str = Field(
        description=(
            "What the months count from: `end_of_treatment`, `end_of_chemotherapy`, `diagnosis` or `surgery`. The "
            "anchor of a plan is that day."
        )
    )
    lead_days: int = Field(description="An examination that is not booked is to order so many days before its target.")
    end: str = Field(description="`never`: follow-up goes on for life. `decide`: a clinician signs at the end.")
    items: list["ItemPublic"]
    sources: list["SourcePublic"]
    to_read: list[str] = Field(
        description="Ids of the sources that a clinician reads before approving: not read in a dated edition."
    )
    reviews: list["ReviewPublic"] = Field(description="Sources that somebody has to look at again, as of today.")
    digest: str = Field(description="SHA-256 of the protocol as data.")


class SourcePublic(Model):
    """Where intervals come from, and how the text was read."""

    id: str
    citation: str
    address: str = Field(description="Where it can be read, or empty.")
    doi: str
    edition: str
    year: int | None = Field(description="null: the edition is undated")
    grade: str | None = Field(description="`P`, `P-old`, `S`, `proposed` or `U`; null: an older file without grades")
    read: Day | None = Field(description="The day on which it was read for this protocol.")
    expires: Day | None = Field(description="The last day of the edition.")
    review_by: Day | None = Field(description="From then on somebody is asked to look for a newer edition.")


class ReviewPublic(Model):
    """A source whose edition expired, or whose day of review has come."""

    source: str = Field(description="The id of the source in `sources`.")
    since: Day
    expired: bool


class PhasePublic(Model):
    """Months after the anchor, `from` not included and `to` included, with one interval."""

    start: int = Field(serialization_alias="from")
    end: int | None = Field(serialization_alias="to", description="null: without end")
    name: str = Field(description="What its interval is chosen by, as `item.name`; empty: by the item itself.")
    ends: list[int] = Field(description="The months to choose the end from, as `item.until`; empty: no choice.")
    choices: list[int] = Field(description="Intervals in months that a clinician may choose.")
    default: int = Field(description="The interval in months if nothing is chosen.")
    evidence: str = Field(description="`primary`, `secondary` or `proposed`: the grade in three words.")
    grade: str = Field(
        description=(
            "`P` read in the issuer's own text, `P-old` in an old edition of it, `S` in somebody else's text about it, "
            "`proposed` to be signed off by a clinician."
        )
    )
    source: str = Field(description="The citation that the interval rests on.")
    source_id: str = Field(description="Its id in `sources`.")
    edition: str
    year: int | None = Field(description="null: the edition is undated")
    note: str


class ItemPublic(Model):
    """What the protocol repeats."""

    code: str = Field(examples=["mri_primary"])
    title: str
    modalities: list[str] = Field(description="DICOM modalities that count as evidence.")
    body_region: str
    kind: str = Field(description="`imaging`, `visit`, `test` or `advice`, for which nothing is due.")
    enabled: bool = Field(description="Whether it is on unless somebody switches it off.")
    phases: list[PhasePublic]


class IntervalChoice(Model):
    """An interval that differs from the default, from the anchor or from a day on."""

    item: ChoiceKey = Field(
        examples=["mri_primary"],
        description="The item; `item.until` for the end of its first years, `item.name` for a phase with a name.",
    )
    months: Months | None = Field(description="Months between two examinations; null switches the item off.")
    since: Day | None = Field(default=None, description="The day from which it holds; null: from the anchor.")


class PreviewRequest(Model):
    anchor: Day = Field(description="The day from which the protocol's `clock` counts.", examples=["2026-06-30"])
    intervals: list[IntervalChoice] = Field(default=[], max_length=50)
    years: Whole = Field(default=10, ge=1, le=30, description="How far to look ahead.")


class SlotPublic(Model):
    """One examination that the protocol asks for; on time from the first to the last day of its window."""

    item: str
    month: int = Field(description="Months after the anchor.")
    target: Day
    window_start: Day
    window_end: Day


class PreviewPublic(Model):
    protocol: str = Field(description="id@version")
    slots: list[SlotPublic] = Field(description="By target, then item.")
    departures: list["DeparturePublic"] = Field(
        description="What the choices leave out or add, in the first ten years."
    )


class DeparturePublic(Model):
    """Where choices depart from the protocol's own schedule, in months after the anchor."""

    item: str
    title: str
    left_out: list[int]
    added: list[int]
