"""Visits to places, and what became of them."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from surveillance.core.words import AppointmentState, Channel, Outcome, ReminderState, Source, Status, Step
from surveillance.web.api.models.common import (
    Clock,
    Day,
    ExaminationRef,
    Item,
    Line,
    Model,
    Moment,
    Reason,
    Said,
    Whole,
)

Minutes = Annotated[Whole, Field(ge=5, le=600)]


class VisitCreate(Model):
    """One trip. Without examinations everything that falls to the day goes along."""

    day: Day = Field(examples=["2026-12-01"])
    at: Clock = Field(description="Local time at the place.")
    place_id: UUID
    examinations: list[ExaminationRef] = Field(default=[], max_length=20)
    minutes: Minutes = Field(default=60, description="How long it takes.")
    note: Line = Field(default="", description="For staff.")


class VisitMove(Model):
    """Where a booked visit goes; what is left out stays."""

    day: Day | None = None
    at: Clock | None = Field(default=None, description="Local time at the place.")
    place_id: UUID | None = None
    reason: Line = ""


class VisitCancel(Model):
    reason: Reason
    items: list[Item] | None = Field(
        default=None, min_length=1, max_length=20, description="Only these; the whole visit if left out."
    )


class ItemAndReason(Model):
    item: Item
    reason: Reason


class OutcomeCreate(Model):
    """What became of one examination of a visit."""

    item: Item
    outcome: Outcome
    reason: Line = Field(default="", description="Why, where it was not done or was called off.")
    accession: Said | None = Field(default=None, max_length=64, description="One number is one study.")
    performed_on: Day | None = Field(default=None, description="The day of the visit if left out.")
    modality: Line = Field(default="", max_length=16, description="DICOM; the protocol's first if left out.")
    body_region: Line = Field(default="", max_length=40, description="As the scanner names it.")
    ruling: Line = Field(default="", description="Why it counts although it does not fit: a clinician's word.")


class OutcomesCreate(Model):
    """What became of the visit; examinations that are not named stay unknown."""

    outcomes: list[OutcomeCreate] = Field(min_length=1, max_length=20)


class VisitLine(Model):
    """One examination of a visit."""

    item: str
    month: int | None
    extra_id: UUID | None
    target: Day = Field(description="The target when it was booked.")
    outcome: Outcome | None = Field(description="null: not known yet")
    outcome_reason: str


class VisitPublic(Model):
    """One trip: proposed (a day that would suit) or booked (a place and a time)."""

    id: UUID = Field(description="The UID in calendars, for ever.")
    site_id: UUID
    patient_id: UUID
    plan_id: UUID
    state: AppointmentState
    day: Day = Field(description="At the place.")
    at: Clock | None = Field(description="Local time at the place; null while it is only proposed.")
    zone: str = Field(description="IANA time zone of the place.")
    starts_at: Moment | None = Field(description="The same moment in UTC.")
    minutes: int
    place_id: UUID | None
    outside: bool = Field(description="A proposal for which no working day was left in all windows.")
    sequence: int = Field(description="Rises with each change of time, place or state.")
    note: str
    confirmed_at: Moment | None = Field(description="When the patient said to come; a move takes it back.")
    confirmed_how: Source | None = Field(description="By reply, on the patient's page, or to staff.")
    examinations: list[VisitLine]


class MessageLine(Model):
    """A message about a visit."""

    id: UUID
    step: Step
    channel: Channel
    state: ReminderState
    at: Moment = Field(description="When it goes out or went out (UTC).")
    zone: str = Field(description="The patient's time zone.")
    reason: str


class VisitDetail(VisitPublic):
    messages: list[MessageLine] = Field(description="What goes out about it, and what went out.")


class TripExamination(Model):
    """What would be examined: as `examinations` of a booking takes it, in words, and where it stands."""

    item: str
    month: int | None
    extra_id: UUID | None
    title: str
    status: Status


class FitPublic(Model):
    """What a day means for an examination."""

    item: str
    days: int = Field(description="Days before its window (negative) or after it (positive); 0 inside.")
    overdue_since: Day | None = Field(description="null: not overdue on that day")


class OfferPublic(Model):
    day: Day
    outside: bool = Field(description="No working day is left in every window.")
    fits: list[FitPublic]


class TripPublic(Model):
    """One trip, and the days that could be booked for it; none where no single day serves all its examinations."""

    examinations: list[TripExamination]
    days: list[OfferPublic] = Field(description="The best first.")
