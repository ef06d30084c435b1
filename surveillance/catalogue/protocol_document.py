"""The form of a protocol file: what a clinician writes, and how it becomes a ``Protocol`` and back.

The descriptions here are the ones that an editor shows: they are published as the JSON Schema beside the files.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict

from surveillance.core.protocols.protocol import (
    After,
    Evidence,
    Item,
    Phase,
    Protocol,
    ProtocolEnd,
    Source,
    Substitute,
)
from surveillance.core.words import Flag

# DICOM PS3.3 C.7.3.1.1.1: the modalities that can be evidence of a follow-up examination.
Modality = Literal["MR", "CT", "CR", "DX", "US", "PT", "NM", "XA", "MG", "RF"]
Code = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$", max_length=40)]
Line = Annotated[str, Field(min_length=1, max_length=200)]
Days = Annotated[int, Field(ge=0, le=366)]
Months = Annotated[int, Field(ge=1, le=120)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, validate_by_name=True)


class SourcePart(_Part):
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


class IntervalPart(_Part):
    """A range of months. The clinician chooses inside it at enrolment; the choice is recorded with the name."""

    min: Months = Field(title="Shortest", description="The shortest interval that may be chosen, in months.")
    max: Months = Field(title="Longest", description="The longest interval that may be chosen, in months.")
    default: Months = Field(title="Default", description="The interval in months if nothing is chosen.")


def _one_number(value: Any) -> Any:
    """``interval: 6`` is short for a range that leaves no choice."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"min": value, "max": value, "default": value}
    return value


class PhasePart(_Part):
    """A span of time with one interval. Months count from the end of definitive treatment."""

    start: int = Field(
        alias="from",
        ge=0,
        le=1200,
        title="From",
        description="The month in which the phase begins; the first begins at 0, each next where the last ends.",
    )
    end: int | None = Field(
        default=None,
        alias="to",
        ge=1,
        le=1200,
        title="To",
        description="The month of the phase's last examination. Leave it out for a phase without end.",
    )
    interval: Annotated[IntervalPart, BeforeValidator(_one_number, json_schema_input_type=Months | IntervalPart)] = (
        Field(
            title="Interval",
            description="Months from one examination to the next: one number, or a range to choose from.",
        )
    )
    source: str = Field(title="Source", description="The key of the source, as in 'sources' above.")
    evidence: Literal["primary", "secondary", "proposed"] = Field(
        title="Evidence",
        description=(
            "primary: read in the guideline itself. secondary: read in a text that reports it. "
            "proposed: nobody published it; a clinician has to sign it off."
        ),
    )
    note: str = Field(
        default="", max_length=500, title="Note", description="What a reader should know about this phase."
    )


class AfterPart(_Part):
    """A visit that follows an examination, so that its result can be told."""

    item: Code = Field(title="Item", description="The code of the item that comes first.")
    days: list[Days] = Field(
        min_length=2, max_length=2, title="Days", description="Earliest and latest, in days: [2, 7]."
    )


class SubstitutePart(_Part):
    """What may be done instead of the item for patients for whom it is not safe. Its study counts for the item."""

    code: Code = Field(title="Code", description="A short name inside the item, such as ct.")
    title: Line = Field(title="Title", description="The name that people read, such as CT of the primary site.")
    modality: Modality = Field(title="Modality", description="The DICOM code of what is done instead.")
    flags: list[Literal["mri_unsafe", "contrast_allergy", "low_egfr", "old_egfr"]] = Field(
        alias="for",
        min_length=1,
        title="For",
        description=(
            "For whom: mri_unsafe, contrast_allergy, low_egfr (below 30), old_egfr (reduced, and not measured lately)."
        ),
    )
    contrast: bool = Field(default=False, title="Contrast", description="Whether contrast medium is given for it.")


class ItemPart(_Part):
    """One thing that is repeated: an examination of one region of the body, or a visit."""

    code: Code = Field(title="Code", description="A short name that never changes, such as mri_primary.")
    title: Line = Field(title="Title", description="The name that people read.")
    modalities: list[Modality] = Field(
        default=[],
        title="Modalities",
        description="DICOM codes of the examinations that count (CR and DX are X-ray). Empty for a visit.",
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
    contrast: list[Modality] | None = Field(
        default=None,
        title="Contrast",
        description=(
            "The modalities for which contrast medium is given: patients with an allergy or weak kidneys are asked "
            "for. Left out, it is MR, and CT of anything but the chest; [] says that none is given."
        ),
    )
    substitutes: list[SubstitutePart] = Field(
        default=[],
        title="Substitutes",
        description="What may be done instead for patients for whom the item is not safe, without asking a clinician.",
    )
    phases: list[PhasePart] = Field(
        min_length=1, title="Phases", description="In order, without gaps, from month 0 on."
    )


class ProtocolDocument(_Part):
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


def to_core(document: ProtocolDocument) -> Protocol:
    return Protocol(
        id=document.id,
        version=document.version,
        title=document.title,
        description=document.description,
        items=tuple(map(_item, document.items)),
        tolerance=dict(document.tolerance),
        lead_days=document.lead_days,
        sources=tuple(Source(key, part.citation, part.url) for key, part in document.sources.items()),
        end=ProtocolEnd(document.end),
    )


def _item(part: ItemPart) -> Item:
    return Item(
        code=part.code,
        title=part.title,
        modalities=tuple(part.modalities),
        body_region=part.body_region,
        phases=tuple(map(_phase, part.phases)),
        enabled=part.default == "on",
        after=After(part.after.item, *part.after.days) if part.after else None,
        contrast=None if part.contrast is None else tuple(part.contrast),
        substitutes=tuple(map(_substitute, part.substitutes)),
    )


def _substitute(part: SubstitutePart) -> Substitute:
    return Substitute(part.code, part.title, part.modality, tuple(map(Flag, part.flags)), part.contrast)


def _phase(part: PhasePart) -> Phase:
    return Phase(
        start=part.start,
        end=part.end,
        min=part.interval.min,
        max=part.interval.max,
        default=part.interval.default,
        source=part.source,
        evidence=Evidence(part.evidence),
        note=part.note,
    )


def of_core(protocol: Protocol) -> dict[str, Any]:
    """The protocol as the data of a file: keys in the order of the form, tolerances by rising interval."""
    return {
        "id": protocol.id,
        "version": protocol.version,
        "title": protocol.title,
        "description": protocol.description,
        "end": protocol.end.value,
        "lead_days": protocol.lead_days,
        "tolerance": dict(sorted(protocol.tolerance.items())),
        "sources": {source.id: {"citation": source.citation, "url": source.url} for source in protocol.sources},
        "items": [_item_data(item) for item in protocol.items],
    }


def _item_data(item: Item) -> dict[str, Any]:
    after = item.after
    return {
        "code": item.code,
        "title": item.title,
        "modalities": list(item.modalities),
        "body_region": item.body_region,
        "default": "on" if item.enabled else "off",
        **({"after": {"item": after.item, "days": [after.min_days, after.max_days]}} if after else {}),
        # Left out where there is none, so that versions that were approved before keep their digest.
        **({} if item.contrast is None else {"contrast": list(item.contrast)}),
        **({"substitutes": [_substitute_data(each) for each in item.substitutes]} if item.substitutes else {}),
        "phases": [_phase_data(phase) for phase in item.phases],
    }


def _substitute_data(substitute: Substitute) -> dict[str, Any]:
    return {
        "code": substitute.code,
        "title": substitute.title,
        "modality": substitute.modality,
        "for": [flag.value for flag in substitute.flags],
        "contrast": substitute.contrast,
    }


def _phase_data(phase: Phase) -> dict[str, Any]:
    return {
        "from": phase.start,
        **({} if phase.end is None else {"to": phase.end}),
        "interval": {"min": phase.min, "max": phase.max, "default": phase.default},
        "source": phase.source,
        "evidence": phase.evidence.value,
        "note": phase.note,
    }
