"""Plain English for every word of ``words`` that a person can see: on a page, on the command line, on paper."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from surveillance.core.words import (
    AppointmentState,
    AttemptState,
    Channel,
    ConsentAct,
    ContactKind,
    DeferralKind,
    EndReason,
    FollowUp,
    HoldReason,
    Outcome,
    ReminderState,
    ReportStatus,
    Result,
    Role,
    Sex,
    Source,
    Status,
    Step,
)

STATUS: Final = MappingProxyType(
    {
        Status.REVIEWED: "done and reviewed",
        Status.REPORTED: "done, report to review",
        Status.PERFORMED: "done, waiting for the report",
        Status.ENDED: "ended with the plan",
        Status.SKIPPED: "skipped",
        Status.HELD: "on hold",
        Status.NOT_DONE_HOLD: "not done: hold",
        Status.OUTCOME_UNKNOWN: "visit over, outcome unknown",
        Status.MISSED: "missed",
        Status.BOOKED: "booked",
        Status.OVERDUE: "overdue",
        Status.DUE: "due",
        Status.TO_ORDER: "to order",
        Status.UPCOMING: "upcoming",
    }
)
VISIT: Final = MappingProxyType(
    {
        AppointmentState.PROPOSED: "proposed",
        AppointmentState.BOOKED: "booked",
        AppointmentState.FULFILLED: "done",
        AppointmentState.NOSHOW: "did not come",
        AppointmentState.CANCELLED: "cancelled",
    }
)
OUTCOME: Final = MappingProxyType(
    {
        Outcome.PERFORMED: "done",
        Outcome.NOT_DONE: "not done",
        Outcome.NOSHOW: "did not come",
        Outcome.CANCELLED: "cancelled",
    }
)
RESULT: Final = MappingProxyType(
    {
        Result.CLEAR: "clear",
        Result.INDETERMINATE: "indeterminate",
        Result.SUSPICIOUS: "suspicious",
        Result.RECURRENCE: "recurrence",
        Result.INADEQUATE: "inadequate, to be repeated",
    }
)
REPORT: Final = MappingProxyType(
    {
        ReportStatus.REGISTERED: "announced",
        ReportStatus.PRELIMINARY: "preliminary",
        ReportStatus.FINAL: "final",
        ReportStatus.AMENDED: "amended",
        ReportStatus.CORRECTED: "corrected",
        ReportStatus.CANCELLED: "cancelled",
    }
)
FOLLOW_UP: Final = MappingProxyType(
    {
        FollowUp.EXTRA: "extra examination",
        FollowUp.HOLD: "hold",
        FollowUp.END: "end of the plan",
        FollowUp.RESTART: "restart",
        FollowUp.TASK: "task",
        FollowUp.CONTINUE: "the plan goes on",
        FollowUp.REPEAT: "to be repeated",
        FollowUp.NOTED: "noted as done",
    }
)
HOLD: Final = MappingProxyType(
    {
        HoldReason.METASTASIS: "metastasis, unresected",
        HoldReason.PREGNANCY: "pregnancy",
        HoldReason.TREATMENT: "treatment",
        HoldReason.AWAY: "away",
        HoldReason.DECLINED: "declined for now",
        HoldReason.OTHER: "other reason",
    }
)
END: Final = MappingProxyType(
    {
        EndReason.RECURRENCE: "recurrence",
        EndReason.TRANSFER: "transferred to another clinic",
        EndReason.PATIENT_WISH: "the patient's wish",
        EndReason.COMPLETED: "follow-up completed",
        EndReason.DEATH: "death",
        EndReason.RESTARTED: "restarted from a new anchor",
    }
)
OVERRIDE: Final = MappingProxyType(  # by the values of OverrideKind, which belongs to the store
    {
        "move": "moved",
        "skip": "skipped, look again",
        "counts": "early study counts",
        "extra_evidence": "early study does not count",
        "known_blank": "no earlier study exists",
        "fits": "counts for an item it does not fit",
    }
)
CONSENT: Final = MappingProxyType({ConsentAct.GIVEN: "given", ConsentAct.WITHDRAWN: "withdrawn"})
SEX: Final = MappingProxyType({Sex.MALE: "male", Sex.FEMALE: "female", Sex.OTHER: "other", Sex.UNKNOWN: "unknown"})
CONTACT: Final = MappingProxyType(
    {ContactKind.SELF: "the patient", ContactKind.PARENT: "parent", ContactKind.CARER: "carer"}
)
ROLE: Final = MappingProxyType(
    {
        Role.ADMIN: "administrator",
        Role.COORDINATOR: "coordinator",
        Role.CLINICIAN: "clinician",
        Role.VIEWER: "viewer",
    }
)
STEP: Final = MappingProxyType(
    {
        Step.ON_BOOKING: "on booking",
        Step.DAYS_7: "7 days before",
        Step.DAYS_3: "3 days before",
        Step.DAYS_1: "1 day before",
        Step.OVERDUE: "overdue",
        Step.BOOK_NOW: "time to book",
        Step.CHANGE: "notice of the change",
        Step.CANCEL: "notice of the cancellation",
        Step.ANSWER: "answer",
    }
)
SOURCE: Final = MappingProxyType(
    {Source.REPLY: "by reply", Source.PAGE: "on the patient's page", Source.STAFF: "to the clinic"}
)
CHANNEL: Final = MappingProxyType(
    {Channel.SMS: "SMS", Channel.EMAIL: "email", Channel.CALL: "call by staff", Channel.LETTER: "letter"}
)
MESSAGE: Final = MappingProxyType(
    {
        ReminderState.PLANNED: "planned",
        ReminderState.CLAIMED: "going out now",
        ReminderState.SENT: "sent, not confirmed yet",
        ReminderState.DELIVERED: "delivered",
        ReminderState.VOIDED: "not sent: no longer true",
        ReminderState.DROPPED: "not sent",
        ReminderState.FAILED: "not delivered",
        ReminderState.IN_DOUBT: "in doubt: nobody knows whether it went out",
        ReminderState.TASK: "a person takes over",
    }
)

ATTEMPT: Final = MappingProxyType(
    {
        AttemptState.IN_FLIGHT: "on its way",
        AttemptState.ACCEPTED: "sent, not confirmed yet",
        AttemptState.DELIVERED: "delivered",
        AttemptState.REFUSED: "refused by the provider, not sent",
        AttemptState.UNDELIVERED: "not delivered",
        AttemptState.IN_DOUBT: "in doubt: nobody knows whether it went out",
        AttemptState.ABSENT: "not sent: the provider never got it",
    }
)


def every(months: int | None) -> str:
    """An interval in words: ``every 3 months``."""
    if months is None:
        return "off"
    return "every month" if months == 1 else f"every {months} months"


def age(born: date, on: date) -> int:
    """Whole years on a day; who was born on 29 February grows older on 1 March."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def item(code: str) -> str:
    """An item that no protocol names, by its code: ``mri primary``."""
    return code.replace("_", " ")


DEFERRAL: Final[Mapping[DeferralKind, str]] = MappingProxyType(
    {
        DeferralKind.OFF: "Item switched off",
        DeferralKind.MOVE: "Examination moved",
        DeferralKind.SKIP: "Examination skipped",
        DeferralKind.HOLD: "Hold",
        DeferralKind.SNOOZE: "Row put aside",
        DeferralKind.RESTART: "Restart after an end",
        DeferralKind.TRANSFER: "Transfer not confirmed",
    }
)
