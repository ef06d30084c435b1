"""The words of the history: what each recorded value is called, and which ones tell a person nothing."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from surveillance.core import plain
from surveillance.core.words import (
    Channel,
    ConsentAct,
    ContactKind,
    EndReason,
    FollowUp,
    HoldReason,
    Outcome,
    ReportStatus,
    Result,
    Sex,
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
        "email_failed_at": "mail came back on",
        "email_failed_why": "why mail came back",
        "performed_on": "done on",
        "reported_on": "reported on",
        "reviewed_on": "reviewed on",
        "told_on": "patient told on",
        "review_on": "review on",
        "resumed_on": "resumed on",
        "next_action_done_on": "carried on since",
        "follow_up": "carried on by",
        "repeat_by": "to be repeated by",
        "report_status": "report",
        "to_review_since": "to review since",
        "read_on": "read on",
        "due_on": "due on",
        "done_on": "done on",
        "requested_on": "asked for on",
        "retracted_reason": "reason",
        "worklist": "list",
    }
)
# Bookkeeping that tells a person nothing: ids, who recorded it (the event itself says so), derived columns.
SILENT: Final = re.compile(
    r"(^|_)id$|_by$|^(folded|horizon|zone|starts_at|sequence|was_booked|edited_at|changed_at|booked_at|created_at"
    r"|recorded_at|retracted_at|outcome_at|modality_stated|number|died_recorded_at|secret_hash|subject|outside|priority|source)$"
)
NAMED: Final = ("place_id", "owner_id", "assigned_to")
WORDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "sex": {word.value: plain.SEX[word] for word in Sex},
        "end_reason": {word.value: plain.END[word] for word in EndReason},
        "result": {word.value: plain.RESULT[word] for word in Result},
        "report_status": {word.value: plain.REPORT[word] for word in ReportStatus},
        "status": {word.value: plain.REPORT[word] for word in ReportStatus},
        "follow_up": {word.value: plain.FOLLOW_UP[word] for word in FollowUp},
        "outcome": {word.value: plain.OUTCOME[word] for word in Outcome},
        "act": {word.value: plain.CONSENT[word] for word in ConsentAct},
        "channel": {word.value: plain.CHANNEL[word] for word in Channel},
        "reason": {word.value: plain.HOLD[word] for word in HoldReason},
        "kind": {word.value: plain.CONTACT[word] for word in ContactKind} | plain.OVERRIDE,
        "state": {word.value: text for word, text in (*plain.VISIT.items(), *plain.MESSAGE.items())},
    }
)
