"""The second prover is content with ordinary life, and sees what somebody does to a patient by hand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import furnished
import pytest
import sqlalchemy as sa
from board_clinic import START, TODAY, Clinic, catalogue
from lived_in import lived_in, patient_of, plan_of, sql

from surveillance.operations.proof import second_proof
from surveillance.operations.proof.second_proof import RULE, Told
from surveillance.operations.proof.violation import Violation
from surveillance.operations.work import Work
from surveillance.store import db
from surveillance.store.board.worklist import Worklist
from surveillance.store.proof import rules

DAY = timedelta(days=1)
FAR = f"'{TODAY + 800 * DAY}'"
HELD_UNTIL = f"'{TODAY + 30 * DAY}'"


@pytest.fixture
def clinic(engine: sa.Engine) -> Clinic:
    return replace(furnished.once(engine, "check", lambda: lived_in(engine)))


def found(clinic: Clinic, told: Told | None = None) -> list[Violation]:
    with db.reading(clinic.engine) as session:
        work = Work(session, START + DAY, clinic.clinician, catalogue())
        return list(second_proof.of_patients(work, rules.patient_ids(session), told))


def test_ordinary_life_is_proved_and_counted(clinic: Clinic) -> None:
    told = Told()
    assert found(clinic, told) == []
    assert (told.counts["patients"], told.counts["plans"], told.counts["far"], told.signed) == (6, 5, 0, set())


OPEN_ONES = f"month = 12 AND {plan_of('MIDWAY')}"
UNPLANNED = f"gap WHERE {patient_of('UNPLANNED')}"
DAMAGE: dict[str, tuple[Sequence[str], str, str]] = {
    "an examination deleted": ([f"DELETE FROM examination WHERE {OPEN_ONES}"], "MIDWAY", "is owed and not shown"),
    "an examination closed": (
        [f"UPDATE examination SET open = (1 = 0) WHERE {OPEN_ONES}"],
        "MIDWAY",
        "and not True",
    ),
    "overdue much later": (
        [f"UPDATE examination SET overdue_from = {FAR} WHERE {OPEN_ONES}"],
        "MIDWAY",
        "overdue_from is 2029-01-31",
    ),
    "overdue counted from later": (
        [f"UPDATE examination SET overdue_since = {FAR} WHERE {OPEN_ONES}"],
        "MIDWAY",
        "overdue_since is 2029-01-31",
    ),
    "a cell that never ends": (
        [f"UPDATE examination SET cell_end = {FAR} WHERE {OPEN_ONES}"],
        "MIDWAY",
        "cell_end is 2029-01-31",
    ),
    "fulfilled by a study of another month": (
        [
            (
                "UPDATE examination SET study_id = (SELECT study_id FROM examination e WHERE e.month = 6 AND"
                f" e.item = examination.item AND e.{plan_of('MIDWAY')}) WHERE {OPEN_ONES}"
            )
        ],
        "MIDWAY",
        "study_id is",
    ),
    "a study taken away": (
        ["DELETE FROM study_item WHERE study_id IN (SELECT id FROM study WHERE performed_on = '2026-08-01')"],
        "MIDWAY",
        "overdue_since is 2026-12-08",
    ),
    "withdrawn from every list": (
        [f"UPDATE examination SET withdrawn = (1 = 1) WHERE {plan_of('MIDWAY')}"],
        "MIDWAY",
        "nothing is owed by a day",
    ),
    "held without a hold": (
        [f"UPDATE examination SET held_from = '{TODAY}' WHERE {OPEN_ONES}"],
        "MIDWAY",
        "held_from is 2026-11-23 and not None",
    ),
    "skipped by nobody": (
        [f"UPDATE examination SET skip_review_on = {FAR} WHERE {OPEN_ONES}"],
        "MIDWAY",
        "skip_review_on is 2029-01-31 and not None",
    ),
    "nothing planned ahead": (
        [f"UPDATE plan SET horizon = '{TODAY}' WHERE {patient_of('MIDWAY')}"],
        "MIDWAY",
        "nothing is known after 2026-11-23",
    ),
    "a hold moved by hand": (
        [f"UPDATE plan_hold SET review_on = {FAR}"],
        "HELD",
        "until 2029-01-31, granted by nobody",
    ),
    "a hold that nobody granted": (
        ["DELETE FROM deferral WHERE kind = 'hold'"],
        "HELD",
        "granted by nobody",
    ),
    "an end that nobody signed": (
        ["UPDATE plan SET end_signed_by = NULL WHERE end_reason = 'transfer'"],
        "ENDED",
        "transfer, and no clinician signed it",
    ),
    "an end signed by a coordinator": (
        [
            (
                "UPDATE plan SET end_signed_by = (SELECT user_id FROM membership WHERE role = 'coordinator')"
                " WHERE end_reason = 'transfer'"
            )
        ],
        "ENDED",
        "transfer, and no clinician signed it",
    ),
    "dead only in a column": (
        [f"UPDATE patient SET died_on = '{TODAY}' WHERE mrn = 'MIDWAY'"],
        "MIDWAY",
        "is stored otherwise than recorded",
    ),
    "alive again in a column": (
        ["UPDATE patient SET died_on = NULL WHERE mrn = 'DEAD'"],
        "DEAD",
        "is stored otherwise than recorded",
    ),
    "without a plan and on no list": ([f"DELETE FROM {UNPLANNED}"], "UNPLANNED", "is work that is shown nowhere"),
    "nobody left who could see it": (
        [f"UPDATE user_account SET disabled_at = '{START:%Y-%m-%d %H:%M:%S}' WHERE username <> 'system'"],
        "MIDWAY",
        "no active person works at the site",
    ),
    "a row put aside for years": (
        [
            (
                "INSERT INTO board_action (id, site_id, worklist, subject, patient_id, kind, at, until, user_id, text)"
                " SELECT id, site_id, 'overdue', 'x', patient_id, 'snooze', '2026-11-23 09:00:00', '2029-01-31',"
                f" recorded_by, '' FROM plan WHERE {patient_of('MIDWAY')}"
            )
        ],
        "MIDWAY",
        "until 2029-01-31",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_seen_from_outside(clinic: Clinic, name: str) -> None:
    statements, mrn, said = DAMAGE[name]
    sql(*statements)(clinic)
    seen = [each for each in found(clinic) if each.subject == f"MRN {mrn}"]
    assert any(said in each.what and each.rule == RULE for each in seen), [str(each) for each in seen]


def test_whoever_is_overdue_is_on_the_board_and_nobody_else(clinic: Clinic) -> None:
    with db.reading(clinic.engine) as session:
        work = Work(session, START + 40 * DAY, clinic.clinician, catalogue())
        told, everybody = Told(), rules.patient_ids(session)
        assert list(second_proof.of_patients(work, everybody, told)) == []
        assert told.overdue
        assert list(second_proof.of_board(work, told)) == [], "what is overdue in January is on January's board"
        stale = Told(overdue=set(everybody) - told.overdue)
        assert list(second_proof.of_board(work, stale)) == [], "what was gathered before is proved again"


def test_an_overdue_patient_whom_the_board_hides_is_named(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_proof, "OVERDUE", Worklist.HOLDS)  # a list that does not have them
    with db.reading(clinic.engine) as session:
        work = Work(session, START + 40 * DAY, clinic.clinician, catalogue())
        told = Told()
        list(second_proof.of_patients(work, rules.patient_ids(session), told))
        said = {(each.subject, each.what) for each in second_proof.of_board(work, told)}
    assert ("MRN MIDWAY", "overdue: not on the board") in said
    assert ("MRN HELD", "overdue: on the board and not so") in said


def test_a_patient_whose_facts_cannot_be_read_is_named_and_the_others_are_proved(clinic: Clinic) -> None:
    statements, _, said = DAMAGE["a hold moved by hand"]
    broken = "UPDATE plan_terms SET intervals = '[1, 2]' WHERE " + plan_of("MIDWAY")
    sql(*statements, broken)(clinic)
    seen = {each.subject: each.what for each in found(clinic)}
    assert "the facts cannot be read" in seen["MRN MIDWAY"]
    assert said in seen["MRN HELD"]
