"""Sites, their places and staff, and the protocols that they approved."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from surveillance.core.deferrals import LONGEST
from surveillance.core.words import DeferralKind, Privacy, Role
from surveillance.web.api.models.common import (
    Clock,
    Day,
    Flag,
    Line,
    Model,
    Moment,
    Reason,
    Said,
    Whole,
)

Language = Annotated[str, StringConstraints(min_length=2, max_length=35, pattern="^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
ProtocolName = Annotated[str, StringConstraints(min_length=1, max_length=90, pattern="^[a-z0-9-]+(@[0-9.]+)?$")]

Country = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]
Languages = Annotated[list[Language], Field(min_length=1, max_length=20)]
Limit = Annotated[Whole, Field(ge=1, le=90)]  # days that a step of a result may take
WorkingDays = Annotated[str, StringConstraints(min_length=1, max_length=7, pattern="^[1-7]+$")]


DeferralCaps = Annotated[
    dict[DeferralKind, dict[Role, Annotated[int, Field(strict=True, ge=0, le=LONGEST)]]],
    Field(description="Kind of deferral → coordinator or clinician → days ahead; what is left out is as usual."),
]


class SiteCreate(Model):
    """A clinic to be added; whoever adds it administers it."""

    code: Said = Field(max_length=32, description="A short code that is unique here.", examples=["LDN1"])
    name: Said = Field(description="The full name, for staff.", examples=["Sarcoma unit"])
    short_name: Said = Field(max_length=32, description="What an SMS calls it: it must not reveal oncology.")
    time_zone: Said = Field(description="IANA time zone.", examples=["Europe/London"])
    country: Country = Field(
        description="ISO 3166 code: reads telephone numbers and gives the holidays.", examples=["GB"]
    )
    phone: Said = Field(description="The number that patients call.", examples=["020 7946 0123"])
    holidays: Line | None = Field(
        default=None, description="A holiday calendar such as DE-BY; empty for none; the country's if left out."
    )
    languages: Languages = Field(default=["en"], description="Languages of messages, the usual one first.")
    working_days: WorkingDays = Field(default="12345", description="ISO weekdays: 1 is Monday.")
    privacy: Privacy = Field(default=Privacy.NEUTRAL, description="How much messages and calendars may tell.")
    first_names: Flag = Field(default=False, description="May a message to a shared number carry the first name?")
    send_from: Clock = Field(default="09:00", validate_default=True, description="No message earlier, patient's time.")
    send_until: Clock = Field(default="20:00", validate_default=True, description="No message later, patient's time.")
    report_days: Limit = Field(default=7, description="So many days a report may take; then the board says so.")
    review_days: Limit = Field(default=7, description="So many days its review may take.")
    told_days: Limit = Field(default=7, description="So many days telling the patient may take.")


class SiteUpdate(Model):
    """What changes; what is left out stays, and null counts as left out. The code stays for ever."""

    name: Said | None = None
    short_name: Said | None = Field(default=None, max_length=32, description="It must not reveal oncology.")
    time_zone: Said | None = Field(default=None, description="Only while the site has no patients.")
    country: Country | None = None
    phone: Said | None = None
    holidays: Line | None = Field(default=None, description="Empty for none.")
    languages: Languages | None = None
    working_days: WorkingDays | None = None
    privacy: Privacy | None = None
    first_names: Flag | None = None
    send_from: Clock | None = None
    send_until: Clock | None = None
    age_of_majority: Whole | None = Field(default=None, ge=12, le=25, description="In years.")
    noshow_limit: Whole | None = Field(default=None, ge=1, le=10, description="Then a clinician decides.")
    deferral_caps: DeferralCaps | None = None
    report_days: Limit | None = Field(default=None, description="So many days a report may take.")
    review_days: Limit | None = Field(default=None, description="So many days its review may take.")
    told_days: Limit | None = Field(default=None, description="So many days telling the patient may take.")
    reason: Line = Field(default="", description="Why, where that is worth keeping.")


class GoLive(Model):
    day: Day | None = Field(description="The first day on which messages go out; null: none goes out any more.")


class ClosureCreate(Model):
    """A day on which the site does not work beside its holidays."""

    day: Day
    reason: Reason


class ClosurePublic(Model):
    site_id: UUID
    day: Day
    reason: str


class ClosureEnd(Model):
    day: Day = Field(description="The day that was closed.")


class SitePublic(Model):
    """A clinic at which the token's user works."""

    id: UUID
    code: str
    name: str
    short_name: str
    time_zone: str
    country: str
    holidays: str
    working_days: str
    phone: str
    languages: list[str]
    privacy: Privacy
    first_names: bool
    send_from: Clock
    send_until: Clock
    age_of_majority: int = Field(description="In years.")
    noshow_limit: int = Field(description="After so many missed visits a clinician decides.")
    deferral_caps: dict[str, dict[str, int]] = Field(description="Days ahead one may put off, where not usual.")
    report_days: int = Field(description="So many days a report may take; then the board says so.")
    review_days: int = Field(description="So many days its review may take.")
    told_days: int = Field(description="So many days telling the patient may take.")
    messages_from: Day | None = Field(description="The first day on which messages go out; null before it is live.")
    role: Role = Field(description="The role of the token's user at this site.")
    today: Day = Field(description="The day it is at the site now.")


class PlaceCreate(Model):
    """A place where examinations are done."""

    name: Said = Field(description="What staff call it; unique at the site.", examples=["MRI 2"])
    address: Line = Field(default="", description="Where patients go.")
    phone: Line = Field(default="", description="Its own number.")
    outside: Flag = Field(default=False, description="Another house: its reports must be asked for.")


class PlaceUpdate(Model):
    """What changes; what is left out stays, and null counts as left out."""

    name: Said | None = None
    address: Line | None = None
    phone: Line | None = None
    outside: Flag | None = None


class PlacePublic(Model):
    id: UUID
    site_id: UUID
    name: str
    address: str
    phone: str
    time_zone: str = Field(description="IANA time zone of the visits there.")
    outside: bool


class StaffPublic(Model):
    """Somebody who works at a site: may own patients, and take rows of the worklist over."""

    id: UUID
    username: str
    name: str
    role: Role


class HandOver(Model):
    """Whose patients go to whom."""

    of: UUID = Field(description="Whoever looked after them.")
    to: UUID = Field(description="A coordinator or clinician who acts at the site.")


class HandedOver(Model):
    number: int = Field(description="Patients and open tasks.")


class ApprovalCreate(Model):
    protocol: ProtocolName = Field(
        description="A protocol's id for its newest version, or id@version.", examples=["asps-extremity"]
    )
    source_read: Flag = Field(
        default=False,
        description=(
            "The clinician's word to have read what stands in `to_read` of the protocol. Without it such a protocol is "
            "refused with a 422."
        ),
    )


class SourceLookCreate(Model):
    """A clinician's word to have looked again at a source of an approved protocol version."""

    protocol: Annotated[str, StringConstraints(max_length=90, pattern="^[a-z0-9-]+@[0-9.]+$")] = Field(
        description="id@version, approved at the site.", examples=["asps-extremity@2026.2"]
    )
    source: Said = Field(max_length=64, description="The source's id in the protocol.", examples=["nccn"])
    found: Said = Field(description="What was found: the same edition, or which newer one.")
    until: Day = Field(description="The day of the next look, at most a year away.")


class SourceLookPublic(Model):
    """What a clinician found who looked again at a source."""

    id: UUID
    site_id: UUID
    protocol: str = Field(validation_alias="protocol_key")
    source: str
    found: str
    until: Day
    recorded_at: Moment
    recorded_by: UUID


class SourceDuePublic(Model):
    """A source that somebody of the site has to look at again, for a version that is in use there."""

    protocol: str = Field(description="id@version")
    source: str = Field(description="The source's id in the protocol.")
    citation: str
    address: str
    since: Day
    expired: bool = Field(description="Whether the edition expired; else the day of the next look has come.")
    next_action: str


class ApprovalPublic(Model):
    """A clinician's word that a protocol version may be used at a site."""

    id: UUID
    site_id: UUID
    protocol: str = Field(validation_alias="protocol_key", description="id@version, frozen as it was approved.")
    recorded_at: Moment
    recorded_by: UUID
