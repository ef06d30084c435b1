"""Safety flags: asked where an examination is booked that they concern, and when they change (design 2)."""

import re
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from clinic import ANCHOR, CHEST, DAY, MRI, TODAY, Clinic, change, events, findings, row_of

from surveillance.core.errors import BeyondLimitError, ConflictError, InvalidInputError
from surveillance.core.protocols.protocol import Substitute
from surveillance.core.schedule.examinations import FindingKind, Key
from surveillance.core.words import Flag, Outcome
from surveillance.operations.administration import places
from surveillance.operations.board import worklist
from surveillance.operations.board.worklist import Worklist
from surveillance.operations.care import corrections, enrolment
from surveillance.operations.imports import apply, compare, rows, sheets
from surveillance.operations.planning import flag_record, replanning
from surveillance.operations.planning.flags import Answers
from surveillance.operations.proof import check
from surveillance.operations.protocols import approvals
from surveillance.operations.visits import booking, outcomes
from surveillance.operations.visits.outcomes import OutcomeOf
from surveillance.operations.work import Work
from surveillance.store.visits import appointments

VISIT = date(2026, 12, 1)
CT = Substitute("ct", "CT of the primary site", "CT", (Flag.MRI_UNSAFE,))
SAID = Answers(reason="the implant is MR conditional at 1.5 T")
WHY = "mri_primary on 2026-12-01: the patient is MRI-unsafe"


@contextmanager
def enrolled(clinic: Clinic, *, naming: bool = False, **flags):
    """A patient with flags, in a transaction of Grace's; ``naming`` a protocol with a CT instead of the MRI."""
    with clinic.work() as work:
        protocol = "asps-extremity"
        if naming:
            work.catalogue = _naming(work.catalogue)
            helen, protocol = clinic.by(work, clinic.helen), "naming"
            approvals.approve_protocol(helen, clinic.site(work), "naming@1.0", read_source=True)
        patient = clinic.patient(work, flags=flags)
        plan = enrolment.enrol(work, patient, enrolment.Enrolment(protocol, ANCHOR))
        yield work, patient, plan


def _naming(catalogue):
    model = catalogue.protocols["asps-extremity@2026.1"]
    items = tuple(replace(item, substitutes=(CT,)) if item.code == MRI else item for item in model.items)
    made = replace(model, id="naming", version="1.0", items=items)
    return replace(catalogue, protocols={**catalogue.protocols, made.key: made})


def waiting(clinic: Clinic, work: Work) -> list[worklist.WorklistRow]:
    return worklist.rows(work, [clinic.site_id], Worklist.FLAGS)


def line(work: Work, visit, item: str = MRI):
    return next(each for each in appointments.lines(work.session, visit.id) if each.item == item)


def test_an_mri_of_an_unsafe_patient_is_not_booked_by_a_coordinator_and_nothing_of_it_stays(clinic):
    with enrolled(clinic, mri_unsafe=True) as (work, patient, plan):
        with pytest.raises(InvalidInputError, match=WHY) as refused, work.session.begin_nested():
            clinic.book(work, patient, VISIT)
        assert "let a clinician confirm it" in str(refused.value)
        with pytest.raises(BeyondLimitError, match="ask one"), work.session.begin_nested():
            clinic.book(work, patient, VISIT, answers=SAID)
        assert row_of(work, plan, MRI, 3).booking is None
        assert clinic.book(work, patient, VISIT, Key(CHEST, 3)).state == "booked"


def test_a_clinician_confirms_with_a_reason_and_it_is_kept_by_name(clinic):
    with enrolled(clinic, mri_unsafe=True, egfr=21.0, egfr_on=date(2026, 11, 2)) as (work, patient, plan):
        visit = clinic.book(clinic.by(work, clinic.helen), patient, VISIT, answers=SAID)
        confirmed = line(work, visit)
        assert confirmed.flags_confirmed == ["low_egfr 21 on 2026-11-02", "mri_unsafe"]
        assert (confirmed.flags_reason, confirmed.flags_confirmed_by) == (SAID.reason, clinic.helen.user_id)
        assert line(work, visit, CHEST).flags_confirmed == []
        assert change(work, "visit.confirm_flags")[1:] == (
            {MRI: "low_egfr 21 on 2026-11-02, mri_unsafe"},
            SAID.reason,
        )
        assert waiting(clinic, work) == []
        assert FindingKind.FLAG_UNCONFIRMED not in findings(work, plan)


def test_what_the_protocol_names_is_booked_instead_and_its_study_counts(clinic):
    with enrolled(clinic, naming=True, mri_unsafe=True) as (work, patient, plan):
        named = re.escape("book CT of the primary site (mri_primary=ct) instead")
        with pytest.raises(InvalidInputError, match=named), work.session.begin_nested():
            clinic.book(work, patient, VISIT)
        visit = clinic.book(work, patient, VISIT, answers=Answers({MRI: "ct"}))
        assert line(work, visit).substitute == "ct"
        assert change(work, "visit.substitute")[1] == {"item": MRI, "substitute": "ct"}
        later = Work(work.session, work.now + 9 * DAY, work.actor, work.catalogue)
        told = [OutcomeOf(MRI, Outcome.PERFORMED, modality="CT"), OutcomeOf(CHEST, Outcome.PERFORMED)]
        studies = outcomes.record(later, visit, told)
        assert row_of(work, plan, MRI, 3).study == str(studies[0].id)


def test_without_a_word_the_study_is_what_was_booked_instead(sqlite_clinic):
    with enrolled(sqlite_clinic, naming=True, mri_unsafe=True) as (work, patient, _):
        visit = sqlite_clinic.book(work, patient, VISIT, Key(MRI, 3), answers=Answers({MRI: "ct"}))
        later = Work(work.session, work.now + 9 * DAY, work.actor, work.catalogue)
        (study,) = outcomes.record(later, visit, [OutcomeOf(MRI, Outcome.PERFORMED)])
        assert study.modality == "CT"


@pytest.mark.parametrize(
    ("flags", "instead", "why"),
    [
        ({"mri_unsafe": True}, {MRI: "us"}, "the protocol names no 'us'"),
        ({"mri_unsafe": True}, {"mri_brain": "ct"}, "has no open mri_brain"),
        ({"contrast_allergy": True}, {MRI: "ct"}, "is for patients with mri unsafe"),
        ({}, {MRI: "ct"}, "is for patients with mri unsafe"),
    ],
)
def test_nothing_else_is_done_instead(sqlite_clinic, flags, instead, why):
    with enrolled(sqlite_clinic, naming=True, **flags) as (work, patient, _):
        refused = pytest.raises(InvalidInputError, match=why)
        with refused, work.session.begin_nested():
            sqlite_clinic.book(work, patient, VISIT, answers=Answers(instead))


def test_a_flag_that_is_set_later_makes_the_visit_work_until_somebody_answers(clinic):
    with enrolled(clinic) as (work, patient, _):
        visit = clinic.book(work, patient, VISIT)
        assert waiting(clinic, work) == []
        corrections.edit_patient(work, patient, {"mri_unsafe": True})
        (row,) = waiting(clinic, work)
        assert (row.what, row.why) == ("MRI of the primary site, month 3, booked for 2026-12-01", WHY.split(": ")[1])
        assert row.appointment_id == visit.id
        assert worklist.counts(work, [clinic.site_id])[Worklist.FLAGS] == 1
        assert worklist.rows(work, [clinic.site_id], Worklist.CONFLICTS) == []
        with pytest.raises(BeyondLimitError), work.session.begin_nested():
            booking.answer(work, visit, SAID)
        booking.answer(clinic.by(work, clinic.helen), visit, SAID)
        assert waiting(clinic, work) == []
        with pytest.raises(ConflictError, match="no safety flag waits"):
            booking.answer(clinic.by(work, clinic.helen), visit, SAID)
        corrections.edit_patient(work, patient, {"egfr": 18.0, "egfr_on": TODAY})
        (row,) = waiting(clinic, work)
        assert row.why == "eGFR 18 on 2026-11-23 is below 30"


@pytest.mark.parametrize("settle", ["cancel", "take the flag back", "instead", "the day comes and goes"])
def test_the_row_goes_when_the_visit_or_the_flag_changes(sqlite_clinic, settle):
    clinic = sqlite_clinic
    with enrolled(clinic, naming=True) as (work, patient, _):
        visit = clinic.book(work, patient, VISIT)
        corrections.edit_patient(work, patient, {"mri_unsafe": True})
        assert len(waiting(clinic, work)) == 1
        match settle:
            case "cancel":
                booking.cancel(work, visit, "not safe")
            case "take the flag back":
                corrections.edit_patient(work, patient, {"mri_unsafe": False})
            case "instead":
                booking.answer(work, visit, Answers({MRI: "ct"}))
            case _:
                work = Work(work.session, work.now + 9 * DAY, work.actor, work.catalogue)
        assert waiting(clinic, work) == []


def test_a_file_that_sets_a_flag_makes_the_visit_work_too(sqlite_clinic):
    with enrolled(sqlite_clinic) as (work, patient, _):
        sqlite_clinic.book(work, patient, VISIT)
        grid = [
            ["mrn", "family_name", "given_name", "birth_date", "mri_unsafe"],
            ["001", "Ash", "Anna", "2001-01-01", "yes"],
        ]
        sheet = sheets.Sheet("flags.csv", "digest", grid[0], [(2, dict(zip(*grid, strict=True)))])
        site = sqlite_clinic.site(work)
        parsed = rows.parse(work, site, sheet)
        assert parsed.errors == []
        apply.write(work, site, compare.compare(work, site, parsed.rows))
        assert len(waiting(sqlite_clinic, work)) == 1


def test_a_move_asks_again_only_for_another_place_or_another_flag(clinic):
    with enrolled(clinic, mri_unsafe=True) as (work, patient, _):
        helen = clinic.by(work, clinic.helen)
        visit = clinic.book(helen, patient, VISIT, answers=SAID)
        clinic.move(work, visit, VISIT + DAY)
        assert line(work, visit).flags_confirmed == ["mri_unsafe"]
        ada = clinic.by(work, clinic.ada)
        other = places.add_place(ada, clinic.site(work), "Scanner 2")
        there = booking.Visit(VISIT, visit.at, other)
        with pytest.raises(InvalidInputError, match=WHY), work.session.begin_nested():
            booking.move(work, visit, there)
        booking.move(helen, visit, replace(there, answers=Answers(reason="1.5 T there, too")))
        assert line(work, visit).flags_reason == "1.5 T there, too"


def test_a_move_past_the_time_of_a_value_asks_for_it(clinic):
    on = VISIT - timedelta(days=180)
    with enrolled(clinic, egfr=45.0, egfr_on=on) as (work, patient, _):
        visit = clinic.book(work, patient, VISIT)
        with pytest.raises(InvalidInputError, match="more than 180 days old by then"), work.session.begin_nested():
            clinic.move(work, visit, VISIT + DAY)


def test_a_cancelled_examination_does_not_come_back_unasked(sqlite_clinic):
    clinic = sqlite_clinic
    with enrolled(clinic) as (work, patient, _):
        visit = clinic.book(work, patient, VISIT)
        booking.cancel(work, visit, "scanner broken")
        corrections.edit_patient(work, patient, {"mri_unsafe": True})
        with pytest.raises(InvalidInputError, match=WHY), work.session.begin_nested():
            outcomes.reopen(work, visit, MRI, "it works again")


def test_the_service_itself_confirms_nothing(sqlite_clinic):
    with enrolled(sqlite_clinic, mri_unsafe=True) as (work, patient, _):
        service = sqlite_clinic.by(work, sqlite_clinic.system)
        with pytest.raises(BeyondLimitError, match="only a clinician"), work.session.begin_nested():
            sqlite_clinic.book(service, patient, VISIT, answers=SAID)


def test_check_finds_a_visit_with_a_flag_that_the_board_does_not_know_of(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        clinic.book(work, patient, VISIT)
        work.session.execute(sa.text("UPDATE patient SET mri_unsafe = true"))  # past every operation
        work.session.expire_all()
        found = [each for each in check.of_plans(work, [plan.id]) if each.rule == "flags are asked"]
        assert [each.what for each in found] == [
            "a safety flag speaks against mri_primary on 2026-12-01, and the board does not say so"
        ]
        assert flag_record.plans_to_mend(work, clinic.site_id, TODAY) == [plan.id]
        replanning.replan(work, plan)  # as the sweep does
        assert flag_record.plans_to_mend(work, clinic.site_id, TODAY) == []
        assert list(check.of_plans(work, [plan.id])) == []
        assert FindingKind.FLAG_UNCONFIRMED in findings(work, plan)


def test_both_words_stand_in_the_trail(sqlite_clinic):
    with enrolled(sqlite_clinic, naming=True, mri_unsafe=True) as (work, patient, _):
        visit = sqlite_clinic.book(work, patient, VISIT, answers=Answers({MRI: "ct"}))
        booking.answer(sqlite_clinic.by(work, sqlite_clinic.helen), visit, Answers({MRI: ""}, SAID.reason))
        assert line(work, visit).substitute == ""
        assert [event.reason for event, _ in events(work, "visit.confirm_flags")] == [SAID.reason]
        assert len(events(work, "visit.substitute")) == 2
