"""Patients, whom to write to about them, and with whose word."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, Strict, StringConstraints, model_validator

from surveillance.core.words import Channel, ConsentAct, ContactKind, Sex
from surveillance.web.api.models.common import Day, Flag, Line, Model, Moment, Reason, Said, Whole
from surveillance.web.api.models.sites import Language

Egfr = Annotated[float, Strict(), Field(gt=0, lt=300)]
Mrn = Annotated[Said, Field(max_length=64)]
# Lines of an envelope; no other control characters.
Address = Annotated[str, StringConstraints(max_length=400, pattern=r"^[^\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]*$")]
MessageChannel = Literal[Channel.SMS, Channel.EMAIL]  # what consent is asked for


class ContactCreate(Model):
    """A person to write to. A telephone number that cannot be read is kept as it was given, and becomes work."""

    kind: ContactKind = Field(default=ContactKind.SELF, description="Who answers.")
    name: Line = Field(default="", description="The name of a parent or carer.")
    phone: Line = Field(default="", description="As it is dialled in the site's country, or +44….")
    email: Line = ""
    postal_address: Address = Field(default="", description="For letters: its lines, without the name.")
    language: Language | None = Field(default=None, description="BCP 47; the site's first if left out.")


class ContactAndConsent(ContactCreate):
    """A contact of a new patient, with the consents that were given."""

    consents: list[MessageChannel] = Field(default=[], max_length=2)
    consent_method: Line = Field(default="", description="How consent was given: signed form, by telephone, …")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        """Consent is given somehow, and for an address."""
        if self.consents and not self.consent_method.strip():
            raise ValueError("say in consent_method how consent was given")
        for channel in self.consents:
            if not (self.phone if channel is Channel.SMS else self.email).strip():
                raise ValueError(f"consent for {channel} needs {'a phone' if channel is Channel.SMS else 'an email'}")
        return self


class ContactUpdate(Model):
    """What changes; what is left out stays. A new telephone or mailbox needs consent of its own."""

    kind: ContactKind | None = Field(default=None, description="null counts as left out")
    name: Line | None = Field(default=None, description="null counts as left out")
    phone: Line | None = Field(default=None, description="Empty for none; null counts as left out.")
    email: Line | None = Field(default=None, description="Empty for none; null counts as left out.")
    postal_address: Address | None = Field(default=None, description="Empty for none; null counts as left out.")
    language: Language | None = Field(default=None, description="null counts as left out")
    reason: Line = Field(default="", description="Why, where that is worth keeping.")


class ConsentPublic(Model):
    """A line of the ledger: the last one of a contact and channel holds, for the address it was given for."""

    id: UUID
    contact_id: UUID
    channel: Channel
    act: ConsentAct
    address: str | None
    method: str
    at: Moment
    recorded_at: Moment
    recorded_by: UUID


class ContactPublic(Model):
    id: UUID
    patient_id: UUID
    kind: ContactKind
    name: str
    phone: str | None = Field(description="E.164; null if none was given or it could not be read.")
    phone_given: str = Field(description="As it was typed, if it could not be read.")
    phone_mobile: bool = Field(description="A landline gets calls, never SMS.")
    email: str | None
    email_failed_at: Moment | None = Field(description="Since when mail comes back from there: nothing is sent to it.")
    email_failed_why: str
    postal_address: str = Field(description="For letters: its lines, without the name.")
    language: str | None
    priority: int = Field(description="1 is written to first.")
    removed_at: Moment | None
    consents: list[ConsentPublic] = Field(description="The line that holds, for each channel that has one.")


class ConsentCreate(Model):
    channel: MessageChannel
    act: ConsentAct
    method: Reason = Field(description="How it was given or withdrawn.", examples=["signed form"])
    at: Moment | None = Field(default=None, description="When; now if left out.")


class _Flags(Model):
    mri_unsafe: Flag = Field(default=False, description="An implant forbids MRI.")
    contrast_allergy: Flag = False
    egfr: Egfr | None = Field(default=None, description="Kidney function in mL/min/1.73 m².")
    egfr_on: Day | None = Field(default=None, description="The day of the eGFR.")
    interpreter: Flag = Field(default=False, description="Needs an interpreter.")
    sedation: Flag = False
    claustrophobia: Flag = False


class PatientCreate(_Flags):
    site_id: UUID
    mrn: Mrn = Field(
        description="The record number, unique at the site. Text: leading zeros count.", examples=["00417"]
    )
    family_name: Said = Field(examples=["Fiction"])
    given_name: Line = Field(examples=["Ada"])
    birth_date: Day = Field(examples=["2001-05-17"])
    sex: Sex = Field(default=Sex.UNKNOWN, description="As FHIR's AdministrativeGender.")
    time_zone: Said | None = Field(default=None, description="IANA; the site's if left out.")
    contacts: list[ContactAndConsent] = Field(default=[], max_length=10, description="The first is written to first.")


class PatientUpdate(Model):
    """What changes; what is left out stays. Name, birth date and MRN need a reason."""

    mrn: Mrn | None = Field(default=None, description="null counts as left out")
    family_name: Said | None = Field(default=None, description="null counts as left out")
    given_name: Line | None = Field(default=None, description="null counts as left out")
    birth_date: Day | None = Field(default=None, description="null counts as left out")
    sex: Sex | None = Field(default=None, description="null counts as left out")
    time_zone: Said | None = Field(default=None, description="null: the site's")
    owner_id: UUID | None = Field(default=None, description="Whose patient this is; null: nobody's.")
    mri_unsafe: Flag | None = Field(default=None, description="null counts as left out")
    contrast_allergy: Flag | None = Field(default=None, description="null counts as left out")
    egfr: Egfr | None = Field(default=None, description="In mL/min/1.73 m²; null: none is known.")
    egfr_on: Day | None = Field(default=None, description="The day of the eGFR; null with it.")
    interpreter: Flag | None = Field(default=None, description="null counts as left out")
    sedation: Flag | None = Field(default=None, description="null counts as left out")
    claustrophobia: Flag | None = Field(default=None, description="null counts as left out")
    reason: Line = Field(default="", description="Why; needed for a name, a birth date or an MRN.")


class PatientPublic(_Flags):
    id: UUID
    site_id: UUID
    mrn: str
    family_name: str
    given_name: str
    birth_date: Day
    sex: Sex
    time_zone: str | None = Field(description="IANA; null: the site's.")
    owner_id: UUID | None
    egfr: float | None = None
    died_on: Day | None
    created_at: Moment


class PatientSearch(Model):
    """Whom to look for: by MRN (whole), beginnings of names, birth date or telephone, whichever fits the text."""

    text: Said = Field(examples=["okafor", "00417", "2001-05-17", "07700 900123"])
    site_id: UUID | None = Field(default=None, description="Only at this site.")
    limit: Whole = Field(default=50, ge=1, le=200, description="How many at most.")


class DeathCreate(Model):
    died_on: Day
    source: Reason = Field(description="How it is known.", examples=["letter of the GP"])


class HistoryPublic(Model):
    """Who changed what about a patient."""

    lines: list[str] = Field(description="In the site's local time, the newest first; at most `limit` of them.")
