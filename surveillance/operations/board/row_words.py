"""What the board says about a row: what it is, why it stands there, what to do next, in plain sentences."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from uuid import UUID

from surveillance.core import plain
from surveillance.core.replies.vocabulary import Meaning
from surveillance.core.schedule.examinations import FindingKind
from surveillance.core.words import ReminderState
from surveillance.operations.board.study_words import Row, Sentences, StudyWords, item_title
from surveillance.operations.registry.phones import readable
from surveillance.operations.work import Work
from surveillance.store.board.worklist import Worklist
from surveillance.store.registry import patients
from surveillance.store.tables import Contact
from surveillance.store.visits import appointments

PRINT = "print the letter, post it, and say so"
TITLES: Mapping[Worklist, str] = {
    Worklist.OVERDUE: "Overdue",
    Worklist.TO_ORDER: "To order",
    Worklist.DUE: "Due and unbooked",
    Worklist.OUTCOME_UNKNOWN: "Visit over, outcome unknown",
    Worklist.UNREACHABLE: "Undelivered, or no way to reach",
    Worklist.REPLIES: "Replies to answer",
    Worklist.RESCHEDULE: "Another day asked for",
    Worklist.NO_REPORT: "Performed, no report",
    Worklist.NOT_REVIEWED: "Reported, not reviewed",
    Worklist.NO_NEXT_ACTION: "Not clear, no next action",
    Worklist.RESULT_TASKS: "Tasks that came of a result",
    Worklist.REPEAT_DUE: "Inadequate, to be repeated",
    Worklist.NOT_TOLD: "Reviewed, patient not told",
    Worklist.CONFLICTS: "Conflicts",
    Worklist.HOLDS: "Holds and skips to review",
    Worklist.LAST_SCAN_UNKNOWN: "Last scan unknown",
    Worklist.WITHOUT_PLAN: "Without a plan",
    Worklist.RESTART_DUE: "Restart due",
    Worklist.IN_DOUBT: "In doubt: perhaps sent",
}
CONFLICTS: Mapping[FindingKind, tuple[str, str]] = MappingProxyType(
    {
        FindingKind.STUDY_EARLY: (
            "the study of {day} came long before this examination was due",
            "decide whether it counts or is extra evidence",
        ),
        FindingKind.BOOKED_OUTSIDE_WINDOW: (
            "the visit of {day} lies outside the window, which moved after it was booked",
            "move the visit, or accept it as it is",
        ),
        FindingKind.BOOKED_UNWANTED: (
            "a visit is booked for {day}, but the plan does not ask for this examination any more",
            "cancel the visit, or record it as an extra examination",
        ),
        FindingKind.BOOKED_TWICE: (
            "the visit of {day} is the second one for this examination",
            "cancel one of the two visits",
        ),
        FindingKind.MOVE_NOT_POSSIBLE: (
            "it was moved to {day}, which would now pass its neighbour",
            "retract the move, or move it to another day",
        ),
        FindingKind.PROTOCOL_ENDS: (
            "the last examination of the protocol was over on {day}",
            "a clinician signs the discharge, or continues with another protocol",
        ),
        FindingKind.REPEAT_WANTED: (
            "the last study was inadequate, and another one is wanted by {day}",
            "book the repeat",
        ),
    }
)


class Words(StudyWords):
    """Describes the rows of one list; ``lines`` of visits are fetched once for all of them."""

    def __init__(self, work: Work, today: date, raw: Sequence[tuple[str, Row]]) -> None:
        super().__init__(work, today)
        visits = [UUID(row["subject"]) for kind, row in raw if kind == "outcome_unknown"]
        self.lines = appointments.lines_of(work.session, visits)
        unreached = [row["patient_id"] for kind, row in raw if kind == "unreachable"]
        self.contacts = patients.contacts_of(work.session, unreached)
        self.barred = patients.opted_out(work.session, [c.phone for own in self.contacts.values() for c in own])

    def describe(self, kind: str, row: Row) -> Sentences:
        sentences: Sentences = _DESCRIBED[kind](self, row)
        return sentences

    # -- examinations ------------------------------------------------------------------------------------------

    def overdue(self, row: Row) -> Sentences:
        why = f"not done; the window was {row['window_start']} to {row['window_end']}"
        if row["since"] < row["overdue_from"]:
            why = f"not done since {row['since']}, earlier ones missed too"
        return self.examination(row), why, "call and book, or record it"

    def due(self, row: Row) -> Sentences:
        why = f"the window runs to {row['window_end']} and nothing is booked"
        return self.examination(row), why, f"book a visit before {row['overdue_from']}"

    def to_order(self, row: Row) -> Sentences:
        return self.examination(row), f"wanted on {row['target']}; booking starts now", "order the examination and book"

    def skip(self, row: Row) -> Sentences:
        why = f"it was skipped, to be looked at again on {row['review_on']}"
        return self.examination(row), why, "retract the skip and book, or put it aside to a later day"

    def outcome_unknown(self, row: Row) -> Sentences:
        key, lines = row.get("protocol_key"), self.lines.get(UUID(row["subject"]), ())
        open_lines = [item_title(self.work, line.item, key) for line in lines]
        what = f"visit of {row['since']}: {', '.join(open_lines) or 'no examination named'}"
        return what, "the visit is over and nobody recorded what was done", "record the outcome of each examination"

    # -- plans -------------------------------------------------------------------------------------------------

    def hold(self, row: Row) -> Sentences:
        covered = self.examination(row) if row["item"] else "the whole plan"
        past = row["review_on"] <= self.today
        why = f"the hold ({row['reason']}) {'was' if past else 'is'} to be reviewed on {row['review_on']}"
        return f"hold of {covered}", why, "resume, or set the next review"

    def off(self, row: Row) -> Sentences:
        why = f"{row['reason']}; to be looked at again on {row['review_on']}"
        return f"{self.examination(row)} is switched off", why, "switch it on, or a clinician leaves it off for longer"

    def transfer(self, row: Row) -> Sentences:
        why = f"{row['reason']}; nobody there has confirmed it, asked by {row['review_on']}"
        return "transfer to another clinic", why, "ask the other clinic, and record who took over"

    def without_plan(self, row: Row) -> Sentences:
        if row["ended_on"]:
            return "no active plan", f"the last plan ended on {row['ended_on']} without a successor", "restart the plan"
        return "no plan", "registered, but never enrolled", "enrol on a protocol"

    def restart_due(self, row: Row) -> Sentences:
        why = f"the plan ended on {row['ended_on']}; follow-up should start again by {row['since']}"
        return "restart after recurrence", why, "restart the plan from the end of the new treatment"

    def last_scan_unknown(self, row: Row) -> Sentences:
        why = "enrolled after its first window, and no earlier study is on record"
        return self.examination(row), why, "ask when it was last done and record it, or confirm that it never was"

    def conflict(self, row: Row) -> Sentences:
        why, next_action = CONFLICTS[FindingKind(row["kind"])]
        return self.examination(row), why.format(day=row["since"]), next_action

    # -- messages ----------------------------------------------------------------------------------------------

    def message(self, row: Row) -> str:
        return f"{plain.CHANNEL[row['channel']]}: {plain.STEP[row['step']]}, about {row['subject_day']}"

    def undelivered(self, row: Row) -> Sentences:
        said = "could not be delivered" if row["state"] == ReminderState.FAILED else "is a task for a person"
        next_action = PRINT if row["channel"] == "letter" else "call the patient and record the outcome"
        return self.message(row), row["reason"] or f"the message {said}", next_action

    def in_doubt(self, row: Row) -> Sentences:
        why = row["reason"] or "nobody knows whether this message went out"
        return self.message(row), why, "look at the provider's list or ask the patient, then settle it"

    def unreachable(self, row: Row) -> Sentences:
        why = _why_unreachable(self.contacts.get(row["patient_id"], []), self.barred)
        return "no way to reach the patient", why, "find another way to reach the patient"

    def reply(self, row: Row) -> Sentences:
        what = f"message from {readable(row['phone'])}: “{_shortened(row['body']) or 'no text'}”"
        why = row["why"] or "nobody has answered it yet"
        return what, why, _SUGGESTED.get(row["keyword"], "answer it and close it")

    def reschedule(self, row: Row) -> Sentences:
        at = f", {row['at']:%H:%M}" if row["at"] else ""
        said = f": “{_shortened(row['text'])}”" if row["text"] else ""
        days = f"; wants {', '.join(row['days'])}" if row["days"] else ""
        why = f"the patient said so {plain.SOURCE[row['source']]}{said}{days}"
        return f"another day than the visit of {row['day']}{at}", why, "move the visit, or say what was agreed"

    def wrong_number(self, row: Row) -> Sentences:
        phone = readable(row["phone"])
        what = f"nothing is sent to {phone}" if row["wrong"] else f"messages to {phone} do not arrive"
        return what, row["why"], "ask for the right number and enter it, or say that this one is right"

    def paused_number(self, row: Row) -> Sentences:
        why = row["why"] or "a reply may have been an opt-out"
        return f"nothing is sent to {readable(row['phone'])}", why, "decide whether this number may be written to"


# What a reply was taken for, where nothing could be done about it without a person.
_SUGGESTED: Mapping[str, str] = MappingProxyType(
    {
        Meaning.CONFIRM: "find out which visit is meant, and confirm it",
        Meaning.ANOTHER_DAY: "find out which visit is meant, and find another day",
        Meaning.MIGHT_BE_STOP: "decide whether this number may be written to",
        Meaning.START: "ask what was meant, and close it",
        Meaning.HELP: "answer it and close it",
    }
)
_SHOWN = 300  # characters of what somebody wrote; the reply's own page has all of it


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN].rstrip()} …"


def _why_unreachable(contacts: Sequence[Contact], barred: frozenset[str]) -> str:
    phones = [contact.phone for contact in contacts if contact.phone]
    unreadable = next((contact.phone_given for contact in contacts if contact.phone_given), "")
    if not contacts:
        return "there is no contact"
    if unreadable and not phones:
        return f"the phone number {unreadable!r} cannot be read"
    if not barred.isdisjoint(phones):
        return "the phone number has opted out"
    if not phones and not any(contact.email for contact in contacts):
        return "there is no phone number, no email address and no postal address"
    return "nobody consented to messages, or consent was withdrawn"


_DESCRIBED: Mapping[str, Callable[[Words, Row], Sentences]] = MappingProxyType(
    {
        "overdue": Words.overdue,
        "due": Words.due,
        "to_order": Words.to_order,
        "skip": Words.skip,
        "outcome_unknown": Words.outcome_unknown,
        "hold": Words.hold,
        "off": Words.off,
        "transfer": Words.transfer,
        "without_plan": Words.without_plan,
        "restart_due": Words.restart_due,
        "last_scan_unknown": Words.last_scan_unknown,
        "conflict": Words.conflict,
        "protocol_ends": Words.conflict,
        "no_report": Words.no_report,
        "not_reviewed": Words.not_reviewed,
        "no_next_action": Words.no_next_action,
        "not_told": Words.not_told,
        "result_task": Words.result_task,
        "repeat_wanted": Words.repeat_wanted,
        "undelivered": Words.undelivered,
        "in_doubt": Words.in_doubt,
        "lost": Words.in_doubt,
        "unreachable": Words.unreachable,
        "reply": Words.reply,
        "reschedule": Words.reschedule,
        "paused_number": Words.paused_number,
        "wrong_number": Words.wrong_number,
    }
)
