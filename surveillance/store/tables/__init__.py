"""The tables. Their constraints carry the rules: what must never be is refused by the database."""

from sqlmodel import SQLModel

from surveillance.store.tables.messages import (
    Attempt,
    Callback,
    DispatchPause,
    Inbound,
    Reminder,
    Sender,
)
from surveillance.store.tables.plans import (
    Approval,
    ExaminationRow,
    ExtraExamination,
    FindingRow,
    Override,
    OverrideKind,
    Plan,
    PlanHold,
    PlanTerms,
    ProtocolVersion,
)
from surveillance.store.tables.registry import (
    Closure,
    Consent,
    Contact,
    Death,
    Membership,
    Number,
    Patient,
    Place,
    Site,
    User,
)
from surveillance.store.tables.service import (
    AuditEvent,
    AuditValue,
    BoardAction,
    Counter,
    Feed,
    FeedKind,
    Heartbeat,
    ImportBatch,
    Sweep,
)
from surveillance.store.tables.visits import Appointment, AppointmentItem, Study, StudyItem

metadata = SQLModel.metadata

__all__ = [
    "Appointment",
    "AppointmentItem",
    "Approval",
    "Attempt",
    "AuditEvent",
    "AuditValue",
    "BoardAction",
    "Callback",
    "Closure",
    "Consent",
    "Contact",
    "Counter",
    "Death",
    "DispatchPause",
    "ExaminationRow",
    "ExtraExamination",
    "Feed",
    "FeedKind",
    "FindingRow",
    "Heartbeat",
    "ImportBatch",
    "Inbound",
    "Membership",
    "Number",
    "Override",
    "OverrideKind",
    "Patient",
    "Place",
    "Plan",
    "PlanHold",
    "PlanTerms",
    "ProtocolVersion",
    "Reminder",
    "Sender",
    "Site",
    "Study",
    "StudyItem",
    "Sweep",
    "User",
    "metadata",
]
