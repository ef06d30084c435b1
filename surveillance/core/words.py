"""The field's words as enumerations; FHIR R4's codes where it has the same thing (design: vocabulary)."""

from enum import StrEnum


class Role(StrEnum):
    ADMIN = "admin"
    COORDINATOR = "coordinator"
    CLINICIAN = "clinician"
    VIEWER = "viewer"


class Sex(StrEnum):
    """FHIR AdministrativeGender."""

    MALE = "male"
    FEMALE = "female"
    OTHER = "other"
    UNKNOWN = "unknown"


class ContactKind(StrEnum):
    """Who answers: ASPS strikes the young, so often a parent."""

    SELF = "self"
    PARENT = "parent"
    CARER = "carer"


class Channel(StrEnum):
    """How a patient is reached. A call and a letter are work for a person."""

    SMS = "sms"
    EMAIL = "email"
    CALL = "call"
    LETTER = "letter"


class ConsentAct(StrEnum):
    GIVEN = "given"
    WITHDRAWN = "withdrawn"


class Privacy(StrEnum):
    """How much a message or a calendar may tell: neutral names no examination and no clinic of oncology."""

    NEUTRAL = "neutral"
    FULL = "full"


class AppointmentState(StrEnum):
    """FHIR Appointment.status, for the states the service uses."""

    PROPOSED = "proposed"
    BOOKED = "booked"
    FULFILLED = "fulfilled"
    NOSHOW = "noshow"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """What became of one examination of a visit."""

    PERFORMED = "performed"
    NOT_DONE = "not_done"
    NOSHOW = "noshow"
    CANCELLED = "cancelled"


class Result(StrEnum):
    """A clinician's reading of a reported study. Inadequate: the study is of no use and is to be repeated."""

    CLEAR = "clear"
    INDETERMINATE = "indeterminate"
    SUSPICIOUS = "suspicious"
    RECURRENCE = "recurrence"
    INADEQUATE = "inadequate"


class ReportStatus(StrEnum):
    """FHIR R4 DiagnosticReport.status, for the states the service uses.

    What FHIR calls ``partial`` is preliminary here, ``appended`` is amended, and ``entered-in-error`` is a report
    that was taken back.
    """

    REGISTERED = "registered"  # there will be one
    PRELIMINARY = "preliminary"  # not verified yet
    FINAL = "final"
    AMENDED = "amended"  # changed after it was final
    CORRECTED = "corrected"  # an error in it was corrected after it was final
    CANCELLED = "cancelled"  # there will be none


class FollowUp(StrEnum):
    """What follows from a result that is not clear: the fact that carries the obligation on."""

    EXTRA = "extra"  # an examination beside the protocol
    HOLD = "hold"
    END = "end"
    RESTART = "restart"
    TASK = "task"  # something with an owner and a day: a biopsy, a tumour board, a visit in clinic
    CONTINUE = "continue"  # a recurrence, and the plan goes on for a reason
    REPEAT = "repeat"  # an inadequate study is repeated by a day
    NOTED = "noted"  # ticked off in words, before a fact was asked for


class HoldReason(StrEnum):
    METASTASIS = "metastasis"  # unresected: treatment drives the imaging
    PREGNANCY = "pregnancy"
    TREATMENT = "treatment"
    AWAY = "away"
    DECLINED = "declined"
    OTHER = "other"


class DeferralKind(StrEnum):
    """The ways in which somebody or something is put off; each has a reason, a role and a day to look at it again."""

    OFF = "off"  # an item that the protocol repeats is not repeated
    MOVE = "move"  # one examination goes to a later day
    SKIP = "skip"  # one examination is left out
    HOLD = "hold"  # a plan or an item pauses
    SNOOZE = "snooze"  # a row of the board is put aside
    RESTART = "restart"  # follow-up ended to begin again by a day
    TRANSFER = "transfer"  # another clinic is to take over


class EndReason(StrEnum):
    """The final ends a plan can have; each is signed by a named person."""

    RECURRENCE = "recurrence"
    TRANSFER = "transfer"
    PATIENT_WISH = "patient_wish"
    COMPLETED = "completed"
    DEATH = "death"
    RESTARTED = "restarted"  # closed by a restart from a new anchor


class Status(StrEnum):
    """Where one examination stands on a day. Derived from facts and the day; never typed in by anyone."""

    REVIEWED = "reviewed"
    REPORTED = "reported"
    PERFORMED = "performed"
    ENDED = "ended"
    SKIPPED = "skipped"
    HELD = "held"
    NOT_DONE_HOLD = "not_done_hold"
    OUTCOME_UNKNOWN = "outcome_unknown"
    MISSED = "missed"
    BOOKED = "booked"
    OVERDUE = "overdue"
    DUE = "due"
    TO_ORDER = "to_order"
    UPCOMING = "upcoming"


class Step(StrEnum):
    """What a message is for. The first six are reminders and bound by caps; the others are not.

    A change and a cancellation are notices, planned from the facts. An answer is said once, to one number, because
    somebody wrote or because staff have something to say.
    """

    ON_BOOKING = "on_booking"
    DAYS_7 = "7d"
    DAYS_3 = "3d"
    DAYS_1 = "1d"
    OVERDUE = "overdue"
    BOOK_NOW = "book_now"
    CHANGE = "change"
    CANCEL = "cancel"
    ANSWER = "answer"


class Source(StrEnum):
    """By what way a patient said something: a reply, the patient's own page, or to a person."""

    REPLY = "reply"
    PAGE = "page"
    STAFF = "staff"


class ReminderState(StrEnum):
    """The life of one planned message.

    planned → claimed → sent → delivered, or on the way out: voided (no longer true), dropped (a cap, a closed
    window), failed (a provider refused for good), in_doubt (nobody knows whether it went out), task (a person
    takes over).
    """

    PLANNED = "planned"
    CLAIMED = "claimed"
    SENT = "sent"
    DELIVERED = "delivered"
    VOIDED = "voided"
    DROPPED = "dropped"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    TASK = "task"


class AttemptState(StrEnum):
    """One call to a provider: written before the call, so that a crash leaves a trace."""

    IN_FLIGHT = "in_flight"
    ACCEPTED = "accepted"  # the provider took it and gave an id
    DELIVERED = "delivered"
    REFUSED = "refused"  # the provider answered with an error; not sent
    UNDELIVERED = "undelivered"  # accepted first, failed later
    IN_DOUBT = "in_doubt"
    ABSENT = "absent"  # looked for at the provider and certainly not there
