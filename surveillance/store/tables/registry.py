"""Sites, places, users, patients, and how to reach them with whose consent."""

from datetime import date, datetime, time
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from surveillance.core.people.care_gaps import GapKind
from surveillance.core.words import Channel, ConsentAct, ContactKind, Privacy, Role, Sex
from surveillance.store.tables.columns import (
    Identified,
    OfSite,
    Recorded,
    Retractable,
    fact_json,
    one_of,
    partial_index,
)


class Site(Identified, table=True):
    """A clinic. ``country`` (ISO 3166) reads its phone numbers; ``holidays`` is a calendar of the holidays library,
    a country with an optional subdivision ("DE-BY"), or empty for none."""

    code: str = Field(unique=True, max_length=32)
    name: str
    short_name: str = Field(max_length=32)  # what an SMS calls the clinic: it must not reveal oncology
    time_zone: str
    country: str = Field(max_length=2)
    holidays: str = ""
    working_days: str = "12345"  # ISO weekdays
    phone: str
    languages: list[str] = fact_json()
    privacy: Privacy = one_of(Privacy, default=Privacy.NEUTRAL)
    first_names: bool = False  # may a message to a shared number carry the first name?
    send_from: time = time(9)
    send_until: time = time(20)
    messages_from: date | None = None  # no message before this day; None: the site is not live
    age_of_majority: int = 18
    calendar_alarm: bool = False
    noshow_limit: int = 2  # after so many a row goes to the clinician
    deferral_caps: dict[str, dict[str, int]] = fact_json(default_factory=dict)  # kind → role → days, where not usual
    report_days: int = 7  # so long a report may take, its review and telling the patient; then the board says so
    review_days: int = 7
    told_days: int = 7
    created_at: datetime


class Closure(OfSite, table=True):
    """A day on which the site does not work although the holiday calendar says so."""

    day: date = Field(primary_key=True)
    site_id: UUID = Field(foreign_key="site.id", primary_key=True)
    reason: str


class Place(Identified, OfSite, table=True):
    """Where an examination is done; ``outside`` places send no report by themselves."""

    __table_args__ = (sa.UniqueConstraint("site_id", "name"),)
    name: str
    address: str = ""
    phone: str = ""
    time_zone: str
    outside: bool = False


class User(Identified, table=True):
    """Staff, and one system account for what the service does by itself."""

    __tablename__ = "user_account"
    username: str = Field(unique=True, max_length=64)
    name: str
    email: str = ""
    password_hash: str | None = None
    must_change_password: bool = True
    totp_secret: str | None = None  # encrypted with the service's key
    totp_confirmed_at: datetime | None = None  # a second factor is asked for since then
    totp_step: int | None = None  # the last time step that was used: a code works once (RFC 6238 section 5.2)
    oidc_subject: str | None = Field(default=None, unique=True)  # issuer and subject of the hospital's sign-in
    system: bool = False
    created_at: datetime
    disabled_at: datetime | None = None


class Membership(SQLModel, table=True):
    """A user's role at a site."""

    user_id: UUID = Field(foreign_key="user_account.id", primary_key=True)
    site_id: UUID = Field(foreign_key="site.id", primary_key=True, index=True)
    role: Role = one_of(Role)


class Patient(Identified, OfSite, table=True):
    """``folded`` is the name without case and accents, for searching. eGFR in mL/min/1.73 m²."""

    __table_args__ = (
        sa.UniqueConstraint("site_id", "mrn"),
        partial_index("ix_patient_owner", "owner_id", where="owner_id IS NOT NULL"),
        sa.CheckConstraint("length(mrn) > 0", name="mrn_given"),
        sa.CheckConstraint("died_on IS NULL OR died_on >= birth_date", name="died_after_birth"),
    )
    mrn: str = Field(max_length=64)
    family_name: str
    given_name: str
    folded: str = Field(index=True)
    birth_date: date = Field(index=True)
    sex: Sex = one_of(Sex, default=Sex.UNKNOWN)
    time_zone: str | None = None  # None: the site's
    owner_id: UUID | None = Field(default=None, foreign_key="user_account.id")
    mri_unsafe: bool = False
    contrast_allergy: bool = False
    egfr: float | None = None
    egfr_on: date | None = None
    interpreter: bool = False
    sedation: bool = False
    claustrophobia: bool = False
    died_on: date | None = None
    died_recorded_at: datetime | None = None
    created_at: datetime


class PatientWord(SQLModel, table=True):
    """A word by which a patient is searched: each word of the name, and the MRN, without case and accents.

    A projection of the patient, kept so that a search needs no look at everybody.
    """

    __tablename__ = "patient_word"
    __table_args__ = (sa.Index("ix_patient_word_word", "site_id", "word", "patient_id"),)
    patient_id: UUID = Field(foreign_key="patient.id", primary_key=True)
    # By code point on both engines, so that the words with a beginning are one stretch of the index.
    word: str = Field(sa_type=sa.String().with_variant(sa.String(collation="C"), "postgresql"), primary_key=True)
    site_id: UUID = Field(foreign_key="site.id")


class CareGap(SQLModel, table=True):
    """What a living patient lacks (``core.people.care_gaps``), since when: it follows from plans, contacts, consents.

    Kept so that the board need not look at everybody. ``plan_id``: the plan that it is about, if it is about one.
    """

    __tablename__ = "gap"
    __table_args__ = (sa.Index("ix_gap_list", "site_id", "kind", "since", "patient_id"),)
    patient_id: UUID = Field(foreign_key="patient.id", primary_key=True)
    kind: GapKind = one_of(GapKind, primary_key=True)
    site_id: UUID = Field(foreign_key="site.id")
    since: date
    plan_id: UUID | None = Field(default=None, foreign_key="plan.id")


class Contact(Identified, OfSite, table=True):
    """A person to write to. A phone that cannot be read is kept as given: it never blocks saving, it becomes work.

    ``postal_address`` has a line for each of an envelope's, without the name. A mailbox that mail came back from is
    not written to (``email_failed_at``) until it is changed, or consent to it is given anew.
    """

    __table_args__ = (
        sa.CheckConstraint("phone IS NULL OR phone LIKE '+%'", name="phone_e164"),
        sa.Index("ix_contact_phone", "phone"),
    )
    patient_id: UUID = Field(foreign_key="patient.id", index=True)
    kind: ContactKind = one_of(ContactKind, default=ContactKind.SELF)
    name: str = ""
    phone: str | None = None  # E.164
    phone_given: str = ""  # as it was typed, where it could not be read
    phone_mobile: bool = True  # a landline gets calls, never SMS
    email: str | None = None
    email_failed_at: datetime | None = None
    email_failed_why: str = ""
    postal_address: str = ""
    language: str | None = None  # BCP 47; None: the site's first
    priority: int = 1
    removed_at: datetime | None = None


class Consent(Identified, OfSite, Recorded, table=True):
    """One line of an append-only ledger: the last line of a contact and channel holds."""

    patient_id: UUID = Field(foreign_key="patient.id", index=True)
    contact_id: UUID = Field(foreign_key="contact.id", index=True)
    channel: Channel = one_of(Channel)
    act: ConsentAct = one_of(ConsentAct)
    address: str | None = None  # the phone or mailbox that it was given for
    method: str  # how: signed form, by telephone, reply STOP, …
    at: datetime


class Number(SQLModel, table=True):
    """What is known about a phone number itself: it binds at all sites, whoever shares it.

    ``trouble_at``: messages to it failed in a way that a person has to look into; ``wrong``: none is sent to it until
    a person has verified it.
    """

    __table_args__ = (
        partial_index("ix_number_paused", "paused_at", where="paused_at IS NOT NULL"),
        partial_index("ix_number_trouble", "trouble_at", where="trouble_at IS NOT NULL"),
    )
    phone: str = Field(primary_key=True)
    opted_out_at: datetime | None = None
    opted_out_how: str = ""
    paused_at: datetime | None = None  # a reply might be an opt-out: nothing is sent until a person decides
    paused_why: str = ""
    landline: bool = False
    wrong: bool = False
    trouble_at: datetime | None = None
    trouble_why: str = ""


class Death(Identified, OfSite, Recorded, Retractable, table=True):
    """A recorded death; retracted if it was an error."""

    patient_id: UUID = Field(foreign_key="patient.id", index=True)
    died_on: date
    source: str = ""
