"""What the board says of safety flags, of people who came of age or are gone, and of the clinic itself."""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from uuid import UUID

from surveillance.core import plain
from surveillance.core.protocols import safety
from surveillance.core.protocols.safety import Flags
from surveillance.core.words import Role
from surveillance.operations.board.study_words import Row, Sentences, StudyWords
from surveillance.operations.work import Work
from surveillance.store.board.base import APPROVAL_HOLDS
from surveillance.store.registry import patients
from surveillance.store.visits import appointments

_ASK_CLINICIAN = "let a clinician confirm it with a reason, or change the visit"
_NOBODY: Mapping[Role, str] = MappingProxyType(
    {
        Role.COORDINATOR: "nobody books, calls or answers here",
        Role.CLINICIAN: "nobody reviews, decides or signs here",
    }
)


class PeopleWords(StudyWords):
    """Describes rows; ``lines`` of visits and the contacts of patients are fetched once for all of them."""

    def __init__(self, work: Work, today: date, raw: Sequence[tuple[str, Row]]) -> None:
        super().__init__(work, today)
        visits = [UUID(row["subject"]) for kind, row in raw if kind == "outcome_unknown"]
        visits += [UUID(row["about"]) for kind, row in raw if kind == "flag_unconfirmed"]
        self.lines = appointments.lines_of(work.session, visits)
        unreached = [row["patient_id"] for kind, row in raw if kind in ("unreachable", "of_age")]
        self.contacts = patients.contacts_of(work.session, unreached)
        self.barred = patients.opted_out(work.session, [c.phone for own in self.contacts.values() for c in own])

    def flag(self, row: Row) -> Sentences:
        known = Flags(row["mri_unsafe"], row["contrast_allergy"], row["egfr"], row["egfr_on"])
        line = next((each for each in self.lines.get(UUID(row["about"]), ()) if each.item == row["item"]), None)
        items = self.work.protocol(row["protocol_key"]).items
        item = next((each for each in items if each.code == row["item"]), None)
        if item is None:
            return self.examination(row), "a safety flag speaks against it", _ASK_CLINICIAN
        standing = safety.concerns(known, item, item.substitute(line.substitute if line else ""), row["since"])
        why = " and ".join(each.why for each in standing if line is None or each.token not in line.flags_confirmed)
        instead = [each.title for each in safety.substitutes(item, standing)]
        ways = f"let a clinician confirm it, or book {' or '.join(instead)} instead" if instead else _ASK_CLINICIAN
        return f"{self.examination(row)}, booked for {row['since']}", why, ways

    # -- people and the clinic ---------------------------------------------------------------------------------

    def of_age(self, row: Row) -> Sentences:
        others = sorted(
            {plain.CONTACT[each.kind] for each in self.contacts.get(row["patient_id"], ()) if each.kind != "self"}
        )
        whom = f"; messages go to {' and '.join(others)}" if others else ""
        why = f"of age since {row['since']}; contacts and consents were given before{whom}"
        return "whom to write to, and with whose word", why, "ask the patient, put contacts and consents right, say so"

    def owner_gone(self, row: Row) -> Sentences:
        return (
            "the patient's owner",
            f"{row['owner_name']} does not act here any more",
            "hand the patient over to somebody",
        )

    def task_owner_gone(self, row: Row) -> Sentences:
        why = f"{row['owner_name']} does not act here any more; it is due on {row['due_on']}"
        return row["what"], why, "hand the task over to somebody"

    def nobody_acts(self, row: Row) -> Sentences:
        role = Role(row["role"])
        return f"no {role}", _NOBODY[role], "an administrator gives somebody the role"

    def approval(self, row: Row) -> Sentences:
        gone = row["disabled_at"] is not None or row["recorded_at"] > self.work.now - APPROVAL_HOLDS
        signed = f"{row['signer']} approved it on {row['recorded_at']:%Y-%m-%d}"
        why = f"{signed}, and is no clinician here any more" if gone else f"{signed}, over two years ago"
        return f"approval of {row['protocol_key']}", why, "a clinician reads it again and approves it anew"
