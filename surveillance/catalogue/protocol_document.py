"""The form of a protocol file: what a clinician writes.

The descriptions here are the ones that an editor shows: they are published as the JSON Schema beside the files.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Strict

from surveillance.catalogue.protocol_source import Part, SourcePart

# DICOM PS3.3 C.7.3.1.1.1: the modalities that can be evidence of a follow-up examination.
Modality = Literal["MR", "CT", "CR", "DX", "US", "PT", "NM", "XA", "MG", "RF"]
Code = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$", max_length=40)]
Line = Annotated[str, Field(min_length=1, max_length=200)]
Days = Annotated[int, Field(ge=0, le=366)]
Months = Annotated[int, Field(ge=1, le=120)]
Month = Annotated[int, Field(ge=1, le=1200)]


class IntervalPart(Part):
    """A range of months. The clinician chooses inside it at enrolment; the choice is recorded with the name."""

    min: Months = Field(title="Shortest", description="The shortest interval that may be chosen, in months.")
    max: Months = Field(title="Longest", description="The longest interval that may be chosen, in months.")
    default: Months = Field(title="Default", description="The interval in months if nothing is chosen.")


def _one_number(value: Any) -> Any:
    """``interval: 6`` is short for a range that leaves no choice."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"min": value, "max": value, "default": value}
    return value


class EndPart(Part):
    """The months among which the clinician chooses the end of a phase at enrolment; the next phase begins there."""

    one_of: list[Month] = Field(min_length=1, title="One of", description="The months that may be chosen, rising.")
    default: Month = Field(title="Default", description="The month if nothing is chosen.")


def _one_end(value: Any) -> Any:
    """``to: 36`` is short for an end that leaves no choice."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"one_of": [value], "default": value}
    return value


class PhasePart(Part):
    """A span of time with one interval. Months count from the day that the protocol's clock names."""

    start: int = Field(
        alias="from",
        ge=0,
        le=1200,
        title="From",
        description="The month in which the phase begins; the first begins at 0, each next where the last ends.",
    )
    end: Annotated[EndPart, BeforeValidator(_one_end, json_schema_input_type=Month | EndPart)] | None = Field(
        default=None,
        alias="to",
        title="To",
        description=(
            "The month of the phase's last examination, or {one_of: [24, 36], default: 36} for a choice. Leave it out "
            "for a phase without end."
        ),
    )
    name: Annotated[str, Field(pattern="^([a-z][a-z0-9_]*)?$", max_length=40)] = Field(
        default="",
        title="Name",
        description=(
            "Such as 'later'. The interval of a phase with a name is chosen by that name, apart from the interval of "
            "the item."
        ),
    )
    interval: Annotated[IntervalPart, BeforeValidator(_one_number, json_schema_input_type=Months | IntervalPart)] = (
        Field(
            title="Interval",
            description="Months from one examination to the next: one number, or a range to choose from.",
        )
    )
    source: str = Field(title="Source", description="The key of the source, as in 'sources' above.")
    evidence: Literal["primary", "secondary", "proposed"] | None = Field(
        default=None,
        title="Evidence",
        description=(
            "proposed: nobody published this interval, whatever the grade of the source; a clinician has to sign it "
            "off. Left out, the grade of the source says it. For a source without a grade: primary, read in the "
            "guideline itself; secondary, in a text that reports it."
        ),
    )
    note: str = Field(
        default="", max_length=500, title="Note", description="What a reader should know about this phase."
    )


class AfterPart(Part):
    """A visit that follows an examination, so that its result can be told."""

    item: Code = Field(title="Item", description="The code of the item that comes first.")
    days: list[Days] = Field(
        min_length=2, max_length=2, title="Days", description="Earliest and latest, in days: [2, 7]."
    )


class ItemPart(Part):
    """One thing that is repeated: an examination of one region of the body, or a visit."""

    code: Code = Field(title="Code", description="A short name that never changes, such as mri_primary.")
    title: Line = Field(title="Title", description="The name that people read.")
    kind: Literal["imaging", "visit", "test", "advice"] | None = Field(
        default=None,
        title="Kind",
        description=(
            "imaging, visit, test (such as echocardiography), or advice: what the patient is told to do, for which "
            "nothing is booked. Left out, it is imaging where there are modalities, else a visit."
        ),
    )
    modalities: list[Modality] = Field(
        default=[],
        title="Modalities",
        description="DICOM codes of the examinations that count (CR and DX are X-ray). None for a visit or advice.",
    )
    body_region: Annotated[str, Field(pattern="^([a-z][a-z0-9_]*)?$", max_length=40)] = Field(
        default="", title="Body region", description="Such as primary_site, chest, brain. Left out for a visit."
    )
    default: Literal["on", "off"] = Field(
        default="on",
        title="Default",
        description="on: everyone has it unless switched off. off: only those for whom it is switched on.",
    )
    after: AfterPart | None = Field(
        default=None, title="After", description="For a visit that follows another item within some days."
    )
    phases: list[PhasePart] = Field(
        min_length=1, title="Phases", description="In order, without gaps, from month 0 on."
    )


class ProtocolDocument(Part):
    """One version of a surveillance protocol. It takes effect at a site once a clinician there approves it."""

    id: str = Field(
        pattern="^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        max_length=60,
        title="Id",
        description="Small letters, digits and hyphens; the same in all versions.",
    )
    version: str = Field(
        pattern=r"^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*$",
        max_length=20,
        title="Version",
        description='Year and number in quotes, such as "2026.1". A published version is never edited.',
    )
    status: Literal["draft", "ready"] = Field(
        default="ready",
        title="Status",
        description="draft: somebody is still writing it, and nobody can approve it. ready: it may be approved.",
    )
    title: Line = Field(title="Title", description="The name that people read.")
    description: str = Field(
        min_length=1,
        max_length=2000,
        title="Description",
        description="For whom it is, what it rests on, and where it departs from that.",
    )
    end: Literal["never", "decide"] = Field(
        title="End",
        description=(
            "never: the last phases have no 'to'. decide: after the last examination a clinician signs discharge "
            "or continuation."
        ),
    )
    clock: Literal["end_of_treatment", "end_of_chemotherapy", "diagnosis", "surgery"] = Field(
        default="end_of_treatment",
        title="Clock",
        description=(
            "From which day the months count: the end of all treatment that was to cure (whichever of surgery, "
            "radiotherapy and chemotherapy ended last), the end of chemotherapy, the diagnosis, or the surgery."
        ),
    )
    lead_days: Days = Field(
        default=56,
        title="Lead time",
        description="Days before the target on which an examination that is not booked becomes work: order it.",
    )
    tolerance: dict[Annotated[Months, Strict(False)], Days] = Field(  # JSON has text for keys only
        min_length=1,
        title="Tolerance",
        description=(
            "Interval in months → days on each side of the target that still count as on time. An interval in "
            "between takes the entry below it."
        ),
        json_schema_extra={"propertyNames": {"pattern": "^[1-9][0-9]*$"}},
    )
    sources: dict[str, SourcePart] = Field(
        min_length=1, title="Sources", description="Under a short key each; phases name the key."
    )
    items: list[ItemPart] = Field(min_length=1, title="Items", description="What the protocol repeats.")
