"""The board, messages, calendar addresses, and holding messages back."""

from uuid import UUID

from pydantic import Field

from surveillance.core.reports.counting import ReportName
from surveillance.core.words import Channel, DeferralKind, Privacy, ReminderState, Role, Step
from surveillance.operations.accounts.tokens import Scope
from surveillance.operations.board.acts import WorklistAction
from surveillance.operations.messages.acts import TaskOutcome
from surveillance.store.board.worklist import Worklist
from surveillance.store.tables import FeedKind
from surveillance.web.api.models.common import Day, Flag, Line, Model, Moment, Reason, Said, Whole
from surveillance.web.api.models.sites import Language


class SiteRole(Model):
    site_id: UUID
    code: str
    role: Role


class IndexPublic(Model):
    """What answers here, and as whom."""

    name: str
    version: str
    openapi: str = Field(description="Where the description of this API is.")
    user_id: UUID
    user: str
    token: str = Field(description="The name of the token.")
    scopes: list[Scope]
    expires_at: Moment | None
    sites: list[SiteRole]


class WorklistCount(Model):
    list: Worklist
    rows: int


class WorklistCounts(Model):
    """How much work there is, in the order of the board. All lists want to be empty."""

    counts: list[WorklistCount]
    total: int


class WorklistRowPublic(Model):
    """One piece of work. It is a query over the facts, and goes when its work is done."""

    key: str = Field(description="Names the row when something is done about it.", examples=["overdue:3f9a2c1b"])
    list: Worklist
    site_id: UUID
    patient_id: UUID | None = Field(description="null: a message from a number that no patient has.")
    mrn: str
    name: str
    what: str
    since: Day
    age: int = Field(description="Days at the site.")
    why: str
    next_action: str
    owner_id: UUID | None
    owner: str
    to_clinician: bool = Field(description="So many visits were missed that a clinician decides.")
    note: str
    hidden_until: Day | None = Field(description="A person put it aside until then.")
    visit_id: UUID | None
    study_id: UUID | None
    message_id: UUID | None
    reply_id: UUID | None = Field(description="For a row of `replies`: what `settle_reply` takes.")


class WorklistActionCreate(Model):
    """What a person did about a row. The row stays until its work is done; calls and snoozes hide it for a while."""

    row: Said = Field(max_length=80, description="The row's key.", examples=["overdue:3f9a2c1b"])
    kind: WorklistAction
    text: Line = Field(default="", description="Needed for a note and a call.")
    until: Day | None = Field(default=None, description="Hidden until then; a call hides for three days without it.")
    assigned_to: UUID | None = Field(default=None, description="Needed to assign: somebody who works at the site.")


class WorklistActionPublic(Model):
    id: UUID
    list: Worklist = Field(validation_alias="worklist")
    patient_id: UUID
    kind: WorklistAction
    text: str
    until: Day | None
    assigned_to: UUID | None
    user_id: UUID
    at: Moment


class MessagePublic(Model):
    """One planned message and what became of it."""

    id: UUID
    site_id: UUID
    patient_id: UUID
    visit_id: UUID | None
    step: Step
    channel: Channel
    state: ReminderState
    at: Moment = Field(description="When it goes out or went out (UTC).")
    local: str = Field(description="The same in the patient's own time.", examples=["2026-12-01T09:00:00+00:00"])
    zone: str = Field(description="The patient's time zone.")
    reason: str = Field(description="Why it is in this state.")
    resolution: str = Field(description="What a person did about it.")


class LifeLine(Model):
    """One line in the life of a message: a turn (put off, dropped, voided …), a call to a provider, or its report."""

    at: Moment = Field(description="When it happened (UTC).")
    what: str = Field(description="turn, call or report.")
    channel: Channel | None
    state: str | None = Field(description="The message's state after a turn, or the call's.")
    until: Moment | None = Field(description="What a turn waits for.")
    times: int | None = Field(description="How often the same wait was found.")
    last_at: Moment | None
    reason: str | None
    to: str | None
    language: str | None
    text: str | None = Field(description="The text as it was sent.")
    sender: str | None
    provider: str | None
    provider_id: str | None
    provider_status: str | None
    code: str | None = Field(description="The provider's code of an error.")
    parts: int | None = Field(description="SMS parts, as the provider said, else counted from the text.")


class ReportPublic(Model):
    """One report: its rows, what they say in a sentence, and the rules by which they are counted."""

    report: ReportName
    when: str = Field(description="The days that it is about.")
    rows: list[dict[str, str | int | float | None]] = Field(
        description="Months as 2026-11, days in ISO form, shares from 0 to 1; by the keys of the report's columns."
    )
    said: str
    rules: list[str]


class MessageDone(Model):
    """What became of a message that a person had to tell, or to ask about."""

    outcome: TaskOutcome
    note: Line = Field(default="", description="Whom you spoke to, and what was said.")


class ReplySettle(Model):
    """What a patient's reply meant."""

    opt_out: Flag = Field(description="true: no more messages to this number, at any site.")
    note: Line = Field(default="", description="What was meant, and what you answered.")


class ReplyPublic(Model):
    id: UUID
    received_at: Moment
    handled_at: Moment | None
    handling: str


class FeedCreate(Model):
    """Whose visits: a patient's, those of a user's patients at the site, or the whole site's."""

    site_id: UUID
    patient_id: UUID | None = None
    user_id: UUID | None = Field(default=None, description="Not together with a patient.")
    label: Line = Field(default="", description="A word to know it by.", examples=["phone of the mother"])
    language: Language | None = Field(default=None, description="The reader's own if left out.")
    privacy: Privacy | None = Field(default=None, description="The site's for a patient, else neutral, if left out.")


class FeedPublic(Model):
    """A calendar address; the address itself is shown once, when it is made."""

    id: UUID
    site_id: UUID
    kind: FeedKind
    patient_id: UUID | None
    user_id: UUID | None
    label: str
    language: str
    privacy: Privacy
    created_at: Moment
    revoked_at: Moment | None
    last_fetched_at: Moment | None
    fetches: int


class FeedMade(FeedPublic):
    """A new address. Whoever has it sees the calendar: hand it over like a key."""

    https: str = Field(description="The address; not shown again.")
    webcal: str = Field(description="The same, as programs subscribe when it is opened.")


class FeedEnd(Model):
    reason: Line = ""


class DispatchScope(Model):
    site_id: UUID | None = Field(default=None, description="null: all sites, for administrators.")


class DispatchPauseCreate(DispatchScope):
    reason: Reason = Field(description="Those who find it must know what to wait for.")


class DispatchResume(DispatchScope):
    reason: Line = ""


class PausePublic(Model):
    site_id: UUID | None = Field(description="null: all sites")
    since: Moment
    why: str


class DispatchPublic(Model):
    """Where no message goes out."""

    paused: list[PausePublic]


class AuditSearch(Model):
    """What to look for in the audit log; all of it without anything."""

    site_id: UUID | None = Field(default=None, description="Only at this site.")
    first_day: Day | None = Field(default=None, description="On this day of the site or later.")
    last_day: Day | None = Field(default=None, description="On this day of the site or earlier.")
    username: Line = Field(default="", description="What this user did.")
    mrn: Line = Field(default="", description="What was done with the patient of this MRN.")
    action: Line = Field(default="", description="One action, or a kind of them.", examples=["visit", "visit.book"])
    text: Line = Field(default="", description="Part of a reason.")
    limit: Whole = Field(default=50, ge=1, le=200, description="How many at most.")
    cursor: str | None = Field(default=None, max_length=2000, description="`next` of the page before.")


class AuditChange(Model):
    name: str
    before: str
    after: str


class AuditPublic(Model):
    """Who did what to which record, when and why."""

    number: int = Field(description="Rises with each event.")
    at: Moment
    site: str = Field(description="The site's code; empty for what belongs to none.")
    who: str
    account: str = Field(description="The token or system account behind the user.")
    action: str
    did: str = Field(description="The action in words.")
    patient_id: UUID | None
    patient: str
    reason: str
    changes: list[AuditChange]


class DeferralPublic(Model):
    """Somebody is put off: by what, why, until when, and in which role that was decided."""

    id: UUID
    site_id: UUID
    patient_id: UUID
    plan_id: UUID | None
    kind: DeferralKind
    item: str
    reason: str
    role: Role
    since: Day
    until: Day
    recorded_by: UUID


class DeferralRenewal(Model):
    until: Day
    reason: Reason
