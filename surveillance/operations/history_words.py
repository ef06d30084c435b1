"""The words of the history: what each audited action and each recorded value is called."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from surveillance.core import plain
from surveillance.core.words import Channel, ConsentAct, ContactKind, EndReason, HoldReason, Outcome, Result, Sex

ACTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "patient.add": "Registered",
        "patient.import": "Imported",
        "patient.edit": "Details corrected",
        "patient.died": "Death recorded",
        "patient.alive": "Death taken back",
        "contact.add": "Contact added",
        "contact.change": "Contact changed",
        "contact.edit": "Contact changed",
        "contact.remove": "Contact removed",
        "consent.given": "Consent given",
        "consent.withdrawn": "Consent withdrawn",
        "plan.enrol": "Enrolled",
        "plan.restart": "Restarted as a new plan",
        "plan.terms": "Protocol or intervals changed",
        "plan.anchor": "End of treatment corrected",
        "plan.hold": "Put on hold",
        "plan.resume": "Hold resumed",
        "plan.review_hold": "Hold to be reviewed later",
        "plan.end": "Plan ended",
        "plan.reopen": "End of the plan taken back",
        "examination.move": "Examination moved",
        "examination.skip": "Examination skipped",
        "examination.known_blank": "No earlier study: confirmed",
        "examination.extra": "Extra examination asked for",
        "visit.book": "Visit booked",
        "visit.move": "Visit moved",
        "visit.cancel": "Visit cancelled",
        "visit.accept": "Visit kept outside its window",
        "visit.reopen": "Outcome taken back",
        "visit.performed": "Examination done",
        "visit.not_done": "Examination not done",
        "visit.noshow": "Did not come",
        "visit.cancelled": "Examination called off",
        "study.add": "Study recorded",
        "study.serve": "Study proves more examinations",
        "study.report": "Report recorded",
        "study.review": "Reviewed",
        "study.acted": "Next action taken",
        "study.tell": "Patient told",
        "study.rule": "Early study ruled on",
        "study.retract": "Study retracted",
        "plan_hold.retract": "Hold retracted",
        "override.retract": "Decision retracted",
        "extra_examination.retract": "Extra examination retracted",
        "plan_terms.retract": "Change of intervals retracted",
        "death.retract": "Death retracted",
        "feed.create": "Calendar address made",
        "feed.revoke": "Calendar address closed",
        "message.done": "Message settled by a person",
        "message.resend": "Message sent again",
        "reply.settle": "Reply settled",
        "board.note": "Note",
        "board.call": "Call",
        "board.snooze": "Put aside on the board",
        "board.assign": "Given to a colleague",
        "number.opt_out": "Phone number opted out",
        "number.opt_in": "Phone number opted in",
        "number.pause": "Phone number paused",
        "number.release": "Phone number may be written to again",
    }
)
LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mrn": "MRN",
        "egfr": "eGFR",
        "egfr_on": "eGFR of",
        "mri_unsafe": "MRI unsafe",
        "at": "time",
        "place_id": "place",
        "owner_id": "owner",
        "assigned_to": "given to",
        "anchor": "end of treatment",
        "since": "from",
        "start": "from",
        "end_reason": "because of",
        "protocol_key": "protocol",
        "phone_given": "phone as given",
        "performed_on": "done on",
        "reported_on": "reported on",
        "reviewed_on": "reviewed on",
        "told_on": "patient told on",
        "review_on": "review on",
        "resumed_on": "resumed on",
        "next_action_done_on": "next action taken on",
        "requested_on": "asked for on",
        "retracted_reason": "reason",
        "worklist": "list",
    }
)
# Bookkeeping that tells a person nothing: ids, who recorded it (the event itself says so), derived columns.
SILENT: Final = re.compile(
    r"(^|_)id$|_by$|^(folded|horizon|zone|starts_at|sequence|was_booked|edited_at|changed_at|booked_at|created_at"
    r"|recorded_at|retracted_at|outcome_at|died_recorded_at|secret_hash|subject|outside|priority|source)$"
)
NAMED: Final = ("place_id", "owner_id", "assigned_to")
WORDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "sex": {word.value: plain.SEX[word] for word in Sex},
        "end_reason": {word.value: plain.END[word] for word in EndReason},
        "result": {word.value: plain.RESULT[word] for word in Result},
        "outcome": {word.value: plain.OUTCOME[word] for word in Outcome},
        "act": {word.value: plain.CONSENT[word] for word in ConsentAct},
        "channel": {word.value: plain.CHANNEL[word] for word in Channel},
        "reason": {word.value: plain.HOLD[word] for word in HoldReason},
        "kind": {word.value: plain.CONTACT[word] for word in ContactKind} | plain.OVERRIDE,
        "state": {word.value: text for word, text in (*plain.VISIT.items(), *plain.MESSAGE.items())},
    }
)
