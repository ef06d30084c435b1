"""The audit trail in plain English: what each action is called, and what stood in a record before and after."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

ACTION: Final[Mapping[str, str]] = MappingProxyType(
    {
        "audit.export": "took the audit log out as a file",
        "audit.view": "looked at the audit log",
        "board.assign": "assigned a row of the board",
        "board.call": "wrote down a call",
        "board.export": "took a list of the board out as a file",
        "board.note": "wrote a note on the board",
        "board.snooze": "put a row of the board aside",
        "board.view": "saw the patient on the board",
        "closure.add": "added a day on which the site is closed",
        "closure.remove": "took back a day on which the site was to be closed",
        "condition.add": "recorded a disease",
        "condition.edit": "described a disease",
        "condition.retract": "took a disease back",
        "consent.given": "recorded consent",
        "consent.withdrawn": "recorded that consent was withdrawn",
        "contact.add": "added a contact",
        "contact.change": "changed where a contact is reached",
        "contact.edit": "changed a contact",
        "contact.bounce": "learned that mail to a contact comes back",
        "contact.remove": "removed a contact",
        "death.retract": "took back the record of a death",
        "deferral.grant": "put the patient off until a day",
        "deferral.reinstate": "let a deferral stand again",
        "deferral.settle": "ended a deferral",
        "dispatch.look": "looked into refused messages",
        "dispatch.pace": "set how fast a sender sends",
        "dispatch.pause": "paused messages",
        "dispatch.resume": "let messages go out again",
        "dispatch.start": "let a stopped sender send again",
        "dispatch.stop": "stopped a sender that is in trouble",
        "examination.counts": "decided that an early study counts",
        "examination.fits": "decided that a study counts although it does not fit",
        "examination.extra": "asked for an extra examination",
        "examination.extra_evidence": "decided that an early study does not count",
        "examination.known_blank": "confirmed that no earlier study exists",
        "examination.move": "moved an examination",
        "examination.skip": "skipped an examination",
        "extra_examination.retract": "took back an extra examination",
        "feed.create": "made a calendar address",
        "feed.revoke": "closed a calendar address",
        "import": "took in a file",
        "import.confirm": "confirmed what an uploaded file changes",
        "import.discard": "discarded an uploaded file",
        "import.export": "took the rows out as a file that an upload left to mend",
        "import.failed": "stopped taking in a file",
        "import.upload": "uploaded a file",
        "language.approve": "approved a language of messages",
        "language.withdraw": "took back the approval of a language",
        "message.done": "settled a message",
        "message.export": "took the life of a message out as a file",
        "message.resend": "had a message sent again",
        "message.write": "wrote to the patient",
        "number.answered": "noted that a number works: a message arrived",
        "number.landline": "noted that a number is a landline",
        "number.opt_in": "recorded that a number wants messages again",
        "number.opt_out": "recorded that a number wants no messages",
        "number.pause": "paused a number",
        "number.release": "released a number",
        "number.trouble": "noted that messages to a number fail",
        "number.verified": "verified a number",
        "override.retract": "took back a decision about an examination",
        "page.create": "made an address of the patient's page",
        "page.language": "chose a language on the patient's page",
        "page.lock": "locked an address of the patient's page after too many wrong birth dates",
        "page.open": "gave the right birth date on the patient's page",
        "page.revoke": "closed an address of the patient's page",
        "page.wrong": "gave a wrong birth date on the patient's page",
        "patient.add": "registered the patient",
        "patient.alive": "took back the record of a death",
        "patient.died": "recorded the patient's death",
        "patient.edit": "changed the patient's record",
        "patient.find": "saw the patient in a list",
        "patient.import": "imported the patient",
        "patient.of_age": "reviewed whom to write to, since the patient came of age",
        "patient.owner": "handed the patient over",
        "patient.view": "looked at the patient's record",
        "place.add": "added a place",
        "place.edit": "changed a place",
        "plan.anchor": "corrected the anchor date",
        "plan.end": "ended the plan",
        "plan.enrol": "enrolled the patient",
        "plan.hold": "put the plan on hold",
        "plan.reopen": "took back the end of the plan",
        "plan.restart": "restarted follow-up",
        "plan.return": "took the patient back from elsewhere",
        "plan.resume": "resumed the plan",
        "plan.review_hold": "reviewed a hold",
        "plan.terms": "changed the protocol or an interval",
        "plan_hold.retract": "took back a hold",
        "plan_terms.retract": "took back a change of protocol or interval",
        "protocol.lapse": "ended the approval of a protocol",
        "protocol.approve": "approved a protocol",
        "protocol.look_again": "looked again at a source of a protocol",
        "reply.settle": "settled a patient's reply",
        "site.add": "added the site",
        "site.edit": "changed the site's settings",
        "site.go_live": "set the day from which messages go out",
        "result_task.add": "gave somebody something to do about a result",
        "result_task.done": "did what came of a result",
        "result_task.owner": "handed a task over",
        "result_task.retract": "took back something to do about a result",
        "study.acted": "recorded what follows from a result",
        "study.add": "recorded a study",
        "study.reopen": "asked anew what follows from a result",
        "study.report": "recorded a report",
        "study.retract": "took back a study",
        "study_report.retract": "took back a report",
        "study.review": "reviewed a report",
        "study.rule": "decided what a study counts for",
        "study.serve": "recorded what else a study proves",
        "study.tell": "recorded that the patient was told",
        "text.approve": "approved a clinic's own wording",
        "text.discard": "discarded a draft of a wording",
        "text.draft": "drafted a clinic's own wording",
        "text.withdraw": "withdrew a clinic's own wording",
        "token.create": "made an API token",
        "token.revoke": "revoked an API token",
        "user.add": "added a user",
        "user.disable": "disabled a user",
        "user.edit": "changed a user's name or email",
        "user.enable": "enabled a user again",
        "user.recovery_code": "signed in with a recovery code",
        "user.recovery_codes": "made new recovery codes",
        "user.reset": "set a password",
        "user.role": "changed a user's role",
        "user.second_factor": "changed a second factor",
        "user.sign_in": "signed in",
        "user.sign_in_refused": "refused a sign-in",
        "user.sign_out": "signed out",
        "user.single_sign_on": "linked a user to the hospital's sign-in",
        "visit.accept": "kept a visit outside its window",
        "visit.book": "booked a visit",
        "visit.cancel": "cancelled a visit",
        "visit.cancelled": "recorded an examination as cancelled",
        "visit.confirm_flags": "confirmed a safety flag for a visit",
        "visit.substitute": "chose what is done instead at a visit",
        "visit.confirm": "noted that the patient comes",
        "visit.move": "moved a visit",
        "visit.noshow": "recorded that the patient did not come",
        "visit.not_done": "recorded an examination that was not done",
        "visit.performed": "recorded an examination as done",
        "visit.reopen": "took back what was recorded about a visit",
        "wish.add": "noted a wish for another day",
        "wish.settle": "settled a wish for another day",
    }
)
KIND: Final[Mapping[str, str]] = MappingProxyType(
    {
        "deferral": "deferral",
        "patient": "patients",
        "contact": "contacts",
        "condition": "diseases",
        "consent": "consent",
        "plan": "plans",
        "examination": "examinations",
        "visit": "visits",
        "wish": "wishes for another day",
        "study": "studies and reports",
        "result_task": "tasks that came of a result",
        "message": "messages",
        "reply": "replies",
        "number": "phone numbers",
        "text": "a clinic's own texts",
        "language": "languages of messages",
        "board": "the board",
        "import": "imports",
        "export": "exports",
        "feed": "calendar addresses",
        "page": "patients' pages",
        "user": "users and sign-in",
        "token": "API tokens",
        "site": "sites",
        "place": "places",
        "closure": "days closed",
        "protocol": "protocols",
        "dispatch": "pausing messages",
        "audit": "the audit log",
    }
)
_EXAMINATION: Final = re.compile(r"([a-z_]+)@(\d+)")
_CLOCK: Final = re.compile(r"\d\d:\d\d:\d\d")
_TECHNICAL: Final = ("_id", "_by", "_hash", "digest", "folded", "sequence")


def did(action: str) -> str:
    """What somebody did, to be read after their name."""
    if action in ACTION:
        return ACTION[action]
    kind, _, what = action.partition(".")
    if kind == "export":
        return f"took data out as {what.upper()}"
    return action.replace(".", ": ").replace("_", " ")


def changes(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, zone: str
) -> tuple[tuple[str, str, str], ...]:
    """Each value that was replaced: its name, what it was, what it is. Ids say nothing to a reader and are left out."""
    old, new = before or {}, after or {}
    names = [name for name in {**old, **new} if name != "id" and not name.endswith(_TECHNICAL)]
    rows = ((name.replace("_", " "), told(old.get(name), zone), told(new.get(name), zone)) for name in names)
    return tuple(row for row in rows if row[1] or row[2])


def told(value: Any, zone: str) -> str:
    """A value of the trail, which keeps them as JSON does, in words; nothing for nothing."""
    match value:
        case None | "":
            return ""
        case bool():
            return "yes" if value else "no"
        case str():
            return _text(value, zone)
        case Mapping():
            return ", ".join(f"{name}: {told(inner, zone)}" for name, inner in value.items())
        case Sequence():
            return ", ".join(told(inner, zone) for inner in value)
        case _:
            return str(value)


def _text(value: str, zone: str) -> str:
    """Days, moments and examinations as people write them, and words of ours without their underscores."""
    if found := _EXAMINATION.fullmatch(value):
        return f"{found[1].replace('_', ' ')}, month {found[2]}"
    if _CLOCK.fullmatch(value):
        return value[:5]
    try:
        if len(value) == len("2026-12-01"):
            return _day(date.fromisoformat(value))
        if "T" in value and (moment := datetime.fromisoformat(value)).tzinfo is not None:
            local = moment.astimezone(ZoneInfo(zone))
            return f"{_day(local.date())}, {local:%H:%M}"
    except ValueError:
        pass
    return value.replace("_", " ") if value.isidentifier() and value.islower() else value


def _day(value: date) -> str:
    return f"{value:%a} {value.day} {value:%b %Y}"
