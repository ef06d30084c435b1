"""The audit trail in words: every action that the code writes has its own, and no value is shown raw."""

import re
from pathlib import Path
from typing import Any

import pytest

import surveillance
from surveillance.core.audit.action_words import ACTION, KIND, changes, did, told
from surveillance.core.words import ConsentAct, Outcome
from surveillance.operations.board.acts import WorklistAction
from surveillance.store.tables import OverrideKind

SOURCES = Path(surveillance.__file__).parent
_WRITTEN = re.compile(
    r"""(?:audit|put|_set|_event|_keep_number|_record_enrolment|looked|Note)\([^)]*?"([a-z_]+(?:\.[a-z_]+)?)\""""
)
MADE = {  # actions whose name is made of an enumeration
    *(f"board.{kind.value}" for kind in WorklistAction),
    *("board.view", "board.export"),  # which stand behind more brackets than are read here
    *(f"consent.{act.value}" for act in ConsentAct),
    *(f"examination.{kind.value}" for kind in OverrideKind),
    *(f"visit.{outcome.value}" for outcome in Outcome),
}


def written() -> set[str]:
    """The actions that stand in the source, next to the call that writes them."""
    texts = (file.read_text(encoding="utf-8") for file in SOURCES.rglob("*.py"))
    return {action for text in texts for action in _WRITTEN.findall(text) if "." in action or action == "import"}


def test_every_action_that_is_written_has_words() -> None:
    found = written()
    assert {"patient.add", "study.report", "plan.enrol", "number.pause", "user.sign_in"} <= found
    assert sorted((found | MADE) - ACTION.keys()) == []
    assert {action.partition(".")[0] for action in found | MADE} <= KIND.keys()


def test_an_action_without_words_is_readable_all_the_same() -> None:
    assert did("visit.book") == "booked a visit"
    assert did("export.csv") == "took data out as CSV"
    assert did("visit.new_thing") == "visit: new thing"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, ""),
        ("", ""),
        (True, "yes"),
        (False, "no"),
        (61.5, "61.5"),
        ("not_done", "not done"),
        ("Okafor_Lind", "Okafor_Lind"),
        ("2026-12-01", "Tue 1 Dec 2026"),
        ("2026-99-01", "2026-99-01"),
        ("2026-11-23T15:00:00+00:00", "Mon 23 Nov 2026, 10:00"),
        ("15:30:00", "15:30"),
        ("chest_imaging@15", "chest imaging, month 15"),
        ("Tuesday", "Tuesday"),
        (["sms", "email"], "sms, email"),
        ({"mri_primary": 4}, "mri_primary: 4"),
    ],
)
def test_a_value_is_told_in_words(value: Any, words: str) -> None:
    assert told(value, "America/New_York") == words


def test_changes_leave_out_what_says_nothing() -> None:
    before = {"id": "x", "owner_id": "y", "family_name": "Ash", "egfr": None, "folded": "ash"}
    after = {"family_name": "Birch", "egfr": None, "recorded_by": "z", "died_on": "2026-12-01"}
    assert changes(before, after, "UTC") == (("family name", "Ash", "Birch"), ("died on", "", "Tue 1 Dec 2026"))
    assert changes(None, None, "UTC") == ()
